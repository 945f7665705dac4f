#include <ember/autograd/engine.h>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/engine_task.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>
#include <ember/core/logging.h>
#include <ember/core/profiler.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>

namespace ember::autograd {

// The range of a node's backward, with the number that the range of its forward has.
static void append_to_range(ember::detail::RangeText& text, const Node& node) {
  text += node.name();
  text.node = node.sequence_nr();
}

namespace {

using internal::accumulate;
using internal::Capture;
using internal::is_observed;
using internal::NodeIndex;
using internal::Pooled;
using internal::RunningNode;
using internal::Task;

class Run {
 public:
  Run(const std::vector<Edge>& roots, const std::vector<Edge>& captures, const EngineOptions& options)
      : options_(options) {
    tasks_.reserve(16);
    ready_.reserve(16);
    if (options.stop_at_captures) {
      for (const Edge& c : captures)
        if (c.is_valid()) tasks_[add(c.function.get())].stops = true;
    }
    discover(roots);
    for (const Edge& c : captures) {
      if (c.is_valid() && index_.contains(c.function.get())) {
        captures_.push_back({index_[c.function.get()], c.input_nr});
      } else {
        captures_.push_back({kNone, 0});
      }
    }
    if (!captures.empty() && !options.stop_at_captures) {
      mark_needed();
      partial_ = true;
    }
  }

  bool partial() const { return partial_; }
  bool accumulates() const { return options_.accumulate; }
  bool needs(const Node* node) {
    auto* const n = const_cast<Node*>(node);
    return !index_.contains(n) || tasks_[index_[n]].needed;  // what is not in the graph cannot be left out of it
  }

  bool only_gradient(const Node& from, const Node& to) {
    // Where there are no hooks, no code of the user's runs between the question and the delivery.
    if (internal::running_node != &from || is_observed(from) || is_observed(to)) return false;
    if (to.num_inputs() != 1 || to.num_outputs() == 0 || from.stream() != to.stream()) return false;
    auto* const node = const_cast<Node*>(&to);
    if (!index_.contains(node)) return false;
    const uint32_t number = index_[node];
    const Task& task = tasks_[number];
    if (task.dependencies != 1 || !task.needed || task.stops || task.first.defined()) return false;
    return std::none_of(captures_.begin(), captures_.end(), [number](const Capture& c) { return c.task == number; });
  }
  void leave_note(const Node& to, Tensor note) {
    Task& task = tasks_[index_[const_cast<Node*>(&to)]];
    task.noted = true;
    task.note = std::move(note);
  }
  std::optional<Tensor> take_note(const Node& node) {
    auto* const n = const_cast<Node*>(&node);
    if (internal::running_node != n || !index_.contains(n)) return std::nullopt;
    Task& task = tasks_[index_[n]];
    if (!std::exchange(task.noted, false)) return std::nullopt;
    return std::move(task.note);
  }

