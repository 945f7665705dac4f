#include <ember/cuda/context.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include <ember/core/environment.h>
#include <ember/cuda/graph.h>
#include <ember/cuda/probe.h>

namespace ember::cuda {

namespace {

std::string version_text(int version) {  // 12040 is 12.4
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

struct Availability {
  int count = 0;
  std::string reason;

  Availability() {
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaSuccess && count > 0) {
      count = std::min(count, kMaxDevices);
      ContextState::only_device.store(count == 1, std::memory_order_relaxed);
      return;
    }
    count = 0;
    (void)cudaGetLastError();
    if (status == cudaSuccess || status == cudaErrorNoDevice) {
      reason = "no CUDA device found";
      return;
    }
    int driver = 0;  // 0 where no driver is installed
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    (void)cudaGetLastError();
    if (status == cudaErrorInsufficientDriver || status == cudaErrorStubLibrary) {
      if (driver == 0) {
        reason = "no CUDA device found: no CUDA driver is installed";
      } else {
        reason = "the CUDA driver is too old: it supports CUDA " + version_text(driver) + ", this build needs " +
                 version_text(CUDART_VERSION);
      }
    } else {
      reason = std::string("CUDA cannot be used: ") + cudaGetErrorName(status) + ": " + cudaGetErrorString(status);
    }
  }
};

const Availability& availability() {
  static const Availability* const instance = new Availability;  // never destroyed
  return *instance;
}

constexpr int kPoolStreams = 32;

struct DeviceState {
  DeviceInfo info;
  std::mutex mutex;                       // of the streams
  cudaStream_t streams[2][kPoolStreams];  // by priority: normal, high; null until first handed out
  unsigned next_stream[2] = {0, 0};
};

DeviceState* g_states[kMaxDevices];  // written before ContextState::infos
std::mutex g_init_mutex;             // constant-initialised, trivially usable at any time

void check_index(int index) {
  EMBER_CHECK(visible_devices() > 0, unavailable_reason());
  EMBER_CHECK(index >= 0 && index < visible_devices(), "there is no device cuda:", index, ": ", visible_devices(),
              " device", visible_devices() == 1 ? " is" : "s are", " visible");
}

void initialise(int index) {
  check_index(index);
  const std::lock_guard<std::mutex> lock(g_init_mutex);
  if (g_states[index] != nullptr) return;

  const DeviceScope scope(index);
  cudaDeviceProp properties;
  EMBER_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  int version = 0;
  const cudaError_t status = probe_architecture(&version);
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
      status == cudaErrorUnsupportedPtxVersion) {
    (void)cudaGetLastError();
    throw Error(detail::concat("this build of Ember has no code for cuda:", index, " (", properties.name,
                               ", compute capability ", properties.major, ".", properties.minor,
                               "); rebuild it with -DCMAKE_CUDA_ARCHITECTURES=", properties.major, properties.minor));
  }
  if (status != cudaSuccess) throw_cuda_error(status, "cudaFuncGetAttributes(the probe kernel)");

  void* fault = nullptr;
  EMBER_CUDA_CHECK(cudaHostAlloc(&fault, sizeof(FaultSlot), cudaHostAllocMapped | cudaHostAllocPortable));
  std::memset(fault, 0, sizeof(FaultSlot));
  auto* const state = new DeviceState{};  // never destroyed
  // Host and device have one address space, so that the address is the same on both.
  // By the version of the code too: that for older devices, which a driver may have translated, does not wait.
  state->info = {index,
                 properties.multiProcessorCount,
                 properties.maxThreadsPerMultiProcessor,
                 properties.major,
                 properties.minor,
                 properties.major >= 9 && version >= 90 && !detail::is_switched_on("EMBER_CUDA_NO_OVERLAP"),
                 properties.name,
                 static_cast<FaultSlot*>(fault)};
  g_states[index] = state;
  ContextState::infos[index].store(&state->info, std::memory_order_release);
}

DeviceState& state_of(int index) {
  (void)device_info(index);
  return *g_states[index];
}

bool blocking_launches() {
  static const bool blocking = detail::is_switched_on("EMBER_CUDA_BLOCKING");
  return blocking;
}

}  // namespace

