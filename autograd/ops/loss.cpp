// Losses of classes.
#include <ember/autograd/ops/loss.h>

namespace ember {

namespace ops {
namespace {

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

// −self[i, target[i]], and 0 where the target is ignored, whatever is there.
Tensor nll_of_rows(const char* op, const Tensor& self, const ClassTargets& t) {
  try {
    const Tensor losses = -self.gather(1, t.index.unsqueeze(1)).squeeze(1);
    return where(t.valid, losses, Scalar(0.0));
  } catch (Error& error) {
    error.prepend(detail::concat(op, ": a target is not one of the ", self.size(1), " classes: "));
    throw;
  }
}

// Losses of rows, weighted already; the mean is by weight.
Tensor reduced_by_weight(const Tensor& losses, const Tensor& row_weight, Reduction reduction) {
  return reduction == Reduction::Mean ? losses.sum() / row_weight.sum() : reduced(losses, reduction);
}

Tensor row_weights(const ClassTargets& t, const Tensor& weight, ScalarType dtype) {
  const NoGradGuard unrecorded;
  const Tensor valid = t.valid.to(dtype);
  return weight.defined() ? valid * weight.index_select(0, t.index) : valid;
}

// Scores [C] or [N, C].
void check_scores(const char* op, const Tensor& self, const Tensor& weight) {
  EMBER_CHECK(self.dim() == 1 || self.dim() == 2, op, ": expected scores [C] or [N, C], got ", describe(self));
  check_class_weight(op, weight, self, self.size(-1));
}

void check_classes(const char* op, const Tensor& self, const Tensor& target) {
  EMBER_CHECK(is_integral(target.dtype()), op, ": expected int64 classes, got ", describe(target));
  EMBER_CHECK(target.dim() == self.dim() - 1 && (self.dim() == 1 || target.size(0) == self.size(0)), op,
              ": a target of sizes ", target.sizes(), " does not fit scores of sizes ", self.sizes());
}

// The loss of log-probabilities with classes as targets. With smoothing, that share of each target is spread over
// all classes alike.
Tensor class_loss(const char* op, const Tensor& log_p, const Tensor& target, const Tensor& weight, Reduction reduction,
                  int64_t ignore_index, double label_smoothing) {
  if (log_p.dim() == 1) {
    const Tensor loss =
        class_loss(op, log_p.unsqueeze(0), target.unsqueeze(0), weight, reduction, ignore_index, label_smoothing);
    return reduction == Reduction::None ? loss.squeeze(0) : loss;
  }
  const ClassTargets t = class_targets(target, ignore_index);
  Tensor losses = nll_of_rows(op, log_p, t);
  const Tensor row_weight = row_weights(t, weight, log_p.dtype());
  losses = losses * row_weight;
  if (label_smoothing > 0) {
    const Tensor spread = where(t.valid, -(weight.defined() ? log_p * weight : log_p).sum({1}), Scalar(0.0));
    losses = losses * (1 - label_smoothing) + spread * (label_smoothing / static_cast<double>(log_p.size(1)));
  }
  return reduced_by_weight(losses, row_weight, reduction);
}

// Of the losses of rows of scores, or of their mean or sum.
class CrossEntropyNode final : public LossNode {
 public:
  // log_sum and count: what the kernels have left.
  CrossEntropyNode(const Tensor& loss, const Tensor& x, autograd::SavedTensor saved_x, autograd::SavedTensor classes,
                   autograd::SavedTensor log_sum, autograd::SavedTensor count, int64_t ignored)
      : LossNode(loss, edges_, 1),
        edges_{autograd::gradient_edge(x)},
        ignored_(ignored),
        scope_(this),
        x_(std::move(saved_x)),
        classes_(std::move(classes)),
        log_sum_(std::move(log_sum)),
        count_(std::move(count)) {
    scope_.close();
  }
  const char* type_name() const override { return "CrossEntropyLossBackward0"; }

 private:
  void gradients(const Tensor& g, Tensor* grads_out) override {
    if (!task_should_compute_output(0)) return;
    const Tensor x = x_.get();
    if (g.defined() && recording(g, x)) {
      grads_out[0] = recorded(g, x);
      return;
    }
    grads_out[0] = ember::detail::empty(x.sizes(), x.dtype(), x.device());
    if (x.numel() == 0) return;
    launch(kernels.cross_entropy_backward, x.device(), grads_out[0], g.defined() ? g.contiguous() : g, count_.get(),
           log_sum_.get(), x, classes_.get(), ignored_);
  }

