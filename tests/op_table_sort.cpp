// Rows of sorts, selections, unique elements, counts and searches.
#include "op_table_reduce.h"

namespace ember::test {
namespace {

struct Case {
  Sizes sizes;
  int64_t dim;
};
const std::vector<Case> kSorts = {{{}, 0},       {{}, -1},      {{1}, 0},       {{5}, 0},        {{3, 4}, 1},
                                  {{3, 4}, 0},   {{3, 4}, -2},  {{2, 3, 4}, 1}, {{2, 3, 4}, -1}, {{0, 3}, 1},
                                  {{2, 100}, 1}, {{100, 3}, 0}, {{3, 1000}, 1}};
const std::vector<double> kUnusual = {kNan, 1, 2, kInf, kNan, 0, -1, kNan, -kInf, 0, 1, 1, 3, 1, 3, -kInf, kInf, 2};

Tensors pair(const std::tuple<Tensor, Tensor>& r) { return {std::get<0>(r), std::get<1>(r)}; }
Tensors triple(const std::tuple<Tensor, Tensor, Tensor>& r) { return {std::get<0>(r), std::get<1>(r), std::get<2>(r)}; }

// Values and places of each line in order.
Arrays sorted(const HostArray& a, int64_t dim, bool descending) {
  const int64_t n = size_along(a, dim);
  return {along(a, dim, n,
                [=](const Line& l) {
                  Line r;
                  for (const size_t i : sorted_places(l, descending)) r.push_back(l[i]);
                  return r;
                }),
          along(a, dim, n, [=](const Line& l) {
            Line r;
            for (const size_t i : sorted_places(l, descending)) r.push_back(static_cast<double>(i));
            return r;
          })};
}

void size_limits(Variant& v, const Sizes& sizes) {
  v.gradient = count(sizes) < 50 && count(sizes) > 0;
  v.layouts = count(sizes) < 1000;
}

void add_sorts(std::vector<Op>& table) {
  Op sort_op, places, first;
  sort_op.name = "sort";
  sort_op.result = Result::SameAndIndex;
  places.name = "argsort";
  places.result = Result::Index;
  places.differentiable = false;
  first.name = "msort";
  for (Op* op : {&sort_op, &places, &first}) op->dtypes = kAllDtypes;
  for (const Case& c : kSorts) {
    for (const bool descending : {false, true}) {
      const int64_t dim = c.dim;
      Variant v{to_string(c.sizes) + " dim " + std::to_string(dim) + (descending ? " descending" : ""),
                {value(c.sizes)},
                call([=](const Tensors& t) { return pair(sort(t[0], dim, descending)); }),
                ref([=](const Arrays& a) { return sorted(a[0], dim, descending); }),
                call([=](const Tensors& t) { return pair(t[0].sort(true, dim, descending)); })};
      size_limits(v, c.sizes);
      sort_op.variants.push_back(v);
      v.call = call([=](const Tensors& t) { return argsort(t[0], dim, descending); });
      v.method = call([=](const Tensors& t) { return t[0].argsort(true, dim, descending); });
      v.reference = ref([=](const Arrays& a) { return sorted(a[0], dim, descending)[1]; });
      places.variants.push_back(v);
    }
    if (c.dim == 0) {
      Variant v{to_string(c.sizes),
                {value(c.sizes)},
                call([](const Tensors& t) { return msort(t[0]); }),
                ref([](const Arrays& a) { return sorted(a[0], 0, false)[0]; }),
                call([](const Tensors& t) { return t[0].msort(); })};
      size_limits(v, c.sizes);
      first.variants.push_back(v);
    }
  }
  for (const bool descending : {false, true}) {
    sort_op.variants.push_back(special(descending ? "special descending" : "special", kUnusual, {2, 9},
                                       call([=](const Tensors& t) { return pair(sort(t[0], 1, descending)); }),
                                       ref([=](const Arrays& a) { return sorted(a[0], 1, descending); })));
  }
  table.push_back(sort_op);
  table.push_back(places);
  table.push_back(first);
}

void add_topk(std::vector<Op>& table) {
  Op op;
  op.name = "topk";
  op.dtypes = kNumericDtypes;
  op.refused = {kBool};
  const auto reference = [](int64_t k, int64_t dim, bool largest) {
    return ref([=](const Arrays& a) {
      const HostArray best = along(a[0], dim, k, [=](const Line& l) {
        Line r;
        const std::vector<size_t> order = sorted_places(l, largest);
        for (size_t i = 0; i < static_cast<size_t>(k); ++i) r.push_back(l[order[i]]);
        return r;
      });
      return Arrays{best, best};
    });
  };
  // Which of equal ones is found is not promised: the second result is what the indices point at.
  const auto found = [](const Tensor& t, const std::tuple<Tensor, Tensor>& r, int64_t dim) {
    return Tensors{std::get<0>(r), t.gather(dim, std::get<1>(r))};
  };
  for (const Case& c : kSorts) {
    const int64_t n =
        c.sizes.empty()
            ? 1
            : c.sizes[static_cast<size_t>(c.dim < 0 ? c.dim + static_cast<int64_t>(c.sizes.size()) : c.dim)];
    for (const int64_t k : std::vector<int64_t>{1, 2, n}) {
      if (k > n || (k == n && n <= 2)) continue;
      for (const bool largest : {true, false}) {
        const int64_t dim = c.dim;
        Variant v{to_string(c.sizes) + " dim " + std::to_string(dim) + " k " + std::to_string(k) +
                      (largest ? "" : " smallest"),
                  {value(c.sizes)},
                  call([=](const Tensors& t) { return found(t[0], topk(t[0], k, dim, largest), dim); }),
                  reference(k, dim, largest),
                  call([=](const Tensors& t) { return found(t[0], t[0].topk(k, dim, largest), dim); })};
        size_limits(v, c.sizes);
        op.variants.push_back(v);
      }
    }
  }
  for (const bool largest : {true, false}) {
    op.variants.push_back(special(largest ? "special" : "special smallest", kUnusual, {2, 9},
                                  call([=](const Tensors& t) { return found(t[0], topk(t[0], 5, 1, largest), 1); }),
                                  reference(5, 1, largest)));
  }
  table.push_back(op);
}

using Choose = std::function<size_t(const Line&)>;

Arrays chosen(const HostArray& a, int64_t dim, bool keepdim, const Choose& f) {
  const Fold value = [&](const Line& l) { return l[f(l)]; };
  const Fold place = [&](const Line& l) { return static_cast<double>(f(l)); };
  return {reduce(a, {dim}, keepdim, value), reduce(a, {dim}, keepdim, place)};
}

// The median of the stable order: the lower of two; the first NaN, unless they are ignored.
size_t median_place(const Line& l, bool ignore_nan) {
  size_t nans = 0;
  for (size_t i = 0; i < l.size(); ++i) {
    if (l[i] == l[i]) continue;
    if (!ignore_nan) return i;
    ++nans;
  }
  const size_t numbers = l.size() - nans;
  return sorted_places(l, false)[numbers == 0 ? 0 : (numbers - 1) / 2];
}

// The last of the smallest of the most frequent.
size_t mode_place(const Line& l) {
  const std::vector<size_t> order = sorted_places(l, false);
  size_t most = 0, run = 0, place = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    ++run;
    if (i + 1 < order.size() && l[order[i]] == l[order[i + 1]]) continue;
    if (run > most) {
      most = run;
      place = order[i];
    }
    run = 0;
  }
  return place;
}

void add_choice(std::vector<Op>& table, const std::string& name, bool with_bool,
                const std::function<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)>& f,
                const std::function<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)>& method, const Choose& r,
                bool nan) {
  Op op;
  op.name = name;
  op.result = Result::SameAndIndex;
  op.dtypes = with_bool ? kAllDtypes : kNumericDtypes;
  if (!with_bool) op.refused = {kBool};
  for (const Case& c : kSorts) {
    // Which of many equal ones is the place of the mode is not promised.
    if (name == "mode" && count(c.sizes) > 50) {
      const int64_t dim = c.dim;
      Variant v{to_string(c.sizes) + " values",
                {value(c.sizes)},
                call([=](const Tensors& t) {
                  const auto [values, places] = f(t[0], dim, true);
                  return Tensors{values, t[0].gather(dim, places)};
                }),
                ref([=](const Arrays& a) {
                  const HostArray values = chosen(a[0], dim, true, r)[0];
                  return Arrays{values, values};
                })};
      size_limits(v, c.sizes);
      v.result = Result::Same;
      op.variants.push_back(v);
      continue;
    }
    for (const bool keepdim : {false, true}) {
      const int64_t dim = c.dim;
      Variant v{to_string(c.sizes) + " dim " + std::to_string(dim) + (keepdim ? " keepdim" : ""),
                {value(c.sizes)},
                call([=](const Tensors& t) { return pair(f(t[0], dim, keepdim)); }),
                ref([=](const Arrays& a) { return chosen(a[0], dim, keepdim, r); }),
                call([=](const Tensors& t) { return pair(method(t[0], dim, keepdim)); })};
      size_limits(v, c.sizes);
      op.variants.push_back(v);
    }
  }
  if (nan) {
    op.variants.push_back(special("special",
                                  {kNan, 1, 2, kInf, 3, 0, 1, kNan, 0, kNan, kNan, kNan, -kInf, 1, 0, 0, 5, 6}, {3, 6},
                                  call([=](const Tensors& t) { return pair(f(t[0], 1, false)); }),
                                  ref([=](const Arrays& a) { return chosen(a[0], 1, false, r); })));
  }
  table.push_back(op);
}

