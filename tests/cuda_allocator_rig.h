// The caching allocator of CUDA over a device that only counts: what its tests share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <gtest/gtest.h>

#include <ember/cuda/allocator.h>

#include "fake_memory_driver.h"

namespace ember::test {

using cuda::Block;
using cuda::DeviceAllocator;
using cuda::PrivatePool;
using cuda::StreamHandle;

inline constexpr size_t kMiB = size_t{1} << 20;

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
inline void Rig::expect_consistent() const {
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

// By the granularity of memory that is mapped; 0: there is none.
class CudaAllocator : public ::testing::TestWithParam<size_t> {};

}  // namespace ember::test
