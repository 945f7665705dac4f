// Products of matrices so small that a launch costs more than the arithmetic: one kernel without scratch memory, in
// which the threads of a block share out the sum over k as well as the output. What a block does is written for any
// `Block`, so that it also runs on the host, thread by thread.
//
// A block computes a tile of tile × tile elements. A thread has 4 × 4 of them and, of k, every so many groups of four:
// it reads 4 × 4 elements of either factor straight into registers, 16 bytes at a time where the alignment allows, and
// needs no shared memory before the threads' sums are added up. They are added in an order that depends on the problem
// only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <ember/core/dtype.h>
#include <ember/core/functors.h>
#include <ember/core/macros.h>
#include <ember/cuda/lt_problem.h>
#include <ember/cuda/unroll.h>

namespace ember::cuda {

inline constexpr int kSmallThreads = 256;
inline constexpr int kQuad = 4;  // rows, columns and elements of k that a thread has at a time

// How a block of kSmallThreads lies over a tile.
template <int kTile>
struct SmallShape {
  static constexpr int kElements = kTile * kTile;
  static constexpr int kPlaces = kElements / (kQuad * kQuad);  // where a thread's 4 × 4 elements may be
  static constexpr int kSlices = kSmallThreads / kPlaces;      // of k
  static constexpr int kPitch = kElements + kQuad;  // of one slice's sums: neighbours in slices write to other banks
  static constexpr int kGroups = kSmallThreads > kElements ? kSmallThreads / kElements : 1;  // add up an element
  static constexpr int kShared = kSlices * kPitch + (kGroups > 1 ? kSmallThreads : 0);
};

// The tile for a problem, or 0 for those that cuBLAS is left with. `outputs`: columns, with one more for row sums.
// The choice looks at the problem only, so that every device adds in one order.
inline int small_tile(ScalarType dtype, int64_t batch, int64_t m, int64_t outputs, int64_t k) {
  constexpr int64_t kRounds = 16;  // of a thread over k, at most
  // Multiply-adds. cuBLAS has tensor cores for the other dtypes.
  const int64_t most = dtype == kFloat32 ? int64_t{1} << 24 : int64_t{1} << 22;
  if (batch > 65535 || m > most || outputs > most || k > most || batch > most / m || batch * m > most / outputs ||
      batch * m * outputs > most / k) {
    return 0;
  }
  // What a block takes: to begin with, for each round, and for each element that a thread finishes. In proportion to
  // what was measured on an H200: 4.1 µs of 104 blocks with four rounds, 6.4 µs of 128 that finish four elements too.
  // The blocks that it holds at once take no longer than one.
  constexpr int64_t kBegin = 15, kRound = 7, kElement = 4, kAtOnce = 2 * 132;
  int best = 0;
  int64_t least = INT64_MAX;
  for (const int64_t tile : {8, 16, 32}) {
    const int64_t blocks = batch * ((m + tile - 1) / tile) * ((outputs + tile - 1) / tile);
    const int64_t slices = kSmallThreads / (tile / kQuad * (tile / kQuad));
    const int64_t rounds = ((k + kQuad - 1) / kQuad + slices - 1) / slices;
    const int64_t elements = (tile * tile + kSmallThreads - 1) / kSmallThreads;
    const int64_t cost = (kBegin + kRound * rounds + kElement * elements) * std::max<int64_t>(blocks, kAtOnce);
    if (rounds > kRounds || cost >= least) continue;
    best = static_cast<int>(tile);
    least = cost;
  }
  return best;
}

// A factor: element (i, q) of i along the output and q along k is data[i·ld + q] with k inner, else data[q·ld + i].
template <class T>
struct SmallFactor {
  const T* data;
  int64_t ld, batch_stride;
  bool vectors;  // whether four elements of a row, from a multiple of four on, are one load
};

template <class T>
struct SmallProduct {
  using C = compute_t<T>;
  SmallFactor<T> a, b;
  T* out;
  int64_t out_ld, out_batch_stride;
  int m, n, k;
  int tile;
  int tiles_n;  // blocks side by side
  bool a_inner, b_inner;
  C alpha, beta;
  Epilogue epilogue;  // of ReluBackward, aux is the result of relu
  T* vector;          // bias[n] or the sums of the rows of a, [m]
  T* aux;
  int64_t aux_ld;
};

// ---- reading ----

namespace small {

// Four elements that one load gets.
template <class T>
struct alignas(sizeof(T) * kQuad > 16 ? 16 : sizeof(T) * kQuad) Four {
  uint32_t words[sizeof(T)];
};
template <class T>
EMBER_HD inline void read_four(compute_t<T>* x, const T* from) {
  T elements[kQuad];
#if defined(__CUDA_ARCH__)
  const Four<T> bits = *reinterpret_cast<const Four<T>*>(from);
  memcpy(elements, &bits, sizeof(bits));
#else
  memcpy(elements, from, sizeof(elements));
  // A device would trap.
  if (reinterpret_cast<uintptr_t>(from) % alignof(Four<T>) != 0) elements[0] = static_cast<T>(NAN);
#endif
  EMBER_UNROLL
  for (int i = 0; i < kQuad; ++i) x[i] = static_cast<compute_t<T>>(elements[i]);
}

// Whether four times four elements from `at` of the output are four loads.
template <bool kInner, class T>
EMBER_HD inline bool in_vectors(const SmallFactor<T>& factor, int at, int length) {
  return factor.vectors && (kInner || at + kQuad <= length);
}

// x[i][q] = element (at + i, from + q) of the factor; 0 from `count` of the four q on. Past `length` of the output it
// is that of the last: nobody reads what comes of it.
template <class T, bool kInner>
EMBER_HD inline void read_quads(compute_t<T> (&x)[kQuad][kQuad], const T* data, int64_t ld, int at, int length,
                                int from, int count, bool vectors) {
  using C = compute_t<T>;
  EMBER_UNROLL
  for (int r = 0; r < kQuad; ++r) {  // a row of the memory
    const int i = kInner ? at + r : from + r, limit = kInner ? length : from + count;
    const T* const row = data + (i < limit ? i : limit - 1) * ld + (kInner ? from : at);
    C four[kQuad];
    if (vectors && (!kInner || count == kQuad)) {
      read_four(four, row);
    } else {
      EMBER_UNROLL
      for (int c = 0; c < kQuad; ++c) {
        const int last = kInner ? count - 1 : length - 1 - at;
        four[c] = static_cast<C>(row[c < last ? c : last]);
      }
    }
    EMBER_UNROLL
    for (int c = 0; c < kQuad; ++c) {
      const bool there = (kInner ? c : r) < count;
      x[kInner ? r : c][kInner ? c : r] = there ? four[c] : C(0);
    }
  }
}

// ---- what is done with a sum ----

// What the epilogue reads for an element of the output, or null.
template <class T>
EMBER_HD inline const T* operand_at(const SmallProduct<T>& p, int row, int col) {
  if (takes_bias(p.epilogue)) return p.vector + col;
  return is_backward(p.epilogue) ? p.aux + row * p.aux_ld + col : nullptr;
}

// The value of an element; of one epilogue aux gets its own there.
template <class T>
EMBER_HD inline compute_t<T> activated(const SmallProduct<T>& p, int row, int col, compute_t<T> x,
                                       compute_t<T> operand) {
  using C = compute_t<T>;
  switch (p.epilogue) {
    case Epilogue::Bias: return x + operand;
    case Epilogue::BiasRelu: return functors::Relu<C>()(x + operand);
    case Epilogue::BiasGeluAux: p.aux[row * p.aux_ld + col] = static_cast<T>(x + operand); [[fallthrough]];
    case Epilogue::BiasGelu: return functors::GeluTanh<C>()(x + operand);
    case Epilogue::ReluBackward: return functors::ReluBackward<C>()(x, operand);
    case Epilogue::GeluBackward: return functors::GeluTanhBackward<C>()(x, operand);
    default: return x;  // None and RowSums; the others are not taken: small_takes()
  }
}

// Elements thread, thread + kSmallThreads, … of a tile whose first is (row, col): each the sum of `count` sums, `pitch`
// from one to the next, and the epilogue. What this reads is asked for first.
template <class T, int kTile>
EMBER_HD inline void finish(const SmallProduct<T>& p, int64_t batch, int row, int col, int thread,
                            const compute_t<T>* sums, int count, int pitch) {
  using C = compute_t<T>;
  constexpr int kEach = std::max(1, kTile * kTile / kSmallThreads), kRows = kSmallThreads / kTile;
  row += thread / kTile;
  col += thread % kTile;
  T* const out = p.out + batch * p.out_batch_stride + row * p.out_ld + col;
  C x[kEach] = {}, operand[kEach] = {}, old[kEach] = {};
  EMBER_UNROLL
  for (int e = 0; e < kEach; ++e) {
    const int i = e * kRows;
    if (row + i >= p.m || col >= p.n) continue;
    if (const T* const from = operand_at(p, row + i, col)) operand[e] = static_cast<C>(*from);
    if (p.beta != C(0)) old[e] = p.beta * static_cast<C>(out[i * p.out_ld]);
  }
  EMBER_UNROLL_BY(4)
  for (int part = 0; part < count; ++part) {
    EMBER_UNROLL
    for (int e = 0; e < kEach; ++e) x[e] += sums[part * pitch + thread + e * kSmallThreads];
  }
  EMBER_UNROLL
  for (int e = 0; e < kEach; ++e) {
    const int i = e * kRows;
    if (row + i >= p.m) continue;
    if (col < p.n) {
      out[i * p.out_ld] = static_cast<T>(activated(p, row + i, col, p.alpha * x[e] + old[e], operand[e]));
    } else if (col == p.n && p.epilogue == Epilogue::RowSums) {
      p.vector[row + i] = static_cast<T>(x[e]);
    }
  }
}

}  // namespace small

// The epilogues that it has. A mask of bits is cuBLASLt's own; sums of columns are those of several blocks.
constexpr bool small_takes(Epilogue e) { return e != Epilogue::BiasReluAux && !sums_columns(e); }

// ---- a block ----
//
// Block: x() and batch(), which block it is; each(f), f(thread) for each of its threads, which meet before;
// shared<C>(), memory of kSmallShared elements that they share.

// Which tile of the output a block has.
template <class T>
struct SmallPlace {
  int64_t batch;
  int row, col;

