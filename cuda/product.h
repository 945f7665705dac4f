// Matrix products of tensors as BLAS is asked for them.
#pragma once

#include <ember/core/tensor.h>
#include <ember/cuda/lt_matmul.h>

namespace ember::cuda {

// A product as cuBLAS takes it, with the copies of factors that it needs. Of matrices or batches of them, not empty and
// with k > 0, of a floating dtype; `out` is row-major within a matrix.
struct Product {
  Gemm gemm;
  Tensor copies[2];

  Product(const Tensor& out, const Tensor& a, const Tensor& b);
};

// Whether cuBLASLt is asked. cuBLAS has kernels for a matrix and a vector, which cuBLASLt has not; of the epilogues,
// some versions of cuBLASLt forget elements of a vector.
bool for_lt(const Gemm& gemm);

// Queues the product, which has no epilogue, by cuBLASLt or cuBLAS.
void run_product(const LaunchScope& scope, const Gemm& gemm, double alpha, double beta);

// Queues the product by our own kernel (small_product.h), which has its epilogue: done, or false where it is not small
// or, with cuda::benchmark(), cuBLASLt is quicker. `result`: of Epilogue::ReluBackward, that of relu, contiguous.
bool try_small(const LaunchScope& scope, const Gemm& gemm, double alpha, double beta, const void* result = nullptr);
// The same of a problem that small_tile() has one for.
void run_small(const LaunchScope& scope, const Gemm& gemm, double alpha, double beta, const void* result);

// kernels.matmul
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta);

}  // namespace ember::cuda
