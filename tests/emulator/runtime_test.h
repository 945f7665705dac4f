// Tests of the emulated runtime have no PTX: their kernels are functions of the host.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "memory.h"
#include "runtime.h"
#include "runtime_state.h"

namespace emulator::test {

#define EXPECT_OK(call) EXPECT_EQ(call, cudaSuccess)
#define ASSERT_OK(call) ASSERT_EQ(call, cudaSuccess)
// A call fails so, and is the last one that has.
#define EXPECT_FAILS(call, status) \
  do { \
    EXPECT_EQ(call, status); \
    EXPECT_EQ(cudaGetLastError(), status); \
  } while (false)

inline bool lazy() { return settings().order == Order::kLazy; }
inline bool eager() { return settings().order == Order::kEager; }

// Kernels, by the addresses that stand for them.
extern const char kLog;      // (int): notes the number
extern const char kAdd;      // (int* at, int value), at most 256 threads
extern const char kShared;   // (): 40000 bytes of shared memory
extern const char kMissing;  // nothing is known about it
extern const char kFault;    // (FaultKind)
extern const char kSleep;    // (int milliseconds)

std::vector<int>& logged();

cudaError_t launch(const void* kernel, cudaStream_t stream, std::vector<void*> arguments, unsigned threads = 1,
                   unsigned blocks = 1, size_t shared = 0);
cudaError_t log(int number, cudaStream_t stream);
cudaError_t add(int* at, int value, cudaStream_t stream);

// What the device has there, read behind the runtime's back.
inline int peek(const int* at) { return *static_cast<const volatile int*>(at); }

class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  // Of the current device; gone with the test.
  cudaStream_t stream(unsigned flags = cudaStreamNonBlocking);
  cudaEvent_t event(unsigned flags = cudaEventDisableTiming);
  int* ints(size_t count = 1);  // device memory, zeros
  int* pinned(size_t count = 1);

 private:
  std::vector<cudaStream_t> streams_;
  std::vector<cudaEvent_t> events_;
  std::vector<void*> memory_, pinned_;
};

// Holds a stream until it is opened.
class Gate {
 public:
  explicit Gate(cudaStream_t stream) {
    EXPECT_OK(cudaLaunchHostFunc(
        stream,
        [](void* gate) {
          auto& self = *static_cast<Gate*>(gate);
          while (!self.open_) std::this_thread::sleep_for(std::chrono::microseconds(100));
          self.passed_ = true;
        },
        this));
  }
  ~Gate() {
    open();
    EXPECT_OK(cudaDeviceSynchronize());
  }
  void open() { open_ = true; }
  bool passed() const { return passed_; }

 private:
  std::atomic<bool> open_ = false, passed_ = false;
};

}  // namespace emulator::test
