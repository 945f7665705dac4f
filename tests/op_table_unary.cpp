// Rows of the elementwise operations with one tensor.
#include <algorithm>
#include <cmath>
#include <limits>

#include "op_table_unary.h"

namespace ember::test {

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
}  // namespace

Input repeated(const std::vector<double>& values) {
  std::vector<double> all;
  for (int i = 0; i < 15; ++i) all.insert(all.end(), values.begin(), values.end());
  const auto n = static_cast<int64_t>(all.size());
  return given({n}, std::move(all));
}

std::vector<Variant> unary_variants(const Call& f, const Call& method, const InPlace& in_place, const Reference& r,
                                    double low, double high, const std::vector<double>& avoid) {
  std::vector<Variant> variants;
  for (const Sizes& sizes : std::vector<Sizes>{{}, {1}, {7}, {3, 5}, {2, 3, 4}, {2, 1, 3, 2}, {0}, {2, 0, 3}}) {
    variants.push_back({to_string(sizes), {value(sizes, low, high, avoid)}, f, r, method, in_place});
  }
  Variant large{"large", {value({70001}, low, high)}, f, r, nullptr, in_place};
  large.gradient = large.layouts = false;
  variants.push_back(large);
  Variant rows{"rows", {value({37, 67}, low, high)}, f, r, nullptr, in_place};
  rows.gradient = false;
  variants.push_back(rows);
  Variant special{"special", {repeated({kNan, kInf, -kInf, 0, 1, -1, 100, -100, 0.5})}, f, r, nullptr, in_place};
  special.gradient = false;
  special.dtypes = kFloatDtypes;
  variants.push_back(special);
  return variants;
}

Op make_unary(const UnaryRow& row) {
  Op op;
  op.name = row.name;
  op.result = row.result;
  op.dtypes = row.dtypes;
  op.refused = row.refused;
  op.variants = unary_variants(
      call([f = row.function](const Tensors& t) { return f(t[0]); }),
      call([m = row.method](const Tensors& t) { return (t[0].*m)(); }),
      [m = row.in_place](const Tensors& t) { (t[0].*m)(); },
      ref([f = row.reference](const Arrays& a) { return map(a[0], f); }), row.low, row.high, row.avoid);
  return op;
}

namespace {

// Rows with numbers beside the tensor.
void add_with_numbers(std::vector<Op>& table) {
  const auto add = [&](const char* name, const Call& f, const Call& method, const InPlace& in_place, Scalar1 reference,
                       double low, double high, const std::vector<double>& avoid) {
    Op op;
    op.name = name;
    op.dtypes = kNumericDtypes;
    op.variants = unary_variants(f, method, in_place,
                                 ref([reference](const Arrays& a) { return map(a[0], reference); }), low, high, avoid);
    table.push_back(op);
    return table.size() - 1;
  };
  // Comparisons are written so that a NaN stays.
  add(
      "clamp", call([](const Tensors& t) { return clamp(t[0], -1, 2); }),
      call([](const Tensors& t) { return t[0].clamp(-1, 2); }), [](const Tensors& t) { t[0].clamp_(-1, 2); },
      [](double x) { return x < -1  ? -1
                            : x > 2 ? 2
                                    : x; }, -3, 3, {-1, 2});
  // A negative bound has no meaning for uint8.
  table.back().dtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kInt8, kInt16, kInt32, kInt64};
  Op& clamp_op = table.back();
  const auto clamp_more = [&](const char* label, const Call& f, const InPlace& in_place, const Scalar1 reference,
                              std::vector<double> avoid, bool floating_bound) {
    Variant v{label, {value({4, 3}, -3, 3, std::move(avoid))}, f, ref([reference](const Arrays& a) {
                return map(a[0], reference);
              })};
    v.in_place = in_place;
    if (floating_bound) v.result = Result::Floating;
    clamp_op.variants.push_back(v);
  };
  clamp_more(
      "only min", call([](const Tensors& t) { return clamp(t[0], 1); }), [](const Tensors& t) { t[0].clamp_(1); },
      [](double x) { return x < 1 ? 1 : x; }, {1}, false);
  clamp_more(
      "only max", call([](const Tensors& t) { return clamp(t[0], std::nullopt, 1); }),
      [](const Tensors& t) { t[0].clamp_(std::nullopt, 1); }, [](double x) { return x > 1 ? 1 : x; }, {1}, false);
  clamp_more(
      "min above max", call([](const Tensors& t) { return clamp(t[0], 2, -1); }),
      [](const Tensors& t) { t[0].clamp_(2, -1); }, [](double x) { return x * 0 - 1; }, {-1, 2}, false);
  clamp_more(
      "floating bounds", call([](const Tensors& t) { return clamp(t[0], -0.5, 1.5); }), nullptr,
      [](double x) { return x < -0.5  ? -0.5
                            : x > 1.5 ? 1.5
                                      : x; }, {-0.5, 1.5}, true);
  add(
      "clamp_min", call([](const Tensors& t) { return clamp_min(t[0], 1); }),
      call([](const Tensors& t) { return t[0].clamp_min(1); }), [](const Tensors& t) { t[0].clamp_min_(1); },
      [](double x) { return x < 1 ? 1 : x; }, -3, 3, {1});
  add(
      "clamp_max", call([](const Tensors& t) { return clamp_max(t[0], 1); }),
      call([](const Tensors& t) { return t[0].clamp_max(1); }), [](const Tensors& t) { t[0].clamp_max_(1); },
      [](double x) { return x > 1 ? 1 : x; }, -3, 3, {1});

