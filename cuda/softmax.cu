// softmax and log_softmax along the last dimension of contiguous tensors: each row is read once and written once, being
// held in registers between; rows too long for that are read twice. Along other dimensions: softmax_columns.cu.
// Computed in float for the 2-byte floats, double for double.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>
#include <ember/cuda/row_tile.cuh>
#include <ember/cuda/softmax.cuh>

namespace ember::cuda {

template <class T, bool kLog, int kLanes, int E>
__global__ void __launch_bounds__(kRowBound<kLanes, E>) softmax_rows(SoftmaxArguments<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const in = a.x + row * a.n;
    T* const out = a.out + row * a.n;
    const int shift = row_shift(in);
    if constexpr (E != 0) {
      const RowTile<T, E> tile(static_cast<int>(n), shift, lane.lane, lane.lanes);
      C x[E];
      tile.load(x, in, T(-std::numeric_limits<float>::infinity()));
      C largest = x[0];
#pragma unroll
      for (int e = 1; e < E; ++e) largest = Largest{}(largest, x[e]);
      largest = reduce.largest(largest);
      C sum = 0;
#pragma unroll
      for (int e = 0; e < E; ++e) {
        x[e] -= largest;
        const C power = row_exp<T>(x[e]);
        sum += power;
        if constexpr (!kLog) x[e] = power;
      }
      sum = reduce.sum(sum);
      const C last = kLog ? std::log(sum) : C(1) / sum;
#pragma unroll
      for (int e = 0; e < E; ++e) x[e] = kLog ? x[e] - last : x[e] * last;
      tile.store(out, x);
    } else {
      const auto online = long_row_sum(in, n, shift, lane, reduce);
      const C largest = online.largest;
      const C last = kLog ? std::log(online.sum) : C(1) / online.sum;
      for_each_chunk_backwards<T>(n, shift, lane, [&](const auto& tile) {
        C x[kLongElements];
        tile.load(x, in, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) {
          x[e] = kLog ? (x[e] - largest) - last : row_exp<T>(x[e] - largest) * last;
        }
        tile.store(out, x);
      });
    }
  });
}

// What a thread adds up of the gradient g and the result y, and what the gradient of the input is.
template <class T, bool kLog>
__device__ compute_t<T> gradient_term(compute_t<T> g, compute_t<T> y) {
  return kLog ? g : g * y;
}
template <class T, bool kLog>
__device__ compute_t<T> input_gradient(compute_t<T> g, compute_t<T> y, compute_t<T> sum) {
  return kLog ? g - row_exp<T>(y) * sum : (g - sum) * y;
}

template <class T, bool kLog, int kLanes, int E>
__global__ void __launch_bounds__(kRowBound<kLanes, E>) softmax_backward_rows(SoftmaxArguments<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const g = a.x + row * a.n;
    const T* const y = a.y + row * a.n;
    T* const out = a.out + row * a.n;
    const int shift = row_shift(g);
    C sum = 0;
    if constexpr (E != 0) {
      const RowTile<T, E> tile(static_cast<int>(n), shift, lane.lane, lane.lanes);
      constexpr int V = kRowVector<T>, K = E / V;
      uint4 raw_g[K], raw_y[K];
      tile.load(raw_g, g, T(0.0f));
      tile.load(raw_y, y, T(0.0f));
#pragma unroll
      for (int k = 0; k < K; ++k) {
        C gk[V], yk[V];
        unpack<T>(raw_g[k], gk);
        unpack<T>(raw_y[k], yk);
#pragma unroll
        for (int j = 0; j < V; ++j) sum += gradient_term<T, kLog>(gk[j], yk[j]);
      }
      sum = reduce.sum(sum);
      const bool vectors = tile.aligned(out);
#pragma unroll
      for (int k = 0; k < K; ++k) {
        C gk[V], yk[V];
        unpack<T>(raw_g[k], gk);
        unpack<T>(raw_y[k], yk);
#pragma unroll
        for (int j = 0; j < V; ++j) gk[j] = input_gradient<T, kLog>(gk[j], yk[j], sum);
        tile.store(out, k, gk, vectors);
      }
    } else {
      for_each_chunk<T>(n, shift, lane, [&](const auto& tile) {
        C gs[kLongElements], ys[kLongElements];
        tile.load(gs, g, T(0.0f));
        if constexpr (!kLog) tile.load(ys, y, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) sum += kLog ? gs[e] : gs[e] * ys[e];
      });
      sum = reduce.sum(sum);
      for_each_chunk_backwards<T>(n, shift, lane, [&](const auto& tile) {
        C gs[kLongElements], ys[kLongElements];
        tile.load(gs, g, T(0.0f));
        tile.load(ys, y, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) gs[e] = input_gradient<T, kLog>(gs[e], ys[e], sum);
        tile.store(out, gs);
      });
    }
  });
}

namespace {

template <class T, bool kLog, bool kBackward>
void launch_rows(const SoftmaxArguments<T>& a, const LaunchScope& scope) {
  const RowPlan plan = plan_rows(a.n, row_shift(a.x), kRowVector<T>, kBackward ? 2 : 1);
  const unsigned blocks = row_blocks(a.rows, plan);
  visit_row_plan(plan, [&]<int kLanes, int E>() {
    if constexpr (!kBackward) {
      launch(scope, softmax_rows<T, kLog, kLanes, E>, blocks, plan.threads, a);
    } else if constexpr (kLanes != 0 || E != 32) {  // which no plan for two operands is
      launch(scope, softmax_backward_rows<T, kLog, kLanes, E>, blocks, plan.threads, a);
    }
  });
}

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
    const LaunchScope scope(out.device());
    if (inner == 1) {
      launch_rows<T, kLog, kBackward>(a, scope);
    } else {
      launch_softmax_columns<T>(a, kLog, kBackward, scope);
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
