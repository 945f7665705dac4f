// The settings, the runtime's state, and what it says about its devices.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "runtime_state.h"

namespace emulator {

namespace {

thread_local int t_device = 0;

[[noreturn]] void bad_setting(const char* name, const char* value) {
  std::fprintf(stderr, "%s is '%s', which it cannot be\n", name, value);
  std::abort();
}

uint64_t number(const char* name, uint64_t otherwise, uint64_t least, uint64_t most) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return otherwise;
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0' || value < least || value > most) bad_setting(name, text);
  return value;
}

// 90 of 9.0.
unsigned capability() {
  const char* const text = std::getenv("EMBER_EMULATED_CAPABILITY");
  if (text == nullptr) return 90;
  unsigned major = 0, minor = 0;
  int end = 0;
  if (std::sscanf(text, "%2u.%1u%n", &major, &minor, &end) != 2 || text[end] != '\0') {
    bad_setting("EMBER_EMULATED_CAPABILITY", text);
  }
  return 10 * major + minor;
}

Order order() {
  const char* const text = std::getenv("EMBER_EMULATED_ORDER");
  if (text == nullptr || std::strcmp(text, "lazy") == 0) return Order::kLazy;
  if (std::strcmp(text, "eager") == 0) return Order::kEager;
  if (std::strcmp(text, "random") == 0) return Order::kRandom;
  bad_setting("EMBER_EMULATED_ORDER", text);
}

int fill() {
  const char* const text = std::getenv("EMBER_EMULATED_FILL");
  if (text != nullptr && std::strcmp(text, "none") == 0) return -1;
  return static_cast<int>(number("EMBER_EMULATED_FILL", 0xCD, 0, 255));
}

// Of the machine: what it looks for, and in which order it runs warps.
void set_options(const Settings& made) {
  options().shuffle = made.order == Order::kRandom;
  options().seed = made.seed;
  const char* const text = std::getenv("EMBER_EMULATED_CHECK");
  std::istringstream words(text != nullptr ? text : "");
  for (std::string word; std::getline(words, word, ',');) {
    if (word == "race") {
      options().race = true;
    } else if (word == "global-race") {
      options().global_race = true;
    } else if (word == "init") {
      options().init = true;
    } else if (word == "sync") {
      options().sync = true;
    } else {
      bad_setting("EMBER_EMULATED_CHECK", text);
    }
  }
}

void check_peer(int peer) {
  check_device(peer);
  if (peer == current_device()) fail(cudaErrorInvalidDevice);
}

}  // namespace

const Settings& settings() {
  static const Settings instance = [] {
    Settings made;
    made.order = order();
    made.seed = number("EMBER_EMULATED_SEED", 1, 0, UINT64_MAX);
    made.devices = static_cast<int>(number("EMBER_EMULATED_DEVICES", 1, 0, 64));
    made.multiprocessors = static_cast<int>(number("EMBER_EMULATED_SMS", 132, 1, 1024));
    made.capability = capability();
    made.memory = number("EMBER_EMULATED_MEMORY", 2048, 1, 1 << 20) << 20;
    made.fill = fill();
    set_options(made);
    return made;
  }();
  return instance;
}

Runtime::Runtime() : devices(static_cast<size_t>(settings().devices)), random(settings().seed) {
  for (size_t i = 0; i < devices.size(); ++i) {
    devices[i].legacy = std::make_shared<Stream>();
    devices[i].legacy->device = static_cast<int>(i);
    devices[i].legacy->legacy = true;
    streams.push_back(devices[i].legacy);
  }
}

Runtime& runtime() {
  static auto* const instance = new Runtime;
  return *instance;
}

void* new_handle() {
  static std::atomic<uint64_t> count{0};
  return reinterpret_cast<void*>((uint64_t{1} << 56) + 64 * ++count);
}

int current_device() { return t_device; }
void set_current_device(int device) { t_device = device; }

