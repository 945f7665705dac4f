// Loops over the vectors of a row whose last one may be short. Included once per instruction set, by files that include
// simd.h first.

#if defined(EMBER_ROW_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBER_ROW_VECTORS_INL_H_
#undef EMBER_ROW_VECTORS_INL_H_
#else
#define EMBER_ROW_VECTORS_INL_H_
#endif

#include <algorithm>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE::row_vectors {

namespace hn = hwy::HWY_NAMESPACE;

// Terms that are added as T, in several sums side by side, before they are added up in double: few enough that a sum of
// floats stays exact to a few units.
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
// All lanes, or the first `count` of fewer.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load(D d, const T* from, int64_t count) {
  return count == static_cast<int64_t>(hn::Lanes(d)) ? hn::LoadU(d, from) : load_first(d, from, count);
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store(D d, hn::Vec<D> v, T* to, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, to);
  store_first(d, v, to, count);
}

// 0 in the lanes past the first `count`.
template <class D>
HWY_INLINE hn::Vec<D> only_first(D d, hn::Vec<D> v, int64_t count) {
  return hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(count)), v);
}

// Calls f(i, lanes) for the whole vectors and f(i, count) for a last one that is short.
template <class T, class F>
HWY_INLINE void for_each_vector(int64_t n, F f) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(i, lanes);
  if (i < n) f(i, n - i);
}

// Σ term(i, count) over the vectors of a row of n, whose lanes past `count` are 0. In a fixed order.
template <class T, class F>
HWY_INLINE double sum(int64_t n, F term) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kTerms) {
    auto a = hn::Zero(d), b = a, c = a, e = a;
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

// Two such sums in one pass: term(i, count, &x, &y) gives the terms of both.
template <class T, class F>
HWY_INLINE void sums(int64_t n, double& x_total, double& y_total, F term) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  x_total = y_total = 0;
  for (int64_t begin = 0; begin < n; begin += kTerms) {
    auto x_even = hn::Zero(d), x_odd = x_even, y_even = x_even, y_odd = x_even;
    const auto add = [&](int64_t i, int64_t count, hn::Vec<decltype(d)>& x, hn::Vec<decltype(d)>& y) HWY_ATTR {
      auto x_term = hn::Zero(d), y_term = x_term;
      term(i, count, x_term, y_term);
      x = hn::Add(x, x_term);
      y = hn::Add(y, y_term);
    };
    const int64_t end = std::min(n, begin + kTerms);
    int64_t i = begin;
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      add(i, lanes, x_even, y_even);
      add(i + lanes, lanes, x_odd, y_odd);
    }
    for (; i < end; i += lanes) add(i, std::min(lanes, end - i), x_even, y_even);
    x_total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(x_even, x_odd))));
    y_total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(y_even, y_odd))));
  }
}

}  // namespace ember::cpu::HWY_NAMESPACE::row_vectors
HWY_AFTER_NAMESPACE();

#endif
