// Inner loops of layer norm, cross-entropy and the squared error.
#include <ember/cpu/row_loops.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/row_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

// exp_rows-inl.h is made of the other two.
#include <ember/cpu/row_vectors-inl.h>
#include <ember/cpu/vector_math-inl.h>

#include <ember/cpu/exp_rows-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
namespace rv = row_vectors;

// Σ term(i, count) over the vectors of a row of n; the lanes past `count` do not matter.
template <class T, class F>
HWY_INLINE double row_sum(int64_t n, F term) {
  const hn::ScalableTag<T> d;
  return rv::sum<T>(n, [=](int64_t i, int64_t count) HWY_ATTR {
    return count == static_cast<int64_t>(hn::Lanes(d)) ? term(i, count) : rv::only_first(d, term(i, count), count);
  });
}

template <class T>
void normalise(T* out, T* mean, T* rstd, const T* x, const T* weight, const T* bias, int64_t n, T eps) {
  const T count = static_cast<T>(n);
  const hn::ScalableTag<T> d;
  const T m =
      static_cast<T>(row_sum<T>(n, [=](int64_t i, int64_t c) HWY_ATTR { return rv::load(d, x + i, c); })) / count;
  const auto middle = hn::Set(d, m);
  const T variance = static_cast<T>(row_sum<T>(n,
                                               [=](int64_t i, int64_t c) HWY_ATTR {
                                                 const auto distance = hn::Sub(rv::load(d, x + i, c), middle);
                                                 return hn::Mul(distance, distance);
                                               })) /
                     count;
  const T r = T(1) / std::sqrt(variance + eps);
  *mean = m;
  *rstd = r;
  if (weight == nullptr && bias == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - m) * r;
  } else if (bias == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - m) * r * weight[i];
  } else if (weight == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - m) * r + bias[i];
  } else {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - m) * r * weight[i] + bias[i];
  }
}

template <class T>
void normalise_backward(T* grad_in, const T* g, const T* x, T mean, T rstd, const T* weight, int64_t n) {
  // h = g·weight, x̂ = (x − mean)·rstd; grad_in = rstd·(h − mean of h − x̂·(mean of h·x̂)).
  const hn::ScalableTag<T> d;
  const auto m = hn::Set(d, mean), r = hn::Set(d, rstd);
  const auto h = [=](int64_t i, int64_t count) HWY_ATTR {
    const auto gradient = rv::load(d, g + i, count);
    return weight == nullptr ? gradient : hn::Mul(gradient, rv::load(d, weight + i, count));
  };
  const auto x_hat = [=](int64_t i, int64_t count)
                         HWY_ATTR { return hn::Mul(hn::Sub(rv::load(d, x + i, count), m), r); };
  double h_total, hx_total;
  rv::sums<T>(n, h_total, hx_total,
              [=](int64_t i, int64_t count, hn::Vec<decltype(d)>& h_term, hn::Vec<decltype(d)>& hx_term) HWY_ATTR {
                h_term = h(i, count);
                hx_term = hn::Mul(h_term, x_hat(i, count));
                if (count == static_cast<int64_t>(hn::Lanes(d))) return;
                h_term = rv::only_first(d, h_term, count);
                hx_term = rv::only_first(d, hx_term, count);
              });
  const T size = static_cast<T>(n);
  const auto mean_h = hn::Set(d, static_cast<T>(h_total) / size), mean_hx = hn::Set(d, static_cast<T>(hx_total) / size);
  rv::for_each_vector<T>(n, [=](int64_t i, int64_t count) HWY_ATTR {
    const auto centred = hn::Sub(hn::Sub(h(i, count), mean_h), hn::Mul(x_hat(i, count), mean_hx));
    rv::store(d, hn::Mul(r, centred), grad_in + i, count);
  });
}

template <class T>
void normalise_weight_backward(T* weight_sum, T* bias_sum, const T* g, const T* x, T mean, T rstd, int64_t n) {
  if (weight_sum != nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) weight_sum[i] += g[i] * ((x[i] - mean) * rstd);
  }
  if (bias_sum != nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) bias_sum[i] += g[i];
  }
}

template <class T>
void log_sum(T* largest, T* log_total, const T* x, int64_t n) {
  *largest = exp_rows::greatest(x, n);
  *log_total = static_cast<T>(std::log(exp_rows::sum_of_exp<T>(nullptr, x, *largest, n)));
}

template <class T>
void scaled_softmax(T* grad_in, const T* x, T largest, T log_total, T scale, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto a = hn::Set(d, largest), b = hn::Set(d, log_total), c = hn::Set(d, scale);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto log_p = hn::Sub(hn::Sub(hn::LoadU(d, x + i), a), b);
    hn::StoreU(hn::Mul(c, exp_rows::exp_of_negative(d, log_p)), d, grad_in + i);
  }
  if (i == n) return;
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
  for (int64_t l = 0; l < lanes; ++l) rest[l] = i + l < n ? (x[i + l] - largest) - log_total : T(0);
  hn::Store(hn::Mul(c, exp_rows::exp_of_negative(d, hn::Load(d, rest))), d, rest);
  for (int64_t l = 0; i + l < n; ++l) grad_in[i + l] = rest[l];
}

template <class T>
double squared_distance(const T* x, const T* y, int64_t n) {
  const hn::ScalableTag<T> d;
  return row_sum<T>(n, [=](int64_t i, int64_t c) HWY_ATTR {
    const auto distance = hn::Sub(rv::load(d, x + i, c), rv::load(d, y + i, c));
    return hn::Mul(distance, distance);
  });
}

template <class T>
void scaled_difference(T* out, const T* g, const T* x, const T* y, T scale, int64_t n) {
  if (g == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = scale * (x[i] - y[i]);
  } else {
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = scale * g[i] * (x[i] - y[i]);
  }
}

template <class T>
constexpr RowLoops<T> kRowLoops{&normalise<T>,      &normalise_backward<T>, &normalise_weight_backward<T>, &log_sum<T>,
                                &scaled_softmax<T>, &squared_distance<T>,   &scaled_difference<T>};
const RowLoops<float>* float_row_loops() { return &kRowLoops<float>; }
const RowLoops<double>* double_row_loops() { return &kRowLoops<double>; }

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(float_row_loops);
HWY_EXPORT(double_row_loops);
template <>
const RowLoops<float>& row_loops<float>() {
  return *HWY_DYNAMIC_DISPATCH(float_row_loops)();
}
template <>
const RowLoops<double>& row_loops<double>() {
  return *HWY_DYNAMIC_DISPATCH(double_row_loops)();
}
}  // namespace ember::cpu
#endif
