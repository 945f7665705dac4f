// Captured graphs: see core/cuda_graph.h.
#include <ember/cuda/graph.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include <ember/core/capture.h>
#include <ember/core/tensor.h>
#include <ember/cuda/allocator.h>
#include <ember/cuda/allocator_cuda.h>
#include <ember/cuda/context.h>
#include <ember/cuda/graph_kernels.h>

namespace ember::cuda {

namespace {

using PoolId = std::pair<uint64_t, uint64_t>;

// The memory of the graphs of one id on one device. It is given up when the last of them is gone.
class SharedPool {
 public:
  explicit SharedPool(int device) : allocator_(DeviceAllocator::of(device)), pool_(allocator_.make_private_pool()) {}
  ~SharedPool() { allocator_.release_private(pool_); }
  SharedPool(const SharedPool&) = delete;
  SharedPool& operator=(const SharedPool&) = delete;
  void begin(cudaStream_t stream) { allocator_.begin_private(pool_, stream); }
  void end() { allocator_.end_private(pool_); }

 private:
  DeviceAllocator& allocator_;
  PrivatePool* pool_;
};

std::shared_ptr<SharedPool> shared_pool(PoolId id, int device) {
  static std::mutex* const mutex = new std::mutex;
  static auto* const pools = new std::map<std::pair<PoolId, int>, std::weak_ptr<SharedPool>>;
  const std::lock_guard<std::mutex> lock(*mutex);
  for (auto it = pools->begin(); it != pools->end();) it = it->second.expired() ? pools->erase(it) : std::next(it);
  std::weak_ptr<SharedPool>& known = (*pools)[{id, device}];
  std::shared_ptr<SharedPool> pool = known.lock();
  if (!pool) known = pool = std::make_shared<SharedPool>(device);
  return pool;
}

// Memory of the driver's own. What graphs read of the host must not lie in memory that any kernel was given: a kernel
// that was captured earlier would write there in every replay.
class DriverMemory {
 public:
  explicit DriverMemory(size_t nbytes) {
    const RelaxedCapture relaxed;
    EMBER_CUDA_CHECK(cudaMalloc(&data_, nbytes));
  }
  ~DriverMemory() {
    if (data_ != nullptr) (void)cudaFree(data_);
  }
  DriverMemory(DriverMemory&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  DriverMemory& operator=(DriverMemory&&) = delete;
  void* get() const { return data_; }

 private:
  void* data_ = nullptr;
};

// The values that the host computes for every replay, and their place on the current device.
class ReplayValues final : public ember::detail::CapturedValues {
 public:
  void* add(size_t nbytes, Refresh refresh) override {
    const size_t room = (nbytes + 15) / 16 * 16;
    if (chunks_.empty() || chunks_.back().values.size() + room > chunks_.back().values.capacity()) {
      const size_t capacity = std::max(kChunkBytes, room);
      chunks_.push_back({DriverMemory(capacity), {}, {}});
      chunks_.back().values.reserve(capacity);
    }
    Chunk& chunk = chunks_.back();
    const size_t at = chunk.values.size();
    chunk.values.resize(at + room);
    entries_.push_back({&chunk - chunks_.data(), at, std::move(refresh)});
    return static_cast<char*>(chunk.memory.get()) + at;
  }

  // Computes the values of the next run and has them on the device before what is queued on the stream later.
  void refresh(cudaStream_t stream) {
    for (const Entry& entry : entries_)
      entry.refresh(chunks_[static_cast<size_t>(entry.chunk)].values.data() + entry.at);
    for (Chunk& chunk : chunks_) {
      if (chunk.sent == chunk.values) continue;
      store_values(chunk.memory.get(), chunk.values.data(), chunk.values.size(), stream);
      chunk.sent = chunk.values;
    }
  }

 private:
  static constexpr size_t kChunkBytes = 16384;
  struct Chunk {
    DriverMemory memory;
    std::vector<char> values;  // never moves: room for a whole chunk is reserved
    std::vector<char> sent;    // what the device has
  };
  struct Entry {
    std::ptrdiff_t chunk;
    size_t at;
    Refresh refresh;
  };
  std::vector<Chunk> chunks_;
  std::vector<Entry> entries_;
};

class CudaGraph final : public ember::detail::GraphBackend {
 public:
  CudaGraph() : device_(current_device_index()) {}

