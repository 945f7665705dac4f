// Sums, means and products; all, any and counts; logsumexp.
#include <ember/autograd/ops/reduce.h>

#include <cmath>
#include <limits>

namespace ember {

namespace ops {

void check_out_dtype(const char* op, const Tensor& out, ScalarType dtype) {
  EMBER_CHECK(out.dtype() == dtype, op, ": the result has dtype ", dtype_name(dtype), ", but out is ", describe(out));
}

namespace {

// What a sum or product is computed in, and the dtype of its result.
struct Accumulation {
  Tensor in;
  ScalarType kernel, result;
};

// The kernels take integers to int64 themselves; any other change of dtype comes first.
Accumulation accumulation(const char* name, const Tensor& self, std::optional<ScalarType> dtype) {
  const ScalarType result = dtype.value_or(is_integral(self.dtype(), true) ? kInt64 : self.dtype());
  EMBER_CHECK(result != ScalarType::Undefined, name, ": expected a defined dtype");
  const bool widens = result == kInt64 && is_integral(self.dtype(), true);
  return {widens ? self : as_dtype_unrecorded(self, result), is_integral(result, true) ? kInt64 : result, result};
}

void check_mean_dtype(const char* name, const Tensor& self, std::optional<ScalarType> dtype) {
  const ScalarType result = dtype.value_or(self.dtype());
  EMBER_CHECK(is_floating(result), name, ": expected a floating dtype, got ", dtype_name(result),
              dtype ? "" : "; pass one as dtype");
}

Tensor sum_or_mean(const char* name, const char* node, bool mean, const Tensor& self, IntArrayRef dims, bool keepdim,
                   std::optional<ScalarType> dtype) {
  check_defined(name, self);
  if (mean) check_mean_dtype(name, self, dtype);
  const DimMask mask = dim_mask(name, dims, self.dim());
  const Accumulation a = accumulation(name, self, dtype);
  const double divisor = mean ? static_cast<double>(reduced_numel(self.sizes(), mask)) : 1.0;
  Tensor y = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), a.kernel, self.device());
  if (y.numel() != 0) launch(kernels.sum, self.device(), y, a.in, mask, divisor);
  if (a.result != a.kernel) y = y.to(a.result);
  if (!recording(self) || !is_floating(a.result)) return y;
  return record(
      node, y,
      wrt(self, [sizes = Dims(self.sizes()), mask, keepdim, divisor, mean, from = self.dtype()](const Tensor& g) {
        const Tensor scaled = mean ? g / divisor : g;
        return as_dtype(restore_dims(scaled, sizes, mask, keepdim).expand(sizes), from);
      }));
}

Tensor not_nan(const Tensor& t) {
  const NoGradGuard unrecorded;
  return t == t;
}

Tensor nansum_of(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  check_defined("nansum", self);
  const IntArrayRef dims = dim.value_or({});
  if (!self.is_floating_point()) return sum_or_mean("nansum", "", false, self, dims, keepdim, dtype);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = sum_or_mean("nansum", "", false, where(not_nan(self), self, Scalar(0)), dims, keepdim, dtype);
  }
  if (!recording(self) || !y.is_floating_point()) return y;
  const DimMask mask = dim_mask("nansum", dims, self.dim());
  return record("NansumBackward0", y, wrt(self, [x = save(self), mask, keepdim](const Tensor& g) {
                  const Tensor input = x.get();
                  return as_dtype(restore_dims(g, input.sizes(), mask, keepdim), input.dtype()) * not_nan(input);
                }));
}

Tensor nanmean_of(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  check_defined("nanmean", self);
  check_mean_dtype("nanmean", self, std::nullopt);
  check_mean_dtype("nanmean", self, dtype);
  const Tensor total = nansum_of(self, dim, keepdim, dtype);
  return total / not_nan(self).sum(dim, keepdim);
}

Tensor prod_over(const char* node, const Tensor& self, std::optional<int64_t> dim, bool keepdim,
                 std::optional<ScalarType> dtype) {
  check_defined("prod", self);
  const int64_t d = dim ? wrap_dim(*dim, self.dim()) : 0;
  const DimMask mask = dim ? mask_of(self, d) : dim_mask("prod", {}, self.dim());
  const Accumulation a = accumulation("prod", self, dtype);
  Tensor y = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), a.kernel, self.device());
  if (y.numel() != 0) launch(kernels.prod, self.device(), y, a.in, mask);
  if (a.result != a.kernel) y = y.to(a.result);
  if (!recording(self) || !is_floating(a.result)) return y;
  return record(node, y, wrt(self, [x = save(self), d, mask, keepdim, whole = !dim](const Tensor& g) {
                  const Tensor input = x.get();
                  const Tensor factors = as_dtype(input, g.dtype());
                  const Tensor grad = input.dim() == 0 ? g
                                      : whole
                                          ? product_backward(g.view({1}), factors.reshape({-1}), 0).view(input.sizes())
                                          : product_backward(restore_dims(g, input.sizes(), mask, keepdim), factors, d);
                  return as_dtype(grad, input.dtype());
                }));
}

