// Two levels of free lists, by size class. Small blocks: per thread, without locks, overflowing into the
// global lists in batches. Large blocks: the global lists, under one mutex.
#include <ember/cpu/allocator.h>

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

#include <ember/core/error.h>
#include <ember/core/macros.h>

#if defined(__SANITIZE_ADDRESS__)
#define EMBER_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMBER_NO_CACHE 1
#endif
#endif

namespace ember::cpu {

namespace {

#if defined(EMBER_NO_CACHE)
// Address sanitizer must see every allocation; it aborts on requests that it cannot serve.
constexpr bool kCaching = false;
constexpr size_t kMaxRequest = size_t{1} << 38;
#else
constexpr bool kCaching = true;
constexpr size_t kMaxRequest = size_t{1} << 46;  // what user space can address
#endif

constexpr size_t kHugePage = size_t{2} << 20;
constexpr uint32_t kLinearClasses = 8;                             // 64, 128, …, 512
constexpr uint32_t kNumClasses = kLinearClasses + (46 - 9) * 8;    // up to 2^46
constexpr uint32_t kSmallClasses = kLinearClasses + (16 - 9) * 8;  // up to 64 KiB
constexpr size_t kThreadCacheBytes = size_t{4} << 20;              // kept by one thread
constexpr size_t kBatchBytes = size_t{64} << 10;                   // moved between the levels at a time
constexpr int64_t kPendingBytes = 256 << 10;                       // counted by a thread on its own
constexpr size_t kKeptBytes = size_t{256} << 20;                   // cached for sure, beyond the peak of live bytes

// A free block; the list runs through the blocks themselves.
struct FreeBlock {
  FreeBlock* next;
};

// ---- the system ----

void* system_allocate(size_t size) noexcept {
  if (!kCaching || size < kHugePage) return std::aligned_alloc(64, size);
  // Reserve enough to align, and give the ends back.
  const size_t reserved = size + kHugePage;
  void* p = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  char* const start = static_cast<char*>(p);
  char* const aligned = start + (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (aligned != start) munmap(start, static_cast<size_t>(aligned - start));
  char* const end = start + reserved;
  if (aligned + size != end) munmap(aligned + size, static_cast<size_t>(end - aligned) - size);
  madvise(aligned, size, MADV_HUGEPAGE);  // only advice: an error changes nothing
  return aligned;
}

void system_free(void* p, size_t size) noexcept {
  if (!kCaching || size < kHugePage) {
    std::free(p);
  } else {
    munmap(p, size);
  }
}

// ---- the two levels ----

// What one thread keeps. Only its thread writes it; the counters are read by others.
struct ThreadCache {
  FreeBlock* lists[kSmallClasses] = {};
  uint32_t counts[kSmallClasses] = {};
  size_t bytes = 0;
  std::atomic<int64_t> pending_live{0};  // not yet in Global::live
  int64_t pending_peak = 0;
  std::atomic<uint64_t> allocations{0};
  ThreadCache* next = nullptr;  // of all threads' caches
};

struct Global {
  std::mutex mutex;
  FreeBlock* lists[kNumClasses] = {};
  size_t cached_large = 0;  // bytes in the lists above the small classes
  size_t reserved = 0;      // bytes taken from the system
  int64_t live = 0;
  int64_t peak_live = 0;
  size_t peak_reserved = 0;
  uint64_t allocations = 0;
  uint64_t system_allocations = 0;
  ThreadCache* threads = nullptr;
};

// Never destroyed: memory may be freed by any destructor.
Global& global() {
  static Global* const instance = new Global;
  return *instance;
}

// Adds what the thread has counted to the global counters. The mutex is held.
void settle(Global& g, ThreadCache& t) {
  const int64_t pending = t.pending_live.load(std::memory_order_relaxed);
  g.peak_live = std::max(g.peak_live, g.live + t.pending_peak);
  g.live += pending;
  g.peak_live = std::max(g.peak_live, g.live);
  g.allocations += t.allocations.load(std::memory_order_relaxed);
  t.pending_live.store(0, std::memory_order_relaxed);
  t.allocations.store(0, std::memory_order_relaxed);
  t.pending_peak = 0;
}

void push(FreeBlock*& list, void* p) {
  FreeBlock* const block = static_cast<FreeBlock*>(p);
  block->next = list;
  list = block;
}
void* pop(FreeBlock*& list) {
  FreeBlock* const block = list;
  if (block != nullptr) list = block->next;
  return block;
}

// Gives the blocks of a class's list back to the system. The mutex is held.
void release_list(Global& g, FreeBlock*& list, uint32_t size_class) {
  const size_t size = class_size(size_class);
  while (void* p = pop(list)) {
    system_free(p, size);
    g.reserved -= size;
    if (size_class >= kSmallClasses) g.cached_large -= size;
  }
}

void release_all(Global& g, ThreadCache* t) {
  for (uint32_t c = 0; c < kNumClasses; ++c) release_list(g, g.lists[c], c);
  if (t == nullptr) return;
  for (uint32_t c = 0; c < kSmallClasses; ++c) {
    release_list(g, t->lists[c], c);
    t->counts[c] = 0;
  }
  t->bytes = 0;
}

// ---- the calling thread's cache ----

// Trivially destructible, so readable until the thread is gone: null before the first use and after the
// thread's destructors have taken the cache away.
thread_local constinit ThreadCache* thread_cache = nullptr;
thread_local constinit bool thread_ended = false;

struct ThreadEnd {
  ~ThreadEnd() {
    ThreadCache* const t = thread_cache;
    thread_cache = nullptr;
    thread_ended = true;
    Global& g = global();
    const std::lock_guard lock(g.mutex);
    settle(g, *t);
    for (uint32_t c = 0; c < kSmallClasses; ++c) {
      while (void* p = pop(t->lists[c])) push(g.lists[c], p);
    }
    for (ThreadCache** link = &g.threads; *link != nullptr; link = &(*link)->next) {
      if (*link == t) {
        *link = t->next;
        break;
      }
    }
    delete t;
  }
};

EMBER_NOINLINE ThreadCache* make_thread_cache() {
  if (thread_ended) return nullptr;
  thread_cache = new ThreadCache;
  static thread_local ThreadEnd end;
  (void)end;
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  thread_cache->next = g.threads;
  g.threads = thread_cache;
  return thread_cache;
}

ThreadCache* this_thread_cache() { return thread_cache != nullptr ? thread_cache : make_thread_cache(); }

// ---- allocation ----

[[noreturn]] void throw_out_of_memory(size_t nbytes, const MemoryStats& stats) {
  detail::throw_as<OutOfMemoryError>(detail::concat("out of memory on cpu: cannot allocate ", nbytes,
                                                    " bytes; tensors hold ", stats.live, " bytes and ", stats.cached,
                                                    " more are cached"));
}

// Counts a block that was taken (size > 0) or given back (size < 0). The mutex is held.
void count_live(Global& g, ThreadCache* t, int64_t size) {
  if (t != nullptr) settle(g, *t);
  g.live += size;
  g.peak_live = std::max(g.peak_live, g.live);
  if (size > 0) ++g.allocations;
}

void* allocate_from_system(Global& g, ThreadCache* t, size_t size) {
  // Blocks of sizes that nobody asks for any more must not pile up.
  if (g.cached_large > static_cast<size_t>(g.peak_live) + kKeptBytes) release_all(g, nullptr);
  void* p = system_allocate(size);
  if (p == nullptr) {
    release_all(g, t);
    p = system_allocate(size);
    if (p == nullptr) return nullptr;
  }
  g.reserved += size;
  g.peak_reserved = std::max(g.peak_reserved, g.reserved);
  ++g.system_allocations;
  return p;
}

// From the global lists or the system. Null on exhaustion.
EMBER_NOINLINE void* allocate_global(ThreadCache* t, uint32_t size_class) {
  Global& g = global();
  const size_t size = class_size(size_class);
  const std::lock_guard lock(g.mutex);
  void* p = pop(g.lists[size_class]);
  if (p == nullptr) {
    p = allocate_from_system(g, t, size);
    if (p == nullptr) return nullptr;
  } else if (size_class >= kSmallClasses) {
    g.cached_large -= size;
  } else if (t != nullptr) {
    // The thread will want more of these.
    for (size_t moved = size; moved < kBatchBytes; moved += size) {
      void* more = pop(g.lists[size_class]);
      if (more == nullptr) break;
      push(t->lists[size_class], more);
      ++t->counts[size_class];
      t->bytes += size;
    }
  }
  count_live(g, t, static_cast<int64_t>(size));
  return p;
}

// Moves half of a class's blocks to the global list. The mutex is held.
void shrink(Global& g, ThreadCache& t, uint32_t size_class) {
  const size_t size = class_size(size_class);
  for (uint32_t n = (t.counts[size_class] + 1) / 2; n > 0; --n) {
    push(g.lists[size_class], pop(t.lists[size_class]));
    --t.counts[size_class];
    t.bytes -= size;
  }
}

EMBER_NOINLINE void settle_and_shrink(ThreadCache& t) {
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  settle(g, t);
  if (t.bytes <= kThreadCacheBytes) return;
  for (uint32_t c = 0; c < kSmallClasses; ++c) shrink(g, t, c);
}

EMBER_NOINLINE void free_global(ThreadCache* t, void* p, uint32_t size_class) noexcept {
  Global& g = global();
  const size_t size = class_size(size_class);
  const std::lock_guard lock(g.mutex);
  count_live(g, t, -static_cast<int64_t>(size));
  if (!kCaching) {
    system_free(p, size);
    g.reserved -= size;
    return;
  }
  push(g.lists[size_class], p);
  if (size_class >= kSmallClasses) g.cached_large += size;
}

}  // namespace

uint32_t size_class_of(size_t nbytes) {
  if (nbytes <= 512) return static_cast<uint32_t>((nbytes + 63) / 64) - 1;
  const size_t last = nbytes - 1;
  const auto exponent = static_cast<uint32_t>(std::bit_width(last)) - 1;  // 9 and up
  return kLinearClasses + (exponent - 9) * 8 + static_cast<uint32_t>(last >> (exponent - 3)) - 8;
}

size_t class_size(uint32_t size_class) {
  if (size_class < kLinearClasses) return size_t{64} * (size_class + 1);
  const uint32_t exponent = (size_class - kLinearClasses) / 8 + 9;
  const uint32_t step = (size_class - kLinearClasses) % 8;
  return (size_t{8} + step + 1) << (exponent - 3);
}

Block allocate_memory(size_t nbytes) {
  if (nbytes > kMaxRequest) [[unlikely]]
    throw_out_of_memory(nbytes, allocator_stats());
  const uint32_t size_class = size_class_of(nbytes);
  ThreadCache* const t = this_thread_cache();
  if (size_class < kSmallClasses && t != nullptr) [[likely]] {
    if (void* p = pop(t->lists[size_class])) [[likely]] {
      const size_t size = class_size(size_class);
      --t->counts[size_class];
      t->bytes -= size;
      const int64_t pending = t->pending_live.load(std::memory_order_relaxed) + static_cast<int64_t>(size);
      t->pending_live.store(pending, std::memory_order_relaxed);
      t->pending_peak = std::max(t->pending_peak, pending);
      t->allocations.store(t->allocations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      if (pending > kPendingBytes) [[unlikely]]
        settle_and_shrink(*t);
      return {p, size_class};
    }
  }
  void* const p = allocate_global(t, size_class);
  if (p == nullptr) [[unlikely]]
    throw_out_of_memory(nbytes, allocator_stats());
  return {p, size_class};
}

void free_memory(Block block) noexcept {
  ThreadCache* const t = thread_cache;  // none is made just to free
  if (!kCaching || block.size_class >= kSmallClasses || t == nullptr) {
    return free_global(t, block.data, block.size_class);
  }
  const size_t size = class_size(block.size_class);
  push(t->lists[block.size_class], block.data);
  ++t->counts[block.size_class];
  t->bytes += size;
  const int64_t pending = t->pending_live.load(std::memory_order_relaxed) - static_cast<int64_t>(size);
  t->pending_live.store(pending, std::memory_order_relaxed);
  if (pending < -kPendingBytes || t->bytes > kThreadCacheBytes) [[unlikely]]
    settle_and_shrink(*t);
}

MemoryStats allocator_stats() {
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  if (thread_cache != nullptr) settle(g, *thread_cache);
  MemoryStats stats;
  int64_t live = g.live;
  stats.allocations = g.allocations;
  for (const ThreadCache* t = g.threads; t != nullptr; t = t->next) {
    live += t->pending_live.load(std::memory_order_relaxed);
    stats.allocations += t->allocations.load(std::memory_order_relaxed);
  }
  g.peak_live = std::max(g.peak_live, live);
  stats.live = static_cast<size_t>(std::max<int64_t>(live, 0));
  stats.cached = g.reserved - std::min(g.reserved, stats.live);
  stats.peak_live = static_cast<size_t>(g.peak_live);
  stats.peak_reserved = g.peak_reserved;
  stats.system_allocations = g.system_allocations;
  return stats;
}

void reset_allocator_peaks() {
  const MemoryStats now = allocator_stats();
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  g.peak_live = static_cast<int64_t>(now.live);
  g.peak_reserved = g.reserved;
}

void empty_allocator_cache() {
  Global& g = global();
  const std::lock_guard lock(g.mutex);
  release_all(g, thread_cache);
}

}  // namespace ember::cpu
