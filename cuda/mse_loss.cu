// The squared error of two arrays, added up, and its gradient: each array is read once. The loss is one launch, or two
// where there is enough to add to fill the device; its gradient is one, or made with the loss of one block.
#include <ember/core/backend.h>
#include <ember/core/functors/loss.h>
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/total_plan.h>
#include <ember/cuda/elementwise.cuh>
#include <ember/cuda/launch.cuh>
#include <ember/cuda/row_tile.cuh>

namespace ember::cuda {

// V elements at `from`, one load where the array is aligned to vectors.
template <class T, int V>
__device__ Vector<T, V> load_part(const T* from, bool aligned) {
  if (aligned) return *reinterpret_cast<const Vector<T, V>*>(from);
  Vector<T, V> x;
#pragma unroll
  for (int j = 0; j < V; ++j) x.v[j] = from[j];
  return x;
}

// (One block per multiprocessor is asked for: without that the compiler saves registers, and loads wait for each
// other.) Block b: Σ (x − y)² over its chunk, to partials[b]; or, of one block, that divided by `divisor` to out.
// kGradient: of one block; grad = factor·(x − y).
template <class T, bool kGradient>
__global__ void __launch_bounds__(kTotalThreads, 1)
    squared_errors(const T* x, const T* y, int64_t n, int64_t chunk, T* out, compute_t<T>* partials, double divisor,
                   T* grad, compute_t<T> factor) {
  using C = compute_t<T>;
  wait_for_earlier();
  constexpr int V = kRowVector<T>, U = 4;  // 2·U loads in flight
  constexpr int kSums = V < 4 ? V : 4;
  __shared__ typename RowReducer<C, 0>::Shared shared;
  const functors::SquaredDifference<C> f;
  const bool aligned = row_shift(x) == 0 && row_shift(y) == 0;
  C sums[kSums] = {};
  const auto add = [&](int64_t i, const Vector<T, V>& a, const Vector<T, V>& b) {
    Vector<T, V> g;
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const C p = static_cast<C>(a.v[j]), q = static_cast<C>(b.v[j]);
      sums[j % kSums] += f(p, q);
      g.v[j] = static_cast<T>(factor * (p - q));
    }
    if constexpr (kGradient) *reinterpret_cast<Vector<T, V>*>(grad + i) = g;  // memory of its own: aligned
  };
  const int64_t begin = blockIdx.x * chunk;
  Strip<V> strip(begin, begin + chunk < n ? begin + chunk : n, threadIdx.x, blockDim.x);
#pragma unroll 1
  for (; strip.has(U); strip.advance(U)) {
    Vector<T, V> a[U], b[U];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      a[u] = load_part<T, V>(x + strip.start(u), aligned);
      b[u] = load_part<T, V>(y + strip.start(u), aligned);
    }
#pragma unroll
    for (int u = 0; u < U; ++u) add(strip.start(u), a[u], b[u]);
  }
#pragma unroll 1
  for (; strip.has(1); strip.advance(1)) {
    const int64_t i = strip.start(0);
    add(i, load_part<T, V>(x + i, aligned), load_part<T, V>(y + i, aligned));
  }
#pragma unroll 1
  for (int j = 0; j < strip.rest(); ++j) {
    const int64_t i = strip.start(0) + j;
    const C p = static_cast<C>(x[i]), q = static_cast<C>(y[i]);
    sums[0] += f(p, q);
    if constexpr (kGradient) grad[i] = static_cast<T>(factor * (p - q));
  }
#pragma unroll
  for (int i = 1; i < kSums; ++i) sums[0] += sums[i];
  const C total = RowReducer<C, 0>{shared}.sum(sums[0]);
  if (threadIdx.x != 0) return;
  if (partials != nullptr) {
    partials[blockIdx.x] = total;
  } else {
    *out = static_cast<T>(total / static_cast<C>(divisor));
  }
}

// One block.
template <class T>
__global__ void __launch_bounds__(kTotalThreads)
    total_of_partials(const compute_t<T>* partials, int count, T* out, double divisor) {
  wait_for_earlier();
  using C = compute_t<T>;
  __shared__ typename RowReducer<C, 0>::Shared shared;
  C sum = 0;
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kTotalThreads) sum += partials[i];
  sum = RowReducer<C, 0>{shared}.sum(sum);
  if (threadIdx.x == 0) *out = static_cast<T>(sum / static_cast<C>(divisor));
}

