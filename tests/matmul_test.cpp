// Matrix products over the sizes at which the kernels change: of a vector's lanes, of a tile, of a panel, of the
// products that go to the library; every layout; against sums in double precision.
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/core/parallel.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

// A matrix of small integers, so that every product and sum is exact in float32; rows dense, columns dense, or neither.
Tensor matrix(int64_t rows, int64_t columns, int layout, ScalarType dtype, int64_t range = 3) {
  const Generator generator = make_generator(static_cast<uint64_t>(rows * 7 + columns));
  const auto random = [&](int64_t r, int64_t c) { return randint(-range, range + 1, {r, c}, generator, dtype); };
  if (layout == 0) return random(rows, columns);
  if (layout == 1) return random(columns, rows).t();
  return random(2 * rows, 3 * columns).slice(0, 0, 2 * rows, 2).slice(1, 1, 3 * columns, 3);
}

// a·b in double precision.
Tensor reference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = values(a), y = values(b);
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  std::vector<double> sums(static_cast<size_t>(m * n), 0.0);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = 0; j < n; ++j) {
        sums[static_cast<size_t>(i * n + j)] += x[static_cast<size_t>(i * k + p)] * y[static_cast<size_t>(p * n + j)];
      }
    }
  }
  return tensor(sums, kFloat64).view({m, n});
}

const std::vector<std::array<int64_t, 3>> kShapes = {  // m, k, n
    {1, 1, 1},      {1, 1, 40},     {40, 1, 1},     {1, 300, 1},   {1, 3, 2},     {2, 64, 3},   {1, 64, 64},
    {1, 1100, 37},  {37, 1100, 1},  {2, 65, 9},     {3, 130, 15},  {5, 127, 16},  {7, 129, 17}, {8, 16, 33},
    {9, 5, 100},    {13, 31, 64},   {17, 2, 65},    {6, 257, 80},  {64, 10, 100}, {64, 64, 64}, {65, 64, 64},
    {33, 260, 31},  {70, 70, 70},   {2, 700, 200},  {1, 40, 1100}, {3, 520, 13},  {6, 600, 21}, {12, 200, 70},
    {20, 300, 100}, {100, 140, 70}, {300, 130, 150}};

TEST(MatmulTest, EverySizeAndLayout) {
  for (const auto& [m, k, n] : kShapes) {
    for (const ScalarType dtype : {kFloat32, kFloat64, kBFloat16, kFloat16, kInt32}) {
      // What the 2-byte floats hold exactly.
      const int64_t range = dtype == kBFloat16 || dtype == kFloat16 ? 1 : 3;
      for (int layouts = 0; layouts < 9; ++layouts) {
        SCOPED_TRACE(testing::Message() << m << 'x' << k << 'x' << n << ' ' << dtype_name(dtype) << " layouts "
                                        << layouts / 3 << layouts % 3);
        const Tensor a = matrix(m, k, layouts / 3, dtype, range), b = matrix(k, n, layouts % 3, dtype, range);
        const Tensor bias = matrix(1, n, 0, dtype, range)[0], strided_bias = matrix(n, 2, 0, dtype, range).select(1, 0);
        const Tensor self = matrix(m, n, 0, dtype, range);
        const Tensor product = reference(a, b);
        const auto expect = [](const Tensor& y, const Tensor& expected) {
          ASSERT_EQ(values(y), values(expected.to(y.scalar_type())));
        };
        expect(mm(a, b), product);
        expect(addmm(bias, a, b), product + bias);
        expect(addmm(strided_bias, a, b), product + strided_bias);
        expect(addmm(self, a, b), product + self);
        expect(linear(a, b.t(), bias), product + bias);
        expect(addmm(self, a, b, 2, 3), product * 3 + self * 2);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(MatmulTest, WithBetaZeroWhatWasThereIsIgnored) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [m, k, n] : kShapes) {
    const Tensor a = matrix(m, k, 0, kFloat32), b = matrix(k, n, 1, kFloat32);
    const Tensor self = full({m, n}, nan, kFloat32);
    EXPECT_EQ(values(addmm(self, a, b, 0)), values(reference(a, b)));
    self.addmm_(a, b, 0, 1);
    EXPECT_EQ(values(self), values(reference(a, b)));
  }
}

TEST(MatmulTest, NanAndInfinityArePassedOn) {
  for (const int64_t n : {1, 5, 16, 40, 100}) {
    for (const int layout : {0, 1}) {
      const Tensor a = zeros({9, 20}), b = matrix(20, n, layout, kFloat32);
      b.select(0, 19).fill_(std::numeric_limits<float>::infinity());
      const Tensor y = a.mm(b);  // 0 · inf
      EXPECT_TRUE(y.isnan().all().item<bool>());
      EXPECT_FALSE(zeros({9, 19}).mm(b.slice(0, 0, 19)).isnan().any().item<bool>());
    }
  }
}

TEST(MatmulTest, ThreadsDoNotChangeProductsWithAVector) {
  const int threads = get_num_threads();
  for (const int layout : {0, 1}) {
    const Tensor a = randn({1, 801}, make_generator(1)),
                 b = layout == 0 ? randn({801, 1013}, make_generator(2)) : randn({1013, 801}, make_generator(2)).t();
    set_num_threads(1);
    const Tensor one = a.mm(b), column = b.t().mv(a[0]);
    set_num_threads(3);
    EXPECT_TRUE(a.mm(b).equal(one));
    EXPECT_TRUE(b.t().mv(a[0]).equal(column));
    EXPECT_TRUE(one[0].equal(column));
  }
  set_num_threads(threads);
}

TEST(MatmulTest, ThreadsDoNotChangeProductsOfDoubles) {
  const int threads = get_num_threads();
  const Tensor a = randn({530, 301}, make_generator(1), kFloat64), b = randn({301, 211}, make_generator(2), kFloat64);
  set_num_threads(1);
  const Tensor one = a.mm(b), turned = b.t().mm(a.t());
  set_num_threads(3);
  EXPECT_TRUE(a.mm(b).equal(one));
  EXPECT_TRUE(b.t().mm(a.t()).equal(turned));
  EXPECT_TRUE(turned.t().allclose(one));
  set_num_threads(threads);
}

TEST(MatmulTest, LinearIsOneOperation) {
  const Tensor x = randn({3, 4}, make_generator(1)).requires_grad_();
  const Tensor w = randn({5, 4}, make_generator(2)).requires_grad_(), b = zeros({5}).requires_grad_();
  const Tensor y = linear(x, w, b);
  EXPECT_EQ(y.grad_fn()->name(), "AddmmBackward0");
  EXPECT_EQ(linear(x, w).grad_fn()->name(), "MmBackward0");
  y.sum().backward();
  EXPECT_EQ(values(b.grad()), std::vector<double>(5, 3.0));
  EXPECT_TRUE(w.grad().is_contiguous());
  EXPECT_TRUE(w.grad().allclose(x.detach().sum(0).expand({5, 4})));
  EXPECT_TRUE(x.grad().allclose(w.detach().sum(0).expand({3, 4})));
}

// Shapes past the number that are kept, and back.
TEST(MatmulTest, PlansOfManyShapes) {
  for (int round = 0; round < 2; ++round) {
    for (int64_t n = 65; n < 265; ++n) {
      const Tensor a = full({65, 65}, 1.0), b = full({n, 65}, 2.0);
      const Tensor y = linear(a, b, full({n}, 3.0));
      ASSERT_EQ(y.sizes(), IntArrayRef({65, n}));
      ASSERT_TRUE(y.eq(133).all().item<bool>()) << n;
    }
  }
}

}  // namespace
