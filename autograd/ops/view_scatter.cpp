// Writing into a view of a copy, and into the diagonal.
#include <algorithm>

#include <ember/autograd/ops/index_common.h>

namespace ember {

namespace ops {
namespace {

// A copy of self with the elements of view(copy) those of src. `view` gives a recorded view.
template <class View>
Tensor scatter_view(const char* op, const char* name, const Tensor& self, const Tensor& src, View view) {
  check_defined(op, self);
  check_defined(op, src, "src");
  check_same_device(op, self, src);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Dims expected = view(self).sizes();
    EMBER_CHECK(src.sizes() == IntArrayRef(expected), op, ": expected src of sizes ", expected, ", got ", src.sizes());
    y = self.clone();
    copy_contents(view(y), src);
  }
  if (!recording(self, src)) return y;
  return record(name, y,
                wrt(self, [=, sizes = Dims(src.sizes())](
                              const Tensor& g) { return scatter_view(op, name, g, zeros(sizes, g.options()), view); }),
                wrt(src, [view, dtype = src.scalar_type()](const Tensor& g) { return as_dtype(view(g), dtype); }));
}

void fill_diagonal_contents(const Tensor& self, const Scalar& value, bool wrap) {
  check_converts("fill_diagonal_", value, self.scalar_type());
  int64_t size = self.size(0);
  int64_t stride = 0;
  for (int64_t d = 0; d < self.dim(); ++d) {
    size = std::min(size, self.size(d));
    stride += self.stride(d);
  }
  fill_contents(detail::alias(self, {size}, {stride}, self.storage_offset()), value);
  if (!wrap || self.dim() != 2) return;
  // A tall matrix: the diagonal starts again, one row below where it left the matrix.
  const int64_t height = self.size(0);
  const int64_t width = self.size(1);
  for (int64_t row = width + 1; width > 0 && row < height; row += width + 1) {
    const int64_t n = std::min(width, height - row);
    fill_contents(detail::alias(self, {n}, {stride}, self.storage_offset() + row * self.stride(0)), value);
  }
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor narrow(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  check_defined("narrow", self);
  check_defined("narrow", start, "start");
  EMBER_CHECK(start.dim() == 0 && is_integral(start.scalar_type()),
              "narrow: expected a 0-dimensional start of an integral dtype, got ", describe(start));
  return narrow(self, dim, start.item<int64_t>(), length);
}

Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
  return scatter_view("select_scatter", "SelectScatterBackward0", self, src,
                      [dim, index](const Tensor& t) { return t.select(dim, index); });
}
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  return scatter_view("slice_scatter", "SliceScatterBackward0", self, src,
                      [dim, start, end, step](const Tensor& t) { return t.slice(dim, start, end, step); });
}
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
  return scatter_view("diagonal_scatter", "DiagonalScatterBackward0", self, src,
                      [offset, dim1, dim2](const Tensor& t) { return t.diagonal(offset, dim1, dim2); });
}

Tensor& Tensor::fill_diagonal_(const Scalar& fill_value, bool wrap) const {
  const char* const op = "fill_diagonal_";
  check_defined(op, *this);
  EMBER_CHECK(dim() >= 2, op, ": expected at least 2 dimensions, got ", describe(*this));
  for (int64_t d = 1; dim() > 2 && d < dim(); ++d) {
    EMBER_CHECK(size(d) == size(0), op, ": beyond 2 dimensions all sizes must be equal, got ", describe(*this));
  }
  return in_place(op, *this, [&](Dest dest, const Tensor& old) {
    fill_diagonal_contents(dest.tensor(), fill_value, wrap);
    bump_version(dest.tensor());
    if (!recording(old)) return;
    record("CopySlices", dest.tensor(), wrt(old, [wrap](const Tensor& g) {
             const Tensor kept = g.clone();
             return kept.fill_diagonal_(0, wrap);
           }));
  });
}

}  // namespace ember
