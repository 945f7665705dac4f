// Autograd's part of a tensor: history, gradient, views.
#include <ember/autograd/autograd.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/record.h>

namespace ember {

namespace detail {
thread_local constinit bool grad_mode_enabled = true;
}

namespace autograd {

AutogradMeta::~AutogradMeta() {
  if (retains_grad && grad_fn) grad_fn->forget_retained(owner);
  if (AccumulateGrad* a = accumulator.load(std::memory_order_acquire)) {
    a->forget_variable();
    a->release();
  }
}

AutogradMeta& meta(const Tensor& t) {
  EMBER_CHECK(t.defined(), "expected a tensor, got an undefined one");
  TensorImpl* impl = t.unsafe_impl();
  if (impl->autograd() == nullptr) impl->set_autograd(std::make_unique<AutogradMeta>(impl));
  return *meta_or_null(impl);
}

void set_history(const Tensor& t, IntrusivePtr<Node> node, uint32_t output_nr) {
  AutogradMeta& m = meta(t);
  if (m.retains_grad && m.grad_fn) {
    m.grad_fn->forget_retained(m.owner);
    m.retains_grad = false;
  }
  m.grad_fn = std::move(node);
  m.output_nr = output_nr;
  m.requires_grad = false;
  m.view_version = t.unsafe_impl()->version();
}

namespace {

bool has_history(const TensorImpl* impl) {
  const AutogradMeta* m = meta_or_null(impl);
  return m != nullptr && (m->requires_grad || m->grad_fn);
}

// Gives a view the history that its base has now.
void regenerate_view(const Tensor& view) {
  const Tensor base{view.unsafe_impl()->view_base()};
  const AutoGradMode recording_on(true);
  const Tensor fresh = as_strided(base, view.sizes(), view.strides(), view.storage_offset());
  const AutogradMeta& m = meta(fresh);
  set_history(view, m.grad_fn, m.output_nr);
}

// A view whose base was changed in place since gets its history from the base anew.
void refresh_view(const Tensor& t) {
  const TensorImpl* impl = t.unsafe_impl();
  const IntrusivePtr<TensorImpl>& base = impl->view_base();
  if (!base || !has_history(base.get())) return;
  const AutogradMeta& m = meta(t);
  if (m.requires_grad) return;  // made a leaf by hand
  if (m.grad_fn ? m.view_version == impl->version() : !meta_or_null(base.get())->grad_fn) return;
  regenerate_view(t);
}

const Tensor undefined;

}  // namespace

Edge gradient_edge(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  TensorImpl* impl = tensor.unsafe_impl();
  if (impl->view_base()) refresh_view(tensor);
  AutogradMeta* m = meta_or_null(impl);
  if (m == nullptr) return {};
  if (m->grad_fn) return {m->grad_fn, m->output_nr};
  if (!m->requires_grad) return {};
  AccumulateGrad* accumulator = m->accumulator.load(std::memory_order_acquire);
  if (accumulator == nullptr) {
    auto* fresh = new AccumulateGrad(impl);
    fresh->retain();  // the meta's
    if (m->accumulator.compare_exchange_strong(accumulator, fresh, std::memory_order_acq_rel)) {
      accumulator = fresh;
    } else {
      fresh->release();  // another thread was first
    }
  }
  return {IntrusivePtr<Node>(accumulator), 0};
}

Tensor snapshot(const Tensor& t, bool keep_values) {
  Tensor old = ember::detail::alias(t, t.sizes(), t.strides(), t.storage_offset());
  if (keep_values) {
    const NoGradGuard unrecorded;
    old = old.clone();
  }
  const Edge edge = gradient_edge(t);
  if (edge.is_valid()) set_history(old, edge.function, edge.input_nr);
  return old;
}

namespace {

// The gradient of a base of which a view was changed by `operation`: the region of the view goes through
// the operation's own gradient, the rest passes.
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, IntrusivePtr<Node> operation)
      : Node(nullptr, 0, 1),
        sizes_(base.sizes()),
        strides_(base.strides()),
        view_sizes_(view.sizes()),
        view_strides_(view.strides()),
        offset_(view.storage_offset() - base.storage_offset()),
        operation_(std::move(operation)),
        edges_(operation_->num_outputs()) {
    edges_[0] = gradient_edge(base);
    for (size_t i = 1; i < edges_.size(); ++i) edges_[i] = operation_->next_edge(i);
    set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
    set_stream(operation_->stream());
  }

