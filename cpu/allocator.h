// The CPU's caching allocator. Memory given back is kept and reused by requests of the same size class, so
// that a fresh large result does not fault its pages in again.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ember/core/backend.h>

namespace ember::cpu {

// A block of memory and its size class, which free_memory() must be given back.
struct Block {
  void* data;
  uint32_t size_class;
};

// At least `nbytes` (> 0), uninitialised, aligned to 64 bytes and, from 2 MiB on, to huge pages. Throws Error
// when the system has no more even after the cache is emptied. Thread-safe; small blocks come from the
// calling thread's free lists without a lock.
Block allocate_memory(size_t nbytes);
// In any thread, also while the program ends.
void free_memory(Block block) noexcept;

// Block sizes by class: multiples of 64 bytes to 512, then eight steps to every doubling, so that no more
// than an eighth of such a block is unused.
uint32_t size_class_of(size_t nbytes);
size_t class_size(uint32_t size_class);

// Counts block sizes, not requests. Exact as long as one thread allocates; the peaks may miss up to 256 KiB
// for each further thread.
MemoryStats allocator_stats();
void reset_allocator_peaks();
// Returns to the system every free block except those in the free lists of other threads (small blocks, a
// few MiB at most for each).
void empty_allocator_cache();

}  // namespace ember::cpu
