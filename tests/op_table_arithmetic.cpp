// Rows of division with rounding, of functions of two tensors, of bits and of three tensors.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "op_table_pairs.h"

namespace ember::test {
namespace {

using Function2 = Tensor (*)(const Tensor&, const Tensor&);
using Method2 = Tensor (Tensor::*)(const Tensor&) const;
using InPlace2 = Tensor& (Tensor::*)(const Tensor&) const;

// A row of a function of two tensors, its method and its method in place.
Op pair_row(const char* name, Function2 function, Method2 method, InPlace2 in_place, Scalar2 reference, Domain a,
            Domain b) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  InPlace write = nullptr;
  if (in_place != nullptr) write = [in_place](const Tensors& t) { (t[0].*in_place)(t[1]); };
  op.variants =
      binary_variants(call([function](const Tensors& t) { return function(t[0], t[1]); }),
                      method == nullptr ? Call() : call([method](const Tensors& t) { return (t[0].*method)(t[1]); }),
                      write, pointwise(reference), a, b);
  return op;
}
#define EMBER_TEST_PAIR(name, reference, ...) \
  pair_row(#name, static_cast<Function2>(ember::name), static_cast<Method2>(&Tensor::name), \
           static_cast<InPlace2>(&Tensor::name##_), reference, __VA_ARGS__)
#define EMBER_TEST_PAIR_OUT_OF_PLACE(name, reference, ...) \
  pair_row(#name, static_cast<Function2>(ember::name), static_cast<Method2>(&Tensor::name), nullptr, reference, \
           __VA_ARGS__)

// ---- references ----

double floor_division(double a, double b) {
  if (b == 0) return a / b;
  if (std::isinf(a) || std::isnan(a) || std::isnan(b)) return kNan;
  if (std::isinf(b)) return a == 0 || (a < 0) == (b < 0) ? a / b : -1;
  return std::floor(a / b);
}
double floor_remainder(double a, double b) {
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
double log_sum(double a, double b) {
  if (a == b && std::isinf(a)) return a;
  return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b)));
}
double log2_sum(double a, double b) {
  if (a == b && std::isinf(a)) return a;
  return std::max(a, b) + std::log2(1 + std::exp2(-std::fabs(a - b)));
}
double x_log_y(double a, double b) { return std::isnan(b) ? b : a == 0 ? 0 : a * std::log(b); }
int64_t whole(double x) { return static_cast<int64_t>(x); }

void add_division(std::vector<Op>& table) {
  // Quotients are checked on both sides of zero, by divisors of both signs.
  const std::vector<double> a = {7, 5, 4, 3, 1, 0, 7, 5, 4, 3, 1, 0}, b = {3, 2, 4, 5, 3, 2, 2, 7, 1, 3, 1, 5};
  const auto signs = [](std::vector<double> v, size_t from) {
    for (size_t i = from; i < v.size(); i += 2) v[i] = -v[i];
    return v;
  };
  const auto add_signs = [&](Op& op) {
    for (size_t s = 0; s < 3; ++s) {
      Variant v = op.variants[1];
      v.label = "signs";
      v.inputs = {given({12}, s == 0 ? a : signs(a, 0)), given({12}, s == 1 ? signs(b, 0) : signs(b, s == 0 ? 12 : 1))};
      v.gradient = false;
      v.dtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kInt8, kInt16, kInt32, kInt64};
      op.variants.push_back(v);
    }
  };
  for (const bool floor : {true, false}) {
    const char* mode = floor ? "floor" : "trunc";
    Op op;
    op.name = floor ? "div_floor" : "div_trunc";
    op.dtypes = kNumericDtypes;
    op.refused = {kBool};
    const Scalar2 reference = floor ? &floor_division : [](double x, double y) { return std::trunc(x / y); };
    op.variants =
        binary_variants(call([mode](const Tensors& t) { return div(t[0], t[1], mode); }),
                        call([mode](const Tensors& t) { return t[0].div(t[1], mode); }),
                        [mode](const Tensors& t) { t[0].div_(t[1], mode); }, pointwise(reference), {}, {1, 3});
    add_signs(op);
    add_scalar_form(op, "number", call([mode](const Tensors& t) { return div(t[0], 2, mode); }),
                    call([mode](const Tensors& t) { return div(t[0], 0.75, mode); }),
                    [mode](const Tensors& t) { t[0].div_(2, mode); }, reference, 2, 0.75, {});
    table.push_back(op);
  }

