// A value of one of a few types: what a custom Function keeps beside tensors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include <ember/core/generator.h>
#include <ember/core/tensor.h>

namespace ember {

// Made from a value of any of its types, without a cast. isX() asks for the type; toX() gives the value and throws
// Error if it is of another type. Scalars are kept as what they hold, a dtype as an integer; lists of values of several
// types and dictionaries hold IValues. Copies of lists of IValues and of dictionaries share them.
class IValue {
 public:
  using List = std::vector<IValue>;
  using Dict = std::map<std::string, IValue>;

  // The special members are in ivalue.cpp: instantiated here, they would cost every file that includes this.
  IValue();
  IValue(const IValue& other);
  IValue(IValue&& other) noexcept;
  IValue& operator=(const IValue& other);
  IValue& operator=(IValue&& other) noexcept;
  ~IValue();
  IValue(std::nullopt_t) {}  // NOLINT: implicit, all of these
  IValue(bool v);            // NOLINT
  IValue(double v);          // NOLINT
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) IValue(T v)
      : value_(static_cast<int64_t>(v)) {}  // NOLINT
  IValue(ScalarType v);                     // NOLINT
  IValue(TypeMeta v);                       // NOLINT
  IValue(Layout v);                         // NOLINT
  IValue(MemoryFormat v);                   // NOLINT
  IValue(std::string v);                    // NOLINT
  IValue(std::string_view v);               // NOLINT
  IValue(const char* v);                    // NOLINT
  IValue(const Scalar& v) {                 // NOLINT
    if (v.is_boolean()) {
      value_ = v.to<bool>();
    } else if (v.is_floating_point()) {
      value_ = v.to<double>();
    } else {
      value_ = v.to<int64_t>();
    }
  }
  IValue(Tensor v);                     // NOLINT
  IValue(Device v);                     // NOLINT
  IValue(DeviceType v);                 // NOLINT
  IValue(Generator v);                  // NOLINT
  IValue(std::vector<int64_t> v);       // NOLINT
  IValue(std::vector<double> v);        // NOLINT
  IValue(std::vector<bool> v);          // NOLINT
  IValue(std::vector<Tensor> v);        // NOLINT
  IValue(IntArrayRef v);                // NOLINT
  IValue(TensorList v);                 // NOLINT
  IValue(List v);                       // NOLINT
  IValue(Dict v);                       // NOLINT
  IValue(const std::vector<int>& v);    // NOLINT
  IValue(const std::vector<float>& v);  // NOLINT
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

  bool isNone() const { return is<std::monostate>(); }
  bool isBool() const { return is<bool>(); }
  bool isInt() const { return is<int64_t>(); }
  bool isDouble() const { return is<double>(); }
  bool isString() const { return is<std::string>(); }
  bool isScalar() const { return isInt() || isDouble() || isBool(); }
  bool isTensor() const { return is<Tensor>(); }
  bool isDevice() const { return is<Device>(); }
  bool isGenerator() const { return is<Generator>(); }
  bool isIntList() const { return is<std::vector<int64_t>>(); }
  bool isDoubleList() const { return is<std::vector<double>>(); }
  bool isBoolList() const { return is<std::vector<bool>>(); }
  bool isTensorList() const { return is<std::vector<Tensor>>(); }
  bool isList() const {
    return is<std::shared_ptr<const List>>() || isIntList() || isDoubleList() || isBoolList() || isTensorList();
  }
  bool isGenericDict() const { return is<std::shared_ptr<const Dict>>(); }

  bool toBool() const { return as<bool>("a bool"); }
  int64_t toInt() const { return as<int64_t>("an integer"); }
  double toDouble() const { return as<double>("a double"); }
  const std::string& toStringRef() const { return as<std::string>("a string"); }
  std::string_view toStringView() const { return toStringRef(); }
  Scalar toScalar() const;
  const Tensor& toTensor() const { return as<Tensor>("a Tensor"); }
  Device toDevice() const { return as<Device>("a Device"); }
  ScalarType toScalarType() const { return static_cast<ScalarType>(as<int64_t>("a dtype")); }
  Layout toLayout() const { return static_cast<Layout>(as<int64_t>("a layout")); }
  MemoryFormat toMemoryFormat() const { return static_cast<MemoryFormat>(as<int64_t>("a memory format")); }
  const Generator& toGenerator() const { return as<Generator>("a Generator"); }
  const std::vector<int64_t>& toIntVector() const { return as<std::vector<int64_t>>("a list of integers"); }
  const std::vector<double>& toDoubleVector() const { return as<std::vector<double>>("a list of doubles"); }
  const std::vector<Tensor>& toTensorVector() const { return as<std::vector<Tensor>>("a list of tensors"); }
  const std::vector<int64_t>& toIntList() const { return toIntVector(); }
  const std::vector<double>& toDoubleList() const { return toDoubleVector(); }
  const std::vector<Tensor>& toTensorList() const { return toTensorVector(); }
  const std::vector<bool>& toBoolList() const { return as<std::vector<bool>>("a list of bools"); }
  const List& toListRef() const { return *as<std::shared_ptr<const List>>("a list of values"); }
  List toList() const;  // of any list
  const Dict& toGenericDict() const { return *as<std::shared_ptr<const Dict>>("a dictionary"); }

  // The value as a T: to<int64_t>(), to<std::string>(), to<std::vector<Scalar>>(), to<std::map<std::string, double>>().
  template <class T>
  T to() const;
  template <class T>
  std::optional<T> toOptional() const {
    return isNone() ? std::optional<T>() : std::optional<T>(to<T>());
  }
  const char* tagKind() const;  // "Int"

 private:
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(value_);
  }
  template <class T>
  const T& as(const char* wanted) const {
    const T* v = std::get_if<T>(&value_);
    EMBER_CHECK(v != nullptr, "IValue: expected ", wanted, ", the value is of type ", tagKind());
    return *v;
  }
  std::variant<std::monostate, bool, int64_t, double, std::string, Tensor, Device, Generator, std::vector<int64_t>,
               std::vector<double>, std::vector<bool>, std::vector<Tensor>, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>>
      value_;
};

inline Scalar IValue::toScalar() const {
  if (isInt()) return Scalar(toInt());
  if (isDouble()) return Scalar(toDouble());
  if (isBool()) return Scalar(toBool());
  return Scalar(as<double>("a number"));
}

inline IValue::List IValue::toList() const {
  if (isIntList()) return List(toIntVector().begin(), toIntVector().end());
  if (isDoubleList()) return List(toDoubleVector().begin(), toDoubleVector().end());
  if (isTensorList()) return List(toTensorVector().begin(), toTensorVector().end());
  if (isBoolList()) {
    List list;
    for (const bool b : toBoolList()) list.emplace_back(b);
    return list;
  }
  return toListRef();
}

inline const char* IValue::tagKind() const {
  constexpr const char* kNames[] = {"None",     "Bool",       "Int",         "Double",     "String",
                                    "Tensor",   "Device",     "Generator",   "IntList",    "DoubleList",
                                    "BoolList", "TensorList", "GenericList", "GenericDict"};
  return kNames[value_.index()];
}

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
