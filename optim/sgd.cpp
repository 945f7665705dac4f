#include <ember/autograd/grad_mode.h>
#include <ember/optim/sgd.h>

namespace ember::optim {

void SGDOptions::check() const {
  EMBER_CHECK(lr() >= 0, "SGD: the learning rate must not be negative, got ", lr());
  EMBER_CHECK(momentum() >= 0, "SGD: the momentum must not be negative, got ", momentum());
  EMBER_CHECK(weight_decay() >= 0, "SGD: the weight decay must not be negative, got ", weight_decay());
  EMBER_CHECK(!nesterov() || (momentum() > 0 && dampening() == 0),
              "SGD: Nesterov momentum needs a momentum and no dampening, got momentum ", momentum(), " and dampening ",
              dampening());
}

Tensor SGD::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = options_of<SGDOptions>(group);
    for (const Tensor& p : group.params()) {
      Tensor grad = p.grad();
      if (!grad.defined()) continue;
      if (options.weight_decay() != 0) grad = grad.add(p, options.weight_decay());
      if (options.momentum() != 0) {
        Tensor& buffer = state_of<SGDParamState>(p).momentum_buffer();
        if (!buffer.defined()) {
          buffer = grad.detach().clone();
        } else {
          buffer.mul_(options.momentum()).add_(grad, 1 - options.dampening());
        }
        grad = options.nesterov() ? grad.add(buffer, options.momentum()) : buffer;
      }
      p.add_(grad, -options.lr());
    }
  }
  return loss;
}

}  // namespace ember::optim
