#include <ember/autograd/checkpoint.h>

#include <algorithm>

#include <ember/autograd/autograd.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/engine.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/generator.h>

namespace ember::autograd {

namespace {

// The states of the default generators that a function of tensors may draw from.
class RandomState {
 public:
  explicit RandomState(const variable_list& inputs) {
    keep(Device(kCPU));
    for (const Tensor& t : inputs)
      if (t.defined() && t.is_cuda()) keep(t.device());
  }
  void restore() const {
    for (const State& s : states_) {
      GeneratorState& g = default_generator(s.device).state();
      const std::lock_guard lock(g.mutex);
      g.seed = s.seed;
      g.engine = s.engine;
      g.next_normal = s.next_normal;
      g.philox_offset = s.philox_offset;
    }
  }

 private:
  struct State {
    Device device;
    uint64_t seed;
    Mt19937 engine;
    std::optional<double> next_normal;
    uint64_t philox_offset;
  };
  void keep(Device device) {
    for (const State& s : states_)
      if (s.device == device) return;
    GeneratorState& g = default_generator(device).state();
    const std::lock_guard lock(g.mutex);
    states_.push_back({device, g.seed, g.engine, g.next_normal, g.philox_offset});
  }
  std::vector<State> states_;
};

using CheckpointFunction = std::function<variable_list(const variable_list&)>;

class CheckpointNode final : public Node {
 public:
  CheckpointNode(CheckpointFunction f, const variable_list& inputs, bool preserve_rng_state)
      : Node(nullptr, 0, 0), f_(std::move(f)) {
    if (preserve_rng_state) random_.emplace(inputs);
    saved_.reserve(inputs.size());
    SavedTensorScope scope(this);
    for (const Tensor& t : inputs) {
      saved_.push_back(SavedTensor(t, false));
      edges_.push_back(gradient_edge(t));
      if (t.defined() && t.is_cuda()) set_stream(current_stream(t.device()));
    }
    scope.close();
    set_edges(edges_.data(), static_cast<uint32_t>(edges_.size()));
  }

  const char* type_name() const override { return "CheckpointFunctionBackward"; }

  void set_results(variable_list& results) {
    set_num_inputs(static_cast<uint32_t>(results.size()));
    for (size_t i = 0; i < results.size(); ++i) {
      Tensor& y = results[i];
      if (!y.defined() || !y.is_floating_point()) continue;
      if (y.requires_grad()) y = y.detach();  // an input, or what f has from elsewhere
      set_history(y, IntrusivePtr<Node>(this), static_cast<uint32_t>(i));
    }
  }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    const RunKind kind = running_kind();
    EMBER_CHECK(kind != RunKind::SomeLeaves,
                "a backward with inputs cannot go through a checkpoint: whether its function uses them is not known");
    const bool create_graph = GradMode::is_enabled();
    variable_list inputs;
    std::vector<Edge> captures;
    for (size_t i = 0; i < saved_.size(); ++i) {
      Tensor x = saved_[i].get();
      if (edges_[i].is_valid()) {
        // A handle of its own, at which the inner backward ends. Recorded, it leads on to the input for a
        // gradient's gradient.
        const EnableGradGuard on;
        x = create_graph ? x.view(x.sizes()) : x.detach().requires_grad_();
        captures.push_back(gradient_edge(x));
      } else {
        captures.emplace_back();
      }
      inputs.push_back(std::move(x));
    }
    variable_list results;
    {
      std::optional<RandomState> random_now;
      if (random_) {
        random_now.emplace(inputs);
        random_->restore();
      }
      struct Restore {
        const std::optional<RandomState>& state;
        ~Restore() {
          if (state) state->restore();
        }
      };
      const Restore restore{random_now};
      const EnableGradGuard on;
      results = f_(inputs);
    }
    EMBER_CHECK(results.size() == num_inputs(), "checkpoint: the function returned ", results.size(),
                " tensors the second time, at first ", num_inputs());
    std::vector<Edge> roots;
    std::vector<Tensor> grads;
    for (size_t i = 0; i < results.size(); ++i) {
      if (!grads_in[i].defined() || !results[i].defined() || !results[i].requires_grad()) continue;
      roots.push_back(gradient_edge(results[i]));
      grads.push_back(grads_in[i]);
    }
    EngineOptions options;
    options.create_graph = create_graph;
    options.keep_graph = create_graph;
    options.accumulate = kind == RunKind::Full;
    options.stop_at_captures = true;
    std::vector<Tensor> input_grads = run_backward(roots, std::move(grads), captures, options);
    for (size_t i = 0; i < input_grads.size(); ++i) grads_out[i] = std::move(input_grads[i]);
  }

 private:
  CheckpointFunction f_;
  std::optional<RandomState> random_;
  std::vector<SavedTensor> saved_;
  std::vector<Edge> edges_;
};

}  // namespace

variable_list checkpoint(CheckpointFunction f, const variable_list& inputs, bool preserve_rng_state) {
  EMBER_CHECK(f, "checkpoint: the function is empty");
  const bool records = recording_enabled() && std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) {
                         return t.defined() && t.requires_grad();
                       });
  if (!records) return f(inputs);
  const IntrusivePtr<CheckpointNode> node(new CheckpointNode(f, inputs, preserve_rng_state));
  variable_list results;
  {
    const NoGradGuard unrecorded;
    results = f(inputs);
  }
  node->set_results(results);
  return results;
}

}  // namespace ember::autograd
