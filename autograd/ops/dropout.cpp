// Dropout.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// What dropout multiplies by, or an undefined tensor where it changes nothing.
Tensor dropout_mask(const char* op, const Tensor& self, double p, bool train) {
  check_defined(op, self);
  EMBER_CHECK(p >= 0 && p <= 1, op, ": p must be a probability, got ", p);
  if (!train || p == 0 || self.numel() == 0) return {};
  EMBER_CHECK(self.is_floating_point(), op, ": expected a floating tensor, got ", describe(self));
  const NoGradGuard unrecorded;
  return p == 1 ? zeros_like(self) : Tensor(empty_like(self).bernoulli_(1 - p).div_(1 - p));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor dropout(const Tensor& self, double p, bool train) {
  const Tensor mask = dropout_mask("dropout", self, p, train);
  return mask.defined() ? self * mask : self;
}

Tensor& dropout_(Tensor& self, double p, bool train) {
  const Tensor mask = dropout_mask("dropout_", self, p, train);
  if (mask.defined()) self.mul_(mask);
  return self;
}

}  // namespace ember
