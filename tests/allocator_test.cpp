// The CPU's caching allocator: statistics, reuse, threads, exhaustion.
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/backend.h>
#include <ember/core/error.h>

#if defined(__SANITIZE_ADDRESS__)
#define EMBER_TEST_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMBER_TEST_NO_CACHE 1
#endif
#endif

namespace {

using namespace ember;

#if defined(EMBER_TEST_NO_CACHE)
constexpr bool kCaching = false;  // address sanitizer sees every allocation
#else
constexpr bool kCaching = true;
#endif

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

TEST(AllocatorTest, AlignsToCacheLinesAndHugePages) {
  for (const size_t nbytes : {size_t{1}, size_t{65}, size_t{513}, size_t{70000}, size_t{1} << 20}) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(allocate(nbytes).data()) % 64, 0u) << nbytes;
  }
  if (kCaching) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(allocate(size_t{40} << 20).data()) % (size_t{2} << 20), 0u);
  }
}

TEST(AllocatorTest, ReusesMemory) {
  if (!kCaching) GTEST_SKIP() << "no cache under address sanitizer";
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
  if (kCaching) {
    EXPECT_GE(cpu::memory_stats().cached, size_t{64} << 20);
  }
  cpu::empty_cache();
  EXPECT_EQ(cpu::memory_stats().cached, 0u);
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
        if (s) {
          EXPECT_EQ(*static_cast<const char*>(s.data()), t);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(cpu::memory_stats().live, live);
}

TEST(AllocatorTest, GiantRequestThrows) {
  const size_t live = cpu::memory_stats().live;
  for (const size_t nbytes : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() / 2,
                              size_t{1} << 62, (size_t{1} << 46) + 1, size_t{1} << 46}) {
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
  Storage kept;
  std::thread([&] {
    static thread_local Storage late;
    late = allocate(1000);
    kept = allocate(2000);
  }).join();
  std::memset(kept.data(), 1, kept.nbytes());
}

Storage freed_at_exit = allocate(500);

TEST(AllocatorTest, StaticStorage) { EXPECT_NE(freed_at_exit.data(), nullptr); }

}  // namespace