void check_device(int device) {
  if (device < 0 || device >= settings().devices) fail(cudaErrorInvalidDevice);
}

void check_context(int device) {
  if (settings().devices == 0) fail(cudaErrorNoDevice);
  const cudaError_t error = runtime().devices[static_cast<size_t>(device)].error;
  if (error != cudaSuccess) fail(error);
}

namespace {

// What differs from one compute capability to another; CUDA C++ Programming Guide, "Technical Specifications per
// Compute Capability".
struct Multiprocessor {
  unsigned capability;  // of this one and those after it, up to the next row
  int threads, blocks, shared_kib;
};
const Multiprocessor& multiprocessor() {
  static constexpr Multiprocessor kKnown[] = {{0, 2048, 32, 96},   {75, 1024, 16, 64},   {80, 2048, 32, 164},
                                              {86, 1536, 16, 100}, {87, 1536, 16, 164},  {89, 1536, 24, 100},
                                              {90, 2048, 32, 228}, {110, 1536, 24, 228}, {120, 1536, 24, 100}};
  const Multiprocessor* found = kKnown;
  for (const Multiprocessor& row : kKnown) {
    if (row.capability <= settings().capability) found = &row;
  }
  return *found;
}

}  // namespace

// Those of an H200, but for the compute capability; 0 for what nobody has asked for.
int device_attribute(int attribute, int device) {
  const int reserved = settings().capability >= 80 ? 1 : 0;  // KiB of shared memory, of each block
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: return 1024;
    case cudaDevAttrMaxBlockDimX: return 1024;
    case cudaDevAttrMaxBlockDimY: return 1024;
    case cudaDevAttrMaxBlockDimZ: return 64;
    case cudaDevAttrMaxGridDimX: return 2147483647;
    case cudaDevAttrMaxGridDimY: return 65535;
    case cudaDevAttrMaxGridDimZ: return 65535;
    case cudaDevAttrMaxSharedMemoryPerBlock: return 48 << 10;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return (multiprocessor().shared_kib - reserved) << 10;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return multiprocessor().shared_kib << 10;
    case cudaDevAttrReservedSharedMemoryPerBlock: return reserved << 10;
    case cudaDevAttrTotalConstantMemory: return 64 << 10;
    case cudaDevAttrWarpSize: return 32;
    case cudaDevAttrMaxRegistersPerBlock: return 65536;
    case cudaDevAttrMaxRegistersPerMultiprocessor: return 65536;
    case cudaDevAttrMultiProcessorCount: return settings().multiprocessors;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return multiprocessor().threads;
    case cudaDevAttrMaxBlocksPerMultiprocessor: return multiprocessor().blocks;
    case cudaDevAttrL2CacheSize: return 50 << 20;
    case cudaDevAttrComputeCapabilityMajor: return static_cast<int>(settings().capability / 10);
    case cudaDevAttrComputeCapabilityMinor: return static_cast<int>(settings().capability % 10);
    case cudaDevAttrConcurrentKernels: return 1;
    case cudaDevAttrUnifiedAddressing: return 1;
    case cudaDevAttrCanMapHostMemory: return 1;
    case cudaDevAttrStreamPrioritiesSupported: return 1;
    case cudaDevAttrHostRegisterSupported: return 1;
    case cudaDevAttrAsyncEngineCount: return 3;
    case cudaDevAttrPciBusId: return device + 1;
    case CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED: return 1;
    default: return 0;
  }
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = settings().devices;
  return note(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device();
  return note(settings().devices > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
  return note(guarded([&](Lock&) {
    if (settings().devices == 0) fail(cudaErrorNoDevice);
    check_device(device);
    set_current_device(device);
  }));
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return note(guarded([&](Lock&) {
    check_device(device);
    *value = device_attribute(attribute, device);
  }));
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return note(guarded([&](Lock&) {
    check_device(device);
    const auto value = [&](cudaDeviceAttr attribute) { return device_attribute(attribute, device); };
    const auto bytes = [&](cudaDeviceAttr attribute) { return static_cast<size_t>(value(attribute)); };
    *properties = {};
    std::strcpy(properties->name, "Emulated GPU");
    properties->totalGlobalMem = settings().memory;
    properties->sharedMemPerBlock = bytes(cudaDevAttrMaxSharedMemoryPerBlock);
    properties->sharedMemPerBlockOptin = bytes(cudaDevAttrMaxSharedMemoryPerBlockOptin);
    properties->sharedMemPerMultiprocessor = bytes(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
    properties->reservedSharedMemPerBlock = bytes(cudaDevAttrReservedSharedMemoryPerBlock);
    properties->totalConstMem = bytes(cudaDevAttrTotalConstantMemory);
    properties->regsPerBlock = value(cudaDevAttrMaxRegistersPerBlock);
    properties->regsPerMultiprocessor = value(cudaDevAttrMaxRegistersPerMultiprocessor);
    properties->warpSize = value(cudaDevAttrWarpSize);
    properties->maxThreadsPerBlock = value(cudaDevAttrMaxThreadsPerBlock);
    properties->maxThreadsPerMultiProcessor = value(cudaDevAttrMaxThreadsPerMultiProcessor);
    properties->maxBlocksPerMultiProcessor = value(cudaDevAttrMaxBlocksPerMultiprocessor);
    const cudaDeviceAttr block[] = {cudaDevAttrMaxBlockDimX, cudaDevAttrMaxBlockDimY, cudaDevAttrMaxBlockDimZ};
    const cudaDeviceAttr grid[] = {cudaDevAttrMaxGridDimX, cudaDevAttrMaxGridDimY, cudaDevAttrMaxGridDimZ};
    for (int i = 0; i < 3; ++i) {
      properties->maxThreadsDim[i] = value(block[i]);
      properties->maxGridSize[i] = value(grid[i]);
    }
    properties->major = value(cudaDevAttrComputeCapabilityMajor);
    properties->minor = value(cudaDevAttrComputeCapabilityMinor);
    properties->multiProcessorCount = value(cudaDevAttrMultiProcessorCount);
    properties->l2CacheSize = value(cudaDevAttrL2CacheSize);
    properties->concurrentKernels = value(cudaDevAttrConcurrentKernels);
    properties->unifiedAddressing = value(cudaDevAttrUnifiedAddressing);
    properties->canMapHostMemory = value(cudaDevAttrCanMapHostMemory);
    properties->streamPrioritiesSupported = value(cudaDevAttrStreamPrioritiesSupported);
    properties->hostRegisterSupported = value(cudaDevAttrHostRegisterSupported);
    properties->asyncEngineCount = value(cudaDevAttrAsyncEngineCount);
    properties->pciBusID = value(cudaDevAttrPciBusId);
  }));
}

cudaError_t cudaDeviceCanAccessPeer(int* possible, int device, int peer) {
  return note(guarded([&](Lock&) {
    check_device(device);
    check_device(peer);
    *possible = device != peer ? 1 : 0;
  }));
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  return call([&](Lock&) {
    if (flags != 0) fail(cudaErrorInvalidValue);
    check_peer(peer);
    uint64_t& peers = runtime().devices[static_cast<size_t>(current_device())].peers;
    if ((peers >> peer & 1) != 0) fail(cudaErrorPeerAccessAlreadyEnabled);
    peers |= uint64_t{1} << peer;
  });
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  return call([&](Lock&) {
    check_peer(peer);
    uint64_t& peers = runtime().devices[static_cast<size_t>(current_device())].peers;
    if ((peers >> peer & 1) == 0) fail(cudaErrorPeerAccessNotEnabled);
    peers &= ~(uint64_t{1} << peer);
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaProfilerStart() { return cudaSuccess; }
cudaError_t cudaProfilerStop() { return cudaSuccess; }
}
