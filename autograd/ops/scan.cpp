// Running sums, products, extremes; differences. Gradients of scans are scans from the other end.
#include <ember/autograd/ops/reduce.h>

#include <algorithm>

namespace ember {

namespace ops {
namespace {

// A 0-dimensional tensor as one of sizes [1], unrecorded.
Tensor as_line(const Tensor& t) { return t.dim() == 0 ? detail::alias(t, {1}, {1}, t.storage_offset()) : t; }

Tensor run_scan(ScanKernel& kernel, const Tensor& self, int64_t d, bool reverse) {
  const NoGradGuard unrecorded;
  const Tensor in = self.contiguous();
  Tensor y = detail::empty(in.sizes(), in.dtype(), in.device());
  if (y.numel() != 0) launch(kernel, y.device(), as_line(y), as_line(in), d, reverse);
  return y;
}

// t one further along d, its first element `fill` (its last, with `back`: one back).
Tensor shifted(const Tensor& t, int64_t d, bool back, double fill) {
  const int64_t n = t.size(d);
  Dims edge_sizes(t.sizes());
  edge_sizes[static_cast<size_t>(d)] = 1;
  const Tensor edge = full(edge_sizes, fill, t.options());
  return back ? cat({t.narrow(d, 1, n - 1), edge}, d) : cat({edge, t.narrow(d, 0, n - 1)}, d);
}

// Nothing to scan: a gradient goes through as it is.
bool trivial(const Tensor& t) { return t.dim() == 0 || t.numel() == 0; }

// s[i] = a[i]·s[i − 1] + b[i]; s[i + 1] with `reverse`. Its gradient is one from the other end.
Tensor linear_recurrence(const Tensor& a, const Tensor& b, int64_t d, bool reverse) {
  Tensor s;
  {
    const NoGradGuard unrecorded;
    const Tensor x = a.contiguous(), y = b.contiguous();
    s = detail::empty(b.sizes(), b.dtype(), b.device());
    launch(kernels.linear_recurrence, s.device(), s, x, y, d, reverse);
  }
  if (!recording(a, b)) return s;
  const auto adjoint = [d, reverse](const Tensor& g, const Tensor& a) {
    return linear_recurrence(shifted(a, d, !reverse, 1), g, d, !reverse);
  };
  return record("LinearRecurrenceBackward0", s,
                wrt(a, [a = save(a), s = save_output(s), d, reverse,
                        adjoint](const Tensor& g) { return adjoint(g, a.get()) * shifted(s.get(), d, reverse, 0); }),
                wrt(b, [a = save(a), adjoint](const Tensor& g) { return adjoint(g, a.get()); }));
}

// Σ over k from i on of g[k]·Π of x from the start to k but x[i] = (Π before i)·s[i], s[i] = g[i] + x[i + 1]·s[i + 1].
Tensor cumprod_backward(const Tensor& g, const Tensor& x, int64_t d, bool reverse) {
  if (trivial(x)) return g;
  return cumprod_along("CumprodBackward0", shifted(x, d, reverse, 1), d, reverse) *
         linear_recurrence(shifted(x, d, !reverse, 1), g, d, !reverse);
}

// Σ over k from i on of g[k]·exp(x[i] − y[k]) = exp(x[i] − y[i])·s[i], s[i] = g[i] + exp(y[i] − y[i + 1])·s[i + 1]: no
// exponent is positive, y only grows.
Tensor logcumsumexp_backward(const Tensor& g, const Tensor& x, const Tensor& y, int64_t d) {
  if (x.dim() == 0) return g * exp(x - y);
  if (x.numel() == 0) return g;
  const int64_t n = x.size(d);
  const Tensor steps = exp(y.narrow(d, 0, n - 1) - y.narrow(d, 1, n - 1));
  const Tensor ratios = cat({steps, ones_like(y.narrow(d, 0, 1))}, d);
  return exp(x - y) * linear_recurrence(ratios, g, d, true);
}

struct Accumulated {
  Tensor in;
  int64_t d;
};
// The input of cumsum and cumprod in the dtype of the result: int64 for integers and bool unless another is wanted.
Accumulated accumulated(const char* name, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_defined(name, self);
  const ScalarType result = dtype.value_or(is_integral(self.dtype(), true) ? kInt64 : self.dtype());
  EMBER_CHECK(is_floating(result) || is_integral(result), name, ": expected a numeric dtype, got ", dtype_name(result));
  const int64_t d = wrap_dim(dim, self.dim());
  return {as_dtype_unrecorded(self, result), d};
}

void record_cumsum(const char* node, const Tensor& y, const Tensor& self, int64_t d, bool reverse) {
  if (!recording(self) || !y.is_floating_point()) return;
  record(node, y, wrt(self, [d, reverse, from = self.dtype()](const Tensor& g) {
           return as_dtype(cumsum_along("CumsumBackward0", g, d, !reverse), from);
         }));
}

void record_cumprod(const char* node, const Tensor& y, const Tensor& self, int64_t d, bool reverse) {
  if (!recording(self) || !y.is_floating_point()) return;
  record(node, y, wrt(self, [d, reverse, x = save(self)](const Tensor& g) {
           const Tensor input = x.get();
           return as_dtype(cumprod_backward(g, as_dtype(input, g.dtype()), d, reverse), input.dtype());
         }));
}

using Recorder = void (*)(const char*, const Tensor&, const Tensor&, int64_t, bool);

Tensor& scan_in_place(const char* name, const char* node, ScanKernel& kernel, Recorder record_scan, bool keep_values,
                      const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_defined(name, self);
  EMBER_CHECK(!dtype || *dtype == self.dtype(), name, ": the result would have dtype ", dtype_name(*dtype),
              ", but is to be written to ", describe(self));
  const Accumulated a = accumulated(name, self, dim, self.dtype());
  check_dest(name, self, self.sizes(), self.dtype());
  return in_place(
      name, self,
      [&](Dest dest, const Tensor& old) {
        copy_contents(dest.tensor(), run_scan(kernel, a.in, a.d, false));
        bump_version(dest.tensor());
        record_scan(node, dest.tensor(), old, a.d, false);
      },
      keep_values && self.requires_grad());
}

WithIndices run_arg_scan(const char* name, ArgScanKernel& kernel, const Tensor& self, int64_t d) {
  check_defined(name, self);
  const NoGradGuard unrecorded;
  const Tensor in = self.contiguous();
  WithIndices r{detail::empty(in.sizes(), in.dtype(), in.device()), detail::empty(in.sizes(), kInt64, in.device())};
  if (in.numel() != 0) launch(kernel, in.device(), as_line(r.values), as_line(r.indices), as_line(in), d);
  return r;
}

std::tuple<Tensor, Tensor> arg_scan(const char* name, const char* node, ArgScanKernel& kernel, const Tensor& self,
                                    int64_t dim) {
  check_defined(name, self);
  const int64_t d = wrap_dim(dim, self.dim());
  return record_choice(node, self, run_arg_scan(name, kernel, self, d), d, true);
}

// `t` to be joined to self along d, or nothing.
void check_joined(const Tensor& self, const std::optional<Tensor>& t, int64_t d, const char* argument) {
  if (!t || !t->defined()) return;
  EMBER_CHECK(t->dim() == self.dim(), "diff: ", argument, " ", t->sizes(), " and self ", self.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < self.dim(); ++e) {
    EMBER_CHECK(e == d || t->size(e) == self.size(e), "diff: ", argument, " ", t->sizes(), " and self ", self.sizes(),
                " differ in dimension ", e, ", which is not the one of the differences, ", d);
  }
}

}  // namespace

Tensor cumsum_along(const char* node, const Tensor& self, int64_t d, bool reverse) {
  Tensor y = run_scan(kernels.cumsum, self, d, reverse);
  record_cumsum(node, y, self, d, reverse);
  return y;
}

Tensor cumprod_along(const char* node, const Tensor& self, int64_t d, bool reverse) {
  Tensor y = run_scan(kernels.cumprod, self, d, reverse);
  record_cumprod(node, y, self, d, reverse);
  return y;
}

Tensor product_backward(const Tensor& g, const Tensor& x, int64_t d) {
  if (x.numel() == 0) return zeros_like(x);
  const Tensor before = cumprod_along("CumprodBackward0", shifted(x, d, false, 1), d, false);
  const Tensor after = cumprod_along("CumprodBackward0", shifted(x, d, true, 1), d, true);
  return g * (before * after);
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor cumsum(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  const Accumulated a = accumulated("cumsum", self, dim, dtype);
  Tensor y = run_scan(kernels.cumsum, a.in, a.d, false);
  record_cumsum("CumsumBackward0", y, self, a.d, false);
  return y;
}
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  const Accumulated a = accumulated("cumprod", self, dim, dtype);
  Tensor y = run_scan(kernels.cumprod, a.in, a.d, false);
  record_cumprod("CumprodBackward0", y, self, a.d, false);
  return y;
}
Tensor& Tensor::cumsum_(int64_t dim, std::optional<ScalarType> dtype) const {
  return scan_in_place("cumsum_", "CumsumBackward0", kernels.cumsum, &record_cumsum, false, *this, dim, dtype);
}
Tensor& Tensor::cumprod_(int64_t dim, std::optional<ScalarType> dtype) const {
  return scan_in_place("cumprod_", "CumprodBackward0", kernels.cumprod, &record_cumprod, true, *this, dim, dtype);
}
Tensor logcumsumexp(const Tensor& self, int64_t dim) {
  check_defined("logcumsumexp", self);
  EMBER_CHECK(self.is_floating_point(), "logcumsumexp: expected a floating dtype, got ", describe(self));
  const int64_t d = wrap_dim(dim, self.dim());
  Tensor y = run_scan(kernels.logcumsumexp, self, d, false);
  if (!recording(self)) return y;
  return record("LogcumsumexpBackward0", y, wrt(self, [x = save(self), y = save_output(y), d](const Tensor& g) {
                  return logcumsumexp_backward(g, x.get(), y.get(), d);
                }));
}
std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) {
  return arg_scan("cummax", "CummaxBackward0", kernels.cummax, self, dim);
}
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) {
  return arg_scan("cummin", "CumminBackward0", kernels.cummin, self, dim);
}

