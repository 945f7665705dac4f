// A sigmoid whose gradient is the program's own.
#include <ember/ember.h>

#include "programs.h"

namespace {

using namespace ember;
using autograd::AutogradContext;
using autograd::variable_list;

struct MySigmoid : autograd::Function<MySigmoid> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const Tensor y = 1 / (1 + (-x).exp());
    ctx->save_for_backward({y});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Tensor y = ctx->get_saved_variables()[0];
    return {grads[0] * y * (1 - y)};
  }
};

class CustomSigmoid : public programs::OnDevice {
 protected:
  Tensor input() const {
    return tensor({{-2.0, -0.5, 0.0}, {0.5, 1.0, 3.0}}, TensorOptions(kFloat64).device(device())).requires_grad_();
  }
};

TEST_P(CustomSigmoid, HasTheGradientOfTheClosedForm) {
  const Tensor x = input();
  const Tensor y = MySigmoid::apply(x);
  EXPECT_TRUE(y.allclose(sigmoid(x)));
  y.sum().backward();
  const Tensor s = sigmoid(x.detach());
  EXPECT_TRUE(x.grad().allclose(s * (1 - s)));
}

TEST_P(CustomSigmoid, TwiceInOneGraph) {
  const Tensor x = input();
  (MySigmoid::apply(x) * MySigmoid::apply(MySigmoid::apply(x) * 2)).sum().backward();
  const Tensor other = input();
  (sigmoid(other) * sigmoid(sigmoid(other) * 2)).sum().backward();
  EXPECT_TRUE(x.grad().allclose(other.grad()));
  const auto f = [](const std::vector<Tensor>& t) {
    return std::vector<Tensor>{MySigmoid::apply(t[0]) * MySigmoid::apply(t[0] * t[0])};
  };
  EXPECT_TRUE(autograd::gradcheck(f, {input()}));
  EXPECT_TRUE(autograd::gradgradcheck(f, {input()}));
}

EMBER_ON_EVERY_DEVICE(CustomSigmoid);

}  // namespace
