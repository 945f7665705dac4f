// Where elements are not zero, and the operations that take a mask for an index.
#include <limits>

#include <ember/autograd/ops/index_common.h>

namespace ember {

namespace ops {
namespace {

void check_mask(const char* op, const Tensor& self, const Tensor& mask) {
  check_defined(op, self);
  check_defined(op, mask, "mask");
  check_same_device(op, self, mask);
  EMBER_CHECK(mask.dtype() == kBool, op, ": expected a bool mask, got ", describe(mask));
}

// Two views of one shape in fewer dimensions where both are dense; a scalar gets a dimension.
void merge_dims(Tensor& self, Tensor& mask) {
  if (self.dim() == 1) return;
  if (self.is_contiguous() && mask.is_contiguous()) {
    const int64_t n = self.numel();
    self = detail::alias(self, {n}, {1}, self.storage_offset());
    mask = detail::alias(mask, {n}, {1}, mask.storage_offset());
  }
}

// The elements of self under the mask; both of one shape.
IndexList mask_list(const Tensor& mask) {
  IndexList list;
  list.unique = true;
  add_mask(list, mask, 0);
  list.finish();
  return list;
}

Tensor& masked_scatter_to(const char* op, const Tensor& self, const Tensor& mask, const Tensor& source) {
  check_mask(op, self, mask);
  check_source(op, self, source);
  EMBER_CHECK(is_expandable_to(mask.sizes(), self.sizes()), op, ": a mask of sizes ", mask.sizes(),
              " does not broadcast to ", self.sizes());
  check_dest(op, self, self.sizes(), self.dtype());
  IndexList list;
  Tensor values, target, spread;
  {
    const NoGradGuard unrecorded;
    spread = mask.expand(self.sizes());
    target = self;
    merge_dims(target, spread);
    list = mask_list(spread);
    const int64_t count = list.shape[0];
    EMBER_CHECK(source.numel() >= count, op, ": the mask has ", count, " elements set, but the source, ",
                describe(source), ", has only ", source.numel());
    values = without_overlap(source, self).reshape({-1}).narrow(0, 0, count);
    if (values.is_alias_of(self)) values = values.clone();
  }
  return in_place(op, self, [&](Dest dest, const Tensor& old) {
    write_indexed(target, list, index_offsets(target, list), values, false);
    bump_version(dest.tensor());
    if (!recording(old, source)) return;
    record("MaskedScatterBackward0", dest.tensor(),
           wrt(old, [mask = save(mask)](const Tensor& g) { return g.masked_fill(mask.get(), 0); }),
           wrt(source, [mask = save(mask), sizes = Dims(source.sizes())](const Tensor& g) {
             const Tensor picked = g.masked_select(mask.get());
             const int64_t n = picked.numel();
             const int64_t total = checked_numel(sizes);
             if (n == total) return picked.view(sizes);
             return embed("SliceBackward0", picked, Dims{total}, [n](const Tensor& z) { return z.slice(0, 0, n); })
                 .view(sizes);
           }));
  });
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor nonzero(const Tensor& self) {
  check_defined("nonzero", self);
  Tensor y;
  launch(kernels.nonzero, self.device(), y, self);
  return y;
}
Tensor& nonzero_out(Tensor& out, const Tensor& self) {
  check_defined("nonzero", out, "out");
  EMBER_CHECK(out.dtype() == kInt64, "nonzero: expected an int64 out, got ", describe(out));
  const Tensor y = nonzero(self);
  EMBER_CHECK(out.device() == y.device(), "nonzero: the result is on ", y.device(), ", but out is ", describe(out));
  if (out.sizes() == y.sizes()) return out.copy_(y);
  out.unsafe_impl()->set_contents(*y.unsafe_impl());
  return out;
}

Tensor argwhere(const Tensor& self) {
  check_defined("argwhere", self);
  return nonzero(self);
}

std::vector<Tensor> nonzero_numpy(const Tensor& self) {
  check_defined("nonzero_numpy", self);
  // A 0-dimensional tensor counts as one of sizes [1], since its element has a place.
  const Tensor where = nonzero(at_least_1d(self));
  return where.unbind(1);
}

Tensor masked_select(const Tensor& self, const Tensor& mask) {
  check_mask("masked_select", self, mask);
  const Dims sizes = broadcast_shapes(self.sizes(), mask.sizes());
  Tensor y;
  {
    const NoGradGuard unrecorded;
    Tensor from = at_least_1d(self.expand(sizes));
    Tensor spread = at_least_1d(mask.expand(sizes));
    merge_dims(from, spread);
    y = read_indexed(from, mask_list(spread));
  }
  if (!recording(self)) return y;
  return record("MaskedSelectBackward0", y,
                wrt(self, [mask = save(mask), sizes, old = Dims(self.sizes())](const Tensor& g) {
                  return reduce_to(zeros(sizes, g.options()).masked_scatter(mask.get(), g), old);
                }));
}
Tensor& masked_select_out(Tensor& out, const Tensor& self, const Tensor& mask) {
  check_defined("masked_select", out, "out");
  EMBER_CHECK(!self.defined() || out.dtype() == self.dtype(), "masked_select: out ", describe(out),
              " has another dtype than self ", describe(self));
  return out_form("masked_select", out, {&self}, [&] { return masked_select(self, mask); });
}

Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
  check_mask("masked_scatter", self, mask);
  const Dims sizes = broadcast_shapes(self.sizes(), mask.sizes());
  const Tensor y = self.expand(sizes).clone(MemoryFormat::Contiguous);
  return masked_scatter_to("masked_scatter", y, mask, source);
}
Tensor& Tensor::masked_scatter_(const Tensor& mask, const Tensor& source) const {
  return masked_scatter_to("masked_scatter_", *this, mask, source);
}

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  check_defined("one_hot", self);
  EMBER_CHECK(self.dtype() == kInt64, "one_hot: expected int64 classes, got ", describe(self));
  Dims sizes = self.sizes();
  if (self.numel() == 0) {
    EMBER_CHECK(num_classes > 0, "one_hot: an empty tensor does not tell the number of classes");
    sizes.push_back(num_classes);
    return zeros(sizes, self.options());
  }
  const NoGradGuard unrecorded;
  // On CUDA the check is the kernel's, so that nothing waits for the device but an unknown number of classes.
  int64_t largest = num_classes - 1;
  if (self.is_cpu() || num_classes == -1) {
    const auto least = self.min().item<int64_t>();
    EMBER_CHECK(least >= 0, "one_hot: classes must not be negative, got ", least);
    largest = self.max().item<int64_t>();
    EMBER_CHECK(largest < std::numeric_limits<int64_t>::max(), "one_hot: class ", largest, " is too large");
  }
  const int64_t classes = num_classes == -1 ? largest + 1 : num_classes;
  EMBER_CHECK(largest < classes && classes > 0, "one_hot: class ", largest, " is out of range for ", classes,
              " classes");
  sizes.push_back(classes);
  return zeros(sizes, self.options()).scatter_(-1, self.unsqueeze(-1), 1);
}

}  // namespace ember
