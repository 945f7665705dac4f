// Sizes, strides and dimension lists, kept inline: a tensor's shape never allocates.
#pragma once

#include <cstdint>

#include <ember/core/array_ref.h>

namespace ember {

// The most dimensions that a tensor can have. More is refused with an Error.
inline constexpr int kMaxDims = 16;

// A short list of int64_t with inline room for kMaxDims. Trivially destructible; copies only what it holds.
class Dims {
 public:
  Dims() : size_(0) {}
  explicit Dims(size_t size) : size_(check(size)) {}  // values unset
  Dims(size_t size, int64_t value) : size_(check(size)) {
    for (size_t i = 0; i < size; ++i) values_[i] = value;
  }
  Dims(IntArrayRef a) : size_(check(a.size())) {  // NOLINT: implicit
    copy(values_, a.data(), size_);
  }
  Dims(std::initializer_list<int64_t> l) : Dims(IntArrayRef(l)) {}
  Dims(const Dims& other) : Dims(IntArrayRef(other)) {}
  Dims& operator=(const Dims& other) {
    size_ = other.size_;
    copy(values_, other.values_, size_);
    return *this;
  }

  operator IntArrayRef() const { return {values_, size_}; }  // NOLINT: implicit
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* data() { return values_; }
  const int64_t* data() const { return values_; }
  int64_t& operator[](size_t i) { return values_[i]; }
  int64_t operator[](size_t i) const { return values_[i]; }
  int64_t* begin() { return values_; }
  int64_t* end() { return values_ + size_; }
  const int64_t* begin() const { return values_; }
  const int64_t* end() const { return values_ + size_; }
  // Of a list that is not empty.
  int64_t back() const {
    if (size_ == 0) __builtin_unreachable();  // or the compiler warns of index −1
    return values_[size_ - 1];
  }
  void resize(size_t size) { size_ = check(size); }
  void push_back(int64_t v) {
    check(size_ + 1);
    values_[size_++] = v;
  }
  void insert(size_t at, int64_t v) {
    check(size_ + 1);
    for (size_t i = size_; i > at; --i) values_[i] = values_[i - 1];
    values_[at] = v;
    ++size_;
  }
  void erase(size_t at) {
    --size_;
    for (size_t i = at; i < size_; ++i) values_[i] = values_[i + 1];
  }
  friend bool operator==(const Dims& a, const Dims& b) { return IntArrayRef(a).equals(b); }

 private:
  static size_t check(size_t size) {
    EMBER_CHECK(size <= kMaxDims, "a tensor can have at most ", kMaxDims, " dimensions, got ", size);
    return size;
  }

  // The few values one by one: a call of memcpy, and all the more the `rep movs` that compilers make of it, takes
  // longer than they do. The empty statement keeps them from seeing a memcpy in the loop.
  static void copy(int64_t* to, const int64_t* from, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      to[i] = from[i];
      asm("" : "+r"(i));
    }
  }

  size_t size_;
  int64_t values_[kMaxDims];
};

inline std::ostream& operator<<(std::ostream& out, const Dims& d) { return out << IntArrayRef(d); }

// A set of dimensions, bit d for dimension d.
using DimMask = uint32_t;

// The number of elements; throws Error if a size is negative or the product overflows int64_t.
int64_t checked_numel(IntArrayRef sizes);

// Row-major strides, in elements. A size of 0 counts as 1, as in PyTorch.
Dims contiguous_strides(IntArrayRef sizes);
bool is_contiguous(IntArrayRef sizes, IntArrayRef strides);
// Whether no two indices address the same element, and the elements fill their range without gaps.
bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides);

// Strides without gaps whose dimensions lie in memory in the order of these, as far as they say one.
Dims dense_strides_like(IntArrayRef sizes, IntArrayRef strides);

// One more than the distance, in elements, from a view's first element to its last; 0 if it is empty.
int64_t view_extent(IntArrayRef sizes, IntArrayRef strides);

// `dim` in [-rank, rank) mapped to [0, rank); a 0-dimensional tensor takes -1 and 0. Throws IndexError.
int64_t wrap_dim(int64_t dim, int64_t rank);

// The shape to which both broadcast; throws Error naming both.
Dims broadcast_shapes(IntArrayRef a, IntArrayRef b);
// Whether `from` broadcasts to exactly `to`.
bool is_expandable_to(IntArrayRef from, IntArrayRef to);

}  // namespace ember
