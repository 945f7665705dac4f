// Cross-entropy of rows of scores and classes. Forward, a row is read once, however long it is; backward, with the sums
// of the forward pass, there is nothing to add up: each score is read once and its gradient written.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/index.cuh>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

template <class T>
struct CrossEntropyArguments {
  using C = compute_t<T>;
  const T* in;
  const int64_t* classes;
  C* log_sum;  // [rows, 2]
  int64_t rows, n, ignored;
  IndexFault fault;
};

template <class T, int kLanes, int E>
__global__ void __launch_bounds__(kRowBound<kLanes, E>) cross_entropy_rows(CrossEntropyArguments<T> a, T* losses) {
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const x = a.in + row * a.n;
    const int shift = row_shift(x);
    C largest, sum = 0;
    if constexpr (E != 0) {
      const RowTile<T, E> tile(static_cast<int>(n), shift, lane.lane, lane.lanes);
      C scores[E];
      tile.load(scores, x, T(-std::numeric_limits<float>::infinity()));
      largest = scores[0];
#pragma unroll
      for (int e = 1; e < E; ++e) largest = Largest{}(largest, scores[e]);
      largest = reduce.largest(largest);
#pragma unroll
      for (int e = 0; e < E; ++e) sum += row_exp<T>(scores[e] - largest);
      sum = reduce.sum(sum);
    } else {
      const auto online = long_row_sum(x, n, shift, lane, reduce);
      largest = online.largest;
      sum = online.sum;
    }
    if (lane.lane != 0 || n == 0) return;
    const C log_total = std::log(sum);
    a.log_sum[2 * row] = largest;
    a.log_sum[2 * row + 1] = log_total;
    const int64_t c = a.classes[row];
    if (c == a.ignored) {
      losses[row] = static_cast<T>(C(0));
    } else if (c < 0 || c >= n) {
      a.fault.report(c, n);
      losses[row] = static_cast<T>(C(0));
    } else {
      losses[row] = static_cast<T>(log_total - (static_cast<C>(x[c]) - largest));
    }
  });
}

// E slots per thread at a time; kLanes threads per row, 0: the block, or the blocks of one blockIdx.x.
template <class T, int kLanes, int E>
__global__ void __launch_bounds__(kLanes == 0 ? kRowBlockLimit : 2 * kRowThreads)
    cross_entropy_gradient_rows(CrossEntropyArguments<T> a, const T* grad, T* grad_in) {
  using C = compute_t<T>;
  constexpr int V = kRowVector<T>, K = E / V;
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const x = a.in + row * a.n;
    T* const out = grad_in + row * a.n;
    const int shift = row_shift(x);
    const int64_t c = a.classes[row];
    const C scale = static_cast<C>(grad[row]), largest = a.log_sum[2 * row], log_total = a.log_sum[2 * row + 1];
    const int64_t chunk = static_cast<int64_t>(lane.lanes) * E;
#pragma unroll 1
    for (int64_t at = blockIdx.y * chunk; at < n + shift; at += gridDim.y * chunk) {
      const RowTile<T, E, int64_t> tile(n, shift, lane.lane, lane.lanes, at);
      const bool vectors = tile.aligned(out);
      uint4 raw[K] = {};
      if (c != a.ignored) tile.load(raw, x, T(0.0f));
#pragma unroll
      for (int k = 0; k < K; ++k) {
        const int64_t i = tile.start(k);
        C y[V];
        unpack<T>(raw[k], y);
#pragma unroll
        for (int j = 0; j < V; ++j) {
          const C p = row_exp<T>((y[j] - largest) - log_total);
          y[j] = c == a.ignored ? C(0) : scale * p - (i + j == c ? scale : C(0));
        }
        tile.store(out, k, y, vectors);
      }
    }
  });
}

namespace {

template <class T>
CrossEntropyArguments<T> arguments(const Tensor& log_sum, const Tensor& in, const Tensor& target, int64_t ignored) {
  return {static_cast<const T*>(in.data_ptr()),
          static_cast<const int64_t*>(target.data_ptr()),
          static_cast<compute_t<T>*>(log_sum.data_ptr()),
          in.size(0),
          in.size(1),
          ignored,
          {device_info(in.device().index()).fault, IndexOp::CrossEntropy}};
}

void cross_entropy(const Tensor& losses, const Tensor& log_sum, const Tensor& in, const Tensor& target,
                   int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    const CrossEntropyArguments<T> a = arguments<T>(log_sum, in, target, ignored);
    const RowPlan plan = plan_rows(a.n, row_shift(a.in), kRowVector<T>, 1);
    const unsigned blocks = row_blocks(a.rows, plan);
    visit_row_plan(plan, [&]<int kLanes, int E>() {
      cross_entropy_rows<T, kLanes, E>
          <<<blocks, plan.threads, 0, scope.stream>>>(a, static_cast<T*>(losses.data_ptr()));
    });
  });
  check_launch("cross_entropy");
}

void cross_entropy_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& log_sum, const Tensor& in,
                            const Tensor& target, int64_t ignored) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    const CrossEntropyArguments<T> a = arguments<T>(log_sum, in, target, ignored);
    const RowPlan plan = plan_sweep(a.n, row_shift(a.in), kRowVector<T>);
    const unsigned blocks = row_blocks(a.rows, plan);
    const T* const g = static_cast<const T*>(grad.data_ptr());
    T* const out = static_cast<T*>(grad_in.data_ptr());
    if (plan.lanes == 8) {
      cross_entropy_gradient_rows<T, 8, 8><<<blocks, plan.threads, 0, scope.stream>>>(a, g, out);
    } else if (!plan.block()) {
      cross_entropy_gradient_rows<T, 32, 16><<<blocks, plan.threads, 0, scope.stream>>>(a, g, out);
    } else {
      // Few rows are cut, until there are enough blocks.
      const int64_t rounds = (a.n + kRowVector<T> - 1) / (int64_t{plan.lanes} * 16) + 1;
      const auto parts = static_cast<unsigned>(std::clamp<int64_t>(2048 / a.rows, 1, std::min<int64_t>(rounds, 65535)));
      cross_entropy_gradient_rows<T, 0, 16><<<dim3(blocks, parts), plan.threads, 0, scope.stream>>>(a, g, out);
    }
  });
  check_launch("cross_entropy_backward");
}

}  // namespace

void register_cross_entropy(Kernels& table) {
  table.cross_entropy.function[kColumn] = cross_entropy;
  table.cross_entropy_backward.function[kColumn] = cross_entropy_backward;
}

}  // namespace ember::cuda
