#include "race_global.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "block.h"

namespace emulator {

void GlobalRaces::begin_block() { fenced_.push_back(false); }

GlobalRaces::Word& GlobalRaces::word_at(uintptr_t index) {
  if (index / kPageWords != last_index_) {
    last_index_ = index / kPageWords;
    std::unique_ptr<Page>& page = pages_[last_index_];
    if (page == nullptr) page = std::make_unique<Page>();
    last_ = page.get();
  }
  return (*last_)[index % kPageWords];
}

bool GlobalRaces::conflicts(const Record& earlier, const Record& now) const {
  if (earlier.instruction == nullptr || (earlier.bytes & now.bytes) == 0) return false;
  if (earlier.block != now.block) return !fenced_[earlier.block] && !fenced_[now.block];
  return !fenced_[now.block] && !order_.is_before(earlier.time, earlier.thread, now.thread);
}

void GlobalRaces::access(Frame& frame, const Instruction& i, int lane, uintptr_t at, size_t bytes, Access access,
                         const std::byte* value) {
  if (access == Access::kAtomic || i.strong) return fence();
  const unsigned thread = thread_index(frame, lane);
  Record now{&i, order_.now(frame.warp), static_cast<uint32_t>(fenced_.size() - 1), static_cast<uint16_t>(thread), 0};
  const bool writes = access == Access::kWrite;
  for (uintptr_t n = at; n < at + bytes;) {
    const uintptr_t end = std::min(n / 4 * 4 + 4, at + bytes);
    now.bytes = static_cast<uint8_t>(((1u << (end - n)) - 1) << n % 4);
    Word& word = word_at(n / 4);
    const bool changes = writes && std::memcmp(reinterpret_cast<const void*>(n), value + (n - at), end - n) != 0;
    if ((!writes || changes) && conflicts(word.writer, now)) report(frame, i, lane, n, writes, word.writer, true);
    if (changes && conflicts(word.reader, now)) report(frame, i, lane, n, writes, word.reader, false);
    if (writes) {
      const bool same = word.writer.block == now.block && word.writer.thread == now.thread;
      if (same && word.writer.instruction != nullptr) now.bytes |= word.writer.bytes;
      word = {now, Record{}};
    } else if (word.reader.instruction == nullptr ||
               (word.reader.block == now.block && order_.is_before(word.reader.time, word.reader.thread, now.thread))) {
      word.reader = now;
    }
    n = end;
  }
}

void GlobalRaces::report(Frame& frame, const Instruction& i, int lane, uintptr_t at, bool writes, const Record& earlier,
                         bool wrote) const {
  const Block& block = *frame.block;
  const unsigned n = earlier.block, x = block.grid.x, y = block.grid.y;
  char place[32];
  std::snprintf(place, sizeof place, "0x%zx", static_cast<size_t>(at));
  frame.fault(FaultKind::kRace, i, lane,
              std::string("a race in global memory: ") + (writes ? "a write" : "a read") + " at " + place +
                  " and before it, in no order, " + (wrote ? "a write" : "a read") + " by " +
                  text_of(*frame.function, *earlier.instruction) + ", of thread " +
                  text_of(thread_of(block, earlier.thread)) + " in block " + text_of(Dim{n % x, n / x % y, n / x / y}) +
                  "; now");
}

}  // namespace emulator
