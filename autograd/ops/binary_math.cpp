// Mathematical functions of two tensors.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// For kernels of floating dtypes that take integers nowhere: empty tensors are refused as others are.
void check_floating_pair(const char* op, const Tensor& a, const Tensor& b) {
  check_defined(op, a);
  check_defined(op, b, "other");
  const ScalarType common = result_type(Operand(a), Operand(b));
  EMBER_CHECK(is_floating(common), op, ": expected floating tensors, got ", describe(a), " and ", describe(b));
}

Tensor atan2_to(Dest dest, const Tensor& a, const Tensor& b) {
  const Tensor y = binary_floating({"atan2", kernels.atan2}, dest, a, b);
  // At the origin, where there is no angle, the gradient is zero.
  const auto squared_norm = [](const Tensor& u, const Tensor& v) {
    const Tensor n = u * u + v * v;
    return masked_fill(n, n == 0, 1);
  };
  return record_pair(
      "Atan2Backward0", y, a, b,
      [squared_norm](const Tensor& g, const Tensor& u, const Tensor& v) { return g * (v / squared_norm(u, v)); },
      [squared_norm](const Tensor& g, const Tensor& u, const Tensor& v) { return g * (-u / squared_norm(u, v)); });
}

Tensor hypot_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_floating_pair("hypot", a, b);
  const Tensor y = binary({"hypot", kernels.hypot}, dest, a, b);
  return record_pair(
      "HypotBackward0", y, a, b,
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g * (u / hypot(u, v)); },
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g * (v / hypot(u, v)); });
}

template <class B>
Tensor copysign_to(Dest dest, const Tensor& a, const B& b) {
  const Tensor y = binary_floating({"copysign", kernels.copysign}, dest, a, b);
  const auto da = [](const Tensor& g, const Tensor& x, const auto& sign) {
    Tensor factor;
    {
      const NoGradGuard constant;  // 1 or -1, 0 where x is 0
      factor = copysign(ones_like(x), sign) * x.sign();
    }
    return g * factor;
  };
  return record_pair(node_of<B>("CopysignBackward0", "CopysignBackward1"), y, a, b, da, no_gradient);
}

Tensor nextafter_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_defined("nextafter", a);
  check_defined("nextafter", b, "other");
  const ScalarType common = result_type(a, b);
  EMBER_CHECK(is_floating(common), "nextafter: expected a floating dtype, got ", dtype_name(common));
  const int missing_bits = common == kFloat16 ? 13 : common == kBFloat16 ? 16 : 0;
  const Tensor y = binary({"nextafter", kernels.nextafter, {missing_bits, {}}}, dest, a, b);
  return record_pair(
      "NextafterBackward0", y, a, b,
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return masked_fill(g, u == v, 0); }, no_gradient);
}

Tensor logaddexp_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_floating_pair("logaddexp", a, b);
  const Tensor y = binary({"logaddexp", kernels.logaddexp}, dest, a, b);
  return record_pair(
      "LogaddexpBackward0", y, a, b,
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g / (1 + (v - u).exp()); },
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g / (1 + (u - v).exp()); });
}

Tensor logaddexp2_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_floating_pair("logaddexp2", a, b);
  const Tensor y = binary({"logaddexp2", kernels.logaddexp2}, dest, a, b);
  return record_pair(
      "Logaddexp2Backward0", y, a, b,
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g / (1 + pow(2, v - u)); },
      [](const Tensor& g, const Tensor& u, const Tensor& v) { return g / (1 + pow(2, u - v)); });
}

// Whether a is 0 and log(b) not a number that a 0 should be multiplied by.
Tensor is_zero_times_log(const Tensor& a, const Tensor& b) { return logical_and(a == 0, b <= 0); }
Tensor is_zero_times_log(const Tensor& a, const Scalar& b) {
  return b.toDouble() <= 0 ? a == 0 : zeros_like(a, TensorOptions(kBool));
}

template <class A, class B>
Tensor xlogy_to(Dest dest, const A& a, const B& b) {
  const Tensor y = binary_floating({"xlogy", kernels.xlogy}, dest, a, b);
  constexpr const char* node = std::is_same_v<A, Scalar>   ? "XlogyBackward1"
                               : std::is_same_v<B, Scalar> ? "XlogyBackward2"
                                                           : "XlogyBackward0";
  return record_pair(
      node, y, a, b,
      [](const Tensor& g, const Tensor& u, const auto& v) {
        return masked_fill(xlogy(g, v), is_zero_times_log(u, v), 0);
      },
      [](const Tensor& g, const auto& u, const Tensor& v) { return g * u / v; });
}

Tensor heaviside_to(Dest dest, const Tensor& a, const Tensor& b) {
  check_defined("heaviside", a);
  check_defined("heaviside", b, "values");
  EMBER_CHECK(a.dtype() == b.dtype(), "heaviside: expected one dtype, got ", describe(a), " and ", describe(b));
  return record_underivable("heaviside", binary({"heaviside", kernels.heaviside}, dest, a, b), a, b);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_BINARY_FUNCTION(atan2, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(atan2, Tensor)
EMBER_BINARY_FUNCTION(hypot, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(hypot, Tensor)
EMBER_BINARY_FUNCTION(copysign, Tensor, Tensor)
EMBER_BINARY_FUNCTION(copysign, Tensor, Scalar)
EMBER_BINARY_IN_PLACE(copysign, Tensor)
EMBER_BINARY_IN_PLACE(copysign, Scalar)
EMBER_BINARY_FUNCTION(nextafter, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(nextafter, Tensor)
EMBER_BINARY_FUNCTION(logaddexp, Tensor, Tensor)
EMBER_BINARY_FUNCTION(logaddexp2, Tensor, Tensor)
EMBER_BINARY_FUNCTION(xlogy, Tensor, Tensor)
EMBER_BINARY_FUNCTION(xlogy, Tensor, Scalar)
EMBER_BINARY_FUNCTION(xlogy, Scalar, Tensor)
EMBER_BINARY_IN_PLACE(xlogy, Tensor)
EMBER_BINARY_IN_PLACE(xlogy, Scalar)
EMBER_BINARY_FUNCTION(heaviside, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(heaviside, Tensor)

}  // namespace ember
