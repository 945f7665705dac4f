// where and masked_fill.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

void check_operand(const char* argument, const Tensor& t) { check_defined("where", t, argument); }
void check_operand(const char*, const Scalar&) {}
void check_number(const Tensor&, ScalarType) {}
void check_number(const Scalar& s, ScalarType common) {
  if (!is_floating(common)) check_fits("where", s, common);
}

template <class A, class B>
Tensor where_of(const Tensor& condition, const A& a, const B& b) {
  check_defined("where", condition, "condition");
  check_operand("self", a);
  check_operand("other", b);
  EMBER_CHECK(condition.dtype() == kBool || condition.dtype() == kUInt8, "where: expected a bool condition, got ",
              describe(condition));
  const Tensor chooses = as_dtype_unrecorded(condition, kBool);
  const ScalarType common = result_type(a, b);
  check_number(a, common);
  check_number(b, common);
  Tensor y = select("where", Dest(), chooses, a, b, common);
  if constexpr (std::is_same_v<A, Scalar> && std::is_same_v<B, Scalar>) {
    return y;
  } else {
    const auto of_a = [&](const Tensor& t) {
      return wrt(t, [undo = Undo(t, y), c = save_if(t.requires_grad(), chooses)](const Tensor& g) {
        return undo(where(c.get(), g, Scalar(0)));
      });
    };
    const auto of_b = [&](const Tensor& t) {
      return wrt(t, [undo = Undo(t, y), c = save_if(t.requires_grad(), chooses)](const Tensor& g) {
        return undo(where(c.get(), Scalar(0), g));
      });
    };
    if constexpr (std::is_same_v<A, Scalar>) {
      return recording(b) ? record("WhereBackward0", y, of_b(b)) : y;
    } else if constexpr (std::is_same_v<B, Scalar>) {
      return recording(a) ? record("WhereBackward0", y, of_a(a)) : y;
    } else {
      return recording(a, b) ? record("WhereBackward0", y, of_a(a), of_b(b)) : y;
    }
  }
}

void check_mask(const Tensor& self, const Tensor& mask) {
  check_defined("masked_fill", self);
  check_defined("masked_fill", mask, "mask");
  check_same_device("masked_fill", self, mask);
  EMBER_CHECK(mask.dtype() == kBool, "masked_fill: expected a bool mask, got ", describe(mask));
}

Tensor masked_fill_to(Dest dest, const Tensor& self, const Tensor& mask, const Scalar& value) {
  check_mask(self, mask);
  check_fits("masked_fill", value, self.dtype());
  Tensor y = select("masked_fill", dest, mask, value, self, self.dtype());
  if (!recording(self)) return y;
  return record("MaskedFillBackward0", y, wrt(self, [undo = Undo(self, y), m = save(mask)](const Tensor& g) {
                  return undo(masked_fill(g, m.get(), 0));
                }));
}

Tensor masked_fill_to(Dest dest, const Tensor& self, const Tensor& mask, const Tensor& value) {
  check_mask(self, mask);
  check_defined("masked_fill", value, "value");
  EMBER_CHECK(value.dim() == 0, "masked_fill: expected a 0-dimensional value, got ", describe(value));
  Tensor y = select("masked_fill", dest, mask, value, self, self.dtype());
  if (!y.is_floating_point() || !recording(self, value)) return y;
  return record(
      "MaskedFillBackward1", y,
      wrt(self, [undo = Undo(self, y), m = save(mask)](const Tensor& g) { return undo(masked_fill(g, m.get(), 0)); }),
      wrt(value, [undo = Undo(value, y), m = save(mask)](const Tensor& g) { return undo(where(m.get(), g, 0)); }));
}

void check_mask_in_place(const Tensor& self, const Tensor& mask) {
  check_defined("masked_fill_", self);
  check_defined("masked_fill_", mask, "mask");
  EMBER_CHECK(is_expandable_to(mask.sizes(), self.sizes()), "masked_fill_: a mask of sizes ", mask.sizes(),
              " does not broadcast to ", self.sizes());
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) {
  return where_of(condition, self, other);
}
Tensor where(const Tensor& condition, const Tensor& self, const Scalar& other) {
  return where_of(condition, self, other);
}
Tensor where(const Tensor& condition, const Scalar& self, const Tensor& other) {
  return where_of(condition, self, other);
}
Tensor where(const Tensor& condition, const Scalar& self, const Scalar& other) {
  return where_of(condition, self, other);
}
std::vector<Tensor> where(const Tensor& condition) { return nonzero_numpy(condition); }

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) {
  return masked_fill_to({}, self, mask, value);
}
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value) {
  return masked_fill_to({}, self, mask, value);
}
Tensor& Tensor::masked_fill_(const Tensor& mask, const Scalar& value) const {
  check_mask_in_place(*this, mask);
  return in_place("masked_fill_", *this, [&](Dest dest, const Tensor& x) { masked_fill_to(dest, x, mask, value); });
}
Tensor& Tensor::masked_fill_(const Tensor& mask, const Tensor& value) const {
  check_mask_in_place(*this, mask);
  return in_place("masked_fill_", *this, [&](Dest dest, const Tensor& x) { masked_fill_to(dest, x, mask, value); });
}

}  // namespace ember
