// What the kernels that take index tensors share.
#pragma once

#include <cassert>
#include <cstdio>

#include <ember/core/tensor.h>
#include <ember/cuda/elementwise.cuh>

// What assert() ends in. Its header declares it only without NDEBUG; the device has it always.
extern "C" __host__ __device__ __cudart_builtin__ void __assert_fail(const char*, const char*, unsigned int,
                                                                     const char*) noexcept;

namespace ember::cuda {

// An index out of range stops the kernel before anything is read or written at it; the error surfaces at the next
// CUDA call (EMBER_CUDA_BLOCKING=1: at once).
static __device__ __noinline__ void fail_out_of_range(IndexOp op, int64_t index, int64_t size) {
  const char* const name = op == IndexOp::Select    ? "index_select"
                           : op == IndexOp::Gather  ? "gather"
                           : op == IndexOp::Add     ? "index_add"
                           : op == IndexOp::Scatter ? "scatter"
                           : op == IndexOp::Copy    ? "index_copy"
                           : op == IndexOp::Index   ? "index"
                                                    : "cross_entropy";
  printf("ember: %s: index %lld is out of range for a dimension of size %lld\n", name, static_cast<long long>(index),
         static_cast<long long>(size));
  // What assert() ends in, NDEBUG or not: unlike a trap it makes the driver show what was printed.
  __assert_fail("the index is in range", "ember", 0, name);
}

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
