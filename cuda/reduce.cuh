// The kernels of every reduction. An operation Op gives
//   Element                       what is read
//   Acc                           what is accumulated, trivially copyable
//   Acc identity() const
//   Acc load(Element, int64_t r)  of element r of the reduction
//   Acc operator()(Acc, Acc)      associative up to rounding
//   void store(int64_t o, Acc)    writes output o
// Everything is added in an order that the shape fixes; there are no atomics.
#pragma once

#include <cub/block/block_reduce.cuh>
#include <cub/warp/warp_reduce.cuh>

#include <ember/core/backend.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/reduce_plan.h>

namespace ember::cuda {

// Elements begin, begin + step, … below end. Four sums at a time keep four loads in flight.
template <class Op, class Index>
__device__ typename Op::Acc reduce_strip(const Op& op, const typename Op::Element* in,
                                         const GroupOffsets<Index>& reduced, int64_t begin, int64_t end, int step) {
  using Acc = typename Op::Acc;
  Acc acc[4] = {op.identity(), op.identity(), op.identity(), op.identity()};
  int64_t r = begin;
#pragma unroll 1
  for (; r + 3 * step < end; r += 4 * step) {
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const int64_t at = r + u * step;
      acc[u] = op(acc[u], op.load(in[reduced.at(static_cast<Index>(at))], at));
    }
  }
#pragma unroll 1
  for (; r < end; r += step) acc[0] = op(acc[0], op.load(in[reduced.at(static_cast<Index>(r))], r));
  return op(op(acc[0], acc[1]), op(acc[2], acc[3]));
}

// kLanes threads, a warp or the block, per part of an output. in: kept × reduced, any strides.
template <class Op, class Index, int kLanes>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_rows(const typename Op::Element* in, const __grid_constant__ GroupOffsets<Index> kept,
                const __grid_constant__ GroupOffsets<Index> reduced, int64_t outputs, int64_t count, int splits,
                int64_t chunk, Op op, typename Op::Acc* partials) {
  using Acc = typename Op::Acc;
  static_assert(kLanes == 32 || kLanes == kReduceThreads);
  constexpr int kGroups = kReduceThreads / kLanes;
  using Warp = cub::WarpReduce<Acc>;
  using BlockWide = cub::BlockReduce<Acc, kReduceThreads>;
  using Shared = std::conditional_t<kLanes == 32, typename Warp::TempStorage, typename BlockWide::TempStorage>;
  __shared__ Shared shared[kGroups];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int group = static_cast<int>(threadIdx.x) / kLanes;

  const int64_t parts = outputs * splits;
  // The bounds are those of the block, so that all its threads meet at every barrier.
#pragma unroll 1
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kGroups; first < parts;
       first += static_cast<int64_t>(gridDim.x) * kGroups) {
    const int64_t part = first + group;
    const bool active = part < parts;  // the same for all lanes of a group
    const int64_t output = part / splits;
    Acc acc = op.identity();
    if (active) {
      const int64_t begin = (part - output * splits) * chunk;
      const int64_t end = begin + chunk < count ? begin + chunk : count;
      acc = reduce_strip(op, in + kept.at(static_cast<Index>(output)), reduced, begin + lane, end, kLanes);
    }
    if constexpr (kLanes == 32) {
      acc = Warp(shared[group]).Reduce(acc, op);
      __syncwarp();
    } else {
      acc = BlockWide(shared[0]).Reduce(acc, op);
      __syncthreads();  // before `shared` is used again
    }
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
  using Acc = typename Op::Acc;
  __shared__ Acc tile[kColumnHeight][kColumnWidth];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t output = static_cast<int64_t>(blockIdx.x) * kColumnWidth + x;
  Acc acc = op.identity();
  if (output < outputs) {
    const int64_t begin = static_cast<int64_t>(blockIdx.y) * chunk;
    const int64_t end = begin + chunk < count ? begin + chunk : count;
    acc = reduce_strip(op, in + kept.at(static_cast<Index>(output)), reduced, begin + y, end, kColumnHeight);
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

// The second pass: partials[outputs, splits], a warp per output.
template <class Op>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_partials(const typename Op::Acc* partials, int64_t outputs, int splits, Op op) {
  using Acc = typename Op::Acc;
  constexpr int kWarps = kReduceThreads / 32;
  using Warp = cub::WarpReduce<Acc>;
  __shared__ typename Warp::TempStorage shared[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll 1
  for (int64_t output = static_cast<int64_t>(blockIdx.x) * kWarps + warp; output < outputs;
       output += static_cast<int64_t>(gridDim.x) * kWarps) {
    Acc acc = op.identity();
#pragma unroll 1
    for (int s = lane; s < splits; s += 32) acc = op(acc, partials[output * splits + s]);
    acc = Warp(shared[warp]).Reduce(acc, op);
    __syncwarp();
    if (lane == 0) op.store(output, acc);
  }
}

template <class Op, class Index>
void launch_reduce(const LaunchScope& scope, const ReducePlan& plan, const ReduceShape& shape,
                   const typename Op::Element* in, const Op& op, typename Op::Acc* partials) {
  const GroupOffsets<Index> kept(shape.kept), reduced(shape.reduced);
  const int64_t outputs = shape.kept.numel, count = shape.reduced.numel;
  if (plan.kind == ReducePlan::Columns) {
    const int64_t blocks = (outputs + kColumnWidth - 1) / kColumnWidth;
    EMBER_CHECK(blocks <= INT32_MAX, "a reduction to ", outputs, " elements is too large");
    const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(plan.splits));
    reduce_columns<Op, Index><<<grid, dim3(kColumnWidth, kColumnHeight), 0, scope.stream>>>(
        in, kept, reduced, outputs, count, plan.chunk, op, partials);
  } else if (plan.kind == ReducePlan::Warps) {
    reduce_rows<Op, Index, 32><<<scope.blocks(outputs, kReduceThreads / 32), kReduceThreads, 0, scope.stream>>>(
        in, kept, reduced, outputs, count, 1, plan.chunk, op, partials);
  } else {
    reduce_rows<Op, Index, kReduceThreads><<<scope.blocks(outputs * plan.splits, 1), kReduceThreads, 0, scope.stream>>>(
        in, kept, reduced, outputs, count, plan.splits, plan.chunk, op, partials);
  }
  check_launch("a reduction");
}

// Reduces the dimensions `dims` of `in`; op writes the outputs.
template <class Op>
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
  const auto* const data = static_cast<const typename Op::Element*>(in.data_ptr());
  if (outputs <= INT32_MAX && shape.reduced.numel <= INT32_MAX) {
    launch_reduce<Op, uint32_t>(scope, plan, shape, data, op, partials);
  } else {
    launch_reduce<Op, int64_t>(scope, plan, shape, data, op, partials);
  }
  if (partials == nullptr) return;
  reduce_partials<Op><<<scope.blocks(outputs, kReduceThreads / 32), kReduceThreads, 0, scope.stream>>>(
      partials, outputs, plan.splits, op);
  check_launch("the second pass of a reduction");
}

}  // namespace ember::cuda
