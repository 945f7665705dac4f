// Layer norm of rows. A row is read once and written once, being held in registers between, where the variance is that
// of the centred row; rows too long for that are read twice.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

template <class T>
struct LayerNormForward {
  using C = compute_t<T>;
  const T* in;
  const T* weight;  // or null
  const T* bias;    // or null
  T* out;
  C* mean;
  C* rstd;
  int64_t rows, n;
  C eps;
};

// Mean and Σ (x − mean)² of the elements that a thread has seen of a row too long to hold. Chan, Golub and LeVeque,
// "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
template <class C>
struct RunningMoments {
  C count = 0, mean = 0, squares = 0;

  __device__ void add(C n, C m, C s) {
    if (n == C(0)) return;
    const C total = count + n;
    const C delta = m - mean;
    mean += delta * (n / total);
    squares += s + delta * delta * (count * (n / total));
    count = total;
  }
  template <int kLanes>
  __device__ void combine(RowReducer<C, kLanes>& reduce, C n) {
    const C all = reduce.sum(mean * count) / n;
    const C delta = count == C(0) ? C(0) : mean - all;
    squares = reduce.sum(squares + delta * delta * count);
    mean = all;
    count = n;
  }
};

// Vectors of V elements in columns (lane + k·lanes)·V; V > 1: n is a multiple of it and all rows are aligned.
template <class T, int V, int kLanes, int E>
__global__ void __launch_bounds__(kRowBound<kLanes, E>) layer_norm_rows(LayerNormForward<T> a) {
  using C = compute_t<T>;
  constexpr int K = E / V;
  constexpr int G = V == 1 ? 4 : sizeof(T) > 2 && K % 2 == 0 ? 2 : 1;  // vectors of weight and bias read ahead
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  const C count = static_cast<C>(a.n);
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n64, Lane lane) {
    const int n = static_cast<int>(n64);
    const T* const in = a.in + row * a.n;
    T* const out = a.out + row * a.n;
    const auto column = [&](int k) { return (lane.lane + k * lane.lanes) * V; };
    RowPart<T, V> raw[K];
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if (column(k) < n) raw[k].load(in + column(k));
    }
    C x[E];
    C sum = 0;
#pragma unroll
    for (int k = 0; k < K; ++k) {
#pragma unroll
      for (int j = 0; j < V; ++j) x[k * V + j] = C(0);
      if (column(k) < n) raw[k].get(x + k * V);
#pragma unroll
      for (int j = 0; j < V; ++j) sum += x[k * V + j];
    }
    const C mean = reduce.sum(sum) / count;
    C squares = 0;
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const bool there = column(k) < n;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        C& centred = x[k * V + j];
        centred = there ? centred - mean : C(0);
        squares += centred * centred;
      }
    }
    const C rstd = C(1) / std::sqrt(reduce.sum(squares) / count + a.eps);
#pragma unroll
    for (int from = 0; from < K; from += G) {
      RowPart<T, V> weights[G], biases[G];
#pragma unroll
      for (int g = 0; g < G; ++g) {
        const int c = column(from + g);
        if (a.weight != nullptr && c < n) weights[g].load(a.weight + c);
        if (a.bias != nullptr && c < n) biases[g].load(a.bias + c);
      }
#pragma unroll
      for (int g = 0; g < G; ++g) {
        const int c = column(from + g);
        if (c >= n) continue;
        C* const y = x + (from + g) * V;
        C w[V], b[V];
        if (a.weight != nullptr) weights[g].get(w);
        if (a.bias != nullptr) biases[g].get(b);
#pragma unroll
        for (int j = 0; j < V; ++j) {
          y[j] *= rstd;
          if (a.weight != nullptr) y[j] *= w[j];
          if (a.bias != nullptr) y[j] += b[j];
        }
        RowPart<T, V>::put(out + c, y);
      }
    }
    if (lane.lane == 0 && n != 0) {
      a.mean[row] = mean;
      a.rstd[row] = rstd;
    }
  });
}

// Rows too long for registers: a block reads each twice.
template <class T>
__global__ void __launch_bounds__(kLongRowThreads) layer_norm_long(LayerNormForward<T> a) {
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, 0>::Shared shared;
  RowReducer<C, 0> reduce{shared};
  const C count = static_cast<C>(a.n);
  with_row<0>(a.rows, a.n, [&](int64_t row, int64_t n, Lane lane) {
    const T* const in = a.in + row * a.n;
    T* const out = a.out + row * a.n;
    const int shift = row_shift(in);
    RunningMoments<C> moments;
    for_each_chunk<T>(n, shift, lane, [&](const auto& tile) {
      C x[kLongElements];
      tile.load(x, in, T(0.0f));
      C seen = 0, sum = 0, squares = 0;
#pragma unroll
      for (int e = 0; e < kLongElements; ++e) sum += x[e];
      tile.for_each([&](int) { seen += C(1); });
      const C centre = sum / (seen == C(0) ? C(1) : seen);
      tile.for_each([&](int e) { squares += (x[e] - centre) * (x[e] - centre); });
      moments.add(seen, centre, squares);
    });
    moments.combine(reduce, count);
    const C mean = moments.mean;
    const C rstd = C(1) / std::sqrt(moments.squares / count + a.eps);
    for_each_chunk_backwards<T>(n, shift, lane, [&](const auto& tile) {
      C x[kLongElements], parameter[kLongElements];
      tile.load(x, in, T(0.0f));
#pragma unroll
      for (int e = 0; e < kLongElements; ++e) x[e] = (x[e] - mean) * rstd;
      if (a.weight != nullptr) {
        tile.load(parameter, a.weight, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) x[e] *= parameter[e];
      }
      if (a.bias != nullptr) {
        tile.load(parameter, a.bias, T(0.0f));
#pragma unroll
        for (int e = 0; e < kLongElements; ++e) x[e] += parameter[e];
      }
      tile.store(out, x);
    });
    if (lane.lane == 0) {
      a.mean[row] = mean;
      a.rstd[row] = rstd;
    }
  });
}

namespace {

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

void layer_norm(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
                const Tensor& bias, double eps) {
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const LayerNormForward<T> a{data_or_null<T>(in),
                                data_or_null<T>(weight),
                                data_or_null<T>(bias),
                                data_or_null<T>(out),
                                data_or_null<C>(mean),
                                data_or_null<C>(rstd),
                                in.size(0),
                                in.size(1),
                                static_cast<C>(eps)};
    const bool vectors = vectors_fit<T>(a.n, {a.in, a.weight, a.bias, a.out});
    const RowPlan plan = plan_positions(a.n, 1);
    const unsigned blocks = row_blocks(a.rows, plan);
    visit_row_plan(plan, [&]<int kLanes, int E>() {
      if constexpr (E == 0) {
        layer_norm_long<<<blocks, plan.threads, 0, scope.stream>>>(a);
      } else if (vectors) {
        layer_norm_rows<T, kRowVector<T>, kLanes, E><<<blocks, plan.threads, 0, scope.stream>>>(a);
      } else {
        layer_norm_rows<T, 1, kLanes, E><<<blocks, plan.threads, 0, scope.stream>>>(a);
      }
    });
  });
  check_launch("layer_norm");
}

}  // namespace

void register_layer_norm(Kernels& table) { table.layer_norm.function[kColumn] = layer_norm; }

}  // namespace ember::cuda
