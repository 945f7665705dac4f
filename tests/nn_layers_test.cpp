// Layers and activations. Golden numbers come from PyTorch 2.x on the CPU.
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

using Names = std::vector<std::string>;

TEST(LayerNorm, values_and_gradients_are_those_of_pytorch) {
  const Tensor x = tensor({1.0, 2.0, 4.0, -1.0, 0.5, 3.0}, kFloat64).view({2, 3}).requires_grad_();
  nn::LayerNorm norm(nn::LayerNormOptions({3}));
  norm->to(kFloat64);
  {
    NoGradGuard no_grad;
    norm->weight.copy_(tensor({1.5, -2.0, 0.25}, kFloat64));
    norm->bias.copy_(tensor({0.1, 0.2, -0.3}, kFloat64));
  }
  const Tensor y = norm->forward(x);
  EXPECT_VALUES(y, {-1.5035622971754465, 0.7345207657251491, 0.034075478578217966, -1.5667486371389112,
                    0.6040602756700391, 0.02829897398190684});
  y.square().sum().backward();
  EXPECT_VALUES(x.grad(), {-0.02178292052525954, 0.03265628411440158, -0.010873363589140261, -0.12768114231286454,
                           0.20428140889364044, -0.07660026658077657});
  EXPECT_VALUES(norm->weight.grad(), {6.696575955860771, -0.6366933636449854, 0.16539444749440535});
  EXPECT_VALUES(norm->bias.grad(), {-6.140621868628715, 2.6771620827903764, 0.12474890512024961});
}

TEST(LayerNorm, starts_as_the_identity_of_normalised_rows_and_prints_itself) {
  nn::LayerNorm norm(nn::LayerNormOptions({2, 3}).eps(0.001)),
      plain(nn::LayerNormOptions({4}).elementwise_affine(false));
  EXPECT_ELEMENTS(float, norm->weight, {1, 1, 1, 1, 1, 1});
  EXPECT_ELEMENTS(float, norm->bias, {0, 0, 0, 0, 0, 0});
  EXPECT_TRUE(plain->parameters().empty());
  std::ostringstream out;
  out << *norm << ' ' << *plain;
  EXPECT_EQ(out.str(),
            "ember::nn::LayerNorm([2, 3], eps=0.001, elementwise_affine=true) "
            "ember::nn::LayerNorm([4], eps=1e-05, elementwise_affine=false)");
}

TEST(Linear, initial_values_are_those_of_the_seed_in_pytorch) {
  manual_seed(0);
  nn::Linear linear(3, 2);
  EXPECT_ELEMENTS(float, linear->weight,
                  {-0.00432251766f, 0.309715837f, -0.475185335f, -0.424894601f, -0.222368971f, 0.154820725f});
  EXPECT_ELEMENTS(float, linear->bias, {-0.0114391446f, 0.457774937f});

  manual_seed(42);
  nn::Sequential seq{nn::Linear(8, 5), nn::ReLU(), nn::Linear(5, 2)};  // braces: from left to right
  const auto p = seq->named_parameters();
  EXPECT_ELEMENTS(
      float, p["0.weight"],
      {0.270305187f,   0.293452114f,   -0.0828278288f, 0.32477814f,   -0.0774648115f, 0.0713437796f,  -0.172129244f,
       0.207635775f,   0.311672479f,   -0.259376705f,  0.307307243f,  0.0661708042f,  0.261208385f,   0.0478819385f,
       0.170479238f,   -0.0499185584f, 0.272549301f,   0.0522583388f, -0.165052831f,  0.0901201591f,  -0.162894994f,
       -0.0414622128f, -0.143598646f,  0.23453705f,    -0.279084504f, -0.162991762f,  -0.0998345464f, -0.212581918f,
       0.0333694704f,  -0.349197298f,  0.319297284f,   -0.300332367f, 0.272952884f,   0.0588380545f,  -0.114800386f,
       0.218478307f,   0.055101566f,   0.285658181f,   0.0386503451f, -0.111501254f});
  EXPECT_ELEMENTS(float, p["0.bias"], {0.0949940234f, -0.0958764106f, 0.148795605f, 0.315660298f, 0.204374909f});
  EXPECT_ELEMENTS(float, p["2.weight"],
                  {-0.195509493f, 0.258160591f, 0.0800182447f, 0.227110729f, -0.272578955f, -0.442700505f,
                   -0.172785684f, -0.343023032f, 0.366956145f, 0.128811523f});
  EXPECT_ELEMENTS(float, p["2.bias"], {0.185241923f, 0.141436294f});
}

