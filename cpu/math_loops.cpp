// Inner loops of the elementary functions and activations: vector code inside the range where it is accurate to about 2
// units in the last place, the C library outside it.
#include <limits>

#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/math_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

#include <ember/cpu/math_loop-inl.h>
#include <ember/cpu/vector_math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
namespace vm = vector_math;

// For each function: its vector form, the lanes for which that is good, and (its base) the functor for the rest. NaN is
// in no range, since it compares false, but where everything is.

// Where exp(x), exp(−x) and tanh(x) are good.
template <class T>
struct ForExp {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::Le(x, hn::Set(d, sizeof(T) == 4 ? T(88) : T(709)));  // minus infinity too, which masks are made of
  }
};
template <class T>
struct ForNegatedExp {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return ForExp<T>::in_range(d, hn::Neg(x));
  }
};
template <class T, class Range>
using UnlessTotal = std::conditional_t<vm::kTotalExp<T>, Everywhere, Range>;

#define EMBER_COMMA ,
#define EMBER_VECTOR(Name, Range, expression) \
  template <class T> \
  struct Vector##Name : functors::Name<T>, Range { \
    template <class D, class V = hn::Vec<D>> \
    static HWY_INLINE V compute([[maybe_unused]] D d, V x) { \
      return expression; \
    } \
  };
// Odd functions keep a zero's sign.
#define EMBER_VECTOR_ODD(Name, Range, expression) \
  EMBER_VECTOR(Name, Range, hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, expression))

EMBER_VECTOR_ODD(Sin, Within<8192>, hn::Sin(d, x))
EMBER_VECTOR(Cos, Within<8192>, hn::Cos(d, x))
EMBER_VECTOR_ODD(Expm1, Within<80>, hn::Expm1(d, x))
EMBER_VECTOR_ODD(Atan, Within<1000000>, hn::Atan(d, x))
EMBER_VECTOR_ODD(Asin, Within<1>, hn::Asin(d, x))
EMBER_VECTOR(Acos, Within<1>, hn::Acos(d, x))
EMBER_VECTOR_ODD(Sinh, Within<80>, hn::Sinh(d, x))
EMBER_VECTOR_ODD(Asinh, Within<1000000>, hn::Asinh(d, x))
EMBER_VECTOR(Sqrt, Everywhere, hn::Sqrt(x))
EMBER_VECTOR(Rsqrt, Everywhere, hn::Div(hn::Set(d, T(1)), hn::Sqrt(x)))
EMBER_VECTOR(Floor, Everywhere, hn::Floor(x))
EMBER_VECTOR(Ceil, Everywhere, hn::Ceil(x))
EMBER_VECTOR(Trunc, Everywhere, hn::Trunc(x))

EMBER_VECTOR(Exp, UnlessTotal<T EMBER_COMMA ForExp<T>>, vm::exp(d, x))
EMBER_VECTOR(Tanh, UnlessTotal<T EMBER_COMMA Within<40>>, vm::tanh(d, x))
EMBER_VECTOR(Sigmoid, UnlessTotal<T EMBER_COMMA ForNegatedExp<T>>, vm::sigmoid(d, x))

#if EMBER_HAVE_AVX512
struct VectorExp2 : functors::Exp2<float>, Everywhere {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return vm::exp2(d, x);
  }
};
#endif

// Good for all normal positive numbers.
template <class T>
struct Positive {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::And(hn::Ge(x, hn::Set(d, std::numeric_limits<T>::min())),
                   hn::Le(x, hn::Set(d, std::numeric_limits<T>::max())));
  }
};
EMBER_VECTOR(Log, Positive<T>, vm::log(d, x))
EMBER_VECTOR(Log2, Positive<T>, hn::Log2(d, x))
EMBER_VECTOR(Log10, Positive<T>, hn::Log10(d, x))

// e^−x overflows where x·σ(x) is no more than 0; but −∞/∞ is not.
EMBER_VECTOR(Silu, Within<80>, hn::Div(x, hn::Add(hn::Set(d, T(1)), vm::exp(d, hn::Neg(x)))))

template <class T>
struct VectorLog1p : functors::Log1p<T> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, hn::Log1p(d, x));
  }
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE hn::Mask<D> in_range(D d, V x) {
    return hn::And(hn::Gt(x, hn::Set(d, T(-0.99))), hn::Le(x, hn::Set(d, T(1e30))));
  }
};