  const char* type_name() const override { return "CopySlices"; }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    const Tensor& grad = grads_in[0];
    if (!grad.defined()) return;
    // A copy with the base's own strides, so that the view's geometry applies to it.
    const Tensor result =
        as_strided(ember::zeros({view_extent(sizes_, strides_)}, grad.options()), sizes_, strides_, 0);
    result.copy_(grad);
    const Tensor region = as_strided(result, view_sizes_, view_strides_, offset_);
    Tensor region_grad = region.clone();
    std::vector<Tensor> grads(edges_.size());
    operation_->apply(&region_grad, grads.data());
    if (should_compute_output(0)) {
      if (grads[0].defined()) {
        region.copy_(grads[0]);
      } else {
        region.zero_();
      }
      grads_out[0] = result;
    }
    for (size_t i = 1; i < grads.size(); ++i) grads_out[i] = std::move(grads[i]);
  }

  void release_variables() override { operation_->release_variables(); }

 private:
  Dims sizes_, strides_, view_sizes_, view_strides_;
  int64_t offset_;
  IntrusivePtr<Node> operation_;
  std::vector<Edge> edges_;
};

}  // namespace

void rebase_view(const Tensor& view) {
  const Tensor base{view.unsafe_impl()->view_base()};
  set_history(base, IntrusivePtr<Node>(new CopySlices(base, view, meta(view).grad_fn)));
  regenerate_view(view);
}

// ---- AccumulateGrad ----

AccumulateGrad::AccumulateGrad(TensorImpl* variable) : Node(nullptr, 0, 1), variable_(variable) {
  set_stream({variable->device(), 0});
}

Tensor AccumulateGrad::variable() const {
  const std::lock_guard lock(mutex_);
  if (variable_ == nullptr || !variable_->retain_if_alive()) return {};
  return Tensor(IntrusivePtr<TensorImpl>::adopt(variable_));
}

void AccumulateGrad::forget_variable() {
  const std::lock_guard lock(mutex_);
  variable_ = nullptr;
}

void AccumulateGrad::apply(Tensor* grads_in, Tensor*) {
  Tensor& grad = grads_in[0];
  if (!grad.defined()) return;
  const Tensor leaf = variable();
  if (!leaf.defined()) return;
  EMBER_CHECK(grad.sizes() == leaf.sizes(), "a gradient of sizes ", grad.sizes(), " arrived at a leaf of sizes ",
              leaf.sizes());
  if (grad.device() != leaf.device() || grad.dtype() != leaf.dtype()) grad = grad.to(leaf.device(), leaf.dtype());
  const std::lock_guard lock(mutex_);
  Tensor& stored = meta(leaf).grad;
  if (!stored.defined()) {
    if (GradMode::is_enabled()) {
      stored = grad.clone();
    } else if (grad.use_count() == 1 && grad.storage().use_count() == 1 && grad.is_contiguous() &&
               !grad.requires_grad()) {
      stored = std::move(grad);  // nobody else has it: no copy
    } else {
      stored = grad.detach().clone();
    }
  } else if (GradMode::is_enabled()) {
    stored = stored + grad;
  } else {
    const Tensor kept = stored;  // the handle may be replaced meanwhile by a hook
    kept.add_(grad);
  }
}

}  // namespace autograd

using autograd::AutogradMeta;
using autograd::meta;
using autograd::meta_or_null;

bool Tensor::requires_grad() const {
  const TensorImpl& t = impl();
  if (autograd::has_history(&t)) return true;
  const IntrusivePtr<TensorImpl>& base = t.view_base();
  if (!base) return false;
  const AutogradMeta* m = meta_or_null(base.get());
  return m != nullptr && m->grad_fn != nullptr;
}

Tensor& Tensor::requires_grad_(bool requires_grad) const {
  if (!requires_grad) {
    EMBER_CHECK(is_leaf(), "requires_grad_(false): only a leaf can stop requiring gradients; use detach()");
    if (AutogradMeta* m = meta_or_null(&impl())) m->requires_grad = false;
    return const_cast<Tensor&>(*this);
  }
  EMBER_CHECK(is_floating_point(), "requires_grad_: only floating tensors can require gradients, got ",
              describe(*this));
  if (is_leaf()) meta(*this).requires_grad = true;
  return const_cast<Tensor&>(*this);
}

