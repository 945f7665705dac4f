// Operations on the bits of integers; of bool they are logical.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

#define EMBER_BITWISE(name, kinds) \
  Tensor name##_to(Dest dest, const Operand& a, const Operand& b) { \
    if (!a.is_scalar()) check_defined(#name, a.tensor()); \
    if (!b.is_scalar()) check_defined(#name, b.tensor(), "other"); \
    const ScalarType common = result_type(a, b); \
    EMBER_CHECK(is_integral(common, kinds), #name ": expected integers", kinds ? " or bool" : "", ", got ", \
                dtype_name(common)); \
    return binary({#name, kernels.name}, dest, a, b); \
  }
EMBER_BITWISE(bitwise_and, true)
EMBER_BITWISE(bitwise_or, true)
EMBER_BITWISE(bitwise_xor, true)
EMBER_BITWISE(bitwise_left_shift, false)
EMBER_BITWISE(bitwise_right_shift, false)
#undef EMBER_BITWISE

Tensor bitwise_not_to(Dest dest, const Tensor& x) {
  check_defined("bitwise_not", x);
  EMBER_CHECK(!x.is_floating_point(), "bitwise_not: expected integers or bool, got ", describe(x));
  return unary({"bitwise_not", kernels.bitwise_not}, dest, x);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_BITWISE(name) \
  EMBER_BINARY_FUNCTION(name, Tensor, Tensor) \
  EMBER_BINARY_FUNCTION(name, Tensor, Scalar) \
  EMBER_BINARY_FUNCTION(name, Scalar, Tensor) \
  EMBER_BINARY_IN_PLACE(name, Tensor) \
  EMBER_BINARY_IN_PLACE(name, Scalar)
EMBER_BITWISE(bitwise_and)
EMBER_BITWISE(bitwise_or)
EMBER_BITWISE(bitwise_xor)
EMBER_BITWISE(bitwise_left_shift)
EMBER_BITWISE(bitwise_right_shift)
#undef EMBER_BITWISE

Tensor bitwise_not(const Tensor& self) { return bitwise_not_to({}, self); }
Tensor& bitwise_not_out(Tensor& out, const Tensor& self) {
  return out_elementwise("bitwise_not", out, {&self}, [&](Dest dest) { bitwise_not_to(dest, self); });
}
Tensor& Tensor::bitwise_not_() const {
  return in_place("bitwise_not_", *this, [](Dest dest, const Tensor& x) { bitwise_not_to(dest, x); });
}

}  // namespace ember
