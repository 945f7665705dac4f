#include "race.h"

#include <algorithm>
#include <cstring>

#include "block.h"

namespace emulator {

namespace {

const char* name_of(Access access) {
  return access == Access::kRead ? "a read" : access == Access::kWrite ? "a write" : "an atomic operation";
}

}  // namespace

Races::Races(size_t shared_bytes, unsigned warps)
    : words_((shared_bytes + 3) / 4),
      time_(warps, 1),
      whole_(warps),
      warps_(warps, std::vector<uint32_t>(warps)),
      lanes_(warps) {}

void Races::begin_block() { all_met(); }

void Races::all_met() {
  // Clocks that go on as one: the greatest time is past all that there was.
  const uint32_t now = *std::max_element(time_.begin(), time_.end());
  std::fill(time_.begin(), time_.end(), now + 1);
  std::fill(whole_.begin(), whole_.end(), now);
  for (std::vector<uint32_t>& known : warps_) std::fill(known.begin(), known.end(), now);
}

void Races::warps_met(const std::vector<unsigned>& warps) {
  std::vector<uint32_t> known(time_.size());
  for (const unsigned w : warps) {
    for (size_t v = 0; v < known.size(); ++v) known[v] = std::max(known[v], warps_[w][v]);
  }
  for (const unsigned w : warps) known[w] = time_[w];
  for (const unsigned w : warps) {
    warps_[w] = known;
    whole_[w] = time_[w]++;
  }
}

void Races::lanes_met(unsigned warp, Mask members) {
  const uint32_t now = time_[warp]++;
  if (members == kAllLanes) {
    whole_[warp] = now;
    return;
  }
  std::vector<uint32_t>& after = lanes_[warp];
  if (after.empty()) after.resize(size_t{kLanes} * kLanes);
  uint32_t known[kLanes] = {};
  each_lane(members, [&](int lane) {
    for (size_t other = 0; other < kLanes; ++other) {
      known[other] = std::max(known[other], after[static_cast<size_t>(lane) * kLanes + other]);
    }
  });
  each_lane(members, [&](int lane) { known[lane] = now; });
  each_lane(members, [&](int lane) { std::copy_n(known, kLanes, &after[static_cast<size_t>(lane) * kLanes]); });
}

bool Races::is_before(uint32_t time, unsigned earlier, unsigned thread) const {
  if (earlier == thread) return true;
  const unsigned warp = thread / kLanes, other = earlier / kLanes;
  if (other != warp) return time <= warps_[warp][other];
  if (time <= whole_[warp]) return true;
  const std::vector<uint32_t>& after = lanes_[warp];
  return !after.empty() && time <= after[thread % kLanes * kLanes + earlier % kLanes];
}

// What the new one is after need not be kept: whoever conflicts with that conflicts with the new one, too.
void Races::keep(Record (&records)[2], const Record& record) const {
  for (Record& kept : records) {
    if (kept.instruction == nullptr || is_before(kept, record.thread)) {
      kept = record;
      return;
    }
  }
  const auto warp = [](const Record& r) { return r.thread / kLanes; };
  if (warp(records[0]) == warp(records[1]) && warp(record) != warp(records[0])) records[1] = record;
}

void Races::access(Frame& frame, const Instruction& i, int lane, Byte& byte, size_t at, const Record& now,
                   Access access, bool same) {
  const unsigned thread = now.thread;
  for (const Record& w : byte.writers) {
    if (w.instruction == nullptr || is_before(w, thread) || (w.atomic && now.atomic)) continue;
    // Lanes that store the same at once are none.
    if (same && w.instruction == &i && w.thread / kLanes == frame.warp) continue;
    report(frame, i, lane, at, access, w, true);
  }
  if (access == Access::kRead) {
    keep(byte.readers, now);
    return;
  }
  for (const Record& r : byte.readers) {
    if (r.instruction != nullptr && !is_before(r, thread)) report(frame, i, lane, at, access, r, false);
  }
  if (access == Access::kAtomic) {
    keep(byte.writers, now);
  } else {
    byte.writers[0] = now;
    byte.writers[1].instruction = byte.readers[0].instruction = byte.readers[1].instruction = nullptr;
  }
}

void Races::access(Frame& frame, const Instruction& i, int lane, size_t at, size_t bytes, Access access,
                   const std::byte* value) {
  const unsigned thread = thread_index(frame, lane);
  const Record now{&i, time_[frame.warp], static_cast<uint16_t>(thread), access == Access::kAtomic};
  const std::byte* const memory = frame.block->shared.data() + at;
  const auto same = [&](size_t n, size_t count) {
    return access == Access::kWrite && std::memcmp(memory + n, value + n, count) == 0;
  };
  for (size_t n = 0; n < bytes;) {
    Word& word = words_[(at + n) / 4];
    if (word.split == 0 && bytes - n >= 4) {  // what is that long is aligned
      this->access(frame, i, lane, word.all, at + n, now, access, same(n, 4));
      n += 4;
      continue;
    }
    if (word.split == 0) {
      word.split = static_cast<uint32_t>(split_.size() + 1);
      split_.insert(split_.end(), 4, word.all);
    }
    this->access(frame, i, lane, split_[word.split - 1 + (at + n) % 4], at + n, now, access, same(n, 1));
    ++n;
  }
}

void Races::report(Frame& frame, const Instruction& i, int lane, size_t at, Access access, const Record& earlier,
                   bool wrote) const {
  const Access before = earlier.atomic ? Access::kAtomic : wrote ? Access::kWrite : Access::kRead;
  frame.fault(FaultKind::kRace, i, lane,
              std::string("a race in shared memory: ") + name_of(access) + " of byte " + std::to_string(at) +
                  " and before it, without waiting, " + name_of(before) + " by " +
                  text_of(*frame.function, *earlier.instruction) + ", of thread " +
                  text_of(thread_of(*frame.block, earlier.thread)) + "; now");
}

}  // namespace emulator
