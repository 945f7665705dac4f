// What the rows of operations with one tensor share.
#pragma once

#include "op_table.h"

namespace ember::test {

using Scalar1 = double (*)(double);

// Often enough that vectors are filled with them, and at changing places in these.
Input repeated(const std::vector<double>& values);

// What every elementwise operation meets: ranks 0 to 4, sizes that no vector width divides, a size large
// enough for several threads, no elements, and (floating only) the values that are not ordinary numbers.
std::vector<Variant> unary_variants(const Call& f, const Call& method, const InPlace& in_place, const Reference& r,
                                    double low, double high, const std::vector<double>& avoid);

struct UnaryRow {
  const char* name;
  Tensor (*function)(const Tensor&);
  Tensor (Tensor::*method)() const;
  Tensor& (Tensor::*in_place)() const;
  Scalar1 reference;
  double low, high;
  std::vector<double> avoid;
  Result result;
  std::vector<ScalarType> dtypes, refused;
};
Op make_unary(const UnaryRow& row);

}  // namespace ember::test
