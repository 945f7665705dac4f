// The forms of an operation of one tensor, made from name_to(dest, x): the free function, the method in place, `_out`.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

inline void check_floating_input(const char* op, const Tensor& x) {
  check_defined(op, x);
  EMBER_CHECK(x.is_floating_point(), op, ": expected a floating tensor, got ", describe(x));
}

inline void check_not_bool(const char* op, const Tensor& x) {
  check_defined(op, x);
  EMBER_CHECK(x.dtype() != kBool, op, ": not implemented for bool; got ", describe(x));
}

// What the result may be written to by the `_out` form.
enum class OutDtype : uint8_t {
  Same,       // the input's dtype only
  Converted,  // what the result's dtype can be cast to
};

template <class F>
Tensor& unary_out(const char* op, Tensor& out, const Tensor& self, OutDtype rule, F&& f) {
  check_defined(op, self);
  check_defined(op, out, "out");
  EMBER_CHECK(rule == OutDtype::Converted || out.dtype() == self.dtype(), op, ": a result of dtype ",
              dtype_name(self.dtype()), " cannot be written to ", describe(out));
  return out_elementwise(op, out, {&self}, [&](Dest dest) { f(dest, self); });
}

}  // namespace ember::ops

// `keeps`: whether the gradient needs the input's values.
#define EMBER_UNARY_OPERATION(name, keeps, rule) \
  Tensor name(const Tensor& self) { return name##_to({}, self); } \
  Tensor& Tensor::name##_() const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [](Dest dest, const Tensor& x) { name##_to(dest, x); }, keeps && requires_grad()); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self) { \
    return unary_out(#name "_out", out, self, OutDtype::rule, [](Dest dest, const Tensor& x) { name##_to(dest, x); }); \
  }
