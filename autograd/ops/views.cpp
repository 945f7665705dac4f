// Views that show the same elements in other sizes or another order. A view's gradient is the inverse view.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// Sizes with one -1 replaced by what the number of elements leaves.
Dims infer_sizes(const char* op, IntArrayRef shape, int64_t numel) {
  Dims sizes = shape;
  int64_t known = 1;
  int64_t unknown = -1;
  bool overflow = false;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      EMBER_CHECK(unknown < 0, op, ": only one size can be -1, got ", shape);
      unknown = static_cast<int64_t>(d);
    } else {
      EMBER_CHECK(shape[d] >= 0, op, ": sizes must not be negative, got ", shape);
      overflow |= __builtin_mul_overflow(known, shape[d], &known);
    }
  }
  if (unknown >= 0 && !overflow) {
    EMBER_CHECK(known != 0, op, ": the size -1 in ", shape, " is ambiguous, since the other sizes multiply to 0");
    if (numel % known == 0) {
      sizes[static_cast<size_t>(unknown)] = numel / known;
      return sizes;
    }
  }
  EMBER_CHECK(!overflow && unknown < 0 && known == numel, op, ": sizes ", shape, " do not hold ", numel, " elements");
  return sizes;
}

// Strides that show the same elements in `sizes`, or nothing if no view can. Each run of old dimensions
// that is dense in itself is cut anew by the new sizes.
std::optional<Dims> view_strides(const Tensor& t, IntArrayRef sizes) {
  if (t.numel() == 0 && t.sizes() == sizes) return Dims(t.strides());
  if (t.dim() == 0 || t.numel() == 0) return contiguous_strides(sizes);
  const IntArrayRef old_sizes = t.sizes();
  const IntArrayRef old_strides = t.strides();
  Dims strides(sizes.size(), 1);
  int64_t new_d = static_cast<int64_t>(sizes.size()) - 1;
  int64_t chunk_stride = old_strides.back();  // of the run's fastest dimension
  int64_t old_numel = 1;
  int64_t new_numel = 1;
  for (int64_t d = t.dim() - 1; d >= 0; --d) {
    const auto i = static_cast<size_t>(d);
    old_numel *= old_sizes[i];
    const bool run_ends = d == 0 || (old_sizes[i - 1] != 1 && old_strides[i - 1] != old_numel * chunk_stride);
    if (!run_ends) continue;
    while (new_d >= 0 && (new_numel < old_numel || sizes[static_cast<size_t>(new_d)] == 1)) {
      strides[static_cast<size_t>(new_d)] = new_numel * chunk_stride;
      new_numel *= sizes[static_cast<size_t>(new_d)];
      --new_d;
    }
    if (new_numel != old_numel) return std::nullopt;
    if (d > 0) {
      chunk_stride = old_strides[i - 1];
      old_numel = 1;
      new_numel = 1;
    }
  }
  if (new_d != -1) return std::nullopt;
  return strides;
}

Tensor view_of(const char* name, const Tensor& self, const Dims& sizes, const Dims& strides) {
  return make_view(name, self, sizes, strides, self.storage_offset(),
                   [&] { return [old = Dims(self.sizes())](const Tensor& g) { return g.reshape(old); }; });
}

// Where one of its dimensions lies in the sizes of a tensor, for functions of dimension lists.
void check_moves(IntArrayRef source, IntArrayRef destination) {
  EMBER_CHECK(source.size() == destination.size(), "movedim: ", source.size(), " dimensions are to go to ",
              destination.size(), " places: ", source, " to ", destination);
}

}  // namespace

