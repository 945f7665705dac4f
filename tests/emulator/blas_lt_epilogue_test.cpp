// The epilogues of the emulated cuBLASLt against what cublasLt.h says of them, in double precision.
#include <array>
#include <cmath>
#include <vector>

#include "blas_lt_test.h"

namespace emulator::test {
namespace {

double tanh_gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * std::pow(x, 3)))); }
double tanh_gelu_slope(double x) {
  const double step = 1e-5;
  return (tanh_gelu(x + step) - tanh_gelu(x - step)) / (2 * step);
}

struct EpilogueCase {
  cublasLtEpilogue_t number;
  bool bias, relu, gelu, aux, relu_gradient, gelu_gradient, sums, sums_a, sums_b;
};
// Written out from the comments of cublasLt.h.
constexpr EpilogueCase kEpilogues[] = {
    {CUBLASLT_EPILOGUE_BIAS, true, false, false, false, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_RELU, false, true, false, false, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_RELU_BIAS, true, true, false, false, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_RELU_AUX, false, true, false, true, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_RELU_AUX_BIAS, true, true, false, true, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_GELU, false, false, true, false, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_GELU_BIAS, true, false, true, false, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_GELU_AUX, false, false, true, true, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_GELU_AUX_BIAS, true, false, true, true, false, false, false, false, false},
    {CUBLASLT_EPILOGUE_DRELU, false, false, false, true, true, false, false, false, false},
    {CUBLASLT_EPILOGUE_DRELU_BGRAD, false, false, false, true, true, false, true, false, false},
    {CUBLASLT_EPILOGUE_DGELU, false, false, false, true, false, true, false, false, false},
    {CUBLASLT_EPILOGUE_DGELU_BGRAD, false, false, false, true, false, true, true, false, false},
    {CUBLASLT_EPILOGUE_BGRADA, false, false, false, false, false, false, false, true, false},
    {CUBLASLT_EPILOGUE_BGRADB, false, false, false, false, false, false, false, false, true},
};

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

class EpilogueTest {
 public:
  EpilogueTest(const EpilogueCase& which, const Problem& problem, cudaDataType type)
      : e(which),
        p(problem),
        tolerance(type == CUDA_R_32F ? 1e-5 : 40 * unit_of(type)),
        call(p, type, type == CUDA_R_32F ? 4 : 8, 16),
        vector(type, e.sums_b ? p.n : p.m, 1, p.batch, 0, 3),
        gelu_inputs(type, p.m, p.n, p.batch, round_up(p.m, 8) - p.m, 8 * p.n),
        mask_ld(round_up(p.m, 128)),
        mask(static_cast<size_t>(mask_ld * p.n * p.batch / 8)) {
    const bool is_relu = e.relu || e.relu_gradient;
    std::byte* const aux = !e.aux ? nullptr : is_relu ? mask.data() : gelu_inputs.data();
    const bool has_vector = e.bias || e.sums || e.sums_a || e.sums_b;
    call.set_epilogue(e.number, has_vector ? &vector : nullptr, aux, is_relu ? mask_ld : gelu_inputs.ld(),
                      is_relu ? mask_ld * p.n : gelu_inputs.stride());
    exact = exact_product(p, call.a, call.b, &call.d);
  }

  void run_and_check(const cublasLtMatmulHeuristicResult_t& result) {
    const Matrix& v = vector;
    std::vector<double> bias;
    for (int64_t b = 0; b < p.batch; ++b)
      for (int64_t i = 0; i < p.m; ++i) bias.push_back(e.bias ? v(i, 0, b) : 0);
    ASSERT_EQ(call.run(result), CUBLAS_STATUS_SUCCESS);
    for (int64_t b = 0; b < p.batch; ++b) {
      for (int64_t i = 0; i < p.m; ++i) {
        double sum = 0;
        for (int64_t j = 0; j < p.n; ++j) {
          const double x = exact[index_of(p, i, j, b)].value + bias[static_cast<size_t>(b * p.m + i)];
          const double expected = through(x, i, j, b);
          sum += expected;
          ASSERT_NEAR(call.d(i, j, b), expected, tolerance) << i << ' ' << j << ' ' << b;
          if (e.aux && e.relu && std::fabs(x) > tolerance) {
            ASSERT_EQ(bit(i, j, b), x > 0);
          }
          if (e.aux && e.gelu) {
            ASSERT_NEAR(gelu_inputs(i, j, b), x, tolerance);
          }
        }
        if (e.sums) {
          ASSERT_NEAR(v(i, 0, b), sum, tolerance * static_cast<double>(p.n));
        }
      }
      for (int64_t i = 0; e.sums_a && i < p.m; ++i) {
        ASSERT_NEAR(v(i, 0, b), sum_over_k(call.a, p.transpose_a, true, i, b), tolerance * 4);
      }
      for (int64_t j = 0; e.sums_b && j < p.n; ++j) {
        ASSERT_NEAR(v(j, 0, b), sum_over_k(call.b, p.transpose_b, false, j, b), tolerance * 4);
      }
    }
    ASSERT_TRUE(call.d.gaps_are_untouched() && vector.gaps_are_untouched() && gelu_inputs.gaps_are_untouched());
  }

