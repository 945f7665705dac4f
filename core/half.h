// Half (IEEE 754 binary16) and BFloat16: storage types of 2 bytes that convert to and from float,
// rounding to nearest, ties to even. Arithmetic is done in float; kernels convert at load and store.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <limits>
#include <type_traits>

#include <ember/core/macros.h>

namespace ember {

namespace detail {

template <class To, class From>
EMBER_HD inline To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

EMBER_HD inline float half_bits_to_float(uint16_t h) {
#if defined(__CUDA_ARCH__)
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
#else
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t magnitude = h & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity and NaN keep their payload
    return bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  }
  // Scaling by 2^112 moves the exponent's bias and normalises subnormal numbers exactly.
  return bit_cast<float>(sign | bit_cast<uint32_t>(bit_cast<float>(magnitude << 13) * 0x1p+112f));
#endif
}

EMBER_HD inline uint16_t float_to_half_bits(float f) {
#if defined(__CUDA_ARCH__)
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
#else
  const uint32_t bits = bit_cast<uint32_t>(f);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds past 65504
  if (magnitude < 0x38800000u) {
    // Subnormal result: adding 0.5 puts the half's last bit at the float's last bit, so the FPU rounds.
    const float shifted = bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  return static_cast<uint16_t>(sign | ((magnitude + 0xc8000fffu + odd) >> 13));
#endif
}

EMBER_HD inline float bfloat16_bits_to_float(uint16_t b) { return bit_cast<float>(static_cast<uint32_t>(b) << 16); }

EMBER_HD inline uint16_t float_to_bfloat16_bits(float f) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint16_t b;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(b) : "f"(f));
  return b;
#else
  const uint32_t bits = bit_cast<uint32_t>(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u;
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#endif
}

}  // namespace detail

struct Half {
  uint16_t x;

  Half() = default;
  EMBER_HD Half(float f) : x(detail::float_to_half_bits(f)) {}  // NOLINT: implicit, as arithmetic types are
  EMBER_HD operator float() const { return detail::half_bits_to_float(x); }
  EMBER_HD static constexpr Half from_bits(uint16_t bits) { return Half(bits, from_bits_t()); }
  // Half(bits, Half::from_bits()) is the same.
  struct from_bits_t {};
  EMBER_HD static constexpr from_bits_t from_bits() { return {}; }
  EMBER_HD constexpr Half(uint16_t bits, from_bits_t) : x(bits) {}
};

struct BFloat16 {
  uint16_t x;

  BFloat16() = default;
  EMBER_HD BFloat16(float f) : x(detail::float_to_bfloat16_bits(f)) {}  // NOLINT: implicit, as arithmetic types are
  EMBER_HD operator float() const { return detail::bfloat16_bits_to_float(x); }
  EMBER_HD static constexpr BFloat16 from_bits(uint16_t bits) { return BFloat16(bits, from_bits_t()); }
  struct from_bits_t {};
  EMBER_HD static constexpr from_bits_t from_bits() { return {}; }
  EMBER_HD constexpr BFloat16(uint16_t bits, from_bits_t) : x(bits) {}
};

std::ostream& operator<<(std::ostream& out, Half h);
std::ostream& operator<<(std::ostream& out, BFloat16 b);

static_assert(sizeof(Half) == 2 && sizeof(BFloat16) == 2);

// Arithmetic, as between a float and its own kind: with each other and with integers it gives a value of 2 bytes, with
// float and double one of those.
template <class H>
concept TwoByteFloat = std::same_as<H, Half> || std::same_as<H, BFloat16>;

