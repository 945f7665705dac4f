#include <ember/autograd/functions.h>
#include <ember/nn/dropout.h>

#include <ostream>

namespace ember::nn {

namespace {

void check_probability(double p) {
  EMBER_CHECK(p >= 0 && p <= 1, "Dropout: the probability p must be between 0 and 1, got ", p);
}

}  // namespace

namespace functional {

Tensor dropout(const Tensor& input, const DropoutFuncOptions& options) {
  check_probability(options.p());
  if (!options.inplace()) return ember::dropout(input, options.p(), options.training());
  Tensor handle = input;
  return ember::dropout_(handle, options.p(), options.training());
}

}  // namespace functional

DropoutImpl::DropoutImpl(const DropoutOptions& options) : options(options) { reset(); }

void DropoutImpl::reset() { check_probability(options.p()); }

void DropoutImpl::pretty_print(std::ostream& stream) const {
  stream << detail::printed_prefix() << "Dropout(p=" << options.p()
         << ", inplace=" << (options.inplace() ? "true" : "false") << ')';
}

Tensor DropoutImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return functional::dropout(
      input, functional::DropoutFuncOptions().p(options.p()).training(is_training()).inplace(options.inplace()));
}

}  // namespace ember::nn
