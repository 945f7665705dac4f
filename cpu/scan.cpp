// Running reductions along a dimension. A line is one thread's, in order; lines that lie side by side go together.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kColumns = 256;

// What is accumulated in: double for float, as wide as it gets for the others.
template <class T>
using scan_t = std::conditional_t<std::is_same_v<T, float>, double, compute_t<T>>;

// The sizes of a contiguous tensor as [outer, n, inner].
struct Lines {
  int64_t outer = 1, n = 1, inner = 1;
  Lines(const Tensor& t, int64_t dim) {
    for (int64_t d = 0; d < t.dim(); ++d) (d < dim ? outer : d == dim ? n : inner) *= t.size(d);
  }

  // f(start, count): `count` <= kColumns neighbouring lines whose first elements are at `start`.
  template <class F>
  void for_each(F f) const {
    if (outer * n * inner == 0) return;
    const int64_t groups = (inner + kColumns - 1) / kColumns;
    const int64_t cost = n * std::min(inner, kColumns);
    parallel_for(0, outer * groups, std::max<int64_t>(1, kGrain / 4 / cost), [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t column = task % groups * kColumns;
        f(task / groups * n * inner + column, std::min(kColumns, inner - column));
      }
    });
  }
};

// out[i] = state = step(state, in[i]…), from either end. State is default for the start.
template <class T, class State, class Step, class... In>
void scan(const Lines& lines, bool reverse, T* out, State start, Step step, const In*... in) {
  lines.for_each([&](int64_t at, int64_t count) {
    const int64_t stride = reverse ? -lines.inner : lines.inner;
    if (reverse) at += (lines.n - 1) * lines.inner;
    if (count == 1) {
      State state = start;
      for (int64_t i = 0; i < lines.n; ++i, at += stride) {
        state = step(state, in[at]...);
        out[at] = static_cast<T>(state);
      }
      return;
    }
    State states[kColumns];
    std::fill(states, states + count, start);
    for (int64_t i = 0; i < lines.n; ++i, at += stride) {
      for (int64_t j = 0; j < count; ++j) {
        states[j] = step(states[j], in[at + j]...);
        out[at + j] = static_cast<T>(states[j]);
      }
    }
  });
}

template <class T>
T* data(const Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

template <class C>
C log_add_exp(C a, C b) {
  if (a != a || b != b) return std::numeric_limits<C>::quiet_NaN();
  const C low = std::min(a, b), high = std::max(a, b);
  if (low == high && std::isinf(low)) return low;
  return std::log1p(std::exp(low - high)) + high;
}

template <bool kMax>
void arg_scan(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  const Lines lines(in, dim);
  visit_dtype(in.dtype(), [&]<class E>() {
    using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
    using C = compute_t<T>;
    const T* const from = data<T>(in);
    T* const to = data<T>(values);
    int64_t* const index = data<int64_t>(indices);
    lines.for_each([&](int64_t at, int64_t count) {
      for (int64_t j = 0; j < count; ++j) {
        to[at + j] = from[at + j];
        index[at + j] = 0;
      }
      for (int64_t i = 1; i < lines.n; ++i) {
        const int64_t before = at;
        at += lines.inner;
        for (int64_t j = 0; j < count; ++j) {
          const C x = static_cast<C>(from[at + j]);
          const C best = static_cast<C>(to[before + j]);
          const bool wins = functors::is_nan(x) || (kMax ? x >= best : x <= best);
          to[at + j] = wins ? from[at + j] : to[before + j];
          index[at + j] = wins ? i : index[before + j];
        }
      }
    });
  });
}

}  // namespace

void cumsum(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Numeric>(in.dtype(), [&]<class T>() {
    using C = scan_t<T>;
    scan(
        Lines(in, dim), reverse, data<T>(out), C(0),
        [](C sum, T x) { return functors::wrapping_add(sum, static_cast<C>(x)); }, data<const T>(in));
  });
}

void cumprod(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Numeric>(in.dtype(), [&]<class T>() {
    using C = scan_t<T>;
    scan(
        Lines(in, dim), reverse, data<T>(out), C(1),
        [](C product, T x) { return functors::wrapping_mul(product, static_cast<C>(x)); }, data<const T>(in));
  });
}

void logcumsumexp(const Tensor& out, const Tensor& in, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = scan_t<T>;
    scan(
        Lines(in, dim), reverse, data<T>(out), -std::numeric_limits<C>::infinity(),
        [](C total, T x) { return log_add_exp(total, static_cast<C>(x)); }, data<const T>(in));
  });
}

void cummax(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  arg_scan<true>(values, indices, in, dim);
}
void cummin(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
  arg_scan<false>(values, indices, in, dim);
}

void linear_recurrence(const Tensor& out, const Tensor& a, const Tensor& b, int64_t dim, bool reverse) {
  visit_dtype<DtypeSet::Floating>(out.dtype(), [&]<class T>() {
    using C = scan_t<T>;
    scan(
        Lines(out, dim), reverse, data<T>(out), C(0),
        [](C s, T x, T y) { return static_cast<C>(x) * s + static_cast<C>(y); }, data<const T>(a), data<const T>(b));
  });
}

}  // namespace ember::cpu
