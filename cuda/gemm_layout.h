// A row-major matrix product as BLAS's column-major one, without moving anything. Host arithmetic only.
//
// Memory that holds a row-major r×c matrix with ld elements between rows holds the column-major c×r
// transpose with leading dimension ld. So out = a·b (row-major, [m,n] = [m,k]·[k,n]) is computed as
// outᵀ = bᵀ·aᵀ: BLAS gets b first, then a, and the sizes n, m, k.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ember::cuda {

// How BLAS may read an operand. Whatever it is, the operand that reaches the product is the transpose of
// the row-major matrix, as outᵀ = bᵀ·aᵀ wants it.
struct GemmOperand {
  bool representable = false;  // else it must be copied first
  bool transpose = false;      // BLAS's flag: the matrix in memory is the row-major one's transpose
  int64_t ld = 0;              // leading dimension, >= the length of a column as BLAS sees it
};

// The rows×cols matrix whose element (i, j) is at i·row_stride + j·col_stride. A stride of a dimension of
// one element means nothing. No sizes of 0.
constexpr GemmOperand gemm_operand(int64_t rows, int64_t cols, int64_t row_stride, int64_t col_stride) {
  // Dense rows: BLAS sees columns of `cols` elements.
  if ((cols == 1 || col_stride == 1) && (rows == 1 || row_stride >= cols)) {
    return {true, false, rows == 1 ? cols : row_stride};
  }
  // Dense columns, as a transpose gives: BLAS sees columns of `rows` elements.
  if ((rows == 1 || row_stride == 1) && (cols == 1 || col_stride >= rows)) {
    return {true, true, cols == 1 ? rows : col_stride};
  }
  return {};
}

// A batch of matrices of `rows` rows whose rows, one matrix after the other, are those of a single matrix: the stride
// between them, or -1 where they are none.
constexpr int64_t joined_row_stride(int64_t rows, int64_t row_stride, int64_t batch_stride) {
  if (rows == 1) return batch_stride;
  return batch_stride == rows * row_stride ? row_stride : -1;
}

}  // namespace ember::cuda
