#include <ember/autograd/grad_mode.h>
#include <ember/nn/init.h>

#include <cmath>

namespace ember::nn::init {

namespace detail {
constinit const FanModeType kDefaultFanMode = kFanIn;
constinit const NonlinearityType kDefaultNonlinearity = kLeakyReLU;
}  // namespace detail

namespace {

double xavier_std(const Tensor& tensor, double gain) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  return gain * std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
}

double kaiming_std(const Tensor& tensor, double a, const FanModeType& mode, const NonlinearityType& nonlinearity) {
  const auto [fan_in, fan_out] = _calculate_fan_in_and_fan_out(tensor);
  const auto fan = std::holds_alternative<enumtype::kFanIn>(mode) ? fan_in : fan_out;
  return calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(fan));
}

// A uniform distribution in ±bound has a standard deviation of bound / sqrt(3). An empty tensor, whose fan may be
// zero, has nothing to fill.
Tensor uniform_of_std(const Tensor& tensor, double std) {
  NoGradGuard no_grad;
  const double bound = std::sqrt(3.0) * std;
  return tensor.numel() == 0 ? tensor : tensor.uniform_(-bound, bound);
}

Tensor normal_of_std(const Tensor& tensor, double std) {
  NoGradGuard no_grad;
  return tensor.numel() == 0 ? tensor : tensor.normal_(0, std);
}

}  // namespace

double calculate_gain(NonlinearityType nonlinearity, double param) {
  if (std::holds_alternative<enumtype::kTanh>(nonlinearity)) return 5.0 / 3.0;
  if (std::holds_alternative<enumtype::kReLU>(nonlinearity)) return std::sqrt(2.0);
  if (std::holds_alternative<enumtype::kLeakyReLU>(nonlinearity)) return std::sqrt(2.0 / (1 + param * param));
  return 1.0;
}

Tensor constant_(Tensor tensor, Scalar value) {
  NoGradGuard no_grad;
  return tensor.fill_(value);
}

Tensor ones_(Tensor tensor) { return constant_(std::move(tensor), 1); }
Tensor zeros_(Tensor tensor) { return constant_(std::move(tensor), 0); }

Tensor eye_(Tensor matrix) {
  NoGradGuard no_grad;
  EMBER_CHECK(matrix.dim() == 2, "eye_: a tensor of 2 dimensions is needed, got ", describe(matrix));
  matrix.zero_();
  matrix.diagonal().fill_(1);
  return matrix;
}

Tensor uniform_(Tensor tensor, double low, double high) {
  NoGradGuard no_grad;
  return tensor.uniform_(low, high);
}

Tensor normal_(Tensor tensor, double mean, double std) {
  NoGradGuard no_grad;
  return tensor.normal_(mean, std);
}

Tensor xavier_uniform_(Tensor tensor, double gain) { return uniform_of_std(tensor, xavier_std(tensor, gain)); }
Tensor xavier_normal_(Tensor tensor, double gain) { return normal_of_std(tensor, xavier_std(tensor, gain)); }

Tensor kaiming_uniform_(Tensor tensor, double a, const FanModeType& mode, const NonlinearityType& nonlinearity) {
  return uniform_of_std(tensor, kaiming_std(tensor, a, mode, nonlinearity));
}

Tensor kaiming_normal_(Tensor tensor, double a, const FanModeType& mode, const NonlinearityType& nonlinearity) {
  return normal_of_std(tensor, kaiming_std(tensor, a, mode, nonlinearity));
}

std::tuple<int64_t, int64_t> _calculate_fan_in_and_fan_out(const Tensor& tensor) {
  EMBER_CHECK(tensor.dim() >= 2, "fan-in and fan-out need a tensor of 2 dimensions or more, got ", describe(tensor));
  int64_t kernel = 1;
  for (int64_t d = 2; d < tensor.dim(); ++d) kernel *= tensor.size(d);
  return {tensor.size(1) * kernel, tensor.size(0) * kernel};
}

}  // namespace ember::nn::init
