// A backward that begins at a loss with the gradient 1 makes no tensor for it; wherever somebody could see that
// gradient, there is one.
#include <gtest/gtest.h>

#include <vector>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>

#include "calls.h"
#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

struct Loss {
  Tensor x = leaf({1, 2, 4}), y = leaf({0, 2, 1});
  Tensor loss = mse_loss(x, y, Reduction::Sum);  // 10
  const std::vector<double> of_x = {2, 0, 6}, of_y = {-2, 0, -6};
};

// How many times a tensor is filled, as that of the gradient is, by f().
template <class F>
int filled(F f) {
  const Calls calls(kernels.fill, kCPU);
  f();
  return calls.count();
}

TEST(GradientOfOne, IsNotMade) {
  Loss a;
  EXPECT_EQ(filled([&] { a.loss.backward(); }), 0);
  EXPECT_VECTOR(a.x.grad(), a.of_x);
  EXPECT_VECTOR(a.y.grad(), a.of_y);
  Loss b;
  EXPECT_EQ(filled([&] { b.loss = autograd::grad({b.loss}, {b.y})[0]; }), 0);
  EXPECT_VECTOR(b.loss, b.of_y);
  EXPECT_FALSE(b.x.grad().defined());
  // Of an operation that is no loss it is.
  const Tensor x = leaf({1, 2});
  EXPECT_EQ(filled([&] { x.sum().backward(); }), 1);
}

TEST(GradientOfOne, OfALossThatIsNoRoot) {
  Loss a;
  (a.loss * 3).backward();
  EXPECT_VECTOR(a.x.grad(), {6, 0, 18});
  Loss b;
  b.loss.mul_(2);
  b.loss.backward();
  EXPECT_VECTOR(b.x.grad(), {4, 0, 12});
}

TEST(GradientOfOne, GivenByTheCaller) {
  Loss a;
  a.loss.backward(ones({}, kFloat64) * 2);
  EXPECT_VECTOR(a.x.grad(), {4, 0, 12});
  Loss b;
  b.loss.backward(zeros({}, kFloat64));
  EXPECT_VECTOR(b.x.grad(), {0, 0, 0});
}

TEST(GradientOfOne, SeenByHooksOfTheTensor) {
  Loss a;
  int calls = 0;
  a.loss.register_hook([&](const Tensor& g) {
    ++calls;
    EXPECT_EQ(g.item<double>(), 1);
    return g * 5;
  });
  a.loss.backward();
  EXPECT_EQ(calls, 1);
  EXPECT_VECTOR(a.x.grad(), {10, 0, 30});
}

TEST(GradientOfOne, SeenByHooksOfTheNode) {
  Loss a;
  std::vector<double> before, after;
  a.loss.grad_fn()->add_pre_hook([&](const variable_list& g) {
    before.push_back(g.at(0).item<double>());
    return variable_list{g[0] * 2};
  });
  a.loss.grad_fn()->add_post_hook([&](const variable_list& grads_in, const variable_list& grads_out) {
    after.push_back(grads_out.at(0).item<double>());
    return grads_in;
  });
  a.loss.backward();
  EXPECT_EQ(before, std::vector<double>{1});
  EXPECT_EQ(after, std::vector<double>{2});
  EXPECT_VECTOR(a.x.grad(), {4, 0, 12});
}

TEST(GradientOfOne, Retained) {
  Loss a;
  a.loss.retain_grad();
  a.loss.backward();
  EXPECT_VALUES(a.loss.grad(), {1});
  EXPECT_VECTOR(a.x.grad(), a.of_x);
}

TEST(GradientOfOne, Captured) {
  Loss a;
  const variable_list grads = autograd::grad({a.loss}, {a.loss, a.x});
  EXPECT_VALUES(grads[0], {1});
  EXPECT_VECTOR(grads[1], a.of_x);
  Loss b;
  b.loss.backward({}, std::nullopt, false, std::vector<Tensor>{b.loss, b.x});
  EXPECT_VALUES(b.loss.grad(), {1});
  EXPECT_VECTOR(b.x.grad(), b.of_x);
}

TEST(GradientOfOne, OfSeveralRoots) {
  Loss a;
  autograd::backward({a.loss, a.loss * 3});
  EXPECT_VECTOR(a.x.grad(), {8, 0, 24});
  Loss b;
  autograd::backward({b.loss, b.loss});
  EXPECT_VECTOR(b.x.grad(), {4, 0, 12});
}

TEST(GradientOfOne, OfARecordedBackward) {
  Loss a;
  const Tensor g = autograd::grad({a.loss}, {a.x}, {}, std::nullopt, /*create_graph=*/true)[0];
  EXPECT_VECTOR(g, a.of_x);
  g.sum().backward();
  EXPECT_VECTOR(a.x.grad(), {2, 2, 2});
  EXPECT_VECTOR(a.y.grad(), {-2, -2, -2});
}

TEST(GradientOfOne, AgainAndAgain) {
  Loss a;
  a.loss.backward({}, /*retain_graph=*/true);
  a.loss.backward();
  EXPECT_VECTOR(a.x.grad(), {4, 0, 12});
  EXPECT_ERROR(a.loss.backward(), "freed");
  EXPECT_VECTOR(a.x.grad(), {4, 0, 12});
  const Tensor scores = zeros({1, 2}, kFloat64).requires_grad_();
  const Tensor loss = cross_entropy_loss(scores, tensor({0}));
  loss.backward();
  EXPECT_ERROR(loss.backward(), "freed");
  EXPECT_VALUES(scores.grad(), {-0.5, 0.5});
}

TEST(GradientOfOne, WhatWasChangedMeanwhile) {
  Loss a;
  a.y.detach().add_(1);
  EXPECT_ERROR(a.loss.backward(), "in place");
  EXPECT_FALSE(a.x.grad().defined());
}

// The node called by itself is not told anything: undefined is no gradient.
TEST(GradientOfOne, IsNotThatOfANodeByItself) {
  Loss a;
  autograd::Node& node = *a.loss.grad_fn();
  EXPECT_FALSE(node({Tensor()}).at(0).defined());
  EXPECT_VECTOR(node({ones({}, kFloat64)}).at(0), a.of_x);
}

TEST(GradientOfOne, InNestedBackwards) {
  Loss outer;
  const Tensor z = leaf({1, 1, 1});
  const Tensor product = outer.x * z;
  product.register_hook([&](const Tensor& g) {
    const AutoGradMode recorded(true);
    Loss inner;
    inner.loss.backward();
    EXPECT_VECTOR(inner.x.grad(), inner.of_x);
    return g;
  });
  mse_loss(product, outer.y, Reduction::Sum).backward();
  EXPECT_VECTOR(outer.x.grad(), outer.of_x);
}

TEST(GradientOfOne, InAnomalyMode) {
  const autograd::DetectAnomalyGuard guard;
  Loss a;
  a.loss.backward();
  EXPECT_VECTOR(a.x.grad(), a.of_x);
}

TEST(GradientOfOne, OfTheOtherLosses) {
  const Tensor x = tensor({{0.0, 0.0}, {0.0, 0.0}}, kFloat64).requires_grad_(), classes = tensor({0, 1});
  EXPECT_EQ(filled([&] { cross_entropy_loss(x, classes).backward(); }), 0);
  EXPECT_VALUES(x.grad(), {-0.25, 0.25, 0.25, -0.25});
  const Tensor one = leaf({3});  // the losses are one number
  EXPECT_EQ(filled([&] { mse_loss(one, zeros_like(one), Reduction::None).backward(); }), 1) << "zeros_like";
  EXPECT_VECTOR(one.grad(), {6});
}

}  // namespace
