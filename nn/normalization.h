// LayerNorm. Gives a tensor of its input's shape.
#pragma once

#include <vector>

#include <ember/core/arg.h>
#include <ember/nn/cloneable.h>

namespace ember::nn {

// normalized_shape: the sizes of the last dimensions, over which each group of elements is normalised.
struct LayerNormOptions {
  LayerNormOptions(std::vector<int64_t> normalized_shape)  // NOLINT: implicit
      : normalized_shape_(std::move(normalized_shape)) {}
  EMBER_ARG(std::vector<int64_t>, normalized_shape);
  EMBER_ARG(double, eps) = 1e-5;  // added to the variance
  EMBER_ARG(bool, elementwise_affine) = true;
};

namespace functional {

// weight and bias have the normalized_shape, or are undefined.
struct LayerNormFuncOptions {
  LayerNormFuncOptions(std::vector<int64_t> normalized_shape)  // NOLINT: implicit
      : normalized_shape_(std::move(normalized_shape)) {}
  EMBER_ARG(std::vector<int64_t>, normalized_shape);
  EMBER_ARG(Tensor, weight) = {};
  EMBER_ARG(Tensor, bias) = {};
  EMBER_ARG(double, eps) = 1e-5;
};

Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& options);

}  // namespace functional

// (x − mean) / √(variance + eps) · weight + bias, as ember::layer_norm. weight starts as ones and bias as zeros;
// without elementwise_affine both are undefined.
class LayerNormImpl : public Cloneable<LayerNormImpl> {
 public:
  explicit LayerNormImpl(std::vector<int64_t> normalized_shape)
      : LayerNormImpl(LayerNormOptions(std::move(normalized_shape))) {}
  explicit LayerNormImpl(LayerNormOptions options);

  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  LayerNormOptions options;
  Tensor weight;
  Tensor bias;
};
extern template class Cloneable<LayerNormImpl>;
EMBER_MODULE(LayerNorm);

}  // namespace ember::nn
