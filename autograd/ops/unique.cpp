// Unique elements, runs and slices: a sort, marks where something new begins, and sums of the marks.
#include <ember/autograd/ops/rows.h>

namespace ember {

namespace ops {
namespace {

using Unique = std::tuple<Tensor, Tensor, Tensor>;

Tensor no_indices(const Tensor& self) { return detail::empty({0}, kInt64, self.device()); }

// From a non-empty sequence: `is_new`[n − 1], bool, says of every element but the first whether it begins something.
struct Runs {
  Tensor ids;     // [n], int64: which run an element is of
  Tensor starts;  // [runs]
  Tensor counts;  // [runs]
};
Runs runs_of(const Tensor& is_new, int64_t n, Device device) {
  Runs r;
  const Tensor first = zeros({1}, TensorOptions(kInt64).device(device));
  r.ids = n == 1 ? first : cat({first, is_new.to(kInt64)}, 0).cumsum(0);
  const int64_t runs = r.ids.select(0, n - 1).item().toLong() + 1;
  r.counts = zeros({runs}, r.ids.options()).index_add_(0, r.ids, ones({n}, r.ids.options()));
  r.starts = r.counts.cumsum(0) - r.counts;
  return r;
}

// `order`, undefined for none, is where the elements of the sequence come from: the place of each goes back there.
Tensor inverse_of(const Runs& runs, const Tensor& order, IntArrayRef sizes) {
  if (!order.defined()) return runs.ids.reshape(sizes);
  return zeros_like(runs.ids).scatter_add_(0, order, runs.ids).reshape(sizes);
}

// What has no gradient here requires none, but says so when one is asked for.
Tensor without_gradient(const char* name, const char* node, const Tensor& y, const Tensor& self) {
  if (!recording(self) || !y.is_floating_point()) return y;
  return record(node, y, wrt(self, [name](const Tensor&) -> Tensor {
                  throw NotImplementedError(ember::detail::concat(name, ": the gradient is not implemented"));
                }));
}

Unique unique_elements(const char* name, const char* node, const Tensor& self, bool consecutive, bool inverse,
                       bool counts) {
  check_defined(name, self);
  Unique r{detail::empty({0}, self.dtype(), self.device()), no_indices(self), no_indices(self)};
  {
    const NoGradGuard unrecorded;
    const int64_t n = self.numel();
    Tensor flat = self.reshape({-1}).contiguous();
    if (n != 0) {
      Tensor order;
      if (!consecutive) {
        const Tensor sorted = detail::empty({1, n}, flat.dtype(), flat.device());
        const Tensor indices = detail::empty({1, n}, kInt64, flat.device());
        launch(kernels.sort, flat.device(), sorted, indices, detail::alias(flat, {1, n}, {n, 1}, flat.storage_offset()),
               false);
        flat = sorted.view({n});
        order = indices.view({n});
      }
      const Runs runs = runs_of(flat.narrow(0, 1, n - 1) != flat.narrow(0, 0, n - 1), n, self.device());
      std::get<0>(r) = flat.index_select(0, runs.starts);
      if (inverse) std::get<1>(r) = inverse_of(runs, order, self.sizes());
      if (counts) std::get<2>(r) = runs.counts;
    } else if (inverse) {
      std::get<1>(r) = detail::empty(self.sizes(), kInt64, self.device());
    }
  }
  without_gradient(name, node, std::get<0>(r), self);
  return r;
}

// Slices along a dimension; the inverse and the counts come unasked for, as they do in PyTorch.
Unique unique_slices(const char* name, const char* node, const Tensor& self, int64_t dim, bool consecutive) {
  check_defined(name, self);
  EMBER_CHECK_INDEX(self.dim() > 0, name, ": a 0-dimensional tensor has no dimension ", dim);
  const int64_t d = wrap_dim(dim, self.dim());
  const int64_t n = self.size(d);
  for (int64_t e = 0; e < self.dim(); ++e) {
    EMBER_CHECK(e == d || self.size(e) != 0, name, ": slices of no elements cannot be told apart; got ",
                describe(self));
  }
  Unique r{self.detach().clone(), no_indices(self), no_indices(self)};
  if (n != 0) {
    const NoGradGuard unrecorded;
    Dims there;
    there.push_back(d);
    for (int64_t e = 0; e < self.dim(); ++e)
      if (e != d) there.push_back(e);
    Dims back(there.size());
    for (size_t e = 0; e < there.size(); ++e) back[static_cast<size_t>(there[e])] = static_cast<int64_t>(e);
    const Tensor slices = self.permute(there).contiguous();
    const int64_t width = slices.numel() / n;
    Tensor rows = slices.view({n, width});
    Tensor order;
    if (!consecutive) {
      order = detail::empty({n}, kInt64, self.device());
      launch(kernels.sort_rows, self.device(), order, rows);
      rows = rows.index_select(0, order);
    }
    const Tensor differ = rows.narrow(0, 1, n - 1) != rows.narrow(0, 0, n - 1);
    const Runs runs = runs_of(ember::any(differ, 1), n, self.device());
    Dims sizes(slices.sizes());
    sizes[0] = runs.starts.numel();
    std::get<0>(r) = rows.index_select(0, runs.starts).view(sizes).permute(back);
    std::get<1>(r) = inverse_of(runs, order, {n});
    std::get<2>(r) = runs.counts;
  }
  without_gradient(name, node, std::get<0>(r), self);
  return r;
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

std::tuple<Tensor, Tensor> _unique(const Tensor& self, bool, bool return_inverse) {
  Unique r = unique_elements("_unique", "UniqueBackward0", self, false, return_inverse, false);
  return {std::get<0>(r), std::get<1>(r)};
}
std::tuple<Tensor, Tensor, Tensor> _unique2(const Tensor& self, bool, bool return_inverse, bool return_counts) {
  return unique_elements("_unique2", "Unique2Backward0", self, false, return_inverse, return_counts);
}
std::tuple<Tensor, Tensor, Tensor> unique_dim(const Tensor& self, int64_t dim, bool, bool, bool) {
  return unique_slices("unique_dim", "UniqueDimBackward0", self, dim, false);
}
std::tuple<Tensor, Tensor, Tensor> unique_consecutive(const Tensor& self, bool return_inverse, bool return_counts,
                                                      std::optional<int64_t> dim) {
  check_defined("unique_consecutive", self);
  // The slices of one dimension are its elements.
  if (dim && (self.dim() != 1 || wrap_dim(*dim, 1) != 0)) {
    return unique_slices("unique_consecutive", "UniqueConsecutiveBackward0", self, *dim, true);
  }
  return unique_elements("unique_consecutive", "UniqueConsecutiveBackward0", self, true, return_inverse, return_counts);
}
std::tuple<Tensor, Tensor, Tensor> unique_dim_consecutive(const Tensor& self, int64_t dim, bool, bool) {
  return unique_slices("unique_dim_consecutive", "UniqueDimConsecutiveBackward0", self, dim, true);
}

}  // namespace ember
