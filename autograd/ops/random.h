// What the random operations share.
#pragma once

#include <ember/autograd/ops/common.h>

namespace ember::ops {

// The generator given, if it is of self's kind of device, or the default one of the device.
Generator& generator_for(const char* op, const Tensor& self, std::optional<Generator>& given);
// A view with the dimensions ordered by their strides, in which PyTorch draws.
Tensor in_memory_order(const Tensor& t);
void check_floating(const char* op, const Tensor& self);

// Draws into `t` by fill(contiguous tensor, generator); kernels want dense memory. No version changes.
template <class F>
void draw_contents(const Tensor& t, Generator& g, F&& fill) {
  if (t.numel() == 0) return;
  const Tensor ordered = in_memory_order(t);
  if (ordered.is_contiguous()) return fill(ordered, g);
  const Tensor dense = detail::empty(ordered.sizes(), t.scalar_type(), t.device());
  fill(dense, g);
  copy_contents(ordered, dense);
}

// Draws into `self` in place; its gradient is 0.
template <class F>
void draw(const char* op, const char* node, const Tensor& self, std::optional<Generator> generator, F&& fill) {
  check_dest(op, self, self.sizes(), self.scalar_type());
  Generator& g = generator_for(op, self, generator);
  in_place(op, self, [&](Dest dest, const Tensor& old) {
    const Tensor& t = dest.tensor();
    draw_contents(t, g, fill);
    bump_version(t);
    if (recording(old)) record(node, t, wrt(old, [](const Tensor& grad) { return zeros_like(grad); }));
  });
}

}  // namespace ember::ops