bool Tensor::is_leaf() const {
  impl();
  return grad_fn() == nullptr;
}

const Tensor& Tensor::grad() const {
  const AutogradMeta* m = meta_or_null(&impl());
  return m == nullptr ? autograd::undefined : m->grad;
}

Tensor& Tensor::mutable_grad() const { return meta(*this).grad; }

void Tensor::set_grad(const Tensor& grad) const {
  if (grad.defined()) {
    EMBER_CHECK(grad.sizes() == sizes() && grad.dtype() == dtype() && grad.device() == device(),
                "set_grad: expected a gradient like the tensor, ", describe(*this), ", got ", describe(grad));
  }
  meta(*this).grad = grad;
}

IntrusivePtr<autograd::Node> Tensor::grad_fn() const {
  const TensorImpl& t = impl();
  if (t.view_base()) autograd::refresh_view(*this);
  const AutogradMeta* m = meta_or_null(&t);
  return m == nullptr ? nullptr : m->grad_fn;
}

uint32_t Tensor::output_nr() const {
  const AutogradMeta* m = meta_or_null(&impl());
  return m == nullptr ? 0 : m->output_nr;
}

void Tensor::retain_grad() const {
  EMBER_CHECK(requires_grad(), "retain_grad: the tensor does not require gradients");
  const IntrusivePtr<autograd::Node> node = grad_fn();
  AutogradMeta& m = meta(*this);
  if (!node || m.retains_grad) return;
  node->retain_grad(m.output_nr, unsafe_impl());
  m.retains_grad = true;
}

bool Tensor::retains_grad() const {
  const AutogradMeta* m = meta_or_null(&impl());
  return m != nullptr && m->retains_grad;
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph,
                      std::optional<TensorList> inputs) const {
  autograd::backward({*this}, {gradient}, retain_graph, create_graph, inputs.value_or(TensorList()));
}

unsigned Tensor::register_hook(std::function<Tensor(const Tensor&)> hook) const {
  EMBER_CHECK(requires_grad(), "register_hook: the tensor does not require gradients");
  EMBER_CHECK(hook, "register_hook: the hook is empty");
  const autograd::Edge edge = autograd::gradient_edge(*this);
  return edge.function->add_tensor_hook(edge.input_nr, std::move(hook));
}

unsigned Tensor::register_hook(std::function<void(const Tensor&)> hook) const {
  EMBER_CHECK(hook, "register_hook: the hook is empty");
  return register_hook(std::function<Tensor(const Tensor&)>([hook = std::move(hook)](const Tensor& g) {
    hook(g);
    return Tensor();
  }));
}

void Tensor::remove_hook(unsigned position) const {
  impl();
  const autograd::Edge edge = autograd::gradient_edge(*this);
  EMBER_CHECK(edge.is_valid(), "remove_hook: this tensor has no hooks");
  edge.function->remove_tensor_hook(edge.input_nr, position);
}

Tensor Tensor::tensor_data() const { return ember::detail::alias(*this, sizes(), strides(), storage_offset()); }

Tensor detach(const Tensor& self) { return self.tensor_data(); }
Tensor Tensor::detach() const { return tensor_data(); }

Tensor& Tensor::detach_() const {
  EMBER_CHECK(!impl().view_base(), "detach_: a view cannot be detached in place; use detach()");
  if (AutogradMeta* m = meta_or_null(&impl())) {
    if (m->retains_grad && m->grad_fn) m->grad_fn->forget_retained(m->owner);
    m->grad_fn = nullptr;
    m->requires_grad = false;
    m->retains_grad = false;
    m->output_nr = 0;
  }
  return const_cast<Tensor&>(*this);
}

void Tensor::set_data(const Tensor& other) const {
  EMBER_CHECK(other.defined(), "set_data: expected a tensor, got an undefined one");
  EMBER_CHECK(!requires_grad() || other.is_floating_point(),
              "set_data: a tensor that requires gradients needs floating data, got ", describe(other));
  EMBER_CHECK(is_leaf(), "set_data: only a leaf's data can be replaced; got a result of ", grad_fn()->name());
  impl().set_contents(*other.unsafe_impl());
}

}  // namespace ember
