#include <ember/cuda/blas.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <ember/cuda/allocator.h>
#include <ember/cuda/lt_matmul.h>

namespace ember::cuda {

namespace {

// What a thread holds of a device.
struct BlasHandle {
  cublasHandle_t handle = nullptr;
  cudaStream_t stream = nullptr;
  bool has_stream = false;
  std::vector<std::pair<cudaStream_t, void*>> workspaces;  // streams are few and live as long as the process
  std::unique_ptr<LtContext> lt;
};

// Handles that no thread holds. Never destroyed.
struct HandlePool {
  std::mutex mutex;
  std::vector<BlasHandle*> idle[kMaxDevices];
};
HandlePool& handle_pool() {
  static HandlePool* const pool = new HandlePool;
  return *pool;
}

// The handles of one thread. When the thread ends they go back to the pool, without a call to CUDA.
struct ThreadHandles {
  BlasHandle* handles[kMaxDevices] = {};
  ~ThreadHandles() {
    HandlePool& pool = handle_pool();
    const std::lock_guard<std::mutex> lock(pool.mutex);
    for (int i = 0; i < kMaxDevices; ++i) {
      try {
        if (handles[i] != nullptr) pool.idle[i].push_back(handles[i]);
      } catch (...) {  // no memory: the handle is lost
      }
    }
  }
};
thread_local std::unique_ptr<ThreadHandles> t_handles;  // large for thread-local memory

BlasHandle& held(int device) {
  if (t_handles == nullptr) [[unlikely]]
    t_handles = std::make_unique<ThreadHandles>();
  BlasHandle*& mine = t_handles->handles[device];
  if (mine != nullptr) [[likely]]
    return *mine;
  HandlePool& pool = handle_pool();
  const std::lock_guard<std::mutex> lock(pool.mutex);
  if (pool.idle[device].empty()) {
    mine = new BlasHandle;
  } else {
    mine = pool.idle[device].back();
    pool.idle[device].pop_back();
  }
  return *mine;
}

cublasHandle_t create_handle(int device) {
  const DeviceScope scope(device);
  cublasHandle_t handle = nullptr;
  EMBER_CUBLAS_CHECK(cublasCreate(&handle));
  // Full float32, no TF32; sums of 2-byte floats stay in float also where the work is split.
  const cublasStatus_t status = cublasSetMathMode(
      handle, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
  if (status != CUBLAS_STATUS_SUCCESS) {
    (void)cublasDestroy(handle);
    throw_cublas_error(status, "cublasSetMathMode");
  }
  return handle;
}

// Memory that lives as long as the process, so that a graph captured with it may be replayed at any time. It may be
// asked for while a stream is captured: that it is not part of the graph is what is wanted.
void* permanent_workspace(int device, size_t size) {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  EMBER_CUDA_CHECK(cudaThreadExchangeStreamCaptureMode(&mode));
  struct Restore {
    cudaStreamCaptureMode& mode;
    ~Restore() { (void)cudaThreadExchangeStreamCaptureMode(&mode); }
  } const restore{mode};
  return DeviceAllocator::of(device).allocate_permanent(size);
}

}  // namespace

void throw_cublas_error(cublasStatus_t status, const char* command) {
  (void)cudaGetLastError();
  throw Error(detail::concat(command, " failed: ", cublasGetStatusName(status), ": ", cublasGetStatusString(status)));
}

cublasHandle_t blas_handle(const DeviceInfo& device, cudaStream_t stream) {
  BlasHandle& mine = held(device.index);
  if (mine.has_stream && mine.stream == stream) return mine.handle;

  if (mine.handle == nullptr) mine.handle = create_handle(device.index);
  mine.has_stream = false;
  void* workspace = nullptr;
  for (const auto& [known, memory] : mine.workspaces) {
    if (known == stream) workspace = memory;
  }
  const size_t size = blas_workspace_size(device);
  if (workspace == nullptr) {
    workspace = permanent_workspace(device.index, size);
    mine.workspaces.emplace_back(stream, workspace);
  }
  EMBER_CUBLAS_CHECK(cublasSetStream(mine.handle, stream));  // forgets the workspace
  EMBER_CUBLAS_CHECK(cublasSetWorkspace(mine.handle, workspace, size));
  mine.stream = stream;
  mine.has_stream = true;
  return mine.handle;
}

LtContext& lt_context(const DeviceInfo& device) {
  BlasHandle& mine = held(device.index);
  if (mine.lt == nullptr) [[unlikely]] {
    const DeviceScope scope(device.index);
    auto context = std::make_unique<LtContext>();
    EMBER_CUBLAS_CHECK(cublasLtCreate(&context->handle));
    mine.lt = std::move(context);
  }
  return *mine.lt;
}

}  // namespace ember::cuda
