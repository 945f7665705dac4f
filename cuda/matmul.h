// The product of integers, which cuBLAS does not have.
#pragma once

#include <ember/core/tensor.h>

namespace ember::cuda {

// As kernels.matmul, for the integer dtypes; arithmetic wraps, alpha and beta are integers. No empty tensors.
void matmul_integers(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta);

}  // namespace ember::cuda
