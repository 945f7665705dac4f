// What the allocator says about itself.
#include <cstdio>
#include <string>

#include <ember/core/error.h>
#include <ember/cuda/allocator_pool.h>

namespace ember::cuda {

namespace {

std::string megabytes(size_t bytes) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.1f MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
  return text;
}

MemoryBlock::State public_state(BlockState state) {
  switch (state) {
    case BlockState::Live: return MemoryBlock::State::Live;
    case BlockState::Waiting: return MemoryBlock::State::Waiting;
    default: return MemoryBlock::State::Free;
  }
}

void describe(const StreamPool& pool, std::vector<MemorySegment>& out) {
  for (const auto& segment : pool.segments) {
    MemorySegment& s = out.emplace_back();
    s.address = reinterpret_cast<uintptr_t>(segment->base);
    s.addresses = segment->size;
    s.size = segment->mapped;
    s.expandable = segment->expandable;
    s.pool = pool.graph != nullptr ? MemoryPool::Graph : segment->first->small ? MemoryPool::Small : MemoryPool::Large;
    s.stream = reinterpret_cast<uintptr_t>(pool.stream);
    for (const Block* b = segment->first; b != nullptr; b = b->next) {
      if (b->state == BlockState::Unmapped) continue;
      s.blocks.push_back({reinterpret_cast<uintptr_t>(b->data), b->size, public_state(b->state)});
    }
  }
}

}  // namespace

MemoryStats DeviceAllocator::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return current_stats();
}

MemoryStats DeviceAllocator::current_stats() const {
  MemoryStats stats;
  stats.live = live_;
  stats.cached = reserved_ - permanent_ - live_;
  stats.permanent = permanent_;
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

MemorySnapshot DeviceAllocator::snapshot() {
  const std::lock_guard<std::mutex> lock(mutex_);
  MemorySnapshot snapshot;
  snapshot.device = Device(kCUDA, static_cast<DeviceIndex>(device_));
  snapshot.stats = current_stats();
  snapshot.limit = limit_;
  const MemoryDriver::Info info = driver_->info();
  snapshot.available = info.available;
  snapshot.total = info.total;
  const auto describe_all = [&](const std::vector<std::unique_ptr<StreamPool>>& pools) {
    for (const auto& pool : pools) {
      merge_kept(*pool);
      describe(*pool, snapshot.segments);
    }
  };
  describe_all(pools_);
  for (const auto& graph : graphs_) describe_all(graph->pools);
  return snapshot;
}

void DeviceAllocator::throw_exhausted(size_t nbytes) {
  const MemoryDriver::Info info = driver_->info();
  const std::string limit = limit_ == 0 ? "no limit is set" : "the limit is " + megabytes(limit_);
  throw OutOfMemoryError(
      detail::concat("out of memory on cuda:", device_, ": asked for ", megabytes(nbytes), "; ", megabytes(live_),
                     " are held by tensors, ", megabytes(reserved_ - permanent_ - live_), " are cached, ",
                     megabytes(permanent_), " are permanent, ", megabytes(reserved_), " are reserved in all; ",
                     megabytes(info.available), " of the device's ", megabytes(info.total), " are free; ", limit));
}

}  // namespace ember::cuda
