// Comparison and logic: results are bool and have no gradient.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

Tensor eq(const Tensor& self, const Scalar& other);
Tensor eq(const Tensor& self, const Tensor& other);
Tensor& eq_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& eq_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor ne(const Tensor& self, const Scalar& other);
Tensor ne(const Tensor& self, const Tensor& other);
Tensor& ne_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& ne_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor not_equal(const Tensor& self, const Scalar& other) { return ne(self, other); }
inline Tensor not_equal(const Tensor& self, const Tensor& other) { return ne(self, other); }
inline Tensor& not_equal_out(Tensor& out, const Tensor& self, const Scalar& other) { return ne_out(out, self, other); }
inline Tensor& not_equal_out(Tensor& out, const Tensor& self, const Tensor& other) { return ne_out(out, self, other); }
Tensor lt(const Tensor& self, const Scalar& other);
Tensor lt(const Tensor& self, const Tensor& other);
Tensor& lt_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& lt_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor less(const Tensor& self, const Scalar& other) { return lt(self, other); }
inline Tensor less(const Tensor& self, const Tensor& other) { return lt(self, other); }
inline Tensor& less_out(Tensor& out, const Tensor& self, const Scalar& other) { return lt_out(out, self, other); }
inline Tensor& less_out(Tensor& out, const Tensor& self, const Tensor& other) { return lt_out(out, self, other); }
Tensor le(const Tensor& self, const Scalar& other);
Tensor le(const Tensor& self, const Tensor& other);
Tensor& le_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& le_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor less_equal(const Tensor& self, const Scalar& other) { return le(self, other); }
inline Tensor less_equal(const Tensor& self, const Tensor& other) { return le(self, other); }
inline Tensor& less_equal_out(Tensor& out, const Tensor& self, const Scalar& other) { return le_out(out, self, other); }
inline Tensor& less_equal_out(Tensor& out, const Tensor& self, const Tensor& other) { return le_out(out, self, other); }
Tensor gt(const Tensor& self, const Scalar& other);
Tensor gt(const Tensor& self, const Tensor& other);
Tensor& gt_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& gt_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor greater(const Tensor& self, const Scalar& other) { return gt(self, other); }
inline Tensor greater(const Tensor& self, const Tensor& other) { return gt(self, other); }
inline Tensor& greater_out(Tensor& out, const Tensor& self, const Scalar& other) { return gt_out(out, self, other); }
inline Tensor& greater_out(Tensor& out, const Tensor& self, const Tensor& other) { return gt_out(out, self, other); }
Tensor ge(const Tensor& self, const Scalar& other);
Tensor ge(const Tensor& self, const Tensor& other);
Tensor& ge_out(Tensor& out, const Tensor& self, const Scalar& other);
Tensor& ge_out(Tensor& out, const Tensor& self, const Tensor& other);
inline Tensor greater_equal(const Tensor& self, const Scalar& other) { return ge(self, other); }
inline Tensor greater_equal(const Tensor& self, const Tensor& other) { return ge(self, other); }
inline Tensor& greater_equal_out(Tensor& out, const Tensor& self, const Scalar& other) {
  return ge_out(out, self, other);
}
inline Tensor& greater_equal_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return ge_out(out, self, other);
}
Tensor isnan(const Tensor& self);
Tensor& isnan_out(Tensor& out, const Tensor& self);
Tensor isinf(const Tensor& self);
Tensor& isinf_out(Tensor& out, const Tensor& self);
Tensor isfinite(const Tensor& self);
Tensor isposinf(const Tensor& self);
Tensor& isposinf_out(Tensor& out, const Tensor& self);
Tensor isneginf(const Tensor& self);
Tensor& isneginf_out(Tensor& out, const Tensor& self);
Tensor isreal(const Tensor& self);
Tensor isclose(const Tensor& self, const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
Tensor isin(const Tensor& elements, const Tensor& test_elements, bool assume_unique = false, bool invert = false);
Tensor isin(const Tensor& elements, const Scalar& test_element, bool assume_unique = false, bool invert = false);
Tensor isin(const Scalar& element, const Tensor& test_elements, bool assume_unique = false, bool invert = false);
Tensor logical_not(const Tensor& self);
Tensor& logical_not_out(Tensor& out, const Tensor& self);
Tensor logical_and(const Tensor& self, const Tensor& other);
Tensor& logical_and_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor logical_or(const Tensor& self, const Tensor& other);
Tensor& logical_or_out(Tensor& out, const Tensor& self, const Tensor& other);
Tensor logical_xor(const Tensor& self, const Tensor& other);
Tensor& logical_xor_out(Tensor& out, const Tensor& self, const Tensor& other);
bool allclose(const Tensor& self, const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false);
bool equal(const Tensor& self, const Tensor& other);
bool is_nonzero(const Tensor& self);

}  // namespace ember