// The same memory and elements in sizes that hold as many, recorded, but no view: its base is of no further use.
Tensor unsafe_view(const Tensor& self, IntArrayRef sizes) {
  Tensor y = ember::detail::alias(self, sizes, contiguous_strides(sizes), self.storage_offset());
  if (!recording(self)) return y;
  return record("UnsafeViewBackward0", y,
                wrt(self, [old = Dims(self.sizes())](const Tensor& g) { return g.reshape(old); }));
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::view(IntArrayRef size) const {
  check_defined("view", *this);
  const Dims sizes = infer_sizes("view", size, numel());
  if (is_contiguous() && numel() != 0 && dim() != 0 && this->strides().back() == 1) {
    return view_of("ViewBackward0", *this, sizes, contiguous_strides(sizes));
  }
  const std::optional<Dims> strides = view_strides(*this, sizes);
  EMBER_CHECK(strides, "view: sizes ", this->sizes(), " with strides ", this->strides(), " cannot be viewed as ", sizes,
              " without a copy; use reshape()");
  return view_of("ViewBackward0", *this, sizes, *strides);
}

Tensor Tensor::view(ScalarType dtype) const {
  check_defined("view", *this);
  EMBER_CHECK(dtype != ScalarType::Undefined, "view: expected a defined dtype");
  const auto old_item = static_cast<int64_t>(element_size());
  const auto new_item = static_cast<int64_t>(ember::element_size(dtype));
  Dims sizes = this->sizes();
  Dims strides = this->strides();
  int64_t offset = storage_offset();
  if (old_item != new_item) {
    EMBER_CHECK(dim() > 0, "view: a 0-dimensional ", dtype_name(scalar_type()), " tensor cannot be viewed as ",
                dtype_name(dtype), ", whose elements are of another size");
    const size_t last = sizes.size() - 1;
    EMBER_CHECK(strides[last] == 1, "view: to be viewed as ", dtype_name(dtype), ", the last dimension of ",
                describe(*this), " must have stride 1, got strides ", strides);
    if (new_item < old_item) {
      const int64_t ratio = old_item / new_item;
      for (size_t d = 0; d < last; ++d) strides[d] *= ratio;
      sizes[last] *= ratio;
      offset *= ratio;
    } else {
      const int64_t ratio = new_item / old_item;
      EMBER_CHECK(sizes[last] % ratio == 0 && offset % ratio == 0, "view: ", describe(*this), " at offset ", offset,
                  " cannot be viewed as ", dtype_name(dtype), ": the last size and the offset must be divisible by ",
                  ratio);
      for (size_t d = 0; d < last; ++d) {
        EMBER_CHECK(strides[d] % ratio == 0, "view: ", describe(*this), " with strides ", strides,
                    " cannot be viewed as ", dtype_name(dtype), ": stride ", strides[d], " is not divisible by ",
                    ratio);
        strides[d] /= ratio;
      }
      sizes[last] /= ratio;
      offset /= ratio;
    }
  }
  return Tensor(IntrusivePtr<TensorImpl>(new TensorImpl(storage(), dtype, sizes, strides, offset, checked_numel(sizes),
                                                        ember::is_contiguous(sizes, strides))));
}

Tensor reshape(const Tensor& self, IntArrayRef shape) {
  check_defined("reshape", self);
  const Dims sizes = infer_sizes("reshape", shape, self.numel());
  if (const std::optional<Dims> strides = view_strides(self, sizes)) {
    return view_of(self.is_contiguous() ? "ViewBackward0" : "ReshapeAliasBackward0", self, sizes, *strides);
  }
  return unsafe_view(self.clone(MemoryFormat::Contiguous), sizes);
}

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  check_defined("flatten", self);
  const int64_t start = wrap_dim(start_dim, self.dim());
  const int64_t end = wrap_dim(end_dim, self.dim());
  EMBER_CHECK(start <= end, "flatten: start_dim ", start_dim, " is behind end_dim ", end_dim);
  if (self.dim() == 0) return self.reshape({1});
  if (start == end) return self;
  Dims sizes;
  for (int64_t d = 0; d < start; ++d) sizes.push_back(self.size(d));
  int64_t merged = 1;
  for (int64_t d = start; d <= end; ++d) merged *= self.size(d);
  sizes.push_back(merged);
  for (int64_t d = end + 1; d < self.dim(); ++d) sizes.push_back(self.size(d));
  return self.reshape(sizes);
}

Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes) {
  check_defined("unflatten", self);
  EMBER_CHECK(self.dim() > 0, "unflatten: a 0-dimensional tensor has no dimension ", dim);
  const auto d = static_cast<size_t>(wrap_dim(dim, self.dim()));
  EMBER_CHECK(!sizes.empty(), "unflatten: expected at least one size");
  const Dims parts = infer_sizes("unflatten", sizes, self.sizes()[d]);
  Dims shape = self.sizes();
  shape.erase(d);
  for (size_t i = 0; i < parts.size(); ++i) shape.insert(d + i, parts[i]);
  return self.view(shape);
}

