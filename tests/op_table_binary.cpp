// Rows of the elementwise operations with two or three tensors.
#include <cmath>
#include <limits>

#include "op_table.h"

namespace ember::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

using Scalar2 = double (*)(double, double);

struct Domain {
  double low = -3, high = 3;
  std::vector<double> avoid = {};
};

// Pairs of ordinary and other numbers: every one of the first with every one of the second.
const std::vector<double> kSpecial = {kNan, kInf, -kInf, 0, 1, -2, 0.5};

std::vector<Variant> binary_variants(const Call& f, const Call& method, const InPlace& in_place, const Reference& r,
                                     const Domain& a, const Domain& b) {
  std::vector<Variant> variants;
  struct Pair {
    Sizes a, b;
  };
  // Of one shape; each side broadcast; both; with 0-dimensional; with none.
  const std::vector<Pair> pairs = {{{}, {}},
                                   {{5}, {5}},
                                   {{3, 4}, {3, 4}},
                                   {{3, 4}, {4}},
                                   {{4}, {3, 4}},
                                   {{3, 1}, {3, 4}},
                                   {{2, 1, 4}, {3, 1}},
                                   {{3, 4}, {}},
                                   {{}, {3}},
                                   {{1}, {1, 1}},
                                   {{0}, {0}},
                                   {{0, 3}, {1, 3}},
                                   {{2, 0}, {}},
                                   {{2, 3, 2, 2}, {2, 3, 2, 2}}};
  for (const Pair& p : pairs) {
    Variant v{to_string(p.a) + " with " + to_string(p.b),
              {value(p.a, a.low, a.high, a.avoid), value(p.b, b.low, b.high, b.avoid)},
              f,
              r,
              method,
              nullptr};
    if (broadcast_sizes(p.a, p.b) == p.a) v.in_place = in_place;
    variants.push_back(v);
  }
  for (const Pair& p : std::vector<Pair>{{{70001}, {70001}}, {{300, 257}, {257}}, {{300, 257}, {300, 1}}}) {
    Variant v{
        "large " + to_string(p.b), {value(p.a, a.low, a.high), value(p.b, b.low, b.high)}, f, r, nullptr, in_place};
    v.gradient = v.layouts = false;
    variants.push_back(v);
  }
  Variant rows{"rows", {value({37, 67}, a.low, a.high), value({37, 67}, b.low, b.high)}, f, r, nullptr, in_place};
  rows.gradient = false;
  variants.push_back(rows);
  Variant special{"special", {given({7, 1}, kSpecial), given({7}, kSpecial)}, f, r};
  special.dtypes = kFloatDtypes;
  special.gradient = false;
  variants.push_back(special);
  std::vector<double> first, second;  // the same pairs, three times, with no broadcasting
  for (int i = 0; i < 3; ++i) {
    for (const double x : kSpecial) {
      for (const double y : kSpecial) {
        first.push_back(x);
        second.push_back(y);
      }
    }
  }
  special.label = "special, dense";
  special.inputs = {given({147}, first), given({147}, second)};
  special.in_place = in_place;
  variants.push_back(special);
  return variants;
}

Reference pointwise(Scalar2 f) {
  return ref([f](const Arrays& a) { return map(a[0], a[1], f); });
}

// The tensor with a number, on each accepted dtype: integral (keeps the dtype) and floating.
void add_scalar_form(Op& op, const char* label, const Call& integral, const Call& floating, const InPlace& in_place,
                     Scalar2 reference, double integer, double fraction, Domain domain,
                     std::optional<Result> result = std::nullopt) {
  for (const Sizes& sizes : std::vector<Sizes>{{}, {3, 5}, {0}}) {
    Variant v{std::string(label) + " integer " + to_string(sizes),
              {value(sizes, domain.low, domain.high, domain.avoid)},
              integral,
              ref([=](const Arrays& a) { return map(a[0], [=](double x) { return reference(x, integer); }); })};
    v.in_place = in_place;
    v.result = result.value_or(op.result == Result::Same ? Result::Promoted : op.result);
    if (v.result == Result::Promoted) {  // in place, a bool tensor cannot hold it
      v.dtypes = kNumericDtypes;
    }
    op.variants.push_back(v);
    Variant w = v;
    w.label = std::string(label) + " floating " + to_string(sizes);
    w.call = floating;
    w.reference = ref([=](const Arrays& a) { return map(a[0], [=](double x) { return reference(x, fraction); }); });
    w.in_place = nullptr;
    w.dtypes = std::nullopt;
    w.result = result.value_or(op.result == Result::Bool ? Result::Bool : Result::Floating);
    op.variants.push_back(w);
  }
}

