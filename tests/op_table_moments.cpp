// Rows of variance, norms, products and the other reductions with a formula of their own.
#include "op_table_reduce.h"

namespace ember::test {
namespace {

// Σ (x − mean)² / max(0, n − correction)
double variance(const Line& v, double correction) {
  const double mean = fold_mean(v);
  long double s = 0;
  for (double x : v) s += static_cast<long double>(x - mean) * (x - mean);
  return static_cast<double>(s) / std::max(0.0, static_cast<double>(v.size()) - correction);
}

int64_t reduced_count(const Sizes& sizes, const Sizes& dims) {
  int64_t n = dims.empty() ? count(sizes) : 1;
  for (const int64_t d : dims)
    if (!sizes.empty()) n *= sizes[static_cast<size_t>(d < 0 ? d + static_cast<int64_t>(sizes.size()) : d)];
  return n;
}

std::vector<Shape> all_reductions() {
  std::vector<Shape> shapes = kReductions;
  shapes.insert(shapes.end(), kEmptyReductions.begin(), kEmptyReductions.end());
  shapes.insert(shapes.end(), kLargeReductions.begin(), kLargeReductions.end());
  return shapes;
}

template <bool Root>
void add_spread(std::vector<Op>& table) {
  Op op;
  op.name = Root ? "std" : "var";
  Op with_mean;
  with_mean.name = Root ? "std_mean" : "var_mean";
  for (Op* o : {&op, &with_mean}) {
    o->dtypes = kFloatDtypes;
    o->refused = kNonFloatDtypes;
    o->tolerance = {16, 64};
  }
  for (const Shape& s : all_reductions()) {
    for (const double correction : {1.0, 0.0, 2.5}) {
      const bool keepdim = correction != 1;
      const Sizes dims = s.dims;
      const Fold fold = [correction](const Line& v) {
        const double x = variance(v, correction);
        return Root ? std::sqrt(x) : x;
      };
      const std::optional<Scalar> c = Scalar(correction);
      Variant v{label_of(s.sizes, dims, keepdim) + " correction " + std::to_string(correction),
                {value(s.sizes)},
                call([=](const Tensors& t) {
                  if (correction == 1 || correction == 0) {
                    const bool unbiased = correction == 1;
                    return Root ? ember::std(t[0], dims, unbiased, keepdim) : var(t[0], dims, unbiased, keepdim);
                  }
                  return Root ? ember::std(t[0], dims, c, keepdim) : var(t[0], dims, c, keepdim);
                }),
                folded(dims, keepdim, fold),
                call([=](const Tensors& t) {
                  return Root ? t[0].std(OptionalIntArrayRef(dims), c, keepdim)
                              : t[0].var(OptionalIntArrayRef(dims), c, keepdim);
                })};
      const int64_t n = reduced_count(s.sizes, dims);
      v.gradient = count(s.sizes) < 50 && static_cast<double>(n) > std::max(1.0, correction);
      v.layouts = count(s.sizes) < 10000;
      op.variants.push_back(v);
      v.call = call([=](const Tensors& t) {
        const auto r = Root ? std_mean(t[0], dims, c, keepdim) : var_mean(t[0], dims, c, keepdim);
        return Tensors{std::get<0>(r), std::get<1>(r)};
      });
      v.reference = ref([=](const Arrays& a) {
        return Arrays{reduce(a[0], dims, keepdim, fold), reduce(a[0], dims, keepdim, fold_mean)};
      });
      v.method = nullptr;
      with_mean.variants.push_back(v);
    }
  }
  const Fold unbiased = [](const Line& v) { return Root ? std::sqrt(variance(v, 1)) : variance(v, 1); };
  // Numbers whose squares would swallow their differences, NaN, infinity.
  op.variants.push_back(
      special("special", {4096, 4097, 4098, 4096, 4097, 4098, 1, kNan, 2, 1, 2, kInf, -kInf, kInf, 1}, {5, 3},
              call([](const Tensors& t) { return Root ? ember::std(t[0], {1}, true) : var(t[0], {1}, true); }),
              folded({1}, false, unbiased)));
  op.variants.back().dtypes = {kFloat32, kFloat64};
  table.push_back(op);
  table.push_back(with_mean);
}

// ---- norms ----

double fold_norm(const Line& v, double p) {
  if (std::isinf(p)) {
    Line magnitudes;
    for (double x : v) magnitudes.push_back(std::fabs(x));
    return p > 0 ? fold_extreme<true>(magnitudes) : fold_extreme<false>(magnitudes);
  }
  long double s = 0;
  for (double x : v) s += p == 0 ? static_cast<long double>(x != 0) : std::pow(std::fabs(x), p);
  return p == 0 ? static_cast<double>(s) : std::pow(static_cast<double>(s), 1 / p);
}

void add_norms(std::vector<Op>& table) {
  for (const double p : {2.0, 1.0, 0.0, kInf, -kInf, 3.0, 1.5, 0.5, -1.0}) {
    Op op;
    op.name = "norm_" + (std::isinf(p) ? std::string(p > 0 ? "inf" : "minus_inf") : std::to_string(p).substr(0, 4));
    op.dtypes = kFloatDtypes;
    op.refused = kNonFloatDtypes;
    op.tolerance = {64, 64};
    const Fold fold = [p](const Line& v) { return fold_norm(v, p); };
    const bool has_identity = p >= 0 && !std::isinf(p);
    std::vector<Shape> shapes = kReductions;
    if (has_identity) shapes.insert(shapes.end(), kEmptyReductions.begin(), kEmptyReductions.end());
    shapes.insert(shapes.end(), kLargeReductions.begin(), kLargeReductions.end());
    for (const Shape& s : shapes) {
      const Sizes dims = s.dims;
      for (const bool keepdim : {false, true}) {
        Variant v{label_of(s.sizes, dims, keepdim),
                  {value(s.sizes, -3, 3, {0})},
                  call([=](const Tensors& t) { return norm(t[0], Scalar(p), dims, keepdim); }),
                  folded(dims, keepdim, fold),
                  call([=](const Tensors& t) { return t[0].norm(Scalar(p), dims, keepdim); })};
        v.gradient = count(s.sizes) < 50;
        v.layouts = count(s.sizes) < 10000;
        op.variants.push_back(v);
      }
    }
    Variant whole{"whole",
                  {value({3, 5}, -3, 3, {0})},
                  call([=](const Tensors& t) { return norm(t[0], p); }),
                  folded({}, false, fold)};
    op.variants.push_back(whole);
    Variant wide = whole;
    wide.label = "dtype";
    wide.call = call([=](const Tensors& t) { return norm(t[0], Scalar(p), {}, false, kFloat64).to(t[0].dtype()); });
    op.variants.push_back(wide);
    op.variants.push_back(special("special", {kNan, 1, 2, kInf, 1, 0, 0, 0, 0, -kInf, 1, 2}, {4, 3},
                                  call([=](const Tensors& t) { return norm(t[0], Scalar(p), {1}); }),
                                  folded({1}, false, fold)));
    table.push_back(op);
  }

  Op dist_op;
  dist_op.name = "dist";
  dist_op.dtypes = kFloatDtypes;
  dist_op.refused = kNonFloatDtypes;
  dist_op.tolerance = {64, 64};
  for (const double p : {2.0, 1.0, kInf, 3.0}) {
    for (const auto& [a, b] : std::vector<std::pair<Sizes, Sizes>>{{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{}, {}}}) {
      Variant v{to_string(a) + " and " + to_string(b) + " order " + std::to_string(p),
                {value(a, 0.5, 3), value(b, -3, 0)},
                call([=](const Tensors& t) { return dist(t[0], t[1], p); }),
                ref([=](const Arrays& x) {
                  return reduce(map(x[0], x[1], [](double s, double t) { return s - t; }), {}, false,
                                [p](const Line& l) { return fold_norm(l, p); });
                }),
                call([=](const Tensors& t) { return t[0].dist(t[1], p); })};
      // The difference is rounded before it is measured.
      v.dtypes = std::vector<ScalarType>{kFloat32, kFloat64};
      dist_op.variants.push_back(v);
    }
  }
  table.push_back(dist_op);

  Op renorm_op;
  renorm_op.name = "renorm";
  renorm_op.dtypes = kFloatDtypes;
  renorm_op.refused = kNonFloatDtypes;
  renorm_op.tolerance = {64, 64, true};
  struct Case {
    Sizes sizes;
    int64_t dim;
    double p, most;
  };
  for (const Case& c :
       std::vector<Case>{{{3, 4}, 0, 2, 2.5}, {{3, 4}, 1, 1, 4}, {{2, 3, 4}, -2, 3, 3}, {{0, 3}, 0, 2, 1}}) {
    Variant v{to_string(c.sizes) + " dim " + std::to_string(c.dim),
              {value(c.sizes, -3, 3, {0})},
              call([=](const Tensors& t) { return renorm(t[0], c.p, c.dim, c.most); }),
              ref([=](const Arrays& a) {
                Sizes others;
                const int64_t d = c.dim < 0 ? c.dim + a[0].dim() : c.dim;
                for (int64_t e = 0; e < a[0].dim(); ++e)
                  if (e != d) others.push_back(e);
                const HostArray norms = reduce(a[0], others, true, [&](const Line& l) { return fold_norm(l, c.p); });
                return map(a[0], norms, [&](double x, double n) { return n > c.most ? x * (c.most / (n + 1e-7)) : x; });
              }),
              call([=](const Tensors& t) { return t[0].renorm(c.p, c.dim, c.most); }),
              [=](const Tensors& t) { t[0].renorm_(c.p, c.dim, c.most); }};
    renorm_op.variants.push_back(v);
  }
  table.push_back(renorm_op);
}

// ---- products, sums and counts ----

double fold_prod(const Line& v) {
  double p = 1;
  for (double x : v) p *= x;
  return p;
}

void add_products(std::vector<Op>& table) {
  Op op;
  op.name = "prod";
  op.result = Result::Sum;
  op.dtypes = kAllDtypes;
  op.tolerance = {400, 64};
  const Call whole = call([](const Tensors& t) { return prod(t[0]); });
  add_whole(op, whole, call([](const Tensors& t) { return t[0].prod(); }), fold_prod, -1.4, 1.4, true, {1001});
  for (const Shape& s : all_reductions()) {
    if (s.dims.size() != 1) continue;
    for (const bool keepdim : {false, true}) {
      const int64_t dim = s.dims[0];
      Variant v{label_of(s.sizes, s.dims, keepdim),
                {value(s.sizes, -1.4, 1.4)},
                call([=](const Tensors& t) { return prod(t[0], dim, keepdim); }),
                folded(s.dims, keepdim, fold_prod),
                call([=](const Tensors& t) { return t[0].prod(dim, keepdim); })};
      v.gradient = count(s.sizes) < 50;
      v.layouts = count(s.sizes) < 10000;
      op.variants.push_back(v);
    }
  }
  Variant zeros{"zeros",
                {given({4, 3}, {0, 2, 3, 0, 0, 5, 1, 2, 3, 0, 0, 0})},
                call([](const Tensors& t) { return prod(t[0], 1); }),
                folded({1}, false, fold_prod)};
  zeros.dtypes = kNumericDtypes;
  op.variants.push_back(zeros);
  zeros.label = "zeros, whole";
  zeros.inputs = {given({4}, {2, 0, 3, 4})};
  zeros.call = whole;
  zeros.reference = folded({}, false, fold_prod);
  op.variants.push_back(zeros);
  op.variants.push_back(special("special", {kNan, 1, 2, 0, kInf, 1, 2, -kInf, 3}, {3, 3},
                                call([](const Tensors& t) { return prod(t[0], 1); }), folded({1}, false, fold_prod)));
  table.push_back(op);
}

double fold_nansum(const Line& v) {
  double s = 0;
  for (double x : v) s += x == x ? x : 0;
  return s;
}
double fold_nanmean(const Line& v) {
  double n = 0;
  for (double x : v) n += x == x;
  return fold_nansum(v) / n;
}

void add_without_nan(std::vector<Op>& table) {
  const std::vector<double> unusual = {kNan, 1, 2, kInf, kNan, 1, kNan, kNan, kNan, 1, 2, 4};
  Op total;
  total.name = "nansum";
  total.result = Result::Sum;
  total.dtypes = kAllDtypes;
  total.tolerance = {16, 2000};
  add_by_dims(
      total, [](const Tensor& t, IntArrayRef d, bool k) { return nansum(t, d, k); },
      [](const Tensor& t, IntArrayRef d, bool k) { return t.nansum(d, k); }, fold_nansum, -3, 3, true);
  total.variants.push_back(special("special", unusual, {4, 3}, call([](const Tensors& t) { return nansum(t[0], 1); }),
                                   folded({1}, false, fold_nansum)));
  table.push_back(total);

  Op mean;
  mean.name = "nanmean";
  mean.dtypes = kFloatDtypes;
  mean.refused = kNonFloatDtypes;
  mean.tolerance = {16, 64, true};
  // Sums of a few only: the 2-byte floats round them before the division.
  for (const Shape& s : kReductions) {
    const Sizes dims = s.dims;
    Variant v{label_of(s.sizes, dims, false),
              {value(s.sizes, 0.25, 1)},
              call([=](const Tensors& t) { return nanmean(t[0], dims); }),
              folded(dims, false, fold_nanmean),
              call([=](const Tensors& t) { return t[0].nanmean(dims); })};
    v.gradient = count(s.sizes) < 50;
    mean.variants.push_back(v);
  }
  mean.variants.push_back(special("special", unusual, {4, 3}, call([](const Tensors& t) { return nanmean(t[0], 1); }),
                                  folded({1}, false, fold_nanmean)));
  table.push_back(mean);
}

void add_counts(std::vector<Op>& table) {
  for (const bool all_of : {true, false}) {
    Op op;
    op.name = all_of ? "all_dims" : "any_dims";
    op.result = Result::Bool;
    op.dtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kInt8, kInt16, kInt32, kInt64, kBool};
    op.differentiable = false;
    const Fold fold = all_of ? fold_all : fold_any;
    for (const Shape& s : all_reductions()) {
      if (s.dims.empty()) continue;
      for (const bool keepdim : {false, true}) {
        const Sizes dims = s.dims;
        Variant v{label_of(s.sizes, dims, keepdim),
                  {value(s.sizes, all_of ? 0 : -1, all_of ? 2 : 1)},
                  call([=](const Tensors& t) {
                    const OptionalIntArrayRef d = dims;
                    return all_of ? all(t[0], d, keepdim) : any(t[0], d, keepdim);
                  }),
                  folded(dims, keepdim, fold)};
        if (dims.size() == 1) {
          v.method =
              call([=](const Tensors& t) { return all_of ? t[0].all(dims[0], keepdim) : t[0].any(dims[0], keepdim); });
        }
        v.layouts = count(s.sizes) < 10000;
        op.variants.push_back(v);
        v.label += " uint8";  // stays what it is
        v.dtypes = std::vector<ScalarType>{kUInt8};
        v.result = Result::Same;
        op.variants.push_back(v);
      }
    }
    // Of no dimensions nothing is reduced.
    op.variants.push_back(
        {"no dimensions",
         {value({3, 4}, -1, 1)},
         call([=](const Tensors& t) {
           const OptionalIntArrayRef none = IntArrayRef();
           return all_of ? all(t[0], none) : any(t[0], none);
         }),
         ref([](const Arrays& a) { return map(a[0], [](double x) { return x != 0 ? 1.0 : 0.0; }); })});
    op.variants.push_back(special("special", {kNan, 1, 0, kInf, 0, 0}, {2, 3},
                                  call([=](const Tensors& t) { return all_of ? all(t[0], 1) : any(t[0], 1); }),
                                  folded({1}, false, fold)));
    table.push_back(op);
  }

