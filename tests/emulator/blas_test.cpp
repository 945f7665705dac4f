// The emulated cuBLAS against sums in double precision, LU factors against their matrices, errors; and the conversions
// of half floats against CUDA's.
#include "blas_test.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "blas_element.h"

namespace emulator::test {
namespace {

class Handle {
 public:
  Handle() { EXPECT_EQ(cublasCreate(&handle_), CUBLAS_STATUS_SUCCESS); }
  ~Handle() { EXPECT_EQ(cublasDestroy(handle_), CUBLAS_STATUS_SUCCESS); }
  operator cublasHandle_t() const { return handle_; }

 private:
  cublasHandle_t handle_ = nullptr;
};

cublasOperation_t op(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

Matrix factor_a(const Problem& p, cudaDataType type, int64_t padding = 0, int64_t batch_padding = 0) {
  return p.transpose_a ? Matrix(type, p.k, p.m, p.batch, padding, batch_padding)
                       : Matrix(type, p.m, p.k, p.batch, padding, batch_padding);
}
Matrix factor_b(const Problem& p, cudaDataType type, int64_t padding = 0, int64_t batch_padding = 0) {
  return p.transpose_b ? Matrix(type, p.n, p.k, p.batch, padding, batch_padding)
                       : Matrix(type, p.k, p.n, p.batch, padding, batch_padding);
}

cublasStatus_t multiply(cublasHandle_t handle, const Problem& p, const Matrix& a, const Matrix& b, const Matrix& c,
                        cublasComputeType_t compute) {
  const Scale alpha(p.alpha, c.type()), beta(p.beta, c.type());
  const auto number = [](int64_t n) { return static_cast<int>(n); };
  if (p.batch == 1) {
    return cublasGemmEx(handle, op(p.transpose_a), op(p.transpose_b), number(p.m), number(p.n), number(p.k),
                        alpha.get(), a.data(), a.type(), number(a.ld()), b.data(), b.type(), number(b.ld()), beta.get(),
                        c.data(), c.type(), number(c.ld()), compute, CUBLAS_GEMM_DEFAULT);
  }
  return cublasGemmStridedBatchedEx(handle, op(p.transpose_a), op(p.transpose_b), number(p.m), number(p.n), number(p.k),
                                    alpha.get(), a.data(), a.type(), number(a.ld()), a.stride(), b.data(), b.type(),
                                    number(b.ld()), b.stride(), beta.get(), c.data(), c.type(), number(c.ld()),
                                    c.stride(), number(p.batch), compute, CUBLAS_GEMM_DEFAULT);
}

void expect_close(const Problem& p, const std::vector<Exact>& expected, const Matrix& c, double unit) {
  for (int64_t batch = 0; batch < p.batch; ++batch) {
    for (int64_t j = 0; j < p.n; ++j) {
      for (int64_t i = 0; i < p.m; ++i) {
        const Exact& e = expected[index_of(p, i, j, batch)];
        const double allowed = sum_tolerance(unit, p.k) * e.magnitude + 1.01 * unit_of(c.type()) * std::fabs(e.value) +
                               (bytes_of(c.type()) == 2 ? std::ldexp(1, -25) : 0);
        ASSERT_LE(std::fabs(c(i, j, batch) - e.value), allowed) << i << ' ' << j << ' ' << batch;
      }
    }
  }
  EXPECT_TRUE(c.gaps_are_untouched());
}

TEST(BlasElement, EveryHalfFloatAsCudaHasIt) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float as_half = __half2float(std::bit_cast<__half>(half));
    const float as_bfloat16 = __bfloat162float(std::bit_cast<__nv_bfloat16>(half));
    if (std::isnan(as_half)) {
      EXPECT_TRUE(std::isnan(from_half(half)) && std::isnan(from_half(to_half(as_half))));
    } else {
      EXPECT_EQ(from_half(half), as_half);
      EXPECT_EQ(to_half(as_half), half);
    }
    if (std::isnan(as_bfloat16)) {
      EXPECT_TRUE(std::isnan(from_bfloat16(half)) && std::isnan(from_bfloat16(to_bfloat16(as_bfloat16))));
    } else {
      EXPECT_EQ(from_bfloat16(half), as_bfloat16);
      EXPECT_EQ(to_bfloat16(as_bfloat16), half);
    }
  }
}

TEST(BlasElement, RoundsAsCudaDoes) {
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4093) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_half(value), std::bit_cast<uint16_t>(__float2half_rn(value))) << value;
    ASSERT_EQ(to_bfloat16(value), std::bit_cast<uint16_t>(__float2bfloat16_rn(value))) << value;
  }
  for (const float half : {0.5f, 1.0f, 1.5f, 2.0f, 1024.5f, 65519.9f, 65520.0f, 1e-8f, 2.9802322e-8f, 2.99e-8f}) {
    EXPECT_EQ(to_half(half), std::bit_cast<uint16_t>(__float2half_rn(half))) << half;
    EXPECT_EQ(to_half(-half), std::bit_cast<uint16_t>(__float2half_rn(-half))) << half;
  }
  EXPECT_EQ(to_tf32(1 + 0x1p-10f), 1 + 0x1p-10f);
  EXPECT_EQ(to_tf32(1 + 0x1p-11f), 1 + 0x1p-10f);
  EXPECT_EQ(to_tf32(-1 - 0x1p-11f), -1 - 0x1p-10f);
  EXPECT_EQ(to_tf32(1 + 0x1p-12f), 1.0f);
  EXPECT_EQ(to_tf32(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
}

TEST(Blas, EveryDtypeTransposeAndFactor) {
  const Handle handle;
  const int64_t shapes[][3] = {{1, 1, 1},    {2, 3, 4},   {16, 4, 8},   {17, 5, 9},    {31, 33, 65},
                               {1, 40, 300}, {40, 1, 20}, {5, 3, 5000}, {64, 128, 96}, {130, 67, 257}};
  for (const auto& [m, n, k] : shapes) {
    for (const cudaDataType type : kTypes) {
      for (int variant = 0; variant < 16; ++variant) {
        Problem p{(variant & 1) != 0, (variant & 2) != 0, m, n, k};
        p.alpha = (variant & 4) != 0 ? -2 : 1;
        p.beta = (variant & 8) != 0 ? 0.5 : 0;
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << " type " << type << " variant " << variant);
        const int64_t padding = variant % 3;
        const Matrix a = factor_a(p, type, padding), b = factor_b(p, type, 2 * padding);
        Matrix c(type, m, n, 1, padding);
        if (p.beta == 0) c.set(0, 0, 0, NAN);  // is not read
        const auto expected = exact_product(p, a, b, &c);
        ASSERT_EQ(multiply(handle, p, a, b, c, compute_for(type)), CUBLAS_STATUS_SUCCESS);
        expect_close(p, expected, c, unit_of(type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F));
      }
    }
  }
}

