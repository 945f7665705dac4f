// The caching allocator of CUDA over a device that only counts: no GPU is needed.
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <ember/cuda/allocator.h>

#include "fake_memory_driver.h"

namespace ember {
namespace {

using cuda::Block;
using cuda::DeviceAllocator;
using cuda::PrivatePool;
using cuda::StreamHandle;
using test::fake_stream;
using test::FakeDevice;
using test::FakeMemoryDriver;

constexpr size_t kMiB = size_t{1} << 20;

struct Rig {
  explicit Rig(size_t granularity = 2 * kMiB, size_t total = 1024 * kMiB) {
    device.granularity = granularity;
    device.total = total;
    allocator = std::make_unique<DeviceAllocator>(0, std::make_unique<FakeMemoryDriver>(device));
  }
  Block* operator()(size_t nbytes, uintptr_t stream = 1) const {
    return allocator->allocate(nbytes, fake_stream(stream));
  }
  void free(Block* block) const { allocator->free(block); }
  // The allocator's figures are those of the device.
  void expect_live(size_t live) const {
    const MemoryStats stats = allocator->stats();
    EXPECT_EQ(stats.live, live);
    EXPECT_EQ(stats.live + stats.cached, device.used);
  }

  FakeDevice device;
  std::unique_ptr<DeviceAllocator> allocator;
};

class CudaAllocator : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Host, CudaAllocator, ::testing::Values(0, 2 * kMiB),
                         [](const auto& info) { return info.param == 0 ? "malloc" : "expandable"; });

TEST_P(CudaAllocator, ReusesInStreamOrder) {
  Rig rig(GetParam());
  for (const size_t nbytes : {size_t{1}, size_t{5000}, kMiB, 3 * kMiB, 70 * kMiB}) {
    Block* const first = rig(nbytes);
    char* const data = first->data;
    EXPECT_GE(first->size, nbytes);
    rig.free(first);
    Block* const other = rig(nbytes, 2);
    EXPECT_NE(other->data, data) << "another stream's memory";
    Block* const again = rig(nbytes);
    EXPECT_EQ(again->data, data);
    rig.free(again);
    rig.free(other);
  }
  rig.expect_live(0);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
}

TEST_P(CudaAllocator, WaitsForOtherStreams) {
  Rig rig(GetParam());
  for (const size_t nbytes : {size_t{5000}, 3 * kMiB}) {
    Block* const block = rig(nbytes);
    char* const data = block->data;
    rig.device.work(fake_stream(2));
    rig.device.work(fake_stream(3));
    rig.allocator->record_stream(block, fake_stream(2));
    rig.allocator->record_stream(block, fake_stream(3));
    rig.allocator->record_stream(block, fake_stream(3));
    rig.allocator->record_stream(block, fake_stream(1));  // its own
    rig.free(block);
    const auto reused = [&] {
      Block* const b = rig(nbytes);
      const bool same = b->data == data;
      rig.free(b);
      return same;
    };
    EXPECT_FALSE(reused());
    rig.device.finish(fake_stream(2));
    EXPECT_FALSE(reused()) << "one of two has passed";
    rig.device.finish(fake_stream(3));
    rig.free(rig(512, 9));  // events are asked before a block is taken
    EXPECT_TRUE(reused());
    rig.expect_live(0);
  }
  EXPECT_TRUE(rig.device.events.empty());
}

TEST_P(CudaAllocator, ExhaustionFreesTheCacheThenThrows) {
  Rig rig(GetParam(), 100 * kMiB);
  rig.free(rig(60 * kMiB, 1));
  Block* const waiting = rig(5 * kMiB, 3);
  rig.device.work(fake_stream(4));
  rig.allocator->record_stream(waiting, fake_stream(4));
  rig.free(waiting);
  Block* const large = rig(90 * kMiB, 2);  // needs the other streams' memory
  rig.expect_live(90 * kMiB);
  try {
    rig(30 * kMiB);
    ADD_FAILURE();
  } catch (const OutOfMemoryError& e) {
    // Of the last granule 10 MiB are left.
    EXPECT_EQ(e.msg(), std::string("out of memory on cuda:0: asked for 30.0 MiB; 90.0 MiB are held by tensors, ") +
                           (GetParam() == 0 ? "0.0 MiB are cached, 90.0 MiB are reserved in all; 10.0 MiB"
                                            : "10.0 MiB are cached, 100.0 MiB are reserved in all; 0.0 MiB") +
                           " of the device's 100.0 MiB are free; no limit is set");
  }
  rig.expect_live(90 * kMiB);
  EXPECT_EQ(rig(10 * kMiB, 2)->size, 10 * kMiB) << "smaller than what is asked for first";
  EXPECT_THROW(rig(SIZE_MAX), OutOfMemoryError);
  rig.free(large);
  rig.free(rig(80 * kMiB));
}

// ---- graphs ----

TEST_P(CudaAllocator, GraphKeepsItsMemory) {
  Rig rig(GetParam());
  Block* const before = rig(3 * kMiB);
  rig.free(before);
  PrivatePool* const pool = rig.allocator->make_private_pool();
  rig.allocator->begin_private(pool, fake_stream(1));
  rig.allocator->begin_private(pool, fake_stream(2));
  rig.device.forbid = true;
  Block* const a = rig(3 * kMiB, 1);
  Block* const b = rig(1000, 2);
  Block* const side = rig(2 * kMiB, 1);
  char* const a_data = a->data;
  EXPECT_NE(a_data, before->data) << "the general cache's";
  rig.allocator->record_stream(side, fake_stream(2));
  char* const side_data = side->data;
  rig.free(side);
  Block* const other = rig(2 * kMiB, 1);
  EXPECT_NE(other->data, side_data) << "kept until the capture ends";
  rig.free(other);
  rig.free(a);
  Block* const c = rig(3 * kMiB, 1);
  EXPECT_EQ(c->data, a_data) << "reused within the capture";
  rig.free(c);
  Block* const outside = rig(3 * kMiB, 5);
  EXPECT_EQ(outside->pool->graph, nullptr);
  rig.free(outside);
  rig.device.forbid = false;
  rig.allocator->end_private(pool);

  // Outside of the capture the graph's memory is not handed out, nor given back.
  Block* const general = rig(3 * kMiB, 1);
  EXPECT_EQ(general->pool->graph, nullptr);
  rig.free(general);
  rig.allocator->empty_cache();
  EXPECT_GE(rig.device.used, 4 * kMiB);
  // Another capture of the pool may use it.
  rig.allocator->begin_private(pool, fake_stream(1));
  Block* const d = rig(3 * kMiB, 1);
  EXPECT_EQ(d->pool->graph, pool);
  rig.allocator->end_private(pool);

  rig.allocator->release_private(pool);
  rig.expect_live(d->size + b->size);
  rig.free(d);
  rig.expect_live(b->size);
  rig.free(b);
  rig.expect_live(0);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
  EXPECT_LE(rig.device.ranges.size(), GetParam() == 0 ? 0u : 2u) << "those of the streams 1 and 5";
}

TEST_P(CudaAllocator, CaptureOutOfMemory) {
  Rig rig(GetParam(), 100 * kMiB);
  rig.free(rig(60 * kMiB, 1));
  PrivatePool* const pool = rig.allocator->make_private_pool();
  rig.allocator->begin_private(pool, fake_stream(1));
  rig.device.forbid = true;
  EXPECT_THROW(rig(60 * kMiB, 1), OutOfMemoryError) << "the cache cannot be given back now";
  rig.free(rig(30 * kMiB, 1));
  EXPECT_THROW(rig.allocator->empty_cache(), Error);
  rig.device.forbid = false;
  rig.allocator->end_private(pool);
  rig.allocator->release_private(pool);
  rig.free(rig(90 * kMiB, 2));
}

// A capture that the allocator was not told of.
TEST_P(CudaAllocator, ForeignCapture) {
  Rig rig(GetParam(), 100 * kMiB);
  rig.free(rig(60 * kMiB, 2));
  Block* const block = rig(2 * kMiB, 2);
  char* const data = block->data;
  rig.device.recording = {fake_stream(1)};
  rig.device.forbid = true;
  rig.allocator->record_stream(block, fake_stream(1));
  rig.free(block);
  EXPECT_THROW(rig(60 * kMiB, 1), OutOfMemoryError);
  rig.device.forbid = false;
  rig.device.work(fake_stream(1));
  Block* const other = rig(2 * kMiB, 2);
  EXPECT_NE(other->data, data);
  rig.device.recording.clear();
  rig.free(rig(512, 2));  // records the event
  rig.device.finish_all();
  rig.free(rig(512, 2));
  rig.free(other);
  rig.expect_live(0);
  rig.free(rig(60 * kMiB, 1));
  EXPECT_TRUE(rig.device.events.empty());
}

TEST_P(CudaAllocator, GraphReleasedDuringAnotherCapture) {
  Rig rig(GetParam());
  PrivatePool* const first = rig.allocator->make_private_pool();
  rig.allocator->begin_private(first, fake_stream(1));
  rig.free(rig(3 * kMiB));
  rig.allocator->end_private(first);
  PrivatePool* const second = rig.allocator->make_private_pool();
  rig.allocator->begin_private(second, fake_stream(1));
  rig.device.forbid = true;
  rig.allocator->release_private(first);
  rig.device.forbid = false;
  rig.allocator->end_private(second);
  EXPECT_EQ(rig.device.used, 0u);
  rig.allocator->release_private(second);
  EXPECT_TRUE(rig.device.ranges.empty());
}

}  // namespace
}  // namespace ember
