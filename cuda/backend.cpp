#include <ember/core/backend.h>

#include <nvtx3/nvToolsExt.h>

#include <memory>

#include <ember/cuda/allocator.h>
#include <ember/cuda/context.h>
#include <ember/cuda/graph.h>
#include <ember/cuda/graph_kernels.h>
#include <ember/cuda/pinned.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

namespace {

void free_block(void*, size_t, void* context) noexcept {
  auto* const block = static_cast<Block*>(context);
  block->owner->free(block);
}

void free_pinned(void*, size_t, void* context) noexcept {
  auto* const block = static_cast<PinnedBlock*>(context);
  block->owner->free(block);
}

// Pinned by its owner, with cudaHostAlloc or cudaHostRegister.
bool is_registered(const void* data) {
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, data) != cudaSuccess) {
    (void)cudaGetLastError();
    return false;
  }
  return attributes.type == cudaMemoryTypeHost;
}

cudaStream_t native(Stream stream) { return reinterpret_cast<cudaStream_t>(stream.handle); }

struct EventHandle {
  cudaEvent_t event;
  int device;
};
EventHandle& handle_of(void* event) { return *static_cast<EventHandle*>(event); }

// Lets the copy engine go from device to device; without it, copies pass through the host.
void enable_peer_access(int from, int to) {
  int possible = 0;
  EMBER_CUDA_CHECK(cudaDeviceCanAccessPeer(&possible, from, to));
  if (possible == 0) return;
  const DeviceScope scope(from);
  const cudaError_t status = cudaDeviceEnablePeerAccess(to, 0);
  if (status == cudaErrorPeerAccessAlreadyEnabled) {
    (void)cudaGetLastError();
  } else if (status != cudaSuccess) {
    throw_cuda_error(status, "cudaDeviceEnablePeerAccess");
  }
}

// The copy runs on the source's stream, after what is queued on the destination's, which then waits for it.
void copy_between_devices(void* dst, int dst_device, const void* src, int src_device, size_t nbytes) {
  const DeviceInfo& source = device_info(src_device);
  const DeviceInfo& target = device_info(dst_device);
  enable_peer_access(source.index, target.index);
  const cudaStream_t src_stream = current_stream_of(src_device);
  const cudaStream_t dst_stream = current_stream_of(dst_device);
  {
    const DeviceScope scope(dst_device);
    const ScopedEvent ready;
    EMBER_CUDA_CHECK(cudaEventRecord(ready.get(), dst_stream));
    const DeviceScope source_scope(src_device);
    EMBER_CUDA_CHECK(cudaStreamWaitEvent(src_stream, ready.get(), 0));
  }
  const DeviceScope scope(src_device);
  const ScopedEvent copied;
  EMBER_CUDA_CHECK(cudaMemcpyPeerAsync(dst, dst_device, src, src_device, nbytes, src_stream));
  EMBER_CUDA_CHECK(cudaEventRecord(copied.get(), src_stream));
  const DeviceScope target_scope(dst_device);
  EMBER_CUDA_CHECK(cudaStreamWaitEvent(dst_stream, copied.get(), 0));
}

class CudaBackend final : public Backend {
 public:
  int device_count() noexcept override { return visible_devices(); }
  std::string why_unavailable() override { return unavailable_reason(); }

  DeviceIndex current_device() override { return static_cast<DeviceIndex>(current_device_index()); }
  void set_device(DeviceIndex index) override { set_device_index(index); }

  // ---- memory ----

  IntrusivePtr<StorageImpl> allocate(size_t nbytes, Device device) override {
    const int index = device.has_index() ? device.index() : current_device_index();
    (void)device_info(index);  // initialises the device
    Block* const block = DeviceAllocator::of(index).allocate(nbytes, current_stream_of(index));
    try {
      return IntrusivePtr<StorageImpl>(
          new StorageImpl(block->data, nbytes, Device(kCUDA, static_cast<DeviceIndex>(index)), free_block, block));
    } catch (...) {
      block->owner->free(block);
      throw;
    }
  }

