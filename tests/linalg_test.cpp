// Linear algebra by what it must satisfy: inverses and solutions by their products, determinants by expansion,
// norms by their definitions; what has a gradient against finite differences.
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/gradcheck.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

// Well-conditioned: the diagonal is larger than the rest.
Tensor matrices(IntArrayRef sizes, ScalarType dtype = kFloat64) {
  Tensor a = randn(sizes, make_generator(4), dtype);
  a.diagonal(0, -2, -1).add_(3.0 * std::sqrt(static_cast<double>(sizes.back())));
  return a;
}

void expect_gradients(const autograd::GradcheckFunction& f, std::vector<Tensor> inputs) {
  for (Tensor& t : inputs) t = t.detach().clone().requires_grad_();
  EXPECT_TRUE(autograd::gradcheck(f, inputs));
  EXPECT_TRUE(autograd::gradgradcheck(f, inputs));
}

TEST(LinalgTest, InverseOfEverySize) {
  for (const int64_t n : {0, 1, 2, 3, 17, 47, 48, 49, 96, 130, 250}) {
    SCOPED_TRACE(n);
    for (const bool transposed : {false, true}) {
      const Tensor a = transposed ? matrices({n, n}).t() : matrices({n, n});
      EXPECT_LT(largest_difference(a.matmul(inverse(a)), eye(n, kFloat64)), 1e-12);
      EXPECT_LT(largest_difference(linalg_inv(a.to(kFloat32)).matmul(a.to(kFloat32)), eye(n)), 1e-4);
    }
  }
}

// No row of the first column dominates, so that rows have to be swapped.
TEST(LinalgTest, RowsAreSwapped) {
  for (const int64_t n : {2, 5, 60, 200}) {
    const Tensor a = randn({n, n}, make_generator(2), kFloat64);
    a.select(0, 0).select(0, 0).zero_();
    EXPECT_LT(largest_difference(a.matmul(a.inverse()), eye(n, kFloat64)), 1e-9) << n;
    const Tensor b = randn({n, 3}, make_generator(3), kFloat64);
    EXPECT_LT(largest_difference(a.matmul(linalg_solve(a, b)), b), 1e-9) << n;
    EXPECT_LT(largest_difference(a.t().matmul(linalg_solve(a.t(), b)), b), 1e-9) << n;
  }
  EXPECT_ELEMENTS(double, tensor({{0.0, 1.0}, {1.0, 0.0}}, kFloat64).inverse().contiguous(), {0, 1, 1, 0});
}

TEST(LinalgTest, Batches) {
  const Tensor a = matrices({2, 3, 4, 4});
  EXPECT_EQ(inverse(a).sizes(), a.sizes());
  EXPECT_LT(largest_difference(a.matmul(inverse(a)), eye(4, kFloat64).expand({2, 3, 4, 4})), 1e-13);
  const Tensor d = det(a);
  EXPECT_EQ(d.sizes(), IntArrayRef({2, 3}));
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 3; ++j)
      EXPECT_NEAR(d[i][j].item<double>(), det(a[i][j]).item<double>(), 1e-9 * std::fabs(d[i][j].item<double>()));
  EXPECT_EQ(inverse(empty({0, 3, 3}, kFloat64)).sizes(), IntArrayRef({0, 3, 3}));
}

// As PyTorch's: the columns of an inverse and of a solution are dense.
TEST(LinalgTest, Strides) {
  EXPECT_EQ(inverse(matrices({3, 3})).strides(), IntArrayRef({1, 3}));
  EXPECT_EQ(inverse(matrices({2, 3, 3})).strides(), IntArrayRef({9, 1, 3}));
  const Tensor a = matrices({3, 3});
  EXPECT_EQ(linalg_solve(a, ones({3, 2}, kFloat64)).strides(), IntArrayRef({1, 3}));
  EXPECT_EQ(linalg_solve(a, ones({2, 3}, kFloat64), false).strides(), IntArrayRef({3, 1}));
  EXPECT_EQ(linalg_solve(a, ones({3}, kFloat64)).strides(), IntArrayRef({1}));
  EXPECT_EQ(linalg_solve(matrices({2, 3, 3}), ones({2, 3}, kFloat64)).strides(), IntArrayRef({1, 2}));
}

