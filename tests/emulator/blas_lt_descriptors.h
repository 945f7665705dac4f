// What the emulated cuBLASLt keeps in the structs that are opaque to its callers, and the attributes that are set
// there: their numbers, sizes and defaults are those of cublasLt.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <cublasLt.h>

namespace emulator {

// One that was never initialised, or is destroyed, has another number.
constexpr uint32_t kLayoutMark = 0x1a704701, kMatmulMark = 0x1a704702, kPreferenceMark = 0x1a704703,
                   kAlgorithmMark = 0x1a704704;

struct Layout {
  uint32_t mark = kLayoutMark;
  int32_t type = CUDA_R_32F;
  int32_t order = CUBLASLT_ORDER_COL;
  int32_t batch_count = 1;
  uint32_t batch_mode = 0;
  uint64_t rows = 0, columns = 0;
  int64_t ld = 0;
  int64_t batch_stride = 0;
  int64_t plane_offset = 0;
};

struct MatmulDescription {
  uint32_t mark = kMatmulMark;
  int32_t compute_type = CUBLAS_COMPUTE_32F;
  int32_t scale_type = CUDA_R_32F;
  int32_t pointer_mode = CUBLASLT_POINTER_MODE_HOST;
  int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N, transpose_c = CUBLAS_OP_N;
  int32_t fill_mode = CUBLAS_FILL_MODE_FULL;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  int32_t sm_count_target = 0;
  std::byte* bias = nullptr;
  int64_t bias_batch_stride = 0;
  std::byte* aux = nullptr;
  int64_t aux_ld = 0, aux_batch_stride = 0;
  int64_t alpha_batch_stride = 0;
  // Factors of numbers of 8 bits and less, and the largest of such results.
  const void* scales[8] = {};
  const void* emulation = nullptr;
  int32_t aux_type = -1, bias_type = -1;
  int32_t scale_modes[6] = {};
  int8_t fast_accumulation = 0;
};

struct Preference {
  uint32_t mark = kPreferenceMark;
  uint32_t search_mode = CUBLASLT_SEARCH_BEST_FIT;
  uint64_t workspace_bytes = 0;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignment_a = 256, alignment_b = 256, alignment_c = 256, alignment_d = 256;
  float waves = 0;
  uint64_t implementations = ~uint64_t{0};
};

// How a product is to be computed.
struct Algorithm {
  uint32_t mark = kAlgorithmMark;
  uint32_t kernel = 0;  // of blas_lt_heuristic.cpp
  int64_t terms = 0;    // of Summation
  uint64_t workspace_bytes = 0;
  uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
  uint32_t alignment = 1;  // of every matrix and every column of one, in bytes
};

// The state in an opaque struct; null if that is null or holds no such thing.
const Layout* layout_of(cublasLtMatrixLayout_t opaque);
const MatmulDescription* description_of(cublasLtMatmulDesc_t opaque);
const Preference* preference_of(cublasLtMatmulPreference_t opaque);
const Algorithm* algorithm_of(const cublasLtMatmulAlgo_t* opaque);

// CUBLAS_STATUS_INVALID_VALUE for an attribute that there is not, and one of another size.
cublasStatus_t set_attribute(cublasLtMatrixLayout_t opaque, int attribute, const void* value, size_t bytes);
cublasStatus_t set_attribute(cublasLtMatmulDesc_t opaque, int attribute, const void* value, size_t bytes);
cublasStatus_t set_attribute(cublasLtMatmulPreference_t opaque, int attribute, const void* value, size_t bytes);

}  // namespace emulator
