// Norms of vectors and matrices.
#include <cmath>
#include <limits>

#include <ember/autograd/ops/linalg.h>

namespace ember {

namespace ops {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Dims dims_of(DimMask mask, int64_t rank) {
  Dims dims;
  for (int64_t d = 0; d < rank; ++d)
    if ((mask >> d & 1u) != 0) dims.push_back(d);
  return dims;
}

// (Σ |x|^p)^(1/p) over the dimensions, which stay with size 1; x is float32 or float64. Not recorded.
Tensor vector_norm_of(const Tensor& x, double p, IntArrayRef dims) {
  if (dims.empty()) return p == 0 ? x.ne(0).to(x.scalar_type()) : x.abs();
  if (p == 0) return x.ne(0).sum(dims, true).to(x.scalar_type());
  int64_t count = 1;
  for (const int64_t d : dims) count *= x.size(d);
  if (count == 1) return x.abs();
  if (p == kInf) return x.abs().amax(dims, true);
  if (p == -kInf) return x.abs().amin(dims, true);
  if (p == 1) return x.abs().sum(dims, true);
  if (p == 2) return x.square().sum(dims, true).sqrt();
  return x.abs().pow(p).sum(dims, true).pow(1 / p);
}

// Where the norm is 0 the gradient is taken to be 0. g and norm have size 1 in the dimensions reduced.
Tensor vector_norm_backward(const Tensor& g, const Tensor& x, const Tensor& norm, double p, IntArrayRef dims) {
  if (p == 0) return zeros_like(x);
  if (p == 1) return x.sign() * g;
  if (p == 2) return x * masked_fill(g / norm, norm.eq(0), 0);
  if (std::isinf(p)) {
    const Tensor magnitude = x.abs();
    const Tensor mine = magnitude.eq(norm).add(magnitude.ne(magnitude));  // a NaN is equal to nothing
    const Tensor count = dims.empty() ? mine.to(g.scalar_type()) : mine.sum(dims, true).to(g.scalar_type());
    return x.sign() * (g / count * mine);
  }
  if (p < 1) {
    const Tensor scaled = masked_fill(x.sign() * x.abs().pow(p - 1), x.eq(0), 0);
    return scaled * g * norm.pow(1 - p);
  }
  const Tensor scaled = p < 2 ? x.sign() * x.abs().pow(p - 1) : x * x.abs().pow(p - 2);
  return scaled * masked_fill(g / norm.pow(p - 1), norm.eq(0), 0);
}

void check_norm_dtype(const char* op, const Tensor& self, std::optional<ScalarType> dtype) {
  check_defined(op, self);
  EMBER_CHECK(self.is_floating_point(), op, ": expected a floating tensor, got ", describe(self));
  if (!dtype) return;
  EMBER_CHECK(is_floating(*dtype), op, ": expected a floating dtype, got ", dtype_name(*dtype));
  EMBER_CHECK(promote_types(self.scalar_type(), *dtype) == *dtype, op, ": the dtype ", dtype_name(*dtype),
              " is narrower than that of ", describe(self));
}

Tensor matrix_norm(const Tensor& self, double ord, IntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  const double magnitude = std::fabs(ord);
  if (magnitude == 2) {
    throw NotImplementedError(
        "linalg_norm: the matrix norms of order 2 and -2 need singular values, which are not "
        "implemented");
  }
  EMBER_CHECK(magnitude == 1 || magnitude == kInf, "linalg_norm: there is no matrix norm of order ", ord);
  // Sums over one dimension, then the largest or smallest over the other.
  const int64_t rank = self.dim();
  const int64_t a = wrap_dim(dim[0], rank);
  const int64_t b = wrap_dim(dim[1], rank);
  EMBER_CHECK(a != b, "linalg_norm: the two dimensions must differ, got ", dim);
  const int64_t summed = magnitude == 1 ? a : b;
  const int64_t other = magnitude == 1 ? b : a;
  const Tensor sums = linalg_vector_norm(self, 1, IntArrayRef(summed), true, dtype);
  Tensor y;
  if (ord > 0 && sums.size(other) == 0) {
    Dims sizes = sums.sizes();
    sizes[static_cast<size_t>(other)] = 1;
    y = zeros(sizes, sums.options());
  } else {
    y = ord > 0 ? sums.amax(other, keepdim) : sums.amin(other, keepdim);
  }
  if (keepdim) return y;
  if (y.dim() == rank) y = y.squeeze(other);
  return y.squeeze(summed > other ? summed - 1 : summed);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord, OptionalIntArrayRef dim, bool keepdim,
                          std::optional<ScalarType> dtype) {
  check_norm_dtype("linalg_vector_norm", self, dtype);
  const ScalarType result = dtype.value_or(self.scalar_type());
  const double p = ord.toDouble();
  const DimMask mask = dim_mask("linalg_vector_norm", dim ? *dim : IntArrayRef(), self.dim());
  const Dims dims = dims_of(mask, self.dim());
  if (p < 0 || p == kInf) {
    for (const int64_t d : dims) {
      EMBER_CHECK(self.size(d) != 0 || (dim && !dim->empty() && self.numel() == 0 &&
                                        checked_numel(reduced_sizes(self.sizes(), mask, false)) == 0),
                  "linalg_vector_norm: there is no norm of order ", p, " of no elements; got ", describe(self));
    }
  }
  const ScalarType computed = result == kFloat64 ? kFloat64 : kFloat32;
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Dims kept = reduced_sizes(self.sizes(), mask, true);
    y = checked_numel(kept) == 0 ? zeros(kept, TensorOptions(result).device(self.device()))
                                 : vector_norm_of(as_dtype(self, computed), p, dims).to(result);
    if (!keepdim)
      y = detail::alias(y.contiguous(), reduced_sizes(self.sizes(), mask, false),
                        contiguous_strides(reduced_sizes(self.sizes(), mask, false)), 0);
  }
  if (!recording(self)) return y;
  return record("LinalgVectorNormBackward0", y,
                wrt(self, [x = save(self), y = save_output(y), p, dims, mask, keepdim](const Tensor& g) {
                  const Tensor input = x.get();
                  const Dims kept = reduced_sizes(input.sizes(), mask, true);
                  const auto with_dims = [&](const Tensor& t) { return keepdim ? t : t.reshape(kept); };
                  return as_dtype(
                      vector_norm_backward(with_dims(g), as_dtype(input, g.scalar_type()), with_dims(y.get()), p, dims),
                      input.scalar_type());
                }));
}
Tensor& linalg_vector_norm_out(Tensor& out, const Tensor& self, const Scalar& ord, OptionalIntArrayRef dim,
                               bool keepdim, std::optional<ScalarType> dtype) {
  return out_of_dtype("linalg_vector_norm", out, {&self},
                      [&] { return linalg_vector_norm(self, ord, dim, keepdim, dtype); });
}

Tensor linalg_norm(const Tensor& self, const std::optional<Scalar>& ord, OptionalIntArrayRef dim, bool keepdim,
                   std::optional<ScalarType> dtype) {
  check_norm_dtype("linalg_norm", self, dtype);
  EMBER_CHECK(!dim || dim->size() == 1 || dim->size() == 2, "linalg_norm: expected one or two dimensions, got ",
              dim.value_or(IntArrayRef()));
  EMBER_CHECK(dim || !ord || self.dim() == 1 || self.dim() == 2,
              "linalg_norm: with an order and without dimensions a vector or a matrix is expected, got ",
              describe(self));
  if (ord && (dim ? dim->size() == 2 : self.dim() == 2)) {
    const int64_t both[] = {0, 1};
    return matrix_norm(self, ord->toDouble(), dim ? *dim : IntArrayRef(both, 2), keepdim, dtype);
  }
  return linalg_vector_norm(self, ord.value_or(2), dim, keepdim, dtype);
}
Tensor linalg_norm(const Tensor& self, std::string_view ord, OptionalIntArrayRef dim, bool keepdim,
                   std::optional<ScalarType> dtype) {
  check_norm_dtype("linalg_norm", self, dtype);
  EMBER_CHECK(!dim || dim->size() == 2, "linalg_norm: the order \"", ord, "\" is of matrices and needs two dimensions");
  EMBER_CHECK(dim || self.dim() == 2, "linalg_norm: the order \"", ord, "\" is of matrices, got ", describe(self));
  if (ord == "nuc") {
    throw NotImplementedError("linalg_norm: the nuclear norm needs singular values, which are not implemented");
  }
  EMBER_CHECK(ord == "fro", "linalg_norm: there is no norm of order \"", ord, "\"");
  const int64_t both[] = {0, 1};
  return linalg_vector_norm(self, 2, dim ? *dim : IntArrayRef(both, 2), keepdim, dtype);
}
Tensor& linalg_norm_out(Tensor& out, const Tensor& self, const std::optional<Scalar>& ord, OptionalIntArrayRef dim,
                        bool keepdim, std::optional<ScalarType> dtype) {
  return out_of_dtype("linalg_norm", out, {&self}, [&] { return linalg_norm(self, ord, dim, keepdim, dtype); });
}
Tensor& linalg_norm_out(Tensor& out, const Tensor& self, std::string_view ord, OptionalIntArrayRef dim, bool keepdim,
                        std::optional<ScalarType> dtype) {
  return out_of_dtype("linalg_norm", out, {&self}, [&] { return linalg_norm(self, ord, dim, keepdim, dtype); });
}

}  // namespace ember
