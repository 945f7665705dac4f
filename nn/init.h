// Initial values. Each function fills a tensor in place, outside autograd, and returns it. Draws come from the
// default generator of the tensor's device, in PyTorch's order on the CPU.
#pragma once

#include <tuple>

#include <ember/core/enum.h>
#include <ember/core/tensor.h>

namespace ember::nn::init {

using NonlinearityType =
    std::variant<enumtype::kLinear, enumtype::kConv1D, enumtype::kConv2D, enumtype::kConv3D, enumtype::kConvTranspose1D,
                 enumtype::kConvTranspose2D, enumtype::kConvTranspose3D, enumtype::kSigmoid, enumtype::kTanh,
                 enumtype::kReLU, enumtype::kLeakyReLU>;
using FanModeType = std::variant<enumtype::kFanIn, enumtype::kFanOut>;

namespace detail {
// kFanIn and kLeakyReLU. References to them as default arguments leave the variants uninstantiated in files that do not
// use them: the larger of the two costs as much as all the optimizers.
extern const FanModeType kDefaultFanMode;
extern const NonlinearityType kDefaultNonlinearity;
}  // namespace detail

// The factor by which a nonlinearity asks the standard deviation to grow: 5/3 for tanh, sqrt(2) for ReLU,
// sqrt(2 / (1 + param²)) for leaky ReLU of slope param, else 1.
double calculate_gain(NonlinearityType nonlinearity, double param = 0.01);

Tensor constant_(Tensor tensor, Scalar value);
Tensor ones_(Tensor tensor);
Tensor zeros_(Tensor tensor);
// Two dimensions.
Tensor eye_(Tensor matrix);
Tensor uniform_(Tensor tensor, double low = 0, double high = 1);
Tensor normal_(Tensor tensor, double mean = 0, double std = 1);

// Glorot and Bengio (2010): variance gain²·2 / (fan_in + fan_out). These four need two dimensions or more and throw
// otherwise.
Tensor xavier_uniform_(Tensor tensor, double gain = 1.0);
Tensor xavier_normal_(Tensor tensor, double gain = 1.0);
// He et al. (2015): variance gain² / fan, where `a` is the negative slope of a leaky ReLU.
Tensor kaiming_uniform_(Tensor tensor, double a = 0, const FanModeType& mode = detail::kDefaultFanMode,
                        const NonlinearityType& nonlinearity = detail::kDefaultNonlinearity);
Tensor kaiming_normal_(Tensor tensor, double a = 0, const FanModeType& mode = detail::kDefaultFanMode,
                       const NonlinearityType& nonlinearity = detail::kDefaultNonlinearity);

// For a weight [out, in, kernel…]: (in, out) times the kernel's size.
std::tuple<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor);

}  // namespace ember::nn::init
