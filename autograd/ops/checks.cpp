// What operations check before they begin, and what they say when it does not hold.
#include <cmath>
#include <limits>

#include <ember/autograd/ops/common.h>

namespace ember::ops {

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
