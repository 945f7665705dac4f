// Rows of the matrix products.
#include "op_table.h"

namespace ember::test {

void add_product_ops(std::vector<Op>& table);
void add_matrix_ops(std::vector<Op>& table);

namespace {

const Tolerance kProduct = {16, 4000};

Variant product_case(const Sizes& a, const Sizes& b, const Call& f, const Call& method) {
  Variant v{to_string(a) + " by " + to_string(b),
            {value(a), value(b)},
            f,
            ref([](const Arrays& x) { return product(x[0], x[1]); }),
            method};
  v.gradient = count(a) <= 24 && count(b) <= 24;
  return v;
}

Op product_op(const char* name, const std::vector<std::pair<Sizes, Sizes>>& shapes, const Call& f, const Call& method) {
  Op op;
  op.name = name;
  op.dtypes = kNumericDtypes;
  op.refused = {kBool};
  op.tolerance = kProduct;
  for (const auto& [a, b] : shapes) op.variants.push_back(product_case(a, b, f, method));
  return op;
}

}  // namespace

void add_linalg_ops(std::vector<Op>& table) {
  table.push_back(product_op("mm",
                             {{{2, 3}, {3, 4}},
                              {{1, 1}, {1, 1}},
                              {{1, 5}, {5, 1}},
                              {{5, 1}, {1, 4}},
                              {{0, 3}, {3, 2}},
                              {{2, 0}, {0, 3}},
                              {{2, 3}, {3, 0}},
                              {{17, 33}, {33, 19}},
                              {{64, 70}, {70, 35}},
                              {{1, 300}, {300, 65}}},
                             call([](const Tensors& t) { return mm(t[0], t[1]); }),
                             call([](const Tensors& t) { return t[0].mm(t[1]); })));
  // Rows that overlap in memory: no leading dimension describes them.
  // The large ones are for the library underneath, the small one for the loop that takes small products.
  struct Windows {
    Sizes sizes, strides;
  };
  for (const Windows& w : std::vector<Windows>{{{5, 4}, {1, 1}},
                                               {{17, 16}, {1, 1}},
                                               {{17, 16}, {3, 1}},
                                               {{17, 16}, {15, 1}},
                                               {{17, 16}, {1, 3}},
                                               {{17, 16}, {1, 16}}}) {
    const int64_t memory = (w.sizes[0] - 1) * w.strides[0] + (w.sizes[1] - 1) * w.strides[1] + 1;
    const std::string label = "windows of " + to_string(w.sizes) + " by " + to_string(w.strides);
    Variant first{label,
                  {value({memory}), value({w.sizes[1], 6})},
                  call([=](const Tensors& t) { return mm(as_strided(t[0], w.sizes, w.strides), t[1]); }),
                  ref([=](const Arrays& a) { return product(in_memory(a[0], w.sizes, w.strides), a[1]); })};
    Variant second{label + " as the second",
                   {value({6, w.sizes[0]}), value({memory})},
                   call([=](const Tensors& t) { return mm(t[0], as_strided(t[1], w.sizes, w.strides)); }),
                   ref([=](const Arrays& a) { return product(a[0], in_memory(a[1], w.sizes, w.strides)); })};
    for (Variant* v : {&first, &second}) {
      v->layouts = false;
      v->gradient = memory < 10;
      table.back().variants.push_back(*v);
    }
  }
  table.push_back(product_op("bmm",
                             {{{2, 3, 4}, {2, 4, 2}},
                              {{1, 1, 2}, {1, 2, 1}},
                              {{0, 2, 3}, {0, 3, 2}},
                              {{2, 3, 0}, {2, 0, 2}},
                              {{5, 17, 9}, {5, 9, 13}}},
                             call([](const Tensors& t) { return bmm(t[0], t[1]); }),
                             call([](const Tensors& t) { return t[0].bmm(t[1]); })));
  table.push_back(product_op("matmul",
                             {{{3}, {3}},
                              {{2, 3}, {3}},
                              {{3}, {3, 2}},
                              {{2, 3}, {3, 4}},
                              {{2, 3, 4}, {4}},
                              {{3}, {2, 3, 4}},
                              {{2, 3, 4}, {4, 2}},
                              {{3, 4}, {2, 4, 2}},
                              {{2, 1, 2, 3}, {2, 3, 2}},
                              {{1, 2, 3}, {3, 3, 2}},
                              {{0}, {0}},
                              {{2, 0}, {0}},
                              {{0, 2, 3}, {3, 2}},
                              {{3, 1, 9, 11}, {1, 5, 11, 7}},
                              {{6, 21, 16}, {16, 24}}},
                             call([](const Tensors& t) { return matmul(t[0], t[1]); }),
                             call([](const Tensors& t) { return t[0].matmul(t[1]); })));
  table.push_back(product_op("mv", {{{2, 3}, {3}}, {{1, 1}, {1}}, {{0, 3}, {3}}, {{3, 0}, {0}}, {{70, 65}, {65}}},
                             call([](const Tensors& t) { return mv(t[0], t[1]); }),
                             call([](const Tensors& t) { return t[0].mv(t[1]); })));
  table.push_back(product_op("dot", {{{3}, {3}}, {{1}, {1}}, {{0}, {0}}, {{301}, {301}}},
                             call([](const Tensors& t) { return dot(t[0], t[1]); }),
                             call([](const Tensors& t) { return t[0].dot(t[1]); })));

  Op addmm_op;
  addmm_op.name = "addmm";
  addmm_op.dtypes = kNumericDtypes;
  addmm_op.refused = {kBool};
  addmm_op.tolerance = {16, 8000, true};  // as for linear
  for (const Sizes& self : std::vector<Sizes>{{3, 4}, {4}, {3, 1}, {1, 4}, {}}) {
    for (const int beta : {1, 0, 2}) {
      const int alpha = beta == 1 ? 1 : 3;
      Variant v{to_string(self) + " beta " + std::to_string(beta),
                {value(self), value({3, 2}), value({2, 4})},
                call([=](const Tensors& t) { return addmm(t[0], t[1], t[2], beta, alpha); }),
                ref([=](const Arrays& a) {
                  return map(product(a[1], a[2]), a[0], [=](double p, double s) { return alpha * p + beta * s; });
                }),
                call([=](const Tensors& t) { return t[0].addmm(t[1], t[2], beta, alpha); })};
      addmm_op.variants.push_back(v);
    }
  }
  for (const auto& [m, k, n] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{{2, 0, 3}, {0, 2, 3}, {33, 65, 17}}) {
    Variant v{
        "of " + std::to_string(k),
        {value({n}), value({m, k}), value({k, n})},
        call([](const Tensors& t) { return addmm(t[0], t[1], t[2]); }),
        ref([](const Arrays& a) { return map(product(a[1], a[2]), a[0], [](double p, double s) { return p + s; }); })};
    v.gradient = m * k < 50;
    addmm_op.variants.push_back(v);
  }
  // What beta = 0 multiplies is ignored, NaN too.
  Variant ignored{"beta 0 ignores NaN",
                  {given({3}, {__builtin_nan(""), 1, __builtin_inf()}), value({2, 3}), value({3, 3})},
                  call([](const Tensors& t) { return addmm(t[0], t[1], t[2], 0, 1); }),
                  ref([](const Arrays& a) { return product(a[1], a[2]); })};
  ignored.dtypes = kFloatDtypes;
  ignored.gradient = false;
  addmm_op.variants.push_back(ignored);
  table.push_back(addmm_op);

  Op linear_op;
  linear_op.name = "linear";
  linear_op.dtypes = kFloatDtypes;
  linear_op.refused = {kBool};
  linear_op.tolerance = {16, 4000, true};  // the product is rounded before the bias is added
  for (const Sizes& input : std::vector<Sizes>{{3}, {2, 3}, {2, 2, 3}, {0, 3}, {70, 3}}) {
    for (const bool bias : {true, false}) {
      Variant v{to_string(input) + (bias ? " with bias" : " without"),
                {value(input), value({4, 3})},
                call([=](const Tensors& t) { return bias ? linear(t[0], t[1], t[2]) : linear(t[0], t[1]); }),
                ref([=](const Arrays& a) {
                  const HostArray p = product(a[0], permuted(a[1], {1, 0}));
                  return bias ? map(p, a[2], [](double x, double b) { return x + b; }) : p;
                })};
      if (bias) v.inputs.push_back(value({4}));
      v.gradient = count(input) < 50;
      linear_op.variants.push_back(v);
    }
  }
  table.push_back(linear_op);
  add_product_ops(table);
  add_matrix_ops(table);
}

}  // namespace ember::test
