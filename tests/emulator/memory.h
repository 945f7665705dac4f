// Which memory kernels may touch. All of it is the host's; addresses are the host's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator {

struct Range {
  uintptr_t begin = 0, end = 0;  ///< [begin, end)
  bool contains(uintptr_t address, size_t bytes) const {
    return address >= begin && bytes <= end - begin && address <= end - bytes;
  }
};

/// Makes [address, address + bytes) accessible to kernels. Ranges that touch are one. Thread-safe, as all of these.
void add_range(const void* address, size_t bytes);

/// Takes it away again, wherever it lies in a range.
void remove_range(const void* address, size_t bytes);

/// The range that has the address; an empty one if none does.
Range find_range(uintptr_t address);

// What has been written, where options().init asks for it; memory that nobody has called unwritten is written.
void mark_unwritten(const void* address, size_t bytes);
void mark_written(const void* address, size_t bytes);
/// The first byte that is unwritten; `bytes` if there is none.
size_t first_unwritten(const void* address, size_t bytes);
/// The target is written where the source is.
void copy_marks(const void* to, const void* from, size_t bytes);

/// Grows with each removal: what was found before is to be looked up again.
uint64_t range_generation();

}  // namespace emulator
