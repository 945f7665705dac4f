// softmax and log_softmax along a dimension that is not the last: rows lie across memory, adjacent ones side by side,
// so that neighbouring threads have neighbouring rows. A row is shared by the threads of one column of the block.
#include <ember/cuda/launch.cuh>
#include <ember/cuda/row_tile.cuh>
#include <ember/cuda/softmax.cuh>

namespace ember::cuda {

inline constexpr int kColumnUnroll = 4;  // loads in flight

// Threads (x, y): row blockIdx.x·blockDim.x + x, elements y, y + blockDim.y, …
template <class C>
struct ColumnReducer {
  C (&parts)[1024];

  // op over the threads of this column, ascending; all get it.
  template <class Op>
  __device__ C operator()(C x, Op op) const {
    if (blockDim.y == 1) return x;
    parts[threadIdx.y * blockDim.x + threadIdx.x] = x;
    __syncthreads();
    x = parts[threadIdx.x];
#pragma unroll 1
    for (unsigned y = 1; y < blockDim.y; ++y) x = op(x, parts[y * blockDim.x + threadIdx.x]);
    __syncthreads();  // before `parts` is written again
    return x;
  }
};

template <class T, bool kLog>
__device__ void forward_column(const T* in, T* out, int64_t n, int64_t stride,
                               const ColumnReducer<compute_t<T>>& reduce) {
  using C = compute_t<T>;
  OnlineSum<T, kColumnUnroll> online;
  const int64_t step = blockDim.y;
#pragma unroll 1
  for (int64_t i = threadIdx.y; i < n; i += kColumnUnroll * step) {
    C x[kColumnUnroll];
#pragma unroll
    for (int u = 0; u < kColumnUnroll; ++u) {
      const int64_t at = i + u * step;
      x[u] = at < n ? static_cast<C>(in[at * stride]) : -std::numeric_limits<C>::infinity();
    }
    online.add(x);
  }
  const C largest = reduce(online.largest, Largest{});
  const C sum = reduce(online.sum * row_exp<T>(online.largest - online.base(largest)), Plus{});
  const C last = kLog ? std::log(sum) : C(1) / sum;
#pragma unroll 4
  for (int64_t i = threadIdx.y; i < n; i += step) {
    const C x = static_cast<C>(in[i * stride]) - largest;
    out[i * stride] = static_cast<T>(kLog ? x - last : row_exp<T>(x) * last);
  }
}

template <class T, bool kLog>
__device__ void backward_column(const T* g, const T* y, T* out, int64_t n, int64_t stride,
                                const ColumnReducer<compute_t<T>>& reduce) {
  using C = compute_t<T>;
  const int64_t step = blockDim.y;
  C sum = 0;
#pragma unroll 4
  for (int64_t i = threadIdx.y; i < n; i += step) {
    const C gi = static_cast<C>(g[i * stride]);
    sum += kLog ? gi : gi * static_cast<C>(y[i * stride]);
  }
  sum = reduce(sum, Plus{});
#pragma unroll 4
  for (int64_t i = threadIdx.y; i < n; i += step) {
    const C gi = static_cast<C>(g[i * stride]);
    const C yi = static_cast<C>(y[i * stride]);
    out[i * stride] = static_cast<T>(kLog ? gi - row_exp<T>(yi) * sum : (gi - sum) * yi);
  }
}

template <class T, bool kLog, bool kBackward>
__global__ void __launch_bounds__(1024) softmax_columns(SoftmaxArguments<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ C parts[1024];
  const ColumnReducer<C> reduce{parts};
#pragma unroll 1
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x; first < a.rows;
       first += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    const int64_t row = first + threadIdx.x;
    const int64_t n = row < a.rows ? a.n : 0;
    const int64_t outer = row / a.inner;
    const int64_t at = outer * a.n * a.inner + (row - outer * a.inner);
    if constexpr (kBackward) {
      backward_column<T, kLog>(a.x + at, a.y + at, a.out + at, n, a.inner, reduce);
    } else {
      forward_column<T, kLog>(a.x + at, a.out + at, n, a.inner, reduce);
    }
  }
}

template <class T>
void launch_softmax_columns(const SoftmaxArguments<T>& a, bool log, bool backward, const LaunchScope& scope) {
  const int height = column_height(a.rows, a.n);
  const dim3 threads(height == 1 ? 256 : 32, static_cast<unsigned>(height));
  const int64_t per_block = threads.x;
  const auto blocks = static_cast<unsigned>(std::min<int64_t>((a.rows + per_block - 1) / per_block, INT32_MAX));
  if (log) {
    if (backward) {
      launch(scope, softmax_columns<T, true, true>, blocks, threads, a);
    } else {
      launch(scope, softmax_columns<T, true, false>, blocks, threads, a);
    }
  } else {
    if (backward) {
      launch(scope, softmax_columns<T, false, true>, blocks, threads, a);
    } else {
      launch(scope, softmax_columns<T, false, false>, blocks, threads, a);
    }
  }
}

template void launch_softmax_columns(const SoftmaxArguments<float>&, bool, bool, const LaunchScope&);
template void launch_softmax_columns(const SoftmaxArguments<double>&, bool, bool, const LaunchScope&);
template void launch_softmax_columns(const SoftmaxArguments<Half>&, bool, bool, const LaunchScope&);
template void launch_softmax_columns(const SoftmaxArguments<BFloat16>&, bool, bool, const LaunchScope&);

}  // namespace ember::cuda
