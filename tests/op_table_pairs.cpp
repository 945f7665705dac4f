#include "op_table_pairs.h"

namespace ember::test {

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
                     Scalar2 reference, double integer, double fraction, Domain domain, std::optional<Result> result) {
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

}  // namespace ember::test
