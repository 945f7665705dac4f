// Calls of functions, and what a function finds in its special registers.
#include <algorithm>
#include <cstdio>

#include "block.h"

namespace emulator {

Arena& arena() {
  thread_local Arena one;
  return one;
}

namespace {

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
  }
  return 0;
}

}  // namespace

void set_specials(Frame& frame, bool of_the_block_only) {
  for (const SpecialRegister& s : frame.function->specials) {
    const bool of_the_block = s.what == Special::kCtaidX || s.what == Special::kCtaidY || s.what == Special::kCtaidZ;
    uint64_t* const d = frame.destination(s.where);
    if (of_the_block) {
      std::fill_n(d, kLanes, special_value(frame, s.what, 0));
      continue;
    }
    if (of_the_block_only) continue;
    for (int lane = 0; lane < kLanes; ++lane) d[lane] = special_value(frame, s.what, lane);
  }
}

namespace {

// vprintf(format, arguments): arguments lie as a structure of what varargs become.
void print(const char* format, const std::byte* arguments) {
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
      print(argument<const char*>(frame, call, 0, lane), argument<const std::byte*>(frame, call, 1, lane));
    } else {  // __assertfail(message, file, line, function, character size)
      frame.fault(FaultKind::kAssert, i, lane,
                  std::string("assertion failed: ") + argument<const char*>(frame, call, 0, lane));
    }
  }
}

}  // namespace

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
  set_specials(callee, false);
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

}  // namespace emulator
