// Splitting a tensor into views along a dimension.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// A view of `self`, which is to get the history of all of them.
Tensor part_of(const Tensor& self, const Dims& sizes, const Dims& strides, int64_t offset) {
  Tensor y = ember::detail::alias(self, sizes, strides, offset);
  autograd::track_view(y, self);
  return y;
}

// The history of several views that together are the input: its gradient is theirs, joined.
class PartsNode : public autograd::Node {
 public:
  PartsNode(const char* name, const Tensor& self, int64_t dim, size_t parts)
      : Node(&edge_, 1, static_cast<uint32_t>(parts)),
        dim_(dim),
        options_(self.options()),
        name_(name),
        edge_(autograd::gradient_edge(self)) {
    set_stream(self.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(self.device()));
  }
  const char* type_name() const override { return name_; }
  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!should_compute_output(0)) return;
    bool any = false;
    std::vector<Tensor> grads(num_inputs());
    for (size_t i = 0; i < grads.size(); ++i) any |= grads_in[i].defined();
    if (!any) return;
    for (size_t i = 0; i < grads.size(); ++i) {
      grads[i] = grads_in[i].defined() ? grads_in[i] : zeros(part_sizes(i), options_);
    }
    grads_out[0] = joined(grads);
  }

 protected:
  virtual Dims part_sizes(size_t i) const = 0;
  virtual Tensor joined(const std::vector<Tensor>& grads) const = 0;
  int64_t dim_;

 private:
  TensorOptions options_;
  const char* name_;
  autograd::Edge edge_;
};

class UnbindNode final : public PartsNode {
 public:
  UnbindNode(const Tensor& self, int64_t dim, size_t parts)
      : PartsNode("UnbindBackward0", self, dim, parts), sizes_(self.sizes()) {
    sizes_.erase(static_cast<size_t>(dim));
  }

 private:
  Dims part_sizes(size_t) const override { return sizes_; }
  Tensor joined(const std::vector<Tensor>& grads) const override { return stack(grads, dim_); }
  Dims sizes_;
};

class SplitNode final : public PartsNode {
 public:
  SplitNode(const char* name, const Tensor& self, int64_t dim, std::vector<int64_t> lengths)
      : PartsNode(name, self, dim, lengths.size()), sizes_(self.sizes()), lengths_(std::move(lengths)) {}

 private:
  Dims part_sizes(size_t i) const override {
    Dims sizes = sizes_;
    sizes[static_cast<size_t>(dim_)] = lengths_[i];
    return sizes;
  }
  Tensor joined(const std::vector<Tensor>& grads) const override { return cat(grads, dim_); }
  Dims sizes_;
  std::vector<int64_t> lengths_;
};

void record_parts(const std::vector<Tensor>& parts, PartsNode* made) {
  const IntrusivePtr<autograd::Node> node(made);
  for (size_t i = 0; i < parts.size(); ++i) autograd::set_history(parts[i], node, static_cast<uint32_t>(i));
}

// Parts of these lengths, which add up to the size of the dimension.
std::vector<Tensor> split_into(const char* name, const Tensor& self, int64_t dim, std::vector<int64_t> lengths) {
  const auto d = static_cast<size_t>(dim);
  Dims sizes = self.sizes();
  const Dims strides = self.strides();
  int64_t offset = self.storage_offset();
  std::vector<Tensor> parts;
  parts.reserve(lengths.size());
  for (const int64_t length : lengths) {
    sizes[d] = length;
    parts.push_back(part_of(self, sizes, strides, offset));
    offset += length * strides[d];
  }
  if (recording(self) && !parts.empty()) record_parts(parts, new SplitNode(name, self, dim, std::move(lengths)));
  return multiple_views(std::move(parts));
}

std::vector<Tensor> split_evenly(const char* op, const Tensor& self, int64_t split_size, int64_t d) {
  const int64_t size = self.size(d);
  EMBER_CHECK(split_size > 0 || (split_size == 0 && size == 0), op, ": the size of a part must be positive, got ",
              split_size);
  const int64_t n = split_size == 0 ? 1 : std::max<int64_t>(1, size / split_size + (size % split_size != 0 ? 1 : 0));
  std::vector<int64_t> lengths(static_cast<size_t>(n), split_size);
  lengths.back() = size - split_size * (n - 1);
  return split_into("SplitBackward0", self, d, std::move(lengths));
}

int64_t split_dim(const char* op, const Tensor& self, int64_t dim) {
  check_defined(op, self);
  EMBER_CHECK(self.dim() > 0, op, ": a 0-dimensional tensor cannot be split");
  return wrap_dim(dim, self.dim());
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

std::vector<Tensor> unbind(const Tensor& self, int64_t dim) {
  check_defined("unbind", self);
  EMBER_CHECK_INDEX(self.dim() > 0, "unbind: a 0-dimensional tensor has no dimension ", dim);
  const int64_t wrapped = wrap_dim(dim, self.dim());
  const auto d = static_cast<size_t>(wrapped);
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t n = sizes[d];
  const int64_t step = strides[d];
  sizes.erase(d);
  strides.erase(d);
  std::vector<Tensor> parts;
  parts.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) parts.push_back(part_of(self, sizes, strides, self.storage_offset() + i * step));
  if (recording(self) && n != 0) record_parts(parts, new UnbindNode(self, wrapped, parts.size()));
  return multiple_views(std::move(parts));
}

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) {
  return split_evenly("split", self, split_size, split_dim("split", self, dim));
}
std::vector<Tensor> split(const Tensor& self, IntArrayRef split_size, int64_t dim) {
  return split_with_sizes(self, split_size, dim);
}

