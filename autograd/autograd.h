// Gradients of a recorded graph.
#pragma once

#include <optional>
#include <vector>

#include <ember/autograd/node.h>
#include <ember/core/tensor.h>

namespace ember::autograd {

// Accumulates into grad() of every leaf behind `tensors` (or of `inputs` only, if given) the gradients of
// the sum of tensors[i]·grad_tensors[i]. A missing or undefined grad_tensors[i] is 1 for a one-element
// tensor, an Error otherwise. What the graph saved is freed unless retain_graph (default: create_graph);
// with create_graph the gradients are recorded themselves. Runs on the calling thread.
void backward(TensorList tensors, TensorList grad_tensors = {}, std::optional<bool> retain_graph = std::nullopt,
              bool create_graph = false, TensorList inputs = {});

// The gradients with respect to `inputs`, leaving every grad() alone. An input that the outputs do not
// depend on is an Error unless allow_unused, then its gradient is undefined.
variable_list grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                   std::optional<bool> retain_graph = std::nullopt, bool create_graph = false,
                   bool allow_unused = false);

}  // namespace ember::autograd
