// What the optimizers' kernels take: a whole list of parameters, so that a step is one launch.
#pragma once

#include <cstdint>

namespace ember {

// The arrays of one parameter, all of `numel` elements of one dtype; the parameter and its state are changed.
struct SgdArrays {
  void* param;
  const void* grad;
  void* momentum;  // null without one
  int64_t numel;
  bool first;  // the momentum is not there yet: it becomes the gradient
};
// As optim/sgd.h says; every number is rounded to the dtype first.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov;
  const SgdStep* captured = nullptr;  // in a captured graph: where the device finds what to take in place of this
};

struct AdamFactors {
  double step_size;              // lr / (1 − β₁ᵗ)
  double bias_correction2_root;  // √(1 − β₂ᵗ)
};

struct AdamArrays {
  void* param;
  const void* grad;
  void* exp_avg;
  void* exp_avg_sq;
  void* max_exp_avg_sq;  // null without amsgrad
  int64_t numel;
  AdamFactors factors;
  const AdamFactors* captured = nullptr;  // as in SgdStep
};
// As optim/adam_update.h says, after the gradient got weight_decay·param added and the parameter was multiplied by
// `decay` (AdamW's, 1 for none).
struct AdamStep {
  double beta1, beta2, eps, weight_decay, decay;
  const AdamStep* captured = nullptr;
};

// One gradient of a list that is clipped.
struct GradientArray {
  void* data;
  int64_t numel;
};

}  // namespace ember
