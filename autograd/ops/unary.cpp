// Signs, powers and rounding of one tensor: each forward beside its gradient.
#include <ember/autograd/ops/unary_forms.h>

namespace ember {

namespace ops {
namespace {

Tensor recorded_zero(const char* node, const Tensor& y, const Tensor& x) {
  if (!recording(x)) return y;
  return record(node, y, wrt(x, [](const Tensor& g) { return zeros_like(g); }));
}

// ---- signs ----

Tensor neg_to(Dest dest, const Tensor& x) {
  check_not_bool("neg", x);
  Tensor y = unary({"neg", kernels.neg}, dest, x);
  if (!recording(x)) return y;
  return record("NegBackward0", y, wrt(x, [](const Tensor& g) { return g.neg(); }));
}

Tensor abs_to(Dest dest, const Tensor& x) {
  check_not_bool("abs", x);
  Tensor y = unary({"abs", kernels.abs}, dest, x);
  if (!recording(x)) return y;
  return record("AbsBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * x.get().sgn(); }));
}

Tensor sign_values(const char* op, Dest dest, const Tensor& x) {
  check_defined(op, x);
  // A bool is its own sign.
  return x.dtype() == kBool ? binary({op, kernels.mul}, dest, x, Scalar(true)) : unary({op, kernels.sign}, dest, x);
}
Tensor sign_to(Dest dest, const Tensor& x) { return recorded_zero("SignBackward0", sign_values("sign", dest, x), x); }
Tensor sgn_to(Dest dest, const Tensor& x) { return recorded_zero("SgnBackward0", sign_values("sgn", dest, x), x); }

Tensor signbits(const Tensor& x) {
  check_defined("signbit", x);
  if (x.is_floating_point()) return compare({"signbit", kernels.signbit}, x, Scalar(0));
  return compare({"signbit", kernels.lt}, x, Scalar(false));
}

// ---- powers ----

Tensor square_to(Dest dest, const Tensor& x) {
  check_defined("square", x);
  Tensor y = unary({"square", kernels.square}, dest, x.dtype() == kBool ? as_dtype_unrecorded(x, kInt64) : x);
  if (!recording(x)) return y;
  return record("PowBackward0", y, wrt(x, [x = save(x)](const Tensor& g) { return g * (x.get() * 2); }));
}

Tensor sqrt_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"sqrt", kernels.sqrt}, dest, x);
  if (!recording(x)) return y;
  return record("SqrtBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) { return g / (y.get() * 2); }));
}

Tensor rsqrt_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"rsqrt", kernels.rsqrt}, dest, x);
  if (!recording(x)) return y;
  return record("RsqrtBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return g * (y.get().pow(3) * -0.5); }));
}

Tensor reciprocal_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"reciprocal", kernels.reciprocal}, dest, x);
  if (!recording(x)) return y;
  return record("ReciprocalBackward0", y, wrt(x, [y = save_output(y)](const Tensor& g) {
                  const Tensor r = y.get();
                  return -g * (r * r);
                }));
}

// ---- rounding ----

// Integers are whole: the result is a copy.
Tensor rounded(const Elementwise& op, const char* node, Dest dest, const Tensor& x) {
  check_not_bool(op.name, x);
  if (!x.is_floating_point()) return binary({op.name, kernels.add}, dest, x, Scalar(0));
  return recorded_zero(node, unary(op, dest, x), x);
}
Tensor floor_to(Dest dest, const Tensor& x) { return rounded({"floor", kernels.floor}, "FloorBackward0", dest, x); }
Tensor ceil_to(Dest dest, const Tensor& x) { return rounded({"ceil", kernels.ceil}, "CeilBackward0", dest, x); }
Tensor trunc_to(Dest dest, const Tensor& x) { return rounded({"trunc", kernels.trunc}, "TruncBackward0", dest, x); }
Tensor round_to(Dest dest, const Tensor& x) { return rounded({"round", kernels.round}, "RoundBackward0", dest, x); }

Tensor round_to(Dest dest, const Tensor& x, int64_t decimals) {
  check_floating_input("round", x);
  // 0 decimals are not computed with: no power of ten, no product that overflows.
  const Tensor y = decimals == 0 ? unary({"round", kernels.round}, dest, x)
                                 : unary({"round", kernels.round_decimals, {decimals, {}}}, dest, x);
  return recorded_zero("RoundBackward1", y, x);
}

Tensor frac_to(Dest dest, const Tensor& x) {
  check_floating_input("frac", x);
  Tensor y = unary({"frac", kernels.frac}, dest, x);
  if (!recording(x)) return y;
  return record("FracBackward0", y, wrt(x, [](const Tensor& g) { return g; }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_UNARY_OPERATION(neg, false, Same)
EMBER_UNARY_OPERATION(abs, true, Same)
EMBER_UNARY_OPERATION(sign, false, Same)
EMBER_UNARY_OPERATION(sgn, false, Same)
EMBER_UNARY_OPERATION(square, true, Converted)
EMBER_UNARY_OPERATION(sqrt, false, Converted)
EMBER_UNARY_OPERATION(rsqrt, false, Converted)
EMBER_UNARY_OPERATION(reciprocal, false, Converted)
EMBER_UNARY_OPERATION(floor, false, Same)
EMBER_UNARY_OPERATION(ceil, false, Same)
EMBER_UNARY_OPERATION(trunc, false, Same)
EMBER_UNARY_OPERATION(round, false, Same)
EMBER_UNARY_OPERATION(frac, false, Same)

Tensor round(const Tensor& self, int64_t decimals) { return round_to({}, self, decimals); }
Tensor& Tensor::round_(int64_t decimals) const {
  return in_place("round_", *this, [&](Dest dest, const Tensor& x) { round_to(dest, x, decimals); });
}
Tensor& round_out(Tensor& out, const Tensor& self, int64_t decimals) {
  return unary_out("round_out", out, self, OutDtype::Same,
                   [&](Dest dest, const Tensor& x) { round_to(dest, x, decimals); });
}

Tensor signbit(const Tensor& self) { return signbits(self); }
Tensor& signbit_out(Tensor& out, const Tensor& self) {
  check_defined("signbit_out", self);
  check_defined("signbit_out", out, "out");
  EMBER_CHECK(out.dtype() == kBool, "signbit_out: out must be bool, got ", describe(out));
  // A bool has no gradient, so that none is missing.
  const Tensor bits = signbits(self);
  return out_form("signbit_out", out, {}, [&] { return bits; });
}

Tensor positive(const Tensor& self) {
  check_not_bool("positive", self);
  return self;
}

}  // namespace ember
