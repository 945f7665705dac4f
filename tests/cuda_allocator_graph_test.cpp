// The caching allocator while graphs are captured: what stays theirs, and what is not asked of CUDA then.
#include <vector>

#include "cuda_allocator_rig.h"

namespace ember::test {
namespace {

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

TEST_P(CudaAllocator, CaptureSpreads) {
  Rig rig(GetParam());
  PrivatePool* const first = rig.allocator->make_private_pool();
  PrivatePool* const second = rig.allocator->make_private_pool();
  rig.allocator->begin_private(first, fake_stream(1));
  rig.allocator->begin_private(second, fake_stream(2));
  rig.device.recording = {{fake_stream(1), 10},
                          {fake_stream(2), 20},
                          {fake_stream(3), 20},
                          {fake_stream(4), 30},
                          {fake_stream(5), cuda::EventDriver::kOtherCapture}};
  PrivatePool* const expected[] = {first, second, second, nullptr, nullptr, nullptr};
  std::vector<Block*> blocks;
  for (uintptr_t s = 1; s <= 6; ++s) {
    blocks.push_back(rig(100, s));
    EXPECT_EQ(blocks.back()->pool->graph, expected[s - 1]) << s;
  }
  rig.device.recording.clear();
  rig.allocator->end_private(second);
  blocks.push_back(rig(100, 3));
  EXPECT_EQ(blocks.back()->pool->graph, nullptr);
  rig.allocator->end_private(first);
  rig.allocator->release_private(first);
  rig.allocator->release_private(second);
  for (Block* const b : blocks) rig.free(b);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
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
  EXPECT_THROW(rig.allocator->allocate_permanent(60 * kMiB), OutOfMemoryError);
  rig.allocator->set_limit(kMiB);  // holds for what is asked for from now on
  rig.allocator->set_limit(0);
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
  rig.device.recording = {{fake_stream(1), 1}};
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
  for (const bool held : {false, true}) {
    Rig rig(GetParam());
    PrivatePool* const first = rig.allocator->make_private_pool();
    rig.allocator->begin_private(first, fake_stream(1));
    Block* const kept = held ? rig(1000) : nullptr;
    rig.free(rig(3 * kMiB));
    rig.allocator->end_private(first);
    PrivatePool* const second = rig.allocator->make_private_pool();
    rig.allocator->begin_private(second, fake_stream(1));
    rig.device.forbid = true;
    rig.allocator->release_private(first);
    rig.device.forbid = false;
    rig.allocator->end_private(second);
    if (kept != nullptr) rig.free(kept);
    EXPECT_EQ(rig.device.used, 0u);
    rig.allocator->release_private(second);
    EXPECT_TRUE(rig.device.ranges.empty());
  }
}

// Replays may still run when a graph goes: its memory goes back when they are done.
TEST_P(CudaAllocator, GraphReleasedWhileItRuns) {
  for (const bool held : {false, true}) {
    Rig rig(GetParam());
    PrivatePool* const pool = rig.allocator->make_private_pool();
    rig.allocator->begin_private(pool, fake_stream(1));
    Block* const kept = held ? rig(3 * kMiB) : nullptr;
    rig.free(rig(1000));  // another segment
    rig.allocator->end_private(pool);
    rig.device.work(fake_stream(2));
    rig.allocator->release_private(pool);
    EXPECT_EQ(rig.device.synchronizations, 1u);
    if (kept == nullptr) continue;
    EXPECT_GT(rig.device.used, 0u);
    rig.device.work(fake_stream(2));
    rig.free(kept);
    EXPECT_EQ(rig.device.synchronizations, 2u);
    EXPECT_EQ(rig.device.used, 0u);
  }
}

}  // namespace
}  // namespace ember::test
