// The functions of libcublasLt.so that Ember calls.
#include <cstring>
#include <new>

#include <cublasLt.h>

#include "blas_lt_descriptors.h"
#include "blas_lt_problem.h"
#include "enqueue.h"

struct cublasLtContext {};

namespace emulator {

namespace {

// Writes a state where the caller has memory for it.
template <class Opaque, class State>
cublasStatus_t initialize(Opaque* opaque, size_t bytes, const State& state) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (bytes < sizeof(Opaque)) return CUBLAS_STATUS_ALLOC_FAILED;
  std::memset(opaque, 0, bytes);
  std::memcpy(opaque, &state, sizeof(State));
  return CUBLAS_STATUS_SUCCESS;
}

template <class Opaque, class State>
cublasStatus_t create(Opaque** opaque, const State& state) {
  if (opaque == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *opaque = new (std::nothrow) Opaque;
  return *opaque == nullptr ? CUBLAS_STATUS_ALLOC_FAILED : initialize(*opaque, sizeof(Opaque), state);
}

template <class Opaque>
cublasStatus_t destroy(Opaque* opaque) {
  if (opaque != nullptr) std::memset(opaque, 0, sizeof(*opaque));
  delete opaque;
  return CUBLAS_STATUS_SUCCESS;
}

Layout layout(cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
  Layout made;
  made.type = type;
  made.rows = rows;
  made.columns = columns;
  made.ld = ld;
  return made;
}

MatmulDescription description(cublasComputeType_t compute, cudaDataType_t scale) {
  MatmulDescription made;
  made.compute_type = compute;
  made.scale_type = scale;
  return made;
}

cublasStatus_t find_algorithms(const Product& product, const Preference& preference, int wanted,
                               cublasLtMatmulHeuristicResult_t* results, int* count) {
  for (const Algorithm& algorithm : algorithms_for(product, preference)) {
    if (*count == wanted) break;
    cublasLtMatmulHeuristicResult_t& result = results[(*count)++];
    std::memset(&result, 0, sizeof(result));
    (void)initialize(&result.algo, sizeof(result.algo), algorithm);
    result.workspaceSize = algorithm.workspace_bytes;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1;
  }
  return *count == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

// Where the caller names no algorithm it is the first one for the workspace.
cublasStatus_t choose_for(const cublasLtMatmulAlgo_t* named, void* workspace, size_t workspace_bytes, Product& p) {
  if (named != nullptr) {
    const Algorithm* const algorithm = algorithm_of(named);
    const bool chosen = algorithm != nullptr && choose(*algorithm, workspace, workspace_bytes, p);
    return chosen ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
  }
  Preference preference;
  preference.workspace_bytes = workspace == nullptr ? 0 : workspace_bytes;
  for (const Algorithm& algorithm : algorithms_for(p, preference)) {
    if (choose(algorithm, workspace, workspace_bytes, p)) return CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

bool same_memory(const MatrixMemory& a, const MatrixMemory& b) {
  return a.type == b.type && a.ld == b.ld && a.stride == b.stride;
}

// The addresses and factors of a product that is described. C and D may be one, then of one layout.
cublasStatus_t place(const void* alpha, const void* a, const void* b, const void* beta, const void* c, void* d,
                     Product& p) {
  if (alpha == nullptr || beta == nullptr || a == nullptr || b == nullptr || d == nullptr) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  p.alpha = factor(alpha, p.in_double);
  p.beta = factor(beta, p.in_double);
  const auto bytes = [](const void* data) { return static_cast<std::byte*>(const_cast<void*>(data)); };
  p.a.data = bytes(a);
  p.b.data = bytes(b);
  p.c.data = bytes(c);
  p.d.data = bytes(d);
  if (p.beta != 0 && c == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (c == d && !same_memory(p.c, p.d)) return CUBLAS_STATUS_INVALID_VALUE;
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

}  // namespace emulator

using emulator::Product;

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new (std::nothrow) cublasLtContext;
  return *handle == nullptr ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasLtGetStatusName(cublasStatus_t status) { return emulator::status_name(status); }
const char* cublasLtGetStatusString(cublasStatus_t status) { return emulator::status_text(status); }
size_t cublasLtGetVersion() { return CUBLAS_VERSION; }

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t bytes, cudaDataType type,
                                                 uint64_t rows, uint64_t columns, int64_t ld) {
  return emulator::initialize(layout, bytes, emulator::layout(type, rows, columns, ld));
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t ld) {
  return emulator::create(layout, emulator::layout(type, rows, columns, ld));
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) { return emulator::destroy(layout); }
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t which,
                                                const void* value, size_t bytes) {
  return emulator::set_attribute(layout, which, value, bytes);
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t description, size_t bytes,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  return emulator::initialize(description, bytes, emulator::description(compute, scale));
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  return emulator::create(description, emulator::description(compute, scale));
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) { return emulator::destroy(description); }
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description, cublasLtMatmulDescAttributes_t which,
                                              const void* value, size_t bytes) {
  return emulator::set_attribute(description, which, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, size_t bytes) {
  return emulator::initialize(preference, bytes, emulator::Preference());
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return emulator::create(preference, emulator::Preference());
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return emulator::destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t which, const void* value,
                                                    size_t bytes) {
  return emulator::set_attribute(preference, which, value, bytes);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* count) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const emulator::Preference* const limits = emulator::preference_of(preference);
  if (limits == nullptr || results == nullptr || count == nullptr || wanted <= 0) return CUBLAS_STATUS_INVALID_VALUE;
  *count = 0;
  Product product;
  const cublasStatus_t status = emulator::describe(description, a, b, c, d, product);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  return emulator::find_algorithms(product, *limits, wanted, results, count);
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Product product;
  product.operation = "cublasLtMatmul";
  cublasStatus_t status = emulator::describe(description, a_layout, b_layout, c_layout, d_layout, product);
  if (status == CUBLAS_STATUS_SUCCESS) status = emulator::place(alpha, a, b, beta, c, d, product);
  if (status == CUBLAS_STATUS_SUCCESS) status = emulator::choose_for(algorithm, workspace, workspace_bytes, product);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  emulator::enqueue(stream, product.operation, [product] { emulator::run_product(product); });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