// Whether all or any elements are not zero: bool, or uint8 of uint8. No dimensions at all is `nullopt`; of an empty
// list of them nothing is reduced.
Tensor predicate(const char* name, bool all, const Tensor& self, OptionalIntArrayRef dims, bool keepdim) {
  check_defined(name, self);
  const NoGradGuard unrecorded;
  const bool none = dims && dims->empty();
  const DimMask mask = none ? 0 : dim_mask(name, dims.value_or({}), self.dim());
  Tensor y = self.dtype() == kBool ? self : self != 0;
  if (mask != 0) {
    const Tensor r = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), kBool, self.device());
    if (reduced_numel(self.sizes(), mask) == 0) {
      fill_contents(r, all);
    } else if (r.numel() != 0) {
      launch(all ? kernels.amin : kernels.amax, self.device(), r, y, mask);
    }
    y = r;
  } else if (y.unsafe_impl() == self.unsafe_impl()) {
    y = self.clone();
  }
  return self.dtype() == kUInt8 ? y.to(kUInt8) : y;
}

Tensor& predicate_out(const char* name, bool all, Tensor& out, const Tensor& self, OptionalIntArrayRef dims,
                      bool keepdim) {
  check_defined(name, out, "out");
  EMBER_CHECK(out.dtype() == kBool || out.dtype() == kUInt8, name, ": the result is bool, but out is ", describe(out));
  return out_form(name, out, {&self}, [&] { return predicate(name, all, self, dims, keepdim).to(out.dtype()); });
}

Tensor count_over(const Tensor& self, IntArrayRef dims) {
  check_defined("count_nonzero", self);
  const NoGradGuard unrecorded;
  return sum_or_mean("count_nonzero", "", false, self != 0, dims, false, std::nullopt);
}

