// Rows of products that add to something, and of products made of other products.
#include <cmath>

#include "op_table.h"

namespace ember::test {

void add_product_ops(std::vector<Op>& table);

namespace {

HostArray transposed(const HostArray& a) { return permuted(a, {1, 0}); }
HostArray column(const HostArray& a) { return reshaped(a, {a.numel(), 1}); }
HostArray row(const HostArray& a) { return reshaped(a, {1, a.numel()}); }

struct Factors {
  Sizes self, a, b;
};

// beta·self + alpha·(product of a and b)
Op accumulation(const char* name, const std::vector<Factors>& cases,
                const std::function<HostArray(const HostArray&, const HostArray&)>& product_of,
                Tensor (*f)(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&),
                Tensor (Tensor::*method)(const Tensor&, const Tensor&, const Scalar&, const Scalar&) const,
                Tensor& (Tensor::*in_place)(const Tensor&, const Tensor&, const Scalar&, const Scalar&) const) {
  Op op;
  op.name = name;
  op.dtypes = kNumericDtypes;
  op.refused = {kBool};
  op.tolerance = {16, 8000, true};
  for (const Factors& c : cases) {
    for (const int beta : {1, 0, 2}) {
      const int alpha = beta == 1 ? 1 : 3;
      Variant v{to_string(c.self) + " " + to_string(c.a) + " beta " + std::to_string(beta),
                {value(c.self), value(c.a), value(c.b)},
                call([=](const Tensors& t) { return f(t[0], t[1], t[2], beta, alpha); }),
                ref([=](const Arrays& x) {
                  return map(product_of(x[1], x[2]), x[0], [=](double p, double s) { return alpha * p + beta * s; });
                }),
                call([=](const Tensors& t) { return (t[0].*method)(t[1], t[2], beta, alpha); })};
      if (c.self == cases[0].self) {
        v.in_place = [=](const Tensors& t) { (t[0].*in_place)(t[1], t[2], beta, alpha); };
      }
      v.gradient = count(c.a) < 30;
      // The sum over a batch is rounded at each matrix.
      if (op.name == "addbmm" && count(c.a) > 100) v.dtypes = std::vector{kFloat32, kFloat64, kInt32};
      op.variants.push_back(v);
    }
  }
  // What beta = 0 multiplies is ignored, NaN too.
  const Factors& c = cases[0];
  Variant ignored{"beta 0 ignores NaN",
                  {given(c.self, std::vector<double>(static_cast<size_t>(count(c.self)), __builtin_nan(""))),
                   value(c.a), value(c.b)},
                  call([=](const Tensors& t) { return f(t[0], t[1], t[2], 0, 1); }),
                  ref([=](const Arrays& x) { return product_of(x[1], x[2]); })};
  ignored.in_place = [=](const Tensors& t) { (t[0].*in_place)(t[1], t[2], 0, 1); };
  ignored.dtypes = kFloatDtypes;
  ignored.gradient = false;
  op.variants.push_back(ignored);
  return op;
}

Op composed(const char* name, const std::vector<Variant>& variants) {
  Op op;
  op.name = name;
  op.dtypes = kNumericDtypes;
  op.tolerance = {16, 4000, true};
  op.variants = variants;
  return op;
}

// The sum over everything of the product of broadcast factors: Σ a·b over the dimensions given.
HostArray summed(const HostArray& a, const HostArray& b, const Sizes& dims) {
  const HostArray p = map(a, b, [](double x, double y) { return x * y; });
  return reduce(p, dims, false, [](const std::vector<double>& v) {
    double s = 0;
    for (const double x : v) s += x;
    return s;
  });
}
HostArray sum_over(const HostArray& a, const Sizes& dims) { return summed(a, filled(a.sizes, 1), dims); }

HostArray cross_reference(const HostArray& a, const HostArray& b, int64_t dim) {
  const Sizes sizes = broadcast_sizes(a.sizes, b.sizes);
  const HostArray x = broadcast_to(a, sizes);
  const HostArray y = broadcast_to(b, sizes);
  HostArray out = filled(sizes);
  const auto d = static_cast<size_t>(dim);
  for_each_index(sizes, [&](const Sizes& i) {
    Sizes j = i, k = i;
    j[d] = (i[d] + 1) % 3;
    k[d] = (i[d] + 2) % 3;
    out.at(i) = x.at(j) * y.at(k) - x.at(k) * y.at(j);
  });
  return out;
}

HostArray kron_reference(const HostArray& a, const HostArray& b) {
  const auto rank = std::max(a.sizes.size(), b.sizes.size());
  Sizes sa = a.sizes, sb = b.sizes;
  sa.insert(sa.begin(), rank - sa.size(), 1);
  sb.insert(sb.begin(), rank - sb.size(), 1);
  const HostArray x = reshaped(a, sa), y = reshaped(b, sb);
  Sizes sizes(rank);
  for (size_t d = 0; d < rank; ++d) sizes[d] = sa[d] * sb[d];
  HostArray out = filled(sizes);
  for_each_index(sizes, [&](const Sizes& i) {
    Sizes ia(rank), ib(rank);
    for (size_t d = 0; d < rank; ++d) {
      ia[d] = i[d] / sb[d];
      ib[d] = i[d] % sb[d];
    }
    out.at(i) = x.at(ia) * y.at(ib);
  });
  return out;
}

Variant einsum_case(const char* equation, const std::vector<Sizes>& sizes, const Reference& r) {
  Variant v{equation, {}, call([equation](const Tensors& t) { return einsum(equation, t); }), r};
  for (const Sizes& s : sizes) v.inputs.push_back(value(s));
  return v;
}

Op einsum_op() {
  Op op = composed(
      "einsum",
      {einsum_case("ij,jk->ik", {{2, 3}, {3, 4}}, ref([](const Arrays& a) { return product(a[0], a[1]); })),
       einsum_case(" i j , j k ", {{2, 3}, {3, 4}}, ref([](const Arrays& a) { return product(a[0], a[1]); })),
       einsum_case("kj,ij", {{2, 3}, {4, 3}}, ref([](const Arrays& a) { return product(a[1], transposed(a[0])); })),
       einsum_case("aB", {{2, 3}}, ref([](const Arrays& a) { return transposed(a[0]); })),
       einsum_case("ij,j->ij", {{2, 3}, {3}},
                   ref([](const Arrays& a) { return map(a[0], a[1], [](double x, double y) { return x * y; }); })),
       einsum_case("...ij,...jk->...ik", {{2, 1, 2, 3}, {3, 3, 2}},
                   ref([](const Arrays& a) { return product(a[0], a[1]); })),
       einsum_case("...j,j", {{2, 3, 4}, {4}}, ref([](const Arrays& a) { return product(a[0], a[1]); })),
       einsum_case("bij,bjk->kib", {{2, 2, 3}, {2, 3, 4}}, ref([](const Arrays& a) {
                     return permuted(product(a[0], a[1]), {2, 1, 0});
                   })),
       einsum_case("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 3}},
                   ref([](const Arrays& a) { return product(product(a[0], a[1]), a[2]); })),
       einsum_case("i,j->ji", {{2}, {3}}, ref([](const Arrays& a) { return product(column(a[1]), row(a[0])); })),
       einsum_case("ij,ij->", {{2, 3}, {2, 3}}, ref([](const Arrays& a) {
                     return summed(a[0], a[1], {0, 1});
                   })),
       einsum_case("ii->i", {{3, 3}}, ref([](const Arrays& a) { return in_memory(a[0], {3}, {4}); })),
       einsum_case("iij->ji", {{2, 2, 3}}, ref([](const Arrays& a) {
                     return transposed(in_memory(a[0], {2, 3}, {9, 1}));
                   })),
       einsum_case("ij,jk", {{2, 0}, {0, 3}}, ref([](const Arrays& a) { return product(a[0], a[1]); })),
       einsum_case(",", {{}, {}},
                   ref([](const Arrays& a) { return map(a[0], a[1], [](double x, double y) { return x * y; }); }))});
  // Sums of one operand: int64 of integers.
  const auto sum_case = [&](const char* equation, const Sizes& sizes, const Reference& r) {
    Variant v = einsum_case(equation, {sizes}, r);
    v.result = Result::Sum;
    op.variants.push_back(v);
  };
  sum_case("ij->i", {2, 3}, ref([](const Arrays& a) { return sum_over(a[0], {1}); }));
  sum_case("ii", {3, 3}, ref([](const Arrays& a) { return sum_over(in_memory(a[0], {3}, {4}), {0}); }));
  sum_case("...i->i", {2, 2, 3}, ref([](const Arrays& a) { return sum_over(a[0], {0, 1}); }));
  sum_case("i...", {2, 2}, ref([](const Arrays& a) { return a[0]; }));
  op.variants.back().call = call([](const Tensors& t) { return einsum("i...->...i", t); });
  op.variants.back().reference = ref([](const Arrays& a) { return transposed(a[0]); });
  op.variants.back().result = Result::Same;
  // A factor that is summed alone becomes int64, too.
  Variant broadcast = einsum_case("ij,jk", {{2, 1}, {3, 4}}, ref([](const Arrays& a) {
                                    return product(broadcast_to(a[0], {2, 3}), a[1]);
                                  }));
  broadcast.label = "broadcast";
  broadcast.result = Result::Sum;
  op.variants.push_back(broadcast);
  const int64_t path[] = {1, 2, 0, 1};
  Variant with_path = einsum_case("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 3}},
                                  ref([](const Arrays& a) { return product(product(a[0], a[1]), a[2]); }));
  with_path.label = "with a path";
  with_path.call = call([path = std::vector<int64_t>(path, path + 4)](const Tensors& t) {
    return einsum("ij,jk,kl->li", t, IntArrayRef(path)).t();
  });
  op.variants.push_back(with_path);
  return op;
}

}  // namespace

void add_product_ops(std::vector<Op>& table) {
  const auto matrices = [](const HostArray& a, const HostArray& b) { return product(a, b); };
  table.push_back(accumulation("addmv",
                               {{{2}, {2, 3}, {3}},
                                {{1}, {2, 3}, {3}},
                                {{}, {2, 3}, {3}},
                                {{2}, {2, 0}, {0}},
                                {{0}, {0, 3}, {3}},
                                {{40}, {40, 65}, {65}}},
                               matrices, &addmv, &Tensor::addmv, &Tensor::addmv_));
  table.push_back(accumulation("baddbmm",
                               {{{2, 2, 4}, {2, 2, 3}, {2, 3, 4}},
                                {{4}, {2, 2, 3}, {2, 3, 4}},
                                {{2, 1, 4}, {2, 2, 3}, {2, 3, 4}},
                                {{2, 2, 4}, {2, 2, 0}, {2, 0, 4}},
                                {{0, 2, 4}, {0, 2, 3}, {0, 3, 4}},
                                {{3, 17, 9}, {3, 17, 21}, {3, 21, 9}}},
                               matrices, &baddbmm, &Tensor::baddbmm, &Tensor::baddbmm_));
  table.push_back(accumulation(
      "addbmm",
      {{{2, 4}, {2, 2, 3}, {2, 3, 4}},
       {{4}, {2, 2, 3}, {2, 3, 4}},
       {{2, 4}, {0, 2, 3}, {0, 3, 4}},
       {{17, 9}, {3, 17, 21}, {3, 21, 9}}},
      [](const HostArray& a, const HostArray& b) { return sum_over(product(a, b), {0}); }, &addbmm, &Tensor::addbmm,
      &Tensor::addbmm_));
  Op addr_op = accumulation(
      "addr", {{{2, 3}, {2}, {3}}, {{3}, {2}, {3}}, {{}, {2}, {3}}, {{0, 3}, {0}, {3}}},
      [](const HostArray& a, const HostArray& b) { return product(column(a), row(b)); }, &addr, &Tensor::addr,
      &Tensor::addr_);
  addr_op.refused.clear();  // bool is or and and
  table.push_back(addr_op);

  Op addmm_op = accumulation("addmm_in_place", {{{2, 4}, {2, 3}, {3, 4}}, {{2, 4}, {2, 0}, {0, 4}}}, matrices, &addmm,
                             &Tensor::addmm, &Tensor::addmm_);
  table.push_back(addmm_op);

  const auto binary = [](const Sizes& a, const Sizes& b, const Call& f, const Call& method, const Reference& r) {
    return Variant{to_string(a) + " by " + to_string(b), {value(a), value(b)}, f, r, method};
  };
  const Reference product_of = ref([](const Arrays& a) { return product(a[0], a[1]); });
  {
    const Call f = call([](const Tensors& t) { return vdot(t[0], t[1]); });
    const Call m = call([](const Tensors& t) { return t[0].vdot(t[1]); });
    table.push_back(composed("vdot", {binary({3}, {3}, f, m, product_of), binary({0}, {0}, f, m, product_of)}));
    table.back().refused = {kBool};
  }
  {
    const Call f = call([](const Tensors& t) { return outer(t[0], t[1]); });
    const Call m = call([](const Tensors& t) { return t[0].outer(t[1]); });
    const Reference r = ref([](const Arrays& a) { return product(column(a[0]), row(a[1])); });
    table.push_back(
        composed("outer", {binary({3}, {2}, f, m, r), binary({1}, {4}, f, m, r), binary({0}, {2}, f, m, r)}));
    table.back().dtypes = kAllDtypes;
  }
  {
    const Call f = call([](const Tensors& t) { return inner(t[0], t[1]); });
    const Call m = call([](const Tensors& t) { return t[0].inner(t[1]); });
    const Reference scaled =
        ref([](const Arrays& a) { return map(a[0], a[1], [](double x, double y) { return x * y; }); });
    table.push_back(composed(
        "inner",
        {binary({3}, {3}, f, m, product_of), binary({2, 3}, {3}, f, m, product_of),
         binary({2, 3}, {4, 3}, f, m, ref([](const Arrays& a) { return product(a[0], transposed(a[1])); })),
         binary({}, {2, 3}, f, m, scaled), binary({2, 2, 3}, {1, 3}, f, m, ref([](const Arrays& a) {
                                                    return reshaped(product(a[0], transposed(a[1])), {2, 2, 1});
                                                  })),
         binary({2, 0}, {3, 0}, f, m, ref([](const Arrays&) {
                  return filled({2, 3});
                }))}));
    table.back().refused = {kBool};
  }
  {
    const auto at = [&](const Sizes& a, const Sizes& b, int64_t dim) {
      const int64_t d = dim < 0 ? dim + static_cast<int64_t>(a.size()) : dim;
      return Variant{to_string(a) + " by " + to_string(b) + " at " + std::to_string(dim),
                     {value(a), value(b)},
                     call([=](const Tensors& t) { return linalg_cross(t[0], t[1], dim); }),
                     ref([=](const Arrays& x) { return cross_reference(x[0], x[1], d); }),
                     call([=](const Tensors& t) { return t[0].cross(t[1], dim); })};
    };
    std::vector<Variant> variants = {at({3}, {3}, -1),       at({2, 3}, {2, 3}, -1),      at({3, 2}, {3, 2}, 0),
                                     at({1, 3}, {4, 3}, -1), at({2, 3, 2}, {2, 3, 1}, 1), at({0, 3}, {0, 3}, 1)};
    variants.push_back(variants[2]);
    variants.back().label = "the first dimension of size 3";
    variants.back().call = call([](const Tensors& t) { return cross(t[0], t[1]); });
    table.push_back(composed("cross", variants));
    table.back().refused = {kBool};
  }
  {
    const auto over = [](const Sizes& a, const Sizes& b, const Sizes& da, const Sizes& db, const Reference& r) {
      return Variant{to_string(a) + to_string(da) + " by " + to_string(b) + to_string(db),
                     {value(a), value(b)},
                     call([=](const Tensors& t) { return tensordot(t[0], t[1], da, db); }),
                     r};
    };
    table.push_back(composed(
        "tensordot",
        {over({2, 3}, {3, 4}, {1}, {0}, product_of),
         over({2, 3}, {4, 3}, {-1}, {-1}, ref([](const Arrays& a) { return product(a[0], transposed(a[1])); })),
         over({2, 3, 4}, {4, 3, 5}, {1, 2}, {1, 0}, ref([](const Arrays& a) {
                return product(reshaped(a[0], {2, 12}), reshaped(permuted(a[1], {1, 0, 2}), {12, 5}));
              })),
         over({2, 2}, {3}, {}, {}, ref([](const Arrays& a) {
                return reshaped(product(column(a[0]), row(a[1])), {2, 2, 3});
              })),
         over({2, 1}, {4, 3}, {1}, {0}, ref([](const Arrays& a) {
                return product(broadcast_to(a[0], {2, 4}), a[1]);
              })),
         over({2, 4}, {1, 3}, {1}, {0}, ref([](const Arrays& a) {
                return product(a[0], broadcast_to(a[1], {4, 3}));
              })),
         over({3, 3}, {3, 3}, {0, 1}, {0, 1}, ref([](const Arrays& a) {
                return summed(a[0], a[1], {0, 1});
              })),
         over({2, 0}, {0, 3}, {1}, {0}, product_of)}));
    table.back().refused = {kBool};
  }
  {
    const Call f = call([](const Tensors& t) { return kron(t[0], t[1]); });
    const Call m = call([](const Tensors& t) { return t[0].kron(t[1]); });
    const Reference r = ref([](const Arrays& a) { return kron_reference(a[0], a[1]); });
    table.push_back(
        composed("kron", {binary({2, 3}, {3, 2}, f, m, r), binary({2}, {3, 2}, f, m, r), binary({2, 2}, {3}, f, m, r),
                          binary({}, {2, 2}, f, m, r), binary({0, 2}, {2, 2}, f, m, r)}));
    table.back().dtypes = kAllDtypes;
  }
  {
    Op op = composed("bilinear", {});
    for (const Sizes& batch : std::vector<Sizes>{{}, {2}, {2, 3}, {0}}) {
      for (const bool bias : {true, false}) {
        Sizes a = batch, b = batch, y = batch;
        a.push_back(3);
        b.push_back(2);
        y.push_back(4);
        Variant v{to_string(batch) + (bias ? " with bias" : ""),
                  {value(a), value(b), value({4, 3, 2})},
                  call([=](const Tensors& t) {
                    return bias ? bilinear(t[0], t[1], t[2], t[3]) : bilinear(t[0], t[1], t[2]);
                  }),
                  ref([=](const Arrays& x) {
                    HostArray out = filled(y);
                    for_each_index(y, [&](const Sizes& at) {
                      double sum = bias ? x[3].at({at.back()}) : 0;
                      Sizes i = at, j = at;
                      for (i.back() = 0; i.back() < 3; ++i.back())
                        for (j.back() = 0; j.back() < 2; ++j.back())
                          sum += x[0].at(i) * x[2].at({at.back(), i.back(), j.back()}) * x[1].at(j);
                      out.at(at) = sum;
                    });
                    return out;
                  })};
        if (bias) v.inputs.push_back(value({4}));
        op.variants.push_back(v);
      }
    }
    op.refused = {kBool};
    table.push_back(op);
  }
  table.push_back(einsum_op());
}

}  // namespace ember::test
