// What the tests of the emulated cuBLASLt share: descriptors and calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <cublasLt.h>

#include "blas_test.h"

namespace emulator::test {

using Results = std::vector<cublasLtMatmulHeuristicResult_t>;

inline constexpr size_t kWorkspace = size_t{1} << 20;

inline cublasLtHandle_t handle() {
  static const cublasLtHandle_t made = [] {
    cublasLtHandle_t h = nullptr;
    EXPECT_EQ(cublasLtCreate(&h), CUBLAS_STATUS_SUCCESS);
    return h;
  }();
  return made;
}

// A matrix's layout.
class LayoutOf {
 public:
  explicit LayoutOf(const Matrix& m, int32_t batch = 1) {
    EXPECT_EQ(cublasLtMatrixLayoutInit(&layout, m.type(), static_cast<uint64_t>(m.rows()),
                                       static_cast<uint64_t>(m.columns()), m.ld()),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, batch), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, m.stride()), CUBLAS_STATUS_SUCCESS);
  }
  template <class T>
  cublasStatus_t set(cublasLtMatrixLayoutAttribute_t attribute, T value) {
    return cublasLtMatrixLayoutSetAttribute(&layout, attribute, &value, sizeof(value));
  }
  cublasLtMatrixLayoutOpaque_t layout;
};

// A preference.
class Limits {
 public:
  explicit Limits(size_t workspace = kWorkspace) {
    EXPECT_EQ(cublasLtMatmulPreferenceInit(&preference), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{workspace}), CUBLAS_STATUS_SUCCESS);
  }
  template <class T>
  cublasStatus_t set(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    return cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value));
  }
  cublasLtMatmulPreferenceOpaque_t preference;
};

// A product with its matrices, what describes it and what belongs to its epilogue.
class Call {
 public:
  Call(const Problem& problem, cudaDataType type, int64_t padding = 0, int64_t batch_padding = 0,
       cudaDataType out_type = CUDA_R_8I)
      : p(problem),
        a(type, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.batch, padding, batch_padding),
        b(type, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.batch, padding, batch_padding),
        d(out_type == CUDA_R_8I ? type : out_type, p.m, p.n, p.batch, padding, batch_padding),
        a_layout(a, static_cast<int32_t>(p.batch)),
        b_layout(b, static_cast<int32_t>(p.batch)),
        d_layout(d, static_cast<int32_t>(p.batch)) {
    describe(compute_for(type));
  }

  void describe(cublasComputeType_t compute) {
    const cudaDataType scale = a.type() == CUDA_R_64F ? CUDA_R_64F : CUDA_R_32F;
    EXPECT_EQ(cublasLtMatmulDescInit(&description, compute, scale), CUBLAS_STATUS_SUCCESS);
    const auto operation = [](bool transposed) { return static_cast<int32_t>(transposed ? CUBLAS_OP_T : CUBLAS_OP_N); };
    EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_TRANSA, operation(p.transpose_a)), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_TRANSB, operation(p.transpose_b)), CUBLAS_STATUS_SUCCESS);
  }
  template <class T>
  cublasStatus_t set(cublasLtMatmulDescAttributes_t attribute, T value) {
    return cublasLtMatmulDescSetAttribute(&description, attribute, &value, sizeof(value));
  }
  void set_epilogue(cublasLtEpilogue_t epilogue, const Matrix* vector, std::byte* aux, int64_t aux_ld,
                    int64_t aux_stride) {
    EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<uint32_t>(epilogue)), CUBLAS_STATUS_SUCCESS);
    if (vector != nullptr) {
      EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, vector->data()), CUBLAS_STATUS_SUCCESS);
      EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, vector->stride()), CUBLAS_STATUS_SUCCESS);
    }
    if (aux != nullptr) {
      EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux), CUBLAS_STATUS_SUCCESS);
      EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, aux_ld), CUBLAS_STATUS_SUCCESS);
      EXPECT_EQ(set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, aux_stride), CUBLAS_STATUS_SUCCESS);
    }
  }

  cublasStatus_t find(Limits& limits, Results& results, int wanted = 8) {
    results.assign(static_cast<size_t>(wanted), {});
    int count = -1;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle(), &description, &a_layout.layout, &b_layout.layout, &d_layout.layout,
                                       &d_layout.layout, &limits.preference, wanted, results.data(), &count);
    results.resize(static_cast<size_t>(std::max(count, 0)));
    return status;
  }
  Results find() {
    Limits limits;
    Results results;
    EXPECT_EQ(find(limits, results), CUBLAS_STATUS_SUCCESS);
    return results;
  }
  cublasStatus_t status() {
    Limits limits;
    Results results;
    return find(limits, results);
  }

  cublasStatus_t run(const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t bytes) {
    const Scale alpha(p.alpha, a.type()), beta(p.beta, a.type());
    return cublasLtMatmul(handle(), &description, alpha.get(), a.data(), &a_layout.layout, b.data(), &b_layout.layout,
                          beta.get(), d.data(), &d_layout.layout, d.data(), &d_layout.layout, algorithm, workspace,
                          bytes, nullptr);
  }
  cublasStatus_t run(const cublasLtMatmulHeuristicResult_t& result) {
    const DeviceMemory workspace(result.workspaceSize);
    const cublasStatus_t status = run(&result.algo, workspace.data(), workspace.bytes());
    for (size_t i = 0; i < workspace.bytes(); ++i) EXPECT_EQ(workspace.data()[i], std::byte{0xff});
    return status;
  }

  Problem p;
  Matrix a, b, d;
  LayoutOf a_layout, b_layout, d_layout;
  cublasLtMatmulDescOpaque_t description;
};

}  // namespace emulator::test
