// A value of one of a few types: what a custom Function keeps beside tensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <ember/core/generator.h>
#include <ember/core/tensor.h>

namespace ember {

// Made from a value of any of its types, without a cast. isX() asks for the type; toX() gives the value and throws
// Error if it is of another type. Scalars are kept as what they hold, a dtype as an integer; lists of values of several
// types and dictionaries hold IValues. Copies share the value, which never changes.
class IValue {
 public:
  using List = std::vector<IValue>;
  using Dict = std::map<std::string, IValue>;

  IValue() = default;
  IValue(std::nullopt_t) {}  // NOLINT: implicit, all of these
  IValue(bool v);            // NOLINT
  IValue(double v);          // NOLINT
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) IValue(T v)
      : value_(make_int(static_cast<int64_t>(v))) {}  // NOLINT
  IValue(ScalarType v);                               // NOLINT
  IValue(TypeMeta v);                                 // NOLINT
  IValue(Layout v);                                   // NOLINT
  IValue(MemoryFormat v);                             // NOLINT
  IValue(std::string v);                              // NOLINT
  IValue(std::string_view v);                         // NOLINT
  IValue(const char* v);                              // NOLINT
  IValue(const Scalar& v);                            // NOLINT
  IValue(Tensor v);                                   // NOLINT
  IValue(Device v);                                   // NOLINT
  IValue(DeviceType v);                               // NOLINT
  IValue(Generator v);                                // NOLINT
  IValue(std::vector<int64_t> v);                     // NOLINT
  IValue(std::vector<double> v);                      // NOLINT
  IValue(std::vector<bool> v);                        // NOLINT
  IValue(std::vector<Tensor> v);                      // NOLINT
  IValue(IntArrayRef v);                              // NOLINT
  IValue(TensorList v);                               // NOLINT
  IValue(List v);                                     // NOLINT
  IValue(Dict v);                                     // NOLINT
  IValue(const std::vector<int>& v);                  // NOLINT
  IValue(const std::vector<float>& v);                // NOLINT
  // Lists of anything else that is a value (strings, Scalars, lists), and dictionaries.
  template <class T>
  requires(std::is_constructible_v<IValue, T>) IValue(const std::vector<T>& v)
      : IValue(List(v.begin(), v.end())) {}  // NOLINT
  template <class T>
  requires(std::is_constructible_v<IValue, T>) IValue(const std::map<std::string, T>& v)
      : IValue(Dict(v.begin(), v.end())) {}  // NOLINT
  template <class T>
  requires(std::is_constructible_v<IValue, T>) IValue(const std::unordered_map<std::string, T>& v)
      : IValue(Dict(v.begin(), v.end())) {}  // NOLINT
  template <class T>
  requires(std::is_constructible_v<IValue, T>) IValue(const std::optional<T>& v) {  // NOLINT
    if (v) *this = IValue(*v);
  }

  bool isNone() const { return value_ == nullptr; }
  bool isBool() const;
  bool isInt() const;
  bool isDouble() const;
  bool isString() const;
  bool isScalar() const { return isInt() || isDouble() || isBool(); }
  bool isTensor() const;
  bool isDevice() const;
  bool isGenerator() const;
  bool isIntList() const;
  bool isDoubleList() const;
  bool isBoolList() const;
  bool isTensorList() const;
  bool isList() const;  // of any kind
  bool isGenericDict() const;

  bool toBool() const;
  int64_t toInt() const;
  double toDouble() const;
  const std::string& toStringRef() const;
  std::string_view toStringView() const { return toStringRef(); }
  Scalar toScalar() const;
  const Tensor& toTensor() const;
  Device toDevice() const;
  ScalarType toScalarType() const;
  Layout toLayout() const;
  MemoryFormat toMemoryFormat() const;
  const Generator& toGenerator() const;
  const std::vector<int64_t>& toIntVector() const;
  const std::vector<double>& toDoubleVector() const;
  const std::vector<Tensor>& toTensorVector() const;
  const std::vector<int64_t>& toIntList() const { return toIntVector(); }
  const std::vector<double>& toDoubleList() const { return toDoubleVector(); }
  const std::vector<Tensor>& toTensorList() const { return toTensorVector(); }
  const std::vector<bool>& toBoolList() const;
  const List& toListRef() const;
  List toList() const;  // of any list
  const Dict& toGenericDict() const;

  // The value as a T: to<int64_t>(), to<std::string>(), to<std::vector<Scalar>>(), to<std::map<std::string, double>>().
  template <class T>
  T to() const;
  template <class T>
  std::optional<T> toOptional() const {
    return isNone() ? std::optional<T>() : std::optional<T>(to<T>());
  }
  const char* tagKind() const;  // "Int"

 private:
  struct Value;  // in ivalue.cpp
  template <class T>
  bool is() const;
  template <class T>
  const T& as(const char* wanted) const;
  template <class T>
  static std::shared_ptr<const Value> make(T value);
  static std::shared_ptr<const Value> make_int(int64_t value);

  std::shared_ptr<const Value> value_;  // null: none. Never changed, so copies may share it
};

namespace detail {
template <class T>
struct IValueTo {
  static T get(const IValue& v) {
    if constexpr (std::is_same_v<T, IValue>) {
      return v;
    } else if constexpr (std::is_same_v<T, bool>) {
      return v.toBool();
    } else if constexpr (std::is_same_v<T, ScalarType>) {
      return v.toScalarType();
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(v.toInt());
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(v.toDouble());
    } else if constexpr (std::is_same_v<T, Scalar>) {
      return v.toScalar();
    } else if constexpr (std::is_same_v<T, std::string>) {
      return v.toStringRef();
    } else if constexpr (std::is_same_v<T, Tensor>) {
      return v.toTensor();
    } else if constexpr (std::is_same_v<T, Device>) {
      return v.toDevice();
    } else if constexpr (std::is_same_v<T, Layout>) {
      return v.toLayout();
    } else if constexpr (std::is_same_v<T, MemoryFormat>) {
      return v.toMemoryFormat();
    } else {
      static_assert(std::is_same_v<T, Generator>, "IValue holds no such type");
      return v.toGenerator();
    }
  }
};
template <class T>
struct IValueTo<std::vector<T>> {
  static std::vector<T> get(const IValue& v) {
    std::vector<T> result;
    for (const IValue& each : v.toList()) result.push_back(each.to<T>());
    return result;
  }
};
template <class T>
struct IValueTo<std::optional<T>> {
  static std::optional<T> get(const IValue& v) { return v.toOptional<T>(); }
};
template <class T>
struct IValueTo<std::map<std::string, T>> {
  static std::map<std::string, T> get(const IValue& v) {
    std::map<std::string, T> result;
    for (const auto& [key, value] : v.toGenericDict()) result.emplace(key, value.template to<T>());
    return result;
  }
};
template <class T>
struct IValueTo<std::unordered_map<std::string, T>> {
  static std::unordered_map<std::string, T> get(const IValue& v) {
    const auto sorted = v.to<std::map<std::string, T>>();
    return {sorted.begin(), sorted.end()};
  }
};
}  // namespace detail

template <class T>
T IValue::to() const {
  return detail::IValueTo<T>::get(*this);
}

}  // namespace ember
