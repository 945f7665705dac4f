// Random fills. Elements 4g … 4g + 3 are drawn from Philox subsequence g, so that a seed gives the same
// numbers whatever the grid, and tensors of different lengths share their beginnings.
#include <cmath>
#include <limits>
#include <mutex>

#include <ember/core/capture.h>
#include <ember/core/philox.h>
#include <ember/core/tensor.h>
#include <ember/cuda/register.h>
#include <ember/cuda/elementwise.cuh>
#include <ember/cuda/launch.cuh>

namespace ember::cuda {

// A place in a generator's sequence.
struct Counter {
  uint64_t seed, offset;
};
// The same by value, or in a captured graph where the device finds that of the replay.
struct Place {
  Counter now;
  const Counter* captured;
  __device__ Counter get() const { return captured == nullptr ? now : *captured; }
};

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
struct Integers {  // from + ⌊x·range / 2^64⌋: even to within range / 2^64; range 0 stands for 2^64
  static constexpr int kDraws = 8;
  uint64_t from, range;
  __device__ void operator()(Philox& philox, T out[4]) const {
    uint64_t x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) {
      const auto value = static_cast<int64_t>(from + (range == 0 ? x[i] : __umul64hi(x[i], range)));
      out[i] = static_cast<T>(static_cast<compute_t<T>>(value));
    }
  }
};

// The distributions of Distribution but the normal ones, each the inverse of its distribution function.

template <class T>
struct LogNormal {
  using C = compute_t<T>;
  static constexpr int kDraws = Normal<C>::kDraws;
  Normal<C> normal;
  __device__ void operator()(Philox& philox, T out[4]) const {
    C values[4];
    normal(philox, values);
    for (int i = 0; i < 4; ++i) out[i] = static_cast<T>(std::exp(values[i]));
  }
};

template <class T>
struct Exponential {
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(Draw<T>);
  C scale;  // −1 / rate
  __device__ void operator()(Philox& philox, T out[4]) const {
    Draw<T> x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) out[i] = static_cast<T>(scale * std::log(positive_unit(x[i])));
  }
};

// In float32 for the integers and the 2-byte floats.
template <class T>
struct Geometric {
  using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
  static constexpr int kDraws = sizeof(Draw<C>);
  C scale;  // 1 / log(1 − p)
  __device__ void operator()(Philox& philox, T out[4]) const {
    Draw<C> x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) {
      const C trials = std::ceil(std::log(positive_unit(x[i])) * scale);
      out[i] = static_cast<T>(static_cast<compute_t<T>>(trials < C(1) ? C(1) : trials));
    }
  }
};

template <class T>
struct Cauchy {
  using C = compute_t<T>;
  static constexpr int kDraws = sizeof(Draw<T>);
  C median, sigma;
  __device__ void operator()(Philox& philox, T out[4]) const {
    Draw<T> x[4];
    draw4(philox, x);
    for (int i = 0; i < 4; ++i) {
      // tan(π(u − 1/2)) = −cot(πu), with u between 0 and 1 and neither
      constexpr C kBelowOne = C(1) - std::numeric_limits<C>::epsilon() / 2;
      const C draw = positive_unit(x[i]);
      const C u = draw < kBelowOne ? draw : kBelowOne;
      C sine, cosine;
      if constexpr (sizeof(C) == 8) {
        sincospi(u, &sine, &cosine);
      } else {
        sincospif(u, &sine, &cosine);
      }
      out[i] = static_cast<T>(median - sigma * (cosine / sine));
    }
  }
};

// ---- indices with given weights ----

// up_to[row, i] = Σ weights[row, 0 … i]; a thread per row, so that the order of the sum is fixed.
template <class T>
__global__ void __launch_bounds__(kThreads)
    cumulate_weights(int64_t rows, int64_t n, const T* weights, compute_t<T>* up_to) {
  wait_for_earlier();
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (row >= rows) return;
  compute_t<T> sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += static_cast<compute_t<T>>(weights[row * n + i]);
    up_to[row * n + i] = sum;
  }
}

// A thread per sample: the first index whose cumulative weight reaches the draw, which is in (0, the whole weight].
template <class C>
__global__ void __launch_bounds__(kThreads)
    draw_indices(int64_t count, int64_t samples, int64_t n, const C* up_to, int64_t* out, Place place) {
  wait_for_earlier();
  const auto [seed, offset] = place.get();
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t s = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; s < count; s += step) {
    const C* const row = up_to + s / samples * n;
    Philox philox(seed, static_cast<uint64_t>(s), offset);
    uint32_t x[4];
    philox.next4(x);
    const double unit = positive_unit(static_cast<uint64_t>(x[0]) << 32 | x[1]);
    const double target = unit * static_cast<double>(row[n - 1]);
    int64_t low = 0, high = n - 1;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (static_cast<double>(row[middle]) < target) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    out[s] = low;
  }
}

