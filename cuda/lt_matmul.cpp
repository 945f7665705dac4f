#include <ember/cuda/lt_matmul.h>

#include <ember/core/backend.h>
#include <ember/core/cuda_blas.h>

namespace ember::cuda {

namespace {

void set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, const auto& value) {
  EMBER_CUBLAS_CHECK(cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof(value)));
}
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
  EMBER_CUBLAS_CHECK(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)));
}
void set(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
  EMBER_CUBLAS_CHECK(cublasLtMatrixLayoutSetAttribute(layout, attribute, &value, sizeof(value)));
}

// The row-major rows×cols matrix as the column-major one that is in memory: its transpose, or itself where BLAS is to
// transpose it.
void init_layout(cublasLtMatrixLayout_t layout, cudaDataType_t type, int64_t rows, int64_t cols, bool transpose,
                 int64_t ld, int64_t batch, int64_t batch_stride) {
  EMBER_CUBLAS_CHECK(cublasLtMatrixLayoutInit(layout, type, static_cast<uint64_t>(transpose ? rows : cols),
                                              static_cast<uint64_t>(transpose ? cols : rows), ld));
  if (batch == 1) return;
  set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<int32_t>(batch));
  set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, batch_stride);
}

cublasLtEpilogue_t lt_epilogue(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::None: return CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::Bias: return CUBLASLT_EPILOGUE_BIAS;
    case Epilogue::RowSums: return CUBLASLT_EPILOGUE_BGRADB;  // a is cuBLASLt's B
    case Epilogue::BiasRelu: return CUBLASLT_EPILOGUE_RELU_BIAS;
    case Epilogue::BiasReluAux: return CUBLASLT_EPILOGUE_RELU_AUX_BIAS;
    case Epilogue::BiasGelu: return CUBLASLT_EPILOGUE_GELU_BIAS;
    case Epilogue::BiasGeluAux: return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
    case Epilogue::ReluBackward: return CUBLASLT_EPILOGUE_DRELU;
    case Epilogue::ReluBackwardSums: return CUBLASLT_EPILOGUE_DRELU_BGRAD;
    case Epilogue::GeluBackward: return CUBLASLT_EPILOGUE_DGELU;
    case Epilogue::GeluBackwardSums: return CUBLASLT_EPILOGUE_DGELU_BGRAD;
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

void point_to_vector(LtPlan& plan, const void* vector) {
  set(&plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, vector);
  plan.vector = vector;
}
void point_to_aux(LtPlan& plan, void* aux) {
  set(&plan.product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux);
  plan.aux = aux;
}

// outᵀ[n, m] = bᵀ[n, k]·aᵀ[k, m], column-major: see gemm_layout.h.
void describe_product(LtPlan& plan, const Gemm& g, const GemmTypes& types) {
  EMBER_CUBLAS_CHECK(cublasLtMatmulDescInit(&plan.product, types.compute, types.scale));
  set(&plan.product, CUBLASLT_MATMUL_DESC_TRANSA,
      static_cast<int32_t>(g.b.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N));
  set(&plan.product, CUBLASLT_MATMUL_DESC_TRANSB,
      static_cast<int32_t>(g.a.layout.transpose ? CUBLAS_OP_T : CUBLAS_OP_N));
  if (g.epilogue != Epilogue::None) {
    set(&plan.product, CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<uint32_t>(lt_epilogue(g.epilogue)));
    // The heuristics look at the alignment of both; their types, but for the mask's, are out's where none is said.
    if (has_vector(g.epilogue)) point_to_vector(plan, g.vector);
    if (has_aux(g.epilogue)) {
      point_to_aux(plan, g.aux);
      set(&plan.product, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, aux_ld(g.epilogue, g.n));
    }
  }
  init_layout(&plan.a, types.data, g.m, g.k, g.a.layout.transpose, g.a.layout.ld, g.batch, g.a.batch_stride);
  init_layout(&plan.b, types.data, g.k, g.n, g.b.layout.transpose, g.b.layout.ld, g.batch, g.b.batch_stride);
  init_layout(&plan.out, types.data, g.m, g.n, false, g.out_ld, g.batch, g.out_batch_stride);
}

// At most `wanted` of the kernels that the heuristics propose.
LtCandidates candidates(LtPlan& plan, const LtContext& context, const DeviceInfo& device, const Gemm& g, int wanted) {
  cublasLtMatmulPreferenceOpaque_t preference;
  EMBER_CUBLAS_CHECK(cublasLtMatmulPreferenceInit(&preference));
  set(&preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{blas_workspace_size(device)});
  const bool two_bytes = element_size(g.dtype) == 2;
  const uint32_t reductions = two_bytes ? CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                        : CUBLASLT_REDUCTION_SCHEME_MASK;
  set(&preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions);
  const auto alignment = [](const void* data) { return uint32_t{1} << alignment_log2(data); };
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(g.b.data));
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(g.a.data));
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(g.out));
  set(&preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(g.out));

  cublasLtMatmulHeuristicResult_t results[LtCandidates::kMost];
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      context.handle, &plan.product, &plan.b, &plan.a, &plan.out, &plan.out, &preference, wanted, results, &count);
  LtCandidates found;
  // Which dtypes an epilogue takes differs by version, and so does what is said of one that it does not take.
  const bool invalid = status == CUBLAS_STATUS_INVALID_VALUE && g.epilogue >= Epilogue::BiasRelu;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || invalid) return found;
  EMBER_CUBLAS_CHECK(status);
  for (int i = 0; i < count; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS) continue;
    found.choices[static_cast<size_t>(found.count++)] = {true, results[i].algo, results[i].workspaceSize};
  }
  return found;
}

