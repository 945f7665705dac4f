// Views of a part: an index, a range, a diagonal. Their gradients land in that part of zeros.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  check_defined("select", self);
  EMBER_CHECK_INDEX(self.dim() > 0, "select: a 0-dimensional tensor cannot be indexed; use item()");
  const int64_t d = wrap_dim(dim, self.dim());
  const auto i = static_cast<size_t>(d);
  const int64_t size = self.sizes()[i];
  EMBER_CHECK_INDEX(index >= -size && index < size, "select: index ", index, " is out of range for dimension ", d,
                    " of size ", size);
  const int64_t at = index < 0 ? index + size : index;
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t offset = self.storage_offset() + at * strides[i];
  sizes.erase(i);
  strides.erase(i);
  return make_view("SelectBackward0", self, sizes, strides, offset, [&] {
    return [old = Dims(self.sizes()), d, at](const Tensor& g) {
      return embed("SelectBackwardBackward0", g, old, [d, at](const Tensor& z) { return z.select(d, at); });
    };
  });
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  check_defined("slice", self);
  EMBER_CHECK(self.dim() > 0, "slice: a 0-dimensional tensor cannot be sliced");
  EMBER_CHECK(step > 0, "slice: the step must be positive, got ", step);
  const int64_t d = wrap_dim(dim, self.dim());
  const auto i = static_cast<size_t>(d);
  const int64_t size = self.sizes()[i];
  const auto clamp = [size](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
  const int64_t from = clamp(start.value_or(0));
  const int64_t to = std::max(from, end ? clamp(*end) : size);
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t offset = self.storage_offset() + from * strides[i];
  sizes[i] = step == 1 ? to - from : (to - from) / step + ((to - from) % step != 0 ? 1 : 0);
  // With one element or none the step is never taken, and may be of any length.
  if (__builtin_mul_overflow(strides[i], step, &strides[i])) {
    EMBER_CHECK(sizes[i] <= 1, "slice: the step ", step, " overflows");
    strides[i] = self.strides()[i];
  }
  return make_view("SliceBackward0", self, sizes, strides, offset, [&] {
    return [old = Dims(self.sizes()), d, from, to, step](const Tensor& g) {
      return embed("SliceBackwardBackward0", g, old,
                   [d, from, to, step](const Tensor& z) { return z.slice(d, from, to, step); });
    };
  });
}

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  check_defined("narrow", self);
  EMBER_CHECK(self.dim() > 0, "narrow: a 0-dimensional tensor cannot be narrowed");
  const int64_t size = self.size(dim);
  EMBER_CHECK(length >= 0, "narrow: the length must not be negative, got ", length);
  EMBER_CHECK_INDEX(start >= -size && start <= size, "narrow: start ", start,
                    " is out of range for a dimension of size ", size);
  const int64_t from = start < 0 ? start + size : start;
  EMBER_CHECK(length <= size - from, "narrow: start ", start, " and length ", length, " exceed the dimension's size, ",
              size);
  return slice(self, dim, from, from + length, 1);
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  check_defined("diagonal", self);
  EMBER_CHECK(self.dim() >= 2, "diagonal: expected at least 2 dimensions, got ", describe(self));
  const auto a = static_cast<size_t>(wrap_dim(dim1, self.dim()));
  const auto b = static_cast<size_t>(wrap_dim(dim2, self.dim()));
  EMBER_CHECK(a != b, "diagonal: the two dimensions must differ, got ", dim1, " and ", dim2);
  const int64_t rows = self.sizes()[a];
  const int64_t columns = self.sizes()[b];
  int64_t length = 0;
  int64_t start = self.storage_offset();
  if (offset >= 0) {
    length = offset >= columns ? 0 : std::min(rows, columns - offset);
    if (length > 0) start += offset * self.strides()[b];
  } else {
    length = offset <= -rows ? 0 : std::min(rows + offset, columns);
    if (length > 0) start -= offset * self.strides()[a];
  }
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t stride = strides[a] + strides[b];
  sizes.erase(std::max(a, b));
  sizes.erase(std::min(a, b));
  strides.erase(std::max(a, b));
  strides.erase(std::min(a, b));
  sizes.push_back(length);
  strides.push_back(stride);
  return make_view("DiagonalBackward0", self, sizes, strides, start,
                   [old = Dims(self.sizes()), offset, dim1, dim2](const Tensor& g) {
                     return embed("DiagonalBackwardBackward0", g, old,
                                  [offset, dim1, dim2](const Tensor& z) { return z.diagonal(offset, dim1, dim2); });
                   });
}

}  // namespace ember
