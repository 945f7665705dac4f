// Kernels that only write: fill, arange, linspace.
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

// No operands: every element is the value.
template <class T>
struct Constant {
  T value;
  __device__ T operator()() const { return value; }
};

// out[i] = f(i) for the n elements of a contiguous array.
template <class T, class F>
__global__ void __launch_bounds__(kThreads) fill_by_index(int64_t n, T* out, F f) {
  wait_for_earlier();
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    out[i] = static_cast<T>(f(i));
  }
}

// start + i·step; for integers V is uint64_t, whose arithmetic wraps as int64_t's would.
template <class T, class V>
struct Arange {
  V start, step;
  __device__ T operator()(int64_t i) const {
    const V value = start + static_cast<V>(i) * step;
    if constexpr (std::is_same_v<V, uint64_t>) {
      return static_cast<T>(static_cast<int64_t>(value));
    } else {
      return static_cast<T>(value);
    }
  }
};

// Each half counts from its own end, so that both ends are exact.
template <class T>
struct Linspace {
  double start, end, step;
  int64_t n;
  __device__ T operator()(int64_t i) const {
    const double value =
        i < (n + 1) / 2 ? start + static_cast<double>(i) * step : end - static_cast<double>(n - 1 - i) * step;
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<int64_t>(value));
    } else {
      return static_cast<T>(value);
    }
  }
};

namespace {

void fill(const TensorIterator& iter, const Scalar& value) {
  visit_dtype(iter.dtype(0),
              [&]<class T>() { elementwise<T>(iter, "fill", Constant<compute_t<T>>{value.cast<compute_t<T>>()}); });
}

template <class T, class F>
void launch_by_index(const Tensor& out, const char* name, const F& f) {
  if (out.numel() == 0) return;
  const LaunchScope scope(out.device());
  launch(scope, fill_by_index<T, F>, scope.blocks(out.numel(), kThreads), kThreads, out.numel(),
         static_cast<T*>(out.data_ptr()), f);
  check_launch(name);
}

void arange(const Tensor& out, const Scalar& start, const Scalar& step) {
  visit_dtype(out.dtype(), [&]<class T>() {
    if constexpr (is_floating_v<T>) {
      launch_by_index<T>(out, "arange", Arange<T, double>{start.toDouble(), step.toDouble()});
    } else {
      launch_by_index<T>(out, "arange",
                         Arange<T, uint64_t>{static_cast<uint64_t>(start.cast<int64_t>()),
                                             static_cast<uint64_t>(step.cast<int64_t>())});
    }
  });
}

void linspace(const Tensor& out, const Scalar& start, const Scalar& end) {
  const int64_t n = out.numel();
  const double from = start.toDouble(), to = end.toDouble();
  const double step = n > 1 ? (to - from) / static_cast<double>(n - 1) : 0.0;
  visit_dtype(out.dtype(), [&]<class T>() { launch_by_index<T>(out, "linspace", Linspace<T>{from, to, step, n}); });
}

}  // namespace

void register_fill(Kernels& table) {
  table.fill.function[kColumn] = fill;
  table.arange.function[kColumn] = arange;
  table.linspace.function[kColumn] = linspace;
}

}  // namespace ember::cuda
