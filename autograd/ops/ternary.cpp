// Elementwise operations of three operands: addcmul, addcdiv, lerp, nan_to_num.
#include <limits>

#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

void check_ternary(const char* op, const Tensor& a, const Tensor& b, const Tensor& c) {
  check_defined(op, a);
  check_defined(op, b, "tensor1");
  check_defined(op, c, "tensor2");
}

// For integers `value` is truncated, as PyTorch's is.
Tensor addcmul_to(Dest dest, const Tensor& self, const Tensor& t1, const Tensor& t2, const Scalar& value) {
  check_ternary("addcmul", self, t1, t2);
  Tensor y = ternary({"addcmul", kernels.addcmul, {value, {}}}, dest, self, t1, t2);
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
  EMBER_CHECK(t1.is_floating_point() || t2.is_floating_point(), "addcdiv: the division of integers, ", describe(t1),
              " by ", describe(t2), ", is not supported; convert to a floating dtype first");
  Tensor y = ternary({"addcdiv", kernels.addcdiv, {value, {}}}, dest, self, t1, t2);
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

void check_lerp(const Tensor& self, const Tensor& end) {
  check_defined("lerp", self);
  check_defined("lerp", end, "end");
  EMBER_CHECK(self.dtype() == end.dtype(), "lerp: expected one dtype, got ", describe(self), " and ", describe(end));
}

Tensor lerp_to(Dest dest, const Tensor& self, const Tensor& end, const Scalar& weight) {
  check_lerp(self, end);
  EMBER_CHECK(self.is_floating_point(), "lerp: expected a floating dtype, got ", describe(self));
  Tensor y = ternary_in({"lerp", kernels.lerp}, dest, self, end, weight, self.dtype());
  if (!recording(self, end)) return y;
  const double w = weight.toDouble();
  return record("LerpBackward0", y, wrt(self, [undo = Undo(self, y), w](const Tensor& g) { return undo(g * (1 - w)); }),
                wrt(end, [undo = Undo(end, y), w](const Tensor& g) { return undo(g * w); }));
}

Tensor lerp_to(Dest dest, const Tensor& self, const Tensor& end, const Tensor& weight) {
  check_lerp(self, end);
  check_defined("lerp", weight, "weight");
  EMBER_CHECK(weight.dim() == 0 || weight.dtype() == self.dtype(), "lerp: expected one dtype, got ", describe(self),
              " and the weight ", describe(weight));
  const ScalarType common = result_type(self, end, weight);
  EMBER_CHECK(is_floating(common), "lerp: expected a floating dtype, got ", describe(self));
  Tensor y = ternary_in({"lerp", kernels.lerp}, dest, self, end, weight, common);
  if (!recording(self, end, weight)) return y;
  const bool weighted = self.requires_grad() || end.requires_grad();
  return record(
      "LerpBackward1", y,
      wrt(self,
          [undo = Undo(self, y), w = save_if(weighted, weight)](const Tensor& g) { return undo(g * (1 - w.get())); }),
      wrt(end, [undo = Undo(end, y), w = save_if(weighted, weight)](const Tensor& g) { return undo(g * w.get()); }),
      wrt(weight,
          [undo = Undo(weight, y), a = save_if(weight.requires_grad(), self),
           b = save_if(weight.requires_grad(), end)](const Tensor& g) { return undo(g * (b.get() - a.get())); }));
}

Tensor nan_to_num_to(Dest dest, const Tensor& x, std::optional<double> nan, std::optional<double> posinf,
                     std::optional<double> neginf) {
  check_defined("nan_to_num", x);
  if (!x.is_floating_point()) {  // they have neither
    if (dest.given()) {
      return select("nan_to_num", dest, ones({}, TensorOptions(kBool).device(x.device())), x, x, x.dtype());
    }
    return x.clone();
  }
  const double largest = x.dtype() == kFloat16    ? 65504
                         : x.dtype() == kBFloat16 ? 3.3895313892515355e38
                         : x.dtype() == kFloat32  ? static_cast<double>(std::numeric_limits<float>::max())
                                                  : std::numeric_limits<double>::max();
  Tensor y = ternary_in({"nan_to_num", kernels.nan_to_num, {nan.value_or(0), {}}}, dest, x,
                        Scalar(posinf.value_or(largest)), Scalar(neginf.value_or(-largest)), x.dtype());
  if (!recording(x)) return y;
  return record("NanToNumBackward0", y,
                wrt(x, [x = save(x)](const Tensor& g) { return where(isfinite(x.get()), g, 0); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_ADDED_PRODUCT(name) \
  Tensor name(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) { \
    return name##_to({}, self, tensor1, tensor2, value); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, \
                     const Scalar& value) { \
    return out_elementwise(#name, out, {&self, &tensor1, &tensor2}, \
                           [&](Dest dest) { name##_to(dest, self, tensor1, tensor2, value); }); \
  } \
  Tensor& Tensor::name##_(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) const { \
    return in_place(#name "_", *this, \
                    [&](Dest dest, const Tensor& x) { name##_to(dest, x, tensor1, tensor2, value); }); \
  }
EMBER_ADDED_PRODUCT(addcmul)
EMBER_ADDED_PRODUCT(addcdiv)
#undef EMBER_ADDED_PRODUCT

#define EMBER_LERP(Weight) \
  Tensor lerp(const Tensor& self, const Tensor& end, const Weight& weight) { return lerp_to({}, self, end, weight); } \
  Tensor& lerp_out(Tensor& out, const Tensor& self, const Tensor& end, const Weight& weight) { \
    return out_elementwise("lerp", out, {&self, &end, input_of(weight)}, \
                           [&](Dest dest) { lerp_to(dest, self, end, weight); }); \
  } \
  Tensor& Tensor::lerp_(const Tensor& end, const Weight& weight) const { \
    return in_place( \
        "lerp_", *this, [&](Dest dest, const Tensor& x) { lerp_to(dest, x, end, weight); }, wants_gradient(weight)); \
  }
EMBER_LERP(Scalar)
EMBER_LERP(Tensor)
#undef EMBER_LERP

Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  return nan_to_num_to({}, self, nan, posinf, neginf);
}
Tensor& nan_to_num_out(Tensor& out, const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                       std::optional<double> neginf) {
  check_defined("nan_to_num", self);
  check_defined("nan_to_num", out, "out");
  EMBER_CHECK(out.dtype() == self.dtype(), "nan_to_num: out must be of the input's dtype, got ", describe(out), " and ",
              describe(self));
  return out_elementwise("nan_to_num", out, {&self},
                         [&](Dest dest) { nan_to_num_to(dest, self, nan, posinf, neginf); });
}
Tensor& Tensor::nan_to_num_(std::optional<double> nan, std::optional<double> posinf,
                            std::optional<double> neginf) const {
  check_defined("nan_to_num_", *this);
  return in_place(
      "nan_to_num_", *this, [&](Dest dest, const Tensor& x) { nan_to_num_to(dest, x, nan, posinf, neginf); },
      requires_grad());
}

}  // namespace ember
