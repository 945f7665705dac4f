// The CPU's caching allocator: statistics, reuse, threads, exhaustion.
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/backend.h>
#include <ember/core/error.h>

#include "values.h"

namespace {

using namespace ember;

Storage allocate(size_t nbytes) { return allocate_storage(nbytes, Device(kCPU)); }

TEST(AllocatorTest, CountsLiveBytes) {
  for (const size_t nbytes : {size_t{1}, size_t{64}, size_t{1000}, size_t{100} << 10, size_t{5} << 20}) {
    const MemoryStats before = cpu::memory_stats();
    {
      const Storage storage = allocate(nbytes);
      const MemoryStats during = cpu::memory_stats();
      EXPECT_GE(during.live, before.live + nbytes);
      EXPECT_LE(during.live, before.live + nbytes + nbytes / 8 + 64);
      EXPECT_EQ(during.allocations, before.allocations + 1);
      EXPECT_GE(during.peak_live, during.live);
      EXPECT_GE(during.peak_reserved, during.live + during.cached);
    }
    EXPECT_EQ(cpu::memory_stats().live, before.live);
  }
}

TEST(AllocatorTest, PeakIsKeptUntilReset) {
  cpu::reset_peak_memory_stats();
  const size_t live = cpu::memory_stats().live;
  allocate(size_t{3} << 20);
  for (int i = 0; i < 10; ++i) allocate(100);
  EXPECT_GE(cpu::memory_stats().peak_live, live + (size_t{3} << 20));
  cpu::reset_peak_memory_stats();
  const MemoryStats now = cpu::memory_stats();
  EXPECT_EQ(now.peak_live, now.live);
  EXPECT_EQ(now.peak_reserved, now.live + now.cached);
}

TEST(AllocatorTest, PeakOfSmallBlocks) {
  { const std::vector<Storage> warm(100, allocate(256)); }
  cpu::reset_peak_memory_stats();
  const size_t live = cpu::memory_stats().live;
  {
    std::vector<Storage> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(allocate(256));
  }
  EXPECT_GE(cpu::memory_stats().peak_live, live + 100 * 256);
  EXPECT_EQ(cpu::memory_stats().live, live);
}

TEST(AllocatorTest, AlignsToCacheLines) {
  for (const size_t nbytes : {size_t{1}, size_t{65}, size_t{513}, size_t{70000}, size_t{1} << 20}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(allocate(nbytes).data()) % 64, 0u) << nbytes;
  }
}

TEST(AllocatorTest, AlignsLargeBlocksToHugePages) {
  EMBER_SKIP_WITHOUT_CACHE();
  for (const size_t nbytes : {(size_t{40} << 20), (size_t{40} << 20) + 64, size_t{100} << 20}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(allocate(nbytes).data()) % (size_t{2} << 20), 0u) << nbytes;
  }
}

TEST(AllocatorTest, ReusesMemory) {
  EMBER_SKIP_WITHOUT_CACHE();
  for (const size_t nbytes : {size_t{40}, size_t{3000}, size_t{300} << 10, size_t{40} << 20}) {
    void* const first = allocate(nbytes).data();
    const MemoryStats before = cpu::memory_stats();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(allocate(nbytes).data(), first) << nbytes;
    EXPECT_EQ(cpu::memory_stats().system_allocations, before.system_allocations) << nbytes;
    EXPECT_EQ(cpu::memory_stats().allocations, before.allocations + 5) << nbytes;
  }
}

TEST(AllocatorTest, EmptyCacheGivesMemoryBack) {
  allocate(size_t{64} << 20);
  allocate(100);
  cpu::empty_cache();
  EXPECT_EQ(cpu::memory_stats().cached, 0u);
}

// Bytes of this process in memory.
size_t resident() {
  size_t total = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> total >> pages;
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST(AllocatorTest, KeepsFreedMemoryUntilEmptied) {
  EMBER_SKIP_WITHOUT_CACHE();
  constexpr size_t kBytes = size_t{64} << 20;
  cpu::empty_cache();
  const size_t before = resident();
  ASSERT_GT(before, 0u);
  {
    const Storage storage = allocate(kBytes);
    std::memset(storage.data(), 1, kBytes);
  }
  EXPECT_GE(cpu::memory_stats().cached, kBytes);
  EXPECT_GE(resident(), before + kBytes / 2);
  cpu::empty_cache();
  EXPECT_LT(resident(), before + kBytes / 2) << "the system did not get it back";
}

TEST(AllocatorTest, FreesOnAnotherThread) {
  const size_t live = cpu::memory_stats().live;
  std::vector<Storage> storages;
  for (size_t nbytes = 1; nbytes < (size_t{8} << 20); nbytes *= 3) storages.push_back(allocate(nbytes));
  std::thread([moved = std::move(storages)]() mutable { moved.clear(); }).join();
  EXPECT_EQ(cpu::memory_stats().live, live);
}

TEST(AllocatorTest, ManyThreads) {
  const size_t live = cpu::memory_stats().live;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      std::vector<Storage> held(64);
      uint32_t state = static_cast<uint32_t>(t) + 1;
      for (int i = 0; i < 20000; ++i) {
        state = state * 1664525u + 1013904223u;
        const size_t nbytes = size_t{1} << (state >> 28);
        Storage storage = allocate(nbytes + (state >> 8) % nbytes);
        std::memset(storage.data(), t, storage.nbytes());
        held[(state >> 16) % held.size()] = std::move(storage);
      }
      for (const Storage& s : held) {
        if (!s) continue;
        const auto* const bytes = static_cast<const char*>(s.data());
        EXPECT_EQ(bytes[0], t);
        EXPECT_EQ(bytes[s.nbytes() - 1], t);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(cpu::memory_stats().live, live);
}

TEST(AllocatorTest, GiantRequestThrows) {
  const size_t live = cpu::memory_stats().live;
  for (const size_t nbytes : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() / 2,
                              size_t{1} << 62, (size_t{1} << 47) + 1, size_t{1} << 47}) {
    try {
      allocate(nbytes);
      ADD_FAILURE() << nbytes;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(std::to_string(nbytes)), std::string::npos) << e.what();
    }
  }
  EXPECT_EQ(cpu::memory_stats().live, live);
  EXPECT_THROW(empty({int64_t{1} << 59}), Error);
}

// A storage that outlives the thread that made it, and one freed while a thread's locals are destroyed.
TEST(AllocatorTest, OutlivesItsThread) {
  const size_t before = cpu::memory_stats().live;
  Storage kept;
  std::thread([&] {
    static thread_local Storage late;
    late = allocate(100000);
    kept = allocate(2000);
  }).join();
  std::memset(kept.data(), 1, kept.nbytes());
  EXPECT_GE(cpu::memory_stats().live, before + 2000);
  EXPECT_LT(cpu::memory_stats().live, before + 100000) << "what the thread held is freed";
  kept = Storage();
  EXPECT_EQ(cpu::memory_stats().live, before);
}

Storage freed_at_exit = allocate(500);

TEST(AllocatorTest, StaticStorage) { EXPECT_NE(freed_at_exit.data(), nullptr); }

}  // namespace
