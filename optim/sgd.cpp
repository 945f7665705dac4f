#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/optim/fused.h>
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
    const bool has_momentum = options.momentum() != 0;
    detail::FusedStep<SgdArrays, SgdStep> fused(
        kernels.sgd,
        {options.lr(), options.momentum(), options.dampening(), options.weight_decay(), options.nesterov()},
        group.params().size());
    for (const Tensor& p : group.params()) {
      Tensor grad = p.grad();
      if (!grad.defined()) continue;
      if (detail::can_fuse(p) && detail::can_fuse_with(p, grad)) {
        Tensor* const buffer = has_momentum ? &state_of<SGDParamState>(p).momentum_buffer() : nullptr;
        const bool first = has_momentum && !buffer->defined();
        if (first) *buffer = ember::empty_like(p.detach());
        if (!has_momentum || detail::can_fuse_with(p, *buffer)) {
          fused.add(p, {p.data_ptr(), grad.data_ptr(), has_momentum ? buffer->data_ptr() : nullptr, p.numel(), first});
          bump_version(p);
          if (has_momentum) bump_version(*buffer);
          continue;
        }
      }
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
    fused.run();
  }
  return loss;
}

}  // namespace ember::optim
