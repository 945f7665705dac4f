// irange: integers to loop over. `for (const auto i : irange(n))` is for (i = 0; i < n; ++i), empty for n <= 0.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>

namespace ember {

template <std::integral I>
class integer_range {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = I;
    using difference_type = std::ptrdiff_t;
    using pointer = const I*;
    using reference = I;

    constexpr explicit iterator(I value = I()) : value_(value) {}
    constexpr I operator*() const { return value_; }
    constexpr const I* operator->() const { return &value_; }
    constexpr iterator& operator++() {
      ++value_;
      return *this;
    }
    constexpr iterator operator++(int) {
      const iterator before = *this;
      ++value_;
      return before;
    }
    friend constexpr bool operator==(const iterator&, const iterator&) = default;

   private:
    I value_;
  };

  constexpr integer_range(I begin, I end) : begin_(begin), end_(std::max(begin, end)) {}
  constexpr iterator begin() const { return begin_; }
  constexpr iterator end() const { return end_; }

 private:
  iterator begin_;
  iterator end_;
};

// From 0, or `begin`, up to but without `end`, in end's type.
template <std::integral I>
constexpr integer_range<I> irange(I end) {
  return {I(), end};
}
template <std::integral I, std::integral J>
constexpr integer_range<J> irange(I begin, J end) {
  return {static_cast<J>(begin), end};
}

}  // namespace ember
