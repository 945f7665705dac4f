// Elementwise operations: functions, methods, in place and _out, tensors and numbers.
#include "driver.h"

namespace differential {

namespace {

// A target for `_out`: empty, or of a shape and dtype of its own.
Tensor out_for(Draw& d, const Tensor& like) {
  if (d.chance(0.5)) return torch::empty({0}, like.options());
  return torch::empty(d.chance(0.8) ? like.sizes().vec() : d.shape(2), d.note("out", d.dtype(Types::All)));
}

// A fresh tensor that may be changed in place: the result of an operation, so that gradients reach its argument.
Tensor changeable(const Tensor& x) { return x.clone(); }

}  // namespace

// Draws the form of the call: function, method, in place, _out.
#define UNARY(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { \
    const Tensor x = d.tensor(types, low, high); \
    switch (d.note("form", d.integer(0, 3))) { \
      case 0: return {torch::name(x)}; \
      case 1: return {x.name()}; \
      case 2: { \
        Tensor y = changeable(x); \
        y.name##_(); \
        return {y}; \
      } \
      default: { \
        Tensor out = out_for(d, x); \
        torch::NoGradGuard no_grad; \
        torch::name##_out(out, x); \
        return {out}; \
      } \
    } \
  })

#define FUNCTION_ONLY(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { return {torch::name(d.tensor(types, low, high))}; })

#define BINARY(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { \
    const Sizes sizes = d.shape(); \
    const Tensor a = d.tensor(sizes, d.dtype(types), low, high); \
    const Tensor b = d.tensor(d.broadcastable(sizes), d.chance(0.6) ? a.scalar_type() : d.dtype(types), low, high); \
    switch (d.note("form", d.integer(0, 3))) { \
      case 0: return {torch::name(a, b)}; \
      case 1: return {a.name(b)}; \
      case 2: { \
        Tensor y = changeable(a); \
        y.name##_(b); \
        return {y}; \
      } \
      default: { \
        Tensor out = out_for(d, a); \
        torch::NoGradGuard no_grad; \
        torch::name##_out(out, a, b); \
        return {out}; \
      } \
    } \
  })

#define BINARY_SCALAR(name, types, low, high) \
  add_case(#name "_scalar", [](Draw& d) -> Tensors { \
    const Tensor a = d.tensor(types, low, high); \
    const Scalar b = d.scalar(low, high); \
    switch (d.note("form", d.integer(0, 2))) { \
      case 0: return {torch::name(a, b)}; \
      case 1: return {a.name(b)}; \
      default: { \
        Tensor y = changeable(a); \
        y.name##_(b); \
        return {y}; \
      } \
    } \
  })

