// How a reduction is laid over the device: index arithmetic and the choice of a kernel. Tested on the host.
// The choice depends on the shape alone, never on the device, so that every device adds in one order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include <ember/core/index_math.h>
#include <ember/core/macros.h>
#include <ember/core/tensor_iterator.h>

namespace ember::cuda {

// Division by a size, exact for the Index it is made for.
struct WideDivider {
  int64_t divisor = 1;
  WideDivider() = default;
  explicit WideDivider(int64_t d) : divisor(d) {}
  EMBER_HD int64_t div(int64_t n) const { return n / divisor; }
};

// ReduceShape::Group for a kernel: linear index to offset in elements. Index is uint32_t where the group
// has fewer than 2^31 elements, else int64_t. Offsets are always 64 bits wide.
template <class Index>
struct GroupOffsets {
  using Divider = std::conditional_t<std::is_same_v<Index, uint32_t>, FastDivider, WideDivider>;
  int dim = 0;  // the slowest first
  Divider sizes[kMaxDims];
  int64_t strides[kMaxDims];

  explicit GroupOffsets(const ReduceShape::Group& group) : dim(group.dim) {
    for (int d = 0; d < dim; ++d) {
      // An empty group is never indexed, and its sizes may be 0 or beyond Index.
      sizes[d] = Divider(group.numel == 0 ? Index{1} : static_cast<Index>(group.sizes[d]));
      strides[d] = group.strides[d];
    }
  }
  EMBER_HD int64_t at(Index index) const {
    int64_t offset = 0;
    for (int d = dim - 1; d > 0; --d) {
      const Index quotient = sizes[d].div(index);
      offset += static_cast<int64_t>(index - quotient * sizes[d].divisor) * strides[d];
      index = quotient;
    }
    return dim > 0 ? offset + static_cast<int64_t>(index) * strides[0] : 0;
  }
};

struct ReducePlan {
  enum Kind {
    Warps,   // a warp per output: short reductions
    Blocks,  // a block per output and split
    Columns  // a thread per output, adjacent outputs adjacent in memory; 8 threads share its elements
  };
  Kind kind;
  int splits;     // into how many parts each reduction is cut; more than 1 takes a second pass
  int64_t chunk;  // elements per part: part s has [s·chunk, min((s + 1)·chunk, count))
};

inline constexpr int kReduceThreads = 256;
inline constexpr int kColumnWidth = 32;                              // outputs per block
inline constexpr int kColumnHeight = kReduceThreads / kColumnWidth;  // 8
// Blocks that keep any device busy: several times what one holds, so that the last ones to finish matter little.
inline constexpr int64_t kFullGrid = 4096;

inline ReducePlan plan_reduction(const ReduceShape& shape) {
  constexpr int64_t kWarpLimit = 512;    // at most 16 elements per lane
  constexpr int64_t kBlockChunk = 4096;  // at least 16 elements per thread
  constexpr int64_t kColumnChunk = 64;   // at least 8 elements per thread
  const auto ceil_div = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const ReduceShape::Group& kept = shape.kept;
  const ReduceShape::Group& reduced = shape.reduced;
  const int64_t outputs = kept.numel, count = reduced.numel;

  // Threads go along whichever of the two is the finer in memory.
  const int64_t kept_stride = kept.dim > 0 ? kept.strides[kept.dim - 1] : INT64_MAX;
  const int64_t reduced_stride = reduced.dim > 0 ? reduced.strides[reduced.dim - 1] : INT64_MAX;
  ReducePlan plan{ReducePlan::Columns, 1, std::max<int64_t>(count, 1)};
  int64_t blocks = ceil_div(outputs, kColumnWidth), least = kColumnChunk, unit = kColumnHeight;
  // (Very short reductions take a thread each, however they lie: a warp would be mostly idle.)
  if (outputs == 1 || (reduced_stride < kept_stride && count > 8)) {
    plan.kind = count <= kWarpLimit ? ReducePlan::Warps : ReducePlan::Blocks;
    blocks = outputs;
    least = kBlockChunk;
    unit = kReduceThreads;
  }
  if (plan.kind == ReducePlan::Warps || blocks >= kFullGrid / 2 || count < 2 * least) return plan;
  const int64_t wanted = std::min(ceil_div(count, least), ceil_div(kFullGrid, blocks));
  plan.chunk = ceil_div(ceil_div(count, wanted), unit) * unit;
  plan.splits = static_cast<int>(ceil_div(count, plan.chunk));
  return plan;
}

}  // namespace ember::cuda