Tensor ravel(const Tensor& self) {
  check_defined("ravel", self);
  return self.contiguous().view(IntArrayRef(int64_t{-1}));
}

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  check_defined("transpose", self);
  const auto a = static_cast<size_t>(wrap_dim(dim0, self.dim()));
  const auto b = static_cast<size_t>(wrap_dim(dim1, self.dim()));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  if (a != b) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_view("TransposeBackward0", self, sizes, strides, self.storage_offset(),
                   [dim0, dim1](const Tensor& g) { return g.transpose(dim0, dim1); });
}

Tensor t(const Tensor& self) {
  check_defined("t", self);
  EMBER_CHECK(self.dim() <= 2, "t: expected a tensor with at most 2 dimensions, got ", describe(self));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  std::reverse(sizes.begin(), sizes.end());
  std::reverse(strides.begin(), strides.end());
  return make_view("TBackward0", self, sizes, strides, self.storage_offset(),
                   [](const Tensor& g) { return ember::t(g); });
}

Tensor permute(const Tensor& self, IntArrayRef dims) {
  check_defined("permute", self);
  EMBER_CHECK(static_cast<int64_t>(dims.size()) == self.dim(), "permute: ", dims.size(), " dimensions given for ",
              describe(self));
  Dims sizes(dims.size());
  Dims strides(dims.size());
  Dims inverse(dims.size());
  DimMask seen = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto d = static_cast<size_t>(wrap_dim(dims[i], self.dim()));
    EMBER_CHECK((seen >> d & 1u) == 0, "permute: dimension ", d, " appears twice in ", dims);
    seen |= DimMask{1} << d;
    sizes[i] = self.sizes()[d];
    strides[i] = self.strides()[d];
    inverse[d] = static_cast<int64_t>(i);
  }
  return make_view("PermuteBackward0", self, sizes, strides, self.storage_offset(),
                   [inverse](const Tensor& g) { return g.permute(inverse); });
}

Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination) {
  check_defined("movedim", self);
  check_moves(source, destination);
  const int64_t rank = self.dim();
  EMBER_CHECK(source.size() <= static_cast<size_t>(std::max<int64_t>(rank, 1)),
              "movedim: a dimension appears twice in ", source);
  if (rank == 0) {
    for (const int64_t d : source) wrap_dim(d, 0);
    for (const int64_t d : destination) wrap_dim(d, 0);
    return self.alias();
  }
  Dims order(static_cast<size_t>(rank), -1);
  DimMask moved = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const int64_t from = wrap_dim(source[i], rank);
    const auto to = static_cast<size_t>(wrap_dim(destination[i], rank));
    EMBER_CHECK((moved >> from & 1u) == 0, "movedim: dimension ", from, " appears twice in ", source);
    EMBER_CHECK(order[to] < 0, "movedim: dimension ", to, " appears twice in ", destination);
    moved |= DimMask{1} << from;
    order[to] = from;
  }
  // The others keep their order in the places that are left.
  int64_t next = 0;
  for (int64_t& d : order) {
    if (d >= 0) continue;
    while ((moved >> next & 1u) != 0) ++next;
    d = next++;
  }
  return self.permute(order);
}
Tensor movedim(const Tensor& self, int64_t source, int64_t destination) {
  return movedim(self, IntArrayRef(source), IntArrayRef(destination));
}

Tensor adjoint(const Tensor& self) {
  check_defined("adjoint", self);
  EMBER_CHECK(self.dim() != 1, "adjoint: expected a matrix or a batch of them, got ", describe(self));
  return self.dim() == 0 ? self : self.transpose(-2, -1);
}

Tensor Tensor::mT() const {
  check_defined("mT", *this);
  EMBER_CHECK(dim() != 1, "mT: expected a matrix or a batch of them, got ", describe(*this));
  return dim() == 0 ? *this : transpose(-2, -1);
}

Tensor Tensor::numpy_T() const {
  check_defined("numpy_T", *this);
  Dims order;
  for (int64_t d = dim(); d-- > 0;) order.push_back(d);
  return permute(order);
}

