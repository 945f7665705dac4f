#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/optim/captured.h>
#include <ember/optim/fused.h>
#include <ember/optim/sgd.h>

#include <cstring>

namespace ember::optim {

namespace {

SgdStep numbers_of(const SGDOptions& options) {
  return {options.lr(), options.momentum(), options.dampening(), options.weight_decay(), options.nesterov()};
}

std::vector<const void*> state_addresses(const SGDParamState* state) {
  const Tensor none;
  return detail::addresses({state == nullptr ? &none : &state->momentum_buffer()});
}

// The step of group number `index` in a captured graph.
void capture(std::weak_ptr<Optimizer*> location, size_t index) {
  Optimizer& self = detail::still_there("SGD", location);
  const OptimizerParamGroup& group = self.param_groups()[index];
  const auto& options = static_cast<const SGDOptions&>(group.options());
  const bool has_momentum = options.momentum() != 0;
  const auto state_in = [has_momentum](Optimizer& optimizer, const Tensor& p) {
    return has_momentum ? &detail::captured_state<SGDParamState>("SGD", optimizer, p) : nullptr;
  };

  std::vector<detail::CapturedParameter> parameters;
  std::vector<SgdArrays> arrays;
  for (const Tensor& p : group.params()) {
    if (!p.grad().defined()) continue;
    const SGDParamState* const state = state_in(self, p);
    void* const buffer =
        has_momentum && state->momentum_buffer().defined() ? state->momentum_buffer().data_ptr() : nullptr;
    EMBER_CHECK(buffer != nullptr || !has_momentum, "SGD: a step must run before it is captured");
    parameters.push_back({p, p.data_ptr(), state_addresses(state)});
    arrays.push_back({p.data_ptr(), p.grad().data_ptr(), buffer, p.numel(), false});
  }
  if (parameters.empty()) return;

  SgdStep step = numbers_of(options);
  step.captured =
      static_cast<const SgdStep*>(ember::detail::CapturedValues::current()->add(sizeof(SgdStep), [=](void* values) {
        Optimizer& current = detail::still_there("SGD", location);
        const auto& now = static_cast<const SGDOptions&>(current.param_groups().at(index).options());
        EMBER_CHECK((now.momentum() != 0) == has_momentum,
                    "SGD: whether there is a momentum has changed since the step was captured");
        for (const detail::CapturedParameter& p : parameters) {
          detail::check_in_place("SGD", p, state_addresses(state_in(current, p.parameter)));
        }
        const SgdStep numbers = numbers_of(now);
        std::memcpy(values, &numbers, sizeof(numbers));
      }));
  detail::FusedStep<SgdArrays, SgdStep> fused(kernels.sgd, step, arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) fused.add(parameters[i].parameter, arrays[i]);
  fused.run();
}

}  // namespace

template class OptimizerCloneableOptions<SGDOptions>;
template class OptimizerCloneableParamState<SGDParamState>;

SGD::SGD(const std::vector<OptimizerParamGroup>& param_groups, const SGDOptions& defaults)
    : Optimizer(param_groups, std::make_unique<SGDOptions>(defaults)) {}
SGD::SGD(std::vector<Tensor> params, const SGDOptions& defaults)
    : Optimizer(std::move(params), std::make_unique<SGDOptions>(defaults)) {}

void SGDOptions::inherit(const OptimizerOptions& defaults) {
  inherit_settings(defaults, &SGDOptions::lr_, &SGDOptions::momentum_, &SGDOptions::dampening_,
                   &SGDOptions::weight_decay_, &SGDOptions::nesterov_);
}
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
  for (size_t i = 0; i < param_groups_.size(); ++i) {
    const OptimizerParamGroup& group = param_groups_[i];
    const auto& options = options_of<SGDOptions>(group);
    if (detail::capturing("SGD", group)) {
      capture(location(), i);
      continue;
    }
    const bool has_momentum = options.momentum() != 0;
    detail::FusedStep<SgdArrays, SgdStep> fused(kernels.sgd, numbers_of(options), group.params().size());
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
