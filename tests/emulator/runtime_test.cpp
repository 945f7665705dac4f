// The emulated runtime: the kernels of its tests, and its streams, events and copies.
#include "runtime_test.h"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace emulator::test {

const char kLog = 0, kAdd = 0, kShared = 0, kMissing = 0, kFault = 0, kSleep = 0;

namespace {

using Code = void (*)(const std::byte* parameters);

template <class T>
T parameter(const std::byte* parameters, size_t offset) {
  T value;
  std::memcpy(&value, parameters + offset, sizeof(T));
  return value;
}

void log_code(const std::byte* p) { logged().push_back(parameter<int>(p, 0)); }
void add_code(const std::byte* p) {
  int* const at = parameter<int*>(p, 0);
  require_accessible(at, sizeof(int), "add");
  *at += parameter<int>(p, 8);
}
void shared_code(const std::byte*) {}
void fault_code(const std::byte* p) { throw Fault(parameter<FaultKind>(p, 0), "on purpose"); }
std::chrono::nanoseconds slept{0};
void sleep_code(const std::byte* p) { slept += std::chrono::milliseconds(parameter<int>(p, 0)); }

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> instance = {
      {"log", {{0, 4}}, 4, 0, 1024, 90, reinterpret_cast<const void*>(&log_code)},
      {"_Z3addPii", {{0, 8}, {8, 4}}, 12, 0, 256, 90, reinterpret_cast<const void*>(&add_code), true},
      {"shared", {}, 0, 40000, 1024, 90, reinterpret_cast<const void*>(&shared_code)},
      {"fault", {{0, 4}}, 4, 0, 1024, 90, reinterpret_cast<const void*>(&fault_code)},
      {"sleep", {{0, 4}}, 4, 0, 1024, 90, reinterpret_cast<const void*>(&sleep_code)},
  };
  return instance;
}

}  // namespace

std::vector<int>& logged() {
  static std::vector<int> instance;
  return instance;
}

cudaError_t launch(const void* kernel, cudaStream_t stream, std::vector<void*> arguments, unsigned threads,
                   unsigned blocks, size_t shared) {
  return cudaLaunchKernel(kernel, dim3(blocks), dim3(threads), arguments.data(), shared, stream);
}
cudaError_t log(int number, cudaStream_t stream) { return launch(&kLog, stream, {&number}); }
cudaError_t add(int* at, int value, cudaStream_t stream) { return launch(&kAdd, stream, {&at, &value}); }

void RuntimeTest::SetUp() {
  EXPECT_OK(cudaSetDevice(0));
  EXPECT_OK(cudaDeviceSynchronize());
  logged().clear();
}

void RuntimeTest::TearDown() {
  EXPECT_OK(cudaPeekAtLastError());
  for (const cudaStream_t made : streams_) EXPECT_OK(cudaStreamDestroy(made));
  for (const cudaEvent_t made : events_) EXPECT_OK(cudaEventDestroy(made));
  for (void* const made : memory_) EXPECT_OK(cudaFree(made));
  for (void* const made : pinned_) EXPECT_OK(cudaFreeHost(made));
  EXPECT_OK(cudaDeviceSynchronize());
}

cudaStream_t RuntimeTest::stream(unsigned flags) {
  cudaStream_t made = nullptr;
  EXPECT_OK(cudaStreamCreateWithFlags(&made, flags));
  streams_.push_back(made);
  return made;
}

cudaEvent_t RuntimeTest::event(unsigned flags) {
  cudaEvent_t made = nullptr;
  EXPECT_OK(cudaEventCreateWithFlags(&made, flags));
  events_.push_back(made);
  return made;
}

int* RuntimeTest::ints(size_t count) {
  void* made = nullptr;
  EXPECT_OK(cudaMalloc(&made, count * sizeof(int)));
  EXPECT_OK(cudaMemset(made, 0, count * sizeof(int)));
  EXPECT_OK(cudaDeviceSynchronize());
  memory_.push_back(made);
  return static_cast<int*>(made);
}

int* RuntimeTest::pinned(size_t count) {
  void* made = nullptr;
  EXPECT_OK(cudaHostAlloc(&made, count * sizeof(int), cudaHostAllocPortable));
  std::memset(made, 0, count * sizeof(int));
  pinned_.push_back(made);
  return static_cast<int*>(made);
}