void add_arithmetic(std::vector<Op>& table) {
  Op add_op;
  add_op.name = "add";
  add_op.dtypes = kAllDtypes;
  add_op.variants = binary_variants(
      call([](const Tensors& t) { return add(t[0], t[1]); }), call([](const Tensors& t) { return t[0] + t[1]; }),
      [](const Tensors& t) { t[0].add_(t[1]); }, pointwise([](double a, double b) { return a + b; }), {}, {});
  for (Variant v : binary_variants(call([](const Tensors&t) { return add(t[0], t[1], 3); }),
                                   call([](const Tensors&t) { return t[0].add(t[1], 3); }),
                                   [](const Tensors&t) { t[0].add_(t[1], 3); },
                                   pointwise([](double a, double b) { return a + 3 * b; }), {}, {})) {
    v.label = "alpha " + v.label;
    if (!v.dtypes) v.dtypes = kNumericDtypes;
    add_op.variants.push_back(v);
  }
  add_scalar_form(
      add_op, "number", call([](const Tensors& t) { return t[0] + 2; }),
      call([](const Tensors& t) { return 0.5 + t[0]; }), [](const Tensors& t) { t[0] += 2; },
      [](double a, double b) { return a + b; }, 2, 0.5, {});
  table.push_back(add_op);

  Op sub_op;
  sub_op.name = "sub";
  sub_op.dtypes = kNumericDtypes;
  sub_op.refused = {kBool};
  sub_op.variants = binary_variants(
      call([](const Tensors& t) { return sub(t[0], t[1]); }), call([](const Tensors& t) { return t[0] - t[1]; }),
      [](const Tensors& t) { t[0].sub_(t[1]); }, pointwise([](double a, double b) { return a - b; }), {}, {});
  for (Variant v : binary_variants(call([](const Tensors&t) { return sub(t[0], t[1], 2); }),
                                   call([](const Tensors&t) { return t[0].sub(t[1], 2); }),
                                   [](const Tensors&t) { t[0].sub_(t[1], 2); },
                                   pointwise([](double a, double b) { return a - 2 * b; }), {}, {})) {
    v.label = "alpha " + v.label;
    sub_op.variants.push_back(v);
  }
  add_scalar_form(
      sub_op, "number", call([](const Tensors& t) { return t[0] - 2; }),
      call([](const Tensors& t) { return t[0] - 0.5; }), [](const Tensors& t) { t[0] -= 2; },
      [](double a, double b) { return a - b; }, 2, 0.5, {});
  add_scalar_form(sub_op, "from number", call([](const Tensors& t) { return rsub(t[0], 2); }),
                  call([](const Tensors& t) { return 0.5 - t[0]; }), nullptr, [](double a, double b) { return b - a; },
                  2, 0.5, {});
  table.push_back(sub_op);

  Op mul_op;
  mul_op.name = "mul";
  mul_op.dtypes = kAllDtypes;
  mul_op.variants = binary_variants(
      call([](const Tensors& t) { return mul(t[0], t[1]); }), call([](const Tensors& t) { return t[0] * t[1]; }),
      [](const Tensors& t) { t[0].mul_(t[1]); }, pointwise([](double a, double b) { return a * b; }), {}, {});
  add_scalar_form(
      mul_op, "number", call([](const Tensors& t) { return t[0] * 2; }),
      call([](const Tensors& t) { return 0.5 * t[0]; }), [](const Tensors& t) { t[0] *= 2; },
      [](double a, double b) { return a * b; }, 2, 0.5, {});
  table.push_back(mul_op);

  Op div_op;
  div_op.name = "div";
  div_op.result = Result::Floating;
  div_op.dtypes = kAllDtypes;
  div_op.variants = binary_variants(
      call([](const Tensors& t) { return div(t[0], t[1]); }), call([](const Tensors& t) { return t[0] / t[1]; }),
      [](const Tensors& t) { t[0].div_(t[1]); }, pointwise([](double a, double b) { return a / b; }), {}, {0.4, 3});
  add_scalar_form(
      div_op, "number", call([](const Tensors& t) { return t[0] / 2; }),
      call([](const Tensors& t) { return t[0] / 0.3; }), [](const Tensors& t) { t[0] /= 2; },
      [](double a, double b) { return a / b; }, 2, 0.3, {});
  add_scalar_form(div_op, "of number", call([](const Tensors& t) { return 2 / t[0]; }),
                  call([](const Tensors& t) { return 0.5 / t[0]; }), nullptr, [](double a, double b) { return b / a; },
                  2, 0.5, {0.4, 3});
  // 1/x is rounded before the product.
  div_op.tolerance = {4, 4, true};
  table.push_back(div_op);

  Op pow_op;
  pow_op.name = "pow";
  pow_op.dtypes = kNumericDtypes;
  pow_op.refused = {kBool};
  pow_op.variants =
      binary_variants(call([](const Tensors& t) { return pow(t[0], t[1]); }),
                      call([](const Tensors& t) { return t[0].pow(t[1]); }), [](const Tensors& t) { t[0].pow_(t[1]); },
                      pointwise([](double a, double b) { return std::pow(a, b); }), {0.3, 3}, {0, 3});
  pow_op.tolerance = {16, 16};
  table.push_back(pow_op);
}

