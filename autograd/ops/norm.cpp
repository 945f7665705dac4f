// Norms, distances, and rows kept to a norm.
#include <ember/autograd/ops/reduce.h>

#include <cmath>

namespace ember {

namespace ops {

Tensor norm_over(const char* name, const Tensor& self, double p, DimMask mask, bool keepdim) {
  EMBER_CHECK(self.is_floating_point(), name, ": expected a floating dtype, got ", describe(self));
  EMBER_CHECK(!std::isnan(p), name, ": the order of the norm is NaN");
  const Dims sizes = reduced_sizes(self.sizes(), mask, keepdim);
  Tensor y = detail::empty(sizes, self.dtype(), self.device());
  EMBER_CHECK((p >= 0 && !std::isinf(p)) || reduced_numel(self.sizes(), mask) != 0, name,
              ": there is no norm of order ", p, " of no elements; got ", describe(self));
  if (y.numel() != 0) launch(kernels.norm, self.device(), y, self, mask, p);
  return y;
}

// The subgradients are PyTorch's: 0 where the norm has a kink.
Tensor norm_backward(const Tensor& g, const Tensor& self, double p, const Tensor& norm, DimMask mask) {
  if (p == 0) return {};
  if (p == 1) return self.sign() * g;
  if (p == 2) return self * masked_fill(g / norm, norm == 0, 0);
  if (std::isinf(p)) {
    Tensor chosen;
    {
      const NoGradGuard unrecorded;
      chosen = (self.abs() == norm) + (self != self);
    }
    const Tensor count = mask == 0 ? chosen.to(g.dtype()) : chosen.sum(dims_of(mask), true).to(g.dtype());
    return self.sign() * (chosen * (g / count));
  }
  if (p < 1) return masked_fill(self.sign() * self.abs().pow(p - 1), self == 0, 0) * g * norm.pow(1 - p);
  if (p < 2) return self.sign() * self.abs().pow(p - 1) * masked_fill(g * norm.pow(1 - p), norm == 0, 0);
  return self * self.abs().pow(p - 2) * masked_fill(g / norm.pow(p - 1), norm == 0, 0);
}

namespace {

Tensor norm_of(const char* node, const Tensor& self, const std::optional<Scalar>& order, IntArrayRef dims, bool keepdim,
               std::optional<ScalarType> dtype) {
  check_defined("norm", self);
  EMBER_CHECK(self.is_floating_point(), "norm: expected a floating dtype, got ", describe(self));
  if (dtype) {
    EMBER_CHECK(is_floating(*dtype) && promote_types(self.dtype(), *dtype) == *dtype, "norm: the dtype ",
                dtype_name(*dtype), " cannot hold elements of ", describe(self));
  }
  const double p = order ? order->toDouble() : 2.0;
  const DimMask mask = dim_mask("norm", dims, self.dim());
  Tensor y = norm_over("norm", as_dtype_unrecorded(self, dtype.value_or(self.dtype())), p, mask, keepdim);
  if (!recording(self)) return y;
  return record(node, y, wrt(self, [x = save(self), y = save_output(y), p, mask, keepdim](const Tensor& g) {
                  const Tensor input = x.get();
                  const Tensor grad =
                      norm_backward(restore_dims(g, input.sizes(), mask, keepdim), as_dtype(input, g.dtype()), p,
                                    restore_dims(y.get(), input.sizes(), mask, keepdim), mask);
                  return grad.defined() ? as_dtype(grad, input.dtype()) : grad;
                }));
}

// Slices along d scaled down to the norm `most`: x·f(‖x‖), f(n) = most / (n + ε) where n > most, else 1.
constexpr double kRenormEpsilon = 1e-7;

DimMask other_dims(const Tensor& self, int64_t d) { return ((DimMask{1} << self.dim()) - 1) & ~(DimMask{1} << d); }

Tensor renorm_factor(const Tensor& norm, double most) {
  return where(norm > most, (norm + kRenormEpsilon).reciprocal() * most, Scalar(1));
}

Tensor renorm_values(const Tensor& self, double p, int64_t d, double most) {
  const NoGradGuard unrecorded;
  // The 2-byte floats are measured in float32.
  const Tensor x = element_size(self.dtype()) == 2 ? self.to(kFloat32) : self;
  const Tensor norm = norm_over("renorm", x, p, other_dims(self, d), true);
  return self * renorm_factor(norm, most).to(self.dtype());
}

Tensor renorm_backward(const Tensor& g, const Tensor& self, double p, int64_t d, double most) {
  const DimMask mask = other_dims(self, d);
  const Tensor norm = ember::norm(self, p, dims_of(mask), true);
  const Tensor slope = where(norm > most, (norm + kRenormEpsilon).square().reciprocal() * -most, Scalar(0));
  const Tensor through_norm = norm_backward((g * self).sum(dims_of(mask), true) * slope, self, p, norm, mask);
  return g * renorm_factor(norm, most) + through_norm;
}

void check_renorm(const char* name, const Tensor& self, const Scalar& p, const Scalar& most) {
  check_defined(name, self);
  EMBER_CHECK(self.is_floating_point(), name, ": expected a floating dtype, got ", describe(self));
  EMBER_CHECK(self.dim() >= 2, name, ": expected at least 2 dimensions, got ", describe(self));
  EMBER_CHECK(p.toDouble() > 0, name, ": the order of the norm must be positive, got ", p);
  EMBER_CHECK(most.toDouble() >= 0, name, ": the largest norm must not be negative, got ", most);
}

void record_renorm(const Tensor& y, const Tensor& self, double p, int64_t d, double most) {
  if (!recording(self)) return;
  record("RenormBackward0", y,
         wrt(self, [x = save(self), p, d, most](const Tensor& g) { return renorm_backward(g, x.get(), p, d, most); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor norm(const Tensor& self, const Scalar& p) { return norm_of("NormBackward0", self, p, {}, false, std::nullopt); }
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim, bool keepdim) {
  return norm_of("NormBackward1", self, p, dim, keepdim, std::nullopt);
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, ScalarType dtype) {
  return norm_of("NormBackward2", self, p, {}, false, dtype);
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, IntArrayRef dim, bool keepdim, ScalarType dtype) {
  return norm_of("NormBackward3", self, p, dim, keepdim, dtype);
}

Tensor frobenius_norm(const Tensor& self, IntArrayRef dim, bool keepdim) {
  EMBER_CHECK(dim.size() <= 2, "frobenius_norm: expected at most 2 dimensions, got ", dim);
  return norm_of("NormBackward1", self, Scalar(2), dim, keepdim, std::nullopt);
}
Tensor& frobenius_norm_out(Tensor& out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return out_exact("frobenius_norm", out, {&self}, [&] { return frobenius_norm(self, dim, keepdim); });
}

Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) {
  check_defined("dist", self);
  check_defined("dist", other, "other");
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Tensor difference = self - other;
    y = norm_over("dist", difference, p.toDouble(), dim_mask("dist", {}, difference.dim()), false);
  }
  if (!recording(self, other)) return y;
  const auto gradient = [order = p.toDouble()](const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& y) {
    const Tensor difference = a - b;
    return norm_backward(g, difference, order, y, dim_mask("dist", {}, difference.dim()));
  };
  return record("DistBackward0", y,
                wrt(self,
                    [a = save(self), b = save(other), y = save_output(y), gradient](const Tensor& g) {
                      const Tensor to = a.get();
                      const Tensor grad = gradient(g, to, b.get(), y.get());
                      return grad.defined() ? as_dtype(reduce_to(grad, to.sizes()), to.dtype()) : grad;
                    }),
                wrt(other, [a = save(self), b = save(other), y = save_output(y), gradient](const Tensor& g) {
                  const Tensor to = b.get();
                  const Tensor grad = gradient(g, a.get(), to, y.get());
                  return grad.defined() ? as_dtype(reduce_to(-grad, to.sizes()), to.dtype()) : grad;
                }));
}

Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  check_renorm("renorm", self, p, maxnorm);
  const int64_t d = wrap_dim(dim, self.dim());
  Tensor y = renorm_values(self, p.toDouble(), d, maxnorm.toDouble());
  record_renorm(y, self, p.toDouble(), d, maxnorm.toDouble());
  return y;
}
Tensor& Tensor::renorm_(const Scalar& p, int64_t dim, const Scalar& maxnorm) const {
  check_renorm("renorm_", *this, p, maxnorm);
  const int64_t d = wrap_dim(dim, this->dim());
  check_dest("renorm_", *this, sizes(), dtype());
  return in_place(
      "renorm_", *this,
      [&](Dest dest, const Tensor& old) {
        copy_contents(dest.tensor(), renorm_values(old, p.toDouble(), d, maxnorm.toDouble()));
        bump_version(dest.tensor());
        record_renorm(dest.tensor(), old, p.toDouble(), d, maxnorm.toDouble());
      },
      requires_grad());
}
Tensor& renorm_out(Tensor& out, const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  return out_exact("renorm", out, {&self}, [&] { return renorm(self, p, dim, maxnorm); });
}

}  // namespace ember