template <TwoByteFloat H>
EMBER_HD inline H operator+(H a, H b) {
  return H(float(a) + float(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator+(H a, T b) {
  return H(float(a) + static_cast<float>(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator+(T a, H b) {
  return H(static_cast<float>(a) + float(b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator+(H a, T b) {
  return float(a) + b;
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator+(T a, H b) {
  return a + float(b);
}
template <TwoByteFloat H, class T>
requires(std::same_as<T, H> || std::is_arithmetic_v<T>) EMBER_HD inline H& operator+=(H& a, T b) {
  return a = H(static_cast<float>(a + b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T& operator+=(T& a, H b) {
  return a = a + float(b);
}

template <TwoByteFloat H>
EMBER_HD inline H operator-(H a, H b) {
  return H(float(a) - float(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator-(H a, T b) {
  return H(float(a) - static_cast<float>(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator-(T a, H b) {
  return H(static_cast<float>(a) - float(b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator-(H a, T b) {
  return float(a) - b;
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator-(T a, H b) {
  return a - float(b);
}
template <TwoByteFloat H, class T>
requires(std::same_as<T, H> || std::is_arithmetic_v<T>) EMBER_HD inline H& operator-=(H& a, T b) {
  return a = H(static_cast<float>(a - b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T& operator-=(T& a, H b) {
  return a = a - float(b);
}

template <TwoByteFloat H>
EMBER_HD inline H operator*(H a, H b) {
  return H(float(a) * float(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator*(H a, T b) {
  return H(float(a) * static_cast<float>(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator*(T a, H b) {
  return H(static_cast<float>(a) * float(b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator*(H a, T b) {
  return float(a) * b;
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator*(T a, H b) {
  return a * float(b);
}
template <TwoByteFloat H, class T>
requires(std::same_as<T, H> || std::is_arithmetic_v<T>) EMBER_HD inline H& operator*=(H& a, T b) {
  return a = H(static_cast<float>(a * b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T& operator*=(T& a, H b) {
  return a = a * float(b);
}

template <TwoByteFloat H>
EMBER_HD inline H operator/(H a, H b) {
  return H(float(a) / float(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator/(H a, T b) {
  return H(float(a) / static_cast<float>(b));
}
template <TwoByteFloat H, std::integral T>
EMBER_HD inline H operator/(T a, H b) {
  return H(static_cast<float>(a) / float(b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator/(H a, T b) {
  return float(a) / b;
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T operator/(T a, H b) {
  return a / float(b);
}
template <TwoByteFloat H, class T>
requires(std::same_as<T, H> || std::is_arithmetic_v<T>) EMBER_HD inline H& operator/=(H& a, T b) {
  return a = H(static_cast<float>(a / b));
}
template <TwoByteFloat H, std::floating_point T>
EMBER_HD inline T& operator/=(T& a, H b) {
  return a = a / float(b);
}
template <TwoByteFloat H>
EMBER_HD inline H operator-(H a) {
  return H(static_cast<uint16_t>(a.x ^ 0x8000u), typename H::from_bits_t());
}

}  // namespace ember

template <>
struct std::numeric_limits<ember::Half> {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr auto has_denorm = numeric_limits<float>::has_denorm;
  static constexpr auto has_denorm_loss = numeric_limits<float>::has_denorm_loss;
  static constexpr auto round_style = numeric_limits<float>::round_style;
  static constexpr bool is_iec559 = true;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr int digits = 11;
  static constexpr int digits10 = 3;
  static constexpr int max_digits10 = 5;
  static constexpr int radix = 2;
  static constexpr int min_exponent = -13;
  static constexpr int min_exponent10 = -4;
  static constexpr int max_exponent = 16;
  static constexpr int max_exponent10 = 4;
  static constexpr bool traps = false;
  static constexpr bool tinyness_before = numeric_limits<float>::tinyness_before;
  static constexpr ember::Half lowest() { return ember::Half::from_bits(0xfbff); }
  static constexpr ember::Half max() { return ember::Half::from_bits(0x7bff); }
  static constexpr ember::Half min() { return ember::Half::from_bits(0x0400); }
  static constexpr ember::Half epsilon() { return ember::Half::from_bits(0x1400); }
  static constexpr ember::Half round_error() { return ember::Half::from_bits(0x3800); }
  static constexpr ember::Half infinity() { return ember::Half::from_bits(0x7c00); }
  static constexpr ember::Half quiet_NaN() { return ember::Half::from_bits(0x7e00); }
  static constexpr ember::Half signaling_NaN() { return ember::Half::from_bits(0x7d00); }
  static constexpr ember::Half denorm_min() { return ember::Half::from_bits(0x0001); }
};

template <>
struct std::numeric_limits<ember::BFloat16> {
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr auto has_denorm = numeric_limits<float>::has_denorm;
  static constexpr auto has_denorm_loss = numeric_limits<float>::has_denorm_loss;
  static constexpr auto round_style = numeric_limits<float>::round_style;
  static constexpr bool is_iec559 = false;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr int digits = 8;
  static constexpr int digits10 = 2;
  static constexpr int max_digits10 = 4;
  static constexpr int radix = 2;
  static constexpr int min_exponent = -125;
  static constexpr int min_exponent10 = -37;
  static constexpr int max_exponent = 128;
  static constexpr int max_exponent10 = 38;
  static constexpr bool traps = false;
  static constexpr bool tinyness_before = numeric_limits<float>::tinyness_before;
  static constexpr ember::BFloat16 lowest() { return ember::BFloat16::from_bits(0xff7f); }
  static constexpr ember::BFloat16 max() { return ember::BFloat16::from_bits(0x7f7f); }
  static constexpr ember::BFloat16 min() { return ember::BFloat16::from_bits(0x0080); }
  static constexpr ember::BFloat16 epsilon() { return ember::BFloat16::from_bits(0x3c00); }
  static constexpr ember::BFloat16 round_error() { return ember::BFloat16::from_bits(0x3f00); }
  static constexpr ember::BFloat16 infinity() { return ember::BFloat16::from_bits(0x7f80); }
  static constexpr ember::BFloat16 quiet_NaN() { return ember::BFloat16::from_bits(0x7fc0); }
  static constexpr ember::BFloat16 signaling_NaN() { return ember::BFloat16::from_bits(0x7fa0); }
  static constexpr ember::BFloat16 denorm_min() { return ember::BFloat16::from_bits(0x0001); }
};