void add_median_of_all(std::vector<Op>& table, bool ignore_nan) {
  Op op;
  op.name = ignore_nan ? "nanmedian" : "median";
  op.dtypes = kNumericDtypes;
  op.refused = {kBool};
  const Fold fold = [=](const Line& l) { return l[median_place(l, ignore_nan)]; };
  add_whole(op, call([=](const Tensors& t) { return ignore_nan ? nanmedian(t[0]) : median(t[0]); }),
            call([=](const Tensors& t) { return ignore_nan ? t[0].nanmedian() : t[0].median(); }), fold, -3, 3, false,
            {3001});
  op.variants.push_back(special("special", {3, kNan, 1, 2, kInf}, {5}, op.variants[0].call, folded({}, false, fold)));
  Variant empty{"empty", {value({0})}, op.variants[0].call, folded({}, false, [](const Line&) { return kNan; })};
  empty.dtypes = kFloatDtypes;
  empty.gradient = false;
  op.variants.push_back(empty);
  table.push_back(op);
}

// ---- unique ----

Arrays unique_of(const HostArray& a, bool consecutive) {
  std::vector<size_t> order = sorted_places(a.data, false);
  if (consecutive)
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  HostArray values, inverse = a, counts;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || a.data[order[i]] != a.data[order[i - 1]]) {
      values.data.push_back(a.data[order[i]]);
      counts.data.push_back(0);
    }
    inverse.data[order[i]] = static_cast<double>(values.data.size() - 1);
    ++counts.data.back();
  }
  values.sizes = counts.sizes = {values.numel()};
  return {values, inverse, counts};
}

