// What the kernels of contiguous rows share: a thread's part of a row in registers, read and written in vectors of 16
// bytes, and reductions over the threads of a row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include <ember/core/dtype.h>
#include <ember/core/error.h>
#include <ember/cuda/context.h>
#include <ember/cuda/row_plan.h>

namespace ember::cuda {

// ---- one vector ----

template <class T>
__device__ void unpack(const uint4& bits, compute_t<T>* x) {
  if constexpr (std::is_same_v<T, BFloat16>) {  // one instruction for an element, also for the upper half of a word
    const uint32_t words[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      x[2 * j] = detail::bit_cast<float>(words[j] << 16);
      x[2 * j + 1] = detail::bit_cast<float>(words[j] & 0xffff0000u);
    }
  } else {
    T elements[kRowVector<T>];
    memcpy(elements, &bits, sizeof(bits));
#pragma unroll
    for (int j = 0; j < kRowVector<T>; ++j) x[j] = static_cast<compute_t<T>>(elements[j]);
  }
}

// Two floats rounded to 2-byte floats, the first in the low half.
template <class T>
__device__ uint32_t pack_two(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t bits;
  if constexpr (std::is_same_v<T, BFloat16>) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  } else {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  }
  return bits;
#else
  return static_cast<uint32_t>(T(low).x) | (static_cast<uint32_t>(T(high).x) << 16);
#endif
}

template <class T>
__device__ uint4 pack(const compute_t<T>* x) {
  if constexpr (sizeof(T) == 2) {
    return {pack_two<T>(x[0], x[1]), pack_two<T>(x[2], x[3]), pack_two<T>(x[4], x[5]), pack_two<T>(x[6], x[7])};
  } else {
    uint4 bits;
    memcpy(&bits, x, sizeof(bits));
    return bits;
  }
}

// One instruction: the compiler takes some assignments of a uint4 apart.
__device__ inline void store_vector(void* to, const uint4& bits) { __stwb(static_cast<uint4*>(to), bits); }

// 16 bytes that nobody reads again: they take no place in the first cache. Not there: `bits` stays as it is. (Not
// ld.global.nc, which is for memory that nobody writes while a kernel is there: launch() starts one before the kernel
// that writes it may have ended.)
__device__ inline void load_vector_once(uint4& bits, const void* from, bool there) {
  asm volatile(
      "{\n\t.reg .pred there;\n\tsetp.ne.b32 there, %5, 0;\n\t"
      "@there ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];\n\t}"
      : "+r"(bits.x), "+r"(bits.y), "+r"(bits.z), "+r"(bits.w)
      : "l"(from), "r"(static_cast<int>(there)));
}

// The vector that has V times the same element.
template <class T>
__device__ uint4 filled_vector(T element) {
  T elements[kRowVector<T>];
#pragma unroll
  for (int j = 0; j < kRowVector<T>; ++j) elements[j] = element;
  uint4 bits;
  memcpy(&bits, elements, sizeof(bits));
  return bits;
}

// ---- a thread's part of a row ----

// Elements of a row: E slots of this thread, in vectors.
template <class T, int E, class Index = int>
struct RowTile : RowSlots<kRowVector<T>, Index> {
  using C = compute_t<T>;
  static constexpr int V = kRowVector<T>;
  static constexpr int K = E / V;
  static_assert(E % V == 0);
  using Slots = RowSlots<V, Index>;
  using Slots::full;
  using Slots::holds;
  using Slots::start;
  int shift;

  __device__ RowTile(Index n, int row_shift, int lane, int lanes, Index at = 0)
      : Slots(n, row_shift, lane, lanes, at), shift(row_shift) {}

  // Whether the vectors of this array are those of the row that the tile was made for.
  __device__ bool aligned(const T* row) const { return row_shift_of(row) == 0; }

