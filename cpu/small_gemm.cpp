// Small matrix products. The rows of b are read where they are; a's elements are broadcast, so its layout does not
// matter; a b of dense columns is transposed panel by panel into a buffer that stays in the first-level cache, or, for
// a row or two of a, multiplied by sums along the columns.
#include <ember/cpu/small_gemm.h>

#include <algorithm>

#include <hwy/cache_control.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/small_gemm.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors are of a constant number of lanes: arrays of them are registers.
template <class T>
using Lanes = hn::CappedTag<T, HWY_LANES(T)>;
template <class T>
using Vector = hn::Vec<Lanes<T>>;
template <class T>
constexpr int64_t kLanes = static_cast<int64_t>(HWY_LANES(T));

// Depth of a sum before it is added to `out`, which bounds the rounding error, and of a buffered panel.
constexpr int64_t kDepth = 128;
constexpr int64_t kRowDepth = 64;      // of a product with a row, whose time goes into reading b
constexpr int64_t kLongRowDepth = 16;  // where its rows are long: as many as the processor's prefetcher follows
constexpr int64_t kManyRows = 96;
// The same of a sum along a column, which is one for each lane first.
constexpr int64_t kDotDepth = 512;
constexpr int64_t kDotMostRows = 16;
#if HWY_TARGET == HWY_AVX3  // 32 registers
constexpr int kPanel = 4;   // vectors in a panel of b
#else
constexpr int kPanel = 2;
#endif
constexpr int kRowPanel = 8;  // the same for one row

template <class T>
HWY_INLINE Vector<T> load_first(const T* from, int64_t count) {
  const Lanes<T> d;
#if HWY_MEM_OPS_MIGHT_FAULT
  if (count == kLanes<T>) return hn::LoadU(d, from);
  alignas(64) T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
#endif
}
template <class T>
HWY_INLINE void store_first(Vector<T> v, T* to, int64_t count) {
  const Lanes<T> d;
#if HWY_MEM_OPS_MIGHT_FAULT
  if (count == kLanes<T>) return hn::StoreU(v, d, to);
  alignas(64) T lanes[kLanes<T>];
  hn::Store(v, d, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
#endif
}

// One tile of `out`: its corner, and a's and b's.
template <class T>
struct Tile {
  int64_t k;
  const T* a;
  int64_t a_row_stride, a_column_stride;
  const T* b;
  int64_t b_row_stride;
  T* out;
  int64_t out_row_stride;
  int64_t last;  // columns in the last vector
  T alpha;
  const T* add;
  int64_t add_row_stride;
  T factor;
};

template <class T, int kRows, int kVectors>
void run_tile(const Tile<T>& t) {
  const Lanes<T> d;
  Vector<T> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::Zero(d);
  }
  if (t.add == t.out && t.k >= 32) {  // what the sums will be added to has left the nearer caches
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) hwy::Prefetch(t.out + i * t.out_row_stride + v * kLanes<T>);
    }
  }
  const T* a = t.a;
  const T* b = t.b;
  const int64_t row = t.a_row_stride, step = t.a_column_stride, b_step = t.b_row_stride, last = t.last;
  for (int64_t p = 0; p < t.k; ++p, a += step, b += b_step) {
    Vector<T> columns[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors - 1; ++v) columns[v] = hn::LoadU(d, b + v * kLanes<T>);
    columns[kVectors - 1] = load_first(b + (kVectors - 1) * kLanes<T>, last);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vector<T> x = hn::Set(d, a[i * row]);
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sum[i][v] = hn::MulAdd(x, columns[v], sum[i][v]);
    }
  }
  const Vector<T> alpha = hn::Set(d, t.alpha), factor = hn::Set(d, t.factor);
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const int64_t count = v == kVectors - 1 ? last : kLanes<T>;
      Vector<T> y = hn::Mul(alpha, sum[i][v]);
      if (t.add != nullptr) {
        y = hn::MulAdd(factor, load_first(t.add + i * t.add_row_stride + v * kLanes<T>, count), y);
      }
      store_first(y, t.out + i * t.out_row_stride + v * kLanes<T>, count);
    }
  }
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);
// The most rows of a tile of so many vectors: its accumulators leave registers for b's vectors and an element of a.
constexpr int most_rows(int vectors) {
#if HWY_TARGET == HWY_AVX3
  return vectors <= 3 ? 8 : vectors == 4 ? 6 : 1;
#else
  return vectors == 1 ? 8 : vectors == 2 ? 6 : 1;
#endif
}
#define EMBER_TILE(rows, vectors) &run_tile<T, rows <= most_rows(vectors) ? rows : 1, vectors>
#define EMBER_TILES(vectors) \
  { \
    EMBER_TILE(1, vectors), EMBER_TILE(2, vectors), EMBER_TILE(3, vectors), EMBER_TILE(4, vectors), \
        EMBER_TILE(5, vectors), EMBER_TILE(6, vectors), EMBER_TILE(7, vectors), EMBER_TILE(8, vectors) \
  }