void add_unique(std::vector<Op>& table) {
  for (const bool consecutive : {false, true}) {
    Op op;
    op.name = consecutive ? "unique_consecutive" : "unique";
    op.result = Result::SameAndIndex;
    op.dtypes = kAllDtypes;
    op.differentiable = false;
    const Call f = call([=](const Tensors& t) {
      const Tensor x = t[0].detach();
      return triple(consecutive ? unique_consecutive(x, true, true) : _unique2(x, true, true, true));
    });
    const Reference r = ref([=](const Arrays& a) { return unique_of(a[0], consecutive); });
    for (const Sizes& sizes : std::vector<Sizes>{{}, {1}, {7}, {3, 5}, {2, 3, 4}, {0}, {2, 0}, {500}}) {
      op.variants.push_back({to_string(sizes), {value(sizes)}, f, r});
    }
    op.variants.push_back(special("special", kUnusual, {2, 9}, f, r));
    table.push_back(op);
  }

  Op slices;
  slices.name = "unique_dim";
  slices.result = Result::SameAndIndex;
  slices.dtypes = kAllDtypes;
  slices.differentiable = false;
  slices.variants.push_back(
      {"rows",
       {given({5, 2}, {1, 0, 0, 1, 1, 0, 0, 0, 1, 1})},
       call([](const Tensors& t) { return triple(unique_dim(t[0].detach(), 0, true, true, true)); }),
       ref([](const Arrays& a) {
         if (a[0].at({0, 0}) == a[0].at({1, 0}) && a[0].at({0, 1}) == a[0].at({1, 1})) {
           return Arrays{{{1, 0}, {1, 2}}, {{0, 0, 0, 0, 0}, {5}}, {{5}, {1}}};  // repeated
         }
         return Arrays{{{0, 0, 0, 1, 1, 0, 1, 1}, {4, 2}}, {{2, 1, 2, 0, 3}, {5}}, {{1, 1, 2, 1}, {4}}};
       })});
  Variant columns{"columns",
                  {given({2, 3}, {1, 0, 1, 0, 1, 0})},
                  call([](const Tensors& t) { return triple(unique_dim(t[0].detach(), -1, true, true, true)); }),
                  ref([](const Arrays&) {
                    return Arrays{{{0, 1, 1, 0}, {2, 2}}, {{1, 0, 1}, {3}}, {{1, 2}, {2}}};
                  })};
  columns.layouts = false;
  slices.variants.push_back(columns);
  columns.label = "neighbours";
  columns.inputs = {given({2, 3}, {1, 1, 0, 0, 0, 1})};
  columns.call = call([](const Tensors& t) { return triple(unique_dim_consecutive(t[0].detach(), 1, true, true)); });
  columns.reference = ref([](const Arrays&) {
    return Arrays{{{1, 0, 0, 1}, {2, 2}}, {{0, 0, 1}, {3}}, {{2, 1}, {2}}};
  });
  slices.variants.push_back(columns);
  table.push_back(slices);
}

