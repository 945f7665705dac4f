// The dtype of what operands of several dtypes give: PyTorch's rules of type promotion.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember::ops {

namespace {

ScalarType category_dtype(const Operand& o) {
  if (!o.is_scalar()) return o.tensor().dtype();
  if (o.scalar().is_floating_point()) return get_default_dtype();
  return o.scalar().is_integral() ? kInt64 : kBool;
}

int priority(const Operand& o) {  // which group decides
  if (o.is_scalar()) return 0;
  return o.tensor().dim() == 0 ? 1 : 2;
}

}  // namespace

ScalarType result_type(const Operand& a, const Operand& b) {
  const int pa = priority(a);
  const int pb = priority(b);
  ScalarType ta = category_dtype(a);
  ScalarType tb = category_dtype(b);
  if (pa == pb) return promote_types(ta, tb);
  if (pa < pb) std::swap(ta, tb);
  return dtype_category(tb) > dtype_category(ta) ? promote_types(ta, tb) : ta;
}

ScalarType result_type(const Operand& a, const Operand& b, const Operand& c) {
  // Within a group of one priority all are promoted; then from the highest group down.
  ScalarType groups[3] = {ScalarType::Undefined, ScalarType::Undefined, ScalarType::Undefined};
  for (const Operand* o : {&a, &b, &c}) {
    ScalarType& group = groups[priority(*o)];
    const ScalarType t = category_dtype(*o);
    group = group == ScalarType::Undefined ? t : promote_types(group, t);
  }
  ScalarType result = ScalarType::Undefined;
  for (int p = 2; p >= 0; --p) {
    if (groups[p] == ScalarType::Undefined) continue;
    if (result == ScalarType::Undefined) {
      result = groups[p];
    } else if (dtype_category(groups[p]) > dtype_category(result)) {
      result = promote_types(result, groups[p]);
    }
  }
  return result;
}

}  // namespace ember::ops

namespace ember {

ScalarType result_type(const Tensor& tensor, const Tensor& other) {
  ops::check_defined("result_type", tensor, "tensor");
  ops::check_defined("result_type", other, "other");
  return ops::result_type(ops::Operand(tensor), ops::Operand(other));
}
ScalarType result_type(const Tensor& tensor, const Scalar& other) {
  ops::check_defined("result_type", tensor, "tensor");
  return ops::result_type(ops::Operand(tensor), ops::Operand(other));
}
ScalarType result_type(const Scalar& scalar, const Tensor& tensor) { return result_type(tensor, scalar); }
ScalarType result_type(const Scalar& scalar1, const Scalar& scalar2) {
  return ops::result_type(ops::Operand(scalar1), ops::Operand(scalar2));
}

}  // namespace ember
