// The squared error, and its gradient.
#include <atomic>

#include <ember/autograd/ops/loss.h>

namespace ember {

namespace ops {
namespace {

// factor·g·(x − y); g is of their shape, or one number, or undefined: 1.
Tensor scaled_difference(const Tensor& g, const Tensor& x, const Tensor& y, double factor) {
  if (g.defined() && recording(g, x, y)) return (x - y) * (g * factor);
  const Tensor result = ember::detail::empty(x.sizes(), x.scalar_type(), x.device());
  if (result.numel() != 0) {
    launch(kernels.mse_loss_backward, x.device(), result, g.defined() ? g.contiguous() : g, x, y, factor);
  }
  return result;
}

// Of Σ (x − y)²·factor / 2, or of its terms. `ready`: factor·(x − y), or undefined.
class MseLossNode final : public LossNode {
 public:
  MseLossNode(const Tensor& loss, const Tensor& x, const Tensor& y, autograd::SavedTensor saved_x,
              autograd::SavedTensor saved_y, double factor, Tensor ready)
      : LossNode(loss, edges_, 2),
        edges_{autograd::gradient_edge(x), autograd::gradient_edge(y)},
        factor_(factor),
        scope_(this),
        x_(std::move(saved_x)),
        y_(std::move(saved_y)),
        ready_(std::move(ready)),
        is_ready_(ready_.defined()) {
    scope_.close();
  }
  const char* type_name() const override { return "MseLossBackward0"; }

 private:
  void gradients(const Tensor& g, Tensor* grads_out) override {
    for (const int i : {0, 1}) {
      if (!task_should_compute_output(static_cast<size_t>(i))) continue;
      const Tensor x = x_.get(), y = y_.get();  // also where they are only asked whether they have changed
      if (i == 0 && !g.defined() && is_ready_.exchange(false)) {
        grads_out[0] = std::move(ready_);  // once: the next owner may write to it
      } else {
        grads_out[i] = scaled_difference(g, x, y, i == 0 ? factor_ : -factor_);
      }
    }
  }

  autograd::Edge edges_[2];
  double factor_;
  autograd::SavedTensorScope scope_;
  autograd::SavedTensor x_, y_;
  Tensor ready_;
  std::atomic<bool> is_ready_;  // threads may share the graph
};

// What one kernel does. Others are subtracted, squared and added up.
bool fits_kernel(const Tensor& x, const Tensor& y) {
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() && x.is_contiguous() && y.is_contiguous();
}

Tensor fused(const Tensor& x, const Tensor& y, Reduction reduction) {
  const double divisor = reduction == Reduction::Mean ? static_cast<double>(x.numel()) : 1;
  const bool recorded = recording(x, y);
  Tensor loss, ready;
  if (reduction == Reduction::None) {
    loss = binary({"mse_loss", kernels.squared_difference}, Dest(), x, y);
  } else {
    loss = ember::detail::empty({}, x.scalar_type(), x.device());
    // On a GPU a launch takes longer than all that it has to do for a few numbers.
    constexpr int64_t kFew = int64_t{1} << 14;
    if (recorded && x.is_cuda() && x.requires_grad() && x.numel() <= kFew) {
      ready = ember::detail::empty(x.sizes(), x.scalar_type(), x.device());
    }
    launch(kernels.mse_loss, x.device(), loss, ready, x, y, divisor);
  }
  if (recorded) {
    autograd::set_history(
        loss,
        IntrusivePtr<autograd::Node>(new MseLossNode(loss, x, y, save(x), save(y), 2 / divisor, std::move(ready))), 0);
  }
  return loss;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definition below is this file's

Tensor mse_loss(const Tensor& self, const Tensor& target, Reduction reduction) {
  check_loss("mse_loss", self, target);
  if (fits_kernel(self, target)) return fused(self, target, reduction);
  return reduced(square(self - target), reduction);
}

}  // namespace ember
