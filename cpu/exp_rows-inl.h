// Rows of exponentials, in one pass each: what softmax, log_softmax and cross-entropy are made of. Included once per
// instruction set, by files that include simd.h, hwy/contrib/math/math-inl.h and vector_math-inl.h first.

#if defined(EMBER_EXP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBER_EXP_ROWS_INL_H_
#undef EMBER_EXP_ROWS_INL_H_
#else
#define EMBER_EXP_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE::exp_rows {

namespace hn = hwy::HWY_NAMESPACE;

// Terms that are added as T, in several sums side by side, before they are added up in double.
constexpr int64_t kTerms = 4096;

// The first `count` lanes, 0 < count <= Lanes(d); the others are unspecified.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_first(D d, const T* from, int64_t count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
#else
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, from);
#endif
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_first(D d, hn::Vec<D> v, T* to, int64_t count) {
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T lanes[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(v, d, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
#else
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(count)), d, to);
#endif
}

// Σ term(i, count) over the vectors of a row of n, whose lanes past `count` are 0.
template <class T, class F>
HWY_INLINE double sum_of_vectors(int64_t n, F term) {
  const hn::ScalableTag<T> d;
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kTerms) {
    auto a = hn::Zero(d), b = a, c = a, e = a;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t end = std::min(n, begin + kTerms);
    int64_t i = begin;
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      a = hn::Add(a, term(i, lanes));
      b = hn::Add(b, term(i + lanes, lanes));
      c = hn::Add(c, term(i + 2 * lanes, lanes));
      e = hn::Add(e, term(i + 3 * lanes, lanes));
    }
    for (; i < end; i += lanes) a = hn::Add(a, term(i, std::min(lanes, end - i)));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e)))));
  }
  return total;
}

// The greatest of n > 0 numbers, NaN if one is.
template <class T>
T greatest(const T* x, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  T most = x[0];
  bool any_nan = false;
  int64_t i = 0;
  if (n >= lanes) {
    auto a = hn::LoadU(d, x), b = a, c = a, e = a;
    auto nan_a = hn::IsNaN(a), nan_b = nan_a;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      const auto v0 = hn::LoadU(d, x + i), v1 = hn::LoadU(d, x + i + lanes);
      const auto v2 = hn::LoadU(d, x + i + 2 * lanes), v3 = hn::LoadU(d, x + i + 3 * lanes);
      a = hn::Max(a, v0);
      b = hn::Max(b, v1);
      c = hn::Max(c, v2);
      e = hn::Max(e, v3);
      nan_a = hn::Or(nan_a, hn::Or(hn::IsNaN(v0), hn::IsNaN(v1)));
      nan_b = hn::Or(nan_b, hn::Or(hn::IsNaN(v2), hn::IsNaN(v3)));
    }
    for (; i + lanes <= n; i += lanes) {
      const auto v = hn::LoadU(d, x + i);
      a = hn::Max(a, v);
      nan_a = hn::Or(nan_a, hn::IsNaN(v));
    }
    most = hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
    any_nan = !hn::AllFalse(d, hn::Or(nan_a, nan_b));
  }
  for (; i < n; ++i) {
    most = x[i] > most ? x[i] : most;
    any_nan |= x[i] != x[i];
  }
  return any_nan ? std::numeric_limits<T>::quiet_NaN() : most;
}

// e^x for x <= 0, and for NaN, which stays.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of_negative(D d, V x) {
  using T = hn::TFromD<D>;
  if constexpr (vector_math::kTotalExp<T>) {
    return vector_math::exp(d, x);
  } else {
    const V bounded = hn::Max(hn::Set(d, sizeof(T) == 4 ? T(-104) : T(-746)), x);
    return hn::IfThenElse(hn::IsNaN(x), x, vector_math::exp(d, bounded));
  }
}

// Σ e^(x[i] − shift), shift >= x[i] (or NaN); the terms are written to `out`, which may be x, unless that is null.
template <class T>
double sum_of_exp(T* out, const T* x, T shift, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto s = hn::Set(d, shift);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto term = [=](int64_t i, int64_t count) HWY_ATTR {
    if (count == lanes) {
      const auto y = exp_of_negative(d, hn::Sub(hn::LoadU(d, x + i), s));
      if (out != nullptr) hn::StoreU(y, d, out + i);
      return y;
    }
    const auto y = exp_of_negative(d, hn::Sub(load_first(d, x + i, count), s));
    if (out != nullptr) store_first(d, y, out + i, count);
    return hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), y);
  };
  return sum_of_vectors<T>(n, term);
}

}  // namespace ember::cpu::HWY_NAMESPACE::exp_rows
HWY_AFTER_NAMESPACE();

#endif
