// Selecting and scattering by index tensors.
#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Tensor index_tensor(const char* op, const Tensor& self, const Tensor& index) {
  check_defined(op, self);
  check_defined(op, index, "index");
  check_same_device(op, self, index);
  EMBER_CHECK(index.dtype() == kInt64 || index.dtype() == kInt32, op, ": expected an int64 index, got ",
              describe(index));
  return as_dtype(index, kInt64);
}

Tensor vector_index(const char* op, const Tensor& self, const Tensor& index) {
  const Tensor i = index_tensor(op, self, index);
  EMBER_CHECK(i.dim() <= 1, op, ": expected an index with at most 1 dimension, got ", describe(index));
  return i.reshape({-1}).contiguous();
}

// A 0-dimensional tensor is indexed as one of sizes [1].
Tensor at_least_1d(const Tensor& t) { return t.dim() == 0 ? t.view({1}) : t; }

void check_gather_shapes(const char* op, const Tensor& self, const Tensor& index, int64_t d) {
  EMBER_CHECK(index.dim() == self.dim(), op, ": index ", index.sizes(), " and self ", self.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < self.dim(); ++e) {
    EMBER_CHECK(e == d || index.size(e) <= self.size(e), op, ": index ", index.sizes(), " is larger than self ",
                self.sizes(), " in dimension ", e, ", which is not the one indexed, ", d);
  }
}

void check_scatter_shapes(const char* op, const Tensor& self, const Tensor& index, const Tensor& src, int64_t d) {
  check_gather_shapes(op, self, index, d);
  EMBER_CHECK(src.dim() == index.dim(), op, ": index ", index.sizes(), " and src ", src.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < src.dim(); ++e) {
    EMBER_CHECK(index.size(e) <= src.size(e), op, ": index ", index.sizes(), " is larger than src ", src.sizes(),
                " in dimension ", e);
  }
}

// The part of src that index covers.
Tensor covered(const Tensor& src, const Tensor& index) {
  Tensor part = src;
  for (int64_t e = 0; e < src.dim(); ++e) {
    if (index.size(e) != src.size(e)) part = part.narrow(e, 0, index.size(e));
  }
  return part;
}

void check_source(const char* op, const Tensor& self, const Tensor& src) {
  check_defined(op, src, "source");
  check_same_device(op, self, src);
  EMBER_CHECK(src.dtype() == self.dtype(), op, ": expected a source of dtype ", dtype_name(self.dtype()), ", got ",
              describe(src));
}

void check_index_add(const char* op, const Tensor& self, int64_t d, const Tensor& index, const Tensor& source) {
  EMBER_CHECK(source.dim() == self.dim() || (self.dim() == 0 && source.dim() <= 1), op, ": source ", source.sizes(),
              " and self ", self.sizes(), " must have as many dimensions");
  for (int64_t e = 0; e < source.dim(); ++e) {
    const int64_t expected = e == d ? index.numel() : self.size(e);
    EMBER_CHECK(source.size(e) == expected, op, ": source ", source.sizes(), " has size ", source.size(e),
                " in dimension ", e, ", expected ", expected);
  }
}

