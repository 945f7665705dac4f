// Layer normalisation (Ba, Kiros and Hinton 2016).
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// What the gradients of a layer norm need: rows [R, n], contiguous, and their statistics.
struct Rows {
  int64_t rows, n;
  Tensor as_matrix(const Tensor& t) const { return ember::detail::alias(t, {rows, n}, {n, 1}, t.storage_offset()); }
};

// The rows normalised, recorded.
Tensor normalised(const Tensor& x, int64_t dims, double eps) {
  Dims last;
  for (int64_t d = 1; d <= dims; ++d) last.push_back(-d);
  const Tensor centred = x - x.mean(last, true);
  return centred * (centred.square().mean(last, true) + eps).rsqrt();
}

// The gradient of the input in recorded operations, for a second gradient.
Tensor composed_backward(const Tensor& g, const Tensor& x, const Tensor& weight, int64_t dims, double eps) {
  Dims last;
  for (int64_t d = 1; d <= dims; ++d) last.push_back(-d);
  const Tensor centred = x - x.mean(last, true);
  const Tensor rstd = (centred.square().mean(last, true) + eps).rsqrt();
  const Tensor y = centred * rstd;
  const Tensor h = weight.defined() ? g * weight : g;
  return rstd * (h - h.mean(last, true) - y * (h * y).mean(last, true));
}

void check_parameter(const char* what, const Tensor& t, const Tensor& x, IntArrayRef normalized_shape) {
  if (!t.defined()) return;
  check_same_device("layer_norm", x, t);
  EMBER_CHECK(t.sizes() == normalized_shape && t.dtype() == x.dtype(), "layer_norm: expected a ", what, " of sizes ",
              normalized_shape, " and dtype ", dtype_name(x.dtype()), ", got ", describe(t));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor layer_norm(const Tensor& input, IntArrayRef normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps, bool) {
  check_defined("layer_norm", input, "input");
  EMBER_CHECK(is_floating(input.dtype()), "layer_norm: expected a floating dtype, got ", describe(input));
  const auto dims = static_cast<int64_t>(normalized_shape.size());
  EMBER_CHECK(dims >= 1, "layer_norm: normalized_shape must have at least one dimension");
  EMBER_CHECK(input.dim() >= dims && input.sizes().slice(static_cast<size_t>(input.dim() - dims)) == normalized_shape,
              "layer_norm: the last sizes of ", describe(input), " are not the normalized_shape ", normalized_shape);
  check_parameter("weight", weight, input, normalized_shape);
  check_parameter("bias", bias, input, normalized_shape);
  const Tensor x = input.contiguous();
  Rows shape{1, 1};
  for (const int64_t s : normalized_shape) shape.n *= s;
  for (int64_t d = 0; d < x.dim() - dims; ++d) shape.rows *= x.size(d);
  const ScalarType statistics = x.dtype() == kFloat64 ? kFloat64 : kFloat32;
  const Tensor y = ember::detail::empty(x.sizes(), x.dtype(), x.device());
  const Tensor mean = ember::detail::empty({shape.rows}, statistics, x.device());
  const Tensor rstd = ember::detail::empty({shape.rows}, statistics, x.device());
  Tensor w, b;
  {
    const NoGradGuard unrecorded;
    if (weight.defined()) w = weight.contiguous();
    if (bias.defined()) b = bias.contiguous();
  }
  const auto as_vector = [](const Tensor& t) {
    return t.defined() ? ember::detail::alias(t, {t.numel()}, {1}, t.storage_offset()) : Tensor();
  };
  if (y.numel() != 0) {
    launch(kernels.layer_norm, x.device(), shape.as_matrix(y), mean, rstd, shape.as_matrix(x), as_vector(w),
           as_vector(b), eps);
  }
  const auto recorded = [&](const Tensor& t) { return t.defined() && t.requires_grad(); };
  if (!autograd::recording_enabled() || !(recorded(input) || recorded(weight) || recorded(bias))) return y;

  auto input_gradient = [x = save(x), w = weight.defined() ? save(weight) : autograd::SavedTensor(),
                         has_weight = weight.defined(), mean = save(mean), rstd = save(rstd), shape, dims, eps,
                         as_vector](const Tensor& g) {
    const Tensor in = x.get();
    const Tensor scale = has_weight ? w.get() : Tensor();
    if (recording(g, in) || (has_weight && recording(scale))) return composed_backward(g, in, scale, dims, eps);
    const Tensor grad = g.contiguous();
    const Tensor result = ember::detail::empty(in.sizes(), in.dtype(), in.device());
    if (result.numel() != 0) {
      launch(kernels.layer_norm_backward, in.device(), shape.as_matrix(result), shape.as_matrix(grad),
             shape.as_matrix(in), mean.get(), rstd.get(), as_vector(has_weight ? scale.contiguous() : Tensor()));
    }
    return result;
  };
  const Dims sizes = normalized_shape;
  auto weight_gradient = [x = save(x), mean = save(mean), rstd = save(rstd), shape, sizes, dims, eps,
                          as_vector](const Tensor& g) {
    const Tensor in = x.get();
    if (recording(g, in)) return reduce_to(g * normalised(in, dims, eps), sizes);
    const Tensor grad = g.contiguous();
    const Tensor result = ember::detail::empty(sizes, in.dtype(), in.device());
    if (in.numel() == 0) {
      fill_contents(result, 0);
    } else {
      launch(kernels.layer_norm_weight_backward, in.device(), as_vector(result), Tensor(), shape.as_matrix(grad),
             shape.as_matrix(in), mean.get(), rstd.get());
    }
    return result;
  };
  auto bias_gradient = [sizes](const Tensor& g) { return reduce_to(g, sizes); };
  if (!weight.defined() && !bias.defined())
    return record("NativeLayerNormBackward0", y, wrt(x, std::move(input_gradient)));
  if (!bias.defined()) {
    return record("NativeLayerNormBackward0", y, wrt(x, std::move(input_gradient)),
                  wrt(weight, std::move(weight_gradient)));
  }
  if (!weight.defined()) {
    return record("NativeLayerNormBackward0", y, wrt(x, std::move(input_gradient)),
                  wrt(bias, std::move(bias_gradient)));
  }
  return record("NativeLayerNormBackward0", y, wrt(x, std::move(input_gradient)),
                wrt(weight, std::move(weight_gradient)), wrt(bias, std::move(bias_gradient)));
}

}  // namespace ember
