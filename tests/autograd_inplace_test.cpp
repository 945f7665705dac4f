// Changes in place: what they do to the history and to what is saved, through views and on leaves.
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

TEST(InPlace, SavedTensorsAreChecked) {
  const Tensor x = leaf({2, 3});
  const Tensor a = x * 1;
  const Tensor y = a.exp();
  y.add_(1);  // exp saved its result
  const std::string message = error_of([&] { y.sum().backward(); });
  EXPECT_MENTIONS(message, "ExpBackward0");
  EXPECT_MENTIONS(message, "version");
  const Tensor b = x * 1;
  const Tensor z = b * b;
  b.zero_();
  EXPECT_ERROR(z.sum().backward(), "MulBackward0");
  // By way of a view, and of detach.
  const Tensor c = x * 1;
  const Tensor w = c.square();
  c.detach()[0].fill_(9);
  EXPECT_THROW(w.sum().backward(), Error);
  // A change before the use, or to what is not saved, is fine.
  const Tensor d = x * 1;
  d.add_(1);
  const Tensor v = d.square() + d;
  v.mul_(2);
  v.sum().backward();
  EXPECT_VECTOR(x.grad(), {2 * (2 * 3 + 1), 2 * (2 * 4 + 1)});
}

// The gradient of an operation in place that needs its input is that at the input as it was, and a change
// of a saved result is found whatever changed it.
TEST(InPlace, GradientsUseTheOldValues) {
  const auto gradient = [](const std::function<void(const Tensor&)>& f) {
    const Tensor x = leaf({3, -2});
    const Tensor y = x * 1;
    f(y);
    return autograd::grad({y.sum()}, {x})[0];
  };
  EXPECT_VECTOR(gradient([](const Tensor& y) { y.square_(); }), {6, -4});
  EXPECT_VECTOR(gradient([](const Tensor& y) { y.abs_(); }), {1, -1});
  EXPECT_VECTOR(gradient([](const Tensor& y) { y.clamp_(-1, 5); }), {1, 0});
  EXPECT_VECTOR(gradient([](const Tensor& y) { y.pow_(3); }), {27, 12});
  EXPECT_VECTOR(gradient([](const Tensor& y) { y.sin_(); }), {std::cos(3.0), std::cos(2.0)});
  const Tensor x = leaf({3, 2}), z = leaf({4, 5});
  const Tensor y = x * 1;
  y.mul_(z);
  const variable_list g = autograd::grad({y.sum()}, {x, z});
  EXPECT_VECTOR(g[0], {4, 5});
  EXPECT_VECTOR(g[1], {3, 2});
  EXPECT_THROW(gradient([](const Tensor& t) { t.mul_(t); }), Error) << "it changed its other operand, too";
  EXPECT_THROW(gradient([](const Tensor& t) { t.exp_().log_(); }), Error) << "exp_ saved what log_ changed";
  EXPECT_THROW(gradient([](const Tensor& t) { t.sigmoid_()[0].fill_(1); }), Error);
}

TEST(InPlace, OfALeafIsRefused) {
  const Tensor x = leaf({2, 3});
  EXPECT_ERROR(x.add_(1), "leaf");
  EXPECT_ERROR(x[0].add_(1), "leaf");
  EXPECT_ERROR(x.view({2, 1}).zero_(), "leaf");
  EXPECT_VECTOR(x, {2, 3});
  EXPECT_EQ(x._version(), 0);
  {
    const NoGradGuard off;
    x.sub_(1);
    x[0].mul_(5);
  }
  EXPECT_VECTOR(x, {5, 2});
  EXPECT_TRUE(x.is_leaf());
  EXPECT_TRUE(x.requires_grad());
  (x * x).sum().backward();
  EXPECT_VECTOR(x.grad(), {10, 4});
}

TEST(InPlace, ChangesTheHistory) {
  const Tensor x = leaf({2, 3});
  const Tensor y = x * 2;
  y.mul_(3);
  EXPECT_EQ(y.grad_fn()->name(), "MulBackward1");
  y.add_(x).sub_(1).neg_();
  y.sum().backward();
  EXPECT_VECTOR(x.grad(), {-7, -7});
  // A tensor without history gets one.
  const Tensor z = zeros({2}, kFloat64);
  z.add_(x);
  EXPECT_TRUE(z.requires_grad());
  EXPECT_FALSE(z.is_leaf());
  // Overwritten, it keeps its history, and passes on zeros.
  z.fill_(1);
  EXPECT_TRUE(z.requires_grad());
  EXPECT_VECTOR(autograd::grad({z.sum()}, {x})[0], {0, 0});
}

TEST(InPlace, ThroughAViewReachesTheBase) {
  const Tensor x = leaf({1, 2});
  const Tensor y = zeros({2, 2}, kFloat64);
  y[0].copy_(x * 2);
  EXPECT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_VECTOR(x.grad(), {2, 2});
  // What the change overwrote gets no gradient; the rest keeps its own.
  x.mutable_grad().reset();
  const Tensor base = (x * 3).expand({2, 2}).clone();
  base.select(1, 0).mul_(10);
  base[1][1].fill_(5);
  base.sum().backward();
  EXPECT_VECTOR(x.grad(), {60, 3});
}

TEST(InPlace, OnABaseReachesItsViews) {
  const Tensor x = leaf({1, 2, 3, 4});
  const Tensor base = x * 1;
  const Tensor view = base.slice(0, 1, 3);
  base.mul_(5);
  view.sum().backward();
  EXPECT_VECTOR(x.grad(), {0, 5, 5, 0});
}

TEST(InPlace, OnAViewReachesOtherViews) {
  const Tensor x = leaf({1, 2, 3, 4});
  const Tensor base = x * 1;
  const Tensor a = base.view({2, 2}), b = base.slice(0, 0, 2);
  b.mul_(7);
  a.t()[0].add_(a.t()[1]);
  a.sum().backward();
  // a = [[7x0 + 7x1, 7x1], [x2 + x3, x3]]
  EXPECT_VECTOR(x.grad(), {7, 14, 1, 2});
}

TEST(InPlace, ViewsMadeWithoutRecording) {
  const Tensor x = leaf({1, 2});
  Tensor view;
  {
    const NoGradGuard off;
    view = x.view({2, 1});
    view.mul_(3);
  }
  EXPECT_VECTOR(x, {3, 6});
  EXPECT_TRUE(x.is_leaf());
  (x * x).sum().backward();
  EXPECT_VECTOR(x.grad(), {6, 12});
}

TEST(InPlace, SetDataAndSetGrad) {
  const Tensor x = leaf({1, 2});
  x.set_data(doubles({5, 6, 7}));
  EXPECT_TRUE(x.requires_grad());
  (x * x).sum().backward();
  EXPECT_VECTOR(x.grad(), {10, 12, 14});
  x.set_grad(doubles({1, 1, 1}));
  EXPECT_VECTOR(x.grad(), {1, 1, 1});
  x.data().add_(1);
  EXPECT_VECTOR(x, {6, 7, 8});
}

}  // namespace