TEST(LinalgTest, SolutionsOfEveryShape) {
  struct Case {
    std::vector<int64_t> a, b, x;
    bool left = true;
  };
  for (const Case& c : std::vector<Case>{{{3, 3}, {3}, {3}},
                                         {{3, 3}, {3, 2}, {3, 2}},
                                         {{3, 3}, {3, 0}, {3, 0}},
                                         {{0, 0}, {0, 2}, {0, 2}},
                                         {{2, 3, 3}, {2, 3}, {2, 3}},
                                         {{2, 3, 3}, {3}, {2, 3}},
                                         {{2, 3, 3}, {3, 2}, {2, 3, 2}},
                                         {{3, 3}, {5, 3, 2}, {5, 3, 2}},
                                         {{2, 1, 3, 3}, {4, 3, 2}, {2, 4, 3, 2}},
                                         {{70, 70}, {70, 90}, {70, 90}},
                                         {{3, 3}, {2, 3}, {2, 3}, false},
                                         {{2, 3, 3}, {4, 3}, {2, 4, 3}, false},
                                         {{70, 70}, {90, 70}, {90, 70}, false}}) {
    SCOPED_TRACE(printed(IntArrayRef(c.a)) + " " + printed(IntArrayRef(c.b)));
    const Tensor a = matrices(c.a);
    const Tensor b = randn(c.b, make_generator(9), kFloat64);
    const Tensor x = linalg_solve(a, b, c.left);
    ASSERT_EQ(x.sizes(), IntArrayRef(c.x));
    const bool vector = c.b.size() == 1 || c.b == std::vector<int64_t>(c.a.begin(), c.a.end() - 1);
    const Tensor full = vector ? x.unsqueeze(-1) : x;
    const Tensor again = c.left ? a.matmul(full) : full.matmul(a);
    const Tensor expected = (vector ? b.unsqueeze(-1) : b).expand(again.sizes());
    EXPECT_LT(largest_difference(again, expected), 1e-11);
    if (a.numel() < 40 && x.numel() > 0) {
      expect_gradients([&](const std::vector<Tensor>& t) { return std::vector{linalg_solve(t[0], t[1], c.left)}; },
                       {a, b});
    }
  }
}

TEST(LinalgTest, Determinants) {
  EXPECT_EQ(det(empty({0, 0})).item<float>(), 1);
  EXPECT_EQ(det(tensor({{2.0}})).item<float>(), 2);
  EXPECT_EQ(det(tensor({{0.0, 1.0}, {1.0, 0.0}})).item<float>(), -1);
  EXPECT_NEAR(det(tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}, {7.0, 8.0, 10.0}}, kFloat64)).item<double>(), -3, 1e-13);
  EXPECT_EQ(det(zeros({3, 3})).item<float>(), 0);
  for (const int64_t n : {1, 2, 5, 60, 97}) {
    const Tensor a = randn({n, n}, make_generator(5), kFloat64);
    const auto [sign, logabsdet] = slogdet(a);
    EXPECT_NEAR((sign * logabsdet.exp() / det(a)).item<double>(), 1, 1e-10) << n;
    const auto [sign2, logabsdet2] = linalg_slogdet(a.matmul(a.t()));
    EXPECT_EQ(sign2.item<double>(), 1);
    EXPECT_NEAR(logabsdet2.item<double>(), 2 * logabsdet.item<double>(), 1e-8 * n) << n;
    EXPECT_NEAR(logdet(a.matmul(a.t())).item<double>(), logabsdet2.item<double>(), 1e-12) << n;
  }
  EXPECT_TRUE(std::isnan(logdet(tensor({{-1.0}})).item<float>()));
  EXPECT_EQ(logdet(zeros({2, 2})).item<float>(), -kInf);
  EXPECT_EQ(std::get<0>(slogdet(zeros({2, 2}))).item<float>(), 0);
  EXPECT_EQ(std::get<1>(slogdet(zeros({2, 2}))).item<float>(), -kInf);
}

