// Stochastic gradient descent, with momentum.
#pragma once

#include <tuple>

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
  static constexpr auto settings() {
    return std::tuple(&SGDOptions::lr_, &SGDOptions::momentum_, &SGDOptions::dampening_, &SGDOptions::weight_decay_,
                      &SGDOptions::nesterov_);
  }
  void check() const override;
};

struct SGDParamState : public OptimizerCloneableParamState<SGDParamState> {
  EMBER_ARG(Tensor, momentum_buffer);
};

// g ← gradient + weight_decay·θ; with a momentum μ, b ← μ·b + (1 - dampening)·g (g itself in the first step) and
// g ← b, or g + μ·b for nesterov; θ ← θ - lr·g. As Sutskever et al. (2013), in PyTorch's form.
class SGD : public Optimizer {
 public:
  explicit SGD(const std::vector<OptimizerParamGroup>& param_groups, const SGDOptions& defaults)
      : Optimizer(param_groups, std::make_unique<SGDOptions>(defaults)) {}
  explicit SGD(std::vector<Tensor> params, const SGDOptions& defaults)
      : Optimizer(std::move(params), std::make_unique<SGDOptions>(defaults)) {}

  Tensor step(LossClosure closure = nullptr) override;
};

}  // namespace ember::optim
