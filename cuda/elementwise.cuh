// The two loops that every elementwise kernel is an instance of: contiguous with vector loads, and
// strided. Operands may be the same memory as the output (in-place operations), so that nothing here is
// __restrict__: a thread loads what it needs of an element before it stores that element.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <cuda/std/tuple>

#include <ember/core/functors.h>
#include <ember/core/index_math.h>
#include <ember/core/kernels.h>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// Elements that a thread of the strided kernel computes before it stores them: loads in flight.
inline constexpr int kStridedUnroll = 4;

// An input: an array, or one number where data is null. The test is uniform, so that it costs little, and
// it saves the seven further kernels that scalars in every place would need.
template <class T>
struct Input {
  const char* data;
  compute_t<T> scalar;
};

template <class T, int V>
struct alignas(sizeof(T) * V) Vector {
  T v[V];
};
template <class T, int V>
struct Values {
  T v[V];
};

// Elements per vector: 16 bytes of the widest operand. No more than 8, since the functor is inlined once
// for each and bytes are rarely what matters.
template <class... T>
inline constexpr int vector_width = std::clamp(16 / static_cast<int>(std::max({sizeof(T)...})), 1, 8);

template <class T>
__device__ compute_t<T> load(const Input<T>& in, int64_t byte_offset) {
  if (in.data == nullptr) return in.scalar;
  return static_cast<compute_t<T>>(*reinterpret_cast<const T*>(in.data + byte_offset));
}

template <int V, class T>
__device__ Values<compute_t<T>, V> load_vector(const Input<T>& in, int64_t i) {
  Values<compute_t<T>, V> x;
  if (in.data == nullptr) {
#pragma unroll
    for (int j = 0; j < V; ++j) x.v[j] = in.scalar;
  } else {
    const auto loaded = *reinterpret_cast<const Vector<T, V>*>(in.data + i * static_cast<int64_t>(sizeof(T)));
#pragma unroll
    for (int j = 0; j < V; ++j) x.v[j] = static_cast<compute_t<T>>(loaded.v[j]);
  }
  return x;
}

// out[i] = f(in[i]…) over n elements; every array aligned to its vectors. A thread loads its next vectors before it
// computes with those it has, so that memory is never idle.
template <class F, class Out, class... In>
__global__ void __launch_bounds__(kThreads) elementwise_contiguous(int64_t n, F f, Out* out, Input<In>... in) {
  wait_for_earlier();
  constexpr int V = vector_width<Out, In...>;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads * V;
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int64_t whole = n / V * V;
  int64_t i = thread * V;
  if (i < whole) {
    ::cuda::std::tuple<Values<compute_t<In>, V>...> next(load_vector<V>(in, i)...);
#pragma unroll 1
    while (true) {
      const ::cuda::std::tuple<Values<compute_t<In>, V>...> now = next;
      const int64_t at = i;
      i += step;
      if (i < whole) next = ::cuda::std::tuple<Values<compute_t<In>, V>...>(load_vector<V>(in, i)...);
      Vector<Out, V> result;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        result.v[j] = static_cast<Out>(::cuda::std::apply([&](const auto&... x) { return f(x.v[j]...); }, now));
      }
      *reinterpret_cast<Vector<Out, V>*>(out + at) = result;
      if (i >= whole) break;
    }
  }
  if (const int64_t j = whole + thread; j < n) {
    out[j] = static_cast<Out>(f(load(in, j * static_cast<int64_t>(sizeof(In)))...));
  }
}

// An offset of 32 bits may be negative too, where a stride is: sums of them wrap to the right one.
__device__ inline int64_t signed_offset(uint32_t offset) { return static_cast<int32_t>(offset); }
__device__ inline int64_t signed_offset(int64_t offset) { return offset; }

