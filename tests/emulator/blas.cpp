// The functions of libcublas.so that Ember calls.
#include <algorithm>
#include <new>
#include <optional>

#include <cublas_v2.h>

#include "blas_lu.h"
#include "blas_product.h"
#include "enqueue.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  bool tf32 = false;
  void* workspace = nullptr;  // the caller's
  size_t workspace_bytes = 0;
};

namespace emulator {

namespace {

// NVIDIA's reference of cublasSetWorkspace().
constexpr uintptr_t kWorkspaceAlignment = 256;

bool is_operation(cublasOperation_t op) { return op == CUBLAS_OP_N || op == CUBLAS_OP_T || op == CUBLAS_OP_C; }

// Products with long sums of few elements are split, as cuBLAS does it: the parts are in the handle's workspace, if
// that is the caller's and has room for them.
void split(const cublasContext& handle, Product& p) {
  constexpr int64_t kParts = 4;
  if (p.k < 4 * std::max(p.m, p.n)) return;
  p.summation.terms = (p.k + kParts - 1) / kParts;
  if (handle.workspace == nullptr) return;
  const size_t bytes = static_cast<size_t>(kParts * p.batch * p.m * p.n) * (p.in_double ? 8 : 4);
  p.workspace = static_cast<std::byte*>(handle.workspace);
  p.workspace_bytes = std::min(bytes, handle.workspace_bytes);
}

struct GemmMatrix {
  const void* data;
  cudaDataType type;
  int ld;
  long long stride;
};

cublasStatus_t gemm(const char* name, cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                    int n, int k, const void* alpha, const GemmMatrix& a, const GemmMatrix& b, const void* beta,
                    const GemmMatrix& c, int batch, cublasComputeType_t compute) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const bool transpose_a = op_a != CUBLAS_OP_N, transpose_b = op_b != CUBLAS_OP_N;
  if (m < 0 || n < 0 || k < 0 || batch < 0 || !is_operation(op_a) || !is_operation(op_b) || alpha == nullptr ||
      beta == nullptr || a.ld < std::max(1, transpose_a ? k : m) || b.ld < std::max(1, transpose_b ? n : k) ||
      c.ld < std::max(1, m) || a.stride < 0 || b.stride < 0 || c.stride < 0) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  // Of GemmEx the scale type is that of the sums.
  const bool in_double = compute == CUBLAS_COMPUTE_64F || compute == CUBLAS_COMPUTE_64F_PEDANTIC;
  const auto types = product_types(compute, in_double ? CUDA_R_64F : CUDA_R_32F, a.type, b.type, c.type, c.type);
  if (!types) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (m == 0 || n == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;
  const auto memory = [&](const GemmMatrix& matrix, int64_t rows, int64_t columns) {
    return MatrixMemory{static_cast<std::byte*>(const_cast<void*>(matrix.data)),
                        *element_type(matrix.type),
                        rows,
                        columns,
                        matrix.ld,
                        batch > 1 ? matrix.stride : 0};
  };
  Product p;
  p.operation = name;
  p.m = m;
  p.n = n;
  p.k = k;
  p.batch = batch;
  p.transpose_a = transpose_a;
  p.transpose_b = transpose_b;
  p.a = transpose_a ? memory(a, k, m) : memory(a, m, k);
  p.b = transpose_b ? memory(b, n, k) : memory(b, k, n);
  p.c = p.d = memory(c, m, n);
  p.in_double = types->in_double;
  p.tf32 = types->tf32 || (handle->tf32 && compute == CUBLAS_COMPUTE_32F && a.type == CUDA_R_32F);
  p.alpha = factor(alpha, in_double);
  p.beta = factor(beta, in_double);
  split(*handle, p);
  enqueue(handle->stream, name, [p] { run_product(p); });
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t getrf(const char* name, cublasHandle_t handle, int n, T* const* a, int ld, int* pivots, int* info,
                     int batch) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (n < 0 || batch < 0 || ld < std::max(1, n)) return CUBLAS_STATUS_INVALID_VALUE;
  if (n == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;
  enqueue(handle->stream, name, [=] { run_getrf<T>(name, {a, n, n, ld}, pivots, info, batch); });
  return CUBLAS_STATUS_SUCCESS;
}

// -i for the i-th argument that is wrong, as LAPACK counts them: trans, n, nrhs, A, lda, ipiv, B, ldb; and the batch.
int wrong_argument_of_getrs(cublasOperation_t op, int n, int columns, int ld, int b_ld, int batch) {
  if (!is_operation(op)) return -1;
  if (n < 0) return -2;
  if (columns < 0) return -3;
  if (ld < std::max(1, n)) return -5;
  if (b_ld < std::max(1, n)) return -8;
  return batch < 0 ? -10 : 0;
}

template <class T>
cublasStatus_t getrs(const char* name, cublasHandle_t handle, cublasOperation_t op, int n, int columns,
                     const T* const* a, int ld, const int* pivots, T* const* b, int b_ld, int* info, int batch) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (info == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *info = wrong_argument_of_getrs(op, n, columns, ld, b_ld, batch);  // the host's
  if (*info != 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (n == 0 || columns == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;
  enqueue(handle->stream, name, [=] {
    run_getrs<T>(name, op != CUBLAS_OP_N, {a, n, n, ld}, pivots, {b, n, columns, b_ld}, batch);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

}  // namespace emulator

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new (std::nothrow) cublasContext;
  return *handle == nullptr ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

// The workspace is the library's own again: NVIDIA's reference of cublasSetStream().
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->stream = stream;
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (reinterpret_cast<uintptr_t>(workspace) % emulator::kWorkspaceAlignment != 0) return CUBLAS_STATUS_INVALID_VALUE;
  handle->workspace = workspace;
  handle->workspace_bytes = workspace == nullptr ? 0 : bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  switch (static_cast<int>(mode) & ~static_cast<int>(CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)) {
    case CUBLAS_DEFAULT_MATH:
    case CUBLAS_PEDANTIC_MATH: handle->tf32 = false; return CUBLAS_STATUS_SUCCESS;
    case CUBLAS_TF32_TENSOR_OP_MATH: handle->tf32 = true; return CUBLAS_STATUS_SUCCESS;
    case CUBLAS_TENSOR_OP_MATH:
    case CUBLAS_FP32_EMULATED_BF16X9_MATH:
    case CUBLAS_FP64_EMULATED_FIXEDPOINT_MATH: return CUBLAS_STATUS_NOT_SUPPORTED;
    default: return CUBLAS_STATUS_INVALID_VALUE;
  }
}

const char* cublasGetStatusName(cublasStatus_t status) { return emulator::status_name(status); }
const char* cublasGetStatusString(cublasStatus_t status) { return emulator::status_text(status); }

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                            const void* alpha, const void* a, cudaDataType a_type, int lda, const void* b,
                            cudaDataType b_type, int ldb, const void* beta, void* c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
  return emulator::gemm("cublasGemmEx", handle, op_a, op_b, m, n, k, alpha, {a, a_type, lda, 0}, {b, b_type, ldb, 0},
                        beta, {c, c_type, ldc, 0}, 1, compute);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m,
                                          int n, int k, const void* alpha, const void* a, cudaDataType a_type, int lda,
                                          long long a_stride, const void* b, cudaDataType b_type, int ldb,
                                          long long b_stride, const void* beta, void* c, cudaDataType c_type, int ldc,
                                          long long c_stride, int batch, cublasComputeType_t compute,
                                          cublasGemmAlgo_t) {
  return emulator::gemm("cublasGemmStridedBatchedEx", handle, op_a, op_b, m, n, k, alpha, {a, a_type, lda, a_stride},
                        {b, b_type, ldb, b_stride}, beta, {c, c_type, ldc, c_stride}, batch, compute);
}

cublasStatus_t cublasSgetrfBatched(cublasHandle_t handle, int n, float* const* a, int lda, int* pivots, int* info,
                                   int batch) {
  return emulator::getrf("cublasSgetrfBatched", handle, n, a, lda, pivots, info, batch);
}
cublasStatus_t cublasDgetrfBatched(cublasHandle_t handle, int n, double* const* a, int lda, int* pivots, int* info,
                                   int batch) {
  return emulator::getrf("cublasDgetrfBatched", handle, n, a, lda, pivots, info, batch);
}

cublasStatus_t cublasSgetrsBatched(cublasHandle_t handle, cublasOperation_t op, int n, int columns,
                                   const float* const* a, int lda, const int* pivots, float* const* b, int ldb,
                                   int* info, int batch) {
  return emulator::getrs("cublasSgetrsBatched", handle, op, n, columns, a, lda, pivots, b, ldb, info, batch);
}
cublasStatus_t cublasDgetrsBatched(cublasHandle_t handle, cublasOperation_t op, int n, int columns,
                                   const double* const* a, int lda, const int* pivots, double* const* b, int ldb,
                                   int* info, int batch) {
  return emulator::getrs("cublasDgetrsBatched", handle, op, n, columns, a, lda, pivots, b, ldb, info, batch);
}

}  // extern "C"
