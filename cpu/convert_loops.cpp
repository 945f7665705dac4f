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

// To an integer of at most 32 bits: blocks of values within the range of int32 need no detour through int64.
template <class To>
void truncate_loop(char* const* operands, int64_t n, const Params&) {
  constexpr int64_t kBlock = 256;
  constexpr float kLimit = 2147483648.0F;
  To* out = reinterpret_cast<To*>(operands[0]);
  const float* in = reinterpret_cast<const float*>(operands[1]);
  for (int64_t at = 0; at < n; at += kBlock) {
    const int64_t end = n - at < kBlock ? n : at + kBlock;
    int32_t outside = 0;
    EMBER_INDEPENDENT
    for (int64_t i = at; i < end; ++i) outside |= static_cast<int32_t>(!(in[i] > -kLimit && in[i] < kLimit));
    if (outside != 0) {
      EMBER_INDEPENDENT
      for (int64_t i = at; i < end; ++i) out[i] = convert<To>(in[i]);
    } else {
      EMBER_INDEPENDENT
      for (int64_t i = at; i < end; ++i) out[i] = static_cast<To>(static_cast<int32_t>(in[i]));
    }
  }
}

#if HWY_TARGET <= HWY_AVX2
// x86 has instructions for Half. They treat NaNs in their own way, so NaNs are put in ours.
namespace hn = hwy::HWY_NAMESPACE;

void half_to_float_loop(char* const* operands, int64_t n, const Params&) {
  const hn::ScalableTag<float> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<uint16_t, decltype(d)> dw;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  float* out = reinterpret_cast<float*>(operands[0]);
  const Half* in = reinterpret_cast<const Half*>(operands[1]);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto h = hn::LoadU(dw, reinterpret_cast<const uint16_t*>(in + i));
    const auto f = hn::PromoteTo(d, hn::BitCast(dh, h));
    const auto bits = hn::PromoteTo(du, h);
    const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000U)));
    const auto payload = hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x3ffU)));
    const auto nan = hn::Or3(sign, payload, hn::Set(du, 0x7f800000U));  // a signalling one stays so
    hn::StoreU(hn::IfThenElse(hn::IsNaN(f), hn::BitCast(d, nan), f), d, out + i);
  }
  for (; i < n; ++i) out[i] = convert<float>(in[i]);
}

void float_to_half_loop(char* const* operands, int64_t n, const Params&) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<uint16_t, decltype(d)> dw;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  Half* out = reinterpret_cast<Half*>(operands[0]);
  const float* in = reinterpret_cast<const float*>(operands[1]);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto one_nan = hn::BitCast(d, hn::Set(hn::RebindToUnsigned<decltype(d)>(), 0x7fc00000U));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto f = hn::LoadU(d, in + i);
    const auto value = hn::IfThenElse(hn::IsNaN(f), hn::CopySign(one_nan, f), f);
    hn::StoreU(hn::BitCast(dw, hn::DemoteTo(dh, value)), dw, reinterpret_cast<uint16_t*>(out + i));
  }
  for (; i < n; ++i) out[i] = convert<Half>(in[i]);
}
#endif

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
  LoopRow& from_float = loops.convert_from(kFloat32);
  from_float[kInt32] = &truncate_loop<int32_t>;
  from_float[kInt16] = &truncate_loop<int16_t>;
  from_float[kInt8] = &truncate_loop<int8_t>;
  from_float[kUInt8] = &truncate_loop<uint8_t>;
#if HWY_TARGET <= HWY_AVX2
  from_float[kFloat16] = &float_to_half_loop;
  loops.convert_from(kFloat16)[kFloat32] = &half_to_float_loop;
#endif
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(fill_convert);
void fill_convert_loops(Loops& loops) { HWY_DYNAMIC_DISPATCH(fill_convert)(loops); }
}  // namespace ember::cpu
#endif