TEST(Blas, FloatResultsOfHalfFloats) {
  const Handle handle;
  for (const cudaDataType type : {CUDA_R_16F, CUDA_R_16BF}) {
    const Problem p{false, true, 20, 30, 40};
    const Matrix a = factor_a(p, type), b = factor_b(p, type), c(CUDA_R_32F, 20, 30);
    ASSERT_EQ(multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
    expect_close(p, exact_product(p, a, b, nullptr), c, unit_of(CUDA_R_32F));
  }
}

TEST(Blas, Batches) {
  const Handle handle;
  for (const cudaDataType type : kTypes) {
    for (int variant = 0; variant < 4; ++variant) {
      const Problem p{(variant & 1) != 0, (variant & 2) != 0, 13, 17, 21, 5, 1.5, -1};
      const Matrix a = factor_a(p, type, 1, 7), b = factor_b(p, type, 0, 3), c(type, 13, 17, 5, 2, 11);
      const auto expected = exact_product(p, a, b, &c);
      ASSERT_EQ(multiply(handle, p, a, b, c, compute_for(type)), CUBLAS_STATUS_SUCCESS);
      expect_close(p, expected, c, unit_of(type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F));
    }
  }
}

// One matrix for all of a batch, and results between each other's columns.
TEST(Blas, BatchesOfOtherStrides) {
  const Handle handle;
  const int m = 3, n = 4, k = 5, batch = 2;
  const float one = 1, zero = 0;
  const Matrix a(CUDA_R_32F, m, k), b(CUDA_R_32F, k, n, batch), c(CUDA_R_32F, 2 * m, n);
  const auto run = [&](long long stride) {
    return cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &one, a.data(), CUDA_R_32F, m, 0,
                                      b.data(), CUDA_R_32F, k, b.stride(), &zero, c.data(), CUDA_R_32F, 2 * m, stride,
                                      batch, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  ASSERT_EQ(run(m), CUBLAS_STATUS_SUCCESS);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      for (int index = 0; index < batch; ++index) {
        double sum = 0;
        for (int q = 0; q < k; ++q) sum += a(i, q) * b(q, j, index);
        EXPECT_NEAR(c(index * m + i, j), sum, 1e-6);
      }
    }
  }
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)run(m - 1); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)run(0); }));
}

