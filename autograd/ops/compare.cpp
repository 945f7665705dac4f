// Comparison and logic of two operands. Results are bool, or in place 0 and 1 of self's dtype.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// In place, a comparison cuts the gradient: its result does not change with its operands.
template <class B>
void compare_in_place(const Elementwise& op, const char* node, Dest dest, const Tensor& x, const B& other) {
  const Tensor y = compare(op, dest, x, other);
  if (y.is_floating_point()) record_pair(node, y, x, other, no_gradient, no_gradient);
}

Tensor logical_not_to(Dest dest, const Tensor& x) {
  check_defined("logical_not", x);
  return compare({"logical_not", kernels.eq}, dest, x, x.dtype() == kBool ? Scalar(false) : Scalar(0));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_COMPARISON_WITH(name, Other, node) \
  Tensor name(const Tensor& self, const Other& other) { return compare({#name, kernels.name}, Dest(), self, other); } \
  Tensor& name##_out(Tensor& out, const Tensor& self, const Other& other) { \
    return out_elementwise(#name, out, {&self, input_of(other)}, [&](Dest dest) { \
      compare({#name, kernels.name}, dest, self, other); \
    }); \
  } \
  Tensor& Tensor::name##_(const Other& other) const { \
    return in_place(#name "_", *this, [&](Dest dest, const Tensor& x) { \
      compare_in_place({#name, kernels.name}, node, dest, x, other); \
    }); \
  }
#define EMBER_COMPARISON(name, Node) \
  EMBER_COMPARISON_WITH(name, Scalar, Node "Backward0") \
  EMBER_COMPARISON_WITH(name, Tensor, Node "Backward1")
EMBER_COMPARISON(eq, "Eq")
EMBER_COMPARISON(ne, "Ne")
EMBER_COMPARISON(lt, "Lt")
EMBER_COMPARISON(le, "Le")
EMBER_COMPARISON(gt, "Gt")
EMBER_COMPARISON(ge, "Ge")
#undef EMBER_COMPARISON
#undef EMBER_COMPARISON_WITH

#define EMBER_LOGICAL(name) \
  Tensor name(const Tensor& self, const Tensor& other) { return compare({#name, kernels.name}, Dest(), self, other); } \
  Tensor& name##_out(Tensor& out, const Tensor& self, const Tensor& other) { \
    return out_elementwise(#name, out, {&self, &other}, [&](Dest dest) { \
      compare({#name, kernels.name}, dest, self, other); \
    }); \
  } \
  Tensor& Tensor::name##_(const Tensor& other) const { \
    return in_place(#name "_", *this, [&](Dest dest, const Tensor& x) { \
      compare({#name, kernels.name}, dest, x, other); \
    }); \
  }
EMBER_LOGICAL(logical_and)
EMBER_LOGICAL(logical_or)
EMBER_LOGICAL(logical_xor)
#undef EMBER_LOGICAL

Tensor logical_not(const Tensor& self) { return logical_not_to({}, self); }
Tensor& logical_not_out(Tensor& out, const Tensor& self) {
  return out_elementwise("logical_not", out, {&self}, [&](Dest dest) { logical_not_to(dest, self); });
}
Tensor& Tensor::logical_not_() const {
  return in_place("logical_not_", *this, [](Dest dest, const Tensor& x) { logical_not_to(dest, x); });
}

}  // namespace ember
