// The scalar function of every elementwise kernel, one definition for host and device. T is the compute
// type: float for the 2-byte floats, the element type otherwise. A functor that takes numbers beside its
// operands reads them from Params when it is made.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include <ember/core/macros.h>
#include <ember/core/params.h>

namespace ember {

namespace functors {

template <class T>
EMBER_HD constexpr bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return x != x;
  } else {
    return false;
  }
}

// Signed overflow wraps, as it does in PyTorch; computed unsigned, since C++ leaves it undefined.
template <class T>
using wrapping_t = std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, bool>,
                                      std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>, T>;
template <class T>
EMBER_HD T wrapping_add(T a, T b) {
  return static_cast<T>(static_cast<wrapping_t<T>>(a) + static_cast<wrapping_t<T>>(b));
}
template <class T>
EMBER_HD T wrapping_sub(T a, T b) {
  return static_cast<T>(static_cast<wrapping_t<T>>(a) - static_cast<wrapping_t<T>>(b));
}
template <class T>
EMBER_HD T wrapping_mul(T a, T b) {
  return static_cast<T>(static_cast<wrapping_t<T>>(a) * static_cast<wrapping_t<T>>(b));
}

// ---- unary ----

template <class T>
struct Neg {
  EMBER_HD T operator()(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return wrapping_sub(T(0), x);
    } else {
      return -x;
    }
  }
};

template <class T>
struct Abs {
  EMBER_HD T operator()(T x) const {
    if constexpr (std::is_unsigned_v<T>) {
      return x;
    } else if constexpr (std::is_integral_v<T>) {
      return x < 0 ? wrapping_sub(T(0), x) : x;
    } else {
      return std::fabs(x);
    }
  }
};

template <class T>
struct Sign {  // NaN gives 0, as in PyTorch
  EMBER_HD T operator()(T x) const { return static_cast<T>((T(0) < x) - (x < T(0))); }
};

template <class T>
struct Square {
  EMBER_HD T operator()(T x) const { return wrapping_mul(x, x); }
};

template <class T>
struct Cube {
  EMBER_HD T operator()(T x) const { return wrapping_mul(wrapping_mul(x, x), x); }
};

template <class T>
EMBER_HD T power(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    // Integers: the reciprocal is 0 but for 1 and -1.
    if constexpr (std::is_signed_v<T>) {
      if (exponent < 0) {
        if (base == 1) return T(1);
        if (base == -1) return exponent % 2 == 0 ? T(1) : T(-1);
        return T(0);
      }
    }
    T result = 1;
    for (; exponent != 0; exponent = static_cast<T>(exponent / 2)) {
      if (exponent % 2 != 0) result = wrapping_mul(result, base);
      base = wrapping_mul(base, base);
    }
    return result;
  }
}

template <class T>
struct PowScalar {  // x^a
  T exponent;
  explicit PowScalar(const Params& p) : exponent(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return power(x, exponent); }
};