template <class T>
constexpr TileFunction<T> kTiles[kRowPanel][8] = {EMBER_TILES(1), EMBER_TILES(2), EMBER_TILES(3), EMBER_TILES(4),
                                                  EMBER_TILES(5), EMBER_TILES(6), EMBER_TILES(7), EMBER_TILES(8)};
#undef EMBER_TILES
#undef EMBER_TILE

// ---- b of dense columns ----

// to[p·width + j] = from[j·stride + p] for p < depth and j < count; up to the width, a multiple of the lanes, what is
// there is unspecified.
template <class T>
void transpose(T* to, const T* from, int64_t stride, int64_t depth, int64_t count, int64_t width) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr int64_t kBlock = 16 / static_cast<int64_t>(sizeof(T));  // lanes in 16 bytes
  constexpr int64_t kBlocks = kLanes<T> / kBlock;
  const hn::FixedTag<T, 16 / sizeof(T)> d16;
  const Lanes<T> d;
  const int64_t whole = depth / kBlock * kBlock;
  // Of columns past the last, that one is read again: nobody looks at what is past it in the rows.
  for (; j < width; j += kLanes<T>) {
    const T* starts[kLanes<T>];
    for (int64_t i = 0; i < kLanes<T>; ++i) starts[i] = from + std::min(j + i, count - 1) * stride;
    for (int64_t p = 0; p < whole; p += kBlock) {
      // Block b of vector i is column b·kBlock + i, so that a transpose within blocks gives rows.
      Vector<T> x[kBlock];
#pragma GCC unroll 4
      for (int64_t i = 0; i < kBlock; ++i) {
        const auto column = [&](int64_t block) { return hn::LoadU(d16, starts[block * kBlock + i] + p); };
        if constexpr (kBlocks == 4) {
          const hn::FixedTag<T, 32 / sizeof(T)> d32;
          x[i] = hn::Combine(d, hn::Combine(d32, column(3), column(2)), hn::Combine(d32, column(1), column(0)));
        } else if constexpr (kBlocks == 2) {
          x[i] = hn::Combine(d, column(1), column(0));
        } else {
          x[i] = column(0);
        }
      }
      T* const row = to + p * width + j;
      if constexpr (kBlock == 4) {
        const auto low01 = hn::InterleaveLower(d, x[0], x[2]), low23 = hn::InterleaveLower(d, x[1], x[3]);
        const auto high01 = hn::InterleaveUpper(d, x[0], x[2]), high23 = hn::InterleaveUpper(d, x[1], x[3]);
        hn::StoreU(hn::InterleaveLower(d, low01, low23), d, row);
        hn::StoreU(hn::InterleaveUpper(d, low01, low23), d, row + width);
        hn::StoreU(hn::InterleaveLower(d, high01, high23), d, row + 2 * width);
        hn::StoreU(hn::InterleaveUpper(d, high01, high23), d, row + 3 * width);
      } else {
        hn::StoreU(hn::InterleaveLower(d, x[0], x[1]), d, row);
        hn::StoreU(hn::InterleaveUpper(d, x[0], x[1]), d, row + width);
      }
    }
    for (int64_t p = whole; p < depth; ++p) {
      for (int64_t i = j; i < std::min(j + kLanes<T>, count); ++i) to[p * width + i] = from[i * stride + p];
    }
  }
#endif
  for (int64_t p = 0; p < depth && j < count; ++p) {
    for (int64_t i = j; i < count; ++i) to[p * width + i] = from[i * stride + p];
  }
}

