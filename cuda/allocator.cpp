#include <ember/cuda/allocator.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>

namespace ember::cuda {

namespace {

std::atomic<DeviceAllocator*> g_allocators[kMaxDevices];
std::mutex g_mutex;

std::string megabytes(size_t bytes) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.1f MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
  return text;
}

}  // namespace

DeviceAllocator* DeviceAllocator::if_made(int device) noexcept {
  return device >= 0 && device < kMaxDevices ? g_allocators[device].load(std::memory_order_acquire) : nullptr;
}

DeviceAllocator& DeviceAllocator::of(int device) {
  if (DeviceAllocator* const made = if_made(device)) return *made;
  EMBER_CHECK(device >= 0 && device < kMaxDevices, "there is no device cuda:", device);
  const std::lock_guard<std::mutex> lock(g_mutex);
  DeviceAllocator* made = if_made(device);
  if (made == nullptr) {
    made = new DeviceAllocator(device);
    g_allocators[device].store(made, std::memory_order_release);
  }
  return *made;
}

Block* DeviceAllocator::allocate(size_t nbytes, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (nbytes > kMaxRequest) throw_exhausted(nbytes);
  if (!pending_.empty()) [[unlikely]] {
    const DeviceScope scope(device_);
    reclaim(false);
  }
  const size_t size = block_size(nbytes);
  StreamPool& pool = pool_of(stream);
  Block* block = take(pool, size);
  if (block == nullptr) [[unlikely]] {
    block = allocate_segment(pool, size);
  }
  if (should_split(block->size, size)) split(block, size);
  ++allocations_;
  live_ += block->size;
  peak_live_ = std::max(peak_live_, live_);
  return block;
}

void DeviceAllocator::free(Block* block) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  live_ -= block->size;
  if (block->users.empty()) [[likely]] {
    put(block);
    return;
  }
  try {
    // Reuse waits for an event on every stream that worked with the block.
    const DeviceScope scope(device_);
    Pending pending{block, {}};
    for (const cudaStream_t user : block->users) {
      pending.events.emplace_back();
      EMBER_CUDA_CHECK(cudaEventRecord(pending.events.back().get(), user));
    }
    block->users.clear();
    pending_.push_back(std::move(pending));
  } catch (...) {
    // The runtime is gone (cudaErrorCudartUnloading) or the context is lost: the block is never reused.
  }
}

void DeviceAllocator::record_stream(Block* block, cudaStream_t stream) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (stream == block->pool->stream) return;
  if (std::find(block->users.begin(), block->users.end(), stream) == block->users.end()) {
    block->users.push_back(stream);
  }
}

void* DeviceAllocator::allocate_permanent(size_t nbytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return system_allocate(nbytes, nbytes, nullptr);
}

MemoryStats DeviceAllocator::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  MemoryStats stats;
  stats.live = live_;
  stats.cached = reserved_ - live_;
  stats.peak_live = peak_live_;
  stats.peak_reserved = peak_reserved_;
  stats.allocations = allocations_;
  stats.system_allocations = system_allocations_;
  return stats;
}

void DeviceAllocator::reset_peak() {
  const std::lock_guard<std::mutex> lock(mutex_);
  peak_live_ = live_;
  peak_reserved_ = reserved_;
}

void DeviceAllocator::empty_cache() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (reserved_ == 0) return;
  const DeviceScope scope(device_);
  reclaim(true);
  release_segments();
}

StreamPool& DeviceAllocator::pool_of(cudaStream_t stream) {
  for (const auto& pool : pools_) {
    if (pool->stream == stream) return *pool;
  }
  pools_.push_back(std::make_unique<StreamPool>());
  pools_.back()->stream = stream;
  return *pools_.back();
}

// The smallest free block of the pool that holds `size`, no longer free; null if there is none.
Block* DeviceAllocator::take(StreamPool& pool, size_t size) {
  Block* block = nullptr;
  if (is_small(size)) {
    const int bin = pool.occupied.find(BinMap::bin_of(size));
    if (bin >= 0) block = pool.bins[bin];
  } else {
    Block key;
    key.size = size;  // with a null address: before every block of that size
    const auto found = pool.large.lower_bound(&key);
    if (found != pool.large.end()) block = *found;
  }
  if (block != nullptr) remove(block);
  return block;
}

Block* DeviceAllocator::allocate_segment(StreamPool& pool, size_t size) {
  size_t got = 0;
  Block* const block = new_block();
  try {
    block->data = static_cast<char*>(system_allocate(segment_size(size), round_up(size, kSegmentQuantum), &got));
  } catch (...) {
    delete_block(block);
    throw;
  }
  block->size = got;
  block->owner = this;
  block->pool = &pool;
  block->small = is_small(size);
  reserved_ += got;
  peak_reserved_ = std::max(peak_reserved_, reserved_);
  return block;
}

