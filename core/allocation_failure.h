// Makes an allocation fail, for tests of what a program is left with when memory runs out. Not a public header.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <ember/core/device.h>

namespace ember::detail {

// How many allocations of tensors' memory from now on, of all threads and devices, until one throws OutOfMemoryError,
// once: 1 for the next. 0: none does.
extern constinit std::atomic<int64_t> allocations_until_failure;
void count_down_to_failure(size_t nbytes, Device device);

inline void fail_allocation_if_due(size_t nbytes, Device device) {
  if (allocations_until_failure.load(std::memory_order_relaxed) != 0) [[unlikely]]
    count_down_to_failure(nbytes, device);
}

// Lets the n-th allocation from now on fail; whatever is left of the count is forgotten at the end of the scope.
class AllocationFailure {
 public:
  explicit AllocationFailure(int64_t n) { allocations_until_failure = n; }
  ~AllocationFailure() { allocations_until_failure = 0; }
  AllocationFailure(const AllocationFailure&) = delete;
  AllocationFailure& operator=(const AllocationFailure&) = delete;
  // Whether it has failed.
  bool happened() const { return allocations_until_failure == 0; }
};

}  // namespace ember::detail