template <class T>
struct VectorGeluTanh : functors::GeluTanh<T>, Within<1000> {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    const V cube = hn::Mul(hn::Mul(x, x), x);
    const V inner = hn::Mul(hn::Set(d, T(0.79788456080286535588)), hn::MulAdd(hn::Set(d, T(0.044715)), cube, x));
    const V bounded = hn::Max(hn::Set(d, T(-40)), hn::Min(inner, hn::Set(d, T(40))));
    return hn::Mul(hn::Mul(hn::Set(d, T(0.5)), x), hn::Add(hn::Set(d, T(1)), vm::tanh(d, bounded)));
  }
};

template <class T>
struct VectorElu : functors::Elu<T> {
  using functors::Elu<T>::Elu;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V compute(D d, V x) const {
    const V scaled = hn::Min(hn::Mul(x, hn::Set(d, this->inner)), hn::Zero(d));
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(hn::Expm1(d, scaled), hn::Set(d, this->negative)),
                          hn::Mul(x, hn::Set(d, this->positive)));
  }
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE hn::Mask<D> in_range(D d, V x) const {
    const hn::Mask<D> positive = hn::Ge(x, hn::Zero(d));
    if (this->inner < T(0)) return positive;  // or the exponent of a negative x would be positive
    return hn::Or(hn::Ge(hn::Mul(x, hn::Set(d, this->inner)), hn::Set(d, T(-80))), positive);
  }
};

template <class T>
struct VectorSoftplus : functors::Softplus<T> {
  using functors::Softplus<T>::Softplus;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V compute(D d, V x) const {
    const V scaled = hn::Mul(x, hn::Set(d, this->beta));
    const V y = hn::Div(hn::Log1p(d, vm::exp(d, hn::Min(scaled, hn::Set(d, T(60))))), hn::Set(d, this->beta));
    return hn::IfThenElse(hn::Gt(scaled, hn::Set(d, this->threshold)), x, y);
  }
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE hn::Mask<D> in_range(D d, V x) const {
    return Within<60>::in_range(d, hn::Mul(x, hn::Set(d, this->beta)));
  }
};
EMBER_VECTOR(LogSigmoid, Within<60>, hn::Sub(hn::Min(x, hn::Zero(d)), hn::Log1p(d, vm::exp(d, hn::Neg(hn::Abs(x))))))

template <template <class> class F>
void fill_row(LoopRow& row) {
  row[kFloat32] = &math_loop<F<float>, float>;
  row[kFloat64] = &math_loop<F<double>, double>;
}

void fill_math(Loops& loops) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128  // the C library is faster than one lane
  fill_row<VectorExp>(loops.exp);
#if EMBER_HAVE_AVX512
  loops.exp2[kFloat32] = &math_loop<VectorExp2, float>;
#endif
  fill_row<VectorLog>(loops.log);
  fill_row<VectorSin>(loops.sin);
  fill_row<VectorCos>(loops.cos);
  fill_row<VectorTanh>(loops.tanh);
  fill_row<VectorSigmoid>(loops.sigmoid);
  fill_row<VectorExpm1>(loops.expm1);
  fill_row<VectorLog1p>(loops.log1p);
  fill_row<VectorLog2>(loops.log2);
  fill_row<VectorLog10>(loops.log10);
  fill_row<VectorAtan>(loops.atan);
  fill_row<VectorAsin>(loops.asin);
  fill_row<VectorAcos>(loops.acos);
  fill_row<VectorSinh>(loops.sinh);
  fill_row<VectorAsinh>(loops.asinh);
  fill_row<VectorSqrt>(loops.sqrt);
  fill_row<VectorRsqrt>(loops.rsqrt);
  fill_row<VectorFloor>(loops.floor);
  fill_row<VectorCeil>(loops.ceil);
  fill_row<VectorTrunc>(loops.trunc);
  fill_row<VectorSilu>(loops.silu);
  fill_row<VectorGeluTanh>(loops.gelu_tanh);
  fill_row<VectorElu>(loops.elu);
  fill_row<VectorSoftplus>(loops.softplus);
  fill_row<VectorLogSigmoid>(loops.log_sigmoid);
#else
  (void)loops;
#endif
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_math);
void fill_math_loops(Loops& loops) {
  HWY_DYNAMIC_DISPATCH(fill_math)(loops);
  fill_gelu_loops(loops);
}
}  // namespace ember::cpu
#endif
