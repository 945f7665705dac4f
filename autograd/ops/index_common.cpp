#include <ember/autograd/ops/index_common.h>

#include <algorithm>

namespace ember::ops {

namespace {
Tensor checked_index(const char* op, const Tensor& self, const Tensor& index, bool int32) {
  check_defined(op, self);
  check_defined(op, index, "index");
  check_same_device(op, self, index);
  EMBER_CHECK(index.dtype() == kInt64 || (int32 && index.dtype() == kInt32), op, ": expected an ",
              int32 ? "int64 or int32" : "int64", " index, got ", describe(index));
  return as_dtype(index, kInt64);
}

// First and one past the last byte of a view.
std::pair<const char*, const char*> byte_range(const Tensor& t) {
  const auto* begin = static_cast<const char*>(t.data_ptr());
  return {begin, begin + view_extent(t.sizes(), t.strides()) * static_cast<int64_t>(t.element_size())};
}

bool is_dense(const Tensor& t) { return is_non_overlapping_and_dense(t.sizes(), t.strides()); }
}  // namespace

Tensor index_tensor(const char* op, const Tensor& self, const Tensor& index) {
  return checked_index(op, self, index, true);
}
Tensor long_index(const char* op, const Tensor& self, const Tensor& index) {
  return checked_index(op, self, index, false);
}
Tensor as_vector(const char* op, const Tensor& index) {
  EMBER_CHECK_INDEX(index.dim() <= 1, op, ": expected an index with at most 1 dimension, got ", describe(index));
  return index.reshape({-1}).contiguous();
}

Tensor at_least_1d(const Tensor& t) { return t.dim() == 0 ? ember::detail::alias(t, {1}, {1}, t.storage_offset()) : t; }

Tensor number_like(const Tensor& self, const Scalar& value) {
  const Tensor t = ember::detail::empty({}, self.dtype(), self.device());
  fill_contents(t, value);
  return t;
}

Tensor apart(const char* op, const Tensor& input, const Tensor& dest) {
  if (!input.storage().is_alias_of(dest.storage()) || input.numel() == 0 || dest.numel() == 0) return input;
  const auto a = byte_range(input);
  const auto b = byte_range(dest);
  if (a.second <= b.first || b.second <= a.first) return input;
  EMBER_CHECK(!is_dense(input) || !is_dense(dest), op, ": an input, ", describe(input),
              ", shares memory with the tensor that is written to, ", describe(dest), "; clone() one of them");
  const NoGradGuard unrecorded;
  return input.clone();
}

void check_source(const char* op, const Tensor& self, const Tensor& source, const char* argument) {
  check_defined(op, source, argument);
  check_same_device(op, self, source);
  EMBER_CHECK(source.dtype() == self.dtype(), op, ": expected ", argument, " of dtype ", dtype_name(self.dtype()),
              ", got ", describe(source));
}

void IndexList::finish() {
  shape = Dims();
  for (int k = 0; k < count; ++k) {
    const Tensor& t = indices[k];
    bool fits = true;
    for (int64_t d = 1; d <= std::min<int64_t>(t.dim(), static_cast<int64_t>(shape.size())); ++d) {
      const int64_t a = t.size(-d);
      const int64_t b = shape[shape.size() - static_cast<size_t>(d)];
      fits &= a == b || a == 1 || b == 1;
    }
    EMBER_CHECK_INDEX(fits, "index: index tensors of sizes ", shape, " and ", t.sizes(), " do not broadcast together");
    shape = broadcast_shapes(shape, t.sizes());
  }
  const NoGradGuard unrecorded;
  for (int k = 0; k < count; ++k) {
    if (!(indices[k].sizes() == IntArrayRef(shape))) indices[k] = indices[k].expand(shape);
  }
  position = count > 0 && dims[count - 1] - dims[0] == count - 1 ? dims[0] : 0;
}

void add_mask(IndexList& list, const Tensor& mask, int64_t dim) {
  const Tensor where = nonzero(mask);
  for (int64_t j = 0; j < mask.dim(); ++j) list.add(dim + j, where.select(1, j));
}

IndexList index_list(const char* op, const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  check_defined(op, self);
  EMBER_CHECK_INDEX(!indices.empty(), op, ": expected at least one index");
  EMBER_CHECK_INDEX(static_cast<int64_t>(indices.size()) <= self.dim(), op, ": ", indices.size(),
                    " indices are too many for ", describe(self));
  const NoGradGuard unrecorded;
  IndexList list;
  int64_t dim = 0;
  bool masks = true;
  for (const std::optional<Tensor>& index : indices) {
    if (!index || !index->defined()) {
      ++dim;
      continue;
    }
    const ScalarType dtype = index->scalar_type();
    EMBER_CHECK_INDEX(dtype == kInt64 || dtype == kInt32 || dtype == kUInt8 || dtype == kBool, op,
                      ": expected an index of dtype int64, int32, bool or uint8, got ", describe(*index));
    EMBER_CHECK(index->is_cpu() || index->device() == self.device(), op, ": an index on ", index->device(),
                " cannot be used with ", describe(self));
    const bool is_mask = dtype == kBool || dtype == kUInt8;
    const int64_t spanned = is_mask ? index->dim() : 1;
    EMBER_CHECK_INDEX(dim + spanned <= self.dim(), op, ": too many indices for ", describe(self));
    if (!is_mask) {
      masks = false;
      list.add(dim, index->to(self.device(), kInt64));
    } else {
      EMBER_CHECK_INDEX(index->dim() > 0, op, ": a mask without dimensions selects nothing here; unsqueeze both");
      for (int64_t j = 0; j < spanned; ++j) {
        EMBER_CHECK_INDEX(index->size(j) == self.size(dim + j), op, ": the mask ", index->sizes(),
                          " does not match self ", self.sizes(), " in dimension ", dim + j);
      }
      masks &= list.count == 0;
      add_mask(list, *index, dim);
      for (int k = list.count - static_cast<int>(spanned); k < list.count; ++k) {
        list.indices[k] = list.indices[k].to(self.device());
      }
    }
    dim += spanned;
  }
  EMBER_CHECK_INDEX(dim <= self.dim(), op, ": too many indices for ", describe(self));
  list.unique = masks;
  list.finish();
  return list;
}

namespace {

bool is_indexed(const IndexList& list, int64_t dim) {
  return std::find(list.dims, list.dims + list.count, dim) != list.dims + list.count;
}

// `self` with one dimension of `extent` elements side by side in the place of the indexed ones: what offsets index.
Tensor flat_view(const Tensor& self, const IndexList& list, int64_t extent) {
  Dims sizes, strides;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (is_indexed(list, d)) continue;
    sizes.push_back(self.sizes()[static_cast<size_t>(d)]);
    strides.push_back(self.strides()[static_cast<size_t>(d)]);
  }
  sizes.insert(static_cast<size_t>(list.position), extent);
  strides.insert(static_cast<size_t>(list.position), 1);
  return ember::detail::alias(self, sizes, strides, self.storage_offset());
}

// Strides of self[list] as PyTorch lays it out: dimensions ordered by how self lies, then by how the indices do.
Dims result_strides(const Tensor& self, const IndexList& list, IntArrayRef sizes) {
  const auto rank = sizes.size();
  const auto p = static_cast<size_t>(list.position);
  // Operand 0 is self, with 0 for the dimensions of the indices; operand k + 1 is index k, with 0 for the others.
  const auto stride = [&, width = list.shape.size()](int operand, size_t d) -> int64_t {
    if (operand > 0) {
      const Tensor& t = list.indices[operand - 1];
      return d < p || d >= p + width ? 0 : t.strides()[d - p];
    }
    if (d >= p && d < p + width) return 0;
    const size_t other = d < p ? d : d - width;  // among the dimensions that are not indexed
    size_t seen = 0;
    for (int64_t e = 0; e < self.dim(); ++e) {
      if (!is_indexed(list, e) && seen++ == other) return self.strides()[static_cast<size_t>(e)];
    }
    return 0;
  };
  Dims order(rank);  // the fastest first
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(rank - 1 - i);
  for (size_t i = 1; i < rank; ++i) {
    size_t at = i;
    for (size_t j = i; j-- > 0;) {
      int compared = 0;  // > 0: j is slower
      for (int operand = 0; operand <= list.count && compared == 0; ++operand) {
        const auto a = static_cast<size_t>(order[j]);
        const auto b = static_cast<size_t>(order[at]);
        const int64_t x = stride(operand, a);
        const int64_t y = stride(operand, b);
        if (x == 0 || y == 0) continue;
        compared = x > y ? 1 : x < y ? -1 : sizes[a] > sizes[b] ? 1 : 0;
      }
      if (compared < 0) break;
      if (compared == 0) continue;
      std::swap(order[j], order[at]);
      at = j;
    }
  }
  Dims strides(rank);
  int64_t next = 1;
  for (size_t i = 0; i < rank; ++i) {
    const auto d = static_cast<size_t>(order[i]);
    strides[d] = next;
    next *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

// The dimensions of the indices in the order in which they lie in a tensor with these strides, the slowest first;
// nothing if they do not make up one dimension.
std::optional<Dims> memory_order(const IndexList& list, IntArrayRef strides) {
  const auto p = static_cast<size_t>(list.position);
  Dims order(list.shape.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return strides[p + static_cast<size_t>(a)] > strides[p + static_cast<size_t>(b)];
  });
  for (size_t i = 0; i + 1 < order.size(); ++i) {
    const auto a = static_cast<size_t>(order[i]);
    const auto b = static_cast<size_t>(order[i + 1]);
    if (strides[p + a] != strides[p + b] * list.shape[b]) return std::nullopt;
  }
  return order;
}

}  // namespace

Dims indexed_sizes(const Tensor& self, const IndexList& list) {
  Dims sizes;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (!is_indexed(list, d)) sizes.push_back(self.sizes()[static_cast<size_t>(d)]);
  }
  for (size_t i = 0; i < list.shape.size(); ++i) sizes.insert(static_cast<size_t>(list.position) + i, list.shape[i]);
  return sizes;
}

