// The history of an operation on a list of tensors.
#pragma once

#include <vector>

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// One result, as many inputs as there are tensors: gradient(i, g) is that of input i.
template <class F>
class ListNode final : public autograd::Node {
 public:
  ListNode(const char* name, TensorList tensors, const Stream& stream, F gradient)
      : Node(nullptr, 0, 1), name_(name), edges_(tensors.size()), gradient_(std::move(gradient)) {
    for (size_t i = 0; i < tensors.size(); ++i) edges_[i] = autograd::gradient_edge(tensors[i]);
    set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
    set_stream(stream);
  }
  const char* type_name() const override { return name_; }
  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!grads_in[0].defined()) return;
    for (size_t i = 0; i < edges_.size(); ++i) {
      if (should_compute_output(i)) grads_out[i] = gradient_(i, std::as_const(grads_in[0]));
    }
  }

 private:
  const char* name_;
  std::vector<autograd::Edge> edges_;
  F gradient_;
};

// Makes `y` the result of such a node, if any of the tensors requires a gradient, and returns it. Nothing is saved.
template <class F>
Tensor record_list(const char* name, const Tensor& y, TensorList tensors, F gradient) {
  bool any = false;
  for (const Tensor& t : tensors) any |= recording(t);
  if (!any || !y.is_floating_point()) return y;
  const Stream stream = y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device());
  autograd::set_history(y, IntrusivePtr<autograd::Node>(new ListNode<F>(name, tensors, stream, std::move(gradient))));
  return y;
}

// Throws unless every tensor is defined; with `some`, unless there is one.
inline void check_list(const char* op, TensorList tensors, bool some = true) {
  EMBER_CHECK(!some || !tensors.empty(), op, ": expected at least one tensor");
  for (size_t i = 0; i < tensors.size(); ++i) {
    EMBER_CHECK(tensors[i].defined(), op, ": tensor ", i, " is undefined");
  }
}

}  // namespace ember::ops
