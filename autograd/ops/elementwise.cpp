// Elementwise operations: each forward beside its gradient.
#include <cmath>
#include <limits>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

int64_t wrapping_product(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

// ---- arithmetic ----

// Whether alpha is the integer 1, which needs no check and no multiplication.
bool is_plain(const Scalar& alpha) { return alpha.is_integral() && alpha.equal(1); }

void check_alpha(const char* op, const Scalar& alpha, ScalarType common) {
  EMBER_CHECK(!alpha.is_floating_point() || is_floating(common), op, ": alpha = ", alpha,
              " needs a floating result, the result is ", dtype_name(common));
  EMBER_CHECK(!alpha.is_boolean() || common == kBool, op, ": a bool alpha needs a bool result");
  EMBER_CHECK(common != kBool || alpha.equal(1), op, ": alpha must be 1 for bool tensors");
}

Tensor add_to(Dest dest, const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_defined("add", a);
  if (!b.is_scalar()) check_defined("add", b.tensor(), "other");
  if (!is_plain(alpha)) check_alpha("add", alpha, result_type(a, b));
  const Elementwise op =
      alpha.equal(1) ? Elementwise{"add", kernels.add} : Elementwise{"add", kernels.add_scaled, {alpha, {}}};
  const Tensor y = binary(op, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("AddBackward0", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }));
  }
  if (!recording(a, b.tensor())) return y;
  return record("AddBackward0", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }),
                wrt(b.tensor(), [undo = Undo(b.tensor(), y), alpha](const Tensor& g) {
                  return undo(alpha.equal(1) ? g : g * alpha);
                }));
}

Tensor sub_to(Dest dest, const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_defined("sub", a);
  if (!b.is_scalar()) check_defined("sub", b.tensor(), "other");
  EMBER_CHECK(a.dtype() != kBool && (b.is_scalar() || b.tensor().dtype() != kBool),
              "sub: bool tensors have no difference; use ne or logical_not, or convert to another dtype");
  if (!is_plain(alpha)) check_alpha("sub", alpha, result_type(a, b));
  const Elementwise op =
      alpha.equal(1) ? Elementwise{"sub", kernels.sub} : Elementwise{"sub", kernels.add_scaled, {-alpha, {}}};
  const Tensor y = binary(op, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("SubBackward0", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }));
  }
  if (!recording(a, b.tensor())) return y;
  return record("SubBackward0", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }),
                wrt(b.tensor(), [undo = Undo(b.tensor(), y), alpha](const Tensor& g) {
                  return undo(alpha.equal(1) ? g.neg() : g * -alpha);
                }));
}

Tensor mul_to(Dest dest, const Tensor& a, const Operand& b) {
  const Tensor y = binary({"mul", kernels.mul}, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("MulBackward0", y,
                  wrt(a, [undo = Undo(a, y), s = b.scalar()](const Tensor& g) { return undo(g * s); }));
  }
  const Tensor& other = b.tensor();
  if (!recording(a, other)) return y;
  return record(
      "MulBackward0", y,
      wrt(a, [undo = Undo(a, y), o = save_if(a.requires_grad(), other)](const Tensor& g) { return undo(g * o.get()); }),
      wrt(other, [undo = Undo(other, y), s = save_if(other.requires_grad(), a)](const Tensor& g) {
        return undo(g * s.get());
      }));
}

