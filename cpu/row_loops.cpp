// Inner loops of layer norm and cross-entropy.
#include <ember/cpu/row_loops.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/row_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

#include <ember/cpu/vector_math-inl.h>

#include <ember/cpu/exp_rows-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sums side by side; few enough terms each that a sum of floats stays exact to a few units, many rows in double.
constexpr int64_t kLanes = 64;
constexpr int64_t kSumChunk = 64 * kLanes;

// Σ f(i) over i < n in a fixed order.
template <class T, class F>
HWY_INLINE T lane_sum(int64_t n, F f) {
  if (n < kLanes) {
    T lanes[4] = {};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (int64_t l = 0; l < 4; ++l) lanes[l] += f(i + l);
    }
    for (; i < n; ++i) lanes[0] += f(i);
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  }
  double total = 0;
  for (int64_t start = 0; start < n; start += kSumChunk) {
    const int64_t end = std::min(n, start + kSumChunk);
    T lanes[kLanes] = {};
    int64_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      EMBER_INDEPENDENT
      for (int64_t l = 0; l < kLanes; ++l) lanes[l] += f(i + l);
    }
    for (int64_t l = 0; i < end; ++i, ++l) lanes[l] += f(i);
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    }
    total += static_cast<double>(lanes[0]);
  }
  return static_cast<T>(total);
}

template <class T>
void normalise(T* out, T* mean, T* rstd, const T* x, const T* weight, const T* bias, int64_t n, T eps) {
  const T count = static_cast<T>(n);
  const T m = lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return x[i]; }) / count;
  const T variance = lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return (x[i] - m) * (x[i] - m); }) / count;
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
  const T count = static_cast<T>(n);
  if (weight == nullptr) {
    const T mean_h = lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return g[i]; }) / count;
    const T mean_hx = lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return g[i] * ((x[i] - mean) * rstd); }) / count;
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) grad_in[i] = rstd * (g[i] - mean_h - (x[i] - mean) * rstd * mean_hx);
  } else {
    const T mean_h = lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return g[i] * weight[i]; }) / count;
    const T mean_hx =
        lane_sum<T>(n, [=](int64_t i) HWY_ATTR { return g[i] * weight[i] * ((x[i] - mean) * rstd); }) / count;
    EMBER_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) grad_in[i] = rstd * (g[i] * weight[i] - mean_h - (x[i] - mean) * rstd * mean_hx);
  }
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
constexpr RowLoops<T> kRowLoops{&normalise<T>, &normalise_backward<T>, &normalise_weight_backward<T>, &log_sum<T>,
                                &scaled_softmax<T>};
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