  // Nothing waits for a load before all are on their way: hence the two steps, load() and unpack().
  template <int kCount>
  __device__ void load(uint4 (&raw)[kCount], const T* row, T fill, int from = 0) const {
    const bool vectors = aligned(row);
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      const Index i = start(from + k);
      if (vectors && full(i)) {
        raw[k] = *reinterpret_cast<const uint4*>(row + i);
      } else {
        T elements[V];
#pragma unroll
        for (int j = 0; j < V; ++j) elements[j] = holds(i + j) ? row[i + j] : fill;
        memcpy(&raw[k], elements, sizeof(uint4));
      }
    }
  }
  __device__ void load(C (&x)[E], const T* row, T fill) const {
    uint4 raw[K];
    load(raw, row, fill);
#pragma unroll
    for (int k = 0; k < K; ++k) unpack<T>(raw[k], x + k * V);
  }
  // Vector k of the row; y has its V elements.
  __device__ void store(T* row, int k, const C* y, bool vectors) const { store(row, k, pack<T>(y), vectors); }
  __device__ void store(T* row, int k, const uint4& bits, bool vectors) const {
    const Index i = start(k);
    if (vectors && full(i)) {
      store_vector(row + i, bits);
    } else {
      T elements[V];
      memcpy(elements, &bits, sizeof(bits));
#pragma unroll
      for (int j = 0; j < V; ++j) {
        if (holds(i + j)) row[i + j] = elements[j];
      }
    }
  }
  __device__ void store(T* row, const C (&y)[E]) const {
    const bool vectors = aligned(row);
#pragma unroll
    for (int k = 0; k < K; ++k) store(row, k, y + k * V, vectors);
  }
  // f(slot) for those that hold an element.
  template <class F>
  __device__ void for_each(F f) const {
#pragma unroll
    for (int k = 0; k < K; ++k) {
      const Index i = start(k);
      if (full(i)) {
#pragma unroll
        for (int j = 0; j < V; ++j) f(k * V + j);
      } else {
#pragma unroll
        for (int j = 0; j < V; ++j) {
          if (holds(i + j)) f(k * V + j);
        }
      }
    }
  }

 private:
  __device__ int row_shift_of(const T* row) const {
    return static_cast<int>((reinterpret_cast<uintptr_t>(row) - static_cast<uintptr_t>(shift) * sizeof(T)) %
                            kRowVectorBytes);
  }
};

// ---- a thread's columns, the same in every row ----

// V consecutive elements as one load (V·sizeof(T) is 16 bytes) or, V = 1, one element.
template <class T, int V>
struct RowPart {
  std::conditional_t<V == 1, T, uint4> bits;

  __device__ void fill(T element) {
    if constexpr (V == 1) {
      bits = element;
    } else {
      bits = filled_vector(element);
    }
  }
  __device__ void load(const T* from) {
    if constexpr (V == 1) {
      bits = *from;
    } else {
      bits = *reinterpret_cast<const uint4*>(from);
    }
  }
  __device__ void get(compute_t<T>* x) const {
    if constexpr (V == 1) {
      x[0] = static_cast<compute_t<T>>(bits);
    } else {
      unpack<T>(bits, x);
    }
  }
  static __device__ void put(T* to, const compute_t<T>* x) {
    if constexpr (V == 1) {
      *to = static_cast<T>(x[0]);
    } else {
      store_vector(to, pack<T>(x));
    }
  }
};

// How rows can be read so.
enum class RowFit {
  Elements,  // one element at a time
  Vectors,   // all rows are aligned, and of whole vectors
  Whole,     // and fill the slots of their threads: there is nothing to ask
};
template <class T, RowFit kFit>
inline constexpr int kPart = kFit == RowFit::Elements ? 1 : kRowVector<T>;

// Whether rows of n elements that begin here can be read in vectors. Null pointers have no say.
template <class T>
bool vectors_fit(int64_t n, std::initializer_list<const T*> arrays) {
  if (n % kRowVector<T> != 0) return false;
  return std::all_of(arrays.begin(), arrays.end(), [](const T* p) { return row_shift(p) == 0; });
}
// `slots`: those of the threads of a row.
template <class T>
RowFit row_fit(int64_t n, int64_t slots, std::initializer_list<const T*> arrays) {
  if (!vectors_fit(n, arrays)) return RowFit::Elements;
  return n == slots ? RowFit::Whole : RowFit::Vectors;
}

// ---- reductions over the threads of a row ----

struct Largest {  // NaN loses: it survives the sum that follows
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
  __device__ double operator()(double a, double b) const { return fmax(a, b); }
};
struct Plus {
  template <class C>
  __device__ C operator()(C a, C b) const {
    return a + b;
  }
};

