#include <ember/cpu/transpose.h>

#include <cstring>

#include <ember/cpu/strided_copy.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/transpose.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class U>
void transpose_elements(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
                        int64_t columns) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(U));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      std::memcpy(to + r * to_stride + c * kSize, from + c * from_stride + r * kSize, sizeof(U));
    }
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class U>
void transpose_matrix(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
                      int64_t columns) {
  transpose_elements<U>(to, to_stride, from, from_stride, rows, columns);
}
#else

// Vectors as long as there are, of a length known here (where it is not, 16 bytes: then one block).
#if HWY_ARCH_X86
constexpr size_t kBytes = HWY_MAX_BYTES;
#else
constexpr size_t kBytes = 16;
#endif
constexpr size_t kBlocks = kBytes / 16;
template <class U>
using Tag = hn::FixedTag<U, kBytes / sizeof(U)>;

// The rows' blocks of 16 bytes, transposed: v[q] becomes the q-th blocks of all.
template <class D, class V = hn::Vec<D> >
HWY_INLINE void transpose_blocks(D d, V (&v)[kBlocks]) {
  if constexpr (kBlocks == 2) {
    const V low = hn::ConcatLowerLower(d, v[1], v[0]);
    v[1] = hn::ConcatUpperUpper(d, v[1], v[0]);
    v[0] = low;
  } else if constexpr (kBlocks == 4) {
    const V even_low = hn::ConcatLowerLower(d, v[2], v[0]);
    const V even_high = hn::ConcatUpperUpper(d, v[2], v[0]);
    const V odd_low = hn::ConcatLowerLower(d, v[3], v[1]);
    const V odd_high = hn::ConcatUpperUpper(d, v[3], v[1]);
    v[0] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(odd_low), even_low);
    v[1] = hn::OddEvenBlocks(odd_low, hn::SwapAdjacentBlocks(even_low));
    v[2] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(odd_high), even_high);
    v[3] = hn::OddEvenBlocks(odd_high, hn::SwapAdjacentBlocks(even_high));
  }
}

// In each block of 16 bytes, the matrix of K vectors and K elements transposed. A pass interleaves the first half of
// the vectors with the second, which rotates the bits of (vector, element) by one; log2 K passes exchange the two.
template <class D, size_t K, class V = hn::Vec<D> >
HWY_INLINE void transpose_within_blocks(D d, V (&v)[K]) {
  for (size_t pass = 1; pass < K; pass *= 2) {
    V w[K];
    for (size_t i = 0; i < K / 2; ++i) {
      w[2 * i] = hn::InterleaveLower(d, v[i], v[i + K / 2]);
      w[2 * i + 1] = hn::InterleaveUpper(d, v[i], v[i + K / 2]);
    }
    for (size_t i = 0; i < K; ++i) v[i] = w[i];
  }
}

// One square of as many rows and columns as a vector has elements.
template <class U>
HWY_INLINE void transpose_square(char* to, int64_t to_stride, const char* from, int64_t from_stride) {
  constexpr size_t K = 16 / sizeof(U);
  const Tag<U> d;
  using V = hn::Vec<Tag<U> >;
  V square[kBlocks][K];
  for (size_t k = 0; k < K; ++k) {
    V rows[kBlocks];
    for (size_t b = 0; b < kBlocks; ++b) {
      rows[b] = hn::LoadU(d, reinterpret_cast<const U*>(from + static_cast<int64_t>(b * K + k) * from_stride));
    }
    transpose_blocks(d, rows);
    for (size_t b = 0; b < kBlocks; ++b) square[b][k] = rows[b];
  }
  for (size_t b = 0; b < kBlocks; ++b) {
    transpose_within_blocks(d, square[b]);
    for (size_t k = 0; k < K; ++k) {
      hn::StoreU(square[b][k], d, reinterpret_cast<U*>(to + static_cast<int64_t>(b * K + k) * to_stride));
    }
  }
}

template <class U>
void transpose_matrix(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
                      int64_t columns) {
  constexpr auto kSide = static_cast<int64_t>(kBytes / sizeof(U));
  constexpr auto kSize = static_cast<int64_t>(sizeof(U));
  const int64_t whole_rows = rows / kSide * kSide;
  const int64_t whole_columns = columns / kSide * kSide;
  for (int64_t c = 0; c < whole_columns; c += kSide) {
    for (int64_t r = 0; r < whole_rows; r += kSide) {
      transpose_square<U>(to + r * to_stride + c * kSize, to_stride, from + c * from_stride + r * kSize, from_stride);
    }
  }
  transpose_elements<U>(to + whole_columns * kSize, to_stride, from + whole_columns * from_stride, from_stride,
                        whole_rows, columns - whole_columns);
  transpose_elements<U>(to + whole_rows * to_stride, to_stride, from + whole_rows * kSize, from_stride,
                        rows - whole_rows, columns);
}
#endif

void transpose_any(int64_t element_size, char* to, int64_t to_stride, const char* from, int64_t from_stride,
                   int64_t rows, int64_t columns) {
  visit_size(static_cast<size_t>(element_size),
             [=]<class U>() { transpose_matrix<U>(to, to_stride, from, from_stride, rows, columns); });
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(transpose_any);
void transpose(int64_t element_size, char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
               int64_t columns) {
  HWY_DYNAMIC_DISPATCH(transpose_any)(element_size, to, to_stride, from, from_stride, rows, columns);
}
}  // namespace ember::cpu
#endif
