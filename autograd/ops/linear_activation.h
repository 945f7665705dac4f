// A linear layer and the activation behind it in one operation.
#pragma once

#include <ember/autograd/ops/common.h>
#include <ember/core/product_kernels.h>

namespace ember::ops {

// activation(linear(input, weight, bias)), with the checks, results and gradients of the two: one kernel where the
// device has it, else the two.
Tensor linear_activation(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation);

}  // namespace ember::ops
