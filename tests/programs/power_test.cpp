// A gradient by hand, twice: y = x₀² + x₁³.
#include <ember/ember.h>

#include "programs.h"

namespace {

class Power : public programs::OnDevice {};

TEST_P(Power, GradientsAccumulate) {
  const auto x = ember::tensor({2.0, 3.0}, ember::TensorOptions(device()).requires_grad(true));
  const auto run = [&] {
    auto y = x[0].pow(2) + x[1].pow(3);
    y.backward();
    return y.item<float>();
  };
  EXPECT_EQ(run(), 31);
  EXPECT_EQ(x.grad()[0].item<float>(), 4);
  EXPECT_EQ(x.grad()[1].item<float>(), 27);
  EXPECT_EQ(x.grad().device(), x.device());
  run();
  EXPECT_EQ(x.grad()[0].item<float>(), 8);
  EXPECT_EQ(x.grad()[1].item<float>(), 54);
  x.grad().zero_();
  EXPECT_EQ(x.grad().abs().sum().item<float>(), 0);
  run();
  EXPECT_EQ(x.grad()[1].item<float>(), 27);
}

EMBER_ON_EVERY_DEVICE(Power);

}  // namespace
