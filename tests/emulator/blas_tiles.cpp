#include "blas_tiles.h"

#include <algorithm>

namespace emulator {

namespace {

// A tile has kColumns columns of one vector of 64 bytes, which are as many registers as the processor needs for them.
constexpr int kVectorBytes = 64;
constexpr int kColumns = 4;
template <class T>
constexpr int kRows = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
struct Vector {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};

// out, a column after the other, is the sum over `terms` of the products of two panels.
template <class T>
[[gnu::always_inline]] inline void sum_tile(const T* a, const T* b, int64_t terms, T* out) {
  using V = typename Vector<T>::Type;
  V sums[kColumns] = {};
  for (int64_t p = 0; p < terms; ++p) {
    V column;
    __builtin_memcpy(&column, a + p * kRows<T>, sizeof(V));
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) sums[j] += column * b[p * kColumns + j];
  }
  __builtin_memcpy(out, sums, sizeof(sums));
}

#define EMULATOR_EVERY_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
EMULATOR_EVERY_PROCESSOR void sum_tile_of(const float* a, const float* b, int64_t terms, float* out) {
  sum_tile(a, b, terms, out);
}
EMULATOR_EVERY_PROCESSOR void sum_tile_of(const double* a, const double* b, int64_t terms, double* out) {
  sum_tile(a, b, terms, out);
}

constexpr int64_t panels_for(int64_t extent, int64_t width) { return (extent + width - 1) / width; }

}  // namespace

template <class T>
Panels<T>::Panels(int64_t width, int64_t extent, int64_t k, const MatrixMemory& memory, int64_t batch,
                  bool k_along_rows, bool tf32)
    : width_(width), k_(k), values_(static_cast<size_t>(panels_for(extent, width) * width * k)) {
  const std::byte* const data = memory.matrix(batch);
  const int64_t lane_step = k_along_rows ? memory.ld : 1, p_step = k_along_rows ? 1 : memory.ld;
  const auto copy = [&]<ElementType type>() {
    for (int64_t i = 0; i < extent; ++i) {
      T* const to = values_.data() + i / width * width * k + i % width;
      for (int64_t p = 0; p < k; ++p) to[p * width] = load<T>(data, i * lane_step + p * p_step, type);
    }
  };
  switch (memory.type) {
    case ElementType::kFloat64: copy.template operator()<ElementType::kFloat64>(); break;
    case ElementType::kFloat32: copy.template operator()<ElementType::kFloat32>(); break;
    case ElementType::kFloat16: copy.template operator()<ElementType::kFloat16>(); break;
    case ElementType::kBFloat16: copy.template operator()<ElementType::kBFloat16>(); break;
  }
  if (!tf32) return;
  for (T& value : values_) value = static_cast<T>(to_tf32(static_cast<float>(value)));
}

template <class T>
std::vector<T> multiply(const MatrixMemory& a, bool transpose_a, const MatrixMemory& b, bool transpose_b, int64_t batch,
                        int64_t m, int64_t n, int64_t k, const Summation& summation, bool tf32) {
  const Panels<T> rows(kRows<T>, m, k, a, batch, transpose_a, tf32);
  const Panels<T> columns(kColumns, n, k, b, batch, !transpose_b, tf32);
  const int64_t part = summation.terms > 0 ? summation.terms : k;
  std::vector<T> out(static_cast<size_t>(m * n));
  T tile[kColumns * kRows<T>];
  for (int64_t first = 0; first < k; first += part) {
    const int64_t terms = std::min(part, k - first);
    for (int64_t y = 0; y < panels_for(n, kColumns); ++y) {
      for (int64_t x = 0; x < panels_for(m, kRows<T>); ++x) {
        sum_tile_of(rows.panel(x, first), columns.panel(y, first), terms, tile);
        for (int64_t j = y * kColumns; j < std::min(n, (y + 1) * kColumns); ++j) {
          for (int64_t i = x * kRows<T>; i < std::min(m, (x + 1) * kRows<T>); ++i) {
            T sum = tile[(j - y * kColumns) * kRows<T> + i - x * kRows<T>];
            if (summation.rounds_parts) sum = rounded(sum, summation.part_type);
            T& total = out[static_cast<size_t>(j * m + i)];
            total = first == 0 ? sum : total + sum;
          }
        }
      }
    }
  }
  return out;
}

template std::vector<float> multiply(const MatrixMemory&, bool, const MatrixMemory&, bool, int64_t, int64_t, int64_t,
                                     int64_t, const Summation&, bool);
template std::vector<double> multiply(const MatrixMemory&, bool, const MatrixMemory&, bool, int64_t, int64_t, int64_t,
                                      int64_t, const Summation&, bool);

}  // namespace emulator
