// Autograd's part of a tensor: history, gradient, views.
#include <ember/autograd/autograd.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/record.h>

namespace ember {

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
  if (m.retains_grad && m.grad_fn) {  // it goes on retaining: now the gradient of what it has become
    m.grad_fn->forget_retained(m.owner);
    if (node) node->retain_grad(output_nr, m.owner);
    m.retains_grad = static_cast<bool>(node);
  }
  m.grad_fn = std::move(node);
  m.output_nr = output_nr;
  m.requires_grad = false;
  TensorImpl* impl = t.unsafe_impl();
  if (impl->view_base()) impl->set_view_version(impl->version());
}

void set_history(const Tensor& result, const IntrusivePtr<Node>& node) {
  EMBER_CHECK(node, "set_history: the node is null");
  const uint32_t nr = node->add_input_metadata(result);
  if (result.defined()) set_history(result, node, nr);
}

void set_history(const std::vector<Tensor>& results, const IntrusivePtr<Node>& node) {
  for (const Tensor& y : results) set_history(y, node);
}

void create_gradient_edge(const Tensor& result, IntrusivePtr<Node> node) { set_history(result, node); }

namespace {

bool has_history(const TensorImpl* impl) {
  const AutogradMeta* m = meta_or_null(impl);
  return m != nullptr && (m->requires_grad || m->grad_fn);
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

namespace impl {

void set_gradient_edge(const Tensor& tensor, Edge edge) {
  autograd::set_history(tensor, std::move(edge.function), edge.input_nr);
}

IntrusivePtr<Node> grad_accumulator(const Tensor& leaf) {
  EMBER_CHECK(leaf.defined() && leaf.is_leaf(), "grad_accumulator: expected a leaf, got ", describe(leaf));
  return autograd::gradient_edge(leaf).function;
}

void set_post_acc_grad_hooks(const Tensor& leaf, std::unique_ptr<PostAccumulateGradHook> hook) {
  auto* accumulator = dynamic_cast<AccumulateGrad*>(grad_accumulator(leaf).get());
  EMBER_CHECK(accumulator != nullptr, "set_post_acc_grad_hooks: expected a leaf that requires gradients, got ",
              describe(leaf));
  accumulator->set_post_hook(std::move(hook));
}

}  // namespace impl

}  // namespace autograd

using autograd::AutogradMeta;
using autograd::meta;
using autograd::meta_or_null;

bool Tensor::requires_grad() const {
  const TensorImpl& t = impl();
  if (autograd::has_history(&t)) return true;
  const IntrusivePtr<TensorImpl>& base = t.view_base();
  return base && autograd::has_history(base.get());
}

Tensor& Tensor::requires_grad_(bool requires_grad) const {
  if (!requires_grad) {
    EMBER_CHECK(is_leaf(), "requires_grad_(false): only a leaf can stop requiring gradients; use detach()");
    if (AutogradMeta* m = meta_or_null(&impl())) m->requires_grad = false;
    return const_cast<Tensor&>(*this);
  }
  EMBER_CHECK(is_floating_point(), "requires_grad_: only floating tensors can require gradients, got ",
              describe(*this));
  EMBER_CHECK(!is_inference() || InferenceMode::is_enabled(),
              "requires_grad_: an inference tensor cannot require gradients outside of inference mode; use clone()");
  if (is_leaf()) meta(*this).requires_grad = true;
  return const_cast<Tensor&>(*this);
}

bool Tensor::is_leaf() const {
  const TensorImpl& t = impl();
  if (t.view_base() && t.view_kind() == ViewKind::Plain) autograd::refresh_view(*this);
  const AutogradMeta* m = meta_or_null(&t);
  return m == nullptr || !m->grad_fn;
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

Tensor Tensor::variable_data() const {
  Tensor t = tensor_data();
  t.unsafe_impl()->count_versions_from(0);
  return t;
}

Tensor Tensor::_base() const {
  EMBER_CHECK(is_view(), "_base: the tensor is not a view");
  return Tensor(impl().view_base());
}

int64_t Tensor::_version() const {
  EMBER_CHECK(!impl().is_inference(), "_version: inference tensors do not count their versions");
  return impl().version();
}

const std::string& Tensor::name() const {
  static const std::string none;
  impl();
  return none;
}

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
  impl().set_contents(*other.unsafe_impl());
  AutogradMeta* m = meta_or_null(&impl());
  if (m == nullptr) return;
  if (autograd::AccumulateGrad* a = m->accumulator.load(std::memory_order_acquire)) a->moved_to(device());
}

}  // namespace ember
