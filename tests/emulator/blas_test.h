// What the tests of the emulated BLAS share: memory as the emulator sees it, a stream, matrices of each dtype and
// products in double precision, written without the library's own conversions and loops.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <cublas_api.h>

#include "machine.h"

namespace emulator::test {

// Memory that operations may access, filled with a pattern, in the middle of memory that they may not.
class DeviceMemory {
 public:
  explicit DeviceMemory(size_t bytes, size_t offset = 0);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::vector<std::byte> memory_;
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

// While one exists work is queued and not run.
class Queue {
 public:
  Queue();
  ~Queue();
  size_t size() const;
  cudaStream_t stream() const;  // of the last one
  void run() const;             // all of it, as often as it is called
};

double to_double(const void* data, int64_t i, cudaDataType type);
void from_double(void* data, int64_t i, cudaDataType type, double value);
size_t bytes_of(cudaDataType type);
double unit_of(cudaDataType type);  // what rounding to it changes at most, relative

// A batch of column-major matrices of random numbers in memory of their own; between the columns and the matrices there
// are elements of 77 that have to stay.
class Matrix {
 public:
  Matrix(cudaDataType type, int64_t rows, int64_t columns, int64_t batch = 1, int64_t padding = 0,
         int64_t batch_padding = 0);

  std::byte* data() const { return memory_.data(); }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t ld() const { return ld_; }
  int64_t stride() const { return stride_; }
  cudaDataType type() const { return type_; }

  double operator()(int64_t i, int64_t j, int64_t b = 0) const { return to_double(data(), at(i, j, b), type_); }
  void set(int64_t i, int64_t j, int64_t b, double value) { from_double(data(), at(i, j, b), type_, value); }
  // As op(A) has them.
  double element(bool transposed, int64_t i, int64_t j, int64_t b) const {
    return transposed ? (*this)(j, i, b) : (*this)(i, j, b);
  }
  bool gaps_are_untouched() const;

 private:
  int64_t at(int64_t i, int64_t j, int64_t b) const { return b * stride_ + j * ld_ + i; }

  cudaDataType type_;
  int64_t rows_, columns_, batch_, ld_, stride_;
  DeviceMemory memory_;
};

// alpha·op(A)·op(B) + beta·C and what may be off of it.
struct Exact {
  double value = 0;      // exact
  double magnitude = 0;  // the sum of the terms' absolute values
};
struct Problem {
  bool transpose_a = false, transpose_b = false;
  int64_t m = 1, n = 1, k = 1, batch = 1;
  double alpha = 1, beta = 0;
};
std::vector<Exact> exact_product(const Problem& problem, const Matrix& a, const Matrix& b, const Matrix* c);
// Element (i, j) of matrix b of what exact_product() gives.
size_t index_of(const Problem& problem, int64_t i, int64_t j, int64_t b);

// How much a sum of so many terms may be off, relative to its magnitude.
double sum_tolerance(double unit, int64_t terms);

// Whether something throws Fault of that kind.
bool faults(FaultKind kind, const std::function<void()>& f);

constexpr cudaDataType kTypes[] = {CUDA_R_64F, CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF};
constexpr cublasComputeType_t compute_for(cudaDataType type) {
  return type == CUDA_R_64F ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;
}
// alpha or beta in the scale type.
struct Scale {
  double as_double;
  float as_float;
  bool in_double;
  Scale(double value, cudaDataType type)
      : as_double(value), as_float(static_cast<float>(value)), in_double(type == CUDA_R_64F) {}
  const void* get() const { return in_double ? static_cast<const void*>(&as_double) : &as_float; }
};

}  // namespace emulator::test
