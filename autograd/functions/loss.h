// Losses.
#pragma once

#include <ember/core/reduction.h>
#include <ember/core/tensor.h>

namespace ember {

Tensor mse_loss(const Tensor& self, const Tensor& target, Reduction reduction = Reduction::Mean);
// self: [C] or [N, C] log-probabilities; target: int64 classes, [] or [N]; weight: [C]. Targets equal to
// ignore_index do not count.
Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight = {},
                Reduction reduction = Reduction::Mean, int64_t ignore_index = -100);
// The same on unnormalised scores; a floating target of self's shape holds class probabilities.
Tensor cross_entropy_loss(const Tensor& self, const Tensor& target, const Tensor& weight = {},
                          Reduction reduction = Reduction::Mean, int64_t ignore_index = -100,
                          double label_smoothing = 0.0);
}  // namespace ember
