#include "op_table.h"

namespace ember::test {

const std::vector<ScalarType> kFloatDtypes = {kFloat32, kFloat64, kFloat16, kBFloat16};
const std::vector<ScalarType> kIntegerDtypes = {kUInt8, kInt8, kInt16, kInt32, kInt64};
const std::vector<ScalarType> kNumericDtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kUInt8,
                                                kInt8,    kInt16,   kInt32,   kInt64};
const std::vector<ScalarType> kAllDtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kUInt8,
                                            kInt8,    kInt16,   kInt32,   kInt64,    kBool};
const std::vector<ScalarType> kNonFloatDtypes = {kUInt8, kInt8, kInt16, kInt32, kInt64, kBool};

ScalarType result_dtype(Result result, ScalarType values, size_t output) {
  switch (result) {
    case Result::Same: return values;
    case Result::Floating: return is_floating(values) ? values : kFloat32;
    case Result::Sum: return is_floating(values) ? values : kInt64;
    case Result::Bool: return kBool;
    case Result::Index: return kInt64;
    case Result::SameAndIndex: return output == 0 ? values : kInt64;
    case Result::Promoted: return values == kBool ? kInt64 : values;
  }
  return ScalarType::Undefined;
}

const std::vector<Op>& op_table() {
  static const std::vector<Op> table = [] {
    std::vector<Op> t;
    add_unary_ops(t);
    add_math_ops(t);
    add_activation_ops(t);
    add_binary_ops(t);
    add_arithmetic_ops(t);
    add_reduce_ops(t);
    add_moment_ops(t);
    add_scan_ops(t);
    add_sort_ops(t);
    add_linalg_ops(t);
    add_shape_ops(t);
    add_view_ops(t);
    add_arrange_ops(t);
    add_index_ops(t);
    add_indexing_ops(t);
    add_scatter_ops(t);
    add_loss_ops(t);
    add_normalization_ops(t);
    return t;
  }();
  return table;
}

}  // namespace ember::test
