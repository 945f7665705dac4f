// The kernel of products that are too small for the library's fixed cost per call, of products with a vector, and of
// the blocks of larger products of float64.
#pragma once

#include <cstdint>

namespace ember::cpu {

// out[m,n] = alpha·a[m,k]·b[k,n] + factor·add[m,n], of T float or double. Strides in elements, any; `out` and `add`
// are row-major. `add` may be null, or `out`, or have a row stride of 0: one row for all. m, n and k > 0.
template <class T>
struct SmallGemm {
  int64_t m, n, k;
  const T* a;
  int64_t a_row_stride, a_column_stride;
  const T* b;
  int64_t b_row_stride, b_column_stride;
  T* out;
  int64_t out_row_stride;
  T alpha = 1;
  const T* add = nullptr;
  int64_t add_row_stride = 0;
  T factor = 1;
};

// In the calling thread, without memory of its own. A product whose columns are cut into multiples of 8 gives the
// same bits in each of the pieces.
void small_gemm(const SmallGemm<float>& product);
void small_gemm(const SmallGemm<double>& product);

}  // namespace ember::cpu
