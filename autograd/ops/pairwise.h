// Functions of two operands, each a tensor or a number: their gradients, and their forms in place and `_out`.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// What a gradient keeps of an operand.
struct KeptNumber {
  Scalar value;
  Scalar get() const { return value; }
};
inline autograd::SavedTensor keep(bool wanted, const Tensor& t) { return save_if(wanted, t); }
inline KeptNumber keep(bool, const Scalar& s) { return {s}; }

// The gradient of an operand that the result does not change with.
struct NoGradient {};
inline constexpr NoGradient no_gradient;

// Records `y`, an operation of a and b. The gradients are functions of the incoming one and the operands, with the
// shape and dtype of the result; da is not called where a is a number, nor db where b is one.
template <class A, class B, class DA, class DB>
Tensor record_pair(const char* node, const Tensor& y, const A& a, const B& b, DA da, DB db) {
  const auto with = [&](const Tensor& x, auto gradient) {
    if constexpr (std::is_same_v<decltype(gradient), NoGradient>) {
      return wrt(x, [undo = Undo(x, y)](const Tensor& g) { return undo(zeros_like(g)); });
    } else {
      const bool wanted = x.requires_grad();
      return wrt(x, [undo = Undo(x, y), a = keep(wanted, a), b = keep(wanted, b), gradient](const Tensor& g) {
        return undo(gradient(g, a.get(), b.get()));
      });
    }
  };
  if constexpr (std::is_same_v<A, Tensor> && std::is_same_v<B, Tensor>) {
    return recording(a, b) ? record(node, y, with(a, da), with(b, db)) : y;
  } else if constexpr (std::is_same_v<A, Tensor>) {
    return recording(a) ? record(node, y, with(a, da)) : y;
  } else {
    return recording(b) ? record(node, y, with(b, db)) : y;
  }
}

// Records `y` as the result of an operation whose gradient does not exist; asking for it throws.
template <class A, class B>
Tensor record_underivable(const char* op, const Tensor& y, const A& a, const B& b) {
  const auto refuse = [op](const Tensor&, const auto&, const auto&) -> Tensor {
    throw NotImplementedError(ember::detail::concat(op, ": there is no gradient"));
  };
  return record_pair("NotImplemented", y, a, b, refuse, refuse);
}

inline bool wants_gradient(const Tensor& t) { return t.defined() && t.requires_grad(); }
inline bool wants_gradient(const Scalar&) { return false; }

inline const Tensor no_tensor;
inline const Tensor* input_of(const Tensor& t) { return &t; }
inline const Tensor* input_of(const Scalar&) { return &no_tensor; }

// The node of the overload with a number and of that with two tensors.
template <class B>
const char* node_of(const char* with_tensor, const char* with_number) {
  return std::is_same_v<B, Tensor> ? with_tensor : with_number;
}

// Definitions of ember::name and its `_out` form by ops::name##_to(dest, a, b).
#define EMBER_BINARY_FUNCTION(name, A, B) \
  Tensor name(const A& self, const B& other) { return name##_to({}, self, other); } \
  Tensor& name##_out(Tensor& out, const A& self, const B& other) { \
    return out_elementwise(#name, out, {input_of(self), input_of(other)}, \
                           [&](Dest dest) { name##_to(dest, self, other); }); \
  }
// The form in place, with a gradient that needs the operands.
#define EMBER_BINARY_IN_PLACE(name, B) \
  Tensor& Tensor::name##_(const B& other) const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [&](Dest dest, const Tensor& x) { name##_to(dest, x, other); }, \
        requires_grad() || wants_gradient(other)); \
  }

}  // namespace ember::ops
