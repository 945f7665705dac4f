// Random fills. Elements 4g … 4g + 3 are drawn from Philox subsequence g, so that a seed gives the same
// numbers whatever the grid, and tensors of different lengths share their beginnings.
#include <cmath>
#include <limits>
#include <mutex>

#include <ember/core/philox.h>
#include <ember/core/tensor.h>
#include <ember/cuda/context.h>
#include <ember/cuda/register.h>

namespace ember::cuda {

template <class T>
struct alignas(sizeof(T) * 4) Four {
  T v[4];
};

// The top bits of a draw in [0, 1), as many as T holds exactly.
template <class T>
__device__ compute_t<T> unit_interval(uint32_t x) {
  constexpr int kDigits = std::numeric_limits<T>::digits;
  static_assert(kDigits <= 24);
  return static_cast<float>(x >> (32 - kDigits)) * (1.0f / static_cast<float>(1u << kDigits));
}
__device__ inline double unit_interval(uint64_t x) { return static_cast<double>(x >> 11) * 0x1p-53; }

__device__ inline uint64_t join(uint32_t high, uint32_t low) { return static_cast<uint64_t>(high) << 32 | low; }

// Four 64-bit draws, of eight.
__device__ inline void next4_wide(Philox& philox, uint64_t out[4]) {
  uint32_t x[8];
  philox.next4(x);
  philox.next4(x + 4);
  for (int i = 0; i < 4; ++i) out[i] = join(x[2 * i], x[2 * i + 1]);
}

// Each has kDraws, the 32-bit draws for four elements, and operator() that makes the four.

template <class T>
struct Uniform {  // [from, to)
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(C) == 8 ? 8 : 4;
  C from, to;
  __device__ void operator()(Philox& philox, T out[4]) const {
    C u[4];
    if constexpr (sizeof(C) == 8) {
      uint64_t x[4];
      next4_wide(philox, x);
      for (int i = 0; i < 4; ++i) u[i] = unit_interval(x[i]);
    } else {
      uint32_t x[4];
      philox.next4(x);
      for (int i = 0; i < 4; ++i) u[i] = unit_interval<T>(x[i]);
    }
    for (int i = 0; i < 4; ++i) {
      out[i] = static_cast<T>(from + u[i] * (to - from));
      // Rounding may have reached the open end.
      if (!(static_cast<C>(out[i]) < to)) out[i] = static_cast<T>(from);
    }
  }
};

template <class T>
struct Normal {  // Box and Muller (1958): two uniform numbers, the first in (0, 1], give two normal ones
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(C) == 8 ? 8 : 4;
  C mean, std;
  __device__ void operator()(Philox& philox, T out[4]) const {
    C u[4];
    if constexpr (sizeof(C) == 8) {
      uint64_t x[4];
      next4_wide(philox, x);
      for (int i = 0; i < 4; ++i) u[i] = unit_interval(x[i]) + 0x1p-53;
    } else {
      uint32_t x[4];
      philox.next4(x);
      for (int i = 0; i < 4; ++i) u[i] = static_cast<float>(x[i]) * 0x1p-32f + 0x1p-33f;
    }
    for (int i = 0; i < 4; i += 2) {
      const C radius = std::sqrt(C(-2) * std::log(u[i]));
      C sine, cosine;
      if constexpr (sizeof(C) == 8) {
        sincospi(2.0 * u[i + 1], &sine, &cosine);
      } else {
        sincospif(2.0f * u[i + 1], &sine, &cosine);
      }
      out[i] = static_cast<T>(mean + std * (radius * cosine));
      out[i + 1] = static_cast<T>(mean + std * (radius * sine));
    }
  }
};

template <class T>
struct Bernoulli {  // 1 where a draw is below p·2^32
  static constexpr int kDraws = 4;
  uint64_t threshold;
  __device__ void operator()(Philox& philox, T out[4]) const {
    uint32_t x[4];
    philox.next4(x);
    for (int i = 0; i < 4; ++i) out[i] = static_cast<T>(static_cast<compute_t<T>>(x[i] < threshold ? 1 : 0));
  }
};

template <class T>
struct Integers {  // from + ⌊x·range / 2^64⌋: even to within range / 2^64
  static constexpr int kDraws = 8;
  uint64_t from, range;
  __device__ void operator()(Philox& philox, T out[4]) const {
    uint64_t x[4];
    next4_wide(philox, x);
    for (int i = 0; i < 4; ++i) {
      const auto value = static_cast<int64_t>(from + __umul64hi(x[i], range));
      out[i] = static_cast<T>(static_cast<compute_t<T>>(value));
    }
  }
};

// out[n], contiguous; `vectors` if it is aligned to four elements.
template <class T, class Draw>
__global__ void __launch_bounds__(kThreads)
    random_fill(int64_t n, T* out, uint64_t seed, uint64_t offset, Draw draw, bool vectors) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  const int64_t groups = (n + 3) / 4;
#pragma unroll 1
  for (int64_t g = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += step) {
    Philox philox(seed, static_cast<uint64_t>(g), offset);
    Four<T> four;
    draw(philox, four.v);
    if (vectors && 4 * g + 4 <= n) {
      *reinterpret_cast<Four<T>*>(out + 4 * g) = four;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (4 * g + i < n) out[4 * g + i] = four.v[i];
      }
    }
  }
}

namespace {

template <class T, class Draw>
void launch_random(const Tensor& out, const Draw& draw, const char* name, Generator& generator) {
  const int64_t n = out.numel();
  if (n == 0) return;
  const LaunchScope scope(out.device());
  uint64_t seed, offset;
  {
    GeneratorState& state = generator.state();
    const std::lock_guard<std::mutex> lock(state.mutex);
    seed = state.seed;
    offset = state.philox_offset;
    state.philox_offset += Draw::kDraws;  // what each subsequence was drawn from
  }
  T* const data = static_cast<T*>(out.data_ptr());
  const bool vectors = reinterpret_cast<uintptr_t>(data) % sizeof(Four<T>) == 0;
  random_fill<<<scope.blocks((n + 3) / 4, kThreads), kThreads, 0, scope.stream>>>(n, data, seed, offset, draw, vectors);
  check_launch(name);
}

void uniform(const Tensor& out, double from, double to, Generator& generator) {
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    launch_random<T>(out, Uniform<T>{static_cast<C>(from), static_cast<C>(to)}, "uniform", generator);
  });
}

void normal(const Tensor& out, double mean, double std, Generator& generator) {
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    launch_random<T>(out, Normal<T>{static_cast<C>(mean), static_cast<C>(std)}, "normal", generator);
  });
}

void bernoulli(const Tensor& out, double p, Generator& generator) {
  const auto threshold = static_cast<uint64_t>(std::ceil(p * 0x1p32));
  visit_dtype(out.dtype(), [&]<class T>() { launch_random<T>(out, Bernoulli<T>{threshold}, "bernoulli", generator); });
}

void random(const Tensor& out, int64_t from, uint64_t range, Generator& generator) {
  visit_dtype<DtypeSet::Numeric>(out.dtype(), [&]<class T>() {
    launch_random<T>(out, Integers<T>{static_cast<uint64_t>(from), range}, "random", generator);
  });
}

}  // namespace

void register_random(Kernels& table) {
  table.uniform.function[kColumn] = uniform;
  table.normal.function[kColumn] = normal;
  table.bernoulli.function[kColumn] = bernoulli;
  table.random.function[kColumn] = random;
}

}  // namespace ember::cuda
