// A blocked matrix product in the manner of Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication" (ACM TOMS, 2008): panels of both factors are packed so that the register tile reads
// memory in order.
#include <ember/cpu/gemm.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/core/scalar.h>

namespace ember::cpu {

namespace {

constexpr int64_t kDepth = 256;         // of a panel: a tile's share of both factors stays in the first-level cache
constexpr int64_t kRowTiles = 8;        // of a packed block of a, which stays in the second-level cache
constexpr int64_t kPanelColumns = 2048;  // of b, packed at a time
constexpr int64_t kTaskColumns = 256;   // of a panel, for one task
constexpr int64_t kTaskWork = 1 << 16;  // multiply-adds worth a thread

// Element E in memory; T, in which it is multiplied: integers unsigned, so that they wrap.
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
  static T factor(double x) {
    if constexpr (std::is_floating_point_v<T>) {
      return x;
    } else {
      return static_cast<T>(Scalar(x).toLong());
    }
  }
  int64_t round_up(int64_t columns) const { return (columns + tile_.columns - 1) / tile_.columns * tile_.columns; }

  static T load(const Matrix& x, int64_t i, int64_t j) {
    E value;
    std::memcpy(&value, x.data + (i * x.row_stride + j * x.column_stride) * static_cast<int64_t>(sizeof(E)), sizeof(E));
    return static_cast<T>(value);
  }

  // Tiles of tile_.columns columns one after the other, each by rows, padded with zeros.
  void pack_b(T* to, int64_t p, int64_t depth, int64_t column, int64_t columns) const {
    const int64_t width = tile_.columns;
    const int64_t tiles = round_up(columns) / width;
    parallel_for(0, tiles, std::max<int64_t>(1, 32768 / (depth * width)), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        T* out = to + t * width * depth;
        const int64_t start = column + t * width;
        const int64_t count = std::min(width, column + columns - start);
        for (int64_t i = 0; i < depth; ++i, out += width) {
          for (int64_t j = 0; j < count; ++j) out[j] = load(b_, p + i, start + j);
          for (int64_t j = count; j < width; ++j) out[j] = T(0);
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
        for (int64_t j = 0; j < count; ++j) to[j] = load(a_, row + start + j, p + i);
        for (int64_t j = count; j < height; ++j) to[j] = T(0);
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
    for (int64_t i = 0; i < rows; ++i) {
      E* const out =
          reinterpret_cast<E*>(out_.data) + (row + i) * out_.row_stride + column * out_.column_stride;
      for (int64_t j = 0; j < columns; ++j) {
        E& to = out[j * out_.column_stride];
        T value = alpha_ * tile[i * tile_.columns + j];
        if (!first_panel) {
          value += static_cast<T>(to);
        } else if (!overwrite_) {
          value += beta_ * static_cast<T>(to);
        }
        to = static_cast<E>(value);
      }
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
    case kFloat64: return Gemm<double, double>(m, n, k, alpha, a, b, beta, out).run();
    case kUInt8: return Gemm<uint8_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt8: return Gemm<int8_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt16: return Gemm<int16_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt32: return Gemm<int32_t, uint32_t>(m, n, k, alpha, a, b, beta, out).run();
    case kInt64: return Gemm<int64_t, uint64_t>(m, n, k, alpha, a, b, beta, out).run();
    default: detail::throw_unsupported_dtype(dtype, DtypeSet::Numeric);
  }
}

}  // namespace ember::cpu
