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
  bool requires_grad = false;
  bool retains_grad = false;
  std::atomic<AccumulateGrad*> accumulator{nullptr};  // owned, made when first needed
};

inline AutogradMeta* meta_or_null(const TensorImpl* impl) { return static_cast<AutogradMeta*>(impl->autograd()); }
AutogradMeta& meta(const Tensor& t);

// Makes `node`'s result `output_nr` the history of `t`.
void set_history(const Tensor& t, IntrusivePtr<Node> node, uint32_t output_nr);
// A view whose memory was changed in place since gets its history from its base anew.
void refresh_view(const Tensor& t);
// Makes `y`, an alias of `base`, a view of it in autograd's sense where there is one to keep track of.
void track_view(const Tensor& y, const Tensor& base);
// After a recorded operation in place on a view: its base gets a history that contains the operation, of which the
// view was input `input`.
void rebase_view(const Tensor& view, size_t input = 0);
[[noreturn]] void throw_inference_in_place(const char* op);
// Throws if `self` requires gradients and an operation in place on it cannot be recorded.
void check_in_place(const char* op, const Tensor& self);

// One operation in place on `self` while recording: checks before, brings the history up to date in finish().
class InPlaceChange {
 public:
  InPlaceChange(const char* op, const Tensor& self, bool keep_values);
  // A handle to the same view with the same history: what `self` was before. With `keep_values` it has a copy of
  // the elements, for an operation whose gradient needs them.
  const Tensor& old() const { return old_; }
  void finish();

 private:
  const char* op_;
  const Tensor& self_;
  Tensor old_;
  Tensor backup_;  // the elements, where finish() may have to undo the change
  StorageBeingChanged changing_;
  const Node* before_;
};

// The end of the graph at a leaf: adds the gradient to the leaf's grad().
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(TensorImpl* variable);
  const char* type_name() const override { return "torch::autograd::AccumulateGrad"; }
  void apply(Tensor* grads_in, Tensor* grads_out) override;
  Tensor variable() const override;
  void forget_variable();
  void moved_to(Device device);
  void set_post_hook(std::unique_ptr<PostAccumulateGradHook> hook);

 private:
  mutable std::mutex mutex_;
  TensorImpl* variable_;  // null when the leaf is gone
  std::shared_ptr<PostAccumulateGradHook> post_hook_;
};

}  // namespace ember::autograd
