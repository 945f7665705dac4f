// Random fills. What is drawn, in which order, and how a draw becomes a value are PyTorch's, so that a
// seed gives its numbers: the comments say what that is. The generator's mutex is held throughout.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include <ember/cpu/convert.h>
#include <ember/cpu/normal_loops.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

// A value in [0, 1) with as many random bits as T (float or double) has digits: the low bits of one 32-bit
// draw, or of a 64-bit draw for double.
template <class T>
T draw_unit(Mt19937& engine) {
  constexpr int kDigits = std::numeric_limits<T>::digits;
  constexpr uint64_t kMask = (uint64_t{1} << kDigits) - 1;
  const uint64_t bits = std::is_same_v<T, double> ? engine.next64() : engine.next();
  return static_cast<T>(bits & kMask) / static_cast<T>(uint64_t{1} << kDigits);
}

// Box and Muller, "A note on the generation of random normal deviates" (1958), in double; the second value
// of a pair is kept in the generator.
double draw_normal(GeneratorState& state) {
  if (state.next_normal) {
    const double value = *state.next_normal;
    state.next_normal.reset();
    return value;
  }
  const double u1 = draw_unit<double>(state.engine);
  const double u2 = draw_unit<double>(state.engine);
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = kTwoPi * u1;
  state.next_normal = radius * std::sin(theta);
  return radius * std::cos(theta);
}

// Sixteen uniform values become normal ones: j with j + 8. In double the C library's functions are PyTorch's.
void normal_group(double* p, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - p[j]));
    const double theta = kTwoPi * p[j + 8];
    p[j] = std::fma(radius * std::cos(theta), std, mean);
    p[j + 8] = std::fma(radius * std::sin(theta), std, mean);
  }
}

template <class T>
void fill_unit(T* p, int64_t n, Mt19937& engine) {
  for (int64_t i = 0; i < n; ++i) p[i] = draw_unit<T>(engine);
}

// n >= 16 values in groups of sixteen; where they do not divide n, the last sixteen are drawn anew.
void fill_normal(float* p, int64_t n, double mean, double std, Mt19937& engine) {
  const auto m = static_cast<float>(mean);
  const auto s = static_cast<float>(std);
  fill_unit(p, n, engine);
  normal_groups(p, n / 16, m, s);
  if (n % 16 == 0) return;
  fill_unit(p + n - 16, 16, engine);
  normal_groups(p + n - 16, 1, m, s);
}
void fill_normal(double* p, int64_t n, double mean, double std, Mt19937& engine) {
  fill_unit(p, n, engine);
  for (int64_t i = 0; i + 16 <= n; i += 16) normal_group(p + i, mean, std);
  if (n % 16 == 0) return;
  fill_unit(p + n - 16, 16, engine);
  normal_group(p + n - 16, mean, std);
}
// The 2-byte floats: a group at a time in float; what does not fill a group is not drawn before the last
// sixteen are.
template <class T>
void fill_normal(T* p, int64_t n, double mean, double std, Mt19937& engine) {
  const auto group = [&](T* to) {
    float values[16];
    fill_unit(values, 16, engine);
    normal_groups(values, 1, static_cast<float>(mean), static_cast<float>(std));
    for (int j = 0; j < 16; ++j) to[j] = T(values[j]);
  };
  for (int64_t i = 0; i + 16 <= n; i += 16) group(p + i);
  if (n % 16 != 0) group(p + n - 16);
}

}  // namespace

void uniform(const Tensor& out, double from, double to, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    T* const p = static_cast<T*>(out.data_ptr());
    const C low = static_cast<C>(from);
    const C span = static_cast<C>(to) - low;
    const T first = static_cast<T>(low);
    const T end = static_cast<T>(static_cast<C>(to));
    for (int64_t i = 0; i < out.numel(); ++i) {
      const T value = static_cast<T>(std::fma(draw_unit<C>(state.engine), span, low));
      p[i] = value < end ? value : first;  // what rounds up to the excluded end wraps around
    }
  });
}

void normal(const Tensor& out, double mean, double std, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    T* const p = static_cast<T*>(out.data_ptr());
    const int64_t n = out.numel();
    if (n < 16) {
      for (int64_t i = 0; i < n; ++i) p[i] = convert<T>(std::fma(draw_normal(state), std, mean));
      return;
    }
    fill_normal(p, n, mean, std, state.engine);
  });
}

void bernoulli(const Tensor& out, double p, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  visit_dtype(out.dtype(), [&]<class T>() {
    T* const values = static_cast<T*>(out.data_ptr());
    for (int64_t i = 0; i < out.numel(); ++i) values[i] = convert<T>(draw_unit<double>(state.engine) < p);
  });
}

void random(const Tensor& out, int64_t from, uint64_t range, bool wide, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  visit_dtype(out.dtype(), [&]<class T>() {
    T* const p = static_cast<T*>(out.data_ptr());
    for (int64_t i = 0; i < out.numel(); ++i) {
      const uint64_t draw = wide ? state.engine.next64() : state.engine.next();
      const uint64_t value = (range == 0 ? draw : draw % range) + static_cast<uint64_t>(from);
      p[i] = convert<T>(static_cast<int64_t>(value));
    }
  });
}

namespace {
// One value in double, whatever the dtype.
double draw_from(Distribution kind, double a, double b, GeneratorState& state) {
  switch (kind) {
    case Distribution::Normal: return std::fma(draw_normal(state), b, a);
    case Distribution::LogNormal: return std::exp(std::fma(draw_normal(state), b, a));
    case Distribution::Exponential: return -1.0 / a * std::log1p(-draw_unit<double>(state.engine));
    case Distribution::Geometric: return std::ceil(std::log(draw_unit<double>(state.engine)) / std::log1p(-a));
    case Distribution::Cauchy:
      return a + b * std::tan(3.14159265358979323846 * (draw_unit<double>(state.engine) - 0.5));
  }
  return 0;
}
}  // namespace

void distribution(const Tensor& out, Distribution kind, double a, double b, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  visit_dtype<DtypeSet::Numeric>(out.dtype(), [&]<class T>() {
    T* const p = static_cast<T*>(out.data_ptr());
    for (int64_t i = 0; i < out.numel(); ++i) p[i] = convert<T>(draw_from(kind, a, b, state));
  });
}

void multinomial(const Tensor& out, const Tensor& weights, Generator& generator) {
  GeneratorState& state = generator.state();
  const GeneratorLock lock(state);
  const int64_t n = weights.size(1);
  const int64_t samples = out.size(1);
  auto* index = static_cast<int64_t*>(out.data_ptr());
  visit_dtype<DtypeSet::Floating>(weights.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    std::vector<C> up_to(static_cast<size_t>(n));  // the part of the sum that an index and those before it have
    for (int64_t row = 0; row < weights.size(0); ++row) {
      const T* const p = static_cast<const T*>(weights.data_ptr()) + row * n;
      C sum = 0;
      for (int64_t i = 0; i < n; ++i) up_to[static_cast<size_t>(i)] = sum += static_cast<C>(p[i]);
      for (C& c : up_to) c /= sum;
      up_to.back() = 1;
      for (int64_t i = 0; i < samples; ++i) {
        const double draw = draw_unit<double>(state.engine);
        *index++ = std::lower_bound(up_to.begin(), up_to.end(), draw,
                                    [](C c, double value) { return static_cast<double>(c) < value; }) -
                   up_to.begin();
      }
    }
  });
}

}  // namespace ember::cpu
