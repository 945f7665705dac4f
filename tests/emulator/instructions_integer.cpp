// Integer arithmetic, logic and bits.
#include <limits>
#include <type_traits>

#include "statement.h"

namespace emulator {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
inline constexpr int kBits = std::numeric_limits<Unsigned<T>>::digits;

// Arithmetic wraps: in 64 bits without a sign, of which the low ones are kept.
template <class T>
T wrap(uint64_t value) {
  return static_cast<T>(value);
}
template <class T>
uint64_t wide(T value) {
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

template <class T>
T multiply_high(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> 64);
  } else {
    return static_cast<T>((static_cast<int64_t>(a) * static_cast<int64_t>(b)) >> kBits<T>);
  }
}
template <>
uint32_t multiply_high(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>((uint64_t{a} * b) >> 32);
}

// What the hardware gives where C++ leaves it open: all bits for a division by zero, the dividend as its remainder.
template <class T>
T divide(T a, T b) {
  if (b == 0) return static_cast<T>(~T{0});
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return wrap<T>(0 - wide(a));
  }
  return static_cast<T>(a / b);
}
template <class T>
T remainder(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}

template <class T>
void shift_left(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  each_lane(frame.mask, [&](int l) {
    const auto by = static_cast<uint32_t>(b[l]);
    d[l] = by >= static_cast<uint32_t>(kBits<T>) ? 0 : bits_of(wrap<T>(wide(value_of<T>(a[l])) << by));
  });
}
template <class T>
void shift_right(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  each_lane(frame.mask, [&](int l) {
    const auto by = static_cast<uint32_t>(b[l]);
    const T value = value_of<T>(a[l]);
    if (by < static_cast<uint32_t>(kBits<T>)) {
      d[l] = bits_of(static_cast<T>(value >> by));
    } else {
      d[l] = value < T{0} ? bits_of(static_cast<T>(-1)) : 0;
    }
  });
}

template <class T, class Wide>
void multiply_wide(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  each_lane(frame.mask, [&](int l) {
    d[l] = bits_of(static_cast<Wide>(static_cast<Wide>(value_of<T>(a[l])) * static_cast<Wide>(value_of<T>(b[l]))));
  });
}
template <class T, class Wide>
void multiply_add_wide(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  each_lane(frame.mask, [&](int l) {
    const Wide product = static_cast<Wide>(value_of<T>(a[l])) * static_cast<Wide>(value_of<T>(b[l]));
    d[l] = bits_of(wrap<Wide>(static_cast<uint64_t>(product) + c[l]));
  });
}
template <bool add>
Handler wide_product(Type type) {
  switch (type) {
    case Type::kU16: return add ? multiply_add_wide<uint16_t, uint32_t> : multiply_wide<uint16_t, uint32_t>;
    case Type::kS16: return add ? multiply_add_wide<int16_t, int32_t> : multiply_wide<int16_t, int32_t>;
    case Type::kU32: return add ? multiply_add_wide<uint32_t, uint64_t> : multiply_wide<uint32_t, uint64_t>;
    case Type::kS32: return add ? multiply_add_wide<int32_t, int64_t> : multiply_wide<int32_t, int64_t>;
    default: return nullptr;
  }
}

// The carry of add.cc and its kin: in, out, and the product's half for mad.
enum class Sum { kAdd, kSubtract, kLow, kHigh };
template <class T, Sum sum, bool in, bool out>
void with_carry(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]);
  const uint64_t* const c = sum == Sum::kLow || sum == Sum::kHigh ? frame.source(i.s[2]) : b;
  each_lane(frame.mask, [&](int l) {
    unsigned __int128 left = value_of<T>(a[l]), right = value_of<T>(b[l]);
    if (sum == Sum::kLow) left = static_cast<T>(left * right);
    if (sum == Sum::kHigh) left = multiply_high<T>(value_of<T>(a[l]), value_of<T>(b[l]));
    if (sum == Sum::kLow || sum == Sum::kHigh) right = value_of<T>(c[l]);
    const unsigned carry = in && frame.carry[l] ? 1 : 0;
    const unsigned __int128 total = sum == Sum::kSubtract ? left - right - carry : left + right + carry;
    if (out) frame.carry[l] = ((total >> kBits<T>)&1) != 0;
    d[l] = bits_of(static_cast<T>(total));
  });
}
template <Sum sum, bool in>
Handler carrying(const Opcode& op) {
  const bool out = op.has("cc");
  switch (bytes_of(op.type)) {
    case 4: return out ? with_carry<uint32_t, sum, in, true> : with_carry<uint32_t, sum, in, false>;
    case 8: return out ? with_carry<uint64_t, sum, in, true> : with_carry<uint64_t, sum, in, false>;
    default: return nullptr;
  }
}

