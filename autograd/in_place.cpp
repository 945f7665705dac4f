// Views and changes in place: how the history of a view, of its base and of other views of it stay one.
#include <mutex>

#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

namespace ember::autograd {

namespace {

bool has_history(const TensorImpl* impl) {
  const AutogradMeta* m = meta_or_null(impl);
  return m != nullptr && (m->requires_grad || m->grad_fn);
}

// Ordinary recording for the scope, whatever the thread's modes.
class Recording {
 public:
  Recording() : previous_(ember::detail::modes) { ember::detail::modes = {true, false}; }
  ~Recording() { ember::detail::modes = previous_; }

 private:
  ember::detail::ThreadModes previous_;
};

const char* reason(ViewKind kind) {
  switch (kind) {
    case ViewKind::NoGrad: return "it was made while recording was off";
    case ViewKind::Inference: return "it was made in inference mode";
    case ViewKind::MultipleOutputs: return "it is one of several views that one operation returned";
    case ViewKind::CustomFunction: return "it was returned by a custom Function";
    case ViewKind::Plain: break;
  }
  return "";
}

[[noreturn]] void throw_view_changed(const char* op, const Tensor& view) {
  ember::detail::throw_error(
      ember::detail::concat(op, ": a view, ", describe(view), ", cannot be changed in place while recording, since ",
                            reason(view.unsafe_impl()->view_kind()),
                            "; use clone() or an operation out of place, or turn recording off for the change"));
}

// Gives a view the history that its base has now.
void regenerate_view(const Tensor& view) {
  const Tensor base{view.unsafe_impl()->view_base()};
  const Recording on;
  const Tensor fresh = as_strided(base, view.sizes(), view.strides(), view.storage_offset());
  const AutogradMeta& m = meta(fresh);
  set_history(view, m.grad_fn, m.output_nr);
}

}  // namespace

void throw_inference_in_place(const char* op) {
  ember::detail::throw_error(ember::detail::concat(
      op,
      ": an inference tensor cannot be changed in place outside of inference mode; use clone() to get one that can"));
}

void refresh_view(const Tensor& t) {
  TensorImpl* impl = t.unsafe_impl();
  if (impl->view_version() == impl->version()) return;
  const AutogradMeta* m = meta_or_null(impl);
  const bool base_records = has_history(impl->view_base().get());
  if (!base_records && !(m != nullptr && m->grad_fn)) return;
  EMBER_CHECK(impl->view_kind() == ViewKind::Plain, "the history of a view, ", describe(t),
              ", is lost: its memory was changed in place after it was made, and ", reason(impl->view_kind()));
  static std::mutex mutex;  // threads may share the view
  const std::lock_guard lock(mutex);
  if (impl->view_version() == impl->version()) return;
  if (base_records) {
    regenerate_view(t);
  } else {
    impl->set_view_version(impl->version());
  }
}

void track_view(const Tensor& y, const Tensor& base) {
  const TensorImpl* b = base.unsafe_impl();
  if (b->is_inference()) return;
  const IntrusivePtr<TensorImpl>& root = b->view_base();
  const ember::detail::ThreadModes modes = ember::detail::modes;
  // What is made without recording matters only where there is a history for it to lose.
  if (!modes.grad && !has_history(root ? root.get() : b)) return;
  ViewKind kind = root ? b->view_kind() : ViewKind::Plain;
  if (kind == ViewKind::Plain && modes.inference) kind = ViewKind::Inference;
  if (kind == ViewKind::Plain && !modes.grad) kind = ViewKind::NoGrad;
  y.unsafe_impl()->set_view_base(root ? root : base.impl_ptr(), kind);
}

namespace {

// The gradient of a base of which a view was changed by `operation`: the region of the view goes through
// the operation's own gradient, the rest passes.
class CopySlices final : public Node {
 public:
  CopySlices(const Tensor& base, const Tensor& view, IntrusivePtr<Node> operation, size_t input)
      : Node(nullptr, 0, 1),
        sizes_(base.sizes()),
        strides_(base.strides()),
        view_sizes_(view.sizes()),
        view_strides_(view.strides()),
        offset_(view.storage_offset() - base.storage_offset()),
        operation_(std::move(operation)),
        input_(input),
        edges_(operation_->num_outputs()) {
    for (size_t i = 0; i < edges_.size(); ++i) {
      edges_[i] = i == input_ ? gradient_edge(base) : operation_->next_edge(i);
    }
    set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
    set_stream(operation_->stream());
  }

