#include "blas_product.h"

#include <cstring>
#include <vector>

#include "memory.h"

namespace emulator {

namespace {

// A byte that makes NaNs of floats and half floats and no sensible integers: results that come of it are seen.
constexpr int kGarbage = 0xff;

void check_memory(const Product& p) {
  const char* const operation = p.operation;
  if (p.k != 0) {
    check_read(operation, "A", p.a, p.batch);
    check_read(operation, "B", p.b, p.batch);
    check_disjoint(operation, p.d, p.a, "A", p.batch);
    check_disjoint(operation, p.d, p.b, "B", p.batch);
  }
  if (p.beta != 0) check_read(operation, "C", p.c, p.batch);
  check_matrix(operation, "D", p.d, p.batch);
  check_written_once(operation, p.d, p.batch);
  // In place it is each element's own.
  if (p.beta != 0 && p.c.data != p.d.data) check_disjoint(operation, p.d, p.c, "C", p.batch);
  check_epilogue(operation, p.epilogue, p.m, p.n, p.batch);
  check_bytes(operation, "the workspace", p.workspace, p.workspace_bytes, 1);
}

template <class T>
void run_batch(const Product& p) {
  const auto alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
  for (int64_t batch = 0; batch < p.batch; ++batch) {
    std::vector<T> elements =
        multiply<T>(p.a, p.transpose_a, p.b, p.transpose_b, batch, p.m, p.n, p.k, p.summation, p.tf32);
    if (alpha != 1) {
      for (T& element : elements) element *= alpha;
    }
    if (beta != 0) {
      const std::byte* const c = p.c.matrix(batch);
      for (int64_t j = 0; j < p.n; ++j) {
        for (int64_t i = 0; i < p.m; ++i) {
          elements[static_cast<size_t>(j * p.m + i)] += beta * load<T>(c, j * p.c.ld + i, p.c.type);
        }
      }
    }
    if (p.epilogue.sums_a) sum_factor<T>(p.epilogue, p.a, p.transpose_a, p.m, p.k, batch);
    if (p.epilogue.sums_b) sum_factor<T>(p.epilogue, p.b, !p.transpose_b, p.n, p.k, batch);
    if (!p.epilogue.is_plain()) apply_epilogue(p.epilogue, p.m, p.n, batch, elements);
    std::byte* const d = p.d.matrix(batch);
    for (int64_t j = 0; j < p.n; ++j) {
      for (int64_t i = 0; i < p.m; ++i) {
        store(d, j * p.d.ld + i, p.d.type, elements[static_cast<size_t>(j * p.m + i)]);
      }
    }
  }
}

}  // namespace

void run_product(const Product& p) {
  check_memory(p);
  // First: what it destroys of the operands is seen in the result.
  if (p.workspace_bytes != 0) {
    std::memset(p.workspace, kGarbage, p.workspace_bytes);
    mark_unwritten(p.workspace, p.workspace_bytes);
  }
  if (p.in_double) {
    run_batch<double>(p);
  } else {
    run_batch<float>(p);
  }
  mark_written(p.d, p.batch);
  mark_epilogue(p.epilogue, p.m, p.n, p.batch);
}

std::optional<ElementType> element_type(cudaDataType type) {
  switch (type) {
    case CUDA_R_64F: return ElementType::kFloat64;
    case CUDA_R_32F: return ElementType::kFloat32;
    case CUDA_R_16F: return ElementType::kFloat16;
    case CUDA_R_16BF: return ElementType::kBFloat16;
    default: return std::nullopt;
  }
}

std::optional<ProductTypes> product_types(cublasComputeType_t compute, cudaDataType scale, cudaDataType a,
                                          cudaDataType b, cudaDataType c, cudaDataType d) {
  if (a != b || c != d) return std::nullopt;
  switch (compute) {
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
      if (scale != CUDA_R_64F || a != CUDA_R_64F || d != CUDA_R_64F) return std::nullopt;
      return ProductTypes{true, false};
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC: {
      const bool two_bytes = a == CUDA_R_16F || a == CUDA_R_16BF;
      if (scale != CUDA_R_32F || (a != CUDA_R_32F && !two_bytes) || (d != a && d != CUDA_R_32F)) return std::nullopt;
      return ProductTypes{false, false};
    }
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      if (scale != CUDA_R_32F || a != CUDA_R_32F || d != CUDA_R_32F) return std::nullopt;
      return ProductTypes{false, true};
    default: return std::nullopt;
  }
}

const char* status_name(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR: return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR: return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "CUBLAS_STATUS_UNKNOWN";
}

const char* status_text(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED: return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE: return "an invalid value was used as an argument";
    case CUBLAS_STATUS_ARCH_MISMATCH: return "an absent device architectural feature is required";
    case CUBLAS_STATUS_MAPPING_ERROR: return "an access to the memory space failed";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "the function failed to launch on the GPU";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "an internal operation failed";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "the functionality is not supported";
    case CUBLAS_STATUS_LICENSE_ERROR: return "a license check failed";
  }
  return "the status is unknown";
}

}  // namespace emulator
