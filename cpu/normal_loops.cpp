// The Box-Muller transform of float arrays. The logarithm, sine and cosine are those of the Cephes library
// (Moshier, "Methods and programs for mathematical functions", 1989) in float with fused multiply-adds, as
// in PyTorch: another rounding anywhere would give other initial weights for the same seed.
#include <ember/cpu/normal_loops.h>

#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/normal_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

// log(x) for normal x > 0.
HWY_INLINE float cephes_log(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  float exponent = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126);
  bits = (bits & 0x007fffffu) | 0x3f000000u;  // the mantissa in [0.5, 1)
  float m;
  std::memcpy(&m, &bits, sizeof(m));
  const bool small = m < 0.707106781186547524f;
  exponent -= small ? 1.0f : 0.0f;
  const float t = (m - 1.0f) + (small ? m : 0.0f);
  const float z = t * t;
  float y = 7.0376836292e-2f;
  y = std::fma(y, t, -1.1514610310e-1f);
  y = std::fma(y, t, 1.1676998740e-1f);
  y = std::fma(y, t, -1.2420140846e-1f);
  y = std::fma(y, t, 1.4249322787e-1f);
  y = std::fma(y, t, -1.6668057665e-1f);
  y = std::fma(y, t, 2.0000714765e-1f);
  y = std::fma(y, t, -2.4999993993e-1f);
  y = std::fma(y, t, 3.3333331174e-1f);
  y = std::fma(y * t, z, exponent * -2.12194440e-4f);
  y = std::fma(-z, 0.5f, y);
  return std::fma(exponent, 0.693359375f, t + y);
}

// For x in [0, 8192].
HWY_INLINE void cephes_sincos(float x, float& sine, float& cosine) {
  const int32_t octant = (static_cast<int32_t>(x * 1.27323954473516f) + 1) & ~1;  // of x / (π/4), rounded to even
  const float n = static_cast<float>(octant);
  // x − n·π/4 in three steps.
  float r = std::fma(n, -0.78515625f, x);
  r = std::fma(n, -2.4187564849853515625e-4f, r);
  r = std::fma(n, -3.77489497744594108e-8f, r);
  const float z = r * r;
  float c = 2.443315711809948e-5f;
  c = std::fma(c, z, -1.388731625493765e-3f);
  c = std::fma(c, z, 4.166664568298827e-2f);
  c = std::fma(c * z, z, -(z * 0.5f)) + 1.0f;
  float s = -1.9515295891e-4f;
  s = std::fma(s, z, 8.3321608736e-3f);
  s = std::fma(s, z, -1.6666654611e-1f);
  s = std::fma(s * z, r, r);
  const bool swapped = (octant & 2) != 0;
  const float sin_magnitude = swapped ? c : s;
  const float cos_magnitude = swapped ? s : c;
  sine = (octant & 4) != 0 ? -sin_magnitude : sin_magnitude;
  cosine = ((octant + 2) & 4) != 0 ? -cos_magnitude : cos_magnitude;
}

void normal_groups_impl(float* p, int64_t groups, float mean, float std) {
  for (const float* const end = p + groups * 16; p != end; p += 16) {
    for (int j = 0; j < 8; ++j) {
      const float u1 = 1.0f - p[j];  // in (0, 1]
      const float radius = std::sqrt(-2.0f * cephes_log(u1));
      float sine, cosine;
      cephes_sincos(6.28318530717958647692f * p[j + 8], sine, cosine);
      p[j] = std::fma(radius * cosine, std, mean);
      p[j + 8] = std::fma(radius * sine, std, mean);
    }
  }
}

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(normal_groups_impl);
void normal_groups(float* p, int64_t groups, float mean, float std) {
  HWY_DYNAMIC_DISPATCH(normal_groups_impl)(p, groups, mean, std);
}
}  // namespace ember::cpu
#endif
