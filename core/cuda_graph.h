// CUDA graphs: work that is captured once and then replayed with a single launch. CUDAGraph has LibTorch's name and
// functions; GraphedStep captures and replays a whole training step. Without CUDA each throws the reason.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ember/core/graph_backend.h>
#include <ember/core/tensor.h>

namespace ember::cuda {

// Names a memory pool that graphs share.
using MempoolId_t = std::pair<uint64_t, uint64_t>;
// A new one, for graphs that are replayed one after the other: each may then use the memory that those before it freed.
MempoolId_t graph_pool_handle();

// Whether work that this thread queues on the current device goes into a graph rather than to the device.
bool is_current_stream_capturing();

// The work queued by this thread, on the stream that is current at capture_begin() and those that wait for it, between
// capture_begin() and capture_end(). Nothing of it runs while it is captured. Tensors made meanwhile have their memory
// in the graph's own pool, at the same addresses in every replay: what they hold after a replay is overwritten by the
// next. Tensors from outside are read and written where they are, so they have to be kept.
//
// In a capture the host cannot see values of the device: item(), nonzero(), a copy to or from the host throw.
// Random operations go on in their generator's sequence with each replay, and optimizers count their steps and read
// their options anew, as if the host had run the work. Not thread-safe.
class CUDAGraph {
 public:
  CUDAGraph() = default;
  // Throws if the graph has been captured or the current stream is the default stream, which cannot be captured (use
  // getStreamFromPool and CUDAStreamGuard). `pool`: of another graph or graph_pool_handle(); {0, 0} is a new one.
  void capture_begin(MempoolId_t pool = {0, 0});
  // Throws if an operation that cannot be captured was queued; the graph is empty then.
  void capture_end();
  // Runs the work once more, on the current stream. Does not wait for it.
  void replay();
  // Forgets the work. Its memory is free when the tensors in it are gone as well.
  void reset();
  MempoolId_t pool() const;

  // Keeps what debug_dump() needs; before the capture.
  void enable_debug_mode() { debug_ = true; }
  // Writes the captured work to a file, in Graphviz's language.
  void debug_dump(const std::string& path);

 private:
  ember::detail::GraphBackend& impl() const;
  std::unique_ptr<ember::detail::GraphBackend> impl_;
  bool debug_ = false;
};
using Graph = CUDAGraph;

struct GraphedStepOptions {
  // Runs before the capture: they make what a step makes once (an optimizer's state, plans of matrix products), and
  // show whether the host's numbers stay the same. At least 1, and at least 2 for the latter.
  int warmup = 3;
};

// A training step (zero_grad, forward, backward, clipping, optimizer) on the current device that is run as it is a few
// times, then captured, and from then on replayed. Every call is one step: the results are those of calling the
// function itself, to the bit.
//
//   cuda::GraphedStep step([&](const Tensor& x, const Tensor& target) {
//     optimizer.zero_grad();
//     Tensor loss = nn::functional::cross_entropy(net->forward(x), target);
//     loss.backward();
//     optimizer.step();
//     return loss;
//   });
//   for (auto& batch : loader) Tensor loss = step(batch.data, batch.target);
//
// A replay runs only what the device did: what else the function does on the host (prints, counts) happens in the runs
// before the capture and in the capture. Inputs are copied to where the graph reads them, from the CPU too. Inputs of
// other shapes, dtypes or devices are another step, with runs and a capture of its own; both graphs are kept and share
// memory. What the step uses (model, optimizer) has to outlive it, and its parameters have to stay where they are.
//
// Throws, with nothing run, for what cannot be captured: a value read on the host, a copy from it, a number that the
// host computes and that differed from one run before the capture to another, since a graph would freeze it.
class GraphedStep {
 public:
  using Function = std::function<Tensor(const std::vector<Tensor>& inputs)>;

  // A function of the inputs' vector, of a fixed number of tensors, or of nothing; it returns a tensor (the loss) or
  // nothing.
  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, GraphedStep>) explicit GraphedStep(F step, GraphedStepOptions options = {})
      : GraphedStep(Private(), wrap(std::move(step)), options) {}
  GraphedStep(const GraphedStep&) = delete;
  GraphedStep& operator=(const GraphedStep&) = delete;
  GraphedStep(GraphedStep&&) noexcept;
  GraphedStep& operator=(GraphedStep&&) noexcept;
  ~GraphedStep();

  // One step. What the function returned: after a replay the same tensor each time, overwritten by the next.
  Tensor run(const std::vector<Tensor>& inputs);
  template <class... T>
  requires(std::is_convertible_v<T, Tensor>&&...) Tensor operator()(const T&... inputs) {
    return run({Tensor(inputs)...});
  }
  Tensor operator()(const std::vector<Tensor>& inputs) { return run(inputs); }

  // How many graphs there are, and how many steps were replays.
  size_t captures() const;
  uint64_t replays() const;
  // Forgets the graphs; the next steps are as the first. For when something that they use has been moved or replaced.
  void reset();

 private:
  struct Private {};
  struct State;
  GraphedStep(Private, Function step, GraphedStepOptions options);

  template <class F>
  static Tensor call(F& f, auto&&... arguments) {
    if constexpr (std::is_void_v<decltype(f(arguments...))>) {
      f(arguments...);
      return Tensor();
    } else {
      return f(arguments...);
    }
  }
  static void check_count(size_t expected, size_t got);
  // f of N tensors.
  template <size_t N, class F>
  static Tensor spread(F& f, const std::vector<Tensor>& inputs) {
    check_count(N, inputs.size());
    return [&]<size_t... i>(std::index_sequence<i...>) { return call(f, inputs[i]...); }
    (std::make_index_sequence<N>());
  }
  template <class F>
  static Function wrap(F f) {
    using T = const Tensor&;
    if constexpr (std::is_invocable_v<F&>) {
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return spread<0>(f, in); };
    } else if constexpr (std::is_invocable_v<F&, const std::vector<Tensor>&>) {
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return call(f, in); };
    } else if constexpr (std::is_invocable_v<F&, T>) {
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return spread<1>(f, in); };
    } else if constexpr (std::is_invocable_v<F&, T, T>) {
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return spread<2>(f, in); };
    } else if constexpr (std::is_invocable_v<F&, T, T, T>) {
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return spread<3>(f, in); };
    } else {
      static_assert(std::is_invocable_v<F&, T, T, T, T>,
                    "GraphedStep: the step takes a vector of tensors, or up to four tensors");
      return [f = std::move(f)](const std::vector<Tensor>& in) mutable { return spread<4>(f, in); };
    }
  }

  std::unique_ptr<State> state_;
};

}  // namespace ember::cuda
