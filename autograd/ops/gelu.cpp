// Smooth and gated activations, gelu, silu, softplus, log_sigmoid and glu: each forward beside its gradient.
#include <ember/autograd/ops/activation.h>
#include <ember/autograd/ops/unary_forms.h>

namespace ember {

namespace ops {
namespace {

// A gradient in one pass, g·f'(x) by `op`, whose own gradient is gg·g·second(x).
template <class F>
Tensor smooth_backward(const char* node, const Elementwise& op, const Tensor& g, const Tensor& x, F second) {
  const Tensor r = binary(op, Dest(), g, x);
  if (!recording(g, x)) return r;
  return record(
      node, r,
      wrt(g,
          [node, op, x = save(x), second](const Tensor& gg) { return smooth_backward(node, op, gg, x.get(), second); }),
      wrt(x, [g = save(g), x = save(x), second](const Tensor& gg) { return gg * g.get() * second(x.get()); }));
}

template <class F>
Tensor record_smooth(const char* node, const char* second_node, const Elementwise& op, const Tensor& y, const Tensor& x,
                     F second) {
  if (!recording(x)) return y;
  return record(node, y, wrt(x, [second_node, op, x = save(x), second](const Tensor& g) {
                  return smooth_backward(second_node, op, g, x.get(), second);
                }));
}

// ---- gelu ----

// φ(x)·(2 − x²). Both are 0 to every precision outside of the limits, within which no square overflows.
Tensor gelu_second(const Tensor& x) {
  const Tensor limited = x.clamp(-40, 40);
  const Tensor square = limited * limited;
  return (square * -0.5).exp() * 0.39894228040143267794 * (2 - square);
}

// The approximation is x/2·(1 + t) with t = tanh(u), u = k(x + cx³).
Tensor gelu_tanh_second(const Tensor& x) {
  constexpr double k = 0.79788456080286535588, c = 0.044715;
  const Tensor at = x.clamp(-10, 10);
  const Tensor square = at * at;
  const Tensor t = (at * (square * c + 1) * k).tanh();
  const Tensor slope = (square * (3 * c) + 1) * k;
  return (1 - t * t) * (slope + at * (at * (3 * c * k) - t * (slope * slope)));
}

bool is_tanh(const char* op, std::string_view approximate) {
  EMBER_CHECK(approximate == "none" || approximate == "tanh", op, ": approximate must be \"none\" or \"tanh\", got \"",
              approximate, '"');
  return approximate == "tanh";
}

Tensor gelu_to(const char* op, Dest dest, const Tensor& x, std::string_view approximate) {
  check_floating_input(op, x);
  if (is_tanh(op, approximate)) {
    return record_smooth("GeluBackward0", "GeluBackwardBackward0", {"gelu_backward", kernels.gelu_tanh_backward},
                         unary({op, kernels.gelu_tanh}, dest, x), x, gelu_tanh_second);
  }
  return record_smooth("GeluBackward0", "GeluBackwardBackward0", {"gelu_backward", kernels.gelu_backward},
                       unary({op, kernels.gelu}, dest, x), x, gelu_second);
}

// ---- silu ----

// s(1 − s)(2 + x(1 − 2s)), s = σ(x)
Tensor silu_second(const Tensor& x) {
  const Tensor s = x.sigmoid();
  return s * (1 - s) * (x * (1 - s * 2) + 2);
}

Tensor silu_to(Dest dest, const Tensor& x) {
  check_floating_input("silu", x);
  return record_smooth("SiluBackward0", "SiluBackwardBackward0", {"silu_backward", kernels.silu_backward},
                       unary({"silu", kernels.silu}, dest, x), x, silu_second);
}

// ---- softplus and log_sigmoid ----

Tensor softplus_to(Dest dest, const Tensor& x, const Scalar& beta, const Scalar& threshold) {
  check_floating_input("softplus", x);
  const Params numbers{beta, threshold};
  return record_smooth("SoftplusBackward0", "SoftplusBackwardBackward0",
                       {"softplus_backward", kernels.softplus_backward, numbers},
                       unary({"softplus", kernels.softplus, numbers}, dest, x), x, [numbers](const Tensor& x) {
                         const Tensor scaled = x * numbers.a;
                         const Tensor s = scaled.sigmoid();
                         return masked_fill(s * (1 - s) * numbers.a, scaled >= numbers.b, 0);
                       });
}

Tensor log_sigmoid_to(Dest dest, const Tensor& x) {
  check_floating_input("log_sigmoid", x);
  return record_smooth("LogSigmoidBackward0", "LogSigmoidBackwardBackward0",
                       {"log_sigmoid_backward", kernels.log_sigmoid_backward},
                       unary({"log_sigmoid", kernels.log_sigmoid}, dest, x), x, [](const Tensor& x) {
                         const Tensor s = x.sigmoid();
                         return s * (s - 1);
                       });
}

// ---- glu ----

std::pair<Tensor, Tensor> halves(const Tensor& x, int64_t d) {
  const int64_t half = x.size(d) / 2;
  return {x.narrow(d, 0, half), x.narrow(d, half, half)};
}

// For x = [a, b] and s = σ(b): g·[s, a·s(1 − s)].
Tensor glu_backward(const Tensor& g, const Tensor& x, int64_t d) {
  Tensor r;
  {
    const NoGradGuard unrecorded;
    const auto [a, b] = halves(x, d);
    const Tensor s = b.sigmoid();
    const Tensor grad_a = g * s;
    r = cat({grad_a, grad_a * a * (1 - s)}, d);
  }
  if (!recording(g, x)) return r;
  return record("GluBackwardBackward0", r,
                wrt(g,
                    [x = save(x), d](const Tensor& gg) {
                      const auto [a, b] = halves(x.get(), d);
                      const auto [gg_a, gg_b] = halves(gg, d);
                      const Tensor s = b.sigmoid();
                      return s * (gg_a + gg_b * a * (1 - s));
                    }),
                wrt(x, [g = save(g), x = save(x), d](const Tensor& gg) {
                  const auto [a, b] = halves(x.get(), d);
                  const auto [gg_a, gg_b] = halves(gg, d);
                  const Tensor s = b.sigmoid();
                  const Tensor slope = g.get() * s * (1 - s);
                  return cat({slope * gg_b, slope * (gg_a + gg_b * a * (1 - s * 2))}, d);
                }));
}

}  // namespace

Tensor gelu_tanh_backward(const Tensor& g, const Tensor& x) {
  return smooth_backward("GeluBackwardBackward0", {"gelu_backward", kernels.gelu_tanh_backward}, g, x,
                         gelu_tanh_second);
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor gelu(const Tensor& self, std::string_view approximate) { return gelu_to("gelu", {}, self, approximate); }
Tensor& gelu_(Tensor& self, std::string_view approximate) {
  check_defined("gelu_", self);
  return in_place(
      "gelu_", self, [&](Dest dest, const Tensor& x) { gelu_to("gelu_", dest, x, approximate); }, self.requires_grad());
}
Tensor& gelu_out(Tensor& out, const Tensor& self, std::string_view approximate) {
  return unary_out("gelu_out", out, self, OutDtype::Same,
                   [&](Dest dest, const Tensor& x) { gelu_to("gelu_out", dest, x, approximate); });
}

Tensor silu(const Tensor& self) { return silu_to({}, self); }
Tensor& silu_(Tensor& self) {
  check_defined("silu_", self);
  return in_place(
      "silu_", self, [](Dest dest, const Tensor& x) { silu_to(dest, x); }, self.requires_grad());
}
Tensor& silu_out(Tensor& out, const Tensor& self) {
  return unary_out("silu_out", out, self, OutDtype::Same, [](Dest dest, const Tensor& x) { silu_to(dest, x); });
}

Tensor softplus(const Tensor& self, const Scalar& beta, const Scalar& threshold) {
  return softplus_to({}, self, beta, threshold);
}
Tensor& softplus_out(Tensor& out, const Tensor& self, const Scalar& beta, const Scalar& threshold) {
  return unary_out("softplus_out", out, self, OutDtype::Same,
                   [&](Dest dest, const Tensor& x) { softplus_to(dest, x, beta, threshold); });
}

Tensor log_sigmoid(const Tensor& self) { return log_sigmoid_to({}, self); }
Tensor& log_sigmoid_out(Tensor& out, const Tensor& self) {
  return unary_out("log_sigmoid_out", out, self, OutDtype::Same,
                   [](Dest dest, const Tensor& x) { log_sigmoid_to(dest, x); });
}

Tensor glu(const Tensor& self, int64_t dim) {
  check_floating_input("glu", self);
  EMBER_CHECK(self.dim() > 0, "glu: a tensor without dimensions cannot be halved");
  const int64_t d = wrap_dim(dim, self.dim());
  EMBER_CHECK(self.size(d) % 2 == 0, "glu: the size of the halved dimension must be even, dimension ", d, " of ",
              describe(self), " is ", self.size(d));
  Tensor y;
  {
    const NoGradGuard unrecorded;
    const auto [a, b] = halves(self, d);
    y = binary({"glu", kernels.glu}, Dest(), a, b);
  }
  if (!recording(self)) return y;
  return record("GluBackward0", y,
                wrt(self, [x = save(self), d](const Tensor& g) { return glu_backward(g, x.get(), d); }));
}

}  // namespace ember
