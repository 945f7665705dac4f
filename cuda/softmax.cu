// softmax and log_softmax along one dimension, and their gradients. Tensors are [outer, n, inner], contiguous;
// a "row" is the n elements of one (outer, inner). Computed in float for the 2-byte floats, double for double.
#include <limits>

#include <cub/block/block_reduce.cuh>
#include <cub/warp/warp_reduce.cuh>

#include <ember/core/functors.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

// Reductions over the kLanes threads (a warp or the block) of a row; every lane gets the result.
template <class C, int kLanes>
struct RowReducer {
  using Warp = cub::WarpReduce<C>;
  using BlockWide = cub::BlockReduce<C, kThreads>;
  struct Shared {
    std::conditional_t<kLanes == 32, typename Warp::TempStorage, typename BlockWide::TempStorage> storage;
    C result;
  };
  Shared& shared;  // of this row's lanes
  int lane;

  __device__ void barrier() const {
    if constexpr (kLanes == 32) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  }
  template <class Op>
  __device__ C operator()(C x, Op op) const {
    if constexpr (kLanes == 32) {
      x = Warp(shared.storage).Reduce(x, op);
    } else {
      x = BlockWide(shared.storage).Reduce(x, op);
    }
    if (lane == 0) shared.result = x;
    barrier();
    x = shared.result;
    barrier();  // before the next reduction writes `shared`
    return x;
  }
};

// One thread alone: rows that lie across memory, where neighbouring threads have neighbouring rows.
template <class C>
struct NoReducer {
  template <class Op>
  __device__ C operator()(C x, Op) const {
    return x;
  }
};

// A row: elements first, first + step, … below n, `stride` elements apart in memory.
template <class T, bool kLog, class Reducer>
__device__ void softmax_row(const T* in, T* out, int64_t n, int64_t stride, int64_t first, int64_t step,
                            const Reducer& reduce) {
  using C = compute_t<T>;
  // A NaN need not survive the maximum: it does survive the sum.
  C largest = -std::numeric_limits<C>::infinity();
  for (int64_t i = first; i < n; i += step) largest = functors::Maximum<C>{}(largest, static_cast<C>(in[i * stride]));
  largest = reduce(largest, functors::Maximum<C>{});
  C sum = 0;
  for (int64_t i = first; i < n; i += step) sum += std::exp(static_cast<C>(in[i * stride]) - largest);
  sum = reduce(sum, functors::Add<C>{});
  const C log_sum = std::log(sum);
  for (int64_t i = first; i < n; i += step) {
    const C x = static_cast<C>(in[i * stride]) - largest;
    if constexpr (kLog) {
      out[i * stride] = static_cast<T>(x - log_sum);
    } else {
      out[i * stride] = static_cast<T>(std::exp(x) / sum);
    }
  }
}

// softmax: (g − Σ g·y)·y; log_softmax: g − exp(y)·Σ g.
template <class T, bool kLog, class Reducer>
__device__ void softmax_backward_row(const T* g, const T* y, T* grad_in, int64_t n, int64_t stride, int64_t first,
                                     int64_t step, const Reducer& reduce) {
  using C = compute_t<T>;
  C sum = 0;
  for (int64_t i = first; i < n; i += step) {
    const C gi = static_cast<C>(g[i * stride]);
    sum += kLog ? gi : gi * static_cast<C>(y[i * stride]);
  }
  sum = reduce(sum, functors::Add<C>{});
  for (int64_t i = first; i < n; i += step) {
    const C gi = static_cast<C>(g[i * stride]);
    const C yi = static_cast<C>(y[i * stride]);
    if constexpr (kLog) {
      grad_in[i * stride] = static_cast<T>(gi - std::exp(yi) * sum);
    } else {
      grad_in[i * stride] = static_cast<T>((gi - sum) * yi);
    }
  }
}

// What a kernel works on; y is null in the forward pass, where x is the input (backward: the gradient).
template <class T>
struct SoftmaxArguments {
  const T* x;
  const T* y;
  T* out;
  int64_t rows, n, inner;
};

