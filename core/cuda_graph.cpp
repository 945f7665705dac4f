#include <ember/core/cuda_graph.h>

#include <algorithm>
#include <list>
#include <optional>

#include <ember/core/backend.h>
#include <ember/core/cuda_stream.h>
#include <ember/core/host_numbers.h>

namespace ember::cuda {

MempoolId_t graph_pool_handle() {
  (void)resolve_device(Device(kCUDA));  // throws the reason if there is none
  return backend(kCUDA).new_graph_pool();
}

bool is_current_stream_capturing() {
  Backend* const cuda = backend_or_null(kCUDA);
  return cuda != nullptr && cuda->is_capturing();
}

ember::detail::GraphBackend& CUDAGraph::impl() const {
  EMBER_CHECK(impl_ != nullptr, "CUDAGraph: nothing has been captured yet");
  return *impl_;
}

void CUDAGraph::capture_begin(MempoolId_t pool) {
  EMBER_CHECK(impl_ == nullptr, "CUDAGraph: capture_begin: the graph has been captured; reset() it first");
  auto impl = backend(kCUDA).new_graph();
  impl->capture_begin(pool, debug_);
  impl_ = std::move(impl);
}

void CUDAGraph::capture_end() {
  try {
    impl().capture_end();
  } catch (...) {
    impl_.reset();
    throw;
  }
}

void CUDAGraph::replay() { impl().replay(); }
void CUDAGraph::reset() { impl_.reset(); }
MempoolId_t CUDAGraph::pool() const { return impl().pool(); }

void CUDAGraph::debug_dump(const std::string& path) {
  EMBER_CHECK(debug_, "CUDAGraph: debug_dump needs enable_debug_mode() before the capture");
  impl().dump(path);
}

namespace {

// What tells one kind of inputs from another.
struct Signature {
  std::vector<int64_t> sizes;  // of all inputs, each preceded by its number of dimensions
  std::vector<ScalarType> dtypes;
  std::vector<Device> devices;
  friend bool operator==(const Signature&, const Signature&) = default;
};

Signature signature_of(const std::vector<Tensor>& inputs) {
  Signature s;
  for (const Tensor& t : inputs) {
    EMBER_CHECK(t.defined(), "GraphedStep: an input is undefined");
    s.sizes.push_back(t.dim());
    s.sizes.insert(s.sizes.end(), t.sizes().begin(), t.sizes().end());
    s.dtypes.push_back(t.dtype());
    s.devices.push_back(t.is_cpu() ? resolve_device(Device(kCUDA)) : t.device());
  }
  return s;
}

// The step for inputs of one signature.
struct Variant {
  Signature signature;
  int runs = 0;  // before the capture
  ember::detail::HostNumbers numbers;
  std::vector<Tensor> inputs;  // where the graph reads them
  Tensor result;
  CUDAGraph graph;
  bool captured = false;
};

}  // namespace

struct GraphedStep::State {
  Function step;
  GraphedStepOptions options;
  std::list<Variant> variants;
  std::optional<MempoolId_t> pool;
  std::optional<Stream> stream;  // of captures
  uint64_t replays = 0;

  Variant& variant_for(const std::vector<Tensor>& inputs);
  Tensor run_as_it_is(Variant& variant, const std::vector<Tensor>& inputs);
  void capture(Variant& variant, const std::vector<Tensor>& inputs);
};

GraphedStep::GraphedStep(Private, Function step, GraphedStepOptions options) : state_(std::make_unique<State>()) {
  EMBER_CHECK(options.warmup >= 1, "GraphedStep: at least one run before the capture is needed, got ", options.warmup);
  (void)resolve_device(Device(kCUDA));
  state_->step = std::move(step);
  state_->options = options;
}
GraphedStep::GraphedStep(GraphedStep&&) noexcept = default;
GraphedStep& GraphedStep::operator=(GraphedStep&&) noexcept = default;
GraphedStep::~GraphedStep() = default;

void GraphedStep::check_count(size_t expected, size_t got) {
  EMBER_CHECK(got == expected, "GraphedStep: the step takes ", expected, " inputs, got ", got);
}

size_t GraphedStep::captures() const {
  return static_cast<size_t>(std::count_if(state_->variants.begin(), state_->variants.end(),
                                           [](const Variant& variant) { return variant.captured; }));
}
uint64_t GraphedStep::replays() const { return state_->replays; }

void GraphedStep::reset() {
  state_->variants.clear();
  state_->pool.reset();
}

Variant& GraphedStep::State::variant_for(const std::vector<Tensor>& inputs) {
  Signature signature = signature_of(inputs);
  for (Variant& variant : variants) {
    if (variant.signature == signature) return variant;
  }
  variants.emplace_back();
  variants.back().signature = std::move(signature);
  return variants.back();
}

Tensor GraphedStep::State::run_as_it_is(Variant& variant, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> here;
  here.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) here.push_back(inputs[i].to(variant.signature.devices[i]));
  const ember::detail::HostNumbers::Run run(variant.numbers);
  Tensor result = step(here);
  ++variant.runs;
  return result;
}

// Whatever goes wrong, the capture is over afterwards, and the variant as it was.
void GraphedStep::State::capture(Variant& variant, const std::vector<Tensor>& inputs) {
  variant.numbers.check("GraphedStep");
  std::vector<Tensor> held;
  held.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor data = inputs[i].detach();
    held.push_back(data.is_cpu() ? data.to(variant.signature.devices[i]) : data.clone());
    if (inputs[i].requires_grad()) held[i].requires_grad_(true);
  }
  if (!pool) pool = graph_pool_handle();
  const Stream before = ember::current_stream(Device(kCUDA));
  if (!stream) stream = stream_from_pool(Device(kCUDA, before.device.index()));

  CUDAGraph graph;
  Tensor result;
  {
    const StreamGuard guard(*stream);
    graph.capture_begin(*pool);
    try {
      result = step(held);
    } catch (...) {
      try {
        graph.capture_end();
      } catch (...) {  // the first error says what happened
      }
      throw;
    }
    graph.capture_end();
  }
  variant.graph = std::move(graph);
  variant.inputs = std::move(held);
  variant.result = std::move(result);
  variant.captured = true;
}

Tensor GraphedStep::run(const std::vector<Tensor>& inputs) {
  EMBER_CHECK(!is_current_stream_capturing(), "GraphedStep: a step cannot be part of another capture");
  Variant& variant = state_->variant_for(inputs);
  if (!variant.captured) {
    if (variant.runs < state_->options.warmup) return state_->run_as_it_is(variant, inputs);
    state_->capture(variant, inputs);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].is_same(variant.inputs[i])) variant.inputs[i].detach().copy_(inputs[i].detach(), true);
  }
  variant.graph.replay();
  ++state_->replays;
  return variant.result;
}

}  // namespace ember::cuda
