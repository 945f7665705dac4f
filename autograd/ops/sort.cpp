// Sorting and selection along a dimension. The kernels take rows of a contiguous matrix.
#include <ember/autograd/ops/rows.h>

#include <limits>

namespace ember {

namespace ops {

Tensor to_rows(const Tensor& self, int64_t d) {
  const NoGradGuard unrecorded;
  const Tensor t = self.dim() == 0 ? detail::alias(self, {1}, {1}, self.storage_offset()) : self;
  const int64_t n = t.size(d);
  const int64_t rows = reduced_numel(t.sizes(), ~(DimMask{1} << d));
  const Tensor moved = t.transpose(d, -1).contiguous();
  return detail::alias(moved, {rows, n}, {n, 1}, moved.storage_offset());
}

void from_rows(const Tensor& out, const Tensor& rows, int64_t d) {
  if (out.numel() == 0) return;
  if (out.dim() == 0) return copy_contents(out, detail::alias(rows, {}, {}, 0));
  Dims moved(out.sizes());
  std::swap(moved[static_cast<size_t>(d)], moved[moved.size() - 1]);
  const Tensor as_moved = detail::alias(rows, moved, contiguous_strides(moved), 0);
  const NoGradGuard unrecorded;
  copy_contents(out, as_moved.transpose(d, -1));
}

namespace {

// Whether rows of k elements are the result as they lie.
bool lie_as_rows(const Tensor& out, int64_t d) { return out.is_contiguous() && d >= out.dim() - 1; }

// The results, of `sizes`, from kernel(values[R, k], indices[R, k], in[R, n]). `like`: whose strides they get.
template <class F>
WithIndices by_rows(const Tensor& self, int64_t d, IntArrayRef sizes, int64_t k, const Tensor& like, F kernel) {
  WithIndices r{empty_result(sizes, self.dtype(), self.device(), like),
                empty_result(sizes, kInt64, self.device(), like)};
  if (r.values.numel() == 0) return r;
  const Tensor in = to_rows(self, d);
  const int64_t rows = in.size(0);
  if (lie_as_rows(r.values, d)) {
    kernel(detail::alias(r.values, {rows, k}, {k, 1}, 0), detail::alias(r.indices, {rows, k}, {k, 1}, 0), in);
    return r;
  }
  const Tensor values = detail::empty({rows, k}, self.dtype(), self.device());
  const Tensor indices = detail::empty({rows, k}, kInt64, self.device());
  kernel(values, indices, in);
  from_rows(r.values, values, d);
  from_rows(r.indices, indices, d);
  return r;
}

WithIndices sort_along(const char* name, const Tensor& self, int64_t dim, bool descending, int64_t& d) {
  check_defined(name, self);
  d = wrap_dim(dim, self.dim());
  return by_rows(self, d, self.sizes(), self.dim() == 0 ? 1 : self.size(d), self,
                 [&](const Tensor& values, const Tensor& indices, const Tensor& in) {
                   launch(kernels.sort, in.device(), values, indices, in, descending);
                 });
}

std::tuple<Tensor, Tensor> sort_recorded(const char* name, const Tensor& self, int64_t dim, bool descending) {
  int64_t d = 0;
  const WithIndices r = sort_along(name, self, dim, descending, d);
  return record_choice("SortBackward0", self, r, d, true);
}

// One element per line: kthvalue, median, mode. kernel(values[R], indices[R], in[R, n]).
template <class F>
std::tuple<Tensor, Tensor> choose(const char* name, const char* node, const Tensor& self, int64_t dim, bool keepdim,
                                  F kernel) {
  check_defined(name, self);
  const int64_t d = wrap_dim(dim, self.dim());
  const DimMask mask = mask_of(self, d);
  check_not_empty(name, self, mask);
  const Dims sizes = reduced_sizes(self.sizes(), mask, keepdim);
  const WithIndices r{detail::empty(sizes, self.dtype(), self.device()), detail::empty(sizes, kInt64, self.device())};
  const int64_t rows = r.values.numel();
  if (rows != 0) {
    // Rows in the order of the results: the dimension comes last, the others stay in theirs.
    const NoGradGuard unrecorded;
    Dims order;
    for (int64_t e = 0; e < self.dim(); ++e)
      if (e != d) order.push_back(e);
    if (self.dim() > 0) order.push_back(d);
    const int64_t n = self.dim() == 0 ? 1 : self.size(d);
    const Tensor moved = self.permute(order).contiguous();
    const Tensor in = detail::alias(moved, {rows, n}, {n, 1}, moved.storage_offset());
    kernel(detail::alias(r.values, {rows}, {1}, 0), detail::alias(r.indices, {rows}, {1}, 0), in);
  }
  return record_choice(node, self, r, d, keepdim);
}

void check_not_bool(const char* name, const Tensor& self) {
  check_defined(name, self);
  EMBER_CHECK(self.dtype() != kBool, name, ": not implemented for bool, got ", describe(self));
}

std::tuple<Tensor, Tensor> median_along(const char* name, const char* node, const Tensor& self, int64_t dim,
                                        bool keepdim, bool ignore_nan) {
  check_not_bool(name, self);
  return choose(name, node, self, dim, keepdim, [=](const Tensor& values, const Tensor& indices, const Tensor& in) {
    launch(kernels.median, in.device(), values, indices, in, ignore_nan);
  });
}

Tensor median_of_all(const char* name, const char* node, const Tensor& self, bool ignore_nan) {
  check_not_bool(name, self);
  Tensor y;
  {
    const NoGradGuard unrecorded;
    if (self.numel() == 0) {
      y = self.is_floating_point() ? full({}, std::numeric_limits<double>::quiet_NaN(), self.options())
                                   : full({}, std::numeric_limits<int64_t>::min(), self.options());
    } else {
      y = std::get<0>(median_along(name, node, self.reshape({-1}), 0, false, ignore_nan));
    }
  }
  if (!recording(self)) return y;
  return record(node, y, wrt(self, [x = save(self), y = save_output(y)](const Tensor& g) {
                  return share_evenly(g, x.get(), y.get());
                }));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim, bool descending) {
  return sort_recorded("sort", self, dim, descending);
}
// Always stable.
std::tuple<Tensor, Tensor> sort(const Tensor& self, std::optional<bool>, int64_t dim, bool descending) {
  return sort_recorded("sort", self, dim, descending);
}
Tensor argsort(const Tensor& self, int64_t dim, bool descending) { return argsort(self, true, dim, descending); }
Tensor argsort(const Tensor& self, bool, int64_t dim, bool descending) {
  int64_t d = 0;
  return sort_along("argsort", self, dim, descending, d).indices;
}
Tensor msort(const Tensor& self) { return std::get<0>(sort_recorded("msort", self, 0, false)); }

std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim, bool largest, bool sorted) {
  check_not_bool("topk", self);
  const int64_t d = wrap_dim(dim, self.dim());
  const int64_t n = self.dim() == 0 ? 1 : self.size(d);
  EMBER_CHECK(k >= 0 && k <= n, "topk: k = ", k, " is not in [0, ", n, "], the size of dimension ", d, " of ",
              describe(self));
  Dims sizes(self.sizes());
  if (!sizes.empty()) sizes[static_cast<size_t>(d)] = k;
  const int64_t found = self.dim() == 0 ? 1 : k;
  const WithIndices r =
      by_rows(self, d, sizes, found, Tensor(), [&](const Tensor& values, const Tensor& indices, const Tensor& in) {
        launch(kernels.topk, in.device(), values, indices, in, largest, sorted);
      });
  return record_choice("TopkBackward0", self, r, d, true);
}

std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
  check_not_bool("kthvalue", self);
  const int64_t d = wrap_dim(dim, self.dim());
  check_not_empty("kthvalue", self, mask_of(self, d));
  const int64_t n = self.dim() == 0 ? 1 : self.size(d);
  EMBER_CHECK(k >= 1 && k <= n, "kthvalue: k = ", k, " is not in [1, ", n, "], the size of dimension ", d, " of ",
              describe(self));
  return choose("kthvalue", "KthvalueBackward0", self, dim, keepdim,
                [=](const Tensor& values, const Tensor& indices, const Tensor& in) {
                  launch(kernels.kthvalue, in.device(), values, indices, in, k);
                });
}
Tensor median(const Tensor& self) { return median_of_all("median", "MedianBackward0", self, false); }
Tensor nanmedian(const Tensor& self) { return median_of_all("nanmedian", "NanmedianBackward0", self, true); }
std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim) {
  return median_along("median", "MedianBackward1", self, dim, keepdim, false);
}
std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim) {
  return median_along("nanmedian", "NanmedianBackward1", self, dim, keepdim, true);
}
std::tuple<Tensor, Tensor> mode(const Tensor& self, int64_t dim, bool keepdim) {
  return choose("mode", "ModeBackward0", self, dim, keepdim,
                [](const Tensor& values, const Tensor& indices, const Tensor& in) {
                  launch(kernels.mode, in.device(), values, indices, in);
                });
}