  MemoryStats memory_stats(Device device) override {
    DeviceAllocator* const allocator = DeviceAllocator::if_made(index_of(device));
    return allocator != nullptr ? allocator->stats() : MemoryStats();
  }
  void reset_peak_memory_stats(Device device) override {
    if (DeviceAllocator* const allocator = DeviceAllocator::if_made(index_of(device))) allocator->reset_peak();
  }
  void empty_cache() override {
    for (int index = 0; index < kMaxDevices; ++index) {
      if (DeviceAllocator* const allocator = DeviceAllocator::if_made(index)) allocator->empty_cache();
    }
    if (PinnedAllocator* const pinned = PinnedAllocator::if_made()) pinned->empty_cache();
  }
  void set_memory_limit(Device device, size_t bytes) override {
    DeviceAllocator::of(checked(index_of(device))).set_limit(bytes);
  }
  MemorySnapshot memory_snapshot(Device device) override {
    return DeviceAllocator::of(checked(index_of(device))).snapshot();
  }

  IntrusivePtr<StorageImpl> allocate_pinned(size_t nbytes) override {
    (void)checked(current_device_index());
    PinnedBlock* const block = PinnedAllocator::instance().allocate(nbytes);
    try {
      return IntrusivePtr<StorageImpl>(new StorageImpl(block->data, nbytes, Device(kCPU), free_pinned, block));
    } catch (...) {
      block->owner->free(block);
      throw;
    }
  }
  bool is_pinned(const void* data) override {
    PinnedAllocator* const pinned = PinnedAllocator::if_made();
    return (pinned != nullptr && pinned->owns(data)) || is_registered(data);
  }
  MemoryStats pinned_memory_stats() override {
    PinnedAllocator* const pinned = PinnedAllocator::if_made();
    return pinned != nullptr ? pinned->stats() : MemoryStats();
  }

  void copy_bytes(void* dst, Device dst_device, const void* src, Device src_device, size_t nbytes,
                  bool non_blocking) override {
    if (nbytes == 0) return;
    if (dst_device.is_cuda() && src_device.is_cuda()) {
      const int from = index_of(src_device), to = index_of(dst_device);
      if (from != to) return copy_between_devices(dst, to, src, from, nbytes);
      const LaunchScope scope(Device(kCUDA, static_cast<DeviceIndex>(to)));
      EMBER_CUDA_CHECK(cudaMemcpyAsync(dst, src, nbytes, cudaMemcpyDeviceToDevice, scope.stream));
      return;
    }
    const bool to_host = src_device.is_cuda();
    check_not_capturing(to_host ? "reading values of the device on the host" : "a copy from the host");
    const int index = index_of(to_host ? src_device : dst_device);
    const LaunchScope scope(Device(kCUDA, static_cast<DeviceIndex>(index)));
    EMBER_CUDA_CHECK(
        cudaMemcpyAsync(dst, src, nbytes, to_host ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice, scope.stream));
    // What is not pinned may be read or written after the call has returned, on machines whose devices share the
    // host's page tables.
    if (non_blocking && uses_pinned(to_host ? dst : src, index, scope.stream)) return;
    EMBER_CUDA_CHECK(cudaStreamSynchronize(scope.stream));
    check_faults(index);
  }

  // ---- streams ----

  Stream current_stream(DeviceIndex index) override { return wrap(index, current_stream_of(checked(index))); }
  void set_current_stream(Stream stream) override { set_current_stream_of(index_of(stream.device), native(stream)); }
  Stream stream_from_pool(DeviceIndex index, bool high_priority) override {
    return wrap(index, pooled_stream(checked(index), high_priority));
  }
  void synchronize(DeviceIndex index) override {
    check_not_capturing("waiting for the device");
    const DeviceScope scope(checked(index));
    EMBER_CUDA_CHECK(cudaDeviceSynchronize());
    check_faults(index);
  }
  void synchronize_stream(Stream stream) override {
    check_not_capturing("waiting for a stream");
    const DeviceScope scope(index_of(stream.device));
    EMBER_CUDA_CHECK(cudaStreamSynchronize(native(stream)));
    check_faults(index_of(stream.device));
  }
  void record_stream(const Storage& storage, Stream stream) override {
    // Only memory of the allocator is ever reused; a storage made from a user's pointer is the user's.
    StorageImpl* const impl = storage.impl();
    if (impl == nullptr || impl->free_fn() != free_block) return;
    auto* const block = static_cast<Block*>(impl->context());
    block->owner->record_stream(block, native(stream));
  }

