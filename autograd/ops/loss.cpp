// Losses and dropout.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::Mean: return losses.mean();
    case Reduction::Sum: return losses.sum();
    case Reduction::None: break;
  }
  return losses;
}

void check_class_weight(const char* op, const Tensor& weight, const Tensor& self, int64_t classes) {
  if (!weight.defined()) return;
  check_same_device(op, self, weight);
  EMBER_CHECK(weight.dim() == 1 && weight.size(0) == classes && weight.dtype() == self.dtype(), op,
              ": expected a weight of sizes [", classes, "] and dtype ", dtype_name(self.dtype()), ", got ",
              describe(weight));
}

struct ClassTargets {
  Tensor valid;  // bool: not ignored
  Tensor index;  // int64, 0 where ignored
};

// What nll_loss and label smoothing share: which rows count, and the classes as safe indices.
ClassTargets class_targets(const Tensor& target, int64_t ignore_index) {
  const NoGradGuard unrecorded;
  const Tensor classes = as_dtype(target, kInt64);
  ClassTargets t;
  t.valid = classes != ignore_index;
  t.index = where(t.valid, classes, Scalar(int64_t{0}));
  return t;
}

// self[i, classes[i]], [N, 1]
Tensor picked(const char* op, const Tensor& self, const Tensor& classes) {
  try {
    return self.gather(1, classes.unsqueeze(1));
  } catch (Error& error) {
    error.prepend(detail::concat(op, ": a target is not one of the ", self.size(1), " classes: "));
    throw;
  }
}

// Rows of log-probabilities weighted and reduced: losses[N], the weight that each row counts with.
Tensor weighted(const Tensor& losses, const Tensor& row_weight, Reduction reduction) {
  const Tensor total = losses * row_weight;
  switch (reduction) {
    case Reduction::Mean: return total.sum() / row_weight.sum();
    case Reduction::Sum: return total.sum();
    case Reduction::None: break;
  }
  return total;
}

Tensor row_weights(const ClassTargets& t, const Tensor& weight, ScalarType dtype) {
  const NoGradGuard unrecorded;
  const Tensor valid = t.valid.to(dtype);
  return weight.defined() ? valid * weight.index_select(0, t.index) : valid;
}

void check_targets(const char* op, const Tensor& self, const Tensor& target) {
  check_defined(op, self);
  check_defined(op, target, "target");
  check_same_device(op, self, target);
  EMBER_CHECK(self.is_floating_point(), op, ": expected floating scores, got ", describe(self));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor mse_loss(const Tensor& self, const Tensor& target, Reduction reduction) {
  check_targets("mse_loss", self, target);
  return reduced(square(self - target), reduction);
}

Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight, Reduction reduction,
                int64_t ignore_index) {
  check_targets("nll_loss", self, target);
  EMBER_CHECK(self.dim() == 1 || self.dim() == 2, "nll_loss: expected log-probabilities [C] or [N, C], got ",
              describe(self));
  EMBER_CHECK(is_integral(target.dtype()), "nll_loss: expected int64 classes, got ", describe(target));
  EMBER_CHECK(target.dim() == self.dim() - 1 && (self.dim() == 1 || target.size(0) == self.size(0)),
              "nll_loss: a target of sizes ", target.sizes(), " does not fit scores of sizes ", self.sizes());
  check_class_weight("nll_loss", weight, self, self.size(-1));
  if (self.dim() == 1) {
    const Tensor loss = nll_loss(self.unsqueeze(0), target.unsqueeze(0), weight, reduction, ignore_index);
    return reduction == Reduction::None ? loss.squeeze(0) : loss;
  }
  const ClassTargets t = class_targets(target, ignore_index);
  const Tensor losses = -picked("nll_loss", self, t.index).squeeze(1);
  // An ignored row may hold an infinity that its weight 0 must not meet.
  const Tensor safe = where(t.valid, losses, Scalar(0.0));
  return weighted(safe, row_weights(t, weight, self.dtype()), reduction);
}

Tensor cross_entropy_loss(const Tensor& self, const Tensor& target, const Tensor& weight, Reduction reduction,
                          int64_t ignore_index, double label_smoothing) {
  check_targets("cross_entropy_loss", self, target);
  EMBER_CHECK(self.dim() == 1 || self.dim() == 2, "cross_entropy_loss: expected scores [C] or [N, C], got ",
              describe(self));
  EMBER_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
              "cross_entropy_loss: label_smoothing must be in [0, 1], got ", label_smoothing);
  const int64_t classes = self.size(-1);
  check_class_weight("cross_entropy_loss", weight, self, classes);
  const Tensor log_p = log_softmax(self, -1);

  if (target.is_floating_point()) {
    EMBER_CHECK(target.sizes() == self.sizes(), "cross_entropy_loss: class probabilities of sizes ", target.sizes(),
                " do not fit scores of sizes ", self.sizes());
    Tensor p = as_dtype(target, self.dtype());
    if (label_smoothing > 0) p = p * (1 - label_smoothing) + label_smoothing / static_cast<double>(classes);
    const Tensor weighted_log_p = weight.defined() ? log_p * weight : log_p;
    const Tensor losses = -(weighted_log_p * p).sum({-1});
    return reduced(losses, reduction);
  }

  if (label_smoothing == 0) return nll_loss(log_p, target, weight, reduction, ignore_index);
  if (self.dim() == 1) {
    const Tensor loss =
        cross_entropy_loss(self.unsqueeze(0), target.unsqueeze(0), weight, reduction, ignore_index, label_smoothing);
    return reduction == Reduction::None ? loss.squeeze(0) : loss;
  }
  const Tensor nll = nll_loss(log_p, target, weight, reduction, ignore_index);
  const ClassTargets t = class_targets(target, ignore_index);
  const Tensor spread = -(weight.defined() ? log_p * weight : log_p).sum({1});
  const Tensor kept = where(t.valid, spread, Scalar(0.0));
  Tensor smooth = kept;
  if (reduction == Reduction::Sum) smooth = kept.sum();
  if (reduction == Reduction::Mean) smooth = kept.sum() / row_weights(t, weight, self.dtype()).sum();
  return nll * (1 - label_smoothing) + smooth * (label_smoothing / static_cast<double>(classes));
}

Tensor dropout(const Tensor& self, double p, bool train) {
  check_defined("dropout", self);
  EMBER_CHECK(p >= 0 && p <= 1, "dropout: p must be a probability, got ", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  EMBER_CHECK(self.is_floating_point(), "dropout: expected a floating tensor, got ", describe(self));
  if (p == 1) return self * zeros_like(self);
  Tensor mask;
  {
    const NoGradGuard unrecorded;
    mask = empty_like(self).bernoulli_(1 - p).div_(1 - p);
  }
  return self * mask;
}

Tensor& dropout_(Tensor& self, double p, bool train) {
  check_defined("dropout_", self);
  EMBER_CHECK(p >= 0 && p <= 1, "dropout_: p must be a probability, got ", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  EMBER_CHECK(self.is_floating_point(), "dropout_: expected a floating tensor, got ", describe(self));
  Tensor mask;
  {
    const NoGradGuard unrecorded;
    mask = p == 1 ? zeros_like(self) : Tensor(empty_like(self).bernoulli_(1 - p).div_(1 - p));
  }
  self.mul_(mask);
  return self;
}

}  // namespace ember
