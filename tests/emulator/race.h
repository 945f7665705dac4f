// Hazards in shared memory: two threads access a byte, one of them writes, and nothing has made one wait for the other
// in between. What counts is whether they waited, not in which order the machine happened to run them.
#pragma once

#include <cstdint>
#include <vector>

#include "ptx.h"

namespace emulator {

enum class Access : uint8_t { kRead, kWrite, kAtomic };

/// Of a launch, whose blocks use it one after the other.
///
/// Each warp has a clock, which goes on whenever lanes of it have waited for each other or for other warps; an access
/// is known by its thread and its warp's time. Kept are: how much of the others' time each warp, and within a warp each
/// lane, is after; and for each byte the last writer or atomics, and two readers. Two are enough where barriers are the
/// whole block's: one of them conflicts with whatever thread writes next, if any reader does.
class Races {
 public:
  Races(size_t shared_bytes, unsigned warps);

  /// Everything before is over.
  void begin_block();

  /// Before a lane accesses the block's shared memory there; of a write, `value` is what it will store. Throws Fault.
  void access(Frame& frame, const Instruction& i, int lane, size_t at, size_t bytes, Access access,
              const std::byte* value = nullptr);

  /// Lanes of a warp have waited for each other.
  void lanes_met(unsigned warp, Mask members);
  /// Warps of the block have; all of them, also those that have ended, where the barrier is the whole block's.
  void warps_met(const std::vector<unsigned>& warps);
  void all_met();

  /// The warp's time, and whether a thread has waited for what another did at a time of its warp.
  uint32_t now(unsigned warp) const { return time_[warp]; }
  bool is_before(uint32_t time, unsigned earlier, unsigned thread) const;

 private:
  struct Record {
    const Instruction* instruction = nullptr;  ///< null: none
    uint32_t time = 0;
    uint16_t thread = 0;
    bool atomic = false;
  };
  struct Byte {
    Record writers[2];  ///< the second of atomics only
    Record readers[2];
  };

  struct Word {
    Byte all;            ///< of each of its bytes, until one is accessed alone
    uint32_t split = 0;  ///< where those of its bytes begin in split_, from 1 on; 0 until then
  };

  void access(Frame& frame, const Instruction& i, int lane, Byte& byte, size_t at, const Record& now, Access access,
              bool same);
  bool is_before(const Record& record, unsigned thread) const { return is_before(record.time, record.thread, thread); }
  void keep(Record (&records)[2], const Record& record) const;
  [[noreturn]] void report(Frame& frame, const Instruction& i, int lane, size_t at, Access access,
                           const Record& earlier, bool wrote) const;

  std::vector<Word> words_;
  std::vector<Byte> split_;
  std::vector<uint32_t> time_;                ///< of each warp
  std::vector<uint32_t> whole_;               ///< what of a warp's own time all its lanes are after
  std::vector<std::vector<uint32_t>> warps_;  ///< [w][v]: what of v's time w is after
  std::vector<std::vector<uint32_t>> lanes_;  ///< [w][lane · 32 + other]; empty while all lanes have met at once only
};

}  // namespace emulator
