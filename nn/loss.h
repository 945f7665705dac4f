// Losses: MSELoss, NLLLoss, CrossEntropyLoss. Reduction kMean (the default) and kSum give a scalar, kNone a loss per
// sample.
#pragma once

#include <ember/core/arg.h>
#include <ember/core/enum.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

struct MSELossOptions {
  using reduction_t = std::variant<enumtype::kNone, enumtype::kMean, enumtype::kSum>;
  MSELossOptions() = default;
  template <enumtype::TagOf<reduction_t> Tag>
  MSELossOptions(Tag reduction) : reduction_(reduction) {}  // NOLINT: implicit
  EMBER_ARG(reduction_t, reduction) = kMean;
};

// weight: [C], the weight of each class, or undefined. Targets equal to ignore_index count for nothing.
struct NLLLossOptions {
  using reduction_t = std::variant<enumtype::kNone, enumtype::kMean, enumtype::kSum>;
  EMBER_ARG(Tensor, weight);
  EMBER_ARG(int64_t, ignore_index) = -100;
  EMBER_ARG(reduction_t, reduction) = kMean;
};

// As NLLLossOptions; label_smoothing, in [0, 1], is the share of a target that is spread evenly over all classes.
struct CrossEntropyLossOptions {
  using reduction_t = std::variant<enumtype::kNone, enumtype::kMean, enumtype::kSum>;
  EMBER_ARG(Tensor, weight);
  EMBER_ARG(int64_t, ignore_index) = -100;
  EMBER_ARG(reduction_t, reduction) = kMean;
  EMBER_ARG(double, label_smoothing) = 0.0;
};

namespace functional {

using MSELossFuncOptions = MSELossOptions;
using NLLLossFuncOptions = NLLLossOptions;
using CrossEntropyFuncOptions = CrossEntropyLossOptions;

Tensor mse_loss(const Tensor& input, const Tensor& target, const MSELossFuncOptions& options = {});
Tensor nll_loss(const Tensor& input, const Tensor& target, const NLLLossFuncOptions& options = {});
Tensor cross_entropy(const Tensor& input, const Tensor& target, const CrossEntropyFuncOptions& options = {});

}  // namespace functional

// (input - target)², element by element
class MSELossImpl : public Cloneable<MSELossImpl> {
 public:
  explicit MSELossImpl(const MSELossOptions& options = {}) : options(options) {}

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  MSELossOptions options;
};
extern template class Cloneable<MSELossImpl>;
EMBER_MODULE(MSELoss);

// input: [N, C] or [C] log-probabilities, target: [N] or [] int64 classes; -weight[t]·input[t] per sample. kMean
// divides by the sum of the weights that counted.
class NLLLossImpl : public Cloneable<NLLLossImpl> {
 public:
  explicit NLLLossImpl(const NLLLossOptions& options = {});

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  NLLLossOptions options;
  Tensor weight;  // a buffer
};
extern template class Cloneable<NLLLossImpl>;
EMBER_MODULE(NLLLoss);

// NLLLoss of log_softmax(input). A floating target of input's shape holds the probabilities of the classes.
class CrossEntropyLossImpl : public Cloneable<CrossEntropyLossImpl> {
 public:
  explicit CrossEntropyLossImpl(const CrossEntropyLossOptions& options = {});

  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& target);

  CrossEntropyLossOptions options;
  Tensor weight;  // a buffer
};
extern template class Cloneable<CrossEntropyLossImpl>;
EMBER_MODULE(CrossEntropyLoss);

}  // namespace ember::nn