void add_elementwise_cases() {
  UNARY(abs, Types::All, -3, 3);
  UNARY(neg, Types::All, -3, 3);
  UNARY(sign, Types::All, -3, 3);
  UNARY(sgn, Types::All, -3, 3);
  UNARY(floor, Types::All, -3, 3);
  UNARY(ceil, Types::All, -3, 3);
  UNARY(round, Types::All, -3, 3);
  UNARY(trunc, Types::All, -3, 3);
  UNARY(frac, Types::All, -3, 3);
  UNARY(square, Types::All, -3, 3);
  UNARY(reciprocal, Types::All, -3, 3);
  UNARY(sqrt, Types::All, 0, 3);
  UNARY(rsqrt, Types::All, 0, 3);
  UNARY(exp, Types::All, -3, 3);
  UNARY(exp2, Types::All, -3, 3);
  UNARY(expm1, Types::All, -3, 3);
  UNARY(log, Types::All, -1, 3);
  UNARY(log2, Types::All, 0, 3);
  UNARY(log10, Types::All, 0, 3);
  UNARY(log1p, Types::All, -1, 3);
  UNARY(sin, Types::All, -9, 9);
  UNARY(cos, Types::All, -9, 9);
  UNARY(tan, Types::All, -3, 3);
  UNARY(asin, Types::All, -1, 1);
  UNARY(acos, Types::All, -1, 1);
  UNARY(atan, Types::All, -3, 3);
  UNARY(sinh, Types::All, -3, 3);
  UNARY(cosh, Types::All, -3, 3);
  UNARY(tanh, Types::All, -3, 3);
  UNARY(asinh, Types::All, -3, 3);
  UNARY(acosh, Types::All, 0.5, 3);
  UNARY(atanh, Types::All, -1, 1);
  UNARY(erf, Types::All, -3, 3);
  UNARY(erfc, Types::All, -3, 3);
  UNARY(erfinv, Types::All, -1, 1);
  UNARY(lgamma, Types::All, -5, 30);
  UNARY(digamma, Types::All, -5, 30);
  UNARY(sigmoid, Types::All, -9, 9);
  UNARY(sinc, Types::All, -3, 3);
  UNARY(rad2deg, Types::All, -3, 3);
  UNARY(deg2rad, Types::All, -3, 3);
  UNARY(bitwise_not, Types::All, -3, 3);
  UNARY(logical_not, Types::All, -1, 1);
  FUNCTION_ONLY(relu, Types::All, -3, 3);
  FUNCTION_ONLY(isnan, Types::All, -3, 3);
  FUNCTION_ONLY(isinf, Types::All, -3, 3);
  FUNCTION_ONLY(isfinite, Types::All, -3, 3);
  FUNCTION_ONLY(isposinf, Types::All, -3, 3);
  FUNCTION_ONLY(isneginf, Types::All, -3, 3);
  FUNCTION_ONLY(signbit, Types::All, -3, 3);
  FUNCTION_ONLY(silu, Types::All, -3, 3);
  FUNCTION_ONLY(gelu, Types::All, -3, 3);
  FUNCTION_ONLY(selu, Types::All, -3, 3);
  FUNCTION_ONLY(celu, Types::All, -3, 3);
  FUNCTION_ONLY(relu6, Types::All, -3, 9);
  FUNCTION_ONLY(log_sigmoid, Types::All, -9, 9);
  add_case("gelu_tanh", [](Draw& d) -> Tensors { return {torch::gelu(d.tensor(Types::Floating), "tanh")}; });
  add_case("elu", [](Draw& d) -> Tensors {
    return {torch::elu(d.tensor(Types::All), d.scalar(0, 3), d.scalar(0, 3), d.scalar(0, 3))};
  });
  add_case("softplus",
           [](Draw& d) -> Tensors { return {torch::softplus(d.tensor(Types::All), d.scalar(1, 3), d.scalar(1, 4))}; });
  add_case("leaky_relu", [](Draw& d) -> Tensors { return {torch::leaky_relu(d.tensor(Types::All), d.scalar(0, 3))}; });
  add_case("hardtanh", [](Draw& d) -> Tensors { return {torch::hardtanh(d.tensor(Types::Numeric), -1, 2)}; });
  add_case("threshold", [](Draw& d) -> Tensors {
    return {torch::threshold(d.tensor(Types::Numeric), d.scalar(-1, 1), d.scalar(-3, 3))};
  });
  add_case("logit", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All, 0, 1);
    return {d.chance(0.5) ? torch::logit(x) : torch::logit(x, 0.125)};
  });
  add_case("polygamma", [](Draw& d) -> Tensors {
    return {torch::polygamma(d.note("n", d.integer(0, 4)), d.tensor(Types::Wide, 0.25, 9))};
  });
  add_case("round_decimals", [](Draw& d) -> Tensors {
    return {torch::round(d.tensor(Types::Wide), d.note("decimals", d.integer(-2, 3)))};
  });
  add_case("nan_to_num", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {d.chance(0.5) ? torch::nan_to_num(x) : torch::nan_to_num(x, 1.5, 9.0, -9.0)};
  });

  BINARY(add, Types::All, -3, 3);
  BINARY(sub, Types::All, -3, 3);
  BINARY(mul, Types::All, -3, 3);
  BINARY(div, Types::All, -3, 3);
  BINARY(floor_divide, Types::All, 1, 9);
  BINARY(remainder, Types::All, -9, 9);
  BINARY(fmod, Types::All, -9, 9);
  BINARY(pow, Types::All, 0, 3);
  BINARY(atan2, Types::All, -3, 3);
  BINARY(hypot, Types::All, -3, 3);
  BINARY(copysign, Types::All, -3, 3);
  BINARY(nextafter, Types::Floating, -3, 3);
  BINARY(heaviside, Types::All, -1, 1);
  BINARY(xlogy, Types::All, 0, 3);
  BINARY(bitwise_and, Types::All, -9, 9);
  BINARY(bitwise_or, Types::All, -9, 9);
  BINARY(bitwise_xor, Types::All, -9, 9);
  BINARY(bitwise_left_shift, Types::All, 0, 9);
  BINARY(bitwise_right_shift, Types::All, 0, 9);
  BINARY(logical_and, Types::All, -1, 1);
  BINARY(logical_or, Types::All, -1, 1);
  BINARY(logical_xor, Types::All, -1, 1);
  BINARY(eq, Types::All, -1, 1);
  BINARY(ne, Types::All, -1, 1);
  BINARY(lt, Types::All, -1, 1);
  BINARY(le, Types::All, -1, 1);
  BINARY(gt, Types::All, -1, 1);
  BINARY(ge, Types::All, -1, 1);
  BINARY(gcd, Types::All, -30, 30);
  BINARY(lcm, Types::All, -9, 9);
  BINARY_SCALAR(add, Types::All, -3, 3);
  BINARY_SCALAR(sub, Types::All, -3, 3);
  BINARY_SCALAR(mul, Types::All, -3, 3);
  BINARY_SCALAR(div, Types::All, -3, 3);
  BINARY_SCALAR(floor_divide, Types::All, 1, 9);
  BINARY_SCALAR(remainder, Types::All, -9, 9);
  BINARY_SCALAR(fmod, Types::All, -9, 9);
  BINARY_SCALAR(pow, Types::All, 0, 3);
  BINARY_SCALAR(bitwise_and, Types::All, -9, 9);
  BINARY_SCALAR(eq, Types::All, -1, 1);
  BINARY_SCALAR(lt, Types::All, -1, 1);
  BINARY_SCALAR(ge, Types::All, -1, 1);

