// out = beta·out + alpha·a·b on cuBLASLt, or on cuBLAS where that has no kernel.
#include <ember/cuda/matmul.h>

#include <climits>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <ember/core/cuda_blas.h>
#include <ember/core/launch.h>
#include <ember/cuda/gemm_layout.h>
#include <ember/cuda/product.h>
#include <ember/cuda/register.h>
#include <ember/cuda/small_product.h>

namespace ember::cuda {

namespace {

int64_t checked(int64_t n, const char* what) {
  EMBER_CHECK(n <= INT_MAX, "the ", what, ", ", n, ", is over cuBLAS's limit of ", INT_MAX);
  return n;
}

// A matrix, or a batch of them, where it is in memory.
struct MatrixView {
  int64_t batch = 1, rows = 0, cols = 0;
  int64_t batch_stride = 0, row_stride = 0, col_stride = 0;
  void* data = nullptr;

  explicit MatrixView(const Tensor& t) : data(t.data_ptr()) {
    const IntArrayRef sizes = t.sizes(), strides = t.strides();
    const size_t last = sizes.size() - 1;
    rows = sizes[last - 1];
    cols = sizes[last];
    row_stride = strides[last - 1];
    col_stride = strides[last];
    if (last == 2) {
      batch = sizes[0];
      batch_stride = strides[0];
    }
  }
};

// A factor as cuBLAS takes it: in a copy where it must.
GemmMatrix prepare(const Tensor& x, const MatrixView& view, const char* stride_name, Tensor& copy) {
  GemmMatrix matrix{view.data, gemm_operand(view.rows, view.cols, view.row_stride, view.col_stride), view.batch_stride};
  if (!matrix.layout.representable) {
    // One matrix used for the whole batch is copied once.
    const bool shared = x.dim() == 3 && view.batch_stride == 0;
    const Tensor source = shared ? detail::alias(x, {1, view.rows, view.cols}, x.strides(), x.storage_offset()) : x;
    copy = detail::empty(source.sizes(), x.dtype(), x.device());
    TensorIterator iter(copy);
    iter.add_input(source);
    iter.build();
    launch(kernels.copy, x.device(), iter);
    matrix = {copy.data_ptr(), {true, false, view.cols}, shared ? 0 : view.rows * view.cols};
  }
  checked(matrix.layout.ld, stride_name);
  return matrix;
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

// With EMBER_CUDA_BLAS=cublas in the environment every product is cuBLAS's, with cublaslt also those with a vector are
// cuBLASLt's where it has a kernel, and none is our own: to compare them.
enum class Library : uint8_t { Choose, Cublas, CublasLt };
Library library() {
  static const Library chosen = [] {
    const char* const value = std::getenv("EMBER_CUDA_BLAS");
    const std::string_view name = value == nullptr ? "" : value;
    return name == "cublas" ? Library::Cublas : name == "cublaslt" ? Library::CublasLt : Library::Choose;
  }();
  return chosen;
}

void cublas_gemm(const LaunchScope& scope, const Gemm& g, double alpha, double beta) {
  const GemmTypes types = gemm_types(g.dtype);
  const GemmFactor alpha_factor(alpha, types), beta_factor(beta, types);
  const auto number = [](int64_t n) { return static_cast<int>(n); };  // all checked
  const int batch = number(g.batch), m = number(g.m), n = number(g.n), k = number(g.k);
  const int lda = number(g.a.layout.ld), ldb = number(g.b.layout.ld), ldc = number(g.out_ld);
  const cublasOperation_t op_a = g.a.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t op_b = g.b.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasHandle_t handle = blas_handle(scope.info, scope.stream);
  // outᵀ[n,m] = bᵀ[n,k]·aᵀ[k,m], column-major: see gemm_layout.h.
  if (batch == 1) {
    EMBER_CUBLAS_CHECK(cublasGemmEx(handle, op_b, op_a, n, m, k, alpha_factor.get(), g.b.data, types.data, ldb,
                                    g.a.data, types.data, lda, beta_factor.get(), g.out, types.data, ldc, types.compute,
                                    CUBLAS_GEMM_DEFAULT));
  } else {
    EMBER_CUBLAS_CHECK(cublasGemmStridedBatchedEx(handle, op_b, op_a, n, m, k, alpha_factor.get(), g.b.data, types.data,
                                                  ldb, g.b.batch_stride, g.a.data, types.data, lda, g.a.batch_stride,
                                                  beta_factor.get(), g.out, types.data, ldc, g.out_batch_stride, batch,
                                                  types.compute, CUBLAS_GEMM_DEFAULT));
  }
}

}  // namespace

Product::Product(const Tensor& out, const Tensor& a, const Tensor& b) {
  const MatrixView x(a), y(b), z(out);
  gemm.dtype = out.dtype();
  gemm.batch = checked(z.batch, "batch size");
  gemm.m = checked(z.rows, "number of rows");
  gemm.n = checked(z.cols, "number of columns");
  gemm.k = checked(x.cols, "inner size");
  gemm.out = z.data;
  gemm.out_ld = checked(z.rows == 1 ? z.cols : z.row_stride, "stride of the output");
  gemm.out_batch_stride = z.batch_stride;
  EMBER_CHECK(gemm.out_ld >= z.cols && (z.cols == 1 || z.col_stride == 1), "the output must be row-major, got strides ",
              out.strides());
  gemm.a = prepare(a, x, "stride of the first matrix", copies[0]);
  gemm.b = prepare(b, y, "stride of the second matrix", copies[1]);
}

bool for_lt(const Gemm& g) {
  const bool matrices = g.m != 1 && g.n != 1;
  if (!matrices && g.epilogue != Epilogue::None) return false;
  switch (library()) {
    case Library::Cublas: return false;
    case Library::CublasLt: return true;
    case Library::Choose: break;
  }
  return matrices || benchmark();
}

bool own_allowed() { return library() == Library::Choose; }

bool try_small(const LaunchScope& scope, const SmallCall& call) {
  const Gemm& g = call.gemm;
  if (!own_allowed() || small_tile(g) == 0) return false;
  // cuBLASLt's gradients of activations are not all to be trusted: matmul_fused.cpp.
  if (benchmark() && for_lt(g) && !is_backward(g.epilogue)) {
    std::optional<ScratchGemm> scratch;
    const auto own = [&] {
      if (!scratch) scratch.emplace(g, scope);
      SmallCall again = call;
      again.gemm = scratch->gemm();
      run_small(scope, &again, 1);
    };
    if (lt_gemm(scope, g, call.alpha, call.beta, FunctionRef(own))) return true;
  }
  run_small(scope, &call, 1);
  return true;
}

void run_product(const LaunchScope& scope, const Gemm& g, double alpha, double beta) {
  if (try_small(scope, {g, alpha, beta})) return check_launch("matmul");
  std::optional<ScratchGemm> scratch;
  const auto otherwise = [&] {
    if (!scratch) scratch.emplace(g, scope);
    cublas_gemm(scope, scratch->gemm(), alpha, beta);
  };
  if (!for_lt(g) || !lt_gemm(scope, g, alpha, beta, FunctionRef(otherwise))) cublas_gemm(scope, g, alpha, beta);
  check_launch("matmul");
}

namespace {

void multiply(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  const MatrixView x(a), y(b), z(out);
  if (z.batch > 1 && y.batch_stride == 0) {
    // One matrix on the right for the whole batch: the rows of the batch are those of one matrix.
    const int64_t stride = joined_row_stride(x.rows, x.row_stride, x.batch_stride);
    const int64_t out_stride = joined_row_stride(z.rows, z.row_stride, z.batch_stride);
    const int64_t rows = z.batch * z.rows;
    if (stride > 0 && out_stride >= z.cols && rows <= INT_MAX) {
      return multiply(detail::alias(out, {rows, z.cols}, {out_stride, z.col_stride}, out.storage_offset()),
                      detail::alias(a, {rows, x.cols}, {stride, x.col_stride}, a.storage_offset()),
                      detail::alias(b, {y.rows, y.cols}, {y.row_stride, y.col_stride}, b.storage_offset()), alpha,
                      beta);
    }
  }
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  run_product(scope, product.gemm, alpha, beta);
}

Tensor as_batch(const Tensor& x) {
  return detail::alias(x, {1, x.size(0), x.size(1)}, {0, x.stride(0), x.stride(1)}, x.storage_offset());
}

}  // namespace

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, double alpha, double beta) {
  if (out.numel() == 0) return;
  if (a.sizes().back() == 0) return scale(out, beta);
  if (is_floating(out.dtype())) {
    multiply(out, a, b, alpha, beta);
  } else if (out.dim() == 2) {
    matmul_integers(as_batch(out), as_batch(a), as_batch(b), alpha, beta);
  } else {
    matmul_integers(out, a, b, alpha, beta);
  }
}

void register_matmul(Kernels& table) { table.matmul.function[kColumn] = matmul; }

}  // namespace ember::cuda
