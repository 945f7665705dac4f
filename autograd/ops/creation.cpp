// Tensors from nothing: uninitialised, filled, like another.
#include <algorithm>

#include <ember/autograd/ops/common.h>
#include <ember/core/backend.h>

namespace ember {

namespace ops {

Tensor finished(Tensor t, const TensorOptions& options) {
  if (options.pinned_memory() && t.numel() != 0 && !t.is_pinned()) t = t.pin_memory();
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

namespace {

void check_options(const char* op, const TensorOptions& options) {
  check_layout(op, options);
  EMBER_CHECK(!options.requires_grad() || is_floating(options.dtype()), op,
              ": only floating tensors can require gradients, got ", dtype_name(options.dtype()));
}

// The format of a result, which is given as an argument or with the options, not both.
MemoryFormat chosen_format(const char* op, const TensorOptions& options, std::optional<MemoryFormat> format,
                           MemoryFormat otherwise) {
  EMBER_CHECK(!format || !options.has_memory_format(), op,
              ": the memory format is given twice, as an argument and in the options");
  return format ? *format : options.memory_format_opt().value_or(otherwise);
}

// An uninitialised tensor of these sizes in the format.
Tensor made(const char* op, IntArrayRef size, const TensorOptions& options, ScalarType dtype, MemoryFormat format) {
  check_options(op, options.dtype(dtype));
  EMBER_CHECK(format != MemoryFormat::Preserve, op, ": there is no memory format to preserve");
  const bool pinned = options.pinned_memory();
  if (format == MemoryFormat::Contiguous) return ember::detail::empty(size, dtype, options.device(), pinned);
  const Dims strides = format_strides(size, format);
  const Tensor t = ember::detail::empty(size, dtype, options.device(), pinned);
  return ember::detail::alias(t, size, strides, 0);
}

Tensor filled(const char* op, IntArrayRef size, const Scalar& value, ScalarType dtype, const TensorOptions& options) {
  check_converts(op, value, dtype);
  Tensor t = made(op, size, options, dtype, chosen_format(op, options, std::nullopt, MemoryFormat::Contiguous));
  fill_contents(t, value);
  return finished(std::move(t), options);
}

// The options of a tensor like `self`, with those given put over.
TensorOptions like(const char* op, const Tensor& self, const TensorOptions& options) {
  check_defined(op, self);
  return options.dtype(options.dtype_opt().value_or(self.scalar_type()))
      .device(options.device_opt().value_or(self.device()));
}

// An uninitialised tensor of the sizes of `self`, and of its strides unless a format says otherwise.
Tensor made_like(const char* op, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) {
  const MemoryFormat f = chosen_format(op, options, format, MemoryFormat::Preserve);
  if (f != MemoryFormat::Preserve) return made(op, self.sizes(), options, options.dtype(), f);
  check_options(op, options);
  return empty_preserved(self, options.dtype(), resolve_device(options.device()), options.pinned_memory());
}

Tensor filled_like(const char* op, const Tensor& self, const Scalar& value, const TensorOptions& options,
                   std::optional<MemoryFormat> format) {
  const TensorOptions o = like(op, self, options);
  check_converts(op, value, o.dtype());
  Tensor t = made_like(op, self, o, format);
  fill_contents(t, value);
  return finished(std::move(t), o);
}

Tensor& filled_out(const char* op, Tensor& out, IntArrayRef size, const Scalar& value) {
  check_defined(op, out, "out");
  check_out_unrecorded(op, out, {});
  checked_numel(size);
  check_converts(op, value, out.scalar_type());
  resize_output(op, out, size);
  fill_contents(out, value);
  bump_version(out);
  return out;
}

void check_eye(const char* op, int64_t n, int64_t m) {
  EMBER_CHECK(n >= 0 && m >= 0, op, ": sizes must not be negative, got ", n, " and ", m);
}

void write_eye(const Tensor& t) {
  fill_contents(t, 0);
  fill_contents(
      ember::detail::alias(t, {std::min(t.size(0), t.size(1))}, {t.stride(0) + t.stride(1)}, t.storage_offset()), 1);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor empty(IntArrayRef size, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  const MemoryFormat format = chosen_format("empty", options, memory_format, MemoryFormat::Contiguous);
  return finished(made("empty", size, options, options.dtype(), format), options);
}
Tensor& empty_out(Tensor& out, IntArrayRef size, std::optional<MemoryFormat> memory_format) {
  check_defined("empty_out", out, "out");
  check_out_unrecorded("empty", out, {});
  EMBER_CHECK(memory_format != MemoryFormat::Preserve, "empty_out: there is no memory format to preserve");
  if (memory_format) {
    resize_contents("empty_out", out, size, *memory_format);
  } else {
    resize_output("empty_out", out, size);
  }
  return out;
}

Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options) {
  check_options("empty_strided", options);
  EMBER_CHECK(size.size() == stride.size(), "empty_strided: ", size.size(), " sizes, but ", stride.size(), " strides");
  const int64_t numel = checked_numel(size);
  int64_t extent = numel == 0 ? 0 : 1;  // how many elements the storage holds
  bool overflow = false;
  for (size_t d = 0; d < size.size(); ++d) {
    EMBER_CHECK(stride[d] >= 0, "empty_strided: strides must not be negative, got ", stride);
    int64_t reach = 0;
    if (numel == 0) continue;
    overflow |= __builtin_mul_overflow(size[d] - 1, stride[d], &reach);
    overflow |= __builtin_add_overflow(extent, reach, &extent);
  }
  int64_t nbytes = 0;
  overflow |= __builtin_mul_overflow(extent, static_cast<int64_t>(element_size(options.dtype())), &nbytes);
  EMBER_CHECK(!overflow, "empty_strided: the size in bytes of ", size, " with strides ", stride, " overflows");
  const Tensor storage = ember::detail::empty({extent}, options.dtype(), options.device(), options.pinned_memory());
  return finished(ember::detail::alias(storage, size, stride, 0), options);
}

Tensor zeros(IntArrayRef size, const TensorOptions& options) {
  return filled("zeros", size, 0, options.dtype(), options);
}
Tensor& zeros_out(Tensor& out, IntArrayRef size) { return filled_out("zeros_out", out, size, 0); }
Tensor ones(IntArrayRef size, const TensorOptions& options) {
  return filled("ones", size, 1, options.dtype(), options);
}
Tensor& ones_out(Tensor& out, IntArrayRef size) { return filled_out("ones_out", out, size, 1); }
Tensor full(IntArrayRef size, const Scalar& value, const TensorOptions& options) {
  const ScalarType inferred = value.is_boolean() ? kBool : value.is_integral() ? kInt64 : get_default_dtype();
  return filled("full", size, value, options.dtype_opt().value_or(inferred), options);
}
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& fill_value) {
  return filled_out("full_out", out, size, fill_value);
}
Tensor scalar_tensor(const Scalar& value, const TensorOptions& options) {
  return filled("scalar_tensor", {}, value, options.dtype(), options);
}

Tensor eye(int64_t n, const TensorOptions& options) { return eye(n, n, options); }
Tensor eye(int64_t n, int64_t m, const TensorOptions& options) {
  check_eye("eye", n, m);
  Tensor t = made("eye", {n, m}, options, options.dtype(), MemoryFormat::Contiguous);
  write_eye(t);
  return finished(std::move(t), options);
}
Tensor& eye_out(Tensor& out, int64_t n) { return eye_out(out, n, n); }
Tensor& eye_out(Tensor& out, int64_t n, int64_t m) {
  check_eye("eye_out", n, m);
  filled_out("eye_out", out, {n, m}, 0);
  write_eye(out);
  return out;
}

Tensor empty_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  const TensorOptions o = like("empty_like", self, options);
  return finished(made_like("empty_like", self, o, memory_format), o);
}
Tensor zeros_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  return filled_like("zeros_like", self, 0, options, memory_format);
}
Tensor ones_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  return filled_like("ones_like", self, 1, options, memory_format);
}
Tensor full_like(const Tensor& self, const Scalar& value, const TensorOptions& options,
                 std::optional<MemoryFormat> memory_format) {
  return filled_like("full_like", self, value, options, memory_format);
}

Tensor Tensor::new_empty(IntArrayRef size, const TensorOptions& options) const {
  return empty(size, like("new_empty", *this, options));
}
Tensor Tensor::new_empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options) const {
  return empty_strided(size, stride, like("new_empty_strided", *this, options));
}
Tensor Tensor::new_zeros(IntArrayRef size, const TensorOptions& options) const {
  return zeros(size, like("new_zeros", *this, options));
}
Tensor Tensor::new_ones(IntArrayRef size, const TensorOptions& options) const {
  return ones(size, like("new_ones", *this, options));
}
Tensor Tensor::new_full(IntArrayRef size, const Scalar& value, const TensorOptions& options) const {
  return full(size, value, like("new_full", *this, options));
}

bool is_same_size(const Tensor& self, const Tensor& other) {
  check_defined("is_same_size", self);
  check_defined("is_same_size", other, "other");
  return self.is_same_size(other);
}

}  // namespace ember
