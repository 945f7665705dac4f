// The histories of a linear layer with a bias, and of one with an activation behind it.
#pragma once

#include <ember/autograd/ops/common.h>
#include <ember/core/product_kernels.h>

namespace ember::ops {

// Of y[N, out] = input[N, in]·b[in, out] + bias[out], where b is weightᵀ, weight[out, in], or, with `transposed`, the
// weight itself, [in, out] with dense columns. A node of its own, because the gradients of the weight and of the bias
// may come of one pass over that of y, and that of the input may come with what the layer below would do to it.
class LinearActivationNode;
class LinearNodeBase : public autograd::Node {
 public:
  struct Edges {
    autograd::Edge bias, input, weight;
  };

 protected:
  LinearNodeBase(const Stream& stream, Edges edges, autograd::SavedTensor input, autograd::SavedTensor weight,
                 bool transposed);

  // Fills grads_out from the gradient of y. `sums`, unless undefined: that of the bias.
  void gradients(const Tensor& g, const Tensor& sums, Tensor* grads_out);

  autograd::Edge edges_[3];
  autograd::SavedTensorScope scope_;
  autograd::SavedTensor input_, weight_;

 private:
  Tensor gradient_of_input(const Tensor& g);
  bool all_at_once(const Tensor& g, Tensor* grads_out);
  LinearActivationNode* layer_below() const;
  void gradients_of_parameters(const Tensor& g, const Tensor& x, Tensor* grads_out);
  Tensor gradient_of_weight(const Tensor& g, const Tensor& x);
  bool transposed_;
};

class LinearNode final : public LinearNodeBase {
 public:
  LinearNode(const Stream& stream, Edges edges, autograd::SavedTensor input, autograd::SavedTensor weight,
             bool transposed)
      : LinearNodeBase(stream, std::move(edges), std::move(input), std::move(weight), transposed) {}
  const char* type_name() const override { return "AddmmBackward0"; }
  void apply(Tensor* grads_in, Tensor* grads_out) override;
};

// Of the activation of such a y. The activation's part of the backward is here, or has been done by the node above
// (internal::leave_note).
class LinearActivationNode final : public LinearNodeBase {
 public:
  // `result`: of Relu. `saved`: what the kernel has left for the gradient.
  LinearActivationNode(const Stream& stream, Edges edges, autograd::SavedTensor input, autograd::SavedTensor weight,
                       autograd::SavedTensor result, autograd::SavedTensor saved, Activation activation);
  const char* type_name() const override { return "AddmmActivationBackward0"; }
  void apply(Tensor* grads_in, Tensor* grads_out) override;

  // The gradient of the activation's input where that of its result is g[N, n]·b[n, out], which are not empty, with a
  // note for this node; undefined, and no note, where the two do not fit.
  Tensor masked_product(const Tensor& g, const Tensor& b);

 private:
  friend class LinearNodeBase;
  bool takes_product(const Tensor& g, const Tensor& b) const;
  LayerBelow as_layer_below(Tensor& sums);
  Tensor masked(Tensor g) const;
  Tensor activation_input() const;

  autograd::SavedTensorScope saved_scope_;
  autograd::SavedTensor result_, saved_;
  Activation activation_;
};

// Make `y` the result of such a node, and return it.
Tensor record_linear(const Tensor& y, const Tensor& bias, const Tensor& input, const Tensor& weight,
                     bool transposed = false);
Tensor record_linear_activation(const Tensor& y, const Tensor& saved, const Tensor& bias, const Tensor& input,
                                const Tensor& weight, Activation activation);

}  // namespace ember::ops
