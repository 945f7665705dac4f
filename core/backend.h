// What a device must provide beside its kernels: memory, copies, streams. One object per device type.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ember/core/device.h>
#include <ember/core/graph_backend.h>
#include <ember/core/memory_stats.h>
#include <ember/core/storage.h>
#include <ember/core/stream.h>

namespace ember {

class Backend {
 public:
  virtual ~Backend() = default;

  // How many devices can be used. Never throws; 0 where there is none.
  virtual int device_count() noexcept = 0;
  // Empty, or why device_count() is 0.
  virtual std::string why_unavailable() = 0;

  // The current device of the calling thread.
  virtual DeviceIndex current_device() = 0;
  virtual void set_device(DeviceIndex index) = 0;

  // `nbytes` (> 0) on `device`, uninitialised, aligned to 64 bytes or more, ordered on the current stream.
  // Throws Error on exhaustion.
  virtual IntrusivePtr<StorageImpl> allocate(size_t nbytes, Device device) = 0;
  virtual MemoryStats memory_stats(Device device) = 0;
  virtual void reset_peak_memory_stats(Device device) = 0;
  virtual void empty_cache() = 0;
  // At most so many bytes are reserved, live and cached; 0: no limit.
  virtual void set_memory_limit(Device device, size_t bytes);
  virtual MemorySnapshot memory_snapshot(Device device);

  // `nbytes` (> 0) of the host's memory that the device copies from and to by itself, aligned as above; and whether
  // memory of the host is of that kind, here or by its owner's doing.
  virtual IntrusivePtr<StorageImpl> allocate_pinned(size_t nbytes);
  virtual bool is_pinned(const void* data);
  virtual MemoryStats pinned_memory_stats();

  // Copies bytes between this backend's device and the host or another device of it, ordered on the
  // current streams of both. Copies to or from the host are complete on return, unless they are non_blocking and the
  // host's memory is pinned.
  virtual void copy_bytes(void* dst, Device dst_device, const void* src, Device src_device, size_t nbytes,
                          bool non_blocking) = 0;

  virtual Stream current_stream(DeviceIndex index) = 0;
  virtual void set_current_stream(Stream stream) = 0;
  virtual Stream stream_from_pool(DeviceIndex index, bool high_priority) = 0;
  virtual void synchronize(DeviceIndex index) = 0;
  virtual void synchronize_stream(Stream stream) = 0;
  // Memory of `storage` must not be reused before the work queued on `stream` so far is done.
  virtual void record_stream(const Storage& storage, Stream stream) = 0;

  virtual void* event_create(DeviceIndex index, bool timing) = 0;
  virtual void event_destroy(void* event) noexcept = 0;
  virtual void event_record(void* event, Stream stream) = 0;
  virtual void event_wait(void* event, Stream stream) = 0;
  virtual void event_synchronize(void* event) = 0;
  virtual bool event_query(void* event) = 0;
  virtual float event_elapsed_ms(void* start, void* end) = 0;

  // Captured graphs: see cuda_graph.h. A device that has none throws.
  virtual std::unique_ptr<detail::GraphBackend> new_graph();
  virtual std::pair<uint64_t, uint64_t> new_graph_pool();
  // Whether this thread's work on the current device goes into a graph.
  virtual bool is_capturing() noexcept { return false; }

  // Keeps the stream busy for about that long, for tests of what has to wait for what.
  virtual void delay(Stream stream, int64_t microseconds);

  // A named range for the device's profiler (NVTX), with a payload unless that is 0; no-ops where there is none.
  virtual void range_push(const char* name, uint64_t payload) noexcept = 0;
  virtual void range_pop() noexcept = 0;
};

namespace detail {
extern constinit std::atomic<Backend*> backends[kNumDeviceTypes];  // null: not registered yet, or not built in
Backend& registered_backend(DeviceType type);
}  // namespace detail

// The backend of a device type; throws Error that says why if it cannot be used (not built in, no
// device, driver too old).
inline Backend& backend(DeviceType type) {
  Backend* const known = detail::backends[static_cast<size_t>(type)].load(std::memory_order_acquire);
  if (known != nullptr) [[likely]]
    return *known;
  return detail::registered_backend(type);
}
// The same, or null if it is not built in. Never initialises a device.
Backend* backend_or_null(DeviceType type) noexcept;

namespace detail {
extern constinit std::atomic<int> cuda_devices;  // how many there are, once that was asked
Device resolved_device(Device device);
}  // namespace detail

// `device` with its index made definite and checked: -1 becomes the current device. Throws Error.
inline Device resolve_device(Device device) {
  const int known = detail::cuda_devices.load(std::memory_order_relaxed);
  if (device.is_cuda() && device.has_index() && device.index() < known) return device;
  return detail::resolved_device(device);
}

// Uninitialised memory for one tensor. Zero bytes gives a storage with a null pointer. Pinned is for the host's
// memory only, and needs CUDA.
Storage allocate_storage(size_t nbytes, Device device);
Storage allocate_pinned_storage(size_t nbytes, Device device);

// Registers every backend that is built in; called once by the first use of a kernel or backend. Each
// backend's register function fills its column of the kernel table and returns its Backend.
namespace cpu {
Backend* register_backend();
}
namespace cuda {
Backend* register_backend();  // only linked when built with CUDA
}

// ---- the public functions by device ----

namespace cpu {
MemoryStats memory_stats();
void reset_peak_memory_stats();
void empty_cache();
}  // namespace cpu

// Usable in every build: without CUDA or a device, is_available() is false, device_count() 0, empty_cache() has
// nothing to do, and the rest throws the reason.
namespace cuda {
bool is_available();
int64_t device_count();
// Empty when CUDA can be used, else one sentence: not built with CUDA, no device found, driver too old.
std::string why_unavailable();
void synchronize(int64_t device = -1);
MemoryStats memory_stats(int64_t device = -1);
void reset_peak_memory_stats(int64_t device = -1);
// Gives back to the driver what no tensor holds, and pinned memory of the host that none holds.
void empty_cache();
// At most so many bytes are reserved on the device, live and cached; 0: as many as it has. An allocation beyond it
// fails as one beyond the device's memory does: after the cache was given back, with an OutOfMemoryError.
void set_memory_limit(size_t bytes, int64_t device = -1);
// What the allocator holds: as data, and as a page to read.
MemorySnapshot take_memory_snapshot(int64_t device = -1);
std::string memory_snapshot(int64_t device = -1);
// Of the host's pinned memory.
MemoryStats pinned_memory_stats();
}  // namespace cuda

}  // namespace ember
