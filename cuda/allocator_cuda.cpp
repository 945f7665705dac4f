// The caching allocator's driver: CUDA.
#include <atomic>
#include <cstdlib>
#include <cstring>

#include <cuda.h>

#include <ember/cuda/allocator.h>
#include <ember/cuda/allocator_cuda.h>
#include <ember/cuda/context.h>

namespace ember::cuda {

namespace {

template <class Function>
Function driver_function(const char* name, [[maybe_unused]] unsigned version) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
#if CUDART_VERSION >= 12050
  const cudaError_t status = cudaGetDriverEntryPointByVersion(name, &function, version, cudaEnableDefault, &found);
#else
  const cudaError_t status = cudaGetDriverEntryPoint(name, &function, cudaEnableDefault, &found);
#endif
  if (status != cudaSuccess) (void)cudaGetLastError();
  return status == cudaSuccess && found == cudaDriverEntryPointSuccess ? reinterpret_cast<Function>(function) : nullptr;
}

// The driver's own functions, found at run time: the library does not link the driver.
#define EMBER_DRIVER_FUNCTION(name, function, version) \
  decltype(&::function) name = driver_function<decltype(&::function)>(#function, version)
struct VirtualMemory {
  EMBER_DRIVER_FUNCTION(device_get, cuDeviceGet, 2000);
  EMBER_DRIVER_FUNCTION(get_attribute, cuDeviceGetAttribute, 2000);
  EMBER_DRIVER_FUNCTION(get_granularity, cuMemGetAllocationGranularity, 10020);
  EMBER_DRIVER_FUNCTION(reserve, cuMemAddressReserve, 10020);
  EMBER_DRIVER_FUNCTION(unreserve, cuMemAddressFree, 10020);
  EMBER_DRIVER_FUNCTION(create, cuMemCreate, 10020);
  EMBER_DRIVER_FUNCTION(release, cuMemRelease, 10020);
  EMBER_DRIVER_FUNCTION(map, cuMemMap, 10020);
  EMBER_DRIVER_FUNCTION(unmap, cuMemUnmap, 10020);
  EMBER_DRIVER_FUNCTION(set_access, cuMemSetAccess, 10020);
  EMBER_DRIVER_FUNCTION(error_string, cuGetErrorString, 6000);

  bool complete() const {
    return device_get != nullptr && get_attribute != nullptr && get_granularity != nullptr && reserve != nullptr &&
           unreserve != nullptr && create != nullptr && release != nullptr && map != nullptr && unmap != nullptr &&
           set_access != nullptr && error_string != nullptr;
  }
};
#undef EMBER_DRIVER_FUNCTION

const VirtualMemory& virtual_memory() {
  static const VirtualMemory* const instance = new VirtualMemory;  // never destroyed
  return *instance;
}

void check_driver(CUresult status, const char* command) {
  if (status == CUDA_SUCCESS) return;
  const char* text = nullptr;
  if (virtual_memory().error_string(status, &text) != CUDA_SUCCESS || text == nullptr) text = "unknown error";
  throw Error(detail::concat(command, " failed: ", text, " (", static_cast<int>(status), ')'));
}

CUdeviceptr address(void* p) { return reinterpret_cast<CUdeviceptr>(p); }

bool wants_malloc() {
  const char* const value = std::getenv("EMBER_CUDA_ALLOCATOR");
  if (value == nullptr || std::strcmp(value, "") == 0 || std::strcmp(value, "expandable") == 0) return false;
  EMBER_CHECK(std::strcmp(value, "malloc") == 0, "EMBER_CUDA_ALLOCATOR is '", value,
              "'; it can be 'expandable' (the default) or 'malloc'");
  return true;
}

class CudaMemoryDriver final : public CudaEvents<MemoryDriver> {
 public:
  explicit CudaMemoryDriver(int device) : CudaEvents(device), wants_malloc_(wants_malloc()) {}

  void* allocate(size_t nbytes) override {
    const DriverScope scope(device_);
    void* data = nullptr;
    const cudaError_t status = cudaMalloc(&data, nbytes);
    if (status == cudaErrorMemoryAllocation) {
      (void)cudaGetLastError();
      return nullptr;
    }
    if (status != cudaSuccess) throw_cuda_error(status, "cudaMalloc");
    return data;
  }
  void free(void* data) override {
    const DriverScope scope(device_);
    EMBER_CUDA_CHECK(cudaFree(data));
  }
  Info info() noexcept override {
    try {
      const DriverScope scope(device_);
      Info info;
      if (cudaMemGetInfo(&info.available, &info.total) == cudaSuccess) return info;
      (void)cudaGetLastError();
    } catch (...) {  // the runtime has gone
    }
    return {};
  }

  size_t granularity() noexcept override {
    try {
      if (wants_malloc_) return 0;
      const DriverScope scope(device_);
      EMBER_CUDA_CHECK(cudaFree(nullptr));  // makes the context, which the driver's functions need
      if (!virtual_memory().complete()) return 0;
      CUdevice device = 0;
      int supported = 0;
      if (virtual_memory().device_get(&device, device_) != CUDA_SUCCESS ||
          virtual_memory().get_attribute(&supported, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED, device) !=
              CUDA_SUCCESS ||
          supported == 0) {
        return 0;
      }
      size_t granularity = 0;
      const CUmemAllocationProp properties = memory_properties();
      if (virtual_memory().get_granularity(&granularity, &properties, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED) !=
          CUDA_SUCCESS) {
        return 0;
      }
      // Tried once, since what the device can, the system may forbid.
      void* const base = reserve(granularity);
      if (base == nullptr) return 0;
      bool works = false;
      try {
        works = map(base, granularity);
        if (works) unmap(base, granularity);
      } catch (const Error&) {
        works = false;
      }
      unreserve(base, granularity);
      return works ? granularity : 0;
    } catch (...) {
      return 0;
    }
  }
  void* reserve(size_t nbytes) override {
    const DriverScope scope(device_);
    CUdeviceptr base = 0;
    // For whatever reason there is no range, there is cudaMalloc.
    return virtual_memory().reserve(&base, nbytes, 0, 0, 0) == CUDA_SUCCESS ? reinterpret_cast<void*>(base) : nullptr;
  }
  void unreserve(void* base, size_t nbytes) override {
    const DriverScope scope(device_);
    check_driver(virtual_memory().unreserve(address(base), nbytes), "cuMemAddressFree");
  }
  bool map(void* at, size_t nbytes) override {
    const DriverScope scope(device_);
    const VirtualMemory& memory = virtual_memory();
    CUmemGenericAllocationHandle handle = 0;
    const CUmemAllocationProp properties = memory_properties();
    CUresult status = memory.create(&handle, nbytes, &properties, 0);
    if (status == CUDA_ERROR_OUT_OF_MEMORY) return false;
    check_driver(status, "cuMemCreate");
    status = memory.map(address(at), nbytes, 0, handle, 0);
    const CUresult released = memory.release(handle);  // the mapping keeps the memory
    if (status == CUDA_ERROR_OUT_OF_MEMORY) return false;
    check_driver(status, "cuMemMap");
    CUmemAccessDesc access{};
    access.location = properties.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    status = released == CUDA_SUCCESS ? memory.set_access(address(at), nbytes, &access, 1) : released;
    if (status != CUDA_SUCCESS) {
      (void)memory.unmap(address(at), nbytes);
      if (status == CUDA_ERROR_OUT_OF_MEMORY) return false;
      check_driver(status, released == CUDA_SUCCESS ? "cuMemSetAccess" : "cuMemRelease");
    }
    return true;
  }
  void unmap(void* at, size_t nbytes) override {
    const DriverScope scope(device_);
    check_driver(virtual_memory().unmap(address(at), nbytes), "cuMemUnmap");
  }

  void synchronize() override {
    const DriverScope scope(device_);
    EMBER_CUDA_CHECK(cudaDeviceSynchronize());
  }

 private:
  CUmemAllocationProp memory_properties() const {
    CUmemAllocationProp properties{};
    properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    properties.location.id = device_;
    return properties;
  }

  const bool wants_malloc_;
};

std::atomic<DeviceAllocator*> g_allocators[kMaxDevices];
std::mutex g_mutex;

}  // namespace

DeviceAllocator* DeviceAllocator::if_made(int device) noexcept {
  return device >= 0 && device < kMaxDevices ? g_allocators[device].load(std::memory_order_acquire) : nullptr;
}

DeviceAllocator& DeviceAllocator::of(int device) {
  if (DeviceAllocator* const made = if_made(device)) return *made;
  EMBER_CHECK(device >= 0 && device < kMaxDevices, "there is no device cuda:", device);
  const std::lock_guard<std::mutex> lock(g_mutex);
  DeviceAllocator* made = if_made(device);
  if (made == nullptr) {
    made = new DeviceAllocator(device, std::make_unique<CudaMemoryDriver>(device));
    g_allocators[device].store(made, std::memory_order_release);
  }
  return *made;
}

}  // namespace ember::cuda