// to[i] = the sum of the lanes of x[i].
template <class T, int kCount>
HWY_INLINE void sums_of_lanes(const Vector<T>* x, T* to) {
  const Lanes<T> d;
#if HWY_TARGET != HWY_SCALAR
  // Within 16 bytes by transposing as many vectors as there are lanes, then over the blocks.
  constexpr int kBlock = 16 / static_cast<int>(sizeof(T));
  if constexpr (kCount % kBlock == 0) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; i += kBlock) {
      Vector<T> y = hn::Add(hn::InterleaveLower(d, x[i], x[i + 1]), hn::InterleaveUpper(d, x[i], x[i + 1]));
      if constexpr (kBlock == 4) {
        const auto z = hn::Add(hn::InterleaveLower(d, x[i + 2], x[i + 3]), hn::InterleaveUpper(d, x[i + 2], x[i + 3]));
        const hn::Repartition<double, Lanes<T>> pairs;
        const auto y2 = hn::BitCast(pairs, y), z2 = hn::BitCast(pairs, z);
        y = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, y2, z2)),
                    hn::BitCast(d, hn::InterleaveUpper(pairs, y2, z2)));
      }
      const hn::FixedTag<T, kBlock> d16;
      if constexpr (kLanes<T> == 4 * kBlock) {
        const hn::FixedTag<T, 2 * kBlock> d32;
        const auto half = hn::Add(hn::LowerHalf(d32, y), hn::UpperHalf(d32, y));
        hn::StoreU(hn::Add(hn::LowerHalf(d16, half), hn::UpperHalf(d16, half)), d16, to + i);
      } else if constexpr (kLanes<T> == 2 * kBlock) {
        hn::StoreU(hn::Add(hn::LowerHalf(d16, y), hn::UpperHalf(d16, y)), d16, to + i);
      } else {
        hn::StoreU(y, d16, to + i);
      }
    }
    return;
  }
#endif
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) to[i] = hn::GetLane(hn::SumOfLanes(d, x[i]));
}

// sums[r·kColumns + c] = Σ x[r·x_stride + p]·b[c·b_stride + p] over p < k.
template <class T, int kRows, int kColumns>
HWY_INLINE void dots(int64_t k, const T* x, int64_t x_stride, const T* b, int64_t b_stride, T* sums) {
  constexpr int kChains = kRows * kColumns >= 8 ? 1 : 8 / (kRows * kColumns);  // enough sums in flight
  const Lanes<T> d;
  Vector<T> sum[kRows * kColumns][kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kRows * kColumns; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < kChains; ++s) sum[i][s] = hn::Zero(d);
  }
  int64_t p = 0;
  for (; p + kChains * kLanes<T> <= k; p += kChains * kLanes<T>) {
#pragma GCC unroll 16
    for (int s = 0; s < kChains; ++s) {
      Vector<T> rows[kRows];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) rows[r] = hn::LoadU(d, x + r * x_stride + p + s * kLanes<T>);
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) {
        Vector<T> column = hn::LoadU(d, b + c * b_stride + p + s * kLanes<T>);
#if HWY_TARGET == HWY_AVX3
        asm("" : "+v"(column.raw));  // else GCC reads it again for every row, from the second-level cache
#endif
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          sum[r * kColumns + c][s] = hn::MulAdd(rows[r], column, sum[r * kColumns + c][s]);
        }
      }
    }
  }
  for (; p < k; p += kLanes<T>) {
    const int64_t count = std::min(kLanes<T>, k - p);
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) {
      const Vector<T> column = load_first(b + c * b_stride + p, count);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        sum[r * kColumns + c][0] =
            hn::MulAdd(load_first(x + r * x_stride + p, count), column, sum[r * kColumns + c][0]);
      }
    }
  }
  Vector<T> total[kRows * kColumns];
#pragma GCC unroll 16
  for (int i = 0; i < kRows * kColumns; ++i) {
#pragma GCC unroll 16
    for (int step = kChains / 2; step > 0; step /= 2) {
#pragma GCC unroll 16
      for (int s = 0; s < step; ++s) sum[i][s] = hn::Add(sum[i][s], sum[i][s + step]);
    }
    total[i] = sum[i][0];
  }
  sums_of_lanes<T, kRows * kColumns>(total, sums);
}

