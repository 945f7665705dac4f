// The caching allocator of pinned host memory, which devices copy from and to by themselves while the host goes on.
// A block is used again when the copies have run that were queued with it. Tests put something else in CUDA's place.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <ember/core/memory_stats.h>
#include <ember/cuda/allocator_driver.h>

namespace ember::cuda {

class PinnedDriver {
 public:
  virtual ~PinnedDriver() = default;
  virtual void* allocate(size_t nbytes) = 0;  // null where the host has no more
  virtual void free(void* data) = 0;
  virtual EventDriver& events(int device) = 0;
};

class PinnedAllocator;

struct PinnedBlock {
  struct Use {
    int device;
    StreamHandle stream;
    CUevent_st* event;  // null: not recorded yet
  };
  char* data = nullptr;
  size_t size = 0;  // a power of two
  PinnedAllocator* owner = nullptr;
  bool live = false;
  std::vector<Use> uses;
  PinnedBlock* next = nullptr;  // in a list of blocks that are not live
};

// Thread-safe. Sizes in bytes.
class PinnedAllocator {
 public:
  // Made at the first call and never destroyed.
  static PinnedAllocator& instance();
  static PinnedAllocator* if_made() noexcept;

  explicit PinnedAllocator(std::unique_ptr<PinnedDriver> driver) : driver_(std::move(driver)) {}

  // At least `nbytes` > 0, aligned to 4096. Throws OutOfMemoryError.
  PinnedBlock* allocate(size_t nbytes);
  void free(PinnedBlock* block) noexcept;
  // Notes that work queued on `stream` uses the block that `data` points into; false: there is no such block.
  bool record_use(const void* data, int device, StreamHandle stream);
  bool owns(const void* data);

  MemoryStats stats();
  void empty_cache();

 private:
  static constexpr size_t kLeast = 4096;

  PinnedBlock* find(const void* data);
  bool settle(PinnedBlock* block);
  void reclaim();
  void release();

  const std::unique_ptr<PinnedDriver> driver_;
  std::atomic<size_t> count_{0};  // of the blocks: without any, look-ups need no lock
  std::mutex mutex_;
  std::map<const char*, std::unique_ptr<PinnedBlock>> blocks_;
  PinnedBlock* free_[64] = {};      // by the logarithm of their size
  PinnedBlock* waiting_ = nullptr;  // freed, but copies may be under way
  MemoryStats stats_;
};

}  // namespace ember::cuda
