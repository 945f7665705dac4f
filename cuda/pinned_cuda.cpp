// The driver of the pinned allocator: CUDA.
#include <ember/cuda/allocator_cuda.h>
#include <ember/cuda/pinned.h>

namespace ember::cuda {

namespace {

class CudaPinnedDriver final : public PinnedDriver {
 public:
  void* allocate(size_t nbytes) override {
    const RelaxedCapture relaxed;
    void* data = nullptr;
    const cudaError_t status = cudaHostAlloc(&data, nbytes, cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      return nullptr;
    }
    if (status != cudaSuccess) throw_cuda_error(status, "cudaHostAlloc");
    return data;
  }
  void free(void* data) override {
    const RelaxedCapture relaxed;
    EMBER_CUDA_CHECK(cudaFreeHost(data));
  }
  EventDriver& events(int device) override {
    std::unique_ptr<EventDriver>& events = events_[device];
    if (events == nullptr) events = std::make_unique<CudaEvents<EventDriver>>(device);
    return *events;
  }

 private:
  std::unique_ptr<EventDriver> events_[kMaxDevices];
};

std::atomic<PinnedAllocator*> g_pinned{nullptr};
std::mutex g_mutex;

}  // namespace

PinnedAllocator* PinnedAllocator::if_made() noexcept { return g_pinned.load(std::memory_order_acquire); }

PinnedAllocator& PinnedAllocator::instance() {
  if (PinnedAllocator* const made = if_made()) return *made;
  const std::lock_guard<std::mutex> lock(g_mutex);
  if (if_made() == nullptr) {
    g_pinned.store(new PinnedAllocator(std::make_unique<CudaPinnedDriver>()), std::memory_order_release);
  }
  return *if_made();
}

}  // namespace ember::cuda