  const char* type_name() const override { return "torch::autograd::CopySlices"; }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    const Tensor& grad = grads_in[0];
    if (!grad.defined()) return;
    // A copy with the base's own strides, so that the view's geometry applies to it.
    const Tensor result =
        as_strided(ember::zeros({view_extent(sizes_, strides_)}, grad.options()), sizes_, strides_, 0);
    result.copy_(grad);
    const Tensor region = as_strided(result, view_sizes_, view_strides_, offset_);
    // The operation has one result, of which the view is the value; it may have more that are not used.
    std::vector<Tensor> grads_of_results(operation_->num_inputs());
    grads_of_results[0] = region.clone();
    std::vector<Tensor> grads(edges_.size());
    operation_->apply(grads_of_results.data(), grads.data());
    if (task_should_compute_output(input_)) {
      if (grads[input_].defined()) {
        region.copy_(grads[input_]);
      } else {
        region.zero_();
      }
      grads_out[input_] = result;
    }
    for (size_t i = 0; i < grads.size(); ++i)
      if (i != input_) grads_out[i] = std::move(grads[i]);
  }

  void release_variables() override { operation_->release_variables(); }

 private:
  Dims sizes_, strides_, view_sizes_, view_strides_;
  int64_t offset_;
  IntrusivePtr<Node> operation_;
  size_t input_;
  std::vector<Edge> edges_;
};

}  // namespace

void rebase_view(const Tensor& view, size_t input) {
  const Tensor base{view.unsafe_impl()->view_base()};
  const IntrusivePtr<Node> operation = meta(view).grad_fn;
  set_history(base, IntrusivePtr<Node>(new CopySlices(base, view, operation, input)), 0);
  regenerate_view(view);
}

void check_in_place(const char* op, const Tensor& self) {
  if (!self.requires_grad()) return;
  const TensorImpl* impl = self.unsafe_impl();
  const IntrusivePtr<TensorImpl>& base = impl->view_base();
  if (base && impl->view_kind() != ViewKind::Plain) throw_view_changed(op, self);
  const AutogradMeta* of_base = base ? meta_or_null(base.get()) : nullptr;
  EMBER_CHECK(of_base == nullptr || !of_base->requires_grad, op,
              ": a view of a leaf that requires gradients cannot be changed in place while recording; use a "
              "NoGradGuard or an operation out of place");
  EMBER_CHECK(!self.is_leaf(), op,
              ": a leaf that requires gradients cannot be changed in place while recording; use a "
              "NoGradGuard or an operation out of place");
}

InPlaceChange::InPlaceChange(const char* op, const Tensor& self, bool keep_values)
    : op_(op), self_(self), changing_(self) {
  check_in_place(op, self);
  const TensorImpl* impl = self.unsafe_impl();
  if (impl->view_base() && impl->view_kind() != ViewKind::Plain) {
    const NoGradGuard unrecorded;
    backup_ = self.clone();
  }
  old_ = ember::detail::alias(self, self.sizes(), self.strides(), self.storage_offset());
  if (keep_values) {
    const NoGradGuard unrecorded;
    old_ = old_.clone();
  }
  const Edge edge = gradient_edge(self);
  if (edge.is_valid()) set_history(old_, edge.function, edge.input_nr);
  before_ = edge.function.get();
}

void InPlaceChange::finish() {
  TensorImpl* impl = self_.unsafe_impl();
  if (!impl->view_base()) return;
  const AutogradMeta* m = meta_or_null(impl);
  const Node* now = m == nullptr ? nullptr : m->grad_fn.get();
  if (now == nullptr || now == before_) return;
  if (backup_.defined()) {  // it was not to be recorded: only now is it known that another operand requires gradients
    set_history(self_, nullptr, 0);
    const NoGradGuard unrecorded;
    self_.copy_(backup_);
    throw_view_changed(op_, self_);
  }
  rebase_view(self_);
}

}  // namespace ember::autograd