TEST(LinalgTest, GradientsByFiniteDifferences) {
  for (const auto& sizes : std::vector<std::vector<int64_t>>{{1, 1}, {3, 3}, {2, 3, 3}}) {
    const Tensor a = matrices(sizes);
    expect_gradients([](const std::vector<Tensor>& t) { return std::vector{inverse(t[0])}; }, {a});
    expect_gradients([](const std::vector<Tensor>& t) { return std::vector{det(t[0])}; }, {a});
    expect_gradients([](const std::vector<Tensor>& t) { return std::vector{logdet(t[0])}; }, {a});
    expect_gradients([](const std::vector<Tensor>& t) { return std::vector{std::get<1>(slogdet(t[0]))}; }, {a});
    expect_gradients([](const std::vector<Tensor>& t) { return std::vector{matrix_power(t[0], -2)}; }, {a});
  }
}

// A determinant's derivatives are its cofactors, whatever the rank. Without create_graph a singular matrix gets zeros,
// as in PyTorch.
TEST(LinalgTest, DeterminantOfSingularMatrices) {
  struct Case {
    std::vector<double> a, cofactors;
  };
  for (const Case& c : std::vector<Case>{{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {-3, 6, -3, 6, -12, 6, -3, 6, -3}},
                                         {{1, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 1}},
                                         {{0, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0}}}) {
    const Tensor a = tensor(c.a, kFloat64).view({3, 3}).detach().requires_grad_();
    const Tensor recorded = autograd::grad({det(a)}, {a}, {}, std::nullopt, true)[0];
    const Tensor expected = tensor(c.cofactors, kFloat64).view({3, 3});
    EXPECT_LT(largest_difference(recorded, expected), 1e-12);
    EXPECT_TRUE(autograd::gradgradcheck([](const std::vector<Tensor>& t) { return std::vector{det(t[0])}; }, {a}));
    EXPECT_EQ(autograd::grad({det(a)}, {a})[0].abs().max().item<double>(), 0);
  }
}

TEST(LinalgTest, SingularMatricesHaveNoInverse) {
  EXPECT_ERROR(inverse(zeros({2, 2})), "singular");
  EXPECT_ERROR(inverse(ones({3, 3})), "singular");
  EXPECT_THROW(inverse(ones({3, 3})), LinAlgError);
  EXPECT_ERROR(linalg_solve(ones({2, 3, 3}), ones({3})), "singular");
  EXPECT_TRUE(inverse(full({2, 2}, kNaN)).isnan().all().item<bool>());
}

TEST(LinalgTest, VectorNorms) {
  const Tensor x = tensor({{3.0, -4.0, 0.0}, {1.0, 2.0, -2.0}});
  EXPECT_ELEMENTS(float, linalg_vector_norm(x, 2, IntArrayRef({1})), {5, 3});
  EXPECT_ELEMENTS(float, linalg_vector_norm(x, 1, IntArrayRef({1})), {7, 5});
  EXPECT_ELEMENTS(float, linalg_vector_norm(x, 0, IntArrayRef({1})), {2, 3});
  EXPECT_ELEMENTS(float, linalg_vector_norm(x, kInf, IntArrayRef({1})), {4, 2});
  EXPECT_ELEMENTS(float, linalg_vector_norm(x, -kInf, IntArrayRef({1})), {0, 1});
  EXPECT_EQ(linalg_vector_norm(x, 2, IntArrayRef({0}), true).sizes(), IntArrayRef({1, 3}));
  EXPECT_NEAR(linalg_vector_norm(x, 3).item<double>(), std::cbrt(27 + 64 + 1 + 8 + 8), 1e-5);
  EXPECT_NEAR(linalg_vector_norm(x.slice(1, 0, 2), 0.5).item<double>(),
              std::pow(std::sqrt(3) + 2 + 1 + std::sqrt(2), 2), 1e-4);
  EXPECT_EQ(linalg_vector_norm(tensor({1e30}), 2).item<float>(), 1e30f);
  EXPECT_EQ(linalg_vector_norm(full({2}, 300, kFloat16)).item<float>(), 424.25f);
  EXPECT_EQ(linalg_vector_norm(x.to(kFloat16), 2, std::nullopt, false, kFloat64).dtype(), kFloat64);
  EXPECT_TRUE(std::isnan(linalg_vector_norm(tensor({1.0, kNaN}), kInf).item<float>()));
  EXPECT_EQ(linalg_vector_norm(empty({0})).item<float>(), 0);
  EXPECT_EQ(linalg_vector_norm(empty({0, 2}), kInf, IntArrayRef({1})).sizes(), IntArrayRef({0}));
  EXPECT_ERROR(linalg_vector_norm(empty({0, 2}), kInf, IntArrayRef({0})), "linalg_vector_norm");
  EXPECT_ERROR(linalg_vector_norm(empty({0}), kInf), "linalg_vector_norm");
  EXPECT_EQ(linalg_vector_norm(tensor(-3.0)).item<float>(), 3);
}

