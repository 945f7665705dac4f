// What the kernels that take index tensors share.
#pragma once

#include <ember/core/tensor.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

// `there` with `x` put to it.
template <class T>
__device__ T scattered(ScatterOp how, T there, T x) {
  using C = compute_t<T>;
  const C a = static_cast<C>(there), b = static_cast<C>(x);
  switch (how) {
    case ScatterOp::Assign: return x;
    case ScatterOp::Add: return static_cast<T>(functors::Add<C>{}(a, b));
    case ScatterOp::Multiply: return static_cast<T>(functors::Mul<C>{}(a, b));
    case ScatterOp::Max: return static_cast<T>(functors::Maximum<C>{}(a, b));
    case ScatterOp::Min: return static_cast<T>(functors::Minimum<C>{}(a, b));
  }
  return x;
}

// How far apart neighbours along the indexed dimension are, in bytes; `count` of them in index and src,
// `size` in out.
struct ScatterDim {
  int64_t count, size;
  int64_t out_stride, src_stride, index_stride;
};

// out[line, index[i]] = or += src[line, i] for an index that all lines share: sorts the index first, so that equal
// ones are neighbours. `lines`: operands out, src over the lines. Takes the order of the index as scatters do.
void scatter_sorted(const TensorIterator& lines, const int64_t* index, const ScatterDim& dim, ScatterOp how,
                    IndexOp op);
// Whether that is worth its sort: the kernel without needs many lines to fill the device.
inline bool prefers_sort(int64_t lines, int64_t count) { return count >= 1024 && lines < (1 << 16); }

}  // namespace ember::cuda