template <class T>
uint32_t leading_zeros(T a) {
  return static_cast<uint32_t>(std::countl_zero(a));
}
template <class T>
T reversed(T a) {
  T result = 0;
  for (int bit = 0; bit < kBits<T>; ++bit) result = static_cast<T>((result << 1) | ((a >> bit) & 1));
  return result;
}
template <class T>
T inserted(T from, T into, uint32_t position, uint32_t length) {
  position &= 0xff;
  length &= 0xff;
  T result = into;
  for (uint32_t bit = 0; bit < length && position + bit < static_cast<uint32_t>(kBits<T>); ++bit) {
    const T one = static_cast<T>(T{1} << (position + bit));
    result = static_cast<T>((result & ~one) | (((from >> bit) & 1) ? one : 0));
  }
  return result;
}
template <class T>
T extracted(T from, uint32_t position, uint32_t length) {
  using U = Unsigned<T>;
  position &= 0xff;
  length &= 0xff;
  const auto bits = static_cast<U>(from);
  const auto at = [&](uint32_t bit) { return bit < static_cast<uint32_t>(kBits<T>) ? (bits >> bit) & 1 : 0; };
  U sign = 0;
  if constexpr (std::is_signed_v<T>) {
    if (length != 0) sign = at(std::min<uint32_t>(position + length - 1, kBits<T> - 1));
  }
  U result = 0;
  for (uint32_t bit = 0; bit < static_cast<uint32_t>(kBits<T>); ++bit) {
    const bool inside = bit < length && position + bit < static_cast<uint32_t>(kBits<T>);
    if (inside ? at(position + bit) : sign) result = static_cast<U>(result | (U{1} << bit));
  }
  return static_cast<T>(result);
}

template <class T>
void insert_bits(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]),
                        *const e = frame.source(i.s[3]);
  each_lane(frame.mask, [&](int l) {
    d[l] = bits_of(
        inserted(value_of<T>(a[l]), value_of<T>(b[l]), static_cast<uint32_t>(c[l]), static_cast<uint32_t>(e[l])));
  });
}
template <class T>
void extract_bits(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  each_lane(frame.mask, [&](int l) {
    d[l] = bits_of(extracted(value_of<T>(a[l]), static_cast<uint32_t>(b[l]), static_cast<uint32_t>(c[l])));
  });
}

// A byte for each of the selector's four low nibbles, of the eight of b:a; the nibble's high bit spreads the sign.
uint32_t permuted(uint32_t a, uint32_t b, uint32_t selector) {
  const uint64_t bytes = (uint64_t{b} << 32) | a;
  uint32_t result = 0;
  for (int n = 0; n < 4; ++n) {
    const uint32_t nibble = (selector >> (4 * n)) & 15;
    uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (nibble & 7))) & 0xff;
    if (nibble & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * n);
  }
  return result;
}
uint32_t bit_mask(uint32_t start, uint32_t length) {
  if (start >= 32 || length == 0) return 0;
  const uint32_t ones = length >= 32 ? ~uint32_t{0} : (uint32_t{1} << length) - 1;
  return ones << start;
}
// Bit k of the table is the result where the operands' bits are those of k.
void logic3(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]),
                        *const table = frame.source(i.s[3]);
  each_lane(frame.mask, [&](int l) {
    uint32_t result = 0;
    for (int k = 0; k < 8; ++k) {
      if (!((table[l] >> k) & 1)) continue;
      result |= static_cast<uint32_t>((k & 4 ? a[l] : ~a[l]) & (k & 2 ? b[l] : ~b[l]) & (k & 1 ? c[l] : ~c[l]));
    }
    d[l] = result;
  });
}
template <bool left>
void funnel_shift(Frame& frame, const Instruction& i) {
  uint64_t* const d = frame.destination(i.d[0]);
  const uint64_t *const a = frame.source(i.s[0]), *const b = frame.source(i.s[1]), *const c = frame.source(i.s[2]);
  const bool clamp = i.text.find(".clamp") != std::string::npos;
  each_lane(frame.mask, [&](int l) {
    const uint64_t both = (b[l] << 32) | static_cast<uint32_t>(a[l]);
    const uint32_t by = clamp ? std::min<uint32_t>(static_cast<uint32_t>(c[l]), 32) : static_cast<uint32_t>(c[l]) & 31;
    d[l] = static_cast<uint32_t>(left ? (both << by) >> 32 : both >> by);
  });
}

Handler logic(const Opcode& op) {
  if (op.type == Type::kPred) {
    // Any bits but none are true.
    if (op.name == "and") return binary<uint8_t, [](uint8_t a, uint8_t b) -> uint8_t { return a != 0 && b != 0; }>;
    if (op.name == "or") return binary<uint8_t, [](uint8_t a, uint8_t b) -> uint8_t { return a != 0 || b != 0; }>;
    if (op.name == "xor") return binary<uint8_t, [](uint8_t a, uint8_t b) -> uint8_t { return (a != 0) != (b != 0); }>;
    if (op.name == "not") return unary<uint8_t, [](uint8_t a) -> uint8_t { return a == 0; }>;
    return nullptr;
  }
  return for_integers(op.type, [&]<class T>() -> Handler {
    if (op.name == "and") return binary<T, [](T a, T b) { return static_cast<T>(a & b); }>;
    if (op.name == "or") return binary<T, [](T a, T b) { return static_cast<T>(a | b); }>;
    if (op.name == "xor") return binary<T, [](T a, T b) { return static_cast<T>(a ^ b); }>;
    if (op.name == "not") return unary<T, [](T a) { return static_cast<T>(~a); }>;
    if (op.name == "cnot") return unary<T, [](T a) { return static_cast<T>(a == 0); }>;
    return nullptr;
  });
}