// kLanes threads, 8 or 32, or the block: more than 32, or 0 for a block of any number of whole warps. Every lane gets
// the result, the same bits in all: each step adds the same two numbers on both sides, and all add warps in one order.
template <class C, int kLanes>
struct RowReducer {
  static constexpr int kMost = 2;  // numbers reduced together
  static constexpr bool kBlock = kLanes == 0 || kLanes > 32;
  static constexpr int kWarps = kLanes == 0 ? 32 : (kLanes + 31) / 32;
  struct Shared {
    C parts[2][kMost][kWarps];  // two in turn, so that one barrier does for each reduction
  };
  Shared& shared;
  int turn = 0;

  template <int N, class Op>
  __device__ void operator()(C (&x)[N], Op op, C identity) {
    static_assert(N <= kMost);
    within<kBlock ? 32 : kLanes>(x, op);
    if constexpr (kBlock) {
      const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
      if (lane == 0) {
#pragma unroll
        for (int i = 0; i < N; ++i) shared.parts[turn][i][warp] = x[i];
      }
      __syncthreads();
      if constexpr (kLanes == 0) {
        const int warps = static_cast<int>(blockDim.x) / 32;
#pragma unroll
        for (int i = 0; i < N; ++i) x[i] = lane < warps ? shared.parts[turn][i][lane] : identity;
        within<32>(x, op);
      } else {  // a few: one after the other is less to wait for than a second shuffle
#pragma unroll
        for (int i = 0; i < N; ++i) x[i] = shared.parts[turn][i][0];
#pragma unroll
        for (int w = 1; w < kWarps; ++w) {
#pragma unroll
          for (int i = 0; i < N; ++i) x[i] = op(x[i], shared.parts[turn][i][w]);
        }
      }
      turn ^= 1;
    }
  }
  __device__ C sum(C x) {
    C one[1] = {x};
    (*this)(one, Plus{}, C(0));
    return one[0];
  }
  __device__ C largest(C x) {
    C one[1] = {x};
    (*this)(one, Largest{}, -std::numeric_limits<C>::infinity());
    return one[0];
  }

 private:
  template <int kWidth, int N, class Op>
  static __device__ void within(C (&x)[N], Op op) {
#pragma unroll
    for (int distance = kWidth / 2; distance > 0; distance /= 2) {
#pragma unroll
      for (int i = 0; i < N; ++i) x[i] = op(x[i], __shfl_xor_sync(0xffffffffu, x[i], distance));
    }
  }
};

// ---- the row of a thread ----

template <int kLanes, int E>
inline constexpr int kRowBound = E == 0        ? kLongRowThreads
                                 : kLanes == 0 ? kRowBlockLimit
                                 : kLanes == 8 ? 2 * kRowThreads
                                 : kLanes > 32 ? kLanes
                                               : kRowThreads;

struct Lane {
  int lane, lanes;
};

// f(row, n, lane) for the row of this thread's group. Past the last row, where a block has threads to spare, n is 0 and
// the row the last, so that the lanes of a warp meet in shuffles.
template <int kLanes, class F>
__device__ void with_row(int64_t rows, int64_t n, F f) {
  constexpr bool kBlock = kLanes == 0 || kLanes > 32;
  const int lanes = kLanes == 0 ? static_cast<int>(blockDim.x) : kLanes;
  const int groups = kBlock ? 1 : static_cast<int>(blockDim.x) / kLanes;
  const int group = kBlock ? 0 : static_cast<int>(threadIdx.x) / kLanes;
  const int lane = static_cast<int>(threadIdx.x) - group * lanes;
  int64_t row = static_cast<int64_t>(blockIdx.x) * groups + group;
  if (!kBlock && row >= rows) {
    row = rows - 1;
    n = 0;
  }
  f(row, n, Lane{lane, lanes});
}

// Blocks for all rows, of which there are some; not only as many as the device holds: they differ in speed, and the
// device hands them out.
inline unsigned row_blocks(int64_t rows, const RowPlan& plan) {
  const int64_t per_block = plan.rows_per_block();
  const int64_t blocks = (rows + per_block - 1) / per_block;
  EMBER_CHECK(blocks <= INT32_MAX, rows, " rows are too many for one kernel");
  return static_cast<unsigned>(blocks);
}

