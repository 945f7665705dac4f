// Transposes matrices, whatever their elements' type.
#pragma once

#include <cstdint>

namespace ember::cpu {

// to[r][c] = from[c][r] for r < rows and c < columns, where rows of `to` and of `from` are dense and their strides in
// bytes. The two do not overlap.
void transpose(int64_t element_size, char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
               int64_t columns);

}  // namespace ember::cpu
