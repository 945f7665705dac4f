// Rows of the normalisations.
#include <cmath>

#include "op_table.h"

namespace ember::test {
namespace {

// Over the last elements, as many as `n`; weight and bias have n elements or are null.
HostArray layer_norm_of(const HostArray& x, int64_t n, const HostArray* weight, const HostArray* bias, double eps) {
  HostArray y = x;
  const auto size = static_cast<size_t>(n);
  for (size_t start = 0; start < y.data.size(); start += size) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < size; ++i) mean += x.data[start + i] / static_cast<double>(n);
    for (size_t i = 0; i < size; ++i) {
      variance += (x.data[start + i] - mean) * (x.data[start + i] - mean) / static_cast<double>(n);
    }
    for (size_t i = 0; i < size; ++i) {
      double& v = y.data[start + i];
      v = (v - mean) / std::sqrt(variance + eps);
      if (weight != nullptr) v *= weight->data[i];
      if (bias != nullptr) v += bias->data[i];
    }
  }
  return y;
}

}  // namespace

void add_normalization_ops(std::vector<Op>& table) {
  Op op;
  op.name = "layer_norm";
  op.dtypes = kFloatDtypes;
  op.refused = {kInt64, kBool};
  op.tolerance = {16, 64, true};
  struct Case {
    Sizes sizes, normalized;
  };
  // The last are rows that fill vectors, and more than one block of rows.
  for (const Case& c : std::vector<Case>{
           {{3}, {3}}, {{2, 5}, {5}}, {{2, 3, 4}, {3, 4}}, {{0, 3}, {3}}, {{3, 150}, {150}}, {{70, 9}, {9}}}) {
    for (const int parameters : {0, 1, 2}) {  // none, the weight, the weight and the bias
      Variant v;
      v.label = to_string(c.sizes) + " over " + to_string(c.normalized) + (parameters > 0 ? " weighted" : "") +
                (parameters > 1 ? " shifted" : "");
      v.inputs = {value(c.sizes)};
      for (int i = 0; i < parameters; ++i) v.inputs.push_back(value(c.normalized, -2, 2));
      v.call = call([=](const Tensors& t) {
        return layer_norm(t[0], c.normalized, parameters > 0 ? t[1] : Tensor(), parameters > 1 ? t[2] : Tensor(), 0.01);
      });
      v.reference = ref([=](const Arrays& a) {
        return layer_norm_of(a[0], count(c.normalized), parameters > 0 ? &a[1] : nullptr,
                             parameters > 1 ? &a[2] : nullptr, 0.01);
      });
      v.gradient = count(c.sizes) < 30;
      op.variants.push_back(v);
    }
  }
  table.push_back(op);
}

}  // namespace ember::test
