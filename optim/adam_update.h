// The update that Adam and AdamW share. Not a public header.
#pragma once

#include <cmath>
#include <cstring>
#include <utility>

#include <ember/autograd/functions.h>
#include <ember/optim/adam.h>
#include <ember/optim/captured.h>
#include <ember/optim/fused.h>

namespace ember::optim::detail {

template <class Options>
void check_adam_options(const char* optimizer, const Options& options) {
  const auto [beta1, beta2] = options.betas();
  EMBER_CHECK(options.lr() >= 0, optimizer, ": the learning rate must not be negative, got ", options.lr());
  EMBER_CHECK(options.eps() >= 0, optimizer, ": eps must not be negative, got ", options.eps());
  EMBER_CHECK(beta1 >= 0 && beta1 < 1, optimizer, ": the first beta must be in [0, 1), got ", beta1);
  EMBER_CHECK(beta2 >= 0 && beta2 < 1, optimizer, ": the second beta must be in [0, 1), got ", beta2);
  EMBER_CHECK(options.weight_decay() >= 0, optimizer, ": the weight decay must not be negative, got ",
              options.weight_decay());
}

template <class Options>
void prepare_adam_state(const Tensor& p, const Options& options, AdamParamState& state) {
  if (!state.exp_avg().defined()) {
    state.exp_avg(ember::zeros_like(p));
    state.exp_avg_sq(ember::zeros_like(p));
  }
  if (options.amsgrad() && !state.max_exp_avg_sq().defined()) state.max_exp_avg_sq(ember::zeros_like(p));
  state.step(state.step() + 1);
}

// In step t = `step`.
template <class Options>
AdamFactors adam_factors(const Options& options, int64_t step) {
  const auto [beta1, beta2] = options.betas();
  const auto t = static_cast<double>(step);
  return {options.lr() / (1 - std::pow(beta1, t)), std::sqrt(1 - std::pow(beta2, t))};
}

// m ← β₁·m + (1 - β₁)·g; v ← β₂·v + (1 - β₂)·g²; p ← p - lr/(1 - β₁ᵗ) · m / (sqrt(v)/sqrt(1 - β₂ᵗ) + eps), the
// largest v so far in place of v for amsgrad. In place, outside autograd.
template <class Options>
void adam_update(const Tensor& p, const Tensor& grad, const Options& options, AdamParamState& state) {
  prepare_adam_state(p, options, state);
  const auto [beta1, beta2] = options.betas();
  const AdamFactors factors = adam_factors(options, state.step());
  state.exp_avg().mul_(beta1).add_(grad, 1 - beta1);
  state.exp_avg_sq().mul_(beta2).addcmul_(grad, grad, 1 - beta2);
  if (options.amsgrad()) state.max_exp_avg_sq(ember::maximum(state.max_exp_avg_sq(), state.exp_avg_sq()));

  const Tensor denominator = (options.amsgrad() ? state.max_exp_avg_sq() : state.exp_avg_sq()).sqrt();
  denominator.div_(factors.bias_correction2_root).add_(options.eps());
  p.addcdiv_(state.exp_avg(), denominator, -factors.step_size);
}

// The arrays of a parameter whose state is there.
template <class Options>
AdamArrays adam_arrays(const Tensor& p, const Tensor& grad, const Options& options, const AdamParamState& state) {
  return {p.data_ptr(),
          grad.data_ptr(),
          state.exp_avg().data_ptr(),
          state.exp_avg_sq().data_ptr(),
          options.amsgrad() ? state.max_exp_avg_sq().data_ptr() : nullptr,
          p.numel(),
          adam_factors(options, state.step())};
}

// Puts the same update, for all parameters together, into `fused`; false, and nothing done, if the kernel does not take
// these tensors.
template <class Options>
bool add_adam(FusedStep<AdamArrays, AdamStep>& fused, const Tensor& p, const Tensor& grad, const Options& options,
              AdamParamState& state) {
  if (!can_fuse(p) || !can_fuse_with(p, grad)) return false;
  const Tensor* const states[] = {&state.exp_avg(), &state.exp_avg_sq(), &state.max_exp_avg_sq()};
  for (const Tensor* t : states) {
    if (t->defined() && !can_fuse_with(p, *t)) return false;
  }
  prepare_adam_state(p, options, state);
  fused.add(p, adam_arrays(p, grad, options, state));
  bump_version(p);
  for (const Tensor* t : states) {
    if (t->defined()) bump_version(*t);
  }
  return true;
}

// The step of group number `index` in a captured graph. `numbers(options)` gives the AdamStep.
template <class Options, class State, class Numbers>
void capture_adam(const char* optimizer, std::weak_ptr<Optimizer*> location, size_t index, Numbers numbers) {
  Optimizer& self = still_there(optimizer, location);
  const OptimizerParamGroup& group = self.param_groups()[index];
  const auto& options = static_cast<const Options&>(group.options());
  const bool amsgrad = options.amsgrad();
  const auto state_addresses = [amsgrad](const State& s) {
    const Tensor none;
    return addresses({&s.exp_avg(), &s.exp_avg_sq(), amsgrad ? &s.max_exp_avg_sq() : &none});
  };

  std::vector<CapturedParameter> parameters;
  std::vector<AdamArrays> arrays;
  for (const Tensor& p : group.params()) {
    if (!p.grad().defined()) continue;
    const State& state = captured_state<State>(optimizer, self, p);
    parameters.push_back({p, p.data_ptr(), state_addresses(state)});
    for (const void* address : parameters.back().state) {
      EMBER_CHECK(address != nullptr || !amsgrad, optimizer, ": a step must run before it is captured");
    }
    arrays.push_back(adam_arrays(p, p.grad(), options, state));
  }
  if (parameters.empty()) return;

  // On the device: the step's numbers, then each parameter's.
  const size_t nbytes = sizeof(AdamStep) + parameters.size() * sizeof(AdamFactors);
  const auto refresh = [=](void* values) {
    Optimizer& current = still_there(optimizer, location);
    const auto& now = static_cast<const Options&>(current.param_groups().at(index).options());
    EMBER_CHECK(now.amsgrad() == amsgrad, optimizer, ": amsgrad has changed since the step was captured");
    const AdamStep step = numbers(now);
    std::memcpy(values, &step, sizeof(step));
    auto* factors = static_cast<char*>(values) + sizeof(step);
    for (const CapturedParameter& p : parameters) {
      State& state = captured_state<State>(optimizer, current, p.parameter);
      check_in_place(optimizer, p, state_addresses(state));
      state.step(state.step() + 1);
      const AdamFactors f = adam_factors(now, state.step());
      std::memcpy(factors, &f, sizeof(f));
      factors += sizeof(f);
    }
  };
  const auto* const values = static_cast<const char*>(ember::detail::CapturedValues::current()->add(nbytes, refresh));
  AdamStep step = numbers(options);
  step.captured = reinterpret_cast<const AdamStep*>(values);
  const auto* factors = reinterpret_cast<const AdamFactors*>(values + sizeof(AdamStep));
  FusedStep<AdamArrays, AdamStep> fused(kernels.adam, step, arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    arrays[i].captured = factors + i;
    fused.add(parameters[i].parameter, arrays[i]);
  }
  fused.run();
}

}  // namespace ember::optim::detail
