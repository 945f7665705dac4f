// The register tile of the matrix product: its accumulators fill the vector registers.
#include <ember/cpu/gemm.h>

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ember/cpu/gemm_loops.cpp"
#include <ember/cpu/simd.h>

HWY_BEFORE_NAMESPACE();
namespace ember::cpu::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX3
constexpr int kVectorBytes = 64, kRows = 12, kVectors = 2;
#elif HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
constexpr int kVectorBytes = 32, kRows = 6, kVectors = 2;
#else
constexpr int kVectorBytes = 16, kRows = 4, kVectors = 2;
#endif

template <class T>
void run_tile(int64_t k, const T* a, const T* b, T* tile) {
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  constexpr int kLanes = kVectorBytes / sizeof(T);
  Vector sum[kRows][kVectors] = {};
  for (int64_t p = 0; p < k; ++p) {
    Vector columns[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) std::memcpy(&columns[v], b + (p * kVectors + v) * kLanes, sizeof(Vector));
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const Vector row = a[p * kRows + i] - Vector{};
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[i][v] += row * columns[v];
    }
  }
  std::memcpy(tile, sum, sizeof(sum));
}

template <class T>
GemmTile<T> make_tile() {
  constexpr int64_t kColumns = kVectors * kVectorBytes / static_cast<int64_t>(sizeof(T));
  static_assert(kRows * kColumns <= kMaxTile);
  return {kRows, kColumns, &run_tile<T>};
}
GemmTile<uint32_t> uint32_tile() { return make_tile<uint32_t>(); }
GemmTile<uint64_t> uint64_tile() { return make_tile<uint64_t>(); }

}  // namespace ember::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ember::cpu {
HWY_EXPORT(uint32_tile);
HWY_EXPORT(uint64_tile);
template <>
GemmTile<uint32_t> gemm_tile<uint32_t>() {
  return HWY_DYNAMIC_DISPATCH(uint32_tile)();
}
template <>
GemmTile<uint64_t> gemm_tile<uint64_t>() {
  return HWY_DYNAMIC_DISPATCH(uint64_tile)();
}
}  // namespace ember::cpu
#endif