  Op remainder_op = EMBER_TEST_PAIR(remainder, floor_remainder, {}, {1, 3});
  remainder_op.dtypes = kNumericDtypes;
  remainder_op.refused = {kBool};
  add_signs(remainder_op);
  add_scalar_form(remainder_op, "number", call([](const Tensors& t) { return t[0] % 2; }),
                  call([](const Tensors& t) { return t[0] % 0.75; }), [](const Tensors& t) { t[0].remainder_(2); },
                  floor_remainder, 2, 0.75, {});
  add_scalar_form(remainder_op, "of number", call([](const Tensors& t) { return remainder(7, t[0]); }),
                  call([](const Tensors& t) { return 2.5 % t[0]; }), nullptr,
                  [](double x, double y) { return floor_remainder(y, x); }, 7, 2.5, {1, 3});
  table.push_back(remainder_op);

  Op fmod_op = EMBER_TEST_PAIR(fmod, [](double x, double y) { return std::fmod(x, y); }, {}, {1, 3});
  fmod_op.dtypes = kNumericDtypes;
  fmod_op.refused = {kBool};
  add_signs(fmod_op);
  add_scalar_form(
      fmod_op, "number", call([](const Tensors& t) { return fmod(t[0], 2); }),
      call([](const Tensors& t) { return t[0].fmod(0.75); }), [](const Tensors& t) { t[0].fmod_(2); },
      [](double x, double y) { return std::fmod(x, y); }, 2, 0.75, {});
  table.push_back(fmod_op);
}

void add_functions(std::vector<Op>& table) {
  struct Row {
    Op op;
    std::vector<ScalarType> dtypes;
    std::vector<ScalarType> refused;
    Result result;
    Tolerance tolerance;
  };
  for (Row& row : std::vector<Row>{
           {EMBER_TEST_PAIR(atan2, [](double a, double b) { return std::atan2(a, b); }, {}, {0.4, 3}),
            kAllDtypes,
            {},
            Result::Floating,
            {}},
           {EMBER_TEST_PAIR(hypot, [](double a, double b) { return std::hypot(a, b); }, {0.4, 3}, {0.4, 3}),
            kFloatDtypes,
            {kInt64, kBool},
            Result::Same,
            {}},
           {EMBER_TEST_PAIR(
                copysign, [](double a, double b) { return std::copysign(a, b); }, Domain({-3, 3, {0}}),
                Domain({-3, 3, {0}})),
            kAllDtypes,
            {},
            Result::Floating,
            {}},
           {EMBER_TEST_PAIR_OUT_OF_PLACE(logaddexp, log_sum, {}, {}), kFloatDtypes, {kInt64, kBool}, Result::Same, {}},
           {EMBER_TEST_PAIR_OUT_OF_PLACE(logaddexp2, log2_sum, {}, {}),
            kFloatDtypes,
            {kInt64, kBool},
            Result::Same,
            {8, 8}},
           {EMBER_TEST_PAIR(xlogy, x_log_y, {0.4, 3}, {0.4, 3}), kAllDtypes, {}, Result::Floating, {}},
           {EMBER_TEST_PAIR(ldexp, [](double a, double b) { return a * std::exp2(b); }, {}, {-2, 2}),
            kNumericDtypes,
            {kBool},
            Result::Floating,
            {}},
           {EMBER_TEST_PAIR_OUT_OF_PLACE(fmax, [](double a, double b) { return std::fmax(a, b); }, {}, {}),
            kAllDtypes,
            {},
            Result::Same,
            {}},
           {EMBER_TEST_PAIR_OUT_OF_PLACE(fmin, [](double a, double b) { return std::fmin(a, b); }, {}, {}),
            kAllDtypes,
            {},
            Result::Same,
            {}}}) {
    row.op.dtypes = row.dtypes;
    row.op.refused = row.refused;
    row.op.result = row.result;
    row.op.tolerance = row.tolerance;
    if (row.op.name == "xlogy") {
      add_scalar_form(row.op, "number", call([](const Tensors& t) { return xlogy(t[0], 2); }),
                      call([](const Tensors& t) { return t[0].xlogy(0.3); }), [](const Tensors& t) { t[0].xlogy_(2); },
                      x_log_y, 2, 0.3, {});
      add_scalar_form(row.op, "of number", call([](const Tensors& t) { return xlogy(2, t[0]); }),
                      call([](const Tensors& t) { return xlogy(0.5, t[0]); }), nullptr,
                      [](double x, double y) { return x_log_y(y, x); }, 2, 0.5, {0.4, 3});
    }
    if (row.op.name == "copysign") {
      add_scalar_form(
          row.op, "number", call([](const Tensors& t) { return copysign(t[0], -2); }),
          call([](const Tensors& t) { return t[0].copysign(0.5); }), [](const Tensors& t) { t[0].copysign_(-2); },
          [](double a, double b) { return std::copysign(a, b); }, -2, 0.5, {-3, 3, {0}});
    }
    table.push_back(std::move(row.op));
  }
}

