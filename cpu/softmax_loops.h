// Softmax of one panel: n elements along the softmax's dimension times w adjacent columns.
#pragma once

#include <cstdint>

namespace ember::cpu {

inline constexpr int64_t kPanelWidth = 256;

// Element i of column j is at [i * stride + j]; w <= kPanelWidth; rows come as w == 1 with stride 1. An
// output may be the same array as an input.
struct SoftmaxLoops {
  void (*forward)(void* out, const void* in, int64_t n, int64_t w, int64_t stride, bool log);
  void (*backward)(void* grad_in, const void* grad_out, const void* out, int64_t n, int64_t w, int64_t stride,
                   bool log);
};

// For T of float or double, for the machine's instruction set.
template <class T>
SoftmaxLoops softmax_loops();

}  // namespace ember::cpu