namespace {

// ---- streams ----

TEST_F(RuntimeTest, RunsInOrderAndWhenItIsTold) {
  const cudaStream_t a = stream(), b = stream();
  for (int i = 0; i < 3; ++i) EXPECT_OK(log(i, a));
  EXPECT_OK(log(10, b));
  if (lazy()) {
    EXPECT_TRUE(logged().empty());
  }
  if (eager()) {
    EXPECT_EQ(logged(), (std::vector<int>{0, 1, 2, 10}));
  }
  EXPECT_OK(cudaStreamSynchronize(a));
  if (lazy()) {
    EXPECT_EQ(logged(), (std::vector<int>{0, 1, 2})) << "nobody waits for the other";
  }
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_EQ(logged().size(), 4u);
}

TEST_F(RuntimeTest, EventsOrderStreams) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t written = event();
  EXPECT_OK(cudaStreamWaitEvent(b, written, 0));  // never recorded: nothing to wait for
  EXPECT_OK(cudaEventQuery(written));
  EXPECT_OK(log(1, a));
  EXPECT_OK(cudaEventRecord(written, a));
  EXPECT_OK(log(2, a));
  EXPECT_OK(cudaStreamWaitEvent(b, written, 0));
  EXPECT_OK(cudaEventRecord(written, a));  // the wait is for the record before
  EXPECT_OK(log(3, b));
  EXPECT_OK(cudaStreamSynchronize(b));
  if (lazy()) {
    EXPECT_EQ(logged(), (std::vector<int>{1, 3}));
  }
  EXPECT_OK(cudaEventSynchronize(written));
  EXPECT_OK(cudaEventQuery(written));
  EXPECT_EQ(logged().size(), 3u);
}

TEST_F(RuntimeTest, WhatIsNotWaitedForIsLate) {
  const cudaStream_t a = stream(), b = stream();
  int* const x = ints();
  EXPECT_OK(add(x, 1, a));
  int got = -1;
  EXPECT_OK(cudaMemcpyAsync(&got, x, sizeof(int), cudaMemcpyDeviceToHost, b));
  if (lazy()) {
    EXPECT_EQ(got, 0);
  }
  if (eager()) {
    EXPECT_EQ(got, 1);
  }
}

TEST_F(RuntimeTest, PollingEnds) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t middle = event(), end = event();
  for (int i = 0; i < 5; ++i) EXPECT_OK(log(i, a));
  EXPECT_OK(cudaEventRecord(middle, a));
  EXPECT_OK(cudaStreamWaitEvent(b, middle, 0));
  EXPECT_OK(cudaEventRecord(end, b));
  if (lazy()) {
    EXPECT_FAILS(cudaEventQuery(end), cudaErrorNotReady);
    EXPECT_FAILS(cudaStreamQuery(a), cudaErrorNotReady);
    EXPECT_LE(logged().size(), 2u);
  }
  int polls = 0;
  while (cudaEventQuery(end) == cudaErrorNotReady) ASSERT_LT(++polls, 20);
  while (cudaStreamQuery(b) == cudaErrorNotReady) ASSERT_LT(++polls, 20);
  if (eager()) {
    EXPECT_EQ(polls, 0);
  }
  EXPECT_EQ(logged().size(), 5u);
  (void)cudaGetLastError();
}

TEST_F(RuntimeTest, TheDefaultStreamAndBlockingOnesWaitForEachOther) {
  const cudaStream_t blocking = stream(cudaStreamDefault), other = stream();
  for (const cudaStream_t standard : {cudaStream_t(nullptr), cudaStreamLegacy}) {
    logged().clear();
    EXPECT_OK(log(1, blocking));
    EXPECT_OK(log(100, other));
    EXPECT_OK(log(2, standard));
    EXPECT_OK(log(3, cudaStreamPerThread));
    EXPECT_OK(log(4, standard));
    EXPECT_OK(log(5, blocking));
    EXPECT_OK(cudaStreamSynchronize(blocking));
    if (lazy()) {
      EXPECT_EQ(logged(), (std::vector<int>{1, 2, 3, 4, 5}));
    }
    std::erase(logged(), 100);
    EXPECT_EQ(logged(), (std::vector<int>{1, 2, 3, 4, 5}));
    EXPECT_OK(cudaDeviceSynchronize());
  }
  logged().clear();
  EXPECT_OK(log(1, blocking));
  EXPECT_OK(cudaStreamSynchronize(nullptr));
  EXPECT_EQ(logged(), std::vector<int>{1});
}

