#include <ember/autograd/ops/linear_node.h>

#include <typeinfo>

#include <ember/autograd/engine.h>
#include <ember/autograd/ops/activation.h>

namespace ember::ops {

namespace {

Tensor transpose_of(const Tensor& m) {
  return ember::detail::alias(m, {m.sizes()[1], m.sizes()[0]}, {m.strides()[1], m.strides()[0]}, m.storage_offset());
}

Tensor empty_matrix(int64_t rows, int64_t columns, const Tensor& like) {
  return ember::detail::empty({rows, columns}, like.scalar_type(), like.device());
}

// Whether a gradient is nobody else's, and so can be changed where it is.
bool is_own(const Tensor& g) { return g.use_count() == 1 && g.storage().use_count() == 1 && g.is_contiguous(); }

Stream stream_for(const Tensor& y) { return y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device()); }

}  // namespace

// ---- both ----

LinearNodeBase::LinearNodeBase(const Stream& stream, Edges edges, autograd::SavedTensor input,
                               autograd::SavedTensor weight, bool transposed)
    : Node(edges_, 3, 1),
      edges_{std::move(edges.bias), std::move(edges.input), std::move(edges.weight)},
      scope_(this),
      input_(std::move(input)),
      weight_(std::move(weight)),
      transposed_(transposed) {
  scope_.close();
  set_stream(stream);
}

void LinearNodeBase::gradients(const Tensor& g, const Tensor& sums, Tensor* grads_out) {
  const bool of_bias = task_should_compute_output(0), of_weight = task_should_compute_output(2);
  if (of_bias && of_weight && !sums.defined() && all_at_once(g, grads_out)) return;
  if (of_weight) {
    const Tensor x = input_.get();
    if (of_bias && !sums.defined() && !recording(g, x)) {
      gradients_of_parameters(g, x, grads_out);
    } else {
      grads_out[2] = gradient_of_weight(g, x);
    }
  }
  if (of_bias && !grads_out[0].defined()) grads_out[0] = sums.defined() ? sums : g.sum(0);
  if (task_should_compute_output(1)) grads_out[1] = gradient_of_input(g);
}

Tensor LinearNodeBase::gradient_of_weight(const Tensor& g, const Tensor& x) {
  if (!transposed_) return g.t().mm(x);
  return recording(g, x) ? x.t().mm(g) : transpose_of(g.t().mm(x));  // dense columns, as the weight has
}

void LinearNodeBase::gradients_of_parameters(const Tensor& g, const Tensor& x, Tensor* grads_out) {
  const int64_t outputs = g.sizes()[1];
  const Tensor bias = ember::detail::empty({outputs}, g.scalar_type(), g.device());
  const Tensor weight = empty_matrix(outputs, x.sizes()[1], g);
  if (outputs != 0) launch(product_kernels.matmul_row_sums, g.device(), weight, bias, transpose_of(g), x);
  grads_out[0] = bias;
  grads_out[2] = transposed_ ? transpose_of(weight) : weight;
}

// The node that the input is of, if that wants its gradient from here only and with what it would do to it.
LinearActivationNode* LinearNodeBase::layer_below() const {
  autograd::Node& below = *edges_[1].function;
  const bool found = typeid(below) == typeid(LinearActivationNode) && autograd::internal::only_gradient(*this, below);
  return found ? static_cast<LinearActivationNode*>(&below) : nullptr;
}

// Where the device has a kernel for that.
bool LinearNodeBase::all_at_once(const Tensor& g, Tensor* grads_out) {
  if (product_kernels.linear_backward.function[static_cast<size_t>(g.device().type())] == nullptr) return false;
  if (!task_should_compute_output(1) || autograd::recording_enabled()) return false;
  const Tensor &x = input_.values(), &weight = weight_.values();
  const Tensor b = transposed_ ? transpose_of(weight) : weight;
  const bool fits = g.dim() == 2 && x.dim() == 2 && g.sizes()[0] == x.sizes()[0] && g.sizes()[1] == b.sizes()[0] &&
                    x.sizes()[1] == b.sizes()[1] && g.dtype() == x.dtype() && g.dtype() == b.dtype() &&
                    g.device() == x.device() && g.device() == b.device() && g.is_floating_point();
  if (!fits || g.numel() == 0 || x.numel() == 0) return false;
  const Tensor bias = ember::detail::empty({g.sizes()[1]}, g.scalar_type(), g.device());
  const Tensor of_weight = empty_matrix(g.sizes()[1], x.sizes()[1], g),
               of_x = empty_matrix(x.sizes()[0], x.sizes()[1], g);
  LinearActivationNode* below = layer_below();
  if (below != nullptr && !below->takes_product(g, b)) below = nullptr;
  if (below == nullptr) {
    launch(product_kernels.linear_backward, g.device(), of_x, of_weight, bias, g, x, b, nullptr);
  } else {
    Tensor sums;
    const LayerBelow layer = below->as_layer_below(sums);
    launch(product_kernels.linear_backward, g.device(), of_x, of_weight, bias, g, x, b, &layer);
    autograd::internal::leave_note(*below, std::move(sums));
  }
  grads_out[0] = bias;
  grads_out[1] = of_x;
  grads_out[2] = transposed_ ? transpose_of(of_weight) : of_weight;
  return true;
}

