#include "machine.h"

#include <cxxabi.h>
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "block.h"
#include "race_global.h"

namespace emulator {

namespace {

std::string demangled(const std::string& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  const std::string result = text != nullptr ? text : name;
  std::free(text);
  return result;
}

/// Lanes whose predicate lets them take the instruction.
Mask guarded(const Frame& frame, const Instruction& i, Mask lanes) {
  if (i.guard == kNoOperand) return lanes;
  const uint64_t* const p = frame.source(i.guard);
  Mask result = 0;
  for (Mask m = lanes; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    result |= static_cast<Mask>((p[lane] != 0) != i.guard_negated) << lane;
  }
  return result;
}

// ---- a warp ----

/// The lanes that go on next: those at the lowest instruction, where code that they have parted at comes together
/// again.
struct Group {
  Mask lanes = 0;
  uint32_t pc = 0;
  uint32_t limit = UINT32_MAX;  ///< where the next of the others stands
};

Group pick(const Frame& frame) {
  Group g;
  const Mask runnable = frame.alive & ~frame.blocked & ~frame.parked;
  uint32_t lowest = UINT32_MAX;
  for (Mask m = runnable; m != 0; m &= m - 1) lowest = std::min(lowest, frame.pc[std::countr_zero(m)]);
  g.pc = lowest;
  for (Mask m = runnable; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    if (frame.pc[lane] == lowest) {
      g.lanes |= Mask{1} << lane;
    } else {
      g.limit = std::min(g.limit, frame.pc[lane]);
    }
  }
  return g;
}

}  // namespace

void run_frame(Frame& frame) {
  const Instruction* const code = frame.function->code.data();
  const auto end = static_cast<uint32_t>(frame.function->code.size());
  for (;;) {
    const Group group = pick(frame);
    if (group.lanes == 0) return;
    Mask lanes = group.lanes;
    uint32_t pc = group.pc;
    const auto finish = [&](Mask ended) { frame.alive &= ~ended; };
    bool together = true;
    while (together) {
      if (pc >= group.limit && pc != group.pc) break;
      if (pc >= end) {
        finish(lanes);
        together = false;
        break;
      }
      const Instruction& i = code[pc];
      const Mask taken = guarded(frame, i, lanes);
      if (taken == 0) {
        ++pc;
        continue;
      }
      frame.mask = taken;
      switch (i.flow) {
        case Flow::kNext:
          i.handler(frame, i);
          ++pc;
          break;
        case Flow::kCall:
          call_function(frame, i);
          ++pc;
          break;
        case Flow::kBranch:
          if (taken == lanes) {
            pc = i.target;
          } else {
            set_pc(frame, taken, i.target);
            set_pc(frame, lanes & ~taken, pc + 1);
            together = false;
          }
          break;
        case Flow::kReturn:
        case Flow::kExit:
          finish(taken);
          set_pc(frame, lanes & ~taken, pc + 1);
          together = false;
          break;
        case Flow::kBarrier:
          if (frame.caller != nullptr) return;  // the caller says what is wrong
          arrive(frame, i, taken);
          set_pc(frame, lanes, pc + 1);
          together = false;
          break;
        case Flow::kWarp: {
          if (taken != lanes) set_pc(frame, lanes & ~taken, pc + 1);
          Mask all = taken;
          if (gathered(frame, i, pc, all)) {
            frame.mask = all;
            i.handler(frame, i);
            set_pc(frame, all, pc + 1);
            if (all == lanes) {
              ++pc;
              break;
            }
          }
          together = false;
          break;
        }
      }
    }
    if (together) set_pc(frame, lanes, pc);
  }
}

// ---- a block ----

namespace {

void run_block(Block& block, std::mt19937_64* random) {
  std::vector<Frame*> order;
  for (Frame& warp : block.warps) order.push_back(&warp);
  for (;;) {
    bool progress = false;
    if (random != nullptr) std::shuffle(order.begin(), order.end(), *random);
    for (Frame* const warp : order) {
      if ((warp->alive & ~warp->blocked & ~warp->parked) == 0) continue;
      run_frame(*warp);
      progress = true;
    }
    if (living(block) == 0) return;
    if (release(block)) continue;
    for (Frame& warp : block.warps) progress |= unpark(warp);
    if (!progress) fail_deadlock(block);
  }
}

}  // namespace

std::string text_of(Dim d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
}

std::string text_of(const Function& function, const Instruction& at) {
  std::string text = at.text;
  if (function.files != nullptr) {
    if (const auto file = function.files->find(at.file); file != function.files->end()) {
      text += ", " + file->second + ":" + std::to_string(at.line);
    }
  }
  return text;
}

void Frame::fault(FaultKind kind, const Instruction& at, int lane, const std::string& why) const {
  const Frame* outermost = this;
  while (outermost->caller != nullptr) outermost = outermost->caller;
  const Dim thread = thread_of(*block, thread_index(*this, lane));
  throw Fault(kind, why + ": " + text_of(*function, at) + ", of thread " + text_of(thread) + " in block " +
                        text_of(block->index) + " of " + demangled(outermost->function->name));
}

void run(const Kernel& kernel, Dim grid, Dim size, size_t dynamic_shared, const std::byte* parameters) {
  const Function& f = *static_cast<const Function*>(kernel.code);
  Block block;
  block.parameters = parameters;
  block.parameter_bytes = kernel.parameter_bytes;
  block.dynamic_shared = dynamic_shared;
  block.shared_bytes = f.shared_bytes + dynamic_shared;
  block.shared.resize(block.shared_bytes + 16);
  block.size = size;
  block.grid = grid;
  const unsigned threads = size.x * size.y * size.z, warps = (threads + kLanes - 1) / kLanes;
  const size_t register_words = static_cast<size_t>(f.registers) * kLanes, memory_bytes = f.frame_bytes * kLanes;
  const Arena::Scope scope(arena());
  auto* const registers = arena().take<uint64_t>(register_words * warps);
  auto* const memory = arena().take<std::byte>(memory_bytes * warps);
  block.warps.resize(warps);
  std::optional<Races> races;
  std::optional<GlobalRaces> global_races;
  if (options().race || options().global_race) block.races = &races.emplace(block.shared_bytes, warps);
  if (options().global_race) block.global_races = &global_races.emplace(*races);
  block.init = options().init;
  block.sync = options().sync;
  static uint64_t launches = 0;  // each has an order of its own
  std::mt19937_64 random(options().seed + launches++);
  for (uint64_t n = 0; n < uint64_t{grid.x} * grid.y * grid.z; ++n) {
    block.index = {static_cast<unsigned>(n % grid.x), static_cast<unsigned>(n / grid.x % grid.y),
                   static_cast<unsigned>(n / grid.x / grid.y)};
    // What a block leaves in its shared memory is not what the next finds.
    std::fill(block.shared.begin(), block.shared.end(), std::byte{0xcd});
    if (races) races->begin_block();
    if (global_races) global_races->begin_block();
    for (unsigned w = 0; w < warps; ++w) {
      Frame& frame = block.warps[w];
      frame = Frame{};
      frame.block = &block;
      frame.function = &f;
      frame.registers = registers + register_words * w;
      frame.memory = memory + memory_bytes * w;
      frame.warp = w;
      const unsigned left = threads - w * kLanes;
      frame.alive = frame.began = left >= kLanes ? kAllLanes : (Mask{1} << left) - 1;
      set_specials(frame, n != 0);  // nothing else writes to them
    }
    run_block(block, options().shuffle ? &random : nullptr);
  }
}

}  // namespace emulator
