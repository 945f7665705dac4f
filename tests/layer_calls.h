// How the gradients of linear layers come about.
#pragma once

#include <ember/core/product_kernels.h>

#include "calls.h"

namespace ember::test {

// Counts the calls of linear_backward on a device that may lack it.
class LayersAtOnce {
 public:
  explicit LayersAtOnce(Device device)
      : function_((static_cast<void>(backend(device.type())),
                   product_kernels.linear_backward.function[static_cast<size_t>(device.type())])) {
    original_ = function_;
    count_ = above_activations_ = 0;
    if (original_ == nullptr) return;
    function_ = [](const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& g,
                   const Tensor& x, const Tensor& weight, const LayerBelow* below) {
      ++count_;
      above_activations_ += below != nullptr;
      original_(grad_x, grad_weight, grad_bias, g, x, weight, below);
    };
  }
  ~LayersAtOnce() { function_ = original_; }
  LayersAtOnce(const LayersAtOnce&) = delete;
  LayersAtOnce& operator=(const LayersAtOnce&) = delete;
  int count() const { return count_; }
  int above_activations() const { return above_activations_; }

 private:
  using Function = decltype(product_kernels.linear_backward)::Function;
  Function& function_;
  inline static Function original_ = nullptr;
  inline static int count_ = 0, above_activations_ = 0;
};

// The layers whose gradients come by a kernel each, and those whose gradients come by one kernel.
struct Products {
  explicit Products(Device device)
      : masked_(product_kernels.matmul_activation_backward, device),
        with_sums_(product_kernels.matmul_row_sums, device),
        at_once_(device) {}
  // How often the gradient of what is below an activation came from the layer above.
  int masked() const { return masked_.count() + at_once_.above_activations(); }
  // How often a layer's bias got its gradient with the weight's.
  int with_sums() const { return with_sums_.count() + at_once_.count(); }

 private:
  Calls<decltype(product_kernels.matmul_activation_backward)> masked_;
  Calls<decltype(product_kernels.matmul_row_sums)> with_sums_;
  LayersAtOnce at_once_;
};

}  // namespace ember::test
