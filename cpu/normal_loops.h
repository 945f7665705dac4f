// The inner loop of normal_ for float.
#pragma once

#include <cstdint>

namespace ember::cpu {

// In each of `groups` groups of sixteen, uniform values in [0, 1) become normal ones: j with j + 8. The
// result is the same on every machine.
void normal_groups(float* p, int64_t groups, float mean, float std);

}  // namespace ember::cpu
