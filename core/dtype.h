// Element types, their promotion and the visitor that turns a run-time dtype into a C++ type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>
#include <utility>

#include <ember/core/half.h>

namespace ember {

// The numeric values are those of PyTorch's ScalarType, which appear in files and bindings.
enum class ScalarType : int8_t {
  Byte = 0,    // uint8_t
  Char = 1,    // int8_t
  Short = 2,   // int16_t
  Int = 3,     // int32_t
  Long = 4,    // int64_t
  Half = 5,    // ember::Half
  Float = 6,   // float
  Double = 7,  // double
  Bool = 11,
  BFloat16 = 15,
  Undefined = 127,
};
using Dtype = ScalarType;

inline constexpr ScalarType kUInt8 = ScalarType::Byte, kByte = kUInt8;
inline constexpr ScalarType kInt8 = ScalarType::Char, kChar = kInt8;
inline constexpr ScalarType kInt16 = ScalarType::Short, kShort = kInt16;
inline constexpr ScalarType kInt32 = ScalarType::Int, kInt = kInt32;
inline constexpr ScalarType kInt64 = ScalarType::Long, kLong = kInt64;
inline constexpr ScalarType kFloat16 = ScalarType::Half, kHalf = kFloat16;
inline constexpr ScalarType kFloat32 = ScalarType::Float, kFloat = kFloat32;
inline constexpr ScalarType kFloat64 = ScalarType::Double, kDouble = kFloat64;
inline constexpr ScalarType kBFloat16 = ScalarType::BFloat16;
inline constexpr ScalarType kBool = ScalarType::Bool;

inline constexpr ScalarType kU8 = kUInt8, kI8 = kInt8, kI16 = kInt16, kI32 = kInt32, kI64 = kInt64;
inline constexpr ScalarType kF16 = kFloat16, kF32 = kFloat32, kF64 = kFloat64;

constexpr bool is_floating(ScalarType t) { return t == kFloat32 || t == kFloat64 || t == kFloat16 || t == kBFloat16; }
constexpr bool is_integral(ScalarType t, bool include_bool = false) {
  return (t >= ScalarType::Byte && t <= ScalarType::Long) || (include_bool && t == kBool);
}
constexpr bool is_signed(ScalarType t) { return t != kUInt8 && t != kBool; }

constexpr size_t element_size(ScalarType t) {
  switch (t) {
    case ScalarType::Byte:
    case ScalarType::Char:
    case ScalarType::Bool: return 1;
    case ScalarType::Short:
    case ScalarType::Half:
    case ScalarType::BFloat16: return 2;
    case ScalarType::Int:
    case ScalarType::Float: return 4;
    case ScalarType::Long:
    case ScalarType::Double: return 8;
    case ScalarType::Undefined: break;
  }
  return 0;
}

// "Float", "Long", …: the names that PyTorch prints.
const char* to_string(ScalarType t);
// "float32", "int64", …: the names used in messages of this library and in options.
const char* dtype_name(ScalarType t);
std::ostream& operator<<(std::ostream& out, ScalarType t);

// The common dtype of two tensors of one category, as PyTorch defines it: bool < integral < floating;
// uint8 with a signed integer gives the next wider signed integer; float16 with bfloat16 gives float32.
ScalarType promote_types(ScalarType a, ScalarType b);
// Whether PyTorch lets an operation with results of dtype `from` write into a tensor of dtype `to`.
constexpr bool can_cast(ScalarType from, ScalarType to) {
  if (is_floating(from) && is_integral(to, true)) return false;
  return !(from != kBool && to == kBool);
}

// The same by PyTorch's names.
inline const char* toString(ScalarType t) { return to_string(t); }
size_t elementSize(ScalarType t);  // throws for Undefined
constexpr bool isFloatingType(ScalarType t) { return is_floating(t); }
constexpr bool isReducedFloatingType(ScalarType t) { return t == kFloat16 || t == kBFloat16; }
constexpr bool isIntegralType(ScalarType t, bool include_bool) { return is_integral(t, include_bool); }
constexpr bool isComplexType(ScalarType) { return false; }
constexpr bool isSignedType(ScalarType t) { return is_signed(t); }
constexpr ScalarType toValueType(ScalarType t) { return t; }
inline ScalarType promoteTypes(ScalarType a, ScalarType b) { return promote_types(a, b); }
constexpr bool canCast(ScalarType from, ScalarType to) { return can_cast(from, to); }

// float32 until set_default_dtype; only a floating dtype may be set.
ScalarType get_default_dtype();
void set_default_dtype(ScalarType t);
inline ScalarType get_default_dtype_as_scalartype() { return get_default_dtype(); }

template <class T>
struct dtype_of;
template <>
struct dtype_of<uint8_t> {
  static constexpr ScalarType value = kUInt8;
};
template <>
struct dtype_of<int8_t> {
  static constexpr ScalarType value = kInt8;
};
template <>
struct dtype_of<int16_t> {
  static constexpr ScalarType value = kInt16;
};
template <>
struct dtype_of<int32_t> {
  static constexpr ScalarType value = kInt32;
};
template <>
struct dtype_of<int64_t> {
  static constexpr ScalarType value = kInt64;
};
template <>
struct dtype_of<long long> {
  static constexpr ScalarType value = kInt64;
};
template <>
struct dtype_of<Half> {
  static constexpr ScalarType value = kFloat16;
};
template <>
struct dtype_of<BFloat16> {
  static constexpr ScalarType value = kBFloat16;
};
template <>
struct dtype_of<float> {
  static constexpr ScalarType value = kFloat32;
};
template <>
struct dtype_of<double> {
  static constexpr ScalarType value = kFloat64;
};
template <>
struct dtype_of<bool> {
  static constexpr ScalarType value = kBool;
};
template <class T>
inline constexpr ScalarType dtype_of_v = dtype_of<std::remove_cv_t<T>>::value;

template <class T>
struct CppTypeToScalarType : std::integral_constant<ScalarType, dtype_of<T>::value> {};

namespace impl {
// The C++ type of a dtype: ScalarTypeToCPPTypeT<kFloat> is float.
template <ScalarType N>
struct ScalarTypeToCPPType;
#define EMBER_CPP_TYPE(cpp, name) \
  template <> \
  struct ScalarTypeToCPPType<ScalarType::name> { \
    using type = cpp; \
  };
EMBER_CPP_TYPE(uint8_t, Byte)
EMBER_CPP_TYPE(int8_t, Char)
EMBER_CPP_TYPE(int16_t, Short)
EMBER_CPP_TYPE(int32_t, Int)
EMBER_CPP_TYPE(int64_t, Long)
EMBER_CPP_TYPE(ember::Half, Half)
EMBER_CPP_TYPE(float, Float)
EMBER_CPP_TYPE(double, Double)
EMBER_CPP_TYPE(bool, Bool)
EMBER_CPP_TYPE(ember::BFloat16, BFloat16)
#undef EMBER_CPP_TYPE
template <ScalarType N>
using ScalarTypeToCPPTypeT = typename ScalarTypeToCPPType<N>::type;
}  // namespace impl

// The type in which arithmetic on T is done: float for the 2-byte floats, T otherwise.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// std::is_floating_point with the 2-byte floats.
template <class T>
inline constexpr bool is_floating_v =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// A dtype as Tensor::dtype() gives it: equal to, and convertible to, the ScalarType that it stands for, with the
// name that C++ has for the element type. (PyTorch's TypeMeta.)
class TypeMeta {
 public:
  constexpr TypeMeta() = default;
  constexpr explicit TypeMeta(ScalarType type) : type_(type) {}
  template <class T>
  static constexpr TypeMeta Make() {
    return TypeMeta(dtype_of_v<T>);
  }
  static constexpr TypeMeta fromScalarType(ScalarType type) { return TypeMeta(type); }

