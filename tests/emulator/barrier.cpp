// How threads wait for each other: at barriers of the block, and at instructions that lanes of a warp execute together.
#include "block.h"
#include "race.h"

namespace emulator {

unsigned living(const Block& block) {
  unsigned count = 0;
  for (const Frame& warp : block.warps) count += static_cast<unsigned>(std::popcount(warp.alive));
  return count;
}

void arrive(Frame& frame, const Instruction& i, Mask lanes) {
  const int first = std::countr_zero(lanes);
  const bool reduces = i.d[0] != kNoOperand;
  const uint64_t which = frame.source(i.s[0])[first];
  if (which >= std::size(frame.block->barriers))
    frame.fault(FaultKind::kIllegalInstruction, i, first, "no such barrier");
  Barrier& barrier = frame.block->barriers[which];
  const bool counted = i.width == (reduces ? 3 : 2);
  const unsigned expected = counted ? static_cast<unsigned>(frame.source(i.s[1])[first]) : 0;
  if (barrier.arrivals.empty()) {
    barrier.expected = expected;
  } else if (barrier.expected != expected) {
    frame.fault(FaultKind::kIllegalInstruction, i, first, "threads come to a barrier with different counts");
  }
  if (reduces) {
    barrier.reduction = i.text.find(".and") != std::string::npos  ? 'a'
                        : i.text.find(".or") != std::string::npos ? 'o'
                                                                  : 'p';
    const uint64_t* const p = frame.source(i.s[i.width - 1]);
    each_lane(lanes, [&](int lane) {
      const bool yes = p[lane] != 0;
      barrier.count += yes;
      barrier.all &= yes;
      barrier.any |= yes;
    });
  }
  barrier.arrived += static_cast<unsigned>(std::popcount(lanes));
  barrier.arrivals.push_back({&frame, &i, lanes, i.d[0]});
  frame.blocked |= lanes;
}

namespace {

// The lanes of a warp come to a barrier of the block together, or the behaviour is undefined.
void check_together(const Barrier& barrier) {
  for (const Barrier::Arrival& a : barrier.arrivals) {
    Mask lanes = 0;
    for (const Barrier::Arrival& b : barrier.arrivals) {
      if (b.frame != a.frame) continue;
      lanes |= b.lanes;
      if (b.at == a.at) continue;
      a.frame->fault(
          FaultKind::kDivergence, *a.at, std::countr_zero(a.lanes),
          "lanes of a warp wait at two barriers, the other " + text_of(*b.frame->function, *b.at) + " of thread " +
              text_of(thread_of(*b.frame->block, thread_index(*b.frame, std::countr_zero(b.lanes)))) + "; this");
    }
    if (const Mask missing = a.frame->alive & ~lanes; missing != 0) {
      const int lane = std::countr_zero(missing);
      a.frame->fault(FaultKind::kDivergence, *a.at, std::countr_zero(a.lanes),
                     "a barrier that not all lanes of the warp come to; thread " +
                         text_of(thread_of(*a.frame->block, thread_index(*a.frame, lane))) + " is at " +
                         text_of(*a.frame->function, a.frame->function->code[a.frame->pc[lane]]) + "; this");
    }
  }
}

void note_met(Block& block, const Barrier& barrier) {
  if (barrier.expected == 0) {
    block.races->all_met();
    return;
  }
  std::vector<unsigned> warps;
  for (const Barrier::Arrival& a : barrier.arrivals) warps.push_back(a.frame->warp);
  block.races->warps_met(warps);
}

}  // namespace

bool release(Block& block) {
  bool any = false;
  for (Barrier& barrier : block.barriers) {
    if (barrier.arrivals.empty()) continue;
    if (barrier.arrived < (barrier.expected != 0 ? barrier.expected : living(block))) continue;
    if (block.sync) check_together(barrier);
    if (block.races != nullptr) note_met(block, barrier);
    const uint64_t result = barrier.reduction == 'a'   ? barrier.all
                            : barrier.reduction == 'o' ? barrier.any
                                                       : barrier.count;
    for (const Barrier::Arrival& a : barrier.arrivals) {
      a.frame->blocked &= ~a.lanes;
      if (a.result == kNoOperand) continue;
      uint64_t* const d = a.frame->destination(a.result);
      each_lane(a.lanes, [&](int lane) { d[lane] = result; });
    }
    barrier = Barrier{};
    any = true;
  }
  return any;
}

bool gathered(Frame& frame, const Instruction& i, uint32_t pc, Mask& lanes) {
  const uint64_t* const mask = frame.source(i.s[kMembers]);
  const auto members = static_cast<Mask>(mask[std::countr_zero(lanes)]);
  // Lanes with another mask are a group of their own: they go on from here by themselves.
  const auto is_other = [&](int lane) { return static_cast<Mask>(mask[lane]) != members; };
  Mask others = 0;
  if (i.s[kMembers] >= 0) each_lane(lanes, [&](int lane) { others |= static_cast<Mask>(is_other(lane)) << lane; });
  set_pc(frame, others, pc);
  lanes &= ~others;
  if ((lanes & ~members) != 0) {
    frame.fault(FaultKind::kIllegalInstruction, i, std::countr_zero(lanes & ~members),
                "a lane that is not in its own member mask");
  }
  const Mask gone = frame.caller == nullptr ? members & frame.began & ~frame.alive : 0;
  if (frame.block->sync && gone != 0) {
    const int ended = std::countr_zero(gone);
    frame.fault(FaultKind::kDivergence, i, std::countr_zero(lanes),
                "a member mask that names thread " + text_of(thread_of(*frame.block, thread_index(frame, ended))) +
                    ", which has ended");
  }
  Mask together = lanes;
  for (Mask m = frame.parked; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    if (frame.pc[lane] == pc && !is_other(lane)) together |= Mask{1} << lane;
  }
  if ((members & frame.alive & ~together) != 0) {
    frame.parked |= lanes;
    set_pc(frame, lanes, pc);
    return false;
  }
  frame.parked &= ~together;
  lanes = together;
  if (frame.block->races != nullptr) frame.block->races->lanes_met(frame.warp, members);
  return true;
}

// Lanes may wait for each other at different bar.warp.sync, which is legal where nothing else can go on.
bool unpark(Frame& frame) {
  if (frame.parked == 0) return false;
  for (Mask m = frame.parked; m != 0; m &= m - 1) {
    const Instruction& i = frame.function->code[frame.pc[std::countr_zero(m)]];
    if (!i.text.starts_with("bar")) return false;
    const auto members = static_cast<Mask>(frame.source(i.s[kMembers])[std::countr_zero(m)]);
    if ((members & frame.alive & ~frame.parked) != 0) return false;
  }
  if (frame.block->races != nullptr) frame.block->races->lanes_met(frame.warp, frame.parked);
  each_lane(frame.parked, [&](int lane) { ++frame.pc[lane]; });
  frame.parked = 0;
  return true;
}

void fail_deadlock(const Block& block) {
  for (const Frame& warp : block.warps) {
    if (warp.alive == 0) continue;
    const int lane = std::countr_zero(warp.alive);
    const uint32_t pc = warp.pc[lane] - (((warp.blocked >> lane) & 1) != 0 ? 1 : 0);
    warp.fault(FaultKind::kIllegalInstruction, warp.function->code[pc], lane, "a thread waits for others for ever");
  }
  throw Fault(FaultKind::kIllegalInstruction, "threads wait for others for ever");
}

}  // namespace emulator
