// Tensor::index and index_put_ by a list of integers, slices, None, Ellipsis, bools and tensors: what gives a view
// is done first, then the tensors index the view at once.
#include <ember/autograd/ops/index_common.h>

namespace ember {

using indexing::TensorIndex;
using indexing::TensorIndexType;

namespace ops {
namespace {

bool is_mask(const Tensor& t) { return t.scalar_type() == kBool || t.scalar_type() == kUInt8; }

// Dimensions of the tensor that the indices use up.
int64_t dims_used(const char* op, ArrayRef<TensorIndex> indices) {
  int64_t n = 0;
  for (const TensorIndex& i : indices) {
    if (i.is_integer() || i.is_slice()) ++n;
    if (!i.is_tensor()) continue;
    check_defined(op, i.tensor(), "index");
    n += is_mask(i.tensor()) ? i.tensor().dim() : 1;
  }
  return n;
}

// self[indices] as far as it is a view, and the index tensors that are left for it.
class Sliced {
 public:
  Sliced(const char* op, const Tensor& self, ArrayRef<TensorIndex> indices) : view(self), op_(op) {
    check_defined(op, self);
    EMBER_CHECK(!indices.empty(), op, ": the list of indices is empty");
    const int64_t used = dims_used(op, indices);
    EMBER_CHECK_INDEX(used <= self.dim(), op, ": indices of ", used, " dimensions are too many for ", describe(self));
    for (const TensorIndex& i : indices) apply(i, self.dim() - used);
    while (!tensors.empty() && !tensors.back()) tensors.pop_back();
  }

  Tensor view;
  std::vector<std::optional<Tensor>> tensors;

 private:
  const char* op_;
  int64_t dim_ = 0;  // of the view, where the next index goes

