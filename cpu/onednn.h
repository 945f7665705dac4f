// Matrix products by oneDNN.
#pragma once

#include <cstdint>

#include <ember/core/dtype.h>

namespace ember::cpu {

// A product as the library takes it: rows or columns of a and of b are dense, those of `out` are rows.
struct LibraryProduct {
  int64_t m, n, k;
  const void* a;
  int64_t a_row_stride, a_column_stride;
  const void* b;
  int64_t b_row_stride, b_column_stride;
  void* out;
  int64_t out_row_stride;
};

// Whether a matrix of these sizes and strides (in elements) is such.
bool is_plain(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride);

// out = alpha·a·b + beta·out of float32; with beta == 0 what `out` held is ignored.
void library_sgemm(const LibraryProduct& product, float alpha, float beta);

// Whether the library multiplies this dtype as it is quicker than in float32, where that is not the dtype itself: a
// question of the machine.
bool library_takes(ScalarType dtype);

// out = a·b, plus bias[n], dense, unless it is null; all of one dtype that the library takes. Plans are kept per
// thread, for the last few shapes.
void library_matmul(ScalarType dtype, const LibraryProduct& product, const void* bias);

}  // namespace ember::cpu
