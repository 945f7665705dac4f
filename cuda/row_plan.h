// How the kernels of rows (softmax, layer norm, cross-entropy) lie over threads: the choice of a kernel and index
// arithmetic. Tested on the host. The choice depends on the shape and on where rows begin, never on the device, so that
// every device adds in one order.
#pragma once

#include <algorithm>
#include <cstdint>

#include <ember/core/macros.h>

namespace ember::cuda {

inline constexpr int kRowVectorBytes = 16;
template <class T>
inline constexpr int kRowVector = kRowVectorBytes / static_cast<int>(sizeof(T));  // elements per vector

// By how many elements a row begins behind a boundary of 16 bytes. The vectors that a row is read in are those of the
// memory: vector v holds elements v·V − shift and following; the first and the last may have a part only.
template <class T>
EMBER_HD inline int row_shift(const T* row) {
  return static_cast<int>(reinterpret_cast<uintptr_t>(row) % kRowVectorBytes / sizeof(T));
}

// How a row is shared out, each of its elements to one slot of one thread.
struct RowPlan {
  int lanes;     // threads per row: 8, 32, or all of the block, which are more
  int threads;   // per block
  int elements;  // slots per thread, which hold the row in registers; 0: the row is too long, and is read twice
  bool block() const { return lanes == threads; }
  int64_t rows_per_block() const { return threads / lanes; }
};

inline constexpr int kRowThreads = 128;     // of a block that holds several rows
inline constexpr int kRowBlockLimit = 512;  // threads of a block that holds one
inline constexpr int kLongRowThreads = 1024;

// `positions`: the elements of a row, and of the vector that it may begin in the middle of. `operands`: how many arrays
// a thread holds its part of. `warp_elements`: the most slots of a thread where a warp has the row; longer rows are a
// block's.
inline RowPlan plan_positions(int64_t positions, int operands, int warp_elements = 32) {
  const auto threads = [](int64_t count, int elements) {  // whole warps
    return static_cast<int>((count + 32 * elements - 1) / (32 * elements) * 32);
  };
  if (positions <= 8 * 8) return {8, 2 * kRowThreads, 8};
  for (const int elements : {8, 16, 32}) {
    if (elements <= warp_elements && positions <= 32 * elements) return {32, kRowThreads, elements};
  }
  for (const int elements : {16, 32}) {
    if (elements * operands > 32 || positions > kRowBlockLimit * elements) continue;
    const int lanes = threads(positions, elements);
    return {lanes, lanes, elements};
  }
  return {kLongRowThreads, kLongRowThreads, 0};
}
// Of rows of n elements one after the other, the first of which begins `shift` behind a boundary.
inline RowPlan plan_rows(int64_t n, int shift, int vector, int operands) {
  const bool aligned = shift == 0 && n % vector == 0;
  return plan_positions(aligned ? n : n + vector - 1, operands);
}

// Of rows that are normalised, which have a weight and a bias to hold, too.
inline RowPlan plan_layer_norm(int64_t n) { return plan_positions(n, 1, 16); }

// Of rows that a kernel only passes over, in rounds of lanes·elements slots, as few as a block can: nothing is held
// from round to round.
inline RowPlan plan_sweep(int64_t n, int shift, int vector) {
  const bool aligned = shift == 0 && n % vector == 0;
  const int64_t positions = aligned ? n : n + vector - 1;
  const RowPlan plan = plan_positions(positions, 1, 16);
  if (plan.lanes == 8) return plan;
  if (!plan.block()) return {32, kRowThreads, 16};
  const int lanes = plan.elements == 16 ? plan.lanes : kRowBlockLimit;
  return {lanes, lanes, 16};
}

// Threads of one block that takes all the rows, those of the plan, in rounds: one launch that adds up what it makes.
// 0: there are too many rows for it.
inline int one_block_threads(int64_t rows, const RowPlan& plan) {
  constexpr int kMostRounds = 4;
  if (plan.block() || plan.elements != 8 || rows > kMostRounds * (kLongRowThreads / plan.lanes)) return 0;
  return static_cast<int>(std::clamp<int64_t>((rows * plan.lanes + 31) / 32 * 32, 32, kLongRowThreads));
}

// The slots of one thread of a row: slot k·V + j has element start(k) + j, if there is such a one.
template <int V, class Index>
struct RowSlots {
  Index n, first, step;

