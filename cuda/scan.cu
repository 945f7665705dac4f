// cumsum, cumprod, logcumsumexp and the linear recurrence that their gradients are made of.
#include <cmath>
#include <limits>

#include <ember/cuda/scan.cuh>

namespace ember::cuda {

// float32 in float64: a long line's sum would be off by many roundings otherwise.
template <class T>
struct RunningSum {
  using Acc = std::conditional_t<std::is_same_v<compute_t<T>, float>, double, compute_t<T>>;
  const T* in;
  T* out;
  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc load(int64_t at, int64_t) const { return static_cast<Acc>(in[at]); }
  __device__ Acc operator()(Acc a, Acc b) const { return functors::wrapping_add(a, b); }
  __device__ void store(int64_t at, Acc acc) const { out[at] = static_cast<T>(acc); }
};

template <class T>
struct RunningProduct {
  using Acc = compute_t<T>;
  const T* in;
  T* out;
  __device__ Acc identity() const { return Acc(1); }
  __device__ Acc load(int64_t at, int64_t) const { return static_cast<Acc>(in[at]); }
  __device__ Acc operator()(Acc a, Acc b) const { return functors::wrapping_mul(a, b); }
  __device__ void store(int64_t at, Acc acc) const { out[at] = static_cast<T>(acc); }
};

template <class T>
struct RunningLogSumExp {
  using Acc = compute_t<T>;
  const T* in;
  T* out;
  __device__ Acc identity() const { return -std::numeric_limits<Acc>::infinity(); }
  __device__ Acc load(int64_t at, int64_t) const { return static_cast<Acc>(in[at]); }
  __device__ Acc operator()(Acc a, Acc b) const {
    if (a != a || b != b) return std::numeric_limits<Acc>::quiet_NaN();
    const Acc low = a < b ? a : b, high = a < b ? b : a;
    if (low == high && std::isinf(low)) return low;
    return std::log1p(std::exp(low - high)) + high;
  }
  __device__ void store(int64_t at, Acc acc) const { out[at] = static_cast<T>(acc); }
};

// s ↦ factor·s + term; one after the other is one again.
template <class T>
struct Recurrence {
  using C = compute_t<T>;
  struct Acc {
    C factor, term;
  };
  const T* a;
  const T* b;
  T* out;
  __device__ Acc identity() const { return {C(1), C(0)}; }
  __device__ Acc load(int64_t at, int64_t) const { return {static_cast<C>(a[at]), static_cast<C>(b[at])}; }
  __device__ Acc operator()(const Acc& x, const Acc& y) const {
    return {x.factor * y.factor, y.factor * x.term + y.term};
  }
  __device__ void store(int64_t at, const Acc& acc) const { out[at] = static_cast<T>(acc.term); }
};

namespace {

template <class T>
const T* input(const Tensor& t) {
  return static_cast<const T*>(t.data_ptr());
}
template <class T>
T* output(const Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

void cumsum(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Numeric>(in.dtype(), [&]<class T>() {
    launch_scan(in, dim, reverse, RunningSum<T>{input<T>(in), output<T>(out)});
  });
}

void cumprod(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Numeric>(in.dtype(), [&]<class T>() {
    launch_scan(in, dim, reverse, RunningProduct<T>{input<T>(in), output<T>(out)});
  });
}

void logcumsumexp(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    launch_scan(in, dim, reverse, RunningLogSumExp<T>{input<T>(in), output<T>(out)});
  });
}

void linear_recurrence(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    launch_scan(out, dim, reverse, Recurrence<T>{input<T>(a), input<T>(b), output<T>(out)});
  });
}

}  // namespace

void register_scans(Kernels& table) {
  table.cumsum.function[kColumn] = cumsum;
  table.cumprod.function[kColumn] = cumprod;
  table.logcumsumexp.function[kColumn] = logcumsumexp;
  table.linear_recurrence.function[kColumn] = linear_recurrence;
}

}  // namespace ember::cuda
