// Division with rounding, remainders, and what integers have in common.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// Integers: a zero divisor is an Error, where an element is divided by it. (In a tensor on CUDA it is not, and the
// result is 0: to look would mean to wait.)
void check_divisor(const char* op, const Operand& a, const Operand& b, ScalarType common) {
  if (!is_integral(common)) return;
  const auto elements = [](const Operand& o) { return o.is_scalar() ? 1 : o.tensor().numel(); };
  if (elements(a) == 0 || elements(b) == 0) return;
  bool zero = false;
  if (b.is_scalar()) {
    zero = visit_dtype(common, [&]<class T>() { return b.scalar().cast<T>() == T(0); });
  } else if (b.tensor().is_cpu() && (a.is_scalar() || a.tensor().is_cpu())) {
    const NoGradGuard unrecorded;
    zero = eq(as_dtype(b.tensor(), common), Scalar(0)).any().item<bool>();
  }
  EMBER_CHECK(!zero, op, ": integer division by zero (ZeroDivisionError)");
}

// The operations of this file without their gradients.
Tensor divided(const Elementwise& op, Dest dest, const Operand& a, const Operand& b) {
  if (!a.is_scalar()) check_defined(op.name, a.tensor());
  if (!b.is_scalar()) check_defined(op.name, b.tensor(), "other");
  const ScalarType common = result_type(a, b);
  EMBER_CHECK(common != kBool, op.name, ": not implemented for bool");
  check_divisor(op.name, a, b, common);
  return binary(op, dest, a, b);
}

Tensor floor_quotient(const Operand& a, const Operand& b) {
  return divided({"floor_divide", kernels.floor_div}, Dest(), a, b);
}
Tensor trunc_quotient(const Operand& a, const Operand& b) { return divided({"div", kernels.trunc_div}, Dest(), a, b); }

template <class B>
Tensor rounded_div_to(Dest dest, const Tensor& a, const B& b, std::string_view mode) {
  EMBER_CHECK(mode == "floor" || mode == "trunc", "div: rounding_mode must be \"floor\", \"trunc\" or absent, got \"",
              std::string(mode), "\"");
  const Tensor y = divided({"div", mode == "floor" ? kernels.floor_div : kernels.trunc_div}, dest, a, b);
  return record_pair(node_of<B>("DivBackward2", "DivBackward3"), y, a, b, no_gradient, no_gradient);
}

template <class B>
Tensor floor_divide_to(Dest dest, const Tensor& a, const B& b) {
  const Tensor y = divided({"floor_divide", kernels.floor_div}, dest, a, b);
  return record_underivable("floor_divide", y, a, b);
}

template <class A, class B>
Tensor remainder_to(Dest dest, const A& a, const B& b) {
  const Tensor y = divided({"remainder", kernels.remainder}, dest, a, b);
  return record_pair(
      node_of<B>("RemainderBackward1", "RemainderBackward0"), y, a, b,
      [](const Tensor& g, const auto&, const auto&) { return g; },
      [](const Tensor& g, const auto& x, const auto& d) { return -g * floor_quotient(x, d); });
}

template <class B>
Tensor fmod_to(Dest dest, const Tensor& a, const B& b) {
  const Tensor y = divided({"fmod", kernels.fmod}, dest, a, b);
  return record_pair(
      node_of<B>("FmodBackward1", "FmodBackward0"), y, a, b,
      [](const Tensor& g, const auto&, const auto&) { return g; },
      [](const Tensor& g, const auto& x, const auto& d) { return -g * trunc_quotient(x, d); });
}

Tensor of_integers(const Elementwise& op, Dest dest, const Tensor& a, const Tensor& b) {
  check_defined(op.name, a);
  check_defined(op.name, b, "other");
  const ScalarType common = result_type(a, b);
  EMBER_CHECK(is_integral(common), op.name, ": expected integers, got ", dtype_name(common));
  return binary(op, dest, a, b);
}
Tensor gcd_to(Dest dest, const Tensor& a, const Tensor& b) { return of_integers({"gcd", kernels.gcd}, dest, a, b); }
Tensor lcm_to(Dest dest, const Tensor& a, const Tensor& b) { return of_integers({"lcm", kernels.lcm}, dest, a, b); }

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_ROUNDED_DIVISION(Other) \
  Tensor div(const Tensor& self, const Other& other, std::optional<std::string_view> rounding_mode) { \
    return rounding_mode ? rounded_div_to({}, self, other, *rounding_mode) : div(self, other); \
  } \
  Tensor& div_out(Tensor& out, const Tensor& self, const Other& other, \
                  std::optional<std::string_view> rounding_mode) { \
    if (!rounding_mode) return div_out(out, self, other); \
    return out_elementwise("div", out, {&self, input_of(other)}, \
                           [&](Dest dest) { rounded_div_to(dest, self, other, *rounding_mode); }); \
  } \
  Tensor& Tensor::div_(const Other& other, std::optional<std::string_view> rounding_mode) const { \
    if (!rounding_mode) return div_(other); \
    return in_place("div_", *this, \
                    [&](Dest dest, const Tensor& x) { rounded_div_to(dest, x, other, *rounding_mode); }); \
  }
EMBER_ROUNDED_DIVISION(Tensor)
EMBER_ROUNDED_DIVISION(Scalar)
#undef EMBER_ROUNDED_DIVISION

EMBER_BINARY_FUNCTION(floor_divide, Tensor, Tensor)
EMBER_BINARY_FUNCTION(floor_divide, Tensor, Scalar)
EMBER_BINARY_IN_PLACE(floor_divide, Tensor)
EMBER_BINARY_IN_PLACE(floor_divide, Scalar)
EMBER_BINARY_FUNCTION(remainder, Tensor, Tensor)
EMBER_BINARY_FUNCTION(remainder, Tensor, Scalar)
EMBER_BINARY_FUNCTION(remainder, Scalar, Tensor)
EMBER_BINARY_IN_PLACE(remainder, Tensor)
EMBER_BINARY_IN_PLACE(remainder, Scalar)
EMBER_BINARY_FUNCTION(fmod, Tensor, Tensor)
EMBER_BINARY_FUNCTION(fmod, Tensor, Scalar)
EMBER_BINARY_IN_PLACE(fmod, Tensor)
EMBER_BINARY_IN_PLACE(fmod, Scalar)
EMBER_BINARY_FUNCTION(gcd, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(gcd, Tensor)
EMBER_BINARY_FUNCTION(lcm, Tensor, Tensor)
EMBER_BINARY_IN_PLACE(lcm, Tensor)

}  // namespace ember
