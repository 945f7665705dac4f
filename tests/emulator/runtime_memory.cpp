// Memory: cudaMalloc, pinned memory, and what is known about addresses.
#include <sys/mman.h>

#include <cstring>
#include <optional>

#include "memory.h"
#include "runtime.h"
#include "runtime_state.h"

namespace emulator {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMostFilled = size_t{64} << 20;

size_t whole_pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// Kernels may touch as much as was asked for. The page after it nobody can, the host included.
void* allocate(MemoryKind kind, size_t bytes) {
  void* const address = reserve_addresses(whole_pages(bytes), kPage);
  if (address == nullptr || mprotect(address, whole_pages(bytes), PROT_READ | PROT_WRITE) != 0) {
    if (address != nullptr) release_addresses(address, whole_pages(bytes));
    fail(cudaErrorMemoryAllocation);
  }
  fill_new(address, bytes);
  if (kind == MemoryKind::kDevice) mark_unwritten(address, bytes);
  runtime().allocations[reinterpret_cast<uintptr_t>(address)] = {kind, bytes, current_device()};
  add_range(address, bytes);
  return address;
}

void release(void* address, size_t bytes) {
  remove_range(address, bytes);
  runtime().allocations.erase(reinterpret_cast<uintptr_t>(address));
  release_addresses(address, whole_pages(bytes));
}

Allocation at(void* address, MemoryKind kind, cudaError_t otherwise) {
  const auto found = runtime().allocations.find(reinterpret_cast<uintptr_t>(address));
  if (found == runtime().allocations.end() || found->second.kind != kind) fail(otherwise);
  return found->second;
}

void finish_all(Lock& lock) {
  for (int device = 0; device < settings().devices; ++device) finish_device(lock, device);
}

}  // namespace

void* reserve_addresses(size_t bytes, size_t alignment) {
  const size_t all = bytes + alignment + kPage;
  if (all < bytes) return nullptr;
  void* const mapped = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = (begin + alignment - 1) / alignment * alignment;
  const uintptr_t end = aligned + bytes + kPage;
  if (aligned > begin) munmap(mapped, aligned - begin);
  if (begin + all > end) munmap(reinterpret_cast<void*>(end), begin + all - end);
  return reinterpret_cast<void*>(aligned);
}

void release_addresses(void* address, size_t bytes) { munmap(address, bytes + kPage); }

void fill_new(void* address, size_t bytes) {
  if (settings().fill >= 0 && bytes <= kMostFilled) std::memset(address, settings().fill, bytes);
}

void charge(int device, size_t bytes) {
  size_t& used = runtime().devices[static_cast<size_t>(device)].used;
  if (bytes > settings().memory - used) fail(cudaErrorMemoryAllocation);
  used += bytes;
}

const Allocation* find_allocation(const void* address) {
  const auto value = reinterpret_cast<uintptr_t>(address);
  auto found = runtime().allocations.upper_bound(value);
  if (found == runtime().allocations.begin()) return nullptr;
  --found;
  return value - found->first < found->second.bytes ? &found->second : nullptr;
}

void require_accessible(const void* address, size_t bytes, const char* what) {
  const auto value = reinterpret_cast<uintptr_t>(address);
  if (bytes == 0 || find_range(value).contains(value, bytes)) return;
  char text[200];
  std::snprintf(text, sizeof(text), "%s: %zu bytes at %p are not all accessible", what, bytes, address);
  throw Fault(FaultKind::kIllegalAddress, text);
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaMalloc(void** address, size_t bytes) {
  return call([&](Lock&) {
    if (address == nullptr) fail(cudaErrorInvalidValue);
    check_unsafe();
    *address = nullptr;
    if (bytes == 0) return;
    const int device = current_device();
    charge(device, bytes);
    try {
      *address = allocate(MemoryKind::kDevice, bytes);
    } catch (const Failure&) {
      runtime().devices[static_cast<size_t>(device)].used -= bytes;
      throw;
    }
  });
}

// Waits for the device, as CUDA does.
cudaError_t cudaFree(void* address) {
  return call([&](Lock& lock) {
    if (address == nullptr) return;
    check_unsafe();
    const Allocation freed = at(address, MemoryKind::kDevice, cudaErrorInvalidValue);
    finish_device(lock, freed.device);
    check_context(freed.device);
    (void)at(address, MemoryKind::kDevice, cudaErrorInvalidValue);  // others may have freed it meanwhile
    release(address, freed.bytes);
    runtime().devices[static_cast<size_t>(freed.device)].used -= freed.bytes;
  });
}

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  return call([&](Lock&) {
    *total = settings().memory;
    *available = *total - runtime().devices[static_cast<size_t>(current_device())].used;
  });
}

