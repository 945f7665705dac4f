// Exact numbers, rounded to those that a type has without the processor's rounding modes.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
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
  const bool at_the_end = std::isinf(above) || std::isinf(below);
  const Exact step = at_the_end ? static_cast<Exact>(kMost) - static_cast<Exact>(std::nextafter(kMost, T{0}))
                                : static_cast<Exact>(above) - static_cast<Exact>(below);
  const Exact from = std::isinf(below) ? static_cast<Exact>(above) - step : static_cast<Exact>(below);
  const Exact rest = x - from;
  if (rest * 2 != step) return rest * 2 < step ? below : above;
  unsigned long long pattern = 0;
  std::memcpy(&pattern, &below, sizeof below);
  return pattern % 2 == 0 ? below : above;  // of an infinity and the greatest the bits differ likewise
}

}  // namespace emulator::test