  template <class Block>
  EMBER_HD SmallPlace(const Block& block, const SmallProduct<T>& p)
      : batch(block.batch()), row(block.x() / p.tiles_n * p.tile), col(block.x() % p.tiles_n * p.tile) {}
};

// The sum of each slice and element, to `sums`.
template <class T, bool kInnerA, bool kInnerB, int kTile>
EMBER_HD inline void small_sums(const SmallPlace<T>& at, const SmallProduct<T>& p, int thread, compute_t<T>* sums) {
  using C = compute_t<T>;
  using Shape = SmallShape<kTile>;
  const int quads = (p.k + kQuad - 1) / kQuad, whole = p.k / kQuad;
  // Neighbours read neighbours: along k, or along the output.
  constexpr bool kAlongK = kInnerA && kInnerB;
  const int place = kAlongK ? thread / Shape::kSlices : thread % Shape::kPlaces;
  const int slice = kAlongK ? thread % Shape::kSlices : thread / Shape::kPlaces;
  if (slice >= quads) return;
  const int i0 = place / (kTile / kQuad) * kQuad, j0 = place % (kTile / kQuad) * kQuad;
  const T* const a = p.a.data + at.batch * p.a.batch_stride;
  const T* const b = p.b.data + at.batch * p.b.batch_stride;
  const int ones = p.epilogue == Epilogue::RowSums ? p.n - (at.col + j0) : kQuad;  // the column of ones
  C sum[kQuad][kQuad] = {};
  const bool fast_a = small::in_vectors<kInnerA>(p.a, at.row + i0, p.m);
  const bool fast_b = small::in_vectors<kInnerB>(p.b, at.col + j0, p.n);
  const auto add = [&](int quad, int count, bool vectors_a, bool vectors_b) {
    C x[kQuad][kQuad], y[kQuad][kQuad];
    small::read_quads<T, kInnerA>(x, a, p.a.ld, at.row + i0, p.m, quad * kQuad, count, vectors_a);
    small::read_quads<T, kInnerB>(y, b, p.b.ld, at.col + j0, p.n, quad * kQuad, count, vectors_b);
    EMBER_UNROLL
    for (int j = 0; j < kQuad; ++j) {
      if (j == ones) y[j][0] = y[j][1] = y[j][2] = y[j][3] = C(1);
    }
    EMBER_UNROLL
    for (int q = 0; q < kQuad; ++q) {
      EMBER_UNROLL
      for (int i = 0; i < kQuad; ++i) {
        EMBER_UNROLL
        for (int j = 0; j < kQuad; ++j) sum[i][j] += x[i][q] * y[j][q];
      }
    }
  };
  int quad = slice;
  if (fast_a && fast_b) {
    EMBER_UNROLL_BY(sizeof(T) == 8 ? 1 : 2)
    for (; quad < whole; quad += Shape::kSlices) add(quad, kQuad, true, true);
  }
  // What is not in vectors, and the end of k.
  EMBER_UNROLL_BY(1)
  for (; quad < quads; quad += Shape::kSlices) {
    add(quad, quad < whole ? kQuad : p.k - whole * kQuad, fast_a, fast_b);
  }
  EMBER_UNROLL
  for (int i = 0; i < kQuad; ++i) {
    memcpy(sums + slice * Shape::kPitch + (i0 + i) * kTile + j0, sum[i], sizeof(sum[i]));
  }
}

template <class T, int kTile>
EMBER_HD inline void small_sums(const SmallPlace<T>& at, const SmallProduct<T>& p, int thread, compute_t<T>* sums) {
  if (p.a_inner) {
    p.b_inner ? small_sums<T, true, true, kTile>(at, p, thread, sums)
              : small_sums<T, true, false, kTile>(at, p, thread, sums);
  } else {
    p.b_inner ? small_sums<T, false, true, kTile>(at, p, thread, sums)
              : small_sums<T, false, false, kTile>(at, p, thread, sums);
  }
}

// What comes of the sums. Apart from what makes them, of which there is a copy for each layout of the factors.
template <class T, int kTile, class Block>
EMBER_HD inline void small_finish(Block& block, const SmallPlace<T>& at, const SmallProduct<T>& p, compute_t<T>* sums) {
  using C = compute_t<T>;
  using Shape = SmallShape<kTile>;
  const int quads = (p.k + kQuad - 1) / kQuad;
  const int slices = quads < Shape::kSlices ? quads : Shape::kSlices;  // that had anything to add
  if constexpr (Shape::kGroups > 1) {
    // More threads than elements: groups of slices first.
    C* const group_sums = sums + Shape::kSlices * Shape::kPitch;
    block.each([&](int thread) {
      const int element = thread % Shape::kElements, group = thread / Shape::kElements;
      C sum = 0;
      EMBER_UNROLL_BY(4)
      for (int slice = group; slice < slices; slice += Shape::kGroups) sum += sums[slice * Shape::kPitch + element];
      group_sums[thread] = sum;
    });
    block.each([&](int thread) {
      if (thread >= Shape::kElements) return;
      small::finish<T, kTile>(p, at.batch, at.row, at.col, thread, group_sums, Shape::kGroups, Shape::kElements);
    });
  } else {
    block.each(
        [&](int thread) { small::finish<T, kTile>(p, at.batch, at.row, at.col, thread, sums, slices, Shape::kPitch); });
  }
}

template <class T, class Block>
EMBER_HD inline void small_product(Block& block, const SmallProduct<T>& p) {
  compute_t<T>* const sums = block.template shared<compute_t<T>>();
  const SmallPlace<T> at(block, p);
  block.each([&](int thread) {
    switch (p.tile) {
      case 8: return small_sums<T, 8>(at, p, thread, sums);
      case 16: return small_sums<T, 16>(at, p, thread, sums);
      default: return small_sums<T, 32>(at, p, thread, sums);
    }
  });
  switch (p.tile) {
    case 8: return small_finish<T, 8>(block, at, p, sums);
    case 16: return small_finish<T, 16>(block, at, p, sums);
    default: return small_finish<T, 32>(block, at, p, sums);
  }
}
// What shared memory has room for.
inline constexpr int kSmallShared =
    std::max({SmallShape<8>::kShared, SmallShape<16>::kShared, SmallShape<32>::kShared});

// ---- a problem ----

// The columns of the output, with one more for the sums of the rows of a.
constexpr int64_t small_columns(const Gemm& g) { return g.n + (g.epilogue == Epilogue::RowSums ? 1 : 0); }

// `g` as the kernel takes it: its epilogue is one that small_takes(). `result`: of ReluBackward, [m, n] with dense
// rows, contiguous.
template <class T>
SmallProduct<T> small_problem(const Gemm& g, int tile, double alpha, double beta, const void* result) {
  using C = compute_t<T>;
  const auto factor = [](const GemmMatrix& x) {
    const bool vectors = reinterpret_cast<uintptr_t>(x.data) % alignof(small::Four<T>) == 0 &&
                         x.layout.ld % kQuad == 0 && x.batch_stride % kQuad == 0;
    return SmallFactor<T>{static_cast<const T*>(x.data), x.layout.ld, x.batch_stride, vectors};
  };
  const bool relu_backward = g.epilogue == Epilogue::ReluBackward;
  SmallProduct<T> p{};
  p.a = factor(g.a);
  p.b = factor(g.b);
  p.out = static_cast<T*>(g.out);
  p.out_ld = g.out_ld;
  p.out_batch_stride = g.out_batch_stride;
  p.m = static_cast<int>(g.m);
  p.n = static_cast<int>(g.n);
  p.k = static_cast<int>(g.k);
  p.tile = tile;
  p.a_inner = !g.a.layout.transpose;
  p.b_inner = g.b.layout.transpose;
  p.tiles_n = static_cast<int>((small_columns(g) + tile - 1) / tile);
  p.alpha = static_cast<C>(alpha);
  p.beta = static_cast<C>(beta);
  p.epilogue = g.epilogue;
  p.vector = static_cast<T*>(g.vector);
  p.aux = relu_backward ? static_cast<T*>(const_cast<void*>(result)) : static_cast<T*>(g.aux);
  p.aux_ld = relu_backward ? g.n : aux_ld(g.epilogue, g.n);
  return p;
}

inline int64_t small_blocks(const Gemm& g, int tile) {
  return (g.m + tile - 1) / tile * ((small_columns(g) + tile - 1) / tile);
}
inline int small_tile(const Gemm& g) {
  if (!small_takes(g.epilogue)) return 0;
  return small_tile(g.dtype, g.batch, g.m, small_columns(g), g.k);
}

}  // namespace ember::cuda