template <class T>
struct Clamp {  // to [a, b]; b where a > b; NaN stays
  T low, high;
  explicit Clamp(const Params& p) : low(p.a.cast<T>()), high(p.b.cast<T>()) {}
  EMBER_HD T operator()(T x) const {
    const T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
};

template <class T>
struct ClampMin {  // to at least a
  T low;
  explicit ClampMin(const Params& p) : low(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return x < low ? low : x; }
};

template <class T>
struct ClampMax {  // to at most a
  T high;
  explicit ClampMax(const Params& p) : high(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x) const { return x > high ? high : x; }
};

template <class T>
struct Exp {
  EMBER_HD T operator()(T x) const { return std::exp(x); }
};
template <class T>
struct Log {
  EMBER_HD T operator()(T x) const { return std::log(x); }
};
template <class T>
struct Sqrt {
  EMBER_HD T operator()(T x) const { return std::sqrt(x); }
};
template <class T>
struct Rsqrt {
  EMBER_HD T operator()(T x) const { return T(1) / std::sqrt(x); }
};
template <class T>
struct Reciprocal {
  EMBER_HD T operator()(T x) const { return T(1) / x; }
};
template <class T>
struct Sin {
  EMBER_HD T operator()(T x) const { return std::sin(x); }
};
template <class T>
struct Cos {
  EMBER_HD T operator()(T x) const { return std::cos(x); }
};
template <class T>
struct Tanh {
  EMBER_HD T operator()(T x) const { return std::tanh(x); }
};
// ---- binary ----

template <class T>
struct Add {  // bool: or
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) {
      return a || b;
    } else {
      return wrapping_add(a, b);
    }
  }
};
template <class T>
struct AddScaled {  // x + a·y; bool: x or (a and y)
  T alpha;
  explicit AddScaled(const Params& p) : alpha(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>) {
      return x || (alpha && y);
    } else {
      return wrapping_add(x, wrapping_mul(alpha, y));
    }
  }
};
template <class T>
struct Sub {
  EMBER_HD T operator()(T a, T b) const { return wrapping_sub(a, b); }
};
template <class T>
struct Mul {  // bool: and
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) {
      return a && b;
    } else {
      return wrapping_mul(a, b);
    }
  }
};
template <class T>
struct Div {
  EMBER_HD T operator()(T a, T b) const { return a / b; }
};
template <class T>
struct Pow {
  EMBER_HD T operator()(T a, T b) const { return power(a, b); }
};
template <class T>
struct Maximum {  // NaN if either is
  EMBER_HD T operator()(T a, T b) const { return is_nan(a) || a > b ? a : b; }
};
template <class T>
struct Minimum {  // NaN if either is
  EMBER_HD T operator()(T a, T b) const { return is_nan(a) || a < b ? a : b; }
};

// Gradients that are one pass instead of three. The first operand is the incoming gradient.
template <class T>
struct ClampBackward {  // the second is the input; a and b as in Clamp, a bool where absent
  T low, high;
  bool has_low, has_high;
  explicit ClampBackward(const Params& p)
      : low(p.a.cast<T>()), high(p.b.cast<T>()), has_low(!p.a.is_boolean()), has_high(!p.b.is_boolean()) {}
  EMBER_HD T operator()(T g, T x) const { return (!has_low || x > low) && (!has_high || x < high) ? g : T(0); }
};
template <class T>
struct TanhBackward {  // the second is the result
  EMBER_HD T operator()(T g, T y) const { return g * (T(1) - y * y); }
};

// ---- comparison ----

template <class T>
struct Equal {
  EMBER_HD bool operator()(T a, T b) const { return a == b; }
};
template <class T>
struct NotEqual {
  EMBER_HD bool operator()(T a, T b) const { return a != b; }
};
template <class T>
struct Less {
  EMBER_HD bool operator()(T a, T b) const { return a < b; }
};
template <class T>
struct LessEqual {
  EMBER_HD bool operator()(T a, T b) const { return a <= b; }
};
template <class T>
struct Greater {
  EMBER_HD bool operator()(T a, T b) const { return a > b; }
};
template <class T>
struct GreaterEqual {
  EMBER_HD bool operator()(T a, T b) const { return a >= b; }
};

// ---- ternary ----

template <class T>
struct Addcmul {  // x + a·y·z
  T value;
  explicit Addcmul(const Params& p) : value(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x, T y, T z) const { return wrapping_add(x, wrapping_mul(value, wrapping_mul(y, z))); }
};
template <class T>
struct Addcdiv {  // x + a·y/z
  T value;
  explicit Addcdiv(const Params& p) : value(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x, T y, T z) const { return x + value * y / z; }
};

template <class T>
struct Where {
  EMBER_HD T operator()(bool condition, T a, T b) const { return condition ? a : b; }
};

// F<T> made from the parameters, or without where it takes none.
template <class F>
F make(const Params& p) {
  if constexpr (std::is_constructible_v<F, const Params&>) {
    return F(p);
  } else {
    return F{};
  }
}

}  // namespace functors
}  // namespace ember

#include <ember/core/functors/activation.h>
#include <ember/core/functors/binary.h>
#include <ember/core/functors/loss.h>
#include <ember/core/functors/math.h>
#include <ember/core/functors/special.h>
