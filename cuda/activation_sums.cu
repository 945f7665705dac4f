// The gradient of an activation in place, and the sums of its columns, the bias's gradient: in one sweep, so that the
// matrix is not read once more for them. The sums of the parts of rows are added by a second kernel.
#include <ember/core/backend.h>
#include <ember/core/functors.h>
#include <ember/cuda/product.h>
#include <ember/cuda/row_plan.h>
#include <ember/cuda/column_sums.cuh>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

template <class T>
struct ActivationSums {
  T* grad;     // [rows, n] contiguous
  const T* y;  // what the derivative is made of, rows y_ld apart
  int64_t y_ld;
  compute_t<T>* sums;  // [parts, n]
  int64_t rows, n, height;
};

// grad = f(grad, y) and the sums of its columns, for blockIdx.x-th strip of columns and part blockIdx.y of the rows. A
// warp has every eighth row of the part, a thread one vector of each.
template <class T, class F>
__global__ void __launch_bounds__(kColumnSumThreads, kColumnSumBlocks)
    activation_sums(const __grid_constant__ ActivationSums<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr int V = kRowVector<T>, kWarps = kColumnSumThreads / 32, kWidth = 32 * V;
  __shared__ C tile[kWarps][kWidth];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int64_t strip = static_cast<int64_t>(blockIdx.x) * kWidth, column = strip + lane * V;
  const int64_t begin = static_cast<int64_t>(blockIdx.y) * a.height;
  const int64_t end = begin + a.height < a.rows ? begin + a.height : a.rows;
  C sum[V] = {};
  if (column < a.n) {
#pragma unroll 1
    for (int64_t row = begin + warp; row < end; row += kWarps * kColumnSumRows) {
      uint4 grad[kColumnSumRows], y[kColumnSumRows];
#pragma unroll
      for (int r = 0; r < kColumnSumRows; ++r) {
        const int64_t at = row + r * kWarps;
        if (at >= end) continue;
        grad[r] = *reinterpret_cast<const uint4*>(a.grad + at * a.n + column);
        y[r] = *reinterpret_cast<const uint4*>(a.y + at * a.y_ld + column);
      }
#pragma unroll
      for (int r = 0; r < kColumnSumRows; ++r) {
        const int64_t at = row + r * kWarps;
        if (at >= end) continue;
        C g[V], x[V];
        unpack<T>(grad[r], g);
        unpack<T>(y[r], x);
#pragma unroll
        for (int j = 0; j < V; ++j) g[j] = F()(g[j], x[j]);
        const uint4 bits = pack<T>(g);
        store_vector(a.grad + at * a.n + column, bits);
        unpack<T>(bits, g);  // what is stored is what is summed
#pragma unroll
        for (int j = 0; j < V; ++j) sum[j] += g[j];
      }
    }
  }
#pragma unroll
  for (int j = 0; j < V; ++j) tile[warp][lane * V + j] = sum[j];
  __syncthreads();
  const int x = static_cast<int>(threadIdx.x);
  if (x >= kWidth || strip + x >= a.n) return;
  C total = tile[0][x];
#pragma unroll
  for (int w = 1; w < kWarps; ++w) total += tile[w][x];
  a.sums[blockIdx.y * a.n + strip + x] = total;
}

namespace {

template <class T, class F>
void run(const LaunchScope& scope, const Tensor& grad, const Tensor& sums, const Tensor& y) {
  const int64_t rows = grad.sizes()[0], n = grad.sizes()[1];
  const ColumnSumPlan plan = plan_column_sums(rows, n, 32 * kRowVector<T>);
  // Freed on return, reused only by later work on this stream.
  const Storage scratch =
      allocate_storage(static_cast<size_t>(plan.parts) * static_cast<size_t>(n) * sizeof(compute_t<T>), grad.device());
  const ActivationSums<T> a{static_cast<T*>(grad.data_ptr()),
                            static_cast<const T*>(y.data_ptr()),
                            y.strides()[0],
                            static_cast<compute_t<T>*>(scratch.data()),
                            rows,
                            n,
                            plan.height};
  const dim3 blocks(static_cast<unsigned>(plan.strips), static_cast<unsigned>(plan.parts));
  launch(scope, activation_sums<T, F>, blocks, kColumnSumThreads, a);
  check_launch("the gradient of an activation");
  launch(scope, add_column_sums<T>, static_cast<unsigned>((n + 31) / 32), dim3(32, 32), a.sums, plan.parts, n,
         static_cast<T*>(sums.data_ptr()), static_cast<T*>(nullptr));
  check_launch("the second stage of a bias's gradient");
}

bool in_vectors(const Tensor& t) {
  const auto element = static_cast<int64_t>(t.element_size());
  return t.strides()[1] == 1 && reinterpret_cast<uintptr_t>(t.data_ptr()) % kRowVectorBytes == 0 &&
         t.sizes()[1] * element % kRowVectorBytes == 0 && t.strides()[0] * element % kRowVectorBytes == 0;
}

}  // namespace

bool activation_backward_sums(const LaunchScope& scope, const Tensor& grad, const Tensor& sums, const Tensor& y,
                              Activation activation) {
  if (grad.dtype() == kFloat64 || !in_vectors(grad) || !in_vectors(y)) return false;
  visit_dtype<DtypeSet::Floating>(grad.dtype(), [&]<class T>() {
    if constexpr (sizeof(T) < 8) {
      using C = compute_t<T>;
      activation == Activation::Relu ? run<T, functors::ReluBackward<C>>(scope, grad, sums, y)
                                     : run<T, functors::GeluTanhBackward<C>>(scope, grad, sums, y);
    }
  });
  return true;
}

}  // namespace ember::cuda