Tensor div_to(Dest dest, const Tensor& a, const Operand& b) {
  check_defined("div", a);
  if (!b.is_scalar()) check_defined("div", b.tensor(), "other");
  const ScalarType common = result_type(a, b);
  Tensor y;
  if (is_floating(common)) {
    y = binary({"div", kernels.div}, dest, a, b);
  } else {
    // True division of integers is that of the default floating dtype.
    const Tensor x = as_dtype_unrecorded(a, get_default_dtype());
    y = b.is_scalar() ? binary({"div", kernels.div}, dest, x, b)
                      : binary({"div", kernels.div}, dest, x, as_dtype_unrecorded(b.tensor(), get_default_dtype()));
  }
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("DivBackward0", y,
                  wrt(a, [undo = Undo(a, y), s = b.scalar()](const Tensor& g) { return undo(g / s); }));
  }
  const Tensor& other = b.tensor();
  if (!recording(a, other)) return y;
  return record(
      "DivBackward0", y,
      wrt(a, [undo = Undo(a, y), o = save_if(a.requires_grad(), other)](const Tensor& g) { return undo(g / o.get()); }),
      wrt(other, [undo = Undo(other, y), s = save_if(other.requires_grad(), a),
                  o = save_if(other.requires_grad(), other)](const Tensor& g) {
        const Tensor d = o.get();
        return undo(-g * (s.get() / d) / d);
      }));
}

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

Tensor pow_to(Dest dest, const Tensor& x, const Scalar& exponent) {
  check_defined("pow", x);
  const ScalarType common = result_type(x, exponent);
  EMBER_CHECK(common != kBool, "pow: not implemented for bool");
  EMBER_CHECK(is_floating(common) || exponent.toLong() >= 0, "pow: an integer to a negative integer power, ", exponent,
              ", is not an integer; convert to a floating dtype first");
  const Tensor y = pow_scalar_kernel(dest, as_dtype_unrecorded(x, common), exponent);
  if (!recording(x)) return y;
  return record("PowBackward0", y, wrt(x, [undo = Undo(x, y), x = save(x), exponent](const Tensor& g) {
                  if (exponent.equal(0)) return zeros_like(g);
                  if (exponent.equal(1)) return undo(g);
                  if (exponent.equal(2)) return undo(g * (x.get() * 2));
                  const Scalar less = exponent.is_floating_point() || exponent.toLong() < 0
                                          ? Scalar(exponent.toDouble() - 1)
                                          : Scalar(exponent.toLong() - 1);
                  return undo(g * (x.get().pow(less) * exponent));
                }));
}

// d(b^e)/de, 0 where b is 0 and e >= 0.
Tensor pow_grad_exponent(const Tensor& g, const Tensor& base, const Tensor& exponent, const Tensor& result) {
  const Tensor zero_there = mul(base == 0, exponent >= 0);
  const Tensor safe = where(zero_there, ones_like(base), base);
  return g * where(zero_there, zeros_like(result), result * safe.log());
}

Tensor pow_to(Dest dest, const Tensor& x, const Tensor& exponent) {
  check_defined("pow", x);
  check_defined("pow", exponent, "exponent");
  EMBER_CHECK(result_type(x, exponent) != kBool, "pow: not implemented for bool");
  const Tensor y = binary({"pow", kernels.pow}, dest, x, exponent);
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
                  const Tensor base = x.get();
                  const Tensor power = e.get();
                  const Tensor expanded_base = base.expand(g.sizes());
                  return undo(pow_grad_exponent(g, expanded_base, power.expand(g.sizes()), y.get()));
                }));
}

Tensor maximum_or_minimum(const char* name, const char* node, ElementwiseKernel& kernel, bool is_max, const Tensor& a,
                          const Tensor& b) {
  const Tensor y = binary({name, kernel}, Dest(), a, b);
  if (!recording(a, b)) return y;
  // Where both are equal each gets half.
  const auto share = [is_max](const Tensor& g, const Tensor& mine, const Tensor& other) {
    const Tensor half = g * 0.5;
    const Tensor g_where_equal = where(mine == other, half, g);
    return masked_fill(g_where_equal, is_max ? mine < other : mine > other, 0);
  };
  return record(node, y,
                wrt(a, [undo = Undo(a, y), a = save_if(a.requires_grad(), a), b = save_if(a.requires_grad(), b),
                        share](const Tensor& g) { return undo(share(g, a.get(), b.get())); }),
                wrt(b, [undo = Undo(b, y), a = save_if(b.requires_grad(), a), b = save_if(b.requires_grad(), b),
                        share](const Tensor& g) { return undo(share(g, b.get(), a.get())); }));
}