  // In tensor operations, for a second gradient.
  Tensor recorded(const Tensor& g, const Tensor& x) const {
    const Tensor classes = classes_.get(), count = count_.get();
    const Tensor valid = (classes != ignored_).unsqueeze(1);
    const Tensor one_hot = zeros_like(x.detach()).scatter(1, where(valid, classes.unsqueeze(1), Scalar(int64_t{0})), 1);
    Tensor scale = g.dim() == 0 ? g : g.unsqueeze(1);
    if (count.defined()) scale = scale / count.clamp_min(1);  // where it is 0, nothing is valid
    return where(valid, (x.softmax(1) - one_hot) * scale, Scalar(0.0));
  }

  autograd::Edge edges_[1];
  int64_t ignored_;
  autograd::SavedTensorScope scope_;
  autograd::SavedTensor x_, classes_, log_sum_, count_;
};

// The losses of the rows of scores [N, C], or one number of them, without their log-probabilities in between;
// classes[N] is int64 and dense.
Tensor cross_entropy_of_rows(const Tensor& scores, const Tensor& classes, Reduction reduction, int64_t ignored) {
  const Tensor x = scores.contiguous();
  const Device device = x.device();
  const int64_t rows = x.size(0);
  const ScalarType dtype = x.scalar_type(), computed = dtype == kFloat64 ? kFloat64 : kFloat32;
  const Tensor log_sum = ember::detail::empty({rows, 2}, computed, device);
  Tensor loss, count;
  try {
    if (reduction == Reduction::None) {
      loss = ember::detail::empty({rows}, dtype, device);
      if (rows != 0) launch(kernels.cross_entropy, device, loss, log_sum, x, classes, ignored);
    } else {
      loss = ember::detail::empty({}, dtype, device);
      if (reduction == Reduction::Mean) count = ember::detail::empty({}, computed, device);
      launch(kernels.cross_entropy_total, device, loss, count, log_sum, x, classes, ignored);
    }
  } catch (IndexError& error) {
    error.prepend(ember::detail::concat("cross_entropy_loss: a target is not one of the ", x.size(1), " classes: "));
    throw;
  }
  if (recording(x)) {
    autograd::set_history(
        loss,
        IntrusivePtr<autograd::Node>(new CrossEntropyNode(loss, x, save(x), save(classes), save(log_sum),
                                                          save_if(count.defined(), count), ignored)),
        0);
  }
  return loss;
}

Tensor plain_cross_entropy(const Tensor& self, const Tensor& target, Reduction reduction, int64_t ignored) {
  const Tensor scores = self.dim() == 1 ? self.unsqueeze(0) : self;
  const Tensor classes = as_dtype_unrecorded(target, kInt64).reshape({scores.size(0)}).contiguous();
  const Tensor loss = cross_entropy_of_rows(scores, classes, reduction, ignored);
  return reduction == Reduction::None && self.dim() == 1 ? loss.squeeze(0) : loss;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight, Reduction reduction,
                int64_t ignore_index) {
  check_loss("nll_loss", self, target);
  check_scores("nll_loss", self, weight);
  check_classes("nll_loss", self, target);
  return class_loss("nll_loss", self, target, weight, reduction, ignore_index, 0);
}

Tensor cross_entropy_loss(const Tensor& self, const Tensor& target, const Tensor& weight, Reduction reduction,
                          int64_t ignore_index, double label_smoothing) {
  check_loss("cross_entropy_loss", self, target);
  check_scores("cross_entropy_loss", self, weight);
  EMBER_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
              "cross_entropy_loss: label_smoothing must be in [0, 1], got ", label_smoothing);
  const bool as_classes = !target.is_floating_point();
  if (as_classes) check_classes("cross_entropy_loss", self, target);
  EMBER_CHECK(as_classes || target.sizes() == self.sizes(), "cross_entropy_loss: class probabilities of sizes ",
              target.sizes(), " do not fit scores of sizes ", self.sizes());
  if (as_classes && !weight.defined() && label_smoothing == 0 && self.size(-1) != 0) {
    return plain_cross_entropy(self, target, reduction, ignore_index);
  }
  const Tensor log_p = log_softmax(self, -1);
  if (as_classes) {
    return class_loss("cross_entropy_loss", log_p, target, weight, reduction, ignore_index, label_smoothing);
  }
  Tensor p = as_dtype(target, self.dtype());
  if (label_smoothing > 0) p = p * (1 - label_smoothing) + label_smoothing / static_cast<double>(self.size(-1));
  const Tensor weighted_log_p = weight.defined() ? log_p * weight : log_p;
  return reduced(-(weighted_log_p * p).sum({-1}), reduction);
}

}  // namespace ember
