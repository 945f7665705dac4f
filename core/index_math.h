// Index arithmetic of strided kernels, for host and device: a linear index to one byte offset per operand.
#pragma once

#include <cstdint>

#include <ember/core/macros.h>
#include <ember/core/tensor_iterator.h>

namespace ember {

// Division by a constant through a multiplication: Granlund and Montgomery, "Division by invariant
// integers using multiplication" (PLDI 1994). Exact for n < 2^31, divisor in [1, 2^31).
struct FastDivider {
  uint32_t divisor = 1;
  uint32_t multiplier = 1;
  uint32_t shift = 0;

  FastDivider() = default;
  explicit FastDivider(uint32_t d) : divisor(d) {
    while ((uint64_t{1} << shift) < d) ++shift;
    multiplier = static_cast<uint32_t>(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - d)) / d + 1);
  }
  EMBER_HD uint32_t div(uint32_t n) const {
#if defined(__CUDA_ARCH__)
    const uint32_t high = __umulhi(n, multiplier);
#else
    const uint32_t high = static_cast<uint32_t>((static_cast<uint64_t>(n) * multiplier) >> 32);
#endif
    return (high + n) >> shift;
  }
};

// Byte offsets of N operands for a linear index, dimension 0 of the iterator fastest. Index is uint32_t
// (sizes and offsets below 2^31) or int64_t.
template <int N, class Index>
struct OffsetCalculator;

template <int N>
struct OffsetCalculator<N, uint32_t> {
  int dim;
  FastDivider sizes[kMaxDims];
  uint32_t strides[kMaxDims][N];

  explicit OffsetCalculator(const TensorIterator& iter) : dim(iter.dim()) {
    for (int d = 0; d < dim; ++d) {
      sizes[d] = FastDivider(static_cast<uint32_t>(iter.size(d)));
      for (int i = 0; i < N; ++i) strides[d][i] = static_cast<uint32_t>(iter.stride(i, d));
    }
  }
  EMBER_HD void offsets(uint32_t index, uint32_t out[N]) const {
    for (int i = 0; i < N; ++i) out[i] = 0;
    for (int d = 0; d < dim; ++d) {
      const uint32_t quotient = sizes[d].div(index);
      const uint32_t coordinate = index - quotient * sizes[d].divisor;
      index = quotient;
      for (int i = 0; i < N; ++i) out[i] += coordinate * strides[d][i];
    }
  }
};

template <int N>
struct OffsetCalculator<N, int64_t> {
  int dim;
  int64_t sizes[kMaxDims];
  int64_t strides[kMaxDims][N];

  explicit OffsetCalculator(const TensorIterator& iter) : dim(iter.dim()) {
    for (int d = 0; d < dim; ++d) {
      sizes[d] = iter.size(d);
      for (int i = 0; i < N; ++i) strides[d][i] = iter.stride(i, d);
    }
  }
  EMBER_HD void offsets(int64_t index, int64_t out[N]) const {
    for (int i = 0; i < N; ++i) out[i] = 0;
    for (int d = 0; d < dim; ++d) {
      const int64_t quotient = index / sizes[d];
      const int64_t coordinate = index - quotient * sizes[d];
      index = quotient;
      for (int i = 0; i < N; ++i) out[i] += coordinate * strides[d][i];
    }
  }
};

}  // namespace ember
