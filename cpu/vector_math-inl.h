// Vector versions of exponentials, logarithms and what is made of them, beside those of Highway: for float32, and on
// AVX-512 with the instructions that take a number apart. Included once per instruction set,
// by files that include simd.h and hwy/contrib/math/math-inl.h first.

#if defined(EMBER_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBER_VECTOR_MATH_INL_H_
#undef EMBER_VECTOR_MATH_INL_H_
#else
#define EMBER_VECTOR_MATH_INL_H_
#endif

#include <limits>

#include <ember/cpu/erf_pieces.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE::vector_math {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX3
#undef EMBER_HAVE_AVX512
#define EMBER_HAVE_AVX512 1
#else
#undef EMBER_HAVE_AVX512
#define EMBER_HAVE_AVX512 0
#endif

// Whether exp() below is right for every float, so that no lane needs the C library.
template <class T>
inline constexpr bool kTotalExp = EMBER_HAVE_AVX512 && sizeof(T) == 4;
// The same of erf().
inline constexpr bool kTotalErf = EMBER_HAVE_AVX512;

#if EMBER_HAVE_AVX512
// 2^(whole + r), |r| <= 1/32, where `whole` is k + j/16 with integers k and 0 <= j < 16, and `shifted` is that plus
// 1.5·2^19, which leaves j in the lowest four bits of the mantissa: those that the permutation looks at.
HWY_INLINE __m512 power_of_two(__m512 shifted, __m512 whole, __m512 r) {
  const __m512 table = _mm512_setr_ps(1.0f, 1.04427373f, 1.09050775f, 1.13878863f, 1.18920708f, 1.24185777f,
                                      1.29683959f, 1.35425556f, 1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f,
                                      1.68179286f, 1.75625217f, 1.83400810f, 1.91520655f);
  const __m512 power = _mm512_permutexvar_ps(_mm512_castps_si512(shifted), table);
  __m512 p = _mm512_fmadd_ps(r, _mm512_set1_ps(0.0555041087f), _mm512_set1_ps(0.240226507f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693147181f));
  p = _mm512_mul_ps(p, r);
  return _mm512_scalef_ps(_mm512_fmadd_ps(p, power, power), whole);
}
#endif

// e^x to about 1 unit in the last place, where not kTotalExp from −∞ to 88 (709 for float64).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
#if EMBER_HAVE_AVX512
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    // A NaN is the second operand of each, and stays.
    const __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-104.0f), _mm512_min_ps(_mm512_set1_ps(89.0f), x.raw));
    const __m512 magic = _mm512_set1_ps(786432.0f);
    const __m512 log2e = _mm512_set1_ps(1.44269502f), log2e_low = _mm512_set1_ps(1.92596299e-8f);
    const __m512 shifted = _mm512_fmadd_ps(bounded, log2e, magic);
    const __m512 whole = _mm512_sub_ps(shifted, magic);
    const __m512 r = _mm512_fmadd_ps(bounded, log2e_low, _mm512_fmsub_ps(bounded, log2e, whole));
    return V{power_of_two(shifted, whole, r)};
  }
#endif
  return hn::Exp(d, x);
}

#if EMBER_HAVE_AVX512
// 2^x of float32, for every x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2(D, V x) {
  const __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-151.0f), _mm512_min_ps(_mm512_set1_ps(129.0f), x.raw));
  const __m512 magic = _mm512_set1_ps(786432.0f);
  const __m512 shifted = _mm512_add_ps(bounded, magic);
  const __m512 whole = _mm512_sub_ps(shifted, magic);
  return V{power_of_two(shifted, whole, _mm512_sub_ps(bounded, whole))};
}
#endif

// ln x to about 1 unit in the last place, for normal positive x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
#if EMBER_HAVE_AVX512
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    // x = 2^k·m with √½ <= m < √2; ln m = f − f²/2 + f³·P(f), f = m − 1, the polynomial of S. Moshier's Cephes
    // library (logf).
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 mantissa = _mm512_getmant_ps(x.raw, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
    const __m512 exponent = _mm512_getexp_ps(x.raw);
    const __mmask16 large = _mm512_cmp_ps_mask(mantissa, _mm512_set1_ps(1.41421356f), _CMP_GT_OQ);
    const __m512 m = _mm512_mask_mul_ps(mantissa, large, mantissa, _mm512_set1_ps(0.5f));
    const __m512 k = _mm512_mask_add_ps(exponent, large, exponent, one);
    const __m512 f = _mm512_sub_ps(m, one);
    const __m512 z = _mm512_mul_ps(f, f);
    __m512 p = _mm512_set1_ps(7.0376836292e-2f);
    for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f,
                          2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f}) {
      p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
    }
    __m512 y = _mm512_mul_ps(_mm512_mul_ps(f, z), p);
    y = _mm512_fmadd_ps(k, _mm512_set1_ps(-2.12194440e-4f), y);
    y = _mm512_fnmadd_ps(z, _mm512_set1_ps(0.5f), y);
    return V{_mm512_fmadd_ps(k, _mm512_set1_ps(0.693359375f), _mm512_add_ps(f, y))};
  }
#endif
  return hn::Log(d, x);
}

