#include <ember/autograd/function.h>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>

#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>

namespace ember::autograd {

namespace function_detail {
std::string demangled_name(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 ? text : mangled;
  std::free(text);
  return name;
}
}  // namespace function_detail

// ---- the context ----

variable_list AutogradContext::get_saved_variables() const {
  EMBER_CHECK(node_ != nullptr, "get_saved_variables: the context is not that of a running backward");
  return node_->saved_variables();
}

void AutogradContext::mark_dirty(const variable_list& inputs) {
  dirty_.clear();
  for (const Tensor& t : inputs) dirty_.insert(t.unsafe_impl());
}

void AutogradContext::mark_non_differentiable(const variable_list& outputs) {
  non_differentiable_.clear();
  for (const Tensor& t : outputs) non_differentiable_.insert(t.unsafe_impl());
}

bool AutogradContext::needs_input_grad(size_t i) const {
  EMBER_CHECK(node_ != nullptr, "needs_input_grad: the context is not that of a running backward");
  return node_->input_needs_grad(i);
}

bool AutogradContext::needs_input_grad(std::initializer_list<IndexRange> ranges) const {
  for (const auto& [from, to] : ranges)
    for (size_t i = from; i < to; ++i)
      if (needs_input_grad(i)) return true;
  return false;
}

// ---- the node ----

FunctionNode::FunctionNode(std::string type_name) : Node(nullptr, 0, 0), type_name_(std::move(type_name)) {
  ctx_.node_ = this;
}

FunctionNode::Meta FunctionNode::meta_of(const Tensor& t) {
  if (!t.defined()) return {Dims(), kFloat32, Device(), false};
  return {t.sizes(), t.dtype(), t.device(), true};
}

void FunctionNode::set_inputs(Inputs inputs) {
  inputs_ = std::move(inputs);
  for (const Tensor& t : inputs_.tensors) {
    recording_ |= recording_enabled() && t.defined() && t.requires_grad();
    input_metas_.push_back(meta_of(t));
  }
  if (!recording_) return;
  for (const Tensor& t : inputs_.tensors) {
    edges_.push_back(gradient_edge(t));
    if (t.defined() && t.is_cuda()) set_stream(current_stream(t.device()));
  }
  set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
}

bool FunctionNode::is_input(const Tensor& t) const {
  for (const Tensor& x : inputs_.tensors)
    if (x.is_same(t)) return true;
  return false;
}

// A result that forward changed in place.
void FunctionNode::set_dirty_history(const Tensor& y, uint32_t nr, size_t results) {
  EMBER_CHECK(!(y.is_leaf() && y.requires_grad()), name(), ": a leaf that requires gradients was changed in place");
  if (!y.is_view()) return set_history(y, IntrusivePtr<Node>(this), nr);
  const AutogradMeta* base = meta_or_null(y.unsafe_impl()->view_base().get());
  EMBER_CHECK(base == nullptr || !base->requires_grad, name(),
              ": a view of a leaf that requires gradients was changed in place");
  EMBER_CHECK(y.unsafe_impl()->view_kind() == ViewKind::Plain, name(), ": a view, ", describe(y),
              ", that was made by several-view operations, custom functions or without recording was changed in place");
  EMBER_CHECK(results == 1, name(), ": a function that changes a view in place can have one result only, not ",
              results);
  size_t input = 0;
  while (!inputs_.tensors[input].is_same(y)) ++input;
  set_history(y, IntrusivePtr<Node>(this), nr);
  rebase_view(y, input);
}

void FunctionNode::set_outputs(variable_list& outputs) {
  set_num_inputs(static_cast<uint32_t>(outputs.size()));
  for (TensorImpl* changed : ctx_.dirty_) {
    bool returned = false;
    for (const Tensor& y : outputs) returned |= y.unsafe_impl() == changed;
    EMBER_CHECK(returned, name(), ": a tensor marked dirty must be a result of forward");
  }
  const auto differentiable = [this](const Tensor& y) {
    return y.defined() && is_floating(y.dtype()) && !ctx_.non_differentiable_.contains(y.unsafe_impl());
  };
  const auto several = std::count_if(outputs.begin(), outputs.end(), differentiable) > 1;
  std::vector<std::pair<size_t, Tensor>> dirty_views;  // whose history needs that of the others to be there
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor& y = outputs[i];
    output_metas_.push_back(meta_of(y));
    if (!y.defined()) continue;
    const auto nr = static_cast<uint32_t>(i);
    const bool dirty = ctx_.dirty_.contains(y.unsafe_impl());
    if (dirty) bump_version(y);
    if (!recording_ || !differentiable(y)) {
      if (!dirty && (is_input(y) || (y.requires_grad() && recording_enabled()))) y = y.detach();
      continue;
    }
    if (dirty) {
      if (y.is_view()) {
        dirty_views.emplace_back(i, y);
      } else {
        set_dirty_history(y, nr, outputs.size());
      }
      continue;
    }
    const bool input = is_input(y);
    if (input || (y.requires_grad() && !y.is_view())) {
      // The result is an alias of something that has a history of its own.
      Tensor fresh = y.detach();
      if (input) track_view(fresh, y);
      for (Tensor& saved : ctx_.to_save_)
        if (saved.is_same(y) && !input) saved = fresh;
      y = std::move(fresh);
    }
    if (y.is_view()) {
      y.unsafe_impl()->set_view_kind(several ? ViewKind::MultipleOutputs : ViewKind::CustomFunction);
    }
    set_history(y, IntrusivePtr<Node>(this), nr);
  }
  if (recording_) {
    saved_list_.reserve(ctx_.to_save_.size());
    SavedTensorScope scope(this);
    for (const Tensor& t : ctx_.to_save_) {
      const AutogradMeta* m = t.defined() ? meta_or_null(t.unsafe_impl()) : nullptr;
      const bool is_output = m != nullptr && m->grad_fn.get() == this;
      saved_list_.push_back(SavedTensor(t, is_output, is_output ? m->output_nr : 0));
    }
    scope.close();
  }
  for (const auto& [i, y] : dirty_views) set_dirty_history(y, static_cast<uint32_t>(i), outputs.size());
  ctx_.to_save_.clear();
  ctx_.dirty_.clear();
  ctx_.non_differentiable_.clear();
  inputs_.tensors.clear();
}

