// Inner loops of the error function in float32 and of what is made of it, and of the activations' gradients.
#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/gelu_loops.cpp"
#include <ember/cpu/simd.h>

#include <hwy/contrib/math/math-inl.h>

#include <ember/cpu/math_loop-inl.h>
#include <ember/cpu/vector_math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
namespace vm = vector_math;

using Moderate = Within<80>;
using ForErf = std::conditional_t<vm::kTotalErf, Everywhere, Moderate>;

struct VectorErf : functors::Erf<float>, ForErf {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return vm::erf(d, x);
  }
};

// Φ(x)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V cumulative_normal(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::Mul(half, hn::Add(hn::Set(d, 1.0f), vm::erf(d, hn::Mul(x, hn::Set(d, 0.70710678118654752440f)))));
}

struct VectorGelu : functors::Gelu<float>, ForErf {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x) {
    return hn::Mul(x, cumulative_normal(d, x));
  }
};

struct VectorGeluBackward : functors::GeluBackward<float>, Moderate {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V g, V x) {
    // Below −80 the density is 0 as it is anyway, and exp's argument stays where every version is good.
    const V exponent = hn::Max(hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f)), hn::Set(d, -103.0f));
    const V density = hn::Mul(hn::Set(d, 0.39894228040143267794f), vm::exp(d, exponent));
    return hn::Mul(g, hn::MulAdd(x, density, cumulative_normal(d, x)));
  }
};

template <class T>
struct VectorGeluTanhBackward : functors::GeluTanhBackward<T>, Moderate {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V g, V x) {
    const V one = hn::Set(d, T(1)), half = hn::Set(d, T(0.5)), scale = hn::Set(d, T(0.79788456080286535588));
    const V square = hn::Mul(x, x);
    const V inner = hn::Mul(scale, hn::MulAdd(hn::Set(d, T(0.044715)), hn::Mul(square, x), x));
    const V slope = hn::Mul(scale, hn::MulAdd(hn::Set(d, T(3 * 0.044715)), square, one));
    const V t = vm::tanh(d, hn::Max(hn::Set(d, T(-40)), hn::Min(inner, hn::Set(d, T(40)))));
    const V direct = hn::Mul(half, hn::Add(one, t));
    const V through = hn::Mul(hn::Mul(hn::Mul(half, x), hn::NegMulAdd(t, t, one)), slope);
    return hn::Mul(g, hn::Add(direct, through));
  }
};

template <class T>
struct VectorSiluBackward : functors::SiluBackward<T>, Moderate {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V g, V x) {
    const V one = hn::Set(d, T(1));
    const V s = vm::sigmoid(d, x);
    return hn::Mul(hn::Mul(g, s), hn::MulAdd(x, hn::Sub(one, s), one));
  }
};

template <class T>
struct VectorGlu : functors::Glu<T>, Moderate {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V x, V y) {
    return hn::Mul(x, vm::sigmoid(d, y));
  }
};

template <class T>
struct VectorLogSigmoidBackward : functors::LogSigmoidBackward<T>, Moderate {
  template <class D, class V = hn::Vec<D>>
  static HWY_INLINE V compute(D d, V g, V x) {
    const V one = hn::Set(d, T(1));
    const V z = vm::exp(d, hn::Neg(hn::Abs(x)));
    const V s = hn::Div(z, hn::Add(one, z));
    return hn::Mul(g, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(one, s), s));
  }
};

template <template <class> class F>
void fill_binary_row(LoopRow& row) {
  row[kFloat32] = &binary_math_loop<F<float>, float>;
  row[kFloat64] = &binary_math_loop<F<double>, double>;
}

void fill_gelu(Loops& loops) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  loops.erf[kFloat32] = &math_loop<VectorErf, float>;
  loops.gelu[kFloat32] = &math_loop<VectorGelu, float>;
  loops.gelu_backward[kFloat32] = &binary_math_loop<VectorGeluBackward, float>;
  fill_binary_row<VectorGeluTanhBackward>(loops.gelu_tanh_backward);
  fill_binary_row<VectorSiluBackward>(loops.silu_backward);
  fill_binary_row<VectorGlu>(loops.glu);
  fill_binary_row<VectorLogSigmoidBackward>(loops.log_sigmoid_backward);
#else
  (void)loops;
#endif
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_gelu);
void fill_gelu_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_gelu)(loops); }
}  // namespace ember::cpu
#endif
