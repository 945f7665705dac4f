#include <ember/cuda/blas.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <ember/cuda/allocator.h>

namespace ember::cuda {

namespace {

struct BlasHandle {
  cublasHandle_t handle = nullptr;
  cudaStream_t stream = nullptr;
  bool has_stream = false;
  std::vector<std::pair<cudaStream_t, void*>> workspaces;  // streams are few and live as long as the process
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
thread_local ThreadHandles t_handles;

// NVIDIA's recommendation: 32 MiB from Hopper on, 4 MiB before.
size_t workspace_size(const DeviceInfo& device) { return size_t{device.major >= 9 ? 32u : 4u} << 20; }

BlasHandle* acquire(int device) {
  HandlePool& pool = handle_pool();
  {
    const std::lock_guard<std::mutex> lock(pool.mutex);
    if (!pool.idle[device].empty()) {
      BlasHandle* const handle = pool.idle[device].back();
      pool.idle[device].pop_back();
      return handle;
    }
  }
  const DeviceScope scope(device);
  auto handle = std::make_unique<BlasHandle>();
  EMBER_CUBLAS_CHECK(cublasCreate(&handle->handle));
  // Full float32, no TF32; sums of 2-byte floats stay in float also where the work is split.
  const cublasStatus_t status = cublasSetMathMode(
      handle->handle,
      static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
  if (status != CUBLAS_STATUS_SUCCESS) {
    (void)cublasDestroy(handle->handle);
    throw_cublas_error(status, "cublasSetMathMode");
  }
  return handle.release();
}

}  // namespace

void throw_cublas_error(cublasStatus_t status, const char* command) {
  (void)cudaGetLastError();
  throw Error(detail::concat(command, " failed: ", cublasGetStatusName(status), ": ", cublasGetStatusString(status)));
}

cublasHandle_t blas_handle(const DeviceInfo& device, cudaStream_t stream) {
  BlasHandle*& mine = t_handles.handles[device.index];
  if (mine == nullptr) mine = acquire(device.index);
  if (mine->has_stream && mine->stream == stream) return mine->handle;

  mine->has_stream = false;
  void* workspace = nullptr;
  for (const auto& [known, memory] : mine->workspaces) {
    if (known == stream) workspace = memory;
  }
  const size_t size = workspace_size(device);
  if (workspace == nullptr) {
    workspace = DeviceAllocator::of(device.index).allocate_permanent(size);
    mine->workspaces.emplace_back(stream, workspace);
  }
  EMBER_CUBLAS_CHECK(cublasSetStream(mine->handle, stream));  // forgets the workspace
  EMBER_CUBLAS_CHECK(cublasSetWorkspace(mine->handle, workspace, size));
  mine->stream = stream;
  mine->has_stream = true;
  return mine->handle;
}

}  // namespace ember::cuda
