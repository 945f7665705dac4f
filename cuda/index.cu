// index_select, gather, index_add, index_copy, scatters and offsets. Positions are in bytes from each operand's data.
#include <ember/cuda/register.h>
#include <ember/cuda/index.cuh>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// out[p] = in[p, but index[p] along one dimension], or 0 where there is no such element: what comes after reads out
// before the host has seen the fault. Operands of the calculator: out, in with a stride of 0 along that dimension,
// index.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    gather_elements(Index n, const __grid_constant__ OffsetCalculator<3, Index> calculator, char* out, const char* in,
                    const char* index, int64_t size, int64_t in_stride, IndexFault fault) {
  wait_for_earlier();
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
#pragma unroll 1
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    Index offsets[3];
    calculator.offsets(i, offsets);
    const int64_t at = *reinterpret_cast<const int64_t*>(index + offsets[2]);
    T x{};
    if (at < 0 || at >= size) {
      fault.report(at, size);
    } else {
      x = *reinterpret_cast<const T*>(in + offsets[1] + at * in_stride);
    }
    *reinterpret_cast<T*>(out + offsets[0]) = x;
  }
}

// The other way around: out[p, but index[p] along one dimension] = in[p]. Operands: out with a stride of 0 along that
// dimension, in, index. No two threads may meet, or all bring one value.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    put_elements(Index n, const __grid_constant__ OffsetCalculator<3, Index> calculator, char* out, const char* in,
                 const char* index, int64_t size, int64_t out_stride, IndexFault fault) {
  wait_for_earlier();
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
#pragma unroll 1
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    Index offsets[3];
    calculator.offsets(i, offsets);
    const int64_t at = *reinterpret_cast<const int64_t*>(index + offsets[2]);
    if (at < 0 || at >= size) {
      fault.report(at, size);
    } else {
      *reinterpret_cast<T*>(out + offsets[0] + at * out_stride) = *reinterpret_cast<const T*>(in + offsets[1]);
    }
  }
}

// offsets[i] (+)= index[i]·stride, the index counted from the end where it is negative.
template <class Index>
__global__ void __launch_bounds__(kThreads)
    add_offsets(Index n, const __grid_constant__ OffsetCalculator<2, Index> calculator, char* offsets,
                const char* index, int64_t size, int64_t stride, bool first, IndexFault fault) {
  wait_for_earlier();
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
#pragma unroll 1
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step) {
    Index at[2];
    calculator.offsets(i, at);
    int64_t value = *reinterpret_cast<const int64_t*>(index + at[1]);
    if (value < -size || value >= size) {
      fault.report(value, size);
      value = 0;
    }
    if (value < 0) value += size;
    int64_t* const target = reinterpret_cast<int64_t*>(offsets + at[0]);
    *target = (first ? 0 : *target) + value * stride;
  }
}

// out[line, index[line, i]] = or += src[line, i], i ascending. Operands of the calculator: out, src, index, all
// over the lines. A line is shared by 2^part_bits threads, each of which takes the targets whose low bits
// are its own: one thread writes any one target, so that the order is fixed without atomics.
template <class T, class Index>
__global__ void __launch_bounds__(kThreads)
    scatter_lines(Index lines, int part_bits, const __grid_constant__ OffsetCalculator<3, Index> calculator, char* out,
                  const char* src, const char* index, ScatterDim dim, ScatterOp how, IndexFault fault) {
  wait_for_earlier();
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
        fault.report(at, dim.size);
      } else if ((at & (parts - 1)) == part) {
        T* const target = reinterpret_cast<T*>(out_line + at * dim.out_stride);
        const T x = *reinterpret_cast<const T*>(src_line + i * dim.src_stride);
        *target = scattered(how, *target, x);
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
  launch(scope, gather_elements<T, Index>, scope.blocks(iter.numel(), kThreads), kThreads,
         static_cast<Index>(iter.numel()), calculator, iter.data(0), iter.data(1), iter.data(2), size, in_stride,
         IndexFault{scope.info.fault, op});
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
void launch_scatter(const TensorIterator& lines, const ScatterDim& dim, ScatterOp how, IndexOp op) {
  const LaunchScope scope(lines.device());
  const OffsetCalculator<3, Index> calculator(lines);
  // Few lines leave the device idle: cut them by target until there are some 2^16 threads.
  int part_bits = 0;
  while (part_bits < 6 && (lines.numel() << part_bits) < (1 << 16) && (int64_t{2} << part_bits) <= dim.size &&
         dim.count >= 32) {
    ++part_bits;
  }
  launch(scope, scatter_lines<T, Index>, scope.blocks(lines.numel() << part_bits, kThreads), kThreads,
         static_cast<Index>(lines.numel()), part_bits, calculator, lines.data(0), lines.data(1), lines.data(2), dim,
         how, IndexFault{scope.info.fault, op});
  check_launch("a scatter");
}

// index and src are used over `sizes`; out, index and src may be larger than that. `shared`: the index is one vector.
void scatter_with(const Tensor& out, int64_t dim, const Tensor& index, int64_t index_stride, const Tensor& src,
                  IntArrayRef sizes, ScatterOp how, IndexOp op, bool shared) {
  Dims line_sizes = sizes;
  const int64_t count = sizes.empty() ? 1 : sizes[static_cast<size_t>(dim)];
  if (!sizes.empty()) line_sizes[static_cast<size_t>(dim)] = 1;
  TensorIterator lines(with_stride(out, line_sizes, dim, 0));
  if (count == 0 || lines.numel() == 0) return;
  lines.add_input(with_stride(src, line_sizes, dim, 0));
  const ScatterDim along{count, size_along(out, dim), bytes_along(out, dim), bytes_along(src, dim), index_stride};
  if (shared && index_stride == static_cast<int64_t>(sizeof(int64_t)) && prefers_sort(lines.numel(), count)) {
    lines.build();
    return scatter_sorted(lines, static_cast<const int64_t*>(index.data_ptr()), along, how, op);
  }
  lines.add_input(with_stride(index, line_sizes, dim, 0));
  lines.build();
  visit_dtype(out.dtype(), [&]<class T>() {
    if (lines.can_use_32bit_offsets() && lines.numel() <= INT32_MAX) {
      launch_scatter<T, uint32_t>(lines, along, how, op);
    } else {
      launch_scatter<T, int64_t>(lines, along, how, op);
    }
  });
}

void index_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  const Tensor spread = index_along(index, src.sizes(), dim);
  scatter_with(out, dim, spread, bytes_along(spread, dim), src, src.sizes(), ScatterOp::Add, IndexOp::Add, true);
}

