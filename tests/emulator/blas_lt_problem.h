// A product as cuBLASLt's descriptors describe it: whether there is one, and by which kernels.
#pragma once

#include <vector>

#include "blas_lt_descriptors.h"
#include "blas_product.h"

namespace emulator {

// The product of the descriptors, without the matrices' addresses, factors and workspace. CUBLAS_STATUS_INVALID_VALUE
// if they contradict each other, CUBLAS_STATUS_NOT_SUPPORTED if cuBLASLt has nothing for it.
cublasStatus_t describe(cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                        cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d, Product& product);

// The kernels for a product within the preference's limits, the most promising one first.
std::vector<Algorithm> algorithms_for(const Product& product, const Preference& preference);

// Has the product computed by a kernel; false if that cannot, as what it asks for is not there.
bool choose(const Algorithm& algorithm, void* workspace, size_t workspace_bytes, Product& product);

}  // namespace emulator
