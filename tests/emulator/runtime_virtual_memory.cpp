// Addresses and memory apart from each other: cuMemAddressReserve, cuMemCreate, cuMemMap. The memory of a device is a
// file that nobody else sees, so that mappings of one handle are of the same bytes.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "runtime_state.h"

namespace emulator {

namespace {

constexpr size_t kGranularity = size_t{2} << 20;

struct Memory {
  int device = 0;
  size_t bytes = 0;
  off_t at = 0;  // in the device's file
  bool released = false;
  size_t mappings = 0;
  bool mapped = false;  // ever
};

struct Mapping {
  size_t bytes = 0;
  std::shared_ptr<Memory> memory;
};

struct State {
  Handles<Memory> handles;
  std::map<uintptr_t, Mapping> mappings;
};

State& state() {
  static auto* const instance = new State;
  return *instance;
}

// Places in the file are used once.
struct File {
  int descriptor = -1;
  off_t end = 0;
};

File& file_of(int device) {
  static auto* const files = new std::map<int, File>;
  File& file = (*files)[device];
  if (file.descriptor < 0) {
    file.descriptor = memfd_create("emulated_gpu", MFD_CLOEXEC);
    if (file.descriptor < 0) fail(cudaErrorMemoryAllocation);
  }
  return file;
}

void check_location(const CUmemLocation& location) {
  if (location.type != CU_MEM_LOCATION_TYPE_DEVICE) fail(cudaErrorNotSupported);
  check_device(location.id);
}

void check_whole(size_t bytes) {
  if (bytes == 0 || bytes % kGranularity != 0) fail(cudaErrorInvalidValue);
}

std::shared_ptr<Memory> create(size_t bytes, const CUmemAllocationProp& properties) {
  check_whole(bytes);
  if (properties.type != CU_MEM_ALLOCATION_TYPE_PINNED) fail(cudaErrorInvalidValue);
  check_location(properties.location);
  const int device = properties.location.id;
  File& file = file_of(device);
  charge(device, bytes);
  if (ftruncate(file.descriptor, file.end + static_cast<off_t>(bytes)) != 0) {
    runtime().devices[static_cast<size_t>(device)].used -= bytes;
    fail(cudaErrorMemoryAllocation);
  }
  auto memory = std::make_shared<Memory>(Memory{device, bytes, file.end, false, 0, false});
  file.end += static_cast<off_t>(bytes);
  void* const view = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, memory->at);
  if (view != MAP_FAILED) {
    fill_new(view, bytes);
    munmap(view, bytes);
  }
  return memory;
}

void free_if_unused(const Memory& memory) {
  if (!memory.released || memory.mappings != 0) return;
  (void)fallocate(file_of(memory.device).descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, memory.at,
                  static_cast<off_t>(memory.bytes));
  runtime().devices[static_cast<size_t>(memory.device)].used -= memory.bytes;
}

using MappingIterator = std::map<uintptr_t, Mapping>::iterator;

// The first mapping that ends after the address.
MappingIterator first_mapping(uintptr_t address) {
  std::map<uintptr_t, Mapping>& mappings = state().mappings;
  MappingIterator found = mappings.upper_bound(address);
  if (found != mappings.begin()) {
    const MappingIterator before = std::prev(found);
    if (before->first + before->second.bytes > address) found = before;
  }
  return found;
}

bool is_mapped(uintptr_t begin, uintptr_t end) {
  MappingIterator at = first_mapping(begin);
  for (; begin < end && at != state().mappings.end() && at->first <= begin; ++at) {
    begin = at->first + at->second.bytes;
  }
  return begin >= end;
}

void map(uintptr_t begin, size_t bytes, size_t offset, const std::shared_ptr<Memory>& memory) {
  check_whole(bytes);
  const Allocation* const reserved = find_allocation(reinterpret_cast<void*>(begin));
  if (reserved == nullptr || reserved->kind != MemoryKind::kReserved || begin % kGranularity != 0) {
    fail(cudaErrorInvalidValue);
  }
  const Allocation* const last = find_allocation(reinterpret_cast<void*>(begin + bytes - 1));
  if (last != reserved || offset != 0 || bytes > memory->bytes) fail(cudaErrorInvalidValue);
  const MappingIterator next = first_mapping(begin);
  if (next != state().mappings.end() && next->first < begin + bytes) fail(cudaErrorInvalidValue);
  if (mmap(reinterpret_cast<void*>(begin), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, file_of(memory->device).descriptor,
           memory->at) == MAP_FAILED) {
    fail(cudaErrorMemoryAllocation);
  }
  // What was written by way of another mapping is not followed.
  if (!memory->mapped) mark_unwritten(reinterpret_cast<void*>(begin), bytes);
  memory->mapped = true;
  ++memory->mappings;
  state().mappings[begin] = {bytes, memory};
}

// Waits for nothing: what still works with the memory meets no memory.
void unmap(uintptr_t begin, size_t bytes) {
  check_whole(bytes);
  const uintptr_t end = begin + bytes;
  const MappingIterator first = state().mappings.find(begin);
  if (first == state().mappings.end() || !is_mapped(begin, end)) fail(cudaErrorInvalidValue);
  const MappingIterator last = std::prev(state().mappings.lower_bound(end));
  if (last->first + last->second.bytes != end) fail(cudaErrorInvalidValue);
  remove_range(reinterpret_cast<void*>(begin), bytes);
  mmap(reinterpret_cast<void*>(begin), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
       0);
  for (MappingIterator at = first; at != std::next(last); ++at) {
    --at->second.memory->mappings;
    free_if_unused(*at->second.memory);
  }
  state().mappings.erase(first, std::next(last));
}

void set_access(uintptr_t begin, size_t bytes, CUmemAccess_flags flags) {
  check_whole(bytes);
  if (!is_mapped(begin, begin + bytes)) fail(cudaErrorInvalidValue);
  void* const address = reinterpret_cast<void*>(begin);
  if (flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
    if (mprotect(address, bytes, PROT_READ | PROT_WRITE) != 0) fail(cudaErrorMemoryAllocation);
    add_range(address, bytes);
  } else if (flags == CU_MEM_ACCESS_FLAGS_PROT_NONE) {
    remove_range(address, bytes);
    mprotect(address, bytes, PROT_NONE);
  } else {
    fail(cudaErrorNotSupported);
  }
}

void* handle_of(CUmemGenericAllocationHandle handle) { return reinterpret_cast<void*>(handle); }

// The handle of memory that was released is the mappings' only.
const std::shared_ptr<Memory>& memory_of(CUmemGenericAllocationHandle handle) {
  try {
    return state().handles.at(handle_of(handle));
  } catch (const Failure&) {
    fail(cudaErrorInvalidValue);
  }
}

template <class Body>
CUresult call_driver(Body body) {
  return static_cast<CUresult>(guarded([&](Lock& lock) {
    check_context(current_device());
    body(lock);
  }));
}

}  // namespace