// f.operator()<kLanes, E>() for a plan.
template <class F>
void visit_row_plan(const RowPlan& plan, F&& f) {
  if (plan.elements == 0) return f.template operator()<0, 0>();
  if (plan.lanes == 8) return f.template operator()<8, 8>();
  if (!plan.block()) {
    switch (plan.elements) {
      case 8: return f.template operator()<32, 8>();
      case 16: return f.template operator()<32, 16>();
      default: return f.template operator()<32, 32>();
    }
  }
  if (plan.elements == 16) return f.template operator()<0, 16>();
  return f.template operator()<0, 32>();
}

// ---- exp ----

// exp(x) for x ≤ 0, where the sum of such terms is at least 1: to some 2^-22 of that sum. Of a term that is small the
// product, and so the term, is less precise by as much.
__device__ inline float term_exp(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * 1.4426950408889634f));
  return y;
}
__device__ inline double term_exp(double x) { return std::exp(x); }

// exp in the precision that elements of type T are worth: of 2 bytes, of which a GPU moves more than it computes
// exponentials with care, to some 2^-16.
template <class T>
__device__ compute_t<T> row_exp(compute_t<T> x) {
  if constexpr (sizeof(T) == 2) {
    return term_exp(x);
  } else {
    return std::exp(x);
  }
}

// The largest element of a row and Σ exp(x − largest), of which each thread sees a part. Where nothing is larger than
// −inf, 0 takes the place of the largest in the sum so far, which then is 0.
template <class T, int E>
struct OnlineSum {
  using C = compute_t<T>;
  C largest = -std::numeric_limits<C>::infinity();
  C sum = 0;

  static __device__ C base(C largest) { return largest == -std::numeric_limits<C>::infinity() ? C(0) : largest; }

  // Elements that are not there are −inf.
  __device__ void add(const C (&x)[E]) {
    C top = largest;
#pragma unroll
    for (int e = 0; e < E; ++e) top = Largest{}(top, x[e]);
    const C b = base(top);
    sum *= row_exp<T>(largest - b);
#pragma unroll
    for (int e = 0; e < E; ++e) sum += row_exp<T>(x[e] - b);
    largest = top;
  }
  template <int kLanes>
  __device__ void combine(RowReducer<C, kLanes>& reduce) {
    const C top = reduce.largest(largest);
    sum = reduce.sum(sum * row_exp<T>(largest - base(top)));
    largest = top;
  }
};

// Chunks of a row too long for registers: E slots per thread at a time. The number of rounds is the block's.
inline constexpr int kLongElements = 16;
template <class T, class F>
__device__ void for_each_chunk(int64_t n, int shift, Lane lane, F f) {
  const int64_t chunk = static_cast<int64_t>(lane.lanes) * kLongElements;
#pragma unroll 1
  for (int64_t at = 0; at < n + shift; at += chunk) {
    f(RowTile<T, kLongElements, int64_t>(n, shift, lane.lane, lane.lanes, at));
  }
}
// From the end: what was read last is most likely still in the caches.
template <class T, class F>
__device__ void for_each_chunk_backwards(int64_t n, int shift, Lane lane, F f) {
  const int64_t chunk = static_cast<int64_t>(lane.lanes) * kLongElements;
#pragma unroll 1
  for (int64_t at = (n + shift - 1) / chunk * chunk; at >= 0; at -= chunk) {
    f(RowTile<T, kLongElements, int64_t>(n, shift, lane.lane, lane.lanes, at));
  }
}

// The largest element and Σ exp(x − largest) of a row that is read once; lanes get the same.
template <class T, int kLanes>
__device__ OnlineSum<T, kLongElements> long_row_sum(const T* row, int64_t n, int shift, Lane lane,
                                                    RowReducer<compute_t<T>, kLanes>& reduce) {
  using C = compute_t<T>;
  OnlineSum<T, kLongElements> online;
  for_each_chunk<T>(n, shift, lane, [&](const auto& tile) {
    C x[kLongElements];
    tile.load(x, row, T(-std::numeric_limits<float>::infinity()));
    online.add(x);
  });
  online.combine(reduce);
  return online;
}

}  // namespace ember::cuda
