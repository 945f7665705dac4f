// Rows of the running reductions and of differences.
#include "op_table_reduce.h"

namespace ember::test {
namespace {

struct Case {
  Sizes sizes;
  int64_t dim;
};
const std::vector<Case> kScans = {{{}, 0},         {{}, -1},      {{1}, 0},         {{5}, 0},
                                  {{3, 4}, 1},     {{3, 4}, 0},   {{3, 4}, -2},     {{2, 3, 4}, 1},
                                  {{2, 3, 4}, -1}, {{0, 3}, 0},   {{0, 3}, 1},      {{3, 0}, 1},
                                  {{7, 300}, 1},   {{300, 7}, 0}, {{2, 5, 300}, 1}, {{3, 20000}, 1}};

using Scan = Line (*)(const Line&);

template <class F>
Line running(const Line& line, double start, F f) {
  Line r;
  for (double x : line) r.push_back(start = f(start, x));
  return r;
}
Line running_sum(const Line& l) {
  return running(l, 0, [](double s, double x) { return s + x; });
}
Line running_product(const Line& l) {
  return running(l, 1, [](double s, double x) { return s * x; });
}
double log_add_exp(double a, double b) {
  if (a != a || b != b) return kNan;
  const double high = std::max(a, b), low = std::min(a, b);
  return std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
}
Line running_logsumexp(const Line& l) { return running(l, -kInf, log_add_exp); }

// The last of equal ones, and NaN for good.
template <bool Max>
Line running_place(const Line& l) {
  Line r;
  size_t best = 0;
  for (size_t i = 0; i < l.size(); ++i) {
    if (l[i] != l[i] || (l[best] == l[best] && (Max ? l[i] >= l[best] : l[i] <= l[best]))) best = i;
    r.push_back(static_cast<double>(best));
  }
  return r;
}
template <bool Max>
Line running_extreme(const Line& l) {
  Line r;
  for (double place : running_place<Max>(l)) r.push_back(l[static_cast<size_t>(place)]);
  return r;
}

HostArray scanned(const HostArray& a, int64_t dim, Scan f) { return along(a, dim, size_along(a, dim), f); }

using Call1 = Tensor (*)(const Tensor&, int64_t);

void add_scan(Op& op, Call1 f, Call1 method, void (*in_place)(const Tensor&, int64_t), Scan r, double low,
              double high) {
  for (const Case& c : kScans) {
    const int64_t dim = c.dim;
    Variant v{to_string(c.sizes) + " dim " + std::to_string(dim),
              {value(c.sizes, low, high)},
              call([=](const Tensors& t) { return f(t[0], dim); }),
              ref([=](const Arrays& a) { return scanned(a[0], dim, r); }),
              call([=](const Tensors& t) { return method(t[0], dim); })};
    if (in_place != nullptr) v.in_place = [=](const Tensors& t) { in_place(t[0], dim); };
    v.gradient = count(c.sizes) < 50;
    v.layouts = count(c.sizes) < 5000;
    op.variants.push_back(v);
  }
  op.variants.push_back(special("special", {1, kNan, 2, 1, kInf, 1, -kInf, 1, kInf, -kInf, -kInf, 0}, {4, 3},
                                call([=](const Tensors& t) { return f(t[0], 1); }),
                                ref([=](const Arrays& a) { return scanned(a[0], 1, r); })));
}

template <bool Max>
void add_extreme_scan(std::vector<Op>& table) {
  Op op;
  op.name = Max ? "cummax" : "cummin";
  op.result = Result::SameAndIndex;
  op.dtypes = kAllDtypes;
  const auto both = [](std::tuple<Tensor, Tensor> r) { return Tensors{std::get<0>(r), std::get<1>(r)}; };
  const auto reference = [](int64_t dim) {
    return ref([=](const Arrays& a) {
      return Arrays{scanned(a[0], dim, running_extreme<Max>), scanned(a[0], dim, running_place<Max>)};
    });
  };
  for (const Case& c : kScans) {
    const int64_t dim = c.dim;
    Variant v{to_string(c.sizes) + " dim " + std::to_string(dim),
              {value(c.sizes)},
              call([=](const Tensors& t) { return both(Max ? cummax(t[0], dim) : cummin(t[0], dim)); }),
              reference(dim),
              call([=](const Tensors& t) { return both(Max ? t[0].cummax(dim) : t[0].cummin(dim)); })};
    v.gradient = count(c.sizes) < 50;
    v.layouts = count(c.sizes) < 5000;
    op.variants.push_back(v);
  }
  op.variants.push_back(special("special", {1, kNan, 2, kNan, 1, 1, 0, 2, kInf, kInf, -kInf, kInf}, {3, 4},
                                call([=](const Tensors& t) { return both(Max ? cummax(t[0], 1) : cummin(t[0], 1)); }),
                                reference(1)));
  table.push_back(op);
}

void add_diff(std::vector<Op>& table) {
  Op op;
  op.name = "diff";
  op.dtypes = kNumericDtypes;
  op.tolerance = {8, 8, true};
  const auto differences = [](const HostArray& a, int64_t n, int64_t dim) {
    HostArray r = a;
    for (int64_t i = 0; i < n && size_along(r, dim) > 0; ++i) {
      r = along(r, dim, size_along(r, dim) - 1, [](const Line& l) {
        Line d;
        for (size_t k = 1; k < l.size(); ++k) d.push_back(l[k] - l[k - 1]);
        return d;
      });
    }
    return r;
  };
  struct Order {
    Sizes sizes;
    int64_t n, dim;
  };
  for (const Order& c : std::vector<Order>{{{5}, 1, -1},
                                           {{3, 4}, 1, 0},
                                           {{3, 4}, 2, 1},
                                           {{2, 3, 4}, 1, 1},
                                           {{3, 4}, 0, 0},
                                           {{1}, 1, 0},
                                           {{3}, 7, 0},
                                           {{0, 3}, 1, 1}}) {
    op.variants.push_back({to_string(c.sizes) + " n " + std::to_string(c.n) + " dim " + std::to_string(c.dim),
                           {value(c.sizes)},
                           call([=](const Tensors& t) { return diff(t[0], c.n, c.dim); }),
                           ref([=](const Arrays& a) { return differences(a[0], c.n, c.dim); }),
                           call([=](const Tensors& t) { return t[0].diff(c.n, c.dim); })});
  }
  op.variants.push_back({"prepend and append",
                         {value({2, 3}), value({2, 1}), value({2, 2})},
                         call([](const Tensors& t) { return diff(t[0], 1, 1, t[1], t[2]); }),
                         ref([=](const Arrays& a) {
                           HostArray joined = filled({2, 6});
                           for (int64_t r = 0; r < 2; ++r) {
                             joined.at({r, 0}) = a[1].at({r, 0});
                             for (int64_t c = 0; c < 3; ++c) joined.at({r, 1 + c}) = a[0].at({r, c});
                             for (int64_t c = 0; c < 2; ++c) joined.at({r, 4 + c}) = a[2].at({r, c});
                           }
                           return differences(joined, 1, 1);
                         })});
  Variant bools{"bool", {mask({3, 5})}, call([](const Tensors& t) { return diff(t[0]); }), ref([](const Arrays& a) {
                  return along(a[0], 1, 4, [](const Line& l) {
                    Line d;
                    for (size_t k = 1; k < l.size(); ++k) d.push_back(l[k] != l[k - 1]);
                    return d;
                  });
                })};
  bools.dtypes = std::vector<ScalarType>{kBool};
  bools.result = Result::Bool;
  op.variants.push_back(bools);
  table.push_back(op);
}

}  // namespace

void add_scan_ops(std::vector<Op>& table) {
  Op sums;
  sums.name = "cumsum";
  sums.result = Result::Sum;
  sums.dtypes = kAllDtypes;
  sums.tolerance = {4, 64};
  add_scan(
      sums, [](const Tensor& t, int64_t d) { return cumsum(t, d); },
      [](const Tensor& t, int64_t d) { return t.cumsum(d); }, [](const Tensor& t, int64_t d) { t.cumsum_(d); },
      running_sum, -3, 3);
  table.push_back(sums);

  Op products;
  products.name = "cumprod";
  products.result = Result::Sum;
  products.dtypes = kAllDtypes;
  products.tolerance = {400, 64};
  add_scan(
      products, [](const Tensor& t, int64_t d) { return cumprod(t, d); },
      [](const Tensor& t, int64_t d) { return t.cumprod(d); }, [](const Tensor& t, int64_t d) { t.cumprod_(d); },
      running_product, -1.4, 1.4);
  products.variants.push_back({"zeros",
                               {given({3, 4}, {0, 2, 0, 3, 5, 2, 0, 3, 1, 2, 3, 4})},
                               call([](const Tensors& t) { return cumprod(t[0], 1); }),
                               ref([](const Arrays& a) { return scanned(a[0], 1, running_product); })});
  products.variants.back().dtypes = kNumericDtypes;
  table.push_back(products);

  Op logs;
  logs.name = "logcumsumexp";
  logs.dtypes = kFloatDtypes;
  logs.refused = kNonFloatDtypes;
  logs.tolerance = {64, 64};  // of 20000 logarithms one after the other
  add_scan(
      logs, [](const Tensor& t, int64_t d) { return logcumsumexp(t, d); },
      [](const Tensor& t, int64_t d) { return t.logcumsumexp(d); }, nullptr, running_logsumexp, -3, 3);
  table.push_back(logs);

  add_extreme_scan<true>(table);
  add_extreme_scan<false>(table);
  add_diff(table);
}

}  // namespace ember::test
