// out = beta·out + alpha·a·b on cuBLASLt, or on cuBLAS where that has no kernel.
#include <ember/cuda/matmul.h>

#include <climits>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <ember/core/cuda_blas.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>
#include <ember/cuda/blas.h>
#include <ember/cuda/gemm_layout.h>
#include <ember/cuda/lt_matmul.h>
#include <ember/cuda/register.h>

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
    const Dims &sizes = t.sizes(), &strides = t.strides();
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
// cuBLASLt's where it has a kernel: to compare the two.
enum class Library : uint8_t { Choose, Cublas, CublasLt };
Library library() {
  static const Library chosen = [] {
    const char* const value = std::getenv("EMBER_CUDA_BLAS");
    const std::string_view name = value == nullptr ? "" : value;
    return name == "cublas" ? Library::Cublas : name == "cublaslt" ? Library::CublasLt : Library::Choose;
  }();
  return chosen;
}

// cuBLAS has kernels for a matrix and a vector, which cuBLASLt has not; of the epilogues, some versions of cuBLASLt
// forget elements of a vector.
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

// Without an epilogue: always done.
void run(const LaunchScope& scope, const Gemm& g, double alpha, double beta) {
  std::optional<ScratchGemm> scratch;
  const auto otherwise = [&] {
    if (!scratch) scratch.emplace(g, scope.info.index);
    cublas_gemm(scope, scratch->gemm(), alpha, beta);
  };
  if (!for_lt(g) || !lt_gemm(scope, g, alpha, beta, FunctionRef(otherwise))) cublas_gemm(scope, g, alpha, beta);
  check_launch("matmul");
}

// A product as cuBLAS takes it, with the copies of factors that it needs.
struct Product {
  Gemm gemm;
  Tensor copies[2];

  Product(const Tensor& out, const Tensor& a, const Tensor& b) {
    const MatrixView x(a), y(b), z(out);
    gemm.dtype = out.dtype();
    gemm.batch = checked(z.batch, "batch size");
    gemm.m = checked(z.rows, "number of rows");
    gemm.n = checked(z.cols, "number of columns");
    gemm.k = checked(x.cols, "inner size");
    gemm.out = z.data;
    gemm.out_ld = checked(z.rows == 1 ? z.cols : z.row_stride, "stride of the output");
    gemm.out_batch_stride = z.batch_stride;
    EMBER_CHECK(gemm.out_ld >= z.cols && (z.cols == 1 || z.col_stride == 1),
                "the output must be row-major, got strides ", out.strides());
    gemm.a = prepare(a, x, "stride of the first matrix", copies[0]);
    gemm.b = prepare(b, y, "stride of the second matrix", copies[1]);
  }
};

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
  run(scope, product.gemm, alpha, beta);
}

Tensor as_batch(const Tensor& x) {
  return detail::alias(x, {1, x.size(0), x.size(1)}, {0, x.stride(0), x.stride(1)}, x.storage_offset());
}

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

void copy_to_rows(const Tensor& out, const Tensor& bias) {
  TensorIterator iter(out);
  iter.add_input(bias);
  iter.build();
  launch(kernels.copy, out.device(), iter);
}

void matmul_bias(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias) {
  if (out.numel() == 0) return;
  if (!is_floating(out.dtype()) || a.sizes()[1] == 0) {
    copy_to_rows(out, bias);
    return matmul(out, a, b, 1, 1);
  }
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  // The bias is added on the way, or is in every row of the output first.
  if (bias.sizes()[0] == 1 || bias.strides()[0] == 1) {
    Gemm fused = product.gemm;
    fused.epilogue = Epilogue::Bias;
    fused.vector = bias.data_ptr();
    std::optional<ScratchGemm> scratch;
    const auto in_steps = [&] {
      if (!scratch) scratch.emplace(product.gemm, scope.info.index);
      copy_to_rows(scratch->matrix(), bias);
      run(scope, scratch->gemm(), 1, 1);
    };
    if (for_lt(fused) && lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps))) return check_launch("matmul_bias");
  }
  copy_to_rows(out, bias);
  run(scope, product.gemm, 1, 1);
}

void sum_rows(const Tensor& sums, const Tensor& a) { launch(kernels.sum, a.device(), sums, a, DimMask{2}, 1.0); }

// Up to this many multiply-adds the launch that is saved is worth more than what the kernels that also sum may lack in
// speed; beyond it they are taken where they were measured.
constexpr int64_t kRowSumsWork = int64_t{1} << 27;

void matmul_row_sums(const Tensor& out, const Tensor& sums, const Tensor& a, const Tensor& b) {
  if (out.numel() == 0 || a.sizes()[1] == 0 || !is_floating(out.dtype())) {
    sum_rows(sums, a);
    return matmul(out, a, b, 1, 0);
  }
  const LaunchScope scope(out.device());
  const Product product(out, a, b);
  Gemm fused = product.gemm;
  fused.epilogue = Epilogue::RowSums;
  fused.vector = sums.data_ptr();
  std::optional<ScratchGemm> scratch;
  const auto in_steps = [&] {
    if (!scratch) scratch.emplace(fused, scope.info.index);
    sum_rows(scratch->vector(), a);
    Gemm plain = scratch->gemm();
    plain.epilogue = Epilogue::None;
    run(scope, plain, 1, 0);
  };
  const bool worth_it = benchmark() || fused.m * fused.n <= kRowSumsWork / fused.k;
  if (worth_it && for_lt(fused) && lt_gemm(scope, fused, 1, 0, FunctionRef(in_steps))) {
    return check_launch("matmul_row_sums");
  }
  sum_rows(sums, a);
  run(scope, product.gemm, 1, 0);
}

}  // namespace

void register_matmul(Kernels& table) {
  table.matmul.function[kColumn] = matmul;
  table.matmul_bias.function[kColumn] = matmul_bias;
  product_kernels.matmul_row_sums.function[kColumn] = matmul_row_sums;
}

}  // namespace ember::cuda
