// Conversion of one element, defined for every value.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include <ember/core/dtype.h>

namespace ember::cpu {

// As static_cast does; where that is undefined (a float out of the integer's range) as Scalar::to does:
// NaN gives 0, and the rest saturates at the range of int64 before the low bits are kept.
template <class To, class From>
inline To convert(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<compute_t<From>, float> && !std::is_same_v<From, float>) {
    return convert<To>(static_cast<float>(x));
  } else if constexpr (std::is_same_v<compute_t<To>, float> && !std::is_same_v<To, float>) {
    return To(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    constexpr From kLimit = static_cast<From>(9223372036854775808.0);
    const From safe = x >= -kLimit && x < kLimit ? x : From(0);
    int64_t integer = static_cast<int64_t>(safe);
    if (x >= kLimit) integer = std::numeric_limits<int64_t>::max();
    if (x < -kLimit) integer = std::numeric_limits<int64_t>::min();
    return static_cast<To>(integer);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace ember::cpu