TEST(LinalgTest, GradientsOfVectorNorms) {
  const Tensor x = tensor({{1.5, -2.5, 0.75}, {-1.0, 2.0, 0.5}}, kFloat64);
  for (const double p : {0.5, 1.0, 1.5, 2.0, 3.0, -1.0, kInf, -kInf}) {
    SCOPED_TRACE(p);
    expect_gradients([p](const std::vector<Tensor>& t) { return std::vector{linalg_vector_norm(t[0], p)}; }, {x});
    expect_gradients(
        [p](const std::vector<Tensor>& t) { return std::vector{linalg_vector_norm(t[0], p, IntArrayRef({0}))}; }, {x});
    const Tensor zero = zeros({2}, kFloat64).requires_grad_();
    linalg_vector_norm(zero, p).backward();
    EXPECT_ELEMENTS(double, zero.grad(), {0, 0});
  }
}

TEST(LinalgTest, MatrixNorms) {
  const Tensor a = tensor({{1.0, -2.0, 3.0}, {-4.0, 5.0, 6.0}});
  EXPECT_EQ(linalg_norm(a, 1).item<float>(), 9);
  EXPECT_EQ(linalg_norm(a, -1).item<float>(), 5);
  EXPECT_EQ(linalg_norm(a, kInf).item<float>(), 15);
  EXPECT_EQ(linalg_norm(a, -kInf).item<float>(), 6);
  EXPECT_NEAR(linalg_norm(a).item<double>(), std::sqrt(91), 1e-5);
  EXPECT_NEAR(linalg_norm(a, "fro").item<double>(), std::sqrt(91), 1e-5);
  EXPECT_ELEMENTS(float, linalg_norm(stack({a, a * 2}), 1, IntArrayRef({1, 2})), {9, 18});
  EXPECT_ELEMENTS(float, linalg_norm(stack({a, a * 2}, 2), kInf, IntArrayRef({0, 1})), {15, 30});
  EXPECT_ELEMENTS(float, linalg_norm(stack({a, a * 2}, 2), 1, IntArrayRef({1, 0})), {15, 30});
  EXPECT_EQ(linalg_norm(stack({a, a}), "fro", IntArrayRef({1, 2}), true).sizes(), IntArrayRef({2, 1, 1}));
  EXPECT_EQ(linalg_norm(stack({a, a}), 1, IntArrayRef({-1, 0}), true).sizes(), IntArrayRef({1, 2, 1}));
  EXPECT_EQ(linalg_norm(empty({2, 0}), 1).item<float>(), 0);
  EXPECT_EQ(linalg_norm(a[0], 1).item<float>(), 6);
  EXPECT_THROW(linalg_norm(a, 2), NotImplementedError);
  EXPECT_THROW(linalg_norm(a, -2), NotImplementedError);
  EXPECT_THROW(linalg_norm(a, "nuc"), NotImplementedError);
  expect_gradients([](const std::vector<Tensor>& t) { return std::vector{linalg_norm(t[0], 1)}; }, {a.to(kFloat64)});
  expect_gradients([](const std::vector<Tensor>& t) { return std::vector{linalg_norm(t[0], "fro")}; },
                   {a.to(kFloat64)});
}

