// Norms, and variance with mean, of floating dtypes.
#include <cmath>
#include <limits>

#include <ember/core/functors.h>
#include <ember/cuda/register.h>
#include <ember/cuda/reduce.cuh>

namespace ember::cuda {

// (Σ term(x))^(1/p)
template <class T>
struct SumNorm {
  using Element = T;
  using Acc = compute_t<T>;
  T* out;
  Acc p;

  __device__ Acc identity() const { return Acc(0); }
  __device__ Acc load(T element, int64_t) const {
    const Acc x = static_cast<Acc>(element);
    if (p == Acc(2)) return x * x;
    if (p == Acc(1)) return std::fabs(x);
    if (p == Acc(0)) return x != Acc(0) ? Acc(1) : Acc(0);
    return std::pow(std::fabs(x), p);
  }
  __device__ Acc operator()(Acc a, Acc b) const { return a + b; }
  __device__ void store(int64_t o, Acc acc) const {
    if (p == Acc(2)) {
      acc = std::sqrt(acc);
    } else if (p != Acc(1) && p != Acc(0)) {
      acc = std::pow(acc, Acc(1) / p);
    }
    out[o] = static_cast<T>(acc);
  }
};

template <class T>
struct ExtremeNorm {
  using Element = T;
  using Acc = compute_t<T>;
  T* out;
  bool largest;

  __device__ Acc identity() const { return largest ? Acc(0) : std::numeric_limits<Acc>::infinity(); }
  __device__ Acc load(T x, int64_t) const { return std::fabs(static_cast<Acc>(x)); }
  __device__ Acc operator()(Acc a, Acc b) const {
    return largest ? functors::Maximum<Acc>{}(a, b) : functors::Minimum<Acc>{}(a, b);
  }
  __device__ void store(int64_t o, Acc acc) const { out[o] = static_cast<T>(acc); }
};

// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
template <class T>
struct Moments {
  using Element = T;
  using C = compute_t<T>;
  struct Acc {
    C mean, squares;  // squares: Σ (x − mean)²
    int64_t count;
  };
  T* var;
  T* mean;
  double correction;
  bool root;

  __device__ Acc identity() const { return {C(0), C(0), 0}; }
  // x − x is 0, but NaN where x is infinite or NaN: then so is the variance.
  __device__ Acc load(T x, int64_t) const {
    const C value = static_cast<C>(x);
    return {value, value - value, 1};
  }
  __device__ Acc operator()(const Acc& a, const Acc& b) const {
    if (a.count == 0) return b;
    if (b.count == 0) return a;
    const int64_t count = a.count + b.count;
    const C part = static_cast<C>(b.count) / static_cast<C>(count);
    const C delta = b.mean - a.mean;
    return {a.mean + delta * part, a.squares + b.squares + delta * delta * static_cast<C>(a.count) * part, count};
  }
  __device__ void store(int64_t o, const Acc& acc) const {
    const double freedom = static_cast<double>(acc.count) - correction;
    const C v = acc.squares / static_cast<C>(freedom > 0 ? freedom : 0);
    var[o] = static_cast<T>(root ? std::sqrt(v) : v);
    mean[o] = static_cast<T>(acc.count == 0 ? std::numeric_limits<C>::quiet_NaN() : acc.mean);
  }
};

namespace {

void norm(const Tensor& out, const Tensor& in, DimMask dims, double p) {
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    T* const to = static_cast<T*>(out.data_ptr());
    if (std::isinf(p)) {
      reduce(in, dims, ExtremeNorm<T>{to, p > 0});
    } else {
      reduce(in, dims, SumNorm<T>{to, static_cast<compute_t<T>>(p)});
    }
  });
}

void var_mean(const Tensor& var, const Tensor& mean, const Tensor& in, DimMask dims, double correction, bool root) {
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    reduce(in, dims, Moments<T>{static_cast<T*>(var.data_ptr()), static_cast<T*>(mean.data_ptr()), correction, root});
  });
}

}  // namespace

void register_moments(Kernels& table) {
  table.norm.function[kColumn] = norm;
  table.var_mean.function[kColumn] = var_mean;
}

}  // namespace ember::cuda
