#include <ember/cuda/allocator.h>

#include <algorithm>
#include <utility>

#include <ember/core/error.h>
#include <ember/cuda/allocator_pool.h>

namespace ember::cuda {

bool BlockLess::operator()(const Block* a, const Block* b) const {
  return a->size != b->size ? a->size < b->size : a->data < b->data;
}
bool BlockLess::operator()(const Block* a, size_t size) const { return a->size < size; }

DeviceAllocator::DeviceAllocator(int device, std::unique_ptr<MemoryDriver> driver)
    : device_(device), driver_(std::move(driver)) {}

DeviceAllocator::~DeviceAllocator() {
  const auto delete_blocks = [](const std::vector<std::unique_ptr<StreamPool>>& pools) {
    for (const auto& pool : pools) {
      for (const auto& segment : pool->segments) {
        for (Block* b = segment->first; b != nullptr;) delete std::exchange(b, b->next);
      }
    }
  };
  delete_blocks(pools_);
  for (const auto& graph : graphs_) delete_blocks(graph->pools);
  for (Block* const block : spare_blocks_) delete block;
}

Block* DeviceAllocator::allocate(size_t nbytes, StreamHandle stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (nbytes > kMaxRequest) throw_exhausted(nbytes);
  if (queued_ != 0 || !deferred_.empty()) [[unlikely]] {
    settle(stream);
  }
  const size_t size = block_size(nbytes);
  StreamPool& pool = pool_of(stream);
  Block* block = take_kept(pool, size);
  if (block == nullptr) {
    provide_blocks(1);  // for the split
    block = take(pool, size);
    if (block == nullptr) [[unlikely]] {
      block = take_more(pool, size);
    }
    if (should_split(block->size, size)) insert(cut(block, size));
  }
  block->state = BlockState::Live;
  if (pool.graph != nullptr) ++pool.graph->held;
  ++allocations_;
  live_ += block->size;
  peak_live_ = std::max(peak_live_, live_);
  return block;
}

void DeviceAllocator::free(Block* block) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  live_ -= block->size;
  PrivatePool* const graph = block->pool->graph;
  if (block->users.empty()) [[likely]] {
    give_back(block);
  } else {
    block->state = BlockState::Waiting;
    wait_for_users(block);
  }
  if (graph != nullptr && graph->released) release_idle_graphs();
}

void DeviceAllocator::record_stream(Block* block, StreamHandle stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stream == block->pool->stream) return;
  if (std::find(block->users.begin(), block->users.end(), stream) == block->users.end()) {
    block->users.push_back(stream);
  }
}

void* DeviceAllocator::allocate_permanent(size_t nbytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  void* data = fits(nbytes) ? driver_->allocate(nbytes) : nullptr;
  if (data == nullptr && !capturing(nullptr)) {
    settle_all();
    release_cache();
    if (fits(nbytes)) data = driver_->allocate(nbytes);
  }
  if (data == nullptr) throw_exhausted(nbytes);
  permanent_ += nbytes;
  add_reserved(nbytes);
  return data;
}

// ---- graphs ----

PrivatePool* DeviceAllocator::make_private_pool() {
  const std::lock_guard<std::mutex> lock(mutex_);
  graphs_.push_back(std::make_unique<PrivatePool>());
  return graphs_.back().get();
}

void DeviceAllocator::begin_private(PrivatePool* pool, StreamHandle stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  EMBER_CHECK(!pool->released, "begin_private: the pool was released");
  for (const Route& route : routes_) {
    if (route.stream == stream && route.graph == pool) return;
    EMBER_CHECK(route.stream != stream,
                "begin_private: allocations of this stream already come from another private pool");
  }
  routes_.push_back({stream, pool});
  ++pool->routes;
}

void DeviceAllocator::end_private(PrivatePool* pool) {
  const std::lock_guard<std::mutex> lock(mutex_);
  end_routes(pool);
  release_idle_graphs();
}

void DeviceAllocator::end_routes(PrivatePool* pool) {
  std::erase_if(routes_, [pool](const Route& route) { return route.graph == pool; });
  pool->routes = 0;
  // The graph orders its own streams, and nothing ran during the capture.
  for (Block* const block : pool->kept) {
    block->users.clear();
    give_back(block);
  }
  pool->kept.clear();
}

