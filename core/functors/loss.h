// Losses of pairs of elements.
#pragma once

#include <ember/core/functors.h>

namespace ember::functors {

template <class T>
struct SquaredDifference {
  EMBER_HD T operator()(T a, T b) const {
    const T d = a - b;
    return d * d;
  }
};

}  // namespace ember::functors
