// Scalar functions of two and three operands: division, powers of two, bits, logic, interpolation.
#pragma once

#include <ember/core/functors.h>

namespace ember::functors {

// ---- division ----

// Integers: a zero divisor gives 0 here; the operations refuse it first where they can.
template <class T>
struct TruncDiv {
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::trunc(a / b);
    } else {
      if (b == 0) return T(0);
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return wrapping_sub(T(0), a);  // the lowest number has no positive
      }
      return static_cast<T>(a / b);
    }
  }
};

template <class T>
struct FloorDiv {  // such that a = b·floor_div(a, b) + remainder(a, b), as Python has it
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (b == 0) return a / b;
      const T rest = std::fmod(a, b);
      T quotient = (a - rest) / b;
      if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
      if (quotient == 0) return std::copysign(T(0), a / b);
      const T whole = std::floor(quotient);
      return quotient - whole > T(0.5) ? whole + 1 : whole;  // the quotient was rounded
    } else if constexpr (std::is_signed_v<T>) {
      if (b == 0) return T(0);
      if (b == -1) return wrapping_sub(T(0), a);
      const bool down = a % b != 0 && (a < 0) != (b < 0);
      return static_cast<T>(a / b - (down ? 1 : 0));
    } else {
      return b == 0 ? T(0) : static_cast<T>(a / b);
    }
  }
};

template <class T>
struct Remainder {  // of floor division: the sign of b
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      const T rest = std::fmod(a, b);
      return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest;
    } else if constexpr (std::is_signed_v<T>) {
      if (b == 0 || b == -1) return T(0);
      const T rest = static_cast<T>(a % b);
      return rest != 0 && (b < 0) != (rest < 0) ? static_cast<T>(rest + b) : rest;
    } else {
      return b == 0 ? T(0) : static_cast<T>(a % b);
    }
  }
};

template <class T>
struct Fmod {  // of division towards zero: the sign of a
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      if (b == 0) return T(0);
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return T(0);
      }
      return static_cast<T>(a % b);
    }
  }
};

template <class T>
struct Gcd {
  EMBER_HD T operator()(T a, T b) const {
    auto x = magnitude(a), y = magnitude(b);
    while (y != 0) {
      const auto rest = x % y;
      x = y;
      y = rest;
    }
    return static_cast<T>(x);
  }
  EMBER_HD static wrapping_t<T> magnitude(T a) {
    if constexpr (std::is_signed_v<T>) {
      if (a < 0) return wrapping_t<T>(0) - static_cast<wrapping_t<T>>(a);
    }
    return static_cast<wrapping_t<T>>(a);
  }
};

template <class T>
struct Lcm {
  EMBER_HD T operator()(T a, T b) const {
    const T divisor = Gcd<T>()(a, b);
    if (divisor == 0) return T(0);
    return Abs<T>()(wrapping_mul(static_cast<T>(a / divisor), b));
  }
};

// ---- floating ----

template <class T>
struct Fmax {  // the other where one is NaN
  EMBER_HD T operator()(T a, T b) const { return is_nan(b) || a > b ? a : b; }
};
template <class T>
struct Fmin {
  EMBER_HD T operator()(T a, T b) const { return is_nan(b) || a < b ? a : b; }
};
template <class T>
struct Atan2 {
  EMBER_HD T operator()(T a, T b) const { return std::atan2(a, b); }
};
template <class T>
struct Hypot {
  EMBER_HD T operator()(T a, T b) const { return std::hypot(a, b); }
};
template <class T>
struct Copysign {
  EMBER_HD T operator()(T a, T b) const { return std::copysign(a, b); }
};

template <class T>
EMBER_HD bool same_infinity(T a, T b) {
  return a == b && std::fabs(a) == std::numeric_limits<T>::infinity();
}

template <class T>
struct LogAddExp {  // log(e^a + e^b)
  EMBER_HD T operator()(T a, T b) const {
    if (same_infinity(a, b)) return a;
    return (a > b ? a : b) + std::log1p(std::exp(-std::fabs(a - b)));
  }
};
template <class T>
struct LogAddExp2 {  // log2(2^a + 2^b)
  EMBER_HD T operator()(T a, T b) const {
    if (same_infinity(a, b)) return a;
    constexpr T log2_e = T(1.4426950408889634074);
    return (a > b ? a : b) + std::log1p(std::exp2(-std::fabs(a - b))) * log2_e;
  }
};
template <class T>
struct Xlogy {  // a·log(b), 0 where a is 0
  EMBER_HD T operator()(T a, T b) const {
    if (is_nan(b)) return b;
    return a == 0 ? T(0) : a * std::log(b);
  }
};
template <class T>
struct Ldexp {  // a·2^b; a whole b does not overflow on the way
  EMBER_HD T operator()(T a, T b) const {
    if (std::fabs(b) < T(100000) && b == std::trunc(b)) return std::ldexp(a, static_cast<int>(b));
    return a * std::exp2(b);
  }
};

