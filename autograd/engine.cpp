#include <ember/autograd/engine.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace ember::autograd {

namespace {

// Node → its number in this run. Open addressing: a lookup per edge is most of what a small graph costs.
class NodeIndex {
 public:
  NodeIndex() : table_(64) {}

  // The number of `node`, or `fresh` which it then gets.
  uint32_t find_or_insert(Node* node, uint32_t fresh) {
    if (2 * (size_ + 1) > table_.size()) grow();
    Slot& s = slot(node);
    if (s.node == nullptr) {
      s = {node, fresh};
      ++size_;
    }
    return s.index;
  }
  // The number of a node that is there.
  uint32_t operator[](Node* node) { return slot(node).index; }
  bool contains(Node* node) { return slot(node).node != nullptr; }

 private:
  struct Slot {
    Node* node = nullptr;
    uint32_t index = 0;
  };
  Slot& slot(Node* node) {
    const size_t mask = table_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(node) >> 5) * 0x9e3779b97f4a7c15u >> 20 & mask;
    while (table_[i].node != nullptr && table_[i].node != node) i = (i + 1) & mask;
    return table_[i];
  }
  void grow() {
    std::vector<Slot> old(2 * table_.size());
    old.swap(table_);
    for (const Slot& s : old)
      if (s.node != nullptr) slot(s.node) = s;
  }
  std::vector<Slot> table_;
  size_t size_ = 0;
};

// What this run knows of a node.
struct Task {
  IntrusivePtr<Node> node;
  uint32_t dependencies = 0;  // edges into it that have not delivered yet
  bool needed = true;         // on the way to a capture
  bool queued = false;
  Tensor first;  // gradients of its results so far: the first, and the others where it has several
  std::vector<Tensor> others;

  Tensor& grad(uint32_t i) {
    if (i == 0) return first;
    if (others.empty()) others.resize(node->num_inputs());
    return others[i];
  }
};

struct Capture {
  uint32_t task;
  uint32_t input_nr;
};

// Adds `grad` to what has arrived.
void accumulate(Tensor& sum, Tensor grad) {
  if (!grad.defined()) return;
  if (!sum.defined()) {
    sum = std::move(grad);
  } else if (!GradMode::is_enabled() && sum.use_count() == 1 && sum.storage().use_count() == 1 && sum.is_contiguous() &&
             sum.sizes() == grad.sizes() && sum.dtype() == grad.dtype()) {
    sum.add_(grad);  // nobody else has it
  } else {
    sum = sum + grad;
  }
}

class Run {
 public:
  Run(const std::vector<Edge>& roots, const std::vector<Edge>& captures, const EngineOptions& options)
      : options_(options) {
    discover(roots);
    for (const Edge& c : captures) {
      if (c.is_valid() && index_.contains(c.function.get())) {
        captures_.push_back({index_[c.function.get()], c.input_nr});
      } else {
        captures_.push_back({kNone, 0});
      }
    }
    if (!captures.empty()) mark_needed();
  }