// Queues the product with one kernel of cuBLASLt; false if that refuses the problem.
bool run_plan(const LaunchScope& scope, const LtContext& context, LtPlan& plan, const LtChoice& choice,
              const Gemm& gemm, const GemmTypes& types, double alpha, double beta) {
  if (has_vector(gemm.epilogue) && plan.vector != gemm.vector) point_to_vector(plan, gemm.vector);
  if (has_aux(gemm.epilogue) && plan.aux != gemm.aux) point_to_aux(plan, gemm.aux);
  Storage workspace;
  if (choice.workspace != 0) {
    workspace = allocate_storage(choice.workspace, Device(kCUDA, static_cast<DeviceIndex>(scope.info.index)));
  }
  const GemmFactor alpha_factor(alpha, types), beta_factor(beta, types);
  const cublasStatus_t status = cublasLtMatmul(
      context.handle, &plan.product, alpha_factor.get(), gemm.b.data, &plan.b, gemm.a.data, &plan.a, beta_factor.get(),
      gemm.out, &plan.out, gemm.out, &plan.out, &choice.algo, workspace.data(), choice.workspace, scope.stream);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) [[unlikely]]
    return false;
  EMBER_CUBLAS_CHECK(status);
  return true;
}

// One of `candidates`, or none, by measurement on memory that nobody reads.
LtChoice measured(const LaunchScope& scope, const LtContext& context, LtPlan& plan, const LtKey& key, const Gemm& gemm,
                  const LtCandidates& candidates, const GemmTypes& types, double alpha, double beta,
                  FunctionRef otherwise) {
  const ScratchGemm scratch(gemm, scope);
  const auto run = [&](const LtChoice& choice) {
    return run_plan(scope, context, plan, choice, scratch.gemm(), types, alpha, beta);
  };
  return quickest(scope, key, gemm, candidates, LtRun(run), otherwise);
}

LtPlan& plan_for(const LaunchScope& scope, LtContext& context, const Gemm& gemm, const GemmTypes& types, double alpha,
                 double beta, FunctionRef otherwise) {
  const bool tf32 = types.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  bool tuned = benchmark();
  LtKey key(gemm, tf32, tuned);
  if (std::unique_ptr<LtPlan>* const known = context.plans.find(key)) [[likely]]
    return **known;
  if (tuned && !can_measure(scope.stream)) {
    tuned = false;
    key = LtKey(gemm, tf32, tuned);
    if (std::unique_ptr<LtPlan>* const known = context.plans.find(key)) return **known;
  }
  auto plan = std::make_unique<LtPlan>();
  describe_product(*plan, gemm, types);
  const LtCandidates found = candidates(*plan, context, scope.info, gemm, tuned ? LtCandidates::kMost : 1);
  plan->choice = tuned && found.count != 0
                     ? measured(scope, context, *plan, key, gemm, found, types, alpha, beta, otherwise)
                     : found.choices[0];
  return *context.plans.insert(key, std::move(plan));
}

}  // namespace

GemmTypes gemm_types(ScalarType dtype) {
  switch (dtype) {
    case ScalarType::Float:
      return {CUDA_R_32F, allow_tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F};
    case ScalarType::Double: return {CUDA_R_64F, CUBLAS_COMPUTE_64F, CUDA_R_64F};
    case ScalarType::Half: return {CUDA_R_16F, CUBLAS_COMPUTE_32F, CUDA_R_32F};
    case ScalarType::BFloat16: return {CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F};
    default: detail::throw_unsupported_dtype(dtype, DtypeSet::Floating);
  }
}

bool lt_gemm(const LaunchScope& scope, const Gemm& gemm, double alpha, double beta, FunctionRef otherwise) {
  const GemmTypes types = gemm_types(gemm.dtype);
  LtContext& context = lt_context(scope.info);
  LtPlan& plan = plan_for(scope, context, gemm, types, alpha, beta, otherwise);
  if (!plan.choice.usable) return false;
  if (run_plan(scope, context, plan, plan.choice, gemm, types, alpha, beta)) return true;
  // The heuristics had promised it. What refuses a problem refuses it before anything is queued, and always.
  plan.choice.usable = false;
  return false;
}

}  // namespace ember::cuda
