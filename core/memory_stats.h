// What the allocators of the devices say about their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <vector>

#include <ember/core/device.h>

namespace ember {

// Bytes on one device. live: held by tensors. cached: kept for reuse. permanent: workspaces of libraries, kept as
// long as the process. What is reserved is all three. Peaks since reset_peak.
struct MemoryStats {
  size_t live = 0;
  size_t cached = 0;
  size_t permanent = 0;
  size_t peak_live = 0;
  size_t peak_reserved = 0;
  uint64_t allocations = 0;         // calls so far
  uint64_t system_allocations = 0;  // of them, those that went to the driver or operating system
};

// A piece of a device's memory. Waiting: no tensor holds it, but work on other streams may still use it.
struct MemoryBlock {
  enum class State : uint8_t { Live, Waiting, Free };
  uintptr_t address = 0;
  size_t size = 0;
  State state = State::Live;
};

// Small: for blocks up to 1 MiB. Graph: of captured graphs, large and small.
enum class MemoryPool : uint8_t { Small, Large, Graph };
inline constexpr size_t kMemoryPools = 3;

// Memory that was had from the driver for one stream: in one piece, or, where it is expandable, as pieces behind a
// range of addresses; the blocks do not cover the addresses that have none.
struct MemorySegment {
  uintptr_t address = 0;
  size_t addresses = 0;  // bytes of the range
  size_t size = 0;       // bytes of memory
  bool expandable = false;
  MemoryPool pool = MemoryPool::Small;
  uintptr_t stream = 0;
  std::vector<MemoryBlock> blocks;  // by address
};

// One pool's sum. How far its free memory is in pieces, largest_free beside cached tells.
struct MemoryPoolStats {
  size_t live = 0;
  size_t cached = 0;  // of it, waiting are
  size_t waiting = 0;
  size_t reserved = 0;  // live + cached
  size_t largest_free = 0;
  uint64_t live_blocks = 0;
  uint64_t free_blocks = 0;
  uint64_t segments = 0;
};

// Everything an allocator holds, at one moment.
struct MemorySnapshot {
  Device device;
  MemoryStats stats;
  size_t limit = 0;      // of reserved bytes; 0: none
  size_t available = 0;  // what the device has left for this and other processes
  size_t total = 0;      // of the device
  std::vector<MemorySegment> segments;

  MemoryPoolStats pool(MemoryPool pool) const;
};
// A page to read: the sums, then every segment with its blocks.
std::ostream& operator<<(std::ostream& out, const MemorySnapshot& snapshot);
std::ostream& operator<<(std::ostream& out, MemoryPool pool);

}  // namespace ember