TEST(Linear, computes_and_checks) {
  nn::Linear linear(2, 1);
  {
    NoGradGuard no_grad;
    linear->weight.copy_(tensor({{2.0f, 3.0f}}));
    linear->bias.fill_(1);
  }
  EXPECT_VALUES(linear(tensor({{1.0f, 1.0f}, {0.0f, 2.0f}})), {6, 7}, 0);
  EXPECT_EQ(linear(ones({4, 5, 2})).sizes(), IntArrayRef({4, 5, 1}));
  EXPECT_TRUE(equal(nn::functional::linear(ones({4, 2}), linear->weight, linear->bias), linear(ones({4, 2}))));
  nn::Linear plain(nn::LinearOptions(2, 1).bias(false));
  EXPECT_FALSE(plain->bias.defined());
  EXPECT_EQ(plain->named_parameters().keys(), Names{"weight"});
  EXPECT_THROW(linear(ones({2, 3})), Error);
  EXPECT_ERROR(nn::Linear(-1, 2), "must not be negative");
  EXPECT_EQ(nn::Linear(0, 3)(ones({2, 0})).sizes(), IntArrayRef({2, 3}));
}

TEST(Activation, values_and_functional_forms) {
  namespace F = nn::functional;
  const Tensor x = tensor({{-1.0, 0.0, 2.0}}, kFloat64);
  EXPECT_VALUES(nn::ReLU()(x), {0, 0, 2}, 0);
  EXPECT_VALUES(F::relu(x), {0, 0, 2}, 0);
  EXPECT_VALUES(nn::Sigmoid()(x), {1 / (1 + std::exp(1.0)), 0.5, 1 / (1 + std::exp(-2.0))}, 1e-12);
  EXPECT_VALUES(nn::Tanh()(x), {std::tanh(-1.0), 0, std::tanh(2.0)}, 1e-12);
  const double sum = std::exp(-1.0) + 1 + std::exp(2.0);
  EXPECT_VALUES(nn::Softmax(1)(x), {std::exp(-1.0) / sum, 1 / sum, std::exp(2.0) / sum}, 1e-12);
  EXPECT_VALUES(nn::LogSoftmax(1)(x), {-1 - std::log(sum), -std::log(sum), 2 - std::log(sum)}, 1e-12);
  EXPECT_TRUE(equal(F::softmax(x, 1), nn::Softmax(1)(x)));
  EXPECT_TRUE(equal(F::log_softmax(x, 1), nn::LogSoftmax(1)(x)));
  EXPECT_TRUE(equal(F::softmax(x, F::SoftmaxFuncOptions(1).dtype(kFloat32)), softmax(x.to(kFloat32), 1)));
  EXPECT_TRUE(equal(F::log_softmax(x, F::LogSoftmaxFuncOptions(1).dtype(kFloat32)), log_softmax(x.to(kFloat32), 1)));
  const Tensor y = x.clone();
  EXPECT_TRUE(nn::ReLU(nn::ReLUOptions().inplace(true))(y).is_same(y));
  EXPECT_VALUES(y, {0, 0, 2}, 0);
  EXPECT_TRUE(nn::Identity()(x).is_same(x));
  EXPECT_EQ(nn::Flatten()(ones({2, 3, 4})).sizes(), IntArrayRef({2, 12}));
  EXPECT_EQ(nn::Flatten(nn::FlattenOptions().start_dim(0).end_dim(1))(ones({2, 3, 4})).sizes(), IntArrayRef({6, 4}));
}

TEST(Dropout, zeroes_and_scales_when_training) {
  manual_seed(3);
  nn::Dropout dropout(0.25);
  const Tensor x = ones({100, 100});
  const auto y = values(dropout(x));
  size_t zeros = 0;
  for (double v : y) {
    zeros += v == 0;
    EXPECT_TRUE(v == 0 || std::abs(v - 1 / 0.75) < 1e-6) << v;
  }
  EXPECT_NEAR(static_cast<double>(zeros) / 1e4, 0.25, 0.02);
  dropout->eval();
  EXPECT_TRUE(equal(dropout(x), x));
  dropout->train();
  dropout->options.p(0);
  EXPECT_TRUE(equal(dropout(x), x));
  dropout->options.p(1);
  EXPECT_TRUE(equal(dropout(x), zeros_like(x)));
}

TEST(Dropout, the_gradient_is_the_mask) {
  nn::Dropout dropout;
  const Tensor x = ones({1000}, requires_grad());
  const Tensor y = dropout(x);
  y.sum().backward();
  EXPECT_TRUE(equal(y.detach(), x.grad()));
}

TEST(Dropout, inplace_functional_and_errors) {
  namespace F = nn::functional;
  Tensor x = ones({1000});
  EXPECT_TRUE(F::dropout(x, F::DropoutFuncOptions().p(0.5).training(true).inplace(true)).is_same(x));
  EXPECT_NEAR(x.mean().item<double>(), 1, 0.2);
  EXPECT_NE(x.min().item<double>(), x.max().item<double>());
  EXPECT_TRUE(equal(F::dropout(ones({10})), ones({10})));
  for (double p : {-0.1, 1.1, std::nan("")}) {
    EXPECT_ERROR(nn::Dropout(p), "between 0 and 1");
    EXPECT_THROW(F::dropout(x, F::DropoutFuncOptions().p(p)), Error);
  }
}