// cudaMalloc of `nbytes`; where that fails, once more with an empty cache and then of `at_least`.
void* DeviceAllocator::system_allocate(size_t nbytes, size_t at_least, size_t* got) {
  const DeviceScope scope(device_);
  void* data = nullptr;
  size_t size = nbytes;
  cudaError_t status = cudaMalloc(&data, size);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    reclaim(true);
    release_segments();
    status = cudaMalloc(&data, size);
  }
  if (status == cudaErrorMemoryAllocation && at_least < nbytes) {
    (void)cudaGetLastError();
    size = at_least;
    status = cudaMalloc(&data, size);
  }
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw_exhausted(at_least);
  }
  if (status != cudaSuccess) throw_cuda_error(status, "cudaMalloc");
  ++system_allocations_;
  if (got != nullptr) *got = size;
  return data;
}

// Makes a block free, merged with its free neighbours.
void DeviceAllocator::put(Block* block) {
  if (block->next != nullptr && block->next->free) {
    remove(block->next);
    absorb_next(block);
  }
  if (block->previous != nullptr && block->previous->free) {
    block = block->previous;
    remove(block);
    absorb_next(block);
  }
  insert(block);
}

void DeviceAllocator::insert(Block* block) {
  block->free = true;
  if (block->small) {
    const int bin = BinMap::bin_of(block->size);
    Block*& head = block->pool->bins[bin];
    block->bin_previous = nullptr;
    block->bin_next = head;
    if (head != nullptr) head->bin_previous = block;
    head = block;
    block->pool->occupied.set(bin);
  } else {
    block->pool->large.insert(block);
  }
}

void DeviceAllocator::remove(Block* block) {
  block->free = false;
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
    block->pool->large.erase(block);
  }
}

// Cuts a block that is not free to `size`; the rest becomes a free block.
void DeviceAllocator::split(Block* block, size_t size) {
  Block* const rest = new_block();
  rest->data = block->data + size;
  rest->size = block->size - size;
  rest->owner = this;
  rest->pool = block->pool;
  rest->small = block->small;
  rest->previous = block;
  rest->next = block->next;
  if (rest->next != nullptr) rest->next->previous = rest;
  block->next = rest;
  block->size = size;
  insert(rest);
}

// Joins a block with its next neighbour; neither is in a free list.
void DeviceAllocator::absorb_next(Block* block) {
  Block* const next = block->next;
  block->size += next->size;
  block->next = next->next;
  if (block->next != nullptr) block->next->previous = block;
  delete_block(next);
}

// Frees the pending blocks whose events have passed; waits for them all if `wait`.
void DeviceAllocator::reclaim(bool wait) {
  for (auto it = pending_.begin(); it != pending_.end();) {
    bool passed = true;
    for (const ScopedEvent& event : it->events) {
      if (wait) {
        EMBER_CUDA_CHECK(cudaEventSynchronize(event.get()));
        continue;
      }
      const cudaError_t status = cudaEventQuery(event.get());
      if (status == cudaErrorNotReady) {
        (void)cudaGetLastError();
        passed = false;
        break;
      }
      if (status != cudaSuccess) throw_cuda_error(status, "cudaEventQuery");
    }
    if (passed) {
      Block* const block = it->block;
      it = pending_.erase(it);
      put(block);
    } else {
      ++it;
    }
  }
}

// Gives every segment that is wholly free back to the driver.
void DeviceAllocator::release_segments() {
  EMBER_CUDA_CHECK(cudaDeviceSynchronize());  // the blocks' last work may still be queued
  std::vector<Block*> whole;
  for (const auto& pool : pools_) {
    for (Block* b = pool->bins[BinMap::kBins - 1]; b != nullptr; b = b->bin_next) whole.push_back(b);
    for (Block* const b : pool->large) {
      if (b->previous == nullptr && b->next == nullptr) whole.push_back(b);
    }
  }
  for (Block* const block : whole) {
    remove(block);
    void* const data = block->data;
    reserved_ -= block->size;
    delete_block(block);
    EMBER_CUDA_CHECK(cudaFree(data));
  }
}

Block* DeviceAllocator::new_block() {
  if (spare_blocks_.empty()) {
    spare_blocks_.reserve(64);
    return new Block;
  }
  Block* const block = spare_blocks_.back();
  spare_blocks_.pop_back();
  return block;
}

void DeviceAllocator::delete_block(Block* block) {
  if (spare_blocks_.size() == spare_blocks_.capacity()) {  // push_back may not throw here
    delete block;
    return;
  }
  *block = Block();
  spare_blocks_.push_back(block);
}

void DeviceAllocator::throw_exhausted(size_t nbytes) {
  size_t available = 0, total = 0;
  {
    const DeviceScope scope(device_);
    if (cudaMemGetInfo(&available, &total) != cudaSuccess) (void)cudaGetLastError();
  }
  throw OutOfMemoryError(detail::concat("out of memory on cuda:", device_, ": asked for ", megabytes(nbytes), "; ",
                                        megabytes(live_), " are held by tensors, ", megabytes(reserved_ - live_),
                                        " are cached, ", megabytes(available), " of the device's ", megabytes(total),
                                        " are free"));
}

}  // namespace ember::cuda
