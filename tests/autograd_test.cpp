// The recorded graph: what backward computes, keeps and frees, and what it refuses.
#include <cmath>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/gradcheck.h>

namespace {

using namespace ember;
using autograd::variable_list;

Tensor leaf(std::initializer_list<TensorData> values) { return tensor(values, kFloat64).requires_grad_(); }
Tensor doubles(std::initializer_list<TensorData> values) { return tensor(values, kFloat64); }

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what_without_backtrace();
  }
  ADD_FAILURE() << "threw nothing";
  return "";
}
#define EXPECT_MENTIONS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
testing::AssertionResult are_close(const Tensor& actual, const Tensor& expected) {
  if (actual.defined() && actual.sizes() == expected.sizes() && actual.detach().allclose(expected)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << actual << "\nis not\n" << expected;
}
// EXPECT_VALUES(tensor, ({1, 2}))
#define EXPECT_VALUES(actual, values) EXPECT_TRUE(are_close(actual, doubles values))

// ---- backward ----

TEST(Backward, AccumulatesIntoLeaves) {
  const Tensor x = leaf({2, 3});
  EXPECT_FALSE(x.grad().defined());
  (x * x).sum().backward();
  EXPECT_VALUES(x.grad(), ({4, 6}));
  (x * x).sum().backward();
  EXPECT_VALUES(x.grad(), ({8, 12}));
  const Tensor handle = x.grad();
  x.grad().zero_();
  EXPECT_VALUES(handle, ({0, 0}));
  (x * 3).sum().backward();
  EXPECT_VALUES(handle, ({3, 3})) << "accumulated in place";
  x.mutable_grad().reset();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(handle.requires_grad());
}

TEST(Backward, TakesAGradient) {
  const Tensor x = leaf({1, 2, 3});
  (x * x).backward(doubles({1, 10, 100}));
  EXPECT_VALUES(x.grad(), ({2, 40, 600}));
}

TEST(Backward, OfSeveralTensors) {
  const Tensor x = leaf({1, 2});
  autograd::backward({(x * 2).sum(), x * x}, {{}, doubles({1, 1})});
  EXPECT_VALUES(x.grad(), ({4, 6}));
}

TEST(Backward, OnlyIntoGivenInputs) {
  const Tensor x = leaf({1}), y = leaf({2});
  (x * y).backward({}, nullopt, false, TensorList({x}));
  EXPECT_VALUES(x.grad(), ({2}));
  EXPECT_FALSE(y.grad().defined());
}

TEST(Backward, DiamondsAndSharedSubgraphs) {
  const Tensor x = leaf({3});
  Tensor y = x * 1;
  for (int i = 0; i < 20; ++i) y = y + y;  // 2^20 paths
  y.backward();
  EXPECT_VALUES(x.grad(), ({1048576}));
  x.mutable_grad().reset();
  const Tensor a = x * 2, b = a + 1, c = a * b;  // 2x(2x + 1)
  (c + a * x).backward();
  EXPECT_VALUES(x.grad(), ({8.0 * 3 + 2 + 4 * 3}));
  // One tensor as both operands.
  x.mutable_grad().reset();
  (x * x * x).backward();
  EXPECT_VALUES(x.grad(), ({27}));
}

TEST(Backward, SecondTimeNeedsRetainGraph) {
  const Tensor x = leaf({2});
  Tensor y = x * x;
  y.backward({}, true);
  y.backward();
  EXPECT_VALUES(x.grad(), ({8}));
  EXPECT_MENTIONS(error_of([&] { y.backward(); }), "retain_graph");
  EXPECT_VALUES(x.grad(), ({8})) << "a refused backward changes nothing";
  // Where nothing was saved there is nothing to miss.
  y = x + x;
  y.backward();
  y.backward();
  EXPECT_VALUES(x.grad(), ({12}));
}

TEST(Backward, RecordedByCreateGraph) {
  const Tensor x = leaf({2, 3});
  const Tensor y = x.pow(3).sum();
  const Tensor first = autograd::grad({y}, {x}, {}, nullopt, true)[0];
  EXPECT_TRUE(first.requires_grad());
  EXPECT_VALUES(first, ({12, 27}));
  const Tensor second = autograd::grad({first.sum()}, {x}, {}, nullopt, true)[0];
  EXPECT_VALUES(second, ({12, 18}));
  const Tensor third = autograd::grad({second.sum()}, {x})[0];
  EXPECT_VALUES(third, ({6, 6}));
  EXPECT_FALSE(third.requires_grad());
  EXPECT_FALSE(x.grad().defined());
  // Through grad(): x.grad is recorded itself. The graph then holds x, and x its gradient: reset breaks it.
  x.pow(3).sum().backward({}, nullopt, true);
  EXPECT_TRUE(x.grad().requires_grad());
  EXPECT_VALUES(autograd::grad({x.grad().sum()}, {x})[0], ({12, 18}));
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
  EXPECT_TRUE(w.grad().defined());
}

TEST(Grad, UnusedAndUndefined) {
  const Tensor x = leaf({2}), unused = leaf({5});
  const Tensor y = x * 3;
  EXPECT_MENTIONS(error_of([&] { autograd::grad({y}, {x, unused}, {}, true); }), "unused");
  const variable_list g = autograd::grad({y}, {x, unused}, {}, nullopt, false, true);
  ASSERT_EQ(g.size(), 2u);
  EXPECT_VALUES(g[0], ({3}));
  EXPECT_FALSE(g[1].defined());
  EXPECT_FALSE(x.grad().defined());
}

TEST(Grad, OfInnerTensorsAndItself) {
  const Tensor x = leaf({2, 3});
  const Tensor h = x * x, y = h.sum();
  const variable_list g = autograd::grad({y}, {h, x, y});
  EXPECT_VALUES(g[0], ({1, 1}));
  EXPECT_VALUES(g[1], ({4, 6}));
  EXPECT_EQ(g[2].item<double>(), 1);
  EXPECT_VALUES(autograd::grad({x * 2}, {x}, {doubles({1, 5})})[0], ({2, 10}));
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

// ---- leaves, modes, detach ----

TEST(Leaf, WhatIsOne) {
  const Tensor x = leaf({1});
  EXPECT_TRUE(x.is_leaf());
  EXPECT_TRUE(zeros({1}).is_leaf());
  EXPECT_EQ(x.grad_fn().get(), nullptr);
  const Tensor y = x * 2;
  EXPECT_FALSE(y.is_leaf());
  EXPECT_TRUE(y.requires_grad());
  EXPECT_EQ(y.grad_fn()->name(), "MulBackward0");
  EXPECT_EQ((x + 1).grad_fn()->name(), "AddBackward0");
  EXPECT_EQ(x.exp().grad_fn()->name(), "ExpBackward0");
  EXPECT_EQ(x.sum().grad_fn()->name(), "SumBackward0");
  EXPECT_EQ(x.view({1, 1}).mm(ones({1, 1}, kFloat64)).grad_fn()->name(), "MmBackward0");
  EXPECT_FALSE((zeros({1}) * 2).requires_grad());
  // Only the value, not the history.
  const Tensor d = y.detach();
  EXPECT_TRUE(d.is_leaf());
  EXPECT_FALSE(d.requires_grad());
  EXPECT_TRUE(d.storage().is_alias_of(y.storage()));
  EXPECT_EQ((x * y.detach()).sum().item<double>(), 2);
  autograd::grad({(x * d).sum()}, {x});
  const Tensor in_place = x * 2;
  in_place.detach_();
  EXPECT_TRUE(in_place.is_leaf());
  EXPECT_FALSE(in_place.requires_grad());
}

TEST(Leaf, GradOfAnotherIsUndefined) {
  const Tensor x = leaf({1});
  const Tensor y = x * 2;
  (y * y).backward();
  EXPECT_FALSE(y.grad().defined());
  const Tensor z = x * 2;
  z.retain_grad();
  EXPECT_TRUE(z.retains_grad());
  (z * z).backward();
  EXPECT_VALUES(z.grad(), ({4}));
  // The tensor that retains may be gone before.
  Tensor w;
  {
    const Tensor gone = x * 3;
    gone.retain_grad();
    w = gone * 2;
  }
  w.backward();
  EXPECT_VALUES(x.grad(), ({8 + 8 + 6}));
}

TEST(Mode, Guards) {
  const Tensor x = leaf({1});
  EXPECT_TRUE(GradMode::is_enabled());
  {
    const NoGradGuard off;
    EXPECT_FALSE(GradMode::is_enabled());
    EXPECT_FALSE((x * 2).requires_grad());
    {
      const EnableGradGuard on;
      EXPECT_TRUE((x * 2).requires_grad());
      const AutoGradMode again(false);
      EXPECT_FALSE((x * 2).requires_grad());
    }
    EXPECT_FALSE(GradMode::is_enabled());
  }
  EXPECT_TRUE((x * 2).requires_grad());
  // The mode is each thread's own, and backward does not change it.
  const NoGradGuard off;
  std::thread([] { EXPECT_TRUE(GradMode::is_enabled()); }).join();
  const Tensor y = [&] {
    const EnableGradGuard on;
    return x * x;
  }();
  y.backward();
  EXPECT_FALSE(GradMode::is_enabled());
  EXPECT_VALUES(x.grad(), ({2}));
}

// ---- hooks ----

TEST(Hooks, OnLeavesAndOthers) {
  const Tensor x = leaf({2});
  std::vector<std::string> order;
  const unsigned first = x.register_hook([&](const Tensor& g) {
    order.push_back("leaf");
    return g * 10;
  });
  const Tensor y = x * 3;
  y.register_hook([&](const Tensor& g) {
    order.push_back("y1");
    return g + 1;
  });
  y.register_hook([&](const Tensor& g) {
    order.push_back("y2");
    EXPECT_EQ(g.item<double>(), 5);  // what the first made of it
  });
  (y * 4).backward();
  EXPECT_EQ(order, (std::vector<std::string>{"y1", "y2", "leaf"}));
  EXPECT_VALUES(x.grad(), ({150}));  // (4 + 1) · 3 · 10
  x.remove_hook(first);
  x.mutable_grad().reset();
  (x * 3).backward();
  EXPECT_VALUES(x.grad(), ({3}));
}

TEST(Hooks, SeeTheSumOverAllUses) {
  const Tensor x = leaf({2});
  int calls = 0;
  const Tensor y = x * 1;
  y.register_hook([&](const Tensor& g) {
    ++calls;
    EXPECT_EQ(g.item<double>(), 7);
  });
  (y * 3 + y * 4).backward();
  EXPECT_EQ(calls, 1);
}

TEST(Hooks, AndRetainedGradients) {
  const Tensor x = leaf({2});
  const Tensor y = x * 2;
  y.register_hook([](const Tensor& g) { return g * 5; });
  y.retain_grad();
  y.backward();
  EXPECT_VALUES(y.grad(), ({5})) << "after the hooks";
  EXPECT_VALUES(x.grad(), ({10}));
}

TEST(Hooks, OnNodes) {
  const Tensor x = leaf({2});
  const Tensor y = x * 3;
  std::vector<std::string> order;
  const unsigned pre = y.grad_fn()->add_pre_hook([&](const variable_list& g) {
    order.push_back("before");
    return variable_list{g[0] * 10};
  });
  const unsigned post = y.grad_fn()->add_post_hook([&](const variable_list& in, const variable_list& out) {
    order.push_back("after");
    EXPECT_VALUES(out[0], ({10}));
    variable_list changed = in;
    changed[0] = in[0] + 1;
    return changed;
  });
  y.backward({}, true);
  EXPECT_EQ(order, (std::vector<std::string>{"before", "after"}));
  EXPECT_VALUES(x.grad(), ({31}));
  y.grad_fn()->remove_pre_hook(pre);
  y.grad_fn()->remove_post_hook(post);
  y.backward();
  EXPECT_VALUES(x.grad(), ({34}));
  const Tensor z = x * 3;
  z.grad_fn()->add_pre_hook([](const variable_list&) { return variable_list{}; });
  EXPECT_THROW(z.backward(), Error) << "a gradient is missing";
}

TEST(Hooks, AnErrorInOneLeavesThingsUsable) {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  const unsigned hook = y.register_hook([](const Tensor&) { EMBER_CHECK(false, "from a hook"); });
  const Tensor z = y * 3;
  EXPECT_MENTIONS(error_of([&] { z.backward({}, true); }), "from a hook");
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(GradMode::is_enabled());
  y.remove_hook(hook);
  z.backward();
  EXPECT_VALUES(x.grad(), ({12}));
}

// ---- in place ----

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
  EXPECT_MENTIONS(error_of([&] { z.sum().backward(); }), "MulBackward0");
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
  EXPECT_VALUES(x.grad(), ({2 * (2 * 3 + 1), 2 * (2 * 4 + 1)}));
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
  EXPECT_VALUES(gradient([](const Tensor& y) { y.square_(); }), ({6, -4}));
  EXPECT_VALUES(gradient([](const Tensor& y) { y.abs_(); }), ({1, -1}));
  EXPECT_VALUES(gradient([](const Tensor& y) { y.clamp_(-1, 5); }), ({1, 0}));
  EXPECT_VALUES(gradient([](const Tensor& y) { y.pow_(3); }), ({27, 12}));
  EXPECT_VALUES(gradient([](const Tensor& y) { y.sin_(); }), ({std::cos(3.0), std::cos(2.0)}));
  const Tensor x = leaf({3, 2}), z = leaf({4, 5});
  const Tensor y = x * 1;
  y.mul_(z);
  const variable_list g = autograd::grad({y.sum()}, {x, z});
  EXPECT_VALUES(g[0], ({4, 5}));
  EXPECT_VALUES(g[1], ({3, 2}));
  EXPECT_THROW(gradient([](const Tensor& t) { t.mul_(t); }), Error) << "it changed its other operand, too";
  EXPECT_THROW(gradient([](const Tensor& t) { t.exp_().log_(); }), Error) << "exp_ saved what log_ changed";
  EXPECT_THROW(gradient([](const Tensor& t) { t.sigmoid_()[0].fill_(1); }), Error);
}

TEST(InPlace, OfALeafIsRefused) {
  const Tensor x = leaf({2, 3});
  EXPECT_MENTIONS(error_of([&] { x.add_(1); }), "leaf");
  EXPECT_MENTIONS(error_of([&] { x[0].add_(1); }), "leaf");
  EXPECT_MENTIONS(error_of([&] { x.view({2, 1}).zero_(); }), "leaf");
  EXPECT_VALUES(x, ({2, 3}));
  EXPECT_EQ(x._version(), 0);
  {
    const NoGradGuard off;
    x.sub_(1);
    x[0].mul_(5);
  }
  EXPECT_VALUES(x, ({5, 2}));
  EXPECT_TRUE(x.is_leaf());
  EXPECT_TRUE(x.requires_grad());
  (x * x).sum().backward();
  EXPECT_VALUES(x.grad(), ({10, 4}));
}

TEST(InPlace, ChangesTheHistory) {
  const Tensor x = leaf({2, 3});
  const Tensor y = x * 2;
  y.mul_(3);
  EXPECT_EQ(y.grad_fn()->name(), "MulBackward0");
  y.add_(x).sub_(1).neg_();
  y.sum().backward();
  EXPECT_VALUES(x.grad(), ({-7, -7}));
  // A tensor without history gets one.
  const Tensor z = zeros({2}, kFloat64);
  z.add_(x);
  EXPECT_TRUE(z.requires_grad());
  EXPECT_FALSE(z.is_leaf());
  z.fill_(1);
  if (z.requires_grad()) {
    const Tensor g = autograd::grad({z.sum()}, {x}, {}, nullopt, false, true)[0];
    EXPECT_TRUE(!g.defined() || g.equal(zeros({2}, kFloat64)));
  }
}

TEST(InPlace, ThroughAViewReachesTheBase) {
  const Tensor x = leaf({1, 2});
  const Tensor y = zeros({2, 2}, kFloat64);
  y[0].copy_(x * 2);
  EXPECT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_VALUES(x.grad(), ({2, 2}));
  // What the change overwrote gets no gradient; the rest keeps its own.
  x.mutable_grad().reset();
  const Tensor base = (x * 3).expand({2, 2}).clone();
  base.select(1, 0).mul_(10);
  base[1][1].fill_(5);
  base.sum().backward();
  EXPECT_VALUES(x.grad(), ({60, 3}));
}

TEST(InPlace, OnABaseReachesItsViews) {
  const Tensor x = leaf({1, 2, 3, 4});
  const Tensor base = x * 1;
  const Tensor view = base.slice(0, 1, 3);
  base.mul_(5);
  view.sum().backward();
  EXPECT_VALUES(x.grad(), ({0, 5, 5, 0}));
}

TEST(InPlace, OnAViewReachesOtherViews) {
  const Tensor x = leaf({1, 2, 3, 4});
  const Tensor base = x * 1;
  const Tensor a = base.view({2, 2}), b = base.slice(0, 0, 2);
  b.mul_(7);
  a.t()[0].add_(a.t()[1]);
  a.sum().backward();
  // a = [[7x0 + 7x1, 7x1], [x2 + x3, x3]]
  EXPECT_VALUES(x.grad(), ({7, 14, 1, 2}));
}

TEST(InPlace, ViewsMadeWithoutRecording) {
  const Tensor x = leaf({1, 2});
  Tensor view;
  {
    const NoGradGuard off;
    view = x.view({2, 1});
    view.mul_(3);
  }
  EXPECT_VALUES(x, ({3, 6}));
  EXPECT_TRUE(x.is_leaf());
  (x * x).sum().backward();
  EXPECT_VALUES(x.grad(), ({6, 12}));
}

TEST(InPlace, SetDataAndSetGrad) {
  const Tensor x = leaf({1, 2});
  x.set_data(doubles({5, 6, 7}));
  EXPECT_TRUE(x.requires_grad());
  (x * x).sum().backward();
  EXPECT_VALUES(x.grad(), ({10, 12, 14}));
  x.set_grad(doubles({1, 1, 1}));
  EXPECT_VALUES(x.grad(), ({1, 1, 1}));
  x.data().add_(1);
  EXPECT_VALUES(x, ({6, 7, 8}));
}

// ---- ties, broadcasting, dtypes ----

TEST(Gradient, OfOverlappingViews) {
  const Tensor x = leaf({0, 1, 2, 3, 4, 5, 6, 7});
  as_strided(x, {3, 3}, {1, 2}, 1).sum().backward();
  EXPECT_VALUES(x.grad(), ({0, 1, 1, 2, 1, 2, 1, 1}));
  EXPECT_VALUES(autograd::grad({as_strided(x, {2, 2}, {0, 1}, 4).sum()}, {x})[0], ({0, 0, 0, 0, 2, 2, 0, 0}));
}

TEST(Gradient, OfEqualExtremes) {  // as PyTorch shares them out
  const Tensor x = leaf({2, 5, 5, 1});
  x.max().backward();
  EXPECT_VALUES(x.grad(), ({0, 0.5, 0.5, 0}));
  EXPECT_VALUES(autograd::grad({x.amax()}, {x})[0], ({0, 0.5, 0.5, 0}));
  EXPECT_VALUES(autograd::grad({std::get<0>(x.max(0))}, {x})[0], ({0, 1, 0, 0}));
  const Tensor a = leaf({1, 2}), b = leaf({1, 1});
  const variable_list g = autograd::grad({maximum(a, b).sum()}, {a, b});
  EXPECT_VALUES(g[0], ({0.5, 1}));
  EXPECT_VALUES(g[1], ({0.5, 0}));
}

TEST(Gradient, AtKinksAsInPyTorch) {
  const Tensor x = leaf({-1, 0, 1});
  EXPECT_VALUES(autograd::grad({x.relu().sum()}, {x})[0], ({0, 0, 1}));
  EXPECT_VALUES(autograd::grad({x.abs().sum()}, {x})[0], ({-1, 0, 1}));
  EXPECT_VALUES(autograd::grad({x.clamp(0, 1).sum()}, {x})[0], ({0, 1, 1}));
  EXPECT_VALUES(autograd::grad({x.clamp_min(0).sum()}, {x})[0], ({0, 1, 1}));
  EXPECT_VALUES(autograd::grad({x.clamp_max(0).sum()}, {x})[0], ({1, 1, 0}));
  EXPECT_VALUES(autograd::grad({x.pow(2).sum()}, {x})[0], ({-2, 0, 2}));
  EXPECT_VALUES(autograd::grad({x.pow(0).sum()}, {x})[0], ({0, 0, 0}));
  // 0·log 0 is 0 here: the gradient of 0^y is not NaN.
  const Tensor base = leaf({0, 2}), exponent = leaf({2, 3});
  const variable_list g = autograd::grad({pow(base, exponent).sum()}, {base, exponent});
  EXPECT_VALUES(g[0], ({0, 12}));
  EXPECT_VALUES(g[1], ({0, 8 * std::log(2.0)}));
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

// ---- gradcheck itself ----

// x², with a gradient that is wrong by a tenth.
struct WrongSquare : autograd::Function<WrongSquare> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x;
  }
  static variable_list backward(autograd::AutogradContext* ctx, variable_list grads) {
    return {grads[0] * ctx->get_saved_variables()[0] * 2.2};
  }
};

