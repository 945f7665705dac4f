// ExpandingArray<D, T>: D values, made from D of them or from one that stands for all: kernel sizes, strides, paddings.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <ember/core/array_ref.h>

namespace ember {

namespace detail {
template <size_t D, class T, class U>
void expand_into(std::array<T, D>& to, ArrayRef<U> values) {
  EMBER_CHECK(values.size() == D, "expected ", D, " values, got ", values.size());
  std::copy(values.begin(), values.end(), to.begin());
}
}  // namespace detail

template <size_t D, class T = int64_t>
class ExpandingArray {
 public:
  // Any other number of values than D throws.
  ExpandingArray(std::initializer_list<T> list) : ExpandingArray(ArrayRef<T>(list)) {}   // NOLINT: implicit, all
  ExpandingArray(const std::vector<T>& values) : ExpandingArray(ArrayRef<T>(values)) {}  // NOLINT
  ExpandingArray(ArrayRef<T> values) { detail::expand_into(values_, values); }           // NOLINT
  ExpandingArray(T one) { values_.fill(one); }                                           // NOLINT
  ExpandingArray(const std::array<T, D>& values) : values_(values) {}                    // NOLINT

  std::array<T, D>& operator*() { return values_; }
  const std::array<T, D>& operator*() const { return values_; }
  std::array<T, D>* operator->() { return &values_; }
  const std::array<T, D>* operator->() const { return &values_; }
  operator ArrayRef<T>() const { return values_; }  // NOLINT: implicit
  size_t size() const noexcept { return D; }

 protected:
  std::array<T, D> values_;
};

// "3", or "[1, 2]".
template <size_t D, class T>
std::ostream& operator<<(std::ostream& out, const ExpandingArray<D, T>& array) {
  if constexpr (D == 1) return out << array->at(0);
  return out << ArrayRef<T>(*array);
}

// The same with values that may be missing.
template <size_t D, class T = int64_t>
class ExpandingArrayWithOptionalElem : public ExpandingArray<D, std::optional<T>> {
  using Base = ExpandingArray<D, std::optional<T>>;

 public:
  using Base::Base;
  ExpandingArrayWithOptionalElem(std::initializer_list<T> list)  // NOLINT: implicit, all of these
      : ExpandingArrayWithOptionalElem(ArrayRef<T>(list)) {}
  ExpandingArrayWithOptionalElem(const std::vector<T>& values)  // NOLINT
      : ExpandingArrayWithOptionalElem(ArrayRef<T>(values)) {}
  ExpandingArrayWithOptionalElem(ArrayRef<T> values) : Base(std::optional<T>()) {  // NOLINT
    detail::expand_into(this->values_, values);
  }
  ExpandingArrayWithOptionalElem(T one) : Base(std::optional<T>(one)) {}  // NOLINT
  ExpandingArrayWithOptionalElem(const std::array<T, D>& a)
      : ExpandingArrayWithOptionalElem(ArrayRef<T>(a)) {}  // NOLINT
};

// Missing ones as "None".
template <size_t D, class T>
std::ostream& operator<<(std::ostream& out, const ExpandingArrayWithOptionalElem<D, T>& array) {
  std::vector<std::string> texts;
  for (const auto& value : *array) texts.push_back(value ? str(*value) : "None");
  if constexpr (D == 1) return out << texts[0];
  return out << ArrayRef<std::string>(texts);
}

}  // namespace ember