  // A bound that is NaN makes everything NaN, integers too (as PyTorch's); what the gradients are then has a
  // test of its own (Gradient.OfClampAtNaN).
  const auto nan_bound = [&](const char* name, const char* label, const Call& f, const InPlace& in_place) {
    for (Op& op : table) {
      if (op.name != name) continue;
      Variant v{label, {value({37, 67})}, f, ref([](const Arrays& a) { return filled(a[0].sizes, kNan); })};
      v.in_place = in_place;
      v.gradient = false;
      v.result = Result::Floating;
      op.variants.push_back(v);
      v.label += std::string(", special");
      v.inputs = {repeated({kNan, kInf, -kInf, 0, 1, -1, 100, -100, 0.5})};
      v.dtypes = kFloatDtypes;
      op.variants.push_back(v);
    }
  };
  nan_bound("clamp", "min NaN", call([](const Tensors& t) { return clamp(t[0], kNan, 2); }),
            [](const Tensors& t) { t[0].clamp_(kNan, 2); });
  nan_bound("clamp", "max NaN", call([](const Tensors& t) { return clamp(t[0], -1, kNan); }),
            [](const Tensors& t) { t[0].clamp_(-1, kNan); });
  nan_bound("clamp", "both NaN", call([](const Tensors& t) { return t[0].clamp(kNan, kNan); }),
            [](const Tensors& t) { t[0].clamp_(kNan, kNan); });
  nan_bound("clamp", "only min, NaN", call([](const Tensors& t) { return clamp(t[0], kNan); }),
            [](const Tensors& t) { t[0].clamp_(kNan); });
  nan_bound("clamp", "only max, NaN", call([](const Tensors& t) { return clamp(t[0], std::nullopt, kNan); }),
            [](const Tensors& t) { t[0].clamp_(std::nullopt, kNan); });
  nan_bound("clamp_min", "NaN", call([](const Tensors& t) { return clamp_min(t[0], kNan); }),
            [](const Tensors& t) { t[0].clamp_min_(kNan); });
  nan_bound("clamp_max", "NaN", call([](const Tensors& t) { return clamp_max(t[0], kNan); }),
            [](const Tensors& t) { t[0].clamp_max_(kNan); });

