// Splitting tensors into views, and joining them.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

// ---- splitting ----

std::vector<Tensor> unbind(const Tensor& self, int64_t dim) {
  check_defined("unbind", self);
  EMBER_CHECK(self.dim() > 0, "unbind: a 0-dimensional tensor has no dimensions");
  std::vector<Tensor> parts;
  const int64_t n = self.size(dim);
  parts.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) parts.push_back(select(self, dim, i));
  return multiple_views(std::move(parts));
}

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) {
  check_defined("split", self);
  EMBER_CHECK(self.dim() > 0, "split: a 0-dimensional tensor cannot be split");
  const int64_t size = self.size(dim);
  EMBER_CHECK(split_size > 0 || (split_size == 0 && size == 0), "split: the size of a part must be positive, got ",
              split_size);
  std::vector<Tensor> parts;
  if (size == 0) return {slice(self, dim)};
  for (int64_t at = 0; at < size; at += std::min(split_size, size - at)) {
    parts.push_back(narrow(self, dim, at, std::min(split_size, size - at)));
  }
  return multiple_views(std::move(parts));
}

std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  check_defined("chunk", self);
  EMBER_CHECK(chunks > 0, "chunk: the number of chunks must be positive, got ", chunks);
  EMBER_CHECK(self.dim() > 0, "chunk: a 0-dimensional tensor cannot be split");
  const int64_t size = self.size(dim);
  if (size == 0) return std::vector<Tensor>(static_cast<size_t>(std::min<int64_t>(chunks, 1 << 20)), slice(self, dim));
  return split(self, size / chunks + (size % chunks != 0 ? 1 : 0), dim);
}

// ---- joining ----

namespace ops {
namespace {

// The history of cat: as many inputs as there are tensors.
class CatNode final : public autograd::Node {
 public:
  CatNode(TensorList tensors, int64_t dim, const Stream& stream)
      : Node(nullptr, 0, 1), edges_(tensors.size()), sizes_(tensors.size()), dtypes_(tensors.size()), dim_(dim) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      edges_[i] = autograd::gradient_edge(tensors[i]);
      // A tensor of sizes [0] goes with any others and takes no part.
      skipped_.push_back(tensors[i].dim() == 1 && tensors[i].numel() == 0);
      sizes_[i] = skipped_[i] ? 0 : tensors[i].size(dim);
      dtypes_[i] = tensors[i].dtype();
    }
    set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
    set_stream(stream);
  }
  const char* type_name() const override { return "CatBackward0"; }
  void apply(Tensor* grads_in, Tensor* grads_out) override {
    const Tensor& g = grads_in[0];
    if (!g.defined()) return;
    int64_t at = 0;
    for (size_t i = 0; i < edges_.size(); ++i) {
      if (should_compute_output(i)) {
        grads_out[i] = skipped_[i] ? zeros({0}, g.options().dtype(dtypes_[i]))
                                   : as_dtype(g.narrow(dim_, at, sizes_[i]), dtypes_[i]);
      }
      at += sizes_[i];
    }
  }

 private:
  std::vector<autograd::Edge> edges_;
  std::vector<int64_t> sizes_;
  std::vector<ScalarType> dtypes_;
  std::vector<bool> skipped_;
  int64_t dim_;
};

}  // namespace
}  // namespace ops

Tensor cat(TensorList tensors, int64_t dim) {
  EMBER_CHECK(!tensors.empty(), "cat: expected at least one tensor");
  const Tensor* model = nullptr;  // the first that is not of sizes [0]
  ScalarType dtype = ScalarType::Undefined;
  bool record_it = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    EMBER_CHECK(t.defined(), "cat: tensor ", i, " is undefined");
    EMBER_CHECK(t.dim() > 0, "cat: tensor ", i, " is 0-dimensional");
    check_same_device("cat", tensors[0], t);
    dtype = i == 0 ? t.dtype() : promote_types(dtype, t.dtype());
    record_it |= recording(t);
    if (model == nullptr && !(t.dim() == 1 && t.numel() == 0)) model = &t;
  }
  if (model == nullptr) model = &tensors[0];
  const int64_t d = wrap_dim(dim, model->dim());
  Dims sizes = model->sizes();
  int64_t total = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.dim() == 1 && t.numel() == 0) continue;
    EMBER_CHECK(t.dim() == model->dim(), "cat: tensors of ", model->dim(), " and ", t.dim(), " dimensions");
    for (int64_t e = 0; e < t.dim(); ++e) {
      EMBER_CHECK(e == d || t.size(e) == model->size(e), "cat: sizes ", model->sizes(), " and ", t.sizes(),
                  " of tensor ", i, " differ outside dimension ", d);
    }
    EMBER_CHECK(!__builtin_add_overflow(total, t.size(d), &total), "cat: the size of the result overflows");
  }
  sizes[static_cast<size_t>(d)] = total;
  const Tensor y = detail::empty(sizes, dtype, model->device());
  {
    const NoGradGuard unrecorded;
    int64_t at = 0;
    for (const Tensor& t : tensors) {
      if (t.dim() == 1 && t.numel() == 0) continue;
      y.narrow(d, at, t.size(d)).copy_(t);
      at += t.size(d);
    }
  }
  if (!record_it) return y;
  const Stream stream = y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device());
  autograd::set_history(y, IntrusivePtr<autograd::Node>(new CatNode(tensors, d, stream)));
  return y;
}

Tensor stack(TensorList tensors, int64_t dim) {
  EMBER_CHECK(!tensors.empty(), "stack: expected at least one tensor");
  std::vector<Tensor> expanded;
  for (size_t i = 0; i < tensors.size(); ++i) {
    EMBER_CHECK(tensors[i].defined(), "stack: tensor ", i, " is undefined");
    EMBER_CHECK(tensors[i].sizes() == tensors[0].sizes(), "stack: tensor ", i, " has sizes ", tensors[i].sizes(),
                ", the first ", tensors[0].sizes());
    expanded.push_back(unsqueeze(tensors[i], dim));
  }
  return cat(expanded, wrap_dim(dim, tensors[0].dim() + 1));
}

}  // namespace ember
