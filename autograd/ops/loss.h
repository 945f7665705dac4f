// What losses share: checks, reductions, and the history of one that is a single node.
#pragma once

#include <ember/autograd/engine.h>
#include <ember/autograd/ops/common.h>

namespace ember::ops {

inline void check_loss(const char* op, const Tensor& self, const Tensor& target) {
  check_defined(op, self);
  check_defined(op, target, "target");
  check_same_device(op, self, target);
  EMBER_CHECK(self.is_floating_point(), op, ": expected floating scores, got ", describe(self));
}

inline Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::Mean: return losses.mean();
    case Reduction::Sum: return losses.sum();
    case Reduction::None: break;
  }
  return losses;
}

// Most backwards begin at one, with the gradient 1, for which no tensor is made then.
class LossNode : public autograd::Node {
 public:
  bool takes_note_of_one() const final { return true; }

  void apply(Tensor* grads_in, Tensor* grads_out) final {
    if (autograd::internal::take_note(*this)) {
      gradients({}, grads_out);
    } else if (grads_in[0].defined()) {
      gradients(grads_in[0], grads_out);
    }
  }

 protected:
  LossNode(const Tensor& loss, autograd::Edge* edges, uint32_t num_edges) : Node(edges, num_edges, 1) {
    set_stream(loss.is_cpu() ? Stream{Device(kCPU), 0} : current_stream(loss.device()));
  }

  // Fills grads_out. `g`: the gradient of the loss; undefined, in a backward that is not recorded, for 1.
  virtual void gradients(const Tensor& g, Tensor* grads_out) = 0;
};

}  // namespace ember::ops
