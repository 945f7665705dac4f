// What a kernel does wrong, with EMBER_CUDA_BLOCKING and without: where it is reported, and that the process ends in
// order. Each case is a process of its own, since the variable is read once and a lost context does not come back.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <ember/ember.h>

#include "cuda_test.h"

namespace ember::test {
namespace {

// A variable of the environment for the scope, for the processes that are started in it; null: without it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value != nullptr) {
      setenv(name_, value, 1);
    } else {
      unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> old_;
};

// Runs something and prints, behind a mark, what it throws.
template <class F>
void say(const char* mark, F f) {
  try {
    f();
    std::fprintf(stderr, "%s: fine. ", mark);
  } catch (const std::exception& e) {
    const auto* const error = dynamic_cast<const Error*>(&e);
    std::fprintf(stderr, "%s: %s. ", mark, error != nullptr ? error->what_without_backtrace() : e.what());
  }
}

// The names end so for GoogleTest, which runs them first.
class CudaFaultDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    EMBER_SKIP_WITHOUT(kCUDA);
    testing::GTEST_FLAG(death_test_style) = "threadsafe";  // a new process, not a copy of this one
  }
};

// EMBER_CUDA_BLOCKING. A fault of one client of NVIDIA's MPS ends all of them, so that these are none.
struct Blocking {
  explicit Blocking(const char* value) : blocking("EMBER_CUDA_BLOCKING", value) {}
  const Variable blocking;
  const Variable without_mps{"CUDA_MPS_PIPE_DIRECTORY", "/nonexistent"};
};

void index_out_of_range() {
  const Tensor x = arange(10, TensorOptions(kCUDA)), bad = tensor({3, 17}).to(kCUDA);
  Tensor y;
  say("call", [&] { y = x.index_select(0, bad); });
  say("wait", [] { cuda::synchronize(); });
  say("then", [&] { std::fprintf(stderr, "%g ", x.sum().item<double>()); });
  std::exit(0);
}

// Reads where there is no memory: the context is lost, and everything after it fails too.
void address_out_of_range() {
  {
    const Tensor x = ones({4}, kCUDA).requires_grad_(), used = ones({4}, kCUDA);
    const Tensor nowhere = from_blob(reinterpret_cast<void*>(0x10000), {4}, TensorOptions(kCUDA));
    used.record_stream(stream_from_pool(kCUDA));
    cuda::synchronize();
    Tensor y;
    say("call", [&] { y = nowhere * 2; });
    say("wait", [] { cuda::synchronize(); });
    say("then", [&] { (void)(x * 2); });
  }
  std::exit(0);  // with memory that CUDA no longer knows
}

void capture() {
  const Tensor x = arange(10, TensorOptions(kCUDA)), index = tensor({3, 5}).to(kCUDA);
  Tensor y;
  cuda::CUDAGraph graph;
  const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
  say("eager", [&] { y = x.index_select(0, index) + 1; });
  say("capture", [&] {
    graph.capture_begin();
    y = x.index_select(0, index) + 1;
    graph.capture_end();
  });
  say("replay", [&] { graph.replay(); });
  say("values", [&] { std::fprintf(stderr, "%g ", y.sum().item<double>()); });
  index.fill_(17);
  say("bad", [&] { graph.replay(); });
  std::exit(0);
}

TEST_F(CudaFaultDeathTest, BlockingReportsAnIndexWhereItIsUsed) {
  const Blocking blocking("1");
  EXPECT_EXIT(
      index_out_of_range(), testing::ExitedWithCode(0),
      "call: .*index_select on cuda:.: index 17 is out of range for a dimension of size 10.*wait: fine.*45 then: "
      "fine");
}

TEST_F(CudaFaultDeathTest, WithoutItTheNextWaitDoes) {
  for (const char* const value : {static_cast<const char*>(nullptr), "0", ""}) {
    const Blocking blocking(value);
    EXPECT_EXIT(index_out_of_range(), testing::ExitedWithCode(0),
                "call: fine.*wait: index_select on cuda:.: index 17 is out of range.*EMBER_CUDA_BLOCKING=1.*"
                "45 then: fine");
  }
}

TEST_F(CudaFaultDeathTest, BlockingReportsAnAddressWhereItIsUsed) {
  const Blocking blocking("1");
  EXPECT_EXIT(address_out_of_range(), testing::ExitedWithCode(0),
              "call: mul: the launch of an elementwise kernel failed: cudaErrorIllegalAddress: [a-z ]*[.] wait: "
              ".*failed.*then: .*failed");
}

TEST_F(CudaFaultDeathTest, WithoutItTheNextWaitReportsAnAddress) {
  const Blocking blocking(nullptr);
  EXPECT_EXIT(address_out_of_range(), testing::ExitedWithCode(0),
              "call: fine.*wait: .*failed: cudaErrorIllegalAddress.*EMBER_CUDA_BLOCKING=1.*then: .*failed");
}

// Nothing runs during a capture, so nothing is waited for.
TEST_F(CudaFaultDeathTest, BlockingWaitsForReplaysAndNotForCaptures) {
  const Blocking blocking("1");
  EXPECT_EXIT(capture(), testing::ExitedWithCode(0),
              "eager: fine.*capture: fine.*replay: fine.*10 values: fine.*bad: .*index 17 is out of range");
}

}  // namespace
}  // namespace ember::test