cudaError_t cudaHostAlloc(void** address, size_t bytes, unsigned flags) {
  return call([&](Lock&) {
    constexpr unsigned kKnown = cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined;
    if (address == nullptr || (flags & ~kKnown) != 0) fail(cudaErrorInvalidValue);
    check_unsafe();
    *address = bytes != 0 ? allocate(MemoryKind::kPinned, bytes) : nullptr;
  });
}

cudaError_t cudaMallocHost(void** address, size_t bytes) { return cudaHostAlloc(address, bytes, cudaHostAllocDefault); }

// Waits for the devices, as CUDA does though it does not say so.
cudaError_t cudaFreeHost(void* address) {
  return call([&](Lock& lock) {
    if (address == nullptr) return;
    check_unsafe();
    (void)at(address, MemoryKind::kPinned, cudaErrorInvalidValue);
    finish_all(lock);
    release(address, at(address, MemoryKind::kPinned, cudaErrorInvalidValue).bytes);
  });
}

cudaError_t cudaHostRegister(void* address, size_t bytes, unsigned) {
  return call([&](Lock&) {
    if (address == nullptr || bytes == 0) fail(cudaErrorInvalidValue);
    check_unsafe();
    const auto begin = reinterpret_cast<uintptr_t>(address);
    const auto next = runtime().allocations.lower_bound(begin);
    const bool meets_next = next != runtime().allocations.end() && next->first - begin < bytes;
    if (meets_next || find_allocation(address) != nullptr) fail(cudaErrorHostMemoryAlreadyRegistered);
    runtime().allocations[begin] = {MemoryKind::kRegistered, bytes, current_device()};
    add_range(address, bytes);
  });
}

cudaError_t cudaHostUnregister(void* address) {
  return call([&](Lock& lock) {
    check_unsafe();
    (void)at(address, MemoryKind::kRegistered, cudaErrorHostMemoryNotRegistered);
    finish_all(lock);
    remove_range(address, at(address, MemoryKind::kRegistered, cudaErrorHostMemoryNotRegistered).bytes);
    runtime().allocations.erase(reinterpret_cast<uintptr_t>(address));
  });
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  return call([&](Lock&) {
    const Allocation* const found = find_allocation(host);
    if (found == nullptr || (found->kind != MemoryKind::kPinned && found->kind != MemoryKind::kRegistered)) {
      fail(cudaErrorInvalidValue);
    }
    *device = host;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  return call([&](Lock&) {
    *attributes = {};
    attributes->type = cudaMemoryTypeUnregistered;
    attributes->device = cudaInvalidDeviceId;
    void* const found_at = const_cast<void*>(address);
    const Allocation* const found = find_allocation(address);
    const int mapped = device_of_mapping(reinterpret_cast<uintptr_t>(address));
    if (found == nullptr || (found->kind == MemoryKind::kReserved && mapped < 0)) {
      attributes->hostPointer = found_at;
      return;
    }
    attributes->device = found->kind == MemoryKind::kReserved ? mapped : found->device;
    attributes->devicePointer = found_at;
    const bool host = found->kind == MemoryKind::kPinned || found->kind == MemoryKind::kRegistered;
    attributes->type = host ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    attributes->hostPointer = host ? found_at : nullptr;
  });
}
}