int device_of_mapping(uintptr_t address) {
  const MappingIterator found = first_mapping(address);
  return found != state().mappings.end() && found->first <= address ? found->second.memory->device : -1;
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

CUresult cuMemGetAllocationGranularity(size_t* granularity, const CUmemAllocationProp* properties,
                                       CUmemAllocationGranularity_flags) {
  return call_driver([&](Lock&) {
    if (granularity == nullptr || properties == nullptr) fail(cudaErrorInvalidValue);
    check_location(properties->location);
    *granularity = kGranularity;
  });
}

CUresult cuMemAddressReserve(CUdeviceptr* address, size_t bytes, size_t alignment, CUdeviceptr, unsigned long long) {
  return call_driver([&](Lock&) {
    check_unsafe();
    check_whole(bytes);
    if (address == nullptr || (alignment & (alignment - 1)) != 0) fail(cudaErrorInvalidValue);
    void* const reserved = reserve_addresses(bytes, std::max(alignment, kGranularity));
    if (reserved == nullptr) fail(cudaErrorMemoryAllocation);
    *address = reinterpret_cast<CUdeviceptr>(reserved);
    runtime().allocations[*address] = {MemoryKind::kReserved, bytes, current_device()};
  });
}

CUresult cuMemAddressFree(CUdeviceptr address, size_t bytes) {
  return call_driver([&](Lock&) {
    check_unsafe();
    const auto found = runtime().allocations.find(address);
    if (found == runtime().allocations.end() || found->second.kind != MemoryKind::kReserved ||
        found->second.bytes != bytes) {
      fail(cudaErrorInvalidValue);
    }
    const MappingIterator mapping = first_mapping(address);
    if (mapping != state().mappings.end() && mapping->first < address + bytes) fail(cudaErrorInvalidValue);
    runtime().allocations.erase(found);
    release_addresses(reinterpret_cast<void*>(address), bytes);
  });
}

CUresult cuMemCreate(CUmemGenericAllocationHandle* handle, size_t bytes, const CUmemAllocationProp* properties,
                     unsigned long long flags) {
  return call_driver([&](Lock&) {
    check_unsafe();
    if (handle == nullptr || properties == nullptr || flags != 0) fail(cudaErrorInvalidValue);
    *handle = reinterpret_cast<CUmemGenericAllocationHandle>(state().handles.add(create(bytes, *properties)));
  });
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle) {
  return call_driver([&](Lock&) {
    check_unsafe();
    const std::shared_ptr<Memory> memory = memory_of(handle);
    (void)state().handles.take(handle_of(handle));
    memory->released = true;
    free_if_unused(*memory);
  });
}

CUresult cuMemMap(CUdeviceptr address, size_t bytes, size_t offset, CUmemGenericAllocationHandle handle,
                  unsigned long long flags) {
  return call_driver([&](Lock&) {
    check_unsafe();
    if (flags != 0) fail(cudaErrorInvalidValue);
    map(address, bytes, offset, memory_of(handle));
  });
}

CUresult cuMemUnmap(CUdeviceptr address, size_t bytes) {
  return call_driver([&](Lock&) {
    check_unsafe();
    unmap(address, bytes);
  });
}

CUresult cuMemSetAccess(CUdeviceptr address, size_t bytes, const CUmemAccessDesc* access, size_t count) {
  return call_driver([&](Lock&) {
    check_unsafe();
    if (access == nullptr || count == 0) fail(cudaErrorInvalidValue);
    for (size_t i = 0; i < count; ++i) {
      check_location(access[i].location);
      set_access(address, bytes, access[i].flags);
    }
  });
}
}
