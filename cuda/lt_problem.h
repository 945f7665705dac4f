// A matrix product as BLAS is asked for it, and what of it decides how it is computed. Host code without CUDA.
#pragma once

#include <bit>
#include <cstdint>

#include <ember/core/dtype.h>
#include <ember/cuda/gemm_layout.h>

namespace ember::cuda {

// What the product does beside out = beta·out + alpha·a·b. Gelu is the approximation by tanh.
enum class Epilogue : uint8_t {
  None,
  Bias,     // adds vector[n] to each row
  RowSums,  // also makes vector[m] the sums of the rows of a
  // Activations of what Bias gives; with Aux also makes aux what the backwards take: of Relu a mask, a bit for each
  // element, of Gelu what it is applied to.
  BiasRelu,
  BiasReluAux,
  BiasGelu,
  BiasGeluAux,
  // The product is the gradient of an activation's result and becomes that of what it was applied to, read from aux;
  // with Sums also makes vector[n] the sums of the columns of that.
  ReluBackward,
  ReluBackwardSums,
  GeluBackward,
  GeluBackwardSums,
};

constexpr bool takes_bias(Epilogue e) {
  return e == Epilogue::Bias || (e >= Epilogue::BiasRelu && e <= Epilogue::BiasGeluAux);
}
constexpr bool sums_columns(Epilogue e) { return e == Epilogue::ReluBackwardSums || e == Epilogue::GeluBackwardSums; }
constexpr bool is_backward(Epilogue e) { return e >= Epilogue::ReluBackward; }
constexpr bool has_vector(Epilogue e) { return takes_bias(e) || sums_columns(e) || e == Epilogue::RowSums; }
constexpr bool writes_aux(Epilogue e) { return e == Epilogue::BiasReluAux || e == Epilogue::BiasGeluAux; }
constexpr bool has_aux(Epilogue e) { return writes_aux(e) || is_backward(e); }
// Whether aux is a mask of bits.
constexpr bool has_mask(Epilogue e) {
  return e == Epilogue::BiasReluAux || e == Epilogue::ReluBackward || e == Epilogue::ReluBackwardSums;
}

// The length of a vector that the product writes, or 0.
constexpr int64_t written_vector(Epilogue e, int64_t m, int64_t n) {
  return e == Epilogue::RowSums ? m : sums_columns(e) ? n : 0;
}

// From a row of aux to the next, for rows of n: in bits of the mask, or in elements. cuBLASLt wants multiples.
constexpr int64_t aux_ld(Epilogue e, int64_t n) {
  const int64_t multiple = has_mask(e) ? 128 : 8;
  return (n + multiple - 1) / multiple * multiple;
}

struct GemmMatrix {
  const void* data = nullptr;
  GemmOperand layout;
  int64_t batch_stride = 0;  // 0 for one matrix
};

// out[B, m, n] = beta·out + alpha·a[B, m, k]·b[B, k, n], row-major. All sizes are at least 1 and, like the leading
// dimensions, at most INT_MAX.
struct Gemm {
  ScalarType dtype = kFloat32;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  GemmMatrix a, b;
  void* out = nullptr;
  int64_t out_ld = 0;
  int64_t out_batch_stride = 0;
  Epilogue epilogue = Epilogue::None;
  void* vector = nullptr;  // the epilogue's: dense, of the dtype of the matrices
  void* aux = nullptr;     // the epilogue's: m rows, aux_ld from one to the next, of bits or of the dtype
};

// How many elements of memory there are from the first of `out` to its last.
constexpr int64_t out_extent(const Gemm& g) { return (g.batch - 1) * g.out_batch_stride + (g.m - 1) * g.out_ld + g.n; }

// Whether every row of the matrices in memory begins at a multiple of 16 bytes. Where one does not, of 2-byte floats,
// cuBLASLt's masks are not what its gradient of relu reads: seen with cuBLAS 13.1 on an H200 by MatmulActivation.Large.
inline bool in_vectors(const Gemm& g) {
  const auto aligned = [&](const void* data, int64_t ld) {
    return reinterpret_cast<uintptr_t>(data) % 16 == 0 && ld * static_cast<int64_t>(element_size(g.dtype)) % 16 == 0;
  };
  return aligned(g.a.data, g.a.layout.ld) && aligned(g.b.data, g.b.layout.ld) && aligned(g.out, g.out_ld);
}

// The alignment of an address in bytes, as its power of 2 up to 256, the most that kernels ask for.
inline unsigned alignment_log2(const void* data) {
  return static_cast<unsigned>(std::countr_zero(reinterpret_cast<uintptr_t>(data) | 256u));
}

// Everything that a choice of kernels depends on, and nothing else: problems with equal keys share a plan.
struct LtKey {
  uint64_t words[8] = {};

  LtKey() = default;
  LtKey(const Gemm& g, bool tf32, bool tuned) {
    const auto pair = [](int64_t low, int64_t high) {
      return static_cast<uint64_t>(static_cast<uint32_t>(low)) | static_cast<uint64_t>(high) << 32;
    };
    words[0] = pair(g.m, g.n);
    words[1] = pair(g.k, g.batch);
    words[2] = pair(g.a.layout.ld, g.b.layout.ld);
    words[3] = static_cast<uint64_t>(g.out_ld);
    if (g.batch > 1) {
      words[4] = static_cast<uint64_t>(g.a.batch_stride);
      words[5] = static_cast<uint64_t>(g.b.batch_stride);
      words[6] = static_cast<uint64_t>(g.out_batch_stride);
    }
    unsigned shift = 0;
    const auto put = [&](uint64_t value, unsigned bits) {
      words[7] |= value << shift;
      shift += bits;
    };
    put(static_cast<uint8_t>(g.dtype), 8);
    put(static_cast<uint8_t>(g.epilogue), 8);
    put(g.a.layout.transpose, 1);
    put(g.b.layout.transpose, 1);
    put(tf32, 1);
    put(tuned, 1);
    put(alignment_log2(g.a.data), 4);
    put(alignment_log2(g.b.data), 4);
    put(alignment_log2(g.out), 4);
    put(has_vector(g.epilogue) ? alignment_log2(g.vector) : 0, 4);
    put(has_aux(g.epilogue) ? alignment_log2(g.aux) : 0, 4);
  }

  uint64_t hash() const {
    uint64_t h = 0;
    for (const uint64_t word : words) {
      h = (h ^ word) * 0x9e3779b97f4a7c15u;
      h ^= h >> 32;
    }
    return h;
  }
  friend bool operator==(const LtKey&, const LtKey&) = default;
};

}  // namespace ember::cuda
