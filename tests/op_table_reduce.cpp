// Rows of the reductions and softmax.
#include "op_table_reduce.h"

namespace ember::test {
namespace {

// Rows of ordinary numbers, long enough for vectors, each with a NaN or infinities somewhere.
constexpr int64_t kLongRow = 300;
const std::vector<int64_t> kPlaces = {0, 1, 7, 15, 63, 64, 150, 255, 256, 298, 299};

std::vector<double> long_rows() {
  std::vector<double> all;
  for (const double unusual : {kNan, kInf, -kInf}) {
    for (const int64_t place : kPlaces) {
      for (int64_t i = 0; i < kLongRow; ++i) {
        const bool here = i == place || (unusual != kInf && i == kLongRow - 1 - place);
        all.push_back(here ? unusual : static_cast<double>(i * 37 % 16) / 4 - 2);  // with many equal ones
      }
    }
  }
  return all;
}

// Along the rows, and of the transpose along the columns.
void add_long_rows(Op& op, const std::function<Tensors(const Tensor&, int64_t)>& f,
                   const std::function<Arrays(const HostArray&, int64_t)>& r) {
  const auto rows = static_cast<int64_t>(3 * kPlaces.size());
  Variant v = special("long rows", long_rows(), {rows, kLongRow}, call([f](const Tensors& t) { return f(t[0], 1); }),
                      ref([r](const Arrays& a) { return r(a[0], 1); }));
  op.variants.push_back(v);
  v.label = "long columns";
  v.inputs[0].sizes = {kLongRow, rows};
  const std::vector<double> by_row = long_rows();
  for (size_t i = 0; i < static_cast<size_t>(kLongRow); ++i) {
    for (size_t j = 0; j < static_cast<size_t>(rows); ++j) {
      v.inputs[0].values[i * static_cast<size_t>(rows) + j] = by_row[j * static_cast<size_t>(kLongRow) + i];
    }
  }
  v.call = call([f](const Tensors& t) { return f(t[0], 0); });
  v.reference = ref([r](const Arrays& a) { return r(a[0], 0); });
  op.variants.push_back(v);
}

void add_sums(std::vector<Op>& table) {
  Op sum_op;
  sum_op.name = "sum";
  sum_op.result = Result::Sum;
  sum_op.dtypes = kAllDtypes;
  sum_op.tolerance = {16, 2000};
  add_whole(sum_op, call([](const Tensors& t) { return sum(t[0]); }), call([](const Tensors& t) { return t[0].sum(); }),
            fold_sum, 0.25, 0.75, true);
  add_by_dims(
      sum_op, [](const Tensor& t, IntArrayRef d, bool k) { return sum(t, d, k); },
      [](const Tensor& t, IntArrayRef d, bool k) { return t.sum(d, k); }, fold_sum, -3, 3, true);
  sum_op.variants.push_back(special("special", {kNan, 1, kInf, 1, -kInf, kInf, 1, 2}, {4, 2},
                                    call([](const Tensors& t) { return sum(t[0], 1); }), folded({1}, false, fold_sum)));
  add_long_rows(
      sum_op, [](const Tensor& t, int64_t d) { return Tensors{sum(t, d)}; },
      [](const HostArray& a, int64_t d) { return Arrays{reduce(a, {d}, false, fold_sum)}; });
  for (const ScalarType wanted : {kFloat64, kInt64}) {
    // Converted, so that one rule tells the result's dtype.
    Variant v{std::string("dtype ") + dtype_name(wanted),
              {value({3, 4})},
              call([wanted](const Tensors& t) { return sum(t[0], 1, false, wanted).to(kInt64); }),
              folded({1}, false, fold_sum),
              call([wanted](const Tensors& t) { return t[0].sum(1, false, wanted).to(kInt64); })};
    v.dtypes = kIntegerDtypes;
    v.gradient = false;
    v.result = Result::Index;
    sum_op.variants.push_back(v);
  }
  table.push_back(sum_op);

  Op mean_op;
  mean_op.name = "mean";
  mean_op.dtypes = kFloatDtypes;
  mean_op.refused = kNonFloatDtypes;
  mean_op.tolerance = {16, 64};
  add_whole(mean_op, call([](const Tensors& t) { return mean(t[0]); }),
            call([](const Tensors& t) { return t[0].mean(); }), fold_mean, -3, 3, true);
  add_by_dims(
      mean_op, [](const Tensor& t, IntArrayRef d, bool k) { return mean(t, d, k); },
      [](const Tensor& t, IntArrayRef d, bool k) { return t.mean(d, k); }, fold_mean, -3, 3, true);
  Variant integers{"integers as float64",
                   {value({3, 4})},
                   call([](const Tensors& t) { return mean(t[0], kFloat64).to(kFloat32); }),
                   folded({}, false, fold_mean)};
  integers.dtypes = kNonFloatDtypes;
  integers.result = Result::Floating;
  integers.gradient = false;
  mean_op.variants.push_back(integers);
  table.push_back(mean_op);
}

template <bool Max>
void add_extremes(std::vector<Op>& table) {
  const std::string name = Max ? "max" : "min";
  const std::vector<double> unusual = {kNan, 1, 2, 1, kNan, kNan, kInf, 5, -kInf, -kInf, -kInf, -kInf};

  Op whole;
  whole.name = name;
  whole.dtypes = kAllDtypes;
  add_whole(whole, call([](const Tensors& t) { return Max ? max(t[0]) : min(t[0]); }),
            call([](const Tensors& t) { return Max ? t[0].max() : t[0].min(); }), fold_extreme<Max>, -3, 3, false);
  whole.variants.push_back(special("special", unusual, {4, 3},
                                   call([](const Tensors& t) { return Max ? max(t[0]) : min(t[0]); }),
                                   folded({}, false, fold_extreme<Max>)));
  table.push_back(whole);

  Op by_dim;
  by_dim.name = name + "_dim";
  by_dim.result = Result::SameAndIndex;
  by_dim.dtypes = kAllDtypes;
  const auto both = [](Sizes dims, bool keepdim) {
    return ref([=](const Arrays& a) {
      return Arrays{reduce(a[0], dims, keepdim, fold_extreme<Max>), reduce(a[0], dims, keepdim, fold_arg<Max>)};
    });
  };
  const auto pair = [](std::tuple<Tensor, Tensor> r) { return Tensors{std::get<0>(r), std::get<1>(r)}; };
  for (const Shape& s : kReductions) {
    if (s.dims.size() != 1) continue;
    for (const bool keepdim : {false, true}) {
      const int64_t dim = s.dims[0];
      Variant v{label_of(s.sizes, s.dims, keepdim),
                {value(s.sizes)},
                call([=](const Tensors& t) { return pair(Max ? max(t[0], dim, keepdim) : min(t[0], dim, keepdim)); }),
                both(s.dims, keepdim),
                call([=](const Tensors& t) { return pair(Max ? t[0].max(dim, keepdim) : t[0].min(dim, keepdim)); })};
      v.gradient = count(s.sizes) < 50;
      by_dim.variants.push_back(v);
    }
  }
  by_dim.variants.push_back(special("special", unusual, {4, 3},
                                    call([=](const Tensors& t) { return pair(Max ? max(t[0], 1) : min(t[0], 1)); }),
                                    both({1}, false)));
  add_long_rows(
      by_dim, [=](const Tensor& t, int64_t d) { return pair(Max ? max(t, d) : min(t, d)); },
      [](const HostArray& a, int64_t d) {
        return Arrays{reduce(a, {d}, false, fold_extreme<Max>), reduce(a, {d}, false, fold_arg<Max>)};
      });
  add_large(
      by_dim, [=](const Tensor& t, int64_t d) { return pair(Max ? max(t, d) : min(t, d)); },
      [](const HostArray& a, int64_t d) {
        return Arrays{reduce(a, {d}, false, fold_extreme<Max>), reduce(a, {d}, false, fold_arg<Max>)};
      },
      -3, 3);
  table.push_back(by_dim);

  Op extreme;
  extreme.name = Max ? "amax" : "amin";
  extreme.dtypes = kAllDtypes;
  add_by_dims(
      extreme, [](const Tensor& t, IntArrayRef d, bool k) { return Max ? amax(t, d, k) : amin(t, d, k); },
      [](const Tensor& t, IntArrayRef d, bool k) { return Max ? t.amax(d, k) : t.amin(d, k); }, fold_extreme<Max>, -3,
      3, false);
  add_whole(extreme, call([](const Tensors& t) { return Max ? amax(t[0]) : amin(t[0]); }),
            call([](const Tensors& t) { return Max ? t[0].amax() : t[0].amin(); }), fold_extreme<Max>, -3, 3, false);
  extreme.variants.push_back(special("special", unusual, {4, 3},
                                     call([](const Tensors& t) { return Max ? amax(t[0], 1) : amin(t[0], 1); }),
                                     folded({1}, false, fold_extreme<Max>)));
  add_long_rows(
      extreme, [](const Tensor& t, int64_t d) { return Tensors{Max ? amax(t, d) : amin(t, d)}; },
      [](const HostArray& a, int64_t d) { return Arrays{reduce(a, {d}, false, fold_extreme<Max>)}; });
  table.push_back(extreme);

  Op arg;
  arg.name = Max ? "argmax" : "argmin";
  arg.result = Result::Index;
  arg.dtypes = kNumericDtypes;
  arg.refused = {kBool};
  arg.differentiable = false;
  add_whole(arg, call([](const Tensors& t) { return Max ? argmax(t[0]) : argmin(t[0]); }),
            call([](const Tensors& t) { return Max ? t[0].argmax() : t[0].argmin(); }), fold_arg<Max>, -3, 3, false);
  for (const Shape& s : kReductions) {
    if (s.dims.size() != 1) continue;
    for (const bool keepdim : {false, true}) {
      const int64_t dim = s.dims[0];
      arg.variants.push_back(
          {label_of(s.sizes, s.dims, keepdim),
           {value(s.sizes)},
           call([=](const Tensors& t) { return Max ? argmax(t[0], dim, keepdim) : argmin(t[0], dim, keepdim); }),
           folded(s.dims, keepdim, fold_arg<Max>),
           call([=](const Tensors& t) { return Max ? t[0].argmax(dim, keepdim) : t[0].argmin(dim, keepdim); })});
    }
  }
  arg.variants.push_back(
      {"whole keepdim",
       {value({2, 3})},
       call([](const Tensors& t) { return Max ? argmax(t[0], std::nullopt, true) : argmin(t[0], std::nullopt, true); }),
       folded({}, true, fold_arg<Max>)});
  arg.variants.push_back(special("special", unusual, {4, 3},
                                 call([](const Tensors& t) { return Max ? argmax(t[0], 1) : argmin(t[0], 1); }),
                                 folded({1}, false, fold_arg<Max>)));
  table.push_back(arg);
}

void add_predicates(std::vector<Op>& table) {
  for (const bool all_of : {true, false}) {
    Op op;
    op.name = all_of ? "all" : "any";
    op.result = Result::Bool;
    // PyTorch keeps uint8 here; its values are the same, and the others give bool.
    op.dtypes = {kFloat32, kFloat64, kFloat16, kBFloat16, kInt8, kInt16, kInt32, kInt64, kBool};
    op.differentiable = false;
    add_whole(op, call([=](const Tensors& t) { return all_of ? all(t[0]) : any(t[0]); }),
              call([=](const Tensors& t) { return all_of ? t[0].all() : t[0].any(); }), all_of ? fold_all : fold_any,
              -1, 1, true);
    const Call f = op.variants[0].call;
    const Reference r = op.variants[0].reference;
    op.variants.push_back({"ones", {given({5, 31}, std::vector<double>(155, 1))}, f, r});
    op.variants.push_back({"zeros", {given({5, 31}, std::vector<double>(155, 0))}, f, r});
    table.push_back(op);
  }
}

HostArray softmax_of(const HostArray& a, int64_t dim, bool log) {
  if (a.numel() == 0) return a;
  const HostArray top = reduce(a, {dim}, true, fold_extreme<true>);
  const HostArray shifted = map(a, top, [](double x, double m) { return x - m; });
  const HostArray total = reduce(map(shifted, [](double x) { return std::exp(x); }), {dim}, true, fold_sum);
  return log ? map(shifted, total, [](double x, double s) { return x - std::log(s); })
             : map(shifted, total, [](double x, double s) { return std::exp(x) / s; });
}

void add_softmax(std::vector<Op>& table) {
  for (const bool log : {false, true}) {
    Op op;
    op.name = log ? "log_softmax" : "softmax";
    op.dtypes = kFloatDtypes;
    op.refused = kNonFloatDtypes;
    op.tolerance = {16, 64};
    struct Case {
      Sizes sizes;
      int64_t dim;
    };
    for (const Case& s : std::vector<Case>{{{}, 0},
                                           {{}, -1},
                                           {{1}, 0},
                                           {{5}, 0},
                                           {{3, 4}, 1},
                                           {{3, 4}, 0},
                                           {{3, 4}, -2},
                                           {{2, 3, 4}, 1},
                                           {{2, 3, 4}, -1},
                                           {{0, 3}, 0},
                                           {{0, 3}, 1},
                                           {{3, 0}, 1},
                                           {{64, 10}, 1},
                                           {{5, 1031}, 1},
                                           {{1031, 5}, 0}}) {
      const int64_t dim = s.dim;
      Variant v{to_string(s.sizes) + " dim " + std::to_string(dim),
                {value(s.sizes)},
                call([=](const Tensors& t) { return log ? log_softmax(t[0], dim) : softmax(t[0], dim); }),
                ref([=](const Arrays& a) { return softmax_of(a[0], dim, log); }),
                call([=](const Tensors& t) { return log ? t[0].log_softmax(dim) : t[0].softmax(dim); })};
      v.gradient = count(s.sizes) < 50;
      op.variants.push_back(v);
    }
    const Call f = call([=](const Tensors& t) { return log ? log_softmax(t[0], 1) : softmax(t[0], 1); });
    const Reference r = ref([=](const Arrays& a) { return softmax_of(a[0], 1, log); });
    op.variants.push_back(special("special", {-kInf, 0, 1, kInf, 0, 1, kNan, 0, 1, -kInf, -kInf, -kInf}, {4, 3}, f, r));
    add_long_rows(
        op, [=](const Tensor& t, int64_t d) { return Tensors{log ? log_softmax(t, d) : softmax(t, d)}; },
        [=](const HostArray& a, int64_t d) { return Arrays{softmax_of(a, d, log)}; });
    // Overflows unless the largest is taken off first.
    op.variants.push_back(special("far from zero", {1000, 1004, 996, -1000, -1008, -1004}, {2, 3}, f, r));
    Variant integers{
        "dtype",
        {value({3, 4})},
        call([=](const Tensors& t) { return log ? log_softmax(t[0], 1, kFloat32) : softmax(t[0], 1, kFloat32); }),
        r};
    integers.dtypes = {kInt32, kInt64, kUInt8, kBool};
    integers.result = Result::Floating;
    integers.gradient = false;
    op.variants.push_back(integers);
    table.push_back(op);
  }
}

}  // namespace

void add_reduce_ops(std::vector<Op>& table) {
  add_sums(table);
  add_extremes<true>(table);
  add_extremes<false>(table);
  add_predicates(table);
  add_softmax(table);
}

}  // namespace ember::test
