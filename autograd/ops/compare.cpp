// Comparisons: results are bool and have no gradient.
#include <limits>

#include <ember/autograd/ops/common.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_COMPARE_OPERATION(name) \
  Tensor name(const Tensor& self, const Tensor& other) { return compare({#name, kernels.name}, self, other); } \
  Tensor name(const Tensor& self, const Scalar& other) { return compare({#name, kernels.name}, self, other); }
EMBER_COMPARE_OPERATION(eq)
EMBER_COMPARE_OPERATION(ne)
EMBER_COMPARE_OPERATION(lt)
EMBER_COMPARE_OPERATION(le)
EMBER_COMPARE_OPERATION(gt)
EMBER_COMPARE_OPERATION(ge)
#undef EMBER_COMPARE_OPERATION

Tensor logical_not(const Tensor& self) { return eq(self, Scalar(0)); }
Tensor isnan(const Tensor& self) { return ne(self, self); }

bool equal(const Tensor& self, const Tensor& other) {
  check_defined("equal", self);
  check_defined("equal", other, "other");
  check_same_device("equal", self, other);
  EMBER_CHECK(self.dtype() == other.dtype(), "equal: expected one dtype, got ", describe(self), " and ",
              describe(other));
  if (!(self.sizes() == other.sizes())) return false;
  const NoGradGuard unrecorded;
  return !ne(self, other).any().item<bool>();
}

bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  check_defined("allclose", self);
  check_defined("allclose", other, "other");
  check_same_device("allclose", self, other);
  EMBER_CHECK(self.dtype() == other.dtype(), "allclose: expected one dtype, got ", describe(self), " and ",
              describe(other));
  const NoGradGuard unrecorded;
  const Tensor a = self.to(kFloat64);
  const Tensor b = other.to(kFloat64);
  // Equal covers infinities, whose difference is not a number.
  Tensor close =
      (a == b) + ((a - b).abs() <= b.abs() * rtol + atol) * (b.abs() < std::numeric_limits<double>::infinity());
  if (equal_nan) close = close + isnan(a) * isnan(b);
  return close.all().item<bool>();
}

}  // namespace ember