void add_bits(std::vector<Op>& table) {
  struct Row {
    Op op;
    bool of_bool;
  };
  for (Row& row : std::vector<Row>{
           {EMBER_TEST_PAIR(gcd, [](double a, double b) { return double(std::gcd(whole(a), whole(b))); }, {-12, 12},
                            {-12, 12}),
            false},
           {EMBER_TEST_PAIR(lcm, [](double a, double b) { return double(std::lcm(whole(a), whole(b))); }, {-11, 11},
                            {-11, 11}),
            false},
           {EMBER_TEST_PAIR(bitwise_and, [](double a, double b) { return double(whole(a) & whole(b)); }, {-99, 99},
                            {-99, 99}),
            true},
           {EMBER_TEST_PAIR(bitwise_or, [](double a, double b) { return double(whole(a) | whole(b)); }, {-99, 99},
                            {-99, 99}),
            true},
           {EMBER_TEST_PAIR(bitwise_xor, [](double a, double b) { return double(whole(a) ^ whole(b)); }, {-99, 99},
                            {-99, 99}),
            true},
           {EMBER_TEST_PAIR(bitwise_left_shift, [](double a, double b) { return a * std::exp2(b); }, {-99, 99}, {0, 6}),
            false},
           {EMBER_TEST_PAIR(bitwise_right_shift, [](double a, double b) { return std::floor(a / std::exp2(b)); },
                            {-99, 99}, {0, 6}),
            false}}) {
    row.op.dtypes = row.of_bool ? kNonFloatDtypes : kIntegerDtypes;
    row.op.refused = kFloatDtypes;
    if (!row.of_bool) row.op.refused.push_back(kBool);
    row.op.differentiable = false;
    std::vector<Variant> variants;
    for (Variant& v : row.op.variants) {
      if (!v.dtypes) variants.push_back(std::move(v));  // the others are of floating numbers
    }
    row.op.variants = std::move(variants);
    table.push_back(std::move(row.op));
  }
  Op not_op;
  not_op.name = "bitwise_not";
  not_op.dtypes = kNonFloatDtypes;
  not_op.refused = kFloatDtypes;
  not_op.differentiable = false;
  for (const Sizes& sizes : std::vector<Sizes>{{}, {3, 5}, {0}, {40000}}) {
    Variant v{to_string(sizes),
              {value(sizes, -99, 99)},
              call([](const Tensors& t) { return bitwise_not(t[0]); }),
              ref([](const Arrays& a) { return map(a[0], [](double x) { return -1 - x; }); }),
              call([](const Tensors& t) { return ~t[0]; })};
    v.in_place = [](const Tensors& t) { t[0].bitwise_not_(); };
    v.dtypes = kIntegerDtypes;
    not_op.variants.push_back(v);
    v.reference = ref([](const Arrays& a) { return map(a[0], [](double x) { return 1 - x; }); });
    v.dtypes = {kBool};
    not_op.variants.push_back(v);
  }
  table.push_back(not_op);
}

struct Triple {
  Sizes a, b, c;
};
const std::vector<Triple> kTriples = {{{}, {}, {}},
                                      {{3, 4}, {3, 4}, {3, 4}},
                                      {{3, 4}, {4}, {3, 1}},
                                      {{4}, {3, 1}, {}},
                                      {{2, 1, 3}, {2, 1}, {3}},
                                      {{0}, {0}, {1}},
                                      {{31, 67}, {31, 67}, {31, 67}},
                                      {{70001}, {70001}, {70001}}};