double largest_error(const Problem& p, const std::vector<Exact>& expected, const Matrix& c) {
  double largest = 0;
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j)
      largest = std::max(largest, std::fabs(c(i, j) - expected[index_of(p, i, j, 0)].value));
  return largest;
}

TEST(Blas, Tf32IsLessPrecise) {
  const Handle handle;
  const Problem p{false, false, 64, 64, 128};
  const Matrix a = factor_a(p, CUDA_R_32F), b = factor_b(p, CUDA_R_32F), c(CUDA_R_32F, 64, 64);
  const auto expected = exact_product(p, a, b, nullptr);
  const auto error = [&](cublasComputeType_t compute) {
    EXPECT_EQ(multiply(handle, p, a, b, c, compute), CUBLAS_STATUS_SUCCESS);
    return largest_error(p, expected, c);
  };
  EXPECT_LT(error(CUBLAS_COMPUTE_32F), 1e-5);
  const double rounded = error(CUBLAS_COMPUTE_32F_FAST_TF32);
  EXPECT_GT(rounded, 1e-4);
  EXPECT_LT(rounded, 1e-1);
  ASSERT_EQ(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(error(CUBLAS_COMPUTE_32F), rounded);
  EXPECT_LT(error(CUBLAS_COMPUTE_32F_PEDANTIC), 1e-5);
  const auto full = static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  ASSERT_EQ(cublasSetMathMode(handle, full), CUBLAS_STATUS_SUCCESS);
  EXPECT_LT(error(CUBLAS_COMPUTE_32F), 1e-5);
  EXPECT_EQ(cublasSetMathMode(handle, static_cast<cublasMath_t>(100)), CUBLAS_STATUS_INVALID_VALUE);
}

TEST(Blas, RunsWhenTheStreamDoesAndAgain) {
  const Handle handle;
  const auto stream = reinterpret_cast<cudaStream_t>(uintptr_t{0x1234});
  ASSERT_EQ(cublasSetStream(handle, stream), CUBLAS_STATUS_SUCCESS);
  Problem p{false, false, 8, 8, 8};
  Matrix a = factor_a(p, CUDA_R_32F);
  const Matrix b = factor_b(p, CUDA_R_32F), c(CUDA_R_32F, 8, 8);
  const Queue queue;
  ASSERT_EQ(multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.stream(), stream);
  for (int i = 0; i < 3; ++i) {
    a.set(i, 2 * i, 0, 3);
    queue.run();
    expect_close(p, exact_product(p, a, b, nullptr), c, unit_of(CUDA_R_32F));
  }
}

TEST(Blas, UsesTheWorkspaceOfTheStream) {
  const Handle handle;
  const DeviceMemory workspace(4096);
  const Problem p{true, false, 3, 2, 1000};
  const Matrix a = factor_a(p, CUDA_R_32F), b = factor_b(p, CUDA_R_32F), c(CUDA_R_32F, 3, 2);
  const auto used = [&] {
    size_t count = 0;
    while (count < workspace.bytes() && workspace.data()[count] == std::byte{0xff}) ++count;
    return count;
  };
  EXPECT_EQ(cublasSetWorkspace(handle, workspace.data() + 4, 1024), CUBLAS_STATUS_INVALID_VALUE);
  ASSERT_EQ(multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(used(), 0u);
  ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasSetStream(handle, nullptr), CUBLAS_STATUS_SUCCESS);  // forgets it
  ASSERT_EQ(multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(used(), 0u);
  ASSERT_EQ(cublasSetWorkspace(handle, workspace.data(), workspace.bytes()), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(used(), 4u * 3 * 2 * sizeof(float));
  expect_close(p, exact_product(p, a, b, nullptr), c, unit_of(CUDA_R_32F));
  ASSERT_EQ(cublasSetWorkspace(handle, workspace.data() + workspace.bytes(), 512), CUBLAS_STATUS_SUCCESS);
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)multiply(handle, p, a, b, c, CUBLAS_COMPUTE_32F); }));
}

