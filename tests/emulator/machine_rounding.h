// Exact numbers, rounded to those that a type has without the processor's rounding modes.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace emulator::test {

using Exact = __float128;  ///< 113 bits: products of two doubles, and sums of what is not too far apart

enum class Mode { kNearest, kZero, kDown, kUp };
inline const std::vector<std::pair<std::string, Mode>> kModes = {
    {".rn", Mode::kNearest}, {".rz", Mode::kZero}, {".rm", Mode::kDown}, {".rp", Mode::kUp}};

/// The numbers of T around x are those that std::nextafter steps through. Of a zero the sign is the caller's.
template <class T>
T rounded(Exact x, Mode mode) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity(), kMost = std::numeric_limits<T>::max();
  T below = static_cast<T>(x);
  if (!std::isfinite(below)) below = x > 0 ? kMost : -kInfinity;
  if (static_cast<Exact>(below) > x) below = std::nextafter(below, -kInfinity);
  if (static_cast<Exact>(below) == x) return below;
  const T above = std::nextafter(below, kInfinity);
  switch (mode) {
    case Mode::kDown: return below;
    case Mode::kUp: return above;
    case Mode::kZero: return x > 0 ? below : above;
    case Mode::kNearest: break;
  }
  // Beyond the greatest the next would be as far again as the one before it.
  const Exact step = std::isinf(above)   ? static_cast<Exact>(kMost) - std::nextafter(kMost, T{0})
                     : std::isinf(below) ? static_cast<Exact>(kMost) - std::nextafter(kMost, T{0})
                                         : static_cast<Exact>(above) - static_cast<Exact>(below);
  const Exact from = std::isinf(below) ? static_cast<Exact>(above) - step : static_cast<Exact>(below);
  const Exact rest = x - from;
  if (rest * 2 != step) return rest * 2 < step ? below : above;
  T half_of_it = below;  // even, if its last bit is 0
  unsigned long long pattern = 0;
  __builtin_memcpy(&pattern, &half_of_it, sizeof half_of_it);
  return pattern % 2 == 0 && !std::isinf(below) ? below : above;
}

}  // namespace emulator::test
