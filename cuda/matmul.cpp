// out = beta·out + alpha·a·b on cuBLAS.
#include <ember/cuda/matmul.h>

#include <climits>

#include <ember/core/launch.h>
#include <ember/cuda/blas.h>
#include <ember/cuda/gemm_layout.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

namespace {

struct GemmTypes {
  cudaDataType_t data;
  cublasComputeType_t compute;
};

GemmTypes gemm_types(ScalarType dtype) {
  switch (dtype) {
    case ScalarType::Float: return {CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case ScalarType::Double: return {CUDA_R_64F, CUBLAS_COMPUTE_64F};
    case ScalarType::Half: return {CUDA_R_16F, CUBLAS_COMPUTE_32F};
    case ScalarType::BFloat16: return {CUDA_R_16BF, CUBLAS_COMPUTE_32F};
    default: detail::throw_unsupported_dtype(dtype, DtypeSet::Floating);
  }
}

int to_int(int64_t n, const char* what) {
  EMBER_CHECK(n <= INT_MAX, "the ", what, ", ", n, ", is over cuBLAS's limit of ", INT_MAX);
  return static_cast<int>(n);
}

// x[B, r, c] as cuBLAS takes it: `x` itself, or a row-major copy.
struct Operand {
  Tensor tensor;
  GemmOperand layout;
  int64_t batch_stride;
};

Operand prepare(const Tensor& x) {
  const int64_t rows = x.size(1), cols = x.size(2);
  Operand operand{x, gemm_operand(rows, cols, x.stride(1), x.stride(2)), x.stride(0)};
  if (operand.layout.representable) return operand;
  // One matrix used for the whole batch is copied once.
  const bool shared = x.stride(0) == 0;
  const Tensor source = shared ? detail::alias(x, {1, rows, cols}, x.strides(), x.storage_offset()) : x;
  operand.tensor = detail::empty(source.sizes(), x.dtype(), x.device());
  TensorIterator iter(operand.tensor);
  iter.add_input(source);
  iter.build();
  launch(kernels.copy, x.device(), iter);
  operand.layout = {true, false, cols};
  operand.batch_stride = shared ? 0 : rows * cols;
  return operand;
}

// k == 0: there is nothing to add.
void scale(const Tensor& out, double beta) {
  TensorIterator iter(out);
  if (beta == 0) {
    iter.build();
    launch(kernels.fill, out.device(), iter, Scalar(0));
  } else if (beta != 1) {
    iter.add_input(out);
    iter.add_input(Scalar(beta));
    iter.build();
    launch(kernels.mul, out.device(), iter, Params{});
  }
}

void gemm(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  const GemmTypes types = gemm_types(out.dtype());
  const int batch = to_int(out.size(0), "batch size");
  const int m = to_int(out.size(1), "number of rows");
  const int n = to_int(out.size(2), "number of columns");
  const int k = to_int(a.size(2), "inner size");
  const LaunchScope scope(out.device());
  const Operand left = prepare(a), right = prepare(b);
  const int64_t out_ld = m == 1 ? n : out.stride(1);
  EMBER_CHECK(out_ld >= n && (n == 1 || out.stride(2) == 1), "the output must be row-major, got strides ",
              out.strides());
  const int ldc = to_int(out_ld, "stride of the output");
  const int lda = to_int(left.layout.ld, "stride of the first matrix");
  const int ldb = to_int(right.layout.ld, "stride of the second matrix");
  const cublasOperation_t op_a = left.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t op_b = right.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;

  // Scaling factors are of the compute type.
  const float alpha_float = static_cast<float>(alpha), beta_float = static_cast<float>(beta);
  const bool is_double = types.compute == CUBLAS_COMPUTE_64F;
  const void* const alpha_at = is_double ? static_cast<const void*>(&alpha) : &alpha_float;
  const void* const beta_at = is_double ? static_cast<const void*>(&beta) : &beta_float;

  const cublasHandle_t handle = blas_handle(scope.info, scope.stream);
  // outᵀ[n,m] = bᵀ[n,k]·aᵀ[k,m], column-major: see gemm_layout.h.
  if (batch == 1) {
    EMBER_CUBLAS_CHECK(cublasGemmEx(handle, op_b, op_a, n, m, k, alpha_at, right.tensor.data_ptr(), types.data, ldb,
                                    left.tensor.data_ptr(), types.data, lda, beta_at, out.data_ptr(), types.data, ldc,
                                    types.compute, CUBLAS_GEMM_DEFAULT));
  } else {
    EMBER_CUBLAS_CHECK(cublasGemmStridedBatchedEx(
        handle, op_b, op_a, n, m, k, alpha_at, right.tensor.data_ptr(), types.data, ldb, right.batch_stride,
        left.tensor.data_ptr(), types.data, lda, left.batch_stride, beta_at, out.data_ptr(), types.data, ldc,
        out.stride(0), batch, types.compute, CUBLAS_GEMM_DEFAULT));
  }
  check_launch("matmul");
}

Tensor as_batch(const Tensor& x) {
  if (x.dim() == 3) return x;
  return detail::alias(x, {1, x.size(0), x.size(1)}, {0, x.stride(0), x.stride(1)}, x.storage_offset());
}

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.dim() == 2) return matmul(as_batch(out), as_batch(a), as_batch(b), alpha, beta);
  if (out.numel() == 0) return;
  if (a.size(2) == 0) return scale(out, beta);
  if (is_floating(out.dtype())) {
    gemm(out, a, b, alpha, beta);
  } else {
    matmul_integers(out, a, b, alpha, beta);
  }
}

// The bias is in every row of `out` first.
void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (out.numel() == 0) return;
  TensorIterator iter(out);
  iter.add_input(bias);
  iter.build();
  launch(kernels.copy, out.device(), iter);
  matmul(out, a, b, 1, 1);
}

}  // namespace

void register_matmul(Kernels& table) {
  table.matmul.function[kColumn] = matmul;
  table.matmul_bias.function[kColumn] = matmul_bias;
}

}  // namespace ember::cuda
