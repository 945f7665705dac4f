// What the lanes of a warp do together, and what is done once in a while.
#include <chrono>
#include <utility>

#include "race_global.h"
#include "statement.h"

namespace emulator {

namespace {

enum class Shuffle { kUp, kDown, kButterfly, kIndex };

// PTX ISA, shfl.sync: c has the segments' mask in bits 8 to 12 and the clamp in bits 0 to 4.
template <Shuffle how>
void shuffle(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  uint64_t* const found = i.d[1] != kNoOperand ? frame.destination(i.d[1]) : nullptr;
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  uint64_t before[kLanes], valid[kLanes];
  std::memcpy(before, a, sizeof before);
  uint64_t result[kLanes];
  each_lane(frame.mask, [&](int l) {
    const auto by = static_cast<int>(b[l] & 0x1f), clamp = static_cast<int>(c[l] & 0x1f),
               segment = static_cast<int>((c[l] >> 8) & 0x1f);
    const int last = (l & segment) | (clamp & ~segment), first = l & segment;
    int from = l;
    bool in = false;
    switch (how) {
      case Shuffle::kUp: from = l - by, in = from >= last; break;
      case Shuffle::kDown: from = l + by, in = from <= last; break;
      case Shuffle::kButterfly: from = l ^ by, in = from <= last; break;
      case Shuffle::kIndex: from = first | (by & ~segment), in = from <= last; break;
    }
    if (!in) from = l;
    // Of a lane that does not take part the value is undefined: nothing that anybody would expect.
    result[l] = (frame.mask >> from) & 1 ? static_cast<uint32_t>(before[from]) : 0xdeadbeef;
    valid[l] = in;
  });
  each_lane(frame.mask, [&](int l) {
    d[l] = result[l];
    if (found != nullptr) found[l] = valid[l];
  });
}

Mask ballot_of(const Frame& frame, const uint64_t* predicate) {
  Mask result = 0;
  each_lane(frame.mask, [&](int l) { result |= static_cast<Mask>(predicate[l] != 0) << l; });
  return result;
}

enum class Vote { kBallot, kAny, kAll, kUniform };
template <Vote how>
void vote(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const Mask yes = ballot_of(frame, frame.source(i.s[0]));
  uint64_t result = yes;
  if (how == Vote::kAny) result = yes != 0;
  if (how == Vote::kAll) result = yes == frame.mask;
  if (how == Vote::kUniform) result = yes == 0 || yes == frame.mask;
  each_lane(frame.mask, [&](int l) { d[l] = result; });
}

template <class T, bool all>
void match(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  uint64_t* const same = i.d[1] != kNoOperand ? frame.destination(i.d[1]) : nullptr;
  const uint64_t* const a = frame.source(i.s[0]);
  Mask equal[kLanes] = {};
  each_lane(frame.mask, [&](int l) {
    each_lane(frame.mask, [&](int k) { equal[l] |= static_cast<Mask>(value_of<T>(a[l]) == value_of<T>(a[k])) << k; });
  });
  each_lane(frame.mask, [&](int l) {
    d[l] = !all || equal[l] == frame.mask ? equal[l] : 0;
    if (same != nullptr) same[l] = equal[l] == frame.mask;
  });
}

template <class T, auto f>
void reduce(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  bool first = true;
  T total = 0;
  each_lane(frame.mask, [&](int l) {
    total = first ? value_of<T>(a[l]) : static_cast<T>(f(total, value_of<T>(a[l])));
    first = false;
  });
  each_lane(frame.mask, [&](int l) { d[l] = bits_of(total); });
}
template <class T>
Handler reduction(const Opcode& op) {
  if (op.has("add")) {
    return reduce<T, [](T a, T b) { return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }>;
  }
  if (op.has("min")) return reduce<T, [](T a, T b) { return b < a ? b : a; }>;
  if (op.has("max")) return reduce<T, [](T a, T b) { return a < b ? b : a; }>;
  if (op.has("and")) return reduce<T, [](T a, T b) { return a & b; }>;
  if (op.has("or")) return reduce<T, [](T a, T b) { return a | b; }>;
  if (op.has("xor")) return reduce<T, [](T a, T b) { return a ^ b; }>;
  return nullptr;
}

void nothing(Frame&, const Instruction&) {}

// Memory is always that of all; only races have to know.
void fence(Frame& frame, const Instruction&) {
  if (frame.block->global_races != nullptr) frame.block->global_races->fence();
}

void active_mask(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  each_lane(frame.mask, [&](int l) { d[l] = frame.mask; });
}

void trap(Frame& frame, const Instruction& i) {
  frame.fault(FaultKind::kTrap, i, std::countr_zero(frame.mask), "the kernel trapped");
}

thread_local std::chrono::nanoseconds t_slept{0}, t_slept_before{0};

// mov from %clock, %clock64 and %globaltimer, which the parser writes as an opcode of its own.
void timer(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const auto now = std::chrono::steady_clock::now().time_since_epoch() + t_slept + t_slept_before;
  const auto count = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  each_lane(frame.mask, [&](int l) { d[l] = count; });
}

void sleep(Frame& frame, const Instruction& i) {
  const uint64_t* const a = frame.source(i.s[0]);
  t_slept += std::chrono::nanoseconds(static_cast<uint32_t>(a[std::countr_zero(frame.mask)]));
}

}  // namespace

Handler warp_handler(const Opcode& op) {
  if (op.name == "shfl") {
    if (op.has("up")) return shuffle<Shuffle::kUp>;
    if (op.has("down")) return shuffle<Shuffle::kDown>;
    if (op.has("bfly")) return shuffle<Shuffle::kButterfly>;
    if (op.has("idx")) return shuffle<Shuffle::kIndex>;
  }
  if (op.name == "vote") {
    if (op.has("ballot")) return vote<Vote::kBallot>;
    if (op.has("any")) return vote<Vote::kAny>;
    if (op.has("all")) return vote<Vote::kAll>;
    if (op.has("uni")) return vote<Vote::kUniform>;
  }
  if (op.name == "match") {
    const bool two = bytes_of(op.type) == 8;
    if (op.has("any")) return two ? match<uint64_t, false> : match<uint32_t, false>;
    if (op.has("all")) return two ? match<uint64_t, true> : match<uint32_t, true>;
  }
  if (op.name == "redux") return op.type == Type::kS32 ? reduction<int32_t>(op) : reduction<uint32_t>(op);
  if (op.name == "bar" || op.name == "barrier") return nothing;  // the machine's part
  if (op.name == "membar" || op.name == "fence") return fence;
  if (op.name == "griddepcontrol") return nothing;
  if (op.name == "prefetch" || op.name == "prefetchu") return nothing;
  if (op.name == "activemask") return active_mask;
  if (op.name == "trap") return trap;
  if (op.name == "timer") return timer;
  if (op.name == "nanosleep") return sleep;
  return nullptr;
}

std::chrono::nanoseconds take_sleep() {
  t_slept_before += t_slept;  // timers do not go back
  return std::exchange(t_slept, std::chrono::nanoseconds(0));
}

}  // namespace emulator