// The same for any strides. Index is uint32_t (n and all byte offsets below 2^31) or int64_t.
template <class F, class Index, class Out, class... In>
__global__ void __launch_bounds__(kThreads)
    elementwise_strided(Index n, F f, const __grid_constant__ OffsetCalculator<1 + sizeof...(In), Index> calculator,
                        char* out, Input<In>... in) {
  wait_for_earlier();
  constexpr int U = sizeof(Index) == 4 ? kStridedUnroll : 1;
  const auto evaluate = [&]<size_t... k>(std::index_sequence<k...>, const Index* offsets) {
    return static_cast<Out>(f(load(in, signed_offset(offsets[k + 1]))...));
  };
  const Index step = static_cast<Index>(gridDim.x) * (kThreads * U);
#pragma unroll 1
  for (Index base = static_cast<Index>(blockIdx.x) * (kThreads * U) + threadIdx.x; base < n; base += step) {
    Out results[U];
    Index targets[U];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      const Index i = base + u * kThreads;
      if (i < n) {
        Index offsets[1 + sizeof...(In)];
        calculator.offsets(i, offsets);
        targets[u] = offsets[0];
        results[u] = evaluate(std::index_sequence_for<In...>{}, offsets);
      }
    }
#pragma unroll
    for (int u = 0; u < U; ++u) {
      if (base + u * kThreads < n) *reinterpret_cast<Out*>(out + signed_offset(targets[u])) = results[u];
    }
  }
}

inline bool is_aligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// Enough blocks to fill the device; of a long array each takes four tiles, so that the device deals them out evenly
// whatever the number that is resident.
inline unsigned contiguous_blocks(const LaunchScope& scope, int64_t n, int64_t tile) {
  const int64_t tiles = (n + tile - 1) / tile;
  const int64_t resident = scope.info.resident(kThreads);
  return static_cast<unsigned>(
      std::min<int64_t>(tiles <= resident ? tiles : std::max(resident, (tiles + 3) / 4), INT32_MAX));
}

template <class F, class Out, class... In>
void launch_elementwise(const TensorIterator& iter, const char* name, const F& f, const Input<In>&... in) {
  const int64_t n = iter.numel();
  const LaunchScope scope(iter.device());
  char* const out = iter.data(0);
  constexpr int V = vector_width<Out, In...>;
  if (iter.is_contiguous() && is_aligned(out, sizeof(Out) * V) && (is_aligned(in.data, sizeof(In) * V) && ...)) {
    launch(scope, elementwise_contiguous<F, Out, In...>, contiguous_blocks(scope, n, kThreads * V), kThreads, n, f,
           reinterpret_cast<Out*>(out), in...);
  } else if (iter.can_use_32bit_offsets() && n <= INT32_MAX) {
    const OffsetCalculator<1 + sizeof...(In), uint32_t> calculator(iter);
    launch(scope, elementwise_strided<F, uint32_t, Out, In...>, scope.blocks(n, kThreads * kStridedUnroll), kThreads,
           static_cast<uint32_t>(n), f, calculator, out, in...);
  } else {
    const OffsetCalculator<1 + sizeof...(In), int64_t> calculator(iter);
    launch(scope, elementwise_strided<F, int64_t, Out, In...>, scope.blocks(n, kThreads), kThreads, n, f, calculator,
           out, in...);
  }
  check_launch(name);
}

template <class T>
Input<T> make_input(const TensorIterator& iter, int operand) {
  if (iter.is_scalar(operand)) return {nullptr, iter.scalar(operand).template to<compute_t<T>>()};
  return {iter.data(operand), compute_t<T>()};
}

// Operand 0 = f(operands 1, 2, …), whose element types are Out and In…; f takes and returns compute types.
template <class Out, class... In, class F>
void elementwise(const TensorIterator& iter, const char* name, const F& f) {
  if (iter.numel() == 0) return;
  [&]<size_t... k>(std::index_sequence<k...>) {
    launch_elementwise<F, Out, In...>(iter, name, f, make_input<In>(iter, static_cast<int>(k) + 1)...);
  }
  (std::index_sequence_for<In...>{});
}

// Calls f with an unsigned integer of the element's size, for what only moves bits.
template <class F>
void visit_size(size_t element_size, F&& f) {
  switch (element_size) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    default: return f.template operator()<uint64_t>();
  }
}

// The element type of the inputs: a scalar has no say in it while there is an array.
inline ScalarType input_dtype(const TensorIterator& iter) {
  for (int i = 1; i < iter.num_operands(); ++i) {
    if (!iter.is_scalar(i)) return iter.dtype(i);
  }
  return iter.dtype(1);
}

}  // namespace ember::cuda
