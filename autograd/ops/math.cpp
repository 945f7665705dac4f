// Exponentials, logarithms and trigonometry: each forward beside its gradient.
#include <ember/autograd/ops/unary_forms.h>

namespace ember {

namespace ops {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kLn2 = 0.69314718055994530942;
constexpr double kLn10 = 2.30258509299404568402;

// Records gradient(g, x) or, where the result serves better, gradient(g, y).
template <class F>
Tensor recorded_of_input(const char* node, const Tensor& y, const Tensor& x, F gradient) {
  if (!recording(x)) return y;
  return record(node, y, wrt(x, [x = save(x), gradient](const Tensor& g) { return gradient(g, x.get()); }));
}
template <class F>
Tensor recorded_of_result(const char* node, const Tensor& y, const Tensor& x, F gradient) {
  if (!recording(x)) return y;
  return record(node, y, wrt(x, [y = save_output(y), gradient](const Tensor& g) { return gradient(g, y.get()); }));
}

// ---- exponentials and logarithms ----

Tensor exp_to(Dest dest, const Tensor& x) {
  return recorded_of_result("ExpBackward0", unary_floating({"exp", kernels.exp}, dest, x), x,
                            [](const Tensor& g, const Tensor& y) { return g * y; });
}
Tensor exp2_to(Dest dest, const Tensor& x) {
  return recorded_of_result("Exp2Backward0", unary_floating({"exp2", kernels.exp2}, dest, x), x,
                            [](const Tensor& g, const Tensor& y) { return g * y * kLn2; });
}
Tensor expm1_to(Dest dest, const Tensor& x) {
  return recorded_of_result("Expm1Backward0", unary_floating({"expm1", kernels.expm1}, dest, x), x,
                            [](const Tensor& g, const Tensor& y) { return g * (y + 1); });
}
Tensor log_to(Dest dest, const Tensor& x) {
  return recorded_of_input("LogBackward0", unary_floating({"log", kernels.log}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / x; });
}
Tensor log2_to(Dest dest, const Tensor& x) {
  return recorded_of_input("Log2Backward0", unary_floating({"log2", kernels.log2}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / (x * kLn2); });
}
Tensor log10_to(Dest dest, const Tensor& x) {
  return recorded_of_input("Log10Backward0", unary_floating({"log10", kernels.log10}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / (x * kLn10); });
}
Tensor log1p_to(Dest dest, const Tensor& x) {
  return recorded_of_input("Log1PBackward0", unary_floating({"log1p", kernels.log1p}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / (x + 1); });
}

// ---- trigonometry ----

Tensor sin_to(Dest dest, const Tensor& x) {
  return recorded_of_input("SinBackward0", unary_floating({"sin", kernels.sin}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * x.cos(); });
}
Tensor cos_to(Dest dest, const Tensor& x) {
  return recorded_of_input("CosBackward0", unary_floating({"cos", kernels.cos}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * x.sin().neg(); });
}
Tensor tan_to(Dest dest, const Tensor& x) {
  return recorded_of_result("TanBackward0", unary_floating({"tan", kernels.tan}, dest, x), x,
                            [](const Tensor& g, const Tensor& y) { return g * (y * y + 1); });
}
Tensor asin_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AsinBackward0", unary_floating({"asin", kernels.asin}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * (1 - x * x).rsqrt(); });
}
Tensor acos_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AcosBackward0", unary_floating({"acos", kernels.acos}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * (1 - x * x).rsqrt().neg(); });
}
Tensor atan_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AtanBackward0", unary_floating({"atan", kernels.atan}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / (x * x + 1); });
}
Tensor sinh_to(Dest dest, const Tensor& x) {
  return recorded_of_input("SinhBackward0", unary_floating({"sinh", kernels.sinh}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * x.cosh(); });
}
Tensor cosh_to(Dest dest, const Tensor& x) {
  return recorded_of_input("CoshBackward0", unary_floating({"cosh", kernels.cosh}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * x.sinh(); });
}
Tensor asinh_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AsinhBackward0", unary_floating({"asinh", kernels.asinh}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * (x * x + 1).rsqrt(); });
}
Tensor acosh_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AcoshBackward0", unary_floating({"acosh", kernels.acosh}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g * (x * x - 1).rsqrt(); });
}
Tensor atanh_to(Dest dest, const Tensor& x) {
  return recorded_of_input("AtanhBackward0", unary_floating({"atanh", kernels.atanh}, dest, x), x,
                           [](const Tensor& g, const Tensor& x) { return g / (1 - x * x); });
}

