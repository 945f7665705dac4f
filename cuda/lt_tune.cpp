#include <ember/cuda/lt_tune.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <unordered_map>

#include <ember/core/logging.h>

namespace ember::cuda {

namespace {

// Another than the most promising one must be quicker by this much: what is less is noise.
constexpr float kMargin = 0.97f;

struct KeyHash {
  size_t operator()(const LtKey& key) const { return key.hash(); }
};
struct Choices {
  std::mutex mutex;
  std::unordered_map<LtKey, LtChoice, KeyHash> made[kMaxDevices];
};
Choices& choices() {
  static Choices* const instance = new Choices;  // never destroyed
  return *instance;
}

class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    EMBER_CUDA_CHECK(cudaEventCreate(&start_));
    const cudaError_t status = cudaEventCreate(&stop_);
    if (status != cudaSuccess) {
      (void)cudaEventDestroy(start_);
      throw_cuda_error(status, "cudaEventCreate");
    }
  }
  ~Stopwatch() {
    (void)cudaEventDestroy(start_);
    (void)cudaEventDestroy(stop_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  // Milliseconds of a call of f, of so many in a row.
  template <class F>
  float time(int calls, F f) const {
    EMBER_CUDA_CHECK(cudaEventRecord(start_, stream_));
    for (int i = 0; i < calls; ++i) f();
    EMBER_CUDA_CHECK(cudaEventRecord(stop_, stream_));
    EMBER_CUDA_CHECK(cudaEventSynchronize(stop_));
    float milliseconds = 0;
    EMBER_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start_, stop_));
    return milliseconds / static_cast<float>(calls);
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t start_ = nullptr;
  cudaEvent_t stop_ = nullptr;
};

// After a call that loads the kernel: the best of three rows of calls of about half a millisecond.
template <class F>
float measure(const Stopwatch& watch, F f) {
  f();
  const float once = watch.time(1, f);
  const int calls = std::clamp(static_cast<int>(0.5f / std::max(once, 1e-4f)), 1, 100);
  float best = std::numeric_limits<float>::infinity();
  for (int i = 0; i < 3; ++i) best = std::min(best, watch.time(calls, f));
  return best;
}

const char* name_of(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::None: return "";
    case Epilogue::Bias: return " + bias";
    case Epilogue::RowSums: return ", row sums";
    case Epilogue::BiasRelu: return " + bias, relu";
    case Epilogue::BiasReluAux: return " + bias, relu and mask";
    case Epilogue::BiasGelu: return " + bias, gelu";
    case Epilogue::BiasGeluAux: return " + bias, gelu and input";
    case Epilogue::ReluBackward: return ", masked";
    case Epilogue::ReluBackwardSums: return ", masked, column sums";
    case Epilogue::GeluBackward: return ", gelu's gradient";
    case Epilogue::GeluBackwardSums: return ", gelu's gradient, column sums";
  }
  return "";
}

}  // namespace

ScratchGemm::ScratchGemm(const Gemm& gemm, const LaunchScope& scope) : gemm_(gemm) {
  const auto element = static_cast<int64_t>(element_size(gemm.dtype));
  const Device where(kCUDA, static_cast<DeviceIndex>(scope.info.index));
  offset_ = static_cast<int64_t>(reinterpret_cast<uintptr_t>(gemm.out) % 256) / element;
  memory_ = detail::empty({offset_ + out_extent(gemm)}, gemm.dtype, where);
  EMBER_CUDA_CHECK(
      cudaMemsetAsync(memory_.data_ptr(), 0, static_cast<size_t>(memory_.numel() * element), scope.stream));
  gemm_.out = static_cast<char*>(memory_.data_ptr()) + offset_ * element;
  if (const int64_t length = written_vector(gemm.epilogue, gemm.m, gemm.n); length != 0) {
    vector_ = detail::empty({length}, gemm.dtype, where);
    gemm_.vector = vector_.data_ptr();
  }
  if (writes_aux(gemm.epilogue)) {
    aux_ = empty_aux(gemm.epilogue, gemm.m, gemm.n, gemm.dtype, where);
    gemm_.aux = aux_.data_ptr();
  }
}

Tensor empty_aux(Epilogue epilogue, int64_t m, int64_t n, ScalarType dtype, Device device) {
  const int64_t ld = aux_ld(epilogue, n);
  if (has_mask(epilogue)) return detail::empty({m, ld / 8}, kUInt8, device);
  return detail::alias(detail::empty({m, ld}, dtype, device), {m, n}, {ld, 1}, 0);
}

Tensor ScratchGemm::matrix() const { return detail::alias(memory_, {gemm_.m, gemm_.n}, {gemm_.out_ld, 1}, offset_); }

Tensor ScratchGemm::vector() const { return vector_; }
Tensor ScratchGemm::aux() const { return aux_; }

bool can_measure(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(stream, &status) != cudaSuccess) {  // the default stream while another is captured
    (void)cudaGetLastError();
    return false;
  }
  return status == cudaStreamCaptureStatusNone;
}

LtChoice quickest(const LaunchScope& scope, const LtKey& key, const Gemm& gemm, const LtCandidates& candidates,
                  LtRun run, FunctionRef otherwise) {
  Choices& known = choices();
  auto& made = known.made[scope.info.index];
  {
    const std::lock_guard<std::mutex> lock(known.mutex);
    if (const auto found = made.find(key); found != made.end()) return found->second;
  }
  // Not under the lock: what is done otherwise may have products of its own to measure.
  LtChoice best;
  int chosen = -1;
  float least = std::numeric_limits<float>::infinity();
  const Stopwatch watch(scope.stream);
  for (int i = 0; i < candidates.count; ++i) {
    const LtChoice& candidate = candidates.choices[static_cast<size_t>(i)];
    if (!run(candidate)) continue;
    const float time = measure(watch, [&] { (void)run(candidate); });
    if (chosen >= 0 && time >= kMargin * least) continue;
    chosen = i;
    least = time;
    best = candidate;
  }
  const float other = measure(watch, otherwise);
  if (other < kMargin * least) best = LtChoice();
  log(LogLevel::Info, "cuda matmul ", dtype_name(gemm.dtype), " [", gemm.batch, " x] ", gemm.m, " x ", gemm.n, " x ",
      gemm.k, name_of(gemm.epilogue), ": kernel ", chosen + 1, " of ", candidates.count, " of cuBLASLt ", least * 1e3f,
      " us, otherwise ", other * 1e3f, " us");
  const std::lock_guard<std::mutex> lock(known.mutex);
  return made.emplace(key, best).first->second;  // the choice of another thread that was sooner
}

}  // namespace ember::cuda