constinit std::atomic<const DeviceInfo*> ContextState::infos[kMaxDevices] = {};
constinit std::atomic<bool> ContextState::only_device = false;
thread_local constinit cudaStream_t ContextState::streams[kMaxDevices] = {};

const DeviceInfo& initialise_device(int index) {
  initialise(index);
  return g_states[index]->info;
}

void throw_cuda_error(cudaError_t status, const char* command) {
  // After these the context is lost, and they surface in whatever call comes next.
  const bool from_kernel = status == cudaErrorLaunchFailure || status == cudaErrorIllegalAddress ||
                           status == cudaErrorAssert || status == cudaErrorIllegalInstruction ||
                           status == cudaErrorMisalignedAddress;
  (void)cudaGetLastError();
  throw Error(detail::concat(command, " failed: ", cudaGetErrorName(status), ": ", cudaGetErrorString(status),
                             from_kernel && !blocking_launches()
                                 ? " (a kernel launched earlier failed; EMBER_CUDA_BLOCKING=1 reports it where it is "
                                   "launched)"
                                 : ""));
}

void check_launch(const char* kernel) {
  cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess && blocking_launches() && !is_capturing()) [[unlikely]] {
    status = cudaDeviceSynchronize();
    if (status == cudaSuccess) check_faults(current_device_index());
  }
  if (status != cudaSuccess) [[unlikely]] {
    throw_cuda_error(status, (std::string("the launch of ") + kernel).c_str());
  }
}

void check_faults(int device) {
  const DeviceInfo* const info = ContextState::infos[device].load(std::memory_order_acquire);
  if (info == nullptr) return;
  volatile FaultSlot& slot = *info->fault;
  const int64_t note = slot.size_and_op;
  if (note == 0) [[likely]]
    return;
  const int64_t index = slot.index;
  slot.size_and_op = 0;
  const auto name = [&] {
    switch (static_cast<IndexOp>(note & 15)) {
      case IndexOp::Select: return "index_select";
      case IndexOp::Gather: return "gather";
      case IndexOp::Add: return "index_add";
      case IndexOp::Scatter: return "scatter";
      case IndexOp::Copy: return "index_copy";
      case IndexOp::CrossEntropy: return "cross_entropy";
      default: return "index";
    }
  }();
  throw IndexError(detail::concat(
      name, " on cuda:", device, ": index ", index, " is out of range for a dimension of size ", note >> 4,
      blocking_launches() ? "" : " (found by the device; EMBER_CUDA_BLOCKING=1 reports it where it is launched)"));
}

int visible_devices() noexcept {
  try {
    return availability().count;
  } catch (...) {  // no memory for the reason
    return 0;
  }
}

const std::string& unavailable_reason() { return availability().reason; }

int current_device_index() {
  if (ContextState::only_device.load(std::memory_order_relaxed)) return 0;
  EMBER_CHECK(visible_devices() > 0, unavailable_reason());
  int index = 0;
  EMBER_CUDA_CHECK(cudaGetDevice(&index));
  return index;
}

void set_device_index(int index) {
  check_index(index);
  EMBER_CUDA_CHECK(cudaSetDevice(index));
}

void DeviceScope::enter(int index) {
  const int current = current_device_index();
  if (current == index) return;
  set_device_index(index);
  previous_ = current;
}

void set_current_stream_of(int index, cudaStream_t stream) {
  if (index < 0 || index >= kMaxDevices || ContextState::infos[index].load(std::memory_order_relaxed) == nullptr) {
    check_index(index);
  }
  ContextState::streams[index] = stream;
}

cudaStream_t pooled_stream(int index, bool high_priority) {
  DeviceState& state = state_of(index);
  const int priority = high_priority ? 1 : 0;
  const std::lock_guard<std::mutex> lock(state.mutex);
  cudaStream_t& stream = state.streams[priority][state.next_stream[priority] % kPoolStreams];
  if (stream == nullptr) {
    const DeviceScope scope(index);
    int lowest = 0, highest = 0;  // numerically, the highest priority is the smallest
    EMBER_CUDA_CHECK(cudaDeviceGetStreamPriorityRange(&lowest, &highest));
    EMBER_CUDA_CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, high_priority ? highest : lowest));
  }
  ++state.next_stream[priority];
  return stream;
}

}  // namespace ember::cuda
