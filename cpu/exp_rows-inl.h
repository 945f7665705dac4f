// Rows of exponentials, in one pass each: what softmax, log_softmax and cross-entropy are made of. Included once per
// instruction set, by files that include simd.h, hwy/contrib/math/math-inl.h, vector_math-inl.h and row_vectors-inl.h
// first.

#if defined(EMBER_EXP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBER_EXP_ROWS_INL_H_
#undef EMBER_EXP_ROWS_INL_H_
#else
#define EMBER_EXP_ROWS_INL_H_
#endif

#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE::exp_rows {

namespace hn = hwy::HWY_NAMESPACE;

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
    const auto y = exp_of_negative(d, hn::Sub(row_vectors::load_first(d, x + i, count), s));
    if (out != nullptr) row_vectors::store_first(d, y, out + i, count);
    return row_vectors::only_first(d, y, count);
  };
  return row_vectors::sum<T>(n, term);
}

}  // namespace ember::cpu::HWY_NAMESPACE::exp_rows
HWY_AFTER_NAMESPACE();

#endif
