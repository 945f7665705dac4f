#include <ember/autograd/ivalue.h>

#include <variant>

namespace ember {

struct IValue::Value {
  std::variant<std::monostate, bool, int64_t, double, std::string, Tensor, Device, Generator, std::vector<int64_t>,
               std::vector<double>, std::vector<bool>, std::vector<Tensor>, List, Dict>
      content;
};

template <class T>
bool IValue::is() const {
  return value_ != nullptr && std::holds_alternative<T>(value_->content);
}
template <class T>
const T& IValue::as(const char* wanted) const {
  EMBER_CHECK(is<T>(), "IValue: expected ", wanted, ", the value is of type ", tagKind());
  return std::get<T>(value_->content);
}
template <class T>
std::shared_ptr<const IValue::Value> IValue::make(T value) {
  return std::make_shared<const Value>(Value{std::move(value)});
}
std::shared_ptr<const IValue::Value> IValue::make_int(int64_t value) { return make(value); }

IValue::IValue(bool v) : value_(make(v)) {}
IValue::IValue(double v) : value_(make(v)) {}
IValue::IValue(ScalarType v) : value_(make_int(static_cast<int64_t>(v))) {}
IValue::IValue(TypeMeta v) : IValue(v.toScalarType()) {}
IValue::IValue(Layout v) : value_(make_int(static_cast<int64_t>(v))) {}
IValue::IValue(MemoryFormat v) : value_(make_int(static_cast<int64_t>(v))) {}
IValue::IValue(std::string v) : value_(make(std::move(v))) {}
IValue::IValue(std::string_view v) : value_(make(std::string(v))) {}
IValue::IValue(const char* v) : value_(make(std::string(v))) {}
IValue::IValue(const Scalar& v) {
  if (v.is_boolean()) {
    value_ = make(v.to<bool>());
  } else if (v.is_floating_point()) {
    value_ = make(v.to<double>());
  } else {
    value_ = make(v.to<int64_t>());
  }
}
IValue::IValue(Tensor v) : value_(make(std::move(v))) {}
IValue::IValue(Device v) : value_(make(v)) {}
IValue::IValue(DeviceType v) : value_(make(Device(v))) {}
IValue::IValue(Generator v) : value_(make(std::move(v))) {}
IValue::IValue(std::vector<int64_t> v) : value_(make(std::move(v))) {}
IValue::IValue(std::vector<double> v) : value_(make(std::move(v))) {}
IValue::IValue(std::vector<bool> v) : value_(make(std::move(v))) {}
IValue::IValue(std::vector<Tensor> v) : value_(make(std::move(v))) {}
IValue::IValue(IntArrayRef v) : value_(make(v.vec())) {}
IValue::IValue(TensorList v) : value_(make(v.vec())) {}
IValue::IValue(List v) : value_(make(std::move(v))) {}
IValue::IValue(Dict v) : value_(make(std::move(v))) {}
IValue::IValue(const std::vector<int>& v) : IValue(std::vector<int64_t>(v.begin(), v.end())) {}
IValue::IValue(const std::vector<float>& v) : IValue(std::vector<double>(v.begin(), v.end())) {}

bool IValue::isBool() const { return is<bool>(); }
bool IValue::isInt() const { return is<int64_t>(); }
bool IValue::isDouble() const { return is<double>(); }
bool IValue::isString() const { return is<std::string>(); }
bool IValue::isTensor() const { return is<Tensor>(); }
bool IValue::isDevice() const { return is<Device>(); }
bool IValue::isGenerator() const { return is<Generator>(); }
bool IValue::isIntList() const { return is<std::vector<int64_t>>(); }
bool IValue::isDoubleList() const { return is<std::vector<double>>(); }
bool IValue::isBoolList() const { return is<std::vector<bool>>(); }
bool IValue::isTensorList() const { return is<std::vector<Tensor>>(); }
bool IValue::isList() const { return is<List>() || isIntList() || isDoubleList() || isBoolList() || isTensorList(); }
bool IValue::isGenericDict() const { return is<Dict>(); }

bool IValue::toBool() const { return as<bool>("a bool"); }
int64_t IValue::toInt() const { return as<int64_t>("an integer"); }
double IValue::toDouble() const { return as<double>("a double"); }
const std::string& IValue::toStringRef() const { return as<std::string>("a string"); }
Scalar IValue::toScalar() const {
  if (isInt()) return Scalar(toInt());
  if (isBool()) return Scalar(toBool());
  return Scalar(as<double>("a number"));
}
const Tensor& IValue::toTensor() const { return as<Tensor>("a Tensor"); }
Device IValue::toDevice() const { return as<Device>("a Device"); }
ScalarType IValue::toScalarType() const { return static_cast<ScalarType>(as<int64_t>("a dtype")); }
Layout IValue::toLayout() const { return static_cast<Layout>(as<int64_t>("a layout")); }
MemoryFormat IValue::toMemoryFormat() const { return static_cast<MemoryFormat>(as<int64_t>("a memory format")); }
const Generator& IValue::toGenerator() const { return as<Generator>("a Generator"); }
const std::vector<int64_t>& IValue::toIntVector() const { return as<std::vector<int64_t>>("a list of integers"); }
const std::vector<double>& IValue::toDoubleVector() const { return as<std::vector<double>>("a list of doubles"); }
const std::vector<Tensor>& IValue::toTensorVector() const { return as<std::vector<Tensor>>("a list of tensors"); }
const std::vector<bool>& IValue::toBoolList() const { return as<std::vector<bool>>("a list of bools"); }
const IValue::List& IValue::toListRef() const { return as<List>("a list of values"); }
const IValue::Dict& IValue::toGenericDict() const { return as<Dict>("a dictionary"); }

IValue::List IValue::toList() const {
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

const char* IValue::tagKind() const {
  constexpr const char* kNames[] = {"None",     "Bool",       "Int",         "Double",     "String",
                                    "Tensor",   "Device",     "Generator",   "IntList",    "DoubleList",
                                    "BoolList", "TensorList", "GenericList", "GenericDict"};
  return kNames[value_ == nullptr ? 0 : value_->content.index()];
}

}  // namespace ember
