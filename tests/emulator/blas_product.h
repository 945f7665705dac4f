// A product of matrices as both libraries ask for it, and its computation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <cublas_api.h>

#include "blas_epilogue.h"
#include "blas_memory.h"
#include "blas_tiles.h"

namespace emulator {

// D = epilogue(alpha·op(A)·op(B) + beta·C) of each matrix of a batch.
struct Product {
  const char* operation = "";  // for what is said of errors
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool transpose_a = false, transpose_b = false;
  MatrixMemory a, b, c, d;
  bool in_double = false;  // sums, factors and epilogue: in double or in float
  bool tf32 = false;       // A and B are rounded to it
  double alpha = 1, beta = 0;
  Summation summation;
  Epilogue epilogue;
  std::byte* workspace = nullptr;  // filled with garbage
  size_t workspace_bytes = 0;
};

// Checks the memory that the product has to do with, then computes it. Throws Fault.
void run_product(const Product& product);

// The types of a product, where it has one.
std::optional<ElementType> element_type(cudaDataType type);
struct ProductTypes {
  bool in_double = false, tf32 = false;
};
// Which compute type, scale type and types of the matrices go together is a table in NVIDIA's reference of
// cublasLtMatmul(); of it the rows of real floating-point numbers with sums in float or double.
std::optional<ProductTypes> product_types(cublasComputeType_t compute, cudaDataType scale, cudaDataType a,
                                          cudaDataType b, cudaDataType c, cudaDataType d);

// A factor in the host's memory.
inline double factor(const void* value, bool in_double) {
  return in_double ? *static_cast<const double*>(value) : *static_cast<const float*>(value);
}

const char* status_name(cublasStatus_t status);
const char* status_text(cublasStatus_t status);

}  // namespace emulator