// ---- counts and searches ----

void add_counts(std::vector<Op>& table) {
  Op bins;
  bins.name = "bincount";
  bins.result = Result::Index;
  bins.dtypes = kIntegerDtypes;
  bins.refused = {kFloat32, kBool};
  bins.differentiable = false;
  const auto counted = [](int64_t least) {
    return ref([=](const Arrays& a) {
      HostArray r = filled({least});
      for (double x : a[0].data) {
        if (static_cast<size_t>(x) >= r.data.size()) r.data.resize(static_cast<size_t>(x) + 1);
        ++r.data[static_cast<size_t>(x)];
      }
      r.sizes = {r.numel()};
      return r;
    });
  };
  bins.variants.push_back({"counts",
                           {value({50}, 0, 7)},
                           call([](const Tensors& t) { return bincount(t[0]); }),
                           counted(0),
                           call([](const Tensors& t) { return t[0].bincount(); })});
  bins.variants.push_back(
      {"minlength", {value({5}, 0, 3)}, call([](const Tensors& t) { return bincount(t[0], {}, 12); }), counted(12)});
  bins.variants.push_back(
      {"empty", {value({0})}, call([](const Tensors& t) { return bincount(t[0], {}, 2); }), counted(2)});
  table.push_back(bins);

  Op hist;
  hist.name = "histc";
  hist.dtypes = kFloatDtypes;
  hist.refused = kNonFloatDtypes;
  hist.differentiable = false;
  // Ranges whose parts are exact.
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{-4, 4}, {-1, 1}}) {
    hist.variants.push_back({"from " + std::to_string(low),
                             {value({7, 30})},
                             call([low = low, high = high](const Tensors& t) { return histc(t[0], 8, low, high); }),
                             ref([low = low, high = high](const Arrays& a) {
                               HostArray r = filled({8});
                               for (double x : a[0].data) {
                                 if (x < low || x > high) continue;
                                 ++r.data[static_cast<size_t>(std::min(7.0, std::floor((x - low) * 8 / (high - low))))];
                               }
                               return r;
                             }),
                             call([low = low, high = high](const Tensors& t) { return t[0].histc(8, low, high); })});
  }
  hist.variants.push_back(special("special", {kNan, kInf, -kInf, 0, 1, 0.5, 0.25}, {7},
                                  call([](const Tensors& t) { return histc(t[0], 2, 0, 1); }), ref([](const Arrays&) {
                                    return HostArray{{2, 2}, {2}};
                                  })));
  hist.variants.back().layouts = false;
  table.push_back(hist);

  Op search;
  search.name = "searchsorted";
  search.result = Result::Index;
  search.dtypes = kNumericDtypes;
  search.differentiable = false;
  const auto searched = [](bool right) {
    return [=](const Line& boundaries, double x) {
      double n = 0;
      for (double b : boundaries) n += right ? !(b > x) : !(b >= x);
      return n;
    };
  };
  for (const bool right : {false, true}) {
    const auto place = searched(right);
    search.variants.push_back(
        {right ? "right" : "left",
         {given({5}, {0, 1, 1, 3, 4}), value({3, 4}, 0, 5)},
         call([=](const Tensors& t) { return searchsorted(t[0], t[1], false, right); }),
         ref([=](const Arrays& a) { return map(a[1], [&](double x) { return place(a[0].data, x); }); }),
         call([=](const Tensors& t) { return bucketize(t[1], t[0], false, right); })});
    search.variants.push_back(
        {right ? "rows, right" : "rows",
         {given({2, 3}, {0, 1, 2, 1, 3, 3}), value({2, 4}, 0, 4)},
         call([=](const Tensors& t) { return searchsorted(t[0], t[1], false, false, right ? "right" : "left"); }),
         ref([=](const Arrays& a) {
           HostArray r = a[1];
           for (int64_t i = 0; i < 2; ++i)
             for (int64_t j = 0; j < 4; ++j)
               r.at({i, j}) = place({a[0].at({i, 0}), a[0].at({i, 1}), a[0].at({i, 2})}, a[1].at({i, j}));
           return r;
         })});
    search.variants.push_back(
        {"a sorter",
         {given({4}, {3, 0, 2, 2}), value({6}, 0, 4), index({4}, {1, 2, 3, 0})},
         call([=](const Tensors& t) { return searchsorted(t[0], t[1], false, right, std::nullopt, t[2]); }),
         ref([=](const Arrays& a) {
           return map(a[1], [&](double x) {
             return place({a[0].data[1], a[0].data[2], a[0].data[3], a[0].data[0]}, x);
           });
         })});
    search.variants.back().layouts = false;
  }
  Variant nan = special("special", {0, 1, 2, 3}, {4}, call([](const Tensors& t) { return searchsorted(t[0], t[1]); }),
                        ref([](const Arrays&) {
                          return HostArray{{0, 1, 4, 4, 4}, {5}};
                        }));
  nan.inputs.push_back(given({5}, {-kInf, 0.5, 7, kNan, kInf}));
  nan.result = Result::Index;
  nan.layouts = false;
  search.variants.push_back(nan);
  table.push_back(search);
}

