// Elementwise operations of three operands: addcmul, addcdiv, where and what is made of it.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

void check_ternary(const char* op, const Tensor& a, const Tensor& b, const Tensor& c) {
  check_defined(op, a);
  check_defined(op, b, "tensor1");
  check_defined(op, c, "tensor2");
  check_same_device(op, a, b);
  check_same_device(op, a, c);
}

Tensor addcmul_to(Dest dest, const Tensor& self, const Tensor& t1, const Tensor& t2, const Scalar& value) {
  check_ternary("addcmul", self, t1, t2);
  EMBER_CHECK(!value.is_floating_point() || is_floating(promote_types(result_type(self, t1), t2.dtype())),
              "addcmul: value = ", value, " needs a floating result");
  const Tensor y = ternary({"addcmul", kernels.addcmul, {value, {}}}, dest, self, t1, t2);
  if (!recording(self, t1, t2)) return y;
  return record("AddcmulBackward0", y, wrt(self, [undo = Undo(self, y)](const Tensor& g) { return undo(g); }),
                wrt(t1, [undo = Undo(t1, y), t2 = save_if(t1.requires_grad(), t2),
                         value](const Tensor& g) { return undo(g * t2.get() * value); }),
                wrt(t2, [undo = Undo(t2, y), t1 = save_if(t2.requires_grad(), t1), value](const Tensor& g) {
                  return undo(g * t1.get() * value);
                }));
}

Tensor addcdiv_to(Dest dest, const Tensor& self, const Tensor& t1, const Tensor& t2, const Scalar& value) {
  check_ternary("addcdiv", self, t1, t2);
  EMBER_CHECK(is_floating(promote_types(result_type(self, t1), t2.dtype())) &&
                  (t1.is_floating_point() || t2.is_floating_point()),
              "addcdiv: integer division is not supported; convert to a floating dtype first");
  const Tensor y = ternary({"addcdiv", kernels.addcdiv, {value, {}}}, dest, self, t1, t2);
  if (!recording(self, t1, t2)) return y;
  return record("AddcdivBackward0", y, wrt(self, [undo = Undo(self, y)](const Tensor& g) { return undo(g); }),
                wrt(t1, [undo = Undo(t1, y), t2 = save_if(t1.requires_grad(), t2),
                         value](const Tensor& g) { return undo(g * (value / t2.get())); }),
                wrt(t2, [undo = Undo(t2, y), t1 = save_if(t2.requires_grad(), t1), t2 = save_if(t2.requires_grad(), t2),
                         value](const Tensor& g) {
                  const Tensor d = t2.get();
                  return undo(-g * (t1.get() * value) / (d * d));
                }));
}

Tensor where_of(const Tensor& condition, const Operand& a, const Operand& b) {
  check_defined("where", condition, "condition");
  EMBER_CHECK(condition.dtype() == kBool, "where: expected a bool condition, got ", describe(condition));
  if (!a.is_scalar()) check_defined("where", a.tensor());
  if (!b.is_scalar()) check_defined("where", b.tensor(), "other");
  const ScalarType common = result_type(a, b);
  const Device device = condition.device();
  Dims sizes = condition.sizes();
  Tensor in[2];
  const Operand* operands[] = {&a, &b};
  for (int i = 0; i < 2; ++i) {
    if (operands[i]->is_scalar()) continue;
    const Tensor& t = operands[i]->tensor();
    EMBER_CHECK(t.device() == device || (t.is_cpu() && t.dim() == 0), "where: expected all tensors on one device, got ",
                describe(condition), " and ", describe(t));
    sizes = broadcast_shapes(sizes, t.sizes());
    const NoGradGuard unrecorded;
    in[i] = t.to(device, common);
  }
  const Tensor y = empty_result(sizes, common, device, in[0].defined() ? in[0] : condition);
  TensorIterator iter(y);
  iter.add_input(condition);
  for (int i = 0; i < 2; ++i) {
    if (in[i].defined()) {
      iter.add_input(in[i]);
    } else {
      iter.add_input(operands[i]->scalar());
    }
  }
  iter.build();
  if (iter.numel() != 0) launch(kernels.where, device, iter, Params{});
  return y;
}

template <class X>
const Tensor& operand_tensor(const X& x, const Tensor& none) {
  if constexpr (std::is_same_v<X, Tensor>) {
    return x;
  } else {
    return none;
  }
}

template <class A, class B>
Tensor where_recorded(const Tensor& condition, const A& a, const B& b) {
  const Tensor y = where_of(condition, a, b);
  const Tensor none;
  const Tensor& ta = operand_tensor(a, none);
  const Tensor& tb = operand_tensor(b, none);
  const bool wanted =
      GradMode::is_enabled() && ((ta.defined() && ta.requires_grad()) || (tb.defined() && tb.requires_grad()));
  if (!wanted) return y;
  const Tensor& like_a = ta.defined() ? ta : y;
  const Tensor& like_b = tb.defined() ? tb : y;
  return record("WhereBackward0", y,
                wrt(ta, [undo = Undo(like_a, y),
                         c = save(condition)](const Tensor& g) { return undo(where(c.get(), g, Scalar(0))); }),
                wrt(tb, [undo = Undo(like_b, y), c = save(condition)](const Tensor& g) {
                  return undo(where(c.get(), Scalar(0), g));
                }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
  return addcmul_to({}, self, tensor1, tensor2, value);
}
Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
  return addcdiv_to({}, self, tensor1, tensor2, value);
}
Tensor& Tensor::addcmul_(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) const {
  return in_place("addcmul_", *this, [&](Dest dest, const Tensor& x) { addcmul_to(dest, x, tensor1, tensor2, value); });
}
Tensor& Tensor::addcdiv_(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) const {
  return in_place("addcdiv_", *this, [&](Dest dest, const Tensor& x) { addcdiv_to(dest, x, tensor1, tensor2, value); });
}
Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) {
  return where_recorded(condition, self, other);
}
Tensor where(const Tensor& condition, const Tensor& self, const Scalar& other) {
  return where_recorded(condition, self, other);
}
Tensor where(const Tensor& condition, const Scalar& self, const Tensor& other) {
  return where_recorded(condition, self, other);
}

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) {
  check_defined("masked_fill", self);
  check_defined("masked_fill", mask, "mask");
  EMBER_CHECK(mask.dtype() == kBool, "masked_fill: expected a bool mask, got ", describe(mask));
  EMBER_CHECK(!value.is_floating_point() || self.is_floating_point(), "masked_fill: the value ", value,
              " does not fit into ", describe(self));
  const Tensor y = where(mask, value, self);
  return as_dtype(y, self.dtype());
}
Tensor& Tensor::masked_fill_(const Tensor& mask, const Scalar& value) const {
  check_defined("masked_fill_", *this);
  check_defined("masked_fill_", mask, "mask");
  EMBER_CHECK(is_expandable_to(mask.sizes(), sizes()), "masked_fill_: a mask of sizes ", mask.sizes(),
              " does not broadcast to ", sizes());
  return copy_(ember::masked_fill(*this, mask, value));
}

}  // namespace ember
