// Rows of layer norm, cross-entropy and the squared error, each in its compute type (float or double).
#pragma once

#include <cstdint>

namespace ember::cpu {

template <class T>
struct RowLoops {
  // Normalises x[n] into out[n]; weight and bias may be null.
  void (*normalise)(T* out, T* mean, T* rstd, const T* x, const T* weight, const T* bias, int64_t n, T eps);
  void (*normalise_backward)(T* grad_in, const T* g, const T* x, T mean, T rstd, const T* weight, int64_t n);
  // Adds a row to the sums; either may be null.
  void (*normalise_weight_backward)(T* weight_sum, T* bias_sum, const T* g, const T* x, T mean, T rstd, int64_t n);
  // The largest of x[n], and ln Σ exp(x − largest).
  void (*log_sum)(T* largest, T* log_total, const T* x, int64_t n);
  // grad_in = scale·exp((x − largest) − log_total)
  void (*scaled_softmax)(T* grad_in, const T* x, T largest, T log_total, T scale, int64_t n);
  // Σ (x − y)²
  double (*squared_distance)(const T* x, const T* y, int64_t n);
  // out = scale·g·(x − y); without g where that is null.
  void (*scaled_difference)(T* out, const T* g, const T* x, const T* y, T scale, int64_t n);
};

template <class T>
const RowLoops<T>& row_loops();  // for float and double

}  // namespace ember::cpu