// ---- clamp ----

Tensor clamp_backward(const Tensor& g, const Tensor& x, const Params& range) {
  const Tensor r = binary({"clamp_backward", kernels.clamp_backward, range}, Dest(), g, x);
  if (!recording(g)) return r;
  return record("ClampBackwardBackward0", r,
                wrt(g, [x = save(x), range](const Tensor& gg) { return clamp_backward(gg, x.get(), range); }));
}

Tensor clamp_to(Dest dest, const Tensor& x, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  check_defined("clamp", x);
  EMBER_CHECK(min || max, "clamp: expected a minimum, a maximum or both");
  // A floating bound makes an integral result floating.
  ScalarType common = x.dtype();
  for (const auto& bound : {min, max})
    if (bound) common = promote_types(common, result_type(x, *bound));
  EMBER_CHECK(common != kBool, "clamp: not implemented for bool");
  const Tensor in = as_dtype_unrecorded(x, common);
  const auto is_nan = [](const std::optional<Scalar>& bound) { return bound && std::isnan(bound->toDouble()); };
  const Elementwise op = min && max ? Elementwise{"clamp", kernels.clamp, {*min, *max}}
                         : min      ? Elementwise{"clamp", kernels.clamp_min, {*min, {}}}
                                    : Elementwise{"clamp", kernels.clamp_max, {*max, {}}};
  // A bound that is not a number makes every element one.
  const Tensor y = is_nan(min) || is_nan(max)
                       ? binary({"clamp", kernels.add}, dest, in, Scalar(std::numeric_limits<double>::quiet_NaN()))
                       : unary(op, dest, in);
  if (!recording(x)) return y;
  constexpr double inf = std::numeric_limits<double>::infinity();
  const Params range{min ? *min : Scalar(-inf), max ? *max : Scalar(inf)};
  return record("ClampBackward1", y,
                wrt(x, [x = save(x), range](const Tensor& g) { return clamp_backward(g, x.get(), range); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// ---- free functions and methods ----

Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha) { return add_to({}, self, other, alpha); }
Tensor add(const Tensor& self, const Scalar& other, const Scalar& alpha) {
  if (alpha.equal(1)) return add_to({}, self, other, 1);
  const bool floating = other.is_floating_point() || alpha.is_floating_point();
  check_defined("add", self);
  EMBER_CHECK(!alpha.is_floating_point() || self.is_floating_point() || other.is_floating_point(),
              "add: alpha = ", alpha, " needs a floating result, the result is ", dtype_name(self.dtype()));
  return add_to(
      {}, self,
      floating ? Scalar(other.toDouble() * alpha.toDouble()) : Scalar(wrapping_product(other.toLong(), alpha.toLong())),
      1);
}
Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha) { return sub_to({}, self, other, alpha); }
Tensor sub(const Tensor& self, const Scalar& other, const Scalar& alpha) { return sub_to({}, self, other, alpha); }
Tensor rsub(const Tensor& self, const Scalar& other, const Scalar& alpha) {
  check_defined("rsub", self);
  if (!is_plain(alpha)) return rsub(mul(self, alpha), other);
  EMBER_CHECK(self.dtype() != kBool, "rsub: bool tensors have no difference");
  const Tensor y = binary({"rsub", kernels.sub}, Dest(), other, self);
  if (!recording(self)) return y;
  return record("RsubBackward1", y, wrt(self, [undo = Undo(self, y)](const Tensor& g) { return undo(g.neg()); }));
}
Tensor mul(const Tensor& self, const Tensor& other) { return mul_to({}, self, other); }
Tensor mul(const Tensor& self, const Scalar& other) { return mul_to({}, self, other); }
Tensor div(const Tensor& self, const Tensor& other) { return div_to({}, self, other); }
Tensor div(const Tensor& self, const Scalar& other) { return div_to({}, self, other); }
Tensor pow(const Tensor& self, const Tensor& exponent) { return pow_to({}, self, exponent); }
Tensor pow(const Tensor& self, const Scalar& exponent) { return pow_to({}, self, exponent); }
Tensor pow(const Scalar& self, const Tensor& exponent) {
  check_defined("pow", exponent, "exponent");
  const Tensor base = scalar_tensor(self, TensorOptions(result_type(self, exponent)).device(exponent.device()));
  return pow_to({}, base, exponent);
}
Tensor maximum(const Tensor& self, const Tensor& other) {
  return maximum_or_minimum("maximum", "MaximumBackward0", kernels.maximum, true, self, other);
}
Tensor minimum(const Tensor& self, const Tensor& other) {
  return maximum_or_minimum("minimum", "MinimumBackward0", kernels.minimum, false, self, other);
}
Tensor max(const Tensor& self, const Tensor& other) { return maximum(self, other); }
Tensor min(const Tensor& self, const Tensor& other) { return minimum(self, other); }
Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
  return clamp_to({}, self, min, max);
}
Tensor clamp_min(const Tensor& self, const Scalar& min) { return clamp_to({}, self, min, std::nullopt); }
Tensor clamp_max(const Tensor& self, const Scalar& max) { return clamp_to({}, self, std::nullopt, max); }

// Methods out of place and in place of a binary operation with one right-hand side type; `keeps`: whether the
// gradient needs the input's values.
#define EMBER_BINARY_METHODS(name, Other, keeps) \
  Tensor& Tensor::name##_(const Other& other) const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [&](Dest dest, const Tensor& x) { name##_to(dest, x, other); }, keeps); \
  }
