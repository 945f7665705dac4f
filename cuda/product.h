// Matrix products of tensors as BLAS is asked for them.
#pragma once

#include <ember/core/product_kernels.h>
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

// A product for our own kernel (small_product.h), with any epilogue that this has.
struct SmallCall {
  Gemm gemm;
  double alpha = 1, beta = 0;
  const void* result = nullptr;  // of Epilogue::ReluBackward, that of relu, contiguous
};
// Queues it; or false where it is not small or, with cuda::benchmark(), cuBLASLt is quicker.
bool try_small(const LaunchScope& scope, const SmallCall& call);
// One launch of one or two that small_tile() has a tile for; of two, neither is a batch and the dtypes are one.
void run_small(const LaunchScope& scope, const SmallCall* calls, int count);
// Whether our own kernel may be taken at all.
bool own_allowed();

// grad[rows, n], the gradient of an activation's result and contiguous, becomes that of its input, y being the result
// (Relu) or the input (GeluTanh), and sums[n] that of its columns: in one sweep where vectors of 16 bytes fit; else
// false, and nothing is done.
bool activation_backward_sums(const LaunchScope& scope, const Tensor& grad, const Tensor& sums, const Tensor& y,
                              Activation activation);

// kernels.matmul
void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta);

}  // namespace ember::cuda
