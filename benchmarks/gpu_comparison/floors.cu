#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "floors.h"

namespace gpu::floors {

namespace {

using Clock = std::chrono::steady_clock;

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}
void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(std::string(what) + ": " + cublasLtGetStatusString(status));
}
#define CHECK(call) check(call, #call)

struct Memory {
  explicit Memory(size_t bytes) { CHECK(cudaMalloc(&data, bytes)); }
  ~Memory() { (void)cudaFree(data); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  void* data = nullptr;
};

struct TimingEvent {
  TimingEvent() { CHECK(cudaEventCreate(&event)); }
  ~TimingEvent() { (void)cudaEventDestroy(event); }
  TimingEvent(const TimingEvent&) = delete;
  TimingEvent& operator=(const TimingEvent&) = delete;
  cudaEvent_t event = nullptr;
};

// Nanoseconds of one f(), which queues work on the default stream.
template <class F>
double timed(const F& f, int64_t calls) {
  const TimingEvent start, end;
  CHECK(cudaEventRecord(start.event));
  for (int64_t i = 0; i < calls; ++i) f();
  CHECK(cudaEventRecord(end.event));
  CHECK(cudaEventSynchronize(end.event));
  float ms = 0;
  CHECK(cudaEventElapsedTime(&ms, start.event, end.event));
  return static_cast<double>(ms) * 1e6 / static_cast<double>(calls);
}

template <class F>
double sampled(const F& f, double sample_ms) {
  f();
  const double first = timed(f, 3);
  return timed(f, std::clamp<int64_t>(std::llround(sample_ms * 1e6 / first), kLeastCalls, 100000));
}

// As many arguments as an elementwise kernel has.
__global__ void nothing(const float*, const float*, float*, int64_t) {}

void launch_nothing(cudaStream_t stream) {
  nothing<<<1, 256, 0, stream>>>(nullptr, nullptr, nullptr, 0);
  CHECK(cudaGetLastError());
}

// Numbers around 0, since the power that a product takes, and with it the clock, depends on them.
template <class T>
__global__ void scatter(T* out, int64_t n) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    uint32_t x = static_cast<uint32_t>(i) * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    out[i] = static_cast<T>(static_cast<float>(x >> 8) * 0x1p-23f - 1.0f);
  }
}

cublasLtHandle_t handle() {
  static const cublasLtHandle_t instance = [] {
    cublasLtHandle_t made = nullptr;
    CHECK(cublasLtCreate(&made));
    return made;
  }();
  return instance;
}

// Row-major out = a·b is column-major outᵀ = bᵀ·aᵀ: cuBLASLt's A is b and its B is a.
class LtProduct {
 public:
  explicit LtProduct(const Product& p) : workspace_(kWorkspace) {
    const bool bf16 = p.dtype == "bfloat16";
    if (!bf16 && p.dtype != "tf32" && p.dtype != "float32") throw std::runtime_error("no products of " + p.dtype);
    const cudaDataType_t type = bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const size_t element = bf16 ? 2 : 4;
    operands_[0] = std::make_unique<Memory>(static_cast<size_t>(p.n * p.k) * element);
    operands_[1] = std::make_unique<Memory>(static_cast<size_t>(p.m * p.k) * element);
    out_ = std::make_unique<Memory>(static_cast<size_t>(p.m * p.n) * element);
    fill(0, p.n * p.k, bf16);
    fill(1, p.m * p.k, bf16);
    CHECK(cublasLtMatmulDescCreate(&operation_, p.dtype == "tf32" ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                                   CUDA_R_32F));
    const cublasOperation_t op_a = p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t op_b = p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    CHECK(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof(op_a)));
    CHECK(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof(op_b)));
    // Column-major rows × columns as they are stored.
    layouts_[0] = p.transpose_b ? layout(type, p.k, p.n) : layout(type, p.n, p.k);
    layouts_[1] = p.transpose_a ? layout(type, p.m, p.k) : layout(type, p.k, p.m);
    layouts_[2] = layout(type, p.n, p.m);
    choose();
  }
  ~LtProduct() {
    for (const cublasLtMatrixLayout_t l : layouts_) (void)cublasLtMatrixLayoutDestroy(l);
    (void)cublasLtMatmulDescDestroy(operation_);
  }
  LtProduct(const LtProduct&) = delete;
  LtProduct& operator=(const LtProduct&) = delete;

  void operator()() const { CHECK(multiply(algorithm_)); }

 private:
  static constexpr size_t kWorkspace = size_t{64} << 20;

  static cublasLtMatrixLayout_t layout(cudaDataType_t type, int64_t rows, int64_t columns) {
    cublasLtMatrixLayout_t made = nullptr;
    CHECK(cublasLtMatrixLayoutCreate(&made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), rows));
    return made;
  }
  void fill(size_t which, int64_t n, bool bf16) {
    if (bf16) {
      scatter<<<1024, 256>>>(static_cast<__nv_bfloat16*>(operands_[which]->data), n);
    } else {
      scatter<<<1024, 256>>>(static_cast<float*>(operands_[which]->data), n);
    }
    CHECK(cudaGetLastError());
  }
  cublasStatus_t multiply(const cublasLtMatmulAlgo_t& algorithm) const {
    const float one = 1, zero = 0;
    return cublasLtMatmul(handle(), operation_, &one, operands_[0]->data, layouts_[0], operands_[1]->data, layouts_[1],
                          &zero, out_->data, layouts_[2], out_->data, layouts_[2], &algorithm, workspace_.data,
                          kWorkspace, nullptr);
  }
  void choose() {
    cublasLtMatmulPreference_t preference = nullptr;
    CHECK(cublasLtMatmulPreferenceCreate(&preference));
    CHECK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspace,
                                               sizeof(kWorkspace)));
    std::vector<cublasLtMatmulHeuristicResult_t> found(8);
    int count = 0;
    CHECK(cublasLtMatmulAlgoGetHeuristic(handle(), operation_, layouts_[0], layouts_[1], layouts_[2], layouts_[2],
                                         preference, static_cast<int>(found.size()), found.data(), &count));
    CHECK(cublasLtMatmulPreferenceDestroy(preference));
    double best = INFINITY;
    for (int i = 0; i < count; ++i) {
      const cublasLtMatmulAlgo_t& algorithm = found[static_cast<size_t>(i)].algo;
      if (found[static_cast<size_t>(i)].state != CUBLAS_STATUS_SUCCESS) continue;
      if (multiply(algorithm) != CUBLAS_STATUS_SUCCESS) continue;
      const double ns = timed([&] { CHECK(multiply(algorithm)); }, 5);
      if (ns < best) {
        best = ns;
        algorithm_ = algorithm;
      }
    }
    if (best == INFINITY) throw std::runtime_error("cuBLASLt has no algorithm for the product");
  }

  Memory workspace_;
  std::unique_ptr<Memory> operands_[2], out_;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t layouts_[3] = {nullptr, nullptr, nullptr};
  cublasLtMatmulAlgo_t algorithm_{};
};

