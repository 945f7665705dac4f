// More rows of the kernel table (kernels.h), for what only matrix products need: apart, so that a change to them does
// not recompile every kernel.
#pragma once

#include <ember/core/kernels.h>

namespace ember {

struct ProductKernels {
  // As matmul of matrices with alpha = 1 and beta = 0, and sums[m] = Σ a[m,k] over k. Both outputs are contiguous; m, n
  // and k may be 0.
  Kernel<void(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b)> matmul_row_sums{
      "matmul_row_sums"};
};

extern ProductKernels product_kernels;

}  // namespace ember
