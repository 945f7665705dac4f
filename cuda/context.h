// What the process knows about its CUDA devices. Nothing here touches CUDA before the first call, and
// nothing is ever destroyed: the driver may be gone before our static destructors would run.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include <cuda_runtime_api.h>

#include <ember/core/device.h>
#include <ember/cuda/check.h>
#include <ember/cuda/fault.h>

namespace ember::cuda {

inline constexpr int kMaxDevices = 64;
// Threads per block of every kernel that has no reason for another number.
inline constexpr int kThreads = 256;

// How many devices the driver shows, 0 on any failure. Asked once.
int visible_devices() noexcept;
// Why that is 0: one sentence; empty otherwise.
const std::string& unavailable_reason();

// What is constant about one device.
struct DeviceInfo {
  int index;
  int multiprocessors;
  int threads;       // that a multiprocessor holds at once
  int major, minor;  // compute capability
  bool overlaps;     // whether launch() may let a kernel begin before the one ahead of it has ended
  std::string name;
  FaultSlot* fault;  // where kernels report what they find wrong

  // Blocks of so many threads that the device holds at once, as far as threads go.
  int64_t resident(int per_block) const {
    return static_cast<int64_t>(multiprocessors) * std::max(1, threads / per_block);
  }
};

// What the functions here look up, for them alone.
struct ContextState {
  static constinit std::atomic<const DeviceInfo*> infos[kMaxDevices];  // null: not initialised
  // Whether there is one device, which then is the current one of every thread. False until that is known.
  static constinit std::atomic<bool> only_device;
  static thread_local constinit cudaStream_t streams[kMaxDevices];
};
const DeviceInfo& initialise_device(int index);

// The first call for a device initialises it and throws Error if this build has no code for its
// architecture. `index` is checked. Thread-safe.
inline const DeviceInfo& device_info(int index) {
  if (index >= 0 && index < kMaxDevices) [[likely]] {
    if (const DeviceInfo* const info = ContextState::infos[index].load(std::memory_order_acquire)) return *info;
  }
  return initialise_device(index);
}

int current_device_index();
void set_device_index(int index);

// The calling thread's stream on a device; null, the legacy default stream, until set.
inline cudaStream_t current_stream_of(int index) { return ContextState::streams[index]; }
void set_current_stream_of(int index, cudaStream_t stream);
// One of the device's 32 non-blocking streams of either priority, in turn.
cudaStream_t pooled_stream(int index, bool high_priority);

// Makes a device current in this thread for the scope. Only a look-up when it already is, and not even that where it
// is the only one.
class DeviceScope {
 public:
  explicit DeviceScope(int index) {
    if (index != 0 || !ContextState::only_device.load(std::memory_order_relaxed)) enter(index);
  }
  ~DeviceScope() {
    if (previous_ >= 0) (void)cudaSetDevice(previous_);
  }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  void enter(int index);

  int previous_ = -1;  // that is to be current again
};

// What a kernel launch on `device` needs: the device current, its stream, its size.
struct LaunchScope {
  explicit LaunchScope(Device device)
      : info(device_info(device.index())), scope(device.index()), stream(current_stream_of(device.index())) {}
  const DeviceInfo& info;
  DeviceScope scope;
  cudaStream_t stream;

  // Blocks of `threads` threads that fill the device once: what a grid-stride loop is launched with. Never
  // more than the `items` need at `per_block` each; at least 1.
  unsigned blocks(int64_t items, int64_t per_block, int threads = kThreads) const {
    const int64_t needed = (items + per_block - 1) / per_block;
    return static_cast<unsigned>(std::clamp<int64_t>(needed, 1, info.resident(threads)));
  }
};

}  // namespace ember::cuda
