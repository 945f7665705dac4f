// AdamW: Adam with decoupled weight decay.
#pragma once

#include <tuple>

#include <ember/optim/adam.h>

namespace ember::optim {

// lr, eps and weight_decay not negative, betas in [0, 1).
struct AdamWOptions : public OptimizerCloneableOptions<AdamWOptions> {
  using betas_t = std::tuple<double, double>;
  AdamWOptions() = default;
  AdamWOptions(double lr) { this->lr(lr); }  // NOLINT: implicit
  EMBER_OPTIM_ARG(double, lr) = 1e-3;
  EMBER_OPTIM_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  EMBER_OPTIM_ARG(double, eps) = 1e-8;
  EMBER_OPTIM_ARG(double, weight_decay) = 1e-2;
  EMBER_OPTIM_ARG(bool, amsgrad) = false;

 public:
  void inherit(const OptimizerOptions& defaults) override;
  void check() const override;
};
extern template class OptimizerCloneableOptions<AdamWOptions>;

using AdamWParamState = AdamParamState;

// Loshchilov and Hutter (2019): θ ← (1 - lr·weight_decay)·θ, then Adam's update without the decay.
class AdamW : public Optimizer {
 public:
  explicit AdamW(const std::vector<OptimizerParamGroup>& param_groups, const AdamWOptions& defaults = {});
  explicit AdamW(std::vector<Tensor> params, const AdamWOptions& defaults = {});

  Tensor step(LossClosure closure = nullptr) override;
};

}  // namespace ember::optim
