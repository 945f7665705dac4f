// The inner loops of a product: sums over k of small tiles, as fast as a compiler makes them on any x86-64.
#pragma once

#include <cstdint>
#include <vector>

#include "blas_element.h"
#include "blas_memory.h"

namespace emulator {

// A factor as the loops read it: panels of so many rows of op(A), or columns of op(B), in which the elements for one p
// of k lie next to each other; the last one is filled up with zeros.
template <class T>
class Panels {
 public:
  // Lanes along `extent`; element (i, p) is memory's (i, p), or (p, i) if p runs along its rows.
  Panels(int64_t width, int64_t extent, int64_t k, const MatrixMemory& memory, int64_t batch, bool k_along_rows,
         bool tf32);
  const T* panel(int64_t index, int64_t p) const { return values_.data() + (index * k_ + p) * width_; }

 private:
  int64_t width_, k_;
  std::vector<T> values_;
};

// How a sum over k is formed: of the sums of so many terms in a row, added in their order. What is split has its parts
// rounded to `part_type` on the way.
struct Summation {
  int64_t terms = 0;  // of a part; 0 for all of k
  bool rounds_parts = false;
  ElementType part_type = ElementType::kFloat32;
};

// op(A)[m, k]·op(B)[k, n], column-major and dense.
template <class T>
std::vector<T> multiply(const MatrixMemory& a, bool transpose_a, const MatrixMemory& b, bool transpose_b, int64_t batch,
                        int64_t m, int64_t n, int64_t k, const Summation& summation, bool tf32);

}  // namespace emulator