std::tuple<Tensor&, Tensor&> sort_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t dim,
                                      bool descending) {
  return out_pair("sort", values, indices, self, [&] { return sort(self, dim, descending); });
}
std::tuple<Tensor&, Tensor&> sort_out(Tensor& values, Tensor& indices, const Tensor& self, std::optional<bool>,
                                      int64_t dim, bool descending) {
  return sort_out(values, indices, self, dim, descending);
}
Tensor& argsort_out(Tensor& out, const Tensor& self, bool stable, int64_t dim, bool descending) {
  return out_exact("argsort", out, {&self}, [&] { return argsort(self, stable, dim, descending); });
}
Tensor& msort_out(Tensor& out, const Tensor& self) {
  return out_exact("msort", out, {&self}, [&] { return msort(self); });
}
std::tuple<Tensor&, Tensor&> topk_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t k, int64_t dim,
                                      bool largest, bool sorted) {
  return out_pair("topk", values, indices, self, [&] { return topk(self, k, dim, largest, sorted); });
}
std::tuple<Tensor&, Tensor&> kthvalue_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t k, int64_t dim,
                                          bool keepdim) {
  return out_pair("kthvalue", values, indices, self, [&] { return kthvalue(self, k, dim, keepdim); });
}
std::tuple<Tensor&, Tensor&> nanmedian_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t dim,
                                           bool keepdim) {
  return out_pair("nanmedian", values, indices, self, [&] { return nanmedian(self, dim, keepdim); });
}
Tensor& nanmedian_out(Tensor& out, const Tensor& self) {
  return out_form("nanmedian", out, {&self}, [&] { return nanmedian(self); });
}
std::tuple<Tensor&, Tensor&> mode_out(Tensor& values, Tensor& indices, const Tensor& self, int64_t dim, bool keepdim) {
  return out_pair("mode", values, indices, self, [&] { return mode(self, dim, keepdim); });
}

}  // namespace ember
