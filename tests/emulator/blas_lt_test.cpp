// The emulated cuBLASLt against sums in double precision: every dtype and kernel; descriptors, limits, errors.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "blas_lt_test.h"

namespace emulator::test {
namespace {

double sum_unit(cudaDataType type) { return unit_of(type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F); }

double smallest(cudaDataType type) { return bytes_of(type) == 2 ? std::ldexp(1, -25) : 0; }

TEST(BlasLt, EveryDtypeAndKernel) {
  const int64_t shapes[][3] = {{1, 1, 1},     {8, 8, 8},    {17, 5, 9},    {31, 33, 65},
                               {64, 128, 96}, {3, 5, 5000}, {128, 16, 64}, {40, 1, 20}};
  for (const auto& [m, n, k] : shapes) {
    for (const cudaDataType type : kTypes) {
      for (int variant = 0; variant < 8; ++variant) {
        Problem p{(variant & 1) != 0, (variant & 2) != 0, m, n, k, (variant & 4) != 0 ? 3 : 1};
        p.alpha = variant % 3 == 0 ? 1 : -1.5;
        p.beta = variant % 3 == 1 ? 0.5 : 0;
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << " type " << type << " variant " << variant);
        const int64_t padding = variant / 4 * 8;
        for (const auto scheme : {CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE}) {
          Limits limits;
          ASSERT_EQ(limits.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<uint32_t>(scheme)),
                    CUBLAS_STATUS_SUCCESS);
          Results found;
          ASSERT_EQ(Call(p, type, padding, padding * 8).find(limits, found), CUBLAS_STATUS_SUCCESS);
          for (const auto& result : found) {
            Call call(p, type, padding, padding * 8);
            const auto expected = exact_product(p, call.a, call.b, &call.d);
            ASSERT_EQ(call.run(result), CUBLAS_STATUS_SUCCESS);
            const bool rounds = result.workspaceSize != 0 && scheme == CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
            const double unit = rounds ? unit_of(type) : sum_unit(type);
            for (int64_t b = 0; b < p.batch; ++b) {
              for (int64_t j = 0; j < n; ++j) {
                for (int64_t i = 0; i < m; ++i) {
                  const Exact& e = expected[index_of(p, i, j, b)];
                  ASSERT_NEAR(call.d(i, j, b), e.value,
                              sum_tolerance(unit, k) * e.magnitude + 1.01 * unit_of(type) * std::fabs(e.value) +
                                  (rounds ? 8 : 1) * smallest(type));
                }
              }
            }
            ASSERT_TRUE(call.d.gaps_are_untouched());
          }
        }
      }
    }
  }
}

// Each kernel adds in an order of its own, and in the same one each time.
TEST(BlasLt, KernelsAreDistinctAndDeterministic) {
  const Problem p{false, true, 32, 48, 2048};
  for (const cudaDataType type : kTypes) {
    Call call(p, type, 0, 0, type == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F);
    std::set<std::vector<double>> results;
    const Results found = call.find();
    ASSERT_GE(found.size(), 3u);
    for (const auto& result : found) {
      std::optional<std::vector<double>> first;
      for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(call.run(result), CUBLAS_STATUS_SUCCESS);
        std::vector<double> values;
        for (int64_t j = 0; j < p.n; ++j)
          for (int64_t row = 0; row < p.m; ++row) values.push_back(call.d(row, j));
        if (!first) first = values;
        EXPECT_EQ(*first, values);
      }
      results.insert(*first);
    }
    EXPECT_EQ(results.size(), found.size());
  }
}

// The parts of a sum of half floats lose bits only where they may be rounded to those.
TEST(BlasLt, OnlySumsInTheOutputTypeAreRounded) {
  for (const cudaDataType type : {CUDA_R_16F, CUDA_R_16BF}) {
    Problem p{false, false, 4, 4, 64};
    Call call(p, type);
    // A large part and a small one whose sum, of the largest part and its opposite, is the small one.
    for (int64_t q = 0; q < p.k; ++q) {
      for (int64_t i = 0; i < 4; ++i) {
        call.a.set(i, q, 0, 1);
        call.b.set(q, i, 0, q == 0 ? 1024 : q == 1 ? 0.5 : q == 63 ? -1024 : 0);
      }
    }
    const auto run = [&](cublasLtReductionScheme_t scheme) {
      Limits limits;
      Results found;
      EXPECT_EQ(limits.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<uint32_t>(scheme)),
                CUBLAS_STATUS_SUCCESS);
      EXPECT_EQ(call.find(limits, found), CUBLAS_STATUS_SUCCESS);
      EXPECT_GT(found[0].workspaceSize, 0u);
      EXPECT_EQ(call.run(found[0]), CUBLAS_STATUS_SUCCESS);
      return call.d(1, 2);
    };
    EXPECT_EQ(run(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE), 0.5);
    EXPECT_EQ(run(CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE), 0);
  }
}

