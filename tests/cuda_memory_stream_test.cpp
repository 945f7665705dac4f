// Memory that several streams work with, and pinned memory, which copies read and write late.
#include <vector>

#include <ember/autograd/functions.h>
#include <ember/core/tensor.h>

#include "cuda_test.h"

namespace ember::test {
namespace {

class CudaMemoryStream : public CudaTest {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    cuda::synchronize();
    cuda::empty_cache();
  }
};

constexpr int64_t kCount = 4 << 20;

// What the allocator says of an address.
MemoryBlock::State state_at(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const MemorySegment& segment : cuda::take_memory_snapshot().segments) {
    for (const MemoryBlock& block : segment.blocks) {
      if (at >= block.address && at - block.address < block.size) return block.state;
    }
  }
  ADD_FAILURE() << "no memory is there";
  return MemoryBlock::State::Live;
}

// x is made on one stream and read late on another; memory for z is asked for in between, on the first.
struct Race {
  explicit Race(bool guarded) {
    const Stream mine = side(), slow = side();
    Tensor x;
    {
      const StreamGuard guard(mine);
      x = full({kCount}, 1.0, kCUDA);
      if (guarded) full({kCount}, 0.0, kCUDA);  // in the cache, for z, which cannot have x's place
    }
    {
      const StreamGuard guard(slow);
      y = zeros({kCount}, kCUDA);
    }
    cuda::synchronize();
    Gate gate(slow);
    {
      const StreamGuard guard(slow);
      y.copy_(x);
    }
    if (guarded) x.record_stream(slow);
    const void* const place = x.data_ptr();
    x = Tensor();
    waits = state_at(place) == MemoryBlock::State::Waiting;
    {
      const StreamGuard guard(mine);
      const Tensor z = full({kCount}, 2.0, kCUDA);
      reused = z.data_ptr() == place;
      waits = waits && state_at(place) == MemoryBlock::State::Waiting;
      mine.synchronize();
    }
    early = gate.held();
    gate.open();
    cuda::synchronize();
  }
  Tensor y;
  bool waits = false;  // what was x's
  bool reused = false;
  bool early = false;  // z was written before x was read
};

TEST_F(CudaMemoryStream, RecordStreamKeepsMemory) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const Race race(true);
  EXPECT_TRUE(race.early) << "z has waited";
  EXPECT_TRUE(race.waits);
  EXPECT_FALSE(race.reused);
  EXPECT_TRUE(all_are(race.y, 1));
}

// Without the guard the memory is used again, and what is read is wrong: the test above tests something.
TEST_F(CudaMemoryStream, WithoutRecordStreamItIsReused) {
  EMBER_SKIP_WHERE_A_TOOL_HOLDS_KERNELS();
  const Race race(false);
  EXPECT_FALSE(race.waits);
  EXPECT_TRUE(race.early && race.reused);
  EXPECT_TRUE(all_are(race.y, 2));
}

TEST_F(CudaMemoryStream, RecordStreamFreesAfterTheWork) {
  const Stream mine = stream_from_pool(kCUDA), other = stream_from_pool(kCUDA);
  const StreamGuard guard(mine);
  Tensor x = ones({kCount}, kCUDA);
  const void* const place = x.data_ptr();
  x.record_stream(other);
  x = Tensor();
  cuda::synchronize();
  x = ones({kCount}, kCUDA);
  EXPECT_EQ(x.data_ptr(), place);
  EXPECT_THROW(ones({2}).record_stream(mine), Error);
}

// ---- pinned memory ----

TEST_F(CudaMemoryStream, PinMemory) {
  const Tensor x = arange(1000, kFloat32).reshape({10, 100});
  EXPECT_FALSE(x.is_pinned());
  const Tensor p = x.pin_memory();
  EXPECT_TRUE(p.is_pinned() && p.is_cpu());
  EXPECT_TRUE(p[3].is_pinned()) << "a view";
  EXPECT_TRUE(p.equal(x));
  EXPECT_EQ(p.pin_memory().data_ptr(), p.data_ptr());
  EXPECT_EQ(x.t().pin_memory().strides(), x.t().strides());
  EXPECT_TRUE(same(p.cuda().cpu(), x));
  EXPECT_THROW(x.cuda().pin_memory(), Error);
  EXPECT_FALSE(x.cuda().is_pinned());
  EXPECT_FALSE(empty({0}).pin_memory().is_pinned());
  EXPECT_GE(cuda::pinned_memory_stats().live, 4096u);

  const Tensor leaf = ones({3}).requires_grad_();
  (leaf.pin_memory() * 2).sum().backward();
  EXPECT_TRUE(leaf.grad().equal(full({3}, 2.0)));
}