  const EpilogueCase e;
  const Problem p;
  const double tolerance;
  Call call;
  Matrix vector, gelu_inputs;
  int64_t mask_ld;
  DeviceMemory mask;
  std::vector<Exact> exact;

 private:
  bool bit(int64_t i, int64_t j, int64_t b) const {
    const int64_t place = b * mask_ld * p.n + j * mask_ld + i;
    return (std::to_integer<unsigned>(mask.data()[place / 8]) >> (place % 8) & 1u) != 0;
  }
  double through(double x, int64_t i, int64_t j, int64_t b) const {
    if (e.relu) return std::fmax(x, 0);
    if (e.gelu) return tanh_gelu(x);
    if (e.relu_gradient) return bit(i, j, b) ? x : 0;
    if (e.gelu_gradient) return x * tanh_gelu_slope(gelu_inputs(i, j, b));
    return x;
  }
  double sum_over_k(const Matrix& factor, bool transposed, bool is_a, int64_t at, int64_t b) const {
    double sum = 0;
    for (int64_t q = 0; q < p.k; ++q) {
      sum += is_a ? factor.element(transposed, at, q, b) : factor.element(transposed, q, at, b);
    }
    return sum;
  }
};

TEST(BlasLtEpilogue, EveryOneOfEveryDtypeAndKernel) {
  for (const EpilogueCase& e : kEpilogues) {
    for (const cudaDataType type : {CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF}) {
      for (const auto& [m, n, k] : {std::array<int64_t, 3>{16, 8, 24}, {130, 5, 17}, {7, 33, 64}, {256, 3, 8}}) {
        for (int variant = 0; variant < 4; ++variant) {
          Problem p{(variant & 1) != 0, (variant & 2) != 0, m, n, k, variant == 3 ? 2 : 1, 0.25};
          SCOPED_TRACE(testing::Message() << "epilogue " << e.number << " type " << type << ' ' << m << " x " << n
                                          << " x " << k << " variant " << variant);
          for (const auto& result : EpilogueTest(e, p, type).call.find()) {
            EpilogueTest test(e, p, type);
            ASSERT_NO_FATAL_FAILURE(test.run_and_check(result));
          }
        }
      }
    }
  }
}

TEST(BlasLtEpilogue, OfDoublesOnlyTheBias) {
  for (const EpilogueCase& e : kEpilogues) {
    EpilogueTest test(e, {false, false, 16, 8, 24}, CUDA_R_64F);
    const cublasStatus_t expected =
        e.number == CUBLASLT_EPILOGUE_BIAS ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
    EXPECT_EQ(test.call.status(), expected) << e.number;
    if (expected == CUBLAS_STATUS_SUCCESS) test.run_and_check(test.call.find()[0]);
  }
}

TEST(BlasLtEpilogue, ReluOfNanIsNan) {
  EpilogueTest test(kEpilogues[3], {false, false, 8, 8, 8}, CUDA_R_32F);
  test.call.a.set(2, 0, 0, NAN);
  ASSERT_EQ(test.call.run(test.call.find()[0]), CUBLAS_STATUS_SUCCESS);
  for (int64_t j = 0; j < 8; ++j) EXPECT_TRUE(std::isnan(test.call.d(2, j)));
}

