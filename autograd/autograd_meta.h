// What autograd knows of a tensor.
#pragma once

#include <atomic>
#include <mutex>

#include <ember/autograd/node.h>

namespace ember::autograd {

class AccumulateGrad;

struct AutogradMeta final : AutogradMetaBase, detail::Pooled {
  explicit AutogradMeta(TensorImpl* owner) : owner(owner) {}
  ~AutogradMeta() override;

  TensorImpl* owner;
  Tensor grad;
  IntrusivePtr<Node> grad_fn;
  uint32_t output_nr = 0;
  uint32_t view_version = 0;  // of a view: the version of the data for which grad_fn holds
  bool requires_grad = false;
  bool retains_grad = false;
  std::atomic<AccumulateGrad*> accumulator{nullptr};  // owned, made when first needed
};

inline AutogradMeta* meta_or_null(const TensorImpl* impl) { return static_cast<AutogradMeta*>(impl->autograd()); }
AutogradMeta& meta(const Tensor& t);

// Makes `node`'s result `output_nr` the history of `t`.
void set_history(const Tensor& t, IntrusivePtr<Node> node, uint32_t output_nr = 0);
// A handle to the same view with the same history: what `t` was before an operation in place. With
// `keep_values` it has a copy of the elements, for an operation whose gradient needs them.
Tensor snapshot(const Tensor& t, bool keep_values);
// After an operation in place on a view: its base gets a history that contains the operation.
void rebase_view(const Tensor& view);

// The end of the graph at a leaf: adds the gradient to the leaf's grad().
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(TensorImpl* variable);
  const char* type_name() const override { return "torch::autograd::AccumulateGrad"; }
  void apply(Tensor* grads_in, Tensor* grads_out) override;
  Tensor variable() const override;
  void forget_variable();

 private:
  mutable std::mutex mutex_;
  TensorImpl* variable_;  // null when the leaf is gone
};

}  // namespace ember::autograd
