// Streams, events and guards on a device. Where one thing has to wait for another, streams stand still or are slow, so
// that it fails if the wait is left out.
#include <atomic>
#include <barrier>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <ember/ember.h>

#include "cuda_test.h"

namespace ember::test {
namespace {

class CudaStreamTest : public CudaTest {};

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

// ---- guards ----

TEST_F(CudaStreamTest, GuardsRestoreWhatWasCurrent) {
  const Stream before = current_stream(kCUDA), a = side(), b = side();
  const Device device(kCUDA, backend(kCUDA).current_device());
  {
    const StreamGuard outer(a);
    EXPECT_EQ(current_stream(kCUDA), a);
    {
      const StreamGuard inner(b);
      EXPECT_EQ(current_stream(kCUDA), b);
      const StreamGuard without_index(Stream{Device(kCUDA), 0});
      EXPECT_EQ(current_stream(kCUDA), (Stream{device, 0}));
    }
    EXPECT_EQ(current_stream(kCUDA), a);
    EXPECT_THROW(
        {
          const StreamGuard inner(b);
          throw std::runtime_error("stop");
        },
        std::runtime_error);
    EXPECT_EQ(current_stream(kCUDA), a);
    cuda::CUDAStreamGuard changed{Stream(b)};
    changed.reset_stream(before);
    EXPECT_EQ(current_stream(kCUDA), before);
    EXPECT_EQ(changed.original_stream().unwrap(), a);
    EXPECT_EQ(changed.current_stream().unwrap(), before);
  }
  EXPECT_EQ(current_stream(kCUDA), before);
  set_current_stream(a);
  EXPECT_EQ(cuda::getCurrentCUDAStream().unwrap(), a);
  set_current_stream(before);
  EXPECT_EQ(Device(kCUDA, backend(kCUDA).current_device()), device);
}

TEST_F(CudaStreamTest, CurrentStreamIsOfTheThread) {
  const Stream s = side();
  const StreamGuard guard(s);
  EXPECT_EQ(current_stream(kCUDA), s);
  std::thread([&] { EXPECT_EQ(current_stream(kCUDA).handle, 0u); }).join();
  // One that a thread has left current goes with it.
  std::thread([&] { set_current_stream(side()); }).join();
  std::thread([&] { EXPECT_EQ(current_stream(kCUDA).handle, 0u); }).join();
  EXPECT_EQ(current_stream(kCUDA), s);
}

// All threads are inside of their guards at once, and leave them in turns.
TEST_F(CudaStreamTest, GuardsOfThreadsDoNotMeet) {
  constexpr int kThreads = 6;
  std::atomic<int> wrong{0};
  std::barrier together(kThreads);
  const auto expect = [&wrong](Stream stream) {
    if (current_stream(kCUDA) != stream) ++wrong;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const Stream before = current_stream(kCUDA), outer = side(), inner = side();
      const StreamGuard guard(outer);
      for (int round = 0; round < 20; ++round) {
        together.arrive_and_wait();
        expect(outer);
        {
          const StreamGuard nested(inner);
          together.arrive_and_wait();
          expect(inner);
          const Tensor x = full({100 + t}, static_cast<double>(round), kCUDA);
          if (!all_are(x + t, round + t)) ++wrong;
          if (t % 2 == 0) together.arrive_and_wait();
        }
        expect(outer);
        if (t % 2 != 0) together.arrive_and_wait();
      }
      set_current_stream(before);
      expect(before);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

// ---- order ----

TEST_F(CudaStreamTest, WorkIsOrderedByItsStream) {
  const Tensor x = zeros({1000}, kCUDA);
  cuda::synchronize();
  const Stream s = side();
  delay(s);
  const StreamGuard guard(s);
  x.fill_(1);
  EXPECT_EQ(x.sum().item<float>(), 1000);  // item() waits for this stream
}

TEST_F(CudaStreamTest, EventsOrderStreams) {
  const Stream a = side(), b = side();
  const Tensor x = ones({1000}, kCUDA);
  Event written(kCUDA);
  for (const bool slow : {false, true}) {  // first for the kernels to be loaded
    x.fill_(0);
    cuda::synchronize();
    {
      Gate gate(a);
      if (!slow) gate.open();
      {
        const StreamGuard guard(a);
        x.fill_(1);
        written.record();
      }
      if (slow) {
        EXPECT_FALSE(written.query());
        const StreamGuard guard(b);
        EXPECT_TRUE(all_are(x, 0)) << "b has waited for a";
        ASSERT_TRUE(gate.held());
      }
      written.wait(b);
    }
    const StreamGuard guard(b);
    EXPECT_TRUE(all_are(x, 1));
    EXPECT_TRUE(written.query());
  }
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

TEST_F(CudaStreamTest, QueriesDoNotWait) {
  const cuda::CUDAStream s(side());
  cuda::CUDAEvent event;
  event.record(s);
  s.synchronize();
  EXPECT_TRUE(s.query() && event.query());
  Gate gate(s);
  event.record(s);
  EXPECT_FALSE(s.query());
  EXPECT_FALSE(event.query());
  EXPECT_TRUE(gate.held());
  gate.open();
  event.synchronize();
  EXPECT_TRUE(event.query());
}

// ---- memory ----

// What a stream has freed is not another's, which would not wait for its work.
TEST_F(CudaStreamTest, MemoryIsOfItsStream) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const Stream a = side(), b = side();
  const void* where = nullptr;
  for (const bool held : {false, true}) {
    Tensor copy, other;
    {
      const StreamGuard guard(a);
      Tensor x = full({1000}, 1.0, kCUDA);
      copy = empty({1000}, kCUDA);
      a.synchronize();
      where = x.data_ptr();
      Gate gate(a);
      if (!held) gate.open();
      copy.copy_(x);
      x = Tensor();
      const StreamGuard on_b(b);
      other = full({1000}, -1.0, kCUDA);
      b.synchronize();
      EXPECT_EQ(gate.held(), held);
    }
    EXPECT_NE(other.data_ptr(), where);
    const StreamGuard guard(a);
    EXPECT_TRUE(all_are(copy, 1));
    const Tensor again = empty({1000}, kCUDA);
    EXPECT_EQ(again.data_ptr(), where) << "its own stream has it at once";
  }
}

TEST_F(CudaStreamTest, ManyThreadsManyStreams) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t, &wrong] {
      const StreamGuard guard(side());
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

// ---- faults ----

TEST_F(CudaStreamTest, BadIndexIsReportedAndTheDeviceGoesOn) {
  EMBER_SKIP_WHERE_SIMULATED();
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

// Each way to wait for the device says what it has found.
TEST_F(CudaStreamTest, EveryWaitReportsABadIndex) {
  EMBER_SKIP_WHERE_SIMULATED();
  const Tensor x = arange(10, TensorOptions(kCUDA)), bad = tensor({17}).to(kCUDA);
  const Stream s = current_stream(kCUDA);
  Event event(kCUDA);
  const std::function<void()> waits[] = {[] { cuda::synchronize(); }, [&] { s.synchronize(); },
                                         [&] { event.synchronize(); }, [&] { (void)x.cpu(); },
                                         [&] { (void)x[0].item(); }};
  for (const auto& wait : waits) {
    (void)x.index_select(0, bad);
    event.record();
    EXPECT_ERROR(wait(), "index 17");
    wait();  // once
  }
}

}  // namespace
}  // namespace ember::test