// The next number from a in the direction of b. Params::a: how many bits of the mantissa of T the numbers do not have:
// 0; 16 for bfloat16 and 13 for float16, which are computed in float.
template <class T>
struct NextAfter {
  int bits;
  explicit NextAfter(const Params& p) : bits(p.a.toInt()) {}
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, float>) {
      if (bits != 0 && a != b && !is_nan(a) && !is_nan(b)) return step(a, b);
    }
    return std::nextafter(a, b);
  }
  EMBER_HD T step(T a, T b) const {
    constexpr T half_normal = T(6.103515625e-5), half_subnormal = T(5.9604644775390625e-8);  // 2^-14, 2^-24
    const T sign = std::copysign(T(1), a == 0 ? b : a);
    const T size = std::fabs(a);
    const bool grows = a == 0 || (b > a) == (a > 0);
    if (bits == 13 && (grows ? size < half_normal : size <= half_normal)) {
      return sign * (grows ? size + half_subnormal : size - half_subnormal);
    }
    if (bits == 13 && size == std::numeric_limits<T>::infinity()) return sign * T(65504);
    union {
      float number;
      uint32_t image;
    } u;
    u.number = static_cast<float>(size);
    u.image = grows ? u.image + (1u << bits) : u.image - (1u << bits);
    return sign * static_cast<T>(u.number);
  }
};

template <class T>
struct Heaviside {  // 0, b or 1 where a is negative (or NaN), 0 or positive
  EMBER_HD T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) {
      return a || b;
    } else {
      return a == T(0) ? b : static_cast<T>(a > T(0));
    }
  }
};

// ---- bits ----

template <class T>
struct BitwiseAnd {
  EMBER_HD T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
template <class T>
struct BitwiseOr {
  EMBER_HD T operator()(T a, T b) const { return static_cast<T>(a | b); }
};
template <class T>
struct BitwiseXor {
  EMBER_HD T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
template <class T>
struct BitwiseNot {  // unary
  EMBER_HD T operator()(T a) const {
    if constexpr (std::is_same_v<T, bool>) {
      return !a;
    } else {
      return static_cast<T>(~a);
    }
  }
};

// Whether a shift by b leaves no bit of a T.
template <class T>
EMBER_HD bool shifts_out(T b) {
  if constexpr (std::is_signed_v<T>) {
    if (b < 0) return true;
  }
  return static_cast<uint64_t>(b) >= 8 * sizeof(T);
}
template <class T>
struct LeftShift {
  EMBER_HD T operator()(T a, T b) const {
    return shifts_out(b) ? T(0) : static_cast<T>(static_cast<wrapping_t<T>>(a) << b);
  }
};
template <class T>
struct RightShift {  // arithmetic
  EMBER_HD T operator()(T a, T b) const {
    if (!shifts_out(b)) return static_cast<T>(a >> b);
    if constexpr (std::is_signed_v<T>) {
      return a < 0 ? T(-1) : T(0);
    } else {
      return T(0);
    }
  }
};

// ---- logic; the result is bool ----

template <class T>
struct LogicalAnd {
  EMBER_HD bool operator()(T a, T b) const { return a != T(0) && b != T(0); }
};
template <class T>
struct LogicalOr {
  EMBER_HD bool operator()(T a, T b) const { return a != T(0) || b != T(0); }
};
template <class T>
struct LogicalXor {
  EMBER_HD bool operator()(T a, T b) const { return (a != T(0)) != (b != T(0)); }
};
template <class T>
struct AbsEqual {  // |a| = b
  EMBER_HD bool operator()(T a, T b) const { return std::fabs(a) == b; }
};
template <class T>
struct AbsLess {  // |a| < b
  EMBER_HD bool operator()(T a, T b) const { return std::fabs(a) < b; }
};

// ---- three operands ----

template <class T>
struct ClampBetween {  // x to [low, high]; high where low > high; NaN if any is
  EMBER_HD T operator()(T x, T low, T high) const { return Minimum<T>()(Maximum<T>()(x, low), high); }
};
template <class T>
struct Lerp {  // a + w·(b − a), from the nearer end, so that w = 1 gives b
  EMBER_HD T operator()(T a, T b, T w) const {
    return std::fabs(w) < T(0.5) ? a + w * (b - a) : b - (b - a) * (T(1) - w);
  }
};
template <class T>
struct NanToNum {  // a for NaN, the others for the infinities
  T nan;
  explicit NanToNum(const Params& p) : nan(p.a.cast<T>()) {}
  EMBER_HD T operator()(T x, T positive, T negative) const {
    if (is_nan(x)) return nan;
    if (x == std::numeric_limits<T>::infinity()) return positive;
    return x == -std::numeric_limits<T>::infinity() ? negative : x;
  }
};

}  // namespace ember::functors