// out[n], contiguous; `vectors` if it is aligned to four elements.
template <class T, class Fill>
__global__ void __launch_bounds__(kThreads) random_fill(int64_t n, T* out, Place place, Fill fill, bool vectors) {
  wait_for_earlier();
  const auto [seed, offset] = place.get();
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

// The generator's place, which moves on by `draws` per subsequence.
Counter advance(Generator& generator, uint64_t draws) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  const Counter counter{state.seed, state.philox_offset};
  state.philox_offset += draws;
  return counter;
}

Place next_place(Generator& generator, uint64_t draws) {
  ember::detail::CapturedValues* const values = ember::detail::CapturedValues::current();
  if (values == nullptr) return {advance(generator, draws), nullptr};
  const void* const captured = values->add(sizeof(Counter), [generator, draws](void* out) mutable {
    *static_cast<Counter*>(out) = advance(generator, draws);
  });
  return {{}, static_cast<const Counter*>(captured)};
}

template <class T, class Fill>
void launch_random(const Tensor& out, const Fill& fill, const char* name, Generator& generator) {
  const int64_t n = out.numel();
  if (n == 0) return;
  const LaunchScope scope(out.device());
  const Place place = next_place(generator, Fill::kDraws);
  T* const data = static_cast<T*>(out.data_ptr());
  const bool vectors = is_aligned(data, sizeof(Vector<T, 4>));
  launch(scope, random_fill<T, Fill>, scope.blocks((n + 3) / 4, kThreads), kThreads, n, data, place, fill, vectors);
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

void random(const Tensor& out, int64_t from, uint64_t range, bool, Generator& generator) {
  visit_dtype(out.dtype(), [&]<class T>() {
    launch_random<T>(out, Integers<T>{static_cast<uint64_t>(from), range}, "random", generator);
  });
}

void distribution(const Tensor& out, Distribution kind, double a, double b, Generator& generator) {
  if (kind == Distribution::Normal) return normal(out, a, b, generator);
  if (kind == Distribution::Geometric) {
    return visit_dtype<DtypeSet::Numeric>(out.dtype(), [&]<class T>() {
      using C = typename Geometric<T>::C;
      launch_random<T>(out, Geometric<T>{static_cast<C>(1 / std::log1p(-a))}, "geometric", generator);
    });
  }
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    switch (kind) {
      case Distribution::LogNormal:
        return launch_random<T>(out, LogNormal<T>{{static_cast<C>(a), static_cast<C>(b)}}, "log_normal", generator);
      case Distribution::Exponential:
        return launch_random<T>(out, Exponential<T>{static_cast<C>(-1 / a)}, "exponential", generator);
      default: return launch_random<T>(out, Cauchy<T>{static_cast<C>(a), static_cast<C>(b)}, "cauchy", generator);
    }
  });
}

void multinomial(const Tensor& out, const Tensor& weights, Generator& generator) {
  const int64_t count = out.numel();
  if (count == 0) return;
  const LaunchScope scope(out.device());
  const int64_t rows = weights.size(0), n = weights.size(1);
  visit_dtype<DtypeSet::Floating>(weights.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const Tensor up_to = detail::empty({rows, n}, dtype_of_v<C>, out.device());
    C* const sums = static_cast<C*>(up_to.data_ptr());
    launch(scope, cumulate_weights<T>, static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, rows, n,
           static_cast<const T*>(weights.data_ptr()), sums);
    check_launch("multinomial");
    const Place place = next_place(generator, 4);
    launch(scope, draw_indices<C>, scope.blocks(count, kThreads), kThreads, count, out.size(1), n, sums,
           static_cast<int64_t*>(out.data_ptr()), place);
    check_launch("multinomial");
  });
}

}  // namespace

void register_random(Kernels& table) {
  table.uniform.function[kColumn] = uniform;
  table.normal.function[kColumn] = normal;
  table.bernoulli.function[kColumn] = bernoulli;
  table.random.function[kColumn] = random;
  table.distribution.function[kColumn] = distribution;
  table.multinomial.function[kColumn] = multinomial;
}

}  // namespace ember::cuda
