// The same elements in reversed, turned or shifted order.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Tensor rolled(const Tensor& self, const Dims& shifts, const Dims& dims) {
  const NoGradGuard unrecorded;
  Tensor y = self;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t size = y.size(dims[i]);
    const int64_t first = ((-shifts[i]) % size + size) % size;  // the element that comes to the front
    y = cat({y.narrow(dims[i], first, size - first), y.narrow(dims[i], 0, first)}, dims[i]);
  }
  return y;
}

Dims reversed(const Dims& dims, int64_t sign) {
  Dims out;
  for (size_t i = dims.size(); i-- > 0;) out.push_back(sign < 0 ? -dims[i] : dims[i]);
  return out;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor roll(const Tensor& self, IntArrayRef shifts, IntArrayRef dims) {
  check_defined("roll", self);
  EMBER_CHECK(!shifts.empty(), "roll: expected a shift");
  EMBER_CHECK(dims.size() == shifts.size() || (dims.empty() && shifts.size() == 1), "roll: ", shifts.size(),
              " shifts for ", dims.size(), " dimensions");
  if (self.numel() == 0 || dims.empty()) {
    Tensor y;
    {
      const NoGradGuard unrecorded;
      y = self.numel() == 0 ? self.clone() : roll(self.reshape({-1}), shifts, {0}).view(self.sizes());
    }
    if (!recording(self)) return y;
    return record("RollBackward0", y,
                  wrt(self, [shift = shifts[0] % std::max<int64_t>(self.numel(), 1)](const Tensor& g) {
                    return g.roll({-shift});
                  }));
  }
  EMBER_CHECK_INDEX(self.dim() > 0, "roll: a 0-dimensional tensor has no dimension ", dims[0]);
  Dims wrapped;
  Dims steps;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], self.dim());
    wrapped.push_back(d);
    steps.push_back(shifts[i] % self.size(d));
  }
  Tensor y = rolled(self, steps, wrapped);
  if (!recording(self)) return y;
  return record("RollBackward0", y, wrt(self, [steps, wrapped](const Tensor& g) {
                  return g.roll(reversed(steps, -1), reversed(wrapped, 1));
                }));
}

Tensor flip(const Tensor& self, IntArrayRef dims) {
  check_defined("flip", self);
  const DimMask mask = dims.empty() ? 0 : dim_mask("flip", dims, self.dim());
  Tensor y = empty_like(self.detach());
  if (y.numel() != 0) {
    Dims strides = self.strides();
    int64_t offset = self.storage_offset();
    for (size_t d = 0; d < strides.size(); ++d) {
      if ((mask >> d & 1u) == 0) continue;
      offset += (self.sizes()[d] - 1) * strides[d];
      strides[d] = -strides[d];
    }
    copy_contents(y, ember::detail::alias(self, self.sizes(), strides, offset));
  }
  if (!recording(self)) return y;
  return record("FlipBackward0", y, wrt(self, [dims = Dims(dims)](const Tensor& g) { return g.flip(dims); }));
}

Tensor fliplr(const Tensor& self) {
  check_defined("fliplr", self);
  EMBER_CHECK(self.dim() >= 2, "fliplr: expected at least 2 dimensions, got ", describe(self));
  return self.flip({1});
}
Tensor flipud(const Tensor& self) {
  check_defined("flipud", self);
  EMBER_CHECK(self.dim() >= 1, "flipud: expected at least 1 dimension, got ", describe(self));
  return self.flip({0});
}

Tensor rot90(const Tensor& self, int64_t k, IntArrayRef dims) {
  check_defined("rot90", self);
  EMBER_CHECK(dims.size() == 2, "rot90: expected 2 dimensions to turn in, got ", dims);
  EMBER_CHECK(self.dim() >= 2, "rot90: expected at least 2 dimensions, got ", describe(self));
  const int64_t a = wrap_dim(dims[0], self.dim());
  const int64_t b = wrap_dim(dims[1], self.dim());
  EMBER_CHECK(a != b, "rot90: the two dimensions must differ, got ", dims);
  const int64_t turns = (k % 4 + 4) % 4;
  Tensor y;
  {
    const NoGradGuard unrecorded;
    switch (turns) {
      case 1: y = self.flip({b}).transpose_(a, b); break;
      case 2: y = self.flip({a, b}); break;
      case 3: y = self.flip({a}).transpose_(a, b); break;
      default: y = self.clone(MemoryFormat::Contiguous); break;
    }
  }
  if (!recording(self)) return y;
  return record("Rot90Backward0", y, wrt(self, [turns, a, b](const Tensor& g) { return g.rot90(-turns, {a, b}); }));
}

Tensor constant_pad_nd(const Tensor& self, IntArrayRef pad, const Scalar& value) {
  check_defined("constant_pad_nd", self);
  EMBER_CHECK(pad.size() % 2 == 0, "constant_pad_nd: expected two numbers for each dimension, got ", pad);
  EMBER_CHECK(pad.size() <= 2 * self.sizes().size(), "constant_pad_nd: ", pad.size() / 2, " dimensions to pad of ",
              describe(self));
  // From the last dimension on: what is added (or, below zero, taken away) in front and behind.
  Dims sizes = self.sizes();
  bool only_crops = true;
  for (size_t i = 0; i < pad.size(); i += 2) {
    int64_t& size = sizes[sizes.size() - 1 - i / 2];
    const int64_t cropped = size + std::min<int64_t>(pad[i], 0) + std::min<int64_t>(pad[i + 1], 0);
    EMBER_CHECK(pad[i] >= -size && pad[i + 1] >= -size && cropped >= 0, "constant_pad_nd: ", pad[i], " and ",
                pad[i + 1], " take away more than there is of ", describe(self));
    EMBER_CHECK(!__builtin_add_overflow(size, pad[i], &size) && !__builtin_add_overflow(size, pad[i + 1], &size),
                "constant_pad_nd: the size of the result overflows");
    only_crops &= pad[i] <= 0 && pad[i + 1] <= 0;
  }
  Tensor y;
  {
    const NoGradGuard unrecorded;
    Tensor kept = self;
    for (size_t i = 0; i < pad.size(); i += 2) {
      const auto d = static_cast<int64_t>(sizes.size() - 1 - i / 2);
      const int64_t front = std::max<int64_t>(-pad[i], 0);
      kept = kept.narrow(d, front, kept.size(d) - front - std::max<int64_t>(-pad[i + 1], 0));
    }
    if (only_crops) {
      y = kept.clone();
    } else {
      y = empty(sizes, self.options(), self.suggest_memory_format());
      fill_contents(y, value);
      Tensor inside = y;
      for (size_t i = 0; i < pad.size(); i += 2) {
        const auto d = static_cast<int64_t>(sizes.size() - 1 - i / 2);
        inside = inside.narrow(d, std::max<int64_t>(pad[i], 0), kept.size(d));
      }
      copy_contents(inside, kept);
    }
  }
  if (!recording(self)) return y;
  return record("ConstantPadNdBackward0", y, wrt(self, [pad = pad.vec()](const Tensor& g) {
                  std::vector<int64_t> opposite;
                  for (const int64_t p : pad) opposite.push_back(-p);
                  return constant_pad_nd(g, opposite, 0);
                }));
}

}  // namespace ember
