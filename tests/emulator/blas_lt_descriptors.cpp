#include "blas_lt_descriptors.h"

#include <cstring>

namespace emulator {

namespace {

static_assert(sizeof(Layout) <= sizeof(cublasLtMatrixLayoutOpaque_t));
static_assert(sizeof(MatmulDescription) <= sizeof(cublasLtMatmulDescOpaque_t));
static_assert(sizeof(Preference) <= sizeof(cublasLtMatmulPreferenceOpaque_t));
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

struct Attribute {
  int number;
  size_t offset, bytes;
};

#define EMULATOR_ATTRIBUTE(number, State, member) \
  Attribute { number, offsetof(State, member), sizeof(State::member) }

constexpr Attribute kLayoutAttributes[] = {
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_TYPE, Layout, type),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_ORDER, Layout, order),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_ROWS, Layout, rows),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_COLS, Layout, columns),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_LD, Layout, ld),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, Layout, batch_count),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, Layout, batch_stride),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_PLANE_OFFSET, Layout, plane_offset),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATRIX_LAYOUT_BATCH_MODE, Layout, batch_mode),
};

constexpr Attribute kMatmulAttributes[] = {
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, MatmulDescription, compute_type),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_SCALE_TYPE, MatmulDescription, scale_type),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_POINTER_MODE, MatmulDescription, pointer_mode),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_TRANSA, MatmulDescription, transpose_a),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_TRANSB, MatmulDescription, transpose_b),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_TRANSC, MatmulDescription, transpose_c),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_FILL_MODE, MatmulDescription, fill_mode),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE, MatmulDescription, epilogue),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_BIAS_POINTER, MatmulDescription, bias),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, MatmulDescription, bias_batch_stride),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, MatmulDescription, aux),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, MatmulDescription, aux_ld),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, MatmulDescription, aux_batch_stride),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_ALPHA_VECTOR_BATCH_STRIDE, MatmulDescription, alpha_batch_stride),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, MatmulDescription, sm_count_target),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, MatmulDescription, scales[0]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, MatmulDescription, scales[1]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_C_SCALE_POINTER, MatmulDescription, scales[2]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_D_SCALE_POINTER, MatmulDescription, scales[3]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_AMAX_D_POINTER, MatmulDescription, scales[4]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_DATA_TYPE, MatmulDescription, aux_type),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_SCALE_POINTER, MatmulDescription, scales[5]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_AMAX_POINTER, MatmulDescription, scales[6]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_FAST_ACCUM, MatmulDescription, fast_accumulation),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, MatmulDescription, bias_type),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, MatmulDescription, scale_modes[0]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, MatmulDescription, scale_modes[1]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_C_SCALE_MODE, MatmulDescription, scale_modes[2]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_D_SCALE_MODE, MatmulDescription, scale_modes[3]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_SCALE_MODE, MatmulDescription, scale_modes[4]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_D_OUT_SCALE_POINTER, MatmulDescription, scales[7]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_D_OUT_SCALE_MODE, MatmulDescription, scale_modes[5]),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_DESC_EMULATION_DESCRIPTOR, MatmulDescription, emulation),
};

constexpr Attribute kPreferenceAttributes[] = {
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_SEARCH_MODE, Preference, search_mode),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, Preference, workspace_bytes),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, Preference, reductions),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, Preference, alignment_a),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, Preference, alignment_b),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, Preference, alignment_c),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, Preference, alignment_d),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_MAX_WAVES_COUNT, Preference, waves),
    EMULATOR_ATTRIBUTE(CUBLASLT_MATMUL_PREF_IMPL_MASK, Preference, implementations),
};

// As the caller's struct is of another type, its mark is read as bytes.
template <class State, class Opaque>
State* state_of(Opaque* opaque) {
  if (opaque == nullptr) return nullptr;
  uint32_t mark = 0;
  std::memcpy(&mark, opaque, sizeof(mark));
  return mark == State{}.mark ? reinterpret_cast<State*>(opaque) : nullptr;
}

template <class State>
cublasStatus_t set(State* state, std::span<const Attribute> attributes, int number, const void* value, size_t bytes) {
  if (state == nullptr || value == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  for (const Attribute& attribute : attributes) {
    if (attribute.number != number) continue;
    if (attribute.bytes != bytes) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(reinterpret_cast<std::byte*>(state) + attribute.offset, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

}  // namespace

const Layout* layout_of(cublasLtMatrixLayout_t opaque) { return state_of<Layout>(opaque); }
const MatmulDescription* description_of(cublasLtMatmulDesc_t opaque) { return state_of<MatmulDescription>(opaque); }
const Preference* preference_of(cublasLtMatmulPreference_t opaque) { return state_of<Preference>(opaque); }
const Algorithm* algorithm_of(const cublasLtMatmulAlgo_t* opaque) {
  return state_of<Algorithm>(const_cast<cublasLtMatmulAlgo_t*>(opaque));
}

cublasStatus_t set_attribute(cublasLtMatrixLayout_t opaque, int attribute, const void* value, size_t bytes) {
  return set(state_of<Layout>(opaque), kLayoutAttributes, attribute, value, bytes);
}
cublasStatus_t set_attribute(cublasLtMatmulDesc_t opaque, int attribute, const void* value, size_t bytes) {
  return set(state_of<MatmulDescription>(opaque), kMatmulAttributes, attribute, value, bytes);
}
cublasStatus_t set_attribute(cublasLtMatmulPreference_t opaque, int attribute, const void* value, size_t bytes) {
  return set(state_of<Preference>(opaque), kPreferenceAttributes, attribute, value, bytes);
}

}  // namespace emulator
