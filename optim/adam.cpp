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
    const auto [beta1, beta2] = options.betas();
    detail::FusedStep<AdamArrays, AdamStep> fused(
        kernels.adam, {beta1, beta2, options.eps(), options.weight_decay(), 1}, group.params().size());
    for (const Tensor& p : group.params()) {
      Tensor grad = p.grad();
      if (!grad.defined()) continue;
      if (detail::add_adam(fused, p, grad, options, state_of<AdamParamState>(p))) continue;
      if (options.weight_decay() != 0) grad = grad.add(p, options.weight_decay());
      detail::adam_update(p, grad, options, state_of<AdamParamState>(p));
    }
    fused.run();
  }
  return loss;
}

}  // namespace ember::optim