void DeviceAllocator::release_private(PrivatePool* pool) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  end_routes(pool);
  pool->released = true;
  try {
    if (pool->held != 0 && routes_.empty()) {
      driver_->synchronize();  // a replay may still run
      for (const auto& p : pool->pools) release_free(*p);
    }
  } catch (...) {  // what is left goes with the cache
  }
  release_idle_graphs();
}

void DeviceAllocator::empty_cache() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (reserved_ == permanent_) return;
  EMBER_CHECK(routes_.empty(), "empty_cache: not while a graph is captured");
  settle_all();
  release_cache();
}

void DeviceAllocator::set_limit(size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limit_ = bytes;
  if (limit_ == 0 || reserved_ <= limit_ || !routes_.empty()) return;
  settle_all();
  release_cache();
}

// ---- pools and their blocks ----

StreamPool& DeviceAllocator::pool_of(StreamHandle stream) {
  for (const Route& route : routes_) {
    if (route.stream == stream) return pool_in(route.graph->pools, stream, route.graph);
  }
  if (!routes_.empty()) [[unlikely]] {
    if (PrivatePool* const graph = graph_of(stream)) {
      routes_.push_back({stream, graph});
      ++graph->routes;
      return pool_in(graph->pools, stream, graph);
    }
  }
  return pool_in(pools_, stream, nullptr);
}

// The pool of the capture that a stream has been drawn into, by an event of one of its streams.
PrivatePool* DeviceAllocator::graph_of(StreamHandle stream) {
  const uint64_t capture = driver_->capture_of(stream);
  if (capture == 0 || capture == EventDriver::kOtherCapture) return nullptr;
  for (const Route& route : routes_) {
    if (driver_->capture_of(route.stream) == capture) return route.graph;
  }
  return nullptr;
}

StreamPool& DeviceAllocator::pool_in(std::vector<std::unique_ptr<StreamPool>>& pools, StreamHandle stream,
                                     PrivatePool* graph) {
  for (const auto& pool : pools) {
    if (pool->stream == stream) return *pool;
  }
  pools.push_back(std::make_unique<StreamPool>());
  pools.back()->stream = stream;
  pools.back()->graph = graph;
  return *pools.back();
}

// The smallest free block of the pool that holds `size`, no longer free; null if there is none.
Block* DeviceAllocator::take(StreamPool& pool, size_t size) {
  Block* block = nullptr;
  if (is_small(size)) {
    int bin = pool.occupied.find(BinMap::bin_of(size));
    if (bin < 0 && merge_kept(pool)) bin = pool.occupied.find(BinMap::bin_of(size));
    if (bin >= 0) block = pool.bins[bin];
  } else {
    const auto found = pool.large.lower_bound(size);
    if (found != pool.large.end()) block = *found;
  }
  if (block != nullptr) remove(block);
  return block;
}

namespace {
KeptBlocks& kept_of(StreamPool& pool, size_t size) {
  return pool.kept[static_cast<size_t>(BinMap::bin_of(size)) % StreamPool::kKeptSizes];
}
}  // namespace

// One that is kept of just this size; null if there is none.
Block* DeviceAllocator::take_kept(StreamPool& pool, size_t size) {
  if (!is_small(size)) return nullptr;
  KeptBlocks& kept = kept_of(pool, size);
  Block* const block = kept.first;
  if (block == nullptr || block->size != size) return nullptr;
  kept.first = block->bin_next;
  --kept.count;
  block->bin_next = nullptr;
  return block;
}

// A small block, in the place of those of another size.
void DeviceAllocator::keep(Block* block) {
  KeptBlocks& kept = kept_of(*block->pool, block->size);
  if (kept.first != nullptr && kept.first->size != block->size) merge_kept(kept);
  if (kept.count == KeptBlocks::kMost) return put(block);
  block->state = BlockState::Kept;
  block->bin_next = kept.first;
  kept.first = block;
  ++kept.count;
}

// Makes the blocks that are kept free ones like others. False if there were none.
bool DeviceAllocator::merge_kept(StreamPool& pool) {
  bool any = false;
  for (KeptBlocks& kept : pool.kept) {
    any |= kept.first != nullptr;
    merge_kept(kept);
  }
  return any;
}

