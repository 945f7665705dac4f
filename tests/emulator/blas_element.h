// The elements of matrices in memory, and the arithmetic they are computed in.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace emulator {

enum class ElementType : uint8_t { kFloat64, kFloat32, kFloat16, kBFloat16 };

constexpr size_t element_bytes(ElementType type) {
  return type == ElementType::kFloat64 ? 8 : type == ElementType::kFloat32 ? 4 : 2;
}

inline float from_half(uint16_t bits) {
  const uint32_t sign = (bits & 0x8000u) << 16, rest = bits & 0x7fffu;
  if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | rest << 13);
  // The bits of the number as a float whose exponent is off by 112.
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112f));
}

// To nearest, ties to even.
inline uint16_t to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffffu;
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
  const auto with_sign = [&](uint32_t rest) { return static_cast<uint16_t>(sign | rest); };
  if (magnitude > 0x7f800000u) return with_sign(0x7fffu);
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);  // 65520 and more
  if (magnitude < 0x38800000u) {
    // Less than the smallest normal number: a multiple of 2^-24, to which adding 1/2 rounds.
    return with_sign(std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u);
  }
  return with_sign((magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

inline float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

inline uint16_t to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// Ten bits of mantissa: to nearest, ties away from zero, as PTX's cvt.rna.tf32.f32.
inline float to_tf32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  return std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

// Element i of what begins at data, which may be anywhere: as T, float or double.
template <class T>
T load(const std::byte* data, int64_t i, ElementType type) {
  const std::byte* const from = data + i * static_cast<int64_t>(element_bytes(type));
  const auto as = [&]<class U>(U value) {
    std::memcpy(&value, from, sizeof(U));
    return value;
  };
  switch (type) {
    case ElementType::kFloat64: return static_cast<T>(as(double{}));
    case ElementType::kFloat32: return static_cast<T>(as(float{}));
    case ElementType::kFloat16: return static_cast<T>(from_half(as(uint16_t{})));
    case ElementType::kBFloat16: return static_cast<T>(from_bfloat16(as(uint16_t{})));
  }
  return T{};
}

template <class T>
void store(std::byte* data, int64_t i, ElementType type, T value) {
  std::byte* const to = data + i * static_cast<int64_t>(element_bytes(type));
  const auto put = [&](auto stored) { std::memcpy(to, &stored, sizeof(stored)); };
  switch (type) {
    case ElementType::kFloat64: return put(static_cast<double>(value));
    case ElementType::kFloat32: return put(static_cast<float>(value));
    case ElementType::kFloat16: return put(to_half(static_cast<float>(value)));
    case ElementType::kBFloat16: return put(to_bfloat16(static_cast<float>(value)));
  }
}

// The value after it was stored and loaded again.
template <class T>
T rounded(T value, ElementType type) {
  std::byte memory[8];
  store(memory, 0, type, value);
  return load<T>(memory, 0, type);
}

}  // namespace emulator
