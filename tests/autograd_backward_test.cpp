// backward() and grad(): what they compute, keep and free, and what they refuse.
#include <cmath>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/gradcheck.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

TEST(Backward, AccumulatesIntoLeaves) {
  const Tensor x = leaf({2, 3});
  EXPECT_FALSE(x.grad().defined());
  (x * x).sum().backward();
  EXPECT_VECTOR(x.grad(), {4, 6});
  (x * x).sum().backward();
  EXPECT_VECTOR(x.grad(), {8, 12});
  const Tensor handle = x.grad();
  x.grad().zero_();
  EXPECT_VECTOR(handle, {0, 0});
  (x * 3).sum().backward();
  EXPECT_VECTOR(handle, {3, 3}) << "accumulated in place";
  x.mutable_grad().reset();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(handle.requires_grad());
}

TEST(Backward, TakesAGradient) {
  const Tensor x = leaf({1, 2, 3});
  (x * x).backward(doubles({1, 10, 100}));
  EXPECT_VECTOR(x.grad(), {2, 40, 600});
}

TEST(Backward, OfSeveralTensors) {
  const Tensor x = leaf({1, 2});
  autograd::backward({(x * 2).sum(), x * x}, {{}, doubles({1, 1})});
  EXPECT_VECTOR(x.grad(), {4, 6});
}

TEST(Backward, OnlyIntoGivenInputs) {
  const Tensor x = leaf({1}), y = leaf({2});
  (x * y).backward({}, nullopt, false, TensorList({x}));
  EXPECT_VECTOR(x.grad(), {2});
  EXPECT_FALSE(y.grad().defined());
}

TEST(Backward, DiamondsAndSharedSubgraphs) {
  const Tensor x = leaf({3});
  Tensor y = x * 1;
  for (int i = 0; i < 20; ++i) y = y + y;  // 2^20 paths
  y.backward();
  EXPECT_VECTOR(x.grad(), {1048576});
  x.mutable_grad().reset();
  const Tensor a = x * 2, b = a + 1, c = a * b;  // 2x(2x + 1)
  (c + a * x).backward();
  EXPECT_VECTOR(x.grad(), {8.0 * 3 + 2 + 4 * 3});
  // One tensor as both operands.
  x.mutable_grad().reset();
  (x * x * x).backward();
  EXPECT_VECTOR(x.grad(), {27});
}

TEST(Backward, SecondTimeNeedsRetainGraph) {
  const Tensor x = leaf({2});
  Tensor y = x * x;
  y.backward({}, true);
  y.backward();
  EXPECT_VECTOR(x.grad(), {8});
  EXPECT_ERROR(y.backward(), "retain_graph");
  EXPECT_VECTOR(x.grad(), {8}) << "a refused backward changes nothing";
  // Where nothing was saved there is nothing to miss.
  y = x + x;
  y.backward();
  y.backward();
  EXPECT_VECTOR(x.grad(), {12});
}

TEST(Backward, RecordedByCreateGraph) {
  const Tensor x = leaf({2, 3});
  const Tensor y = x.pow(3).sum();
  const Tensor first = autograd::grad({y}, {x}, {}, nullopt, true)[0];
  EXPECT_TRUE(first.requires_grad());
  EXPECT_VECTOR(first, {12, 27});
  const Tensor second = autograd::grad({first.sum()}, {x}, {}, nullopt, true)[0];
  EXPECT_VECTOR(second, {12, 18});
  const Tensor third = autograd::grad({second.sum()}, {x})[0];
  EXPECT_VECTOR(third, {6, 6});
  EXPECT_FALSE(third.requires_grad());
  EXPECT_FALSE(x.grad().defined());
  // Through grad(): x.grad is recorded itself. The graph then holds x, and x its gradient: reset breaks it.
  x.pow(3).sum().backward({}, nullopt, true);
  EXPECT_TRUE(x.grad().requires_grad());
  EXPECT_VECTOR(autograd::grad({x.grad().sum()}, {x})[0], {12, 18});
  x.mutable_grad().reset();
}

TEST(Backward, NestedThroughAGradient) {  // a gradient penalty
  const Tensor w = leaf({1, 2}), x = leaf({3, 4});
  const Tensor y = (w * x).tanh().sum();
  const Tensor g = autograd::grad({y}, {x}, {}, nullopt, true)[0];
  (y + g.square().sum()).backward();
  const auto penalized = [](const std::vector<Tensor>& t) {
    const Tensor out = (t[0] * t[1]).tanh().sum();
    return std::vector<Tensor>{out + autograd::grad({out}, {t[1]}, {}, nullopt, true)[0].square().sum()};
  };
  EXPECT_TRUE(autograd::gradcheck(penalized, {w.detach().requires_grad_(), x.detach().requires_grad_()}));
  // With t = tanh(wx) and s = 1 - t²: the sum of t + w²s².
  const Tensor t = (w * x).detach().tanh(), s = 1 - t * t, a = w.detach(), b = x.detach();
  EXPECT_VECTOR(w.grad(), values(s * b + 2 * a * s * s - 4 * a * a * t * s * s * b));
  EXPECT_VECTOR(x.grad(), values(s * a - 4 * a * a * a * t * s * s));
}

TEST(Grad, UnusedAndUndefined) {
  const Tensor x = leaf({2}), unused = leaf({5});
  const Tensor y = x * 3;
  EXPECT_ERROR(autograd::grad({y}, {x, unused}, {}, true), "unused");
  const variable_list g = autograd::grad({y}, {x, unused}, {}, nullopt, false, true);
  ASSERT_EQ(g.size(), 2u);
  EXPECT_VECTOR(g[0], {3});
  EXPECT_FALSE(g[1].defined());
  EXPECT_FALSE(x.grad().defined());
}

TEST(Grad, OfInnerTensorsAndItself) {
  const Tensor x = leaf({2, 3});
  const Tensor h = x * x, y = h.sum();
  const variable_list g = autograd::grad({y}, {h, x, y});
  EXPECT_VECTOR(g[0], {1, 1});
  EXPECT_VECTOR(g[1], {4, 6});
  EXPECT_EQ(g[2].item<double>(), 1);
  EXPECT_VECTOR(autograd::grad({x * 2}, {x}, {doubles({1, 5})})[0], {2, 10});
}

TEST(Grad, LeavesWhatIsNotOnTheWay) {
  const Tensor x = leaf({2}), y = leaf({3});
  int calls = 0;
  const Tensor other = y * 2;
  other.register_hook([&](const Tensor&) { ++calls; });
  autograd::grad({x * 2 + other}, {x});
  EXPECT_EQ(calls, 0) << "the path to y is not needed";
  EXPECT_FALSE(y.grad().defined());
}

}  // namespace
