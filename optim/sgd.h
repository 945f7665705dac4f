// Stochastic gradient descent, with momentum.
#pragma once

#include <ember/core/arg.h>
#include <ember/optim/optimizer.h>

namespace ember::optim {

// None negative; nesterov needs a momentum and no dampening.
struct SGDOptions : public OptimizerCloneableOptions<SGDOptions> {
  SGDOptions(double lr) : lr_(0.0) { this->lr(lr); }  // NOLINT: implicit
  EMBER_OPTIM_ARG(double, lr);
  EMBER_OPTIM_ARG(double, momentum) = 0.0;
  EMBER_OPTIM_ARG(double, dampening) = 0.0;
  EMBER_OPTIM_ARG(double, weight_decay) = 0.0;
  EMBER_OPTIM_ARG(bool, nesterov) = false;

 public:
  void inherit(const OptimizerOptions& defaults) override;
  void check() const override;
};
extern template class OptimizerCloneableOptions<SGDOptions>;

struct SGDParamState : public OptimizerCloneableParamState<SGDParamState> {
  EMBER_ARG(Tensor, momentum_buffer);
};
extern template class OptimizerCloneableParamState<SGDParamState>;

// g ← gradient + weight_decay·θ; with a momentum μ, b ← μ·b + (1 - dampening)·g (g itself in the first step) and
// g ← b, or g + μ·b for nesterov; θ ← θ - lr·g. As Sutskever et al. (2013), in PyTorch's form.
class SGD : public Optimizer {
 public:
  explicit SGD(const std::vector<OptimizerParamGroup>& param_groups, const SGDOptions& defaults);
  explicit SGD(std::vector<Tensor> params, const SGDOptions& defaults);

  Tensor step(LossClosure closure = nullptr) override;
};

}  // namespace ember::optim