// Kernels write whole blocks of the mask.
TEST(BlasLtEpilogue, FillsUpTheMask) {
  EpilogueTest test(kEpilogues[4], {false, false, 16, 8, 8}, CUDA_R_32F);
  ASSERT_EQ(test.call.run(test.call.find()[0]), CUBLAS_STATUS_SUCCESS);
  for (size_t column = 0; column < 8; ++column) {
    for (size_t byte = 2; byte < 16; ++byte) EXPECT_EQ(test.mask.data()[column * 16 + byte], std::byte{0xff});
  }
}

TEST(BlasLtEpilogue, GradientsOfTheBatchAreApart) {
  EpilogueTest test(kEpilogues[13], {false, false, 16, 8, 8, 2}, CUDA_R_32F);
  ASSERT_EQ(test.call.set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, int64_t{0}), CUBLAS_STATUS_SUCCESS);
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)test.call.run(test.call.find()[0]); }));
}

TEST(BlasLtEpilogue, Limits) {
  const Problem p{false, false, 16, 8, 24};
  const auto find_with = [&](size_t which, auto change) {
    EpilogueTest test(kEpilogues[which], p, CUDA_R_32F);
    change(test);
    return test.call.status();
  };
  for (const size_t relu : {size_t{4}, size_t{10}}) {
    const auto with_ld = [&](int64_t ld) {
      return find_with(relu, [&](auto& t) { (void)t.call.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, ld); });
    };
    EXPECT_EQ(with_ld(128), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(with_ld(64), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(with_ld(0), CUBLAS_STATUS_INVALID_VALUE);
  }
  for (const size_t gelu : {size_t{8}, size_t{12}}) {
    const auto with_ld = [&](int64_t ld) {
      return find_with(gelu, [&](auto& t) { (void)t.call.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, ld); });
    };
    EXPECT_EQ(with_ld(16), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(with_ld(20), CUBLAS_STATUS_NOT_SUPPORTED);
    EXPECT_EQ(with_ld(8), CUBLAS_STATUS_INVALID_VALUE);
    const auto shifted = [](auto& t) {
      (void)t.call.set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, t.gelu_inputs.data() + 8);
    };
    EXPECT_EQ(find_with(gelu, shifted), CUBLAS_STATUS_NOT_SUPPORTED);
  }
  const auto without = [](auto attribute) {
    return [=](auto& t) { (void)t.call.set(attribute, static_cast<void*>(nullptr)); };
  };
  EXPECT_EQ(find_with(0, without(CUBLASLT_MATMUL_DESC_BIAS_POINTER)), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(find_with(4, without(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER)), CUBLAS_STATUS_INVALID_VALUE);
  const auto bias_type = [&](cudaDataType type) {
    return find_with(0, [&](auto& t) { (void)t.call.set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type); });
  };
  EXPECT_EQ(bias_type(CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(bias_type(CUDA_R_16F), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(find_with(0, [](auto& t) { (void)t.call.set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t{3}); }),
            CUBLAS_STATUS_INVALID_VALUE);
}

TEST(BlasLtEpilogue, FaultsOutsideOfMemory) {
  const Problem p{false, false, 16, 8, 24};
  const auto run_with = [&](size_t which, cublasLtMatmulDescAttributes_t attribute, auto place) {
    EpilogueTest test(kEpilogues[which], p, CUDA_R_32F);
    (void)test.call.set(attribute, place(test));
    return faults(FaultKind::kIllegalAddress, [&] { (void)test.call.run(test.call.find()[0]); });
  };
  for (const size_t which : {0, 10, 12, 13, 14}) {
    const auto after = [](auto& t) { return t.vector.data() + 4; };
    EXPECT_TRUE(run_with(which, CUBLASLT_MATMUL_DESC_BIAS_POINTER, after)) << which;
  }
  for (const size_t which : {4, 10}) {
    const auto after = [](auto& t) { return t.mask.data() + 16; };
    EXPECT_TRUE(run_with(which, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, after)) << which;
  }
  for (const size_t which : {8, 12}) {
    const auto after = [](auto& t) { return t.gelu_inputs.data() + 16; };
    EXPECT_TRUE(run_with(which, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, after)) << which;
  }
}

}  // namespace
}  // namespace emulator::test
