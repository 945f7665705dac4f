// The backend of the simulated devices: as that of CUDA (cuda/backend.cpp), with the machine in the driver's place.
#include "simulated_cuda.h"

#include <cstdlib>
#include <cstring>

#include <ember/core/backend_registry.h>
#include <ember/core/error.h>
#include <ember/cuda/allocator.h>
#include <ember/cuda/pinned.h>

#include "simulated_kernels.h"

namespace ember::test {

namespace {

using cuda::Block;
using cuda::DeviceAllocator;
using cuda::PinnedAllocator;
using cuda::PinnedBlock;
using cuda::StreamHandle;
using Point = Machine::Point;

constexpr int kDevices = 2;
constexpr size_t kMemory = size_t{1} << 30;
constexpr unsigned kPoolStreams = 32;

thread_local int t_device = 0;
thread_local uintptr_t t_streams[kDevices];

Machine& machine() { return Machine::instance(); }
StreamHandle native(uintptr_t handle) { return reinterpret_cast<StreamHandle>(handle); }

int checked(int device) {
  EMBER_CHECK(device >= 0 && device < kDevices, "there is no device cuda:", device, ": ", kDevices, " are simulated");
  return device;
}
int index_of(Device device) { return checked(device.has_index() ? device.index() : t_device); }
Machine::Stream key(Stream stream) { return {index_of(stream.device), stream.handle}; }
Machine::Stream current(int device) { return {device, t_streams[device]}; }

// ---- memory ----

template <class Base>
class Events : public Base {
 public:
  explicit Events(int device) : device_(device) {}
  CUevent_st* record(StreamHandle stream) override {
    return reinterpret_cast<CUevent_st*>(new Point(machine().mark({device_, reinterpret_cast<uintptr_t>(stream)})));
  }
  bool passed(CUevent_st* event) override { return machine().passed(of(event)); }
  void wait(CUevent_st* event) override { machine().finish(of(event)); }
  void discard(CUevent_st* event) noexcept override { delete &of(event); }
  uint64_t capture_of(StreamHandle) override { return 0; }

 protected:
  const int device_;

 private:
  static Point& of(CUevent_st* event) { return *reinterpret_cast<Point*>(event); }
};

// New memory is NaN, in any floating dtype.
void* new_memory(size_t nbytes) {
  void* const data = std::aligned_alloc(4096, (nbytes + 4095) / 4096 * 4096);
  if (data != nullptr) std::memset(data, 0xff, nbytes);
  return data;
}

class Memory final : public Events<cuda::MemoryDriver> {
 public:
  using Events::Events;
  void* allocate(size_t nbytes) override {
    if (nbytes > kMemory - used_) return nullptr;
    void* const data = new_memory(nbytes);
    if (data == nullptr) return nullptr;
    used_ += nbytes;
    sizes_[data] = nbytes;
    return data;
  }
  void free(void* data) override {
    used_ -= sizes_.at(data);
    sizes_.erase(data);
    std::free(data);
  }
  Info info() noexcept override { return {kMemory - used_, kMemory}; }
  size_t granularity() noexcept override { return 0; }
  void* reserve(size_t) override { return nullptr; }
  void unreserve(void*, size_t) override {}
  bool map(void*, size_t) override { return false; }
  void unmap(void*, size_t) override {}
  void synchronize() override { machine().finish_device(device_); }

 private:
  size_t used_ = 0;
  std::map<void*, size_t> sizes_;
};

class Pinned final : public cuda::PinnedDriver {
 public:
  void* allocate(size_t nbytes) override { return new_memory(nbytes); }
  void free(void* data) override { std::free(data); }
  cuda::EventDriver& events(int device) override { return events_[device]; }

 private:
  Events<cuda::EventDriver> events_[kDevices] = {Events<cuda::EventDriver>(0), Events<cuda::EventDriver>(1)};
};

// Never destroyed, as the backend: storages free their memory in destructors of any order.
DeviceAllocator& allocator(int device) {
  static auto* const first = new DeviceAllocator(0, std::make_unique<Memory>(0));
  static auto* const second = new DeviceAllocator(1, std::make_unique<Memory>(1));
  return checked(device) == 0 ? *first : *second;
}
PinnedAllocator& pinned() {
  static auto* const instance = new PinnedAllocator(std::make_unique<Pinned>());
  return *instance;
}

void free_block(void*, size_t, void* context) noexcept {
  auto* const block = static_cast<Block*>(context);
  block->owner->free(block);
}
void free_pinned(void*, size_t, void* context) noexcept {
  auto* const block = static_cast<PinnedBlock*>(context);
  block->owner->free(block);
}

// ---- the backend ----

struct EventHandle {
  int device;
  std::optional<Point> point;
};
EventHandle& handle_of(void* event) { return *static_cast<EventHandle*>(event); }

class SimulatedCuda final : public Backend {
 public:
  int device_count() noexcept override { return kDevices; }
  std::string why_unavailable() override { return {}; }
  DeviceIndex current_device() override { return static_cast<DeviceIndex>(t_device); }
  void set_device(DeviceIndex index) override { t_device = checked(index); }

