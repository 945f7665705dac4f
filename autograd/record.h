// How an operation records its gradient:
//
//   Tensor mul(const Tensor& a, const Tensor& b) {
//     Tensor y = …;
//     if (!recording(a, b)) return y;
//     return record("MulBackward0", y,
//                   wrt(a, [b = save_if(a.requires_grad(), b)](const Tensor& g) { return g * b.get(); }),
//                   wrt(b, [a = save_if(b.requires_grad(), a)](const Tensor& g) { return g * a.get(); }));
//   }
//
// One allocation: the node with its edges and the lambdas with what they saved. A lambda runs only when
// the gradient of its input is wanted, and never for an undefined (zero) gradient; it returns the
// gradient or an undefined tensor for zero. Written in recorded operations, it is its own double backward.
#pragma once

#include <tuple>
#include <utility>

#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/grad_mode.h>

namespace ember::autograd {

template <class... T>
bool recording(const T&... inputs) {
  return recording_enabled() && (inputs.requires_grad() || ...);
}

template <class F>
struct Wrt {
  const Tensor& input;
  F gradient;
};

template <class F>
Wrt<F> wrt(const Tensor& input, F gradient) {
  return {input, std::move(gradient)};
}

template <class... F>
class OperationNode final : public Node {
 public:
  OperationNode(const char* name, const Stream& stream, Wrt<F>&&... inputs)
      : Node(edges_, sizeof...(F), 1),
        name_(name),
        edges_{gradient_edge(inputs.input)...},
        scope_(this),
        gradients_(std::move(inputs.gradient)...) {
    scope_.close();
    set_stream(stream);
  }

  const char* type_name() const override { return name_; }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!grads_in[0].defined()) return;
    [&]<size_t... I>(std::index_sequence<I...>) {
      ((task_should_compute_output(I) ? void(grads_out[I] = std::get<I>(gradients_)(std::as_const(grads_in[0])))
                                      : void()),
       ...);
    }
    (std::index_sequence_for<F...>());
  }

 private:
  const char* name_;
  Edge edges_[sizeof...(F)];
  SavedTensorScope scope_;
  std::tuple<F...> gradients_;
};

// Makes `y` the result of a node with these gradients, and returns it. `y` must be floating.
template <class... F>
Tensor record(const char* name, const Tensor& y, Wrt<F>... inputs) {
  const Stream stream = y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device());
  set_history(y, IntrusivePtr<Node>(new OperationNode<F...>(name, stream, std::move(inputs)...)), 0);
  return y;
}

}  // namespace ember::autograd
