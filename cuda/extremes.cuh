// What both kinds of extreme have in common.
#pragma once

#include <limits>
#include <type_traits>

namespace ember::cuda {

// The value that every other one beats (or equals).
template <class C, bool kMax>
__device__ C worst() {
  using Limits = std::numeric_limits<C>;
  if constexpr (std::is_floating_point_v<C>) {
    return kMax ? -Limits::infinity() : Limits::infinity();
  } else {
    return kMax ? Limits::lowest() : Limits::max();
  }
}

}  // namespace ember::cuda