std::vector<Tensor> split_with_sizes(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  const int64_t d = split_dim("split_with_sizes", self, dim);
  int64_t total = 0;
  bool overflow = false;
  for (const int64_t s : split_sizes) {
    EMBER_CHECK(s >= 0, "split_with_sizes: sizes must not be negative, got ", split_sizes);
    overflow |= __builtin_add_overflow(total, s, &total);
  }
  EMBER_CHECK(!overflow && total == self.size(d), "split_with_sizes: sizes ", split_sizes, " do not add up to ",
              self.size(d), ", the size of dimension ", d);
  return split_into("SplitWithSizesBackward0", self, d, split_sizes.vec());
}

std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  const int64_t d = split_dim("chunk", self, dim);
  EMBER_CHECK(chunks > 0, "chunk: the number of chunks must be positive, got ", chunks);
  const int64_t size = self.size(d);
  if (size == 0) {
    EMBER_CHECK(chunks <= (int64_t{1} << 20), "chunk: ", chunks, " chunks of an empty dimension are too many");
    return split_with_sizes(self, std::vector<int64_t>(static_cast<size_t>(chunks), 0), d);
  }
  return split_evenly("chunk", self, size / chunks + (size % chunks != 0 ? 1 : 0), d);
}

std::vector<Tensor> tensor_split(const Tensor& self, int64_t sections, int64_t dim) {
  const int64_t d = split_dim("tensor_split", self, dim);
  EMBER_CHECK(sections > 0, "tensor_split: the number of sections must be positive, got ", sections);
  EMBER_CHECK(sections <= (int64_t{1} << 20) || sections <= self.size(d), "tensor_split: ", sections,
              " sections of a dimension of size ", self.size(d), " are too many");
  const int64_t each = self.size(d) / sections;
  const int64_t longer = self.size(d) % sections;  // so many parts are one longer than the others
  std::vector<Tensor> parts;
  parts.reserve(static_cast<size_t>(sections));
  int64_t at = 0;
  for (int64_t i = 0; i < sections; ++i) {
    const int64_t length = each + (i < longer ? 1 : 0);
    parts.push_back(slice(self, d, at, at + length));
    at += length;
  }
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& self, IntArrayRef indices, int64_t dim) {
  const int64_t d = split_dim("tensor_split", self, dim);
  std::vector<Tensor> parts;
  parts.reserve(indices.size() + 1);
  int64_t at = 0;
  for (const int64_t index : indices) {
    parts.push_back(slice(self, d, at, index));
    at = index;
  }
  parts.push_back(slice(self, d, at));
  return parts;
}

std::vector<Tensor> tensor_split(const Tensor& self, const Tensor& tensor_indices_or_sections, int64_t dim) {
  check_defined("tensor_split", self);
  const Tensor& given = tensor_indices_or_sections;
  check_defined("tensor_split", given, "tensor_indices_or_sections");
  EMBER_CHECK(given.is_cpu() && given.dtype() == kInt64 && given.dim() <= 1,
              "tensor_split: expected the sections or indices as an int64 tensor of 0 or 1 dimensions on the CPU, got ",
              describe(given));
  if (given.dim() == 0) return tensor_split(self, given.item<int64_t>(), dim);
  const Tensor dense = given.contiguous();
  return tensor_split(
      self, IntArrayRef(static_cast<const int64_t*>(dense.data_ptr()), static_cast<size_t>(dense.numel())), dim);
}

namespace {
// hsplit, vsplit and dsplit by a number of sections, which must divide the size.
std::vector<Tensor> split_in_sections(const char* op, const Tensor& self, int64_t sections, int64_t dim) {
  EMBER_CHECK(sections > 0 && self.size(dim) % sections == 0, op, ": ", sections, " sections do not divide size ",
              self.size(dim), " of dimension ", dim);
  return tensor_split(self, sections, dim);
}
void check_rank(const char* op, const Tensor& self, int64_t rank) {
  check_defined(op, self);
  EMBER_CHECK(self.dim() >= rank, op, ": expected at least ", rank, " dimensions, got ", describe(self));
}
int64_t horizontal(const Tensor& self) {
  check_rank("hsplit", self, 1);
  return self.dim() == 1 ? 0 : 1;
}
}  // namespace

std::vector<Tensor> hsplit(const Tensor& self, int64_t sections) {
  return split_in_sections("hsplit", self, sections, horizontal(self));
}
std::vector<Tensor> hsplit(const Tensor& self, IntArrayRef indices) {
  return tensor_split(self, indices, horizontal(self));
}
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections) {
  check_rank("vsplit", self, 2);
  return split_in_sections("vsplit", self, sections, 0);
}
std::vector<Tensor> vsplit(const Tensor& self, IntArrayRef indices) {
  check_rank("vsplit", self, 2);
  return tensor_split(self, indices, 0);
}
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections) {
  check_rank("dsplit", self, 3);
  return split_in_sections("dsplit", self, sections, 2);
}
std::vector<Tensor> dsplit(const Tensor& self, IntArrayRef indices) {
  check_rank("dsplit", self, 3);
  return tensor_split(self, indices, 2);
}

}  // namespace ember
