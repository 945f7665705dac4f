#include "machine.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ptx.h"

namespace emulator {

namespace {

std::string demangled(const std::string& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  const std::string result = text != nullptr ? text : name;
  std::free(text);
  return result;
}

unsigned thread_index(const Frame& frame, int lane) { return frame.warp * kLanes + static_cast<unsigned>(lane); }

Dim thread_of(const Block& block, unsigned index) {
  return {index % block.size.x, index / block.size.x % block.size.y, index / block.size.x / block.size.y};
}

uint64_t special_value(const Frame& frame, Special what, int lane) {
  const Block& block = *frame.block;
  const Dim thread = thread_of(block, thread_index(frame, lane));
  const Mask bit = Mask{1} << lane;
  switch (what) {
    case Special::kTidX: return thread.x;
    case Special::kTidY: return thread.y;
    case Special::kTidZ: return thread.z;
    case Special::kNtidX: return block.size.x;
    case Special::kNtidY: return block.size.y;
    case Special::kNtidZ: return block.size.z;
    case Special::kCtaidX: return block.index.x;
    case Special::kCtaidY: return block.index.y;
    case Special::kCtaidZ: return block.index.z;
    case Special::kNctaidX: return block.grid.x;
    case Special::kNctaidY: return block.grid.y;
    case Special::kNctaidZ: return block.grid.z;
    case Special::kLaneid: return static_cast<uint64_t>(lane);
    case Special::kWarpid: return frame.warp;
    case Special::kNwarpid: return block.warps.size();
    case Special::kSmid: return 0;
    case Special::kNsmid: return 1;
    case Special::kLanemaskEq: return bit;
    case Special::kLanemaskLt: return bit - 1;
    case Special::kLanemaskLe: return bit | (bit - 1);
    case Special::kLanemaskGt: return static_cast<Mask>(~(bit | (bit - 1)));
    case Special::kLanemaskGe: return static_cast<Mask>(~(bit - 1));
    case Special::kDynamicShared: return block.dynamic_shared;
    case Special::kZero: return 0;
  }
  return 0;
}

void set_specials(Frame& frame) {
  for (const SpecialRegister& s : frame.function->specials) {
    uint64_t* const d = frame.destination(s.where);
    for (int lane = 0; lane < kLanes; ++lane) d[lane] = special_value(frame, s.what, lane);
  }
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

/// Memory for registers and frames: taken and given back in order, and never cleared.
class Arena {
 public:
  Arena()
      : memory_(static_cast<std::byte*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Arena() { munmap(memory_, kBytes); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Gives back what was taken in its scope.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), mark_(arena.used_) {}
    ~Scope() { arena_.used_ = mark_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    const size_t mark_;
  };

  template <class T>
  T* take(size_t count) {
    const size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    if (bytes > kBytes - used_) throw std::bad_alloc();
    T* const result = reinterpret_cast<T*>(memory_ + used_);
    used_ += bytes;
    return result;
  }

 private:
  static constexpr size_t kBytes = size_t{1} << 32;
  std::byte* const memory_;
  size_t used_ = 0;
};

Arena& arena() {
  thread_local Arena one;
  return one;
}

// ---- calls ----

void run_frame(Frame& frame);

// vprintf(format, arguments): arguments lie as a structure of what varargs become.
void print(Frame& frame, int lane, const char* format, const std::byte* arguments) {
  std::string out;
  size_t at = 0;
  const auto next = [&]<class T>(T* value) {
    at = (at + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    std::memcpy(value, arguments + at, sizeof(T));
    at += sizeof(T);
  };
  for (const char* c = format; *c != '\0'; ++c) {
    if (*c != '%') {
      out += *c;
      continue;
    }
    if (c[1] == '%') {
      out += *c++;
      continue;
    }
    std::string spec = "%";
    while (*++c != '\0' && std::strchr("diouxXcsfFeEgGaAp", *c) == nullptr) spec += *c;
    const bool wide = spec.find('l') != std::string::npos || spec.find('z') != std::string::npos;
    spec += *c;
    char text[256];
    if (std::strchr("fFeEgGaA", *c) != nullptr) {
      double value;
      next(&value);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    } else if (*c == 's' || *c == 'p') {
      const char* value;
      next(&value);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    } else if (wide) {
      int64_t value;
      next(&value);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    } else {
      int32_t value;
      next(&value);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    }
    out += text;
  }
  static_cast<void>(frame), static_cast<void>(lane);
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

template <class T>
T argument(const Frame& frame, const Call& call, size_t n, int lane) {
  T value;
  std::memcpy(&value, frame.lane_memory(lane) + call.arguments[n], sizeof(T));
  return value;
}

void call_builtin(Frame& frame, const Instruction& i) {
  const Call& call = *i.call;
  for (Mask m = frame.mask; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    if (call.name == "vprintf") {
      print(frame, lane, argument<const char*>(frame, call, 0, lane), argument<const std::byte*>(frame, call, 1, lane));
    } else {  // __assertfail(message, file, line, function, character size)
      frame.fault(FaultKind::kAssert, i, lane,
                  std::string("assertion failed: ") + argument<const char*>(frame, call, 0, lane));
    }
  }
}

// Runs the callee to its end for the lanes: functions have no barriers, and no lanes that wait for others.
void call_function(Frame& frame, const Instruction& i) {
  const Call& call = *i.call;
  if (call.function == nullptr) {
    call_builtin(frame, i);
    return;
  }
  const Function& f = *call.function;
  Frame callee;
  const Arena::Scope scope(arena());
  callee.block = frame.block;
  callee.caller = &frame;
  callee.function = &f;
  callee.registers = arena().take<uint64_t>(static_cast<size_t>(f.registers) * kLanes);
  callee.memory = arena().take<std::byte>(f.frame_bytes * kLanes);
  callee.warp = frame.warp;
  callee.alive = frame.mask;
  set_specials(callee);
  const auto copy = [&](Frame& to, const Frame& from, size_t to_at, size_t from_at, size_t bytes) {
    each_lane(frame.mask,
              [&](int lane) { std::memcpy(to.lane_memory(lane) + to_at, from.lane_memory(lane) + from_at, bytes); });
  };
  for (size_t n = 0; n < call.arguments.size(); ++n) {
    const Parameter& p = f.parameters.at(n);
    copy(callee, frame, p.offset, static_cast<size_t>(call.arguments[n]), p.bytes);
  }
  run_frame(callee);
  if (callee.alive != 0) frame.fault(FaultKind::kIllegalInstruction, i, 0, "a barrier in a function is not known");
  for (size_t n = 0; n < call.results.size(); ++n) {
    const Parameter& p = f.results.at(n);
    copy(frame, callee, static_cast<size_t>(call.results[n]), p.offset, p.bytes);
  }
}

// ---- barriers ----

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
  barrier.arrivals.push_back({&frame, lanes, i.d[0]});
  frame.blocked |= lanes;
}

unsigned living(const Block& block) {
  unsigned count = 0;
  for (const Frame& warp : block.warps) count += static_cast<unsigned>(std::popcount(warp.alive));
  return count;
}

bool release(Block& block) {
  bool any = false;
  for (Barrier& barrier : block.barriers) {
    if (barrier.arrivals.empty()) continue;
    if (barrier.arrived < (barrier.expected != 0 ? barrier.expected : living(block))) continue;
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

void set_pc(Frame& frame, Mask lanes, uint32_t pc) {
  each_lane(lanes, [&](int lane) { frame.pc[lane] = pc; });
}

// Whether all lanes of the mask have come to the instruction; those that have wait otherwise. Lanes that have ended are
// not waited for.
bool gathered(Frame& frame, const Instruction& i, uint32_t pc, Mask& lanes) {
  const auto members = static_cast<Mask>(frame.source(i.s[kMembers])[std::countr_zero(lanes)]);
  if ((lanes & ~members) != 0) {
    frame.fault(FaultKind::kIllegalInstruction, i, std::countr_zero(lanes & ~members),
                "a lane that is not in its own member mask");
  }
  Mask together = lanes;
  for (Mask m = frame.parked; m != 0; m &= m - 1) {
    const int lane = std::countr_zero(m);
    if (frame.pc[lane] == pc) together |= Mask{1} << lane;
  }
  if ((members & frame.alive & ~together) != 0) {
    frame.parked |= lanes;
    set_pc(frame, lanes, pc);
    return false;
  }
  frame.parked &= ~together;
  lanes = together;
  return true;
}

// Until every lane has ended or waits.
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

// Lanes may wait for each other at different bar.warp.sync, which is legal where nothing else can go on.
bool unpark(Frame& frame) {
  if (frame.parked == 0) return false;
  for (Mask m = frame.parked; m != 0; m &= m - 1) {
    const Instruction& i = frame.function->code[frame.pc[std::countr_zero(m)]];
    if (!i.text.starts_with("bar")) return false;
    const auto members = static_cast<Mask>(frame.source(i.s[kMembers])[std::countr_zero(m)]);
    if ((members & frame.alive & ~frame.parked) != 0) return false;
  }
  each_lane(frame.parked, [&](int lane) { ++frame.pc[lane]; });
  frame.parked = 0;
  return true;
}

void run_block(Block& block) {
  for (;;) {
    bool progress = false;
    for (Frame& warp : block.warps) {
      if ((warp.alive & ~warp.blocked & ~warp.parked) == 0) continue;
      run_frame(warp);
      progress = true;
    }
    if (living(block) == 0) return;
    if (release(block)) continue;
    for (Frame& warp : block.warps) progress |= unpark(warp);
    if (progress) continue;
    for (const Frame& warp : block.warps) {
      if (warp.alive == 0) continue;
      const int lane = std::countr_zero(warp.alive);
      const uint32_t pc = warp.pc[lane] - (((warp.blocked >> lane) & 1) != 0 ? 1 : 0);
      warp.fault(FaultKind::kIllegalInstruction, warp.function->code[pc], lane, "a thread waits for others for ever");
    }
  }
}

}  // namespace

void Frame::fault(FaultKind kind, const Instruction& at, int lane, const std::string& why) const {
  const Frame* outermost = this;
  while (outermost->caller != nullptr) outermost = outermost->caller;
  const Dim thread = thread_of(*block, thread_index(*this, lane));
  const auto tuple = [](Dim d) {
    return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
  };
  std::string text = why + ": " + at.text + " of thread " + tuple(thread) + " in block " + tuple(block->index) +
                     " of " + demangled(outermost->function->name);
  if (function->files != nullptr) {
    if (const auto file = function->files->find(at.file); file != function->files->end()) {
      text += ", " + file->second + ":" + std::to_string(at.line);
    }
  }
  throw Fault(kind, text);
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
  for (uint64_t n = 0; n < uint64_t{grid.x} * grid.y * grid.z; ++n) {
    block.index = {static_cast<unsigned>(n % grid.x), static_cast<unsigned>(n / grid.x % grid.y),
                   static_cast<unsigned>(n / grid.x / grid.y)};
    // What a block leaves in its shared memory is not what the next finds.
    std::fill(block.shared.begin(), block.shared.end(), std::byte{0xcd});
    for (unsigned w = 0; w < warps; ++w) {
      Frame& frame = block.warps[w];
      frame = Frame{};
      frame.block = &block;
      frame.function = &f;
      frame.registers = registers + register_words * w;
      frame.memory = memory + memory_bytes * w;
      frame.warp = w;
      const unsigned left = threads - w * kLanes;
      frame.alive = left >= kLanes ? kAllLanes : (Mask{1} << left) - 1;
      set_specials(frame);
    }
    run_block(block);
  }
}

}  // namespace emulator
