// Variance and standard deviation, with and without the mean.
#include <ember/autograd/ops/reduce.h>

namespace ember {

namespace ops {
namespace {

using Correction = std::optional<Scalar>;

struct Moments {
  Tensor spread, mean;  // variance or deviation
  DimMask mask;
  double correction;
};

Moments moments(const char* name, bool root, const Tensor& self, OptionalIntArrayRef dims, const Correction& correction,
                bool keepdim) {
  check_defined(name, self);
  EMBER_CHECK(self.is_floating_point(), name, ": expected a floating dtype, got ", describe(self));
  const DimMask mask = dim_mask(name, dims.value_or({}), self.dim());
  const Dims sizes = reduced_sizes(self.sizes(), mask, keepdim);
  Moments m{detail::empty(sizes, self.dtype(), self.device()), detail::empty(sizes, self.dtype(), self.device()), mask,
            correction ? correction->toDouble() : 1.0};
  if (m.spread.numel() != 0) {
    launch(kernels.var_mean, self.device(), m.spread, m.mean, self, mask, m.correction, root);
  }
  return m;
}

// 2·(x − mean)·g / (n − correction), g with 1 in the dimensions of the mask.
Tensor var_backward(const Tensor& g, const Tensor& self, DimMask mask, double correction) {
  const double freedom = static_cast<double>(reduced_numel(self.sizes(), mask)) - correction;
  const Tensor centred = mask == 0 ? self - self : self - self.mean(dims_of(mask), true);
  return g * (centred * (2.0 / freedom));
}

Tensor std_backward(const Tensor& g, const Tensor& self, const Tensor& result, DimMask mask, double correction) {
  // Where nothing varies the root has no slope: 0 is taken.
  return var_backward(masked_fill(g / (result * 2), result == 0, 0), self, mask, correction);
}

Tensor spread_of(const char* name, bool root, const Tensor& self, OptionalIntArrayRef dims,
                 const Correction& correction, bool keepdim) {
  const Moments m = moments(name, root, self, dims, correction, keepdim);
  if (!recording(self)) return m.spread;
  if (!root) {
    return record("VarBackward0", m.spread,
                  wrt(self, [x = save(self), mask = m.mask, c = m.correction, keepdim](const Tensor& g) {
                    const Tensor input = x.get();
                    return var_backward(restore_dims(g, input.sizes(), mask, keepdim), input, mask, c);
                  }));
  }
  return record(
      "StdBackward0", m.spread,
      wrt(self, [x = save(self), y = save_output(m.spread), mask = m.mask, c = m.correction, keepdim](const Tensor& g) {
        const Tensor input = x.get();
        return std_backward(restore_dims(g, input.sizes(), mask, keepdim), input,
                            restore_dims(y.get(), input.sizes(), mask, keepdim), mask, c);
      }));
}

std::tuple<Tensor, Tensor> spread_and_mean(const char* name, bool root, const Tensor& self, OptionalIntArrayRef dims,
                                           const Correction& correction, bool keepdim) {
  const Moments m = moments(name, root, self, dims, correction, keepdim);
  if (recording(self)) {
    record_pair(root ? "StdMeanBackward0" : "VarMeanBackward0", m.spread, m.mean, self,
                [x = save(self), y = save_output(m.spread), mask = m.mask, c = m.correction, keepdim, root](
                    const Tensor& g_spread, const Tensor& g_mean) {
                  const Tensor input = x.get();
                  Tensor grad;
                  if (g_spread.defined()) {
                    const Tensor g = restore_dims(g_spread, input.sizes(), mask, keepdim);
                    grad = root ? std_backward(g, input, restore_dims(y.get(), input.sizes(), mask, keepdim), mask, c)
                                : var_backward(g, input, mask, c);
                  }
                  if (g_mean.defined()) {
                    const Tensor from_mean = (restore_dims(g_mean, input.sizes(), mask, keepdim) /
                                              static_cast<double>(reduced_numel(input.sizes(), mask)))
                                                 .expand(input.sizes());
                    grad = grad.defined() ? grad + from_mean : from_mean;
                  }
                  return grad;
                });
  }
  return {m.spread, m.mean};
}

Correction correction_of(bool unbiased) { return Scalar(unbiased ? 1 : 0); }

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_SPREAD(name, root) \
  Tensor name(const Tensor& self, bool unbiased) { \
    return spread_of(#name, root, self, std::nullopt, correction_of(unbiased), false); \
  } \
  Tensor name(const Tensor& self, OptionalIntArrayRef dim, bool unbiased, bool keepdim) { \
    return spread_of(#name, root, self, dim, correction_of(unbiased), keepdim); \
  } \
  Tensor name(const Tensor& self, OptionalIntArrayRef dim, const std::optional<Scalar>& correction, bool keepdim) { \
    return spread_of(#name, root, self, dim, correction, keepdim); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, bool unbiased, bool keepdim) { \
    return out_form(#name, out, {&self}, \
                    [&] { return spread_of(#name, root, self, dim, correction_of(unbiased), keepdim); }); \
  } \
  Tensor& name##_out(Tensor& out, const Tensor& self, OptionalIntArrayRef dim, \
                     const std::optional<Scalar>& correction, bool keepdim) { \
    return out_form(#name, out, {&self}, [&] { return spread_of(#name, root, self, dim, correction, keepdim); }); \
  } \
  std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, bool unbiased) { \
    return spread_and_mean(#name "_mean", root, self, std::nullopt, correction_of(unbiased), false); \
  } \
  std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, OptionalIntArrayRef dim, bool unbiased, bool keepdim) { \
    return spread_and_mean(#name "_mean", root, self, dim, correction_of(unbiased), keepdim); \
  } \
  std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, OptionalIntArrayRef dim, \
                                         const std::optional<Scalar>& correction, bool keepdim) { \
    return spread_and_mean(#name "_mean", root, self, dim, correction, keepdim); \
  }
EMBER_SPREAD(std, true)
EMBER_SPREAD(var, false)
#undef EMBER_SPREAD

}  // namespace ember