  std::vector<Tensor> operator()(const std::vector<Edge>& roots, std::vector<Tensor> grads) {
    std::vector<Tensor> results(captures_.size());
    if (options_.one_is_noted) leave_note(*roots[0].function, Tensor());
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
    for (const Tensor& g : results) keep_for_caller(g);
    for (const Tensor& g : retained_) keep_for_caller(g);
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
      if (tasks_[i].stops) continue;
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

  // Memory of the stream of a node, which the caller frees while its own stream may still work with it.
  static void keep_for_caller(const Tensor& g) {
    if (g.defined() && g.is_cuda()) backend(kCUDA).record_stream(g.storage(), current_stream(g.device()));
  }

  void deliver(uint32_t number, uint32_t input_nr, Tensor grad, const Stream& producer) {
    Task& task = tasks_[number];
    if (!task.needed || !grad.defined()) return;
    const Stream consumer = stream_of(*task.node);
    if (producer != consumer) {
      join(producer, consumer);
      // What came from the host or another device was last written on the caller's stream.
      if (grad.is_cuda() && grad.device() != producer.device) join(current_stream(grad.device()), consumer);
      if (grad.is_cuda() && !consumer.device.is_cpu()) {
        backend(kCUDA).record_stream(grad.storage(), consumer);
      }
    }
    Tensor& sum = task.grad(input_nr);
    if (consumer.device.is_cpu() || !sum.defined()) {
      accumulate(sum, std::move(grad));
    } else {
      const StreamGuard guard(consumer);
      accumulate(sum, std::move(grad));
    }
  }

  void run(uint32_t number, std::vector<Tensor>& results) {
    Task& task = tasks_[number];
    const IntrusivePtr<Node> node = std::move(task.node);
    const uint32_t n_in = node->num_inputs();
    const uint32_t n_out = task.stops ? 0 : node->num_outputs();
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
      const RunningNode running(node.get());
      const ProfilerRange range("", *node);
      try {
        run_needed(*node, number, grads_in, grads_out, results);
      } catch (Error& error) {
        constexpr size_t kLong = 4000;  // of an error that has come up through many nested backwards
        if (error.msg().size() < kLong) {
          error.prepend(ember::detail::concat("in the backward of ",
                                              AnomalyMode::is_enabled() ? describe_origin(*node) : node->name(), ": "));
        }
        throw;
      } catch (const std::exception& error) {
        if (AnomalyMode::is_enabled()) {
          log(LogLevel::Warning, "an exception in the backward of ", describe_origin(*node), ": ", error.what());
        }
        throw;
      }
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

  void run_needed(Node& node, uint32_t number, std::vector<Tensor>& grads_in, std::vector<Tensor>& grads_out,
                  std::vector<Tensor>& results) {
    const Node::Extras* extras = node.extras();
    if (extras != nullptr) call_tensor_hooks(node, *extras, grads_in);
    bool wanted = true;
    if (!captures_.empty()) {
      bool captured = false;
      for (size_t c = 0; c < captures_.size(); ++c) {
        if (captures_[c].task != number) continue;
        captured = true;
        results[c] = grads_in[captures_[c].input_nr];
      }
      if (node.num_outputs() == 0 && dynamic_cast<AccumulateGrad*>(&node) != nullptr) {
        wanted = options_.accumulate && !(captured && options_.stop_at_captures);
      } else if (captured) {
        wanted = !options_.stop_at_captures && leads_on(node);
      }
    }
    if (wanted) apply(node, grads_in, grads_out);
  }

  bool leads_on(const Node& node) {
    if (captures_.empty()) return true;
    for (const Edge& e : node.next_edges()) {
      if (e.is_valid() && tasks_[index_[e.function.get()]].needed) return true;
    }
    return false;
  }

  // The hooks of tensors, then those that retain gradients.
  void call_tensor_hooks(Node& node, const Node::Extras& extras, std::vector<Tensor>& grads_in) {
    // A copy: a hook may add or remove hooks.
    const auto hooks = extras.tensor_hooks;
    for (const auto& h : hooks) {
      if (h.on_all) {
        replace_all(node, "a hook on the results", grads_in, (*h.on_all)(grads_in));
        continue;
      }
      Tensor replaced = h.hook(grads_in[h.input_nr]);
      if (!replaced.defined()) continue;
      const Tensor& given = grads_in[h.input_nr];
      EMBER_CHECK(!given.defined() || (replaced.sizes() == given.sizes() && replaced.dtype() == given.dtype() &&
                                       replaced.device() == given.device()),
                  "a hook on the gradient of ", node.name(), "'s result got ", describe(given), " and returned ",
                  describe(replaced));
      grads_in[h.input_nr] = std::move(replaced);
    }
    for (const auto& [input_nr, variable] : extras.retained) {
      const Tensor& g = grads_in[input_nr];
      if (!g.defined()) continue;
      Tensor& stored = meta_or_null(variable)->grad;
      stored = stored.defined() ? stored + g : g.clone();
      if (stored.is_cuda()) retained_.push_back(stored);
    }
  }

  static void replace_all(const Node& node, const char* hook, std::vector<Tensor>& grads,
                          std::vector<Tensor> replaced) {
    EMBER_CHECK(replaced.size() == grads.size(), hook, " of ", node.name(), " returned ", replaced.size(),
                " gradients, expected ", grads.size());
    grads = std::move(replaced);
  }

  void apply(Node& node, std::vector<Tensor>& grads_in, std::vector<Tensor>& grads_out) {
    const Node::Extras* extras = node.extras();
    std::vector<Tensor> inputs_for_hooks;
    if (extras != nullptr) {
      const auto pre_hooks = extras->pre_hooks;
      for (const auto& [key, hook] : pre_hooks) replace_all(node, "a pre-hook", grads_in, (*hook)(grads_in));
      if (!extras->post_hooks.empty()) inputs_for_hooks = grads_in;
    }
    node.apply(grads_in.data(), grads_out.data());
    if (AnomalyMode::is_enabled() && AnomalyMode::should_check_nan()) check_nan(node, grads_out);
    extras = node.extras();
    if (extras != nullptr && !extras->post_hooks.empty()) {
      const auto post_hooks = extras->post_hooks;
      for (const auto& [key, hook] : post_hooks) {
        replace_all(node, "a post-hook", grads_out, (*hook)(grads_out, inputs_for_hooks));
      }
    }
    if (!options_.keep_graph) node.release_variables();
  }

  static void check_nan(const Node& node, const std::vector<Tensor>& grads) {
    const NoGradGuard unrecorded;
    for (size_t i = 0; i < grads.size(); ++i) {
      const Tensor& g = grads[i];
      if (!g.defined() || !g.is_floating_point()) continue;
      EMBER_CHECK(!(g != g).any().item<bool>(), node.name(), " gave a gradient with NaN for its input ", i, ", ",
                  describe(g));
    }
  }

  const EngineOptions& options_;
  bool partial_ = false;
  NodeIndex index_;
  Pooled<Task> tasks_;
  Pooled<Capture> captures_;
  Pooled<Ready> ready_;
  Pooled<Stream> used_streams_;
  std::vector<Tensor> retained_;
  std::vector<Tensor> grads_in_;  // of the node that runs; kept for their memory
  std::vector<Tensor> grads_out_;
};

// The innermost backward that runs in this thread.
thread_local constinit Run* current_run = nullptr;

// How deep backwards are nested in this thread, and where on its stack the first of them is.
struct Nesting {
  const char* first = nullptr;
  unsigned depth = 0;
};
thread_local constinit Nesting nesting;
constexpr unsigned kMaxNested = 64;
constexpr std::ptrdiff_t kMaxNestedBytes = 256 << 10;

std::vector<Tensor> run_here(const std::vector<Edge>& roots, std::vector<Tensor> grads,
                             const std::vector<Edge>& captures, const EngineOptions& options) {
  struct Scope {
    const void* partial_run = internal::partial_run;
    Run* run = current_run;
    Nesting outer = nesting;
    ~Scope() {
      internal::partial_run = partial_run;
      current_run = run;
      nesting = outer;
    }
  };
  const Scope scope;
  if (nesting.depth++ == 0) nesting.first = static_cast<const char*>(__builtin_frame_address(0));
  Run run(roots, captures, options);
  internal::partial_run = run.partial() ? &run : nullptr;
  current_run = &run;
  const AutoGradMode mode(options.create_graph);
  return run(roots, std::move(grads));
}

// A fresh thread goes on where the stack of this one has become long. It has this one's modes and streams.
std::vector<Tensor> run_in_thread(const std::vector<Edge>& roots, std::vector<Tensor> grads,
                                  const std::vector<Edge>& captures, const EngineOptions& options) {
  std::vector<Tensor> results;
  std::exception_ptr error;
  std::vector<Stream> streams;
  if (Backend* cuda = backend_or_null(kCUDA)) {
    for (int i = 0; i < cuda->device_count(); ++i)
      streams.push_back(current_stream(Device(kCUDA, static_cast<DeviceIndex>(i))));
  }
  const Device device = streams.empty() ? Device(kCPU) : resolve_device(Device(kCUDA));
  const auto work = [&, modes = ember::detail::modes, node = internal::running_node, run = internal::partial_run] {
    ember::detail::modes = modes;
    internal::running_node = node;
    internal::partial_run = run;
    try {
      std::optional<DeviceGuard> guard;
      if (!streams.empty()) {
        for (const Stream& s : streams) set_current_stream(s);
        guard.emplace(device);
      }
      results = run_here(roots, std::move(grads), captures, options);
    } catch (...) {
      error = std::current_exception();
    }
  };
  std::thread thread;
  try {
    thread = std::thread(work);
  } catch (const std::system_error& e) {
    ember::detail::throw_error(
        ember::detail::concat("backward: backwards are nested too deep, a thread for more cannot be made: ", e.what()));
  }
  thread.join();
  if (error) std::rethrow_exception(error);
  return results;
}

}  // namespace

namespace internal {
thread_local constinit const void* partial_run = nullptr;
bool partial_run_needs(const void* run, const Node* node) {
  return const_cast<Run*>(static_cast<const Run*>(run))->needs(node);
}
bool only_gradient(const Node& from, const Node& to) {
  return current_run != nullptr && current_run->only_gradient(from, to);
}
void leave_note(const Node& to, Tensor note) { current_run->leave_note(to, std::move(note)); }
std::optional<Tensor> take_note(const Node& node) {
  return current_run != nullptr ? current_run->take_note(node) : std::nullopt;
}
}  // namespace internal

std::vector<Tensor> run_backward(const std::vector<Edge>& roots, std::vector<Tensor> grads,
                                 const std::vector<Edge>& captures, const EngineOptions& options) {
  if (nesting.depth != 0) {
    const std::ptrdiff_t used = nesting.first - static_cast<const char*>(__builtin_frame_address(0));
    if (nesting.depth >= kMaxNested || used > kMaxNestedBytes) {
      return run_in_thread(roots, std::move(grads), captures, options);
    }
  }
  return run_here(roots, std::move(grads), captures, options);
}

RunKind running_kind() {
  if (internal::partial_run == nullptr) return RunKind::Full;
  return static_cast<const Run*>(internal::partial_run)->accumulates() ? RunKind::SomeLeaves : RunKind::GradientsOnly;
}

}  // namespace ember::autograd