using Key = std::tuple<std::string, int64_t, int64_t, int64_t, bool, bool>;
std::map<Key, std::unique_ptr<LtProduct>>& kept() {
  static auto* const all = new std::map<Key, std::unique_ptr<LtProduct>>();  // no CUDA call at the end of the program
  return *all;
}
const LtProduct& made(const Product& p) {
  auto& found = kept()[{p.dtype, p.m, p.n, p.k, p.transpose_a, p.transpose_b}];
  if (!found) found = std::make_unique<LtProduct>(p);
  return *found;
}

}  // namespace

bool available() { return true; }

std::string describe() {
  cudaDeviceProp properties;
  int driver = 0, runtime = 0;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  CHECK(cudaDriverGetVersion(&driver));
  CHECK(cudaRuntimeGetVersion(&runtime));
  const auto version = [](int v) { return std::to_string(v / 1000) + '.' + std::to_string(v % 1000 / 10); };
  return "\"name\": \"" + std::string(properties.name) + "\", \"capability\": \"" + std::to_string(properties.major) +
         '.' + std::to_string(properties.minor) +
         "\", \"multiprocessors\": " + std::to_string(properties.multiProcessorCount) +
         ", \"memory\": " + std::to_string(properties.totalGlobalMem) + ", \"driver_cuda\": \"" + version(driver) +
         "\", \"cuda\": \"" + version(runtime) + "\", \"cublaslt\": " + std::to_string(cublasLtGetVersion());
}

double copy(int64_t bytes, double sample_ms) {
  const Memory from(static_cast<size_t>(bytes)), to(static_cast<size_t>(bytes));
  CHECK(cudaMemset(from.data, 1, static_cast<size_t>(bytes)));
  return sampled(
      [&] { CHECK(cudaMemcpyAsync(to.data, from.data, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice)); },
      sample_ms);
}

double launch(double sample_ms) {
  constexpr int kBurst = 256;
  std::vector<double> bursts;
  const auto start = Clock::now();
  while (bursts.size() < 5 || std::chrono::duration<double, std::milli>(Clock::now() - start).count() < sample_ms) {
    CHECK(cudaDeviceSynchronize());
    const auto begin = Clock::now();
    for (int i = 0; i < kBurst; ++i) launch_nothing(nullptr);
    bursts.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / kBurst);
  }
  CHECK(cudaDeviceSynchronize());
  std::sort(bursts.begin(), bursts.end());
  return bursts[bursts.size() / 2];
}

double graph_node(double sample_ms) {
  constexpr int kNodes = 64;
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < kNodes; ++i) launch_nothing(stream);
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  const double ns = sampled([&] { CHECK(cudaGraphLaunch(executable, nullptr)); }, sample_ms) / kNodes;
  CHECK(cudaGraphExecDestroy(executable));
  CHECK(cudaGraphDestroy(graph));
  CHECK(cudaStreamDestroy(stream));
  return ns;
}

double product(const Product& p, double sample_ms) { return sampled(made(p), sample_ms); }

double products(const std::vector<std::pair<Product, int>>& all, double sample_ms) {
  std::vector<const LtProduct*> step;
  for (const auto& [p, times] : all) step.insert(step.end(), static_cast<size_t>(times), &made(p));
  return sampled(
      [&] {
        for (const LtProduct* p : step) (*p)();
      },
      sample_ms);
}

void release() { kept().clear(); }

}  // namespace gpu::floors
