// Rows of triangles and diagonals.
#include "op_table.h"

namespace ember::test {

void add_matrix_ops(std::vector<Op>& table);

namespace {

const std::vector<Sizes> kMatrixSizes = {{3, 3}, {2, 4}, {4, 2}, {2, 3, 2}, {1, 1}, {0, 3}, {3, 0}};

HostArray triangle(HostArray a, bool lower, int64_t k) {
  for_each_index(a.sizes, [&](const Sizes& i) {
    const int64_t distance = i[i.size() - 1] - i[i.size() - 2];
    if (lower ? distance > k : distance < k) a.at(i) = 0;
  });
  return a;
}

Op triangle_op(const char* name, bool lower) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  op.tolerance = {0, 0};
  for (const Sizes& sizes : kMatrixSizes) {
    for (const int64_t k : {0, 1, -1, 7, -7}) {
      op.variants.push_back({to_string(sizes) + " " + std::to_string(k),
                             {value(sizes)},
                             call([=](const Tensors& t) { return lower ? tril(t[0], k) : triu(t[0], k); }),
                             ref([=](const Arrays& a) { return triangle(a[0], lower, k); }),
                             call([=](const Tensors& t) { return lower ? t[0].tril(k) : t[0].triu(k); }),
                             [=](const Tensors& t) { lower ? t[0].tril_(k) : t[0].triu_(k); }});
    }
  }
  Variant special{"NaN outside goes, inside stays",
                  {given({2, 2}, {1, __builtin_nan(""), __builtin_nan(""), __builtin_inf()})},
                  op.variants[0].call,
                  op.variants[0].reference};
  special.dtypes = kFloatDtypes;
  special.gradient = false;
  op.variants.push_back(special);
  return op;
}

// a on the diagonal of the last two dimensions, above or below it by k.
HostArray embedded(const HostArray& a, int64_t k) {
  const int64_t n = a.sizes.back() + std::abs(k);
  Sizes sizes = a.sizes;
  sizes.back() = n;
  sizes.push_back(n);
  HostArray out = filled(sizes);
  for_each_index(a.sizes, [&](const Sizes& i) {
    Sizes at = i;
    at.push_back(i.back());
    at[at.size() - (k >= 0 ? 1 : 2)] += std::abs(k);
    out.at(at) = a.at(i);
  });
  return out;
}

HostArray diagonal_of(const HostArray& a, int64_t k) {
  std::vector<double> values;
  for (int64_t i = 0; i < a.sizes[0]; ++i)
    if (i + k >= 0 && i + k < a.sizes[1]) values.push_back(a.at({i, i + k}));
  const auto n = static_cast<int64_t>(values.size());
  return {values, {n}};
}

Op of_matrices(const char* name) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  op.tolerance = {0, 0};
  return op;
}

HostArray power_of(const HostArray& a, int n) {
  HostArray y = filled(a.sizes);
  for_each_index(a.sizes, [&](const Sizes& i) { y.at(i) = i[i.size() - 1] == i[i.size() - 2] ? 1 : 0; });
  for (; n > 0; --n) y = product(y, a);
  return y;
}

}  // namespace