  Op counts;
  counts.name = "count_nonzero";
  counts.result = Result::Index;
  counts.dtypes = kAllDtypes;
  counts.differentiable = false;
  const Fold fold = [](const Line& v) {
    double n = 0;
    for (double x : v) n += x != 0;
    return n;
  };
  for (const Shape& s : all_reductions()) {
    const Sizes dims = s.dims;
    Variant v{label_of(s.sizes, dims, false),
              {value(s.sizes, -1, 1)},
              call([=](const Tensors& t) { return count_nonzero(t[0], IntArrayRef(dims)); }),
              folded(dims, false, fold),
              call([=](const Tensors& t) { return t[0].count_nonzero(IntArrayRef(dims)); })};
    v.layouts = count(s.sizes) < 10000;
    counts.variants.push_back(v);
  }
  table.push_back(counts);
}

double fold_logsumexp(const Line& v) {
  if (v.empty()) return -kInf;
  const double top = fold_extreme<true>(v);
  if (std::isinf(top)) return top;
  double s = 0;
  for (double x : v) s += std::exp(x - top);
  return std::log(s) + top;
}

void add_logsumexp(std::vector<Op>& table) {
  Op op;
  op.name = "logsumexp";
  op.result = Result::Floating;
  op.dtypes = kAllDtypes;
  op.tolerance = {16, 64, true};
  for (const Shape& s : all_reductions()) {
    for (const bool keepdim : {false, true}) {
      const Sizes dims = s.dims;
      Variant v{label_of(s.sizes, dims, keepdim),
                {value(s.sizes)},
                call([=](const Tensors& t) { return logsumexp(t[0], dims, keepdim); }),
                folded(dims, keepdim, fold_logsumexp),
                call([=](const Tensors& t) { return t[0].logsumexp(dims, keepdim); })};
      v.gradient = count(s.sizes) < 50;
      v.layouts = count(s.sizes) < 1000;
      if (count(s.sizes) > 1000) v.dtypes = std::vector<ScalarType>{kFloat32, kFloat64};
      op.variants.push_back(v);
    }
  }
  op.variants.push_back(special("special", {-kInf, 0, 1, kInf, 0, 1, kNan, 0, 1, -kInf, -kInf, -kInf}, {4, 3},
                                call([](const Tensors& t) { return logsumexp(t[0], {1}); }),
                                folded({1}, false, fold_logsumexp)));
  op.variants.push_back(special("far from zero", {1000, 1004, 996, -1000, -1008, -1004}, {2, 3},
                                call([](const Tensors& t) { return logsumexp(t[0], {1}); }),
                                folded({1}, false, fold_logsumexp)));
  table.push_back(op);
}

}  // namespace

void add_moment_ops(std::vector<Op>& table) {
  add_spread<true>(table);
  add_spread<false>(table);
  add_norms(table);
  add_products(table);
  add_without_nan(table);
  add_counts(table);
  add_logsumexp(table);
}

}  // namespace ember::test
