// Gradients where the choice is free: ties, kinks, overlapping views; their shapes and dtypes.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

TEST(Gradient, OfOverlappingViews) {
  const Tensor x = leaf({0, 1, 2, 3, 4, 5, 6, 7});
  as_strided(x, {3, 3}, {1, 2}, 1).sum().backward();
  EXPECT_VECTOR(x.grad(), {0, 1, 1, 2, 1, 2, 1, 1});
  EXPECT_VECTOR(autograd::grad({as_strided(x, {2, 2}, {0, 1}, 4).sum()}, {x})[0], {0, 0, 0, 0, 2, 2, 0, 0});
}

TEST(Gradient, OfEqualExtremes) {  // as PyTorch shares them out
  const Tensor x = leaf({2, 5, 5, 1});
  x.max().backward();
  EXPECT_VECTOR(x.grad(), {0, 0.5, 0.5, 0});
  EXPECT_VECTOR(autograd::grad({x.amax()}, {x})[0], {0, 0.5, 0.5, 0});
  EXPECT_VECTOR(autograd::grad({std::get<0>(x.max(0))}, {x})[0], {0, 1, 0, 0});
  const Tensor a = leaf({1, 2}), b = leaf({1, 1});
  const variable_list g = autograd::grad({maximum(a, b).sum()}, {a, b});
  EXPECT_VECTOR(g[0], {0.5, 1});
  EXPECT_VECTOR(g[1], {0.5, 0});
}

TEST(Gradient, AtKinksAsInPyTorch) {
  const Tensor x = leaf({-1, 0, 1});
  EXPECT_VECTOR(autograd::grad({x.relu().sum()}, {x})[0], {0, 0, 1});
  EXPECT_VECTOR(autograd::grad({x.abs().sum()}, {x})[0], {-1, 0, 1});
  EXPECT_VECTOR(autograd::grad({x.clamp(0, 1).sum()}, {x})[0], {0, 0, 0});
  EXPECT_VECTOR(autograd::grad({x.clamp_min(0).sum()}, {x})[0], {0, 0, 1});
  EXPECT_VECTOR(autograd::grad({x.clamp_max(0).sum()}, {x})[0], {1, 0, 0});
  EXPECT_VECTOR(autograd::grad({x.pow(2).sum()}, {x})[0], {-2, 0, 2});
  EXPECT_VECTOR(autograd::grad({x.pow(0).sum()}, {x})[0], {0, 0, 0});
  // 0·log 0 is 0 here: the gradient of 0^y is not NaN.
  const Tensor base = leaf({0, 2}), exponent = leaf({2, 3});
  const variable_list g = autograd::grad({pow(base, exponent).sum()}, {base, exponent});
  EXPECT_VECTOR(g[0], {0, 12});
  EXPECT_VECTOR(g[1], {0, 8 * std::log(2.0)});
}

TEST(Gradient, HasTheInputsShapeAndDtype) {
  const Tensor a = rand({3, 1}).requires_grad_();
  const Tensor b = rand({2, 1, 4}, kFloat64).requires_grad_();
  (a * b).sum().backward();
  EXPECT_TRUE(a.grad().sizes() == a.sizes());
  EXPECT_EQ(a.grad().dtype(), kFloat32);
  EXPECT_EQ(b.grad().dtype(), kFloat64);
  EXPECT_TRUE(b.grad().sizes() == b.sizes());
  const Tensor c = rand({}).requires_grad_();
  (c + b).sum().backward();
  EXPECT_EQ(c.grad().item<float>(), 8);
  const Tensor h = rand({2, 2}).requires_grad_();
  h.to(kFloat16).sum().backward();
  EXPECT_EQ(h.grad().dtype(), kFloat32);
}

TEST(Gradient, NotThroughIntegersAndComparisons) {
  const Tensor x = leaf({1.5, -1});
  EXPECT_FALSE((x > 0).requires_grad());
  EXPECT_FALSE(x.to(kInt64).requires_grad());
  EXPECT_FALSE(x.argmax().requires_grad());
  EXPECT_FALSE(std::get<1>(x.max(0)).requires_grad());
  EXPECT_TRUE(std::get<0>(x.max(0)).requires_grad());
  EXPECT_THROW(zeros({2}, kInt64).requires_grad_(), Error);
}

// The gradient of what is NaN whatever the input is 0, as PyTorch's.
TEST(Gradient, OfClampAtNaN) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = leaf({-1, 0, 3, kNan});
  for (const Tensor& y : {x.clamp(kNan, 1), x.clamp(0, kNan), x.clamp(kNan, kNan), x.clamp(kNan),
                          x.clamp(nullopt, kNan), x.clamp_min(kNan), x.clamp_max(kNan), (x * 1).clamp_(kNan, 1),
                          (x * 1).clamp_min_(kNan), (x * 1).clamp_max_(kNan)}) {
    EXPECT_VECTOR(y, {kNan, kNan, kNan, kNan});
    EXPECT_VECTOR(autograd::grad({y.sum()}, {x})[0], {0, 0, 0, 0});
  }
}

// Through what an ignored row holds nothing flows.
TEST(Gradient, OfIgnoredInfinities) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Tensor scores = tensor({{-1.0, -2.0}, {-kInf, -kInf}, {-0.5, -4.0}}, kFloat64).requires_grad_();
  nll_loss(scores, tensor({0, 1, 1}), {}, Reduction::Mean, 1).backward();
  EXPECT_VALUES(scores.grad(), {-1, 0, 0, 0, 0, 0});
  scores.mutable_grad().reset();
  nll_loss(scores, tensor({0, -100, 1})).backward();
  EXPECT_VALUES(scores.grad(), {-0.5, 0, 0, 0, 0, -0.5});
}

}  // namespace
