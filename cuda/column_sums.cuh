// The second stage of sums over rows whose first stage has left one row of sums for each of its parts.
#pragma once

#include <cuda_runtime.h>

#include <ember/core/dtype.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// first[n] (blockIdx.y = 0) and second[n], each unless null, from sums[2, parts, n], for 32 columns a block; threads
// (32, 32). The parts are added in one order.
template <class T>
__global__ void __launch_bounds__(1024)
    add_column_sums(const compute_t<T>* sums, int parts, int64_t n, T* first, T* second) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ C tile[32][33];
  T* const out = blockIdx.y == 0 ? first : second;
  if (out == nullptr) return;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t column = static_cast<int64_t>(blockIdx.x) * 32 + x;
  const C* const from = sums + static_cast<int64_t>(blockIdx.y) * parts * n + column;
  C sum = 0;
  if (column < n) {
#pragma unroll 8
    for (int part = y; part < parts; part += 32) sum += from[part * n];
  }
  tile[y][x] = sum;
  __syncthreads();
  // Transposed: warp y has column y.
  sum = tile[x][y];
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  const int64_t target = static_cast<int64_t>(blockIdx.x) * 32 + y;
  if (x == 0 && target < n) out[target] = static_cast<T>(sum);
}

}  // namespace ember::cuda