// The right gradient, but not by recorded operations.
struct UnrecordedSquare : autograd::Function<UnrecordedSquare> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x;
  }
  static variable_list backward(autograd::AutogradContext* ctx, variable_list grads) {
    return {(grads[0] * ctx->get_saved_variables()[0].detach() * 2)};
  }
};

TEST(Gradcheck, FindsWrongGradients) {
  const auto right = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{t[0] * t[0] * t[1]}; };
  EXPECT_TRUE(autograd::gradcheck(right, {leaf({1, 2}), leaf({3, 4})}));
  EXPECT_TRUE(autograd::gradgradcheck(right, {leaf({1, 2}), leaf({3, 4})}));
  const auto wrong = [](const std::vector<Tensor>& t) { return std::vector<Tensor>{WrongSquare::apply(t[0])}; };
  EXPECT_MENTIONS(error_of([&] { autograd::gradcheck(wrong, {leaf({1, 2})}); }), "numerical");
  autograd::GradcheckOptions quiet;
  quiet.raise_exception = false;
  EXPECT_FALSE(autograd::gradcheck(wrong, {leaf({1, 2})}, quiet));
  const auto unrecorded = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{UnrecordedSquare::apply(t[0])};
  };
  EXPECT_TRUE(autograd::gradcheck(unrecorded, {leaf({1, 2})}));
  EXPECT_FALSE(autograd::gradgradcheck(unrecorded, {leaf({1, 2})}, quiet));
  // Wrong in one element of one input only.
  const auto partly = [](const std::vector<Tensor>& t) {
    const Tensor first = t[1].slice(0, 0, 1), rest = t[1].slice(0, 1);
    return std::vector<Tensor>{t[0] * cat({first, rest.detach()})};
  };
  EXPECT_FALSE(autograd::gradcheck(partly, {leaf({1, 2, 3}), leaf({4, 5, 6})}, quiet));
  // The inputs are as they were.
  const Tensor x = leaf({1, 2});
  autograd::gradcheck(right, {x, leaf({3, 4})});
  EXPECT_VALUES(x, ({1, 2}));
  EXPECT_FALSE(x.grad().defined());
}

}  // namespace
