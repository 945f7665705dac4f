// The functions of libcuda that the library and its tests use, but for those of runtime_virtual_memory.cpp. They are in
// this library: a libcuda.so.1 that is nothing but linked with it has them too.
#include <cstring>

#include "runtime.h"
#include "runtime_state.h"

namespace emulator {

namespace {

CUresult driver_status(cudaError_t status) { return static_cast<CUresult>(status); }  // the numbers are the same

template <class Body>
CUresult call_driver(Body body) {
  return driver_status(guarded([&](Lock& lock) {
    check_context(current_device());
    body(lock);
  }));
}

// The value that a stream waits for is the host's to write too, and so read again and again.
Work wait_work(CUdeviceptr address, cuuint32_t value, unsigned flags) {
  Work work;
  work.name = "wait for a value";
  work.ready = [address, value, flags] {
    require_accessible(reinterpret_cast<void*>(address), sizeof(value), "a wait for");
    const cuuint32_t now = __atomic_load_n(reinterpret_cast<cuuint32_t*>(address), __ATOMIC_ACQUIRE);
    switch (flags) {
      case CU_STREAM_WAIT_VALUE_EQ: return now == value;
      case CU_STREAM_WAIT_VALUE_AND: return (now & value) != 0;
      case CU_STREAM_WAIT_VALUE_NOR: return ~(now | value) != 0;
      default: return static_cast<int32_t>(now - value) >= 0;
    }
  };
  return work;
}

Work write_work(CUdeviceptr address, cuuint32_t value) {
  Work work;
  work.name = "write of a value";
  work.run = [address, value] {
    require_accessible(reinterpret_cast<void*>(address), sizeof(value), "a write of a value to");
    __atomic_store_n(reinterpret_cast<cuuint32_t*>(address), value, __ATOMIC_RELEASE);
  };
  return work;
}

CUresult submit_value(CUstream handle, Work work) {
  return call_driver([&](Lock& lock) {
    const StreamPtr stream = stream_of(handle);
    if (stream->capture) invalidate_and_fail(*stream->capture, cudaErrorStreamCaptureUnsupported);
    submit(lock, stream, std::move(work));
  });
}

struct Entry {
  const char* name;
  void* function;
};

void* driver_function(const char* name) {
#define EMULATOR_ENTRY(function, symbol) \
  { #function, reinterpret_cast < void*>(&symbol) }
  static const Entry entries[] = {
      EMULATOR_ENTRY(cuInit, cuInit),
      EMULATOR_ENTRY(cuDriverGetVersion, cuDriverGetVersion),
      EMULATOR_ENTRY(cuGetErrorString, cuGetErrorString),
      EMULATOR_ENTRY(cuDeviceGet, cuDeviceGet),
      EMULATOR_ENTRY(cuDeviceGetCount, cuDeviceGetCount),
      EMULATOR_ENTRY(cuDeviceGetAttribute, cuDeviceGetAttribute),
      EMULATOR_ENTRY(cuMemGetAllocationGranularity, cuMemGetAllocationGranularity),
      EMULATOR_ENTRY(cuMemAddressReserve, cuMemAddressReserve),
      EMULATOR_ENTRY(cuMemAddressFree, cuMemAddressFree),
      EMULATOR_ENTRY(cuMemCreate, cuMemCreate),
      EMULATOR_ENTRY(cuMemRelease, cuMemRelease),
      EMULATOR_ENTRY(cuMemMap, cuMemMap),
      EMULATOR_ENTRY(cuMemUnmap, cuMemUnmap),
      EMULATOR_ENTRY(cuMemSetAccess, cuMemSetAccess),
      EMULATOR_ENTRY(cuStreamCreate, cuStreamCreate),
      EMULATOR_ENTRY(cuStreamDestroy, cuStreamDestroy_v2),
      EMULATOR_ENTRY(cuStreamSynchronize, cuStreamSynchronize),
      EMULATOR_ENTRY(cuStreamQuery, cuStreamQuery),
      EMULATOR_ENTRY(cuLaunchHostFunc, cuLaunchHostFunc),
      EMULATOR_ENTRY(cuStreamWaitValue32, cuStreamWaitValue32_v2),
      EMULATOR_ENTRY(cuStreamWriteValue32, cuStreamWriteValue32_v2),
  };
#undef EMULATOR_ENTRY
  for (const Entry& entry : entries) {
    if (std::strcmp(entry.name, name) == 0) return entry.function;
  }
  return nullptr;
}

}  // namespace

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }

CUresult cuDriverGetVersion(int* version) { return driver_status(cudaDriverGetVersion(version)); }

CUresult cuDeviceGetCount(int* count) {
  *count = settings().devices;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return driver_status(guarded([&](Lock&) {
    check_device(ordinal);
    *device = ordinal;
  }));
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  return driver_status(guarded([&](Lock&) {
    check_device(device);
    *value = device_attribute(attribute, device);
  }));
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return driver_status(cudaStreamCreateWithFlags(stream, flags));
}
CUresult cuStreamDestroy_v2(CUstream stream) { return driver_status(cudaStreamDestroy(stream)); }
CUresult cuStreamSynchronize(CUstream stream) { return driver_status(cudaStreamSynchronize(stream)); }
CUresult cuStreamQuery(CUstream stream) { return driver_status(cudaStreamQuery(stream)); }
CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void* data) {
  return driver_status(cudaLaunchHostFunc(stream, function, data));
}

CUresult cuStreamWaitValue32_v2(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned flags) {
  return submit_value(stream, wait_work(address, value, flags & ~unsigned{CU_STREAM_WAIT_VALUE_FLUSH}));
}

CUresult cuStreamWriteValue32_v2(CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned) {
  return submit_value(stream, write_work(address, value));
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* found) {
  *function = driver_function(name);
  const auto result = *function != nullptr ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
  if (found != nullptr) *found = result;
  return note(result == cudaDriverEntryPointSuccess || found != nullptr ? cudaSuccess : cudaErrorSymbolNotFound);
}
}
