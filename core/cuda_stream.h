// CUDA's streams, guards and events under the names that LibTorch's users know. They say what stream.h says, for one
// device type, with the handle as CUDA's own type; without CUDA each throws the reason.
#pragma once

#include <optional>
#include <utility>

#include <ember/core/backend.h>
#include <ember/core/error.h>

struct CUstream_st;  // what cudaStream_t points at

namespace ember::cuda {

namespace detail {
// An index of a CUDA device as a Device; -1 is the current one.
inline Device device_of(DeviceIndex index) { return resolve_device(Device(kCUDA, index)); }
}  // namespace detail

class CUDAStream {
 public:
  // Throws unless the stream is one of a CUDA device.
  explicit CUDAStream(Stream stream) : stream_(stream) {
    EMBER_CHECK(stream.device.is_cuda(), "CUDAStream: expected a stream of a CUDA device, got one of ", stream.device);
  }

  CUstream_st* stream() const { return reinterpret_cast<CUstream_st*>(stream_.handle); }
  operator CUstream_st*() const { return stream(); }  // NOLINT: implicit
  operator Stream() const { return stream_; }         // NOLINT: implicit
  Stream unwrap() const { return stream_; }
  Device device() const { return stream_.device; }
  DeviceIndex device_index() const { return stream_.device.index(); }
  uintptr_t id() const { return stream_.handle; }
  void synchronize() const { stream_.synchronize(); }
  // Whether all work queued so far is done.
  bool query() const {
    Event event(stream_.device);
    event.record(stream_);
    return event.query();
  }
  friend bool operator==(const CUDAStream& a, const CUDAStream& b) { return a.stream_ == b.stream_; }

 private:
  Stream stream_;
};

inline CUDAStream getCurrentCUDAStream(DeviceIndex device = -1) {
  return CUDAStream(ember::current_stream(detail::device_of(device)));
}
inline CUDAStream getDefaultCUDAStream(DeviceIndex device = -1) {
  return CUDAStream(Stream{detail::device_of(device), 0});
}
inline CUDAStream getStreamFromPool(bool high_priority = false, DeviceIndex device = -1) {
  return CUDAStream(stream_from_pool(detail::device_of(device), high_priority));
}
// A stream that somebody else made, and destroys when the work queued on it is done and what refers to it is gone:
// tensors that were recorded on it (record_stream), graphs whose forward ran on it.
inline CUDAStream getStreamFromExternal(CUstream_st* stream, DeviceIndex device) {
  return CUDAStream(Stream{detail::device_of(device), reinterpret_cast<uintptr_t>(stream)});
}
inline void setCurrentCUDAStream(const CUDAStream& stream) { set_current_stream(stream.unwrap()); }

// Makes a device current in this thread for the scope.
class CUDAGuard {
 public:
  explicit CUDAGuard(DeviceIndex index) : CUDAGuard(Device(kCUDA, index)) {}
  explicit CUDAGuard(Device device)
      : original_(kCUDA, backend(kCUDA).current_device()), current_(resolve_device(device)), guard_(current_) {
    EMBER_CHECK(device.is_cuda(), "CUDAGuard: expected a CUDA device, got ", device);
  }
  void set_index(DeviceIndex index) { set_device(Device(kCUDA, index)); }
  void set_device(Device device) {
    device = resolve_device(device);
    backend(kCUDA).set_device(device.index());
    current_ = device;
  }
  Device original_device() const { return original_; }
  Device current_device() const { return current_; }

 private:
  Device original_;
  Device current_;
  DeviceGuard guard_;
};

// The same for a device that may be missing.
class OptionalCUDAGuard {
 public:
  OptionalCUDAGuard() = default;
  explicit OptionalCUDAGuard(std::optional<Device> device) {
    if (device) guard_.emplace(*device);
  }
  explicit OptionalCUDAGuard(std::optional<DeviceIndex> index) {
    if (index) guard_.emplace(*index);
  }
  void set_device(Device device) {
    if (guard_) {
      guard_->set_device(device);
    } else {
      guard_.emplace(device);
    }
  }
  void reset() { guard_.reset(); }

 private:
  std::optional<CUDAGuard> guard_;
};

// Makes a stream, and its device, current in this thread for the scope.
class CUDAStreamGuard {
 public:
  explicit CUDAStreamGuard(Stream stream)
      : original_(ember::current_stream(stream.device)), current_(stream), guard_(std::in_place, stream) {}
  void reset_stream(Stream stream) {
    guard_.reset();
    guard_.emplace(stream);
    current_ = CUDAStream(stream);
  }
  CUDAStream original_stream() const { return original_; }
  CUDAStream current_stream() const { return current_; }

 private:
  CUDAStream original_;
  CUDAStream current_;
  std::optional<StreamGuard> guard_;
};

// A point in a stream, made on its device when it is first recorded.
class CUDAEvent {
 public:
  explicit CUDAEvent(bool timing = false) : timing_(timing) {}
  bool isCreated() const { return event_.has_value(); }
  void record() { record(getCurrentCUDAStream()); }
  void record(const CUDAStream& stream) {
    if (!event_) event_.emplace(stream.device(), timing_);
    event_->record(stream.unwrap());
  }
  void recordOnce(const CUDAStream& stream) {
    if (!event_) record(stream);
  }
  // Work queued on `stream` later runs after the event.
  void block(const CUDAStream& stream) const {
    if (event_) event_->wait(stream.unwrap());
  }
  void synchronize() const {
    if (event_) event_->synchronize();
  }
  bool query() const { return !event_ || event_->query(); }
  // Milliseconds; both must have been made with timing and recorded.
  float elapsed_time(const CUDAEvent& end) const {
    EMBER_CHECK(event_ && end.event_, "CUDAEvent: elapsed_time needs two recorded events");
    return event_->elapsed_time(*end.event_);
  }

 private:
  bool timing_;
  std::optional<Event> event_;
};

inline DeviceIndex current_device() { return backend(kCUDA).current_device(); }
inline void set_device(DeviceIndex index) { backend(kCUDA).set_device(detail::device_of(index).index()); }
inline void device_synchronize() { synchronize(); }

}  // namespace ember::cuda
