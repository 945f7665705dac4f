// Matrix products on cuBLASLt. What it takes to call it for a problem (descriptors, the kernel that its heuristics put
// first) is a plan, made once for each thread and key (lt_problem.h).
//
// Results are equal bit for bit from run to run: the heuristics look at the problem and the device only; kernels that
// split the sum over k add the parts in a fixed order (in the workspace, by a second kernel, or in place one after the
// other, never by atomics), and of the 2-byte floats in float only; and each call has a workspace of its own, which
// NVIDIA names as the condition for cuBLAS to be reproducible where several streams work.
//
// A workspace is a block of the stream's, allocated as any tensor is and given back as soon as the work is queued: only
// what the kernel needs, correct for any number of threads and streams, and part of the graph that is captured.
#pragma once

#include <memory>

#include <ember/cuda/blas.h>
#include <ember/cuda/lt_cache.h>
#include <ember/cuda/lt_problem.h>
#include <ember/cuda/lt_tune.h>

namespace ember::cuda {

// Descriptors are initialised in place and own nothing.
struct LtPlan {
  cublasLtMatmulDescOpaque_t product;
  cublasLtMatrixLayoutOpaque_t a, b, out;  // row-major names; cuBLASLt gets b first
  const void* vector = nullptr;            // the epilogue's that `product` has
  const void* aux = nullptr;
  LtChoice choice;
};

// What one thread holds of one device.
struct LtContext {
  static constexpr size_t kPlans = 1024;
  cublasLtHandle_t handle = nullptr;  // never destroyed
  LruCache<LtKey, std::unique_ptr<LtPlan>> plans{kPlans};
};

struct GemmTypes {
  cudaDataType_t data;
  cublasComputeType_t compute;  // TF32 if that is allowed now
  cudaDataType_t scale;         // of alpha and beta: CUDA_R_64F or CUDA_R_32F
};
// Throws for dtypes that are not floating.
GemmTypes gemm_types(ScalarType dtype);

// alpha or beta in the scale type.
class GemmFactor {
 public:
  GemmFactor(double value, const GemmTypes& types)
      : double_(value), float_(static_cast<float>(value)), is_double_(types.scale == CUDA_R_64F) {}
  const void* get() const { return is_double_ ? static_cast<const void*>(&double_) : &float_; }

 private:
  double double_;
  float float_;
  bool is_double_;
};

// Queues the product on the scope's stream; or gives false, having done nothing, where cuBLASLt has no kernel for it,
// or where cuda::benchmark() has found that what is done `otherwise` is quicker: that queues the same, to memory of its
// own. An epilogue wants beta = 0 and alpha = 1.
bool lt_gemm(const LaunchScope& scope, const Gemm& gemm, double alpha, double beta, FunctionRef otherwise);

}  // namespace ember::cuda
