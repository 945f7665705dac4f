// A number with its category (floating, integral or bool) but no width: the right-hand side of `x * 2`.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <type_traits>

#include <ember/core/dtype.h>
#include <ember/core/error.h>

namespace ember {

class Scalar {
 public:
  Scalar() : kind_(Kind::Long) { value_.i = 0; }
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      Scalar(T v) {  // NOLINT: implicit
    if constexpr (std::is_same_v<T, bool>) {
      kind_ = Kind::Bool;
      value_.i = v;
    } else if constexpr (std::is_integral_v<T>) {
      kind_ = Kind::Long;
      value_.i = static_cast<int64_t>(v);
    } else {
      kind_ = Kind::Double;
      value_.d = static_cast<double>(v);
    }
  }

  bool is_floating_point() const { return kind_ == Kind::Double; }
  bool is_integral(bool include_bool = false) const {
    return kind_ == Kind::Long || (include_bool && kind_ == Kind::Bool);
  }
  bool is_boolean() const { return kind_ == Kind::Bool; }
  // float64, int64 or bool.
  ScalarType type() const { return kind_ == Kind::Double ? kFloat64 : kind_ == Kind::Long ? kInt64 : kBool; }

  // The value converted as static_cast does (a float to bool: not zero).
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind_ == Kind::Double ? value_.d != 0 : value_.i != 0;
    } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return T(static_cast<float>(toDouble()));
    } else if constexpr (std::is_integral_v<T>) {
      if (kind_ == Kind::Double) return double_to_integer<T>(value_.d);
      return static_cast<T>(value_.i);
    } else {
      return kind_ == Kind::Double ? static_cast<T>(value_.d) : static_cast<T>(value_.i);
    }
  }
  double toDouble() const { return kind_ == Kind::Double ? value_.d : static_cast<double>(value_.i); }
  float toFloat() const { return static_cast<float>(toDouble()); }
  int64_t toLong() const { return to<int64_t>(); }
  int toInt() const { return static_cast<int>(to<int64_t>()); }
  bool toBool() const { return to<bool>(); }

  Scalar operator-() const {
    if (kind_ == Kind::Double) return Scalar(-value_.d);
    return Scalar(static_cast<int64_t>(0 - static_cast<uint64_t>(value_.i)));
  }
  bool equal(double v) const { return toDouble() == v; }

 private:
  enum class Kind : uint8_t { Double, Long, Bool };
  // Out of range or NaN is undefined behaviour for static_cast: saturate instead.
  template <class T>
  static T double_to_integer(double d) {
    if (!(d > -9223372036854775808.0)) return static_cast<T>(d != d ? 0 : INT64_MIN);
    if (d >= 9223372036854775808.0) return static_cast<T>(INT64_MAX);
    return static_cast<T>(static_cast<int64_t>(d));
  }

  Kind kind_;
  union {
    double d;
    int64_t i;
  } value_;
};

std::ostream& operator<<(std::ostream& out, const Scalar& s);

}  // namespace ember
