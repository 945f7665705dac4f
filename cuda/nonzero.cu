// The positions of what is not zero: counted per tile of the row-major order, then written where the counts say.
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/device/device_scan.cuh>

#include <ember/core/launch.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/graph.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

namespace {

constexpr int kPerThread = 8;
constexpr int64_t kTile = kThreads * kPerThread;

struct Sizes {
  int dim;
  int64_t sizes[kMaxDims];
};

__global__ void __launch_bounds__(kThreads) count_tiles(int64_t n, int64_t tiles, const bool* flags, int64_t* counts) {
  wait_for_earlier();
  using Reduce = cub::BlockReduce<int, kThreads>;
  __shared__ typename Reduce::TempStorage storage;
#pragma unroll 1
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int count = 0;
    for (int k = 0; k < kPerThread; ++k) {
      const int64_t i = tile * kTile + k * kThreads + threadIdx.x;
      count += i < n && flags[i];
    }
    const int total = Reduce(storage).Sum(count);
    if (threadIdx.x == 0) counts[tile] = total;
    __syncthreads();  // the storage is used again
  }
}

// starts[tile]: how many come before the tile. out[d · count + place] = coordinate d of the place'th.
__global__ void __launch_bounds__(kThreads)
    write_tiles(int64_t n, int64_t tiles, const bool* flags, const int64_t* starts, int64_t count, int64_t* out,
                const __grid_constant__ Sizes shape) {
  wait_for_earlier();
  using Scan = cub::BlockScan<int, kThreads>;
  __shared__ typename Scan::TempStorage storage;
#pragma unroll 1
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int64_t start = starts[tile];
#pragma unroll 1
    for (int k = 0; k < kPerThread; ++k) {
      int64_t i = tile * kTile + k * kThreads + threadIdx.x;
      const bool flag = i < n && flags[i];
      int before = 0, total = 0;
      Scan(storage).ExclusiveSum(flag ? 1 : 0, before, total);
      if (flag) {
        int64_t* const to = out + start + before;
        for (int d = shape.dim - 1; d > 0; --d) {
          const int64_t quotient = i / shape.sizes[d];
          to[d * count] = i - quotient * shape.sizes[d];
          i = quotient;
        }
        to[0] = i;
      }
      start += total;
      __syncthreads();  // the storage is used again
    }
  }
}

// Row-major bools: whether each element is not zero.
Tensor flags_of(const Tensor& in) {
  if (in.dtype() == kBool && in.is_contiguous()) return in;
  const Tensor flags = detail::empty(in.sizes(), kBool, in.device());
  TensorIterator iter(flags);
  iter.add_input(in);
  iter.add_input(Scalar(0));
  iter.build();
  launch(kernels.ne, in.device(), iter, Params{});
  return flags;
}

void nonzero(Tensor& out, const Tensor& in) {
  const int64_t n = in.numel();
  const int64_t rank = in.dim();
  int64_t count = 0;
  Tensor flags, starts;
  const int64_t tiles = (n + kTile - 1) / kTile;
  if (n > 0) {
    check_not_capturing("nonzero, whose result has a size that depends on values,");
    flags = flags_of(in);
    // One more than there are tiles: the last start is the count of all.
    const Tensor counts = detail::empty({tiles + 1}, kInt64, in.device());
    starts = detail::empty({tiles + 1}, kInt64, in.device());
    const LaunchScope scope(in.device());
    int64_t* const counted = static_cast<int64_t*>(counts.data_ptr());
    int64_t* const summed = static_cast<int64_t*>(starts.data_ptr());
    EMBER_CUDA_CHECK(cudaMemsetAsync(counted + tiles, 0, sizeof(int64_t), scope.stream));
    launch(scope, count_tiles, scope.blocks(tiles, 1), kThreads, n, tiles, static_cast<const bool*>(flags.data_ptr()),
           counted);
    check_launch("nonzero");
    size_t bytes = 0;
    EMBER_CUDA_CHECK(cub::DeviceScan::ExclusiveSum(nullptr, bytes, counted, summed, tiles + 1, scope.stream));
    const Tensor storage = detail::empty({static_cast<int64_t>(bytes)}, kUInt8, in.device());
    EMBER_CUDA_CHECK(
        cub::DeviceScan::ExclusiveSum(storage.data_ptr(), bytes, counted, summed, tiles + 1, scope.stream));
    EMBER_CUDA_CHECK(cudaMemcpyAsync(&count, summed + tiles, sizeof(int64_t), cudaMemcpyDeviceToHost, scope.stream));
    EMBER_CUDA_CHECK(cudaStreamSynchronize(scope.stream));
    check_faults(scope.info.index);
  }
  out = detail::empty({rank, count}, kInt64, in.device());
  out = detail::alias(out, {count, rank}, {1, count}, 0);
  if (count == 0 || rank == 0) return;
  Sizes shape{static_cast<int>(rank), {}};
  for (int64_t d = 0; d < rank; ++d) shape.sizes[d] = in.sizes()[static_cast<size_t>(d)];
  const LaunchScope scope(in.device());
  launch(scope, write_tiles, scope.blocks(tiles, 1), kThreads, n, tiles, static_cast<const bool*>(flags.data_ptr()),
         static_cast<const int64_t*>(starts.data_ptr()), count, static_cast<int64_t*>(out.data_ptr()), shape);
  check_launch("nonzero");
}

}  // namespace

void register_nonzero(Kernels& table) { table.nonzero.function[kColumn] = nonzero; }

}  // namespace ember::cuda
