// index_select, gather, index_add and scatter_add. Positions are in bytes from each operand's data.
// An index out of range stops the kernel before anything is read or written at it; the error surfaces at
// the next CUDA call (EMBER_CUDA_BLOCKING=1: at once).
#include <cassert>
#include <cstdio>

#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

// What assert() ends in. Its header declares it only without NDEBUG; the device has it always.
extern "C" __host__ __device__ __cudart_builtin__ void __assert_fail(const char*, const char*, unsigned int,
                                                                     const char*) noexcept;

namespace ember::cuda {

enum class IndexOp : int { Select, Gather, Add, ScatterAdd };

__device__ __noinline__ void fail_out_of_range(IndexOp op, int64_t index, int64_t size) {
  const char* const name = op == IndexOp::Select   ? "index_select"
                           : op == IndexOp::Gather ? "gather"
                           : op == IndexOp::Add    ? "index_add"
                                                   : "scatter_add";
  printf("ember: %s: index %lld is out of range for a dimension of size %lld\n", name, static_cast<long long>(index),
         static_cast<long long>(size));
  // What assert() ends in, NDEBUG or not: unlike a trap it makes the driver show what was printed.
  __assert_fail("the index is in range", "ember", 0, name);
}

// out[p] = in[p, but index[p] along one dimension]. Operands of the calculator: out, in with a stride of 0
// along that dimension, index.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    gather_elements(Index n, const __grid_constant__ OffsetCalculator<3, Index> calculator, char* out, const char* in,
                    const char* index, int64_t size, int64_t in_stride, IndexOp op) {
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
#pragma unroll 1
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    Index offsets[3];
    calculator.offsets(i, offsets);
    const int64_t at = *reinterpret_cast<const int64_t*>(index + offsets[2]);
    if (at < 0 || at >= size) {
      fail_out_of_range(op, at, size);
    } else {
      *reinterpret_cast<T*>(out + offsets[0]) = *reinterpret_cast<const T*>(in + offsets[1] + at * in_stride);
    }
  }
}

// How far apart neighbours along the indexed dimension are, in bytes; `count` of them in index and src,
// `size` in out.
struct ScatterDim {
  int64_t count, size;
  int64_t out_stride, src_stride, index_stride;
};

// out[line, index[line, i]] += src[line, i], i ascending. Operands of the calculator: out, src, index, all
// over the lines. A line is shared by 2^part_bits threads, each of which takes the targets whose low bits
// are its own: one thread adds to any one target, so that the order is fixed without atomics.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    scatter_add_lines(Index lines, int part_bits, const __grid_constant__ OffsetCalculator<3, Index> calculator,
                      char* out, const char* src, const char* index, ScatterDim dim, IndexOp op) {
  using C = compute_t<T>;
  const int64_t parts = int64_t{1} << part_bits;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
#pragma unroll 1
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; t < lines * parts; t += step) {
    const int64_t part = t / lines;
    Index offsets[3];
    calculator.offsets(static_cast<Index>(t - part * lines), offsets);
    char* const out_line = out + offsets[0];
    const char* const src_line = src + offsets[1];
    const char* const index_line = index + offsets[2];
#pragma unroll 1
    for (int64_t i = 0; i < dim.count; ++i) {
      const int64_t at = *reinterpret_cast<const int64_t*>(index_line + i * dim.index_stride);
      if (at < 0 || at >= dim.size) {
        fail_out_of_range(op, at, dim.size);
      } else if ((at & (parts - 1)) == part) {
        T* const target = reinterpret_cast<T*>(out_line + at * dim.out_stride);
        const T x = *reinterpret_cast<const T*>(src_line + i * dim.src_stride);
        *target = static_cast<T>(functors::Add<C>{}(static_cast<C>(*target), static_cast<C>(x)));
      }
    }
  }
}

