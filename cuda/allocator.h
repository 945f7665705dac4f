// The caching allocator of one device. Memory is ordered by stream: a freed block is reused at once by
// later allocations on the stream that it was allocated on, because the work queued there before runs
// before. Work on other streams must be declared with record_stream.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include <ember/core/backend.h>
#include <ember/cuda/allocator_sizes.h>
#include <ember/cuda/context.h>

namespace ember::cuda {

class DeviceAllocator;
struct StreamPool;

// A piece of a segment; a segment is what one cudaMalloc gave.
struct Block {
  char* data = nullptr;
  size_t size = 0;
  DeviceAllocator* owner = nullptr;
  StreamPool* pool = nullptr;
  Block* previous = nullptr;  // neighbours in the segment, by address
  Block* next = nullptr;
  Block* bin_previous = nullptr;  // in a bin of the small pool
  Block* bin_next = nullptr;
  bool free = false;
  bool small = false;
  std::vector<cudaStream_t> users;  // other streams that work with it
};

struct BlockLess {
  bool operator()(const Block* a, const Block* b) const {
    return a->size != b->size ? a->size < b->size : a->data < b->data;
  }
};

// The free blocks of one stream.
struct StreamPool {
  cudaStream_t stream = nullptr;
  BinMap occupied;
  Block* bins[BinMap::kBins] = {};
  std::set<Block*, BlockLess> large;
};

// Thread-safe. All sizes in bytes.
class DeviceAllocator {
 public:
  // The allocator of a device; made at the first call, without touching CUDA, and never destroyed.
  static DeviceAllocator& of(int device);
  // The same, or null if there is none yet.
  static DeviceAllocator* if_made(int device) noexcept;

  // A block of at least `nbytes` > 0 for work on `stream`. Throws Error on exhaustion, having given the
  // cache back to the driver and tried again.
  Block* allocate(size_t nbytes, cudaStream_t stream);
  // Also after the CUDA runtime has gone.
  void free(Block* block) noexcept;
  void record_stream(Block* block, cudaStream_t stream);

  // Memory outside the pools, for workspaces that live as long as the process. Its bytes are
  // counted nowhere.
  void* allocate_permanent(size_t nbytes);

  MemoryStats stats();
  void reset_peak();
  void empty_cache();

 private:
  explicit DeviceAllocator(int device) : device_(device) {}

  // All of these hold mutex_.
  StreamPool& pool_of(cudaStream_t stream);
  Block* take(StreamPool& pool, size_t size);
  Block* allocate_segment(StreamPool& pool, size_t size);
  void* system_allocate(size_t nbytes, size_t at_least, size_t* got);
  void put(Block* block);
  void insert(Block* block);
  void remove(Block* block);
  void split(Block* block, size_t size);
  void absorb_next(Block* block);
  void reclaim(bool wait);
  void release_segments();
  Block* new_block();
  void delete_block(Block* block);
  [[noreturn]] void throw_exhausted(size_t nbytes);

  struct Pending {  // freed, but work on other streams is still queued
    Block* block;
    std::vector<ScopedEvent> events;
  };

  const int device_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<StreamPool>> pools_;
  std::deque<Pending> pending_;
  std::vector<Block*> spare_blocks_;
  size_t live_ = 0;
  size_t reserved_ = 0;
  size_t peak_live_ = 0;
  size_t peak_reserved_ = 0;
  uint64_t allocations_ = 0;
  uint64_t system_allocations_ = 0;
};

}  // namespace ember::cuda
