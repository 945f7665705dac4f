// A blocked product of integer matrices in the manner of Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication" (ACM TOMS, 2008): panels of both factors are packed so that the register tile reads
// memory in order.
#include <ember/cpu/gemm.h>

#include <algorithm>
#include <vector>

#include <ember/core/macros.h>
#include <ember/core/parallel.h>
#include <ember/core/scalar.h>
#include <ember/cpu/elementwise.h>

namespace ember::cpu {

namespace {

constexpr int64_t kDepth = 256;          // of a panel: a tile's share of both factors stays in the first-level cache
constexpr int64_t kRowTiles = 8;         // of a packed block of a, which stays in the second-level cache
constexpr int64_t kPanelColumns = 2048;  // of b, packed at a time
constexpr int64_t kTaskColumns = 256;    // of a panel, for one task
constexpr int64_t kTaskWork = 1 << 16;   // multiply-adds worth a thread

// Element E in memory; T, in which it is multiplied: unsigned, so that it wraps.
template <class E, class T>
class Gemm {
 public:
  Gemm(int64_t m, int64_t n, int64_t k, double alpha, Matrix a, Matrix b, double beta, Matrix out)
      : m_(m), n_(n), k_(k), a_(a), b_(b), out_(out), tile_(gemm_tile<T>()) {
    alpha_ = factor(alpha);
    beta_ = factor(beta);
    overwrite_ = beta == 0;
  }

  void run() {
    const int64_t block_rows = tile_.rows * kRowTiles;
    const int64_t row_blocks = (m_ + block_rows - 1) / block_rows;
    std::vector<T> packed_b(static_cast<size_t>(std::min(k_, kDepth) * round_up(std::min(n_, kPanelColumns))));
    for (int64_t column = 0; column < n_; column += kPanelColumns) {
      const int64_t columns = std::min(kPanelColumns, n_ - column);
      const int64_t groups = (columns + kTaskColumns - 1) / kTaskColumns;
      for (int64_t p = 0; p < k_; p += kDepth) {
        const int64_t depth = std::min(kDepth, k_ - p);
        pack_b(packed_b.data(), p, depth, column, columns);
        const int64_t work = depth * std::min(m_, block_rows) * std::min(columns, kTaskColumns);
        parallel_for(0, row_blocks * groups, std::max<int64_t>(1, kTaskWork / work), [&](int64_t begin, int64_t end) {
          std::vector<T> packed_a(static_cast<size_t>(depth * block_rows));
          int64_t packed_block = -1;
          for (int64_t task = begin; task < end; ++task) {
            const int64_t block = task / groups;
            const int64_t row = block * block_rows;
            const int64_t rows = std::min(block_rows, m_ - row);
            if (block != packed_block) pack_a(packed_a.data(), row, rows, p, depth);
            packed_block = block;
            const int64_t first = task % groups * kTaskColumns;
            multiply(packed_a.data(), packed_b.data(), row, rows, column, first,
                     std::min(columns, first + kTaskColumns), p == 0, depth);
          }
        });
      }
    }
  }

 private:
  static T factor(double x) { return static_cast<T>(Scalar(x).cast<int64_t>()); }
  int64_t round_up(int64_t columns) const { return (columns + tile_.columns - 1) / tile_.columns * tile_.columns; }

  static const E* element(const Matrix& x, int64_t i, int64_t j) {
    return reinterpret_cast<const E*>(x.data) + i * x.row_stride + j * x.column_stride;
  }
  // n elements `stride` apart, padded with zeros to `width`.
  static void pack(T* to, const E* from, int64_t stride, int64_t n, int64_t width) {
    if (stride == 1) {
      for (int64_t j = 0; j < n; ++j) to[j] = static_cast<T>(from[j]);
    } else {
      for (int64_t j = 0; j < n; ++j) to[j] = static_cast<T>(from[j * stride]);
    }
    for (int64_t j = n; j < width; ++j) to[j] = T(0);
  }

  // Tiles of tile_.columns columns one after the other, each by rows, padded with zeros.
  void pack_b(T* to, int64_t p, int64_t depth, int64_t column, int64_t columns) const {
    const int64_t width = tile_.columns;
    const int64_t tiles = round_up(columns) / width;
    parallel_for(0, tiles, std::max<int64_t>(1, kGrain / (depth * width)), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        T* out = to + t * width * depth;
        const int64_t start = column + t * width;
        const int64_t count = std::min(width, column + columns - start);
        for (int64_t i = 0; i < depth; ++i, out += width) {
          pack(out, element(b_, p + i, start), b_.column_stride, count, width);
        }
      }
    });
  }

  // The same for a, by columns.
  void pack_a(T* to, int64_t row, int64_t rows, int64_t p, int64_t depth) const {
    const int64_t height = tile_.rows;
    for (int64_t start = 0; start < rows; start += height) {
      const int64_t count = std::min(height, rows - start);
      for (int64_t i = 0; i < depth; ++i, to += height) {
        pack(to, element(a_, row + start, p + i), a_.row_stride, count, height);
      }
    }
  }

  void multiply(const T* a, const T* b, int64_t row, int64_t rows, int64_t column, int64_t first, int64_t last,
                bool first_panel, int64_t depth) const {
    alignas(64) T tile[kMaxTile];
    for (int64_t j = first; j < last; j += tile_.columns) {
      for (int64_t i = 0; i < rows; i += tile_.rows) {
        tile_.run(depth, a + i * depth, b + j * depth, tile);
        store(tile, row + i, std::min(tile_.rows, rows - i), column + j, std::min(tile_.columns, last - j),
              first_panel);
      }
    }
  }

  void store(const T* tile, int64_t row, int64_t rows, int64_t column, int64_t columns, bool first_panel) const {
    for (int64_t i = 0; i < rows; ++i, tile += tile_.columns) {
      E* const out = const_cast<E*>(element(out_, row + i, column));
      if (out_.column_stride == 1) {
        store_row(out, 1, tile, columns, first_panel);
      } else {
        store_row(out, out_.column_stride, tile, columns, first_panel);
      }
    }
  }
  EMBER_ALWAYS_INLINE void store_row(E* out, int64_t stride, const T* tile, int64_t columns, bool first_panel) const {
    if (!first_panel || !overwrite_) {
      const T beta = first_panel ? beta_ : T(1);
      for (int64_t j = 0; j < columns; ++j) {
        out[j * stride] = static_cast<E>(alpha_ * tile[j] + beta * static_cast<T>(out[j * stride]));
      }
    } else {
      for (int64_t j = 0; j < columns; ++j) out[j * stride] = static_cast<E>(alpha_ * tile[j]);
    }
  }

  int64_t m_, n_, k_;
  Matrix a_, b_, out_;
  GemmTile<T> tile_;
  T alpha_, beta_;
  bool overwrite_;
};

}  // namespace

void gemm(ScalarType dtype, int64_t m, int64_t n, int64_t k, double alpha, Matrix a, Matrix b, double beta,
          Matrix out) {
  switch (dtype) {
    case kUInt8: return Gemm<uint8_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt8: return Gemm<int8_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt16: return Gemm<int16_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt32: return Gemm<int32_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt64: return Gemm<int64_t, uint64_t>(m, n, k, alpha, a, b, beta, out).run();
    default: detail::throw_unsupported_dtype(dtype, DtypeSet::Integral);
  }
}

}  // namespace ember::cpu
