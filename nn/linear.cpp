#include <ember/autograd/functions.h>
#include <ember/nn/init.h>
#include <ember/nn/linear.h>

#include <cmath>
#include <ostream>

namespace ember::nn {

namespace functional {
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  return ember::linear(input, weight, bias);
}
}  // namespace functional

LinearImpl::LinearImpl(const LinearOptions& options) : options(options) { reset(); }

void LinearImpl::reset() {
  EMBER_CHECK(options.in_features() >= 0 && options.out_features() >= 0,
              "Linear: in_features and out_features must not be negative, got ", options.in_features(), " and ",
              options.out_features());
  weight = register_parameter("weight", ember::empty({options.out_features(), options.in_features()}));
  bias = register_parameter("bias", options.bias() ? ember::empty({options.out_features()}) : Tensor(), options.bias());
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const auto fan_in = std::get<0>(init::_calculate_fan_in_and_fan_out(weight));
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  init::uniform_(bias, -bound, bound);
}

void LinearImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "Linear(in_features=" << options.in_features()
         << ", out_features=" << options.out_features() << ", bias=" << (options.bias() ? "true" : "false") << ')';
}

Tensor LinearImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::linear(input, weight, bias);
}

void IdentityImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "Identity()"; }
Tensor IdentityImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return input;
}

void FlattenImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "Flatten(start_dim=" << options.start_dim() << ", end_dim=" << options.end_dim()
         << ')';
}
Tensor FlattenImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return input.flatten(options.start_dim(), options.end_dim());
}

}  // namespace ember::nn
