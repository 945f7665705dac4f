// The caching allocator of CUDA over a device that only counts: no GPU is needed.
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
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
    EXPECT_EQ(stats.live + stats.cached + stats.permanent, device.used);
  }
  void expect_consistent() const;

  FakeDevice device;
  std::unique_ptr<DeviceAllocator> allocator;
};

// The snapshot covers the device's memory without gaps, overlaps or free neighbours, and its sums are the figures.
void Rig::expect_consistent() const {
  const MemorySnapshot snapshot = allocator->snapshot();
  size_t mapped = snapshot.stats.permanent, live = 0;
  for (const MemorySegment& segment : snapshot.segments) {
    mapped += segment.size;
    size_t covered = 0;
    uintptr_t at = segment.address;
    const MemoryBlock* previous = nullptr;
    for (const MemoryBlock& block : segment.blocks) {
      ASSERT_GE(block.address, at);
      ASSERT_EQ(block.address % 512, 0u);
      ASSERT_TRUE(segment.expandable || block.address == at) << "a gap";
      const bool free = block.state == MemoryBlock::State::Free;
      if (previous != nullptr && block.address == at && free) {
        ASSERT_NE(previous->state, MemoryBlock::State::Free) << "not merged";
      }
      ASSERT_TRUE(device.backed(block.address, block.size));
      at = block.address + block.size;
      covered += block.size;
      if (block.state == MemoryBlock::State::Live) live += block.size;
      previous = &block;
    }
    ASSERT_LE(at, segment.address + segment.addresses);
    ASSERT_EQ(covered, segment.size);
  }
  ASSERT_EQ(mapped, device.used);
  ASSERT_EQ(live, snapshot.stats.live);
  ASSERT_EQ(mapped, snapshot.stats.live + snapshot.stats.cached + snapshot.stats.permanent);
  size_t sum = 0;
  for (size_t i = 0; i < kMemoryPools; ++i) sum += snapshot.pool(static_cast<MemoryPool>(i)).live;
  ASSERT_EQ(sum, live);
}

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

// ---- growth by mapping ----

TEST(CudaAllocatorRange, GrowsInPlace) {
  Rig rig;
  Block* const a = rig(15 * kMiB);
  EXPECT_EQ(rig.device.used, 20 * kMiB);
  Block* const b = rig(30 * kMiB);  // beside the 5 MiB that are left
  EXPECT_EQ(rig.device.used, 60 * kMiB);
  EXPECT_EQ(b->data, a->data + 15 * kMiB);
  rig.free(b);
  Block* const c = rig(100 * kMiB);
  EXPECT_EQ(c->data, a->data + 15 * kMiB) << "larger, at the same place: nothing is left over";
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  rig.free(a);
  rig.free(c);
  EXPECT_EQ(rig(120 * kMiB)->size, 120 * kMiB);
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  EXPECT_EQ(rig.device.ranges.size(), 1u);
}

TEST(CudaAllocatorRange, HolesAreUnmappedAndFilled) {
  Rig rig(2 * kMiB, 200 * kMiB);
  Block* blocks[5];
  for (Block*& b : blocks) b = rig(40 * kMiB);
  EXPECT_EQ(rig.device.used, 200 * kMiB);
  rig.free(blocks[1]);
  rig.free(blocks[3]);
  rig.free(rig(70 * kMiB, 2));  // another stream takes the memory of both holes
  rig.expect_consistent();
  EXPECT_EQ(rig.device.used, 200 * kMiB);
  // 80 MiB more are not in one piece of addresses, but they are of memory.
  Block* const large = rig(80 * kMiB);
  EXPECT_EQ(large->data, blocks[4]->data + 40 * kMiB);
  rig.expect_consistent();
  rig.free(large);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  // A hole is filled before new addresses are used.
  EXPECT_EQ(rig(40 * kMiB)->data, blocks[0]->data + 40 * kMiB);
  rig.expect_consistent();
}

TEST(CudaAllocatorRange, PartsOfGranulesStay) {
  Rig rig;
  Block* const a = rig(25 * kMiB);
  Block* const b = rig(50 * kMiB);  // 25 to 75: the granules 40 and 60 are partly its own
  Block* const c = rig(25 * kMiB);
  EXPECT_EQ(rig.device.used, 100 * kMiB);
  rig.free(b);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 80 * kMiB);  // [40, 60)
  rig.expect_consistent();
  Block* const again = rig(50 * kMiB);
  EXPECT_EQ(again->data, a->data + 25 * kMiB);
  EXPECT_EQ(rig.device.used, 100 * kMiB);
  rig.free(a);
  rig.free(c);
  rig.free(again);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
  rig.expect_consistent();
}