void add_three(std::vector<Op>& table) {
  Op lerp_op;
  lerp_op.name = "lerp";
  lerp_op.dtypes = kFloatDtypes;
  lerp_op.refused = {kInt64, kBool};
  lerp_op.tolerance = {8, 24};
  Op clamp_op;
  clamp_op.name = "clamp_tensor";
  clamp_op.dtypes = kNumericDtypes;
  clamp_op.refused = {kBool};
  for (const Triple& s : kTriples) {
    Variant v{to_string(s.a) + to_string(s.b) + to_string(s.c),
              {value(s.a), value(s.b), value(s.c, 0, 1)},
              call([](const Tensors& t) { return lerp(t[0], t[1], t[2]); }),
              ref([](const Arrays& a) {
                return map(a[0], a[1], a[2], [](double x, double y, double w) { return x + w * (y - x); });
              }),
              call([](const Tensors& t) { return t[0].lerp(t[1], t[2]); })};
    const bool fits = broadcast_sizes(broadcast_sizes(s.a, s.b), s.c) == s.a;
    if (fits) v.in_place = [](const Tensors& t) { t[0].lerp_(t[1], t[2]); };
    v.gradient = count(s.a) < 100;
    v.layouts = count(s.a) < 10000;
    lerp_op.variants.push_back(v);

    v.inputs = {value(s.a, -4, 4), value(s.b, -2, -0.5), value(s.c, 0.5, 2)};
    v.call = call([](const Tensors& t) { return clamp(t[0], t[1], t[2]); });
    v.method = call([](const Tensors& t) { return t[0].clip(t[1], t[2]); });
    v.in_place = nullptr;
    if (fits) v.in_place = [](const Tensors& t) { t[0].clamp_(t[1], t[2]); };
    v.reference = ref([](const Arrays& a) {
      return map(a[0], a[1], a[2], [](double x, double low, double high) { return std::min(std::max(x, low), high); });
    });
    clamp_op.variants.push_back(v);
  }
  for (const double w : {0.25, 0.75, 2.0}) {
    lerp_op.variants.push_back(
        {"number " + std::to_string(w),
         {value({3, 4}), value({4})},
         call([w](const Tensors& t) { return lerp(t[0], t[1], w); }),
         ref([w](const Arrays& a) { return map(a[0], a[1], [w](double x, double y) { return x + w * (y - x); }); }),
         call([w](const Tensors& t) { return t[0].lerp(t[1], w); }),
         [w](const Tensors& t) { t[0].lerp_(t[1], w); }});
  }
  table.push_back(lerp_op);
  struct OneBound {
    const char* label;
    Call call;
    InPlace in_place;
    Scalar2 reference;
  };
  for (const OneBound& o : std::vector<OneBound>{
           {"minimum", call([](const Tensors&t) { return clamp(t[0], t[1]); }),
            [](const Tensors&t) { t[0].clamp_(t[1]); }, [](double x, double b) { return std::max(x, b); }},
           {"maximum", call([](const Tensors&t) { return clamp(t[0], {}, t[1]); }),
            [](const Tensors&t) { t[0].clamp_({}, t[1]); }, [](double x, double b) { return std::min(x, b); }},
           {"clamp_min", call([](const Tensors&t) { return clamp_min(t[0], t[1]); }),
            [](const Tensors&t) { t[0].clamp_min_(t[1]); }, [](double x, double b) { return std::max(x, b); }},
           {"clamp_max", call([](const Tensors&t) { return t[0].clamp_max(t[1]); }),
            [](const Tensors&t) { t[0].clamp_max_(t[1]); }, [](double x, double b) { return std::min(x, b); }}}) {
    clamp_op.variants.push_back(
        {o.label, {value({3, 4}), value({4})}, o.call, pointwise(o.reference), nullptr, o.in_place});
  }
  table.push_back(clamp_op);

  Op fill_op;
  fill_op.name = "nan_to_num";
  fill_op.dtypes = kAllDtypes;
  for (const Sizes& sizes : std::vector<Sizes>{{}, {3, 5}, {0}, {40000}}) {
    Variant v{to_string(sizes),
              {value(sizes)},
              call([](const Tensors& t) { return nan_to_num(t[0], 1, 2, -2); }),
              ref([](const Arrays& a) { return a[0]; }),
              call([](const Tensors& t) { return t[0].nan_to_num(1, 2, -2); })};
    v.in_place = [](const Tensors& t) { t[0].nan_to_num_(1, 2, -2); };
    v.gradient = count(sizes) < 100;
    v.layouts = count(sizes) < 10000;
    fill_op.variants.push_back(v);
  }
  Variant special = fill_op.variants[1];
  special.label = "special";
  special.inputs = {given({5}, {kNan, kInf, 0.5, -kInf, kNan})};
  special.reference = ref([](const Arrays& a) {
    return map(a[0], [](double x) { return std::isnan(x) ? 1 : std::isinf(x) ? std::copysign(2, x) : x; });
  });
  special.gradient = false;
  special.dtypes = kFloatDtypes;
  fill_op.variants.push_back(special);
  table.push_back(fill_op);
}

