// Powers.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// The kernel that raises to a fixed power: those that need no pow() are exact and much faster.
Tensor pow_scalar_kernel(Dest dest, const Tensor& x, const Scalar& exponent) {
  if (exponent.equal(2)) return unary({"pow", kernels.square}, dest, x);
  if (exponent.equal(3)) return unary({"pow", kernels.cube}, dest, x);
  if (x.is_floating_point()) {
    if (exponent.equal(0.5)) return unary({"pow", kernels.sqrt}, dest, x);
    if (exponent.equal(-0.5)) return unary({"pow", kernels.rsqrt}, dest, x);
    if (exponent.equal(-1)) return unary({"pow", kernels.reciprocal}, dest, x);
  }
  return unary({"pow", kernels.pow_scalar, {exponent, {}}}, dest, x);
}

void check_not_bool(ScalarType common) { EMBER_CHECK(common != kBool, "pow: not implemented for bool"); }

Tensor pow_to(Dest dest, const Tensor& x, const Scalar& exponent) {
  check_defined("pow", x);
  const ScalarType common = result_type(x, exponent);
  check_not_bool(common);
  if (!is_floating(common)) {
    EMBER_CHECK(exponent.toLong() >= 0, "pow: an integer to a negative integer power, ", exponent,
                ", is not an integer; convert to a floating dtype first");
    check_fits("pow", exponent, common);
  }
  Tensor y = pow_scalar_kernel(dest, as_dtype_unrecorded(x, common), exponent);
  if (!recording(x)) return y;
  return record("PowBackward0", y, wrt(x, [undo = Undo(x, y), x = save(x), exponent](const Tensor& g) {
                  if (exponent.equal(0)) return undo(zeros_like(g));
                  if (exponent.equal(1)) return undo(g);
                  if (exponent.equal(2)) return undo(g * (x.get() * 2));
                  const Scalar less = exponent.is_floating_point() || exponent.toLong() < 0
                                          ? Scalar(exponent.toDouble() - 1)
                                          : Scalar(exponent.toLong() - 1);
                  return undo(g * (x.get().pow(less) * exponent));
                }));
}

// d(b^e)/de, 0 where b is 0 and e >= 0.
Tensor exponent_gradient(const Tensor& g, const Tensor& base, const Tensor& exponent, const Tensor& result) {
  const Tensor zero_there = mul(base == 0, exponent >= 0);
  const Tensor safe = where(zero_there, ones_like(base), base);
  return g * where(zero_there, zeros_like(result), result * safe.log());
}

Tensor pow_to(Dest dest, const Tensor& x, const Tensor& exponent) {
  check_defined("pow", x);
  check_defined("pow", exponent, "exponent");
  check_not_bool(result_type(x, exponent));
  Tensor y = binary({"pow", kernels.pow}, dest, x, exponent);
  if (!recording(x, exponent)) return y;
  return record("PowBackward1", y,
                wrt(x,
                    [undo = Undo(x, y), x = save_if(x.requires_grad(), x),
                     e = save_if(x.requires_grad(), exponent)](const Tensor& g) {
                      const Tensor base = x.get();
                      const Tensor power = e.get();
                      return undo(g * where(power == 0, zeros_like(base * power), power * base.pow(power - 1)));
                    }),
                wrt(exponent, [undo = Undo(exponent, y), x = save_if(exponent.requires_grad(), x),
                               e = save_if(exponent.requires_grad(), exponent), y = save_output(y)](const Tensor& g) {
                  return undo(exponent_gradient(g, x.get().expand(g.sizes()), e.get().expand(g.sizes()), y.get()));
                }));
}

Tensor pow_to(Dest dest, const Scalar& base, const Tensor& exponent) {
  check_defined("pow", exponent, "exponent");
  check_not_bool(result_type(base, exponent));
  Tensor y = binary({"pow", kernels.pow}, dest, base, exponent);
  if (!recording(exponent)) return y;
  return record(
      "PowBackward2", y,
      wrt(exponent, [undo = Undo(exponent, y), base, e = save(exponent), y = save_output(y)](const Tensor& g) {
        return undo(exponent_gradient(g, full_like(g, base), e.get(), y.get()));
      }));
}

Tensor ldexp_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_defined("ldexp", a);
  check_defined("ldexp", b, "other");
  EMBER_CHECK(b.dtype() != kBool, "ldexp: the exponent must not be bool, got ", describe(b));
  const Tensor y = binary_floating({"ldexp", kernels.ldexp}, dest, a, b);
  constexpr double ln2 = 0.693147180559945309417;
  return record_pair(
      "LdexpBackward0", y, a, b, [](const Tensor& g, const Tensor&, const Tensor& e) { return ldexp(g, e); },
      [](const Tensor& g, const Tensor& x, const Tensor& e) { return g * ldexp(x, e) * ln2; });
}

// The operands of float_power, which is computed in float64.
Tensor wide(const Tensor& t, const char* argument = "self") {
  check_defined("float_power", t, argument);
  return as_dtype(t, kFloat64);
}
Scalar wide(const Scalar& s, const char* = "") { return Scalar(s.toDouble()); }

template <class A, class B>
Tensor& float_power_into(Tensor& out, const A& self, const B& exponent) {
  check_defined("float_power", out, "out");
  EMBER_CHECK(out.dtype() == kFloat64, "float_power: the result is of dtype float64, but out is ", describe(out));
  return pow_out(out, wide(self), wide(exponent, "exponent"));
}
template <class B>
Tensor& float_power_in_place(const Tensor& self, const B& exponent) {
  check_defined("float_power_", self);
  EMBER_CHECK(self.dtype() == kFloat64, "float_power_: the result is of dtype float64, but self is ", describe(self));
  return self.pow_(wide(exponent, "exponent"));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_BINARY_FUNCTION(pow, Tensor, Tensor)
EMBER_BINARY_FUNCTION(pow, Tensor, Scalar)
EMBER_BINARY_FUNCTION(pow, Scalar, Tensor)
EMBER_BINARY_IN_PLACE(pow, Tensor)
EMBER_BINARY_IN_PLACE(pow, Scalar)
EMBER_BINARY_FUNCTION(ldexp, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(ldexp, Tensor)

#define EMBER_FLOAT_POWER(A, B) \
  Tensor float_power(const A& self, const B& exponent) { return pow(wide(self), wide(exponent, "exponent")); } \
  Tensor& float_power_out(Tensor& out, const A& self, const B& exponent) { \
    return float_power_into(out, self, exponent); \
  }
EMBER_FLOAT_POWER(Tensor, Tensor)
EMBER_FLOAT_POWER(Tensor, Scalar)
EMBER_FLOAT_POWER(Scalar, Tensor)
#undef EMBER_FLOAT_POWER
Tensor& Tensor::float_power_(const Tensor& exponent) const { return float_power_in_place(*this, exponent); }
Tensor& Tensor::float_power_(const Scalar& exponent) const { return float_power_in_place(*this, exponent); }

}  // namespace ember
