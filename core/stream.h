// Streams and events, without naming the device's own types: CUDA streams there, nothing on the CPU.
#pragma once

#include <cstdint>
#include <memory>

#include <ember/core/device.h>

namespace ember {

// An ordered queue of work on a device. A value type; the backend owns the queue. A handle of 0 is the
// device's default stream; on the CPU, work is done when the call returns.
struct Stream {
  Device device;
  uintptr_t handle = 0;  // cudaStream_t on CUDA

  void synchronize() const;
  friend bool operator==(const Stream& a, const Stream& b) { return a.device == b.device && a.handle == b.handle; }
  friend bool operator!=(const Stream& a, const Stream& b) { return !(a == b); }
};

// The calling thread's stream on `device`.
Stream current_stream(Device device);
void set_current_stream(Stream stream);
// A stream of the device's pool (taken round-robin; the pool is fixed, so streams need no freeing).
Stream stream_from_pool(Device device, bool high_priority = false);

// Makes `stream` current (and its device) in this thread for the scope.
class StreamGuard {
 public:
  explicit StreamGuard(Stream stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  Stream previous_;  // of the CPU: there is nothing to undo
  DeviceIndex previous_device_ = -1;
};

// Makes `device` the current one of its type in this thread for the scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(Device device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  Device previous_;
};

// A point in a stream that other streams and the host can wait for.
class Event {
 public:
  explicit Event(Device device, bool timing = false);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  void record(Stream stream);
  void record();                   // on the current stream
  void wait(Stream stream) const;  // work queued on `stream` later runs after the event
  void synchronize() const;        // the host waits
  bool query() const;              // whether it has passed
  // Milliseconds between two recorded and passed events made with timing.
  float elapsed_time(const Event& end) const;

 private:
  Device device_;
  void* handle_ = nullptr;
};

}  // namespace ember
