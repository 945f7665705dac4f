// The kernels of every reduction. An operation Op gives
//   Element                       what is read
//   Acc                           what is accumulated, trivially copyable
//   Acc identity() const
//   Acc load(Element, int64_t r)  of element r of the reduction
//   Acc operator()(Acc, Acc)      associative up to rounding
//   void store(int64_t o, Acc)    writes output o
// Everything is added in an order that the shape fixes; there are no atomics.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include <cub/block/block_reduce.cuh>
#include <cub/warp/warp_reduce.cuh>

#include <ember/core/backend.h>
#include <ember/core/tensor.h>
#include <ember/cuda/reduce_plan.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// at(begin), at(begin + step), … below end. Four sums at a time keep four loads in flight.
template <class Op, class At>
__device__ typename Op::Acc reduce_strip(const Op& op, int64_t begin, int64_t end, int step, At at) {
  using Acc = typename Op::Acc;
  Acc acc[4] = {op.identity(), op.identity(), op.identity(), op.identity()};
  int64_t r = begin;
#pragma unroll 1
  for (; r + 3 * step < end; r += 4 * step) {
#pragma unroll
    for (int u = 0; u < 4; ++u) acc[u] = op(acc[u], at(r + u * step));
  }
#pragma unroll 1
  for (; r < end; r += step) acc[0] = op(acc[0], at(r));
  return op(op(acc[0], acc[1]), op(acc[2], acc[3]));
}

// V adjacent elements from begin + lane·V, begin + (lane + lanes)·V, … below end. The order is the same whether or not
// they can be loaded as vectors: it must not depend on where a tensor lies.
template <class Op>
__device__ typename Op::Acc reduce_dense_strip(const Op& op, const typename Op::Element* in, int64_t begin, int64_t end,
                                               int lane, int lanes) {
  using Acc = typename Op::Acc;
  using Element = typename Op::Element;
  constexpr int V = 16 / static_cast<int>(sizeof(Element));
  constexpr int U = V == 16 ? 2 : 4;  // loads in flight
  constexpr int kSums = V < 4 ? V : 4;
  Acc acc[kSums];
#pragma unroll
  for (int i = 0; i < kSums; ++i) acc[i] = op.identity();
  const bool aligned = reinterpret_cast<uintptr_t>(in + begin) % 16 == 0;
  const int64_t step = static_cast<int64_t>(lanes) * V;
  int64_t r = begin + static_cast<int64_t>(lane) * V;
  const auto load = [&](uint4& raw, int64_t from) {
    if (aligned) {
      raw = *reinterpret_cast<const uint4*>(in + from);
    } else {
      Element x[V];
#pragma unroll
      for (int j = 0; j < V; ++j) x[j] = in[from + j];
      memcpy(&raw, x, sizeof(raw));
    }
  };
  const auto add = [&](const uint4& raw, int64_t from) {
    Element x[V];
    memcpy(x, &raw, sizeof(raw));
#pragma unroll
    for (int j = 0; j < V; ++j) acc[j % kSums] = op(acc[j % kSums], op.load(x[j], from + j));
  };
#pragma unroll 1
  for (; r + (U - 1) * step + V <= end; r += U * step) {
    uint4 raw[U];
#pragma unroll
    for (int u = 0; u < U; ++u) load(raw[u], r + u * step);
#pragma unroll
    for (int u = 0; u < U; ++u) add(raw[u], r + u * step);
  }
#pragma unroll 1
  for (; r + V <= end; r += step) {
    uint4 raw;
    load(raw, r);
    add(raw, r);
  }
#pragma unroll 1
  for (int j = 0; r + j < end; ++j) acc[0] = op(acc[0], op.load(in[r + j], r + j));
#pragma unroll
  for (int i = 1; i < kSums; ++i) acc[0] = op(acc[0], acc[i]);
  return acc[0];
}

// The result of kLanes threads, a warp or the block, in lane 0. A block's threads must all come here.
template <class Op, int kLanes>
struct GroupReduce {
  using Acc = typename Op::Acc;
  static_assert(kLanes == 32 || kLanes == kReduceThreads);
  static constexpr int kGroups = kReduceThreads / kLanes;
  using Warp = cub::WarpReduce<Acc>;
  using BlockWide = cub::BlockReduce<Acc, kReduceThreads>;
  using Shared = std::conditional_t<kLanes == 32, typename Warp::TempStorage, typename BlockWide::TempStorage>;

  static __device__ Acc run(Shared (&shared)[kGroups], int group, Acc acc, const Op& op) {
    if constexpr (kLanes == 32) {
      acc = Warp(shared[group]).Reduce(acc, op);
      __syncwarp();
    } else {
      acc = BlockWide(shared[0]).Reduce(acc, op);
      __syncthreads();  // before `shared` is used again
    }
    return acc;
  }
};

