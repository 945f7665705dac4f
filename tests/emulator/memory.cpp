#include "memory.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace emulator {

namespace {

struct Ranges {
  std::shared_mutex mutex;
  std::vector<Range> sorted;  // apart from each other
  std::atomic<uint64_t> generation{0};
};

Ranges& ranges() {
  static auto* const instance = new Ranges;  // never destroyed: kernels run until the process ends
  return *instance;
}

// The first range that ends at the address or later.
std::vector<Range>::iterator first_at(std::vector<Range>& sorted, uintptr_t address) {
  return std::lower_bound(sorted.begin(), sorted.end(), address,
                          [](const Range& range, uintptr_t value) { return range.end < value; });
}

}  // namespace

void add_range(const void* address, size_t bytes) {
  if (bytes == 0) return;
  Range added{reinterpret_cast<uintptr_t>(address), reinterpret_cast<uintptr_t>(address) + bytes};
  Ranges& all = ranges();
  const std::lock_guard lock(all.mutex);
  const auto first = first_at(all.sorted, added.begin);
  auto last = first;
  for (; last != all.sorted.end() && last->begin <= added.end; ++last) {
    added.begin = std::min(added.begin, last->begin);
    added.end = std::max(added.end, last->end);
  }
  if (first == last) {
    all.sorted.insert(first, added);
  } else {
    *first = added;
    all.sorted.erase(first + 1, last);
  }
}

void remove_range(const void* address, size_t bytes) {
  if (bytes == 0) return;
  const Range removed{reinterpret_cast<uintptr_t>(address), reinterpret_cast<uintptr_t>(address) + bytes};
  Ranges& all = ranges();
  const std::lock_guard lock(all.mutex);
  const auto first = first_at(all.sorted, removed.begin + 1);
  auto last = first;
  std::vector<Range> left;
  for (; last != all.sorted.end() && last->begin < removed.end; ++last) {
    if (last->begin < removed.begin) left.push_back({last->begin, removed.begin});
    if (last->end > removed.end) left.push_back({removed.end, last->end});
  }
  all.sorted.insert(all.sorted.erase(first, last), left.begin(), left.end());
  mark_written(address, bytes);  // it is nobody's, and may come back as anything
  all.generation.fetch_add(1, std::memory_order_release);
}

Range find_range(uintptr_t address) {
  Ranges& all = ranges();
  const std::shared_lock lock(all.mutex);
  const auto found = first_at(all.sorted, address + 1);
  return found != all.sorted.end() && found->begin <= address ? *found : Range{};
}

uint64_t range_generation() { return ranges().generation.load(std::memory_order_acquire); }

}  // namespace emulator