// grad_in = scale·(x − y), where scale is factor·grad: of each element with kEach, else of all. V: 1, or vectors to
// which all arrays are aligned.
template <class T, int V, bool kEach>
__global__ void __launch_bounds__(kThreads)
    squared_error_gradients(int64_t n, T* grad_in, const T* grad, const T* x, const T* y, compute_t<T> factor) {
  using C = compute_t<T>;
  wait_for_earlier();
  const C scale = kEach || grad == nullptr ? factor : factor * static_cast<C>(*grad);
  const auto write = [&]<int W>(std::integral_constant<int, W>, int64_t i) {
    const auto a = load_part<T, W>(x + i, true), b = load_part<T, W>(y + i, true);
    Vector<T, W> g, result;
    if constexpr (kEach) g = load_part<T, W>(grad + i, true);
#pragma unroll
    for (int j = 0; j < W; ++j) {
      C by = scale;
      if constexpr (kEach) by *= static_cast<C>(g.v[j]);
      result.v[j] = static_cast<T>(by * (static_cast<C>(a.v[j]) - static_cast<C>(b.v[j])));
    }
    *reinterpret_cast<Vector<T, W>*>(grad_in + i) = result;
  };
  const int64_t lanes = static_cast<int64_t>(gridDim.x) * kThreads;
  Strip<V> strip(0, n, static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, lanes);
#pragma unroll 1
  for (; strip.has(1); strip.advance(1)) write(std::integral_constant<int, V>{}, strip.start(0));
#pragma unroll 1
  for (int j = 0; j < strip.rest(); ++j) write(std::integral_constant<int, 1>{}, strip.start(0) + j);
}

namespace {

void mse_loss_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& x, const Tensor& y, double factor);

void mse_loss(const Tensor& out, const Tensor& grad, const Tensor& x, const Tensor& y, double divisor) {
  const int64_t n = x.numel();
  const TotalPlan plan = plan_total(n);
  const LaunchScope scope(x.device());
  visit_dtype<DtypeSet::Floating>(x.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    Storage workspace;  // freed on return, reused only by later work on this stream
    C* partials = nullptr;
    if (plan.blocks > 1) {
      workspace = allocate_storage(static_cast<size_t>(plan.blocks) * sizeof(C), x.device());
      partials = static_cast<C*>(workspace.data());
    }
    T* const result = static_cast<T*>(out.data_ptr());
    const bool together = grad.defined() && partials == nullptr && row_shift(static_cast<T*>(grad.data_ptr())) == 0;
    launch(scope, together ? squared_errors<T, true> : squared_errors<T, false>, static_cast<unsigned>(plan.blocks),
           plan.threads, static_cast<const T*>(x.data_ptr()), static_cast<const T*>(y.data_ptr()), n, plan.chunk,
           result, partials, divisor, together ? static_cast<T*>(grad.data_ptr()) : nullptr,
           static_cast<C>(2 / divisor));
    check_launch("mse_loss");
    if (grad.defined() && !together) mse_loss_backward(grad, {}, x, y, 2 / divisor);
    if (partials == nullptr) return;
    launch(scope, total_of_partials<T>, 1, kTotalThreads, partials, plan.blocks, result, divisor);
    check_launch("the second pass of mse_loss");
  });
}

void mse_loss_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& x, const Tensor& y, double factor) {
  const int64_t n = x.numel();
  const LaunchScope scope(x.device());
  visit_dtype<DtypeSet::Floating>(x.dtype(), [&]<class T>() {
    constexpr int V = kRowVector<T>;
    T* const out = static_cast<T*>(grad_in.data_ptr());
    const T* const g = grad.defined() ? static_cast<const T*>(grad.data_ptr()) : nullptr;
    const T *const a = static_cast<const T*>(x.data_ptr()), *const b = static_cast<const T*>(y.data_ptr());
    const bool each = g != nullptr && grad.numel() != 1;
    const auto start = [&]<int W, bool kEach>() {
      const unsigned blocks = contiguous_blocks(scope, n, int64_t{kThreads} * W);
      launch(scope, squared_error_gradients<T, W, kEach>, blocks, kThreads, n, out, g, a, b,
             static_cast<compute_t<T>>(factor));
    };
    if (row_shift(out) == 0 && row_shift(a) == 0 && row_shift(b) == 0 && (!each || row_shift(g) == 0)) {
      each ? start.template operator()<V, true>() : start.template operator()<V, false>();
    } else {
      each ? start.template operator()<1, true>() : start.template operator()<1, false>();
    }
  });
  check_launch("mse_loss_backward");
}

}  // namespace

void register_mse_loss(Kernels& table) {
  table.mse_loss.function[kColumn] = mse_loss;
  table.mse_loss_backward.function[kColumn] = mse_loss_backward;
}

}  // namespace ember::cuda
