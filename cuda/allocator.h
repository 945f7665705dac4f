// The caching allocator of one device. Memory is ordered by stream: a freed block is reused at once by
// later allocations on the stream that it was allocated on, because the work queued there before runs
// before. Work on other streams must be declared with record_stream.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include <ember/core/backend.h>
#include <ember/cuda/allocator_driver.h>
#include <ember/cuda/allocator_sizes.h>

namespace ember::cuda {

class DeviceAllocator;
struct Block;
struct Segment;
struct StreamPool;

// The memory of captured graphs: what a graph's kernels read and write stays theirs until the graph has gone.
class PrivatePool;

// By size, then by address.
struct BlockLess {
  using is_transparent = void;
  bool operator()(const Block* a, const Block* b) const;
  bool operator()(const Block* a, size_t size) const;
};
using BlockSet = std::set<Block*, BlockLess>;

enum class BlockState : uint8_t {
  Live,
  Waiting,  // freed, but work on other streams may still use it
  Free,
  Kept,      // free for a request of its size only: not merged yet
  Unmapped,  // addresses without memory
};

// A piece of a segment.
struct Block {
  char* data = nullptr;
  size_t size = 0;
  DeviceAllocator* owner = nullptr;
  Segment* segment = nullptr;
  StreamPool* pool = nullptr;
  Block* previous = nullptr;  // neighbours in the segment, by address
  Block* next = nullptr;
  Block* bin_previous = nullptr;  // in a bin of the small pool
  Block* bin_next = nullptr;      // the same, or in a list of those that are kept
  BlockState state = BlockState::Live;
  bool small = false;
  uint32_t waits = 0;               // events that have not passed
  std::vector<StreamHandle> users;  // other streams that work with it
  BlockSet::node_type node;         // the block's place in a set, while it is in none: entering one cannot fail
};

// What one call of the driver gave; or a range of addresses with memory behind some of them, which grows and
// shrinks by whole granules.
struct Segment {
  char* base = nullptr;
  size_t size = 0;    // of the addresses
  size_t mapped = 0;  // of the memory
  bool expandable = false;
  Block* first = nullptr;  // its blocks, by address: they cover it without gaps
};

// Blocks of one size that were freed last. A step that runs again frees and requests the same sizes, and to merge a
// block with its neighbours and cut it out again is most of the work of a request.
struct KeptBlocks {
  static constexpr int kMost = 8;
  Block* first = nullptr;
  int count = 0;
};

// The memory of one stream.
struct StreamPool {
  StreamHandle stream = nullptr;
  PrivatePool* graph = nullptr;  // null: the general cache
  std::vector<std::unique_ptr<Segment>> segments;
  Segment* range = nullptr;  // the expandable one
  bool no_range = false;     // there were no addresses for one
  BinMap occupied;           // the free blocks: small ones by size, large ones ordered
  Block* bins[BinMap::kBins] = {};
  static constexpr size_t kKeptSizes = 64;
  KeptBlocks kept[kKeptSizes];  // small ones, by the last bits of their bins
  BlockSet large;
};

// Thread-safe. All sizes in bytes.
class DeviceAllocator {
 public:
  // The allocator of a device; made at the first call, without touching CUDA, and never destroyed.
  static DeviceAllocator& of(int device);
  // The same, or null if there is none yet.
  static DeviceAllocator* if_made(int device) noexcept;

  // One over another driver, for tests. All its blocks must have been freed when it is destroyed.
  DeviceAllocator(int device, std::unique_ptr<MemoryDriver> driver);
  ~DeviceAllocator();

  // A block of at least `nbytes` > 0 for work on `stream`. Throws OutOfMemoryError on exhaustion, having given the
  // cache back to the driver and tried again; then nothing has changed but that.
  Block* allocate(size_t nbytes, StreamHandle stream);
  // Also after the CUDA runtime has gone.
  void free(Block* block) noexcept;
  void record_stream(Block* block, StreamHandle stream);

  // Memory outside the pools, for workspaces that live as long as the process.
  void* allocate_permanent(size_t nbytes);

  // ---- graphs ----
  // While any stream is routed to a private pool, or one records a graph, nothing is asked of CUDA that a capture
  // forbids: no events are asked or waited for, the device is not waited for, and so the cache is not given back when
  // memory is short.

