// Kernels: how nvcc's code registers and launches them, and what they are asked about.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "runtime_state.h"

namespace emulator {

namespace {

constexpr size_t kSharedWithoutOptIn = size_t{48} << 10;

struct Binary {
  const void* data = nullptr;
  Module* module = nullptr;  // null until one of its kernels is used
};

// A kernel, by the host's function that stands for it.
struct Function {
  Binary* binary = nullptr;
  const char* name = nullptr;
  const Kernel* kernel = nullptr;  // null until it is used
  size_t most_dynamic_shared = 0;  // 0: what needs no opting in
};

struct Functions {
  std::mutex mutex;  // of its own: libraries register when they are loaded
  std::unordered_map<const void*, std::unique_ptr<Function>> of_hosts;
};

Functions& functions() {
  static auto* const instance = new Functions;
  return *instance;
}

Function& function_of(const void* host) {
  const std::lock_guard lock(functions().mutex);
  const auto found = functions().of_hosts.find(host);
  if (found == functions().of_hosts.end()) fail(cudaErrorInvalidDeviceFunction);
  return *found->second;
}

const Kernel& kernel_of(Function& function) {
  if (function.kernel != nullptr) return *function.kernel;
  try {
    if (function.binary->module == nullptr)
      function.binary->module = load_module(function.binary->data, settings().capability);
    function.kernel = find_kernel(function.binary->module, function.name);
  } catch (const Fault& fault) {
    std::fprintf(stderr, "emulated GPU: %s: %s\n", function.name, fault.what());
    fail(cudaErrorInvalidPtx);
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "emulated GPU: %s: %s\n", function.name, error.what());
    fail(cudaErrorNoKernelImageForDevice);
  }
  if (function.kernel == nullptr) fail(cudaErrorInvalidDeviceFunction);
  return *function.kernel;
}

size_t most_dynamic_shared(const Function& function, const Kernel& kernel) {
  if (function.most_dynamic_shared != 0) return function.most_dynamic_shared;
  return kSharedWithoutOptIn - std::min(kSharedWithoutOptIn, kernel.static_shared);
}

void check_configuration(const Function& function, const Kernel& kernel, dim3 grid, dim3 block, size_t shared) {
  const auto fits = [](unsigned value, int attribute) {
    return value != 0 && value <= static_cast<unsigned>(device_attribute(attribute, 0));
  };
  if (!fits(grid.x, cudaDevAttrMaxGridDimX) || !fits(grid.y, cudaDevAttrMaxGridDimY) ||
      !fits(grid.z, cudaDevAttrMaxGridDimZ) || !fits(block.x, cudaDevAttrMaxBlockDimX) ||
      !fits(block.y, cudaDevAttrMaxBlockDimY) || !fits(block.z, cudaDevAttrMaxBlockDimZ) ||
      !fits(block.x * block.y * block.z, cudaDevAttrMaxThreadsPerBlock)) {
    fail(cudaErrorInvalidConfiguration);
  }
  if (block.x * block.y * block.z > kernel.max_threads) fail(cudaErrorInvalidValue);
  if (shared > most_dynamic_shared(function, kernel)) fail(cudaErrorInvalidValue);
}

std::vector<std::byte> parameters_of(const Kernel& kernel, void** arguments) {
  std::vector<std::byte> parameters(kernel.parameter_bytes);
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    std::memcpy(parameters.data() + kernel.parameters[i].offset, arguments[i], kernel.parameters[i].bytes);
  }
  return parameters;
}

void launch(Lock& lock, Function& function, dim3 grid, dim3 block, void** arguments, size_t shared,
            cudaStream_t handle) {
  const StreamPtr stream = stream_of(handle);
  if (stream->device != current_device()) fail(cudaErrorInvalidResourceHandle);
  const Kernel& kernel = kernel_of(function);
  check_configuration(function, kernel, grid, block, shared);
  Work work;
  work.name = kernel.name;
  work.run = [&kernel, grid = Dim{grid.x, grid.y, grid.z}, block = Dim{block.x, block.y, block.z}, shared,
              parameters = parameters_of(kernel, arguments)] { run(kernel, grid, block, shared, parameters.data()); };
  submit(lock, stream, std::move(work));
}

