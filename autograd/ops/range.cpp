// Evenly spaced values.
#include <cmath>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {

Tensor finished(Tensor t, const TensorOptions& options);  // creation.cpp

namespace {

// How many values arange and range give. `inclusive`: the end may be the last of them.
int64_t count_steps(const char* op, const Scalar& start, const Scalar& end, const Scalar& step, ScalarType dtype,
                    bool inclusive) {
  EMBER_CHECK(dtype != kBool, op, ": not implemented for bool");
  const double a = start.toDouble();
  const double b = end.toDouble();
  const double s = step.toDouble();
  EMBER_CHECK(std::isfinite(a) && std::isfinite(b), op, ": the ends must be finite, got ", a, " and ", b);
  EMBER_CHECK(s != 0 && !std::isnan(s), op, ": the step must not be zero");
  EMBER_CHECK(s > 0 ? b >= a : b <= a, op, ": the step ", step, " does not lead from ", start, " to ", end);
  if (is_integral(dtype)) {
    for (const Scalar* v : {&start, &end, &step}) check_converts(op, *v, kInt64);
  }
  double count = 0;
  if (!start.is_floating_point() && !end.is_floating_point() && !step.is_floating_point()) {
    const bool up = step.toLong() > 0;
    const auto first = static_cast<uint64_t>(start.toLong());
    const auto last = static_cast<uint64_t>(end.toLong());
    const auto by = static_cast<uint64_t>(step.toLong());
    const uint64_t span = up ? last - first : first - last;
    const uint64_t stride = up ? by : 0 - by;
    count = static_cast<double>(span / stride) + (inclusive ? 1 : span % stride != 0 ? 1 : 0);
  } else {
    count = inclusive ? std::floor((b - a) / s) + 1 : std::ceil((b - a) / s);
  }
  EMBER_CHECK(count < 9e18, op, ": ", count, " elements are too many");
  return static_cast<int64_t>(count);
}

// A new vector of n elements that f fills, which gets a contiguous one.
template <class F>
Tensor new_vector(const char* op, int64_t n, ScalarType dtype, const TensorOptions& options, F f) {
  check_layout(op, options);
  EMBER_CHECK(!options.requires_grad() || is_floating(dtype), op, ": only floating tensors can require gradients, got ",
              dtype_name(dtype));
  Tensor t = ember::detail::empty({n}, dtype, options.device());
  if (n != 0) f(t);
  return finished(std::move(t), options);
}

// The same into `out`, which keeps its shape if it has as many elements.
template <class F>
Tensor& vector_out(const char* op, Tensor& out, int64_t n, F f) {
  check_out_unrecorded(op, out, {});
  if (out.numel() != n) {
    resize_output(op, out, {n});
  } else {
    check_dest(op, out, out.sizes(), out.scalar_type());
  }
  if (n != 0) {
    if (out.is_contiguous()) {
      f(ember::detail::alias(out, {n}, {1}, out.storage_offset()));
    } else {
      const Tensor t = ember::detail::empty({n}, out.scalar_type(), out.device());
      f(t);
      copy_contents(out, ember::detail::alias(t, out.sizes(), contiguous_strides(out.sizes()), 0));
    }
  }
  bump_version(out);
  return out;
}

ScalarType arange_dtype(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) {
  const bool floating = start.is_floating_point() || end.is_floating_point() || step.is_floating_point();
  return options.dtype_opt().value_or(floating ? get_default_dtype() : kInt64);
}

auto steps_from(const Scalar& start, const Scalar& step) {
  return [start, step](const Tensor& t) { launch(kernels.arange, t.device(), t, start, step); };
}

void check_linspace(const char* op, const Scalar& start, const Scalar& end, int64_t steps, ScalarType dtype) {
  EMBER_CHECK(steps >= 0, op, ": the number of steps must not be negative, got ", steps);
  EMBER_CHECK(dtype != kBool, op, ": not implemented for bool");
  check_converts(op, start, dtype);
  check_converts(op, end, dtype);
}

// A number given as a tensor.
Scalar number(const char* op, const Tensor& t, const char* argument) {
  check_defined(op, t, argument);
  EMBER_CHECK(t.dim() == 0, op, ": expected a 0-dimensional ", argument, ", got ", describe(t));
  return t.item();
}

auto linspace_between(const Scalar& start, const Scalar& end) {
  return [start, end](const Tensor& t) {
    // The ends are of the result's dtype before anything else.
    const bool integral = is_integral(t.scalar_type());
    launch(kernels.linspace, t.device(), t, integral ? Scalar(start.toLong()) : start,
           integral ? Scalar(end.toLong()) : end);
  };
}

// base to the power of evenly spaced exponents, each half counted from its own end. Computed on the host: these are
// few numbers.
auto powers_between(const Scalar& start, const Scalar& end, double base) {
  return [start, end, base](const Tensor& t) {
    const int64_t n = t.numel();
    const Tensor on_cpu = t.is_cpu() ? t : ember::detail::empty({n}, t.scalar_type(), kCPU);
    visit_dtype<DtypeSet::Numeric>(t.scalar_type(), [&]<class T>() {
      using Step = std::conditional_t<std::is_same_v<T, double>, double, float>;
      T* const p = static_cast<T*>(on_cpu.data_ptr());
      const auto first = static_cast<Step>(start.cast<T>());
      const auto last = static_cast<Step>(end.cast<T>());
      const Step by = n > 1 ? (last - first) / static_cast<Step>(n - 1) : Step(0);
      for (int64_t i = 0; i < n; ++i) {
        const Step x =
            i < n / 2 || n == 1 ? first + by * static_cast<Step>(i) : last - by * static_cast<Step>(n - 1 - i);
        // A base of an integer dtype is as wide as double.
        using Base = std::conditional_t<std::is_integral_v<T>, double, Step>;
        p[i] = Scalar(std::pow(static_cast<Base>(base), static_cast<Base>(x))).cast<T>();
      }
    });
    if (!t.is_cpu()) t.copy_(on_cpu);
  };
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor arange(const Scalar& end, const TensorOptions& options) { return arange(0, end, 1, options); }
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) {
  const ScalarType dtype = arange_dtype(start, end, step, options);
  const int64_t n = count_steps("arange", start, end, step, dtype, false);
  return new_vector("arange", n, dtype, options, steps_from(start, step));
}
Tensor& arange_out(Tensor& out, const Scalar& end) { return arange_out(out, 0, end, 1); }
Tensor& arange_out(Tensor& out, const Scalar& start, const Scalar& end, const Scalar& step) {
  check_defined("arange_out", out, "out");
  const int64_t n = count_steps("arange_out", start, end, step, out.scalar_type(), false);
  return vector_out("arange_out", out, n, steps_from(start, step));
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) {
  const int64_t n = count_steps("range", start, end, step, options.dtype(), true);
  return new_vector("range", n, options.dtype(), options, steps_from(start, step));
}
Tensor range(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return range(start, end, 1, options);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options) {
  check_linspace("linspace", start, end, steps, options.dtype());
  return new_vector("linspace", steps, options.dtype(), options, linspace_between(start, end));
}
Tensor& linspace_out(Tensor& out, const Scalar& start, const Scalar& end, int64_t steps) {
  check_defined("linspace_out", out, "out");
  check_linspace("linspace_out", start, end, steps, out.scalar_type());
  return vector_out("linspace_out", out, steps, linspace_between(start, end));
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, const TensorOptions& options) {
  check_linspace("logspace", start, end, steps, options.dtype());
  return new_vector("logspace", steps, options.dtype(), options, powers_between(start, end, base));
}
Tensor& logspace_out(Tensor& out, const Scalar& start, const Scalar& end, int64_t steps, double base) {
  check_defined("logspace_out", out, "out");
  check_linspace("logspace_out", start, end, steps, out.scalar_type());
  return vector_out("logspace_out", out, steps, powers_between(start, end, base));
}

// ---- ends given as tensors ----

Tensor linspace(const Tensor& start, const Tensor& end, int64_t steps, const TensorOptions& options) {
  return linspace(number("linspace", start, "start"), number("linspace", end, "end"), steps, options);
}
Tensor linspace(const Tensor& start, const Scalar& end, int64_t steps, const TensorOptions& options) {
  return linspace(number("linspace", start, "start"), end, steps, options);
}
Tensor linspace(const Scalar& start, const Tensor& end, int64_t steps, const TensorOptions& options) {
  return linspace(start, number("linspace", end, "end"), steps, options);
}
Tensor& linspace_out(Tensor& out, const Tensor& start, const Tensor& end, int64_t steps) {
  return linspace_out(out, number("linspace_out", start, "start"), number("linspace_out", end, "end"), steps);
}
Tensor& linspace_out(Tensor& out, const Tensor& start, const Scalar& end, int64_t steps) {
  return linspace_out(out, number("linspace_out", start, "start"), end, steps);
}
Tensor& linspace_out(Tensor& out, const Scalar& start, const Tensor& end, int64_t steps) {
  return linspace_out(out, start, number("linspace_out", end, "end"), steps);
}
Tensor logspace(const Tensor& start, const Tensor& end, int64_t steps, double base, const TensorOptions& options) {
  return logspace(number("logspace", start, "start"), number("logspace", end, "end"), steps, base, options);
}
Tensor logspace(const Tensor& start, const Scalar& end, int64_t steps, double base, const TensorOptions& options) {
  return logspace(number("logspace", start, "start"), end, steps, base, options);
}
Tensor logspace(const Scalar& start, const Tensor& end, int64_t steps, double base, const TensorOptions& options) {
  return logspace(start, number("logspace", end, "end"), steps, base, options);
}
Tensor& logspace_out(Tensor& out, const Tensor& start, const Tensor& end, int64_t steps, double base) {
  return logspace_out(out, number("logspace_out", start, "start"), number("logspace_out", end, "end"), steps, base);
}
Tensor& logspace_out(Tensor& out, const Tensor& start, const Scalar& end, int64_t steps, double base) {
  return logspace_out(out, number("logspace_out", start, "start"), end, steps, base);
}
Tensor& logspace_out(Tensor& out, const Scalar& start, const Tensor& end, int64_t steps, double base) {
  return logspace_out(out, start, number("logspace_out", end, "end"), steps, base);
}

}  // namespace ember
