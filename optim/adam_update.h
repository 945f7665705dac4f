// The update that Adam and AdamW share. Not a public header.
#pragma once

#include <cmath>
#include <utility>

#include <ember/autograd/functions.h>
#include <ember/optim/adam.h>
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

// lr / (1 − β₁ᵗ) and √(1 − β₂ᵗ).
template <class Options>
std::pair<double, double> adam_factors(const Options& options, int64_t step) {
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
  const auto [step_size, root] = adam_factors(options, state.step());
  state.exp_avg().mul_(beta1).add_(grad, 1 - beta1);
  state.exp_avg_sq().mul_(beta2).addcmul_(grad, grad, 1 - beta2);
  if (options.amsgrad()) state.max_exp_avg_sq(ember::maximum(state.max_exp_avg_sq(), state.exp_avg_sq()));

  const Tensor denominator = (options.amsgrad() ? state.max_exp_avg_sq() : state.exp_avg_sq()).sqrt();
  denominator.div_(root).add_(options.eps());
  p.addcdiv_(state.exp_avg(), denominator, -step_size);
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
  const auto [step_size, root] = adam_factors(options, state.step());
  fused.add(p, {p.data_ptr(), grad.data_ptr(), state.exp_avg().data_ptr(), state.exp_avg_sq().data_ptr(),
                options.amsgrad() ? state.max_exp_avg_sq().data_ptr() : nullptr, p.numel(), step_size, root});
  bump_version(p);
  for (const Tensor* t : states) {
    if (t->defined()) bump_version(*t);
  }
  return true;
}

}  // namespace ember::optim::detail
