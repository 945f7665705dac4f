// Clipping of gradients, and parameters as one vector.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/backend.h>
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

// Lists of many lengths, contiguous or not, on each device: the same as by hand, and the same on any number of threads.
TEST(ClipGrad, long_lists) {
  for (const DeviceType device : {kCPU, kCUDA}) {
    if (device == kCUDA && !cuda::is_available()) continue;
    for (const ScalarType dtype : {kFloat32, kFloat64, kBFloat16}) {
      for (const bool dense : {true, false}) {
        manual_seed(1);
        std::vector<Tensor> parameters;
        double squares = 0;
        for (const int64_t n : {1, 3, 100, 4096, 4097, 70001}) {
          for (int i = 0; i < 9; ++i) {
            const Tensor p = zeros({n, 2}, TensorOptions(dtype).device(device).requires_grad(true));
            Tensor g = randn({n, 2}).to(dtype);
            squares += g.to(kFloat64).square().sum().item<double>();
            g = g.to(device);
            p.set_grad(dense ? g : g.t().contiguous().t());
            parameters.push_back(p);
          }
        }
        std::vector<Tensor> before;
        for (const Tensor& p : parameters) before.push_back(p.grad().clone());
        const double norm = std::sqrt(squares), tolerance = dtype == kFloat64 ? 1e-12 : dtype == kFloat32 ? 1e-5 : 1e-2;
        EXPECT_NEAR(nn::utils::clip_grad_norm_(parameters, norm * 2) / norm, 1, tolerance);
        for (size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(parameters[i].grad().equal(before[i]));
        const Tensor on_device = nn::utils::clip_grad_norm_on_device_(parameters, norm / 2);
        EXPECT_EQ(on_device.device().type(), device);
        EXPECT_NEAR(on_device.item<double>() / norm, 1, tolerance);
        for (size_t i = 0; i < parameters.size(); ++i) {
          const Tensor expected = before[i].to(kFloat64) * 0.5;
          EXPECT_TRUE(parameters[i].grad().to(kFloat64).allclose(expected, 2 * tolerance, 1e-7)) << i;
        }
      }
    }
  }
}

// A parameter that is listed twice counts twice and is scaled twice, as long as it is.
TEST(ClipGrad, a_parameter_listed_twice) {
  const Tensor p = zeros({300000}, requires_grad());
  p.set_grad(ones({300000}));
  const double norm = std::sqrt(600000.0);
  EXPECT_NEAR(nn::utils::clip_grad_norm_({p, p}, norm / 2) / norm, 1, 1e-6);
  EXPECT_NEAR(p.grad().min().item<double>(), 0.25, 1e-6);
  EXPECT_NEAR(p.grad().max().item<double>(), 0.25, 1e-6);
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
