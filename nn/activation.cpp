#include <ember/autograd/functions.h>
#include <ember/nn/activation.h>

#include <ostream>

namespace ember::nn {

namespace functional {

Tensor relu(const Tensor& input, const ReLUFuncOptions& options) {
  return options.inplace() ? input.relu_() : ember::relu(input);
}
Tensor gelu(const Tensor& input, const GELUFuncOptions& options) { return ember::gelu(input, options.approximate()); }
Tensor softmax(const Tensor& input, const SoftmaxFuncOptions& options) {
  return ember::softmax(input, options.dim(), options.dtype());
}
Tensor log_softmax(const Tensor& input, const LogSoftmaxFuncOptions& options) {
  return ember::log_softmax(input, options.dim(), options.dtype());
}

}  // namespace functional

void ReLUImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "ReLU(" << (options.inplace() ? "inplace=true" : "") << ')';
}
Tensor ReLUImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return functional::relu(input, options);
}

void GELUImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "GELU()"; }
Tensor GELUImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return functional::gelu(input, options);
}

void SigmoidImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "Sigmoid()"; }
Tensor SigmoidImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::sigmoid(input);
}

void TanhImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "Tanh()"; }
Tensor TanhImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::tanh(input);
}

void SoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "Softmax(dim=" << options.dim() << ')';
}
Tensor SoftmaxImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::softmax(input, options.dim());
}

void LogSoftmaxImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "LogSoftmax(dim=" << options.dim() << ')';
}
Tensor LogSoftmaxImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::log_softmax(input, options.dim());
}

}  // namespace ember::nn
