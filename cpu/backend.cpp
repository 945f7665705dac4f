// The CPU as a device: memory from the caching allocator, work done when the call returns.
#include <chrono>
#include <cstring>

#include <ember/core/backend.h>
#include <ember/core/error.h>
#include <ember/cpu/allocator.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

void free_storage(void* data, size_t, void* context) noexcept {
  free_memory({data, static_cast<uint32_t>(reinterpret_cast<uintptr_t>(context))});
}

// Frees a block unless it was handed on.
struct BlockOwner {
  Block block;
  ~BlockOwner() {
    if (block.data != nullptr) free_memory(block);
  }
};

struct CpuEvent {
  std::chrono::steady_clock::time_point time;
  bool recorded = false;
};

class CpuBackend final : public Backend {
 public:
  int device_count() noexcept override { return 1; }
  std::string why_unavailable() override { return {}; }
  DeviceIndex current_device() override { return 0; }
  void set_device(DeviceIndex index) override { EMBER_CHECK(index <= 0, "there is no device cpu:", int{index}); }

  IntrusivePtr<StorageImpl> allocate(size_t nbytes, Device) override {
    BlockOwner owner{allocate_memory(nbytes)};
    void* const context = reinterpret_cast<void*>(uintptr_t{owner.block.size_class});
    IntrusivePtr<StorageImpl> storage(new StorageImpl(owner.block.data, nbytes, Device(kCPU), &free_storage, context));
    owner.block.data = nullptr;
    return storage;
  }
  MemoryStats memory_stats(Device) override { return allocator_stats(); }
  void reset_peak_memory_stats(Device) override { reset_allocator_peaks(); }
  void empty_cache() override { empty_allocator_cache(); }

  void copy_bytes(void* dst, Device, const void* src, Device, size_t nbytes, bool) override {
    if (nbytes != 0) std::memmove(dst, src, nbytes);
  }

  Stream current_stream(DeviceIndex) override { return Stream{Device(kCPU), 0}; }
  void set_current_stream(Stream) override {}
  Stream stream_from_pool(DeviceIndex, bool) override { return Stream{Device(kCPU), 0}; }
  void synchronize(DeviceIndex) override {}
  void synchronize_stream(Stream) override {}
  void record_stream(const Storage&, Stream) override {}

  void* event_create(DeviceIndex, bool) override { return new CpuEvent; }
  void event_destroy(void* event) noexcept override { delete static_cast<CpuEvent*>(event); }
  void event_record(void* event, Stream) override {
    CpuEvent& e = *static_cast<CpuEvent*>(event);
    e.time = std::chrono::steady_clock::now();
    e.recorded = true;
  }
  void event_wait(void*, Stream) override {}
  void event_synchronize(void*) override {}
  bool event_query(void*) override { return true; }
  float event_elapsed_ms(void* start, void* end) override {
    const CpuEvent& a = *static_cast<CpuEvent*>(start);
    const CpuEvent& b = *static_cast<CpuEvent*>(end);
    EMBER_CHECK(a.recorded && b.recorded, "elapsed_time: both events must have been recorded");
    return std::chrono::duration<float, std::milli>(b.time - a.time).count();
  }

  void range_push(const char*, uint64_t) noexcept override {}
  void range_pop() noexcept override {}
};

}  // namespace

Backend* register_backend() {
  // Never destroyed: storages free their memory in destructors of any order.
  static CpuBackend* const instance = [] {
    register_kernels();
    return new CpuBackend;
  }();
  return instance;
}

MemoryStats memory_stats() { return allocator_stats(); }
void reset_peak_memory_stats() { reset_allocator_peaks(); }
void empty_cache() { empty_allocator_cache(); }

}  // namespace ember::cpu