#if HWY_TARGET == HWY_AVX3
constexpr int kDotSums = 16;  // in registers
constexpr int kDotRows = 4;
#else
constexpr int kDotSums = 8;
constexpr int kDotRows = 2;
#endif
constexpr int kDotColumns = 8;  // of b, which stay in the first-level cache for all the rows

// A block of `out` at `to`, columns of b at t.b, t.last of them; rows of a at t.a. (b_row_stride is that of the
// columns.)
template <class T, int kRows>
void run_dot_rows(const Tile<T>& t) {
  constexpr int kWide = kRows * kDotColumns <= kDotSums ? kDotColumns : kDotColumns / 2;
  const auto block = [&]<int kColumns>(int64_t first) {
    alignas(64) T sums[kRows * kColumns];
    dots<T, kRows, kColumns>(t.k, t.a, t.a_row_stride, t.b + first * t.b_row_stride, t.b_row_stride, sums);
    for (int r = 0; r < kRows; ++r) {
      T* const to = t.out + r * t.out_row_stride + first;
      const T* const add = t.add == nullptr ? nullptr : t.add + r * t.add_row_stride + first;
      for (int c = 0; c < kColumns; ++c) {
        to[c] = t.alpha * sums[r * kColumns + c] + (add == nullptr ? T(0) : t.factor * add[c]);
      }
    }
  };
  int64_t j = 0;
  for (; j + kWide <= t.last; j += kWide) block.template operator()<kWide>(j);
  if (j + 4 <= t.last) {
    block.template operator()<4>(j);
    j += 4;
  }
  for (; j < t.last; ++j) block.template operator()<1>(j);
}

// Whether sums along the columns cost less than to transpose b: what they take to add up the lanes of each element
// against what that takes for each row of b.
template <class T>
bool sums_along_columns(const SmallGemm<T>& g) {
  return g.b_row_stride == 1 && g.m <= kDotMostRows && g.m * kLanes<T> <= g.k + kLanes<T>;
}

template <class T>
void run_dots(const SmallGemm<T>& g) {
  constexpr TileFunction<T> kBlocks[] = {&run_dot_rows<T, 1>, &run_dot_rows<T, 2>, &run_dot_rows < T,
                                         kDotRows == 4 ? 3 : 1 >, &run_dot_rows<T, kDotRows>};
  T buffer[kDotMostRows * kDotDepth];
  Tile<T> t;
  t.out_row_stride = g.out_row_stride;
  t.b_row_stride = g.b_column_stride;
  t.alpha = g.alpha;
  const int64_t groups = (g.m + kDotRows - 1) / kDotRows;
  for (int64_t p = 0; p < g.k; p += kDotDepth) {
    t.k = std::min(kDotDepth, g.k - p);
    const T* x = g.a + p * g.a_column_stride;
    t.a_row_stride = g.a_row_stride;
    if (g.a_column_stride != 1) {
      for (int64_t i = 0; i < g.m; ++i) {
        for (int64_t q = 0; q < t.k; ++q) buffer[i * t.k + q] = x[i * g.a_row_stride + q * g.a_column_stride];
      }
      x = buffer;
      t.a_row_stride = t.k;
    }
    t.add_row_stride = p != 0 ? g.out_row_stride : g.add_row_stride;
    t.factor = p != 0 ? T(1) : g.factor;
    for (int64_t j = 0; j < g.n; j += kDotColumns) {
      t.b = g.b + j * g.b_column_stride + p;
      t.last = std::min<int64_t>(kDotColumns, g.n - j);
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t i = g.m * group / groups, rows = g.m * (group + 1) / groups - i;
        t.a = x + i * t.a_row_stride;
        t.out = g.out + i * g.out_row_stride + j;
        t.add = p != 0 ? t.out : g.add == nullptr ? nullptr : g.add + i * g.add_row_stride + j;
        kBlocks[rows - 1](t);
      }
    }
  }
}

