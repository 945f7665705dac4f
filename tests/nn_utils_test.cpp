// Clipping of gradients, and parameters as one vector.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {
std::vector<Tensor> parameters_with_gradients() {
  const Tensor a = ones({2}, requires_grad()), b = ones({1}, requires_grad()), c = ones({3}, requires_grad());
  a.set_grad(tensor({1.0f, -2.0f}));
  b.set_grad(tensor({2.0f}));
  return {a, b, c};
}
}  // namespace

TEST(ClipGrad, scales_to_the_norm) {
  auto p = parameters_with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 1.5), 3, 1e-6);
  EXPECT_VALUES(p[0].grad(), {0.5, -1}, 1e-6);
  EXPECT_VALUES(p[1].grad(), {1}, 1e-6);
  EXPECT_FALSE(p[2].grad().defined());
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100), 1.5, 1e-6);
  EXPECT_VALUES(p[1].grad(), {1}, 1e-6);
  p = parameters_with_gradients();
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, 1), 5, 1e-6);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, 3), std::cbrt(17.0), 1e-5);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p, 100, std::numeric_limits<double>::infinity()), 2, 1e-6);
  EXPECT_NEAR(nn::utils::clip_grad_norm_(p[1], 1), 2, 1e-6);
  EXPECT_VALUES(p[1].grad(), {1}, 1e-5);
  EXPECT_EQ(nn::utils::clip_grad_norm_(std::vector<Tensor>{}, 1), 0);
}

TEST(ClipGrad, reports_a_norm_that_is_not_finite) {
  const auto p = parameters_with_gradients();
  p[0].grad().fill_(std::numeric_limits<double>::infinity());
  EXPECT_ERROR(nn::utils::clip_grad_norm_(p, 1, 2, true), "clip_grad_norm_");
  EXPECT_VALUES(p[1].grad(), {2}, 0);
  EXPECT_TRUE(std::isinf(nn::utils::clip_grad_norm_(p, 1)));
  EXPECT_ERROR(nn::utils::clip_grad_norm_(p, 1, -1), "norm_type");
}

TEST(ClipGrad, clamps_values) {
  const auto p = parameters_with_gradients();
  nn::utils::clip_grad_value_(p, 1.5);
  EXPECT_VALUES(p[0].grad(), {1, -1.5}, 0);
  EXPECT_VALUES(p[1].grad(), {1.5}, 0);
}

TEST(ParametersToVector, and_back) {
  nn::Linear linear(2, 3), other(2, 3);
  const Tensor vec = nn::utils::parameters_to_vector(linear->parameters());
  EXPECT_EQ(vec.sizes(), IntArrayRef({9}));
  EXPECT_TRUE(vec.requires_grad());
  nn::utils::vector_to_parameters(vec, other->parameters());
  EXPECT_TRUE(equal(other->weight, linear->weight));
  EXPECT_TRUE(equal(other->bias, linear->bias));
  EXPECT_TRUE(other->weight.is_leaf() && other->weight.requires_grad());
  EXPECT_ERROR(nn::utils::vector_to_parameters(ones({8}), other->parameters()), "8 elements");
}
