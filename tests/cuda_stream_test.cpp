// Streams on a device: what has to wait for what, shown with streams that are kept busy. Each of these fails if the
// wait is left out.
#include <gtest/gtest.h>

#include <thread>

#include <ember/ember.h>

#include "op_harness.h"
#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

constexpr int64_t kSlow = 30000;  // microseconds

class CudaStreamTest : public testing::Test {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(kCUDA); }
  void TearDown() override {
    if (cuda::is_available()) cuda::synchronize();
  }
  static void delay(Stream stream) { backend(kCUDA).delay(stream, kSlow); }
  static Stream side() { return stream_from_pool(kCUDA); }
};

TEST_F(CudaStreamTest, PoolAndPriorities) {
  const Stream first = side();
  EXPECT_NE(first.handle, 0u);
  EXPECT_NE(first, stream_from_pool(kCUDA, true));
  std::vector<Stream> seen{first};
  while (true) {  // in turn: the first comes again after a round of them
    const Stream next = side();
    if (next == first) break;
    for (const Stream& s : seen) EXPECT_NE(s, next);
    seen.push_back(next);
    ASSERT_LE(seen.size(), 32u);
  }
  EXPECT_EQ(seen.size(), 32u);
}

TEST_F(CudaStreamTest, CurrentStreamIsOfTheThread) {
  const Stream s = side();
  const StreamGuard guard(s);
  EXPECT_EQ(current_stream(kCUDA), s);
  std::thread([&] { EXPECT_EQ(current_stream(kCUDA).handle, 0u); }).join();
}

TEST_F(CudaStreamTest, WorkIsOrderedByItsStream) {
  const Tensor x = zeros({1000}, kCUDA);
  cuda::synchronize();
  const Stream s = side();
  delay(s);
  {
    const StreamGuard guard(s);
    x.fill_(1);
    EXPECT_EQ(x.sum().item<float>(), 1000);  // item() waits for this stream
  }
}

TEST_F(CudaStreamTest, EventsOrderStreams) {
  const Tensor x = zeros({1000}, kCUDA);
  cuda::synchronize();
  const Stream a = side(), b = side();
  delay(a);
  Event written(kCUDA);
  {
    const StreamGuard guard(a);
    x.fill_(1);
    written.record();
  }
  EXPECT_FALSE(written.query());
  const StreamGuard guard(b);
  EXPECT_EQ(x.sum().item<float>(), 0) << "the stream was not slow enough to show anything";
  written.wait(b);
  EXPECT_EQ(x.sum().item<float>(), 1000);
  EXPECT_TRUE(written.query());
}

TEST_F(CudaStreamTest, EventsMeasureTime) {
  const Stream s = side();
  Event begin(kCUDA, true), end(kCUDA, true);
  begin.record(s);
  delay(s);
  end.record(s);
  end.synchronize();
  EXPECT_GE(begin.elapsed_time(end), 0.9f * kSlow / 1000);
}

// A node runs on the stream of its forward; the gradient of a leaf is ready on the caller's stream.
TEST_F(CudaStreamTest, BackwardOnTheStreamOfItsForward) {
  Tensor x = ones({1000}, TensorOptions(kCUDA).requires_grad(true));
  const Stream s = side();
  Tensor y;
  {
    const StreamGuard guard(s);
    y = x * 3;
    EXPECT_EQ(y.grad_fn()->stream(), s);
  }
  cuda::synchronize();
  delay(s);  // in front of the backward of `y`
  y.backward(ones({1000}, kCUDA));
  EXPECT_TRUE((x.grad() == 3).all().item<bool>());  // on the default stream
}

TEST_F(CudaStreamTest, BackwardWaitsForItsGradient) {
  Tensor x = ones({1000}, TensorOptions(kCUDA).requires_grad(true));
  const Stream s = side();
  const Tensor y = x * 3;
  const Tensor gradient = zeros({1000}, kCUDA);
  cuda::synchronize();
  const StreamGuard guard(s);
  delay(s);
  gradient.fill_(2);
  y.backward(gradient);  // the node runs on the default stream
  EXPECT_TRUE((x.grad() == 6).all().item<bool>());
}

TEST_F(CudaStreamTest, TwoBranchesMeet) {
  Tensor x = ones({1000}, TensorOptions(kCUDA).requires_grad(true));
  const Stream a = side(), b = side();
  Tensor left, right;
  {
    const StreamGuard guard(a);
    left = x * 2;
  }
  {
    const StreamGuard guard(b);
    right = x * 5;
  }
  cuda::synchronize();
  const Tensor sum = left + right;
  cuda::synchronize();
  delay(a);
  delay(b);
  sum.sum().backward();
  EXPECT_TRUE((x.grad() == 7).all().item<bool>());
  delay(a);
  (left * 1).sum().backward();  // accumulated on the caller's stream, after what `a` does
  EXPECT_TRUE((x.grad() == 9).all().item<bool>());
}

// Memory that a side stream still reads is not given to others.
TEST_F(CudaStreamTest, RecordStreamKeepsMemory) {
  for (const bool recorded : {true, false}) {
    const Stream s = side();
    Tensor source = full({1 << 20}, 1.0, kCUDA);
    const void* const where = source.data_ptr();
    Tensor copy;
    cuda::synchronize();
    {
      const StreamGuard guard(s);
      copy = empty({1 << 20}, kCUDA);
      delay(s);
      copy.copy_(source);
    }
    if (recorded) source.record_stream(s);
    source.reset();
    const Tensor other = full({1 << 20}, -1.0, kCUDA);  // on the default stream, now
    EXPECT_EQ(other.data_ptr() == where, !recorded);
    cuda::synchronize();
    EXPECT_EQ(copy.max().item<float>(), recorded ? 1 : -1);
  }
}

TEST_F(CudaStreamTest, ManyThreadsManyStreams) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t, &wrong] {
      const StreamGuard guard(stream_from_pool(kCUDA));
      for (int i = 0; i < 50; ++i) {
        Tensor x = full({1000 + 37 * t}, static_cast<double>(t), TensorOptions(kCUDA).requires_grad(true));
        (x * x).sum().backward();
        if (!(x.grad() == 2 * t).all().item<bool>()) ++wrong;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CudaStreamTest, BadIndexIsReportedAndTheDeviceGoesOn) {
  const Tensor x = arange(10, TensorOptions(kCUDA)), bad = tensor({3, 17, 5}).to(kCUDA);
  const Tensor y = x.index_select(0, bad);
  EXPECT_ERROR(cuda::synchronize(), "index_select on cuda:0: index 17 is out of range for a dimension of size 10");
  EXPECT_VALUES(x.cpu(), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_ERROR(x.gather(0, tensor({-1}).to(kCUDA)).cpu(), "index -1 is out of range");
  EXPECT_ERROR(x.index({tensor({10}).to(kCUDA)}).cpu(), "index 10 is out of range");
  EXPECT_ERROR(nn::functional::cross_entropy(randn({2, 3}, kCUDA), tensor({0, 3}).to(kCUDA)).item(),
               "cross_entropy on cuda:0: index 3");
  EXPECT_VALUES(x.index_select(0, tensor({3, 5}).to(kCUDA)).cpu(), {3, 5});
}

}  // namespace
