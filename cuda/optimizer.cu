// The optimizers' steps: one launch for as many parameters as its arguments hold. Every block takes one chunk of one
// parameter.
#include <algorithm>

#include <ember/core/functors/optimizer.h>
#include <ember/cuda/check.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

// A kernel has 4 KiB for arguments.
inline constexpr int kMostArrays = 40;
inline constexpr int64_t kChunk = 16 * kThreads;

template <class Arrays>
struct Batch {
  Arrays list[kMostArrays];
  int64_t first_chunk[kMostArrays + 1];  // of each in the launch, and the number of all
  int count = 0;
};

// Calls f(arrays, i) for the elements of the block's chunks, neighbouring threads with neighbouring elements.
template <class Arrays, class F>
__device__ void for_each_element(const Batch<Arrays>& batch, F f) {
  for (int64_t chunk = blockIdx.x; chunk < batch.first_chunk[batch.count]; chunk += gridDim.x) {
    int which = 0;
    while (chunk >= batch.first_chunk[which + 1]) ++which;
    const Arrays& a = batch.list[which];
    const int64_t begin = (chunk - batch.first_chunk[which]) * kChunk;
    const int64_t end = begin + kChunk < a.numel ? begin + kChunk : a.numel;
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) f(a, i);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) sgd_step(Batch<SgdArrays> batch, functors::Sgd<T> update) {
  for_each_element(batch, [&](const SgdArrays& a, int64_t i) {
    T* const p = static_cast<T*>(a.param) + i;
    const T g = static_cast<const T*>(a.grad)[i];
    *p = a.momentum == nullptr ? update.plain(*p, g)
                               : update.with_momentum(*p, g, static_cast<T*>(a.momentum)[i], a.first);
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads) adam_step(Batch<AdamArrays> batch, functors::Adam<T> update) {
  for_each_element(batch, [&](const AdamArrays& a, int64_t i) {
    T* const p = static_cast<T*>(a.param) + i;
    T* const largest = a.max_exp_avg_sq == nullptr ? nullptr : static_cast<T*>(a.max_exp_avg_sq) + i;
    *p = update(*p, static_cast<const T*>(a.grad)[i], static_cast<T*>(a.exp_avg)[i], static_cast<T*>(a.exp_avg_sq)[i],
                largest, static_cast<T>(a.bias_correction2_root), static_cast<T>(-a.step_size));
  });
}

namespace {

// Calls launch_batch(batch, blocks) until every parameter has had its turn.
template <class Arrays, class F>
void for_each_batch(const LaunchScope& scope, ArrayRef<Arrays> list, F launch_batch) {
  for (size_t next = 0; next < list.size();) {
    Batch<Arrays> batch;
    batch.first_chunk[0] = 0;
    for (; next < list.size() && batch.count < kMostArrays; ++next, ++batch.count) {
      batch.list[batch.count] = list[next];
      batch.first_chunk[batch.count + 1] = batch.first_chunk[batch.count] + (list[next].numel + kChunk - 1) / kChunk;
    }
    launch_batch(batch, scope.blocks(batch.first_chunk[batch.count], 1));
  }
}

void sgd(Device device, ScalarType dtype, ArrayRef<SgdArrays> list, const SgdStep& step) {
  const LaunchScope scope(device);
  for_each_batch(scope, list, [&](const Batch<SgdArrays>& batch, unsigned blocks) {
    if (dtype == kFloat32) {
      sgd_step<<<blocks, kThreads, 0, scope.stream>>>(batch, functors::Sgd<float>(step));
    } else {
      sgd_step<<<blocks, kThreads, 0, scope.stream>>>(batch, functors::Sgd<double>(step));
    }
    check_launch("sgd");
  });
}

void adam(Device device, ScalarType dtype, ArrayRef<AdamArrays> list, const AdamStep& step) {
  const LaunchScope scope(device);
  for_each_batch(scope, list, [&](const Batch<AdamArrays>& batch, unsigned blocks) {
    if (dtype == kFloat32) {
      adam_step<<<blocks, kThreads, 0, scope.stream>>>(batch, functors::Adam<float>(step));
    } else {
      adam_step<<<blocks, kThreads, 0, scope.stream>>>(batch, functors::Adam<double>(step));
    }
    check_launch("adam");
  });
}

}  // namespace

void register_optimizers(Kernels& table) {
  table.sgd.function[kColumn] = sgd;
  table.adam.function[kColumn] = adam;
}

}  // namespace ember::cuda
