// Moves elements between layouts, whatever their type.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ember::cpu {

// Calls f with an unsigned integer of the element's size, for what only moves bits.
template <class F>
decltype(auto) visit_size(size_t element_size, F&& f) {
  switch (element_size) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    default: return f.template operator()<uint64_t>();
  }
}

// Memory with strides, in bytes, from element to element of a row and from row to row.
template <class Char>
struct Rows {
  Char* data;
  int64_t stride;
  int64_t row_stride;
};

// Copies `rows` rows of n elements.
void copy_rows(int64_t element_size, Rows<char> to, Rows<const char> from, int64_t n, int64_t rows);

// One row.
inline void strided_copy(int64_t element_size, char* to, int64_t to_stride, const char* from, int64_t from_stride,
                         int64_t n) {
  copy_rows(element_size, {to, to_stride, 0}, {from, from_stride, 0}, n, 1);
}

}  // namespace ember::cpu
