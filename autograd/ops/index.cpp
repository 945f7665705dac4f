// Selecting, adding, filling and copying along one dimension by a vector of indices.
#include <ember/autograd/ops/index_common.h>

namespace ember {

namespace ops {
namespace {

void check_index_add(const char* op, const Tensor& self, int64_t d, const Tensor& index, const Tensor& source) {
  EMBER_CHECK(source.dim() == self.dim(), op, ": source ", source.sizes(), " and self ", self.sizes(),
              " must have as many dimensions");
  for (int64_t e = 0; e < source.dim(); ++e) {
    const int64_t expected = e == d ? index.numel() : self.size(e);
    EMBER_CHECK(source.size(e) == expected, op, ": source ", source.sizes(), " has size ", source.size(e),
                " in dimension ", e, ", expected ", expected);
  }
  EMBER_CHECK(self.dim() > 0 || index.numel() == 1, op, ": a 0-dimensional tensor takes one index, got ",
              describe(index));
}

// A 0-dimensional source or self counts as one of sizes [1]; else they agree but in the dimension indexed.
void check_index_copy(const char* op, const Tensor& self, int64_t d, const Tensor& index, const Tensor& source) {
  const int64_t count = index.numel();
  if (source.dim() == 0) {
    EMBER_CHECK_INDEX(count == 1, op, ": a 0-dimensional source takes one index, got ", describe(index));
  } else {
    EMBER_CHECK_INDEX(self.dim() == 0 || source.dim() == self.dim(), op, ": source ", source.sizes(), " and self ",
                      self.sizes(), " must have as many dimensions");
    EMBER_CHECK_INDEX(source.size(self.dim() == 0 ? 0 : d) == count, op, ": source ", source.sizes(), " must have ",
                      count, " elements in dimension ", d);
  }
  for (int64_t e = 0; e < std::max(source.dim(), self.dim()); ++e) {
    const int64_t here = self.dim() == 0 ? 1 : self.size(e);
    const int64_t there = source.dim() == 0 ? 1 : source.size(e);
    EMBER_CHECK(e == d || here == there, op, ": source ", source.sizes(), " and self ", self.sizes(),
                " differ in dimension ", e, ", which is not the one indexed, ", d);
  }
}

Tensor contiguous_copy(const char* op, const Tensor& self) {
  check_defined(op, self);
  return self.clone(MemoryFormat::Contiguous);
}

// value: 0-dimensional, of self's dtype, on its device; with a history where it came as a tensor.
Tensor& index_fill_to(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value, const char* name) {
  const char* const op = "index_fill_";
  const Tensor i = as_vector(op, long_index(op, self, index));
  const int64_t d = wrap_dim(dim, self.dim());
  const Tensor target = at_least_1d(self);
  Tensor positions = i;
  if (i.numel() != 0) {
    const NoGradGuard unrecorded;
    positions = detail::empty(i.sizes(), kInt64, self.device());
    named(op, [&] { launch(kernels.index, self.device(), positions, i, d, target.size(d), 1, true); });
  }
  return in_place(op, self, [&](Dest dest, const Tensor& old) {
    if (i.numel() != 0 && target.numel() != 0) {
      const NoGradGuard unrecorded;
      Dims sizes = target.sizes();
      sizes[static_cast<size_t>(d)] = i.numel();
      const Tensor source = apart(op, value.detach(), self).expand(sizes);
      launch(kernels.index_copy, self.device(), target, d, positions, source, true);
    }
    bump_version(dest.tensor());
    if (!recording(old, value)) return;
    record(name, dest.tensor(),
           wrt(old, [d, i = save(positions)](const Tensor& g) { return g.index_fill(d, i.get(), Scalar(0)); }),
           wrt(value, [d, i = save(positions)](const Tensor& g) { return g.index_select(d, i.get()).sum(); }));
  });
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  const Tensor i = as_vector("index_select", index_tensor("index_select", self, index));
  const int64_t d = wrap_dim(dim, self.dim());
  EMBER_CHECK(self.dim() > 0 || i.numel() == 1, "index_select: a 0-dimensional tensor takes one index, got ",
              describe(index));
  Dims sizes = self.dim() == 0 ? Dims{1} : Dims(self.sizes());
  sizes[static_cast<size_t>(d)] = i.numel();
  Tensor y = detail::empty(sizes, self.dtype(), self.device());
  if (i.numel() != 0) launch(kernels.index_select, self.device(), y, at_least_1d(self), d, i);
  if (self.dim() == 0) y = detail::alias(y, {}, {}, 0);
  if (!recording(self)) return y;
  return record("IndexSelectBackward0", y, wrt(self, [sizes = Dims(self.sizes()), d, i = save(i)](const Tensor& g) {
                  return zeros(sizes, g.options()).index_add(d, i.get(), g);
                }));
}
Tensor& index_select_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index) {
  return out_form("index_select", out, {&self}, [&] { return index_select(self, dim, index); });
}

Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
  return contiguous_copy("index_add", self).index_add_(dim, index, source, alpha);
}
Tensor& Tensor::index_add_(int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) const {
  const char* const op = "index_add_";
  const Tensor i = apart(op, as_vector(op, index_tensor(op, *this, index)), *this);
  check_source(op, *this, source);
  const int64_t d = wrap_dim(dim, this->dim());
  check_index_add(op, *this, d, i, source);
  check_dest(op, *this, sizes(), dtype());
  const Tensor from = apart(op, source, *this);
  return in_place(op, *this, [&](Dest dest, const Tensor& old) {
    if (from.numel() != 0) {
      const NoGradGuard unrecorded;
      const Tensor scaled = alpha.equal(1) ? from : from * number_like(*this, alpha);
      accumulating(at_least_1d(dest.tensor()), [&](const Tensor& target) {
        launch(kernels.index_add, device(), target, d, i, at_least_1d(as_dtype(scaled, target.scalar_type())));
      });
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
Tensor& index_add_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                      const Scalar& alpha) {
  return out_form("index_add", out, {&self, &source}, [&] { return index_add(self, dim, index, source, alpha); });
}

Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  return contiguous_copy("index_copy", self).index_copy_(dim, index, source);
}
Tensor& Tensor::index_copy_(int64_t dim, const Tensor& index, const Tensor& source) const {
  const char* const op = "index_copy_";
  const Tensor i = apart(op, as_vector(op, long_index(op, *this, index)), *this);
  check_source(op, *this, source);
  const int64_t d = wrap_dim(dim, this->dim());
  check_index_copy(op, *this, d, i, source);
  check_dest(op, *this, sizes(), dtype());
  const Tensor from = apart(op, source, *this);
  return in_place(op, *this, [&](Dest dest, const Tensor& old) {
    if (i.numel() != 0) {
      launch(kernels.index_copy, device(), at_least_1d(dest.tensor()), d, i, at_least_1d(from), false);
    }
    bump_version(dest.tensor());
    if (!recording(old, source)) return;
    record("IndexCopyBackward0", dest.tensor(),
           wrt(old, [d, i = save(i)](const Tensor& g) { return g.index_fill(d, i.get(), Scalar(0)); }),
           wrt(source, [d, i = save(i), sizes = Dims(source.sizes())](const Tensor& g) {
             const Tensor row = g.dim() == 0 ? g.reshape({1}) : g;
             return row.index_select(d, i.get()).reshape(sizes);
           }));
  });
}
Tensor& index_copy_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  return out_form("index_copy", out, {&self, &source}, [&] { return index_copy(self, dim, index, source); });
}

Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  check_defined("index_fill", self);
  return self.clone().index_fill_(dim, index, value);
}
Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  check_defined("index_fill", self);
  return self.clone().index_fill_(dim, index, value);
}
Tensor& Tensor::index_fill_(int64_t dim, const Tensor& index, const Scalar& value) const {
  check_defined("index_fill_", *this);
  return index_fill_to(*this, dim, index, number_like(*this, value), "IndexFillBackward0");
}
Tensor& Tensor::index_fill_(int64_t dim, const Tensor& index, const Tensor& value) const {
  check_defined("index_fill_", *this);
  check_defined("index_fill_", value, "value");
  EMBER_CHECK(value.dim() == 0, "index_fill_: expected a 0-dimensional value, got ", describe(value));
  EMBER_CHECK(value.device() == device() || value.is_cpu(), "index_fill_: expected all tensors on one device, got ",
              describe(*this), " and ", describe(value));
  return index_fill_to(*this, dim, index, value.to(device(), dtype()), "IndexFillBackward1");
}
Tensor& index_fill_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  return out_form("index_fill", out, {&self}, [&] { return index_fill(self, dim, index, value); });
}
Tensor& index_fill_out(Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  return out_form("index_fill", out, {&self, &value}, [&] { return index_fill(self, dim, index, value); });
}

}  // namespace ember
