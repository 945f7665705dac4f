// Initial values. Golden numbers come from PyTorch 2.x on the CPU.
#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/nn/nn.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

TEST(Init, constants) {
  EXPECT_VALUES(nn::init::ones_(empty({2})), {1, 1}, 0);
  EXPECT_VALUES(nn::init::zeros_(empty({2})), {0, 0}, 0);
  EXPECT_VALUES(nn::init::constant_(empty({2}), 2.5), {2.5, 2.5}, 0);
  EXPECT_VALUES(nn::init::eye_(empty({2, 3})), {1, 0, 0, 0, 1, 0}, 0);
  EXPECT_ERROR(nn::init::eye_(empty({2})), "2 dimensions");
}

TEST(Init, fills_parameters_outside_autograd) {
  const Tensor p = ones({3, 3}, requires_grad());
  EXPECT_TRUE(nn::init::uniform_(p, 2, 3).is_same(p));
  EXPECT_TRUE(p.is_leaf() && p.requires_grad());
  for (double v : values(p)) EXPECT_TRUE(v >= 2 && v < 3);
  EXPECT_TRUE(GradMode::is_enabled());
}

TEST(Init, draws_are_those_of_the_seed_in_pytorch) {
  manual_seed(1);
  EXPECT_VALUES(
      nn::init::kaiming_normal_(empty({4, 6})),
      {-0.880803168, -0.433146536, -0.377576053, -0.929236472,  -0.0578315444, -0.351715386, -0.565671802, -0.929012179,
       0.253538489,  0.676193058,  1.0204246,    -0.0550572053, 0.0804661736,  -0.911348045, -0.185110524, -0.172827527,
       -0.460979432, 0.193834111,  0.158963874,  0.990907788,   -0.0324122496, 0.525794029,  -0.803894341, 1.55254507},
      1e-6);
  manual_seed(1);
  EXPECT_VALUES(nn::init::xavier_uniform_(empty({2, 3}), 2.0),
                {1.12888515, -0.967011273, -0.424729258, 1.02833581, -2.06258488, 1.31391478}, 1e-6);
  manual_seed(1);
  EXPECT_VALUES(nn::init::xavier_normal_(empty({2, 3}), 2.0),
                {0.836551666, 0.337635249, 0.0780162439, 0.785911143, -0.571620882, -0.210139975}, 1e-6);
  manual_seed(1);
  EXPECT_VALUES(nn::init::kaiming_uniform_(empty({2, 3}), 0, kFanOut, kReLU),
                {0.892462015, -0.764489532, -0.335777938, 0.812970817, -1.63061655, 1.03874075}, 1e-6);
}

TEST(Init, statistics) {
  manual_seed(5);
  const auto check = [](const Tensor& t, double std, double bound) {
    const auto v = values(t);
    double sum = 0, squares = 0, largest = 0;
    for (double x : v) sum += x, squares += x * x, largest = std::max(largest, std::abs(x));
    const double n = static_cast<double>(v.size());
    EXPECT_NEAR(sum / n, 0, 0.03 * std);
    EXPECT_NEAR(std::sqrt(squares / n), std, 0.02 * std);
    EXPECT_LE(largest, bound);
  };
  const double none = std::numeric_limits<double>::infinity();
  const double xavier = std::sqrt(2.0 / 500), kaiming = std::sqrt(2.0 / 300);
  check(nn::init::xavier_uniform_(empty({200, 300})), xavier, xavier * std::sqrt(3.0));
  check(nn::init::xavier_normal_(empty({200, 300})), xavier, none);
  check(nn::init::kaiming_uniform_(empty({200, 300})), kaiming, kaiming * std::sqrt(3.0));
  check(nn::init::kaiming_normal_(empty({200, 300})), kaiming, none);
  check(nn::init::kaiming_normal_(empty({200, 300}), 0, kFanOut), std::sqrt(2.0 / 200), none);
  check(nn::init::normal_(empty({200, 300}), 0, 0.5), 0.5, none);
}

TEST(Init, gains_and_fans) {
  EXPECT_EQ(nn::init::calculate_gain(kLinear), 1);
  EXPECT_EQ(nn::init::calculate_gain(kSigmoid), 1);
  EXPECT_EQ(nn::init::calculate_gain(kTanh), 5.0 / 3);
  EXPECT_EQ(nn::init::calculate_gain(kReLU), std::sqrt(2.0));
  EXPECT_EQ(nn::init::calculate_gain(kLeakyReLU, 0.2), std::sqrt(2.0 / 1.04));
  EXPECT_EQ(nn::init::_calculate_fan_in_and_fan_out(empty({2, 3})), std::make_tuple(3, 2));
  EXPECT_EQ(nn::init::_calculate_fan_in_and_fan_out(empty({2, 3, 4, 5})), std::make_tuple(60, 40));
  EXPECT_ERROR(nn::init::_calculate_fan_in_and_fan_out(empty({2})), "2 dimensions or more");
  EXPECT_THROW(nn::init::xavier_uniform_(empty({2})), Error);
  EXPECT_THROW(nn::init::kaiming_normal_(Tensor()), Error);
  EXPECT_EQ(nn::init::kaiming_uniform_(empty({2, 0})).numel(), 0);
}