void add_aminmax(std::vector<Op>& table) {
  Op op;
  op.name = "aminmax";
  op.dtypes = kAllDtypes;
  for (const Case& c : kSorts) {
    for (const bool keepdim : {false, true}) {
      const int64_t dim = c.dim;
      Variant v{to_string(c.sizes) + " dim " + std::to_string(dim) + (keepdim ? " keepdim" : ""),
                {value(c.sizes)},
                call([=](const Tensors& t) { return pair(aminmax(t[0], dim, keepdim)); }),
                ref([=](const Arrays& a) {
                  return Arrays{reduce(a[0], {dim}, keepdim, fold_extreme<false>),
                                reduce(a[0], {dim}, keepdim, fold_extreme<true>)};
                }),
                call([=](const Tensors& t) { return pair(t[0].aminmax(dim, keepdim)); })};
      size_limits(v, c.sizes);
      op.variants.push_back(v);
    }
  }
  op.variants.push_back(
      {"whole", {value({3, 5})}, call([](const Tensors& t) { return pair(aminmax(t[0])); }), ref([](const Arrays& a) {
         return Arrays{reduce(a[0], {}, false, fold_extreme<false>), reduce(a[0], {}, false, fold_extreme<true>)};
       })});
  table.push_back(op);
}

}  // namespace