void add_extremes(std::vector<Op>& table) {
  struct Row {
    const char* name;
    Tensor (*function)(const Tensor&, const Tensor&);
    Tensor (Tensor::*method)(const Tensor&) const;
    Scalar2 reference;
  };
  for (const Row& row : std::vector<Row>{
           {"maximum", maximum, &Tensor::maximum, [](double a, double b) { return a != a || a > b ? a : b; }},
           {"minimum", minimum, &Tensor::minimum, [](double a, double b) { return a != a || a < b ? a : b; }}}) {
    Op op;
    op.name = row.name;
    op.dtypes = kAllDtypes;
    op.variants = binary_variants(call([f = row.function](const Tensors& t) { return f(t[0], t[1]); }),
                                  call([m = row.method](const Tensors& t) { return (t[0].*m)(t[1]); }), nullptr,
                                  pointwise(row.reference), {}, {});
    table.push_back(op);
  }
  // The two-tensor forms of max and min.
  table[table.size() - 2].variants.push_back({"max(a, b)",
                                              {value({3, 4}), value({4})},
                                              call([](const Tensors& t) { return max(t[0], t[1]); }),
                                              pointwise([](double a, double b) { return a > b ? a : b; }),
                                              call([](const Tensors& t) { return t[0].max(t[1]); })});
  table.back().variants.push_back({"min(a, b)",
                                   {value({3, 4}), value({4})},
                                   call([](const Tensors& t) { return min(t[0], t[1]); }),
                                   pointwise([](double a, double b) { return a < b ? a : b; }),
                                   call([](const Tensors& t) { return t[0].min(t[1]); })});
}

void add_comparisons(std::vector<Op>& table) {
  struct Row {
    const char* name;
    Tensor (*function)(const Tensor&, const Tensor&);
    Tensor (*with_number)(const Tensor&, const Scalar&);
    Tensor (Tensor::*method)(const Tensor&) const;
    Tensor (*operation)(const Tensor&, const Tensor&);
    Tensor (*number_first)(const Scalar&, const Tensor&);
    Scalar2 reference;
  };
#define EMBER_TEST_COMPARISON(name, op) \
  { \
#name, static_cast < Tensor (*)(const Tensor&, const Tensor&)>(name), \
        static_cast < Tensor (*)(const Tensor&, const Scalar&)>(name), \
        static_cast < Tensor (Tensor::*)(const Tensor&) const>(&Tensor::name), \
        [](const Tensor& a, \
           const Tensor& b) { return a op b; }, [](const Scalar& a, \
                                                   const Tensor& \
                                                       b) { return a op b; }, [](double a, \
                                                                                 double b) { return double(a op b); } \
  }
  for (const Row& row :
       std::vector<Row>{EMBER_TEST_COMPARISON(eq, ==), EMBER_TEST_COMPARISON(ne, !=), EMBER_TEST_COMPARISON(lt, <),
                        EMBER_TEST_COMPARISON(le, <=), EMBER_TEST_COMPARISON(gt, >), EMBER_TEST_COMPARISON(ge, >=)}) {
#undef EMBER_TEST_COMPARISON
    Op op;
    op.name = row.name;
    op.result = Result::Bool;
    op.dtypes = kAllDtypes;
    op.differentiable = false;
    op.variants = binary_variants(call([f = row.function](const Tensors& t) { return f(t[0], t[1]); }),
                                  call([m = row.method](const Tensors& t) { return (t[0].*m)(t[1]); }), nullptr,
                                  pointwise(row.reference), {-1, 1}, {-1, 1});
    op.variants.push_back({"operator",
                           {value({3, 4}, -1, 1), value({4}, -1, 1)},
                           call([f = row.operation](const Tensors& t) { return f(t[0], t[1]); }),
                           pointwise(row.reference)});
    add_scalar_form(op, "number", call([f = row.with_number](const Tensors& t) { return f(t[0], 1); }),
                    call([f = row.with_number](const Tensors& t) { return f(t[0], 0.5); }), nullptr, row.reference, 1,
                    0.5, {-2, 2});
    op.variants.push_back(
        {"number first",
         {value({3, 4}, -2, 2)},
         call([f = row.number_first](const Tensors& t) { return f(1, t[0]); }),
         ref([r = row.reference](const Arrays& a) { return map(a[0], [r](double x) { return r(1, x); }); })});
    table.push_back(op);
  }
}

