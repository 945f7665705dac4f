// Blocks of the caching allocator: streams, exhaustion, limits, figures. No GPU is needed.
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cuda_allocator_rig.h"

namespace ember::test {
namespace {

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

// What was freed last is handed out again as it is, and serves other requests too.
TEST_P(CudaAllocator, FreedBlocksServeOtherSizes) {
  Rig rig(GetParam());
  std::vector<Block*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(rig(kMiB / 2));
  char* const begin = blocks[0]->data;
  for (Block* const block : blocks) rig.free(block);
  EXPECT_EQ(rig(kMiB / 2), blocks[3]) << "the last one";
  rig.free(blocks[3]);
  Block* const larger = rig(kMiB);
  EXPECT_EQ(larger->data, begin);
  EXPECT_EQ(rig.device.used, 2 * kMiB);
  Block* const rest = rig(kMiB);
  EXPECT_EQ(rig.device.used, 2 * kMiB);
  rig.free(larger);
  rig.free(rest);
  // Of more sizes than are kept, and more of one size.
  for (size_t i = 1; i <= 200; ++i) rig.free(rig(i * 512));
  blocks.clear();
  for (int i = 0; i < 100; ++i) blocks.push_back(rig(20 * 512));
  for (Block* const block : blocks) rig.free(block);
  EXPECT_EQ(rig.device.used, 2 * kMiB);
  rig.expect_live(0);
  rig.expect_consistent();
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
  Block* const used = rig(60 * kMiB, 1);
  rig.device.work(fake_stream(1));
  rig.free(used);
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
    EXPECT_EQ(
        e.msg(),
        std::string("out of memory on cuda:0: asked for 30.0 MiB; 90.0 MiB are held by tensors, ") +
            (GetParam() == 0 ? "0.0 MiB are cached, 0.0 MiB are permanent, 90.0 MiB are reserved in all; 10.0 MiB"
                             : "10.0 MiB are cached, 0.0 MiB are permanent, 100.0 MiB are reserved in all; 0.0 MiB") +
            " of the device's 100.0 MiB are free; no limit is set");
  }
  rig.expect_live(90 * kMiB);
  EXPECT_EQ(rig(10 * kMiB, 2)->size, 10 * kMiB) << "smaller than what is asked for first";
  EXPECT_THROW(rig(SIZE_MAX), OutOfMemoryError);
  rig.free(large);
  rig.free(rig(80 * kMiB));
}

// ---- limits and permanent memory ----

TEST_P(CudaAllocator, Limit) {
  Rig rig(GetParam());
  rig.free(rig(100 * kMiB, 2));
  rig.allocator->set_limit(64 * kMiB);
  EXPECT_EQ(rig.device.used, 0u) << "what is cached beyond the limit goes back";
  Block* const a = rig(40 * kMiB);
  try {
    rig(30 * kMiB);
    ADD_FAILURE();
  } catch (const OutOfMemoryError& e) {
    EXPECT_NE(e.msg().find("the limit is 64.0 MiB"), std::string::npos) << e.msg();
    EXPECT_NE(e.msg().find("asked for 30.0 MiB"), std::string::npos) << e.msg();
  }
  rig.free(rig(20 * kMiB, 2));
  Block* const b = rig(22 * kMiB, 3);  // takes the other stream's place
  EXPECT_LE(rig.device.used, 64 * kMiB);
  rig.expect_consistent();
  rig.allocator->set_limit(0);
  rig.free(rig(500 * kMiB));
  rig.free(a);
  rig.free(b);
}

TEST_P(CudaAllocator, PermanentMemoryIsCounted) {
  Rig rig(GetParam(), 100 * kMiB);
  rig.free(rig(80 * kMiB));
  EXPECT_NE(rig.allocator->allocate_permanent(32 * kMiB), nullptr);
  const MemoryStats stats = rig.allocator->stats();
  EXPECT_EQ(stats.permanent, 32 * kMiB);
  EXPECT_EQ(stats.cached, 0u);
  EXPECT_THROW(rig.allocator->allocate_permanent(80 * kMiB), OutOfMemoryError);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 32 * kMiB);
  rig.expect_consistent();
}

// ---- the snapshot ----

TEST_P(CudaAllocator, Snapshot) {
  Rig rig(GetParam());
  Block* const small = rig(1000, 1);
  Block* const large = rig(5 * kMiB, 2);
  Block* const waiting = rig(3 * kMiB, 2);
  rig.device.work(fake_stream(3));
  rig.allocator->record_stream(waiting, fake_stream(3));
  rig.free(waiting);
  PrivatePool* const pool = rig.allocator->make_private_pool();
  rig.allocator->begin_private(pool, fake_stream(4));
  Block* const graph = rig(2000, 4);
  rig.allocator->end_private(pool);
  const MemorySnapshot s = rig.allocator->snapshot();
  EXPECT_EQ(s.total, rig.device.total);
  EXPECT_EQ(s.available, rig.device.total - rig.device.used);
  EXPECT_EQ(s.pool(MemoryPool::Small).live, 1024u);
  EXPECT_EQ(s.pool(MemoryPool::Small).reserved, 2 * kMiB);
  EXPECT_EQ(s.pool(MemoryPool::Small).largest_free, 2 * kMiB - 1024);
  EXPECT_EQ(s.pool(MemoryPool::Large).live, 5 * kMiB);
  EXPECT_EQ(s.pool(MemoryPool::Large).waiting, 3 * kMiB);
  EXPECT_EQ(s.pool(MemoryPool::Large).cached, 15 * kMiB);
  EXPECT_EQ(s.pool(MemoryPool::Large).largest_free, 12 * kMiB);
  EXPECT_EQ(s.pool(MemoryPool::Large).free_blocks, 1u);
  EXPECT_EQ(s.pool(MemoryPool::Graph).live, 2048u);
  ASSERT_EQ(s.segments.size(), 3u);
  EXPECT_EQ(s.segments[1].stream, 2u);
  EXPECT_EQ(s.segments[1].expandable, GetParam() != 0);
  std::ostringstream text;
  text << s;
  for (const char* part : {"Memory of cuda:0 in MiB: 24.0 reserved", "\nlarge      5.0      15.0       3.0      20.0",
                           "20.0 MiB, large, stream 0x2", "bytes waiting"}) {
    EXPECT_NE(text.str().find(part), std::string::npos) << part << "\n" << text.str();
  }
  rig.free(small);
  rig.free(large);
  rig.free(graph);
}

TEST_P(CudaAllocator, Threads) {
  Rig rig(GetParam(), 4096 * kMiB);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&rig, t] {
      std::mt19937 random(t);
      std::vector<Block*> held;
      for (int i = 0; i < 3000; ++i) {
        if (held.size() < 10 && random() % 2 == 0) {
          held.push_back(rig(1 + random() % (3 * kMiB), 1 + random() % 2));
          if (random() % 3 == 0) rig.allocator->record_stream(held.back(), fake_stream(3));
        } else if (!held.empty()) {
          rig.free(held.back());
          held.pop_back();
        }
        if (i % 500 == 0) rig.allocator->empty_cache();
      }
      for (Block* const b : held) rig.free(b);
    });
  }
  for (std::thread& t : threads) t.join();
  rig.expect_live(0);
  rig.expect_consistent();
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
}

}  // namespace
}  // namespace ember::test
