#include <ember/autograd/functions.h>
#include <ember/core/logging.h>
#include <ember/nn/loss.h>

#include <ostream>

namespace ember::nn {

namespace {

template <class... Tags>
Reduction to_reduction(const std::variant<Tags...>& reduction) {
  if (std::holds_alternative<enumtype::kNone>(reduction)) return Reduction::None;
  return std::holds_alternative<enumtype::kMean>(reduction) ? Reduction::Mean : Reduction::Sum;
}

// The weight is registered, so that to() converts it with the model; the caller's tensor stays as it is.
Tensor own_handle(const Tensor& weight) { return weight.defined() ? weight.detach() : Tensor(); }

}  // namespace

namespace functional {

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options) {
  if (input.sizes() != target.sizes()) {
    log(LogLevel::Warning, "mse_loss: the target's size ", target.sizes(), " is not the input's, ", input.sizes(),
        "; they are broadcast against each other, which is seldom what a loss should do");
  }
  return ember::mse_loss(input, target, to_reduction(options.reduction()));
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options) {
  return ember::nll_loss(input, target, options.weight(), to_reduction(options.reduction()), options.ignore_index());
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyFuncOptions& options) {
  return ember::cross_entropy_loss(input, target, options.weight(), to_reduction(options.reduction()),
                                   options.ignore_index(), options.label_smoothing());
}

}  // namespace functional

void MSELossImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "MSELoss()"; }
Tensor MSELossImpl::forward(const Tensor& input, const Tensor& target) {
  const ForwardRange range(*this);
  return functional::mse_loss(input, target, options);
}

NLLLossImpl::NLLLossImpl(const NLLLossOptions& options) : options(options) { reset(); }
void NLLLossImpl::reset() { weight = register_buffer("weight", own_handle(options.weight())); }
void NLLLossImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "NLLLoss()"; }
Tensor NLLLossImpl::forward(const Tensor& input, const Tensor& target) {
  const ForwardRange range(*this);
  return ember::nll_loss(input, target, weight, to_reduction(options.reduction()), options.ignore_index());
}

CrossEntropyLossImpl::CrossEntropyLossImpl(const CrossEntropyLossOptions& options) : options(options) { reset(); }
void CrossEntropyLossImpl::reset() { weight = register_buffer("weight", own_handle(options.weight())); }
void CrossEntropyLossImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "CrossEntropyLoss()";
}
Tensor CrossEntropyLossImpl::forward(const Tensor& input, const Tensor& target) {
  const ForwardRange range(*this);
  return ember::cross_entropy_loss(input, target, weight, to_reduction(options.reduction()), options.ignore_index(),
                                   options.label_smoothing());
}

}  // namespace ember::nn
