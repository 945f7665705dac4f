// clamp and its forms with one bound; bounds are numbers or tensors.
#include <cmath>
#include <limits>

#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// ---- bounds that are numbers ----

using Bound = std::optional<Scalar>;

struct Names {
  const char* op;
  const char* node;
};
constexpr Names kClamp{"clamp", "ClampBackward1"};
constexpr Names kClampMin{"clamp_min", "ClampMinBackward0"};
constexpr Names kClampMax{"clamp_max", "ClampMaxBackward0"};

Tensor clamp_backward(const Tensor& g, const Tensor& x, const Params& range) {
  const Tensor r = binary({"clamp_backward", kernels.clamp_backward, range}, Dest(), g, x);
  if (!recording(g)) return r;
  return record("ClampBackwardBackward0", r,
                wrt(g, [x = save(x), range](const Tensor& gg) { return clamp_backward(gg, x.get(), range); }));
}

// An integer bound outside of the dtype bounds nothing, or leaves nothing, which is an error.
Scalar bound_within(const Names& names, const Scalar& bound, ScalarType dtype, bool is_min) {
  if (is_floating(dtype)) {
    check_fits(names.op, bound, dtype);
    return bound;
  }
  return visit_dtype<DtypeSet::Numeric>(dtype, [&]<class T>() -> Scalar {
    if constexpr (std::is_integral_v<T>) {
      const int64_t b = bound.toLong(), lowest = std::numeric_limits<T>::min(), highest = std::numeric_limits<T>::max();
      EMBER_CHECK(is_min ? b <= highest : b >= lowest, names.op, ": the bound ", bound, " leaves no number of dtype ",
                  dtype_name(dtype));
      return b < lowest ? lowest : b > highest ? highest : b;
    } else {
      return bound;
    }
  });
}

bool is_nan(const Bound& bound) { return bound && std::isnan(bound->toDouble()); }

Tensor clamp_to(const Names& names, Dest dest, const Tensor& x, const Bound& min, const Bound& max) {
  check_defined(names.op, x);
  EMBER_CHECK(min || max, names.op, ": expected a minimum, a maximum or both");
  // A floating bound makes an integral result floating.
  ScalarType common = x.dtype();
  if (min) common = promote_types(common, result_type(x, *min));
  if (max) common = promote_types(common, result_type(x, *max));
  EMBER_CHECK(common != kBool, names.op, ": not implemented for bool");
  const Tensor in = as_dtype_unrecorded(x, common);
  Tensor y;
  if (is_nan(min) || is_nan(max)) {  // makes every element one
    y = binary({names.op, kernels.add}, dest, in, Scalar(std::numeric_limits<double>::quiet_NaN()));
  } else {
    const Scalar low = min ? bound_within(names, *min, common, true) : Scalar();
    const Scalar high = max ? bound_within(names, *max, common, false) : Scalar();
    y = unary(min && max ? Elementwise{names.op, kernels.clamp, {low, high}}
              : min      ? Elementwise{names.op, kernels.clamp_min, {low, {}}}
                         : Elementwise{names.op, kernels.clamp_max, {high, {}}},
              dest, in);
  }
  if (!recording(x)) return y;
  const auto bound = [](const Bound& b) { return b ? Scalar(b->toDouble()) : Scalar(false); };
  const Params range{bound(min), bound(max)};
  return record(names.node, y,
                wrt(x, [x = save(x), range](const Tensor& g) { return clamp_backward(g, x.get(), range); }));
}

// ---- bounds that are tensors ----

Tensor clamp_one_to(const char* op, const char* node, bool is_min, Dest dest, const Tensor& x, const Tensor& bound) {
  check_defined(op, x);
  check_defined(op, bound, is_min ? "min" : "max");
  const Tensor y = binary({op, is_min ? kernels.maximum : kernels.minimum}, dest, x, bound);
  const auto share = [is_min](const Tensor& g, const Tensor& mine, const Tensor& other) {
    return masked_fill(where(mine == other, g * 0.5, g), is_min ? mine < other : mine > other, 0);
  };
  return record_pair(node, y, x, bound, share,
                     [share](const Tensor& g, const Tensor& u, const Tensor& v) { return share(g, v, u); });
}

// The part of the gradient that each operand gets: an element at a bound shares it with the bound.
struct Shares {
  Tensor x, min, max;
  Shares(const Tensor& v, const Tensor& low, const Tensor& high) : x(v), min(low), max(high) {}
  Tensor proper() const { return min < max; }
  Tensor inverted() const { return min > max; }
  Tensor of_x(const Tensor& g) const {
    const Tensor shared = logical_and(logical_or(x == min, x == max), proper());
    return masked_fill(where(shared, g * 0.5, g), logical_or(logical_or(x<min, x> max), inverted()), 0);
  }
  Tensor of_min(const Tensor& g) const {
    const Tensor shared = logical_and(x == min, proper());
    return where(logical_and(x < min, min <= max), g, where(shared, g * 0.5, 0));
  }
  Tensor of_max(const Tensor& g) const {
    const Tensor shared = logical_and(x == max, proper());
    return where(logical_or(x > max, inverted()), g, where(shared, g * 0.5, 0));
  }
};