// One pass; its own gradient is plain tensor algebra.
Tensor tanh_backward(const Tensor& g, const Tensor& y) {
  const Tensor r = binary({"tanh_backward", kernels.tanh_backward}, Dest(), g, y);
  if (!recording(g, y)) return r;
  return record("TanhBackwardBackward0", r,
                wrt(g, [y = save(y)](const Tensor& gg) { return tanh_backward(gg, y.get()); }),
                wrt(y, [g = save(g), y = save(y)](const Tensor& gg) { return gg * g.get() * y.get() * -2; }));
}
Tensor tanh_to(Dest dest, const Tensor& x) {
  return recorded_of_result("TanhBackward0", unary_floating({"tanh", kernels.tanh}, dest, x), x,
                            [](const Tensor& g, const Tensor& y) { return tanh_backward(g, y); });
}

// (cos(πx) − sinc(x)) / x, near 0 by its series −π·(u/3 − u³/30 + u⁵/840 − …), u = πx, since there the difference
// cancels.
Tensor sinc_gradient(const Tensor& g, const Tensor& x) {
  const Tensor near = mul(x > -0.3, x < 0.3);
  const Tensor far = masked_fill(x, near, 1);
  const Tensor angle = far * kPi;
  const Tensor u = masked_fill(x, near.logical_not(), 0) * kPi;
  const Tensor w = u * u;
  Tensor series = w * (-1 / 22230464256000.0);
  for (const double d : {93405312000.0, -518918400.0, 3991680.0, -45360.0, 840.0, -30.0}) series = (series + 1 / d) * w;
  return where(near, g * ((series + 1 / 3.0) * u * -kPi), g * ((angle.cos() - angle.sin() / angle) / far));
}
Tensor sinc_to(Dest dest, const Tensor& x) {
  return recorded_of_input("SincBackward0", unary_floating({"sinc", kernels.sinc}, dest, x), x, sinc_gradient);
}

// A product with a number, which makes integers floating as it does for mul.
Tensor scaled(const char* op, const char* node, Dest dest, const Tensor& x, double factor) {
  check_defined(op, x);
  Tensor y = binary({op, kernels.mul}, dest, x, Scalar(factor));
  if (!recording(x)) return y;
  return record(node, y, wrt(x, [factor](const Tensor& g) { return g * factor; }));
}
Tensor rad2deg_to(Dest dest, const Tensor& x) { return scaled("rad2deg", "Rad2DegBackward0", dest, x, 180 / kPi); }
Tensor deg2rad_to(Dest dest, const Tensor& x) { return scaled("deg2rad", "Deg2RadBackward0", dest, x, kPi / 180); }

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_UNARY_OPERATION(exp, false, Converted)
EMBER_UNARY_OPERATION(exp2, false, Converted)
EMBER_UNARY_OPERATION(expm1, false, Converted)
EMBER_UNARY_OPERATION(log, true, Converted)
EMBER_UNARY_OPERATION(log2, true, Converted)
EMBER_UNARY_OPERATION(log10, true, Converted)
EMBER_UNARY_OPERATION(log1p, true, Converted)
EMBER_UNARY_OPERATION(sin, true, Converted)
EMBER_UNARY_OPERATION(cos, true, Converted)
EMBER_UNARY_OPERATION(tan, false, Converted)
EMBER_UNARY_OPERATION(asin, true, Converted)
EMBER_UNARY_OPERATION(acos, true, Converted)
EMBER_UNARY_OPERATION(atan, true, Converted)
EMBER_UNARY_OPERATION(sinh, true, Converted)
EMBER_UNARY_OPERATION(cosh, true, Converted)
EMBER_UNARY_OPERATION(tanh, false, Converted)
EMBER_UNARY_OPERATION(asinh, true, Converted)
EMBER_UNARY_OPERATION(acosh, true, Converted)
EMBER_UNARY_OPERATION(atanh, true, Converted)
EMBER_UNARY_OPERATION(sinc, true, Converted)
EMBER_UNARY_OPERATION(rad2deg, false, Converted)
EMBER_UNARY_OPERATION(deg2rad, false, Converted)

}  // namespace ember
