// A module, a loss and an optimizer.
#include <ember/ember.h>

#include "programs.h"

namespace {

using namespace ember;

struct SimpleNetImpl : nn::Module {
  SimpleNetImpl()
      : fc1(register_module("fc1", nn::Linear(10, 50))),
        relu(register_module("relu", nn::ReLU())),
        fc2(register_module("fc2", nn::Linear(50, 1))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))); }

  nn::Linear fc1;
  nn::ReLU relu;
  nn::Linear fc2;
};

class SimpleNet : public programs::OnDevice {};

TEST_P(SimpleNet, Trains) {
  manual_seed(1);
  const auto model = std::make_shared<SimpleNetImpl>();
  model->to(device());
  const Tensor input = randn({32, 10}).to(device());
  const Tensor target = randn({32, 1}).to(device());
  nn::MSELoss criterion;
  optim::SGD optimizer(model->parameters(), optim::SGDOptions(0.01));
  model->train();
  EXPECT_TRUE(model->is_training());
  EXPECT_TRUE(model->fc1->is_training());
  double first = 0, last = 0;
  for (int epoch = 0; epoch < 200; ++epoch) {
    optimizer.zero_grad();
    const Tensor loss = criterion(model->forward(input), target);
    loss.backward();
    optimizer.step();
    last = loss.item<double>();
    if (epoch == 0) first = last;
  }
  EXPECT_LT(last, 0.7 * first);
  EXPECT_GT(last, 0);
  model->eval();
  EXPECT_FALSE(model->is_training());
  EXPECT_FALSE(model->fc2->is_training());
  const NoGradGuard no_grad;
  EXPECT_FALSE(model->forward(input).requires_grad());
}

TEST_P(SimpleNet, ShowsItsParameters) {
  const auto model = std::make_shared<SimpleNetImpl>();
  model->to(device());
  std::vector<std::string> names;
  for (const auto& parameter : model->named_parameters()) {
    names.push_back(parameter.key());
    EXPECT_TRUE(parameter.value().requires_grad());
    EXPECT_TRUE(parameter.value().is_leaf());
    EXPECT_EQ(parameter.value().device().type(), device().type());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
  ASSERT_EQ(model->parameters().size(), 4u);
  EXPECT_TRUE(model->parameters()[0].sizes() == (std::vector<int64_t>{50, 10}));
  EXPECT_TRUE(model->parameters()[3].sizes() == (std::vector<int64_t>{1}));
}

EMBER_ON_EVERY_DEVICE(SimpleNet);

}  // namespace
