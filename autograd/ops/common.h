// What the operations share: checks, allocation of results, launching elementwise kernels, changes in place.
#pragma once

#include <ember/autograd/functions.h>
#include <ember/autograd/record.h>
#include <ember/core/launch.h>

namespace ember::ops {

using autograd::record;
using autograd::recording;
using autograd::save;
using autograd::save_if;
using autograd::save_output;
using autograd::wrt;

// Where a result goes: into a fresh tensor, or into an existing one (an operation in place, or `_out`).
class Dest {
 public:
  Dest() = default;
  explicit Dest(const Tensor& into) : into_(&into) {}
  struct Resize {};
  Dest(const Tensor& into, Resize) : into_(&into), resizes_(true) {}
  bool given() const { return into_ != nullptr; }
  bool resizes() const { return resizes_; }  // the tensor gets the sizes of the result first
  const Tensor& tensor() const { return *into_; }

 private:
  const Tensor* into_ = nullptr;
  bool resizes_ = false;
};

// An operand of an elementwise operation: a tensor or a number.
class Operand {
 public:
  Operand(const Tensor& t) : tensor_(&t) {}  // NOLINT: implicit
  Operand(const Scalar& s) : scalar_(&s) {}  // NOLINT
  bool is_scalar() const { return tensor_ == nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return *scalar_; }

 private:
  const Tensor* tensor_ = nullptr;
  const Scalar* scalar_ = nullptr;
};

// Strides of a dense tensor of these sizes in a format other than Preserve. Channels last needs 4 dimensions (3d: 5).
Dims format_strides(IntArrayRef sizes, MemoryFormat format);
// Throws NotImplementedError for a layout that is not strided.
void check_layout(const char* op, const TensorOptions& options);

[[noreturn]] void throw_undefined(const char* op, const char* argument);
inline void check_defined(const char* op, const Tensor& t, const char* argument = "self") {
  if (!t.defined()) [[unlikely]]
    throw_undefined(op, argument);
}
// All defined and on one device.
void check_same_device(const char* op, const Tensor& a, const Tensor& b);

// The dtype of a result, by PyTorch's rules: tensors with dimensions decide first, then 0-dimensional
// tensors, then numbers; a lower group counts only where it is of a higher category.
ScalarType result_type(const Operand& a, const Operand& b);
ScalarType result_type(const Operand& a, const Operand& b, const Operand& c);
// 0 for bool, 1 for integers, 2 for floating dtypes.
inline int dtype_category(ScalarType t) { return is_floating(t) ? 2 : t == kBool ? 0 : 1; }

// An uninitialised result: of the sizes, its dimensions in memory in the order of those of `like` where it has the
// sizes.
Tensor empty_result(IntArrayRef sizes, ScalarType dtype, Device device, const Tensor& like);
// The same of the sizes of `like`, whose very strides it gets where they are dense (as clone() and empty_like() do).
Tensor empty_preserved(const Tensor& like, ScalarType dtype, Device device, bool pinned = false);

// Throws if the number is none of the dtype: too large, or NaN for an integer. (Unsigned ones take negative numbers
// that wrap.)
void check_fits(const char* op, const Scalar& value, ScalarType dtype);

// Throws unless `dest` can hold a result of `sizes` and `dtype` and no two of its elements share memory.
void check_dest(const char* op, const Tensor& dest, IntArrayRef sizes, ScalarType dtype);
// `input`, or a copy of it where it overlaps `dest` without being the same view.
Tensor without_overlap(const Tensor& input, const Tensor& dest);

struct Elementwise {
  const char* name;
  ElementwiseKernel& kernel;
  Params params{};
};

// Checks, promotes to result_type, broadcasts, allocates (or writes to dest, converting where it is of another
// dtype), launches.
Tensor unary(const Elementwise& op, Dest dest, const Tensor& x);
Tensor binary(const Elementwise& op, Dest dest, const Operand& a, const Operand& b);
// binary() into a given dest, for operations that nothing records: without another handle to it, which costs as much as
// the arithmetic of a small one. False, and nothing is done, unless the operands are dense and alike.
bool write_dense(const Elementwise& op, Dest dest, const Operand& a, const Operand& b);
Tensor compare(const Elementwise& op, Dest dest, const Operand& a, const Operand& b);
inline Tensor compare(const Elementwise& op, const Operand& a, const Operand& b) { return compare(op, Dest(), a, b); }
Tensor ternary(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, const Operand& c);
// The same for kernels of floating dtypes: integral inputs are converted to the default dtype first.
Tensor unary_floating(const Elementwise& op, Dest dest, const Tensor& x);
Tensor binary_floating(const Elementwise& op, Dest dest, const Operand& a, const Operand& b);
// The same, computed in `common` whatever the operands are.
Tensor binary_in(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, ScalarType common);
Tensor ternary_in(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, const Operand& c,
                  ScalarType common);
// condition ? a : b, the condition bool.
Tensor select(const char* op, Dest dest, const Tensor& condition, const Operand& a, const Operand& b,
              ScalarType common);

// Throws where a number does not fit the elements it is to fill: out of the range of an integer type, NaN included, or
// finite and out of float32's. What is below zero but not below −255 counts modulo 256 for uint8.
void check_converts(const char* op, const Scalar& value, ScalarType dtype);

// Every element of `t` made `value`, or the element of `from`, which is of its sizes and device. Nothing is
// checked or recorded, and no version changes.
void fill_contents(const Tensor& t, const Scalar& value);
void copy_contents(const Tensor& t, const Tensor& from);

// `t` as `dtype`, itself if it is; recorded, or not.
Tensor as_dtype(const Tensor& t, ScalarType dtype);
Tensor as_dtype_unrecorded(const Tensor& t, ScalarType dtype);
// Sums a gradient down to the shape of the operand that was broadcast; itself where none was.
Tensor reduce_to(const Tensor& grad, const Dims& sizes);
// Captured by gradients: undoes the broadcast, the promotion and the move to another device of an operand.
struct Undo {
  Dims sizes;
  ScalarType dtype;
  Device device;
  bool needed;
  Undo(const Tensor& operand, const Tensor& result)
      : dtype(operand.dtype()),
        device(operand.device()),
        needed(!(operand.sizes() == result.sizes()) || dtype != result.dtype() || device != result.device()) {
    if (needed) sizes = Dims(operand.sizes());
  }
  // The dtype is looked at in any case: a gradient that was computed in a wider one comes back to the operand's.
  Tensor operator()(const Tensor& grad) const { return needed || grad.scalar_type() != dtype ? restored(grad) : grad; }

