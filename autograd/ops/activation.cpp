// Activations of straight pieces, elu and sigmoid: each forward beside its gradient.
#include <algorithm>
#include <limits>

#include <ember/autograd/ops/activation.h>
#include <ember/autograd/ops/unary_forms.h>

namespace ember {

namespace ops {
namespace {

// The gradients are one pass each; their own gradients are plain tensor algebra. Those of straight pieces do not
// change with the input.
Tensor piecewise_backward(const char* node, const Elementwise& op, const Tensor& g, const Tensor& x) {
  const Tensor r = binary(op, Dest(), g, x);
  if (!recording(g, x)) return r;
  return record(node, r,
                wrt(g, [op, node, x = save(x)](const Tensor& gg) { return piecewise_backward(node, op, gg, x.get()); }),
                wrt(x, [](const Tensor& gg) { return zeros_like(gg); }));
}

// Records such a gradient, of the input or, in place, of the result where that tells the pieces apart too.
Tensor record_piecewise(const char* node, const char* second_node, const Elementwise& op, const Tensor& y,
                        const Tensor& x, bool of_result) {
  if (!recording(x)) return y;
  if (of_result) {
    return record(node, y, wrt(x, [op, second_node, y = save_output(y)](const Tensor& g) {
                    return piecewise_backward(second_node, op, g, y.get());
                  }));
  }
  return record(node, y, wrt(x, [op, second_node, x = save(x)](const Tensor& g) {
                  return piecewise_backward(second_node, op, g, x.get());
                }));
}

Tensor relu_to(Dest dest, const Tensor& x) {
  check_not_bool("relu", x);
  return record_piecewise("ReluBackward0", "ThresholdBackwardBackward0", {"relu_backward", kernels.relu_backward},
                          unary({"relu", kernels.relu}, dest, x), x, true);
}

Tensor leaky_relu_to(Dest dest, const Tensor& x, const Scalar& slope) {
  check_floating_input("leaky_relu", x);
  const Params numbers{slope, {}};
  const bool in_place = dest.given();
  const Tensor y = unary({"leaky_relu", kernels.leaky_relu, numbers}, dest, x);
  return record_piecewise(in_place ? "LeakyReluBackward1" : "LeakyReluBackward0", "LeakyReluBackwardBackward0",
                          {"leaky_relu_backward", kernels.leaky_relu_backward, numbers}, y, x,
                          in_place && slope.toDouble() >= 0);
}

Tensor threshold_to(Dest dest, const Tensor& x, const Scalar& threshold, const Scalar& value) {
  check_not_bool("threshold", x);
  visit_dtype<DtypeSet::Numeric>(x.dtype(), [&]<class T>() {  // throws for a number that does not fit
    (void)threshold.to<T>();
    (void)value.to<T>();
  });
  const bool in_place = dest.given();
  const Tensor y = unary({"threshold", kernels.threshold, {threshold, value}}, dest, x);
  return record_piecewise(in_place ? "ThresholdBackward1" : "ThresholdBackward0", "ThresholdBackwardBackward0",
                          {"threshold_backward", kernels.threshold_backward, {threshold, {}}}, y, x,
                          in_place && value.toDouble() <= threshold.toDouble());
}

// A limit as the integer dtype holds it; one beyond its range limits nothing.
Scalar integer_limit(const char* op, const Scalar& limit, ScalarType dtype, bool is_min) {
  return visit_dtype<DtypeSet::Numeric>(dtype, [&]<class T>() -> Scalar {
    if constexpr (std::is_integral_v<T>) {
      constexpr int64_t low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
      const int64_t n = limit.toLong();
      EMBER_CHECK(is_min ? n <= high : n >= low, op, ": the ", is_min ? "lower" : "upper", " limit ", n,
                  " is outside of what ", dtype_name(dtype), " holds");
      return std::clamp(n, low, high);
    } else {
      return limit;
    }
  });
}

Tensor hardtanh_to(const char* op, Dest dest, const Tensor& x, const Scalar& min, const Scalar& max) {
  check_not_bool(op, x);
  const Params limits{integer_limit(op, min, x.dtype(), true), integer_limit(op, max, x.dtype(), false)};
  const bool in_place = dest.given();
  const Tensor y = unary({op, kernels.clamp, limits}, dest, x);
  return record_piecewise("HardtanhBackward0", "HardtanhBackwardBackward0",
                          {"hardtanh_backward", kernels.hardtanh_backward, limits}, y, x, in_place);
}

// ---- elu ----

struct EluNumbers {
  Scalar alpha, scale, input_scale;
  Params params() const { return {alpha, scale, input_scale}; }
};

Tensor elu_backward(const Tensor& g, const Tensor& x, const EluNumbers& n, bool of_result) {
  const Tensor r = of_result ? binary({"elu_backward", kernels.elu_backward_of_result, n.params()}, Dest(), g, x)
                             : binary({"elu_backward", kernels.elu_backward, n.params()}, Dest(), g, x);
  if (!recording(g, x)) return r;
  return record(
      "EluBackwardBackward0", r,
      wrt(g, [x = save(x), n, of_result](const Tensor& gg) { return elu_backward(gg, x.get(), n, of_result); }),
      wrt(x, [g = save(g), x = save(x), n, of_result](const Tensor& gg) {
        const Tensor at = x.get();
        const double inner = n.input_scale.toDouble();
        const Tensor product = gg * g.get();
        const Tensor slope =
            of_result ? product * inner
                      : product * ((at * inner).exp() * (inner * inner * n.alpha.toDouble() * n.scale.toDouble()));
        return masked_fill(slope, at >= 0, 0);
      }));
}

Tensor elu_to(const char* op, const char* node, Dest dest, const Tensor& x, const EluNumbers& n) {
  check_floating_input(op, x);
  const bool of_result = dest.given() && n.alpha.toDouble() * n.scale.toDouble() >= 0;
  Tensor y = unary({op, kernels.elu, n.params()}, dest, x);
  if (!recording(x)) return y;
  if (of_result) {
    return record(node, y,
                  wrt(x, [y = save_output(y), n](const Tensor& g) { return elu_backward(g, y.get(), n, true); }));
  }
  return record(node, y, wrt(x, [x = save(x), n](const Tensor& g) { return elu_backward(g, x.get(), n, false); }));
}

// Whether the gradient of elu in place needs the input: see of_result above.
bool elu_keeps(const Scalar& alpha, const Scalar& scale) { return !(alpha.toDouble() * scale.toDouble() >= 0); }

EluNumbers celu_numbers(const Scalar& alpha) {
  EMBER_CHECK(!alpha.equal(0), "celu: alpha must not be 0");
  return {alpha, 1.0, 1 / alpha.toDouble()};
}

// G. Klambauer and others, Self-Normalizing Neural Networks (2017).
const EluNumbers kSelu{1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0};

// ---- sigmoid ----

Tensor sigmoid_backward(const Tensor& g, const Tensor& y) {
  const Tensor r = binary({"sigmoid_backward", kernels.sigmoid_backward}, Dest(), g, y);
  if (!recording(g, y)) return r;
  return record("SigmoidBackwardBackward0", r,
                wrt(g, [y = save(y)](const Tensor& gg) { return sigmoid_backward(gg, y.get()); }),
                wrt(y, [g = save(g), y = save(y)](const Tensor& gg) { return gg * g.get() * (1 - y.get() * 2); }));
}

Tensor sigmoid_to(Dest dest, const Tensor& x) {
  Tensor y = unary_floating({"sigmoid", kernels.sigmoid}, dest, x);
  if (!recording(x)) return y;
  return record("SigmoidBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return sigmoid_backward(g, y.get()); }));
}

}  // namespace

Tensor relu_backward(const Tensor& g, const Tensor& y) {
  return piecewise_backward("ThresholdBackwardBackward0", {"relu_backward", kernels.relu_backward}, g, y);
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_UNARY_OPERATION(sigmoid, false, Converted)
EMBER_UNARY_OPERATION(relu, false, Same)

Tensor leaky_relu(const Tensor& self, const Scalar& negative_slope) { return leaky_relu_to({}, self, negative_slope); }
Tensor& leaky_relu_(Tensor& self, const Scalar& negative_slope) {
  check_defined("leaky_relu_", self);
  return in_place(
      "leaky_relu_", self, [&](Dest dest, const Tensor& x) { leaky_relu_to(dest, x, negative_slope); },
      self.requires_grad() && !(negative_slope.toDouble() >= 0));
}
Tensor& leaky_relu_out(Tensor& out, const Tensor& self, const Scalar& negative_slope) {
  return unary_out("leaky_relu_out", out, self, OutDtype::Same,
                   [&](Dest dest, const Tensor& x) { leaky_relu_to(dest, x, negative_slope); });
}

Tensor threshold(const Tensor& self, const Scalar& threshold, const Scalar& value) {
  return threshold_to({}, self, threshold, value);
}
Tensor& threshold_(Tensor& self, const Scalar& threshold, const Scalar& value) {
  check_defined("threshold_", self);
  return in_place(
      "threshold_", self, [&](Dest dest, const Tensor& x) { threshold_to(dest, x, threshold, value); },
      self.requires_grad() && !(value.toDouble() <= threshold.toDouble()));
}
Tensor& threshold_out(Tensor& out, const Tensor& self, const Scalar& threshold, const Scalar& value) {
  return unary_out("threshold_out", out, self, OutDtype::Converted,
                   [&](Dest dest, const Tensor& x) { threshold_to(dest, x, threshold, value); });
}

Tensor hardtanh(const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  return hardtanh_to("hardtanh", {}, self, min_val, max_val);
}
Tensor& hardtanh_(Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  return in_place("hardtanh_", self,
                  [&](Dest dest, const Tensor& x) { hardtanh_to("hardtanh_", dest, x, min_val, max_val); });
}
Tensor& hardtanh_out(Tensor& out, const Tensor& self, const Scalar& min_val, const Scalar& max_val) {
  return unary_out("hardtanh_out", out, self, OutDtype::Same,
                   [&](Dest dest, const Tensor& x) { hardtanh_to("hardtanh_out", dest, x, min_val, max_val); });
}
Tensor relu6(const Tensor& self) { return hardtanh_to("relu6", {}, self, 0, 6); }
Tensor& relu6_(Tensor& self) {
  return in_place("relu6_", self, [](Dest dest, const Tensor& x) { hardtanh_to("relu6_", dest, x, 0, 6); });
}

Tensor elu(const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) {
  return elu_to("elu", "EluBackward0", {}, self, {alpha, scale, input_scale});
}
Tensor& elu_(Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) {
  check_defined("elu_", self);
  return in_place(
      "elu_", self,
      [&](Dest dest, const Tensor& x) {
        elu_to("elu_", "EluBackward1", dest, x, {alpha, scale, input_scale});
      },
      self.requires_grad() && elu_keeps(alpha, scale));
}
Tensor& elu_out(Tensor& out, const Tensor& self, const Scalar& alpha, const Scalar& scale, const Scalar& input_scale) {
  return unary_out("elu_out", out, self, OutDtype::Same, [&](Dest dest, const Tensor& x) {
    elu_to("elu_out", "EluBackward0", dest, x, {alpha, scale, input_scale});
  });
}
Tensor selu(const Tensor& self) { return elu_to("selu", "EluBackward0", {}, self, kSelu); }
Tensor& selu_(Tensor& self) {
  return in_place("selu_", self, [](Dest dest, const Tensor& x) { elu_to("selu_", "EluBackward1", dest, x, kSelu); });
}
Tensor celu(const Tensor& self, const Scalar& alpha) {
  return elu_to("celu", "CeluBackward0", {}, self, celu_numbers(alpha));
}
Tensor& celu_(Tensor& self, const Scalar& alpha) {
  check_defined("celu_", self);
  const EluNumbers numbers = celu_numbers(alpha);
  return in_place(
      "celu_", self, [&](Dest dest, const Tensor& x) { elu_to("celu_", "CeluBackward1", dest, x, numbers); },
      self.requires_grad() && elu_keeps(numbers.alpha, numbers.scale));
}

}  // namespace ember