Offsets index_offsets(const Tensor& self, const IndexList& list) {
  Tensor offsets = ember::detail::empty(list.shape, kInt64, self.device());
  int64_t extent = 1;
  for (int k = 0; k < list.count; ++k) {
    const auto d = static_cast<size_t>(list.dims[k]);
    const int64_t size = self.sizes()[d];
    const int64_t stride = self.strides()[d];
    extent += std::max<int64_t>(size - 1, 0) * stride;
    if (offsets.numel() == 0) continue;
    launch(kernels.index, self.device(), offsets, list.indices[k], list.dims[k], size, stride, k == 0);
  }
  offsets = ember::detail::alias(offsets, {offsets.numel()}, {1}, offsets.storage_offset());
  return {offsets, extent};
}

Tensor read_indexed(const Tensor& self, const IndexList& list) {
  const NoGradGuard unrecorded;
  const Dims sizes = indexed_sizes(self, list);
  const Tensor memory = ember::detail::empty(sizes, self.dtype(), self.device());
  const bool empty = memory.numel() == 0;
  Dims strides = empty ? Dims(memory.strides()) : result_strides(self, list, sizes);
  const std::optional<Dims> order = memory_order(list, strides);
  Tensor y = memory.strides() == IntArrayRef(strides) ? memory : ember::detail::alias(memory, sizes, strides, 0);
  // Dimensions of the indices apart from each other are rare: the result is then made densely, and copied.
  const Tensor target = order ? y : ember::detail::empty(sizes, self.dtype(), self.device());
  Offsets at;
  bool ascending = true;
  for (size_t i = 0; order && i < order->size(); ++i) ascending &= (*order)[i] == static_cast<int64_t>(i);
  if (ascending) {
    at = index_offsets(self, list);
  } else {
    IndexList reordered = list;
    for (int k = 0; k < list.count; ++k) reordered.indices[k] = list.indices[k].permute(*order);
    reordered.shape = Dims(reordered.indices[0].sizes());
    at = index_offsets(self, reordered);
  }
  if (empty) return y;
  // The dimensions of the indices as one.
  const auto p = static_cast<size_t>(list.position);
  Dims flat_sizes, flat_strides;
  int64_t smallest = 1;
  for (size_t i = 0; i < list.shape.size(); ++i) {
    const int64_t s = target.strides()[p + i];
    smallest = i == 0 ? s : std::min(smallest, s);
  }
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (d >= p && d < p + list.shape.size()) continue;
    flat_sizes.push_back(sizes[d]);
    flat_strides.push_back(target.strides()[d]);
  }
  flat_sizes.insert(p, at.offsets.numel());
  flat_strides.insert(p, smallest);
  launch(kernels.index_select, self.device(), ember::detail::alias(target, flat_sizes, flat_strides, 0),
         flat_view(self, list, at.extent), list.position, at.offsets);
  if (!order) copy_contents(y, target);
  return y;
}

void write_indexed(const Tensor& self, const IndexList& list, const Offsets& at, const Tensor& values,
                   bool accumulate) {
  const NoGradGuard unrecorded;
  const Dims sizes = indexed_sizes(self, list);
  const auto p = static_cast<size_t>(list.position);
  Dims flat_sizes(IntArrayRef(sizes).slice(0, p));
  flat_sizes.push_back(at.offsets.numel());
  for (size_t d = p + list.shape.size(); d < sizes.size(); ++d) flat_sizes.push_back(sizes[d]);
  if (checked_numel(flat_sizes) == 0) return;
  const Tensor source = values.expand(sizes).reshape(flat_sizes);
  const Tensor target = flat_view(self, list, at.extent);
  if (accumulate) {
    launch(kernels.index_add, self.device(), target, list.position, at.offsets, source);
  } else {
    const bool unique = list.unique || source.strides()[p] == 0 || at.offsets.numel() == 1;
    launch(kernels.index_copy, self.device(), target, list.position, at.offsets, source, unique);
  }
}

}  // namespace ember::ops