TEST(LinalgTest, NamesOfNodes) {
  const Tensor m = matrices({3, 3}).requires_grad_(), v = ones({3}, kFloat64).requires_grad_();
  const Tensor b = ones({2, 3, 3}, kFloat64).requires_grad_();
  const auto name = [](const Tensor& t) { return t.grad_fn()->name(); };
  EXPECT_EQ(name(mv(m, v)), "MvBackward0");
  EXPECT_EQ(name(dot(v, v)), "DotBackward0");
  EXPECT_EQ(name(vdot(v, v)), "VdotBackward0");
  EXPECT_EQ(name(outer(v, v)), "MulBackward0");
  EXPECT_EQ(name(addmv(v, m, v)), "AddmvBackward0");
  EXPECT_EQ(name(addr(m, v, v)), "AddrBackward0");
  EXPECT_EQ(name(addbmm(m, b, b)), "AddbmmBackward0");
  EXPECT_EQ(name(baddbmm(m, b, b)), "BaddbmmBackward0");
  EXPECT_EQ(name((m * 1).addmm_(m, m)), "AddmmBackward0");
  EXPECT_EQ(name(cross(m, m)), "LinalgCrossBackward0");
  EXPECT_EQ(name(trace(m)), "TraceBackward0");
  EXPECT_EQ(name(tril(m)), "TrilBackward0");
  EXPECT_EQ(name(triu(m)), "TriuBackward0");
  EXPECT_EQ(name(diag(v)), "DiagEmbedBackward0");
  EXPECT_EQ(name(inverse(m)), "LinalgInvExBackward0");
  EXPECT_EQ(name(det(m)), "LinalgDetBackward0");
  EXPECT_EQ(name(std::get<0>(slogdet(m))), "LinalgSlogdetBackward0");
  EXPECT_EQ(name(std::get<1>(slogdet(m))), "LinalgSlogdetBackward0");
  EXPECT_EQ(name(linalg_solve(m, v)), "LinalgSolveExBackward0");
  EXPECT_EQ(name(linalg_vector_norm(v)), "LinalgVectorNormBackward0");
}

TEST(LinalgTest, OutForms) {
  const Tensor m = matrices({3, 3}), v = ones({3}, kFloat64), b = matrices({2, 3, 3});
  const auto check = [](const std::function<Tensor&(Tensor&)>& into, const Tensor& expected) {
    for (Tensor out : {empty({0}, kFloat64), full(expected.sizes(), kNaN, kFloat64)}) {
      Tensor& result = into(out);
      EXPECT_EQ(&result, &out);
      EXPECT_EQ(out.sizes(), expected.sizes());
      EXPECT_TRUE(out.equal(expected));
    }
    Tensor other = empty({0}, kFloat32);
    EXPECT_THROW(into(other), Error);
  };
  check([&](Tensor& o) -> Tensor& { return mm_out(o, m, m); }, mm(m, m));
  check([&](Tensor& o) -> Tensor& { return bmm_out(o, b, b); }, bmm(b, b));
  check([&](Tensor& o) -> Tensor& { return matmul_out(o, b, m); }, matmul(b, m));
  check([&](Tensor& o) -> Tensor& { return mv_out(o, m, v); }, mv(m, v));
  check([&](Tensor& o) -> Tensor& { return dot_out(o, v, v); }, dot(v, v));
  check([&](Tensor& o) -> Tensor& { return addmm_out(o, v, m, m, 2, 3); }, addmm(v, m, m, 2, 3));
  check([&](Tensor& o) -> Tensor& { return addmv_out(o, v, m, v, 2, 3); }, addmv(v, m, v, 2, 3));
  check([&](Tensor& o) -> Tensor& { return addbmm_out(o, v, b, b, 2, 3); }, addbmm(v, b, b, 2, 3));
  check([&](Tensor& o) -> Tensor& { return baddbmm_out(o, v, b, b, 2, 3); }, baddbmm(v, b, b, 2, 3));
  check([&](Tensor& o) -> Tensor& { return addr_out(o, m, v, v, 2, 3); }, addr(m, v, v, 2, 3));
  check([&](Tensor& o) -> Tensor& { return cross_out(o, m, m); }, cross(m, m));
  check([&](Tensor& o) -> Tensor& { return tensordot_out(o, m, m, {0}, {0}); }, tensordot(m, m, {0}, {0}));
  check([&](Tensor& o) -> Tensor& { return tril_out(o, m, 1); }, tril(m, 1));
  check([&](Tensor& o) -> Tensor& { return diag_out(o, m); }, diag(m));
  check([&](Tensor& o) -> Tensor& { return matrix_power_out(o, m, 3); }, matrix_power(m, 3));
  check([&](Tensor& o) -> Tensor& { return linalg_inv_out(o, m); }, linalg_inv(m));
  check([&](Tensor& o) -> Tensor& { return linalg_det_out(o, m); }, linalg_det(m));
  check([&](Tensor& o) -> Tensor& { return linalg_solve_out(o, m, v); }, linalg_solve(m, v));
  check([&](Tensor& o) -> Tensor& { return linalg_vector_norm_out(o, m, 2); }, linalg_vector_norm(m, 2));
  check([&](Tensor& o) -> Tensor& { return linalg_norm_out(o, m, "fro"); }, linalg_norm(m, "fro"));
  check([&](Tensor& o) -> Tensor& { return linalg_norm_out(o, m, 1); }, linalg_norm(m, 1));
  Tensor sign = empty({0}, kFloat64), logabsdet = empty({0}, kFloat64);
  slogdet_out(sign, logabsdet, b);
  EXPECT_TRUE(logabsdet.equal(std::get<1>(slogdet(b))));
  // The result may be an argument.
  Tensor self = m.clone();
  mm_out(self, self, self);
  EXPECT_TRUE(self.equal(mm(m, m)));
}