TEST(BlasLt, InPlaceIsOfOneLayout) {
  Call call({false, false, 8, 4, 8, 1, 1, 0.5}, CUDA_R_32F);
  const Matrix c(CUDA_R_32F, 8, 4, 1, 1);
  LayoutOf other(c);
  const float one = 1, half = 0.5;
  const auto run = [&](const void* from, cublasLtMatrixLayoutOpaque_t& layout) {
    return cublasLtMatmul(handle(), &call.description, &one, call.a.data(), &call.a_layout.layout, call.b.data(),
                          &call.b_layout.layout, &half, from, &layout, call.d.data(), &call.d_layout.layout, nullptr,
                          nullptr, 0, nullptr);
  };
  EXPECT_EQ(run(call.d.data(), call.d_layout.layout), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(run(call.d.data(), other.layout), CUBLAS_STATUS_INVALID_VALUE);
  const auto expected = exact_product(call.p, call.a, call.b, &c);
  EXPECT_EQ(run(c.data(), other.layout), CUBLAS_STATUS_SUCCESS);
  for (int64_t i = 0; i < 8; ++i)
    for (int64_t j = 0; j < 4; ++j) EXPECT_NEAR(call.d(i, j), expected[index_of(call.p, i, j, 0)].value, 1e-5);
  EXPECT_TRUE(faults(FaultKind::kIllegalAddress, [&] { (void)run(c.data() + 4, other.layout); }));
  EXPECT_EQ(run(nullptr, other.layout), CUBLAS_STATUS_INVALID_VALUE);
}

TEST(BlasLt, Tf32) {
  const Problem p{false, false, 16, 16, 64};
  Call call(p, CUDA_R_32F);
  const auto expected = exact_product(p, call.a, call.b, nullptr);
  const auto error = [&](cublasComputeType_t compute) {
    call.describe(compute);
    double largest = 0;
    EXPECT_EQ(call.run(call.find()[0]), CUBLAS_STATUS_SUCCESS);
    for (int64_t i = 0; i < 16; ++i)
      for (int64_t j = 0; j < 16; ++j)
        largest = std::max(largest, std::fabs(call.d(i, j) - expected[index_of(p, i, j, 0)].value));
    return largest;
  };
  EXPECT_LT(error(CUBLAS_COMPUTE_32F), 1e-5);
  EXPECT_GT(error(CUBLAS_COMPUTE_32F_FAST_TF32), 1e-4);
}

// ---- descriptors, limits and errors ----

TEST(BlasLt, AttributesHaveTheirSizes) {
  Call call({false, false, 4, 4, 4}, CUDA_R_32F);
  Limits limits;
  EXPECT_EQ(call.set(CUBLASLT_MATMUL_DESC_TRANSA, int64_t{0}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, int32_t{0}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.set(static_cast<cublasLtMatmulDescAttributes_t>(9), int32_t{0}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.set(static_cast<cublasLtMatmulDescAttributes_t>(1000), int32_t{0}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(cublasLtMatmulDescSetAttribute(&call.description, CUBLASLT_MATMUL_DESC_TRANSA, nullptr, 4),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.a_layout.set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int64_t{1}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.a_layout.set(static_cast<cublasLtMatrixLayoutAttribute_t>(50), 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(limits.set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint32_t{1}), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(limits.set(static_cast<cublasLtMatmulPreferenceAttributes_t>(2), uint32_t{1}), CUBLAS_STATUS_INVALID_VALUE);
  std::memset(&call.a_layout.layout, 0, sizeof(call.a_layout.layout));
  EXPECT_EQ(call.a_layout.set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int32_t{1}), CUBLAS_STATUS_INVALID_VALUE);
}

TEST(BlasLt, StructsThatTheLibraryMakes) {
  const Matrix a(CUDA_R_32F, 4, 4), d(CUDA_R_32F, 4, 4);
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t layout = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  ASSERT_EQ(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 4, 4, 4), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
  cublasLtMatmulHeuristicResult_t result;
  int count = 0;
  ASSERT_EQ(cublasLtMatmulAlgoGetHeuristic(handle(), description, layout, layout, layout, layout, preference, 1,
                                           &result, &count),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(count, 1);
  const float one = 1, zero = 0;
  const cublasLtMatmulAlgo_t* const algorithms[] = {&result.algo, nullptr};
  for (const cublasLtMatmulAlgo_t* const algorithm : algorithms) {
    ASSERT_EQ(cublasLtMatmul(handle(), description, &one, a.data(), layout, a.data(), layout, &zero, nullptr, layout,
                             d.data(), layout, algorithm, nullptr, 0, nullptr),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_NEAR(d(1, 2), a(1, 0) * a(0, 2) + a(1, 1) * a(1, 2) + a(1, 2) * a(2, 2) + a(1, 3) * a(3, 2), 1e-6);
  }
  EXPECT_EQ(cublasLtMatmulDescDestroy(description), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasLtMatrixLayoutDestroy(layout), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasLtMatmulPreferenceDestroy(preference), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasLtGetVersion(), size_t{CUBLAS_VERSION});
}

TEST(BlasLt, ShapesThatDoNotFit) {
  const auto status = [](auto change) {
    Call call({false, false, 8, 4, 12}, CUDA_R_32F);
    change(call);
    const cublasStatus_t found = call.status();
    if (found != CUBLAS_STATUS_SUCCESS) {
      EXPECT_EQ(call.run(nullptr, nullptr, 0), found);
    }
    return found;
  };
  EXPECT_EQ(status([](Call&) {}), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(status([](Call& c) { c.a_layout.set(CUBLASLT_MATRIX_LAYOUT_COLS, uint64_t{11}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.b_layout.set(CUBLASLT_MATRIX_LAYOUT_COLS, uint64_t{5}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.d_layout.set(CUBLASLT_MATRIX_LAYOUT_ROWS, uint64_t{7}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.a_layout.set(CUBLASLT_MATRIX_LAYOUT_LD, int64_t{7}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.a_layout.set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int32_t{2}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t{CUBLAS_OP_T}); }),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(status([](Call& c) { c.a_layout.set(CUBLASLT_MATRIX_LAYOUT_TYPE, int32_t{CUDA_R_16F}); }),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status([](Call& c) { c.a_layout.set(CUBLASLT_MATRIX_LAYOUT_ORDER, int32_t{CUBLASLT_ORDER_ROW}); }),
            CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status([](Call& c) { c.d_layout.set(CUBLASLT_MATRIX_LAYOUT_TYPE, int32_t{CUDA_R_16F}); }),
            CUBLAS_STATUS_NOT_SUPPORTED);
  // A stride is one of batches only.
  EXPECT_EQ(status([](Call& c) { c.d_layout.set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, int64_t{3}); }),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(status([](Call& c) { c.describe(CUBLAS_COMPUTE_16F); }), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status([](Call& c) { c.set(CUBLASLT_MATMUL_DESC_POINTER_MODE, int32_t{1}); }), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(status([](Call& c) { c.set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, c.a.data()); }),
            CUBLAS_STATUS_INVALID_VALUE);
}

TEST(BlasLt, PreferencesLimitTheKernels) {
  Call call({false, false, 16, 16, 256}, CUDA_R_16F);
  Results results;
  Limits none(0);
  ASSERT_EQ(call.find(none, results), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(results.size(), 2u);
  for (const auto& result : results) EXPECT_EQ(result.workspaceSize, 0u);
  Limits all;
  ASSERT_EQ(call.find(all, results), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(results.size(), 4u);
  ASSERT_EQ(call.find(all, results, 1), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(results.size(), 1u);
  EXPECT_EQ(call.find(all, results, 0), CUBLAS_STATUS_INVALID_VALUE);
  // Sums of half floats in float only.
  (void)all.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  ASSERT_EQ(call.find(all, results), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(results.size(), 3u);
  (void)all.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t{8});
  ASSERT_EQ(call.find(all, results), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(results.size(), 2u);
  (void)all.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t{1});
  EXPECT_EQ(call.find(all, results), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_TRUE(results.empty());
}

TEST(BlasLt, ChecksWhatAKernelNeeds) {
  Call call({false, false, 4, 4, 64}, CUDA_R_32F);
  const DeviceMemory workspace(kWorkspace);
  const Results found = call.find();
  const auto& split = found[0];
  ASSERT_GT(split.workspaceSize, 0u);
  EXPECT_EQ(call.run(&split.algo, nullptr, kWorkspace), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.run(&split.algo, workspace.data(), split.workspaceSize - 1), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(call.run(&split.algo, workspace.data() + 128, split.workspaceSize), CUBLAS_STATUS_INVALID_VALUE);
  const DeviceMemory little(split.workspaceSize - 1);
  EXPECT_TRUE(
      faults(FaultKind::kIllegalAddress, [&] { (void)call.run(&split.algo, little.data(), split.workspaceSize); }));
  Call larger({false, false, 64, 64, 512}, CUDA_R_32F);
  EXPECT_EQ(larger.run(&split.algo, workspace.data(), kWorkspace), CUBLAS_STATUS_INVALID_VALUE);
  // The kernel with vectors, of columns that are not whole vectors.
  const auto vectors = Call({false, false, 4, 4, 4}, CUDA_R_32F).find()[0];
  Call odd({false, false, 5, 4, 4}, CUDA_R_32F);
  EXPECT_EQ(odd.run(&vectors.algo, nullptr, 0), CUBLAS_STATUS_INVALID_VALUE);
  // And of an address that is none's.
  const float one = 1;
  EXPECT_EQ(cublasLtMatmul(handle(), &call.description, &one, call.a.data() + 4, &call.a_layout.layout, call.b.data(),
                           &call.b_layout.layout, &one, call.d.data(), &call.d_layout.layout, call.d.data(),
                           &call.d_layout.layout, &vectors.algo, nullptr, 0, nullptr),
            CUBLAS_STATUS_INVALID_VALUE);
  const cublasLtMatmulAlgo_t empty{};
  EXPECT_EQ(call.run(&empty, nullptr, 0), CUBLAS_STATUS_INVALID_VALUE);
}

}  // namespace
}  // namespace emulator::test
