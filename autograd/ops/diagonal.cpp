// Diagonals and triangles of matrices.
#include <algorithm>

#include <ember/autograd/ops/linalg.h>

namespace ember {

namespace ops {
namespace {

// Where column − row is at most (or at least) `diagonal`, in a matrix of these sizes.
Tensor triangle_mask(int64_t rows, int64_t columns, int64_t diagonal, bool lower, Device device) {
  const TensorOptions options = TensorOptions(kInt64).device(device);
  // A diagonal outside of the matrix is as one beside it.
  const int64_t k = std::clamp(diagonal, -rows - 1, columns + 1);
  const Tensor row = arange(rows, options).unsqueeze(1);
  const Tensor bound = row.add(Scalar(k));
  const Tensor column = arange(columns, options);
  return lower ? column.le(bound) : column.ge(bound);
}

Tensor triangle_to(const char* op, const char* node, bool lower, Dest dest, const Tensor& self, int64_t diagonal) {
  check_defined(op, self);
  EMBER_CHECK(self.dim() >= 2, op, ": expected at least 2 dimensions, got ", describe(self));
  if (dest.given()) check_dest(op, dest.tensor(), self.sizes(), self.scalar_type());
  Tensor y = dest.given() ? dest.tensor() : detail::empty(self.sizes(), self.scalar_type(), self.device());
  if (y.numel() != 0) {
    const NoGradGuard unrecorded;
    const Tensor mask = triangle_mask(self.size(-2), self.size(-1), diagonal, lower, self.device());
    TensorIterator iter(y);
    iter.add_input(mask);
    iter.add_input(self);
    iter.add_input(Scalar(0));
    iter.build();
    launch(kernels.where, iter.device(), iter, Params{});
  }
  if (dest.given()) bump_version(y);
  if (!recording(self)) return y;
  return record(node, y,
                wrt(self, [lower, diagonal](const Tensor& g) { return lower ? g.tril(diagonal) : g.triu(diagonal); }));
}

// The row and column of each element of a triangle, in row-major order.
Tensor triangle_indices(const char* op, int64_t rows, int64_t columns, int64_t offset, bool lower,
                        const TensorOptions& options) {
  EMBER_CHECK(rows >= 0 && columns >= 0, op, ": the numbers of rows and columns must not be negative, got ", rows,
              " and ", columns);
  check_layout(op, options);
  const ScalarType dtype = options.dtype_opt().value_or(kInt64);
  EMBER_CHECK(dtype == kInt64 || dtype == kInt32, op, ": expected int64 or int32, got ", dtype_name(dtype));
  const NoGradGuard unrecorded;
  const int64_t k = std::clamp(offset, -rows - 1, columns + 1);
  const auto range_of = [&](int64_t row) {
    const int64_t begin = lower ? 0 : std::clamp<int64_t>(row + k, 0, columns);
    const int64_t end = lower ? std::clamp<int64_t>(row + k + 1, 0, columns) : columns;
    return std::pair(begin, end);
  };
  int64_t count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const auto [begin, end] = range_of(row);
    EMBER_CHECK(!__builtin_add_overflow(count, end - begin, &count), op, ": ", rows, " × ", columns,
                " has too many elements");
  }
  const Tensor y = detail::empty({2, count}, kInt64, kCPU);
  auto* row_index = static_cast<int64_t*>(y.data_ptr());
  int64_t* column_index = row_index + count;
  for (int64_t row = 0; row < rows; ++row) {
    const auto [begin, end] = range_of(row);
    for (int64_t column = begin; column < end; ++column) {
      *row_index++ = row;
      *column_index++ = column;
    }
  }
  return y.to(options.device(), dtype);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor tril(const Tensor& self, int64_t diagonal) {
  return triangle_to("tril", "TrilBackward0", true, {}, self, diagonal);
}
Tensor triu(const Tensor& self, int64_t diagonal) {
  return triangle_to("triu", "TriuBackward0", false, {}, self, diagonal);
}
Tensor& Tensor::tril_(int64_t diagonal) const {
  return in_place("tril_", *this,
                  [&](Dest dest, const Tensor& x) { triangle_to("tril_", "TrilBackward0", true, dest, x, diagonal); });
}
Tensor& Tensor::triu_(int64_t diagonal) const {
  return in_place("triu_", *this,
                  [&](Dest dest, const Tensor& x) { triangle_to("triu_", "TriuBackward0", false, dest, x, diagonal); });
}
Tensor& tril_out(Tensor& out, const Tensor& self, int64_t diagonal) {
  return out_of_dtype("tril", out, {&self}, [&] { return tril(self, diagonal); });
}
Tensor& triu_out(Tensor& out, const Tensor& self, int64_t diagonal) {
  return out_of_dtype("triu", out, {&self}, [&] { return triu(self, diagonal); });
}

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) {
  return triangle_indices("tril_indices", row, col, offset, true, options);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) {
  return triangle_indices("triu_indices", row, col, offset, false, options);
}

Tensor trace(const Tensor& self) {
  check_defined("trace", self);
  EMBER_CHECK(self.dim() == 2, "trace: expected a matrix, got ", describe(self));
  EMBER_CHECK(self.dtype() != kBool, "trace: not implemented for bool");
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = self.diagonal().sum();
  }
  if (!recording(self)) return y;
  return record("TraceBackward0", y, wrt(self, [sizes = Dims(self.sizes())](const Tensor& g) {
                  return embed("TraceBackwardBackward0", g.expand({std::min(sizes[0], sizes[1])}), sizes,
                               [](const Tensor& z) { return z.diagonal(); });
                }));
}

Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  check_defined("diag_embed", self);
  const int64_t rank = self.dim() + 1;
  EMBER_CHECK_INDEX(self.dim() > 0, "diag_embed: expected at least 1 dimension, got ", describe(self));
  const int64_t d1 = wrap_dim(dim1, rank);
  const int64_t d2 = wrap_dim(dim2, rank);
  EMBER_CHECK(d1 != d2, "diag_embed: the two dimensions must differ, got ", dim1, " and ", dim2);
  const int64_t length = self.size(-1);
  int64_t size = 0;
  EMBER_CHECK(offset != INT64_MIN && !__builtin_add_overflow(length, std::abs(offset), &size),
              "diag_embed: the offset ", offset, " is too large");
  Dims sizes = self.sizes();
  sizes.resize(sizes.size() - 1);
  sizes.insert(static_cast<size_t>(std::min(d1, d2)), size);
  sizes.insert(static_cast<size_t>(std::max(d1, d2)), size);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = zeros(sizes, self.options());
    y.diagonal(offset, d1, d2).copy_(self);
  }
  if (!recording(self)) return y;
  return record("DiagEmbedBackward0", y,
                wrt(self, [offset, d1, d2](const Tensor& g) { return g.diagonal(offset, d1, d2); }));
}

Tensor diag(const Tensor& self, int64_t diagonal) {
  check_defined("diag", self);
  EMBER_CHECK(self.dim() == 1 || self.dim() == 2, "diag: expected a vector or a matrix, got ", describe(self));
  if (self.dim() == 1) return diag_embed(self, diagonal);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = self.diagonal(diagonal).clone(MemoryFormat::Contiguous);
  }
  if (!recording(self)) return y;
  return record("DiagonalBackward0_copy", y, wrt(self, [sizes = Dims(self.sizes()), diagonal](const Tensor& g) {
                  return embed("DiagonalBackwardBackward0", g, sizes,
                               [diagonal](const Tensor& z) { return z.diagonal(diagonal); });
                }));
}
Tensor& diag_out(Tensor& out, const Tensor& self, int64_t diagonal) {
  return out_of_dtype("diag", out, {&self}, [&] { return diag(self, diagonal); });
}

Tensor diagflat(const Tensor& self, int64_t offset) {
  check_defined("diagflat", self);
  return diag_embed(self.contiguous().view({-1}), offset);
}

Tensor linalg_diagonal(const Tensor& A, int64_t offset, int64_t dim1, int64_t dim2) {
  return diagonal(A, offset, dim1, dim2);
}

}  // namespace ember