TEST_F(RuntimeTest, StreamsOfThreads) {
  EXPECT_OK(log(1, cudaStreamPerThread));
  std::thread([] {
    EXPECT_OK(log(2, cudaStreamPerThread));
    EXPECT_OK(cudaStreamSynchronize(cudaStreamPerThread));
    if (lazy()) {
      EXPECT_EQ(logged(), std::vector<int>{2});
    }
  }).join();
}

TEST_F(RuntimeTest, DestroyedWithWorkLeft) {
  cudaStream_t gone = nullptr;
  cudaEvent_t event = nullptr;
  const cudaStream_t other = stream();
  EXPECT_OK(cudaStreamCreate(&gone));
  EXPECT_OK(cudaEventCreate(&event));
  EXPECT_OK(log(1, gone));
  EXPECT_OK(cudaEventRecord(event, gone));
  EXPECT_OK(cudaStreamWaitEvent(other, event, 0));
  EXPECT_OK(log(2, gone));
  EXPECT_OK(cudaStreamDestroy(gone));
  EXPECT_OK(cudaEventDestroy(event));
  EXPECT_FAILS(log(3, gone), cudaErrorInvalidResourceHandle);
  EXPECT_FAILS(cudaStreamDestroy(gone), cudaErrorInvalidResourceHandle);
  EXPECT_FAILS(cudaEventQuery(event), cudaErrorInvalidResourceHandle);
  EXPECT_OK(cudaStreamSynchronize(other));
  EXPECT_EQ(logged().front(), 1);
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_EQ(logged(), (std::vector<int>{1, 2}));
}

TEST_F(RuntimeTest, HostFunctionsHoldTheirStreamOnly) {
  const cudaStream_t a = stream(), b = stream();
  const cudaEvent_t passed = event();
  Gate gate(a);
  EXPECT_OK(log(1, a));
  EXPECT_OK(cudaEventRecord(passed, a));
  EXPECT_OK(log(2, b));
  EXPECT_OK(cudaStreamSynchronize(b));
  for (int i = 0; i < 5; ++i) EXPECT_FAILS(cudaEventQuery(passed), cudaErrorNotReady);
  EXPECT_EQ(logged(), std::vector<int>{2});
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_OK(log(3, b));  // calls go on while another thread waits
    EXPECT_OK(cudaStreamSynchronize(b));
    EXPECT_FALSE(gate.passed());
    gate.open();
  });
  EXPECT_OK(cudaEventSynchronize(passed));
  opener.join();
  EXPECT_TRUE(gate.passed());
  EXPECT_EQ(logged(), (std::vector<int>{2, 3, 1}));
}

TEST_F(RuntimeTest, HostFunctionsMustNotCall) {
  static cudaError_t status;
  status = cudaSuccess;
  EXPECT_OK(cudaLaunchHostFunc(
      nullptr, [](void*) { status = cudaStreamSynchronize(nullptr); }, nullptr));
  EXPECT_OK(cudaDeviceSynchronize());
  EXPECT_EQ(status, cudaErrorNotPermitted);
}

TEST_F(RuntimeTest, ValuesInMemory) {
  const cudaStream_t a = stream(), b = stream();
  int* const flag = pinned();
  const auto address = reinterpret_cast<CUdeviceptr>(flag);
  EXPECT_EQ(cuStreamWaitValue32_v2(a, address, 5, CU_STREAM_WAIT_VALUE_GEQ), CUDA_SUCCESS);
  EXPECT_OK(log(1, a));
  EXPECT_EQ(cuStreamQuery(a), CUDA_ERROR_NOT_READY);
  EXPECT_OK(cudaStreamSynchronize(b));
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    __atomic_store_n(flag, 6, __ATOMIC_RELEASE);
  });
  EXPECT_OK(cudaStreamSynchronize(a));
  writer.join();
  EXPECT_EQ(logged(), std::vector<int>{1});
  // Written by another stream that nobody waits for: a device that is blocked goes on with what there is.
  EXPECT_EQ(cuStreamWaitValue32_v2(a, address, 9, CU_STREAM_WAIT_VALUE_EQ), CUDA_SUCCESS);
  EXPECT_EQ(cuStreamWriteValue32_v2(b, address, 9, 0), CUDA_SUCCESS);
  EXPECT_OK(cudaStreamSynchronize(a));
  (void)cudaGetLastError();
}