template <class T, bool kLog, bool kBackward, class Reducer>
__device__ void one_row(const SoftmaxArguments<T>& a, int64_t at, int64_t first, int64_t step, const Reducer& reduce) {
  if constexpr (kBackward) {
    softmax_backward_row<T, kLog>(a.x + at, a.y + at, a.out + at, a.n, a.inner, first, step, reduce);
  } else {
    softmax_row<T, kLog>(a.x + at, a.out + at, a.n, a.inner, first, step, reduce);
  }
}

// inner == 1: kLanes threads per row.
template <class T, bool kLog, bool kBackward, int kLanes>
__global__ void __launch_bounds__(kThreads) softmax_contiguous(SoftmaxArguments<T> a) {
  using C = compute_t<T>;
  using Reducer = RowReducer<C, kLanes>;
  constexpr int kGroups = kThreads / kLanes;
  __shared__ typename Reducer::Shared shared[kGroups];
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int group = static_cast<int>(threadIdx.x) / kLanes;
  const Reducer reduce{shared[group], lane};
  // With a block per row the bounds are the block's; with a warp per row no barrier spans warps.
#pragma unroll 1
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * kGroups + group; row < a.rows;
       row += static_cast<int64_t>(gridDim.x) * kGroups) {
    one_row<T, kLog, kBackward>(a, row * a.n, lane, kLanes, reduce);
  }
}

// inner > 1: a thread per row.
template <class T, bool kLog, bool kBackward>
__global__ void __launch_bounds__(kThreads) softmax_strided(SoftmaxArguments<T> a) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; row < a.rows; row += step) {
    const int64_t outer = row / a.inner;
    const int64_t at = outer * a.n * a.inner + (row - outer * a.inner);
    one_row<T, kLog, kBackward>(a, at, 0, 1, NoReducer<compute_t<T>>{});
  }
}

namespace {

template <bool kLog, bool kBackward>
void launch_softmax(const Tensor& out, const Tensor& x, const Tensor* y, int64_t dim) {
  if (out.numel() == 0) return;
  int64_t n = 1, inner = 1;  // of a 0-dimensional tensor
  if (x.dim() > 0) {
    n = x.size(dim);
    for (int64_t d = dim + 1; d < x.dim(); ++d) inner *= x.size(d);
  }
  visit_dtype<DtypeSet::Floating>(x.dtype(), [&]<class T>() {
    const SoftmaxArguments<T> a{static_cast<const T*>(x.data_ptr()),
                                y != nullptr ? static_cast<const T*>(y->data_ptr()) : nullptr,
                                static_cast<T*>(out.data_ptr()),
                                x.numel() / n,
                                n,
                                inner};
    constexpr int64_t kWarpLimit = 1024;  // 32 elements per lane
    const LaunchScope scope(out.device());
    if (inner > 1) {
      softmax_strided<T, kLog, kBackward><<<scope.blocks(a.rows, kThreads), kThreads, 0, scope.stream>>>(a);
    } else if (n <= kWarpLimit) {
      softmax_contiguous<T, kLog, kBackward, 32><<<scope.blocks(a.rows, kThreads / 32), kThreads, 0, scope.stream>>>(a);
    } else {
      softmax_contiguous<T, kLog, kBackward, kThreads><<<scope.blocks(a.rows, 1), kThreads, 0, scope.stream>>>(a);
    }
    check_launch("softmax");
  });
}

template <bool kLog>
void softmax(const Tensor& out, const Tensor& in, int64_t dim) {
  launch_softmax<kLog, false>(out, in, nullptr, dim);
}

template <bool kLog>
void softmax_backward(const Tensor& grad_in, const Tensor& grad_out, const Tensor& out, int64_t dim) {
  launch_softmax<kLog, true>(grad_in, grad_out, &out, dim);
}

}  // namespace

void register_softmax(Kernels& table) {
  table.softmax.function[kColumn] = softmax<false>;
  table.log_softmax.function[kColumn] = softmax<true>;
  table.softmax_backward.function[kColumn] = softmax_backward<false>;
  table.log_softmax_backward.function[kColumn] = softmax_backward<true>;
}

}  // namespace ember::cuda
