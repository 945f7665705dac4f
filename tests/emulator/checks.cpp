// What is looked for while kernels run, and which memory nobody has written.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "machine.h"
#include "memory.h"

namespace emulator {

namespace {

// A bit for each byte that there can be an address of, set where it is unwritten: what is never touched costs nothing.
class Marks {
 public:
  Marks() {
    void* const memory =
        mmap(nullptr, kAddresses / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::fputs("emulated GPU: no room for the marks of the check 'init'\n", stderr);
      std::abort();
    }
    bits_ = static_cast<uint8_t*>(memory);
  }

  void set(uintptr_t begin, uintptr_t end, bool value) {
    for (uintptr_t at = begin; at < end;) {
      const size_t count = at % 8 == 0 && end - at >= 8 ? 8 : 1;
      const auto mask = static_cast<uint8_t>(count == 8 ? 0xff : 1 << at % 8);
      uint8_t& byte = bits_[at / 8];
      // Only where it changes, so that memory that was always written has no marks.
      if (const auto now = static_cast<uint8_t>(value ? byte | mask : byte & ~mask); now != byte) byte = now;
      at += count;
    }
  }
  bool at(uintptr_t address) const { return ((bits_[address / 8] >> address % 8) & 1) != 0; }
  bool any_of_eight(uintptr_t address) const { return bits_[address / 8] != 0; }

 private:
  static constexpr size_t kAddresses = size_t{1} << 47;
  uint8_t* bits_;
};

Marks& marks() {
  static auto* const instance = new Marks;  // never destroyed: kernels run until the process ends
  return *instance;
}

}  // namespace

Options& options() {
  static Options instance;
  return instance;
}

void mark_written(const void* address, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(address);
  if (options().init) marks().set(begin, begin + bytes, false);
}

void mark_unwritten(const void* address, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(address);
  if (options().init) marks().set(begin, begin + bytes, true);
}

size_t first_unwritten(const void* address, size_t bytes) {
  if (!options().init) return bytes;
  const auto begin = reinterpret_cast<uintptr_t>(address);
  for (size_t n = 0; n < bytes;) {
    if ((begin + n) % 8 == 0 && !marks().any_of_eight(begin + n)) {
      n += 8;
    } else if (marks().at(begin + n)) {
      return n;
    } else {
      ++n;
    }
  }
  return bytes;
}

void copy_marks(const void* to, const void* from, size_t bytes) {
  if (!options().init) return;
  const auto target = reinterpret_cast<uintptr_t>(to), source = reinterpret_cast<uintptr_t>(from);
  const auto copy = [&](size_t n) { marks().set(target + n, target + n + 1, marks().at(source + n)); };
  if (first_unwritten(from, bytes) == bytes) {
    mark_written(to, bytes);
  } else if (target <= source) {
    for (size_t n = 0; n < bytes; ++n) copy(n);
  } else {
    for (size_t n = bytes; n-- > 0;) copy(n);
  }
}

}  // namespace emulator