 private:
  Tensor restored(const Tensor& grad) const { return (needed ? reduce_to(grad, sizes) : grad).to(device, dtype); }
};

// A gradient that lands in part of a zero tensor of `sizes`: view(result) is set to `grad`. `view` must be
// a recorded view operation; it is the gradient's gradient.
template <class View>
Tensor embed(const char* name, const Tensor& grad, const Dims& sizes, View view) {
  Tensor result;
  {
    const NoGradGuard unrecorded;
    result = zeros(sizes, grad.options());
    view(result).copy_(grad);
  }
  if (!recording(grad)) return result;
  return record(name, result, wrt(grad, [view](const Tensor& g) { return view(g); }));
}

// Throws if `self` is an inference tensor and the inference mode is off.
inline void check_inference(const char* op, const Tensor& self) {
  if (self.unsafe_impl()->is_inference() && !ember::detail::modes.inference) [[unlikely]]
    autograd::throw_inference_in_place(op);
}

// Throws unless `self` can be changed in place, for an operation that changes what it is, not its elements.
inline void check_in_place(const char* op, const Tensor& self) {
  check_inference(op, self);
  if (autograd::recording_enabled()) autograd::check_in_place(op, self);
}

// Runs f(Dest(self), old), which computes into self and records; `old` is self as it was before, so that
// the new history does not own itself. f's first wrt() must be of `old`. `keep_values`: whether a gradient
// that will be recorded needs the elements that self had.
template <class F>
Tensor& in_place(const char* op, const Tensor& self, F&& f, bool keep_values = false) {
  check_defined(op, self);
  check_inference(op, self);
  if (!autograd::recording_enabled()) {
    f(Dest(self), self);
    return const_cast<Tensor&>(self);
  }
  autograd::InPlaceChange change(op, self, keep_values);
  f(Dest(self), change.old());
  change.finish();
  return const_cast<Tensor&>(self);
}

// Makes `out` a tensor of these sizes, keeping its memory where that suffices; as resize_ does, but for `_out` forms.
void resize_output(const char* op, const Tensor& out, IntArrayRef sizes);
// Throws if an `_out` form cannot record what it would have to: it has no gradient.
void check_out_unrecorded(const char* op, const Tensor& out, std::initializer_list<const Tensor*> inputs);

// The `_out` form of any operation: f() computes the result, which is converted and copied into `out`. Elementwise
// operations write there at once instead: see out_elementwise.
template <class F>
Tensor& out_form(const char* op, Tensor& out, std::initializer_list<const Tensor*> inputs, F&& f) {
  check_defined(op, out, "out");
  check_out_unrecorded(op, out, inputs);
  const NoGradGuard unrecorded;
  const Tensor y = f();
  EMBER_CHECK(out.device() == y.device(), op, ": the result is on ", y.device(), ", but out is ", describe(out));
  EMBER_CHECK(can_cast(y.dtype(), out.dtype()), op, ": a result of dtype ", dtype_name(y.dtype()),
              " cannot be written to ", describe(out));
  resize_output(op, out, y.sizes());
  out.copy_(y);
  return out;
}
// The `_out` form of an elementwise operation: f(dest) computes into `out`, which is resized on the way.
template <class F>
Tensor& out_elementwise(const char* op, Tensor& out, std::initializer_list<const Tensor*> inputs, F&& f) {
  check_defined(op, out, "out");
  check_out_unrecorded(op, out, inputs);
  const NoGradGuard unrecorded;
  f(Dest(out, Dest::Resize()));
  return out;
}

// Gives `t` these sizes and dense strides, in the same storage: it grows if it must, keeping what it holds, for all
// tensors that share it. Throws if its memory is a caller's and too small. Checks nothing of autograd.
void resize_contents(const char* op, const Tensor& t, IntArrayRef sizes,
                     MemoryFormat format = MemoryFormat::Contiguous);
// The elements of a contiguous tensor that nothing else uses, in other sizes; recorded, but no view.
Tensor unsafe_view(const Tensor& self, IntArrayRef sizes);

// The dimensions named, as a mask; none named means all. Throws on a dimension out of range or twice.
DimMask dim_mask(const char* op, IntArrayRef dims, int64_t rank);
// `sizes` with 1 in the dimensions of the mask, or without them.
Dims reduced_sizes(IntArrayRef sizes, DimMask mask, bool keepdim);

// A view of `base`: sets its base and, when recording, its history by `gradient`, or by what that gives when it is
// called with nothing: then the gradient's captures are made only where they are needed.
template <class F>
Tensor make_view(const char* name, const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset,
                 F&& gradient) {
  Tensor y = detail::alias(base, sizes, strides, offset);
  autograd::track_view(y, base);
  if (!recording(base)) return y;
  if constexpr (std::is_invocable_v<F>) {
    return record(name, y, wrt(base, gradient()));
  } else {
    return record(name, y, wrt(base, std::forward<F>(gradient)));
  }
}
// For an operation that returns several views of one tensor: they cannot be changed in place while recording.
inline std::vector<Tensor> multiple_views(std::vector<Tensor> views) {
  for (const Tensor& y : views)
    if (y.is_view()) y.unsafe_impl()->set_view_kind(ViewKind::MultipleOutputs);
  return views;
}

}  // namespace ember::ops
