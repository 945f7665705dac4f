#include <ember/autograd/grad_mode.h>
#include <ember/optim/adam.h>
#include <ember/optim/adam_update.h>

namespace ember::optim {

namespace {

AdamStep numbers_of(const AdamOptions& options) {
  const auto [beta1, beta2] = options.betas();
  return {beta1, beta2, options.eps(), options.weight_decay(), 1};
}

}  // namespace

template class OptimizerCloneableOptions<AdamOptions>;
template class OptimizerCloneableParamState<AdamParamState>;

Adam::Adam(const std::vector<OptimizerParamGroup>& param_groups, const AdamOptions& defaults)
    : Optimizer(param_groups, std::make_unique<AdamOptions>(defaults)) {}
Adam::Adam(std::vector<Tensor> params, const AdamOptions& defaults)
    : Optimizer(std::move(params), std::make_unique<AdamOptions>(defaults)) {}

void AdamOptions::inherit(const OptimizerOptions& defaults) {
  inherit_settings(defaults, &AdamOptions::lr_, &AdamOptions::betas_, &AdamOptions::eps_, &AdamOptions::weight_decay_,
                   &AdamOptions::amsgrad_);
}
void AdamOptions::check() const { detail::check_adam_options("Adam", *this); }

Tensor Adam::step(LossClosure closure) {
  const Tensor loss = evaluate(closure);
  NoGradGuard no_grad;
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    const OptimizerParamGroup& group = param_groups_[i];
    const auto& options = options_of<AdamOptions>(group);
    if (detail::capturing("Adam", group)) {
      detail::capture_adam<AdamOptions, AdamParamState>("Adam", location(), i, numbers_of);
      continue;
    }
    detail::FusedStep<AdamArrays, AdamStep> fused(kernels.adam, numbers_of(options), group.params().size());
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
