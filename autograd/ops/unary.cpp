// Elementwise operations of one tensor: each forward beside its gradient.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Tensor sign_to(Dest dest, const Tensor& x) {
  const Tensor y = unary({"sign", kernels.sign}, dest, x);
  if (!recording(x)) return y;
  return record("SignBackward0", y, wrt(x, [](const Tensor& g) { return zeros_like(g); }));
}

Tensor neg_to(Dest dest, const Tensor& x) {
  const Tensor y = unary({"neg", kernels.neg}, dest, x);
  if (!recording(x)) return y;
  return record("NegBackward0", y, wrt(x, [](const Tensor& g) { return g.neg(); }));
}

Tensor abs_to(Dest dest, const Tensor& x) {
  const Tensor y = unary({"abs", kernels.abs}, dest, x);
  if (!recording(x)) return y;
  return record("AbsBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * x.get().sign(); }));
}

Tensor square_to(Dest dest, const Tensor& x) {
  const Tensor y = unary({"square", kernels.square}, dest, x);
  if (!recording(x)) return y;
  return record("PowBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * (x.get() * 2); }));
}

Tensor exp_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"exp", kernels.exp}, dest, x);
  if (!recording(x)) return y;
  return record("ExpBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) { return g * y.get(); }));
}

Tensor log_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"log", kernels.log}, dest, x);
  if (!recording(x)) return y;
  return record("LogBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g / x.get(); }));
}

Tensor sqrt_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"sqrt", kernels.sqrt}, dest, x);
  if (!recording(x)) return y;
  return record("SqrtBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) { return g / (y.get() * 2); }));
}

Tensor rsqrt_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"rsqrt", kernels.rsqrt}, dest, x);
  if (!recording(x)) return y;
  return record("RsqrtBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return g * (y.get().pow(3) * -0.5); }));
}

Tensor reciprocal_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"reciprocal", kernels.reciprocal}, dest, x);
  if (!recording(x)) return y;
  return record("ReciprocalBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) {
                  const Tensor r = y.get();
                  return -g * (r * r);
                }));
}

Tensor sin_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"sin", kernels.sin}, dest, x);
  if (!recording(x)) return y;
  return record("SinBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * x.get().cos(); }));
}

Tensor cos_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"cos", kernels.cos}, dest, x);
  if (!recording(x)) return y;
  return record("CosBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * x.get().sin().neg(); }));
}

// One pass each; their own gradients are plain tensor algebra.
Tensor tanh_backward(const Tensor& g, const Tensor& y) {
  const Tensor r = binary({"tanh_backward", kernels.tanh_backward}, Dest(), g, y);
  if (!recording(g, y)) return r;
  return record("TanhBackwardBackward0", r,
                wrt(g, [y = save(y)](const Tensor& gg) { return tanh_backward(gg, y.get()); }),
                wrt(y, [g = save(g), y = save(y)](const Tensor& gg) { return gg * g.get() * y.get() * -2; }));
}

Tensor tanh_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"tanh", kernels.tanh}, dest, x);
  if (!recording(x)) return y;
  return record("TanhBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return tanh_backward(g, y.get()); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// `keeps`: whether the gradient needs the input's values.
#define EMBER_UNARY_OPERATION(name, keeps) \
  Tensor name(const Tensor& self) { return name##_to({}, self); } \
  Tensor& Tensor::name##_() const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [](Dest dest, const Tensor& x) { name##_to(dest, x); }, keeps && requires_grad()); \
  }
EMBER_UNARY_OPERATION(neg, false)
EMBER_UNARY_OPERATION(abs, true)
EMBER_UNARY_OPERATION(sign, false)
EMBER_UNARY_OPERATION(exp, false)
EMBER_UNARY_OPERATION(log, true)
EMBER_UNARY_OPERATION(sqrt, false)
EMBER_UNARY_OPERATION(rsqrt, false)
EMBER_UNARY_OPERATION(reciprocal, false)
EMBER_UNARY_OPERATION(square, true)
EMBER_UNARY_OPERATION(sin, true)
EMBER_UNARY_OPERATION(cos, true)
EMBER_UNARY_OPERATION(tanh, false)
#undef EMBER_UNARY_OPERATION

}  // namespace ember
