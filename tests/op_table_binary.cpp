// Rows of the elementwise operations with two or three tensors.
#include <cmath>
#include <limits>

#include "op_table_pairs.h"

namespace ember::test {
namespace {

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
