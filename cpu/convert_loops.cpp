// Inner loops that convert between element types.
#include <ember/cpu/convert.h>
#include <ember/cpu/loops.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/convert_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

template <class To, class From>
void convert_loop(char* const* operands, int64_t n, const Params&) {
  To* out = reinterpret_cast<To*>(operands[0]);
  const From* in = reinterpret_cast<const From*>(operands[1]);
  EMBER_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) out[i] = convert<To>(in[i]);
}

template <class From, class... To>
void fill_row(LoopRow& row, TypeList<To...>) {
  ((row[dtype_of_v<To>] = &convert_loop<To, From>), ...);
}
template <class... From>
void fill_rows(Loops& loops, TypeList<From...> types) {
  (fill_row<From>(loops.convert_from(dtype_of_v<From>), types), ...);
}

void fill_convert(Loops& loops) {
  fill_rows(loops, TypeList<float, double, Half, BFloat16, uint8_t, int8_t, int16_t, int32_t, int64_t, bool>{});
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_convert);
void fill_convert_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_convert)(loops); }
}  // namespace ember::cpu
#endif
