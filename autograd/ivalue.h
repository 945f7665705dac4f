// A value of one of a few types: what a custom Function keeps beside tensors.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

class IValue {
 public:
  IValue() = default;
  IValue(bool v) : value_(v) {}  // NOLINT: implicit, all of these
  template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) IValue(T v)
      : value_(static_cast<int64_t>(v)) {}                  // NOLINT
  IValue(double v) : value_(v) {}                           // NOLINT
  IValue(std::string v) : value_(std::move(v)) {}           // NOLINT
  IValue(const char* v) : value_(std::string(v)) {}         // NOLINT
  IValue(Scalar v) : value_(v) {}                           // NOLINT
  IValue(Tensor v) : value_(std::move(v)) {}                // NOLINT
  IValue(std::vector<int64_t> v) : value_(std::move(v)) {}  // NOLINT
  IValue(std::vector<double> v) : value_(std::move(v)) {}   // NOLINT
  IValue(std::vector<Tensor> v) : value_(std::move(v)) {}   // NOLINT
  IValue(IntArrayRef v) : value_(v.vec()) {}                // NOLINT

  bool isNone() const { return std::holds_alternative<std::monostate>(value_); }
  bool isBool() const { return std::holds_alternative<bool>(value_); }
  bool isInt() const { return std::holds_alternative<int64_t>(value_); }
  bool isDouble() const { return std::holds_alternative<double>(value_); }
  bool isString() const { return std::holds_alternative<std::string>(value_); }
  bool isTensor() const { return std::holds_alternative<Tensor>(value_); }
  bool isScalar() const { return std::holds_alternative<Scalar>(value_); }
  bool isIntList() const { return std::holds_alternative<std::vector<int64_t>>(value_); }
  bool isDoubleList() const { return std::holds_alternative<std::vector<double>>(value_); }
  bool isTensorList() const { return std::holds_alternative<std::vector<Tensor>>(value_); }

  // Each throws Error if the value is of another type.
  bool toBool() const { return as<bool>("bool"); }
  int64_t toInt() const { return as<int64_t>("an integer"); }
  double toDouble() const { return as<double>("a double"); }
  const std::string& toStringRef() const { return as<std::string>("a string"); }
  const Scalar& toScalar() const { return as<Scalar>("a Scalar"); }
  const Tensor& toTensor() const { return as<Tensor>("a Tensor"); }
  const std::vector<int64_t>& toIntVector() const { return as<std::vector<int64_t>>("a list of integers"); }
  const std::vector<double>& toDoubleVector() const { return as<std::vector<double>>("a list of doubles"); }
  const std::vector<Tensor>& toTensorVector() const { return as<std::vector<Tensor>>("a list of tensors"); }

 private:
  template <class T>
  const T& as(const char* wanted) const {
    const T* v = std::get_if<T>(&value_);
    EMBER_CHECK(v != nullptr, "IValue: expected ", wanted, ", the value is of another type");
    return *v;
  }
  std::variant<std::monostate, bool, int64_t, double, std::string, Scalar, Tensor, std::vector<int64_t>,
               std::vector<double>, std::vector<Tensor>>
      value_;
};

}  // namespace ember
