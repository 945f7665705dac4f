// Arrays of floating elements as kernels compute with them: those of 2-byte floats are converted on the way.
#pragma once

#include <vector>

#include <ember/core/tensor.h>
#include <ember/cpu/elementwise.h>

namespace ember::cpu {

inline void convert(ScalarType from, ScalarType to, void* out, const void* in, int64_t n) {
  char* const operands[] = {static_cast<char*>(out), static_cast<char*>(const_cast<void*>(in))};
  loops.convert_from(from)[to](operands, n, Params{});
}

// An array of elements of type E as elements of the compute type, in a buffer where that is another.
template <class E>
class Source {
 public:
  using T = compute_t<E>;
  explicit Source(const Tensor& t) : data_(t.defined() ? static_cast<const E*>(t.data_ptr()) : nullptr) {}
  const T* get(int64_t start, int64_t n) {
    if (data_ == nullptr) return nullptr;
    if constexpr (std::is_same_v<E, T>) {
      return data_ + start;
    } else {
      buffer_.resize(static_cast<size_t>(n));
      convert(dtype_of_v<E>, dtype_of_v<T>, buffer_.data(), data_ + start, n);
      return buffer_.data();
    }
  }

 private:
  const E* data_;
  std::vector<T> buffer_;
};

// The same to write to: put() after the elements that get() gave are there.
template <class E>
class Sink {
 public:
  using T = compute_t<E>;
  explicit Sink(const Tensor& t) : data_(t.defined() ? static_cast<E*>(t.data_ptr()) : nullptr) {}
  T* get(int64_t start, int64_t n) {
    if (data_ == nullptr) return nullptr;
    if constexpr (std::is_same_v<E, T>) {
      return data_ + start;
    } else {
      buffer_.resize(static_cast<size_t>(n));
      return buffer_.data();
    }
  }
  void put(int64_t start, int64_t n) {
    if constexpr (!std::is_same_v<E, T>) {
      if (data_ != nullptr) convert(dtype_of_v<T>, dtype_of_v<E>, data_ + start, buffer_.data(), n);
    }
  }

 private:
  E* data_;
  std::vector<T> buffer_;
};

}  // namespace ember::cpu