Tensor clamp_both_to(Dest dest, const Tensor& x, const Tensor& min, const Tensor& max) {
  check_defined("clamp", x);
  check_defined("clamp", min, "min");
  check_defined("clamp", max, "max");
  EMBER_CHECK(result_type(x, min, max) != kBool, "clamp: not implemented for bool");
  Tensor y = ternary({"clamp", kernels.clamp_between}, dest, x, min, max);
  if (!recording(x, min, max)) return y;
  const auto part = [&](const Tensor& of, auto share) {
    const bool wanted = of.requires_grad();
    return wrt(of, [undo = Undo(of, y), x = save_if(wanted, x), min = save_if(wanted, min), max = save_if(wanted, max),
                    share](const Tensor& g) { return undo((Shares(x.get(), min.get(), max.get()).*share)(g)); });
  };
  return record("ClampBackward0", y, part(x, &Shares::of_x), part(min, &Shares::of_min), part(max, &Shares::of_max));
}

using BoundTensor = std::optional<Tensor>;
bool is_given(const BoundTensor& t) { return t && t->defined(); }

Tensor clamp_to(Dest dest, const Tensor& x, const BoundTensor& min, const BoundTensor& max) {
  check_defined("clamp", x);
  EMBER_CHECK(is_given(min) || is_given(max), "clamp: expected a minimum, a maximum or both");
  if (!is_given(max)) return clamp_one_to("clamp", "ClampBackward0", true, dest, x, *min);
  if (!is_given(min)) return clamp_one_to("clamp", "ClampBackward0", false, dest, x, *max);
  return clamp_both_to(dest, x, *min, *max);
}

Tensor clamp_to(Dest dest, const Tensor& x, const Bound& min, const Bound& max) {
  return clamp_to(kClamp, dest, x, min, max);
}
Tensor clamp_min_to(Dest dest, const Tensor& x, const Scalar& min) { return clamp_to(kClampMin, dest, x, min, {}); }
Tensor clamp_max_to(Dest dest, const Tensor& x, const Scalar& max) { return clamp_to(kClampMax, dest, x, {}, max); }
Tensor clamp_min_to(Dest dest, const Tensor& x, const Tensor& min) {
  return clamp_one_to("clamp_min", "ClampMinBackward1", true, dest, x, min);
}
Tensor clamp_max_to(Dest dest, const Tensor& x, const Tensor& max) {
  return clamp_one_to("clamp_max", "ClampMaxBackward1", false, dest, x, max);
}

bool bound_wants_gradient(const Bound&) { return false; }
bool bound_wants_gradient(const BoundTensor& t) { return t && wants_gradient(*t); }
const Tensor* bound_input(const Bound&) { return &no_tensor; }
const Tensor* bound_input(const BoundTensor& t) { return t ? &*t : &no_tensor; }

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

#define EMBER_CLAMP(Type) \
  Tensor clamp(const Tensor& self, const std::optional<Type>& min, const std::optional<Type>& max) { \
    return clamp_to({}, self, min, max); \
  } \
  Tensor& clamp_out(Tensor& out, const Tensor& self, const std::optional<Type>& min, const std::optional<Type>& max) { \
    return out_elementwise("clamp", out, {&self, bound_input(min), bound_input(max)}, \
                           [&](Dest dest) { clamp_to(dest, self, min, max); }); \
  } \
  Tensor& Tensor::clamp_(const std::optional<Type>& min, const std::optional<Type>& max) const { \
    check_defined("clamp_", *this); \
    return in_place( \
        "clamp_", *this, [&](Dest dest, const Tensor& x) { clamp_to(dest, x, min, max); }, \
        requires_grad() || bound_wants_gradient(min) || bound_wants_gradient(max)); \
  }
EMBER_CLAMP(Scalar)
EMBER_CLAMP(Tensor)
#undef EMBER_CLAMP

EMBER_BINARY_FUNCTION(clamp_min, Tensor, Tensor)
EMBER_BINARY_FUNCTION(clamp_min, Tensor, Scalar)
EMBER_BINARY_IN_PLACE(clamp_min, Tensor)
EMBER_BINARY_IN_PLACE(clamp_min, Scalar)
EMBER_BINARY_FUNCTION(clamp_max, Tensor, Tensor)
EMBER_BINARY_FUNCTION(clamp_max, Tensor, Scalar)
EMBER_BINARY_IN_PLACE(clamp_max, Tensor)
EMBER_BINARY_IN_PLACE(clamp_max, Scalar)

}  // namespace ember
