// Inner loops of the comparisons.
#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/compare_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class F, class T>
void compare_loop(char* const* operands, int64_t n, const Params&) {
  const F f;
  uint8_t* out = reinterpret_cast<uint8_t*>(operands[0]);
  const T* a = reinterpret_cast<const T*>(operands[1]);
  const T* b = reinterpret_cast<const T*>(operands[2]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]) ? 1 : 0;
}

template <template <class> class F, class... T>
void fill_row(LoopRow& row, TypeList<T...>) {
  ((row[dtype_of_v<T>] = &compare_loop<F<T>, T>), ...);
}

void fill_compare(Loops& loops) {
#define EMBER_COMPARE(name, Functor, Set) fill_row<functors::Functor>(loops.name, ComputeTypes<DtypeSet::Set>::List{});
#include <ember/core/elementwise.def>
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_compare);
void fill_compare_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_compare)(loops); }
}  // namespace ember::cpu
#endif