variable_list FunctionNode::saved_variables() const {
  variable_list tensors;
  tensors.reserve(saved_list_.size());
  for (const SavedTensor& s : saved_list_) tensors.push_back(s.get());
  return tensors;
}

bool FunctionNode::input_needs_grad(size_t i) const {
  EMBER_CHECK_INDEX(i < num_outputs(), name(), ": needs_input_grad(", i, ") of ", num_outputs(), " tensor arguments");
  return task_should_compute_output(i);
}

void FunctionNode::apply(Tensor* grads_in, Tensor* grads_out) {
  variable_list grads(num_inputs());
  for (uint32_t i = 0; i < num_inputs(); ++i) {
    grads[i] = grads_in[i];
    const Meta& m = output_metas_[i];
    if (!grads[i].defined() && ctx_.materialize_grads_ && m.defined) {
      grads[i] = zeros(m.sizes, TensorOptions(m.dtype).device(m.device));
    }
  }
  variable_list result = call_backward(&ctx_, std::move(grads));
  const std::vector<bool>& is_tensor = inputs_.is_tensor;
  // More than one per argument is taken if the rest is undefined.
  const size_t expected = is_tensor.size();
  while (result.size() > expected && !result.back().defined()) result.pop_back();
  // A list may have one undefined gradient for all its tensors.
  if (result.size() != expected && result.size() == inputs_.arguments) {
    variable_list spread(expected);
    for (size_t slot = 0; slot < expected; ++slot) {
      const size_t argument = inputs_.argument[slot];
      const bool alone = std::count(inputs_.argument.begin(), inputs_.argument.end(), argument) == 1;
      EMBER_CHECK(alone || !result[argument].defined(), name(), ": backward returned one gradient for argument ",
                  argument, ", a list of tensors; expected one for each");
      if (alone) spread[slot] = result[argument];
    }
    result = std::move(spread);
  }
  EMBER_CHECK(result.size() == expected, name(), ": backward returned ", result.size(),
              " gradients, expected one per argument of forward, ", expected);
  size_t input = 0;
  for (size_t i = 0; i < expected; ++i) {
    if (!is_tensor[i]) {
      EMBER_CHECK(!result[i].defined(), name(), ": backward returned a gradient for argument ", inputs_.argument[i],
                  ", which is not a tensor");
      continue;
    }
    const size_t slot = input++;
    if (!should_compute_output(slot) || !result[i].defined()) continue;
    const Meta& m = input_metas_[slot];
    Tensor g = std::move(result[i]);
    if (!(g.sizes() == IntArrayRef(m.sizes))) {
      EMBER_CHECK(is_expandable_to(m.sizes, g.sizes()), name(), ": backward returned a gradient of sizes ", g.sizes(),
                  " for argument ", inputs_.argument[i], " of sizes ", m.sizes);
      g = g.sum_to_size(m.sizes);
    }
    if (g.dtype() != m.dtype || g.device() != m.device) g = g.to(m.device, m.dtype);
    grads_out[slot] = std::move(g);
  }
}

}  // namespace ember::autograd