void add_sort_ops(std::vector<Op>& table) {
  add_sorts(table);
  add_topk(table);
  add_choice(
      table, "median_dim", false, [](const Tensor& t, int64_t d, bool k) { return median(t, d, k); },
      [](const Tensor& t, int64_t d, bool k) { return t.median(d, k); },
      [](const Line& l) { return median_place(l, false); }, true);
  add_choice(
      table, "nanmedian_dim", false, [](const Tensor& t, int64_t d, bool k) { return nanmedian(t, d, k); },
      [](const Tensor& t, int64_t d, bool k) { return t.nanmedian(d, k); },
      [](const Line& l) { return median_place(l, true); }, true);
  add_choice(
      table, "mode", true, [](const Tensor& t, int64_t d, bool k) { return mode(t, d, k); },
      [](const Tensor& t, int64_t d, bool k) { return t.mode(d, k); }, mode_place, false);
  // The place of the k-th is checked where there are no equal ones.
  Op kth;
  kth.name = "kthvalue";
  kth.dtypes = kNumericDtypes;
  kth.refused = {kBool};
  for (const Case& c : kSorts) {
    const int64_t dim = c.dim;
    const int64_t n =
        c.sizes.empty() ? 1 : c.sizes[static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(c.sizes.size()) : dim)];
    for (const int64_t k : std::vector<int64_t>{1, (n + 1) / 2, n}) {
      const Fold fold = [k](const Line& l) { return l[sorted_places(l, false)[static_cast<size_t>(k - 1)]]; };
      Variant v{to_string(c.sizes) + " dim " + std::to_string(dim) + " k " + std::to_string(k),
                {value(c.sizes)},
                call([=](const Tensors& t) {
                  const auto r = kthvalue(t[0], k, dim, true);
                  return Tensors{std::get<0>(r), t[0].gather(dim, std::get<1>(r))};
                }),
                ref([=](const Arrays& a) {
                  const HostArray r = reduce(a[0], {dim}, true, fold);
                  return Arrays{r, r};
                }),
                call([=](const Tensors& t) {
                  const auto r = t[0].kthvalue(k, dim, true);
                  return Tensors{std::get<0>(r), t[0].gather(dim, std::get<1>(r))};
                })};
      size_limits(v, c.sizes);
      kth.variants.push_back(v);
    }
  }
  table.push_back(kth);
  add_median_of_all(table, false);
  add_median_of_all(table, true);
  add_unique(table);
  add_counts(table);
  add_aminmax(table);
}

}  // namespace ember::test
