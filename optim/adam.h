// Adam.
#pragma once

#include <tuple>

#include <ember/core/arg.h>
#include <ember/optim/optimizer.h>

namespace ember::optim {

// lr, eps and weight_decay not negative, betas in [0, 1).
struct AdamOptions : public OptimizerCloneableOptions<AdamOptions> {
  using betas_t = std::tuple<double, double>;
  AdamOptions() = default;
  AdamOptions(double lr) { this->lr(lr); }  // NOLINT: implicit
  EMBER_OPTIM_ARG(double, lr) = 1e-3;
  EMBER_OPTIM_ARG(betas_t, betas) = betas_t(0.9, 0.999);
  EMBER_OPTIM_ARG(double, eps) = 1e-8;
  EMBER_OPTIM_ARG(double, weight_decay) = 0.0;
  EMBER_OPTIM_ARG(bool, amsgrad) = false;

 public:
  void inherit(const OptimizerOptions& defaults) override;
  void check() const override;
};
extern template class OptimizerCloneableOptions<AdamOptions>;

struct AdamParamState : public OptimizerCloneableParamState<AdamParamState> {
  EMBER_ARG(int64_t, step) = 0;
  EMBER_ARG(Tensor, exp_avg);         // running average of the gradient
  EMBER_ARG(Tensor, exp_avg_sq);      // and of its square
  EMBER_ARG(Tensor, max_exp_avg_sq);  // the largest of those so far (amsgrad)
};
extern template class OptimizerCloneableParamState<AdamParamState>;

// Kingma and Ba (2015); weight_decay is added to the gradient. amsgrad: Reddi et al. (2018).
class Adam : public Optimizer {
 public:
  explicit Adam(const std::vector<OptimizerParamGroup>& param_groups, const AdamOptions& defaults = {});
  explicit Adam(std::vector<Tensor> params, const AdamOptions& defaults = {});

  Tensor step(LossClosure closure = nullptr) override;
};

}  // namespace ember::optim