EMBER_BINARY_METHODS(mul, Tensor, other.defined() && other.requires_grad())
EMBER_BINARY_METHODS(mul, Scalar, false)
EMBER_BINARY_METHODS(div, Tensor, other.defined() && other.requires_grad())
EMBER_BINARY_METHODS(div, Scalar, false)
EMBER_BINARY_METHODS(pow, Tensor, requires_grad() || (other.defined() && other.requires_grad()))
EMBER_BINARY_METHODS(pow, Scalar, requires_grad())
#undef EMBER_BINARY_METHODS
#define EMBER_BINARY_METHODS(name, Other) \
  Tensor& Tensor::name##_(const Other& other, const Scalar& alpha) const { \
    return in_place(#name "_", *this, [&](Dest dest, const Tensor& x) { name##_to(dest, x, other, alpha); }); \
  }
EMBER_BINARY_METHODS(add, Tensor)
EMBER_BINARY_METHODS(sub, Tensor)
EMBER_BINARY_METHODS(sub, Scalar)
#undef EMBER_BINARY_METHODS
Tensor& Tensor::add_(const Scalar& other, const Scalar& alpha) const {
  const Scalar scaled = alpha.equal(1) ? other
                        : other.is_floating_point() || alpha.is_floating_point()
                            ? Scalar(other.toDouble() * alpha.toDouble())
                            : Scalar(wrapping_product(other.toLong(), alpha.toLong()));
  return in_place("add_", *this, [&](Dest dest, const Tensor& x) { add_to(dest, x, scaled, 1); });
}

Tensor& Tensor::clamp_(const std::optional<Scalar>& min, const std::optional<Scalar>& max) const {
  check_defined("clamp_", *this);
  return in_place(
      "clamp_", *this, [&](Dest dest, const Tensor& x) { clamp_to(dest, x, min, max); }, requires_grad());
}
Tensor& Tensor::clamp_min_(const Scalar& min) const { return clamp_(min); }
Tensor& Tensor::clamp_max_(const Scalar& max) const { return clamp_(std::nullopt, max); }

}  // namespace ember