// By what a multiprocessor has of threads, blocks and shared memory.
int resident_blocks(const Kernel& kernel, int threads, size_t dynamic_shared) {
  const auto of = [](cudaDeviceAttr attribute) { return device_attribute(attribute, 0); };
  if (threads <= 0) fail(cudaErrorInvalidValue);
  if (threads > static_cast<int>(kernel.max_threads)) return 0;
  const int warp = of(cudaDevAttrWarpSize);
  const size_t shared =
      kernel.static_shared + dynamic_shared + static_cast<size_t>(of(cudaDevAttrReservedSharedMemoryPerBlock));
  const int by_threads = of(cudaDevAttrMaxThreadsPerMultiProcessor) / ((threads + warp - 1) / warp * warp);
  const auto by_shared = static_cast<int>(static_cast<size_t>(of(cudaDevAttrMaxSharedMemoryPerMultiprocessor)) /
                                          std::max<size_t>(shared, 1));
  return std::min({by_threads, by_shared, of(cudaDevAttrMaxBlocksPerMultiprocessor)});
}

struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
};
thread_local std::vector<Configuration> t_configurations;  // of <<<>>> whose arguments are being computed

}  // namespace

}  // namespace emulator

using namespace emulator;  // NOLINT

// ---- what nvcc's code calls ----

extern "C" {

void** __cudaRegisterFatBinary(void* data) {
  auto* const binary = new Binary{data, nullptr};
  return reinterpret_cast<void**>(binary);
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 1; }

void __cudaRegisterFunction(void** binary, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  auto function = std::make_unique<Function>();
  function->binary = reinterpret_cast<Binary*>(binary);
  function->name = name;
  const std::lock_guard lock(functions().mutex);
  functions().of_hosts[host] = std::move(function);
}

// The machine has the variables of a module itself.
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  return note(guarded([&](Lock&) { *kernel = reinterpret_cast<cudaKernel_t>(&function_of(host)); }));
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  t_configurations.push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (t_configurations.empty()) return note(cudaErrorMissingConfiguration);
  const Configuration top = t_configurations.back();
  t_configurations.pop_back();
  *grid = top.grid;
  *block = top.block;
  *shared = top.shared;
  *static_cast<cudaStream_t*>(stream) = top.stream;
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                               cudaStream_t stream) {
  return call([&](Lock& lock) {
    if (kernel == nullptr) fail(cudaErrorInvalidDeviceFunction);
    launch(lock, *reinterpret_cast<Function*>(kernel), grid, block, arguments, shared, stream);
  });
}

// ---- the API ----

cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments, size_t shared,
                             cudaStream_t stream) {
  return call([&](Lock& lock) { launch(lock, function_of(host), grid, block, arguments, shared, stream); });
}

// Of the attributes two may change what a kernel computes: clusters, which there are none of, and that it may begin
// before the kernel ahead of it has ended, for which it has to wait itself (here kernels never overlap).
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* host, void** arguments) {
  return call([&](Lock& lock) {
    for (unsigned i = 0; i < config->numAttrs; ++i) {
      const cudaLaunchAttribute& attribute = config->attrs[i];
      const auto& cluster = attribute.val.clusterDim;
      if (attribute.id == cudaLaunchAttributeClusterDimension && cluster.x * cluster.y * cluster.z != 1) {
        fail(cudaErrorNotSupported);
      }
      const bool overlaps = attribute.id == cudaLaunchAttributeProgrammaticStreamSerialization &&
                            attribute.val.programmaticStreamSerializationAllowed != 0;
      if (overlaps && settings().capability < 90) fail(cudaErrorNotSupported);
      if (overlaps && !kernel_of(function_of(host)).waits) {
        std::fprintf(stderr, "emulated GPU: %s may begin before the kernel ahead of it has ended, but does not wait\n",
                     function_of(host).name);
        fail(cudaErrorInvalidValue);
      }
    }
    launch(lock, function_of(host), config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
           config->stream);
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* host) {
  return call([&](Lock&) {
    Function& function = function_of(host);
    const Kernel& kernel = kernel_of(function);
    *attributes = {};
    attributes->sharedSizeBytes = kernel.static_shared;
    attributes->maxThreadsPerBlock = static_cast<int>(kernel.max_threads);
    attributes->numRegs = 32;
    attributes->ptxVersion = static_cast<int>(kernel.architecture);
    attributes->binaryVersion = static_cast<int>(settings().capability);
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(most_dynamic_shared(function, kernel));
  });
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  return call([&](Lock&) {
    Function& function = function_of(host);
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) fail(cudaErrorNotSupported);
    const int most = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
    if (value < 0 || static_cast<size_t>(value) + kernel_of(function).static_shared > static_cast<size_t>(most)) {
      fail(cudaErrorInvalidValue);
    }
    function.most_dynamic_shared = static_cast<size_t>(value);
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* host, int threads,
                                                                   size_t dynamic_shared, unsigned) {
  return call([&](Lock&) { *blocks = resident_blocks(kernel_of(function_of(host)), threads, dynamic_shared); });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* host, int threads,
                                                          size_t dynamic_shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, host, threads, dynamic_shared, 0);
}
}