Tensor LinearNodeBase::gradient_of_input(const Tensor& g) {
  const Tensor weight = weight_.get();
  LinearActivationNode* const below = autograd::recording_enabled() ? nullptr : layer_below();
  if (below != nullptr) {
    const Tensor b = transposed_ ? transpose_of(weight) : weight;
    if (g.numel() != 0 && b.numel() != 0) {
      Tensor masked = below->masked_product(g, b);
      if (masked.defined()) return masked;
    }
  }
  return g.mm(transposed_ ? weight.t() : weight);
}

// ---- the layer alone ----

void LinearNode::apply(Tensor* grads_in, Tensor* grads_out) {
  if (grads_in[0].defined()) gradients(std::as_const(grads_in[0]), {}, grads_out);
}

// ---- with an activation ----

LinearActivationNode::LinearActivationNode(const Stream& stream, Edges edges, autograd::SavedTensor input,
                                           autograd::SavedTensor weight, autograd::SavedTensor result,
                                           autograd::SavedTensor saved, Activation activation)
    : LinearNodeBase(stream, std::move(edges), std::move(input), std::move(weight), false),
      saved_scope_(this),
      result_(std::move(result)),
      saved_(std::move(saved)),
      activation_(activation) {
  saved_scope_.close();
}

void LinearActivationNode::apply(Tensor* grads_in, Tensor* grads_out) {
  if (!grads_in[0].defined()) return;
  // Taken in any case: what is left of it must not be found another time.
  if (const std::optional<Tensor> sums = autograd::internal::take_note(*this)) {
    gradients(std::as_const(grads_in[0]), *sums, grads_out);
  } else {
    gradients(masked(std::move(grads_in[0])), {}, grads_out);
  }
}

Tensor LinearActivationNode::masked(Tensor g) const {
  const bool relu = activation_ == Activation::Relu;
  if (autograd::recording_enabled()) {
    return relu ? relu_backward(g, result_.get()) : gelu_tanh_backward(g, activation_input());
  }
  const Tensor& point = relu ? result_.values() : saved_.values();
  const Elementwise op = relu ? Elementwise{"relu_backward", kernels.relu_backward}
                              : Elementwise{"gelu_backward", kernels.gelu_tanh_backward};
  return is_own(g) ? binary(op, Dest(g), g, point) : binary(op, Dest(), g, point);
}

// With a history: that of the layer alone.
Tensor LinearActivationNode::activation_input() const {
  const Tensor kept = saved_.get();
  const Tensor x = ember::detail::alias(kept, kept.sizes(), kept.strides(), kept.storage_offset());
  const auto again = [](const autograd::SavedTensor& s) {
    return s.defined() ? autograd::SavedTensor(s.get(), false) : autograd::SavedTensor();
  };
  autograd::set_history(x,
                        IntrusivePtr<autograd::Node>(new LinearNode(stream(), {edges_[0], edges_[1], edges_[2]},
                                                                    again(input_), again(weight_), false)),
                        0);
  return x;
}

bool LinearActivationNode::takes_product(const Tensor& g, const Tensor& b) const {
  const Tensor& point = activation_ == Activation::Relu ? result_.peek() : saved_.peek();
  if (g.dim() != 2 || g.sizes()[1] != b.sizes()[0] || g.dtype() != b.dtype() || g.device() != b.device()) return false;
  return !point.defined() || (point.sizes()[0] == g.sizes()[0] && point.sizes()[1] == b.sizes()[1]);
}

LayerBelow LinearActivationNode::as_layer_below(Tensor& sums) {
  return {activation_, result_.values(), saved_.values(), task_should_compute_output(0) ? &sums : nullptr};
}

Tensor LinearActivationNode::masked_product(const Tensor& g, const Tensor& b) {
  if (!takes_product(g, b)) return {};
  const Tensor out = empty_matrix(g.sizes()[0], b.sizes()[1], g);
  Tensor sums;
  const LayerBelow layer = as_layer_below(sums);
  launch(product_kernels.matmul_activation_backward, g.device(), out, layer.sums, g, b, layer.result, layer.saved,
         layer.activation);
  autograd::internal::leave_note(*this, std::move(sums));
  return out;
}

// ---- recording ----

namespace {
LinearNodeBase::Edges edges_to(const Tensor& bias, const Tensor& input, const Tensor& weight) {
  return {autograd::gradient_edge(bias), autograd::gradient_edge(input), autograd::gradient_edge(weight)};
}
}  // namespace

Tensor record_linear(const Tensor& y, const Tensor& bias, const Tensor& input, const Tensor& weight, bool transposed) {
  autograd::set_history(y,
                        IntrusivePtr<autograd::Node>(new LinearNode(
                            stream_for(y), edges_to(bias, input, weight), save_if(weight.requires_grad(), input),
                            save_if(input.requires_grad(), weight), transposed)),
                        0);
  return y;
}

Tensor record_linear_activation(const Tensor& y, const Tensor& saved, const Tensor& bias, const Tensor& input,
                                const Tensor& weight, Activation activation) {
  autograd::set_history(
      y,
      IntrusivePtr<autograd::Node>(new LinearActivationNode(
          stream_for(y), edges_to(bias, input, weight), save_if(weight.requires_grad(), input),
          save_if(input.requires_grad(), weight),
          activation == Activation::Relu ? save_output(y) : autograd::SavedTensor(), save(saved), activation)),
      0);
  return y;
}

}  // namespace ember::ops
