// Gradients of activations that other operations take part in.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// g where y, the input or the result of relu, is over 0; recorded.
Tensor relu_backward(const Tensor& g, const Tensor& y);
// g times the derivative of gelu's approximation by tanh at x; recorded.
Tensor gelu_tanh_backward(const Tensor& g, const Tensor& x);

}  // namespace ember::ops