TEST(Blas, RefusesWhatIsWrong) {
  const Handle handle;
  const Matrix a(CUDA_R_32F, 4, 4), b(CUDA_R_32F, 4, 4), c(CUDA_R_32F, 4, 4);
  const auto run = [&](int m, int lda, int ldb, int ldc, cudaDataType type, cublasComputeType_t compute) {
    const float one = 1;
    return cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, 4, 4, &one, a.data(), type, lda, b.data(), CUDA_R_32F, ldb,
                        &one, c.data(), CUDA_R_32F, ldc, compute, CUBLAS_GEMM_DEFAULT);
  };
  EXPECT_EQ(run(4, 4, 4, 4, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(run(0, 4, 4, 4, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(run(-1, 4, 4, 4, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(4, 3, 4, 4, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(4, 4, 3, 4, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(4, 4, 4, 3, CUDA_R_32F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(run(4, 4, 4, 4, CUDA_R_16F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(run(4, 4, 4, 4, CUDA_R_32I, CUBLAS_COMPUTE_32I), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(run(4, 4, 4, 4, CUDA_R_32F, CUBLAS_COMPUTE_16F), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(cublasSetStream(nullptr, nullptr), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_STREQ(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED), "CUBLAS_STATUS_NOT_SUPPORTED");
  EXPECT_STRNE(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE), cublasGetStatusString(CUBLAS_STATUS_SUCCESS));
}

TEST(Blas, FaultsOutsideOfMemory) {
  const Handle handle;
  const Matrix whole(CUDA_R_32F, 4, 4), c(CUDA_R_32F, 4, 4);
  const auto run = [&](const std::byte* a, const std::byte* b, std::byte* out, int ld) {
    const float one = 1;
    (void)cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, a, CUDA_R_32F, ld, b, CUDA_R_32F, ld, &one, out,
                       CUDA_R_32F, ld, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  const std::byte* const at = whole.data();
  EXPECT_NO_THROW(run(at, at, c.data(), 4));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(at + 4, at, c.data(), 4); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(at, at - 4, c.data(), 4); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(at, at, c.data() + 4, 4); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(at, at, c.data(), 5); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(nullptr, at, c.data(), 4); }));
  EXPECT_TRUE(faults(FaultKind::kMisaligned, [&] { run(at + 2, at, c.data(), 4); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(at, c.data(), c.data(), 4); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run(c.data(), at, c.data(), 4); }));
  // The last matrix of a batch.
  const Matrix batch(CUDA_R_32F, 4, 4, 3);
  const auto run_batch = [&](int count, long long stride) {
    const float one = 1, zero = 0;
    (void)cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, at, CUDA_R_32F, 4, 0, at,
                                     CUDA_R_32F, 4, 0, &zero, batch.data(), CUDA_R_32F, 4, stride, count,
                                     CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  EXPECT_NO_THROW(run_batch(3, 16));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run_batch(4, 16); }));
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { run_batch(3, 17); }));
}

// ---- LU ----

template <class T>
constexpr bool kIsDouble = sizeof(T) == 8;

template <class T>
class Systems {
 public:
  Systems(int n, int columns, int batch)
      : n_(n),
        columns_(columns),
        batch_(batch),
        a_(kType, n, n, batch, 2, 5),
        b_(kType, n, columns, batch, 1, 3),
        lists_(2 * static_cast<size_t>(batch) * sizeof(T*)),
        pivots_(static_cast<size_t>(n * batch) * sizeof(int)),
        info_(static_cast<size_t>(batch) * sizeof(int)) {
    for (int i = 0; i < batch; ++i) {
      lists_.as<T*>()[i] = reinterpret_cast<T*>(a_.data()) + i * a_.stride();
      lists_.as<T*>()[batch + i] = reinterpret_cast<T*>(b_.data()) + i * b_.stride();
    }
  }

  Matrix& a() { return a_; }
  Matrix& b() { return b_; }
  const int* pivots() const { return pivots_.as<int>(); }
  int* info() const { return info_.as<int>(); }

  cublasStatus_t factor(cublasHandle_t handle, bool pivoted = true) const {
    T** const list = lists_.as<T*>();
    int* const pivots = pivoted ? pivots_.as<int>() : nullptr;
    const int ld = static_cast<int>(a_.ld());
    if constexpr (kIsDouble<T>)
      return cublasDgetrfBatched(handle, n_, list, ld, pivots, info(), batch_);
    else
      return cublasSgetrfBatched(handle, n_, list, ld, pivots, info(), batch_);
  }
  cublasStatus_t solve(cublasHandle_t handle, cublasOperation_t operation, int* failed, bool pivoted = true) const {
    T** const list = lists_.as<T*>();
    const int* const pivots = pivoted ? pivots_.as<int>() : nullptr;
    const int ld = static_cast<int>(a_.ld()), ldb = static_cast<int>(b_.ld());
    if constexpr (kIsDouble<T>) {
      return cublasDgetrsBatched(handle, operation, n_, columns_, list, ld, pivots, list + batch_, ldb, failed, batch_);
    } else {
      return cublasSgetrsBatched(handle, operation, n_, columns_, list, ld, pivots, list + batch_, ldb, failed, batch_);
    }
  }

 private:
  static constexpr cudaDataType kType = kIsDouble<T> ? CUDA_R_64F : CUDA_R_32F;
  int n_, columns_, batch_;
  Matrix a_, b_;
  DeviceMemory lists_, pivots_, info_;
};

std::vector<double> values(const Matrix& matrix, int64_t batch) {
  std::vector<double> all;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      for (int64_t i = 0; i < matrix.rows(); ++i) all.push_back(matrix(i, j, b));
  return all;
}

template <class T>
void check_lu(int n, int columns, bool transposed, bool pivoted) {
  SCOPED_TRACE(testing::Message() << n << ' ' << columns << ' ' << transposed << ' ' << pivoted);
  const Handle handle;
  constexpr int kBatch = 3;
  Systems<T> systems(n, columns, kBatch);
  if (!pivoted) {
    for (int b = 0; b < kBatch; ++b)
      for (int i = 0; i < n; ++i) systems.a().set(i, i, b, n + 1.0);
  }
  const auto size = static_cast<size_t>(n);
  const std::vector<double> a = values(systems.a(), kBatch), sides = values(systems.b(), kBatch);
  const double tolerance = (kIsDouble<T> ? 1e-15 : 1e-6) * 100 * n;
  ASSERT_EQ(systems.factor(handle, pivoted), CUBLAS_STATUS_SUCCESS);
  for (int b = 0; b < kBatch; ++b) {
    ASSERT_EQ(systems.info()[b], 0);
    // L·U is A with its rows exchanged as the pivots say, and no element of L is over 1.
    std::vector<size_t> order(size);
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t i = 0; pivoted && i < size; ++i) {
      const int pivot = systems.pivots()[b * n + static_cast<int>(i)];
      ASSERT_TRUE(pivot > static_cast<int>(i) && pivot <= n);
      std::swap(order[i], order[static_cast<size_t>(pivot - 1)]);
    }
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        for (int q = 0; q <= std::min(i, j); ++q) {
          const double l = q == i ? 1 : systems.a()(i, q, b);
          ASSERT_LE(std::fabs(l), 1);
          sum += l * systems.a()(q, j, b);
        }
        const size_t row = order[static_cast<size_t>(i)];
        ASSERT_NEAR(sum, a[(static_cast<size_t>(b) * size + static_cast<size_t>(j)) * size + row], tolerance);
      }
    }
  }
  int failed = 5;
  ASSERT_EQ(systems.solve(handle, op(transposed), &failed, pivoted), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(failed, 0);
  for (int b = 0; b < kBatch; ++b) {
    for (int c = 0; c < columns; ++c) {
      for (int i = 0; i < n; ++i) {
        double sum = 0, magnitude = 1;
        for (int j = 0; j < n; ++j) {
          const int row = transposed ? j : i, column = transposed ? i : j;
          const double term = a[static_cast<size_t>((b * n + column) * n + row)] * systems.b()(j, c, b);
          sum += term;
          magnitude += std::fabs(term);
        }
        ASSERT_NEAR(sum, sides[static_cast<size_t>((b * columns + c) * n + i)], tolerance * magnitude);
      }
    }
  }
  EXPECT_TRUE(systems.a().gaps_are_untouched() && systems.b().gaps_are_untouched());
}

TEST(BlasLu, FactorsAndSolves) {
  for (const int n : {1, 2, 3, 8, 33}) {
    for (const int columns : {1, 4}) {
      for (const bool transposed : {false, true}) {
        for (const bool pivoted : {false, true}) {
          check_lu<float>(n, columns, transposed, pivoted);
          check_lu<double>(n, columns, transposed, pivoted);
        }
      }
    }
  }
}

TEST(BlasLu, SaysWhereUIsZero) {
  const Handle handle;
  Systems<double> systems(3, 1, 2);
  // The first matrix has rank 1; of the second the last column is 0.
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) systems.a().set(i, j, 0, (i + 1) * (j + 1));
    systems.a().set(i, 2, 1, 0);
  }
  ASSERT_EQ(systems.factor(handle), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(systems.info()[0], 2);
  EXPECT_EQ(systems.info()[1], 3);
}

TEST(BlasLu, RefusesAndFaults) {
  const Handle handle;
  const Systems<float> systems(3, 1, 2);
  EXPECT_EQ(cublasSgetrfBatched(handle, -1, nullptr, 3, nullptr, nullptr, 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSgetrfBatched(handle, 3, nullptr, 2, nullptr, nullptr, 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasSgetrfBatched(handle, 0, nullptr, 1, nullptr, nullptr, 1), CUBLAS_STATUS_SUCCESS);
  int failed = 0;
  EXPECT_EQ(cublasSgetrsBatched(handle, CUBLAS_OP_N, 3, 1, nullptr, 2, nullptr, nullptr, 3, &failed, 1),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(failed, -5);
  EXPECT_EQ(cublasSgetrsBatched(handle, CUBLAS_OP_N, 3, 1, nullptr, 3, nullptr, nullptr, 2, &failed, 1),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(failed, -8);
  float* const outside[] = {nullptr};
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress,
                     [&] { (void)cublasSgetrfBatched(handle, 3, outside, 3, nullptr, systems.info(), 1); }));
  const DeviceMemory list(sizeof(float*));
  *list.as<float*>() = nullptr;
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress,
                     [&] { (void)cublasSgetrfBatched(handle, 3, list.as<float*>(), 3, nullptr, systems.info(), 1); }));
  // Pivots that no factorisation made.
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)systems.solve(handle, CUBLAS_OP_N, &failed); }));
}

}  // namespace
}  // namespace emulator::test
