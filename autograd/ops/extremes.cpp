// The largest and the smallest element, and where they are.
#include <ember/autograd/ops/reduce.h>

namespace ember {

namespace ops {

Tensor share_evenly(const Tensor& g, const Tensor& self, const Tensor& result) {
  Tensor chosen;
  {
    const NoGradGuard unrecorded;
    // NaN, if it is the result, counts as equal to itself.
    chosen = (self == result) + ((self != self) * (result != result));
  }
  return g / chosen.sum().to(g.dtype()) * chosen;
}

namespace {

// Equal extrema share the gradient; there is none that is equal to NaN, which gives NaN.
Tensor extremum_backward(const Tensor& g, const Tensor& self, const Tensor& result, DimMask mask, bool keepdim) {
  const Tensor chosen = self == restore_dims(result, self.sizes(), mask, keepdim);
  const Tensor count = mask == 0 ? chosen.to(g.dtype()) : chosen.sum(dims_of(mask), true).to(g.dtype());
  return restore_dims(g, self.sizes(), mask, keepdim) / count * chosen;
}

Tensor run_extremum(const char* name, ReduceKernel& kernel, const Tensor& self, DimMask mask, bool keepdim) {
  check_not_empty(name, self, mask);
  Tensor y = detail::empty(reduced_sizes(self.sizes(), mask, keepdim), self.dtype(), self.device());
  if (y.numel() != 0) launch(kernel, self.device(), y, self, mask);
  return y;
}

Tensor extremum_over(const char* name, const char* node, ReduceKernel& kernel, const Tensor& self, IntArrayRef dims,
                     bool keepdim) {
  check_defined(name, self);
  const DimMask mask = dim_mask(name, dims, self.dim());
  Tensor y = run_extremum(name, kernel, self, mask, keepdim);
  if (!recording(self)) return y;
  return record(node, y, wrt(self, [x = save(self), y = save_output(y), mask, keepdim](const Tensor& g) {
                  return extremum_backward(g, x.get(), y.get(), mask, keepdim);
                }));
}

Tensor extremum_of_all(const char* name, const char* node, ReduceKernel& kernel, const Tensor& self) {
  check_defined(name, self);
  Tensor y = run_extremum(name, kernel, self, dim_mask(name, {}, self.dim()), false);
  if (!recording(self)) return y;
  return record(node, y, wrt(self, [x = save(self), y = save_output(y)](const Tensor& g) {
                  return share_evenly(g, x.get(), y.get());
                }));
}

// Along dimension d of `self`, which may be 0-dimensional, into results of `sizes`.
WithIndices reduce_with_indices(const char* name, ArgReduceKernel& kernel, const Tensor& self, int64_t d,
                                IntArrayRef sizes) {
  const Tensor in = self.dim() == 0 ? detail::alias(self, {1}, {1}, self.storage_offset()) : self;
  check_not_empty(name, in, DimMask{1} << d);
  WithIndices r{detail::empty(sizes, self.dtype(), self.device()), detail::empty(sizes, kInt64, self.device())};
  if (r.values.numel() != 0) launch(kernel, self.device(), r.values, r.indices, in, d);
  return r;
}

std::tuple<Tensor, Tensor> extremum_along(const char* name, const char* node, ArgReduceKernel& kernel,
                                          const Tensor& self, int64_t dim, bool keepdim) {
  check_defined(name, self);
  const int64_t d = wrap_dim(dim, self.dim());
  const Dims sizes = reduced_sizes(self.sizes(), mask_of(self, d), keepdim);
  return record_choice(node, self, reduce_with_indices(name, kernel, self, d, sizes), d, keepdim);
}

Tensor arg_extremum(const char* name, ArgReduceKernel& kernel, const Tensor& self, std::optional<int64_t> dim,
                    bool keepdim) {
  check_defined(name, self);
  EMBER_CHECK(self.scalar_type() != kBool, name, ": not implemented for bool, got ", describe(self));
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

Tensor max(const Tensor& self) { return extremum_of_all("max", "MaxBackward1", kernels.amax, self); }
Tensor min(const Tensor& self) { return extremum_of_all("min", "MinBackward1", kernels.amin, self); }
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
std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  check_defined("aminmax", self);
  const DimMask mask = dim ? mask_of(self, wrap_dim(*dim, self.dim())) : dim_mask("aminmax", {}, self.dim());
  const Tensor low = run_extremum("aminmax", kernels.amin, self, mask, keepdim);
  const Tensor high = run_extremum("aminmax", kernels.amax, self, mask, keepdim);
  if (recording(self)) {
    record_pair("AminmaxBackward0", low, high, self,
                [x = save(self), low = autograd::SavedTensor(low, true, 0), high = autograd::SavedTensor(high, true, 1),
                 mask, keepdim](const Tensor& g_low, const Tensor& g_high) {
                  Tensor from_low, from_high;
                  if (g_low.defined()) from_low = extremum_backward(g_low, x.get(), low.get(), mask, keepdim);
                  if (g_high.defined()) from_high = extremum_backward(g_high, x.get(), high.get(), mask, keepdim);
                  return !from_low.defined() ? from_high : !from_high.defined() ? from_low : from_low + from_high;
                });
  }
  return {low, high};
}
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extremum("argmax", kernels.max, self, dim, keepdim);
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg_extremum("argmin", kernels.min, self, dim, keepdim);
}

Tensor& max_out(Tensor& out, const Tensor& self) {
  return out_form("max", out, {&self}, [&] { return max(self); });
}
Tensor& min_out(Tensor& out, const Tensor& self) {
  return out_form("min", out, {&self}, [&] { return min(self); });
}
Tensor& max_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_form("max", out, {&self, &other}, [&] { return maximum(self, other); });
}
Tensor& min_out(Tensor& out, const Tensor& self, const Tensor& other) {
  return out_form("min", out, {&self, &other}, [&] { return minimum(self, other); });
}
std::tuple<Tensor&, Tensor&> max_out(Tensor& max, Tensor& max_values, const Tensor& self, int64_t dim, bool keepdim) {
  return out_pair("max", max, max_values, self, [&] { return ember::max(self, dim, keepdim); });
}
std::tuple<Tensor&, Tensor&> min_out(Tensor& min, Tensor& min_indices, const Tensor& self, int64_t dim, bool keepdim) {
  return out_pair("min", min, min_indices, self, [&] { return ember::min(self, dim, keepdim); });
}
Tensor& amax_out(Tensor& out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return out_exact("amax", out, {&self}, [&] { return amax(self, dim, keepdim); });
}
Tensor& amin_out(Tensor& out, const Tensor& self, IntArrayRef dim, bool keepdim) {
  return out_exact("amin", out, {&self}, [&] { return amin(self, dim, keepdim); });
}
std::tuple<Tensor&, Tensor&> aminmax_out(Tensor& min, Tensor& max, const Tensor& self, std::optional<int64_t> dim,
                                         bool keepdim) {
  return out_pair("aminmax", min, max, self, [&] { return aminmax(self, dim, keepdim); });
}
Tensor& argmax_out(Tensor& out, const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return out_exact("argmax", out, {&self}, [&] { return argmax(self, dim, keepdim); });
}
Tensor& argmin_out(Tensor& out, const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return out_exact("argmin", out, {&self}, [&] { return argmin(self, dim, keepdim); });
}

}  // namespace ember
