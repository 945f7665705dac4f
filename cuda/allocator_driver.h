// What the caching allocators ask of CUDA. Tests put a simulated device in its place, so nothing here needs CUDA.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;  // what cudaStream_t points at
struct CUevent_st;   // what cudaEvent_t points at

namespace ember::cuda {

using StreamHandle = CUstream_st*;

// What fails in another way than is said throws Error and has changed nothing. Sizes in bytes. Each object is used by
// one thread at a time.

// Points in the streams of one device.
class EventDriver {
 public:
  virtual ~EventDriver() = default;

  // After the work that is queued there so far.
  virtual CUevent_st* record(StreamHandle stream) = 0;
  virtual bool passed(CUevent_st* event) = 0;
  virtual void wait(CUevent_st* event) = 0;
  virtual void discard(CUevent_st* event) noexcept = 0;
  // The capture that records the stream's work, the same for all streams that are in it; 0: none does. kOtherCapture
  // where the stream cannot be used because another one records.
  static constexpr uint64_t kOtherCapture = UINT64_MAX;
  virtual uint64_t capture_of(StreamHandle stream) = 0;
  bool capturing(StreamHandle stream) { return capture_of(stream) != 0; }
};

// One device's memory.
class MemoryDriver : public EventDriver {
 public:
  // Null where the device has no more.
  virtual void* allocate(size_t nbytes) = 0;
  virtual void free(void* data) = 0;
  struct Info {
    size_t available = 0;
    size_t total = 0;
  };
  // Zeros where it cannot be known.
  virtual Info info() noexcept = 0;

  // Ranges of addresses that memory is mapped into piece by piece. Pieces are multiples of granularity(), which is
  // 0 where the device cannot do this.
  virtual size_t granularity() noexcept = 0;
  virtual void* reserve(size_t nbytes) = 0;  // null where there are no more addresses
  virtual void unreserve(void* base, size_t nbytes) = 0;
  // Puts new memory behind addresses of a range; false where the device has no more.
  virtual bool map(void* at, size_t nbytes) = 0;
  // Gives back what one call of map() put there.
  virtual void unmap(void* at, size_t nbytes) = 0;

  // Waits for all work of the device.
  virtual void synchronize() = 0;
};

}  // namespace ember::cuda