TEST_F(RuntimeTest, QueuesAreBounded) {
  const cudaStream_t a = stream();
  for (int i = 0; i < 4096; ++i) ASSERT_OK(log(i, a));
  if (lazy()) {
    EXPECT_TRUE(logged().empty());
  }
  EXPECT_OK(log(0, a));
  EXPECT_GE(logged().size(), 2000u);
}

TEST_F(RuntimeTest, ManyThreads) {
  int* const sum = ints();
  std::vector<std::thread> threads;
  const cudaStream_t shared = stream();
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      cudaStream_t own = nullptr;
      EXPECT_OK(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking));
      cudaEvent_t done = nullptr;
      EXPECT_OK(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
      for (int i = 0; i < 100; ++i) {
        EXPECT_OK(add(sum, 1, own));
        EXPECT_OK(cudaEventRecord(done, own));
        EXPECT_OK(cudaStreamWaitEvent(shared, done, 0));
        if (i % 10 == 0) {
          EXPECT_OK(cudaStreamSynchronize(shared));
        }
      }
      EXPECT_OK(cudaStreamSynchronize(own));
      EXPECT_OK(cudaStreamDestroy(own));
      EXPECT_OK(cudaEventDestroy(done));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_OK(cudaStreamSynchronize(shared));
  EXPECT_EQ(peek(sum), 800);
}

// ---- events ----

TEST_F(RuntimeTest, EventsMeasureTime) {
  const cudaStream_t a = stream();
  const cudaEvent_t begin = event(0), end = event(0), untimed = event(), unused = event(0);
  float time = -1;
  EXPECT_OK(cudaEventRecord(begin, a));
  EXPECT_OK(cudaLaunchHostFunc(
      a, [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }, nullptr));
  EXPECT_OK(cudaEventRecord(end, a));
  EXPECT_OK(cudaEventRecord(untimed, a));
  EXPECT_FAILS(cudaEventElapsedTime(&time, begin, end), cudaErrorNotReady);
  EXPECT_OK(cudaEventSynchronize(untimed));
  EXPECT_OK(cudaEventElapsedTime(&time, begin, end));
  EXPECT_GE(time, 19);
  EXPECT_LT(time, 10000);
  EXPECT_FAILS(cudaEventElapsedTime(&time, begin, untimed), cudaErrorInvalidResourceHandle);
  EXPECT_FAILS(cudaEventElapsedTime(&time, unused, end), cudaErrorInvalidResourceHandle);
}

// ---- copies ----

TEST_F(RuntimeTest, CopiesOfPageableMemory) {
  const cudaStream_t a = stream();
  int* const x = ints();
  int value = 7, got = 0;
  EXPECT_OK(cudaMemcpyAsync(x, &value, sizeof(int), cudaMemcpyHostToDevice, a));
  value = 8;  // it was read by the call
  if (lazy()) {
    EXPECT_EQ(peek(x), 0);
  }
  EXPECT_OK(cudaMemcpyAsync(&got, x, sizeof(int), cudaMemcpyDefault, a));
  EXPECT_EQ(got, 7);
  EXPECT_OK(cudaMemcpy(x, &value, sizeof(int), cudaMemcpyHostToDevice));
  EXPECT_EQ(peek(x), 8);
  EXPECT_OK(cudaMemcpy(&got, x, sizeof(int), cudaMemcpyDeviceToHost));
  EXPECT_EQ(got, 8);
}

TEST_F(RuntimeTest, CopiesOfPinnedMemoryAreLate) {
  const cudaStream_t a = stream();
  int* const x = ints();
  int* const from = pinned();
  int* const to = pinned();
  *from = 1;
  EXPECT_OK(cudaMemcpyAsync(x, from, sizeof(int), cudaMemcpyHostToDevice, a));
  EXPECT_OK(cudaMemcpyAsync(to, x, sizeof(int), cudaMemcpyDeviceToHost, a));
  if (lazy()) {
    EXPECT_EQ(*to, 0);
    *from = 2;
  }
  EXPECT_OK(cudaStreamSynchronize(a));
  EXPECT_EQ(*to, lazy() ? 2 : 1);
  int registered = 5;
  EXPECT_OK(cudaHostRegister(&registered, sizeof(int), 0));
  EXPECT_FAILS(cudaHostRegister(&registered, sizeof(int), 0), cudaErrorHostMemoryAlreadyRegistered);
  EXPECT_OK(add(&registered, 1, a));
  EXPECT_OK(cudaHostUnregister(&registered));
  EXPECT_FAILS(cudaHostUnregister(&registered), cudaErrorHostMemoryNotRegistered);
  EXPECT_EQ(registered, 6);
}

