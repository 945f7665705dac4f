#include <ember/core/tensor.h>
#include <ember/core/tensor_iterator.h>

#include <algorithm>
#include <cstdlib>

namespace ember {

TensorIterator::TensorIterator(const Tensor& output) : device_(output.device()), numel_(output.numel()) {
  const IntArrayRef sizes = output.sizes();
  dim_ = static_cast<int>(sizes.size());
  for (int d = 0; d < dim_; ++d) sizes_[d] = sizes[static_cast<size_t>(dim_ - 1 - d)];
  add_input(output);
}

inline void TensorIterator::add_dense(const TensorImpl& t) {
  Operand& operand = operands_[num_operands_++];
  operand.data = static_cast<char*>(t.data());
  operand.dtype = t.dtype();
  operand.is_scalar = false;
  operand.flat = true;
  operand.strides[0] = static_cast<int64_t>(element_size(operand.dtype));
}

TensorIterator::TensorIterator(Dense, const Tensor& output, const Tensor& input)
    : dim_(1), contiguous_(true), alike_(true), device_(output.device()), numel_(output.numel()) {
  sizes_[0] = numel_;
  add_dense(*output.unsafe_impl());
  add_dense(*input.unsafe_impl());
}

TensorIterator::TensorIterator(Dense, const Tensor& output, const Tensor& a, const Tensor& b)
    : TensorIterator(Dense{}, output, a) {
  add_dense(*b.unsafe_impl());
}

void TensorIterator::add_input(const Tensor& input) {
  Operand& operand = operands_[num_operands_++];
  operand.data = static_cast<char*>(input.data_ptr());
  operand.dtype = input.dtype();
  operand.is_scalar = false;
  const IntArrayRef sizes = input.sizes();
  const IntArrayRef strides = input.strides();
  const auto item = static_cast<int64_t>(element_size(operand.dtype));
  const int rank = static_cast<int>(sizes.size());
  for (int d = 0; d < dim_; ++d) {
    const auto i = static_cast<size_t>(rank - 1 - d);
    operand.strides[d] = d < rank && sizes[i] != 1 ? strides[i] * item : 0;
  }
  operand.flat = input.is_contiguous() && input.numel() == numel_;
}

void TensorIterator::add_input(const Scalar& value) {
  alike_ = false;
  Operand& operand = operands_[num_operands_++];
  operand.data = nullptr;
  operand.dtype = value.type();
  operand.value = value;
  operand.is_scalar = true;
  operand.flat = true;
  for (int d = 0; d < dim_; ++d) operand.strides[d] = 0;
}

void TensorIterator::build() {
  bool flat = true;
  for (int i = 0; i < num_operands_; ++i) flat &= operands_[i].flat;
  if (flat || numel_ <= 1) {
    dim_ = 1;
    sizes_[0] = numel_;
    for (int i = 0; i < num_operands_; ++i) {
      Operand& o = operands_[i];
      o.strides[0] = o.is_scalar ? 0 : static_cast<int64_t>(element_size(o.dtype));
    }
    contiguous_ = true;
    return;
  }
  sort_dims();
  merge_dims();
  contiguous_ = dim_ == 1;
  for (int i = 0; i < num_operands_; ++i) {
    const Operand& o = operands_[i];
    contiguous_ &= o.is_scalar || o.strides[0] == static_cast<int64_t>(element_size(o.dtype));
  }
}

void TensorIterator::sort_dims() {
  // By the output's stride, then the inputs': the fastest first. Insertion sort: stable and short.
  const auto before = [this](int a, int b) {
    for (int i = 0; i < num_operands_; ++i) {
      const int64_t sa = std::abs(operands_[i].strides[a]);
      const int64_t sb = std::abs(operands_[i].strides[b]);
      if (sa == 0 || sb == 0) continue;  // broadcast: says nothing about the order
      if (sa != sb) return sa < sb;
    }
    return false;
  };
  for (int d = 1; d < dim_; ++d) {
    for (int e = d; e > 0 && before(e, e - 1); --e) {
      std::swap(sizes_[e], sizes_[e - 1]);
      for (int i = 0; i < num_operands_; ++i) std::swap(operands_[i].strides[e], operands_[i].strides[e - 1]);
    }
  }
}

void TensorIterator::merge_dims() {
  int last = 0;  // dimensions up to here are merged
  for (int d = 1; d < dim_; ++d) {
    bool can_merge = sizes_[last] == 1 || sizes_[d] == 1;
    if (!can_merge) {
      can_merge = true;
      for (int i = 0; i < num_operands_; ++i) {
        const Operand& o = operands_[i];
        can_merge &= o.strides[d] == sizes_[last] * o.strides[last];
      }
    }
    if (can_merge) {
      if (sizes_[last] == 1) {
        for (int i = 0; i < num_operands_; ++i) operands_[i].strides[last] = operands_[i].strides[d];
      }
      sizes_[last] *= sizes_[d];
    } else {
      ++last;
      sizes_[last] = sizes_[d];
      for (int i = 0; i < num_operands_; ++i) operands_[i].strides[last] = operands_[i].strides[d];
    }
  }
  dim_ = last + 1;
}

bool TensorIterator::can_use_32bit_offsets() const {
  constexpr int64_t kMax = INT32_MAX;
  if (numel_ > kMax) return false;
  for (int i = 0; i < num_operands_; ++i) {
    int64_t last = 0;
    for (int d = 0; d < dim_; ++d) last += (sizes_[d] - 1) * std::abs(operands_[i].strides[d]);
    if (last > kMax) return false;
  }
  return true;
}

ReduceShape::ReduceShape(IntArrayRef sizes, IntArrayRef strides, DimMask reduced_dims) {
  // Merges each dimension, from the slowest, into the group's last where the strides allow.
  const auto add = [](Group& group, int64_t size, int64_t stride) {
    group.numel *= size;
    if (size == 1) return;
    if (group.dim > 0 && group.strides[group.dim - 1] == size * stride) {
      group.sizes[group.dim - 1] *= size;
      group.strides[group.dim - 1] = stride;
      return;
    }
    group.sizes[group.dim] = size;
    group.strides[group.dim] = stride;
    ++group.dim;
  };
  for (size_t d = 0; d < sizes.size(); ++d) {
    add((reduced_dims >> d & 1u) != 0 ? reduced : kept, sizes[d], strides[d]);
  }
}

}  // namespace ember