// Columns [column, column + columns) of b, from row p on, in rows of `width` in the buffer.
template <class T>
void pack(const SmallGemm<T>& g, T* to, int64_t p, int64_t depth, int64_t column, int64_t columns, int64_t width) {
  const T* from = g.b + p * g.b_row_stride + column * g.b_column_stride;
  if (g.b_column_stride == 1) {
    const Lanes<T> d;
    for (int64_t q = 0; q < depth; ++q, from += g.b_row_stride, to += width) {
      for (int64_t j = 0; j < width; j += kLanes<T>) {
        hn::StoreU(load_first(from + j, std::min(kLanes<T>, columns - j)), d, to + j);
      }
    }
  } else if (g.b_row_stride == 1) {
    transpose(to, from, g.b_column_stride, depth, columns, width);
  } else {
    for (int64_t q = 0; q < depth; ++q) {
      for (int64_t j = 0; j < columns; ++j) to[q * width + j] = from[q * g.b_row_stride + j * g.b_column_stride];
    }
  }
}

template <class T>
void run(const SmallGemm<T>& g) {
  const bool dense_rows = g.b_column_stride == 1 || g.n == 1;
  if ((!dense_rows || g.n == 1) && sums_along_columns(g)) return run_dots(g);
  // Rows of b that are far apart fall into few sets of the cache, so for many rows of a they are copied too.
  const bool direct = dense_rows && g.m < kManyRows;
  const bool row = g.m == 1 && direct;
  // A row longer than a page is read to its end before the next ones, else each panel of it is read downwards.
  const bool by_rows = row && g.n * static_cast<int64_t>(sizeof(T)) >= 4096;
  const int64_t most_depth = by_rows ? kLongRowDepth : g.m == 1 ? kRowDepth : kDepth;
  const int64_t most = row ? kRowPanel : kPanel;
  const int64_t total = (g.n + kLanes<T> - 1) / kLanes<T>;
  const int64_t panels = (total + most - 1) / most;
  const int64_t depths = (g.k + most_depth - 1) / most_depth;
  alignas(64) T packed[kDepth * kPanel * kLanes<T>];
  Tile<T> t;
  t.a_row_stride = g.a_row_stride;
  t.a_column_stride = g.a_column_stride;
  t.out_row_stride = g.out_row_stride;
  t.alpha = g.alpha;
  // For many rows, those columns of a stay in the second-level cache meanwhile.
  const bool across = by_rows || g.m >= kManyRows;
  for (int64_t step = 0; step < panels * depths; ++step) {
    const int64_t panel = across ? step % panels : step / depths;
    const int64_t p = (across ? step / panels : step % depths) * most_depth;
    // As equal panels as can be.
    const int64_t first = total * panel / panels, vectors = total * (panel + 1) / panels - first;
    const int64_t column = first * kLanes<T>;
    const int64_t columns = std::min(vectors * kLanes<T>, g.n - column);
    t.last = columns - (vectors - 1) * kLanes<T>;
    t.k = std::min(most_depth, g.k - p);
    if (direct) {
      t.b = g.b + p * g.b_row_stride + column;
      t.b_row_stride = g.b_row_stride;
    } else {
      t.b = packed;
      t.b_row_stride = vectors * kLanes<T>;
      pack(g, packed, p, t.k, column, columns, t.b_row_stride);
    }
    const int64_t rows_most = most_rows(static_cast<int>(vectors));
    const int64_t blocks = (g.m + rows_most - 1) / rows_most;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t i = g.m * block / blocks, rows = g.m * (block + 1) / blocks - i;
      t.a = g.a + i * g.a_row_stride + p * g.a_column_stride;
      t.out = g.out + i * g.out_row_stride + column;
      t.add = p != 0 ? t.out : g.add == nullptr ? nullptr : g.add + i * g.add_row_stride + column;
      t.add_row_stride = p != 0 ? g.out_row_stride : g.add_row_stride;
      t.factor = p != 0 ? T(1) : g.factor;
      kTiles<T>[vectors - 1][rows - 1](t);
    }
  }
}

void run_float(const SmallGemm<float>& g) { run(g); }
void run_double(const SmallGemm<double>& g) { run(g); }

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(run_float);
HWY_EXPORT(run_double);
void small_gemm(const SmallGemm<float>& product) { HWY_DYNAMIC_DISPATCH(run_float)(product); }
void small_gemm(const SmallGemm<double>& product) { HWY_DYNAMIC_DISPATCH(run_double)(product); }
}  // namespace ember::cpu
#endif