  // `at`: the position of the first slot of lane 0, a multiple of V.
  EMBER_HD RowSlots(Index n_, int shift, int lane, int lanes, Index at = 0)
      : n(n_), first(at + static_cast<Index>(lane * V - shift)), step(static_cast<Index>(lanes * V)) {}
  EMBER_HD Index start(int k) const { return first + static_cast<Index>(k) * step; }
  EMBER_HD bool full(Index i) const { return i >= 0 && i + V <= n; }
  EMBER_HD bool holds(Index i) const { return i >= 0 && i < n; }
};

// Softmax along another dimension than the last: this many threads share a row, 32 adjacent rows a block (256 where a
// thread has a row for itself).
inline int column_height(int64_t rows, int64_t n) {
  if (n <= 16) return 1;
  return rows >= (int64_t{1} << 16) ? 8 : 32;
}

// The gradients of a layer norm: every thread has the same columns of all rows that its group takes, group + groups,
// group + 2·groups, …; the sums of each block's rows go to scratch memory and are added in a second kernel.
struct LayerNormBackwardPlan {
  int lanes;    // threads of a group, which works on one row at a time: a warp, or the whole block; 0: n is too large
  int threads;  // per block
  int blocks;
  int groups() const { return blocks * (threads / lanes); }
};
inline constexpr int kLayerNormThreads = 128;
// Columns per thread.
template <class T>
inline constexpr int kLayerNormColumns = sizeof(T) == 8 ? 4 : 8;

inline constexpr int kLayerNormBlocks = 6;  // of a multiprocessor, where a warp has a row: registers for no more

// One wave of blocks on a device of 132 multiprocessors, which hold 1024 threads each where a block has a row; and the
// same on every device: so all of them add in one order.
inline LayerNormBackwardPlan plan_layer_norm_backward(int64_t rows, int64_t n, int columns) {
  LayerNormBackwardPlan plan{32, kLayerNormThreads, 0};
  if (n > 32 * columns) {
    const int64_t lanes = (n + 32 * columns - 1) / (32 * columns) * 32;
    if (lanes > 1024) return {0, 0, 0};
    plan.lanes = plan.threads = static_cast<int>(lanes);
  }
  const int64_t per_block = plan.threads / plan.lanes;
  const int64_t most = 132 * (plan.lanes == 32 ? kLayerNormBlocks : 1024 / plan.threads);
  plan.blocks = static_cast<int>(std::clamp<int64_t>((rows + per_block - 1) / per_block, 1, most));
  return plan;
}

// The gradients of weight and bias alone: a block for each 32 columns and slab of rows, [slab·height, …).
struct LayerNormSlabs {
  int slabs;
  int64_t height;
};
inline LayerNormSlabs plan_layer_norm_slabs(int64_t rows, int64_t n) {
  const int64_t tiles = (n + 31) / 32;
  const int64_t wanted = std::clamp<int64_t>(2048 / tiles, 1, (rows + 31) / 32);
  const int64_t height = (rows + wanted - 1) / wanted;
  return {static_cast<int>((rows + height - 1) / height), height};
}

// Sums of columns on the way, in vectors: a block for each strip of columns and part of the rows, [part·height, …).
struct ColumnSumPlan {
  int64_t strips;
  int parts;
  int64_t height;
};
inline constexpr int kColumnSumThreads = 256;
inline constexpr int kColumnSumRows = 4;    // that a warp has on the way at once
inline constexpr int kColumnSumBlocks = 3;  // of a multiprocessor

// About one wave of blocks on a device of 132 multiprocessors, and the same on every device. `width`: of a strip. No
// size is 0.
inline ColumnSumPlan plan_column_sums(int64_t rows, int64_t n, int width) {
  constexpr int64_t kRound = kColumnSumThreads / 32 * kColumnSumRows;
  const int64_t strips = (n + width - 1) / width, rounds = (rows + kRound - 1) / kRound;
  const int64_t wanted = std::clamp<int64_t>(132 * kColumnSumBlocks / strips, 1, rounds);
  const int64_t height = (rounds + wanted - 1) / wanted * kRound;
  return {strips, static_cast<int>((rows + height - 1) / height), height};
}

}  // namespace ember::cuda
