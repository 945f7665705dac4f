// Scatters by one vector of indices that many elements share a target of: with the indices sorted, one thread takes
// all that goes to its target, in the order of the index. No atomics, so that sums are the same in every run.
#include <cub/device/device_radix_sort.cuh>

#include <ember/cuda/index.cuh>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

namespace {
__global__ void __launch_bounds__(kThreads) count_up(int64_t n, int64_t* out) {
  wait_for_earlier();
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) out[i] = i;
}
}  // namespace

// keys: the index, sorted; order: where each key stood. A thread per key and line; the first of equal keys does the
// work of all, or for an assignment the last does its own alone. Operands of the calculator: out, src over the lines.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    scatter_runs(int64_t lines, const __grid_constant__ OffsetCalculator<2, Index> calculator, char* out,
                 const char* src, const int64_t* keys, const int64_t* order, ScatterDim dim, ScatterOp how,
                 IndexFault fault) {
  wait_for_earlier();
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; t < lines * dim.count; t += step) {
    const int64_t i = t / lines;
    const int64_t key = keys[i];
    if (key < 0 || key >= dim.size) {
      fault.report(key, dim.size);
      continue;
    }
    const bool assign = how == ScatterOp::Assign;
    if (assign ? i + 1 < dim.count && keys[i + 1] == key : i > 0 && keys[i - 1] == key) continue;
    Index offsets[2];
    calculator.offsets(static_cast<Index>(t - i * lines), offsets);
    T* const target = reinterpret_cast<T*>(out + offsets[0] + key * dim.out_stride);
    const char* const line = src + offsets[1];
    using C = compute_t<T>;
    C value = static_cast<C>(*target);
    for (int64_t j = i; j < dim.count && keys[j] == key; ++j) {
      value = scattered(how, value, static_cast<C>(*reinterpret_cast<const T*>(line + order[j] * dim.src_stride)));
    }
    *target = static_cast<T>(value);
  }
}

namespace {

template <class T, class Index>
void launch_runs(const TensorIterator& lines, const int64_t* keys, const int64_t* order, const ScatterDim& dim,
                 ScatterOp how, IndexOp op) {
  const LaunchScope scope(lines.device());
  const OffsetCalculator<2, Index> calculator(lines);
  launch(scope, scatter_runs<T, Index>, scope.blocks(lines.numel() * dim.count, kThreads), kThreads, lines.numel(),
         calculator, lines.data(0), lines.data(1), keys, order, dim, how, IndexFault{scope.info.fault, op});
  check_launch("a sorted scatter");
}

}  // namespace

void scatter_sorted(const TensorIterator& lines, const int64_t* index, const ScatterDim& dim, ScatterOp how,
                    IndexOp op) {
  const Device device = lines.device();
  const Tensor work = detail::empty({3, dim.count}, kInt64, device);
  int64_t* const keys = static_cast<int64_t*>(work.data_ptr());
  int64_t* const positions = keys + dim.count;
  int64_t* const order = positions + dim.count;
  {
    const LaunchScope scope(device);
    launch(scope, count_up, scope.blocks(dim.count, kThreads), kThreads, dim.count, positions);
    check_launch("a sorted scatter");
    // All 64 bits, so that an index out of range is seen as such after; the sort is stable.
    size_t bytes = 0;
    EMBER_CUDA_CHECK(
        cub::DeviceRadixSort::SortPairs(nullptr, bytes, index, keys, positions, order, dim.count, 0, 64, scope.stream));
    const Tensor storage = detail::empty({static_cast<int64_t>(bytes)}, kUInt8, device);
    EMBER_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(storage.data_ptr(), bytes, index, keys, positions, order,
                                                     dim.count, 0, 64, scope.stream));
  }
  visit_dtype(lines.dtype(0), [&]<class T>() {
    if (lines.can_use_32bit_offsets() && lines.numel() <= INT32_MAX) {
      launch_runs<T, uint32_t>(lines, keys, order, dim, how, op);
    } else {
      launch_runs<T, int64_t>(lines, keys, order, dim, how, op);
    }
  });
}

}  // namespace ember::cuda
