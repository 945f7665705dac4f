// Leaves, detach, and the modes in which nothing is recorded.
#include <thread>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

TEST(Leaf, WhatIsOne) {
  const Tensor x = leaf({1});
  EXPECT_TRUE(x.is_leaf());
  EXPECT_TRUE(zeros({1}).is_leaf());
  EXPECT_EQ(x.grad_fn().get(), nullptr);
  const Tensor y = x * 2;
  EXPECT_FALSE(y.is_leaf());
  EXPECT_TRUE(y.requires_grad());
  EXPECT_EQ(y.grad_fn()->name(), "MulBackward1");
  EXPECT_EQ((x + 1).grad_fn()->name(), "AddBackward1");
  EXPECT_EQ(x.exp().grad_fn()->name(), "ExpBackward0");
  EXPECT_EQ(x.sum().grad_fn()->name(), "SumBackward0");
  EXPECT_EQ(x.view({1, 1}).mm(ones({1, 1}, kFloat64)).grad_fn()->name(), "MmBackward0");
  EXPECT_FALSE((zeros({1}) * 2).requires_grad());
  // Only the value, not the history.
  const Tensor d = y.detach();
  EXPECT_TRUE(d.is_leaf());
  EXPECT_FALSE(d.requires_grad());
  EXPECT_TRUE(d.storage().is_alias_of(y.storage()));
  EXPECT_VECTOR(autograd::grad({(x * d).sum()}, {x})[0], {2});
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
  EXPECT_VECTOR(z.grad(), {4});
  // The tensor that retains may be gone before.
  Tensor w;
  {
    const Tensor gone = x * 3;
    gone.retain_grad();
    w = gone * 2;
  }
  w.backward();
  EXPECT_VECTOR(x.grad(), {8 + 8 + 6});
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
  EXPECT_VECTOR(x.grad(), {2});
}

}  // namespace
