// What tests of a CUDA device share: skipping where there is none, streams that are slow, and streams that stand still.
#pragma once

#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>

#include <ember/core/backend.h>
#include <ember/core/stream.h>

#include "op_harness.h"
#include "values.h"

struct CUstream_st;

namespace ember::test {

class CudaTest : public testing::Test {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(kCUDA); }
  void TearDown() override {
    if (cuda::is_available()) cuda::synchronize();
  }
};

// Whether the devices are simulated (simulated_cuda.h), which some things are not.
bool is_simulated();
#define EMBER_SKIP_WHERE_SIMULATED() \
  if (::ember::test::is_simulated()) GTEST_SKIP() << "only CUDA does this"

inline constexpr int64_t kSlow = 100000;  // microseconds

// What is queued on the stream from now on begins late. A kernel that has not been loaded yet may wait for that too, so
// a test that wants to see one run in between has run it before.
inline void delay(Stream stream) { backend(kCUDA).delay(stream, kSlow); }
inline Stream side() { return stream_from_pool(kCUDA); }

// Every element, as the current stream sees it.
inline testing::AssertionResult all_are(const Tensor& t, double value) {
  if (!t.defined()) return testing::AssertionFailure() << "the tensor is undefined";
  const std::vector<double> got = values(t.detach().cpu());
  size_t wrong = 0;
  for (const double v : got) wrong += v != value;
  if (wrong == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << wrong << " of " << got.size() << " elements are not " << value
                                     << "; the first is " << got.front() << ", the last " << got.back();
}

// Holds a stream: what is queued on it later waits until open(), though not for ever. The host can then look at what
// other streams do meanwhile. Memory and kernels should have been used before: the driver may wait for the stream when
// it makes some.
class Gate {
 public:
  explicit Gate(Stream stream);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  void open();
  // False if the stream could go on before open().
  bool held() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Whether a kernel runs while another stream is held, as streams are there for.
inline bool streams_overlap() {
  static const bool overlap = [] {
    const Stream held = side(), free = side();
    bool ran = false;
    for (const bool hold : {false, true}) {  // first for the kernel to be loaded
      Gate gate(held);
      if (!hold) gate.open();
      const StreamGuard guard(free);
      full({1000}, 1.0, kCUDA);
      free.synchronize();
      ran = gate.held();
    }
    cuda::synchronize();
    return ran;
  }();
  return overlap;
}
// What shows by what runs meanwhile cannot be seen under a tool (EMBER_TEST_TOOL, which tests/gpu.sh sets) that lets
// one stream wait for another, as it looked under compute-sanitizer. Without a tool such a test fails.
#define EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS() \
  if (std::getenv("EMBER_TEST_TOOL") != nullptr && !::ember::test::streams_overlap()) \
  GTEST_SKIP() << std::getenv("EMBER_TEST_TOOL") << " lets a kernel wait for another stream"

// A stream of the current device that Ember did not make. A blocking one and the default stream wait for each other.
class ForeignStream {
 public:
  explicit ForeignStream(bool blocking = false);
  ~ForeignStream();
  ForeignStream(const ForeignStream&) = delete;
  ForeignStream& operator=(const ForeignStream&) = delete;
  CUstream_st* get() const { return stream_; }

 private:
  CUstream_st* stream_ = nullptr;
};

}  // namespace ember::test