TEST(LinalgTest, TriangleIndices) {
  EXPECT_ELEMENTS(int64_t, tril_indices(3, 2, -1), {1, 2, 2, 0, 0, 1});
  EXPECT_ELEMENTS(int64_t, triu_indices(2, 3, 1), {0, 0, 1, 1, 2, 2});
  EXPECT_ELEMENTS(int32_t, triu_indices(3, 2, -1, kInt32), {0, 0, 1, 1, 2, 0, 1, 0, 1, 1});
  EXPECT_EQ(tril_indices(0, 3).sizes(), IntArrayRef({2, 0}));
  EXPECT_EQ(triu_indices(3, 4, kInf > 0 ? INT64_MAX : 0).sizes(), IntArrayRef({2, 0}));
  EXPECT_EQ(triu_indices(3, 4, INT64_MIN).sizes(), IntArrayRef({2, 12}));
}

// Sizes, not data, decide whether an operand is summed before it is multiplied.
TEST(LinalgTest, EinsumAgainstMatmul) {
  const Tensor a = randn({2, 3, 4}, make_generator(1), kFloat64), b = randn({2, 4, 5}, make_generator(2), kFloat64);
  EXPECT_LT(largest_difference(einsum("bij,bjk->bik", {a, b}), bmm(a, b)), 1e-13);
  EXPECT_LT(largest_difference(einsum("...ij,...jk", {a, b}), bmm(a, b)), 1e-13);
  EXPECT_LT(largest_difference(einsum("bij,bjk->ki", {a, b}), bmm(a, b).sum(0).t()), 1e-12);
  EXPECT_LT(largest_difference(einsum("aij,bjk->abik", {a, b}), matmul(a.unsqueeze(1), b.unsqueeze(0))), 1e-13);
  EXPECT_TRUE(einsum("bij->jib", {a}).equal(a.permute({2, 1, 0})));
  EXPECT_TRUE(einsum("bij->jib", {a}).is_alias_of(a));
  EXPECT_EQ(einsum("i->", {ones({3}, kBool)}).item<int64_t>(), 3);
}

// In place into memory that is not dense, and where a factor is the result's own memory.
TEST(LinalgTest, AccumulationInPlace) {
  const Tensor m = matrices({3, 3});
  const Tensor strided = zeros({3, 6}, kFloat64).slice(1, 0, 6, 2);
  strided.copy_(m);
  strided.addmm_(m, m, 2, 3);
  EXPECT_TRUE(strided.equal(addmm(m, m, m, 2, 3)));
  const Tensor self = m.clone();
  self.addmm_(self, self, 2, 3);
  EXPECT_TRUE(self.equal(addmm(m, m, m, 2, 3)));
  const Tensor leaf = m.clone().requires_grad_();
  const Tensor x = leaf * 1;
  x.addmm_(m, leaf, 2, 3);
  x.sum().backward();
  EXPECT_LT(largest_difference(leaf.grad(), 2 + 3 * m.sum(0).unsqueeze(1).expand({3, 3})), 1e-12);
  EXPECT_EQ(
      tensor({{1, 1}, {1, 1}}).addmm(tensor({{1, 1}, {1, 1}}), tensor({{1, 1}, {1, 1}}), 1, 1.5)[0][0].item<int64_t>(),
      3);
}

}  // namespace
