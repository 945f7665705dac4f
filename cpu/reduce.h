// The inner loops of reductions. Their order of operations depends on the number of elements only: not on
// the instruction set, nor on the threads.
#pragma once

#include <cstdint>

#include <ember/core/dtype.h>

namespace ember::cpu {

// One reduction of elements of one type, accumulated in `accumulator`.
struct ReduceLoop {
  ScalarType accumulator = ScalarType::Undefined;
  // result = the reduction of n >= 0 dense elements: 64 bytes' worth of partial results side by side.
  void (*reduce)(const void* in, int64_t n, void* result) = nullptr;
  // accumulators[i] = accumulators[i] ∘ in[i] for i < n.
  void (*accumulate)(void* accumulators, const void* in, int64_t n) = nullptr;
  // The neutral element, n times.
  void (*fill_neutral)(void* accumulators, int64_t n) = nullptr;
};

// Rows by compute type: float for the 2-byte floats.
struct ReduceLoops {
  ReduceLoop sum[16];
  ReduceLoop amax[16];
  ReduceLoop amin[16];
  ReduceLoop prod[16];
};
extern ReduceLoops reduce_loops;
void fill_reduce_loops();

// The reduction of n dense float or double elements, as a balanced tree over chunks, into `result`.
void reduce_dense(const ReduceLoop& loop, int64_t element_size, const char* in, int64_t n, void* result);

// Where a tree splits [begin, end): in half, on a multiple of `unit` from `begin`.
constexpr int64_t middle(int64_t begin, int64_t end, int64_t unit) {
  const int64_t units = (end - begin + unit - 1) / unit;
  return begin + (units + 1) / 2 * unit;
}

// Elements that a leaf of a tree reduces; its lanes sum this / 64 floats one after the other.
inline constexpr int64_t kReduceChunk = 1024;

}  // namespace ember::cpu
