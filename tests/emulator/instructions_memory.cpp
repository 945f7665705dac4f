// Loads, stores, atomics, and addresses of one space as those of another. An address of global memory is the host's, as
// a generic one is; of shared memory, local memory and parameters it is an offset.
#include <algorithm>
#include <cmath>

#include "memory.h"
#include "race_global.h"
#include "statement.h"

namespace emulator {

namespace {

[[noreturn]] void out_of_bounds(Frame& frame, const Instruction& i, int lane, const char* space, uint64_t address,
                                size_t bytes) {
  char text[128];
  std::snprintf(text, sizeof text, "%zu bytes of %s memory at 0x%llx, which is not there", bytes, space,
                static_cast<unsigned long long>(address));
  frame.fault(FaultKind::kIllegalAddress, i, lane, text);
}

bool is_global(Block& block, uintptr_t address, size_t bytes) {
  if (!block.known.contains(address, bytes)) [[unlikely]]
    block.known = find_range(address);
  return block.known.contains(address, bytes);
}

bool inside(const std::byte* begin, size_t size, uintptr_t address, size_t bytes) {
  const auto from = reinterpret_cast<uintptr_t>(begin);
  return address >= from && bytes <= size && address - from <= size - bytes;
}

bool is_local(const Frame& frame, int lane, uintptr_t address, size_t bytes) {
  for (const Frame* f = &frame; f != nullptr; f = f->caller) {
    if (inside(f->lane_memory(lane), f->function->frame_bytes, address, bytes)) return true;
  }
  return false;
}

bool is_generic(const Frame& frame, int lane, uintptr_t address, size_t bytes) {
  return is_global(*frame.block, address, bytes) ||
         inside(frame.block->shared.data(), frame.block->shared_bytes, address, bytes) ||
         is_local(frame, lane, address, bytes);
}

/// Where a lane's access goes, checked.
template <Space space>
std::byte* locate(Frame& frame, const Instruction& i, int lane, uint64_t address, size_t bytes) {
  if (address % bytes != 0) frame.fault(FaultKind::kMisaligned, i, lane, "an address that is not aligned");
  if constexpr (space == Space::kShared) {
    const size_t size = frame.block->shared_bytes;
    address = static_cast<uint32_t>(address);
    if (bytes > size || address > size - bytes) out_of_bounds(frame, i, lane, "shared", address, bytes);
    return frame.block->shared.data() + address;
  } else if constexpr (space == Space::kLocal) {
    // Relative to this frame, though it may be a caller's variable, whose address a function was given.
    const auto at = reinterpret_cast<uintptr_t>(frame.lane_memory(lane)) + address;
    if (!is_local(frame, lane, at, bytes)) out_of_bounds(frame, i, lane, "local", address, bytes);
    return reinterpret_cast<std::byte*>(at);
  } else if constexpr (space == Space::kParameter) {
    const size_t size = frame.block->parameter_bytes;
    if (bytes > size || address > size - bytes) out_of_bounds(frame, i, lane, "parameter", address, bytes);
    return const_cast<std::byte*>(frame.block->parameters) + address;
  } else if constexpr (space == Space::kGlobal) {
    if (!is_global(*frame.block, address, bytes)) out_of_bounds(frame, i, lane, "global", address, bytes);
    return reinterpret_cast<std::byte*>(address);
  } else {
    if (!is_generic(frame, lane, address, bytes)) out_of_bounds(frame, i, lane, "generic", address, bytes);
    return reinterpret_cast<std::byte*>(address);
  }
}

// What the checks that are switched on say to a lane's access; before it.
void check(Frame& frame, const Instruction& i, int lane, const std::byte* at, size_t bytes, Access access,
           const std::byte* value = nullptr) {
  const Block& block = *frame.block;
  const auto address = reinterpret_cast<uintptr_t>(at);
  if (inside(block.shared.data(), block.shared_bytes, address, bytes)) {
    const auto offset = static_cast<size_t>(at - block.shared.data());
    if (block.races != nullptr) block.races->access(frame, i, lane, offset, bytes, access, value);
    return;
  }
  if (!block.known.contains(address, bytes)) return;
  if (block.global_races != nullptr) block.global_races->access(frame, i, lane, address, bytes, access, value);
  if (!block.init) return;
  if (access != Access::kWrite) {
    if (const size_t n = first_unwritten(at, bytes); n != bytes) {
      char text[128];
      std::snprintf(text, sizeof text, "%zu bytes are read at 0x%zx, of which byte %zu has never been written", bytes,
                    static_cast<size_t>(address), n);
      frame.fault(FaultKind::kUnwritten, i, lane, text);
    }
  }
  if (access != Access::kRead) mark_written(at, bytes);
}

template <Space space>
bool is_checked(const Frame& frame) {
  if (space == Space::kLocal || space == Space::kParameter) return false;
  const Block& block = *frame.block;
  const bool shared = block.races != nullptr, global = block.global_races != nullptr || block.init;
  return (shared && space != Space::kGlobal) || (global && space != Space::kShared);
}

// Registers wider than the type get its sign.
template <class T>
uint64_t extended(T value) {
  return std::is_signed_v<T> ? static_cast<uint64_t>(static_cast<int64_t>(value)) : static_cast<uint64_t>(value);
}

// What a launch gives to all its threads alike, from an address that is written in the instruction.
template <class T>
void load_parameter(Frame& frame, const Instruction& i) {
  const int first = std::countr_zero(frame.mask);
  const uint64_t address = frame.source(i.address)[first] + static_cast<uint64_t>(i.offset);
  T values[4];
  std::memcpy(values, locate<Space::kParameter>(frame, i, first, address, sizeof(T) * i.width), sizeof(T) * i.width);
  for (int n = 0; n < i.width; ++n) {
    uint64_t* const d = frame.destination(i.d[n]);
    each_lane(frame.mask, [&](int l) { d[l] = extended(values[n]); });
  }
}

template <Space space, class T>
void load(Frame& frame, const Instruction& i) {
  if constexpr (space == Space::kParameter) {
    if (i.address < 0) {
      load_parameter<T>(frame, i);
      return;
    }
  }
  const uint64_t* const address = frame.source(i.address);
  const size_t bytes = sizeof(T) * i.width;
  uint64_t* d[4];
  for (int n = 0; n < i.width; ++n) d[n] = frame.destination(i.d[n]);
  const bool checked = is_checked<space>(frame);
  each_lane(frame.mask, [&](int l) {
    const std::byte* const from = locate<space>(frame, i, l, address[l] + static_cast<uint64_t>(i.offset), bytes);
    if (checked) [[unlikely]]
      check(frame, i, l, from, bytes, Access::kRead);
    T values[4];
    std::memcpy(values, from, bytes);
    for (int n = 0; n < i.width; ++n) d[n][l] = extended(values[n]);
  });
}

template <Space space, class T>
void store(Frame& frame, const Instruction& i) {
  const uint64_t* const address = frame.source(i.address);
  const size_t bytes = sizeof(T) * i.width;
  const uint64_t* s[4];
  for (int n = 0; n < i.width; ++n) s[n] = frame.source(i.s[n]);
  const bool checked = is_checked<space>(frame);
  each_lane(frame.mask, [&](int l) {
    std::byte* const to = locate<space>(frame, i, l, address[l] + static_cast<uint64_t>(i.offset), bytes);
    T values[4];
    for (int n = 0; n < i.width; ++n) values[n] = static_cast<T>(s[n][l]);
    if (checked) [[unlikely]]
      check(frame, i, l, to, bytes, Access::kWrite, reinterpret_cast<const std::byte*>(values));
    std::memcpy(to, values, bytes);
  });
}

template <Space space>
Handler load_or_store(const Opcode& op) {
  const auto of = [&]<class T>() -> Handler { return op.name == "ld" ? load<space, T> : store<space, T>; };
  switch (op.type) {
    case Type::kS8: return of.template operator()<int8_t>();
    case Type::kS16: return of.template operator()<int16_t>();
    case Type::kS32: return of.template operator()<int32_t>();
    default: break;
  }
  switch (bytes_of(op.type)) {
    case 1: return of.template operator()<uint8_t>();
    case 2: return of.template operator()<uint16_t>();
    case 4: return of.template operator()<uint32_t>();
    case 8: return of.template operator()<uint64_t>();
    default: return nullptr;
  }
}

// ---- atomics: blocks and warps run one after another, so that each is whole ----

template <Space space, class T, auto f>
void atomic(Frame& frame, const Instruction& i) {
  const uint64_t *const address = frame.source(i.address), *const b = frame.source(i.s[0]);
  const uint64_t* const c = i.s[1] != kNoOperand ? frame.source(i.s[1]) : b;
  uint64_t* const d = i.d[0] != kNoOperand ? frame.destination(i.d[0]) : nullptr;
  const bool checked = is_checked<space>(frame);
  for (Mask m = frame.mask; m != 0; m &= m - 1) {
    const int l = std::countr_zero(m);
    std::byte* const at = locate<space>(frame, i, l, address[l] + static_cast<uint64_t>(i.offset), sizeof(T));
    if (checked) check(frame, i, l, at, sizeof(T), Access::kAtomic);
    T old;
    std::memcpy(&old, at, sizeof(T));
    const T now = f(old, value_of<T>(b[l]), value_of<T>(c[l]));
    std::memcpy(at, &now, sizeof(T));
    if (d != nullptr) d[l] = bits_of(old);
  }
}

template <Space space, class T>
Handler atomic_of(const Opcode& op) {
  if (op.has("add")) return atomic<space, T, [](T old, T b, T) { return static_cast<T>(old + b); }>;
  if (op.has("exch")) return atomic<space, T, [](T, T b, T) { return b; }>;
  if (op.has("cas")) return atomic<space, T, [](T old, T b, T c) { return old == b ? c : old; }>;
  if (op.has("min")) return atomic<space, T, [](T old, T b, T) { return std::min(old, b); }>;
  if (op.has("max")) return atomic<space, T, [](T old, T b, T) { return std::max(old, b); }>;
  if constexpr (std::is_unsigned_v<T>) {
    if (op.has("and")) return atomic<space, T, [](T old, T b, T) { return old & b; }>;
    if (op.has("or")) return atomic<space, T, [](T old, T b, T) { return old | b; }>;
    if (op.has("xor")) return atomic<space, T, [](T old, T b, T) { return old ^ b; }>;
    if (op.has("inc")) return atomic<space, T, [](T old, T b, T) { return static_cast<T>(old < b ? old + 1 : 0); }>;
    if (op.has("dec"))
      return atomic<space, T, [](T old, T b, T) { return static_cast<T>(old == 0 || b < old ? b : old - 1); }>;
  }
  return nullptr;
}

template <Space space>
Handler atomic_in(const Opcode& op) {
  switch (op.type) {
    case Type::kB32:
    case Type::kU32: return atomic_of<space, uint32_t>(op);
    case Type::kB64:
    case Type::kU64: return atomic_of<space, uint64_t>(op);
    case Type::kS32: return atomic_of<space, int32_t>(op);
    case Type::kS64: return atomic_of<space, int64_t>(op);
    case Type::kF32: return atomic_of<space, float>(op);
    case Type::kF64: return atomic_of<space, double>(op);
    default: return nullptr;
  }
}

// ---- addresses ----

template <Space space, bool to_space>
void convert_address(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  each_lane(frame.mask, [&](int l) {
    uint64_t base = 0;
    if constexpr (space == Space::kShared) base = reinterpret_cast<uintptr_t>(frame.block->shared.data());
    if constexpr (space == Space::kLocal) base = reinterpret_cast<uintptr_t>(frame.lane_memory(l));
    d[l] = to_space ? a[l] - base : a[l] + base;
  });
}

}  // namespace

Handler memory_handler(const Opcode& op, Space space) {
  if (op.name == "cvta") {
    const bool to = op.has("to");
    if (op.has("shared")) return to ? convert_address<Space::kShared, true> : convert_address<Space::kShared, false>;
    if (op.has("local")) return to ? convert_address<Space::kLocal, true> : convert_address<Space::kLocal, false>;
    if (op.has("global") || op.has("const")) return convert_address<Space::kGlobal, true>;
    return nullptr;
  }
  if (op.name != "ld" && op.name != "ldu" && op.name != "st") return nullptr;
  switch (space) {
    case Space::kGeneric: return load_or_store<Space::kGeneric>(op);
    case Space::kGlobal: return load_or_store<Space::kGlobal>(op);
    case Space::kShared: return load_or_store<Space::kShared>(op);
    case Space::kLocal: return load_or_store<Space::kLocal>(op);
    case Space::kParameter: return op.name == "ld" ? load_or_store<Space::kParameter>(op) : nullptr;
  }
  return nullptr;
}

Handler atomic_handler(const Opcode& op, Space space) {
  if (op.name != "atom" && op.name != "red") return nullptr;
  switch (space) {
    case Space::kShared: return atomic_in<Space::kShared>(op);
    case Space::kGlobal: return atomic_in<Space::kGlobal>(op);
    case Space::kGeneric: return atomic_in<Space::kGeneric>(op);
    default: return nullptr;
  }
}

}  // namespace emulator
