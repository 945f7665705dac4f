// What the rows of operations of two tensors share.
#pragma once

#include <limits>

#include "op_table.h"

namespace ember::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

using Scalar2 = double (*)(double, double);

struct Domain {
  double low = -3, high = 3;
  std::vector<double> avoid = {};
};

extern const std::vector<double> kSpecial;

// Two tensors of many shapes, with the values of which nobody thinks; the second form by method, the third in place.
std::vector<Variant> binary_variants(const Call& f, const Call& method, const InPlace& in_place, const Reference& r,
                                     const Domain& a, const Domain& b);
Reference pointwise(Scalar2 f);
// The tensor with a number, on each accepted dtype: integral (keeps the dtype) and floating.
void add_scalar_form(Op& op, const char* label, const Call& integral, const Call& floating, const InPlace& in_place,
                     Scalar2 reference, double integer, double fraction, Domain domain,
                     std::optional<Result> result = std::nullopt);

}  // namespace ember::test
