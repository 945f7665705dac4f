// The caching allocator of pinned host memory, over a driver that only counts.
#include <cstdlib>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include <ember/core/error.h>
#include <ember/cuda/pinned.h>

#include "fake_memory_driver.h"

namespace ember {
namespace {

using cuda::PinnedAllocator;
using cuda::PinnedBlock;
using test::fake_stream;
using test::FakeDevice;
using test::FakeMemoryDriver;

class FakePinnedDriver final : public cuda::PinnedDriver {
 public:
  FakePinnedDriver(FakeDevice* devices, size_t& used) : used_(used), first_(devices[0]), second_(devices[1]) {}
  void* allocate(size_t nbytes) override {
    if (used_ + nbytes > (size_t{1} << 20)) return nullptr;
    used_ += nbytes;
    void* const data = std::aligned_alloc(4096, nbytes);
    sizes_[data] = nbytes;
    return data;
  }
  void free(void* data) override {
    used_ -= sizes_.at(data);
    sizes_.erase(data);
    std::free(data);
  }
  cuda::EventDriver& events(int device) override { return device == 0 ? first_ : second_; }

 private:
  size_t& used_;
  std::map<void*, size_t> sizes_;
  FakeMemoryDriver first_, second_;
};

class CudaPinned : public ::testing::Test {
 protected:
  // What the allocator keeps goes back; nothing may be left.
  ~CudaPinned() override {
    for (FakeDevice& device : devices) device.finish_all();
    allocator.empty_cache();
    EXPECT_EQ(used, 0u);
    EXPECT_TRUE(devices[0].events.empty() && devices[1].events.empty());
  }
  bool reuses(const char* data, size_t nbytes) {
    PinnedBlock* const block = allocator.allocate(nbytes);
    const bool same = block->data == data;
    allocator.free(block);
    return same;
  }

  FakeDevice devices[2];
  size_t used = 0;
  PinnedAllocator allocator{std::make_unique<FakePinnedDriver>(devices, used)};
};

TEST_F(CudaPinned, ReusesPowersOfTwo) {
  PinnedBlock* const block = allocator.allocate(5000);
  EXPECT_EQ(block->size, 8192u);
  EXPECT_EQ(allocator.stats().live, 8192u);
  const char* const data = block->data;
  EXPECT_TRUE(allocator.owns(data) && allocator.owns(data + 8191));
  EXPECT_FALSE(allocator.owns(data + 8192) || allocator.owns(data - 1));
  allocator.free(block);
  EXPECT_FALSE(allocator.owns(data));
  EXPECT_FALSE(reuses(data, 4096)) << "another size";
  EXPECT_TRUE(reuses(data, 8192));
  EXPECT_EQ(allocator.stats().live, 0u);
  EXPECT_EQ(allocator.stats().cached, used);
  EXPECT_EQ(allocator.stats().system_allocations, 2u);
}

TEST_F(CudaPinned, WaitsForTheCopies) {
  PinnedBlock* const block = allocator.allocate(4096);
  const char* const data = block->data;
  devices[0].work(fake_stream(1));
  devices[1].work(fake_stream(1));  // a stream of the other device
  EXPECT_TRUE(allocator.record_use(data + 100, 0, fake_stream(1)));
  EXPECT_TRUE(allocator.record_use(data, 0, fake_stream(1)));
  EXPECT_TRUE(allocator.record_use(data, 1, fake_stream(1)));
  EXPECT_FALSE(allocator.record_use(&used, 0, fake_stream(1)));
  EXPECT_EQ(block->uses.size(), 2u);
  allocator.free(block);
  EXPECT_FALSE(reuses(data, 4096));
  devices[1].finish(fake_stream(1));
  EXPECT_FALSE(reuses(data, 4096));
  devices[0].finish(fake_stream(1));
  PinnedBlock* const first = allocator.allocate(4096);
  PinnedBlock* const second = allocator.allocate(4096);
  EXPECT_TRUE(first->data == data || second->data == data);
  EXPECT_TRUE(first->uses.empty() && second->uses.empty());
  allocator.free(first);
  allocator.free(second);
}

TEST_F(CudaPinned, WaitsForCaptures) {
  PinnedBlock* const block = allocator.allocate(4096);
  const char* const data = block->data;
  devices[0].recording = {{fake_stream(1), 1}};
  allocator.record_use(data, 0, fake_stream(1));
  allocator.free(block);
  EXPECT_TRUE(devices[0].events.empty());
  EXPECT_FALSE(reuses(data, 4096));
  devices[0].recording.clear();
  allocator.empty_cache();  // the other block goes, this one was just seen to be done
  EXPECT_EQ(used, 0u);
}

TEST_F(CudaPinned, Exhaustion) {
  allocator.free(allocator.allocate(700000));
  EXPECT_EQ(used, size_t{1} << 20);
  PinnedBlock* const block = allocator.allocate(4096);
  EXPECT_EQ(used, 4096u) << "the cache went back first";
  EXPECT_THROW(allocator.allocate(size_t{1} << 20), OutOfMemoryError);
  EXPECT_THROW(allocator.allocate(SIZE_MAX), OutOfMemoryError);
  EXPECT_EQ(allocator.stats().live, 4096u);
  allocator.free(block);
}

// An event that cannot be recorded: the block waits until it can.
TEST_F(CudaPinned, DriverFails) {
  for (int64_t call = 0; call < 4; ++call) {
    PinnedBlock* const block = allocator.allocate(4096);
    const char* const data = block->data;
    devices[0].work(fake_stream(1));
    allocator.record_use(data, 0, fake_stream(1));
    devices[0].fail_in = call;
    allocator.free(block);
    try {
      EXPECT_FALSE(reuses(data, 4096));
    } catch (const Error&) {
    }
    devices[0].fail_in = -1;
    devices[0].finish(fake_stream(1));
    allocator.empty_cache();
    EXPECT_EQ(used, 0u);
  }
}

}  // namespace
}  // namespace ember
