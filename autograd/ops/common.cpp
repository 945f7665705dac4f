#include <ember/autograd/ops/common.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ember::ops {

Dims format_strides(IntArrayRef sizes, MemoryFormat format) { return ember::detail::format_strides(sizes, format); }

void check_layout(const char* op, const TensorOptions& options) {
  if (options.layout() == Layout::Strided) return;
  throw NotImplementedError(
      ember::detail::concat(op, ": only strided tensors are implemented, not ", options.layout()));
}

void throw_undefined(const char* op, const char* argument) {
  EMBER_CHECK(false, op, ": argument '", argument, "' is an undefined tensor");
}

void check_same_device(const char* op, const Tensor& a, const Tensor& b) {
  EMBER_CHECK(a.device() == b.device(), op, ": expected all tensors on one device, got ", describe(a), " and ",
              describe(b));
}

namespace {

ScalarType category_dtype(const Operand& o) {
  if (!o.is_scalar()) return o.tensor().dtype();
  if (o.scalar().is_floating_point()) return get_default_dtype();
  return o.scalar().is_integral() ? kInt64 : kBool;
}

int priority(const Operand& o) {  // which group decides
  if (o.is_scalar()) return 0;
  return o.tensor().dim() == 0 ? 1 : 2;
}

int category(ScalarType t) { return is_floating(t) ? 2 : t == kBool ? 0 : 1; }

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

ScalarType result_type(const Operand& a, const Operand& b) {
  const int pa = priority(a);
  const int pb = priority(b);
  ScalarType ta = category_dtype(a);
  ScalarType tb = category_dtype(b);
  if (pa == pb) return promote_types(ta, tb);
  if (pa < pb) std::swap(ta, tb);
  return category(tb) > category(ta) ? promote_types(ta, tb) : ta;
}

ScalarType result_type(const Operand& a, const Operand& b, const Operand& c) {
  // Within a group of one priority all are promoted; then from the highest group down.
  ScalarType groups[3] = {ScalarType::Undefined, ScalarType::Undefined, ScalarType::Undefined};
  for (const Operand* o : {&a, &b, &c}) {
    ScalarType& group = groups[priority(*o)];
    const ScalarType t = category_dtype(*o);
    group = group == ScalarType::Undefined ? t : promote_types(group, t);
  }
  ScalarType result = ScalarType::Undefined;
  for (int p = 2; p >= 0; --p) {
    if (groups[p] == ScalarType::Undefined) continue;
    if (result == ScalarType::Undefined) {
      result = groups[p];
    } else if (category(groups[p]) > category(result)) {
      result = promote_types(result, groups[p]);
    }
  }
  return result;
}

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

namespace {
template <class T>
bool fits(const Scalar& value) {
  if constexpr (is_floating_v<T>) {
    constexpr double largest = std::is_same_v<T, Half>       ? 65504
                               : std::is_same_v<T, BFloat16> ? 3.3895313892515355e38
                               : std::is_same_v<T, float>    ? double(std::numeric_limits<float>::max())
                                                             : std::numeric_limits<double>::max();
    const double v = value.toDouble();
    return !(std::fabs(v) > largest) || std::isinf(v);
  } else if constexpr (std::is_same_v<T, bool>) {
    return true;
  } else {
    constexpr auto largest = std::numeric_limits<T>::max();
    constexpr auto lowest = std::is_signed_v<T> ? std::numeric_limits<T>::min() : -static_cast<int64_t>(largest);
    if (!value.is_floating_point()) return value.toLong() >= lowest && value.toLong() <= largest;
    const double v = value.toDouble();
    return v >= static_cast<double>(lowest) && v < static_cast<double>(largest) + 1;
  }
}
}  // namespace

void check_fits(const char* op, const Scalar& value, ScalarType dtype) {
  EMBER_CHECK(visit_dtype(dtype, [&]<class T>() { return fits<T>(value); }), op, ": the number ", value,
              " is out of the range of ", dtype_name(dtype));
}

void check_dest(const char* op, const Tensor& dest, IntArrayRef sizes, ScalarType dtype) {
  EMBER_CHECK(dest.sizes() == sizes, op, ": a result of sizes ", sizes, " cannot be written to ", describe(dest));
  EMBER_CHECK(can_cast(dtype, dest.dtype()), op, ": a result of dtype ", dtype_name(dtype), " cannot be written to ",
              describe(dest));
  for (int64_t d = 0; d < dest.dim(); ++d) {
    const auto i = static_cast<size_t>(d);
    EMBER_CHECK(dest.strides()[i] != 0 || dest.sizes()[i] <= 1 || dest.numel() == 0, op, ": several elements of ",
                describe(dest), " with strides ", dest.strides(),
                " share one place in memory; clone() it before writing to it");
  }
}

namespace {
// First and one past the last byte of a view.
std::pair<const char*, const char*> byte_range(const Tensor& t) {
  const auto* begin = static_cast<const char*>(t.data_ptr());
  return {begin, begin + view_extent(t.sizes(), t.strides()) * static_cast<int64_t>(t.element_size())};
}
}  // namespace

Tensor without_overlap(const Tensor& input, const Tensor& dest) {
  if (!input.storage().is_alias_of(dest.storage()) || input.numel() == 0 || dest.numel() == 0) return input;
  if (input.data_ptr() == dest.data_ptr() && input.sizes() == dest.sizes() && input.strides() == dest.strides() &&
      input.dtype() == dest.dtype()) {
    return input;
  }
  const auto a = byte_range(input);
  const auto b = byte_range(dest);
  if (a.second <= b.first || b.second <= a.first) return input;
  EMBER_CHECK(!is_non_overlapping_and_dense(input.sizes(), input.strides()) ||
                  !is_non_overlapping_and_dense(dest.sizes(), dest.strides()),
              "an input, ", describe(input), ", overlaps the tensor that is written to, ", describe(dest),
              ", in part; clone() one of them");
  const NoGradGuard unrecorded;
  return input.clone();
}

void check_converts(const char* op, const Scalar& value, ScalarType dtype) {
  if (value.is_boolean() || dtype == kBool) return;
  bool fits = true;
  if (value.is_floating_point()) {
    const double v = value.toDouble();
    if (dtype == kFloat32) {
      fits = !std::isfinite(v) || std::fabs(v) <= std::numeric_limits<float>::max();
    } else if (is_integral(dtype)) {
      const double above = std::ldexp(1.0, static_cast<int>(element_size(dtype)) * 8 - (dtype == kUInt8 ? 0 : 1));
      fits = v >= (dtype == kUInt8 ? 0.0 : -above) && v < above;
    }
  } else if (is_integral(dtype) && dtype != kInt64) {
    const int64_t above = int64_t{1} << (element_size(dtype) * 8 - (dtype == kUInt8 ? 0 : 1));
    fits = value.toLong() >= (dtype == kUInt8 ? 1 - above : -above) && value.toLong() < above;
  }
  EMBER_CHECK(fits, op, ": the value ", value, " does not fit into ", dtype_name(dtype));
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
}  // namespace

namespace {
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
    if (!x->is_contiguous() || category(x->dtype()) < category(b.scalar().type()) || !dense_dest(dest, *x))
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

void resize_output(const char* op, const Tensor& out, IntArrayRef sizes) {
  if (out.sizes() == sizes) return;
  EMBER_CHECK(out.defined(), op, ": out is an undefined tensor");
  resize_contents(op, out, sizes);
}

void check_out_unrecorded(const char* op, const Tensor& out, std::initializer_list<const Tensor*> inputs) {
  check_inference(op, out);
  if (!autograd::recording_enabled()) return;
  bool any = out.requires_grad();
  for (const Tensor* t : inputs) any |= t->defined() && t->requires_grad();
  EMBER_CHECK(!any, op,
              "_out: an operation with a tensor for its result has no gradient, and an argument requires one");
}

DimMask dim_mask(const char* op, IntArrayRef dims, int64_t rank) {
  if (dims.empty()) return rank == 0 ? 0 : (DimMask{1} << rank) - 1;
  DimMask mask = 0;
  for (const int64_t d : dims) {
    const int64_t wrapped = wrap_dim(d, rank);
    const DimMask bit = DimMask{1} << wrapped;
    EMBER_CHECK((mask & bit) == 0, op, ": dimension ", wrapped, " appears twice in ", dims);
    mask |= bit;
  }
  return rank == 0 ? 0 : mask;
}

Dims reduced_sizes(IntArrayRef sizes, DimMask mask, bool keepdim) {
  Dims out;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if ((mask >> d & 1u) == 0) {
      out.push_back(sizes[d]);
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return out;
}

}  // namespace ember::ops

namespace ember {

ScalarType result_type(const Tensor& tensor, const Tensor& other) {
  ops::check_defined("result_type", tensor, "tensor");
  ops::check_defined("result_type", other, "other");
  return ops::result_type(ops::Operand(tensor), ops::Operand(other));
}
ScalarType result_type(const Tensor& tensor, const Scalar& other) {
  ops::check_defined("result_type", tensor, "tensor");
  return ops::result_type(ops::Operand(tensor), ops::Operand(other));
}
ScalarType result_type(const Scalar& scalar, const Tensor& tensor) { return result_type(tensor, scalar); }
ScalarType result_type(const Scalar& scalar1, const Scalar& scalar2) {
  return ops::result_type(ops::Operand(scalar1), ops::Operand(scalar2));
}

}  // namespace ember
