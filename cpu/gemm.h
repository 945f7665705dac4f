// Matrix products of integers.
#pragma once

#include <cstdint>

#include <ember/core/dtype.h>

namespace ember::cpu {

// One matrix of any strides, in elements.
struct Matrix {
  char* data;
  int64_t row_stride;
  int64_t column_stride;
};

// out[m,n] = beta·out + alpha·a[m,k]·b[k,n]; k > 0; with beta == 0 what `out` held is ignored. Sums and
// products wrap. The sums over k are in order, whatever the number of threads.
void gemm(ScalarType dtype, int64_t m, int64_t n, int64_t k, double alpha, Matrix a, Matrix b, double beta, Matrix out);

// The register tile: tile[i * columns + j] = Σ_p a[p * rows + i] · b[p * columns + j] over p < k.
template <class T>
struct GemmTile {
  int64_t rows;
  int64_t columns;
  void (*run)(int64_t k, const T* a, const T* b, T* tile);
};
inline constexpr int64_t kMaxTile = 512;  // elements
// For T of uint32_t or uint64_t, for the machine's instruction set.
template <class T>
GemmTile<T> gemm_tile();

}  // namespace ember::cpu