  std::vector<Tensor> operator()(const std::vector<Edge>& roots, std::vector<Tensor> grads) {
    std::vector<Tensor> results(captures_.size());
    for (size_t i = 0; i < roots.size(); ++i) {
      if (!roots[i].is_valid()) continue;
      deliver(index_[roots[i].function.get()], roots[i].input_nr, std::move(grads[i]), stream_here(roots[i]));
    }
    for (const Edge& root : roots) {
      if (!root.is_valid()) continue;
      const uint32_t number = index_[root.function.get()];
      if (tasks_[number].dependencies == 0) make_ready(number);
    }
    while (!ready_.empty()) {
      std::pop_heap(ready_.begin(), ready_.end());
      const uint32_t next = ready_.back().task;
      ready_.pop_back();
      run(next, results);
    }
    for (const Stream& used : used_streams_) join(used, current_stream(used.device));
    return results;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Ready {
    uint64_t priority;
    uint32_t task;
    friend bool operator<(const Ready& a, const Ready& b) { return a.priority < b.priority; }
  };

  uint32_t add(Node* node) {
    const auto fresh = static_cast<uint32_t>(tasks_.size());
    const uint32_t i = index_.find_or_insert(node, fresh);
    if (i == fresh) tasks_.emplace_back().node = IntrusivePtr<Node>(node);
    return i;
  }

  // Numbers every node behind the roots and counts the edges into each.
  void discover(const std::vector<Edge>& roots) {
    for (const Edge& root : roots)
      if (root.is_valid()) add(root.function.get());
    for (size_t i = 0; i < tasks_.size(); ++i) {
      const Node& node = *tasks_[i].node;
      for (const Edge& edge : node.next_edges()) {
        if (edge.is_valid()) ++tasks_[add(edge.function.get())].dependencies;
      }
    }
  }

  // A node is needed if it is captured or leads to one that is. Depth first, children before parents.
  void mark_needed() {
    for (Task& t : tasks_) t.needed = false;
    for (const Capture& c : captures_)
      if (c.task != kNone) tasks_[c.task].needed = true;
    std::vector<uint8_t> seen(tasks_.size(), 0);
    struct Frame {
      uint32_t task;
      uint32_t next;
    };
    std::vector<Frame> stack;
    for (uint32_t start = 0; start < tasks_.size(); ++start) {
      if (seen[start]) continue;
      seen[start] = 1;
      stack.push_back({start, 0});
      while (!stack.empty()) {
        Frame& f = stack.back();
        Task& task = tasks_[f.task];
        if (f.next == task.node->num_outputs()) {
          const bool needed = task.needed;
          stack.pop_back();
          if (needed && !stack.empty()) tasks_[stack.back().task].needed = true;
          continue;
        }
        const Edge& edge = task.node->next_edge(f.next++);
        if (!edge.is_valid()) continue;
        const uint32_t child = index_[edge.function.get()];
        if (seen[child]) {
          task.needed |= tasks_[child].needed;
        } else {
          seen[child] = 1;
          stack.push_back({child, 0});
        }
      }
    }
  }

  void make_ready(uint32_t number) {
    Task& task = tasks_[number];
    if (std::exchange(task.queued, true)) return;  // a root that was given twice
    // Accumulators first: their gradients can go. Then the latest made.
    const bool leaf = task.node->num_outputs() == 0;
    ready_.push_back({leaf ? UINT64_MAX : task.node->sequence_nr(), number});
    std::push_heap(ready_.begin(), ready_.end());
  }

  // The stream on which `node` runs: its operation's; for an accumulator the caller's.
  static Stream stream_of(const Node& node) {
    const Stream& s = node.stream();
    if (s.device.is_cpu() || node.num_outputs() != 0) return s;
    return current_stream(s.device);
  }
  static Stream stream_here(const Edge& root) {
    const Device device = root.function->stream().device;
    return device.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(device);
  }
  // Work queued on `consumer` from now on runs after what `producer` has got so far.
  static void join(const Stream& producer, const Stream& consumer) {
    if (producer == consumer || producer.device.is_cpu() || consumer.device.is_cpu()) return;
    Event event(producer.device);
    event.record(producer);
    event.wait(consumer);
  }

  void deliver(uint32_t number, uint32_t input_nr, Tensor grad, const Stream& producer) {
    Task& task = tasks_[number];
    if (!task.needed || !grad.defined()) return;
    const Stream consumer = stream_of(*task.node);
    if (producer != consumer) {
      join(producer, consumer);
      if (grad.is_cuda() && !consumer.device.is_cpu()) {
        backend(kCUDA).record_stream(grad.storage(), consumer);
      }
    }
    if (consumer.device.is_cpu()) {
      accumulate(task.grad(input_nr), std::move(grad));
    } else {
      const StreamGuard guard(consumer);
      accumulate(task.grad(input_nr), std::move(grad));
    }
  }

  void run(uint32_t number, std::vector<Tensor>& results) {
    Task& task = tasks_[number];
    const IntrusivePtr<Node> node = std::move(task.node);
    const uint32_t n_in = node->num_inputs();
    const uint32_t n_out = node->num_outputs();
    std::vector<Tensor>& grads_in = grads_in_;
    std::vector<Tensor>& grads_out = grads_out_;
    grads_in.resize(n_in);
    grads_out.resize(n_out);
    if (n_in > 0) grads_in[0] = std::move(task.first);
    for (uint32_t i = 1; i < n_in && i < task.others.size(); ++i) grads_in[i] = std::move(task.others[i]);

    const Stream stream = stream_of(*node);
    if (task.needed) {
      std::optional<StreamGuard> guard;
      if (!stream.device.is_cpu()) {
        guard.emplace(stream);
        if (std::find(used_streams_.begin(), used_streams_.end(), stream) == used_streams_.end()) {
          used_streams_.push_back(stream);
        }
      }
      call_hooks_before(*node, grads_in);
      bool captured = false;
      for (size_t c = 0; c < captures_.size(); ++c) {
        if (captures_[c].task != number) continue;
        captured = true;
        results[c] = grads_in[captures_[c].input_nr];
      }
      const bool is_leaf = n_out == 0 && dynamic_cast<AccumulateGrad*>(node.get()) != nullptr;
      bool wanted = !is_leaf || options_.accumulate;
      if (captured && !is_leaf && !leads_on(*node)) wanted = false;
      if (wanted) apply(*node, grads_in, grads_out);
    }
    for (uint32_t i = 0; i < n_out; ++i) {
      const Edge& edge = node->next_edge(i);
      if (!edge.is_valid()) continue;
      const uint32_t target = index_[edge.function.get()];
      deliver(target, edge.input_nr, std::move(grads_out[i]), stream);
      if (--tasks_[target].dependencies == 0) make_ready(target);
    }
    grads_in.clear();
    grads_out.clear();
  }

  bool leads_on(const Node& node) {
    if (captures_.empty()) return true;
    for (const Edge& e : node.next_edges()) {
      if (e.is_valid() && tasks_[index_[e.function.get()]].needed) return true;
    }
    return false;
  }

  static void call_hooks_before(Node& node, std::vector<Tensor>& grads_in) {
    Node::Hooks* hooks = node.hooks();
    if (hooks == nullptr) return;
    // Copies: a hook may add or remove hooks.
    const auto tensor_hooks = hooks->tensor_hooks;
    for (const auto& h : tensor_hooks) {
      if (!grads_in[h.input_nr].defined()) continue;
      Tensor replaced = h.hook(grads_in[h.input_nr]);
      if (replaced.defined()) {
        EMBER_CHECK(replaced.sizes() == grads_in[h.input_nr].sizes(), "a hook on the gradient of ", node.type_name(),
                    "'s result returned sizes ", replaced.sizes(), ", expected ", grads_in[h.input_nr].sizes());
        grads_in[h.input_nr] = std::move(replaced);
      }
    }
    const auto pre_hooks = hooks->pre_hooks;
    for (const auto& [key, hook] : pre_hooks) {
      std::vector<Tensor> replaced = hook(grads_in);
      EMBER_CHECK(replaced.size() == grads_in.size(), "a pre-hook of ", node.type_name(), " returned ", replaced.size(),
                  " gradients, expected ", grads_in.size());
      grads_in = std::move(replaced);
    }
    for (const auto& [input_nr, variable] : hooks->retained) {
      const Tensor& g = grads_in[input_nr];
      if (g.defined()) meta_or_null(variable)->grad = GradMode::is_enabled() ? g : g.detach();
    }
  }

  void apply(Node& node, std::vector<Tensor>& grads_in, std::vector<Tensor>& grads_out) {
    const Node::Hooks* hooks = node.hooks();
    const bool post = hooks != nullptr && !hooks->post_hooks.empty();
    const std::vector<Tensor> inputs_for_hooks = post ? grads_in : std::vector<Tensor>();
    try {
      node.apply(grads_in.data(), grads_out.data());
    } catch (Error& error) {
      error.prepend(ember::detail::concat("in the backward of ", node.type_name(), ": "));
      throw;
    }
    if (post) {
      const auto post_hooks = hooks->post_hooks;
      for (const auto& [key, hook] : post_hooks) {
        std::vector<Tensor> replaced = hook(grads_out, inputs_for_hooks);
        EMBER_CHECK(replaced.size() == grads_out.size(), "a post-hook of ", node.type_name(), " returned ",
                    replaced.size(), " gradients, expected ", grads_out.size());
        grads_out = std::move(replaced);
      }
    }
    if (!options_.keep_graph) node.release_variables();
  }

  const EngineOptions& options_;
  NodeIndex index_;
  std::deque<Task> tasks_;
  std::vector<Capture> captures_;
  std::vector<Ready> ready_;
  std::vector<Stream> used_streams_;
  std::vector<Tensor> grads_in_;  // of the node that runs; kept for their memory
  std::vector<Tensor> grads_out_;
};

// The gradient of an output that none was given for.
Tensor implicit_gradient(const char* function, const Tensor& output) {
  EMBER_CHECK(output.numel() == 1, function, ": a gradient is needed for an output with more than one element, ",
              describe(output));
  return ones_like(output);
}

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
      EMBER_CHECK(g.device() == y.device() && is_floating(g.dtype()), function, ": the gradient of output ", i, " is ",
                  describe(g), ", the output ", describe(y));
    } else {
      g = implicit_gradient(function, y);
    }
    roots.edges.push_back(gradient_edge(y));
    roots.grads.push_back(std::move(g));
  }
  return roots;
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

