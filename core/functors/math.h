// Scalar functions of the elementary kind: rounding, exponentials, logarithms, trigonometry. Included by functors.h.
#pragma once

namespace ember::functors {

// ---- rounding ----

template <class T>
struct Floor {
  EMBER_HD T operator()(T x) const { return std::floor(x); }
};
template <class T>
struct Ceil {
  EMBER_HD T operator()(T x) const { return std::ceil(x); }
};
template <class T>
struct Trunc {
  EMBER_HD T operator()(T x) const { return std::trunc(x); }
};
template <class T>
struct Round {  // halves to the even neighbour
  EMBER_HD T operator()(T x) const { return std::nearbyint(x); }
};
template <class T>
struct RoundDecimals {  // to a places behind the point, before it where negative
  T power;
  bool behind;
  explicit RoundDecimals(const Params& p)
      : power(static_cast<T>(std::pow(10.0, std::fabs(p.a.toDouble())))), behind(p.a.toDouble() >= 0) {}
  EMBER_HD T operator()(T x) const {
    return behind ? std::nearbyint(x * power) / power : std::nearbyint(x / power) * power;
  }
};
template <class T>
struct Frac {
  EMBER_HD T operator()(T x) const { return x - std::trunc(x); }
};

// The second operand is not read: whether the sign bit of the first is set, of -0 and -NaN too.
template <class T>
struct SignBit {
  EMBER_HD bool operator()(T x, T) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::signbit(x);
    } else {
      return x < T(0);
    }
  }
};

// ---- exponentials and logarithms ----

template <class T>
struct Exp2 {
  EMBER_HD T operator()(T x) const { return std::exp2(x); }
};
template <class T>
struct Expm1 {
  EMBER_HD T operator()(T x) const { return std::expm1(x); }
};
template <class T>
struct Log2 {
  EMBER_HD T operator()(T x) const { return std::log2(x); }
};
template <class T>
struct Log10 {
  EMBER_HD T operator()(T x) const { return std::log10(x); }
};
template <class T>
struct Log1p {
  EMBER_HD T operator()(T x) const { return std::log1p(x); }
};
template <class T>
struct Logit {  // log(x / (1 − x)), x moved into [a, 1 − a] first; a < 0: not moved
  T low, high;
  bool clamps;
  explicit Logit(const Params& p) : low(p.a.cast<T>()), high(T(1) - low), clamps(p.a.toDouble() >= 0) {}
  EMBER_HD T operator()(T x) const {
    if (clamps) x = x < low ? low : x > high ? high : x;
    return std::log(x / (T(1) - x));
  }
};

// ---- trigonometry ----

template <class T>
struct Tan {
  EMBER_HD T operator()(T x) const { return std::tan(x); }
};
template <class T>
struct Asin {
  EMBER_HD T operator()(T x) const { return std::asin(x); }
};
template <class T>
struct Acos {
  EMBER_HD T operator()(T x) const { return std::acos(x); }
};
template <class T>
struct Atan {
  EMBER_HD T operator()(T x) const { return std::atan(x); }
};
template <class T>
struct Sinh {
  EMBER_HD T operator()(T x) const { return std::sinh(x); }
};
template <class T>
struct Cosh {
  EMBER_HD T operator()(T x) const { return std::cosh(x); }
};
template <class T>
struct Asinh {
  EMBER_HD T operator()(T x) const { return std::asinh(x); }
};
template <class T>
struct Acosh {
  EMBER_HD T operator()(T x) const { return std::acosh(x); }
};
template <class T>
struct Atanh {
  EMBER_HD T operator()(T x) const { return std::atanh(x); }
};
template <class T>
struct Sinc {  // sin(πx) / (πx)
  EMBER_HD T operator()(T x) const {
    if (x == T(0)) return T(1);
    const T angle = T(3.14159265358979323846) * x;
    return std::sin(angle) / angle;
  }
};

}  // namespace ember::functors
