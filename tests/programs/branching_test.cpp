// A model that branches on its data: the graph is what ran.
#include <ember/ember.h>

#include "programs.h"

namespace {

using namespace ember;

Tensor model(const Tensor& x, double threshold) { return x.sum().item<double>() > threshold ? x * 2 : x / 2; }

class Branching : public programs::OnDevice {};

TEST_P(Branching, RecordsTheBranchThatRan) {
  const auto x = tensor({1.0, 2.0, 3.0}, TensorOptions(device())).requires_grad_();
  const Tensor above = model(x, 5);
  EXPECT_EQ(above.grad_fn()->name(), "MulBackward1");
  above.sum().backward();
  EXPECT_TRUE(x.grad().equal(full({3}, 2.0, x.options())));
  x.grad().zero_();
  const Tensor below = model(x, 10);
  EXPECT_EQ(below.grad_fn()->name(), "DivBackward1");
  below.sum().backward();
  EXPECT_TRUE(x.grad().equal(full({3}, 0.5, x.options())));
}

TEST_P(Branching, AsOftenAsTheDataSays) {
  const auto x = tensor({1.0, 1.0}, TensorOptions(device())).requires_grad_();
  Tensor y = x;
  int doublings = 0;
  while (y.sum().item<double>() < 1000) {
    y = y * 2;
    ++doublings;
  }
  y.sum().backward();
  EXPECT_EQ(doublings, 9);
  EXPECT_EQ(x.grad()[0].item<double>(), 512);
}

EMBER_ON_EVERY_DEVICE(Branching);

}  // namespace