std::vector<Tensor> run_backward(const std::vector<Edge>& roots, std::vector<Tensor> grads,
                                 const std::vector<Edge>& captures, const EngineOptions& options) {
  Run run(roots, captures, options);
  const AutoGradMode mode(options.create_graph);
  return run(roots, std::move(grads));
}

void backward(TensorList tensors, TensorList grad_tensors, std::optional<bool> retain_graph, bool create_graph,
              TensorList inputs) {
  Roots roots = make_roots("backward", tensors, grad_tensors);
  const std::vector<Edge> captures = capture_edges("backward", inputs);
  EngineOptions options;
  options.create_graph = create_graph;
  options.keep_graph = retain_graph.value_or(create_graph);
  const std::vector<Tensor> grads = run_backward(roots.edges, std::move(roots.grads), captures, options);
  // A leaf among the inputs has been accumulated into by its node; other inputs get theirs here.
  for (size_t i = 0; i < grads.size(); ++i) {
    if (inputs[i].is_leaf() || !grads[i].defined()) continue;
    const AutoGradMode mode(create_graph);
    Tensor& stored = meta(inputs[i]).grad;
    stored = stored.defined() ? stored + grads[i] : grads[i];
  }
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
  variable_list grads = run_backward(roots.edges, std::move(roots.grads), captures, options);
  for (size_t i = 0; i < grads.size(); ++i) {
    EMBER_CHECK(allow_unused || grads[i].defined(), "grad: input ", i, ", ", describe(inputs[i]),
                ", is not used by the outputs; pass allow_unused=true to get an undefined gradient for it");
  }
  return grads;
}

}  // namespace ember::autograd