// kLanes threads, a warp or the block, per part of an output. in: kept × reduced, any strides; kDense: the elements of
// the reduction lie side by side.
template <class Op, class Index, int kLanes, bool kDense>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_rows(const typename Op::Element* in, const __grid_constant__ GroupOffsets<Index> kept,
                const __grid_constant__ GroupOffsets<Index> reduced, int64_t outputs, int64_t count, int splits,
                int64_t chunk, Op op, typename Op::Acc* partials) {
  wait_for_earlier();
  using Acc = typename Op::Acc;
  using Group = GroupReduce<Op, kLanes>;
  __shared__ typename Group::Shared shared[Group::kGroups];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int group = static_cast<int>(threadIdx.x) / kLanes;

  const int64_t parts = outputs * splits;
  // The bounds are those of the block, so that all its threads meet at every barrier.
#pragma unroll 1
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * Group::kGroups; first < parts;
       first += static_cast<int64_t>(gridDim.x) * Group::kGroups) {
    const int64_t part = first + group;
    const bool active = part < parts;  // the same for all lanes of a group
    const int64_t output = splits == 1 ? part : part / splits;
    Acc acc = op.identity();
    if (active) {
      const int64_t begin = (part - output * splits) * chunk;
      const int64_t end = begin + chunk < count ? begin + chunk : count;
      const typename Op::Element* const row = in + kept.at(static_cast<Index>(output));
      if constexpr (kDense) {
        acc = reduce_dense_strip(op, row, begin, end, lane, kLanes);
      } else {
        acc = reduce_strip(op, begin + lane, end, kLanes,
                           [&](int64_t r) { return op.load(row[reduced.at(static_cast<Index>(r))], r); });
      }
    }
    acc = Group::run(shared, group, acc, op);
    if (lane == 0 && active) {
      if (partials != nullptr) {
        partials[part] = acc;
      } else {
        op.store(output, acc);
      }
    }
  }
}

// A thread per output and 1/8 of its part; 32 adjacent outputs per block, blockIdx.y is the part.
template <class Op, class Index>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_columns(const typename Op::Element* in, const __grid_constant__ GroupOffsets<Index> kept,
                   const __grid_constant__ GroupOffsets<Index> reduced, int64_t outputs, int64_t count, int64_t chunk,
                   Op op, typename Op::Acc* partials) {
  wait_for_earlier();
  using Acc = typename Op::Acc;
  __shared__ Acc tile[kColumnHeight][kColumnWidth];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t output = static_cast<int64_t>(blockIdx.x) * kColumnWidth + x;
  Acc acc = op.identity();
  if (output < outputs) {
    const int64_t begin = static_cast<int64_t>(blockIdx.y) * chunk;
    const int64_t end = begin + chunk < count ? begin + chunk : count;
    const typename Op::Element* const column = in + kept.at(static_cast<Index>(output));
    acc = reduce_strip(op, begin + y, end, kColumnHeight,
                       [&](int64_t r) { return op.load(column[reduced.at(static_cast<Index>(r))], r); });
  }
  tile[y][x] = acc;
  __syncthreads();
  if (y != 0 || output >= outputs) return;
#pragma unroll 1
  for (int k = 1; k < kColumnHeight; ++k) acc = op(acc, tile[k][x]);
  if (partials != nullptr) {
    partials[output * gridDim.y + blockIdx.y] = acc;
  } else {
    op.store(output, acc);
  }
}

// Adjacent columns that a thread of reduce_wide_columns takes, 8 bytes of them; 1: the kernel is not worth it.
template <class Op>
inline constexpr int kColumnVector = sizeof(typename Op::Acc) > 8 ? 1
                                                                  : 8 / static_cast<int>(sizeof(typename Op::Element));

