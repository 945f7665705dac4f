// Activations: each forward beside its gradient.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Tensor sigmoid_backward(const Tensor& g, const Tensor& y) {
  const Tensor r = binary({"sigmoid_backward", kernels.sigmoid_backward}, Dest(), g, y);
  if (!recording(g, y)) return r;
  return record("SigmoidBackwardBackward0", r,
                wrt(g, [y = save(y)](const Tensor& gg) { return sigmoid_backward(gg, y.get()); }),
                wrt(y, [g = save(g), y = save(y)](const Tensor& gg) { return gg * g.get() * (1 - y.get() * 2); }));
}

Tensor relu_backward(const Tensor& g, const Tensor& y) {
  const Tensor r = binary({"relu_backward", kernels.relu_backward}, Dest(), g, y);
  if (!recording(g)) return r;
  return record("ThresholdBackwardBackward0", r,
                wrt(g, [y = save(y)](const Tensor& gg) { return relu_backward(gg, y.get()); }));
}

Tensor sigmoid_to(Dest dest, const Tensor& x) {
  const Tensor y = unary_floating({"sigmoid", kernels.sigmoid}, dest, x);
  if (!recording(x)) return y;
  return record("SigmoidBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return sigmoid_backward(g, y.get()); }));
}

Tensor relu_to(Dest dest, const Tensor& x) {
  const Tensor y = unary({"relu", kernels.relu}, dest, x);
  if (!recording(x)) return y;
  return record("ReluBackward0", y,
                wrt(x, [y = save_output(y)](const Tensor& g) { return relu_backward(g, y.get()); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// `keeps`: whether the gradient needs the input's values.
#define EMBER_UNARY_OPERATION(name, keeps) \
  Tensor name(const Tensor& self) { return name##_to({}, self); } \
  Tensor& Tensor::name##_() const { \
    check_defined(#name "_", *this); \
    return in_place( \
        #name "_", *this, [](Dest dest, const Tensor& x) { name##_to(dest, x); }, keeps && requires_grad()); \
  }
EMBER_UNARY_OPERATION(sigmoid, false)
EMBER_UNARY_OPERATION(relu, false)
#undef EMBER_UNARY_OPERATION

}  // namespace ember