  // pow with a number: the exponents that have shorter ways to be computed, and some that have not.
  Op pow_op;
  pow_op.name = "pow_scalar";
  pow_op.dtypes = kNumericDtypes;
  for (const double exponent : {0.0, 1.0, 2.0, 3.0, 4.0}) {
    const auto e = static_cast<int64_t>(exponent);
    auto variants = unary_variants(
        call([e](const Tensors& t) { return pow(t[0], e); }), call([e](const Tensors& t) { return t[0].pow(e); }),
        [e](const Tensors& t) { t[0].pow_(e); },
        ref([exponent](const Arrays& a) { return map(a[0], [exponent](double x) { return std::pow(x, exponent); }); }),
        -3, 3, {0});
    for (Variant& v : variants) {
      v.label = std::string("^").append(std::to_string(e)).append(" ").append(v.label);
      pow_op.variants.push_back(v);
    }
  }
  for (const double exponent : {0.5, -0.5, -1.0, -2.0, 1.7, -1.7}) {
    Variant v{"^" + std::to_string(exponent),
              {value({3, 5}, 0.5, 3)},
              call([exponent](const Tensors& t) { return pow(t[0], exponent); }),
              ref([exponent](const Arrays& a) { return map(a[0], [=](double x) { return std::pow(x, exponent); }); })};
    v.method = call([exponent](const Tensors& t) { return t[0].pow(exponent); });
    v.result = Result::Floating;
    pow_op.variants.push_back(v);
    v.label += " special";
    v.inputs = {repeated({kNan, kInf, -kInf, 0, 1, -1, 100, -100, 0.5})};
    // √−∞ is NaN, what IEEE 754's pow says notwithstanding; PyTorch takes the root there.
    if (std::fabs(exponent) == 0.5) std::replace(v.inputs[0].values.begin(), v.inputs[0].values.end(), -kInf, 2.0);
    v.in_place = [exponent](const Tensors& t) { t[0].pow_(exponent); };
    v.dtypes = kFloatDtypes;
    v.gradient = false;
    pow_op.variants.push_back(v);
  }
  pow_op.tolerance = {8, 8};
  table.push_back(pow_op);

  Op rpow;
  rpow.name = "pow_scalar_base";
  rpow.dtypes = kNumericDtypes;
  rpow.variants =
      unary_variants(call([](const Tensors& t) { return pow(2, t[0]); }), nullptr, nullptr,
                     ref([](const Arrays& a) { return map(a[0], [](double x) { return std::exp2(x); }); }), 0, 5, {});
  for (Variant& v : rpow.variants) {
    if (v.label == "special") v.inputs = {repeated({kNan, kInf, -kInf, 0, 1, -1, 0.5})};
  }
  rpow.tolerance = {8, 8};
  table.push_back(rpow);
}

}  // namespace

