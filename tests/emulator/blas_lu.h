// LU factors of small matrices and the solution of systems by them, as LAPACK's getrf and getrs.
#pragma once

#include <cstdint>

#include "blas_memory.h"

namespace emulator {

// A batch of square, column-major matrices, found by a list of addresses in device memory.
template <class T>
struct MatrixList {
  T* const* addresses = nullptr;
  int64_t rows = 0, columns = 0, ld = 0;
};

// P·A = L·U in the place of A, of each matrix. `pivots`, of n for each one and from 1 on, may be null: no rows are
// exchanged then. `info` of a matrix: 0, or the first element of U's diagonal, from 1 on, that is 0. Throws Fault.
template <class T>
void run_getrf(const char* operation, MatrixList<T> a, int* pivots, int* info, int64_t batch);

// op(A)·X = B by those factors, X in the place of B.
template <class T>
void run_getrs(const char* operation, bool transposed, MatrixList<const T> a, const int* pivots, MatrixList<T> b,
               int64_t batch);

}  // namespace emulator
