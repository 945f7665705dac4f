// Linear, Identity, Flatten.
#pragma once

#include <ember/core/arg.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

// in_features and out_features >= 0.
struct LinearOptions {
  LinearOptions(int64_t in_features, int64_t out_features) : in_features_(in_features), out_features_(out_features) {}
  EMBER_ARG(int64_t, in_features);
  EMBER_ARG(int64_t, out_features);
  EMBER_ARG(bool, bias) = true;
};

// Dimensions start_dim to end_dim (inclusive, negative from the end) become one.
struct FlattenOptions {
  EMBER_ARG(int64_t, start_dim) = 1;
  EMBER_ARG(int64_t, end_dim) = -1;
};

namespace functional {
// input: [*, in], weight: [out, in], bias: [out] or undefined; gives [*, out].
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias = {});
}  // namespace functional

// y = x · weightᵀ + bias; x: [*, in_features], y: [*, out_features].
class LinearImpl : public Cloneable<LinearImpl> {
 public:
  LinearImpl(int64_t in_features, int64_t out_features) : LinearImpl(LinearOptions(in_features, out_features)) {}
  explicit LinearImpl(const LinearOptions& options);

  void reset() override;
  // Weight and bias uniform in ±1/sqrt(in_features): the weight by kaiming_uniform_ with a = sqrt(5) (He et al.,
  // 2015), drawn before the bias, so that a seed gives PyTorch's values on the CPU.
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LinearOptions options;
  Tensor weight;  // [out_features, in_features]
  Tensor bias;    // [out_features], or undefined
};
extern template class Cloneable<LinearImpl>;
EMBER_MODULE(Linear);

// Returns its input.
class IdentityImpl : public Cloneable<IdentityImpl> {
 public:
  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);
};
extern template class Cloneable<IdentityImpl>;
EMBER_MODULE(Identity);

class FlattenImpl : public Cloneable<FlattenImpl> {
 public:
  explicit FlattenImpl(const FlattenOptions& options = {}) : options(options) {}

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  FlattenOptions options;
};
extern template class Cloneable<FlattenImpl>;
EMBER_MODULE(Flatten);

}  // namespace ember::nn
