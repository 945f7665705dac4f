#include <ember/autograd/functions.h>
#include <ember/nn/init.h>
#include <ember/nn/normalization.h>

#include <ostream>

namespace ember::nn {

namespace functional {
Tensor layer_norm(const Tensor& input, const LayerNormFuncOptions& options) {
  return ember::layer_norm(input, options.normalized_shape(), options.weight(), options.bias(), options.eps());
}
}  // namespace functional

LayerNormImpl::LayerNormImpl(LayerNormOptions options) : options(std::move(options)) { reset(); }

void LayerNormImpl::reset() {
  const bool affine = options.elementwise_affine();
  weight = register_parameter("weight", affine ? ember::empty(options.normalized_shape()) : Tensor(), affine);
  bias = register_parameter("bias", affine ? ember::empty(options.normalized_shape()) : Tensor(), affine);
  reset_parameters();
}

void LayerNormImpl::reset_parameters() {
  if (!options.elementwise_affine()) return;
  init::ones_(weight);
  init::zeros_(bias);
}

void LayerNormImpl::pretty_print(std::ostream& stream) const {
  stream << std::boolalpha << detail::printed_prefix() << "LayerNorm(" << IntArrayRef(options.normalized_shape())
         << ", eps=" << options.eps() << ", elementwise_affine=" << options.elementwise_affine() << ')';
}

Tensor LayerNormImpl::forward(const Tensor& input) {
  const ForwardRange range(*this);
  return ember::layer_norm(input, options.normalized_shape(), weight, bias, options.eps());
}

}  // namespace ember::nn
