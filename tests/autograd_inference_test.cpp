// Inference mode and the tensors made in it.
#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

Tensor inference_tensor() {
  const InferenceMode on;
  return doubles({1, 2});
}

TEST(Inference, Guard) {
  EXPECT_FALSE(InferenceMode::is_enabled());
  {
    const InferenceMode on;
    EXPECT_TRUE(InferenceMode::is_enabled());
    EXPECT_FALSE(GradMode::is_enabled());
    {
      const InferenceMode off(false);
      EXPECT_FALSE(InferenceMode::is_enabled());
      EXPECT_TRUE(GradMode::is_enabled());
      EXPECT_FALSE(zeros({1}).is_inference());
    }
    EXPECT_TRUE(InferenceMode::is_enabled());
  }
  EXPECT_TRUE(GradMode::is_enabled());
  const NoGradGuard no_grad;
  { const InferenceMode on; }
  EXPECT_FALSE(GradMode::is_enabled()) << "what it was";
}

TEST(Inference, InTheMode) {
  const Tensor x = leaf({1, 2}), normal = doubles({1, 2});
  const InferenceMode on;
  const Tensor t = zeros({2}, kFloat64);
  EXPECT_TRUE(t.is_inference());
  t.add_(1);
  EXPECT_VECTOR(t, {1, 1});
  EXPECT_TRUE(t.view({2, 1}).is_inference());
  EXPECT_FALSE(t.view({2, 1}).is_view());
  EXPECT_THROW(t._version(), Error);
  EXPECT_TRUE((x * 2).is_inference());
  EXPECT_FALSE((x * 2).requires_grad());
  {
    const EnableGradGuard grad;
    EXPECT_TRUE(GradMode::is_enabled());
    EXPECT_FALSE((x * 2).requires_grad()) << "nothing is recorded all the same";
  }
  EXPECT_TRUE(zeros({1}).requires_grad_().requires_grad());
  // Normal tensors stay what they are, and count.
  normal.add_(1);
  EXPECT_EQ(normal._version(), 1);
  EXPECT_FALSE(normal.is_inference());
  EXPECT_FALSE(normal.detach().is_inference());
  EXPECT_FALSE(normal.view({2, 1}).is_inference());
  x.add_(1);  // a leaf too
}

TEST(Inference, OutsideOfTheMode) {
  const Tensor t = inference_tensor(), x = leaf({3, 4});
  EXPECT_TRUE(t.is_inference());
  EXPECT_ERROR(t._version(), "inference");
  EXPECT_ERROR(t.add_(1), "inference");
  EXPECT_ERROR(t.view({2, 1}).zero_(), "inference");
  Tensor out = t;
  EXPECT_ERROR(exp_out(out, x.detach()), "inference");
  EXPECT_VECTOR(t, {1, 2});
  EXPECT_ERROR(t.requires_grad_(), "inference");
  t.requires_grad_(false);
  EXPECT_FALSE((t * 2).is_inference());
  EXPECT_FALSE(t.clone().is_inference());
  EXPECT_TRUE(t.detach().is_inference());
  EXPECT_TRUE(t.view({2, 1}).is_inference());
  EXPECT_FALSE(t.view({2, 1}).is_view());
  EXPECT_TRUE((x + t).requires_grad());
  EXPECT_ERROR(x * t, "inference");
  EXPECT_VECTOR(autograd::grad({(x * t.clone()).sum()}, {x})[0], {1, 2});
  const NoGradGuard off;
  EXPECT_ERROR(t.add_(1), "inference") << "not without recording either";
}

TEST(Inference, ViewsOfNormalTensors) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 1;
  Tensor v;
  {
    const InferenceMode on;
    v = y.slice(0, 0, 1);
    EXPECT_TRUE(v.is_view());
    EXPECT_TRUE(v.requires_grad());
    y.add_(1);
  }
  EXPECT_EQ(y._version(), 1);
  EXPECT_ERROR(v.add_(1), "inference mode");
  EXPECT_ERROR(v.grad_fn(), "inference mode");
  const NoGradGuard off;
  v.add_(1);
  EXPECT_VECTOR(y, {3, 3});
}

}  // namespace
