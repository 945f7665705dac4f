// Inner loops of the transcendental functions: Highway's vector versions inside the range where they are
// accurate to about 2 units in the last place, the C library's outside it.
#include <limits>

#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/math_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// For each function: its vector form, the lanes for which that is good, and (its base) the functor for the
// rest. NaN is in no range, since it compares false.

// Good from -kLimit to kLimit.
template <int kLimit>
struct Within {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::Le(hn::Abs(x), hn::Set(d, hn::TFromD<D>(kLimit)));
  }
};

template <class T>
struct VectorExp : functors::Exp<T> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::Exp(d, x);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::Le(x, hn::Set(d, sizeof(T) == 4 ? T(88) : T(709)));  // minus infinity too, which masks are made of
  }
};

template <class T>
struct VectorLog : functors::Log<T> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::Log(d, x);
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::And(hn::Ge(x, hn::Set(d, std::numeric_limits<T>::min())),
                   hn::Le(x, hn::Set(d, std::numeric_limits<T>::max())));
  }
};

template <class T>
struct VectorSin : functors::Sin<T>, Within<8192> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, hn::Sin(d, x));  // -0 stays
  }
};

template <class T>
struct VectorCos : functors::Cos<T>, Within<8192> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::Cos(d, x);
  }
};

template <class T>
struct VectorTanh : functors::Tanh<T>, Within<40> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::Tanh(d, x);
  }
};

template <class T>
struct VectorSigmoid : functors::Sigmoid<T> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    const V one = hn::Set(d, T(1));
    return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return VectorExp<T>::in_range(d, hn::Neg(x));
  }
};

template <class F, class T, class D>
HWY_INLINE void one_vector(D d, const T* in, T* out) {
  const auto x = hn::LoadU(d, in);
  const auto good = F::in_range(d, x);
  // The rest is computed for 1, harmless to every function, and then replaced.
  const auto y = F::compute(d, hn::IfThenElse(good, x, hn::Set(d, T(1))));
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
    if (flags[i] == T(0)) out[i] = F{}(inputs[i]);
  }
}

template <class F, class T>
void math_loop(char* const* operands, int64_t n, const Params&) {
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* in = reinterpret_cast<const T*>(operands[1]);
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) one_vector<F>(d, in + i, out + i);
  if (i == n) return;
  // The rest goes through the same vector code, so that an element's result does not depend on where it is.
  HWY_ALIGN T padded[HWY_MAX_BYTES / sizeof(T)];
  for (int64_t j = 0; j < lanes; ++j) padded[j] = i + j < n ? in[i + j] : T(1);
  one_vector<F>(d, padded, padded);
  for (int64_t j = 0; i + j < n; ++j) out[i + j] = padded[j];
}

template <template <class> class F>
void fill_row(LoopRow& row) {
  row[kFloat32] = &math_loop<F<float>, float>;
  row[kFloat64] = &math_loop<F<double>, double>;
}

void fill_math(Loops& loops) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128  // the C library is faster than one lane
  fill_row<VectorExp>(loops.exp);
  fill_row<VectorLog>(loops.log);
  fill_row<VectorSin>(loops.sin);
  fill_row<VectorCos>(loops.cos);
  fill_row<VectorTanh>(loops.tanh);
  fill_row<VectorSigmoid>(loops.sigmoid);
#else
  (void)loops;
#endif
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_math);
void fill_math_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_math)(loops); }
}  // namespace ember::cpu
#endif
