// Launches of the kernel of small_product.h.
#include <ember/core/dtype.h>
#include <ember/cuda/context.h>
#include <ember/cuda/product.h>
#include <ember/cuda/small_product.h>

namespace ember::cuda {

namespace {

struct DeviceBlock {
  void* memory;

  __device__ int x() const { return static_cast<int>(blockIdx.x); }
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

template <class T, bool kInnerA, bool kInnerB, int kTile>
__global__ void __launch_bounds__(kSmallThreads, 2) small_product_tile(SmallProduct<T> p) {
  __shared__ alignas(16) compute_t<T> memory[SmallShape<kTile>::kShared];
  DeviceBlock block{memory};
  small_product<T, kInnerA, kInnerB, kTile>(block, p);
}

void run_small(const LaunchScope& scope, const Gemm& g, double alpha, double beta, const void* result) {
  const int tile = small_tile(g);
  const dim3 blocks(static_cast<unsigned>(small_blocks(g, tile)), static_cast<unsigned>(g.batch));
  visit_dtype<DtypeSet::Floating>(g.dtype, [&]<class T>() {
    const SmallProduct<T> p = small_problem<T>(g, tile, alpha, beta, result);
    visit_small(g, tile, [&]<bool kInnerA, bool kInnerB, int kTile>() {
      small_product_tile<T, kInnerA, kInnerB, kTile><<<blocks, kSmallThreads, 0, scope.stream>>>(p);
    });
  });
}

}  // namespace ember::cuda
