#include <ember/cuda/pinned.h>

#include <algorithm>
#include <bit>
#include <functional>

#include <ember/core/error.h>

namespace ember::cuda {

PinnedBlock* PinnedAllocator::allocate(size_t nbytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  EMBER_CHECK_WITH(OutOfMemoryError, nbytes <= SIZE_MAX / 2, "out of pinned memory: asked for ", nbytes, " bytes");
  const size_t size = std::bit_ceil(std::max(nbytes, kLeast));
  reclaim();
  PinnedBlock*& list = free_[std::countr_zero(size)];
  PinnedBlock* block = list;
  if (block != nullptr) {
    list = block->next;
    block->next = nullptr;
  } else {
    auto made = std::make_unique<PinnedBlock>();
    std::map<const char*, std::unique_ptr<PinnedBlock>> node;  // so that nothing can fail when there is memory
    node.emplace(nullptr, nullptr);
    void* data = driver_->allocate(size);
    if (data == nullptr) {
      release();
      data = driver_->allocate(size);
    }
    EMBER_CHECK_WITH(OutOfMemoryError, data != nullptr, "out of pinned memory: asked for ", size, " bytes; ",
                     stats_.live, " are held by tensors, ", stats_.cached, " are cached");
    ++stats_.system_allocations;
    stats_.cached += size;
    block = made.get();
    block->data = static_cast<char*>(data);
    block->size = size;
    block->owner = this;
    auto handle = node.extract(node.begin());
    handle.key() = block->data;
    handle.mapped() = std::move(made);
    blocks_.insert(std::move(handle));
    ++count_;
  }
  block->live = true;
  ++stats_.allocations;
  stats_.live += size;
  stats_.cached -= size;
  stats_.peak_live = std::max(stats_.peak_live, stats_.live);
  stats_.peak_reserved = std::max(stats_.peak_reserved, stats_.live + stats_.cached);
  return block;
}

void PinnedAllocator::free(PinnedBlock* block) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  block->live = false;
  stats_.live -= block->size;
  stats_.cached += block->size;
  bool passed = false;
  try {
    passed = settle(block);
  } catch (...) {  // the runtime is gone, or the context is lost
  }
  PinnedBlock*& list = passed ? free_[std::countr_zero(block->size)] : waiting_;
  block->next = list;
  list = block;
}

bool PinnedAllocator::record_use(const void* data, int device, StreamHandle stream) {
  if (count_ == 0) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  PinnedBlock* const block = find(data);
  if (block == nullptr) return false;
  for (const PinnedBlock::Use& use : block->uses) {
    if (use.device == device && use.stream == stream) return true;
  }
  block->uses.push_back({device, stream, nullptr});
  return true;
}

bool PinnedAllocator::owns(const void* data) {
  if (count_ == 0) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  return find(data) != nullptr;
}

MemoryStats PinnedAllocator::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void PinnedAllocator::empty_cache() {
  const std::lock_guard<std::mutex> lock(mutex_);
  reclaim();
  release();
}

// The live block with this address in it.
PinnedBlock* PinnedAllocator::find(const void* data) {
  const auto* const at = static_cast<const char*>(data);
  const auto next = blocks_.upper_bound(at);
  if (next == blocks_.begin()) return nullptr;
  PinnedBlock* const block = std::prev(next)->second.get();
  return block->live && std::less<>()(at, block->data + block->size) ? block : nullptr;
}

// Whether all work with a block that was freed is done. Events are recorded here, when the work is surely queued;
// on a stream that records a graph they cannot be, until it has ended.
bool PinnedAllocator::settle(PinnedBlock* block) {
  for (PinnedBlock::Use& use : block->uses) {
    if (use.event == nullptr && !driver_->events(use.device).capturing(use.stream)) {
      use.event = driver_->events(use.device).record(use.stream);
    }
  }
  while (!block->uses.empty()) {
    const PinnedBlock::Use& use = block->uses.back();
    if (use.event == nullptr || !driver_->events(use.device).passed(use.event)) return false;
    driver_->events(use.device).discard(use.event);
    block->uses.pop_back();
  }
  return true;
}

void PinnedAllocator::reclaim() {
  for (PinnedBlock** at = &waiting_; *at != nullptr;) {
    PinnedBlock* const block = *at;
    if (settle(block)) {
      *at = block->next;
      PinnedBlock*& list = free_[std::countr_zero(block->size)];
      block->next = list;
      list = block;
    } else {
      at = &block->next;
    }
  }
}

void PinnedAllocator::release() {
  for (PinnedBlock*& list : free_) {
    while (list != nullptr) {
      PinnedBlock* const block = list;
      driver_->free(block->data);
      list = block->next;
      stats_.cached -= block->size;
      blocks_.erase(block->data);
      --count_;
    }
  }
}

}  // namespace ember::cuda