void scatter(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, ScatterOp how) {
  scatter_with(out, dim, index, bytes_along(index, dim), src, index.sizes(), how, IndexOp::Scatter, false);
}
void scatter_add(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src) {
  scatter(out, dim, index, src, ScatterOp::Add);
}

template <class T, class Index>
void launch_put(const TensorIterator& iter, int64_t size, int64_t out_stride) {
  const LaunchScope scope(iter.device());
  const OffsetCalculator<3, Index> calculator(iter);
  launch(scope, put_elements<T, Index>, scope.blocks(iter.numel(), kThreads), kThreads,
         static_cast<Index>(iter.numel()), calculator, iter.data(0), iter.data(1), iter.data(2), size, out_stride,
         IndexFault{scope.info.fault, IndexOp::Copy});
  check_launch("index_copy");
}

void index_copy(const Tensor& out, int64_t dim, const Tensor& index, const Tensor& src, bool unique) {
  const Tensor spread = index_along(index, src.sizes(), dim);
  if (!unique) {
    return scatter_with(out, dim, spread, bytes_along(spread, dim), src, src.sizes(), ScatterOp::Assign, IndexOp::Copy,
                        true);
  }
  if (src.numel() == 0) return;
  TensorIterator iter(with_stride(out, src.sizes(), dim, 0));
  iter.add_input(src);
  iter.add_input(spread);
  iter.build();
  const int64_t size = size_along(out, dim), stride = bytes_along(out, dim);
  visit_size(out.element_size(), [&]<class T>() {
    if (iter.can_use_32bit_offsets() && iter.numel() <= INT32_MAX) {
      launch_put<T, uint32_t>(iter, size, stride);
    } else {
      launch_put<T, int64_t>(iter, size, stride);
    }
  });
}

template <class Index>
void launch_offsets(const TensorIterator& iter, int64_t size, int64_t stride, bool first) {
  const LaunchScope scope(iter.device());
  const OffsetCalculator<2, Index> calculator(iter);
  launch(scope, add_offsets<Index>, scope.blocks(iter.numel(), kThreads), kThreads, static_cast<Index>(iter.numel()),
         calculator, iter.data(0), iter.data(1), size, stride, first, IndexFault{scope.info.fault, IndexOp::Index});
  check_launch("index");
}

void index(const Tensor& offsets, const Tensor& index, int64_t /*dim*/, int64_t size, int64_t stride, bool first) {
  if (offsets.numel() == 0) return;
  EMBER_CHECK_INDEX(size > 0, "an index into a dimension of size 0");
  TensorIterator iter(offsets);
  iter.add_input(index);
  iter.build();
  if (iter.can_use_32bit_offsets() && iter.numel() <= INT32_MAX) {
    launch_offsets<uint32_t>(iter, size, stride, first);
  } else {
    launch_offsets<int64_t>(iter, size, stride, first);
  }
}

}  // namespace

void register_index(Kernels& table) {
  table.index_select.function[kColumn] = index_select;
  table.gather.function[kColumn] = gather;
  table.index_add.function[kColumn] = index_add;
  table.scatter_add.function[kColumn] = scatter_add;
  table.scatter.function[kColumn] = scatter;
  table.index_copy.function[kColumn] = index_copy;
  table.index.function[kColumn] = index;
}

}  // namespace ember::cuda
