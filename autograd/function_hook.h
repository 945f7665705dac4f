// Hooks as classes, for code that keeps state in them; lambdas will do elsewhere (Tensor::register_hook, node.h).
#pragma once

#include <memory>
#include <vector>

#include <ember/core/tensor.h>

namespace ember::autograd {

using Variable = Tensor;
using variable_list = std::vector<Tensor>;

// Called with the gradients a node is about to get; returns those it gets instead, as many.
struct FunctionPreHook {
  virtual ~FunctionPreHook() = default;
  virtual variable_list operator()(const variable_list& grads) = 0;
};

// Called with the gradients a node gave, `outputs`, for those it got, `inputs`; returns what it shall have given.
struct FunctionPostHook {
  virtual ~FunctionPostHook() = default;
  virtual variable_list operator()(const variable_list& outputs, const variable_list& inputs) = 0;
};

// Called with a leaf when its gradient has been accumulated.
struct PostAccumulateGradHook {
  virtual ~PostAccumulateGradHook() = default;
  virtual void operator()(const Variable& tensor) = 0;
};

}  // namespace ember::autograd
