// Reductions.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// A result or its gradient, with 1 in the dimensions of the mask or (keepdim false) without them, with 1.
Tensor restore_dims(const Tensor& t, IntArrayRef sizes, DimMask mask, bool keepdim) {
  return keepdim ? t : t.view(reduced_sizes(sizes, mask, true));
}

int64_t reduced_numel(IntArrayRef sizes, DimMask mask) {
  int64_t n = 1;
  for (size_t d = 0; d < sizes.size(); ++d)
    if ((mask >> d & 1u) != 0) n *= sizes[d];
  return n;
}

Tensor sum_or_mean(const char* name, const char* node, bool mean, const Tensor& self, IntArrayRef dims, bool keepdim,
                   std::optional<ScalarType> dtype) {
  check_defined(name, self);
  ScalarType result = dtype.value_or(self.dtype());
  EMBER_CHECK(result != ScalarType::Undefined, name, ": expected a defined dtype");
  if (mean) {
    EMBER_CHECK(is_floating(result), name, ": expected a floating dtype, got ", dtype_name(result),
                dtype ? "" : "; pass one as dtype");
  } else if (!dtype && is_integral(result, true)) {
    result = kInt64;
  }
  const DimMask mask = dim_mask(name, dims, self.dim());
  // The kernel takes integers to int64 itself; any other change of dtype comes first.
  const bool widens = result == kInt64 && is_integral(self.dtype(), true);
  const bool narrows = is_integral(result, true) && result != kInt64;
  const Tensor in = widens ? self : as_dtype_unrecorded(self, result);
  const double divisor = mean ? static_cast<double>(reduced_numel(self.sizes(), mask)) : 1.0;
  Tensor y = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), narrows ? kInt64 : result, self.device());
  if (y.numel() != 0) launch(kernels.sum, self.device(), y, in, mask, divisor);
  if (narrows) y = y.to(result);
  if (!recording(self)) return y;
  return record(
      node, y,
      wrt(self, [sizes = Dims(self.sizes()), mask, keepdim, divisor, mean, from = self.dtype()](const Tensor& g) {
        const Tensor scaled = mean ? g / divisor : g;
        return as_dtype(restore_dims(scaled, sizes, mask, keepdim).expand(sizes), from);
      }));
}

void check_not_empty(const char* name, const Tensor& self, DimMask mask) {
  EMBER_CHECK(reduced_numel(self.sizes(), mask) != 0, name, ": there is no ", name, " of no elements; got ",
              describe(self));
}

Tensor extremum_over(const char* name, const char* node, ReduceKernel& kernel, const Tensor& self, IntArrayRef dims,
                     bool keepdim) {
  check_defined(name, self);
  const DimMask mask = dim_mask(name, dims, self.dim());
  check_not_empty(name, self, mask);
  const Tensor y = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), self.dtype(), self.device());
  if (y.numel() != 0) launch(kernel, self.device(), y, self, mask);
  if (!recording(self)) return y;
  return record(node, y, wrt(self, [x = save(self), y = save_output(y), mask, keepdim](const Tensor& g) {
                  // Equal extrema share the gradient.
                  const Tensor input = x.get();
                  const Tensor is_extremum = input == restore_dims(y.get(), input.sizes(), mask, keepdim);
                  Dims dims;
                  for (int64_t d = 0; d < input.dim(); ++d)
                    if ((mask >> d & 1u) != 0) dims.push_back(d);
                  const Tensor count = is_extremum.sum(dims, true).to(g.dtype());
                  return restore_dims(g, input.sizes(), mask, keepdim) / count * is_extremum;
                }));
}

struct WithIndices {
  Tensor values, indices;
};

