// Layer norm of rows. A row is read once and written once, being held in registers between, where the variance is that
// of the centred row; rows too long for that are read twice.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/launch.cuh>
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
  C inverse;  // 1/n
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

template <class C>
__device__ C inverse_root(C x) {
  if constexpr (std::is_same_v<C, float>) {
    return rsqrtf(x);  // to 2 units in the last place
  } else {
    return C(1) / std::sqrt(x);
  }
}

// Whether a thread holds its part of weight and bias beside that of the row, so that one wait is for all three.
template <class T, RowFit kFit, int E>
inline constexpr bool kHoldParameters = kFit != RowFit::Elements && 2 * E * sizeof(T) <= 128;

// Blocks that a multiprocessor is to hold, of rows over two warps: 32 warps, and 64 registers a thread.
template <class T, RowFit kFit, int kLanes>
inline constexpr int kNormBlocks = (kFit == RowFit::Whole && kLanes == 64) ? 16 : 1;

// Vectors of V elements in columns (lane + k·lanes)·V. Whole: there are a weight and a bias, too, and so no conditions
// that loads would have to wait for.
template <class T, RowFit kFit, int kLanes, int E>
__global__ void __launch_bounds__(kRowBound<kLanes, E>, at_once(kNormBlocks<T, kFit, kLanes>, kRowBound<kLanes, E>))
    layer_norm_rows(LayerNormForward<T> a) {
  wait_for_earlier();
  using C = compute_t<T>;
  constexpr int V = kPart<T, kFit>, K = E / V;
  constexpr bool kHold = kHoldParameters<T, kFit, E>;
  constexpr int G = kHold ? K : V == 1 ? 4 : sizeof(T) > 2 && K % 2 == 0 ? 2 : 1;  // vectors of them asked for at once
  constexpr int kSums = 4;
  __shared__ typename RowReducer<C, kLanes>::Shared shared;
  RowReducer<C, kLanes> reduce{shared};
  with_row<kLanes>(a.rows, a.n, [&](int64_t row, int64_t n64, Lane lane) {
    const int n = static_cast<int>(n64);
    const T* const in = a.in + row * a.n;
    T* const out = a.out + row * a.n;
    const auto column = [&](int k) { return (lane.lane + k * lane.lanes) * V; };
    const auto there = [&](int k) { return kFit == RowFit::Whole || column(k) < n; };
    const bool weighted = kFit == RowFit::Whole || a.weight != nullptr;
    const bool biased = kFit == RowFit::Whole || a.bias != nullptr;
    RowPart<T, V> raw[K], weights[G], biases[G];
    const auto ask_for_parameters = [&](int from) {  // 1 and 0 where there are none
#pragma unroll
      for (int g = 0; g < G; ++g) {
        if constexpr (kFit != RowFit::Whole) weights[g].fill(T(1.0f));
        if (weighted && there(from + g)) weights[g].load(a.weight + column(from + g));
      }
#pragma unroll
      for (int g = 0; g < G; ++g) {
        if constexpr (kFit != RowFit::Whole) biases[g].fill(T(0.0f));
        if (biased && there(from + g)) biases[g].load(a.bias + column(from + g));
      }
    };
#pragma unroll
    for (int k = 0; k < K; ++k) {
      if constexpr (kFit != RowFit::Whole) raw[k].fill(T(0.0f));
      if (there(k)) raw[k].load(in + column(k));
    }
    if constexpr (kHold) ask_for_parameters(0);
    C x[E];
    C sums[kSums] = {};
#pragma unroll
    for (int k = 0; k < K; ++k) {
      raw[k].get(x + k * V);
#pragma unroll
      for (int j = 0; j < V; ++j) sums[(k * V + j) % kSums] += x[k * V + j];
    }
    const C mean = reduce.sum((sums[0] + sums[1]) + (sums[2] + sums[3])) * a.inverse;
    C squares[kSums] = {};
#pragma unroll
    for (int k = 0; k < K; ++k) {
      constexpr int kParts = V < kSums ? V : kSums;
      C part[kParts] = {};
#pragma unroll
      for (int j = 0; j < V; ++j) {
        C& centred = x[k * V + j];
        centred -= mean;
        C& sum = kFit == RowFit::Whole ? squares[(k * V + j) % kSums] : part[j % kParts];
        sum += centred * centred;
      }
      if constexpr (kFit != RowFit::Whole) {
#pragma unroll
        for (int i = 0; i < kParts; ++i) squares[(k * V + i) % kSums] += there(k) ? part[i] : C(0);
      }
    }
    const C variance = reduce.sum((squares[0] + squares[1]) + (squares[2] + squares[3])) * a.inverse;
    const C rstd = inverse_root(variance + a.eps);
    if ((kLanes == 8 || kLanes == 32) && n == 0) return;
#pragma unroll
    for (int from = 0; from < K; from += G) {
      if constexpr (!kHold) {
        asm volatile("" ::: "memory");  // registers are short: not all of them at once
        ask_for_parameters(from);
      }
#pragma unroll
      for (int g = 0; g < G; ++g) {
        C* const y = x + (from + g) * V;
        C w[V], b[V];
        weights[g].get(w);
        biases[g].get(b);
#pragma unroll
        for (int j = 0; j < V; ++j) y[j] = y[j] * rstd * w[j] + b[j];
        if (there(from + g)) RowPart<T, V>::put(out + column(from + g), y);
      }
    }
    if (lane.lane == 0) {
      a.mean[row] = mean;
      a.rstd[row] = rstd;
    }
  });
}

