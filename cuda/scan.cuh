// Running reductions along one dimension of contiguous [outer, n, inner] tensors; a "line" is the n elements of one
// (outer, inner). An operation Op gives
//   Acc                      what is accumulated, trivially copyable
//   Acc identity() const
//   Acc load(int64_t at, int64_t i)    of the element at offset `at`, the i-th of its line
//   Acc operator()(Acc, Acc)           associative up to rounding, the earlier one first
//   void store(int64_t at, Acc)        the result there
// How the work is cut follows from the shape alone, so that results are the same on every device and in every run.
#pragma once

#include <cub/block/block_scan.cuh>

#include <ember/core/functors.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

struct ScanLines {
  int64_t outer = 1, n = 1, inner = 1;
  bool reverse = false;

  ScanLines(const Tensor& t, int64_t dim, bool from_end) : reverse(from_end) {
    for (int64_t d = 0; d < t.dim(); ++d) (d < dim ? outer : d == dim ? n : inner) *= t.size(d);
  }
  int64_t count() const { return outer * inner; }
  __device__ int64_t first(int64_t line) const { return line / inner * n * inner + line % inner; }
  __device__ int64_t at(int64_t first, int64_t i) const { return first + (reverse ? n - 1 - i : i) * inner; }
};

// A thread per line: neighbouring lines lie side by side, or lines are short.
template <class Op>
__global__ void __launch_bounds__(kThreads) scan_columns(ScanLines lines, int64_t count, Op op) {
  wait_for_earlier();
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t line = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; line < count; line += step) {
    const int64_t first = lines.first(line);
    typename Op::Acc acc = op.identity();
#pragma unroll 1
    for (int64_t i = 0; i < lines.n; ++i) {
      const int64_t at = lines.at(first, i);
      acc = op(acc, op.load(at, i));
      op.store(at, acc);
    }
  }
}

// A block per line, an element per thread at a time.
template <class Op>
__global__ void __launch_bounds__(kThreads) scan_rows(ScanLines lines, int64_t count, Op op) {
  wait_for_earlier();
  using Acc = typename Op::Acc;
  using Scan = cub::BlockScan<Acc, kThreads>;
  __shared__ typename Scan::TempStorage shared;
  // The bounds are those of the block, so that all its threads meet at every barrier.
#pragma unroll 1
  for (int64_t line = blockIdx.x; line < count; line += gridDim.x) {
    const int64_t first = lines.first(line);
    Acc before = op.identity();
#pragma unroll 1
    for (int64_t start = 0; start < lines.n; start += kThreads) {
      const int64_t i = start + threadIdx.x;
      const int64_t at = lines.at(first, i);
      const bool inside = i < lines.n;
      Acc x = inside ? op.load(at, i) : op.identity();
      Acc all;
      Scan(shared).InclusiveScan(x, x, op, all);
      if (inside) op.store(at, op(before, x));
      before = op(before, all);
      __syncthreads();  // before `shared` is used again
    }
  }
}

template <class Op>
void launch_scan(const Tensor& like, int64_t dim, bool reverse, const Op& op) {
  const ScanLines lines(like, dim, reverse);
  const int64_t count = lines.count();
  if (count * lines.n == 0) return;
  const LaunchScope scope(like.device());
  if (lines.inner < 32 && lines.n >= 128) {
    launch(scope, scan_rows<Op>, scope.blocks(count, 1), kThreads, lines, count, op);
  } else {
    launch(scope, scan_columns<Op>, scope.blocks(count, kThreads), kThreads, lines, count, op);
  }
  check_launch("a scan");
}

}  // namespace ember::cuda