// Along dimension d of `self`, which may be 0-dimensional, into results of `sizes`.
WithIndices reduce_with_indices(const char* name, ArgReduceKernel& kernel, const Tensor& self, int64_t d,
                                IntArrayRef sizes) {
  const Tensor in = self.dim() == 0 ? detail::alias(self, {1}, {1}, self.storage_offset()) : self;
  check_not_empty(name, in, DimMask{1} << d);
  WithIndices r{detail::empty(sizes, self.dtype(), self.device()), detail::empty(sizes, kInt64, self.device())};
  if (r.values.numel() != 0) launch(kernel, self.device(), r.values, r.indices, in, d);
  return r;
}

// The dimension as a mask: none of a 0-dimensional tensor.
DimMask mask_of(const Tensor& self, int64_t d) { return self.dim() == 0 ? 0 : DimMask{1} << d; }

std::tuple<Tensor, Tensor> extremum_along(const char* name, const char* node, ArgReduceKernel& kernel,
                                          const Tensor& self, int64_t dim, bool keepdim) {
  check_defined(name, self);
  const int64_t d = wrap_dim(dim, self.dim());
  const DimMask mask = mask_of(self, d);
  const WithIndices r = reduce_with_indices(name, kernel, self, d, reduced_sizes(self.sizes(), mask, keepdim));
  if (!recording(self)) return {r.values, r.indices};
  record(node, r.values,
         wrt(self, [d, mask, keepdim, sizes = Dims(self.sizes()), indices = save(r.indices)](const Tensor& g) {
           if (sizes.empty()) return g;
           return zeros(sizes, g.options())
               .scatter_add(d, restore_dims(indices.get(), sizes, mask, keepdim),
                            restore_dims(g, sizes, mask, keepdim));
         }));
  return {r.values, r.indices};
}

Tensor arg_extremum(const char* name, ArgReduceKernel& kernel, const Tensor& self, std::optional<int64_t> dim,
                    bool keepdim) {
  check_defined(name, self);
  if (!dim) {
    EMBER_CHECK(self.numel() != 0, name, ": there is no ", name, " of no elements; got ", describe(self));
    const NoGradGuard unrecorded;
    const Dims sizes = keepdim ? Dims(self.sizes().size(), 1) : Dims();
    return reduce_with_indices(name, kernel, self.reshape({-1}), 0, sizes).indices;
  }
  const int64_t d = wrap_dim(*dim, self.dim());
  return reduce_with_indices(name, kernel, self, d, reduced_sizes(self.sizes(), mask_of(self, d), keepdim)).indices;
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
Tensor mean(const Tensor& self, std::optional<ScalarType> dtype) {
  return sum_or_mean("mean", "MeanBackward0", true, self, {}, false, dtype);
}
Tensor mean(const Tensor& self, OptionalIntArrayRef dim, bool keepdim, std::optional<ScalarType> dtype) {
  return sum_or_mean("mean", "MeanBackward1", true, self, dim.value_or({}), keepdim, dtype);
}
Tensor max(const Tensor& self) { return extremum_over("max", "MaxBackward1", kernels.amax, self, {}, false); }
Tensor min(const Tensor& self) { return extremum_over("min", "MinBackward1", kernels.amin, self, {}, false); }
std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim) {
  return extremum_along("max", "MaxBackward0", kernels.max, self, dim, keepdim);
}
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim) {
  return extremum_along("min", "MinBackward0", kernels.min, self, dim, keepdim);
}
Tensor amax(const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extremum_over("amax", "AmaxBackward0", kernels.amax, self, dim, keepdim);
}
Tensor amin(const Tensor& self, IntArrayRef dim, bool keepdim) {
  return extremum_over("amin", "AminBackward0", kernels.amin, self, dim, keepdim);
}
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extremum("argmax", kernels.max, self, dim, keepdim);
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extremum("argmin", kernels.min, self, dim, keepdim);
}
Tensor all(const Tensor& self) {
  check_defined("all", self);
  const NoGradGuard unrecorded;
  return (self == 0).sum() == 0;
}
Tensor any(const Tensor& self) {
  check_defined("any", self);
  const NoGradGuard unrecorded;
  return (self != 0).sum() != 0;
}

}  // namespace ember
