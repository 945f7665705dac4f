// Inner loops of the unary operations.
#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/unary_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class F, class T>
void unary_loop(char* const* operands, int64_t n, const Params& params) {
  const F f = functors::make<F>(params);
  T* out = reinterpret_cast<T*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i]);
}

template <template <class> class F, class... T>
void fill_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &unary_loop<F<T>, T>), ...);
}

void fill_unary(Loops& loops) {
#define EMBER_UNARY_MATH(name, Functor, Set)  // scalar_loops.cpp
#define EMBER_UNARY_SPECIAL(name, Functor, Set)
#define EMBER_UNARY_ACTIVATION(name, Functor, Set)
#define EMBER_UNARY(name, Functor, Set) fill_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#include <ember/core/elementwise.def>
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_unary);
void fill_unary_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_unary)(loops); }
}  // namespace ember::cpu
#endif