void DeviceAllocator::merge_kept(KeptBlocks& kept) {
  for (Block* next = std::exchange(kept.first, nullptr); next != nullptr;) {
    Block* const block = std::exchange(next, next->bin_next);
    block->state = BlockState::Live;
    block->bin_next = nullptr;
    put(block);
  }
  kept.count = 0;
}

// Nothing uses the block any more.
void DeviceAllocator::give_back(Block* block) {
  if (PrivatePool* const graph = block->pool->graph) --graph->held;
  block->small ? keep(block) : put(block);
}

// Makes a block free, merged with its free neighbours.
void DeviceAllocator::put(Block* block) { insert(merge(block)); }

// Joins a block, which is in no list, with its free neighbours.
Block* DeviceAllocator::merge(Block* block) {
  if (block->next != nullptr && block->next->state == BlockState::Free) {
    remove(block->next);
    absorb_next(block);
  }
  if (block->previous != nullptr && block->previous->state == BlockState::Free) {
    block = block->previous;
    remove(block);
    absorb_next(block);
  }
  return block;
}

void DeviceAllocator::insert(Block* block) {
  block->state = BlockState::Free;
  if (block->small) {
    const int bin = BinMap::bin_of(block->size);
    Block*& head = block->pool->bins[bin];
    block->bin_previous = nullptr;
    block->bin_next = head;
    if (head != nullptr) head->bin_previous = block;
    head = block;
    block->pool->occupied.set(bin);
  } else {
    block->node.value() = block;
    block->pool->large.insert(std::move(block->node));
  }
}

void DeviceAllocator::remove(Block* block) {
  block->state = BlockState::Live;
  if (block->small) {
    const int bin = BinMap::bin_of(block->size);
    Block*& head = block->pool->bins[bin];
    if (block->bin_previous != nullptr) {
      block->bin_previous->bin_next = block->bin_next;
    } else {
      head = block->bin_next;
    }
    if (block->bin_next != nullptr) block->bin_next->bin_previous = block->bin_previous;
    block->bin_previous = block->bin_next = nullptr;
    if (head == nullptr) block->pool->occupied.clear(bin);
  } else {
    block->node = block->pool->large.extract(block->pool->large.find(block));
  }
}

// Cuts a block that is in no list to `size`; the rest is a new block like it, in no list either.
Block* DeviceAllocator::cut(Block* block, size_t size) {
  Block* const rest = new_block();
  rest->data = block->data + size;
  rest->size = block->size - size;
  rest->owner = this;
  rest->segment = block->segment;
  rest->pool = block->pool;
  rest->small = block->small;
  rest->state = block->state;
  rest->previous = block;
  rest->next = block->next;
  if (rest->next != nullptr) rest->next->previous = rest;
  block->next = rest;
  block->size = size;
  return rest;
}

// Joins a block with its next neighbour; neither is in a free list.
void DeviceAllocator::absorb_next(Block* block) {
  Block* const next = block->next;
  block->size += next->size;
  block->next = next->next;
  if (block->next != nullptr) block->next->previous = block;
  delete_block(next);
}

// After this, new_block() can be called `count` times without failing.
void DeviceAllocator::provide_blocks(size_t count) {
  if (spare_blocks_.size() >= count) [[likely]] {
    return;
  }
  spare_blocks_.reserve(64);
  while (spare_blocks_.size() < count) {
    auto block = std::make_unique<Block>();
    BlockSet set;
    set.insert(block.get());
    block->node = set.extract(set.begin());
    spare_blocks_.push_back(block.release());
  }
}

Block* DeviceAllocator::new_block() {
  Block* const block = spare_blocks_.back();
  spare_blocks_.pop_back();
  return block;
}

void DeviceAllocator::delete_block(Block* block) {
  if (spare_blocks_.size() == spare_blocks_.capacity()) {  // push_back may not throw here
    delete block;
    return;
  }
  BlockSet::node_type node = std::move(block->node);
  *block = Block();
  block->node = std::move(node);
  spare_blocks_.push_back(block);
}

}  // namespace ember::cuda
