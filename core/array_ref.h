// A non-owning view of a sequence, made from braces, a vector, an array or one element. It must not
// outlive what it views.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <type_traits>
#include <vector>

#include <ember/core/error.h>

namespace ember {

template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using iterator = const T*;
  using const_iterator = const T*;

  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T& one) : data_(&one), size_(1) {}  // NOLINT: implicit, all of these
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(static_cast<size_t>(end - begin)) {}
  template <class A>
  ArrayRef(const std::vector<T, A>& v) : data_(v.data()), size_(v.size()) {}  // NOLINT
  template <size_t N>
  constexpr ArrayRef(const std::array<T, N>& a) : data_(a.data()), size_(N) {}  // NOLINT
  template <size_t N>
  constexpr ArrayRef(const T (&a)[N]) : data_(a), size_(N) {}  // NOLINT
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"  // a view by contract
#endif
  constexpr ArrayRef(std::initializer_list<T> l)  // NOLINT
      : data_(l.size() == 0 ? nullptr : l.begin()), size_(l.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  const T& at(size_t i) const {
    EMBER_CHECK_INDEX(i < size_, "ArrayRef: index ", i, " is out of range for ", size_, " elements");
    return data_[i];
  }
  const T& front() const { return at(0); }
  const T& back() const { return at(size_ - 1); }
  ArrayRef slice(size_t start, size_t count) const {
    EMBER_CHECK_INDEX(start <= size_ && count <= size_ - start, "ArrayRef: slice [", start, ", ", start + count,
                      ") is out of range for ", size_, " elements");
    return {data_ + start, count};
  }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }

  bool equals(ArrayRef other) const {
    if (size_ != other.size_) return false;
    for (size_t i = 0; i < size_; ++i)
      if (!(data_[i] == other.data_[i])) return false;
    return true;
  }
  friend bool operator==(ArrayRef a, ArrayRef b) { return a.equals(b); }
  friend bool operator!=(ArrayRef a, ArrayRef b) { return !a.equals(b); }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

template <class T>
std::ostream& operator<<(std::ostream& out, ArrayRef<T> a) {
  out << '[';
  for (size_t i = 0; i < a.size(); ++i) out << (i == 0 ? "" : ", ") << a[i];
  return out << ']';
}

using IntArrayRef = ArrayRef<int64_t>;

// A view of a sequence, or nothing. Implicit from whatever makes an ArrayRef, one element and braces included.
template <class T>
class OptionalArrayRef {
 public:
  constexpr OptionalArrayRef() = default;
  constexpr OptionalArrayRef(std::nullopt_t) {}                                     // NOLINT: implicit, all of these
  constexpr OptionalArrayRef(ArrayRef<T> a) : array_(a), has_(true) {}              // NOLINT
  constexpr OptionalArrayRef(const T& one) : OptionalArrayRef(ArrayRef<T>(one)) {}  // NOLINT
  constexpr OptionalArrayRef(std::initializer_list<T> l) : OptionalArrayRef(ArrayRef<T>(l)) {}  // NOLINT
  template <class U>
  requires(std::is_convertible_v<const U&, ArrayRef<T>> && !std::is_same_v<U, ArrayRef<T>> &&
           !std::is_arithmetic_v<U>) constexpr OptionalArrayRef(const U& u)  // NOLINT
      : OptionalArrayRef(ArrayRef<T>(u)) {}
  OptionalArrayRef(const std::optional<ArrayRef<T>>& o)  // NOLINT
      : array_(o.value_or(ArrayRef<T>())), has_(o.has_value()) {}

  constexpr bool has_value() const { return has_; }
  constexpr explicit operator bool() const { return has_; }
  constexpr const ArrayRef<T>& operator*() const { return array_; }
  constexpr const ArrayRef<T>* operator->() const { return &array_; }
  const ArrayRef<T>& value() const {
    EMBER_CHECK(has_, "OptionalArrayRef: there is no value");
    return array_;
  }
  constexpr ArrayRef<T> value_or(ArrayRef<T> other) const { return has_ ? array_ : other; }

 private:
  ArrayRef<T> array_;
  bool has_ = false;
};
using OptionalIntArrayRef = OptionalArrayRef<int64_t>;

template <class T>
bool operator==(const std::vector<T>& a, ArrayRef<T> b) {
  return ArrayRef<T>(a).equals(b);
}
template <class T>
bool operator==(ArrayRef<T> a, const std::vector<T>& b) {
  return a.equals(ArrayRef<T>(b));
}

}  // namespace ember
