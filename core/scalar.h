// A number with its category (floating, integral or bool) but no width: the right-hand side of `x * 2`.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <limits>
#include <type_traits>

#include <ember/core/dtype.h>
#include <ember/core/error.h>

namespace ember {

class Scalar;
namespace detail {
[[noreturn]] void throw_scalar_overflow(const Scalar& value, const char* type);
}

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
      if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
        if (v > static_cast<T>(INT64_MAX)) kind_ = Kind::Unsigned;  // the same bits
      }
    } else {
      kind_ = Kind::Double;
      value_.d = static_cast<double>(v);
    }
  }

  bool is_floating_point() const { return kind_ == Kind::Double; }
  bool is_integral(bool include_bool = false) const {
    return kind_ == Kind::Long || kind_ == Kind::Unsigned || (include_bool && kind_ == Kind::Bool);
  }
  bool is_boolean() const { return kind_ == Kind::Bool; }
  // The same by PyTorch's names.
  bool isFloatingPoint() const { return is_floating_point(); }
  bool isIntegral(bool include_bool) const { return is_integral(include_bool); }
  bool isBoolean() const { return is_boolean(); }
  bool isComplex() const { return false; }
  bool isSymbolic() const { return false; }
  // An integer that is not negative.
  bool isUnsigned() const { return kind_ == Kind::Unsigned || (kind_ == Kind::Long && value_.i >= 0); }
  // float64, int64 or bool.
  ScalarType type() const { return kind_ == Kind::Double ? kFloat64 : kind_ == Kind::Bool ? kBool : kInt64; }

  // The value as a T; throws if it is out of T's range. Fractions are cut off; a negative integer becomes the
  // unsigned one of the same low bits, if it has as many digits at most; what is not zero is true.
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind_ == Kind::Double ? value_.d != 0 : value_.i != 0;
    } else if constexpr (std::is_same_v<T, Scalar>) {
      return *this;
    } else {
      if (!fits<T>()) [[unlikely]]
        detail::throw_scalar_overflow(*this, name_of<T>());
      return cast<T>();
    }
  }
  // The value as a T, the nearest for a float out of an integer's range and else as static_cast converts: for kernels,
  // whose caller has checked what there is to check.
  template <class T>
  T cast() const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind_ == Kind::Double ? value_.d != 0 : value_.i != 0;
    } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return T(static_cast<float>(toDouble()));
    } else if constexpr (std::is_integral_v<T>) {
      if (kind_ == Kind::Double) return double_to_integer<T>(value_.d);
      return static_cast<T>(value_.i);
    } else {
      return static_cast<T>(toDouble());
    }
  }
  double toDouble() const {
    if (kind_ == Kind::Double) return value_.d;
    return kind_ == Kind::Unsigned ? static_cast<double>(static_cast<uint64_t>(value_.i))
                                   : static_cast<double>(value_.i);
  }
  float toFloat() const { return to<float>(); }
  Half toHalf() const { return to<Half>(); }
  BFloat16 toBFloat16() const { return to<BFloat16>(); }
  int64_t toLong() const { return kind_ == Kind::Long ? value_.i : to<int64_t>(); }
  int toInt() const { return to<int>(); }
  int16_t toShort() const { return to<int16_t>(); }
  int8_t toChar() const { return to<int8_t>(); }
  uint8_t toByte() const { return to<uint8_t>(); }
  uint16_t toUInt16() const { return to<uint16_t>(); }
  uint32_t toUInt32() const { return to<uint32_t>(); }
  uint64_t toUInt64() const { return to<uint64_t>(); }
  bool toBool() const { return to<bool>(); }

  // Throws for a bool.
  Scalar operator-() const;
  Scalar conj() const { return *this; }
  Scalar log() const;
  // Whether they are the same kind of number and the same bits.
  bool identical(const Scalar& other) const { return kind_ == other.kind_ && value_.i == other.value_.i; }
  // Whether this is that number; a bool equals bools only.
  template <class T>
  bool equal(T number) const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind_ == Kind::Bool && (value_.i != 0) == number;
    } else {
      if (kind_ == Kind::Bool) return false;
      if (kind_ == Kind::Double) return value_.d == static_cast<double>(number);
      if constexpr (std::is_integral_v<T>) {
        if (kind_ == Kind::Unsigned) return number > 0 && static_cast<uint64_t>(number) == to_bits();
        return std::is_unsigned_v<T> ? value_.i >= 0 && to_bits() == static_cast<uint64_t>(number)
                                     : value_.i == static_cast<int64_t>(number);
      } else {
        return fits<T>() && cast<T>() == number;
      }
    }
  }

 private:
  enum class Kind : uint8_t { Double, Long, Bool, Unsigned };  // Unsigned: past INT64_MAX

  uint64_t to_bits() const { return static_cast<uint64_t>(value_.i); }
  template <class T>
  bool fits() const {
    using Limits = std::numeric_limits<T>;
    if (kind_ == Kind::Bool) return true;
    if constexpr (std::is_integral_v<T>) {
      if (kind_ == Kind::Double) {
        constexpr double kEnd = static_cast<double>(uint64_t{1} << (Limits::digits - 1)) * 2;
        return value_.d >= static_cast<double>(Limits::lowest()) && value_.d < kEnd;
      }
      constexpr auto kMax = static_cast<uint64_t>(Limits::max());
      if (kind_ == Kind::Unsigned || value_.i >= 0) return to_bits() <= kMax;
      if constexpr (std::is_unsigned_v<T>) return 0 - to_bits() <= kMax;
      return value_.i >= static_cast<int64_t>(Limits::lowest());
    } else if constexpr (std::is_same_v<T, double>) {
      return true;
    } else {
      // Infinities and NaN stay what they are.
      const double d = toDouble();
      return !(d - d == 0) || (d >= static_cast<double>(Limits::lowest()) && d <= static_cast<double>(Limits::max()));
    }
  }
  template <class T>
  static const char* name_of() {
    if constexpr (std::is_same_v<T, uint16_t>) return "uint16";
    if constexpr (std::is_same_v<T, uint32_t>) return "uint32";
    if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T> && sizeof(T) == 8) return "uint64";
    if constexpr (requires { dtype_of<T>::value; }) return dtype_name(dtype_of<T>::value);
    return "the type asked for";
  }
  // Out of range or NaN is undefined behaviour for static_cast: saturate instead.
  template <class T>
  static T double_to_integer(double d) {
    if (!(d > -9223372036854775808.0)) return static_cast<T>(d != d ? 0 : INT64_MIN);
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
      if (d >= 18446744073709551616.0) return static_cast<T>(UINT64_MAX);
      if (d >= 9223372036854775808.0) return static_cast<T>(d);
    }
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
