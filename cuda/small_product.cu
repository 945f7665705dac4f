// Launches of the kernel of small_product.h.
#include <ember/cuda/product.h>
#include <ember/cuda/small_product.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// One product, or two, the blocks of the second behind those of the first.
template <class T>
struct SmallProducts {
  SmallProduct<T> products[2];
  int first_blocks;
};

namespace {

struct DeviceBlock {
  void* memory;
  int index;

  __device__ int x() const { return index; }
  __device__ int64_t batch() const { return blockIdx.y; }
  template <class C>
  __device__ C* shared() const {
    return static_cast<C*>(memory);
  }
  template <class F>
  __device__ void each(F f) {
    __syncthreads();
    f(static_cast<int>(threadIdx.x));
  }
};

}  // namespace

template <class T>
__global__ void __launch_bounds__(kSmallThreads, 2) small_products(const __grid_constant__ SmallProducts<T> all) {
  __shared__ alignas(16) compute_t<T> memory[kSmallShared];
  wait_for_earlier();
  const int x = static_cast<int>(blockIdx.x);
  const int second = x >= all.first_blocks ? 1 : 0;
  DeviceBlock block{memory, second != 0 ? x - all.first_blocks : x};
  small_product(block, all.products[second]);
}

void run_small(const LaunchScope& scope, const SmallCall* calls, int count) {
  const Gemm& g = calls[0].gemm;
  visit_dtype<DtypeSet::Floating>(g.dtype, [&]<class T>() {
    SmallProducts<T> all{};
    int64_t blocks = 0;
    for (int i = 0; i < count; ++i) {
      const SmallCall& call = calls[i];
      const int tile = small_tile(call.gemm);
      all.products[i] = small_problem<T>(call.gemm, tile, call.alpha, call.beta, call.result);
      blocks += small_blocks(call.gemm, tile);
      if (i == 0) all.first_blocks = static_cast<int>(blocks);
    }
    const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(g.batch));
    launch(scope, small_products<T>, grid, kSmallThreads, all);
  });
}

}  // namespace ember::cuda