// The same for a dense matrix in rows of `stride` elements, both multiples of the vector: reads W columns at once, and
// adds each in the order of reduce_columns.
template <class Op>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_wide_columns(const typename Op::Element* in, int64_t stride, int64_t outputs, int64_t count, int64_t chunk,
                        Op op, typename Op::Acc* partials) {
  wait_for_earlier();
  using Acc = typename Op::Acc;
  using Element = typename Op::Element;
  constexpr int W = kColumnVector<Op>, U = 4;
  __shared__ Acc tile[kColumnHeight][W][kColumnWidth];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t output = (static_cast<int64_t>(blockIdx.x) * kColumnWidth + x) * W;
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * chunk;
  const int64_t end = begin + chunk < count ? begin + chunk : count;
  Acc acc[U][W];
#pragma unroll
  for (int u = 0; u < U; ++u) {
#pragma unroll
    for (int w = 0; w < W; ++w) acc[u][w] = op.identity();
  }
  if (output < outputs) {
    const Element* const column = in + output;
    const auto add = [&](Acc(&sums)[W], const uint2& raw, int64_t r) {
      Element elements[W];
      memcpy(elements, &raw, sizeof(raw));
#pragma unroll
      for (int w = 0; w < W; ++w) sums[w] = op(sums[w], op.load(elements[w], r));
    };
    int64_t r = begin + y;
#pragma unroll 1
    for (; r + (U - 1) * kColumnHeight < end; r += U * kColumnHeight) {
      uint2 raw[U];
#pragma unroll
      for (int u = 0; u < U; ++u) {
        raw[u] = *reinterpret_cast<const uint2*>(column + (r + u * kColumnHeight) * stride);
      }
#pragma unroll
      for (int u = 0; u < U; ++u) add(acc[u], raw[u], r + u * kColumnHeight);
    }
#pragma unroll 1
    for (; r < end; r += kColumnHeight) add(acc[0], *reinterpret_cast<const uint2*>(column + r * stride), r);
  }
#pragma unroll
  for (int w = 0; w < W; ++w) {
    acc[0][w] = op(op(acc[0][w], acc[1][w]), op(acc[2][w], acc[3][w]));
    tile[y][w][x] = acc[0][w];
  }
  __syncthreads();
  if (y != 0 || output >= outputs) return;
#pragma unroll
  for (int w = 0; w < W; ++w) {
#pragma unroll 1
    for (int k = 1; k < kColumnHeight; ++k) acc[0][w] = op(acc[0][w], tile[k][w][x]);
    if (partials != nullptr) {
      partials[(output + w) * gridDim.y + blockIdx.y] = acc[0][w];
    } else {
      op.store(output + w, acc[0][w]);
    }
  }
}

// The second pass: partials[outputs, splits], kLanes threads per output.
template <class Op, int kLanes>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_partials(const typename Op::Acc* partials, int64_t outputs, int splits, Op op) {
  wait_for_earlier();
  using Acc = typename Op::Acc;
  using Group = GroupReduce<Op, kLanes>;
  __shared__ typename Group::Shared shared[Group::kGroups];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int group = static_cast<int>(threadIdx.x) / kLanes;
#pragma unroll 1
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * Group::kGroups; first < outputs;
       first += static_cast<int64_t>(gridDim.x) * Group::kGroups) {
    const int64_t output = first + group;
    const Acc* const parts = partials + output * splits;
    Acc acc = op.identity();
    if (output < outputs) acc = reduce_strip(op, lane, splits, kLanes, [&](int64_t s) { return parts[s]; });
    acc = Group::run(shared, group, acc, op);
    if (lane == 0 && output < outputs) op.store(output, acc);
  }
}

template <class Op, class Index, bool kDense>
void launch_rows(const LaunchScope& scope, const ReducePlan& plan, const ReduceShape& shape,
                 const typename Op::Element* in, const Op& op, typename Op::Acc* partials) {
  const GroupOffsets<Index> kept(shape.kept), reduced(shape.reduced);
  const int64_t outputs = shape.kept.numel, count = shape.reduced.numel;
  // Blocks for all outputs, not only as many as the device holds: it hands them out as others finish.
  const auto blocks = [](int64_t parts, int64_t per_block) {
    return static_cast<unsigned>(std::min<int64_t>((parts + per_block - 1) / per_block, INT32_MAX));
  };
  if (plan.kind == ReducePlan::Warps) {
    launch(scope, reduce_rows<Op, Index, 32, kDense>, blocks(outputs, kReduceThreads / 32), kReduceThreads, in, kept,
           reduced, outputs, count, 1, plan.chunk, op, partials);
  } else {
    launch(scope, reduce_rows<Op, Index, kReduceThreads, kDense>, blocks(outputs * plan.splits, 1), kReduceThreads, in,
           kept, reduced, outputs, count, plan.splits, plan.chunk, op, partials);
  }
}

template <class Op, class Index>
void launch_columns(const LaunchScope& scope, const ReducePlan& plan, const ReduceShape& shape,
                    const typename Op::Element* in, const Op& op, typename Op::Acc* partials) {
  const GroupOffsets<Index> kept(shape.kept), reduced(shape.reduced);
  const int64_t outputs = shape.kept.numel;
  const int64_t blocks = (outputs + kColumnWidth - 1) / kColumnWidth;
  EMBER_CHECK(blocks <= INT32_MAX, "a reduction to ", outputs, " elements is too large");
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(plan.splits));
  launch(scope, reduce_columns<Op, Index>, grid, dim3(kColumnWidth, kColumnHeight), in, kept, reduced, outputs,
         shape.reduced.numel, plan.chunk, op, partials);
}

