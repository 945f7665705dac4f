// The end of the graph at a leaf.
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

namespace ember::autograd {

AccumulateGrad::AccumulateGrad(TensorImpl* variable) : Node(nullptr, 0, 1), variable_(variable) {
  moved_to(variable->device());
}

void AccumulateGrad::moved_to(Device device) { set_stream({device, 0}); }

Tensor AccumulateGrad::variable() const {
  const std::lock_guard lock(mutex_);
  if (variable_ == nullptr || !variable_->retain_if_alive()) return {};
  return Tensor(IntrusivePtr<TensorImpl>::adopt(variable_));
}

void AccumulateGrad::forget_variable() {
  const std::lock_guard lock(mutex_);
  variable_ = nullptr;
}

void AccumulateGrad::set_post_hook(std::unique_ptr<PostAccumulateGradHook> hook) {
  const std::lock_guard lock(mutex_);
  post_hook_ = std::move(hook);
}

namespace {

// A gradient has the strides of its leaf where that is dense, else it is contiguous.
bool has_layout_of(const Tensor& grad, const Tensor& leaf) {
  if (!leaf.is_non_overlapping_and_dense()) return grad.is_contiguous();
  if (leaf.is_contiguous()) return grad.is_contiguous();
  for (size_t d = 0; d < leaf.sizes().size(); ++d)
    if (leaf.sizes()[d] != 1 && leaf.strides()[d] != grad.strides()[d]) return false;
  return true;
}

Tensor clone_with_layout_of(const Tensor& grad, const Tensor& leaf) {
  if (!leaf.is_non_overlapping_and_dense() || leaf.is_contiguous()) return grad.clone(MemoryFormat::Contiguous);
  const Tensor dense = ember::detail::empty(leaf.sizes(), grad.scalar_type(), grad.device());
  const Tensor copy = ember::detail::alias(dense, leaf.sizes(), leaf.strides(), 0);
  copy.copy_(grad);
  return copy;
}

// What grad() of `leaf` becomes when `grad` is the first gradient. `grad` is taken where nobody else has it.
Tensor first_gradient(Tensor& grad, const Tensor& leaf) {
  const bool take = !GradMode::is_enabled() && grad.use_count() == 1 && grad.storage().use_count() == 1 &&
                    !grad.requires_grad() && has_layout_of(grad, leaf);
  return take ? std::move(grad) : clone_with_layout_of(grad, leaf);
}

}  // namespace

void AccumulateGrad::apply(Tensor* grads_in, Tensor*) {
  Tensor& grad = grads_in[0];
  if (!grad.defined()) return;
  const Tensor leaf = variable();
  if (!leaf.defined() || !leaf.requires_grad()) return;
  if (!(grad.sizes() == leaf.sizes())) {
    EMBER_CHECK(is_expandable_to(leaf.sizes(), grad.sizes()), "a gradient of sizes ", grad.sizes(),
                " arrived at a leaf of sizes ", leaf.sizes());
    grad = grad.sum_to_size(leaf.sizes());
  }
  if (grad.device() != leaf.device() || grad.dtype() != leaf.dtype()) {
    grad = grad.to(leaf.device(), leaf.scalar_type());
  }
  std::shared_ptr<PostAccumulateGradHook> hook;
  {
    const std::lock_guard lock(mutex_);
    Tensor& stored = meta(leaf).grad;
    if (!stored.defined()) {
      stored = first_gradient(grad, leaf);
    } else if (GradMode::is_enabled()) {
      stored = stored + grad;  // the graph of what was there stays as it is
    } else {
      const Tensor kept = stored;  // the handle may be replaced meanwhile by a hook
      kept.add_(grad);
    }
    hook = post_hook_;
  }
  if (hook) (*hook)(leaf);
}

}  // namespace ember::autograd
