// backward() and grad(): what is asked for, checked, and given to the engine.
#include <algorithm>

#include <ember/autograd/autograd.h>
#include <ember/autograd/engine.h>
#include <ember/autograd/engine_task.h>
#include <ember/autograd/functions.h>

namespace ember::autograd {

namespace {

using internal::is_observed;

struct Roots {
  std::vector<Edge> edges;
  std::vector<Tensor> grads;
};

Roots make_roots(const char* function, TensorList outputs, TensorList grad_outputs) {
  EMBER_CHECK(!outputs.empty(), function, ": expected at least one output");
  EMBER_CHECK(grad_outputs.empty() || grad_outputs.size() == outputs.size(), function, ": ", outputs.size(),
              " outputs, but ", grad_outputs.size(), " gradients");
  Roots roots;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& y = outputs[i];
    EMBER_CHECK(y.defined(), function, ": output ", i, " is undefined");
    EMBER_CHECK(y.requires_grad(), function, ": output ", i, ", ", describe(y),
                ", does not require gradients and has no grad_fn");
    Tensor g = grad_outputs.empty() ? Tensor() : grad_outputs[i];
    if (g.defined()) {
      EMBER_CHECK(g.sizes() == y.sizes(), function, ": the gradient of output ", i, " has sizes ", g.sizes(),
                  ", expected ", y.sizes());
      EMBER_CHECK(g.device() == y.device(), function, ": the gradient of output ", i, " is ", describe(g),
                  ", the output ", describe(y));
      g = g.to(y.scalar_type());
    } else {
      EMBER_CHECK(y.numel() == 1, function, ": a gradient is needed for an output with more than one element, ",
                  describe(y));
    }
    roots.edges.push_back(gradient_edge(y));
    roots.grads.push_back(std::move(g));
  }
  return roots;
}

// Whether the node of the one root, which was given no gradient, is to get a note that it is 1. Nobody else may see
// that gradient, and it must not be needed to begin on another stream.
bool can_note_one(const Roots& roots, const std::vector<Edge>& captures, const EngineOptions& options) {
  if (roots.edges.size() != 1 || roots.grads[0].defined() || options.create_graph) return false;
  const Node& node = *roots.edges[0].function;
  if (!node.takes_note_of_one() || is_observed(node)) return false;
  return std::none_of(captures.begin(), captures.end(), [&](const Edge& c) { return c.function.get() == &node; });
}

// Gradients that were not given are ones.
void fill_gradients(Roots& roots, TensorList outputs, const std::vector<Edge>& captures, EngineOptions& options) {
  options.one_is_noted = can_note_one(roots, captures, options);
  if (options.one_is_noted) return;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!roots.grads[i].defined()) roots.grads[i] = ones_like(outputs[i]);
  }
}

std::vector<Edge> capture_edges(const char* function, TensorList inputs) {
  std::vector<Edge> edges;
  for (size_t i = 0; i < inputs.size(); ++i) {
    EMBER_CHECK(inputs[i].defined(), function, ": input ", i, " is undefined");
    EMBER_CHECK(inputs[i].requires_grad(), function, ": input ", i, ", ", describe(inputs[i]),
                ", does not require gradients");
    edges.push_back(gradient_edge(inputs[i]));
  }
  return edges;
}

}  // namespace

void backward(TensorList tensors, TensorList grad_tensors, std::optional<bool> retain_graph, bool create_graph,
              TensorList inputs) {
  Roots roots = make_roots("backward", tensors, grad_tensors);
  const std::vector<Edge> captures = capture_edges("backward", inputs);
  for (const Tensor& x : inputs) x.retain_grad();  // inputs that are not leaves get their gradients by it
  EngineOptions options;
  options.create_graph = create_graph;
  options.keep_graph = retain_graph.value_or(create_graph);
  fill_gradients(roots, tensors, captures, options);
  run_backward(roots.edges, std::move(roots.grads), captures, options);
}

variable_list grad(TensorList outputs, TensorList inputs, TensorList grad_outputs, std::optional<bool> retain_graph,
                   bool create_graph, bool allow_unused) {
  EMBER_CHECK(!inputs.empty(), "grad: expected at least one input");
  Roots roots = make_roots("grad", outputs, grad_outputs);
  const std::vector<Edge> captures = capture_edges("grad", inputs);
  EngineOptions options;
  options.create_graph = create_graph;
  options.keep_graph = retain_graph.value_or(create_graph);
  options.accumulate = false;
  fill_gradients(roots, outputs, captures, options);
  variable_list grads = run_backward(roots.edges, std::move(roots.grads), captures, options);
  for (size_t i = 0; i < grads.size(); ++i) {
    EMBER_CHECK(allow_unused || grads[i].defined(), "grad: input ", i, ", ", describe(inputs[i]),
                ", is not used by the outputs; pass allow_unused=true to get an undefined gradient for it");
  }
  return grads;
}

}  // namespace ember::autograd
