// Sums, products and quotients: each forward beside its gradient. Node names are those of PyTorch's overloads, of
// which the one with a number has its own.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// Whether alpha is the integer 1, which needs no check and no multiplication.
bool is_plain(const Scalar& alpha) { return alpha.is_integral() && alpha.equal(1); }

void check_alpha(const char* op, const Scalar& alpha, ScalarType common) {
  EMBER_CHECK(!alpha.is_floating_point() || is_floating(common), op, ": alpha = ", alpha,
              " needs a floating result, the result is ", dtype_name(common));
  EMBER_CHECK(!alpha.is_boolean() || common == kBool, op, ": a bool alpha needs a bool result, not one of dtype ",
              dtype_name(common));
}

void check_no_bool(const char* op, const Operand& a, const Operand& b) {
  const auto is_bool = [](const Operand& o) {
    return o.is_scalar() ? o.scalar().is_boolean() : o.tensor().dtype() == kBool;
  };
  EMBER_CHECK(!is_bool(a) && !is_bool(b), op,
              ": bool tensors have no difference; use ne or logical_not, or convert to another dtype");
}

// Whether a result of the operands, which are defined, is recorded.
bool records(const Tensor& a, const Operand& b) {
  return autograd::recording_enabled() && (recording(a) || (!b.is_scalar() && recording(b.tensor())));
}

Tensor add_to(Dest dest, const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_defined("add", a);
  if (!b.is_scalar()) check_defined("add", b.tensor(), "other");
  if (!is_plain(alpha)) check_alpha("add", alpha, result_type(a, b));
  const Elementwise op =
      alpha.equal(1) ? Elementwise{"add", kernels.add} : Elementwise{"add", kernels.add_scaled, {alpha, {}}};
  if (!records(a, b) && write_dense(op, dest, a, b)) return {};  // in place or _out: nobody takes the result
  Tensor y = binary(op, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("AddBackward1", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }));
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
  check_no_bool("sub", a, b);
  if (!is_plain(alpha)) check_alpha("sub", alpha, result_type(a, b));
  const Elementwise op =
      alpha.equal(1) ? Elementwise{"sub", kernels.sub} : Elementwise{"sub", kernels.add_scaled, {-alpha, {}}};
  if (!records(a, b) && write_dense(op, dest, a, b)) return {};  // in place or _out: nobody takes the result
  Tensor y = binary(op, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("SubBackward1", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }));
  }
  if (!recording(a, b.tensor())) return y;
  return record("SubBackward0", y, wrt(a, [undo = Undo(a, y)](const Tensor& g) { return undo(g); }),
                wrt(b.tensor(), [undo = Undo(b.tensor(), y), alpha](const Tensor& g) {
                  return undo(alpha.equal(1) ? g.neg() : g * -alpha);
                }));
}

// b − alpha·a
template <class B>
Tensor rsub_of(const Tensor& a, const B& b, const Scalar& alpha) {
  check_defined("rsub", a);
  if constexpr (std::is_same_v<B, Tensor>) check_defined("rsub", b, "other");
  check_no_bool("rsub", a, b);
  if (!is_plain(alpha)) check_alpha("rsub", alpha, result_type(a, b));
  const Elementwise op =
      alpha.equal(1) ? Elementwise{"rsub", kernels.sub} : Elementwise{"rsub", kernels.add_scaled, {-alpha, {}}};
  Tensor y = binary(op, Dest(), b, a);
  const auto da = [alpha](const Tensor& g, const auto&...) { return alpha.equal(1) ? g.neg() : g * -alpha; };
  if constexpr (std::is_same_v<B, Tensor>) {
    if (!recording(a, b)) return y;
    return record("RsubBackward0", y, wrt(a, [undo = Undo(a, y), da](const Tensor& g) { return undo(da(g)); }),
                  wrt(b, [undo = Undo(b, y)](const Tensor& g) { return undo(g); }));
  } else {
    if (!recording(a)) return y;
    return record("RsubBackward1", y, wrt(a, [undo = Undo(a, y), da](const Tensor& g) { return undo(da(g)); }));
  }
}

Tensor mul_to(Dest dest, const Tensor& a, const Operand& b) {
  check_defined("mul", a);
  if (!b.is_scalar()) check_defined("mul", b.tensor(), "other");
  const Elementwise op{"mul", kernels.mul};
  if (!records(a, b) && write_dense(op, dest, a, b)) return {};  // as in add_to
  Tensor y = binary(op, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("MulBackward1", y,
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

// True division: that of integers is of the default floating dtype.
Tensor div_to(Dest dest, const Tensor& a, const Operand& b) {
  Tensor y = binary_floating({"div", kernels.div}, dest, a, b);
  if (b.is_scalar()) {
    if (!recording(a)) return y;
    return record("DivBackward1", y,
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

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor rsub(const Tensor& self, const Tensor& other, const Scalar& alpha) { return rsub_of(self, other, alpha); }
Tensor rsub(const Tensor& self, const Scalar& other, const Scalar& alpha) { return rsub_of(self, other, alpha); }

Tensor operator/(const Scalar& a, const Tensor& b) {
  check_defined("div", b, "other");
  Tensor y = binary_floating({"div", kernels.div}, Dest(), a, b);
  if (!recording(b)) return y;
  return record("DivBackward0", y, wrt(b, [undo = Undo(b, y), b = save(b), y = save_output(y)](const Tensor& g) {
                  return undo(-g * (y.get() / b.get()));
                }));
}

#define EMBER_SCALED_SUM(name, Other) \
  Tensor name(const Tensor& self, const Other& other, const Scalar& alpha) { \
    return name##_to({}, self, other, alpha); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self, const Other& other, const Scalar& alpha) { \
    return out_elementwise(#name, out, {&self, input_of(other)}, \
                           [&](Dest dest) { name##_to(dest, self, other, alpha); }); \
  } \
  Tensor& Tensor::name##_(const Other& other, const Scalar& alpha) const { \
    return in_place(#name "_", *this, [&](Dest dest, const Tensor& x) { name##_to(dest, x, other, alpha); }); \
  }
EMBER_SCALED_SUM(add, Tensor)
EMBER_SCALED_SUM(add, Scalar)
EMBER_SCALED_SUM(sub, Tensor)
EMBER_SCALED_SUM(sub, Scalar)
#undef EMBER_SCALED_SUM

EMBER_BINARY_FUNCTION(mul, Tensor, Tensor)
EMBER_BINARY_FUNCTION(mul, Tensor, Scalar)
EMBER_BINARY_FUNCTION(div, Tensor, Tensor)
EMBER_BINARY_FUNCTION(div, Tensor, Scalar)

// In place; what self was is needed for the gradient of the other alone.
#define EMBER_PRODUCT_IN_PLACE(name, Other) \
  Tensor& Tensor::name##_(const Other& other) const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [&](Dest dest, const Tensor& x) { name##_to(dest, x, other); }, wants_gradient(other)); \
  }
EMBER_PRODUCT_IN_PLACE(mul, Tensor)
EMBER_PRODUCT_IN_PLACE(mul, Scalar)
EMBER_PRODUCT_IN_PLACE(div, Tensor)
EMBER_PRODUCT_IN_PLACE(div, Scalar)
#undef EMBER_PRODUCT_IN_PLACE

}  // namespace ember
