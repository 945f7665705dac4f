// Dropout.
#pragma once

#include <ember/core/arg.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

// p: the probability that an element is zeroed, in [0, 1].
struct DropoutOptions {
  DropoutOptions(double p = 0.5) : p_(p) {}  // NOLINT: implicit
  EMBER_ARG(double, p);
  EMBER_ARG(bool, inplace) = false;
};

namespace functional {
// Unlike the module, the function does nothing unless `training` is set.
struct DropoutFuncOptions {
  EMBER_ARG(double, p) = 0.5;
  EMBER_ARG(bool, training) = false;
  EMBER_ARG(bool, inplace) = false;
};
Tensor dropout(const Tensor& input, const DropoutFuncOptions& options = {});
}  // namespace functional

// In training mode zeroes each element with probability p and scales the others by 1/(1 - p); else the identity.
// Throws if p is outside [0, 1].
class DropoutImpl : public Cloneable<DropoutImpl> {
 public:
  explicit DropoutImpl(const DropoutOptions& options = {});

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  DropoutOptions options;
};
extern template class Cloneable<DropoutImpl>;
EMBER_MODULE(Dropout);

}  // namespace ember::nn
