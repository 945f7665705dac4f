// Bad input to the functions of functions/elementwise.h and functions/compare.h that have two tensors or more.
#include "op_errors.h"

namespace ember::test {

namespace {
// For the `_out` forms, which want a variable.
Tensor& variable(const Tensor& t) {
  static Tensor held;
  held = t;
  return held;
}
}  // namespace

#define UNDEFINED(expression) BAD(expression, "undefined")
#define UNDEFINED_PAIR(name) \
  UNDEFINED(name(u, y)), UNDEFINED(name(y, u)), BAD(name(y, v), #name "|broadcast"), BAD(y.name(v), #name "|broadcast")
#define UNDEFINED_INTEGERS(name) \
  UNDEFINED(name(u, n)), UNDEFINED(name(n, u)), BAD(name(n, i), #name "|broadcast"), BAD(name(y, y), #name "|float32")
#define BAD_IN_PLACE(name) \
  UNDEFINED(u.name(y)), UNDEFINED(y.clone().name(u)), BAD(s.name(y), #name "|sizes|shape|broadcast"), \
      BAD(rep.name(y), "memory|overlap|clone"), BAD(x.name(y), "leaf")

const std::vector<Bad>& bad_arithmetic() {
  static const std::vector<Bad> table = {
      UNDEFINED_PAIR(floor_divide), UNDEFINED_PAIR(remainder), UNDEFINED_PAIR(fmod), UNDEFINED_PAIR(float_power),
      UNDEFINED_PAIR(fmax), UNDEFINED_PAIR(fmin), UNDEFINED_PAIR(atan2), UNDEFINED_PAIR(hypot),
      UNDEFINED_PAIR(heaviside), UNDEFINED_PAIR(copysign), UNDEFINED_PAIR(nextafter), UNDEFINED_PAIR(logaddexp),
      UNDEFINED_PAIR(logaddexp2), UNDEFINED_PAIR(xlogy), UNDEFINED_PAIR(ldexp), UNDEFINED_PAIR(logical_and),
      UNDEFINED_PAIR(logical_or), UNDEFINED_PAIR(logical_xor), UNDEFINED_PAIR(isclose), UNDEFINED_INTEGERS(gcd),
      UNDEFINED_INTEGERS(lcm), UNDEFINED_INTEGERS(bitwise_and), UNDEFINED_INTEGERS(bitwise_or),
      UNDEFINED_INTEGERS(bitwise_xor), UNDEFINED_INTEGERS(bitwise_left_shift), UNDEFINED_INTEGERS(bitwise_right_shift),
      BAD_IN_PLACE(floor_divide_), BAD_IN_PLACE(remainder_), BAD_IN_PLACE(fmod_), BAD_IN_PLACE(atan2_),
      BAD_IN_PLACE(hypot_), BAD_IN_PLACE(heaviside_), BAD_IN_PLACE(copysign_), BAD_IN_PLACE(nextafter_),
      BAD_IN_PLACE(xlogy_), BAD_IN_PLACE(ldexp_), BAD_IN_PLACE(eq_), BAD_IN_PLACE(ge_), BAD_IN_PLACE(logical_and_),
      BAD_IN_PLACE(clamp_min_), BAD_IN_PLACE(clamp_max_), UNDEFINED(remainder(u, 2)), UNDEFINED(remainder(2, u)),
      UNDEFINED(fmod(u, 2)), UNDEFINED(floor_divide(u, 2)), UNDEFINED(div(u, 2, "floor")),
      UNDEFINED(div(y, u, "trunc")), UNDEFINED(copysign(u, 1)), UNDEFINED(xlogy(u, 1)), UNDEFINED(xlogy(1, u)),
      UNDEFINED(float_power(u, 2)), UNDEFINED(float_power(2, u)), UNDEFINED(rsub(u, y)), UNDEFINED(rsub(y, u)),
      UNDEFINED(2 / u), UNDEFINED(2 % u), UNDEFINED(bitwise_not(u)), UNDEFINED(~u), UNDEFINED(bitwise_and(1, u)),
      UNDEFINED(bitwise_or(u, 1)), UNDEFINED(lerp(u, y, 0.5)), UNDEFINED(lerp(y, u, 0.5)), UNDEFINED(lerp(y, y, u)),
      UNDEFINED(nan_to_num(u)), UNDEFINED(u.nan_to_num_()), UNDEFINED(clamp(u, y, y)), UNDEFINED(clamp_min(u, y)),
      UNDEFINED(clamp_max(y, u)), UNDEFINED(masked_fill(u, m, s)), UNDEFINED(masked_fill(y, m, u)),
      UNDEFINED(masked_fill(y, u, s)), UNDEFINED(where(u, 1, 2)), UNDEFINED(isinf(u)), UNDEFINED(isfinite(u)),
      UNDEFINED(isposinf(u)), UNDEFINED(isneginf(u)), UNDEFINED(isreal(u)), UNDEFINED(isin(u, y)),
      UNDEFINED(isin(y, u)), UNDEFINED(isin(u, 1)), UNDEFINED(isin(1, u)), UNDEFINED(is_nonzero(u)),
      BAD(div(y, y, "nearest"), "rounding_mode"), BAD(div(n, 0, "floor"), "division by zero"),
      BAD(floor_divide(m, m), "floor_divide|bool"), BAD(remainder(m, m), "remainder|bool"),
      BAD(fmod(m, m), "fmod|bool"), BAD(hypot(n, n), "hypot|int64"), BAD(logaddexp(n, n), "logaddexp|int64"),
      BAD(nextafter(n, n), "nextafter|int64"), BAD(heaviside(y, d), "heaviside|float64"),
      BAD(bitwise_not(y), "bitwise_not|float32"), BAD(bitwise_left_shift(m, m), "bitwise_left_shift|bool"),
      BAD(bitwise_and(n, 1.5), "bitwise_and|float32"), BAD(lerp(y, d, 0.5), "lerp|float64"),
      BAD(lerp(n, n, 0.5), "lerp|int64"), BAD(lerp(y, v, 0.5), "lerp|broadcast"),
      BAD(clamp(y, v, y), "clamp|broadcast"), BAD(clamp(m, Scalar(true)), "clamp|bool"),
      BAD(masked_fill(y, m, v), "masked_fill|0-dimensional"), BAD(where(n, y, y), "where|bool"),
      BAD(isclose(y, d), "isclose|float64"), BAD(isclose(y, y, -1), "rtol"), BAD(isclose(y, y, 0, -1), "atol"),
      BAD(allclose(y, d), "allclose|float64"), BAD(isin(m, m), "isin|bool"),
      BAD(is_nonzero(y), "is_nonzero|one element"), BAD(n.clone().floor_divide_(2.5), "floor_divide|cast|float"),
      BAD(n.clone().copysign_(1), "copysign|cast|float"), BAD(n.clone().float_power_(2), "float_power_|float64"),
      BAD(m.clone().bitwise_and_(n), "bitwise_and|cast|int64"), BAD(s.clone().lerp_(y, 0.5), "lerp|sizes|shape"),
      BAD(y.clone().clamp_(b3), "clamp|sizes|shape|broadcast"),
      // Into a tensor that cannot hold the result, that nobody gave, or that gradients would have to pass.
      BAD(add_out(variable(n.clone()), y, y), "add|cast|int64"), BAD(mul_out(variable(u), y, y), "mul|undefined"),
      BAD(mul_out(variable(y.clone()), x, y), "mul_out|gradient"),
      BAD(isposinf_out(variable(y.clone()), y), "isposinf|bool"),
      BAD(nan_to_num_out(variable(d.clone()), y), "nan_to_num|float64"),
      BAD(float_power_out(variable(y.clone()), y, 2), "float_power|float64"),
      BAD(add_out(variable(rep), y, y), "add|memory|overlap|clone")};
  return table;
}

}  // namespace ember::test
