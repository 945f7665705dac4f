#include <ember/autograd/function.h>

#include <cxxabi.h>

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

// ---- the node ----

FunctionNode::FunctionNode(std::string type_name) : Node(nullptr, 0, 0), type_name_(std::move(type_name)) {
  ctx_.node_ = this;
}

FunctionNode::Meta FunctionNode::meta_of(const Tensor& t) {
  if (!t.defined()) return {Dims(), kFloat32, Device(), false};
  return {t.sizes(), t.dtype(), t.device(), true};
}

void FunctionNode::set_inputs(std::vector<bool> is_tensor, variable_list inputs, bool recording) {
  is_tensor_ = std::move(is_tensor);
  inputs_ = std::move(inputs);
  for (const Tensor& t : inputs_) {
    recording_ |= recording && t.defined() && t.requires_grad();
    input_metas_.push_back(meta_of(t));
  }
  if (!recording_) return;
  for (const Tensor& t : inputs_) {
    edges_.push_back(gradient_edge(t));
    if (t.defined() && t.is_cuda()) set_stream(current_stream(t.device()));
  }
  set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
}

void FunctionNode::set_outputs(variable_list& outputs) {
  const auto is_input = [this](const Tensor& y) {
    for (const Tensor& x : inputs_)
      if (x.is_same(y)) return true;
    return false;
  };
  set_num_inputs(static_cast<uint32_t>(outputs.size()));
  for (TensorImpl* changed : ctx_.dirty_) {
    bool returned = false;
    for (const Tensor& y : outputs) returned |= y.unsafe_impl() == changed;
    EMBER_CHECK(returned, type_name_, ": a tensor marked dirty must be a result of forward");
  }
  for (Tensor& y : outputs) {
    output_metas_.push_back(meta_of(y));
    if (!y.defined()) continue;
    const bool dirty = ctx_.dirty_.contains(y.unsafe_impl());
    const bool differentiable = is_floating(y.dtype()) && !ctx_.non_differentiable_.contains(y.unsafe_impl());
    if (dirty) bump_version(y);
    if (!recording_ || !differentiable) {
      if (!dirty && is_input(y)) y = y.detach();
      continue;
    }
    const auto nr = static_cast<uint32_t>(&y - outputs.data());
    if (dirty) {
      EMBER_CHECK(!(y.is_leaf() && y.requires_grad()), type_name_,
                  ": a leaf that requires gradients was changed in place");
      EMBER_CHECK(!y.is_view(), type_name_, ": a view marked dirty is not supported; change a clone instead");
    } else if (is_input(y) || y.requires_grad()) {
      // The result is an alias of something that has a history of its own.
      Tensor fresh = y.detach();
      for (Tensor& saved : ctx_.to_save_)
        if (saved.is_same(y) && !is_input(y)) saved = fresh;
      y = std::move(fresh);
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
  ctx_.to_save_.clear();
  ctx_.dirty_.clear();
  ctx_.non_differentiable_.clear();
  inputs_.clear();
}

variable_list FunctionNode::saved_variables() const {
  variable_list tensors;
  tensors.reserve(saved_list_.size());
  for (const SavedTensor& s : saved_list_) tensors.push_back(s.get());
  return tensors;
}

bool FunctionNode::input_needs_grad(size_t i) const {
  EMBER_CHECK_INDEX(i < num_outputs(), type_name_, ": needs_input_grad(", i, ") of ", num_outputs(),
                    " tensor arguments");
  return should_compute_output(i);
}

void FunctionNode::apply(Tensor* grads_in, Tensor* grads_out) {
  variable_list grads(num_inputs());
  bool any = false;
  for (uint32_t i = 0; i < num_inputs(); ++i) any |= grads_in[i].defined();
  if (!any && ctx_.materialize_grads_ && num_inputs() > 0) return;  // zero in, zero out
  for (uint32_t i = 0; i < num_inputs(); ++i) {
    grads[i] = grads_in[i];
    const Meta& m = output_metas_[i];
    if (!grads[i].defined() && ctx_.materialize_grads_ && m.defined) {
      grads[i] = zeros(m.sizes, TensorOptions(m.dtype).device(m.device));
    }
  }
  variable_list result = call_backward(&ctx_, std::move(grads));
  // More than one per argument is taken if the rest is undefined.
  while (result.size() > is_tensor_.size() && !result.back().defined()) result.pop_back();
  EMBER_CHECK(result.size() == is_tensor_.size(), type_name_, "::backward returned ", result.size(),
              " gradients, expected one per argument of forward, ", is_tensor_.size());
  size_t input = 0;
  for (size_t i = 0; i < is_tensor_.size(); ++i) {
    if (!is_tensor_[i]) {
      EMBER_CHECK(!result[i].defined(), type_name_, "::backward returned a gradient for argument ", i,
                  ", which is not a tensor");
      continue;
    }
    const size_t slot = input++;
    if (!should_compute_output(slot) || !result[i].defined()) continue;
    const Meta& m = input_metas_[slot];
    Tensor g = std::move(result[i]);
    if (!(g.sizes() == IntArrayRef(m.sizes))) {
      EMBER_CHECK(is_expandable_to(m.sizes, g.sizes()), type_name_, "::backward returned a gradient of sizes ",
                  g.sizes(), " for argument ", i, " of sizes ", m.sizes);
      g = g.sum_to_size(m.sizes);
    }
    if (g.dtype() != m.dtype || g.device() != m.device) g = g.to(m.device, m.dtype);
    grads_out[slot] = std::move(g);
  }
}

}  // namespace ember::autograd
