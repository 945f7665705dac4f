// Layer normalisation (Ba, Kiros and Hinton 2016).
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// A tensor as the rows [R, n] that the kernels take, or as their vector of n; both contiguous.
struct Rows {
  int64_t rows, n;
  Tensor as_matrix(const Tensor& t) const { return ember::detail::alias(t, {rows, n}, {n, 1}, t.storage_offset()); }
  Tensor as_vector(const Tensor& t) const {
    return t.defined() ? ember::detail::alias(t, {n}, {1}, t.storage_offset()) : Tensor();
  }
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

// One node for the three gradients, since one kernel makes them in one sweep over the rows.
class LayerNormNode final : public autograd::Node {
 public:
  LayerNormNode(const Stream& stream, const Tensor& x, const Tensor& weight, const Tensor& bias,
                autograd::SavedTensor saved_x, autograd::SavedTensor saved_weight, autograd::SavedTensor mean,
                autograd::SavedTensor rstd, const Rows& shape, IntArrayRef sizes, double eps)
      : Node(edges_, 3, 1),
        edges_{autograd::gradient_edge(x), weight.defined() ? autograd::gradient_edge(weight) : autograd::Edge(),
               bias.defined() ? autograd::gradient_edge(bias) : autograd::Edge()},
        shape_(shape),
        sizes_(sizes),
        eps_(eps),
        scope_(this),
        x_(std::move(saved_x)),
        weight_(std::move(saved_weight)),
        mean_(std::move(mean)),
        rstd_(std::move(rstd)) {
    scope_.close();
    has_weight_ = weight_.defined();
    set_stream(stream);
  }
  const char* type_name() const override { return "NativeLayerNormBackward0"; }

  void apply(Tensor* grads_in, Tensor* grads_out) override {
    if (!grads_in[0].defined()) return;
    const Tensor& g = grads_in[0];
    const bool wanted[] = {task_should_compute_output(0), task_should_compute_output(1), task_should_compute_output(2)};
    if (!wanted[0] && !wanted[1]) {  // which needs nothing that was saved
      if (wanted[2]) grads_out[2] = reduce_to(g, sizes_);
      return;
    }
    const Tensor x = x_.get();
    const Tensor weight = has_weight_ && wanted[0] ? weight_.get() : Tensor();
    const auto dims = static_cast<int64_t>(sizes_.size());
    if (recording(g, x) || (weight.defined() && recording(weight))) {
      if (wanted[0]) grads_out[0] = composed_backward(g, x, weight, dims, eps_);
      if (wanted[1]) grads_out[1] = reduce_to(g * normalised(x, dims, eps_), sizes_);
      if (wanted[2]) grads_out[2] = reduce_to(g, sizes_);
      return;
    }
    if (wanted[0]) grads_out[0] = ember::detail::empty(x.sizes(), x.dtype(), x.device());
    for (const int i : {1, 2}) {
      if (wanted[i]) grads_out[i] = ember::detail::empty(sizes_, x.dtype(), x.device());
    }
    if (x.numel() == 0) {
      for (const int i : {1, 2}) {
        if (wanted[i]) fill_contents(grads_out[i], 0);
      }
      return;
    }
    launch(kernels.layer_norm_backward, x.device(), wanted[0] ? shape_.as_matrix(grads_out[0]) : Tensor(),
           shape_.as_vector(grads_out[1]), shape_.as_vector(grads_out[2]), shape_.as_matrix(g.contiguous()),
           shape_.as_matrix(x), mean_.get(), rstd_.get(),
           shape_.as_vector(weight.defined() ? weight.contiguous() : Tensor()));
  }

 private:
  autograd::Edge edges_[3];
  Rows shape_;
  Dims sizes_;
  double eps_;
  bool has_weight_ = false;
  autograd::SavedTensorScope scope_;
  autograd::SavedTensor x_, weight_, mean_, rstd_;
};

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
  Tensor y = ember::detail::empty(x.sizes(), x.dtype(), x.device());
  const Tensor mean = ember::detail::empty({shape.rows}, statistics, x.device());
  const Tensor rstd = ember::detail::empty({shape.rows}, statistics, x.device());
  Tensor w, b;
  {
    const NoGradGuard unrecorded;
    if (weight.defined()) w = weight.contiguous();
    if (bias.defined()) b = bias.contiguous();
  }
  if (y.numel() != 0) {
    launch(kernels.layer_norm, x.device(), shape.as_matrix(y), mean, rstd, shape.as_matrix(x), shape.as_vector(w),
           shape.as_vector(b), eps);
  }
  const auto recorded = [&](const Tensor& t) { return t.defined() && t.requires_grad(); };
  if (!autograd::recording_enabled() || !(recorded(input) || recorded(weight) || recorded(bias))) return y;

  const Stream stream = y.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(y.device());
  autograd::set_history(
      y, IntrusivePtr<autograd::Node>(new LayerNormNode(stream, x, weight, bias, save(x),
                                                        weight.defined() ? save(weight) : autograd::SavedTensor(),
                                                        save(mean), save(rstd), shape, normalized_shape, eps)));
  return y;
}

}  // namespace ember
