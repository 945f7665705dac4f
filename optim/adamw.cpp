#include <ember/autograd/grad_mode.h>
#include <ember/optim/adam_update.h>
#include <ember/optim/adamw.h>

namespace ember::optim {

void AdamWOptions::check() const { detail::check_adam_options("AdamW", *this); }

Tensor AdamW::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  for (const OptimizerParamGroup& group : param_groups_) {
    const auto& options = options_of<AdamWOptions>(group);
    const auto [beta1, beta2] = options.betas();
    detail::FusedStep<AdamArrays, AdamStep> fused(
        kernels.adam, {beta1, beta2, options.eps(), 0, 1 - options.lr() * options.weight_decay()},
        group.params().size());
    for (const Tensor& p : group.params()) {
      if (!p.grad().defined()) continue;
      if (detail::add_adam(fused, p, p.grad(), options, state_of<AdamWParamState>(p))) continue;
      if (options.weight_decay() != 0) p.mul_(1 - options.lr() * options.weight_decay());
      detail::adam_update(p, p.grad(), options, state_of<AdamWParamState>(p));
    }
    fused.run();
  }
  return loss;
}

}  // namespace ember::optim
