// Broadcasting: views that repeat dimensions of size 1, and sums that undo it.
#include <ember/autograd/ops/common.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::expand(IntArrayRef size, bool) const {
  check_defined("expand", *this);
  EMBER_CHECK(size.size() >= sizes().size(), "expand: ", size.size(), " sizes given for ", describe(*this));
  Dims new_sizes = size;
  Dims new_strides(size.size());
  const size_t added = size.size() - sizes().size();
  for (size_t d = 0; d < size.size(); ++d) {
    if (d < added) {
      EMBER_CHECK(size[d] >= 0, "expand: size ", size[d], " of a new dimension in ", size);
      new_strides[d] = 0;
      continue;
    }
    const int64_t old = sizes()[d - added];
    if (size[d] == -1) new_sizes[d] = old;
    EMBER_CHECK(new_sizes[d] >= 0 && (old == 1 || new_sizes[d] == old), "expand: ", describe(*this),
                " cannot be expanded to ", size, ": size ", old, " is neither 1 nor ", size[d]);
    new_strides[d] = old == 1 && new_sizes[d] != 1 ? 0 : strides()[d - added];
  }
  checked_numel(new_sizes);
  return make_view("ExpandBackward0", *this, new_sizes, new_strides, storage_offset(),
                   [old = Dims(sizes())](const Tensor& g) { return g.sum_to_size(old); });
}

Tensor Tensor::expand_as(const Tensor& other) const {
  check_defined("expand_as", other, "other");
  return expand(other.sizes());
}

Tensor broadcast_to(const Tensor& self, IntArrayRef size) {
  check_defined("broadcast_to", self);
  return self.expand(size);
}

std::vector<Tensor> broadcast_tensors(TensorList tensors) {
  Dims sizes;
  for (size_t i = 0; i < tensors.size(); ++i) {
    EMBER_CHECK(tensors[i].defined(), "broadcast_tensors: tensor ", i, " is undefined");
    sizes = broadcast_shapes(sizes, tensors[i].sizes());
  }
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(t.sizes() == IntArrayRef(sizes) ? t : t.expand(sizes));
  return out;
}

Tensor Tensor::sum_to_size(IntArrayRef size) const {
  check_defined("sum_to_size", *this);
  EMBER_CHECK(is_expandable_to(size, sizes()), "sum_to_size: ", size, " does not broadcast to ", sizes());
  if (size == sizes()) return *this;
  if (size.empty()) return this->sum();
  const size_t added = sizes().size() - size.size();
  Dims dims;
  for (size_t d = 0; d < sizes().size(); ++d) {
    if (d < added || (size[d - added] == 1 && sizes()[d] != 1)) dims.push_back(static_cast<int64_t>(d));
  }
  if (dims.empty()) return this->view(size);
  const Tensor summed = sum(dims, true);
  return added == 0 ? summed : summed.view(size);
}

}  // namespace ember
