// Code compiled once for each instruction set and chosen at run time, by Highway. A file that has such code
// reads:
//
//   #undef HWY_TARGET_INCLUDE
//   #define HWY_TARGET_INCLUDE "ember/cpu/this_file.cpp"
//   #include <ember/cpu/simd.h>
//   HWY_BEFORE_NAMESPACE();
//   namespace ember::cpu::HWY_NAMESPACE { … }   // once per instruction set
//   HWY_AFTER_NAMESPACE();
//   #if HWY_ONCE
//   namespace ember::cpu { HWY_EXPORT(Function); … HWY_DYNAMIC_DISPATCH(Function)(…) }
//   #endif
//
// Most of that code is plain loops that the compiler vectorises; functions from outside the region (the
// functors) are inlined into it and so get its instructions. Those are the baseline, AVX2 with FMA, and
// AVX-512; the sets between cost compile time and serve few machines.

// No include guard: Highway includes the file above once per instruction set.
#ifndef HWY_DISABLED_TARGETS
// Expanded only where Highway uses it, by when the names are defined.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | EMBER_DISABLED_ZEN4 | EMBER_DISABLED_SPR | EMBER_DISABLED_AVX10)
#include <hwy/detect_targets.h>
#ifdef HWY_AVX3_ZEN4
#define EMBER_DISABLED_ZEN4 HWY_AVX3_ZEN4
#else
#define EMBER_DISABLED_ZEN4 0
#endif
#ifdef HWY_AVX3_SPR
#define EMBER_DISABLED_SPR HWY_AVX3_SPR
#else
#define EMBER_DISABLED_SPR 0
#endif
#ifdef HWY_AVX10_2
#define EMBER_DISABLED_AVX10 HWY_AVX10_2
#else
#define EMBER_DISABLED_AVX10 0
#endif
#endif

// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
