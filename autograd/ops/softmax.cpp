// Softmax and log_softmax.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// The input of a softmax kernel: contiguous, floating.
Tensor softmax_input(const char* name, const Tensor& self, std::optional<ScalarType> dtype) {
  check_defined(name, self);
  const ScalarType t = dtype.value_or(self.dtype());
  EMBER_CHECK(is_floating(t), name, ": expected a floating dtype, got ", dtype_name(t));
  return as_dtype(self, t).contiguous();
}

Tensor run_softmax(SoftmaxKernel& kernel, const Tensor& in, int64_t d) {
  const Tensor y = detail::empty(in.sizes(), in.dtype(), in.device());
  if (y.numel() != 0) launch(kernel, in.device(), y, in, d);
  return y;
}

Tensor run_softmax_backward(SoftmaxBackwardKernel& kernel, const Tensor& g, const Tensor& y, int64_t d) {
  const NoGradGuard unrecorded;
  const Tensor grad = g.contiguous();
  const Tensor out = y.contiguous();
  const Tensor r = detail::empty(out.sizes(), out.dtype(), out.device());
  if (r.numel() != 0) launch(kernel, r.device(), r, grad, out, d);
  return r;
}

// (g − Σ g·y)·y
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t d) {
  const Tensor r = run_softmax_backward(kernels.softmax_backward, g, y, d);
  if (!recording(g, y)) return r;
  return record("SoftmaxBackwardDataBackward0", r,
                wrt(g, [y = save(y), d](const Tensor& gg) { return softmax_backward(gg, y.get(), d); }),
                wrt(y, [g = save(g), y = save(y), d](const Tensor& gg) {
                  const Tensor grad = g.get();
                  const Tensor out = y.get();
                  return gg * (grad - (grad * out).sum({d}, true)) - grad * (gg * out).sum({d}, true);
                }));
}

// g − exp(y)·Σ g
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t d) {
  const Tensor r = run_softmax_backward(kernels.log_softmax_backward, g, y, d);
  if (!recording(g, y)) return r;
  return record("LogSoftmaxBackwardDataBackward0", r,
                wrt(g, [y = save(y), d](const Tensor& gg) { return gg - (gg * y.get().exp()).sum({d}, true); }),
                wrt(y, [g = save(g), y = save(y), d](const Tensor& gg) {
                  return -(gg * y.get().exp() * g.get().sum({d}, true));
                }));
}

void check_softmax_out(const char* op, const Tensor& out, const Tensor& self, std::optional<ScalarType> dtype) {
  check_defined(op, self);
  check_defined(op, out, "out");
  const ScalarType t = dtype.value_or(self.dtype());
  EMBER_CHECK(out.dtype() == t, op, ": a result of dtype ", dtype_name(t), " cannot be written to ", describe(out));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor softmax(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  const Tensor in = softmax_input("softmax", self, dtype);
  const int64_t d = wrap_dim(dim, in.dim());
  const Tensor y = run_softmax(kernels.softmax, in, d);
  if (!recording(in)) return y;
  return record("SoftmaxBackward0", y,
                wrt(in, [y = save_output(y), d](const Tensor& g) { return softmax_backward(g, y.get(), d); }));
}

Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  const Tensor in = softmax_input("log_softmax", self, dtype);
  const int64_t d = wrap_dim(dim, in.dim());
  const Tensor y = run_softmax(kernels.log_softmax, in, d);
  if (!recording(in)) return y;
  return record("LogSoftmaxBackward0", y,
                wrt(in, [y = save_output(y), d](const Tensor& g) { return log_softmax_backward(g, y.get(), d); }));
}

Tensor& softmax_out(Tensor& out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_softmax_out("softmax_out", out, self, dtype);
  return out_form("softmax_out", out, {&self}, [&] { return softmax(self, dim, dtype); });
}
Tensor& log_softmax_out(Tensor& out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_softmax_out("log_softmax_out", out, self, dtype);
  return out_form("log_softmax_out", out, {&self}, [&] { return log_softmax(self, dim, dtype); });
}

}  // namespace ember