  // ---- events ----

  void* event_create(DeviceIndex index, bool timing) override {
    const DeviceScope scope(checked(index));
    auto handle = std::make_unique<EventHandle>();
    handle->device = index;
    EMBER_CUDA_CHECK(cudaEventCreateWithFlags(&handle->event, timing ? cudaEventDefault : cudaEventDisableTiming));
    return handle.release();
  }
  void event_destroy(void* event) noexcept override {
    (void)cudaEventDestroy(handle_of(event).event);  // fails only when the runtime has gone
    delete &handle_of(event);
  }
  void event_record(void* event, Stream stream) override {
    const DeviceScope scope(index_of(stream.device));  // the default stream is the current device's
    EMBER_CUDA_CHECK(cudaEventRecord(handle_of(event).event, native(stream)));
  }
  void event_wait(void* event, Stream stream) override {
    const DeviceScope scope(index_of(stream.device));
    EMBER_CUDA_CHECK(cudaStreamWaitEvent(native(stream), handle_of(event).event, 0));
  }
  void event_synchronize(void* event) override {
    EMBER_CUDA_CHECK(cudaEventSynchronize(handle_of(event).event));
    check_faults(handle_of(event).device);
  }
  bool event_query(void* event) override {
    const cudaError_t status = cudaEventQuery(handle_of(event).event);
    if (status == cudaErrorNotReady) {
      (void)cudaGetLastError();
      return false;
    }
    if (status != cudaSuccess) throw_cuda_error(status, "cudaEventQuery");
    return true;
  }
  float event_elapsed_ms(void* start, void* end) override {
    const DeviceScope scope(handle_of(start).device);
    float milliseconds = 0;
    EMBER_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, handle_of(start).event, handle_of(end).event));
    return milliseconds;
  }

  // ---- graphs ----

  std::unique_ptr<ember::detail::GraphBackend> new_graph() override { return cuda::new_graph(); }
  std::pair<uint64_t, uint64_t> new_graph_pool() override { return new_pool_id(); }
  bool is_capturing() noexcept override { return cuda::is_capturing(); }
  void delay(Stream stream, int64_t microseconds) override {
    const DeviceScope scope(index_of(stream.device));
    cuda::delay(native(stream), microseconds);
  }

  // ---- profiling ----

  void range_push(const char* name, uint64_t payload) noexcept override {
    nvtxEventAttributes_t attributes{};
    attributes.version = NVTX_VERSION;
    attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
    attributes.message.ascii = name;
    if (payload != 0) {
      attributes.payloadType = NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
      attributes.payload.ullValue = payload;
    }
    (void)nvtxRangePushEx(&attributes);
  }
  void range_pop() noexcept override { (void)nvtxRangePop(); }

 private:
  // Whether memory of the host is pinned; notes that work on the stream uses it.
  static bool uses_pinned(const void* data, int index, cudaStream_t stream) {
    PinnedAllocator* const pinned = PinnedAllocator::if_made();
    return (pinned != nullptr && pinned->record_use(data, index, stream)) || is_registered(data);
  }
  static int checked(int index) { return device_info(index).index; }
  static int index_of(Device device) { return device.has_index() ? device.index() : current_device_index(); }
  static Stream wrap(DeviceIndex index, cudaStream_t stream) {
    return {Device(kCUDA, index), reinterpret_cast<uintptr_t>(stream)};
  }
};

}  // namespace

Backend* register_backend() {
  static Backend* const instance = [] {
    register_kernels(kernels);
    return new CudaBackend;  // never destroyed: storages may outlive any static object
  }();
  return instance;
}

}  // namespace ember::cuda
