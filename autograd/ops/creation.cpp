// Tensors from nothing: fills, ranges, the caller's memory, literals.
#include <algorithm>
#include <cmath>

#include <ember/autograd/ops/common.h>
#include <ember/core/backend.h>

namespace ember {

namespace ops {
namespace {

Tensor finished(const Tensor& t, const TensorOptions& options) {
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor filled(IntArrayRef size, const Scalar& value, ScalarType dtype, const TensorOptions& options) {
  check_layout("full", options);
  const Tensor t = detail::empty(size, dtype, options.device());
  fill_contents(t, value);
  return finished(t, options);
}

// The options of a tensor like `self`, with those given put over.
TensorOptions like(const char* op, const Tensor& self, const TensorOptions& options) {
  check_defined(op, self);
  return options.dtype(options.dtype_opt().value_or(self.dtype())).device(options.device_opt().value_or(self.device()));
}

// An uninitialised tensor of these sizes in the format, which the options may have too.
Tensor made(const char* op, IntArrayRef size, const TensorOptions& options, ScalarType dtype,
            std::optional<MemoryFormat> format = std::nullopt) {
  check_layout(op, options);
  const Tensor t = detail::empty(size, dtype, options.device());
  const MemoryFormat f = format ? *format : options.memory_format_opt().value_or(MemoryFormat::Contiguous);
  return f == MemoryFormat::Contiguous ? t : detail::alias(t, size, format_strides(size, f), 0);
}

// The same with the sizes of `self`, and with its strides unless a format says otherwise.
Tensor made_like(const char* op, const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> format) {
  const MemoryFormat f = format ? *format : options.memory_format_opt().value_or(MemoryFormat::Preserve);
  if (f != MemoryFormat::Preserve) return made(op, self.sizes(), options, options.dtype(), f);
  check_layout(op, options);
  return empty_result(self.sizes(), options.dtype(), resolve_device(options.device()), self);
}

Tensor filled_like(const char* op, const Tensor& self, const Scalar& value, const TensorOptions& options,
                   std::optional<MemoryFormat> format) {
  const TensorOptions o = like(op, self, options);
  const Tensor t = made_like(op, self, o, format);
  fill_contents(t, value);
  return finished(t, o);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor empty(IntArrayRef size, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  return finished(made("empty", size, options, options.dtype(), memory_format), options);
}
Tensor zeros(IntArrayRef size, const TensorOptions& options) { return filled(size, 0, options.dtype(), options); }
Tensor ones(IntArrayRef size, const TensorOptions& options) { return filled(size, 1, options.dtype(), options); }
Tensor full(IntArrayRef size, const Scalar& value, const TensorOptions& options) {
  const ScalarType inferred = value.is_boolean() ? kBool : value.is_integral() ? kInt64 : get_default_dtype();
  return filled(size, value, options.dtype_opt().value_or(inferred), options);
}
Tensor scalar_tensor(const Scalar& value, const TensorOptions& options) {
  return filled({}, value, options.dtype(), options);
}

Tensor eye(int64_t n, const TensorOptions& options) { return eye(n, n, options); }
Tensor eye(int64_t n, int64_t m, const TensorOptions& options) {
  EMBER_CHECK(n >= 0 && m >= 0, "eye: sizes must not be negative, got ", n, " and ", m);
  const Tensor t = zeros({n, m}, options.requires_grad(false));
  const int64_t length = std::min(n, m);
  fill_contents(detail::alias(t, {length}, {m + 1}, 0), 1);
  return finished(t, options);
}

Tensor arange(const Scalar& end, const TensorOptions& options) { return arange(0, end, 1, options); }
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) {
  const bool floating = start.is_floating_point() || end.is_floating_point() || step.is_floating_point();
  const ScalarType dtype = options.dtype_opt().value_or(floating ? get_default_dtype() : kInt64);
  EMBER_CHECK(dtype != kBool, "arange: not implemented for bool");
  double count = 0;
  if (floating || is_floating(dtype)) {
    const double a = start.toDouble();
    const double b = end.toDouble();
    const double s = step.toDouble();
    EMBER_CHECK(std::isfinite(a) && std::isfinite(b), "arange: the ends must be finite, got ", a, " and ", b);
    EMBER_CHECK(s != 0 && !std::isnan(s), "arange: the step must not be zero");
    EMBER_CHECK((s > 0) == (b >= a) || a == b, "arange: the step ", s, " does not lead from ", a, " to ", b);
    count = std::ceil((b - a) / s);
  } else {
    const int64_t a = start.toLong();
    const int64_t b = end.toLong();
    const int64_t s = step.toLong();
    EMBER_CHECK(s != 0, "arange: the step must not be zero");
    EMBER_CHECK((s > 0) == (b >= a) || a == b, "arange: the step ", s, " does not lead from ", a, " to ", b);
    const uint64_t span = s > 0 ? static_cast<uint64_t>(b) - static_cast<uint64_t>(a)
                                : static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
    const uint64_t stride = s > 0 ? static_cast<uint64_t>(s) : 0 - static_cast<uint64_t>(s);
    count = static_cast<double>(span / stride + (span % stride != 0 ? 1 : 0));
  }
  EMBER_CHECK(count < 9e18, "arange: ", count, " elements are too many");
  const Tensor t = detail::empty({static_cast<int64_t>(count)}, dtype, options.device());
  if (t.numel() != 0) launch(kernels.arange, t.device(), t, start, step);
  return finished(t, options);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options) {
  EMBER_CHECK(steps >= 0, "linspace: the number of steps must not be negative, got ", steps);
  EMBER_CHECK(options.dtype() != kBool, "linspace: not implemented for bool");
  const Tensor t = detail::empty({steps}, options.dtype(), options.device());
  if (steps != 0) launch(kernels.linspace, t.device(), t, start, end);
  return finished(t, options);
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
Tensor Tensor::new_zeros(IntArrayRef size, const TensorOptions& options) const {
  return zeros(size, like("new_zeros", *this, options));
}
Tensor Tensor::new_ones(IntArrayRef size, const TensorOptions& options) const {
  return ones(size, like("new_ones", *this, options));
}
Tensor Tensor::new_full(IntArrayRef size, const Scalar& value, const TensorOptions& options) const {
  return full(size, value, like("new_full", *this, options));
}

// ---- the caller's memory ----

namespace {
void free_by_user(void* data, size_t, void* context) noexcept {
  auto* deleter = static_cast<std::function<void(void*)>*>(context);
  (*deleter)(data);
  delete deleter;
}
}  // namespace

Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, std::function<void(void*)> deleter,
                 const TensorOptions& options) {
  EMBER_CHECK(size.size() == strides.size(), "from_blob: ", size.size(), " sizes, but ", strides.size(), " strides");
  const Device device = resolve_device(options.device());
  const int64_t numel = checked_numel(size);
  EMBER_CHECK(data != nullptr || numel == 0, "from_blob: a null pointer for ", size);
  int64_t extent = numel == 0 ? 0 : 1;
  for (size_t d = 0; d < size.size() && numel != 0; ++d) {
    EMBER_CHECK(strides[d] >= 0, "from_blob: strides must not be negative, got ", strides);
    int64_t reach = 0;
    EMBER_CHECK(
        !__builtin_mul_overflow(size[d] - 1, strides[d], &reach) && !__builtin_add_overflow(extent, reach, &extent),
        "from_blob: sizes ", size, " with strides ", strides, " overflow");
  }
  int64_t nbytes = 0;
  EMBER_CHECK(!__builtin_mul_overflow(extent, static_cast<int64_t>(element_size(options.dtype())), &nbytes),
              "from_blob: sizes ", size, " with strides ", strides, " overflow");
  FreeFn free = nullptr;
  void* context = nullptr;
  if (deleter) {
    free = free_by_user;
    context = new std::function<void(void*)>(std::move(deleter));
  }
  Storage storage(IntrusivePtr<StorageImpl>(new StorageImpl(data, static_cast<size_t>(nbytes), device, free, context)));
  return finished(Tensor(IntrusivePtr<TensorImpl>(new TensorImpl(std::move(storage), options.dtype(), size, strides, 0,
                                                                 numel, is_contiguous(size, strides)))),
                  options);
}
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const TensorOptions& options) {
  return from_blob(data, size, strides, {}, options);
}
Tensor from_blob(void* data, IntArrayRef size, std::function<void(void*)> deleter, const TensorOptions& options) {
  checked_numel(size);
  return from_blob(data, size, contiguous_strides(size), std::move(deleter), options);
}
Tensor from_blob(void* data, IntArrayRef size, const TensorOptions& options) {
  checked_numel(size);
  return from_blob(data, size, contiguous_strides(size), {}, options);
}

// ---- literals ----

namespace {

void find_shape(const TensorData& data, Dims& sizes, size_t depth, bool& any, ScalarType& dtype) {
  if (!data.is_list()) {
    EMBER_CHECK(depth == sizes.size(), "tensor: numbers and lists at one depth");
    const ScalarType t = data.scalar().is_floating_point() ? get_default_dtype() : data.scalar().type();
    EMBER_CHECK(!any || t == dtype || (t == kBool) == (dtype == kBool), "tensor: bools and numbers in one list");
    dtype = any ? promote_types(dtype, t) : t;
    any = true;
    return;
  }
  const auto n = static_cast<int64_t>(data.list().size());
  if (depth == sizes.size()) {
    EMBER_CHECK(!any, "tensor: numbers and lists at one depth");
    sizes.push_back(n);
  }
  EMBER_CHECK(sizes[depth] == n, "tensor: lists of ", sizes[depth], " and ", n, " elements at depth ", depth);
  for (const TensorData& item : data.list()) find_shape(item, sizes, depth + 1, any, dtype);
}

template <class T>
void write(const TensorData& data, T*& at) {
  if (!data.is_list()) {
    *at++ = data.scalar().cast<T>();
    return;
  }
  for (const TensorData& item : data.list()) write(item, at);
}

}  // namespace

Tensor tensor(const TensorData& data, const TensorOptions& options) {
  Dims sizes;
  bool any = false;
  ScalarType dtype = get_default_dtype();
  find_shape(data, sizes, 0, any, dtype);
  dtype = options.dtype_opt().value_or(dtype);
  const Tensor t = detail::empty(sizes, dtype, kCPU);
  visit_dtype(dtype, [&]<class T>() {
    T* at = static_cast<T*>(t.data_ptr());
    write(data, at);
  });
  return finished(t.to(options.device()), options);
}
Tensor tensor(std::initializer_list<TensorData> list, const TensorOptions& options) {
  return tensor(TensorData(list), options);
}

}  // namespace ember