void add_ternary(std::vector<Op>& table) {
  const auto three = [](Op& op, const Call& f, const Call& method, const InPlace& in_place,
                        double (*reference)(double, double, double), const Domain& c) {
    struct Triple {
      Sizes a, b, c;
    };
    for (const Triple& s : std::vector<Triple>{{{}, {}, {}},
                                               {{3, 4}, {3, 4}, {3, 4}},
                                               {{3, 4}, {4}, {3, 1}},
                                               {{4}, {3, 1}, {}},
                                               {{2, 1, 3}, {2, 1}, {3}},
                                               {{0}, {0}, {1}},
                                               {{31, 67}, {31, 67}, {31, 67}},
                                               {{70001}, {70001}, {70001}}}) {
      Variant v{to_string(s.a) + to_string(s.b) + to_string(s.c),
                {value(s.a), value(s.b), value(s.c, c.low, c.high)},
                f,
                ref([reference](const Arrays& a) { return map(a[0], a[1], a[2], reference); }),
                method,
                nullptr};
      if (broadcast_sizes(broadcast_sizes(s.a, s.b), s.c) == s.a) v.in_place = in_place;
      v.gradient = count(s.a) < 100;
      v.layouts = count(s.a) < 10000;
      op.variants.push_back(v);
    }
  };
  Op addcmul_op;
  addcmul_op.name = "addcmul";
  addcmul_op.dtypes = kNumericDtypes;
  addcmul_op.tolerance = {4, 100};
  three(
      addcmul_op, call([](const Tensors& t) { return addcmul(t[0], t[1], t[2], 2); }),
      call([](const Tensors& t) { return t[0].addcmul(t[1], t[2], 2); }),
      [](const Tensors& t) { t[0].addcmul_(t[1], t[2], 2); },
      [](double a, double b, double c) { return a + 2 * b * c; }, {});
  table.push_back(addcmul_op);

  Op addcdiv_op;
  addcdiv_op.name = "addcdiv";
  addcdiv_op.dtypes = kFloatDtypes;
  addcdiv_op.refused = {kInt32, kInt64, kBool};
  addcdiv_op.tolerance = {4, 100};
  three(
      addcdiv_op, call([](const Tensors& t) { return addcdiv(t[0], t[1], t[2], 0.5); }),
      call([](const Tensors& t) { return t[0].addcdiv(t[1], t[2], 0.5); }),
      [](const Tensors& t) { t[0].addcdiv_(t[1], t[2], 0.5); },
      [](double a, double b, double c) { return a + 0.5 * b / c; }, {0.4, 3});
  table.push_back(addcdiv_op);

  Op where_op;
  where_op.name = "where";
  where_op.dtypes = kAllDtypes;
  const Reference choose = ref([](const Arrays& a) {
    return map(a[0], a[1], a[2], [](double c, double x, double y) { return c != 0 ? x : y; });
  });
  struct Triple {
    Sizes c, a, b;
  };
  for (const Triple& s : std::vector<Triple>{{{}, {}, {}},
                                             {{3, 4}, {3, 4}, {3, 4}},
                                             {{4}, {3, 4}, {3, 1}},
                                             {{3, 1}, {}, {4}},
                                             {{0}, {0}, {}},
                                             {{33, 65}, {33, 65}, {33, 65}},
                                             {{70001}, {70001}, {1}}}) {
    Variant v{to_string(s.c) + to_string(s.a) + to_string(s.b),
              {mask(s.c), value(s.a), value(s.b)},
              call([](const Tensors& t) { return where(t[0], t[1], t[2]); }),
              choose,
              call([](const Tensors& t) { return t[1].where(t[0], t[2]); })};
    v.gradient = count(s.c) < 100;
    v.layouts = count(s.c) < 10000;
    where_op.variants.push_back(v);
  }
  Variant nan{"NaN",
              {mask({6}), given({6}, {kNan, 1, kInf, 2, kNan, 3}), given({6}, {1, kNan, 2, kInf, 3, kNan})},
              where_op.variants[0].call,
              choose};
  nan.dtypes = kFloatDtypes;
  nan.gradient = false;
  where_op.variants.push_back(nan);
  Variant number{
      "number",
      {mask({3, 4}), value({3, 4})},
      call([](const Tensors& t) { return where(t[0], t[1], 2); }),
      ref([](const Arrays& a) { return map(a[0], a[1], [](double c, double x) { return c != 0 ? x : 2; }); })};
  number.result = Result::Promoted;
  where_op.variants.push_back(number);
  number.label = "number first";
  number.call = call([](const Tensors& t) { return where(t[0], 2, t[1]); });
  number.reference =
      ref([](const Arrays& a) { return map(a[0], a[1], [](double c, double x) { return c != 0 ? 2 : x; }); });
  where_op.variants.push_back(number);
  table.push_back(where_op);

  Op fill_op;
  fill_op.name = "masked_fill";
  fill_op.dtypes = kAllDtypes;
  struct Pair {
    Sizes a, m;
  };
  for (const Pair& s : std::vector<Pair>{{{}, {}},
                                         {{3, 4}, {3, 4}},
                                         {{3, 4}, {4}},
                                         {{3, 4}, {3, 1}},
                                         {{4}, {3, 4}},
                                         {{0}, {0}},
                                         {{70001}, {70001}}}) {
    Variant v{to_string(s.a) + to_string(s.m),
              {value(s.a), mask(s.m)},
              call([](const Tensors& t) { return masked_fill(t[0], t[1], 1); }),
              ref([](const Arrays& a) { return map(a[0], a[1], [](double x, double m) { return m != 0 ? 1 : x; }); }),
              call([](const Tensors& t) { return t[0].masked_fill(t[1], 1); })};
    if (broadcast_sizes(s.a, s.m) == s.a) v.in_place = [](const Tensors& t) { t[0].masked_fill_(t[1], 1); };
    v.gradient = count(s.a) < 100;
    v.layouts = count(s.a) < 10000;
    fill_op.variants.push_back(v);
  }
  table.push_back(fill_op);

  // self is overwritten: its gradient is zero, the source's is the (summed) gradient.
  Op copy_op;
  copy_op.name = "copy_";
  copy_op.dtypes = kAllDtypes;
  for (const Pair& s : std::vector<Pair>{{{}, {}},
                                         {{3, 4}, {3, 4}},
                                         {{3, 4}, {4}},
                                         {{3, 4}, {3, 1}},
                                         {{3, 4}, {}},
                                         {{0}, {1}},
                                         {{70001}, {70001}},
                                         {{37, 67}, {37, 67}},
                                         {{2, 3, 4, 2}, {2, 3, 4, 2}}}) {
    Variant v{to_string(s.a) + to_string(s.m),
              {value(s.a), value(s.m)},
              call([](const Tensors& t) { return t[0].clone().copy_(t[1]); }),
              ref([](const Arrays& a) { return map(a[0], a[1], [](double, double y) { return y; }); })};
    v.in_place = [](const Tensors& t) { t[0].copy_(t[1]); };
    v.gradient = count(s.a) < 100;
    v.layouts = count(s.a) < 10000;
    copy_op.variants.push_back(v);
  }
  table.push_back(copy_op);
}

}  // namespace

void add_binary_ops(std::vector<Op>& table) {
  add_arithmetic(table);
  add_extremes(table);
  add_comparisons(table);
  add_ternary(table);
}

}  // namespace ember::test
