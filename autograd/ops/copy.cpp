// Copies, conversions and fills.
#include <ember/autograd/ops/common.h>
#include <ember/core/backend.h>

namespace ember {

namespace ops {
namespace {

// dst = src, sizes broadcasting, any dtypes and devices. Nothing is recorded and no version changes.
void copy_unrecorded(const Tensor& dst, const Tensor& src, bool non_blocking) {
  if (dst.device() == src.device()) {
    copy_contents(dst, without_overlap(src, dst));
    return;
  }
  if (dst.numel() == 0) return;
  // Bytes cross between devices; layout and dtype are changed on the side where that is cheaper to do:
  // at the source, but for a dtype that is wider after.
  const bool convert_at_source = dst.element_size() <= src.element_size();
  Tensor from = src;
  if (convert_at_source && src.dtype() != dst.dtype()) {
    from = detail::empty(src.sizes(), dst.dtype(), src.device());
    copy_contents(from, src);
  } else if (!src.is_contiguous()) {
    from = detail::empty(src.sizes(), src.dtype(), src.device());
    copy_contents(from, src);
  }
  const bool direct = dst.is_contiguous() && dst.dtype() == from.dtype() && dst.sizes() == from.sizes();
  const Tensor to = direct ? dst : detail::empty(from.sizes(), from.dtype(), dst.device());
  const DeviceType owner = dst.is_cpu() ? src.device().type() : dst.device().type();
  backend(owner).copy_bytes(to.data_ptr(), to.device(), from.data_ptr(), from.device(), from.nbytes(), non_blocking);
  if (!direct) copy_contents(dst, to);
}

// Strides for `sizes` in a memory format; Preserve gives those of `like` where they are dense.
Tensor formatted(const Tensor& like, ScalarType dtype, Device device, std::optional<MemoryFormat> format,
                 bool pinned = false) {
  const MemoryFormat f = format.value_or(MemoryFormat::Preserve);
  if (f == MemoryFormat::Preserve) return empty_preserved(like, dtype, device, pinned);
  const Tensor t = detail::empty(like.sizes(), dtype, device, pinned);
  if (f == MemoryFormat::Contiguous) return t;
  return detail::alias(t, t.sizes(), format_strides(t.sizes(), f), 0);
}

Tensor converted(const Tensor& self, Device device, ScalarType dtype, bool non_blocking,
                 std::optional<MemoryFormat> format) {
  // Only to pinned memory can a device copy while the caller goes on.
  const bool pinned = non_blocking && self.is_cuda() && device.is_cpu();
  Tensor y = formatted(self, dtype, device, format, pinned);
  copy_unrecorded(y, self, non_blocking);
  if (!recording(self) || !is_floating(dtype)) return y;
  return record("ToCopyBackward0", y,
                wrt(self, [from = self.device(), old = self.dtype()](const Tensor& g) { return g.to(from, old); }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::to(Device device, ScalarType dtype, bool non_blocking, bool copy,
                  std::optional<MemoryFormat> memory_format) const {
  check_defined("to", *this);
  EMBER_CHECK(dtype != ScalarType::Undefined, "to: expected a defined dtype");
  device = resolve_device(device);
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Preserve);
  if (!copy && device == this->device() && dtype == scalar_type() &&
      (format == MemoryFormat::Preserve || is_contiguous(format))) {
    return *this;
  }
  return converted(*this, device, dtype, non_blocking, memory_format);
}
Tensor Tensor::to(Device device, bool non_blocking, bool copy, std::optional<MemoryFormat> memory_format) const {
  check_defined("to", *this);
  return to(device, scalar_type(), non_blocking, copy, memory_format);
}
Tensor Tensor::to(ScalarType dtype, bool non_blocking, bool copy, std::optional<MemoryFormat> memory_format) const {
  check_defined("to", *this);
  return to(device(), dtype, non_blocking, copy, memory_format);
}
Tensor Tensor::to(const TensorOptions& options, bool non_blocking, bool copy,
                  std::optional<MemoryFormat> memory_format) const {
  check_defined("to", *this);
  EMBER_CHECK(!options.requires_grad(), "to: requires_grad cannot be set by a conversion; use requires_grad_()");
  check_layout("to", options);
  return to(options.device_opt().value_or(device()), options.dtype_opt().value_or(scalar_type()), non_blocking, copy,
            memory_format ? memory_format : options.memory_format_opt());
}
Tensor Tensor::to(const Tensor& other, bool non_blocking, bool copy, std::optional<MemoryFormat> memory_format) const {
  check_defined("to", other, "other");
  return to(other.device(), other.scalar_type(), non_blocking, copy, memory_format);
}

Tensor Tensor::pin_memory() const {
  check_defined("pin_memory", *this);
  EMBER_CHECK(is_cpu(), "pin_memory: only tensors of the CPU can be pinned, got ", describe(*this));
  if (is_pinned()) return *this;
  Tensor y = empty_preserved(*this, scalar_type(), device(), true);
  copy_unrecorded(y, *this, false);
  if (!recording(*this)) return y;
  return record("PinMemoryBackward0", y, wrt(*this, [](const Tensor& g) { return g; }));
}

Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format) {
  check_defined("clone", self);
  Tensor y = formatted(self, self.dtype(), self.device(), memory_format);
  copy_unrecorded(y, self, false);
  if (!recording(self)) return y;
  return record("CloneBackward0", y, wrt(self, [](const Tensor& g) { return g; }));
}

Tensor contiguous(const Tensor& self, MemoryFormat memory_format) {
  check_defined("contiguous", self);
  EMBER_CHECK(memory_format != MemoryFormat::Preserve, "contiguous: the format Preserve is none");
  return self.is_contiguous(memory_format) ? self : clone(self, memory_format);
}
Tensor Tensor::contiguous(MemoryFormat memory_format) const { return ember::contiguous(*this, memory_format); }

Tensor& Tensor::copy_(const Tensor& src, bool non_blocking) const {
  check_defined("copy_", *this);
  check_defined("copy_", src, "src");
  EMBER_CHECK(is_expandable_to(src.sizes(), sizes()), "copy_: ", src.sizes(), " does not broadcast to ", sizes());
  check_dest("copy_", *this, sizes(), dtype());
  return in_place("copy_", *this, [&](Dest dest, const Tensor& old) {
    const Tensor& self = dest.tensor();
    copy_unrecorded(self, src, non_blocking);
    bump_version(self);
    if (!recording(old, src) || !self.is_floating_point()) return;
    record("CopyBackwards", self, wrt(old, [](const Tensor& g) { return zeros_like(g); }),
           wrt(src, [sizes = Dims(src.sizes()), device = src.device(), dtype = src.dtype()](const Tensor& g) {
             return reduce_to(g, sizes).to(device, dtype);
           }));
  });
}

Tensor& Tensor::fill_(const Scalar& value) const {
  check_defined("fill_", *this);
  check_converts("fill_", value, scalar_type());  // elements that share a place may: all become the same
  return in_place("fill_", *this, [&](Dest dest, const Tensor& old) {
    const Tensor& self = dest.tensor();
    fill_contents(self, value);
    bump_version(self);
    if (recording(old)) record("FillBackward0", self, wrt(old, [](const Tensor& g) { return zeros_like(g); }));
  });
}

Tensor& Tensor::fill_(const Tensor& value) const {
  check_defined("fill_", *this);
  check_defined("fill_", value, "value");
  EMBER_CHECK(value.dim() == 0, "fill_: expected a 0-dimensional value, got ", describe(value));
  return copy_(value);
}

Tensor& Tensor::zero_() const { return fill_(0); }

}  // namespace ember
