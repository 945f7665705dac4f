// What an operation of the emulated BLAS reads and writes: checked before it does.
#pragma once

#include <cstddef>
#include <cstdint>

#include "blas_element.h"

namespace emulator {

// A batch of column-major matrices: element (i, j) of matrix b is data[b·stride + j·ld + i].
struct MatrixMemory {
  std::byte* data = nullptr;  // not written to where it is an operand
  ElementType type = ElementType::kFloat32;
  int64_t rows = 0, columns = 0, ld = 0;
  int64_t stride = 0;  // in elements, 0 for one matrix that is used for the whole batch

  std::byte* matrix(int64_t b) const { return data + b * stride * static_cast<int64_t>(element_bytes(type)); }
};

// These throw Fault, with the operation's name, where memory is not accessible or an address is not aligned.
void check_bytes(const char* operation, const char* what, const void* address, size_t bytes, size_t alignment);
// All from the first element to the last, with what lies between them.
void check_matrix(const char* operation, const char* what, const MatrixMemory& memory, int64_t batch);

// Of what is read: also that all of it has been written, where that is looked for.
void check_read(const char* operation, const char* what, const MatrixMemory& memory, int64_t batch);
void mark_written(const MatrixMemory& memory, int64_t batch);

// Throws Fault where the matrices that are written overlap each other or one that is read: BLAS leaves undefined what
// that gives.
void check_written_once(const char* operation, const MatrixMemory& out, int64_t batch);
void check_disjoint(const char* operation, const MatrixMemory& out, const MatrixMemory& in, const char* in_name,
                    int64_t batch);

}  // namespace emulator
