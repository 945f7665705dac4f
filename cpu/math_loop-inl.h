// Loops over functions that are vector code in a range and the C library outside it. Included once per instruction set,
// by files that include simd.h first.

#if defined(EMBER_MATH_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBER_MATH_LOOP_INL_H_
#undef EMBER_MATH_LOOP_INL_H_
#else
#define EMBER_MATH_LOOP_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

struct Everywhere {
  static constexpr bool kTotal = true;
  template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  static HWY_INLINE hwy::HWY_NAMESPACE::Mask<D> in_range(D d, V) {
    return hwy::HWY_NAMESPACE::FirstN(d, hwy::HWY_NAMESPACE::Lanes(d));
  }
};

// Good from -kLimit to kLimit.
template <int kLimit>
struct Within {
  template <class D, class V = hwy::HWY_NAMESPACE::Vec<D>>
  static HWY_INLINE hwy::HWY_NAMESPACE::Mask<D> in_range(D d, V x) {
    return hwy::HWY_NAMESPACE::Le(hwy::HWY_NAMESPACE::Abs(x),
                                  hwy::HWY_NAMESPACE::Set(d, hwy::HWY_NAMESPACE::TFromD<D>(kLimit)));
  }
};

// One vector of f, which has compute(d, x), in_range(d, x) and is the scalar function too; or kTotal, and no range.
template <class F, class T, class D>
HWY_INLINE void one_vector(const F& f, D d, const T* in, T* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto x = hn::LoadU(d, in);
  if constexpr (requires { F::kTotal; }) {
    hn::StoreU(f.compute(d, x), d, out);
    return;
  }
  const auto good = f.in_range(d, x);
  // The rest is computed for 1, harmless to every function, and then replaced.
  const auto y = f.compute(d, hn::IfThenElse(good, x, hn::Set(d, T(1))));
  if (HWY_LIKELY(hn::AllTrue(d, good))) {
    hn::StoreU(y, d, out);
    return;
  }
  HWY_ALIGN T inputs[HWY_MAX_BYTES / sizeof(T)];
  HWY_ALIGN T flags[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(x, d, inputs);
  hn::Store(hn::IfThenElse(good, hn::Set(d, T(1)), hn::Zero(d)), d, flags);
  hn::StoreU(y, d, out);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    if (flags[i] == T(0)) out[i] = f(inputs[i]);
  }
}

// The same of two operands: compute(d, a, b), and in_range(d, b).
template <class F, class T, class D>
HWY_INLINE void one_vector(const F& f, D d, const T* first, const T* second, T* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto a = hn::LoadU(d, first);
  const auto b = hn::LoadU(d, second);
  const auto good = f.in_range(d, b);
  const auto y = f.compute(d, a, hn::IfThenElse(good, b, hn::Set(d, T(1))));
  if (HWY_LIKELY(hn::AllTrue(d, good))) {
    hn::StoreU(y, d, out);
    return;
  }
  HWY_ALIGN T as[HWY_MAX_BYTES / sizeof(T)];
  HWY_ALIGN T bs[HWY_MAX_BYTES / sizeof(T)];
  HWY_ALIGN T flags[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(a, d, as);
  hn::Store(b, d, bs);
  hn::Store(hn::IfThenElse(good, hn::Set(d, T(1)), hn::Zero(d)), d, flags);
  hn::StoreU(y, d, out);
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    if (flags[i] == T(0)) out[i] = f(as[i], bs[i]);
  }
}

template <class F, class T>
void math_loop(char* const* operands, int64_t n, const Params& params) {
  namespace hn = hwy::HWY_NAMESPACE;
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* in = reinterpret_cast<const T*>(operands[1]);
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) one_vector(f, d, in + i, out + i);
  if (i == n) return;
  // The rest goes through the same vector code, so that an element's result does not depend on where it is.
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)];
  for (int64_t j = 0; j < lanes; ++j) padded[j] = i + j < n ? in[i + j] : T(1);
  one_vector(f, d, padded, padded);
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = padded[j];
}

template <class F, class T>
void binary_math_loop(char* const* operands, int64_t n, const Params& params) {
  namespace hn = hwy::HWY_NAMESPACE;
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) one_vector(f, d, a + i, b + i, out + i);
  if (i == n) return;
  HWY_ALIGN T padded_a[HWY_MAX_BYTES / sizeof(T)];
  HWY_ALIGN T padded_b[HWY_MAX_BYTES / sizeof(T)];
  for (int64_t j = 0; j < lanes; ++j) {
    padded_a[j] = i + j < n ? a[i + j] : T(1);
    padded_b[j] = i + j < n ? b[i + j] : T(1);
  }
  one_vector(f, d, padded_a, padded_b, padded_a);
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = padded_a[j];
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
