#include <ember/autograd/ops/common.h>

#include <algorithm>

namespace ember::ops {

Dims format_strides(IntArrayRef sizes, MemoryFormat format) { return ember::detail::format_strides(sizes, format); }

namespace {

Device result_device(const char* op, const Operand& a, const Operand& b) {
  if (a.is_scalar()) return b.tensor().device();
  if (b.is_scalar()) return a.tensor().device();
  const Tensor& x = a.tensor();
  const Tensor& y = b.tensor();
  if (x.device() == y.device()) return x.device();
  // A 0-dimensional tensor on the CPU goes with any device.
  if (y.is_cpu() && y.dim() == 0) return x.device();
  if (x.is_cpu() && x.dim() == 0) return y.device();
  check_same_device(op, x, y);
  return x.device();
}

// The operand as the kernel wants it: on the device, of the dtype. It is itself in most cases; else `made` holds it.
const Tensor& prepared(const Tensor& t, ScalarType dtype, Device device, Tensor& made) {
  if (t.dtype() == dtype && t.device() == device) return t;
  const NoGradGuard unrecorded;
  return made = t.to(device, dtype);
}

// The tensor a kernel writes: the result, or for a dest of another dtype one to be converted into it.
struct Output {
  Tensor tensor;
  bool convert = false;
};

// Strides of a dense result of operands (none null) that are broadcast to `sizes`: its dimensions are in the order
// that the first operand to tell has them in.
Dims result_strides(IntArrayRef sizes, const Tensor* const* inputs, int n) {
  const auto rank = static_cast<int>(sizes.size());
  // The stride of input i in a dimension of the result; 0 where it is broadcast.
  const auto stride = [&](int i, int d) -> int64_t {
    const int own = d - (rank - static_cast<int>(inputs[i]->dim()));
    if (own < 0) return 0;
    const auto k = static_cast<size_t>(own);
    return inputs[i]->sizes()[k] == 1 && sizes[static_cast<size_t>(d)] != 1 ? 0 : inputs[i]->strides()[k];
  };
  // Whether dimension a is outside of b (1), inside (-1), or nobody knows.
  const auto order = [&](int a, int b) {
    for (int i = 0; i < n; ++i) {
      const int64_t x = stride(i, a), y = stride(i, b);
      if (x == 0 || y == 0) continue;
      if (x != y) return x > y ? 1 : -1;
      if (sizes[static_cast<size_t>(a)] > sizes[static_cast<size_t>(b)]) return 1;
    }
    return 0;
  };
  int inner_first[kMaxDims];
  for (int d = 0; d < rank; ++d) inner_first[d] = rank - 1 - d;
  for (int i = 1; i < rank; ++i) {
    int moving = i;
    for (int j = i - 1; j >= 0; --j) {
      const int comparison = order(inner_first[j], inner_first[moving]);
      if (comparison > 0) {
        std::swap(inner_first[j], inner_first[moving]);
        moving = j;
      } else if (comparison < 0) {
        break;
      }
    }
  }
  Dims strides(sizes);
  int64_t next = 1;
  for (int d = 0; d < rank; ++d) {
    const auto k = static_cast<size_t>(inner_first[d]);
    strides[k] = next;
    next *= std::max<int64_t>(sizes[k], 1);
  }
  return strides;
}

// A result of these inputs, of which at least one is not null.
Tensor empty_for(IntArrayRef sizes, ScalarType dtype, Device device, const Tensor* const* inputs, int n) {
  Tensor t = detail::empty(sizes, dtype, device);
  const Tensor* given[3];
  int count = 0;
  for (int i = 0; i < n; ++i) {
    if (inputs[i] != nullptr) given[count++] = inputs[i];
  }
  const Tensor& first = *given[0];
  if (sizes.size() < 2 || (first.is_contiguous() && first.sizes() == sizes)) return t;
  return detail::alias(t, sizes,
                       first.sizes() == sizes && is_non_overlapping_and_dense(sizes, first.strides())
                           ? first.strides()
                           : IntArrayRef(result_strides(sizes, given, count)),
                       0);
}

Output output_for(const char* op, Dest dest, IntArrayRef sizes, ScalarType dtype, Device device,
                  const Tensor* const* inputs, int n) {
  if (!dest.given()) return {empty_for(sizes, dtype, device, inputs, n)};
  const Tensor& d = dest.tensor();
  EMBER_CHECK(d.device() == device, op, ": the result is on ", device, ", but is to be written to ", describe(d));
  if (dest.resizes()) {
    EMBER_CHECK(can_cast(dtype, d.dtype()), op, ": a result of dtype ", dtype_name(dtype), " cannot be written to ",
                describe(d));
    if (d.sizes() != sizes) {  // the dimensions in memory in the order that a fresh result would have
      const Tensor fresh = empty_for(sizes, d.scalar_type(), device, inputs, n);
      resize_output(op, d, sizes);
      d.unsafe_impl()->set_geometry(sizes, fresh.strides(), d.storage_offset());
    }
  }
  check_dest(op, d, sizes, dtype);
  if (d.dtype() != dtype) return {detail::empty(sizes, dtype, device), true};
  return {d};
}

Tensor finish(Dest dest, const Output& out) {
  if (!dest.given()) return out.tensor;
  if (out.convert) copy_contents(dest.tensor(), out.tensor);
  bump_version(dest.tensor());
  return dest.tensor();
}

// The inputs of an elementwise operation in a profiler's range: they have their own sizes there, or all those of the
// result where there is no list of them. Null, in the list, is a number.
struct Shown {
  const TensorIterator& iter;
  const Tensor& out;
  const Tensor* const* inputs;
};
void append_to_range(std::string& text, const Shown& shown) {
  for (int i = 1; i < shown.iter.num_operands(); ++i) {
    if (shown.iter.is_scalar(i)) {
      text += ember::detail::concat(' ', shown.iter.scalar(i));
    } else {
      ember::detail::append_to_range(text, shown.inputs == nullptr ? shown.out : *shown.inputs[i - 1]);
    }
  }
}

void run(const Elementwise& op, const TensorIterator& iter, const Tensor& out, const Tensor* const* inputs = nullptr) {
  if (iter.numel() == 0) return;
  const ProfilerRange range(op.kernel.name, Shown{iter, out, inputs}, ember::detail::NextNode());
  ember::detail::call(op.kernel, iter.device(), iter, op.params);
}

}  // namespace

Tensor empty_result(IntArrayRef sizes, ScalarType dtype, Device device, const Tensor& like) {
  Tensor t = detail::empty(sizes, dtype, device);
  if (!like.defined() || like.is_contiguous() || !(like.sizes() == sizes)) return t;
  return detail::alias(t, sizes, dense_strides_like(sizes, like.strides()), 0);
}

Tensor empty_preserved(const Tensor& like, ScalarType dtype, Device device, bool pinned) {
  const Tensor t = detail::empty(like.sizes(), dtype, device, pinned);
  const Dims strides = dense_strides_like(like.sizes(), like.strides());
  return t.strides() == IntArrayRef(strides) ? t : detail::alias(t, t.sizes(), strides, 0);
}

void fill_contents(const Tensor& t, const Scalar& value) {
  if (t.numel() == 0) return;
  TensorIterator iter(t);
  iter.build();
  launch(kernels.fill, iter.device(), iter, value);
}

void copy_contents(const Tensor& t, const Tensor& from) {
  if (t.numel() == 0) return;
  TensorIterator iter(t);
  iter.add_input(from);
  iter.build();
  launch(kernels.copy, iter.device(), iter);
}

Tensor as_dtype(const Tensor& t, ScalarType dtype) { return t.dtype() == dtype ? t : t.to(dtype); }

Tensor as_dtype_unrecorded(const Tensor& t, ScalarType dtype) {
  const NoGradGuard unrecorded;
  return as_dtype(t, dtype);
}

namespace {
// Adds an input; one that shares memory with the result of an operation in place is seen to in `made`.
void add_input(TensorIterator& iter, const Tensor& input, Dest dest, const Output& out, Tensor& made) {
  if (!dest.given()) return iter.add_input(input);
  made = without_overlap(input, out.tensor);
  iter.add_input(made);
}

// Most operands are dense, of one shape and dtype, on one device: then nothing is broadcast, promoted or copied, and a
// loop over them needs no strides.
bool dense_alike(const TensorImpl& a, const TensorImpl& b) {
  return a.is_contiguous() && b.is_contiguous() && a.dtype() == b.dtype() && a.device() == b.device() &&
         a.sizes() == b.sizes();
}
// Of tensors that are dense and alike: whether they are of the same elements, or share none.
bool same_or_apart(const TensorImpl& a, const TensorImpl& b) {
  return &a == &b || a.data() == b.data() || !a.storage().is_alias_of(b.storage());
}
// Whether `dest`, if given, is such a tensor too, and either the input, which is contiguous, itself or apart from it.
bool dense_dest(Dest dest, const TensorImpl& x) {
  if (!dest.given()) return true;
  if (!dest.tensor().defined()) return false;
  const TensorImpl& d = *dest.tensor().unsafe_impl();
  return &d == &x || (dense_alike(d, x) && same_or_apart(d, x));
}
Tensor dense_result(Dest dest, const TensorImpl& x) {
  return dest.given() ? dest.tensor() : ember::detail::empty(x.sizes(), x.dtype(), x.device());
}
// Null unless defined.
const TensorImpl* dense_operand(const Operand& o) {
  return !o.is_scalar() && o.tensor().defined() ? o.tensor().unsafe_impl() : nullptr;
}

// binary() of dense operands that are alike, or of a dense one and a number; false, and nothing is done, of others. The
// result goes to dest, or into `fresh` if there is none.
bool run_dense(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, Tensor& fresh) {
  const TensorImpl* const x = dense_operand(a);
  if (x == nullptr) return false;
  const auto result = [&]() -> const Tensor& {
    return dest.given() ? dest.tensor() : fresh = ember::detail::empty(x->sizes(), x->dtype(), x->device());
  };
  if (b.is_scalar()) {
    if (!x->is_contiguous() || dtype_category(x->dtype()) < dtype_category(b.scalar().type()) || !dense_dest(dest, *x))
      return false;
    const Tensor& out = result();
    TensorIterator iter(TensorIterator::Dense{}, out, a.tensor());
    iter.add_input(b.scalar());
    run(op, iter, out);
  } else {
    const TensorImpl* const y = dense_operand(b);
    if (y == nullptr || !dense_alike(*x, *y) || !dense_dest(dest, *x)) return false;
    if (dest.given() && !same_or_apart(*dest.tensor().unsafe_impl(), *y)) return false;
    const Tensor& out = result();
    run(op, TensorIterator(TensorIterator::Dense{}, out, a.tensor(), b.tensor()), out);
  }
  if (dest.given()) bump_version(dest.tensor());
  return true;
}
}  // namespace

Tensor unary(const Elementwise& op, Dest dest, const Tensor& x) {
  check_defined(op.name, x);
  const TensorImpl& impl = *x.unsafe_impl();
  if (impl.is_contiguous() && dense_dest(dest, impl)) {
    Tensor out = dense_result(dest, impl);
    run(op, TensorIterator(TensorIterator::Dense{}, out, x), out);
    if (dest.given()) bump_version(out);
    return out;
  }
  const Tensor* const inputs[] = {&x};
  const Output out = output_for(op.name, dest, x.sizes(), x.dtype(), x.device(), inputs, 1);
  TensorIterator iter(out.tensor);
  Tensor made;
  add_input(iter, x, dest, out, made);
  iter.build();
  run(op, iter, out.tensor, inputs);
  return finish(dest, out);
}

Tensor unary_floating(const Elementwise& op, Dest dest, const Tensor& x) {
  check_defined(op.name, x);
  return unary(op, dest, x.is_floating_point() ? x : as_dtype_unrecorded(x, get_default_dtype()));
}

namespace {
Tensor binary_into(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, ScalarType common,
                   ScalarType result) {
  const Device device = result_device(op.name, a, b);
  Tensor made[2];
  const Tensor* const x = a.is_scalar() ? nullptr : &prepared(a.tensor(), common, device, made[0]);
  const Tensor* const y = b.is_scalar() ? nullptr : &prepared(b.tensor(), common, device, made[1]);
  const Dims sizes = x == nullptr   ? Dims(y->sizes())
                     : y == nullptr ? Dims(x->sizes())
                                    : broadcast_shapes(x->sizes(), y->sizes());
  const Tensor* const inputs[] = {x, y};
  const Output out = output_for(op.name, dest, sizes, result, device, inputs, 2);
  TensorIterator iter(out.tensor);
  Tensor apart[2];
  if (x != nullptr) {
    add_input(iter, *x, dest, out, apart[0]);
  } else {
    iter.add_input(a.scalar());
  }
  if (y != nullptr) {
    add_input(iter, *y, dest, out, apart[1]);
  } else {
    iter.add_input(b.scalar());
  }
  iter.build();
  run(op, iter, out.tensor, inputs);
  return finish(dest, out);
}

void check_operands(const char* op, const Operand& a, const Operand& b) {
  if (!a.is_scalar()) check_defined(op, a.tensor());
  if (!b.is_scalar()) check_defined(op, b.tensor(), a.is_scalar() ? "self" : "other");
}
}  // namespace

bool write_dense(const Elementwise& op, Dest dest, const Operand& a, const Operand& b) {
  Tensor none;
  return dest.given() && run_dense(op, dest, a, b, none);
}

Tensor binary(const Elementwise& op, Dest dest, const Operand& a, const Operand& b) {
  Tensor fresh;
  if (run_dense(op, dest, a, b, fresh)) {
    if (dest.given()) return dest.tensor();
    return fresh;
  }
  check_operands(op.name, a, b);
  const ScalarType common = result_type(a, b);
  return binary_into(op, dest, a, b, common, common);
}

Tensor binary_floating(const Elementwise& op, Dest dest, const Operand& a, const Operand& b) {
  check_operands(op.name, a, b);
  const ScalarType common = result_type(a, b);
  const ScalarType floating = is_floating(common) ? common : get_default_dtype();
  return binary_into(op, dest, a, b, floating, floating);
}

Tensor binary_in(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, ScalarType common) {
  check_operands(op.name, a, b);
  return binary_into(op, dest, a, b, common, common);
}

Tensor compare(const Elementwise& op, Dest dest, const Operand& a, const Operand& b) {
  check_operands(op.name, a, b);
  return binary_into(op, dest, a, b, result_type(a, b), kBool);
}

namespace {
// Where an operation of these operands runs: a 0-dimensional tensor on the CPU goes with any device.
Device common_device(const char* op, const Operand* const* operands, int n) {
  const Tensor* first = nullptr;
  for (int i = 0; i < n; ++i) {
    if (operands[i]->is_scalar()) continue;
    const Tensor& t = operands[i]->tensor();
    if (first == nullptr || (first->device() != t.device() && first->is_cpu() && first->dim() == 0)) {
      first = &t;
    } else if (t.device() != first->device() && !(t.is_cpu() && t.dim() == 0)) {
      check_same_device(op, *first, t);
    }
  }
  return first->device();
}

// Operands as a kernel of three wants them: `dtypes` each, broadcast to one shape.
Tensor ternary_into(const Elementwise& op, Dest dest, const Operand* const* operands, const ScalarType* dtypes,
                    ScalarType result) {
  const Device device = common_device(op.name, operands, 3);
  Tensor made[3];
  const Tensor* inputs[3];
  Dims sizes;
  bool any = false;
  for (int i = 0; i < 3; ++i) {
    inputs[i] = operands[i]->is_scalar() ? nullptr : &prepared(operands[i]->tensor(), dtypes[i], device, made[i]);
    if (inputs[i] == nullptr) continue;
    sizes = any ? broadcast_shapes(sizes, inputs[i]->sizes()) : Dims(inputs[i]->sizes());
    any = true;
  }
  const Output out = output_for(op.name, dest, sizes, result, device, inputs, 3);
  TensorIterator iter(out.tensor);
  Tensor apart[3];
  for (int i = 0; i < 3; ++i) {
    if (inputs[i] != nullptr) {
      add_input(iter, *inputs[i], dest, out, apart[i]);
    } else {
      iter.add_input(operands[i]->scalar());
    }
  }
  iter.build();
  run(op, iter, out.tensor, inputs);
  return finish(dest, out);
}
}  // namespace

Tensor ternary_in(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, const Operand& c,
                  ScalarType common) {
  const Operand* const operands[] = {&a, &b, &c};
  const ScalarType dtypes[] = {common, common, common};
  return ternary_into(op, dest, operands, dtypes, common);
}

Tensor ternary(const Elementwise& op, Dest dest, const Operand& a, const Operand& b, const Operand& c) {
  return ternary_in(op, dest, a, b, c, result_type(a, b, c));
}

Tensor select(const char* op, Dest dest, const Tensor& condition, const Operand& a, const Operand& b,
              ScalarType common) {
  const Operand chosen_by(condition);
  const Operand* const operands[] = {&chosen_by, &a, &b};
  const ScalarType dtypes[] = {kBool, common, common};
  return ternary_into({op, kernels.where}, dest, operands, dtypes, common);
}

Tensor reduce_to(const Tensor& grad, const Dims& sizes) {
  return grad.sizes() == IntArrayRef(sizes) ? grad : grad.sum_to_size(sizes);
}

}  // namespace ember::ops