TEST_F(CudaMemoryStream, PinnedOption) {
  const TensorOptions pinned = TensorOptions().pinned_memory(true);
  for (const Tensor& t : {empty({5}, pinned), zeros({5}, pinned), ones({5}, pinned), full({5}, 3.0, pinned),
                          rand({5}, pinned), arange(5, pinned), randperm(5, pinned.dtype(kInt64)), eye(3, pinned),
                          tensor({1.0, 2.0}, pinned), empty_like(ones({4}), pinned)}) {
    EXPECT_TRUE(t.is_pinned()) << t.sizes();
  }
  EXPECT_FALSE(ones({5}).is_pinned());
  EXPECT_THROW(ones({5}, pinned.device(Device(kCUDA))), Error);
}

TEST_F(CudaMemoryStream, PinnedCopyOverlaps) {
  const Stream slow = side();
  const StreamGuard guard(slow);
  Tensor source = full({kCount}, 5.0).pin_memory();
  { const Tensor spare = empty({kCount}, TensorOptions().pinned_memory(true)); }  // making memory may wait for work
  const void* const place = source.data_ptr();
  const Tensor on_device = zeros({kCount}, kCUDA);
  Event done{Device(kCUDA)};
  slow.synchronize();
  Gate gate(slow);
  on_device.copy_(source, /*non_blocking=*/true);
  done.record(slow);
  EXPECT_FALSE(done.query()) << "the copy did not wait for the stream";
  // The block is freed while the copy is queued: it is not used again before that has run.
  source = Tensor();
  Tensor next = full({kCount}, 6.0).pin_memory();
  EXPECT_NE(next.data_ptr(), place);
  EXPECT_FALSE(done.query());
  EXPECT_TRUE(gate.held());
  gate.open();
  done.synchronize();
  EXPECT_TRUE(all_are(on_device, 5));
  next = Tensor();
  bool reused = false;
  std::vector<Tensor> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(empty({kCount}, TensorOptions().pinned_memory(true)));
    reused |= held.back().data_ptr() == place;
  }
  EXPECT_TRUE(reused);
}

TEST_F(CudaMemoryStream, CopyToTheHostOverlaps) {
  const Stream slow = side();
  const StreamGuard guard(slow);
  const Tensor x = full({kCount}, 7.0, kCUDA);
  { const Tensor warm = x.to(kCPU, /*non_blocking=*/true); }  // makes the pinned block
  slow.synchronize();
  Gate gate(slow);
  Event done{Device(kCUDA)};
  const Tensor y = x.to(kCPU, /*non_blocking=*/true);
  done.record(slow);
  EXPECT_FALSE(done.query());
  EXPECT_TRUE(y.is_pinned());
  EXPECT_TRUE(gate.held());
  gate.open();
  done.synchronize();
  EXPECT_TRUE(all_are(y, 7));
}

// Both ways; what is pinned could be copied later.
TEST_F(CudaMemoryStream, BlockingCopiesOfPinnedMemoryAreComplete) {
  const Stream slow = side();
  const StreamGuard guard(slow);
  const Tensor source = full({kCount}, 5.0).pin_memory(), back = full({kCount}, 0.0).pin_memory();
  const Tensor on_device = zeros({kCount}, kCUDA);
  slow.synchronize();
  delay(slow);
  on_device.copy_(source);
  source.fill_(6);
  delay(slow);
  back.copy_(on_device);
  EXPECT_TRUE(all_are(back, 5));
}

TEST_F(CudaMemoryStream, NonBlockingFromPageableMemory) {
  const Stream slow = side();
  const StreamGuard guard(slow);
  const Tensor source = full({kCount}, 5.0);
  delay(slow);
  const Tensor copy = source.to(kCUDA, /*non_blocking=*/true);
  source.fill_(6);
  EXPECT_TRUE(all_are(copy, 5));
  const Tensor back = zeros({kCount});
  delay(slow);
  back.copy_(copy, /*non_blocking=*/true);
  EXPECT_TRUE(all_are(back, 5));
}

}  // namespace
}  // namespace ember::test
