// nn::utils: gradients clipped, parameters as one vector.
#pragma once

#include <vector>

#include <ember/core/tensor.h>

namespace ember::nn::utils {

// Scales the gradients in place so that their norm, taken over all of them as one vector, is at most max_norm, and
// returns the norm before. norm_type is the order p, infinity allowed. Parameters without a gradient are skipped. If
// the norm is infinite or NaN, throws with error_if_nonfinite and otherwise scales by it all the same.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2.0,
                       bool error_if_nonfinite = false);
double clip_grad_norm_(const Tensor& parameter, double max_norm, double norm_type = 2.0,
                       bool error_if_nonfinite = false);
// The same without a look at the norm, which stays on the device as a 0-dimensional tensor: for what the host should
// not wait for, and for steps that are captured into a graph. The gradients must be of one dtype and device.
Tensor clip_grad_norm_on_device_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2.0);
// Clamps every element of the gradients to ±clip_value.
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);
void clip_grad_value_(const Tensor& parameter, double clip_value);

// The parameters flattened and joined (recorded by autograd); all on one device.
Tensor parameters_to_vector(const std::vector<Tensor>& parameters);
// The other way: each parameter becomes a view of its piece of `vec`, which must have exactly as many elements.
void vector_to_parameters(const Tensor& vec, const std::vector<Tensor>& parameters);

// Drops the gradient of a parameter, or fills it with zeros and takes it out of any graph.
void zero_grad_(const Tensor& parameter, bool set_to_none);

}  // namespace ember::nn::utils