namespace {
// Without the dimensions of size 1 that the mask names.
Tensor squeezed(const char* name, const Tensor& self, DimMask mask) {
  Dims sizes;
  Dims strides;
  for (size_t d = 0; d < self.sizes().size(); ++d) {
    if ((mask >> d & 1u) != 0 && self.sizes()[d] == 1) continue;
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  return view_of(name, self, sizes, strides);
}
DimMask squeeze_mask(const Tensor& self, IntArrayRef dims) {
  return dims.empty() ? 0 : dim_mask("squeeze", dims, self.dim());
}
}  // namespace

Tensor squeeze(const Tensor& self) {
  check_defined("squeeze", self);
  return squeezed("SqueezeBackward0", self, ~DimMask{0});
}
Tensor squeeze(const Tensor& self, int64_t dim) {
  check_defined("squeeze", self);
  return squeezed("SqueezeBackward1", self, DimMask{1} << wrap_dim(dim, self.dim()));
}
Tensor squeeze(const Tensor& self, IntArrayRef dim) {
  check_defined("squeeze", self);
  return squeezed("SqueezeBackward2", self, squeeze_mask(self, dim));
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  check_defined("unsqueeze", self);
  const auto d = static_cast<size_t>(wrap_dim(dim, self.dim() + 1));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t stride = d < sizes.size() ? sizes[d] * strides[d] : 1;
  sizes.insert(d, 1);
  strides.insert(d, stride);
  return view_of("UnsqueezeBackward0", self, sizes, strides);
}

Tensor Tensor::alias() const { return ember::alias(*this); }
Tensor alias(const Tensor& self) {
  check_defined("alias", self);
  return make_view("AliasBackward0", self, self.sizes(), self.strides(), self.storage_offset(),
                   [](const Tensor& g) { return g; });
}

Tensor Tensor::view_as(const Tensor& other) const {
  check_defined("view_as", other, "other");
  return view(other.sizes());
}
Tensor Tensor::reshape_as(const Tensor& other) const {
  check_defined("reshape_as", other, "other");
  return reshape(other.sizes());
}

// ---- in place: the tensor looks at its elements in another way ----

namespace {

// Makes `self` what `view(self)` is. Its history continues with the view's gradient; the elements of its base, where
// it is a view itself, are as they were, and so is the base's history.
template <class View, class Inverse>
Tensor& view_in_place(const char* op, const char* name, const Tensor& self, View view, Inverse inverse) {
  check_defined(op, self);
  Tensor shape;
  {
    const NoGradGuard unrecorded;
    shape = view(self);
  }
  check_in_place(op, self);
  const auto look = [&] {
    self.unsafe_impl()->set_geometry(shape.sizes(), shape.strides(), shape.storage_offset());
    bump_version(self);
  };
  if (!recording(self)) {
    look();
    return const_cast<Tensor&>(self);
  }
  const autograd::InPlaceChange change(op, self, false);
  look();
  record(name, self,
         wrt(change.old(), [inverse, old = Dims(change.old().sizes())](const Tensor& g) { return inverse(g, old); }));
  self.unsafe_impl()->set_view_version(self.unsafe_impl()->version());
  return const_cast<Tensor&>(self);
}

Tensor to_old_sizes(const Tensor& g, const Dims& sizes) { return g.reshape(sizes); }

}  // namespace

Tensor& Tensor::squeeze_() const {
  return view_in_place(
      "squeeze_", "SqueezeBackward3", *this, [](const Tensor& t) { return t.squeeze(); }, to_old_sizes);
}
Tensor& Tensor::squeeze_(int64_t dim) const {
  return view_in_place(
      "squeeze_", "SqueezeBackward4", *this, [dim](const Tensor& t) { return t.squeeze(dim); }, to_old_sizes);
}
Tensor& Tensor::squeeze_(IntArrayRef dim) const {
  return view_in_place(
      "squeeze_", "SqueezeBackward5", *this, [dim](const Tensor& t) { return ember::squeeze(t, dim); }, to_old_sizes);
}
Tensor& Tensor::unsqueeze_(int64_t dim) const {
  return view_in_place(
      "unsqueeze_", "UnsqueezeBackward1", *this, [dim](const Tensor& t) { return t.unsqueeze(dim); }, to_old_sizes);
}
Tensor& Tensor::transpose_(int64_t dim0, int64_t dim1) const {
  return view_in_place(
      "transpose_", "TransposeBackward1", *this, [=](const Tensor& t) { return t.transpose(dim0, dim1); },
      [=](const Tensor& g, const Dims&) { return g.transpose(dim0, dim1); });
}
Tensor& Tensor::t_() const {
  return view_in_place(
      "t_", "TBackward1", *this, [](const Tensor& t) { return ember::t(t); },
      [](const Tensor& g, const Dims&) { return ember::t(g); });
}

}  // namespace ember
