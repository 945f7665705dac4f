// Operations whose gradient the user writes:
//
//   struct MySigmoid : autograd::Function<MySigmoid> {
//     static Tensor forward(AutogradContext* ctx, const Tensor& x) {
//       Tensor y = 1 / (1 + (-x).exp());
//       ctx->save_for_backward({y});
//       return y;
//     }
//     static variable_list backward(AutogradContext* ctx, variable_list grads) {
//       Tensor y = ctx->get_saved_variables()[0];
//       return {grads[0] * y * (1 - y)};
//     }
//   };
//   Tensor y = MySigmoid::apply(x);
//
// forward runs unrecorded, takes arguments of any types and returns a Tensor or a variable_list. Its tensor arguments
// are those that are Tensors, optional Tensors and lists of Tensors. backward gets a gradient per result and returns
// one per argument of forward, in order (one per tensor of a list), undefined for arguments that are not tensors or
// need none; it is recorded when the backward is. Both may use other custom functions, and run a backward themselves.
//
// A result that is an argument or a view of one becomes a view of it that cannot be changed in place while recording.
#pragma once

#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <ember/autograd/autograd.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/ivalue.h>
#include <ember/autograd/node.h>

namespace ember::autograd {

class FunctionNode;

class AutogradContext {
 public:
  AutogradContext() = default;
  AutogradContext(const AutogradContext&) = delete;
  AutogradContext& operator=(const AutogradContext&) = delete;

  // Anything but inputs and results of forward; kept until the graph is gone.
  std::unordered_map<std::string, IValue> saved_data;

  // In forward: tensors for backward, inputs and results among them (undefined ones too); checked against changes in
  // place and freed with the graph's other saved tensors.
  void save_for_backward(variable_list tensors) { to_save_ = std::move(tensors); }
  variable_list get_saved_variables() const;
  // In forward: inputs that it changed in place; each must also be returned.
  void mark_dirty(const variable_list& inputs);
  // In forward: results without a gradient. Results that are not floating never have one.
  void mark_non_differentiable(const variable_list& outputs);
  // In forward: whether backward gets zeros (the default) or undefined tensors for results that nothing used.
  void set_materialize_grads(bool value) { materialize_grads_ = value; }
  // In backward: whether the gradient of the i-th tensor argument is wanted, or of any in [first, second) of ranges.
  bool needs_input_grad(size_t i) const;
  bool needs_input_grad(std::initializer_list<IndexRange> ranges) const;

 private:
  friend class FunctionNode;
  variable_list to_save_;
  std::unordered_set<TensorImpl*> dirty_;
  std::unordered_set<TensorImpl*> non_differentiable_;
  bool materialize_grads_ = true;
  FunctionNode* node_ = nullptr;
};

// The node of a custom function: all that does not depend on its type.
class FunctionNode : public Node {
 public:
  const char* type_name() const override { return type_name_.c_str(); }
  void apply(Tensor* grads_in, Tensor* grads_out) final;

 protected:
  explicit FunctionNode(std::string type_name);
  virtual variable_list call_backward(AutogradContext* ctx, variable_list grads) = 0;

 public:
  // For Function::apply.
  AutogradContext& context() { return ctx_; }
  struct Inputs {
    std::vector<bool> is_tensor;   // one per slot for a gradient: per argument, but per tensor of a list
    std::vector<size_t> argument;  // of each slot
    variable_list tensors;         // those of the slots that are tensors
    size_t arguments = 0;
  };
  void set_inputs(Inputs inputs);
  // Gives the results their history; replaces those that need a new handle.
  void set_outputs(variable_list& outputs);
  variable_list saved_variables() const;
  bool input_needs_grad(size_t i) const;

 private:
  struct Meta {
    Dims sizes;
    ScalarType dtype;
    Device device;
    bool defined;
  };
  static Meta meta_of(const Tensor& t);
  bool is_input(const Tensor& t) const;
  void set_dirty_history(const Tensor& y, uint32_t nr, size_t results);

  std::string type_name_;
  AutogradContext ctx_;
  std::vector<Edge> edges_;
  Inputs inputs_;  // the tensors during forward only
  std::vector<Meta> input_metas_;
  std::vector<Meta> output_metas_;
  std::vector<SavedTensor> saved_list_;
  bool recording_ = false;
};

namespace function_detail {

template <class T>
void collect_inputs(FunctionNode::Inputs& inputs, const T& argument) {
  using U = std::remove_cvref_t<T>;
  const auto slot = [&inputs](const Tensor* t) {
    inputs.is_tensor.push_back(t != nullptr);
    inputs.argument.push_back(inputs.arguments);
    if (t != nullptr) inputs.tensors.push_back(*t);
  };
  if constexpr (std::is_same_v<U, Tensor>) {
    slot(&argument);
  } else if constexpr (std::is_same_v<U, std::optional<Tensor>>) {
    slot(argument.has_value() && argument->defined() ? &*argument : nullptr);
  } else if constexpr (std::is_same_v<U, std::vector<Tensor>> || std::is_same_v<U, TensorList>) {
    for (const Tensor& t : argument) slot(&t);
  } else {
    slot(nullptr);
  }
  ++inputs.arguments;
}

std::string demangled_name(const char* mangled);

}  // namespace function_detail

template <class T>
struct Function {
  // Runs T::forward and records T::backward if a tensor argument requires gradients.
  template <class X = T, class... Args>
  static auto apply(Args&&... args)
      -> std::remove_cvref_t<decltype(X::forward(std::declval<AutogradContext*>(), std::forward<Args>(args)...))>;
};

template <class T>
class FunctionNodeOf final : public FunctionNode {
 public:
  FunctionNodeOf()
      : FunctionNode("torch::autograd::CppNode<" + function_detail::demangled_name(typeid(T).name()) + ">") {}

 private:
  variable_list call_backward(AutogradContext* ctx, variable_list grads) override {
    return T::backward(ctx, std::move(grads));
  }
};

template <class T>
template <class X, class... Args>
auto Function<T>::apply(Args&&... args)
    -> std::remove_cvref_t<decltype(X::forward(std::declval<AutogradContext*>(), std::forward<Args>(args)...))> {
  using Result =
      std::remove_cvref_t<decltype(X::forward(std::declval<AutogradContext*>(), std::forward<Args>(args)...))>;
  const IntrusivePtr<FunctionNodeOf<T>> node(new FunctionNodeOf<T>());
  FunctionNode::Inputs inputs;
  (function_detail::collect_inputs(inputs, args), ...);
  node->set_inputs(std::move(inputs));
  variable_list outputs;
  {
    const NoGradGuard unrecorded;
    if constexpr (std::is_same_v<Result, Tensor>) {
      outputs.push_back(T::forward(&node->context(), std::forward<Args>(args)...));
    } else {
      outputs = T::forward(&node->context(), std::forward<Args>(args)...);
    }
  }
  node->set_outputs(outputs);
  if constexpr (std::is_same_v<Result, Tensor>) {
    return std::move(outputs[0]);
  } else {
    return outputs;
  }
}

}  // namespace ember::autograd
