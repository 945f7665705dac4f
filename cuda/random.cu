// Random fills. Elements 4g … 4g + 3 are drawn from Philox subsequence g, so that a seed gives the same
// numbers whatever the grid, and tensors of different lengths share their beginnings.
#include <cmath>
#include <limits>
#include <mutex>

#include <ember/core/philox.h>
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>

namespace ember::cuda {

// What is drawn for one element of a floating type: 64 bits for double.
template <class T>
using Draw = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

__device__ inline void draw4(Philox& philox, uint32_t out[4]) { philox.next4(out); }
__device__ inline void draw4(Philox& philox, uint64_t out[4]) {
  uint32_t x[8];
  philox.next4(x);
  philox.next4(x + 4);
  for (int i = 0; i < 4; ++i) out[i] = static_cast<uint64_t>(x[2 * i]) << 32 | x[2 * i + 1];
}

// The top bits of a draw in [0, 1), as many as T holds exactly.
template <class T>
__device__ compute_t<T> unit_interval(uint32_t x) {
  constexpr int kDigits = std::numeric_limits<T>::digits;
  static_assert(kDigits <= 24);
  return static_cast<float>(x >> (32 - kDigits)) * (1.0f / static_cast<float>(1u << kDigits));
}
template <class T>
__device__ double unit_interval(uint64_t x) {
  return static_cast<double>(x >> 11) * 0x1p-53;
}

// The same in (0, 1], for a logarithm.
__device__ inline float positive_unit(uint32_t x) { return static_cast<float>(x) * 0x1p-32f + 0x1p-33f; }
__device__ inline double positive_unit(uint64_t x) { return unit_interval<double>(x) + 0x1p-53; }

// Each has kDraws, the 32-bit draws for four elements, and operator() that makes the four.

template <class T>
struct Uniform {  // [from, to)
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(Draw<T>);
  C from, to;
  __device__ void operator()(Philox& philox, T out[4]) const {
    Draw<T> x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) {
      out[i] = static_cast<T>(from + unit_interval<T>(x[i]) * (to - from));
      // Rounding may have reached the open end.
      if (!(static_cast<C>(out[i]) < to)) out[i] = static_cast<T>(from);
    }
  }
};

template <class T>
struct Normal {  // Box and Muller (1958): two uniform numbers, the first in (0, 1], give two normal ones
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(Draw<T>);
  C mean, std;
  __device__ void operator()(Philox& philox, T out[4]) const {
    Draw<T> x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; i += 2) {
      const C radius = std::sqrt(C(-2) * std::log(positive_unit(x[i])));
      const C angle = C(2) * positive_unit(x[i + 1]);
      C sine, cosine;
      if constexpr (sizeof(C) == 8) {
        sincospi(angle, &sine, &cosine);
      } else {
        sincospif(angle, &sine, &cosine);
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
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) {
      const auto value = static_cast<int64_t>(from + __umul64hi(x[i], range));
      out[i] = static_cast<T>(static_cast<compute_t<T>>(value));
    }
  }
};

// out[n], contiguous; `vectors` if it is aligned to four elements.
template <class T, class Fill>
__global__ void __launch_bounds__(kThreads)
    random_fill(int64_t n, T* out, uint64_t seed, uint64_t offset, Fill fill, bool vectors) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  const int64_t groups = (n + 3) / 4;
#pragma unroll 1
  for (int64_t g = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; g < groups; g += step) {
    Philox philox(seed, static_cast<uint64_t>(g), offset);
    Vector<T, 4> four;
    fill(philox, four.v);
    if (vectors && 4 * g + 4 <= n) {
      *reinterpret_cast<Vector<T, 4>*>(out + 4 * g) = four;
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (4 * g + i < n) out[4 * g + i] = four.v[i];
      }
    }
  }
}

namespace {

template <class T, class Fill>
void launch_random(const Tensor& out, const Fill& fill, const char* name, Generator& generator) {
  const int64_t n = out.numel();
  if (n == 0) return;
  const LaunchScope scope(out.device());
  uint64_t seed, offset;
  {
    GeneratorState& state = generator.state();
    const std::lock_guard<std::mutex> lock(state.mutex);
    seed = state.seed;
    offset = state.philox_offset;
    state.philox_offset += Fill::kDraws;  // what each subsequence was drawn from
  }
  T* const data = static_cast<T*>(out.data_ptr());
  const bool vectors = is_aligned(data, sizeof(Vector<T, 4>));
  random_fill<<<scope.blocks((n + 3) / 4, kThreads), kThreads, 0, scope.stream>>>(n, data, seed, offset, fill, vectors);
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