Handler arithmetic(const Opcode& op) {
  if (op.has("sat")) return nullptr;
  const bool high = op.has("hi");
  return for_integers(op.type, [&]<class T>() -> Handler {
    if (op.name == "add") return binary<T, [](T a, T b) { return wrap<T>(wide(a) + wide(b)); }>;
    if (op.name == "sub") return binary<T, [](T a, T b) { return wrap<T>(wide(a) - wide(b)); }>;
    if (op.name == "mul" && high) return binary<T, [](T a, T b) { return multiply_high<T>(a, b); }>;
    if (op.name == "mul") return binary<T, [](T a, T b) { return wrap<T>(wide(a) * wide(b)); }>;
    if (op.name == "mad" && high)
      return ternary<T, [](T a, T b, T c) { return wrap<T>(wide(multiply_high<T>(a, b)) + wide(c)); }>;
    if (op.name == "mad") return ternary<T, [](T a, T b, T c) { return wrap<T>(wide(a) * wide(b) + wide(c)); }>;
    if (op.name == "div") return binary<T, [](T a, T b) { return divide<T>(a, b); }>;
    if (op.name == "rem") return binary<T, [](T a, T b) { return remainder<T>(a, b); }>;
    if (op.name == "min") return binary<T, [](T a, T b) { return b < a ? b : a; }>;
    if (op.name == "max") return binary<T, [](T a, T b) { return a < b ? b : a; }>;
    if (op.name == "abs") return unary<T, [](T a) { return a < T{0} ? wrap<T>(0 - wide(a)) : a; }>;
    if (op.name == "neg") return unary<T, [](T a) { return wrap<T>(0 - wide(a)); }>;
    if (op.name == "sad")
      return ternary<T,
                     [](T a, T b, T c) { return wrap<T>(wide(c) + (a < b ? wide(b) - wide(a) : wide(a) - wide(b))); }>;
    return nullptr;
  });
}

Handler bits(const Opcode& op) {
  const bool two = bytes_of(op.type) == 8;
  if (op.name == "clz")
    return two ? unary<uint64_t, leading_zeros<uint64_t>> : unary<uint32_t, leading_zeros<uint32_t>>;
  if (op.name == "popc") {
    return two ? unary<uint64_t, [](uint64_t a) { return static_cast<uint32_t>(std::popcount(a)); }>
               : unary<uint32_t, [](uint32_t a) { return static_cast<uint32_t>(std::popcount(a)); }>;
  }
  if (op.name == "brev") return two ? unary<uint64_t, reversed<uint64_t>> : unary<uint32_t, reversed<uint32_t>>;
  if (op.name == "bfi") return two ? insert_bits<uint64_t> : insert_bits<uint32_t>;
  if (op.name == "prmt" && op.modifiers.size() == 1) return ternary<uint32_t, permuted>;
  if (op.name == "bmsk" && op.has("clamp")) return binary<uint32_t, bit_mask>;
  if (op.name == "lop3") return logic3;
  if (op.name == "shf") return op.has("l") ? funnel_shift<true> : funnel_shift<false>;
  if (op.name == "bfe") return for_integers(op.type, []<class T>() -> Handler { return extract_bits<T>; });
  if (op.name == "shl") return for_integers(op.type, []<class T>() -> Handler { return shift_left<T>; });
  if (op.name == "shr") return for_integers(op.type, []<class T>() -> Handler { return shift_right<T>; });
  return nullptr;
}

}  // namespace

Handler integer_handler(const Opcode& op) {
  if (op.name == "addc") return carrying<Sum::kAdd, true>(op);
  if (op.name == "subc") return carrying<Sum::kSubtract, true>(op);
  if (op.name == "madc") return op.has("hi") ? carrying<Sum::kHigh, true>(op) : carrying<Sum::kLow, true>(op);
  if (op.has("cc")) {
    if (op.name == "add") return carrying<Sum::kAdd, false>(op);
    if (op.name == "sub") return carrying<Sum::kSubtract, false>(op);
    if (op.name == "mad") return op.has("hi") ? carrying<Sum::kHigh, false>(op) : carrying<Sum::kLow, false>(op);
    return nullptr;
  }
  if (op.has("wide")) return op.name == "mul" ? wide_product<false>(op.type) : wide_product<true>(op.type);
  if (const Handler handler = logic(op)) return handler;
  if (const Handler handler = bits(op)) return handler;
  return arithmetic(op);
}

}  // namespace emulator