Tensor diff(const Tensor& self, int64_t n, int64_t dim, const std::optional<Tensor>& prepend,
            const std::optional<Tensor>& append) {
  check_defined("diff", self);
  EMBER_CHECK(self.dim() > 0, "diff: a 0-dimensional tensor has no differences");
  EMBER_CHECK(n >= 0, "diff: the order must not be negative, got ", n);
  const int64_t d = wrap_dim(dim, self.dim());
  check_joined(self, prepend, d, "prepend");
  check_joined(self, append, d, "append");
  if (n == 0) return self.clone();
  const bool before = prepend && prepend->defined(), after = append && append->defined();
  Tensor y = before && after ? cat({*prepend, self, *append}, d)
             : before        ? cat({*prepend, self}, d)
             : after         ? cat({self, *append}, d)
                             : self;
  const int64_t rounds = std::min(n, y.size(d));
  if (y.size(d) == 0) return y.clone();
  for (int64_t i = 0; i < rounds; ++i) {
    const int64_t left = y.size(d) - 1;
    const Tensor next = y.narrow(d, 1, left), previous = y.narrow(d, 0, left);
    y = y.dtype() == kBool ? next != previous : next - previous;
  }
  return y;
}

Tensor& cumsum_out(Tensor& out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_defined("cumsum", out, "out");
  return out_form("cumsum", out, {&self}, [&] { return cumsum(self, dim, dtype.value_or(out.dtype())); });
}
Tensor& cumprod_out(Tensor& out, const Tensor& self, int64_t dim, std::optional<ScalarType> dtype) {
  check_defined("cumprod", out, "out");
  return out_form("cumprod", out, {&self}, [&] { return cumprod(self, dim, dtype.value_or(out.dtype())); });
}
Tensor& logcumsumexp_out(Tensor& out, const Tensor& self, int64_t dim) {
  return out_exact("logcumsumexp", out, {&self}, [&] { return logcumsumexp(self, dim); });
}
std::tuple<Tensor&, Tensor&> cummax_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t dim) {
  return out_pair("cummax", values, indices, self, [&] { return cummax(self, dim); });
}
std::tuple<Tensor&, Tensor&> cummin_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t dim) {
  return out_pair("cummin", values, indices, self, [&] { return cummin(self, dim); });
}

}  // namespace ember