#define BINARY_FUNCTION(name, types, low, high) \
  add_case(#name, [](Draw& d) -> Tensors { \
    const Sizes sizes = d.shape(); \
    const Tensor a = d.tensor(sizes, d.dtype(types), low, high); \
    return {torch::name( \
        a, d.tensor(d.broadcastable(sizes), d.chance(0.6) ? a.scalar_type() : d.dtype(types), low, high))}; \
  })
  BINARY_FUNCTION(maximum, Types::All, -3, 3);
  BINARY_FUNCTION(minimum, Types::All, -3, 3);
  BINARY_FUNCTION(fmax, Types::All, -3, 3);
  BINARY_FUNCTION(fmin, Types::All, -3, 3);
  BINARY_FUNCTION(logaddexp, Types::All, -3, 3);
  BINARY_FUNCTION(logaddexp2, Types::All, -3, 3);
  BINARY_FUNCTION(ldexp, Types::All, -3, 3);
  BINARY_FUNCTION(float_power, Types::All, 0, 3);
  BINARY_FUNCTION(isclose, Types::All, -1, 1);
  add_case("pow_of_scalar", [](Draw& d) -> Tensors {
    const Scalar base = d.scalar(0, 3);
    return {torch::pow(base, d.tensor(Types::All))};
  });
  add_case("remainder_of_scalar", [](Draw& d) -> Tensors {
    const Scalar a = d.scalar(-9, 9);
    return {torch::remainder(a, d.tensor(Types::All, 1, 9))};
  });
  add_case("add_alpha", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const Tensor a = d.tensor(sizes, d.dtype(Types::All)), b = d.tensor(d.broadcastable(sizes), d.dtype(Types::All));
    const Scalar alpha = d.scalar();
    return {d.chance(0.5) ? torch::add(a, b, alpha) : torch::sub(a, b, alpha)};
  });
  add_case("rsub", [](Draw& d) -> Tensors {
    const Tensor a = d.tensor(Types::All);
    const Scalar b = d.scalar();
    return {d.chance(0.5) ? torch::rsub(a, b, d.scalar()) : b - a};
  });
  add_case("div_rounding", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const char* mode = d.note("mode", d.pick(std::vector<const char*>{"floor", "trunc"}));
    const Tensor a = d.tensor(sizes, d.dtype(Types::All), -9, 9);
    if (d.chance(0.3)) return {torch::div(a, d.scalar(-4, 4), mode)};
    return {torch::div(a, d.tensor(d.broadcastable(sizes), d.dtype(Types::All), 1, 4), mode)};
  });
  add_case("operators", [](Draw& d) -> Tensors {
    const Tensor a = d.tensor(Types::Numeric, 1, 9);
    const int64_t s = d.integer(1, 5);
    switch (d.note("operator", d.integer(0, 9))) {
      case 0: return {a + s, s + a, a - s, s - a};
      case 1: return {a * s, s * a, a / s, s / a};
      case 2: return {a + 0.5, 0.5 + a, a - 0.5, 0.5 - a};
      case 3: return {a * 0.5, a / 0.5, 0.5 / a};
      case 4: return {a % s};
      case 5: return {a == s, a != s, a<s, a <= s, a> s, a >= s};
      case 6: return {s == a, s != a, s<a, s <= a, s> a, s >= a};
      case 7: return {a > 2.5, a < 2.5};
      case 8: return {(a > s) & (a < 9), (a > s) | (a < 2), (a > s) ^ (a < 5), ~(a > s)};
      default: return {-a, a.logical_not()};
    }
  });
  add_case("clamp", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    switch (d.note("form", d.integer(0, 4))) {
      case 0: return {torch::clamp(x, d.scalar(-2, 0), d.scalar(0, 2))};
      case 1: return {x.clamp_min(d.scalar())};
      case 2: return {x.clamp_max(d.scalar())};
      case 3:
        return {torch::clamp(x, c10::optional<Tensor>(d.tensor(d.broadcastable(x.sizes().vec()), x.scalar_type())),
                             c10::optional<Tensor>())};
      default:
        return {torch::clamp(x, c10::optional<Tensor>(d.tensor(d.broadcastable(x.sizes().vec()), d.dtype(Types::All))),
                             c10::optional<Tensor>(d.tensor(d.broadcastable(x.sizes().vec()), d.dtype(Types::All))))};
    }
  });
  add_case("lerp", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const auto t = d.dtype(Types::Floating);
    const Tensor a = d.tensor(sizes, t), b = d.tensor(d.broadcastable(sizes), t);
    if (d.chance(0.5)) return {torch::lerp(a, b, d.scalar(0, 1))};
    return {torch::lerp(a, b, d.tensor(d.broadcastable(sizes), t))};
  });
  add_case("addcmul", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const auto t = d.dtype(Types::Numeric);
    const Tensor a = d.tensor(sizes, t),
                 b = d.tensor(d.broadcastable(sizes), d.chance(0.8) ? t : d.dtype(Types::Numeric));
    return {torch::addcmul(a, b, d.tensor(d.broadcastable(sizes), t), d.scalar())};
  });
  add_case("addcdiv", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const auto t = d.dtype(Types::Floating);
    const Tensor a = d.tensor(sizes, t), b = d.tensor(d.broadcastable(sizes), t);
    return {torch::addcdiv(a, b, d.tensor(d.broadcastable(sizes), t, 1, 3), d.scalar())};
  });
  add_case("where", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const Tensor c = d.plain(d.broadcastable(sizes), torch::kBool, 0, 1);
    const Tensor a = d.tensor(sizes, d.dtype(Types::All));
    switch (d.note("form", d.integer(0, 3))) {
      case 0: return {torch::where(c, a, d.tensor(d.broadcastable(sizes), d.dtype(Types::All)))};
      case 1: return {torch::where(c, a, d.scalar())};
      case 2: return {torch::where(c, d.scalar(), a)};
      default: return {torch::where(c, d.scalar(), d.scalar())};
    }
  });
  add_case("masked_fill", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const Tensor mask = d.plain(d.broadcastable(x.sizes().vec()), torch::kBool, 0, 1);
    if (d.chance(0.5)) return {x.masked_fill(mask, d.scalar())};
    return {x.masked_fill(mask, d.tensor(Sizes{}, d.dtype(Types::All)))};
  });
  add_case("softmax", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::Floating);
    const int64_t dim = d.dim(x);
    return {d.chance(0.5) ? torch::softmax(x, dim) : torch::log_softmax(x, dim)};
  });
  add_case("softmax_dtype", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {torch::softmax(x, d.dim(x), d.note("dtype", d.dtype(Types::Floating)))};
  });
  add_case("glu", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3, 4), d.dtype(Types::Floating));
    return {torch::glu(x, d.dim(x))};
  });
  add_case("allclose", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {number(torch::allclose(x, x.clone())), number(torch::equal(x, x.clone()))};
  });
}

}  // namespace differential
