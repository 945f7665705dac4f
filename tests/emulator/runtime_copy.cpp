// Copies and fills. Memory of the host that is not pinned is read when the call is made; that is written before the
// call returns.
#include <cstring>

#include "memory.h"
#include "runtime.h"
#include "runtime_state.h"

namespace emulator {

namespace {

enum class Side { kDevice, kPinned, kPageable };

// Where it is, of what can be copied now; throws otherwise.
Side side_of(const void* address, size_t bytes) {
  const Allocation* const found = find_allocation(address);
  if (found == nullptr) return Side::kPageable;
  const auto value = reinterpret_cast<uintptr_t>(address);
  if (!find_range(value).contains(value, bytes)) fail(cudaErrorInvalidValue);
  const bool host = found->kind == MemoryKind::kPinned || found->kind == MemoryKind::kRegistered;
  return host ? Side::kPinned : Side::kDevice;
}

void check_kind(cudaMemcpyKind kind, Side to, Side from) {
  const bool from_host = kind == cudaMemcpyHostToHost || kind == cudaMemcpyHostToDevice;
  const bool to_host = kind == cudaMemcpyHostToHost || kind == cudaMemcpyDeviceToHost;
  if (kind == cudaMemcpyDefault) return;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) fail(cudaErrorInvalidMemcpyDirection);
  // Kernels can reach pinned memory, so that it can be meant by either word.
  if (from == (from_host ? Side::kDevice : Side::kPageable)) fail(cudaErrorInvalidValue);
  if (to == (to_host ? Side::kDevice : Side::kPageable)) fail(cudaErrorInvalidValue);
}

std::string name_of(size_t bytes, Side to, Side from) {
  const auto word = [](Side side) { return side == Side::kDevice ? "device" : "host"; };
  return "copy of " + std::to_string(bytes) + " bytes, " + word(from) + " to " + word(to);
}

struct Copy {
  Work work;
  Side to = Side::kPageable, from = Side::kPageable;
};

Copy make_copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, bool stage) {
  Copy copy;
  copy.to = side_of(to, bytes);
  copy.from = side_of(from, bytes);
  check_kind(kind, copy.to, copy.from);
  std::shared_ptr<std::vector<char>> staged;
  if (stage && copy.from == Side::kPageable) {
    const auto* const begin = static_cast<const char*>(from);
    staged = std::make_shared<std::vector<char>>(begin, begin + bytes);
  }
  copy.work.name = name_of(bytes, copy.to, copy.from);
  copy.work.run = [to, from, bytes, staged, sides = std::pair(copy.to, copy.from)] {
    if (sides.first != Side::kPageable) require_accessible(to, bytes, "a copy to");
    if (sides.second != Side::kPageable) require_accessible(from, bytes, "a copy from");
    std::memmove(to, staged ? staged->data() : from, bytes);
    if (sides.first != Side::kDevice) return;  // the host writes as it likes
    if (sides.second == Side::kDevice) {
      copy_marks(to, from, bytes);
    } else {
      mark_written(to, bytes);
    }
  };
  return copy;
}

void copy_async(Lock& lock, void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  const StreamPtr stream = stream_of(handle);
  if (bytes == 0) return check_implicit(*stream, true);
  Copy copy = make_copy(to, from, bytes, kind, stream->capture == nullptr);
  const OperationPtr operation = submit(lock, stream, std::move(copy.work));
  if (copy.to == Side::kPageable) finish(lock, operation);
  check_context(stream->device);
}

// Of the legacy stream. Between two places of a device nobody waits.
void copy_now(Lock& lock, void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const StreamPtr stream = stream_of(cudaStreamLegacy);
  check_wait(*stream);
  if (bytes == 0) return;
  Copy copy = make_copy(to, from, bytes, kind, true);
  const OperationPtr operation = submit(lock, stream, std::move(copy.work));
  if (copy.to != Side::kDevice || copy.from != Side::kDevice) finish(lock, operation);
  check_context(stream->device);
}

void fill(Lock& lock, void* address, int value, size_t bytes, const StreamPtr& stream) {
  if (bytes == 0) return check_implicit(*stream, true);
  if (side_of(address, bytes) == Side::kPageable) fail(cudaErrorInvalidValue);
  Work work;
  work.name = "fill of " + std::to_string(bytes) + " bytes";
  work.run = [address, value, bytes] {
    require_accessible(address, bytes, "a fill of");
    std::memset(address, value, bytes);
    mark_written(address, bytes);
  };
  submit(lock, stream, std::move(work));
}

}  // namespace

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return call([&](Lock& lock) { copy_now(lock, to, from, bytes, kind); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&](Lock& lock) { copy_async(lock, to, from, bytes, kind, stream); });
}

cudaError_t cudaMemcpyPeer(void* to, int to_device, const void* from, int from_device, size_t bytes) {
  return call([&](Lock& lock) {
    check_device(to_device);
    check_device(from_device);
    copy_now(lock, to, from, bytes, cudaMemcpyDeviceToDevice);
  });
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                cudaStream_t stream) {
  return call([&](Lock& lock) {
    check_device(to_device);
    check_device(from_device);
    copy_async(lock, to, from, bytes, cudaMemcpyDeviceToDevice, stream);
  });
}

cudaError_t cudaMemset(void* address, int value, size_t bytes) {
  return call([&](Lock& lock) {
    const StreamPtr stream = stream_of(cudaStreamLegacy);
    check_wait(*stream);
    fill(lock, address, value, bytes, stream);
  });
}

cudaError_t cudaMemsetAsync(void* address, int value, size_t bytes, cudaStream_t stream) {
  return call([&](Lock& lock) { fill(lock, address, value, bytes, stream_of(stream)); });
}
}
