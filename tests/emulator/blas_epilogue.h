// What cuBLASLt does with the elements of a product before it stores them, and what it makes beside them.
#pragma once

#include <cstdint>
#include <vector>

#include "blas_memory.h"

namespace emulator {

// The members are those of cublasLtEpilogue_t; the order is that in which they are done.
struct Epilogue {
  enum class Activation : uint8_t { kNone, kRelu, kGelu };

  bool adds_bias = false;
  Activation activation = Activation::kNone;  // of the elements
  Activation gradient = Activation::kNone;    // the elements become the gradient of what this was applied to
  bool sums_rows = false;                     // of the result, over its columns: the gradient of a bias
  bool sums_a = false;                        // of the rows of op(A)
  bool sums_b = false;                        // of the columns of op(B)

  bool has_aux = false;       // the activation's mask or input: written, or read by a gradient
  std::byte* bias = nullptr;  // or the gradient of one, of the elements' type
  int64_t bias_stride = 0;    // of the batch
  std::byte* aux = nullptr;   // of relu bits, of gelu elements of the result's type
  int64_t aux_ld = 0;         // from column to column, in bits or elements
  int64_t aux_stride = 0;     // of the batch, likewise
  ElementType type = ElementType::kFloat32;

  bool has_vector() const { return adds_bias || sums_rows || sums_a || sums_b; }
  bool writes_vector() const { return has_vector() && !adds_bias; }
  bool has_mask() const { return has_aux && (activation == Activation::kRelu || gradient == Activation::kRelu); }
  bool is_plain() const { return !has_vector() && activation == Activation::kNone && gradient == Activation::kNone; }
};

// What the epilogue of an m×n product reads and writes.
void check_epilogue(const char* operation, const Epilogue& epilogue, int64_t m, int64_t n, int64_t batch);

// What it has written is.
void mark_epilogue(const Epilogue& epilogue, int64_t m, int64_t n, int64_t batch);

// Changes the dense elements of a matrix of the batch.
template <class T>
void apply_epilogue(const Epilogue& epilogue, int64_t m, int64_t n, int64_t batch, std::vector<T>& elements);

// The sums over k that sums_a and sums_b ask for.
template <class T>
void sum_factor(const Epilogue& epilogue, const MatrixMemory& factor, bool k_along_rows, int64_t extent, int64_t k,
                int64_t batch);

}  // namespace emulator
