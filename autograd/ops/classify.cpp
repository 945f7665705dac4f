// What kind of number an element is, and whether tensors hold the same.
#include <algorithm>
#include <limits>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor isnan_to(Dest dest, const Tensor& x) { return compare({"isnan", kernels.ne}, dest, x, x); }

// Compares x with a number; integers, which are all finite, with themselves, by `of_integers`.
Tensor classify(const Elementwise& op, const Scalar& number, ElementwiseKernel& of_integers, Dest dest,
                const Tensor& x) {
  check_defined(op.name, x);
  return x.is_floating_point() ? compare(op, dest, x, number) : compare({op.name, of_integers}, dest, x, x);
}
Tensor isinf_to(Dest dest, const Tensor& x) {
  return classify({"isinf", kernels.abs_equal}, kInfinity, kernels.ne, dest, x);
}
Tensor isposinf_to(Dest dest, const Tensor& x) {
  return classify({"isposinf", kernels.eq}, kInfinity, kernels.ne, dest, x);
}
Tensor isneginf_to(Dest dest, const Tensor& x) {
  return classify({"isneginf", kernels.eq}, -kInfinity, kernels.ne, dest, x);
}

void check_bool_out(const char* op, const Tensor& out) {
  check_defined(op, out, "out");
  EMBER_CHECK(out.dtype() == kBool, op, ": out must be bool, got ", describe(out));
}

Tensor floating(const Tensor& t) { return as_dtype(t, t.is_floating_point() ? t.scalar_type() : get_default_dtype()); }

Tensor isclose_of(const char* op, const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  check_defined(op, a);
  check_defined(op, b, "other");
  check_same_device(op, a, b);
  EMBER_CHECK(a.dtype() == b.dtype(), op, ": expected one dtype, got ", describe(a), " and ", describe(b));
  EMBER_CHECK(rtol >= 0, op, ": rtol must not be negative, got ", rtol);
  EMBER_CHECK(atol >= 0, op, ": atol must not be negative, got ", atol);
  const NoGradGuard unrecorded;
  Tensor close = eq(a, b);  // covers infinities, whose difference is not a number
  if (equal_nan && a.is_floating_point()) close.logical_or_(logical_and(isnan(a), isnan(b)));
  if (rtol == 0 && atol == 0) return close;
  const Tensor x = floating(a);
  const Tensor y = floating(b);
  const Tensor difference = (x - y).abs();
  return close.logical_or_(logical_and(isfinite(difference), difference <= (y * rtol).abs() + atol));
}

// Whether each element is among a few others, compared a piece at a time so that the comparisons of one piece fit into
// a moderate piece of memory.
Tensor isin_by_comparison(const Tensor& values, const Tensor& wanted) {
  const Tensor found = zeros(values.sizes(), TensorOptions(kBool).device(values.device()));
  if (values.numel() == 0) return found;
  const int64_t piece = std::max<int64_t>(1, (int64_t{1} << 20) / values.numel());
  for (int64_t begin = 0; begin < wanted.numel(); begin += piece) {
    const int64_t end = std::min(wanted.numel(), begin + piece);
    found.logical_or_(piece == 1 ? eq(values, wanted.select(0, begin))
                                 : eq(values.unsqueeze(-1), wanted.slice(0, begin, end)).any(-1));
  }
  return found;
}

// The same by search in the sorted others.
Tensor isin_by_search(const Tensor& values, const Tensor& wanted) {
  const Tensor sorted = std::get<0>(wanted.sort());
  const Tensor at = searchsorted(sorted, values).clamp_max(wanted.numel() - 1);
  return eq(sorted.index_select(0, at.reshape({-1})).reshape(values.sizes()), values);
}

Tensor isin_of(const Tensor& elements, const Tensor& test_elements, bool invert) {
  check_defined("isin", elements, "elements");
  check_defined("isin", test_elements, "test_elements");
  check_same_device("isin", elements, test_elements);
  for (const Tensor* t : {&elements, &test_elements}) {
    EMBER_CHECK(t->dtype() != kBool, "isin: not implemented for bool, got ", describe(*t));
  }
  const NoGradGuard unrecorded;
  const ScalarType common = result_type(elements, test_elements);
  const ScalarType compared = element_size(common) == 2 && is_floating(common) ? kFloat32 : common;
  const Tensor values = as_dtype(elements, compared);
  const Tensor wanted = as_dtype(test_elements, compared).reshape({-1});
  const bool many = wanted.numel() > 16 && values.numel() > 16 && values.is_cpu();
  const Tensor found = many ? isin_by_search(values, wanted) : isin_by_comparison(values, wanted);
  return invert ? found.logical_not() : found;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_CLASSIFICATION(name, check) \
  Tensor name(const Tensor& self) { return name##_to({}, self); } \
  Tensor& name##_out(Tensor& out, const Tensor& self) { \
    check; \
    return out_elementwise(#name, out, {&self}, [&](Dest dest) { name##_to(dest, self); }); \
  }
EMBER_CLASSIFICATION(isnan, (void)0)
EMBER_CLASSIFICATION(isinf, (void)0)
EMBER_CLASSIFICATION(isposinf, check_bool_out("isposinf", out))
EMBER_CLASSIFICATION(isneginf, check_bool_out("isneginf", out))
#undef EMBER_CLASSIFICATION

Tensor isfinite(const Tensor& self) {
  return classify({"isfinite", kernels.abs_less}, kInfinity, kernels.eq, Dest(), self);
}
Tensor isreal(const Tensor& self) {
  check_defined("isreal", self);
  return ones_like(self, TensorOptions(kBool));
}

Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  return isclose_of("isclose", self, other, rtol, atol, equal_nan);
}
bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
  return isclose_of("allclose", self, other, rtol, atol, equal_nan).all().item<bool>();
}

bool equal(const Tensor& self, const Tensor& other) {
  check_defined("equal", self);
  check_defined("equal", other, "other");
  check_same_device("equal", self, other);
  if (!(self.sizes() == other.sizes())) return false;
  return !ne(self, other).any().item<bool>();
}

bool is_nonzero(const Tensor& self) {
  check_defined("is_nonzero", self);
  EMBER_CHECK(self.numel() == 1, "is_nonzero: expected a tensor of one element, got ", describe(self));
  return self.item().toBool();
}

Tensor isin(const Tensor& elements, const Tensor& test_elements, bool /*assume_unique*/, bool invert) {
  return isin_of(elements, test_elements, invert);
}
Tensor isin(const Tensor& elements, const Scalar& test_element, bool /*assume_unique*/, bool invert) {
  check_defined("isin", elements, "elements");
  EMBER_CHECK(elements.dtype() != kBool && !test_element.is_boolean(), "isin: not implemented for bool, got ",
              describe(elements), " and ", test_element);
  return invert ? ne(elements, test_element) : eq(elements, test_element);
}
Tensor isin(const Scalar& element, const Tensor& test_elements, bool /*assume_unique*/, bool invert) {
  check_defined("isin", test_elements, "test_elements");
  return isin_of(
      scalar_tensor(element, TensorOptions(result_type(element, test_elements)).device(test_elements.device())),
      test_elements, invert);
}

}  // namespace ember
