// Blocks that other streams than their own worked with: when they can be used again.
#include <algorithm>

#include <ember/cuda/allocator_pool.h>

namespace ember::cuda {

// Whether now only may be asked of CUDA what a capture allows.
bool DeviceAllocator::capturing(StreamHandle stream) { return !routes_.empty() || driver_->capturing(stream); }

// Reuse of a block that was freed waits for an event on every stream that worked with it.
void DeviceAllocator::wait_for_users(Block* block) noexcept {
  try {
    if (block->pool->graph != nullptr && block->pool->graph->routes != 0) {
      block->pool->graph->kept.push_back(block);
    } else if (users_capture(block)) {
      deferred_.push_back(block);
    } else {
      queue_events(block);
    }
  } catch (...) {
    // The runtime is gone (cudaErrorCudartUnloading), the context is lost, or a stream is.
    try {
      stuck_.push_back(block);
    } catch (...) {  // never used again
    }
  }
}

bool DeviceAllocator::users_capture(Block* block) {
  return !routes_.empty() || std::any_of(block->users.begin(), block->users.end(),
                                         [this](StreamHandle user) { return driver_->capturing(user); });
}

DeviceAllocator::EventQueue& DeviceAllocator::queue_of(StreamHandle stream) {
  for (EventQueue& queue : queues_) {
    if (queue.stream == stream) return queue;
  }
  queues_.push_back({stream, {}});
  return queues_.back();
}

// Either there is an event for each user, or none.
void DeviceAllocator::queue_events(Block* block) {
  size_t done = 0;
  try {
    for (const StreamHandle user : block->users) {
      EventQueue& queue = queue_of(user);
      queue.events.emplace_back(nullptr, block);
      ++done;
      queue.events.back().first = driver_->record(user);
    }
  } catch (...) {
    for (size_t i = 0; i < done; ++i) {
      EventQueue& queue = queue_of(block->users[i]);
      if (queue.events.back().first != nullptr) driver_->discard(queue.events.back().first);
      queue.events.pop_back();
    }
    throw;
  }
  block->waits = static_cast<uint32_t>(done);
  queued_ += done;
  block->users.clear();
}

void DeviceAllocator::settle(StreamHandle stream) {
  if (capturing(stream)) return;
  settle_deferred();
  settle_events(false);
}

// Not during a capture.
void DeviceAllocator::settle_all() {
  settle_deferred();
  settle_events(true);
}

void DeviceAllocator::settle_deferred() {
  stuck_.reserve(stuck_.size() + deferred_.size());  // nothing may fail half way
  size_t kept = 0;
  for (size_t i = 0; i < deferred_.size(); ++i) {
    Block* const block = deferred_[i];
    bool capture = false;
    try {
      capture = users_capture(block);
    } catch (...) {  // the same in wait_for_users
    }
    if (capture) {
      deferred_[kept++] = block;
    } else {
      try {
        queue_events(block);
      } catch (...) {
        stuck_.push_back(block);
      }
    }
  }
  deferred_.resize(kept);
}

// Frees the blocks whose events have passed; waits for them all if `wait`.
void DeviceAllocator::settle_events(bool wait) {
  for (EventQueue& queue : queues_) {
    while (!queue.events.empty()) {
      const auto [event, block] = queue.events.front();
      if (wait) {
        driver_->wait(event);
      } else if (!driver_->passed(event)) {
        break;
      }
      driver_->discard(event);
      queue.events.pop_front();
      --queued_;
      if (--block->waits == 0) give_back(block);
    }
  }
}

}  // namespace ember::cuda