  void apply(const TensorIndex& index, int64_t left) {
    switch (index.type()) {
      case TensorIndexType::None: view = view.unsqueeze(dim_); return keep(1);
      case TensorIndexType::Ellipsis: return keep(left);
      case TensorIndexType::Integer: return select(index.integer());
      case TensorIndexType::Boolean: return add_bool(index.boolean());
      case TensorIndexType::Slice: return slice(index.slice());
      case TensorIndexType::Tensor: {
        const Tensor& t = index.tensor();
        if (t.dim() > 0 || !is_integral(t.scalar_type(), true)) return add(t, is_mask(t) ? t.dim() : 1);
        return is_mask(t) ? add_bool(t.item().toBool()) : select(t.item().toLong());
      }
    }
  }
  void keep(int64_t n) {
    dim_ += n;
    if (!tensors.empty()) tensors.resize(tensors.size() + static_cast<size_t>(n));
  }
  void add(const Tensor& t, int64_t dims) {
    if (tensors.empty()) tensors.resize(static_cast<size_t>(dim_));
    tensors.emplace_back(t);
    dim_ += dims;
  }
  void select(int64_t i) {
    try {
      view = view.select(dim_, i);
    } catch (Error& e) {
      e.prepend(detail::concat(op_, ": "));
      throw;
    }
  }
  void slice(const indexing::Slice& s) {
    EMBER_CHECK(s.step() > 0, op_, ": the step of a slice must be positive, got ", s.step());
    if (s.start() != 0 || s.stop() < view.size(dim_) || s.step() != 1) {
      view = view.slice(dim_, s.start(), s.stop(), s.step());
    }
    keep(1);
  }
  // A mask without dimensions: a new dimension of size 1, or 0 for false.
  void add_bool(bool value) {
    view = view.unsqueeze(dim_);
    add(zeros({value ? 1 : 0}, TensorOptions(kInt64).device(view.device())), 1);
  }
};

// For assignment: bools alone are views too.
bool is_lone_bool(ArrayRef<TensorIndex> indices) { return indices.size() == 1 && indices[0].is_boolean(); }

void copy_to(const char* op, const Tensor& view, const Tensor& values) {
  Tensor source = values;
  if (values.dim() > view.dim()) {
    // Leading dimensions of size 1 do not count.
    int64_t extra = 0;
    while (extra < values.dim() && values.size(extra) == 1) ++extra;
    source = values.view(
        IntArrayRef(values.sizes()).slice(static_cast<size_t>(extra), static_cast<size_t>(values.dim() - extra)));
  }
  EMBER_CHECK(is_expandable_to(source.sizes(), view.sizes()), op, ": values of sizes ", values.sizes(),
              " do not broadcast to the sizes indexed, ", view.sizes());
  view.copy_(source);
}

// As a number that self can hold.
Scalar converted(const Scalar& value, ScalarType dtype) {
  return visit_dtype(dtype, [&]<class T>() { return Scalar(value.to<T>()); });
}

// Where one tensor indexes and one number is written there are simpler ways.
bool fill_indexed(const Sliced& at, const Scalar& value) {
  int64_t dim = 0;
  const Tensor* only = nullptr;
  for (const std::optional<Tensor>& t : at.tensors) {
    if (t && only != nullptr) return false;
    if (t) only = &*t;
    if (only == nullptr) ++dim;
  }
  if (only->device() != at.view.device()) return false;
  if (is_mask(*only)) {
    Tensor mask = only->to(kBool);
    for (int64_t d = 0; d < mask.dim(); ++d) {
      EMBER_CHECK_INDEX(mask.size(d) == at.view.size(dim + d), "index_put_: the mask ", mask.sizes(),
                        " does not match ", at.view.sizes(), " from dimension ", dim, " on");
    }
    while (dim + mask.dim() < at.view.dim()) mask = mask.unsqueeze(-1);
    at.view.masked_fill_(mask, converted(value, at.view.scalar_type()));
    return true;
  }
  if (only->scalar_type() != kInt64 || (only->dim() > 1 && !only->is_contiguous())) return false;
  at.view.index_fill_(dim, only->reshape({-1}), value);
  return true;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::index(ArrayRef<TensorIndex> indices) const {
  const Sliced at("index", *this, indices);
  if (at.tensors.empty()) {
    if (!at.view.is_same(*this)) return at.view;
    return make_view("AliasBackward0", *this, sizes(), strides(), storage_offset(), [](const Tensor& g) { return g; });
  }
  return ember::index(at.view, at.tensors);
}
Tensor Tensor::index(std::initializer_list<TensorIndex> indices) const {
  return index(ArrayRef<TensorIndex>(indices.begin(), indices.size()));
}

Tensor& Tensor::index_put_(ArrayRef<TensorIndex> indices, const Tensor& values) const {
  const char* const op = "index_put_";
  check_defined(op, values, "values");
  auto& self = const_cast<Tensor&>(*this);
  if (is_lone_bool(indices)) {
    check_defined(op, *this);
    if (indices[0].boolean()) copy_to(op, unsqueeze(0), values);
    return self;
  }
  const Sliced at(op, *this, indices);
  if (at.tensors.empty()) {
    copy_to(op, at.view, values);
    return self;
  }
  int64_t extra = 0;
  while (extra < values.dim() && values.size(extra) == 1) ++extra;
  const auto kept = values.sizes().slice(static_cast<size_t>(extra), static_cast<size_t>(values.dim() - extra));
  at.view.index_put_(ArrayRef<std::optional<Tensor>>(at.tensors), extra == 0 ? values : values.view(kept));
  return self;
}
Tensor& Tensor::index_put_(ArrayRef<TensorIndex> indices, const Scalar& value) const {
  auto& self = const_cast<Tensor&>(*this);
  if (is_lone_bool(indices)) {
    check_defined("index_put_", *this);
    if (indices[0].boolean()) unsqueeze(0).fill_(value);
    return self;
  }
  const Sliced at("index_put_", *this, indices);
  if (at.tensors.empty()) {
    at.view.fill_(value);
  } else if (!fill_indexed(at, value)) {
    at.view.index_put_(ArrayRef<std::optional<Tensor>>(at.tensors), number_like(*this, value));
  }
  return self;
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Tensor& values) const {
  return index_put_(ArrayRef<TensorIndex>(indices.begin(), indices.size()), values);
}
Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> indices, const Scalar& value) const {
  return index_put_(ArrayRef<TensorIndex>(indices.begin(), indices.size()), value);
}

Tensor Tensor::operator[](const Scalar& index) const {
  EMBER_CHECK_INDEX(index.is_integral(), "operator[]: expected an integer, got ", index);
  return select(0, index.toLong());
}
Tensor Tensor::operator[](const Tensor& index) const {
  check_defined("operator[]", *this);
  check_defined("operator[]", index, "index");
  EMBER_CHECK_INDEX(index.dim() == 0 && is_integral(index.scalar_type()),
                    "operator[]: expected a 0-dimensional index of an integral dtype, got ", describe(index));
  return select(0, index.item().toLong());
}

}  // namespace ember
