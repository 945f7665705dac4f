// Inner loops of the reductions. The vectors are 64 bytes on every machine (the compiler splits them where
// registers are narrower), which fixes the order of operations.
#include <cstring>
#include <limits>

#include <ember/cpu/loops.h>
#include <ember/cpu/reduce.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/reduce_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

// Integers are summed unsigned, since signed overflow is undefined; bool is read as the byte that it is.
template <class T>
struct SumOf {
  using Accumulator = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  static constexpr ScalarType kAccumulator = std::is_floating_point_v<T> ? dtype_of_v<T> : kInt64;
  static constexpr Accumulator kNeutral = 0;
  template <class V>
  static HWY_INLINE void apply(V& a, const V& b) {
    a += b;
  }
};

template <class T>
struct ProdOf {
  using Accumulator = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  static constexpr ScalarType kAccumulator = std::is_floating_point_v<T> ? dtype_of_v<T> : kInt64;
  static constexpr Accumulator kNeutral = 1;
  template <class V>
  static HWY_INLINE void apply(V& a, const V& b) {
    a *= b;
  }
};

template <class T>
struct MaxOf {
  using Accumulator = T;
  static constexpr ScalarType kAccumulator = dtype_of_v<T>;
  static constexpr Accumulator kNeutral =
      std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  template <class V>
  static HWY_INLINE void apply(V& a, const V& b) {
    a = ((a >= b) | (a != a)) ? a : b;  // NaN in either wins
  }
};

template <class T>
struct MinOf {
  using Accumulator = T;
  static constexpr ScalarType kAccumulator = dtype_of_v<T>;
  static constexpr Accumulator kNeutral =
      std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  template <class V>
  static HWY_INLINE void apply(V& a, const V& b) {
    a = ((a <= b) | (a != a)) ? a : b;
  }
};

// lanes[0] … lanes[kCount − 1] together: the upper half to the lower one, until one is left.
template <class Op, int kCount, class A>
HWY_INLINE A fold(const A* lanes) {
  if constexpr (kCount == 1) {
    return lanes[0];
  } else {
    typedef A Half __attribute__((vector_size(kCount / 2 * sizeof(A))));
    Half lower, upper;
    std::memcpy(&lower, lanes, sizeof(Half));
    std::memcpy(&upper, lanes + kCount / 2, sizeof(Half));
    Op::apply(lower, upper);
    A half[kCount / 2];
    std::memcpy(half, &lower, sizeof(Half));
    return fold<Op, kCount / 2>(half);
  }
}

template <class T, class Op>
void reduce(const void* in, int64_t n, void* result) {
  using A = typename Op::Accumulator;
  constexpr int64_t kLanes = 64 / sizeof(A);
  constexpr int kVectors = 4;
  typedef A Vector __attribute__((vector_size(64)));
  typedef T Narrow __attribute__((vector_size(sizeof(T) * kLanes)));
  const T* p = static_cast<const T*>(in);
  A total = Op::kNeutral;
  if (n < kLanes) {
    for (int64_t i = 0; i < n; ++i) Op::apply(total, static_cast<A>(p[i]));
    std::memcpy(result, &total, sizeof(A));
    return;
  }
  Vector partial[kVectors];
  for (Vector& v : partial) v = Op::kNeutral - Vector{};
  int64_t i = 0;
  for (; i + kVectors * kLanes <= n; i += kVectors * kLanes) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      Narrow x;
      std::memcpy(&x, p + i + v * kLanes, sizeof(x));
      const Vector wide = __builtin_convertvector(x, Vector);
      Op::apply(partial[v], wide);
    }
  }
  for (; i + kLanes <= n; i += kLanes) {
    Narrow x;
    std::memcpy(&x, p + i, sizeof(x));
    const Vector wide = __builtin_convertvector(x, Vector);
    Op::apply(partial[0], wide);
  }
  Op::apply(partial[0], partial[1]);
  Op::apply(partial[2], partial[3]);
  Op::apply(partial[0], partial[2]);
  A lanes[kLanes];
  std::memcpy(lanes, &partial[0], sizeof(lanes));
  for (int64_t l = 0; i < n; ++i, ++l) Op::apply(lanes[l], static_cast<A>(p[i]));
  total = fold<Op, kLanes>(lanes);
  std::memcpy(result, &total, sizeof(A));
}

template <class T, class Op>
void accumulate(void* accumulators, const void* in, int64_t n) {
  using A = typename Op::Accumulator;
  A* a = static_cast<A*>(accumulators);
  const T* p = static_cast<const T*>(in);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    A x = a[i];
    Op::apply(x, static_cast<A>(p[i]));
    a[i] = x;
  }
}

template <class Op>
void fill_neutral(void* accumulators, int64_t n) {
  using A = typename Op::Accumulator;
  A* a = static_cast<A*>(accumulators);
  for (int64_t i = 0; i < n; ++i) a[i] = Op::kNeutral;
}

template <template <class> class Op, class T>
ReduceLoop make_loop() {
  return {Op<T>::kAccumulator, &reduce<T, Op<T>>, &accumulate<T, Op<T>>, &fill_neutral<Op<T>>};
}

template <class... T>
void fill_rows(ReduceLoops& loops, TypeList<T...>) {
  ((loops.sum[static_cast<int>(dtype_of_v<T>)] = make_loop<SumOf, T>()), ...);
  ((loops.prod[static_cast<int>(dtype_of_v<T>)] = make_loop<ProdOf, T>()), ...);
  ((loops.amax[static_cast<int>(dtype_of_v<T>)] = make_loop<MaxOf, T>()), ...);
  ((loops.amin[static_cast<int>(dtype_of_v<T>)] = make_loop<MinOf, T>()), ...);
}

void fill_reduce(ReduceLoops& loops) {
  fill_rows(loops, NumericTypes{});
  constexpr int kByteRow = static_cast<int>(kUInt8);
  constexpr int kBoolRow = static_cast<int>(kBool);
  loops.sum[kBoolRow] = loops.sum[kByteRow];
  loops.prod[kBoolRow] = loops.prod[kByteRow];
  loops.amax[kBoolRow] = loops.amax[kByteRow];
  loops.amin[kBoolRow] = loops.amin[kByteRow];
  loops.amax[kBoolRow].accumulator = loops.amin[kBoolRow].accumulator = kBool;
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_reduce);
constinit ReduceLoops reduce_loops;  // may be filled by another file's static initialiser
void fill_reduce_loops() { HWY_DYNAMIC_DISPATCH(fill_reduce)(reduce_loops); }
}  // namespace ember::cpu
#endif