namespace {

// `t` over `sizes`: its own strides, but `stride` along dimension `dim`.
Tensor with_stride(const Tensor& t, IntArrayRef sizes, int64_t dim, int64_t stride) {
  Dims strides(sizes.size(), 0);
  for (size_t d = 0; d < sizes.size(); ++d) strides[d] = static_cast<int64_t>(d) == dim ? stride : t.strides()[d];
  return detail::alias(t, sizes, strides, t.storage_offset());
}

// A vector of indices over `sizes`, the same for everything along the other dimensions.
Tensor index_along(const Tensor& index, IntArrayRef sizes, int64_t dim) {
  Dims strides(sizes.size(), 0);
  if (!sizes.empty() && index.dim() > 0) strides[static_cast<size_t>(dim)] = index.stride(0);
  return detail::alias(index, sizes, strides, index.storage_offset());
}

// The size and the stride along `dim`; a 0-dimensional tensor has one element there.
int64_t size_along(const Tensor& t, int64_t dim) { return t.dim() == 0 ? 1 : t.size(dim); }
int64_t bytes_along(const Tensor& t, int64_t dim) {
  return t.dim() == 0 ? 0 : t.stride(dim) * static_cast<int64_t>(t.element_size());
}

template <class T, class Index>
void launch_gather_as(const TensorIterator& iter, int64_t size, int64_t in_stride, IndexOp op) {
  const LaunchScope scope(iter.device());
  const OffsetCalculator<3, Index> calculator(iter);
  gather_elements<T, Index><<<scope.blocks(iter.numel(), kThreads), kThreads, 0, scope.stream>>>(
      static_cast<Index>(iter.numel()), calculator, iter.data(0), iter.data(1), iter.data(2), size, in_stride, op);
  check_launch("an indexing kernel");
}

template <class T>
void launch_gather(const TensorIterator& iter, int64_t size, int64_t in_stride, IndexOp op) {
  if (iter.can_use_32bit_offsets() && iter.numel() <= INT32_MAX) {
    launch_gather_as<T, uint32_t>(iter, size, in_stride, op);
  } else {
    launch_gather_as<T, int64_t>(iter, size, in_stride, op);
  }
}

// index has out's shape, or strides that make it so.
void gather_with(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index, IndexOp op) {
  if (out.numel() == 0) return;
  TensorIterator iter(out);
  iter.add_input(with_stride(in, out.sizes(), dim, 0));
  iter.add_input(index);
  iter.build();
  const int64_t size = size_along(in, dim), in_stride = bytes_along(in, dim);
  visit_size(out.element_size(), [&]<class T>() { launch_gather<T>(iter, size, in_stride, op); });
}

void index_select(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
  gather_with(out, in, dim, index_along(index, out.sizes(), dim), IndexOp::Select);
}

void gather(const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index) {
  gather_with(out, in, dim, index, IndexOp::Gather);
}

template <class T, class Index>
void launch_scatter(const TensorIterator& lines, const ScatterDim& dim, IndexOp op) {
  const LaunchScope scope(lines.device());
  const OffsetCalculator<3, Index> calculator(lines);
  // Few lines leave the device idle: cut them by target until there are some 2^16 threads.
  int part_bits = 0;
  while (part_bits < 6 && (lines.numel() << part_bits) < (1 << 16) && (int64_t{2} << part_bits) <= dim.size &&
         dim.count >= 32) {
    ++part_bits;
  }
  scatter_add_lines<T, Index><<<scope.blocks(lines.numel() << part_bits, kThreads), kThreads, 0, scope.stream>>>(
      static_cast<Index>(lines.numel()), part_bits, calculator, lines.data(0), lines.data(1), lines.data(2), dim, op);
  check_launch("an indexed addition");
}

// index and src are used over `sizes`; out, index and src may be larger than that.
void scatter_with(const Tensor& out, int64_t dim, const Tensor& index, int64_t index_stride, const Tensor& src,
                  IntArrayRef sizes, IndexOp op) {
  Dims line_sizes = sizes;
  const int64_t count = sizes.empty() ? 1 : sizes[static_cast<size_t>(dim)];
  if (!sizes.empty()) line_sizes[static_cast<size_t>(dim)] = 1;
  TensorIterator lines(with_stride(out, line_sizes, dim, 0));
  if (count == 0 || lines.numel() == 0) return;
  lines.add_input(with_stride(src, line_sizes, dim, 0));
  lines.add_input(with_stride(index, line_sizes, dim, 0));
  lines.build();
  const ScatterDim along{count, size_along(out, dim), bytes_along(out, dim), bytes_along(src, dim), index_stride};
  visit_dtype(out.dtype(), [&]<class T>() {
    if (lines.can_use_32bit_offsets() && lines.numel() <= INT32_MAX) {
      launch_scatter<T, uint32_t>(lines, along, op);
    } else {
      launch_scatter<T, int64_t>(lines, along, op);
    }
  });
}

void index_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  const Tensor spread = index_along(index, src.sizes(), dim);
  scatter_with(out, dim, spread, bytes_along(spread, dim), src, src.sizes(), IndexOp::Add);
}

void scatter_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  scatter_with(out, dim, index, bytes_along(index, dim), src, index.sizes(), IndexOp::ScatterAdd);
}

}  // namespace

void register_index(Kernels& table) {
  table.index_select.function[kColumn] = index_select;
  table.gather.function[kColumn] = gather;
  table.index_add.function[kColumn] = index_add;
  table.scatter_add.function[kColumn] = scatter_add;
}

}  // namespace ember::cuda
