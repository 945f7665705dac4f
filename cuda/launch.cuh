// Launches of kernels that begin while the kernel before them on the stream may still run: programmatic dependent
// launch, of compute capability 9.0. The host spends less on one (on an H200 2.9 µs in place of 3.7), and the device
// has the blocks ready when the kernel before ends. CUDA C++ Programming Guide, "Programmatic Dependent Launch and
// Synchronization".
#pragma once

#include <cuda_runtime.h>

#include <ember/cuda/context.h>

namespace ember::cuda {

// What a kernel that launch() is given begins with: before this it may use its arguments only, no memory that an
// earlier kernel may still be reading or writing.
__device__ inline void wait_for_earlier() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Of `blocks` blocks that a multiprocessor is to hold, for __launch_bounds__, those that it can. Threads that one
// holds: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
constexpr int at_once(int blocks, int threads) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ < 750 || __CUDA_ARCH__ == 800 || \
    (__CUDA_ARCH__ >= 900 && __CUDA_ARCH__ < 1100)
  constexpr int kMost = 2048;
#elif __CUDA_ARCH__ == 750
  constexpr int kMost = 1024;
#else
  constexpr int kMost = 1536;
#endif
  return blocks * threads <= kMost ? blocks : kMost / threads;
}

// kernel<<<blocks, threads, 0, scope.stream>>>(arguments…), to be followed by check_launch() too.
template <class... P, class... A>
void launch(const LaunchScope& scope, void (*kernel)(P...), dim3 blocks, dim3 threads, const A&... arguments) {
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = scope.stream;
  config.attrs = &overlap;
  config.numAttrs = scope.info.overlaps ? 1 : 0;
  const auto start = [&](const P&... parameters) {
    const void* pointers[] = {&parameters...};
    (void)cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel), const_cast<void**>(pointers));
  };
  start(arguments...);
}

}  // namespace ember::cuda
