// What the allocator asks of the driver and gives back to it.
#include <algorithm>
#include <exception>

#include <ember/cuda/allocator_pool.h>

namespace ember::cuda {

namespace {

size_t offset(const Segment* segment, const char* data) { return static_cast<size_t>(data - segment->base); }

}  // namespace

// ---- more memory ----

// A block of at least `size` that is in no list, from the driver; where that has none, once more without the cache.
Block* DeviceAllocator::take_more(StreamPool& pool, size_t size) {
  const size_t segment = segment_size(size);
  if (Block* const block = try_more(pool, size, segment, false)) return block;
  if (!capturing(pool.stream)) {
    settle_all();
    if (Block* const block = take(pool, size)) return block;
    release_cache();
    provide_blocks(1);  // for the split
    if (Block* const block = take(pool, size)) return block;
    if (Block* const block = try_more(pool, size, segment, true)) return block;
  }
  const size_t least = round_up(size, kSegmentQuantum);
  if (least < segment || pool.range != nullptr) {
    if (Block* const block = new_segment(pool, size, least)) return block;
  }
  throw_exhausted(size);
}

Block* DeviceAllocator::try_more(StreamPool& pool, size_t size, size_t segment, bool last) {
  if (!is_small(size) && make_range(pool)) {
    if (const Hole hole = find_hole(pool, size); hole.block != nullptr) return grow(pool, hole, last);
    // No addresses are left between the live blocks.
  }
  return new_segment(pool, size, segment);
}

// A segment of its own; null where there is no memory.
Block* DeviceAllocator::new_segment(StreamPool& pool, size_t size, size_t nbytes) {
  if (!fits(nbytes)) return nullptr;
  provide_blocks(2);
  pool.segments.reserve(pool.segments.size() + 1);
  auto segment = std::make_unique<Segment>();
  void* const data = driver_->allocate(nbytes);
  if (data == nullptr) return nullptr;
  segment->base = static_cast<char*>(data);
  segment->size = segment->mapped = nbytes;
  Block* const block = new_block();
  block->data = segment->base;
  block->size = nbytes;
  block->owner = this;
  block->segment = segment.get();
  block->pool = &pool;
  block->small = is_small(size);
  segment->first = block;
  pool.segments.push_back(std::move(segment));
  add_reserved(nbytes);
  return block;
}

// Whether the pool has a range of addresses.
bool DeviceAllocator::make_range(StreamPool& pool) {
  if (pool.range != nullptr) return true;
  if (pool.no_range) return false;
  if (!knows_granule_) {
    const size_t granularity = driver_->granularity();
    granule_ = granularity == 0 ? 0 : round_up(kLargeSegment, granularity);
    knows_granule_ = true;
  }
  pool.no_range = true;
  const size_t total = driver_->info().total;
  if (granule_ == 0 || total == 0) return false;
  // Twice the device's memory, so that live blocks rarely leave no room between them; addresses cost nothing.
  const size_t nbytes = round_up(2 * total, granule_);
  provide_blocks(1);
  pool.segments.reserve(pool.segments.size() + 1);
  auto segment = std::make_unique<Segment>();
  void* const base = driver_->reserve(nbytes);
  if (base == nullptr) return false;
  segment->base = static_cast<char*>(base);
  segment->size = nbytes;
  segment->expandable = true;
  Block* const block = new_block();
  block->data = segment->base;
  block->size = nbytes;
  block->owner = this;
  block->segment = segment.get();
  block->pool = &pool;
  block->state = BlockState::Unmapped;
  segment->first = block;
  pool.range = segment.get();
  pool.no_range = false;
  pool.segments.push_back(std::move(segment));
  return true;
}

// Where memory for a block of `size` needs the fewest granules, with the free memory beside it; the lowest of them.
DeviceAllocator::Hole DeviceAllocator::find_hole(const StreamPool& pool, size_t size) const {
  Hole best;
  const auto consider = [&](Block* block, size_t at, size_t nbytes) {
    if (best.block == nullptr || nbytes < best.nbytes) best = {block, at, nbytes};
  };
  for (Block* b = pool.range->first; b != nullptr; b = b->next) {
    if (b->state != BlockState::Unmapped) continue;
    // Free neighbours are smaller than `size`, or they would have been taken.
    const size_t before = b->previous != nullptr && b->previous->state == BlockState::Free ? b->previous->size : 0;
    const size_t after = b->next != nullptr && b->next->state == BlockState::Free ? b->next->size : 0;
    if (const size_t more = round_up(size - before, granule_); more <= b->size) {
      consider(b, 0, more);
    }
    if (const size_t more = round_up(size - after, granule_); after != 0 && more <= b->size) {
      consider(b, b->size - more, more);
    }
    if (before + b->size + after >= size) consider(b, 0, b->size);
  }
  return best;
}

// Maps the hole, whole granules; the block that results is in no list. Null where there is no memory for it.
Block* DeviceAllocator::grow(StreamPool& pool, const Hole& hole, bool last) {
  if (!fits(hole.nbytes)) return nullptr;
  // Asked first, since much may have been mapped before the driver refuses. What was just given back may not be
  // counted as free yet, so that in the end only a refusal tells.
  const MemoryDriver::Info info = driver_->info();
  const size_t possible = last ? info.total - std::min(info.total, reserved_) : info.available;
  if (info.total != 0 && hole.nbytes > possible) return nullptr;
  provide_blocks(3);
  Segment* const range = pool.range;
  char* const begin = hole.block->data + hole.at;
  size_t mapped = 0;
  std::exception_ptr error;
  bool refused = false;
  try {
    while (mapped < hole.nbytes && !refused) {
      if (driver_->map(begin + mapped, granule_)) {
        mapped += granule_;
      } else {
        refused = true;
      }
    }
  } catch (...) {
    error = std::current_exception();
  }
  if (mapped < hole.nbytes) {
    try {
      // During a capture it is left to the graph.
      const bool keep = capturing(pool.stream);
      while (mapped != 0 && !keep) {
        driver_->unmap(begin + mapped - granule_, granule_);
        mapped -= granule_;
      }
    } catch (...) {  // what could not be undone is free memory
    }
  }
  Block* block = nullptr;
  if (mapped != 0) {
    block = hole.block;
    if (hole.at != 0) block = cut(block, hole.at);
    if (block->size > mapped) cut(block, mapped);
    block->state = BlockState::Live;
    range->mapped += mapped;
    add_reserved(mapped);
    block = merge(block);
  }
  if (mapped == hole.nbytes) return block;
  if (block != nullptr) insert(block);
  if (error != nullptr) std::rethrow_exception(error);
  return nullptr;
}

bool DeviceAllocator::fits(size_t nbytes) const {
  return limit_ == 0 || (nbytes <= limit_ && reserved_ <= limit_ - nbytes);
}

void DeviceAllocator::add_reserved(size_t nbytes) {
  reserved_ += nbytes;
  peak_reserved_ = std::max(peak_reserved_, reserved_);
  ++system_allocations_;
}

// ---- less memory ----

// Gives everything back that is wholly free, but for the memory of graphs. Not during a capture.
void DeviceAllocator::release_cache() {
  driver_->synchronize();  // the blocks' last work may still be queued
  for (auto* const list : {&stuck_, &deferred_}) {
    for (Block* const block : *list) {
      block->users.clear();
      give_back(block);
    }
    list->clear();
  }
  for (const auto& pool : pools_) release_free(*pool);
  for (const auto& graph : graphs_) {
    if (!graph->released) continue;
    for (const auto& pool : graph->pools) release_free(*pool);
  }
  release_idle_graphs();
}

// What is wholly free of one pool. Its work is done.
void DeviceAllocator::release_free(StreamPool& pool) {
  merge_kept(pool);
  std::vector<Block*> whole, parts;
  for (Block* b = pool.bins[BinMap::kBins - 1]; b != nullptr; b = b->bin_next) whole.push_back(b);
  for (Block* const b : pool.large) {
    if (b->segment->expandable) {
      parts.push_back(b);
    } else if (b->previous == nullptr && b->next == nullptr) {
      whole.push_back(b);
    }
  }
  for (Block* const block : whole) release_segment(pool, block);
  for (Block* const block : parts) unmap_free(block);
}

// Of one free block.
void DeviceAllocator::release_segment(StreamPool& pool, Block* block) {
  Segment* const segment = block->segment;
  driver_->free(segment->base);
  remove(block);
  delete_block(block);
  reserved_ -= segment->size;
  std::erase_if(pool.segments, [segment](const auto& s) { return s.get() == segment; });
}

// Takes the memory from the granules that lie wholly in a free block.
void DeviceAllocator::unmap_free(Block* block) {
  Segment* const range = block->segment;
  const size_t begin = round_up(offset(range, block->data), granule_);
  size_t end = (offset(range, block->data) + block->size) / granule_ * granule_;
  if (begin >= end) return;
  provide_blocks(2);
  std::exception_ptr error;
  size_t at = begin;
  try {
    for (; at < end; at += granule_) driver_->unmap(range->base + at, granule_);
  } catch (...) {
    error = std::current_exception();
    end = at;
  }
  if (begin < end) {
    remove(block);
    if (range->base + begin > block->data) {
      Block* const rest = cut(block, offset(range, range->base + begin) - offset(range, block->data));
      insert(block);
      block = rest;
    }
    if (block->size > end - begin) insert(cut(block, end - begin));
    block->state = BlockState::Unmapped;
    if (block->next != nullptr && block->next->state == BlockState::Unmapped) absorb_next(block);
    if (block->previous != nullptr && block->previous->state == BlockState::Unmapped) {
      block = block->previous;
      absorb_next(block);
    }
    range->mapped -= end - begin;
    reserved_ -= end - begin;
  }
  if (error != nullptr) std::rethrow_exception(error);
}

// The graphs that have gone and in whose memory nothing lives.
void DeviceAllocator::release_idle_graphs() noexcept {
  if (!routes_.empty()) return;
  bool synchronized = false;
  for (size_t i = 0; i < graphs_.size();) {
    PrivatePool& graph = *graphs_[i];
    if (!graph.released || graph.held != 0) {
      ++i;
      continue;
    }
    try {
      if (!synchronized) driver_->synchronize();  // a replay may still run
      synchronized = true;
      for (const auto& pool : graph.pools) {
        release_free(*pool);
        if (pool->range != nullptr) drop_range(*pool);
      }
    } catch (...) {  // the next attempt is made with the next block that is freed
      return;
    }
    graphs_.erase(graphs_.begin() + static_cast<ptrdiff_t>(i));
  }
}

// Gives back the addresses, behind which there is no memory.
void DeviceAllocator::drop_range(StreamPool& pool) {
  Segment* const range = pool.range;
  driver_->unreserve(range->base, range->size);
  delete_block(range->first);
  pool.range = nullptr;
  pool.no_range = true;
  std::erase_if(pool.segments, [range](const auto& s) { return s.get() == range; });
}

}  // namespace ember::cuda