  constexpr operator ScalarType() const { return type_; }  // NOLINT: implicit
  constexpr ScalarType toScalarType() const { return type_; }
  constexpr size_t itemsize() const { return element_size(type_); }
  std::string_view name() const;  // "float", "long int"
  template <class T>
  constexpr bool Match() const {
    return type_ == dtype_of_v<T>;
  }

  friend constexpr bool operator==(TypeMeta a, TypeMeta b) { return a.type_ == b.type_; }
  friend constexpr bool operator==(TypeMeta a, ScalarType b) { return a.type_ == b; }

 private:
  ScalarType type_ = ScalarType::Undefined;
};
std::ostream& operator<<(std::ostream& out, TypeMeta t);
constexpr ScalarType typeMetaToScalarType(TypeMeta t) { return t.toScalarType(); }
constexpr TypeMeta scalarTypeToTypeMeta(ScalarType t) { return TypeMeta(t); }

// Which dtypes a kernel accepts.
// Numeric: all but bool. Bits: integral and bool.
enum class DtypeSet : uint8_t { Floating, Numeric, All, Integral, Bits };

namespace detail {
[[noreturn]] void throw_unsupported_dtype(ScalarType t, DtypeSet set);
}

// Calls f.template operator()<T>() with the C++ type of `t`; throws Error if `t` is not in Set.
template <DtypeSet Set = DtypeSet::All, class F>
decltype(auto) visit_dtype(ScalarType t, F&& f) {
  if constexpr (Set != DtypeSet::Integral && Set != DtypeSet::Bits) {
    switch (t) {
      case ScalarType::Float: return f.template operator()<float>();
      case ScalarType::Double: return f.template operator()<double>();
      case ScalarType::Half: return f.template operator()<Half>();
      case ScalarType::BFloat16: return f.template operator()<BFloat16>();
      default: break;
    }
  }
  if constexpr (Set != DtypeSet::Floating) {
    switch (t) {
      case ScalarType::Byte: return f.template operator()<uint8_t>();
      case ScalarType::Char: return f.template operator()<int8_t>();
      case ScalarType::Short: return f.template operator()<int16_t>();
      case ScalarType::Int: return f.template operator()<int32_t>();
      case ScalarType::Long: return f.template operator()<int64_t>();
      default: break;
    }
  }
  if constexpr (Set == DtypeSet::All || Set == DtypeSet::Bits) {
    if (t == ScalarType::Bool) return f.template operator()<bool>();
  }
  detail::throw_unsupported_dtype(t, Set);
}

}  // namespace ember
