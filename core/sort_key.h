// Elements as unsigned integers in the same order: what sorts of every dtype are made of, on host and device.
#pragma once

#include <cstdint>
#include <type_traits>

#include <ember/core/half.h>
#include <ember/core/macros.h>

namespace ember {

template <size_t Size>
struct SortKeyOf;
template <>
struct SortKeyOf<1> {
  using Type = uint8_t;
};
template <>
struct SortKeyOf<2> {
  using Type = uint16_t;
};
template <>
struct SortKeyOf<4> {
  using Type = uint32_t;
};
template <>
struct SortKeyOf<8> {
  using Type = uint64_t;
};
template <class T>
using sort_key_t = typename SortKeyOf<sizeof(T)>::Type;

// a < b where key(a) < key(b), with NaN (any of them) above everything; −0 and 0 have one key.
template <class T>
EMBER_HD sort_key_t<T> sort_key(T x) {
  using Key = sort_key_t<T>;
  constexpr Key kSign = static_cast<Key>(Key{1} << (8 * sizeof(Key) - 1));
  const Key bits = detail::bit_cast<Key>(x);
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16> || std::is_floating_point_v<T>) {
    // All bits of the exponent; a NaN has more than those.
    constexpr Key kInfinity = static_cast<Key>(std::is_same_v<T, Half>       ? 0x7c00u
                                               : std::is_same_v<T, BFloat16> ? 0x7f80u
                                               : sizeof(T) == 4              ? 0x7f800000u
                                                                             : 0x7ff0000000000000u);
    const Key magnitude = static_cast<Key>(bits & static_cast<Key>(~kSign));
    if (magnitude > kInfinity) return static_cast<Key>(~Key{0});
    if (magnitude == 0) return kSign;
    return (bits & kSign) != 0 ? static_cast<Key>(~bits) : static_cast<Key>(bits | kSign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<Key>(bits ^ kSign);
  } else {
    return bits;
  }
}

}  // namespace ember