  PrivatePool* make_private_pool();  // never null
  // From now on allocations for `stream`, by any thread, come from the pool: before the stream begins to record. So
  // do those for streams that its capture spreads to. More streams may be named.
  void begin_private(PrivatePool* pool, StreamHandle stream);
  // No longer, for all of its streams: after they have stopped recording. Its blocks go back into it when they are
  // freed.
  void end_private(PrivatePool* pool);
  // The pool is not begun again. Its memory goes back to the driver as far as nothing lives in it, the rest, and the
  // pool itself, when that is freed.
  void release_private(PrivatePool* pool) noexcept;

  MemoryStats stats();
  void reset_peak();
  void empty_cache();
  // At most so many bytes come from the driver; 0: no limit. What is cached beyond it goes back.
  void set_limit(size_t bytes);
  MemorySnapshot snapshot();

 private:
  // All of these hold mutex_.
  StreamPool& pool_of(StreamHandle stream);
  StreamPool& pool_in(std::vector<std::unique_ptr<StreamPool>>& pools, StreamHandle stream, PrivatePool* graph);
  PrivatePool* graph_of(StreamHandle stream);
  void end_routes(PrivatePool* pool);
  Block* take(StreamPool& pool, size_t size);
  Block* take_kept(StreamPool& pool, size_t size);
  void keep(Block* block);
  bool merge_kept(StreamPool& pool);
  void merge_kept(KeptBlocks& kept);
  void give_back(Block* block);
  void put(Block* block);
  Block* merge(Block* block);
  void insert(Block* block);
  void remove(Block* block);
  Block* cut(Block* block, size_t size);
  void absorb_next(Block* block);
  Block* new_block();
  void delete_block(Block* block);
  void provide_blocks(size_t count);

  // What the pools get from the driver and give back (allocator_segments.cpp).
  struct Hole {
    Block* block = nullptr;  // unmapped; null: there is none
    size_t at = 0;           // in the block
    size_t nbytes = 0;
  };
  Block* take_more(StreamPool& pool, size_t size);
  Block* try_more(StreamPool& pool, size_t size, size_t segment, bool last);
  Block* new_segment(StreamPool& pool, size_t size, size_t nbytes);
  bool make_range(StreamPool& pool);
  Hole find_hole(const StreamPool& pool, size_t size) const;
  Block* grow(StreamPool& pool, const Hole& hole, bool last);
  bool fits(size_t nbytes) const;
  void add_reserved(size_t nbytes);
  void release_cache();
  void release_free(StreamPool& pool);
  void release_segment(StreamPool& pool, Block* block);
  void unmap_free(Block* block);
  void drop_range(StreamPool& pool);
  void release_idle_graphs() noexcept;
  MemoryStats current_stats() const;
  [[noreturn]] void throw_exhausted(size_t nbytes);

  // Blocks that other streams used (allocator_events.cpp).
  struct EventQueue {  // events of one stream pass in order
    StreamHandle stream;
    std::deque<std::pair<CUevent_st*, Block*>> events;
  };
  bool capturing(StreamHandle stream);
  bool users_capture(Block* block);
  void wait_for_users(Block* block) noexcept;
  EventQueue& queue_of(StreamHandle stream);
  void queue_events(Block* block);
  void settle(StreamHandle stream);
  void settle_all();
  void settle_deferred();
  void settle_events(bool wait);

  struct Route {
    StreamHandle stream;
    PrivatePool* graph;
  };

  const int device_;
  const std::unique_ptr<MemoryDriver> driver_;
  std::mutex mutex_;
  size_t granule_ = 0;  // of expandable segments; 0: they are not used
  bool knows_granule_ = false;
  std::vector<std::unique_ptr<StreamPool>> pools_;
  std::vector<std::unique_ptr<PrivatePool>> graphs_;
  std::vector<Route> routes_;
  std::vector<EventQueue> queues_;
  size_t queued_ = 0;             // events in them
  std::vector<Block*> deferred_;  // freed during a capture, with other users
  std::vector<Block*> stuck_;     // of which no events could be recorded: until the device has been waited for
  std::vector<Block*> spare_blocks_;
  size_t live_ = 0;
  size_t reserved_ = 0;  // from the driver, permanent ones included
  size_t permanent_ = 0;
  size_t limit_ = 0;  // of reserved_; 0: none
  size_t peak_live_ = 0;
  size_t peak_reserved_ = 0;
  uint64_t allocations_ = 0;
  uint64_t system_allocations_ = 0;
};

}  // namespace ember::cuda