TEST_F(RuntimeTest, CopiesThatCannotBe) {
  const cudaStream_t a = stream();
  int* const x = ints(4);
  int y[4] = {};
  EXPECT_FAILS(cudaMemcpyAsync(x, y, 32, cudaMemcpyHostToDevice, a), cudaErrorInvalidValue);
  EXPECT_FAILS(cudaMemcpyAsync(y, x + 4, 4, cudaMemcpyDeviceToHost, a), cudaErrorInvalidValue);
  EXPECT_FAILS(cudaMemcpyAsync(y, x, 4, cudaMemcpyHostToDevice, a), cudaErrorInvalidValue);
  EXPECT_FAILS(cudaMemcpyAsync(x, y, 4, cudaMemcpyDeviceToDevice, a), cudaErrorInvalidValue);
  EXPECT_FAILS(cudaMemsetAsync(y, 0, 4, a), cudaErrorInvalidValue);
  EXPECT_FAILS(cudaMemsetAsync(x, 0, 17, a), cudaErrorInvalidValue);
  EXPECT_OK(cudaMemcpyAsync(x, y, 0, cudaMemcpyHostToDevice, a));
  EXPECT_OK(cudaMemcpyAsync(x, x + 2, 8, cudaMemcpyDeviceToDevice, a));
}

// A kernel that sleeps holds up its own stream, and the host only where that waits for it.
TEST_F(RuntimeTest, WhatSleepsKeepsItsStream) {
  const cudaStream_t a = stream(), b = stream();
  const auto begin = std::chrono::steady_clock::now();
  int milliseconds = 50;
  EXPECT_OK(launch(&kSleep, a, {&milliseconds}));
  EXPECT_OK(log(1, a));
  EXPECT_OK(log(2, b));
  EXPECT_OK(cudaStreamSynchronize(b));
  EXPECT_EQ(logged(), std::vector<int>({2}));
  EXPECT_OK(cudaStreamSynchronize(a));
  EXPECT_EQ(logged(), std::vector<int>({2, 1}));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

}  // namespace

}  // namespace emulator::test

// ---- the machine of these tests ----

namespace emulator {

std::chrono::nanoseconds take_sleep() { return std::exchange(test::slept, std::chrono::nanoseconds(0)); }
Module* load_module(const void*, unsigned) { return nullptr; }

const Kernel* find_kernel(Module*, const std::string& name) {
  for (const Kernel& kernel : test::kernels()) {
    if (kernel.name == name) return &kernel;
  }
  throw std::runtime_error("there is no such kernel");
}

void run(const Kernel& kernel, Dim, Dim, size_t, const std::byte* parameters) {
  reinterpret_cast<test::Code>(const_cast<void*>(kernel.code))(parameters);
}

}  // namespace emulator

extern "C" void** __cudaRegisterFatBinary(void*);
extern "C" void __cudaRegisterFunction(void**, const char*, char*, const char*, int, uint3*, uint3*, dim3*, dim3*,
                                       int*);

int main(int argc, char** argv) {
  using namespace emulator::test;  // NOLINT
  setenv("EMBER_EMULATED_DEVICES", "2", 1);
  setenv("EMBER_EMULATED_MEMORY", "64", 1);
  setenv("EMBER_EMULATED_CAPABILITY", "9.0", 1);
  testing::InitGoogleTest(&argc, argv);
  void** const binary = __cudaRegisterFatBinary(nullptr);
  const std::pair<const char*, const char*> names[] = {{&kLog, "log"},       {&kAdd, "_Z3addPii"},
                                                       {&kShared, "shared"}, {&kMissing, "missing"},
                                                       {&kFault, "fault"},   {&kSleep, "sleep"}};
  for (const auto& [host, name] : names) {
    __cudaRegisterFunction(binary, host, nullptr, name, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
  }
  return RUN_ALL_TESTS();
}
