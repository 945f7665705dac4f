// The emulated runtime: memory, devices, launches that cannot be, and faults.
#include <cstdlib>
#include <random>

#include "runtime_test.h"

namespace emulator::test {

namespace {

// ---- memory.h ----

TEST(Ranges, AreWhatWasAddedAndNotRemoved) {
  constexpr uintptr_t kBase = uintptr_t{1} << 40;
  std::mt19937 random(1);
  std::vector<bool> there(200, false);
  const auto at = [](size_t i) { return reinterpret_cast<const void*>(kBase + i); };
  for (int step = 0; step < 3000; ++step) {
    const size_t begin = random() % 200, bytes = std::min<size_t>(random() % 20, 200 - begin);
    const bool adds = random() % 2 == 0;
    const uint64_t generation = range_generation();
    adds ? add_range(at(begin), bytes) : remove_range(at(begin), bytes);
    EXPECT_EQ(range_generation() != generation, !adds && bytes != 0);
    for (size_t i = begin; i < begin + bytes; ++i) there[i] = adds;
    for (size_t i = 0; i < 200; ++i) {
      Range expected;
      if (there[i]) {
        size_t first = i, last = i;
        while (first > 0 && there[first - 1]) --first;
        while (last < 200 && there[last]) ++last;
        expected = {kBase + first, kBase + last};
      }
      const Range found = find_range(kBase + i);
      ASSERT_EQ(found.begin, expected.begin);
      ASSERT_EQ(found.end, expected.end);
    }
  }
  remove_range(at(0), 200);
}

// ---- memory ----

class MemoryTest : public RuntimeTest {};

size_t available() {
  size_t result = 0, total = 0;
  EXPECT_OK(cudaMemGetInfo(&result, &total));
  EXPECT_EQ(total, size_t{64} << 20);
  return result;
}

TEST_F(MemoryTest, IsCountedAndLimited) {
  const size_t before = available();
  void *a = nullptr, *b = nullptr;
  EXPECT_OK(cudaMalloc(&a, 1000));
  EXPECT_EQ(available(), before - 1000);
  EXPECT_EQ(*static_cast<unsigned char*>(a), 0xCD) << "new memory is filled";
  EXPECT_FAILS(cudaMalloc(&b, before), cudaErrorMemoryAllocation);
  EXPECT_FAILS(cudaMalloc(&b, SIZE_MAX), cudaErrorMemoryAllocation);
  EXPECT_EQ(b, nullptr);
  EXPECT_OK(cudaMalloc(&b, before - 1000));
  EXPECT_EQ(available(), 0u);
  EXPECT_OK(cudaSetDevice(1));
  EXPECT_EQ(available(), size_t{64} << 20);
  EXPECT_OK(cudaFree(b));  // of the other device
  EXPECT_OK(cudaSetDevice(0));
  EXPECT_FAILS(cudaFree(static_cast<char*>(a) + 1), cudaErrorInvalidValue);
  EXPECT_OK(cudaFree(a));
  EXPECT_FAILS(cudaFree(a), cudaErrorInvalidValue);
  EXPECT_OK(cudaFree(nullptr));
  EXPECT_OK(cudaMalloc(&a, 0));
  EXPECT_EQ(a, nullptr);
  EXPECT_EQ(available(), before);
}

TEST_F(MemoryTest, FreeWaits) {
  const cudaStream_t a = stream();
  void* x = nullptr;
  EXPECT_OK(cudaMalloc(&x, 4));
  EXPECT_OK(add(static_cast<int*>(x), 1, a));
  EXPECT_OK(cudaFree(x));
  EXPECT_OK(cudaDeviceSynchronize());
}

TEST_F(MemoryTest, Attributes) {
  cudaPointerAttributes attributes;
  int* const device = ints(2);
  int* const host = pinned(2);
  EXPECT_OK(cudaPointerGetAttributes(&attributes, device + 1));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.device, 0);
  EXPECT_EQ(attributes.devicePointer, device + 1);
  EXPECT_EQ(attributes.hostPointer, nullptr);
  EXPECT_OK(cudaPointerGetAttributes(&attributes, host + 1));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  EXPECT_EQ(attributes.hostPointer, host + 1);
  for (const void* const other : {static_cast<const void*>(device + 2), static_cast<const void*>(&attributes)}) {
    EXPECT_OK(cudaPointerGetAttributes(&attributes, other));
    EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  }
}

// ---- addresses and memory apart ----

constexpr size_t kPiece = size_t{2} << 20;

CUmemAllocationProp properties(int device) {
  CUmemAllocationProp result{};
  result.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  result.location = {CU_MEM_LOCATION_TYPE_DEVICE, {device}};
  return result;
}

CUresult set_access(CUdeviceptr at, size_t bytes, CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
  const CUmemAccessDesc access{properties(0).location, flags};
  return cuMemSetAccess(at, bytes, &access, 1);
}

TEST_F(MemoryTest, MappingAndUnmapping) {
  const size_t before = available();
  CUdeviceptr base = 0, other = 0;
  CUmemGenericAllocationHandle first = 0, second = 0, none = 0;
  const CUmemAllocationProp of_device = properties(0);
  size_t granularity = 0;
  ASSERT_EQ(cuMemGetAllocationGranularity(&granularity, &of_device, CU_MEM_ALLOC_GRANULARITY_MINIMUM), CUDA_SUCCESS);
  EXPECT_EQ(granularity, kPiece);
  ASSERT_EQ(cuMemAddressReserve(&base, 4 * kPiece, 0, 0, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuMemAddressReserve(&other, kPiece, 8 * kPiece, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(base % kPiece, 0u);
  EXPECT_EQ(other % (8 * kPiece), 0u);
  EXPECT_EQ(cuMemAddressReserve(&none, kPiece / 2, 0, 0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemCreate(&none, kPiece + 1, &of_device, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemCreate(&none, before + kPiece, &of_device, 0), CUDA_ERROR_OUT_OF_MEMORY);
  ASSERT_EQ(cuMemCreate(&first, kPiece, &of_device, 0), CUDA_SUCCESS);
  ASSERT_EQ(cuMemCreate(&second, 2 * kPiece, &of_device, 0), CUDA_SUCCESS);
  EXPECT_EQ(available(), before - 3 * kPiece);

  EXPECT_EQ(cuMemMap(base, kPiece, 0, first, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuMemMap(base, kPiece, 0, first, 0), CUDA_ERROR_INVALID_VALUE) << "there is something";
  EXPECT_EQ(cuMemMap(base + 3 * kPiece, 2 * kPiece, 0, second, 0), CUDA_ERROR_INVALID_VALUE) << "past the end";
  EXPECT_EQ(cuMemMap(base + kPiece, 2 * kPiece, 0, second, 0), CUDA_SUCCESS);
  EXPECT_EQ(find_range(base).end, 0u) << "nobody may access it yet";
  EXPECT_EQ(set_access(base, 4 * kPiece), CUDA_ERROR_INVALID_VALUE) << "the last is not mapped";
  EXPECT_EQ(set_access(base, 3 * kPiece), CUDA_SUCCESS);
  EXPECT_EQ(find_range(base).end, base + 3 * kPiece);
  auto* const x = reinterpret_cast<int*>(base);
  EXPECT_EQ(peek(x), static_cast<int>(0xCDCDCDCD));
  EXPECT_OK(cudaMemset(x, 0, 3 * kPiece));
  EXPECT_OK(add(x + kPiece / 4 - 1, 7, nullptr));
  EXPECT_OK(cudaDeviceSynchronize());

  // One handle at two places is the same memory.
  EXPECT_EQ(cuMemMap(other, kPiece, 0, first, 0), CUDA_SUCCESS);
  EXPECT_EQ(set_access(other, kPiece), CUDA_SUCCESS);
  EXPECT_EQ(reinterpret_cast<int*>(other)[kPiece / 4 - 1], 7);
  EXPECT_EQ(cuMemUnmap(other, kPiece), CUDA_SUCCESS);
  EXPECT_EQ(cuMemUnmap(other, kPiece), CUDA_ERROR_INVALID_VALUE);

  EXPECT_EQ(cuMemRelease(first), CUDA_SUCCESS);
  EXPECT_EQ(cuMemRelease(first), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemMap(other, kPiece, 0, first, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(available(), before - 3 * kPiece) << "the mapping keeps it";
  EXPECT_EQ(cuMemUnmap(base + kPiece, kPiece), CUDA_ERROR_INVALID_VALUE) << "half of a mapping";
  EXPECT_EQ(cuMemAddressFree(base, 4 * kPiece), CUDA_ERROR_INVALID_VALUE) << "there are mappings";
  cudaPointerAttributes attributes;
  EXPECT_OK(cudaPointerGetAttributes(&attributes, x));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(cuMemUnmap(base, kPiece), CUDA_SUCCESS);
  EXPECT_OK(cudaPointerGetAttributes(&attributes, x));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(available(), before - 2 * kPiece);
  EXPECT_EQ(find_range(base).end, 0u);
  EXPECT_EQ(find_range(base + kPiece).begin, base + kPiece);
  int y = 0;
  EXPECT_FAILS(cudaMemcpy(&y, x, 4, cudaMemcpyDefault), cudaErrorInvalidValue);
  EXPECT_EQ(set_access(base + kPiece, 2 * kPiece, CU_MEM_ACCESS_FLAGS_PROT_NONE), CUDA_SUCCESS);
  EXPECT_EQ(find_range(base + kPiece).end, 0u);
  EXPECT_EQ(cuMemUnmap(base + kPiece, 2 * kPiece), CUDA_SUCCESS);
  EXPECT_EQ(available(), before - 2 * kPiece) << "the handle keeps it";
  EXPECT_EQ(cuMemRelease(second), CUDA_SUCCESS);
  EXPECT_EQ(available(), before);
  EXPECT_EQ(cuMemAddressFree(base, kPiece), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemAddressFree(base, 4 * kPiece), CUDA_SUCCESS);
  EXPECT_EQ(cuMemAddressFree(base, 4 * kPiece), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemAddressFree(other, kPiece), CUDA_SUCCESS);
}

TEST_F(MemoryTest, DriverFunctions) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  EXPECT_OK(cudaGetDriverEntryPointByVersion("cuMemMap", &function, 10020, cudaEnableDefault, &found));
  EXPECT_EQ(found, cudaDriverEntryPointSuccess);
  EXPECT_EQ(function, reinterpret_cast<void*>(&cuMemMap));
  EXPECT_OK(cudaGetDriverEntryPointByVersion("cuNothing", &function, 10020, cudaEnableDefault, &found));
  EXPECT_EQ(found, cudaDriverEntryPointSymbolNotFound);
  const char* text = nullptr;
  EXPECT_EQ(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "out of memory");
  EXPECT_EQ(cuGetErrorString(static_cast<CUresult>(12345), &text), CUDA_ERROR_INVALID_VALUE);
}

// ---- devices ----

TEST_F(MemoryTest, Devices) {
  int count = 0, value = 0;
  EXPECT_OK(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 2);
  EXPECT_FAILS(cudaSetDevice(2), cudaErrorInvalidDevice);
  EXPECT_FAILS(cudaDeviceGetAttribute(&value, cudaDevAttrWarpSize, -1), cudaErrorInvalidDevice);
  cudaDeviceProp device;
  EXPECT_OK(cudaGetDeviceProperties(&device, 1));
  EXPECT_STREQ(device.name, "Emulated GPU");
  EXPECT_EQ(device.major, 9);
  EXPECT_EQ(device.multiProcessorCount, 132);
  EXPECT_EQ(device.sharedMemPerBlockOptin, 227u << 10);
  EXPECT_EQ(device.maxThreadsDim[2], 64);
  EXPECT_OK(cudaDeviceCanAccessPeer(&value, 0, 1));
  EXPECT_EQ(value, 1);
  EXPECT_OK(cudaDeviceEnablePeerAccess(1, 0));
  EXPECT_FAILS(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessAlreadyEnabled);
  EXPECT_OK(cudaDeviceDisablePeerAccess(1));
  EXPECT_FAILS(cudaDeviceDisablePeerAccess(1), cudaErrorPeerAccessNotEnabled);
  EXPECT_FAILS(cudaDeviceEnablePeerAccess(0, 0), cudaErrorInvalidDevice);
}

TEST_F(MemoryTest, EachDeviceHasItsOwn) {
  const cudaStream_t a = stream();
  const cudaEvent_t of_first = event();
  int* const x = ints();
  EXPECT_OK(cudaSetDevice(1));
  const cudaStream_t b = stream();
  int* const y = ints();
  EXPECT_FAILS(log(1, a), cudaErrorInvalidResourceHandle);
  EXPECT_FAILS(cudaEventRecord(of_first, b), cudaErrorInvalidResourceHandle);
  EXPECT_OK(log(10, nullptr));  // of the second device
  EXPECT_OK(cudaSetDevice(0));
  EXPECT_OK(log(1, nullptr));
  EXPECT_OK(cudaDeviceSynchronize());
  if (lazy()) {
    EXPECT_EQ(logged(), std::vector<int>{1});
  }
  EXPECT_OK(add(x, 3, a));
  EXPECT_OK(cudaMemcpyPeerAsync(y, 1, x, 0, sizeof(int), a));
  EXPECT_OK(cudaEventRecord(of_first, a));
  EXPECT_OK(cudaStreamWaitEvent(b, of_first, 0));
  EXPECT_OK(cudaStreamSynchronize(b));
  EXPECT_EQ(peek(y), 3);
  EXPECT_OK(cudaSetDevice(1));
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_OK(cudaSetDevice(0));
}

// ---- launches ----

TEST_F(MemoryTest, LaunchesThatCannotBe) {
  int number = 0;
  int* const x = ints();
  void* at = x;
  EXPECT_FAILS(launch(&kLog, nullptr, {&number}, 1025), cudaErrorInvalidConfiguration);
  EXPECT_FAILS(launch(&kLog, nullptr, {&number}, 0), cudaErrorInvalidConfiguration);
  EXPECT_FAILS(launch(&kLog, nullptr, {&number}, 1, 0), cudaErrorInvalidConfiguration);
  EXPECT_FAILS(launch(&kAdd, nullptr, {&at, &number}, 257), cudaErrorInvalidValue);
  EXPECT_FAILS(launch(&number, nullptr, {&number}), cudaErrorInvalidDeviceFunction);
  EXPECT_FAILS(launch(&kMissing, nullptr, {}), cudaErrorNoKernelImageForDevice);
  EXPECT_FAILS(launch(&kShared, nullptr, {}, 1, 1, 9153), cudaErrorInvalidValue);
  EXPECT_OK(launch(&kShared, nullptr, {}, 1, 1, 9152));
  EXPECT_FAILS(cudaFuncSetAttribute(&kShared, cudaFuncAttributeMaxDynamicSharedMemorySize, 200000),
               cudaErrorInvalidValue);
  EXPECT_OK(cudaFuncSetAttribute(&kShared, cudaFuncAttributeMaxDynamicSharedMemorySize, 100000));
  EXPECT_OK(launch(&kShared, nullptr, {}, 1, 1, 100000));
  EXPECT_FAILS(launch(&kShared, nullptr, {}, 1, 1, 100001), cudaErrorInvalidValue);
  cudaFuncAttributes attributes;
  EXPECT_OK(cudaFuncGetAttributes(&attributes, &kShared));
  EXPECT_EQ(attributes.sharedSizeBytes, 40000u);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 100000);
  EXPECT_EQ(attributes.ptxVersion, 90);
  int blocks = 0;
  EXPECT_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, &kLog, 256, 0));
  EXPECT_EQ(blocks, 8);
  EXPECT_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, &kLog, 1, 0));
  EXPECT_EQ(blocks, 32);
  EXPECT_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, &kShared, 256, 0));
  EXPECT_EQ(blocks, 5);
  EXPECT_OK(cudaDeviceSynchronize());
}

TEST_F(MemoryTest, LaunchConfigurations) {
  int number = 4;
  void* arguments[] = {&number};
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {1, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = config.blockDim = dim3(1);
  config.attrs = &attribute;
  config.numAttrs = 1;
  EXPECT_OK(cudaLaunchKernelExC(&config, &kLog, arguments));
  attribute.val.clusterDim.x = 2;
  EXPECT_FAILS(cudaLaunchKernelExC(&config, &kLog, arguments), cudaErrorNotSupported);
  // What may begin before the kernel ahead of it has ended has to wait for it.
  attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  EXPECT_OK(cudaLaunchKernelExC(&config, &kLog, arguments));
  attribute.val.programmaticStreamSerializationAllowed = 1;
  EXPECT_FAILS(cudaLaunchKernelExC(&config, &kLog, arguments), cudaErrorInvalidValue);
  int* sum = nullptr;
  EXPECT_OK(cudaMallocHost(reinterpret_cast<void**>(&sum), sizeof(int)));
  *sum = 1;
  void* of_add[] = {&sum, &number};
  EXPECT_OK(cudaLaunchKernelExC(&config, &kAdd, of_add));
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_EQ(*sum, 5);
  EXPECT_OK(cudaFreeHost(sum));
  EXPECT_EQ(logged(), (std::vector<int>{4, 4}));
}

// ---- faults, each in a process of its own ----

class FaultDeathTest : public testing::Test {
 protected:
  void SetUp() override { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

#define REQUIRE(condition) \
  if (!(condition)) { \
    std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
    std::exit(1); \
  }

void faults(FaultKind kind, cudaError_t status) {
  cudaStream_t a = nullptr, of_second = nullptr;
  cudaEvent_t event = nullptr;
  REQUIRE(cudaSetDevice(1) == cudaSuccess);
  REQUIRE(cudaStreamCreate(&of_second) == cudaSuccess);
  REQUIRE(cudaSetDevice(0) == cudaSuccess);
  REQUIRE(cudaStreamCreate(&a) == cudaSuccess);
  REQUIRE(cudaEventCreate(&event) == cudaSuccess);
  const cudaError_t launched = launch(&kFault, a, {&kind});
  REQUIRE(launched == cudaSuccess);
  (void)log(1, a);
  (void)cudaEventRecord(event, a);
  REQUIRE(cudaStreamSynchronize(a) == status);
  REQUIRE(logged().empty());
  REQUIRE(cudaGetLastError() == status);
  REQUIRE(cudaGetLastError() == status);
  REQUIRE(cudaEventQuery(event) == status);
  REQUIRE(cudaDeviceSynchronize() == status);
  void* memory = nullptr;
  REQUIRE(cudaMalloc(&memory, 4) == status);
  REQUIRE(log(1, nullptr) == status);
  REQUIRE(cuStreamSynchronize(a) == static_cast<CUresult>(status));
  REQUIRE(cudaSetDevice(1) == cudaSuccess);  // the other device goes on
  (void)cudaGetLastError();
  REQUIRE(log(2, of_second) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(of_second) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(a) == status);
  REQUIRE(logged() == std::vector<int>{2});
  std::exit(0);
}

TEST_F(FaultDeathTest, EndTheContext) {
  for (const auto& [kind, status] :
       {std::pair{FaultKind::kIllegalAddress, cudaErrorIllegalAddress},
        std::pair{FaultKind::kMisaligned, cudaErrorMisalignedAddress},
        std::pair{FaultKind::kTrap, cudaErrorLaunchFailure}, std::pair{FaultKind::kAssert, cudaErrorAssert},
        std::pair{FaultKind::kIllegalInstruction, cudaErrorIllegalInstruction}}) {
    EXPECT_EXIT(faults(kind, status), testing::ExitedWithCode(0), "device 0: on purpose") << status;
  }
}

// Memory that is taken away while work with it is queued.
void uses_what_is_gone() {
  const CUmemAllocationProp of_device = properties(0);
  CUdeviceptr base = 0;
  CUmemGenericAllocationHandle handle = 0;
  cudaStream_t a = nullptr;
  REQUIRE(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking) == cudaSuccess);
  REQUIRE(cuMemAddressReserve(&base, kPiece, 0, 0, 0) == CUDA_SUCCESS);
  REQUIRE(cuMemCreate(&handle, kPiece, &of_device, 0) == CUDA_SUCCESS);
  REQUIRE(cuMemMap(base, kPiece, 0, handle, 0) == CUDA_SUCCESS);
  REQUIRE(set_access(base, kPiece) == CUDA_SUCCESS);
  Gate gate(a);
  REQUIRE(cudaMemsetAsync(reinterpret_cast<void*>(base), 0, kPiece, a) == cudaSuccess);
  REQUIRE(cuMemUnmap(base, kPiece) == CUDA_SUCCESS);
  gate.open();
  REQUIRE(cudaStreamSynchronize(a) == cudaErrorIllegalAddress);
  std::exit(0);
}

TEST_F(FaultDeathTest, MemoryThatIsGone) {
  EXPECT_EXIT(uses_what_is_gone(), testing::ExitedWithCode(0), "not all accessible");
}

void bad_setting() {
  setenv("EMBER_EMULATED_ORDER", "sometimes", 1);
  (void)cudaFree(nullptr);
}

TEST_F(FaultDeathTest, Settings) { EXPECT_DEATH(bad_setting(), "EMBER_EMULATED_ORDER is 'sometimes'"); }

}  // namespace

}  // namespace emulator::test