// self with source added at the index, in place.
void run_index_add(const Tensor& self, int64_t d, const Tensor& index, const Tensor& source) {
  if (source.numel() == 0) return;
  launch(kernels.index_add, self.device(), at_least_1d(self), d, index, at_least_1d(without_overlap(source, self)));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  const Tensor i = vector_index("index_select", self, index);
  const int64_t d = wrap_dim(dim, self.dim());
  EMBER_CHECK(self.dim() > 0 || i.numel() == 1, "index_select: a 0-dimensional tensor takes one index, got ",
              describe(index));
  Dims sizes = self.dim() == 0 ? Dims{1} : Dims(self.sizes());
  sizes[static_cast<size_t>(d)] = i.numel();
  Tensor y = detail::empty(sizes, self.dtype(), self.device());
  {
    const NoGradGuard unrecorded;
    if (y.numel() != 0) launch(kernels.index_select, self.device(), y, at_least_1d(self), d, i);
    if (self.dim() == 0) y = detail::alias(y, {}, {}, 0);
  }
  if (!recording(self)) return y;
  return record("IndexSelectBackward0", y, wrt(self, [sizes = Dims(self.sizes()), d, i = save(i)](const Tensor& g) {
                  return zeros(sizes, g.options()).index_add(d, i.get(), g);
                }));
}

Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
  check_defined("index_add", self);
  return self.clone().index_add_(dim, index, source, alpha);
}
Tensor& Tensor::index_add_(int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) const {
  const Tensor i = vector_index("index_add_", *this, index);
  check_source("index_add_", *this, source);
  const int64_t d = wrap_dim(dim, this->dim());
  check_index_add("index_add_", *this, d, i, source);
  check_dest("index_add_", *this, sizes(), dtype());
  EMBER_CHECK(!alpha.is_floating_point() || is_floating_point(), "index_add_: alpha = ", alpha,
              " needs a floating tensor");
  return in_place("index_add_", *this, [&](Dest dest, const Tensor& old) {
    {
      const NoGradGuard unrecorded;
      run_index_add(dest.tensor(), d, i, alpha.equal(1) ? source : source * alpha);
    }
    bump_version(dest.tensor());
    if (!recording(old, source)) return;
    record("IndexAddBackward0", dest.tensor(), wrt(old, [](const Tensor& g) { return g; }),
           wrt(source, [d, i = save(i), alpha, sizes = Dims(source.sizes())](const Tensor& g) {
             const Tensor picked = g.index_select(d, i.get()).view(sizes);
             return alpha.equal(1) ? picked : picked * alpha;
           }));
  });
}

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool) {
  const Tensor i = index_tensor("gather", self, index);
  const int64_t d = wrap_dim(dim, self.dim());
  if (i.numel() != 0) check_gather_shapes("gather", self, i, d);
  const Tensor y = detail::empty(i.sizes(), self.dtype(), self.device());
  if (y.numel() != 0) {
    const NoGradGuard unrecorded;
    launch(kernels.gather, self.device(), at_least_1d(y), at_least_1d(self), d, at_least_1d(i));
  }
  if (!recording(self)) return y;
  return record("GatherBackward0", y, wrt(self, [sizes = Dims(self.sizes()), d, i = save(i)](const Tensor& g) {
                  return zeros(sizes, g.options()).scatter_add(d, i.get(), g);
                }));
}

Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  check_defined("scatter_add", self);
  return self.clone().scatter_add_(dim, index, src);
}
Tensor& Tensor::scatter_add_(int64_t dim, const Tensor& index, const Tensor& src) const {
  const Tensor i = index_tensor("scatter_add_", *this, index);
  check_source("scatter_add_", *this, src);
  const int64_t d = wrap_dim(dim, this->dim());
  if (i.numel() != 0) check_scatter_shapes("scatter_add_", *this, i, src, d);
  check_dest("scatter_add_", *this, sizes(), dtype());
  return in_place("scatter_add_", *this, [&](Dest dest, const Tensor& old) {
    if (i.numel() != 0) {
      const NoGradGuard unrecorded;
      launch(kernels.scatter_add, device(), at_least_1d(dest.tensor()), d, at_least_1d(i),
             at_least_1d(covered(without_overlap(src, dest.tensor()), i)));
    }
    bump_version(dest.tensor());
    if (!recording(old, src)) return;
    record("ScatterAddBackward0", dest.tensor(), wrt(old, [](const Tensor& g) { return g; }),
           wrt(src, [d, i = save(i), sizes = Dims(src.sizes())](const Tensor& g) {
             const Tensor index = i.get();
             Tensor picked = g.gather(d, index);
             if (index.sizes() == IntArrayRef(sizes)) return picked;
             return embed("SliceBackward0", picked, sizes, [shape = Dims(index.sizes())](const Tensor& z) {
               Tensor part = z;
               for (int64_t e = 0; e < z.dim(); ++e) part = part.narrow(e, 0, shape[static_cast<size_t>(e)]);
               return part;
             });
           }));
  });
}

}  // namespace ember
