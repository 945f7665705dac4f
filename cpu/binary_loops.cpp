// Inner loops of the binary and ternary operations.
#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/binary_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class F, class T>
void binary_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
}

// One operand is one value, read before anything is written.
template <class F, class T>
void constant_first_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T a = *reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a, b[i]);
}

template <class F, class T>
void constant_second_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T b = *reinterpret_cast<const T*>(operands[2]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b);
}

template <class F, class T>
void ternary_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  const T* c = reinterpret_cast<const T*>(operands[3]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i], c[i]);
}

// Moves bits only, so that one loop serves every type of a size.
template <class U>
void where_loop(char* const* operands, int64_t n, const Params&) {
  U* out = reinterpret_cast<U*>(operands[0]);
  const bool* condition = reinterpret_cast<const bool*>(operands[1]);
  const U* a = reinterpret_cast<const U*>(operands[2]);
  const U* b = reinterpret_cast<const U*>(operands[3]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    // By masks: a branch would be mispredicted half of the time.
    const U mask = static_cast<U>(-static_cast<U>(condition[i]));
    out[i] = static_cast<U>((a[i] & mask) | (b[i] & static_cast<U>(~mask)));
  }
}

template <template <class> class F, class... T>
void fill_binary_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &binary_loop<F<T>, T>), ...);
}
template <template <class> class F, class... T>
void fill_constant_rows(BinaryRow& row, TypeList<T...>) {
  ((row.constant_first[dtype_of_v<T>] = &constant_first_loop<F<T>, T>), ...);
  ((row.constant_second[dtype_of_v<T>] = &constant_second_loop<F<T>, T>), ...);
}
template <template <class> class F, class... T>
void fill_ternary_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &ternary_loop<F<T>, T>), ...);
}

void fill_binary(Loops& loops) {
#define EMBER_BINARY_ACTIVATION(name, Functor, Set)  // scalar_loops.cpp
#define EMBER_BINARY(name, Functor, Set) \
  fill_binary_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#define EMBER_BINARY_MATH(name, Functor, Set)
#define EMBER_TERNARY(name, Functor, Set) \
  fill_ternary_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#include <ember/core/elementwise.def>
  // Only what is common: three loops for each operation and type would be much code.
  using Reals = TypeList<float, double>;
  using Common = TypeList<float, double, int32_t, int64_t>;
  fill_constant_rows<functors::Add>(loops.add, Common{});
  fill_constant_rows<functors::AddScaled>(loops.add_scaled, Common{});
  fill_constant_rows<functors::Sub>(loops.sub, Common{});
  fill_constant_rows<functors::Mul>(loops.mul, Common{});
  fill_constant_rows<functors::Div>(loops.div, Reals{});
  fill_constant_rows<functors::Maximum>(loops.maximum, Common{});
  fill_constant_rows<functors::Minimum>(loops.minimum, Common{});
  for (const ScalarType t : {kUInt8, kInt8, kBool}) loops.where[t] = &where_loop<uint8_t>;
  for (const ScalarType t : {kInt16, kFloat16, kBFloat16}) loops.where[t] = &where_loop<uint16_t>;
  for (const ScalarType t : {kInt32, kFloat32}) loops.where[t] = &where_loop<uint32_t>;
  for (const ScalarType t : {kInt64, kFloat64}) loops.where[t] = &where_loop<uint64_t>;
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_binary);
void fill_binary_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_binary)(loops); }
}  // namespace ember::cpu
#endif
