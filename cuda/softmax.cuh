// What softmax.cu and softmax_columns.cu share.
#pragma once

#include <ember/cuda/context.h>

namespace ember::cuda {

// Tensors are [outer, n, inner], contiguous; a row is the n elements of one (outer, inner). y is null in the forward
// pass, where x is the input (backward: the gradient, and y the result).
template <class T>
struct SoftmaxArguments {
  const T* x;
  const T* y;
  T* out;
  int64_t rows, n, inner;
};

// For inner > 1. T is floating.
template <class T>
void launch_softmax_columns(const SoftmaxArguments<T>& a, bool log, bool backward, const LaunchScope& scope);

}  // namespace ember::cuda