// Rows too long for registers: a block reads each twice.
template <class T>
__global__ void __launch_bounds__(kLongRowThreads) layer_norm_long(LayerNormForward<T> a) {
  wait_for_earlier();
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
    const C rstd = inverse_root(moments.squares * a.inverse + a.eps);
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

// f.operator()<kLanes, E>() for a plan.
template <class F>
void visit_norm_plan(const RowPlan& plan, F&& f) {
  if (plan.lanes == 8) return f.template operator()<8, 8>();
  if (plan.lanes == 32) return plan.elements == 8 ? f.template operator()<32, 8>() : f.template operator()<32, 16>();
  if (plan.elements == 32) return f.template operator()<0, 32>();
  return plan.lanes == 64 ? f.template operator()<64, 16>() : f.template operator()<0, 16>();
}

template <class T>
void launch_layer_norm(const LayerNormForward<T>& a, const LaunchScope& scope) {
  const RowPlan plan = plan_layer_norm(a.n);
  const unsigned blocks = row_blocks(a.rows, plan);
  if (plan.elements == 0) {
    launch(scope, layer_norm_long<T>, blocks, plan.threads, a);
    return;
  }
  const RowFit fit = row_fit<T>(a.n, int64_t{plan.lanes} * plan.elements, {a.in, a.weight, a.bias, a.out});
  visit_norm_plan(plan, [&]<int kLanes, int E>() {
    if (fit == RowFit::Elements) {
      launch(scope, layer_norm_rows<T, RowFit::Elements, kLanes, E>, blocks, plan.threads, a);
      return;
    }
    if constexpr (E == 16 && sizeof(T) < 8) {
      if (fit == RowFit::Whole && a.weight != nullptr && a.bias != nullptr) {
        launch(scope, layer_norm_rows<T, RowFit::Whole, kLanes, E>, blocks, plan.threads, a);
        return;
      }
    }
    launch(scope, layer_norm_rows<T, RowFit::Vectors, kLanes, E>, blocks, plan.threads, a);
  });
}

void layer_norm(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& in, const Tensor& weight,
                const Tensor& bias, double eps) {
  if (in.size(0) == 0) return;
  const LaunchScope scope(in.device());
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const auto n = static_cast<C>(in.size(1));
    launch_layer_norm<T>(
        {data_or_null<T>(in), data_or_null<T>(weight), data_or_null<T>(bias), data_or_null<T>(out),
         data_or_null<C>(mean), data_or_null<C>(rstd), in.size(0), in.size(1), static_cast<C>(eps), C(1) / n},
        scope);
  });
  check_launch("layer_norm");
}

}  // namespace

void register_layer_norm(Kernels& table) { table.layer_norm.function[kColumn] = layer_norm; }

}  // namespace ember::cuda