  IntrusivePtr<StorageImpl> allocate(size_t nbytes, Device device) override {
    const int index = index_of(device);
    Block* const block = allocator(index).allocate(nbytes, native(t_streams[index]));
    return IntrusivePtr<StorageImpl>(
        new StorageImpl(block->data, nbytes, Device(kCUDA, static_cast<DeviceIndex>(index)), free_block, block));
  }
  MemoryStats memory_stats(Device device) override { return allocator(index_of(device)).stats(); }
  void reset_peak_memory_stats(Device device) override { allocator(index_of(device)).reset_peak(); }
  void empty_cache() override {
    for (int i = 0; i < kDevices; ++i) allocator(i).empty_cache();
    pinned().empty_cache();
  }
  void set_memory_limit(Device device, size_t bytes) override { allocator(index_of(device)).set_limit(bytes); }
  MemorySnapshot memory_snapshot(Device device) override { return allocator(index_of(device)).snapshot(); }
  IntrusivePtr<StorageImpl> allocate_pinned(size_t nbytes) override {
    PinnedBlock* const block = pinned().allocate(nbytes);
    return IntrusivePtr<StorageImpl>(new StorageImpl(block->data, nbytes, Device(kCPU), free_pinned, block));
  }
  bool is_pinned(const void* data) override { return pinned().owns(data); }
  MemoryStats pinned_memory_stats() override { return pinned().stats(); }

  void copy_bytes(void* dst, Device dst_device, const void* src, Device src_device, size_t nbytes,
                  bool non_blocking) override {
    if (nbytes == 0) return;
    const auto copy = [=] { std::memmove(dst, src, nbytes); };
    if (dst_device.is_cuda() && src_device.is_cuda()) {
      const Machine::Stream from = current(index_of(src_device)), to = current(index_of(dst_device));
      if (from != to) machine().queue_wait(from, machine().mark(to));
      machine().queue(from, copy);
      if (from != to) machine().queue_wait(to, machine().mark(from));
      return;
    }
    const bool to_host = src_device.is_cuda();
    const Machine::Stream stream = current(index_of(to_host ? src_device : dst_device));
    machine().queue(stream, copy);
    if (non_blocking && pinned().record_use(to_host ? dst : src, stream.first, native(stream.second))) return;
    machine().finish(stream);
    machine().throw_fault(stream.first);
  }

  Stream current_stream(DeviceIndex index) override { return {Device(kCUDA, index), t_streams[checked(index)]}; }
  void set_current_stream(Stream stream) override { t_streams[index_of(stream.device)] = stream.handle; }
  Stream stream_from_pool(DeviceIndex index, bool high_priority) override {
    static std::atomic<unsigned> next[kDevices][2];
    return {Device(kCUDA, index),
            1 + (high_priority ? kPoolStreams : 0) + next[checked(index)][high_priority]++ % kPoolStreams};
  }
  void synchronize(DeviceIndex index) override {
    machine().finish_device(checked(index));
    machine().throw_fault(index);
  }
  void synchronize_stream(Stream stream) override {
    machine().finish(key(stream));
    machine().throw_fault(key(stream).first);
  }
  void record_stream(const Storage& storage, Stream stream) override {
    StorageImpl* const impl = storage.impl();
    if (impl == nullptr || impl->free_fn() != free_block) return;
    auto* const block = static_cast<Block*>(impl->context());
    block->owner->record_stream(block, native(stream.handle));
  }

  void* event_create(DeviceIndex index, bool) override { return new EventHandle{checked(index), std::nullopt}; }
  void event_destroy(void* event) noexcept override { delete &handle_of(event); }
  void event_record(void* event, Stream stream) override { handle_of(event).point = machine().mark(key(stream)); }
  void event_wait(void* event, Stream stream) override {
    const Machine::Stream waiting = key(stream);
    if (const auto& point = handle_of(event).point) machine().queue_wait(waiting, *point);
  }
  void event_synchronize(void* event) override {
    if (const auto& point = handle_of(event).point) machine().finish(*point);
    machine().throw_fault(handle_of(event).device);
  }
  bool event_query(void* event) override {
    const auto& point = handle_of(event).point;
    return !point || machine().passed(*point);
  }
  float event_elapsed_ms(void* start, void* end) override {
    return static_cast<float>(*handle_of(end).point->time - *handle_of(start).point->time) / 1000;
  }
  void delay(Stream stream, int64_t microseconds) override { machine().queue_delay(key(stream), microseconds); }

  void range_push(const char*, uint64_t) noexcept override {}
  void range_pop() noexcept override {}
};

}  // namespace

void queue_on_current(Device device, std::function<void()> kernel) {
  machine().queue(current(index_of(device)), std::move(kernel));
}
void finish_current(Device device) { machine().finish(current(index_of(device))); }

void simulate_cuda() {
  (void)backend(kCPU);  // the table has the kernels of the CPU
  static auto* const instance = new SimulatedCuda;
  ember::detail::replace_backend(kCUDA, instance);
  register_simulated_kernels();
}

}  // namespace ember::test