// 1 / (1 + e^−x), where exp(−x) is good.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, hn::TFromD<D>(1));
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

// tanh x for |x| <= 40 (any x where kTotalExp). Near 0 the polynomial of Cephes's tanhf, else 1 − 2 / (e^2|x| + 1).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  using T = hn::TFromD<D>;
  if constexpr (sizeof(T) == 4) {
    const V z = hn::Mul(x, x);
    V p = hn::Set(d, T(-5.70498872745e-3f));
    p = hn::MulAdd(p, z, hn::Set(d, T(2.06390887954e-2f)));
    p = hn::MulAdd(p, z, hn::Set(d, T(-5.37397155531e-2f)));
    p = hn::MulAdd(p, z, hn::Set(d, T(1.33314422036e-1f)));
    p = hn::MulAdd(p, z, hn::Set(d, T(-3.33332819422e-1f)));
    const V near = hn::MulAdd(hn::Mul(p, z), x, x);
    const V size = hn::Min(hn::Set(d, T(20)), hn::Abs(x));  // tanh 20 rounds to 1; a NaN, the second, stays
    const V one = hn::Set(d, T(1));
    const V sum = hn::Add(exp(d, hn::Add(size, size)), one);
#if EMBER_HAVE_AVX512
    const V guess{_mm512_rcp14_ps(sum.raw)};  // and one step of Newton's
    const V inverse = hn::Mul(guess, hn::NegMulAdd(sum, guess, hn::Set(d, T(2))));
#else
    const V inverse = hn::Div(one, sum);
#endif
    const V far = hn::NegMulAdd(hn::Set(d, T(2)), inverse, one);
    return hn::IfThenElse(hn::Lt(size, hn::Set(d, T(0.625f))), near, hn::CopySign(far, x));
  } else {
    return hn::Tanh(d, x);
  }
}

// The error function, float32, to about 1 unit in the last place: where numbers can be looked up, in pieces; else two
// minimax polynomials, of erf x / x below 0.9277 and of ln(1 − erf x) above it, by N. Juffa. Right for every float.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  using T = hn::TFromD<D>;
  static_assert(sizeof(T) == 4);
#if EMBER_HAVE_AVX512
  const __m512 size = _mm512_min_ps(_mm512_set1_ps(3.93f), hn::Abs(x).raw);  // there it rounds to 1; a NaN stays
  const __m512 magic = _mm512_set1_ps(1572864.0f);  // 1.5·2^20: the sum's mantissa ends with the nearest eighth
  const __m512 shifted = _mm512_add_ps(size, magic);
  const __m512 t = _mm512_sub_ps(size, _mm512_sub_ps(shifted, magic));
  const auto piece = [&](int k) {
    return _mm512_permutex2var_ps(_mm512_load_ps(kErfPieces[k]), _mm512_castps_si512(shifted),
                                  _mm512_load_ps(kErfPieces[k] + 16));
  };
  __m512 q = piece(4);
  for (int k = 3; k >= 0; --k) q = _mm512_fmadd_ps(q, t, piece(k));
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 factor = _mm512_mask_mov_ps(size, _mm512_cmp_ps_mask(size, _mm512_set1_ps(0.9375f), _CMP_GE_OQ), one);
  return hn::CopySign(V{_mm512_fmadd_ps(q, factor, factor)}, x);
#else
  const V t = hn::Min(hn::Abs(x), hn::Set(d, T(4)));  // erf 4 rounds to 1
  const V s = hn::Mul(x, x);
  V near = hn::Set(d, T(-5.96761703e-4f));
  near = hn::MulAdd(near, s, hn::Set(d, T(4.99119423e-3f)));
  near = hn::MulAdd(near, s, hn::Set(d, T(-2.67681349e-2f)));
  near = hn::MulAdd(near, s, hn::Set(d, T(1.12819925e-1f)));
  near = hn::MulAdd(near, s, hn::Set(d, T(-3.76125336e-1f)));
  near = hn::MulAdd(near, s, hn::Set(d, T(1.28379166e-1f)));
  near = hn::MulAdd(near, x, x);
  const V s4 = hn::Mul(t, t);
  V far = hn::MulAdd(hn::Set(d, T(-1.72853470e-5f)), t, hn::Set(d, T(3.83197126e-4f)));
  const V u = hn::MulAdd(hn::Set(d, T(-3.88396438e-3f)), t, hn::Set(d, T(2.42546219e-2f)));
  far = hn::MulAdd(far, s4, u);
  far = hn::MulAdd(far, t, hn::Set(d, T(-1.06777877e-1f)));
  far = hn::MulAdd(far, t, hn::Set(d, T(-6.34846687e-1f)));
  far = hn::MulAdd(far, t, hn::Set(d, T(-1.28717512e-1f)));
  far = hn::MulAdd(far, t, hn::Neg(t));
  far = hn::Sub(hn::Set(d, T(1)), exp(d, far));
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Set(d, T(0.927734375f))), hn::CopySign(far, x), near);
#endif
}

}  // namespace ember::cpu::HWY_NAMESPACE::vector_math
HWY_AFTER_NAMESPACE();

#endif