void add_unary_ops(std::vector<Op>& table) {
  using T = Tensor;
  const std::vector<ScalarType> none;
  const auto sign_of = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
  const std::vector<UnaryRow> rows = {
      {"neg", neg, &T::neg, &T::neg_, [](double x) { return -x; }, -3, 3, {}, Result::Same, kNumericDtypes, {kBool}},
      {"abs",
       abs,
       &T::abs,
       &T::abs_,
       [](double x) { return std::fabs(x); },
       -3,
       3,
       {0},
       Result::Same,
       kNumericDtypes,
       {kBool}},
      {"sign", sign, &T::sign, &T::sign_, sign_of, -3, 3, {0}, Result::Same, kNumericDtypes, none},
      {"square",
       square,
       &T::square,
       &T::square_,
       [](double x) { return x * x; },
       -3,
       3,
       {},
       Result::Same,
       kNumericDtypes,
       none},
      {"relu",
       relu,
       &T::relu,
       &T::relu_,
       [](double x) { return x < 0 ? 0 : x; },
       -3,
       3,
       {0},
       Result::Same,
       kNumericDtypes,
       {kBool}},
      {"exp",
       exp,
       &T::exp,
       &T::exp_,
       [](double x) { return std::exp(x); },
       -4,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"log",
       log,
       &T::log,
       &T::log_,
       [](double x) { return std::log(x); },
       0.2,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"sqrt",
       sqrt,
       &T::sqrt,
       &T::sqrt_,
       [](double x) { return std::sqrt(x); },
       0.2,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"rsqrt",
       rsqrt,
       &T::rsqrt,
       &T::rsqrt_,
       [](double x) { return 1 / std::sqrt(x); },
       0.3,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"reciprocal",
       reciprocal,
       &T::reciprocal,
       &T::reciprocal_,
       [](double x) { return 1 / x; },
       0.3,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"sin",
       sin,
       &T::sin,
       &T::sin_,
       [](double x) { return std::sin(x); },
       -4,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"cos",
       cos,
       &T::cos,
       &T::cos_,
       [](double x) { return std::cos(x); },
       -4,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"tanh",
       tanh,
       &T::tanh,
       &T::tanh_,
       [](double x) { return std::tanh(x); },
       -4,
       4,
       {},
       Result::Floating,
       kAllDtypes,
       none},
      {"sigmoid",
       sigmoid,
       &T::sigmoid,
       &T::sigmoid_,
       [](double x) { return 1 / (1 + std::exp(-x)); },
       -6,
       6,
       {},
       Result::Floating,
       kAllDtypes,
       none},
  };
  for (const UnaryRow& row : rows) table.push_back(make_unary(row));
  add_with_numbers(table);

  Op not_op;
  not_op.name = "logical_not";
  not_op.result = Result::Bool;
  not_op.dtypes = kAllDtypes;
  not_op.differentiable = false;
  not_op.variants = unary_variants(
      call([](const Tensors& t) { return logical_not(t[0]); }),
      call([](const Tensors& t) { return t[0].logical_not(); }), nullptr,
      ref([](const Arrays& a) { return map(a[0], [](double x) { return double(x == 0); }); }), -1, 1, {});
  table.push_back(not_op);

  Op nan_op;
  nan_op.name = "isnan";
  nan_op.result = Result::Bool;
  nan_op.dtypes = kAllDtypes;
  nan_op.differentiable = false;
  nan_op.variants = unary_variants(
      call([](const Tensors& t) { return isnan(t[0]); }), call([](const Tensors& t) { return t[0].isnan(); }), nullptr,
      ref([](const Arrays& a) { return map(a[0], [](double x) { return double(x != x); }); }), -1, 1, {});
  table.push_back(nan_op);

  // Copies that keep the values.
  Op clone_op;
  clone_op.name = "clone";
  clone_op.dtypes = kAllDtypes;
  clone_op.variants = unary_variants(call([](const Tensors& t) { return clone(t[0]); }),
                                     call([](const Tensors& t) { return t[0].clone(); }), nullptr,
                                     ref([](const Arrays& a) { return a[0]; }), -3, 3, {});
  table.push_back(clone_op);

  Op contiguous_op;
  contiguous_op.name = "contiguous";
  contiguous_op.dtypes = kAllDtypes;
  contiguous_op.variants = unary_variants(call([](const Tensors& t) { return t[0].contiguous(); }), nullptr, nullptr,
                                          ref([](const Arrays& a) { return a[0]; }), -3, 3, {});
  table.push_back(contiguous_op);

  // Every pair of dtypes has a test of its own (Dtype.ConversionBetweenAll).
  Op to_op;
  to_op.name = "to";
  to_op.result = Result::Floating;
  to_op.dtypes = kAllDtypes;
  to_op.variants = unary_variants(
      call([](const Tensors& t) { return t[0].to(t[0].is_floating_point() ? t[0].dtype() : kFloat32, false, true); }),
      call([](const Tensors& t) { return t[0].to(TensorOptions(t[0].is_floating_point() ? t[0].dtype() : kFloat32)); }),
      nullptr, ref([](const Arrays& a) { return a[0]; }), -3, 3, {});
  table.push_back(to_op);

  Op fill_op;
  fill_op.name = "fill_";
  fill_op.dtypes = kNumericDtypes;
  fill_op.variants = unary_variants(
      call([](const Tensors& t) { return t[0].clone().fill_(2); }), call([](const Tensors& t) {
        const Tensor two = full({}, 2, t[0].options());
        return t[0].clone().fill_(two);
      }),
      [](const Tensors& t) { t[0].fill_(2); }, ref([](const Arrays& a) { return filled(a[0].sizes, 2); }), -3, 3, {});
  table.push_back(fill_op);

  Op zero_op;
  zero_op.name = "zero_";
  zero_op.dtypes = kAllDtypes;
  zero_op.variants = unary_variants(call([](const Tensors& t) { return t[0].clone().zero_(); }), nullptr,
                                    [](const Tensors& t) { t[0].zero_(); },
                                    ref([](const Arrays& a) { return filled(a[0].sizes, 0); }), -3, 3, {});
  table.push_back(zero_op);
}

}  // namespace ember::test
