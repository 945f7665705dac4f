// The optimizers' steps over lists of parameters: each array is read once and written once.
#include <ember/core/functors/optimizer.h>
#include <ember/cpu/loops.h>
#include <ember/cpu/optimizer_loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/optimizer_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class T>
void sgd_range(const SgdArrays& a, const SgdStep& step, int64_t begin, int64_t end) {
  const functors::Sgd<T> update(step);
  T* const p = static_cast<T*>(a.param);
  const T* const g = static_cast<const T*>(a.grad);
  T* const m = static_cast<T*>(a.momentum);
  if (m == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) p[i] = update.plain(p[i], g[i]);
  } else if (a.first) {
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) p[i] = update.with_momentum(p[i], g[i], m[i], true);
  } else {
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) p[i] = update.with_momentum(p[i], g[i], m[i], false);
  }
}

template <class T>
void adam_range(const AdamArrays& a, const AdamStep& step, int64_t begin, int64_t end) {
  const functors::Adam<T> update(step);
  const T root = static_cast<T>(a.factors.bias_correction2_root), size = static_cast<T>(-a.factors.step_size);
  T* const p = static_cast<T*>(a.param);
  const T* const g = static_cast<const T*>(a.grad);
  T* const m = static_cast<T*>(a.exp_avg);
  T* const v = static_cast<T*>(a.exp_avg_sq);
  T* const largest = static_cast<T*>(a.max_exp_avg_sq);
  if (largest == nullptr) {
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) p[i] = update(p[i], g[i], m[i], v[i], static_cast<T*>(nullptr), root, size);
  } else {
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) p[i] = update(p[i], g[i], m[i], v[i], largest + i, root, size);
  }
}

void sgd_any(ScalarType dtype, const SgdArrays& a, const SgdStep& step, int64_t begin, int64_t end) {
  dtype == kFloat32 ? sgd_range<float>(a, step, begin, end) : sgd_range<double>(a, step, begin, end);
}
void adam_any(ScalarType dtype, const AdamArrays& a, const AdamStep& step, int64_t begin, int64_t end) {
  dtype == kFloat32 ? adam_range<float>(a, step, begin, end) : adam_range<double>(a, step, begin, end);
}

// Eight sums side by side, so that there is vector code; their order does not depend on the vectors' length.
double sum_of_squares_any(ScalarType dtype, const GradientArray& a, int64_t begin, int64_t end) {
  constexpr int kSums = 8;
  double sums[kSums] = {};
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    const T* const x = static_cast<const T*>(a.data);
    int64_t i = begin;
    for (; i + kSums <= end; i += kSums) {
      for (int k = 0; k < kSums; ++k) {
        const auto value = static_cast<double>(static_cast<compute_t<T>>(x[i + k]));
        sums[k] += value * value;
      }
    }
    for (; i < end; ++i) {
      const auto value = static_cast<double>(static_cast<compute_t<T>>(x[i]));
      sums[0] += value * value;
    }
  });
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}
void multiply_any(ScalarType dtype, const GradientArray& a, double factor, int64_t begin, int64_t end) {
  visit_dtype<DtypeSet::Floating>(dtype, [&]<class T>() {
    using C = compute_t<T>;
    T* const x = static_cast<T*>(a.data);
    const C f = static_cast<C>(factor);
    EMBER_INDEPENDENT
    for (int64_t i = begin; i < end; ++i) x[i] = static_cast<T>(static_cast<C>(x[i]) * f);
  });
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(sgd_any);
HWY_EXPORT(adam_any);
HWY_EXPORT(sum_of_squares_any);
HWY_EXPORT(multiply_any);
void sgd_range(ScalarType dtype, const SgdArrays& a, const SgdStep& step, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(sgd_any)(dtype, a, step, begin, end);
}
void adam_range(ScalarType dtype, const AdamArrays& a, const AdamStep& step, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(adam_any)(dtype, a, step, begin, end);
}
double sum_of_squares(ScalarType dtype, const GradientArray& a, int64_t begin, int64_t end) {
  return HWY_DYNAMIC_DISPATCH(sum_of_squares_any)(dtype, a, begin, end);
}
void multiply(ScalarType dtype, const GradientArray& a, double factor, int64_t begin, int64_t end) {
  HWY_DYNAMIC_DISPATCH(multiply_any)(dtype, a, factor, begin, end);
}
}  // namespace ember::cpu
#endif
