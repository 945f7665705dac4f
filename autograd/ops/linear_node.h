// The history of a linear layer with a bias.
#pragma once

#include <ember/autograd/ops/common.h>
#include <ember/core/product_kernels.h>

namespace ember::ops {

// Of y[N, out] = input[N, in]·weightᵀ[in, out] + bias[out]. A node of its own, because the gradients of the weight and
// of the bias may come of one pass over that of y.
class LinearNode final : public autograd::Node {
 public:
  LinearNode(const Stream& stream, const Tensor& bias, const Tensor& input, const Tensor& weight,
             autograd::SavedTensor saved_input, autograd::SavedTensor saved_weight)
      : Node(edges_, 3, 1),
        edges_{autograd::gradient_edge(bias), autograd::gradient_edge(input), autograd::gradient_edge(weight)},
        scope_(this),
        input_(std::move(saved_input)),
        weight_(std::move(saved_weight)) {
    scope_.close();
    set_stream(stream);
  }

  const char* type_name() const override { return "AddmmBackward0"; }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!grads_in[0].defined()) return;
    const Tensor& g = std::as_const(grads_in[0]);
    const bool of_bias = task_should_compute_output(0), of_weight = task_should_compute_output(2);
    if (of_weight) {
      const Tensor x = input_.get();
      if (of_bias && !recording(g, x)) {
        gradients_of_parameters(g, x, grads_out[0], grads_out[2]);
      } else {
        if (of_bias) grads_out[0] = g.sum(0);
        grads_out[2] = g.t().mm(x);
      }
    } else if (of_bias) {
      grads_out[0] = g.sum(0);
    }
    if (task_should_compute_output(1)) grads_out[1] = g.mm(weight_.get());
  }

 private:
  static void gradients_of_parameters(const Tensor& g, const Tensor& x, Tensor& bias, Tensor& weight) {
    const int64_t outputs = g.sizes()[1];
    bias = ember::detail::empty({outputs}, g.scalar_type(), g.device());
    weight = ember::detail::empty({outputs, x.sizes()[1]}, g.scalar_type(), g.device());
    if (outputs == 0) return;
    const Tensor columns =
        ember::detail::alias(g, {outputs, g.sizes()[0]}, {g.strides()[1], g.strides()[0]}, g.storage_offset());
    launch(product_kernels.matmul_row_sums, g.device(), weight, bias, columns, x);
  }

  autograd::Edge edges_[3];
  autograd::SavedTensorScope scope_;
  autograd::SavedTensor input_, weight_;
};

// Makes `y` the result of such a node, and returns it.
inline Tensor record_linear(const Tensor& y, const Tensor& bias, const Tensor& input, const Tensor& weight) {
  const Stream stream = y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device());
  autograd::set_history(
      y,
      IntrusivePtr<autograd::Node>(new LinearNode(stream, bias, input, weight, save_if(weight.requires_grad(), input),
                                                  save_if(input.requires_grad(), weight))),
      0);
  return y;
}

}  // namespace ember::ops