void add_logic(std::vector<Op>& table) {
  const auto truth = [](Op& op) {
    op.result = Result::Bool;
    op.differentiable = false;
    op.dtypes = kAllDtypes;
  };
  for (Op& op : std::vector<Op>{
           EMBER_TEST_PAIR(logical_and, [](double a, double b) { return double(a != 0 && b != 0); }, {-1, 1}, {-1, 1}),
           EMBER_TEST_PAIR(logical_or, [](double a, double b) { return double(a != 0 || b != 0); }, {-1, 1}, {-1, 1}),
           EMBER_TEST_PAIR(logical_xor, [](double a, double b) { return double((a != 0) != (b != 0)); }, {-1, 1},
                           {-1, 1})}) {
    truth(op);
    table.push_back(std::move(op));
  }
  struct Row {
    const char* name;
    Tensor (*function)(const Tensor&);
    Tensor (Tensor::*method)() const;
    bool (*reference)(double);
  };
  for (const Row& row :
       std::vector<Row>{{"isinf", isinf, &Tensor::isinf, [](double x) { return std::isinf(x); }},
                        {"isposinf", isposinf, &Tensor::isposinf, [](double x) { return x == kInf; }},
                        {"isneginf", isneginf, &Tensor::isneginf, [](double x) { return x == -kInf; }},
                        {"isfinite", isfinite, &Tensor::isfinite, [](double x) { return std::isfinite(x); }},
                        {"isreal", isreal, &Tensor::isreal, [](double) { return true; }}}) {
    Op op;
    op.name = row.name;
    truth(op);
    const Reference reference =
        ref([f = row.reference](const Arrays& a) { return map(a[0], [f](double x) { return double(f(x)); }); });
    for (const Sizes& sizes : std::vector<Sizes>{{}, {3, 5}, {0}, {40000}}) {
      op.variants.push_back({to_string(sizes),
                             {value(sizes, -1, 1)},
                             call([f = row.function](const Tensors& t) { return f(t[0]); }),
                             reference,
                             call([m = row.method](const Tensors& t) { return (t[0].*m)(); })});
    }
    Variant special = op.variants[1];
    special.label = "special";
    special.inputs = {given({8}, {kNan, kInf, -kInf, 0, 1, -2, 0.5, kNan})};
    special.dtypes = kFloatDtypes;
    op.variants.push_back(special);
    table.push_back(std::move(op));
  }
  Op close;
  close.name = "isclose";
  truth(close);
  close.variants = binary_variants(
      call([](const Tensors& t) { return isclose(t[0], t[1], 0.25, 0.5); }),
      call([](const Tensors& t) { return t[0].isclose(t[1], 0.25, 0.5); }), nullptr, pointwise([](double a, double b) {
        return double(a == b || (std::isfinite(a - b) && std::fabs(a - b) <= 0.5 + std::fabs(0.25 * b)));
      }),
      {}, {});
  table.push_back(close);
}

}  // namespace

void add_arithmetic_ops(std::vector<Op>& table) {
  add_division(table);
  add_functions(table);
  add_bits(table);
  add_three(table);
  add_logic(table);
}

}  // namespace ember::test
