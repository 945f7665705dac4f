// Hazards in global memory within a launch: two threads access a byte, one of them writes, and nothing orders them.
// Threads of a block are ordered as in race.h; those of different blocks are not at all, unless one of the blocks has
// passed a fence or has made an atomic or a strong access (.volatile, .relaxed, .acquire, .release): what it does then
// is not looked at, for it may be in an order of its own making. A write that changes nothing is none. Of each word the
// last writer and a reader are kept, so that not each hazard is found.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "race.h"

namespace emulator {

class GlobalRaces {
 public:
  explicit GlobalRaces(const Races& order) : order_(order) {}

  void begin_block();
  /// A thread of the block has passed a fence, or made an access of that kind.
  void fence() { fenced_.back() = true; }

  /// Before the access; of a write, `value` is what it will store. Throws Fault.
  void access(Frame& frame, const Instruction& i, int lane, uintptr_t at, size_t bytes, Access access,
              const std::byte* value);

 private:
  struct Record {
    const Instruction* instruction = nullptr;  ///< null: none
    uint32_t time = 0;
    uint32_t block = 0;
    uint16_t thread = 0;
    uint8_t bytes = 0;  ///< a bit for each of the word's
  };
  struct Word {
    Record writer, reader;
  };
  static constexpr uintptr_t kPageWords = 1024;
  using Page = std::array<Word, kPageWords>;

  Word& word_at(uintptr_t index);
  bool conflicts(const Record& earlier, const Record& now) const;
  [[noreturn]] void report(Frame& frame, const Instruction& i, int lane, uintptr_t at, bool writes,
                           const Record& earlier, bool wrote) const;

  const Races& order_;
  std::vector<bool> fenced_;  ///< of each block so far
  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages_;
  uintptr_t last_index_ = ~uintptr_t{0};
  Page* last_ = nullptr;
};

}  // namespace emulator
