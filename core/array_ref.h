// A non-owning view of a sequence, made from braces, a vector, an array or one element. It must not
// outlive what it views.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <string_view>
#include <type_traits>
#include <vector>

#include <ember/core/error.h>

namespace ember {

template <class T>
class ArrayRef;

namespace detail {
// A container of T other than those with constructors of their own, and that does not convert by itself.
template <class C, class T>
concept ViewableAs = requires(const C& c) {
  { c.data() } -> std::convertible_to<const T*>;
  { c.size() } -> std::convertible_to<size_t>;
}
&&std::same_as<std::remove_cvref_t<decltype(*std::declval<const C&>().data())>, T> && !requires(const C& c) {
  c.operator ArrayRef<T>();
};
}  // namespace detail

template <class T>
class ArrayRef {
 public:
  using value_type = T;
  using size_type = size_t;
  using iterator = const T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;

  constexpr ArrayRef() = default;
  constexpr ArrayRef(const T& one) : data_(&one), size_(1) {}  // NOLINT: implicit, all of these
  constexpr ArrayRef(const T* data, size_t size) : data_(data), size_(size) {}
  constexpr ArrayRef(const T* begin, const T* end) : data_(begin), size_(static_cast<size_t>(end - begin)) {}
  template <class A>
  ArrayRef(const std::vector<T, A>& v) : data_(v.data()), size_(v.size()) {}  // NOLINT
  template <detail::ViewableAs<T> C>
  constexpr ArrayRef(const C& container) : data_(container.data()), size_(container.size()) {}  // NOLINT
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

  ArrayRef(const ArrayRef&) = default;
  ArrayRef& operator=(const ArrayRef&) = default;
  // What is assigned would be gone with the statement.
  template <class U>
  requires(std::same_as<U, T>) ArrayRef& operator=(U&& temporary) = delete;
  template <class U>
  requires(std::same_as<U, T>) ArrayRef& operator=(std::initializer_list<U>) = delete;

  constexpr const T* begin() const { return data_; }
  constexpr const T* end() const { return data_ + size_; }
  constexpr const T* cbegin() const { return data_; }
  constexpr const T* cend() const { return data_ + size_; }
  constexpr reverse_iterator rbegin() const { return reverse_iterator(end()); }
  constexpr reverse_iterator rend() const { return reverse_iterator(begin()); }
  constexpr const T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr const T& operator[](size_t i) const { return data_[i]; }
  constexpr const T& at(size_t i) const {
    EMBER_CHECK_INDEX(i < size_, "ArrayRef: index ", i, " is out of range for ", size_, " elements");
    return data_[i];
  }
  constexpr const T& front() const {
    EMBER_CHECK_INDEX(size_ != 0, "ArrayRef: front() of an empty array");
    return data_[0];
  }
  constexpr const T& back() const {
    EMBER_CHECK_INDEX(size_ != 0, "ArrayRef: back() of an empty array");
    return data_[size_ - 1];
  }
  // The `count` elements from `start` on, or all of them.
  constexpr ArrayRef slice(size_t start, size_t count) const {
    EMBER_CHECK_INDEX(start <= size_ && count <= size_ - start, "ArrayRef: ", count, " elements from ", start,
                      " on are out of range for ", size_, " elements");
    return {data_ + start, count};
  }
  constexpr ArrayRef slice(size_t start) const {
    EMBER_CHECK_INDEX(start <= size_, "ArrayRef: a slice from ", start, " on is out of range for ", size_, " elements");
    return {data_ + start, size_ - start};
  }
  constexpr ArrayRef drop_front(size_t count = 1) const { return slice(count); }
  constexpr ArrayRef drop_back(size_t count = 1) const {
    EMBER_CHECK_INDEX(count <= size_, "ArrayRef: cannot drop ", count, " of ", size_, " elements");
    return {data_, size_ - count};
  }
  template <class Predicate>
  constexpr bool allMatch(const Predicate& predicate) const {
    return std::all_of(begin(), end(), predicate);
  }
  std::vector<T> vec() const { return std::vector<T>(begin(), end()); }

  constexpr bool equals(ArrayRef other) const {
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
ArrayRef(const T&) -> ArrayRef<T>;
template <class T>
ArrayRef(const T*, size_t) -> ArrayRef<T>;
template <class T>
ArrayRef(const T*, const T*) -> ArrayRef<T>;
template <class C>
requires requires(const C& c) { *c.data(); }
ArrayRef(const C&)->ArrayRef<std::remove_cvref_t<decltype(*std::declval<const C&>().data())>>;
template <class T, class A>
ArrayRef(const std::vector<T, A>&) -> ArrayRef<T>;
template <class T, size_t N>
ArrayRef(const std::array<T, N>&) -> ArrayRef<T>;
template <class T, size_t N>
ArrayRef(const T (&)[N]) -> ArrayRef<T>;
template <class T>
ArrayRef(std::initializer_list<T>) -> ArrayRef<T>;
template <class T>
ArrayRef(const ArrayRef<T>&) -> ArrayRef<T>;

template <class T>
ArrayRef<T> makeArrayRef(const T& one) {
  return one;
}
template <class T>
ArrayRef<T> makeArrayRef(const T* data, size_t size) {
  return {data, size};
}
template <class T>
ArrayRef<T> makeArrayRef(const T* begin, const T* end) {
  return {begin, end};
}
template <class T>
ArrayRef<T> makeArrayRef(const std::vector<T>& v) {
  return v;
}
template <class T, size_t N>
ArrayRef<T> makeArrayRef(const std::array<T, N>& a) {
  return a;
}
template <class T, size_t N>
ArrayRef<T> makeArrayRef(const T (&a)[N]) {
  return a;
}
template <class T>
ArrayRef<T> makeArrayRef(const ArrayRef<T>& a) {
  return a;
}

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
  void reset() { *this = OptionalArrayRef(); }
  ArrayRef<T>& emplace(ArrayRef<T> a) {
    *this = a;
    return array_;
  }
  void swap(OptionalArrayRef& other) { std::swap(*this, other); }

  friend bool operator==(const OptionalArrayRef& a, ArrayRef<T> b) { return a.has_ && a.array_ == b; }
  friend bool operator==(const OptionalArrayRef& a, const OptionalArrayRef& b) {
    return a.has_ == b.has_ && (!a.has_ || a.array_ == b.array_);
  }

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

template <class T>
inline constexpr bool std::ranges::enable_borrowed_range<ember::ArrayRef<T>> = true;