// log Σ exp x = m + log Σ exp(x − m), m the largest where that is finite.
Tensor logsumexp_of(const Tensor& self, IntArrayRef dims, bool keepdim) {
  check_defined("logsumexp", self);
  const DimMask mask = dim_mask("logsumexp", dims, self.dim());
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const Tensor x = self.is_floating_point() ? self : self.to(get_default_dtype());
    if (reduced_numel(x.sizes(), mask) == 0) {
      y = full(reduced_sizes(x.sizes(), mask, keepdim), -std::numeric_limits<double>::infinity(), x.options());
    } else {
      const Dims reduced = dims_of(mask);
      const Tensor top = detail::empty(reduced_sizes(x.sizes(), mask, true), x.dtype(), x.device());
      if (top.numel() != 0) launch(kernels.amax, x.device(), top, x, mask);
      const Tensor shift = where(top.abs() == std::numeric_limits<double>::infinity(), Scalar(0), top);
      // Not through sum(): an empty list of dimensions would not be none.
      const Tensor total = mask == 0 ? exp(x - shift) : exp(x - shift).sum(reduced, true);
      y = log(total) + shift;
      if (!keepdim) y = y.view(reduced_sizes(x.sizes(), mask, false));
    }
  }
  if (!recording(self)) return y;
  return record("LogsumexpBackward0", y,
                wrt(self, [x = save(self), y = save_output(y), mask, keepdim](const Tensor& g) {
                  const Tensor input = x.get();
                  return restore_dims(g, input.sizes(), mask, keepdim) *
                         exp(input - restore_dims(y.get(), input.sizes(), mask, keepdim));
                }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor sum(const Tensor& self, std::optional<ScalarType> dtype) {
  return sum_or_mean("sum", "SumBackward0", false, self, {}, false, dtype);
}
Tensor sum(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  return sum_or_mean("sum", "SumBackward1", false, self, dim.value_or({}), keepdim, dtype);
}
Tensor nansum(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  return nansum_of(self, dim, keepdim, dtype);
}
Tensor mean(const Tensor& self, std::optional<ScalarType> dtype) {
  return sum_or_mean("mean", "MeanBackward0", true, self, {}, false, dtype);
}
Tensor mean(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  return sum_or_mean("mean", "MeanBackward1", true, self, dim.value_or({}), keepdim, dtype);
}
Tensor nanmean(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  return nanmean_of(self, dim, keepdim, dtype);
}
Tensor prod(const Tensor& self, std::optional<ScalarType> dtype) {
  return prod_over("ProdBackward0", self, std::nullopt, false, dtype);
}
Tensor prod(const Tensor& self, int64_t dim, bool keepdim, std::optional<ScalarType> dtype) {
  return prod_over("ProdBackward1", self, dim, keepdim, dtype);
}
Tensor all(const Tensor& self) { return predicate("all", true, self, std::nullopt, false); }
Tensor all(const Tensor& self, int64_t dim, bool keepdim) { return predicate("all", true, self, {dim}, keepdim); }
Tensor all(const Tensor& self, OptionalIntArrayRef dim, bool keepdim) {
  return predicate("all", true, self, dim, keepdim);
}
Tensor any(const Tensor& self) { return predicate("any", false, self, std::nullopt, false); }
Tensor any(const Tensor& self, int64_t dim, bool keepdim) { return predicate("any", false, self, {dim}, keepdim); }
Tensor any(const Tensor& self, OptionalIntArrayRef dim, bool keepdim) {
  return predicate("any", false, self, dim, keepdim);
}
Tensor count_nonzero(const Tensor& self, IntArrayRef dim) { return count_over(self, dim); }
Tensor count_nonzero(const Tensor& self, std::optional<int64_t> dim) {
  return dim ? count_over(self, {*dim}) : count_over(self, {});
}
Tensor logsumexp(const Tensor& self, IntArrayRef dim, bool keepdim) { return logsumexp_of(self, dim, keepdim); }

// The result has out's dtype unless another is asked for.
Tensor& sum_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim,
                std::optional<ScalarType> dtype) {
  check_defined("sum", out, "out");
  return out_form("sum", out, {&self}, [&] { return sum(self, dim, keepdim, dtype.value_or(out.dtype())); });
}
Tensor& sum_out(Tensor& out, const Tensor& self, std::optional<ScalarType> dtype) {
  return sum_out(out, self, std::nullopt, false, dtype);
}
Tensor& nansum_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim,
                   std::optional<ScalarType> dtype) {
  check_defined("nansum", out, "out");
  return out_form("nansum", out, {&self}, [&] { return nansum(self, dim, keepdim, dtype.value_or(out.dtype())); });
}
Tensor& mean_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim,
                 std::optional<ScalarType> dtype) {
  check_defined("mean", out, "out");
  return out_form("mean", out, {&self}, [&] { return mean(self, dim, keepdim, dtype.value_or(out.dtype())); });
}
Tensor& mean_out(Tensor& out, const Tensor& self, std::optional<ScalarType> dtype) {
  return mean_out(out, self, std::nullopt, false, dtype);
}
Tensor& nanmean_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim,
                    std::optional<ScalarType> dtype) {
  check_defined("nanmean", out, "out");
  return out_form("nanmean", out, {&self}, [&] { return nanmean(self, dim, keepdim, dtype.value_or(out.dtype())); });
}
Tensor& prod_out(Tensor& out, const Tensor& self, int64_t dim, bool keepdim, std::optional<ScalarType> dtype) {
  check_defined("prod", out, "out");
  return out_form("prod", out, {&self}, [&] { return prod(self, dim, keepdim, dtype.value_or(out.dtype())); });
}
Tensor& prod_out(Tensor& out, const Tensor& self, std::optional<ScalarType> dtype) {
  check_defined("prod", out, "out");
  return out_form("prod", out, {&self}, [&] { return prod(self, dtype.value_or(out.dtype())); });
}
Tensor& all_out(Tensor& out, const Tensor& self, int64_t dim, bool keepdim) {
  return predicate_out("all", true, out, self, {dim}, keepdim);
}
Tensor& all_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim) {
  return predicate_out("all", true, out, self, dim, keepdim);
}
Tensor& all_out(Tensor& out, const Tensor& self) { return predicate_out("all", true, out, self, std::nullopt, false); }
Tensor& any_out(Tensor& out, const Tensor& self, int64_t dim, bool keepdim) {
  return predicate_out("any", false, out, self, {dim}, keepdim);
}
Tensor& any_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool keepdim) {
  return predicate_out("any", false, out, self, dim, keepdim);
}
Tensor& any_out(Tensor& out, const Tensor& self) { return predicate_out("any", false, out, self, std::nullopt, false); }
Tensor& logsumexp_out(Tensor& out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return out_form("logsumexp", out, {&self}, [&] { return logsumexp(self, dim, keepdim); });
}

}  // namespace ember