TEST(CudaAllocatorRange, HolesMerge) {
  for (const bool upwards : {false, true}) {
    Rig rig;
    Block* blocks[3];
    for (Block*& b : blocks) b = rig(20 * kMiB);
    char* const base = blocks[0]->data;
    for (const int i : {upwards ? 0 : 1, upwards ? 1 : 0}) {
      rig.free(blocks[i]);
      rig.allocator->empty_cache();
    }
    EXPECT_EQ(rig.device.used, 20 * kMiB);
    EXPECT_EQ(rig(40 * kMiB)->data, base);
    rig.expect_consistent();
  }
}

TEST(CudaAllocatorRange, WithoutAddresses) {
  Rig rig;
  rig.device.address_space = 0;
  rig.free(rig(30 * kMiB));
  EXPECT_EQ(rig.device.allocations.size(), 1u);
  EXPECT_TRUE(rig.device.ranges.empty());
  rig.expect_consistent();
}

// What the device cannot give is given back at once.
TEST(CudaAllocatorRange, RefusedHalfWay) {
  Rig rig(2 * kMiB, 100 * kMiB);
  Block* const a = rig(10 * kMiB);
  EXPECT_THROW(rig(200 * kMiB), OutOfMemoryError);
  EXPECT_EQ(rig.device.used, 20 * kMiB);
  EXPECT_EQ(rig(85 * kMiB, 1)->data, a->data + 10 * kMiB);
  rig.expect_consistent();

  Rig shared(2 * kMiB, 200 * kMiB);
  shared.device.elsewhere = 130 * kMiB;
  Block* const b = shared(10 * kMiB);
  EXPECT_THROW(shared(100 * kMiB), OutOfMemoryError);  // as much as the device has, but others have some of it
  EXPECT_EQ(shared.device.used, 20 * kMiB);
  EXPECT_EQ(shared(40 * kMiB)->data, b->data + 10 * kMiB);
  shared.expect_consistent();
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

// ---- everything at random, beside a model of what may be where ----

class RandomWork {
 public:
  RandomWork(Rig& rig, unsigned seed) : rig_(rig), random_(seed) {}

  void step() {
    const unsigned what = random_() % 100;
    if (what < 45) {
      allocate();
    } else if (what < 80) {
      if (!held_.empty()) free(random_() % held_.size());
    } else if (what < 86) {
      rig_.device.finish(stream());
    } else if (what < 92) {
      switch_capture();
    } else if (what < 94 && capture_ == nullptr) {
      rig_.allocator->empty_cache();
    } else if (what < 96 && capture_ == nullptr) {
      rig_.allocator->set_limit(random_() % 2 == 0 ? 0 : (random_() % 400) * kMiB);
    } else if (!graphs_.empty()) {
      const size_t i = random_() % graphs_.size();
      if (graphs_[i] == capture_) return;
      rig_.allocator->release_private(graphs_[i]);
      graphs_.erase(graphs_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  void finish() {
    if (capture_ != nullptr) end_capture();
    for (PrivatePool* const graph : graphs_) rig_.allocator->release_private(graph);
    graphs_.clear();
    while (!held_.empty()) free(0);
    rig_.allocator->set_limit(0);
    rig_.device.finish_all();
    rig_.allocator->empty_cache();
  }

 private:
  struct Held {
    Block* block;
    uintptr_t begin, end;
    StreamHandle stream;
    PrivatePool* graph;
    std::vector<StreamHandle> users;
  };
  struct Busy {  // freed, in use by a stream until it has got so far
    uintptr_t begin, end;
    StreamHandle user;
    uint64_t until;
    PrivatePool* kept;  // during whose capture nothing may have it
  };

  StreamHandle stream() { return fake_stream(1 + random_() % 4); }
  size_t size() {
    switch (random_() % 4) {
      case 0: return 1 + random_() % 2000;
      case 1: return 1 + random_() % (2 * kMiB);
      case 2: return 1 + random_() % (30 * kMiB);
      default: return 1 + random_() % (90 * kMiB);
    }
  }

  void allocate() {
    const StreamHandle s = stream();
    const size_t nbytes = size();
    PrivatePool* const graph = capture_ != nullptr && captured_.count(s) != 0 ? capture_ : nullptr;
    Block* block = nullptr;
    try {
      block = rig_.allocator->allocate(nbytes, s);
    } catch (const OutOfMemoryError&) {
      return;
    }
    const Held held{block,
                    reinterpret_cast<uintptr_t>(block->data),
                    reinterpret_cast<uintptr_t>(block->data) + block->size,
                    s,
                    graph,
                    {}};
    ASSERT_GE(block->size, nbytes);
    ASSERT_LE(block->size, nbytes + kMiB + 512);
    ASSERT_EQ(block->pool->graph, graph);
    ASSERT_TRUE(block->users.empty() && block->waits == 0);
    ASSERT_TRUE(rig_.device.backed(held.begin, block->size));
    for (const Held& other : held_) ASSERT_TRUE(held.end <= other.begin || other.end <= held.begin);
    for (const Busy& busy : busy_) {
      if (held.end <= busy.begin || busy.end <= held.begin) continue;
      ASSERT_TRUE(busy.kept == nullptr || busy.kept != capture_);
      ASSERT_TRUE(busy.kept != nullptr || rig_.device.done[busy.user] >= busy.until) << "a stream still works with it";
    }
    std::erase_if(busy_, [&](const Busy& b) {
      return b.kept != nullptr ? b.kept != capture_ : rig_.device.done[b.user] >= b.until;
    });
    held_.push_back(held);
    rig_.device.work(s);
    while (random_() % 4 == 0) {
      const StreamHandle user = stream();
      rig_.allocator->record_stream(block, user);
      if (user != s) held_.back().users.push_back(user);
    }
  }

  void free(size_t i) {
    const Held held = held_[i];
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(i));
    for (const StreamHandle user : held.users) {
      PrivatePool* const kept = held.graph != nullptr && held.graph == capture_ ? capture_ : nullptr;
      busy_.push_back({held.begin, held.end, user, rig_.device.work(user), kept});
    }
    rig_.allocator->free(held.block);
  }

  void switch_capture() {
    if (capture_ != nullptr) {
      end_capture();
      return;
    }
    if (graphs_.size() < 3) graphs_.push_back(rig_.allocator->make_private_pool());
    capture_ = graphs_[random_() % graphs_.size()];
    rig_.device.forbid = true;
    captured_.clear();
    while (captured_.empty() || random_() % 2 == 0) captured_.insert(stream());
    // The other streams are drawn into the capture of the first.
    rig_.allocator->begin_private(capture_, *captured_.begin());
    for (const StreamHandle s : captured_) rig_.device.recording[s] = 7;
  }

  void end_capture() {
    rig_.device.forbid = false;
    rig_.device.recording.clear();
    rig_.allocator->end_private(capture_);
    capture_ = nullptr;
    std::erase_if(busy_, [](const Busy& b) { return b.kept != nullptr; });
  }

  Rig& rig_;
  std::mt19937 random_;
  std::vector<Held> held_;
  std::vector<Busy> busy_;
  std::vector<PrivatePool*> graphs_;
  PrivatePool* capture_ = nullptr;
  std::set<StreamHandle> captured_;
};

TEST_P(CudaAllocator, RandomWork) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(GetParam(), (seed % 3 == 0 ? 1000 : 300) * kMiB);
    if (seed % 5 == 4) rig.device.address_space = 0;
    RandomWork work(rig, seed);
    for (int i = 0; i < 1500; ++i) {
      work.step();
      if (i % 10 == 0) rig.expect_consistent();
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    work.finish();
    rig.expect_consistent();
    EXPECT_EQ(rig.device.used, 0u);
    EXPECT_TRUE(rig.device.events.empty());
  }
}

// Every request for memory is refused once.
TEST_P(CudaAllocator, EveryRequestIsRefused) {
  for (int64_t at = 0; at < 60; ++at) {
    SCOPED_TRACE(at);
    Rig rig(GetParam(), 300 * kMiB);
    rig.device.refuse_in = at;
    RandomWork work(rig, 5);
    for (int i = 0; i < 300; ++i) {
      work.step();
      rig.expect_consistent();
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    rig.device.refuse_in = -1;
    work.finish();
    EXPECT_EQ(rig.device.used, 0u);
  }
}

// Every call of the driver fails once: what fails throws, or waits, and changes nothing else.
TEST_P(CudaAllocator, EveryDriverCallFails) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    uint64_t calls = 0;
    for (int64_t at = -1; at < static_cast<int64_t>(calls) || at == -1; ++at) {
      SCOPED_TRACE(std::to_string(seed) + ": call " + std::to_string(at));
      Rig rig(GetParam(), 300 * kMiB);
      rig.device.fail_in = at;
      RandomWork work(rig, seed);
      int errors = 0;
      for (int i = 0; i < 250; ++i) {
        try {
          work.step();
        } catch (const Error&) {
          ++errors;
          rig.expect_consistent();
        }
        if (HasFatalFailure() || HasNonfatalFailure()) return;
      }
      EXPECT_LE(errors, 1);
      calls = std::max(calls, rig.device.calls);
      rig.device.fail_in = -1;
      work.finish();
      rig.expect_consistent();
      EXPECT_EQ(rig.device.used, 0u);
      EXPECT_TRUE(rig.device.events.empty());
    }
  }
}

}  // namespace
}  // namespace ember
