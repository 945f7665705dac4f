// Indexing by several index tensors at once, and by positions in the flattened tensor.
#include <ember/autograd/ops/index_common.h>

namespace ember {

namespace ops {
namespace {

// The indices of a list as a gradient keeps them: one tensor.
struct SavedList {
  autograd::SavedTensor indices;  // [count, shape…], or the one index
  DimMask dims = 0;
  int count = 0;
  bool unique = false;

  explicit SavedList(const IndexList& list) : indices(save(packed(list))), count(list.count), unique(list.unique) {
    for (int k = 0; k < count; ++k) dims |= DimMask{1} << list.dims[k];
  }
  static Tensor packed(const IndexList& list) {
    if (list.count == 1) return list.indices[0];
    const NoGradGuard unrecorded;
    Dims sizes = list.shape;
    sizes.insert(0, list.count);
    const Tensor all = detail::empty(sizes, kInt64, list.indices[0].device());
    for (int k = 0; k < list.count; ++k) copy_contents(all.select(0, k), list.indices[k]);
    return all;
  }
  IndexList get() const {
    const Tensor all = indices.get();
    IndexList list;
    list.unique = unique;
    for (int64_t d = 0; d < kMaxDims; ++d) {
      if ((dims >> d & 1u) != 0) list.add(d, count == 1 ? all : all.select(0, list.count));
    }
    list.finish();
    return list;
  }
};

Tensor put_zeros(const Dims& sizes, const IndexList& list, const Tensor& values);

// self[list]
Tensor index_by(const Tensor& self, const IndexList& list) {
  Tensor y = read_indexed(self, list);
  if (!recording(self)) return y;
  return record("IndexBackward0", y, wrt(self, [saved = SavedList(list), sizes = Dims(self.sizes())](const Tensor& g) {
                  return put_zeros(sizes, saved.get(), g);
                }));
}

// Zeros with the values added at the list.
Tensor put_zeros(const Dims& sizes, const IndexList& list, const Tensor& values) {
  Tensor y;
  {
    const NoGradGuard unrecorded;
    y = zeros(sizes, values.options());
    accumulating(y, [&](const Tensor& target) {
      write_indexed(target, list, index_offsets(target, list), as_dtype(values, target.scalar_type()), !list.unique);
    });
  }
  if (!recording(values)) return y;
  return record("IndexPutBackward0", y,
                wrt(values, [saved = SavedList(list)](const Tensor& g) { return index_by(g, saved.get()); }));
}

Tensor& put_by(const char* op, const Tensor& self, const IndexList& list, const Tensor& values, bool accumulate) {
  const Offsets at = named(op, [&] { return index_offsets(self, list); });
  const Tensor source = apart(op, values, self);
  return in_place(op, self, [&](Dest dest, const Tensor& old) {
    write_indexed(dest.tensor(), list, at, source, accumulate);
    bump_version(dest.tensor());
    if (!recording(old, values)) return;
    record("IndexPutBackward0", dest.tensor(),
           wrt(old,
               [saved = accumulate ? std::optional<SavedList>() : SavedList(list)](const Tensor& g) {
                 if (!saved) return g;
                 Tensor kept = g.clone();
                 return put_by("index_put_", kept, saved->get(), zeros({}, g.options()), false);
               }),
           wrt(values, [saved = SavedList(list), sizes = Dims(values.sizes())](const Tensor& g) {
             return reduce_to(index_by(g, saved.get()), sizes);
           }));
  });
}

// One mask over leading dimensions that lie in memory as a single one would: that one is then indexed.
bool is_mask_of_dense(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  if (indices.size() != 1 || !indices[0] || !indices[0]->defined() || !self.defined()) return false;
  const Tensor& mask = *indices[0];
  const int64_t k = mask.dim();
  if (mask.scalar_type() != kBool || k < 2 || k > self.dim() || !mask.is_contiguous()) return false;
  for (int64_t d = 0; d < k; ++d) {
    if (mask.size(d) != self.size(d) || self.size(d) == 0) return false;
    if (d > 0 && self.stride(d - 1) != self.stride(d) * self.size(d)) return false;
  }
  return true;
}

// self as one dimension, and the positions that `index` names in it.
struct Flat {
  Tensor elements;
  Tensor positions;
};
Flat flattened(const char* op, const Tensor& self, const Tensor& index) {
  const NoGradGuard unrecorded;
  EMBER_CHECK_INDEX(self.numel() > 0 || index.numel() == 0, op, ": an empty tensor cannot be indexed");
  const Tensor dense = self.contiguous();
  const int64_t n = self.numel();
  const Tensor positions = detail::empty(index.sizes(), kInt64, self.device());
  if (index.numel() != 0) {
    named(op, [&] { launch(kernels.index, self.device(), positions, index, 0, n, 1, true); });
  }
  return {detail::alias(dense, {n}, {1}, dense.storage_offset()),
          detail::alias(positions, {index.numel()}, {1}, positions.storage_offset())};
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor index(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  if (is_mask_of_dense(self, indices)) {
    const Tensor& mask = *indices[0];
    return index(self.flatten(0, mask.dim() - 1), std::optional<Tensor>(mask.flatten()));
  }
  const IndexList list = index_list("index", self, indices);
  if (list.count == 0) return self.clone();
  return index_by(self, list);
}
Tensor Tensor::index(ArrayRef<std::optional<Tensor>> indices) const { return ember::index(*this, indices); }

Tensor& Tensor::index_put_(ArrayRef<std::optional<Tensor>> indices, const Tensor& values, bool accumulate) const {
  const char* const op = "index_put_";
  check_defined(op, *this);
  check_defined(op, values, "values");
  if (!GradMode::is_enabled() && is_mask_of_dense(*this, indices)) {
    const Tensor& mask = *indices[0];
    const std::optional<Tensor> flat = mask.flatten();
    flatten(0, mask.dim() - 1).index_put_(ArrayRef<std::optional<Tensor>>(flat), values, accumulate);
    return const_cast<Tensor&>(*this);
  }
  EMBER_CHECK(values.dtype() == dtype(), op, ": expected values of dtype ", dtype_name(dtype()), ", got ",
              describe(values));
  EMBER_CHECK(values.device() == device() || (values.is_cpu() && values.dim() == 0), op,
              ": expected all tensors on one device, got ", describe(*this), " and ", describe(values));
  const IndexList list = index_list(op, *this, indices);
  const Dims sizes = list.count == 0 ? Dims(this->sizes()) : indexed_sizes(*this, list);
  EMBER_CHECK(is_expandable_to(values.sizes(), sizes), op, ": values of sizes ", values.sizes(),
              " do not broadcast to the sizes indexed, ", sizes);
  // One number may go to elements that share a place.
  if (accumulate || values.numel() != 1) check_dest(op, *this, this->sizes(), dtype());
  const Tensor source = values.to(device());
  if (list.count == 0) return accumulate ? add_(source) : copy_(source);
  return put_by(op, *this, list, source, accumulate);
}
Tensor index_put(const Tensor& self, ArrayRef<std::optional<Tensor>> indices, const Tensor& values, bool accumulate) {
  check_defined("index_put", self);
  return self.clone().index_put_(indices, values, accumulate);
}
Tensor Tensor::index_put(ArrayRef<std::optional<Tensor>> indices, const Tensor& values, bool accumulate) const {
  return ember::index_put(*this, indices, values, accumulate);
}

Tensor take(const Tensor& self, const Tensor& index) {
  const Tensor i = long_index("take", self, index);
  const Flat flat = flattened("take", self, i);
  Tensor y = detail::empty(i.sizes(), self.dtype(), self.device());
  if (y.numel() != 0) {
    launch(kernels.index_select, self.device(), detail::alias(y, {y.numel()}, {1}, 0), flat.elements, 0,
           flat.positions);
  }
  if (!recording(self)) return y;
  return record("TakeBackward0", y, wrt(self, [sizes = Dims(self.sizes()), i = save(i)](const Tensor& g) {
                  return zeros(sizes, g.options()).put(i.get(), g, true);
                }));
}
Tensor& take_out(Tensor& out, const Tensor& self, const Tensor& index) {
  check_defined("take", out, "out");
  EMBER_CHECK(!self.defined() || out.dtype() == self.dtype(), "take: out ", describe(out),
              " has another dtype than self ", describe(self));
  return out_form("take", out, {&self}, [&] { return take(self, index); });
}

Tensor put(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
  check_defined("put", self);
  return self.clone().put_(index, source, accumulate);
}
Tensor& Tensor::put_(const Tensor& index, const Tensor& source, bool accumulate) const {
  const char* const op = "put_";
  const Tensor i = apart(op, long_index(op, *this, index), *this);
  check_source(op, *this, source);
  EMBER_CHECK_INDEX(source.numel() == i.numel(), op, ": index ", describe(i), " and source ", describe(source),
                    " must have as many elements");
  check_dest(op, *this, sizes(), dtype());
  const Tensor values = apart(op, source, *this);
  // Of a tensor that is not contiguous a copy is written first.
  const Flat flat = flattened(op, *this, i);
  return in_place(op, *this, [&](Dest dest, const Tensor& old) {
    if (i.numel() != 0) {
      const NoGradGuard unrecorded;
      const Tensor from = values.reshape({-1});
      if (accumulate) {
        launch(kernels.index_add, device(), flat.elements, 0, flat.positions, from);
      } else {
        launch(kernels.index_copy, device(), flat.elements, 0, flat.positions, from, false);
      }
      if (!flat.elements.is_alias_of(*this)) {
        copy_contents(dest.tensor(), detail::alias(flat.elements, sizes(), contiguous_strides(sizes()), 0));
      }
    }
    bump_version(dest.tensor());
    if (!recording(old, source)) return;
    record("PutBackward0", dest.tensor(),
           wrt(old,
               [i = save_if(!accumulate, i), accumulate](const Tensor& g) {
                 if (accumulate) return g;
                 const Tensor index = i.get();
                 return g.put(index, zeros(index.sizes(), g.options()), false);
               }),
           wrt(source, [i = save(i), sizes = Dims(source.sizes())](const Tensor& g) {
             return g.take(i.get()).reshape(sizes);
           }));
  });
}

}  // namespace ember