  ~CudaGraph() override {
    if (capturing_) abandon();
    if (replayed_) (void)cudaDeviceSynchronize();  // what it uses may be given to others now
    if (executable_ != nullptr) (void)cudaGraphExecDestroy(executable_);
    if (graph_ != nullptr) (void)cudaGraphDestroy(graph_);
  }

  void capture_begin(PoolId pool, bool keep_for_dump) override {
    EMBER_CHECK(ember::detail::CapturedValues::current() == nullptr, "CUDAGraph: this thread is in a capture already");
    stream_ = current_stream_of(device_);
    EMBER_CHECK(stream_ != nullptr,
                "CUDAGraph: the default stream cannot be captured; make a stream of the pool current first "
                "(getStreamFromPool, CUDAStreamGuard)");
    id_ = pool == PoolId() ? new_pool_id() : pool;
    keep_ = keep_for_dump;
    pool_ = shared_pool(id_, device_);
    const DeviceScope scope(device_);
    pool_->begin(stream_);
    // Only this thread's calls are held to what a capture allows: others go on.
    const cudaError_t status = cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal);
    if (status != cudaSuccess) {
      pool_->end();
      throw_cuda_error(status, "cudaStreamBeginCapture");
    }
    capturing_ = true;
    ember::detail::CapturedValues::set_current(&values_);
  }

  void capture_end() override {
    EMBER_CHECK(capturing_, "CUDAGraph: capture_end without a capture_begin");
    EMBER_CHECK(ember::detail::CapturedValues::current() == &values_,
                "CUDAGraph: capture_end in another thread than capture_begin");
    const DeviceScope scope(device_);
    const cudaError_t status = abandon();
    if (status != cudaSuccess || graph_ == nullptr) {
      throw Error(detail::concat("CUDAGraph: the capture failed: ", cudaGetErrorName(status), ": ",
                                 cudaGetErrorString(status)));
    }
    EMBER_CUDA_CHECK(cudaGraphInstantiate(&executable_, graph_, 0));
    if (!keep_) {
      EMBER_CUDA_CHECK(cudaGraphDestroy(std::exchange(graph_, nullptr)));
    }
  }

  void replay() override {
    EMBER_CHECK(executable_ != nullptr, "CUDAGraph: the capture has not ended");
    const DeviceScope scope(device_);
    const cudaStream_t stream = current_stream_of(device_);
    values_.refresh(stream);
    EMBER_CUDA_CHECK(cudaGraphLaunch(executable_, stream));
    replayed_ = true;
    check_launch("a captured graph");
  }

  PoolId pool() const override { return id_; }

  void dump(const std::string& path) override {
    EMBER_CHECK(graph_ != nullptr, "CUDAGraph: there is nothing to dump");
    EMBER_CUDA_CHECK(cudaGraphDebugDotPrint(graph_, path.c_str(), cudaGraphDebugDotFlagsVerbose));
  }

 private:
  // Ends the capture, whatever came of it: graph_ is the work, or null.
  cudaError_t abandon() noexcept {
    const DeviceScope scope(device_);
    const cudaError_t status = cudaStreamEndCapture(stream_, &graph_);
    if (status != cudaSuccess) (void)cudaGetLastError();
    capturing_ = false;
    ember::detail::CapturedValues::set_current(nullptr);
    pool_->end();
    return status;
  }

  const int device_;
  cudaStream_t stream_ = nullptr;
  PoolId id_;
  std::shared_ptr<SharedPool> pool_;
  ReplayValues values_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  bool capturing_ = false;
  bool keep_ = false;
  bool replayed_ = false;
};

}  // namespace

std::unique_ptr<ember::detail::GraphBackend> new_graph() { return std::make_unique<CudaGraph>(); }

PoolId new_pool_id() {
  static std::atomic<uint64_t> next{1};
  return {0, next.fetch_add(1)};
}

bool is_capturing() noexcept { return ember::detail::CapturedValues::current() != nullptr; }

void check_not_capturing(const char* what) {
  EMBER_CHECK(ember::detail::CapturedValues::current() == nullptr, what,
              " cannot be part of a captured graph: the host would see, or give, the values of the capture only");
}

}  // namespace ember::cuda
