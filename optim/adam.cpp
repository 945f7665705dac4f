#include <ember/autograd/grad_mode.h>
#include <ember/optim/adam.h>
#include <ember/optim/adam_update.h>

namespace ember::optim {

void AdamOptions::check() const { detail::check_adam_options("Adam", *this); }

Tensor Adam::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = options_of<AdamOptions>(group);
    for (const Tensor& p : group.params()) {
      Tensor grad = p.grad();
      if (!grad.defined()) continue;
      if (options.weight_decay() != 0) grad = grad.add(p, options.weight_decay());
      detail::adam_update(p, grad, options, state_of<AdamParamState>(p));
    }
  }
  return loss;
}

}  // namespace ember::optim
