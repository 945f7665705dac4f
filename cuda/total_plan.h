// How a sum over whole arrays, element by element, lies over threads: index arithmetic and the number of blocks. Tested
// on the host. Both depend on the number of elements alone, never on the device or on where arrays lie, so that every
// device adds in one order.
#pragma once

#include <algorithm>
#include <cstdint>

#include <ember/core/macros.h>

namespace ember::cuda {

struct TotalPlan {
  int blocks;     // more than 1: each leaves its sum for a second kernel of one block
  int threads;    // per block
  int64_t chunk;  // block b has elements [b·chunk, min((b + 1)·chunk, n))
};

inline constexpr int kTotalThreads = 1024;  // of a block that is alone
// A launch costs more than the time in which other blocks would have helped.
inline constexpr int64_t kTotalOfOneBlock = int64_t{1} << 16;

inline TotalPlan plan_total(int64_t n) {
  constexpr int kThreadsOfMany = 512;  // the device takes up others while some add up what their threads have
  constexpr int64_t kUnit = 16 * kThreadsOfMany;  // whole vectors of every dtype for every thread
  constexpr int64_t kMostBlocks = 2048;           // several times what a device holds, few for the second kernel
  if (n <= kTotalOfOneBlock) return {1, kTotalThreads, std::max<int64_t>(n, 1)};
  const auto ceil_div = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t chunk = ceil_div(ceil_div(n, kMostBlocks), kUnit) * kUnit;
  return {static_cast<int>(ceil_div(n, chunk)), kThreadsOfMany, chunk};
}

// The elements of one of `lanes` threads: vectors of V from start(0), start(1), …, which are whole in [begin, end), and
// for one thread the rest.
template <int V>
struct Strip {
  int64_t at, step, end;

  EMBER_HD Strip(int64_t begin, int64_t end_, int64_t lane, int64_t lanes)
      : at(begin + lane * V), step(lanes * V), end(end_) {}
  // Whether there are so many more vectors, next of which is start(0).
  EMBER_HD bool has(int vectors) const { return at + (vectors - 1) * step + V <= end; }
  EMBER_HD int64_t start(int k) const { return at + k * step; }
  EMBER_HD void advance(int vectors) { at += vectors * step; }
  // Behind the last whole vector: how many elements there are at start(0), fewer than V.
  EMBER_HD int rest() const { return at < end ? static_cast<int>(end - at) : 0; }
};

}  // namespace ember::cuda
