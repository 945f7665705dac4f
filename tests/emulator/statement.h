// An instruction's opcode as it is written, and who knows what it means.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ptx.h"

namespace emulator {

enum class Type : uint8_t {
  kNone,
  kPred,
  kB8,
  kU8,
  kS8,
  kB16,
  kU16,
  kS16,
  kB32,
  kU32,
  kS32,
  kB64,
  kU64,
  kS64,
  kF16,
  kBF16,
  kF16x2,
  kBF16x2,
  kF32,
  kF64
};

/// kNone if it is no type's name.
Type type_named(std::string_view name);
size_t bytes_of(Type type);

struct Opcode {
  std::string_view name;
  std::vector<std::string_view> modifiers;
  Type type = Type::kNone;    ///< the last type among the modifiers
  Type before = Type::kNone;  ///< the one before it: of cvt and set, the destination's

  bool has(std::string_view modifier) const {
    for (const std::string_view m : modifiers)
      if (m == modifier) return true;
    return false;
  }
};

/// The space that the address is of: names of parameters decide it too, hence it is not only the opcode's.
enum class Space : uint8_t { kGeneric, kGlobal, kShared, kLocal, kParameter };

// Null where the opcode is not of that kind, or of a form that is not known.
Handler integer_handler(const Opcode& opcode);
Handler float_handler(const Opcode& opcode);
Handler compare_handler(const Opcode& opcode, size_t sources, bool second_result);
Handler convert_handler(const Opcode& opcode);
Handler move_handler(const Opcode& opcode, size_t destinations, size_t sources);
Handler memory_handler(const Opcode& opcode, Space space);
Handler atomic_handler(const Opcode& opcode, Space space);
Handler warp_handler(const Opcode& opcode);

/// The types of an integer operation: f.template operator()<T>() for the type's T.
template <class F>
Handler for_integers(Type type, F f) {
  switch (type) {
    case Type::kB16:
    case Type::kU16: return f.template operator()<uint16_t>();
    case Type::kS16: return f.template operator()<int16_t>();
    case Type::kB32:
    case Type::kU32: return f.template operator()<uint32_t>();
    case Type::kS32: return f.template operator()<int32_t>();
    case Type::kB64:
    case Type::kU64: return f.template operator()<uint64_t>();
    case Type::kS64: return f.template operator()<int64_t>();
    default: return nullptr;
  }
}
template <class F>
Handler for_floats(Type type, F f) {
  switch (type) {
    case Type::kF32: return f.template operator()<float>();
    case Type::kF64: return f.template operator()<double>();
    default: return nullptr;
  }
}

template <class T, auto f>
void unary(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  each_lane(frame.mask, [&](int l) { d[l] = bits_of(f(value_of<T>(a[l]))); });
}
template <class T, auto f>
void binary(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  each_lane(frame.mask, [&](int l) { d[l] = bits_of(f(value_of<T>(a[l]), value_of<T>(b[l]))); });
}
template <class T, auto f>
void ternary(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  each_lane(frame.mask, [&](int l) { d[l] = bits_of(f(value_of<T>(a[l]), value_of<T>(b[l]), value_of<T>(c[l]))); });
}

}  // namespace emulator