// Whether it was launched: if the columns of a dense matrix can be read in vectors.
template <class Op>
bool launch_wide_columns(const LaunchScope& scope, const ReducePlan& plan, const ReduceShape& shape,
                         const typename Op::Element* in, const Op& op, typename Op::Acc* partials) {
  constexpr int W = kColumnVector<Op>;
  if constexpr (W > 1) {
    const ReduceShape::Group &kept = shape.kept, &reduced = shape.reduced;
    const bool wide = kept.dim == 1 && kept.strides[0] == 1 && reduced.dim == 1 && reduced.strides[0] % W == 0 &&
                      kept.numel % W == 0 && kept.numel >= kColumnWidth * W &&
                      reinterpret_cast<uintptr_t>(in) % sizeof(uint2) == 0;
    if (!wide) return false;
    const int64_t blocks = (kept.numel / W + kColumnWidth - 1) / kColumnWidth;
    EMBER_CHECK(blocks <= INT32_MAX, "a reduction to ", kept.numel, " elements is too large");
    const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(plan.splits));
    launch(scope, reduce_wide_columns<Op>, grid, dim3(kColumnWidth, kColumnHeight), in, reduced.strides[0], kept.numel,
           reduced.numel, plan.chunk, op, partials);
    return true;
  } else {
    return false;
  }
}

template <class Op>
void launch_reduce(const LaunchScope& scope, const ReducePlan& plan, const ReduceShape& shape,
                   const typename Op::Element* in, const Op& op, typename Op::Acc* partials) {
  const ReduceShape::Group& reduced = shape.reduced;
  const bool narrow = shape.kept.numel <= INT32_MAX && reduced.numel <= INT32_MAX;
  if (plan.kind == ReducePlan::Columns) {
    if (!launch_wide_columns(scope, plan, shape, in, op, partials)) {
      narrow ? launch_columns<Op, uint32_t>(scope, plan, shape, in, op, partials)
             : launch_columns<Op, int64_t>(scope, plan, shape, in, op, partials);
    }
  } else if (reduced.dim == 0 || (reduced.dim == 1 && reduced.strides[0] == 1)) {
    launch_rows<Op, int64_t, true>(scope, plan, shape, in, op, partials);
  } else {
    narrow ? launch_rows<Op, uint32_t, false>(scope, plan, shape, in, op, partials)
           : launch_rows<Op, int64_t, false>(scope, plan, shape, in, op, partials);
  }
  check_launch("a reduction");
}

// Reduces the dimensions `dims` of `in`; op writes the outputs. kVector: `in` is contiguous and all of it is reduced,
// for which fewer kernels are compiled.
template <bool kVector = false, class Op>
void reduce(const Tensor& in, DimMask dims, const Op& op) {
  using Acc = typename Op::Acc;
  const ReduceShape shape(in.sizes(), in.strides(), dims);
  const int64_t outputs = shape.kept.numel;
  if (outputs == 0) return;
  const ReducePlan plan = plan_reduction(shape);
  const LaunchScope scope(in.device());
  Storage workspace;  // freed on return, reused only by later work on this stream
  Acc* partials = nullptr;
  if (plan.splits > 1) {
    workspace =
        allocate_storage(static_cast<size_t>(outputs) * static_cast<size_t>(plan.splits) * sizeof(Acc), in.device());
    partials = static_cast<Acc*>(workspace.data());
  }
  const auto* const elements = static_cast<const typename Op::Element*>(in.data_ptr());
  if constexpr (kVector) {
    launch_rows<Op, int64_t, true>(scope, plan, shape, elements, op, partials);
    check_launch("a reduction");
  } else {
    launch_reduce(scope, plan, shape, elements, op, partials);
  }
  if (partials == nullptr) return;
  if (plan.splits > 64) {
    const auto blocks = static_cast<unsigned>(std::min<int64_t>(outputs, INT32_MAX));
    launch(scope, reduce_partials<Op, kReduceThreads>, blocks, kReduceThreads, partials, outputs, plan.splits, op);
  } else {
    launch(scope, reduce_partials<Op, 32>, scope.blocks(outputs, kReduceThreads / 32), kReduceThreads, partials,
           outputs, plan.splits, op);
  }
  check_launch("the second pass of a reduction");
}

}  // namespace ember::cuda