void add_matrix_ops(std::vector<Op>& table) {
  table.push_back(triangle_op("tril", true));
  table.push_back(triangle_op("triu", false));

  Op trace_op = of_matrices("trace");
  trace_op.dtypes = kNumericDtypes;
  trace_op.refused = {kBool};
  trace_op.result = Result::Sum;
  trace_op.tolerance = {4, 16};
  for (const Sizes& sizes : std::vector<Sizes>{{3, 3}, {2, 4}, {4, 2}, {0, 3}}) {
    trace_op.variants.push_back({to_string(sizes),
                                 {value(sizes)},
                                 call([](const Tensors& t) { return trace(t[0]); }),
                                 ref([](const Arrays& a) {
                                   double sum = 0;
                                   for (const double x : diagonal_of(a[0], 0).data) sum += x;
                                   return scalar(sum);
                                 }),
                                 call([](const Tensors& t) { return t[0].trace(); })});
  }
  table.push_back(trace_op);

  Op diag_op = of_matrices("diag");
  for (const int64_t k : {0, 2, -1, 9}) {
    diag_op.variants.push_back({"vector " + std::to_string(k),
                                {value({3})},
                                call([=](const Tensors& t) { return diag(t[0], k); }),
                                ref([=](const Arrays& a) { return embedded(a[0], k); }),
                                call([=](const Tensors& t) { return t[0].diag(k); })});
    diag_op.variants.push_back({"matrix " + std::to_string(k),
                                {value({3, 4})},
                                call([=](const Tensors& t) { return diag(t[0], k); }),
                                ref([=](const Arrays& a) { return diagonal_of(a[0], k); }),
                                call([=](const Tensors& t) { return t[0].diag(k); })});
  }
  table.push_back(diag_op);

  Op embed_op = of_matrices("diag_embed");
  for (const int64_t k : {0, 1, -2}) {
    for (const Sizes& sizes : std::vector<Sizes>{{3}, {2, 3}, {2, 0}}) {
      embed_op.variants.push_back({to_string(sizes) + " " + std::to_string(k),
                                   {value(sizes)},
                                   call([=](const Tensors& t) { return diag_embed(t[0], k); }),
                                   ref([=](const Arrays& a) { return embedded(a[0], k); }),
                                   call([=](const Tensors& t) { return t[0].diag_embed(k); })});
    }
  }
  embed_op.variants.push_back({"at 0 and 2",
                               {value({2, 3})},
                               call([](const Tensors& t) { return diag_embed(t[0], 1, 0, 2); }),
                               ref([](const Arrays& a) {
                                 return permuted(embedded(a[0], 1), {1, 0, 2});
                               })});
  embed_op.variants.push_back({"at -1 and 0",
                               {value({2, 3})},
                               call([](const Tensors& t) { return diag_embed(t[0], 1, -1, 0); }),
                               ref([](const Arrays& a) {
                                 return permuted(embedded(a[0], 1), {2, 0, 1});
                               })});
  table.push_back(embed_op);

  Op flat_op = of_matrices("diagflat");
  for (const Sizes& sizes : std::vector<Sizes>{{}, {3}, {2, 2}}) {
    flat_op.variants.push_back({to_string(sizes),
                                {value(sizes)},
                                call([](const Tensors& t) { return diagflat(t[0], -1); }),
                                ref([](const Arrays& a) { return embedded(reshaped(a[0], {a[0].numel()}), -1); }),
                                call([](const Tensors& t) { return t[0].diagflat(-1); })});
  }
  table.push_back(flat_op);

  Op linalg_diagonal_op = of_matrices("linalg_diagonal");
  linalg_diagonal_op.view = true;
  linalg_diagonal_op.variants.push_back({"last two",
                                         {value({2, 3, 4})},
                                         call([](const Tensors& t) { return linalg_diagonal(t[0], 1); }),
                                         ref([](const Arrays& a) {
                                           return strided(in_memory(a[0], {2, 3, 1}, {12, 5, 1}, 1), 2, 0, 1, 1);
                                         })});
  linalg_diagonal_op.variants.back().reference = ref([](const Arrays& a) {
    return in_memory(a[0], {2, 3}, {12, 5}, 1);
  });
  table.push_back(linalg_diagonal_op);

  Op power_op = of_matrices("matrix_power");
  power_op.dtypes = kNumericDtypes;
  power_op.tolerance = {64, 100000, true};
  for (const int n : {0, 1, 2, 3, 5, 6}) {
    power_op.variants.push_back({"to the " + std::to_string(n),
                                 {value({2, 2}, -1.5, 1.5)},
                                 call([=](const Tensors& t) { return matrix_power(t[0], n); }),
                                 ref([=](const Arrays& a) { return power_of(a[0], n); }),
                                 call([=](const Tensors& t) { return t[0].matrix_power(n); })});
  }
  power_op.variants.push_back({"of a batch",
                               {value({2, 3, 3}, -1.5, 1.5)},
                               call([](const Tensors& t) { return matrix_power(t[0], 4); }),
                               ref([](const Arrays& a) { return power_of(a[0], 4); })});
  table.push_back(power_op);
}

}  // namespace ember::test
