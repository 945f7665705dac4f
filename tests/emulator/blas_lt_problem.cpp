#include "blas_lt_problem.h"

#include <algorithm>

namespace emulator {

namespace {

// NVIDIA's reference asks for this of a workspace.
constexpr size_t kWorkspaceAlignment = 256;
// What a mask's blocks of 128 bits and vectors of 8 elements ask for: taken as the alignment of the auxiliary buffer.
constexpr size_t kAuxAlignment = 16;

bool is_aligned(const void* address, size_t bytes) { return reinterpret_cast<uintptr_t>(address) % bytes == 0; }

MatrixMemory memory_of(const Layout& layout) {
  MatrixMemory memory;
  memory.type = element_type(static_cast<cudaDataType>(layout.type)).value_or(ElementType::kFloat32);
  memory.rows = static_cast<int64_t>(layout.rows);
  memory.columns = static_cast<int64_t>(layout.columns);
  memory.ld = layout.ld;
  memory.stride = layout.batch_count > 1 ? layout.batch_stride : 0;
  return memory;
}

bool is_valid(const Layout& layout) {
  // Usually only what fits into 32 bits is supported, says cublasLt.h of rows and columns.
  constexpr uint64_t kMost = 0x7fffffff;
  return layout.rows >= 1 && layout.columns >= 1 && layout.rows <= kMost && layout.columns <= kMost &&
         layout.batch_count >= 1 && layout.ld >= static_cast<int64_t>(layout.rows) && layout.batch_stride >= 0;
}

bool is_operation(int32_t value) { return value == CUBLAS_OP_N || value == CUBLAS_OP_T || value == CUBLAS_OP_C; }

// The numbers of cublasLtEpilogue_t are sums of these and of CUBLASLT_EPILOGUE_BIAS, _RELU, _GELU, _BGRADA and _BGRADB.
constexpr uint32_t kReluGradient = 8, kSumsRows = 16, kGeluGradient = 64, kHasAux = 128;
static_assert(CUBLASLT_EPILOGUE_DRELU_BGRAD == (kReluGradient | kHasAux | kSumsRows));
static_assert(CUBLASLT_EPILOGUE_DGELU_BGRAD == (kGeluGradient | kHasAux | kSumsRows));

bool is_epilogue(uint32_t number) {
  switch (number) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_RELU_AUX:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_AUX:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_DRELU:
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
    case CUBLASLT_EPILOGUE_DGELU:
    case CUBLASLT_EPILOGUE_DGELU_BGRAD:
    case CUBLASLT_EPILOGUE_BGRADA:
    case CUBLASLT_EPILOGUE_BGRADB: return true;
    default: return false;
  }
}

Epilogue epilogue_of(uint32_t number) {
  using Activation = Epilogue::Activation;
  const auto choose = [&](uint32_t relu, uint32_t gelu) {
    return (number & relu) != 0 ? Activation::kRelu : (number & gelu) != 0 ? Activation::kGelu : Activation::kNone;
  };
  Epilogue e;
  e.adds_bias = (number & CUBLASLT_EPILOGUE_BIAS) != 0;
  e.activation = choose(CUBLASLT_EPILOGUE_RELU, CUBLASLT_EPILOGUE_GELU);
  e.gradient = choose(kReluGradient, kGeluGradient);
  e.sums_rows = (number & kSumsRows) != 0;
  e.sums_a = (number & CUBLASLT_EPILOGUE_BGRADA) != 0;
  e.sums_b = (number & CUBLASLT_EPILOGUE_BGRADB) != 0;
  e.has_aux = (number & kHasAux) != 0;
  return e;
}

cublasStatus_t describe_epilogue(const MatmulDescription& description, int32_t d_type, Product& p) {
  if (!is_epilogue(description.epilogue)) return CUBLAS_STATUS_INVALID_VALUE;
  Epilogue& e = p.epilogue = epilogue_of(description.epilogue);
  e.type = p.d.type;
  const bool batched = p.batch > 1;
  if (e.has_vector()) {
    if (description.bias == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
    if (description.bias_type != -1 && description.bias_type != d_type) return CUBLAS_STATUS_NOT_SUPPORTED;
    e.bias = description.bias;
    e.bias_stride = batched ? description.bias_batch_stride : 0;
  }
  if (e.has_aux) {
    // cublasLt.h, at CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD and _AUX_BATCH_STRIDE.
    const int64_t multiple = e.has_mask() ? 128 : 8;
    if (description.aux == nullptr || description.aux_ld < p.m) return CUBLAS_STATUS_INVALID_VALUE;
    if (description.aux_ld % multiple != 0 || (batched && description.aux_batch_stride % multiple != 0)) {
      return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (!is_aligned(description.aux, kAuxAlignment)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!e.has_mask() && description.aux_type != -1 && description.aux_type != d_type) {
      return CUBLAS_STATUS_INVALID_VALUE;  // as cublasLt.h says
    }
    e.aux = description.aux;
    e.aux_ld = description.aux_ld;
    e.aux_stride = batched ? description.aux_batch_stride : 0;
  }
  // Which epilogues there are of doubles NVIDIA does not say; here it is the bias only, so that callers need a way
  // without.
  if (p.in_double && !e.is_plain() && !(e.adds_bias && e.activation == Epilogue::Activation::kNone)) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return CUBLAS_STATUS_SUCCESS;
}

// Modes that the emulator does not have.
bool has_unsupported(const MatmulDescription& d) {
  return d.pointer_mode != CUBLASLT_POINTER_MODE_HOST || d.transpose_c != CUBLAS_OP_N ||
         d.fill_mode != CUBLAS_FILL_MODE_FULL || d.emulation != nullptr;
}

bool has_scales(const MatmulDescription& d) {
  return std::any_of(std::begin(d.scales), std::end(d.scales), [](const void* p) { return p != nullptr; }) ||
         std::any_of(std::begin(d.scale_modes), std::end(d.scale_modes), [](int32_t mode) { return mode != 0; });
}

bool columns_are_aligned(const MatrixMemory& memory, size_t bytes) {
  const auto is_whole = [&](int64_t elements) {
    return static_cast<size_t>(elements) * element_bytes(memory.type) % bytes == 0;
  };
  return (memory.columns == 1 || is_whole(memory.ld)) && is_whole(memory.stride);
}

// ---- kernels ----

enum Kernel : uint32_t { kSimple = 1, kVectors = 2, kSplit = 3, kSplitRounded = 4 };

constexpr size_t kVectorBytes = 16;
constexpr int64_t kBlockOfK = 64;  // whose sum the kernel with vectors forms first

// Adds in one go, takes any alignment that the elements have.
Algorithm simple_kernel() { return {.kernel = kSimple}; }

// As those that load 16 bytes at a time, from every column.
Algorithm vector_kernel() { return {.kernel = kVectors, .terms = kBlockOfK, .alignment = kVectorBytes}; }

// Adds up parts of k that it keeps in the workspace, in the type of the sums or of the result.
Algorithm split_kernel(const Product& p, bool in_output_type) {
  const int64_t parts = p.k >= 1024 ? 4 : 2;
  const size_t element = in_output_type ? element_bytes(p.d.type) : p.in_double ? 8 : 4;
  const size_t bytes = static_cast<size_t>(parts * p.batch * p.m * p.n) * element;
  Algorithm algorithm{.kernel = in_output_type ? kSplitRounded : kSplit};
  algorithm.terms = (p.k + parts - 1) / parts;
  algorithm.workspace_bytes = (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
  algorithm.reduction = in_output_type ? CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE : CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  return algorithm;
}

}  // namespace

cublasStatus_t describe(cublasLtMatmulDesc_t opaque, cublasLtMatrixLayout_t a_opaque, cublasLtMatrixLayout_t b_opaque,
                        cublasLtMatrixLayout_t c_opaque, cublasLtMatrixLayout_t d_opaque, Product& p) {
  const MatmulDescription* const description = description_of(opaque);
  const Layout *const a = layout_of(a_opaque), *const b = layout_of(b_opaque), *const c = layout_of(c_opaque),
                      *const d = layout_of(d_opaque);
  if (description == nullptr || a == nullptr || b == nullptr || c == nullptr || d == nullptr) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!is_operation(description->transpose_a) || !is_operation(description->transpose_b)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  for (const Layout* const layout : {a, b, c, d}) {
    if (!is_valid(*layout) || layout->batch_count != d->batch_count) return CUBLAS_STATUS_INVALID_VALUE;
    if (layout->order != CUBLASLT_ORDER_COL || layout->batch_mode != 0 || layout->plane_offset != 0) {
      return CUBLAS_STATUS_NOT_SUPPORTED;
    }
  }
  p.transpose_a = description->transpose_a != CUBLAS_OP_N;
  p.transpose_b = description->transpose_b != CUBLAS_OP_N;
  p.a = memory_of(*a);
  p.b = memory_of(*b);
  p.c = memory_of(*c);
  p.d = memory_of(*d);
  p.batch = d->batch_count;
  p.m = p.d.rows;
  p.n = p.d.columns;
  p.k = p.transpose_a ? p.a.rows : p.a.columns;
  if ((p.transpose_a ? p.a.columns : p.a.rows) != p.m || (p.transpose_b ? p.b.columns : p.b.rows) != p.k ||
      (p.transpose_b ? p.b.rows : p.b.columns) != p.n || p.c.rows != p.m || p.c.columns != p.n) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (has_unsupported(*description)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (has_scales(*description)) return CUBLAS_STATUS_INVALID_VALUE;  // as cublasLt.h says
  const auto type = [](const Layout* layout) { return static_cast<cudaDataType>(layout->type); };
  const auto types =
      product_types(static_cast<cublasComputeType_t>(description->compute_type),
                    static_cast<cudaDataType>(description->scale_type), type(a), type(b), type(c), type(d));
  if (!types) return CUBLAS_STATUS_NOT_SUPPORTED;
  p.in_double = types->in_double;
  p.tf32 = types->tf32;
  return describe_epilogue(*description, d->type, p);
}

std::vector<Algorithm> algorithms_for(const Product& p, const Preference& preference) {
  const uint32_t alignments[] = {preference.alignment_a, preference.alignment_b, preference.alignment_c,
                                 preference.alignment_d};
  const MatrixMemory* const matrices[] = {&p.a, &p.b, &p.c, &p.d};
  bool loads_elements = true, loads_vectors = true;
  for (int i = 0; i < 4; ++i) {
    loads_elements = loads_elements && alignments[i] >= element_bytes(matrices[i]->type);
    loads_vectors = loads_vectors && alignments[i] >= kVectorBytes && columns_are_aligned(*matrices[i], kVectorBytes);
  }
  std::vector<Algorithm> found;
  if (!loads_elements || preference.search_mode != CUBLASLT_SEARCH_BEST_FIT) return found;
  if (loads_vectors) found.push_back(vector_kernel());
  found.push_back(simple_kernel());
  for (const bool in_output_type : {false, true}) {
    if (p.k < 2 || (in_output_type && element_bytes(p.d.type) != 2)) continue;
    const Algorithm split = split_kernel(p, in_output_type);
    if ((preference.reductions & split.reduction) == 0 || split.workspace_bytes > preference.workspace_bytes) continue;
    // The more promising, the fewer elements the result has for the work on each.
    found.insert(p.k >= 4 * std::max(p.m, p.n) ? found.begin() : found.end(), split);
  }
  return found;
}

bool choose(const Algorithm& algorithm, void* workspace, size_t workspace_bytes, Product& p) {
  if (algorithm.kernel < kSimple || algorithm.kernel > kSplitRounded) return false;
  if (algorithm.workspace_bytes > workspace_bytes) return false;
  if (algorithm.kernel == kSplit || algorithm.kernel == kSplitRounded) {
    // The algorithm may be that of another problem.
    if (split_kernel(p, algorithm.kernel == kSplitRounded).workspace_bytes > algorithm.workspace_bytes) return false;
  }
  if (algorithm.workspace_bytes != 0 && (workspace == nullptr || !is_aligned(workspace, kWorkspaceAlignment))) {
    return false;
  }
  if (algorithm.alignment > 1) {
    for (const MatrixMemory* const memory : {&p.a, &p.b, &p.c, &p.d}) {
      const bool is_read = memory != &p.c || p.beta != 0;
      if (is_read && !is_aligned(memory->data, algorithm.alignment)) return false;
      if (!columns_are_aligned(*memory, algorithm.alignment)) return false;
    }
  }
  p.summation = {algorithm.terms, algorithm.kernel == kSplitRounded, p.d.type};
  p.workspace = algorithm.workspace_bytes != 0 ? static_cast<std::byte*>(workspace) : nullptr;
  p.workspace_bytes = algorithm.workspace_bytes;
  return true;
}

}  // namespace emulator
