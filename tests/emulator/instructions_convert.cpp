// Comparisons, selections, conversions, and moves.
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "statement.h"

namespace emulator {

namespace {

enum class Compare { kEq, kNe, kLt, kLe, kGt, kGe, kEqu, kNeu, kLtu, kLeu, kGtu, kGeu, kNum, kNan };

template <class T, Compare how>
bool compare(T a, T b) {
  const bool nan = a != a || b != b;
  switch (how) {
    case Compare::kEq: return a == b;
    case Compare::kNe: return a != b && !nan;
    case Compare::kLt: return a < b;
    case Compare::kLe: return a <= b;
    case Compare::kGt: return a > b;
    case Compare::kGe: return a >= b;
    case Compare::kEqu: return a == b || nan;
    case Compare::kNeu: return a != b || nan;
    case Compare::kLtu: return a < b || nan;
    case Compare::kLeu: return a <= b || nan;
    case Compare::kGtu: return a > b || nan;
    case Compare::kGeu: return a >= b || nan;
    case Compare::kNum: return !nan;
    case Compare::kNan: return nan;
  }
  return false;
}

// How setp joins a third operand with the comparison.
enum class Join { kNone, kAnd, kOr, kXor };
bool joined(Join join, bool compared, bool with) {
  switch (join) {
    case Join::kAnd: return compared && with;
    case Join::kOr: return compared || with;
    case Join::kXor: return compared != with;
    case Join::kNone: break;
  }
  return compared;
}

template <class T, Compare how, Join join, bool second>
void set_predicate(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  uint64_t* const other = second ? frame.destination(i.d[1]) : nullptr;
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  const uint64_t* const c = join != Join::kNone ? frame.source(i.s[2]) : nullptr;
  each_lane(frame.mask, [&](int l) {
    const bool compared = compare<T, how>(value_of<T>(a[l]), value_of<T>(b[l]));
    const bool with = join != Join::kNone && c[l] != 0;
    d[l] = joined(join, compared, with);
    if (second) other[l] = joined(join, !compared, with);
  });
}

template <class T, Compare how>
Handler joined_handler(const Opcode& op, bool second) {
  const auto pick = [&]<Join join>() -> Handler {
    return second ? set_predicate<T, how, join, true> : set_predicate<T, how, join, false>;
  };
  if (op.has("and")) return pick.template operator()<Join::kAnd>();
  if (op.has("or")) return pick.template operator()<Join::kOr>();
  if (op.has("xor")) return pick.template operator()<Join::kXor>();
  return pick.template operator()<Join::kNone>();
}

template <class T>
Handler comparison(const Opcode& op, bool second) {
  const std::string_view how = op.modifiers.front();
  if (how == "eq") return joined_handler<T, Compare::kEq>(op, second);
  if (how == "ne") return joined_handler<T, Compare::kNe>(op, second);
  if (how == "lt" || how == "lo") return joined_handler<T, Compare::kLt>(op, second);
  if (how == "le" || how == "ls") return joined_handler<T, Compare::kLe>(op, second);
  if (how == "gt" || how == "hi") return joined_handler<T, Compare::kGt>(op, second);
  if (how == "ge" || how == "hs") return joined_handler<T, Compare::kGe>(op, second);
  if constexpr (std::is_floating_point_v<T>) {
    if (how == "equ") return joined_handler<T, Compare::kEqu>(op, second);
    if (how == "neu") return joined_handler<T, Compare::kNeu>(op, second);
    if (how == "ltu") return joined_handler<T, Compare::kLtu>(op, second);
    if (how == "leu") return joined_handler<T, Compare::kLeu>(op, second);
    if (how == "gtu") return joined_handler<T, Compare::kGtu>(op, second);
    if (how == "geu") return joined_handler<T, Compare::kGeu>(op, second);
    if (how == "num") return joined_handler<T, Compare::kNum>(op, second);
    if (how == "nan") return joined_handler<T, Compare::kNan>(op, second);
  }
  return nullptr;
}

void select(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  each_lane(frame.mask, [&](int l) { d[l] = c[l] != 0 ? a[l] : b[l]; });
}

// ---- conversions ----

enum class Round { kNone, kNearest, kZero, kDown, kUp, kNearestInt, kZeroInt, kDownInt, kUpInt };

Round rounding_of(const Opcode& op) {
  if (op.has("rn")) return Round::kNearest;
  if (op.has("rz")) return Round::kZero;
  if (op.has("rm")) return Round::kDown;
  if (op.has("rp")) return Round::kUp;
  if (op.has("rni")) return Round::kNearestInt;
  if (op.has("rzi")) return Round::kZeroInt;
  if (op.has("rmi")) return Round::kDownInt;
  if (op.has("rpi")) return Round::kUpInt;
  return Round::kNone;
}

template <class T>
T to_integral(T value, Round round) {
  switch (round) {
    case Round::kNearestInt: return std::nearbyint(value);
    case Round::kZeroInt: return std::trunc(value);
    case Round::kDownInt: return std::floor(value);
    case Round::kUpInt: return std::ceil(value);
    default: return value;
  }
}

// A value outside is the nearest that there is; what is no number is 0 of 32 bits of a float, the upper bit otherwise.
template <class To, class From>
To float_to_integer(From value) {
  using Limits = std::numeric_limits<To>;
  if (value != value) {
    if (sizeof(From) == 4 && sizeof(To) <= 4) return 0;
    return static_cast<To>(std::make_unsigned_t<To>{1} << (sizeof(To) * 8 - 1));
  }
  if (value <= static_cast<From>(Limits::min())) return Limits::min();
  // The limit itself may have been rounded up to what no longer fits.
  if (value >= static_cast<From>(Limits::max())) return Limits::max();
  return static_cast<To>(value);
}

int mode_of(Round round) {
  switch (round) {
    case Round::kZero: return FE_TOWARDZERO;
    case Round::kDown: return FE_DOWNWARD;
    case Round::kUp: return FE_UPWARD;
    default: return FE_TONEAREST;
  }
}

template <class To, class From, Round round, bool sat>
void convert(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  constexpr bool from_float = std::is_floating_point_v<From>, to_float = std::is_floating_point_v<To>;
  const bool set_mode = round == Round::kZero || round == Round::kDown || round == Round::kUp;
  if (set_mode) std::fesetround(mode_of(round));
  each_lane(frame.mask, [&](int l) {
    volatile From hidden = value_of<From>(a[l]);
    From value = hidden;
    if constexpr (from_float && to_float) {
      volatile To result = static_cast<To>(to_integral(value, round));
      To out = result;
      if (sat) out = out > To{0} ? (out < To{1} ? out : To{1}) : To{0};
      d[l] = bits_of(out);
    } else if constexpr (from_float) {
      d[l] = bits_of(float_to_integer<To>(to_integral(value, round)));
    } else if constexpr (to_float) {
      volatile To result = static_cast<To>(value);
      d[l] = bits_of(static_cast<To>(result));
    } else if constexpr (sat) {
      const auto wide = static_cast<__int128>(value);
      const auto low = static_cast<__int128>(std::numeric_limits<To>::min());
      const auto high = static_cast<__int128>(std::numeric_limits<To>::max());
      d[l] = static_cast<uint64_t>(static_cast<int64_t>(wide < low ? low : wide > high ? high : wide));
    } else {
      // Registers wider than the type get its sign.
      d[l] = static_cast<uint64_t>(static_cast<int64_t>(static_cast<To>(value)));
    }
  });
  if (set_mode) std::fesetround(FE_TONEAREST);
}

template <class F>
Handler for_numbers(Type type, F f) {
  switch (type) {
    case Type::kU8: return f.template operator()<uint8_t>();
    case Type::kS8: return f.template operator()<int8_t>();
    case Type::kF32: return f.template operator()<float>();
    case Type::kF64: return f.template operator()<double>();
    default: return for_integers(type, f);
  }
}

template <class To, class From, bool sat>
Handler rounded(Round round) {
  if constexpr (std::is_integral_v<To> && std::is_integral_v<From>) {
    return convert<To, From, Round::kNone, sat>;
  } else if constexpr (std::is_integral_v<From>) {
    switch (round) {
      case Round::kZero: return convert<To, From, Round::kZero, sat>;
      case Round::kDown: return convert<To, From, Round::kDown, sat>;
      case Round::kUp: return convert<To, From, Round::kUp, sat>;
      default: return convert<To, From, Round::kNearest, sat>;
    }
  } else {
    switch (round) {
      case Round::kZero: return convert<To, From, Round::kZero, sat>;
      case Round::kDown: return convert<To, From, Round::kDown, sat>;
      case Round::kUp: return convert<To, From, Round::kUp, sat>;
      case Round::kNearestInt: return convert<To, From, Round::kNearestInt, sat>;
      case Round::kZeroInt: return convert<To, From, Round::kZeroInt, sat>;
      case Round::kDownInt: return convert<To, From, Round::kDownInt, sat>;
      case Round::kUpInt: return convert<To, From, Round::kUpInt, sat>;
      default: return convert<To, From, Round::kNearest, sat>;
    }
  }
}

// The two formats of 16 bits; what is no number is all ones but for the sign.
struct Half {
  static float widen(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }
  static uint16_t narrow(float value) {
    return value != value ? uint16_t{0x7fff} : std::bit_cast<uint16_t>(static_cast<_Float16>(value));
  }
};
struct BFloat16 {
  static float widen(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }
  static uint16_t narrow(float value) {
    if (value != value) return 0x7fff;
    const auto bits = std::bit_cast<uint32_t>(value);
    return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to the nearest, ties to even
  }
};

// The first operand is the upper half.
template <class Small>
uint32_t narrow_two(float upper, float lower) {
  return (uint32_t{Small::narrow(upper)} << 16) | Small::narrow(lower);
}

Handler small_conversion(const Opcode& op) {
  const bool nearest = op.has("rn");
  if (op.has("sat") || op.has("relu") || op.has("ftz")) return nullptr;
  if (op.type == Type::kF32 && nearest) {
    if (op.before == Type::kF16) return unary<float, Half::narrow>;
    if (op.before == Type::kBF16) return unary<float, BFloat16::narrow>;
    if (op.before == Type::kF16x2) return binary<float, narrow_two<Half>>;
    if (op.before == Type::kBF16x2) return binary<float, narrow_two<BFloat16>>;
  }
  if (op.before == Type::kF32 && op.type == Type::kF16) return unary<uint16_t, Half::widen>;
  if (op.before == Type::kF32 && op.type == Type::kBF16) return unary<uint16_t, BFloat16::widen>;
  return nullptr;
}

// ---- moves ----

void move(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* const a = frame.source(i.s[0]);
  each_lane(frame.mask, [&](int l) { d[l] = a[l]; });
}

template <int parts, int bytes>
void unpack(Frame& frame, const Instruction& i) {
  const uint64_t* const a = frame.source(i.s[0]);
  constexpr uint64_t low = (uint64_t{1} << (8 * bytes)) - 1;
  uint64_t whole[kLanes];
  each_lane(frame.mask, [&](int l) { whole[l] = a[l]; });  // a part may be where the whole is
  for (int part = 0; part < parts; ++part) {
    uint64_t* const d = frame.destination(i.d[part]);
    each_lane(frame.mask, [&](int l) { d[l] = (whole[l] >> (8 * bytes * part)) & low; });
  }
}
template <int parts, int bytes>
void pack(Frame& frame, const Instruction& i) {
  constexpr uint64_t low = (uint64_t{1} << (8 * bytes)) - 1;
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t* from[parts];
  for (int part = 0; part < parts; ++part) from[part] = frame.source(i.s[part]);
  each_lane(frame.mask, [&](int l) {
    uint64_t whole = 0;
    for (int part = 0; part < parts; ++part) whole |= (from[part][l] & low) << (8 * bytes * part);
    d[l] = whole;
  });
}

}  // namespace

Handler compare_handler(const Opcode& op, size_t sources, bool second) {
  if (op.name == "selp") return select;
  if (op.name != "setp" || op.has("ftz") || sources < 2) return nullptr;
  if (op.type == Type::kF32) return comparison<float>(op, second);
  if (op.type == Type::kF64) return comparison<double>(op, second);
  return for_integers(op.type, [&]<class T>() -> Handler { return comparison<T>(op, second); });
}

Handler convert_handler(const Opcode& op) {
  if (op.name != "cvt") return nullptr;
  if (const Handler handler = small_conversion(op)) return handler;
  if (op.has("ftz")) return nullptr;
  const Round round = rounding_of(op);
  return for_numbers(op.before, [&]<class To>() -> Handler {
    return for_numbers(op.type, [&]<class From>() -> Handler {
      return op.has("sat") ? rounded<To, From, true>(round) : rounded<To, From, false>(round);
    });
  });
}

Handler move_handler(const Opcode& op, size_t destinations, size_t sources) {
  if (op.name != "mov") return nullptr;
  if (destinations == 1 && sources == 1) return move;
  const size_t parts = destinations * sources;
  if (op.type == Type::kNone) return nullptr;
  const size_t bytes = bytes_of(op.type) / parts;
  if (bytes * parts != bytes_of(op.type)) return nullptr;
  if (sources == 1) {
    if (parts == 2) return bytes == 4 ? unpack<2, 4> : bytes == 2 ? unpack<2, 2> : unpack<2, 1>;
    if (parts == 4) return bytes == 2 ? unpack<4, 2> : unpack<4, 1>;
  } else {
    if (parts == 2) return bytes == 4 ? pack<2, 4> : bytes == 2 ? pack<2, 2> : pack<2, 1>;
    if (parts == 4) return bytes == 2 ? pack<4, 2> : pack<4, 1>;
  }
  return nullptr;
}

}  // namespace emulator
