// Binary search among boundaries, and counting in equal bins.
#include <algorithm>

#include <ember/core/functors.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// A thread per value. `out` is int32_t or int64_t.
template <class T>
__global__ void __launch_bounds__(kThreads)
    search_sorted(int64_t count, void* out, bool narrow, const T* boundaries, const T* values, const int64_t* sorter,
                  int64_t n, int64_t per_row, bool right) {
  wait_for_earlier();
  using C = compute_t<T>;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) {
    const int64_t row = i / per_row * n;
    const C value = static_cast<C>(values[i]);
    int64_t low = 0, high = n;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      const C boundary = static_cast<C>(boundaries[row + (sorter != nullptr ? sorter[row + middle] : middle)]);
      // Written so that a NaN, the value or the boundary, is behind everything.
      if (right ? !(boundary > value) : !(boundary >= value)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (narrow) {
      static_cast<int32_t*>(out)[i] = static_cast<int32_t>(low);
    } else {
      static_cast<int64_t*>(out)[i] = low;
    }
  }
}

// Counts are integers: their atomic sums do not depend on the order.
template <class T>
__global__ void __launch_bounds__(kThreads) count_in_bins(int64_t n, const T* in, unsigned long long* counts,
                                                          int64_t bins, compute_t<T> low, compute_t<T> high) {
  wait_for_earlier();
  using C = compute_t<T>;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    const C x = static_cast<C>(in[i]);
    if (!(x >= low && x <= high)) continue;  // NaN too
    const int64_t bin = static_cast<int64_t>((x - low) * static_cast<C>(bins) / (high - low));
    atomicAdd(counts + (bin < bins ? bin : bins - 1), 1ull);
  }
}

namespace {

void searchsorted(const Tensor& out, const Tensor& boundaries, const Tensor& values, const Tensor& sorter, bool right) {
  const int64_t count = values.numel();
  if (count == 0) return;
  const int64_t n = boundaries.size(boundaries.dim() - 1);
  const int64_t per_row = boundaries.dim() == 1 ? count : values.size(1);
  const int64_t* const order = sorter.defined() ? static_cast<const int64_t*>(sorter.data_ptr()) : nullptr;
  const LaunchScope scope(out.device());
  visit_dtype<DtypeSet::Numeric>(values.dtype(), [&]<class T>() {
    launch(scope, search_sorted<T>, scope.blocks(count, kThreads), kThreads, count, out.data_ptr(),
           out.dtype() == kInt32, static_cast<const T*>(boundaries.data_ptr()),
           static_cast<const T*>(values.data_ptr()), order, n, per_row, right);
  });
  check_launch("searchsorted");
}

void histc(const Tensor& counts, const Tensor& in, double min, double max) {
  const LaunchScope scope(in.device());
  EMBER_CUDA_CHECK(cudaMemsetAsync(counts.data_ptr(), 0, counts.nbytes(), scope.stream));
  if (in.numel() == 0) return;
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    launch(scope, count_in_bins<T>, scope.blocks(in.numel(), kThreads), kThreads, in.numel(),
           static_cast<const T*>(in.data_ptr()), static_cast<unsigned long long*>(counts.data_ptr()), counts.numel(),
           static_cast<compute_t<T>>(min), static_cast<compute_t<T>>(max));
  });
  check_launch("histc");
}

}  // namespace

void register_search(Kernels& table) {
  table.searchsorted.function[kColumn] = searchsorted;
  table.histc.function[kColumn] = histc;
}

}  // namespace ember::cuda
