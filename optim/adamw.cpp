#include <ember/autograd/grad_mode.h>
#include <ember/optim/adam_update.h>
#include <ember/optim/adamw.h>

namespace ember::optim {

namespace {

// What a parameter is multiplied by first.
double decay_of(const AdamWOptions& options) { return 1 - options.lr() * options.weight_decay(); }

AdamStep numbers_of(const AdamWOptions& options) {
  const auto [beta1, beta2] = options.betas();
  return {beta1, beta2, options.eps(), 0, decay_of(options)};
}

}  // namespace

template class OptimizerCloneableOptions<AdamWOptions>;

AdamW::AdamW(const std::vector<OptimizerParamGroup>& param_groups, const AdamWOptions& defaults)
    : Optimizer(param_groups, std::make_unique<AdamWOptions>(defaults)) {}
AdamW::AdamW(std::vector<Tensor> params, const AdamWOptions& defaults)
    : Optimizer(std::move(params), std::make_unique<AdamWOptions>(defaults)) {}

void AdamWOptions::inherit(const OptimizerOptions& defaults) {
  inherit_settings(defaults, &AdamWOptions::lr_, &AdamWOptions::betas_, &AdamWOptions::eps_,
                   &AdamWOptions::weight_decay_, &AdamWOptions::amsgrad_);
}
void AdamWOptions::check() const { detail::check_adam_options("AdamW", *this); }

Tensor AdamW::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    const OptimizerParamGroup& group = param_groups_[i];
    const auto& options = options_of<AdamWOptions>(group);
    if (detail::capturing("AdamW", group)) {
      detail::capture_adam<AdamWOptions, AdamWParamState>("AdamW", location(), i, numbers_of);
      continue;
    }
    detail::FusedStep<AdamArrays, AdamStep> fused(kernels.adam, numbers_of(options), group.params().size());
    for (const Tensor& p : group.params()) {
      if (!p.grad().defined()) continue;
      if (detail::add_adam(fused, p, p.grad(), options, state_of<AdamWParamState>(p))) continue;
      if (options.weight_decay() != 0) p.mul_(decay_of(options));
      detail::adam_update(p, p.grad(), options, state_of<AdamWParamState>(p));
    }
    fused.run();
  }
  return loss;
}

}  // namespace ember::optim
