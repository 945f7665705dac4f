// Views. A view's gradient is the inverse view.
#include <algorithm>
#include <numeric>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// Sizes with one -1 replaced by what the number of elements leaves.
Dims infer_sizes(const char* op, IntArrayRef shape, int64_t numel) {
  Dims sizes = shape;
  int64_t known = 1;
  int64_t unknown = -1;
  bool overflow = false;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == -1) {
      EMBER_CHECK(unknown < 0, op, ": only one size can be -1, got ", shape);
      unknown = static_cast<int64_t>(d);
    } else {
      EMBER_CHECK(shape[d] >= 0, op, ": sizes must not be negative, got ", shape);
      overflow |= __builtin_mul_overflow(known, shape[d], &known);
    }
  }
  if (unknown >= 0 && !overflow) {
    EMBER_CHECK(known != 0, op, ": the size -1 in ", shape, " is ambiguous, since the other sizes multiply to 0");
    if (numel % known == 0) {
      sizes[static_cast<size_t>(unknown)] = numel / known;
      return sizes;
    }
  }
  EMBER_CHECK(!overflow && unknown < 0 && known == numel, op, ": sizes ", shape, " do not hold ", numel, " elements");
  return sizes;
}

// Strides that show the same elements in `sizes`, or nothing if no view can. Each run of old dimensions
// that is dense in itself is cut anew by the new sizes.
std::optional<Dims> view_strides(const Tensor& t, IntArrayRef sizes) {
  if (t.is_contiguous() || t.numel() == 0) return contiguous_strides(sizes);
  const IntArrayRef old_sizes = t.sizes();
  const IntArrayRef old_strides = t.strides();
  Dims strides(sizes.size(), 1);
  int64_t new_d = static_cast<int64_t>(sizes.size()) - 1;
  int64_t chunk_stride = old_strides.back();  // of the run's fastest dimension
  int64_t old_numel = 1;
  int64_t new_numel = 1;
  for (int64_t d = t.dim() - 1; d >= 0; --d) {
    const auto i = static_cast<size_t>(d);
    old_numel *= old_sizes[i];
    const bool run_ends = d == 0 || (old_sizes[i - 1] != 1 && old_strides[i - 1] != old_numel * chunk_stride);
    if (!run_ends) continue;
    while (new_d >= 0 && (new_numel < old_numel || sizes[static_cast<size_t>(new_d)] == 1)) {
      strides[static_cast<size_t>(new_d)] = new_numel * chunk_stride;
      new_numel *= sizes[static_cast<size_t>(new_d)];
      --new_d;
    }
    if (new_numel != old_numel) return std::nullopt;
    if (d > 0) {
      chunk_stride = old_strides[i - 1];
      old_numel = 1;
      new_numel = 1;
    }
  }
  if (new_d != -1) return std::nullopt;
  return strides;
}

// Whether two indices may address one element: not if every stride steps over all that the smaller ones reach.
bool may_overlap(IntArrayRef sizes, IntArrayRef strides) {
  std::vector<std::pair<int64_t, int64_t>> dims;  // stride, size
  for (size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] > 1) dims.emplace_back(strides[d], sizes[d]);
  std::sort(dims.begin(), dims.end());
  int64_t reach = 0;
  for (const auto& [stride, size] : dims) {
    if (stride <= reach) return true;
    reach += (size - 1) * stride;
  }
  return false;
}

Tensor view_of(const Tensor& self, const Dims& sizes, const Dims& strides, const char* name) {
  return make_view(name, self, sizes, strides, self.storage_offset(),
                   [old = Dims(self.sizes())](const Tensor& g) { return g.reshape(old); });
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::view(IntArrayRef size) const {
  check_defined("view", *this);
  const Dims sizes = infer_sizes("view", size, numel());
  const std::optional<Dims> strides = view_strides(*this, sizes);
  EMBER_CHECK(strides, "view: sizes ", this->sizes(), " with strides ", this->strides(), " cannot be viewed as ", sizes,
              " without a copy; use reshape()");
  return view_of(*this, sizes, *strides, "ViewBackward0");
}

Tensor reshape(const Tensor& self, IntArrayRef shape) {
  check_defined("reshape", self);
  const Dims sizes = infer_sizes("reshape", shape, self.numel());
  if (const std::optional<Dims> strides = view_strides(self, sizes)) {
    return view_of(self, sizes, *strides, "ViewBackward0");
  }
  return self.clone().contiguous().view(sizes);
}

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  check_defined("flatten", self);
  const int64_t start = wrap_dim(start_dim, self.dim());
  const int64_t end = wrap_dim(end_dim, self.dim());
  EMBER_CHECK(start <= end, "flatten: start_dim ", start_dim, " is behind end_dim ", end_dim);
  if (self.dim() == 0) return self.reshape({1});
  if (start == end) return self;
  Dims sizes;
  for (int64_t d = 0; d < start; ++d) sizes.push_back(self.size(d));
  int64_t merged = 1;
  for (int64_t d = start; d <= end; ++d) merged *= self.size(d);
  sizes.push_back(merged);
  for (int64_t d = end + 1; d < self.dim(); ++d) sizes.push_back(self.size(d));
  return self.reshape(sizes);
}

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  check_defined("transpose", self);
  const auto a = static_cast<size_t>(wrap_dim(dim0, self.dim()));
  const auto b = static_cast<size_t>(wrap_dim(dim1, self.dim()));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  if (a != b) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_view("TransposeBackward0", self, sizes, strides, self.storage_offset(),
                   [dim0, dim1](const Tensor& g) { return g.transpose(dim0, dim1); });
}

Tensor t(const Tensor& self) {
  check_defined("t", self);
  EMBER_CHECK(self.dim() <= 2, "t: expected a tensor with at most 2 dimensions, got ", describe(self));
  return self.dim() < 2 ? transpose(self, 0, 0) : transpose(self, 0, 1);
}

Tensor permute(const Tensor& self, IntArrayRef dims) {
  check_defined("permute", self);
  EMBER_CHECK(static_cast<int64_t>(dims.size()) == self.dim(), "permute: ", dims.size(), " dimensions given for ",
              describe(self));
  Dims sizes(dims.size());
  Dims strides(dims.size());
  Dims inverse(dims.size());
  DimMask seen = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const auto d = static_cast<size_t>(wrap_dim(dims[i], self.dim()));
    EMBER_CHECK((seen >> d & 1u) == 0, "permute: dimension ", d, " appears twice in ", dims);
    seen |= DimMask{1} << d;
    sizes[i] = self.sizes()[d];
    strides[i] = self.strides()[d];
    inverse[d] = static_cast<int64_t>(i);
  }
  return make_view("PermuteBackward0", self, sizes, strides, self.storage_offset(),
                   [inverse](const Tensor& g) { return g.permute(inverse); });
}

Tensor Tensor::expand(IntArrayRef size, bool) const {
  check_defined("expand", *this);
  EMBER_CHECK(size.size() >= sizes().size(), "expand: ", size.size(), " sizes given for ", describe(*this));
  Dims new_sizes = size;
  Dims new_strides(size.size());
  const size_t added = size.size() - sizes().size();
  for (size_t d = 0; d < size.size(); ++d) {
    if (d < added) {
      EMBER_CHECK(size[d] >= 0, "expand: size ", size[d], " of a new dimension in ", size);
      new_strides[d] = 0;
      continue;
    }
    const int64_t old = sizes()[d - added];
    if (size[d] == -1) new_sizes[d] = old;
    EMBER_CHECK(new_sizes[d] >= 0 && (old == 1 || new_sizes[d] == old), "expand: ", describe(*this),
                " cannot be expanded to ", size, ": size ", old, " is neither 1 nor ", size[d]);
    new_strides[d] = old == 1 && new_sizes[d] != 1 ? 0 : strides()[d - added];
  }
  checked_numel(new_sizes);
  return make_view("ExpandBackward0", *this, new_sizes, new_strides, storage_offset(),
                   [old = Dims(sizes())](const Tensor& g) { return g.sum_to_size(old); });
}

Tensor squeeze(const Tensor& self) {
  check_defined("squeeze", self);
  Dims sizes;
  Dims strides;
  for (size_t d = 0; d < self.sizes().size(); ++d) {
    if (self.sizes()[d] == 1) continue;
    sizes.push_back(self.sizes()[d]);
    strides.push_back(self.strides()[d]);
  }
  return view_of(self, sizes, strides, "SqueezeBackward0");
}

Tensor squeeze(const Tensor& self, int64_t dim) {
  check_defined("squeeze", self);
  const auto d = static_cast<size_t>(wrap_dim(dim, self.dim()));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  if (self.dim() > 0 && sizes[d] == 1) {
    sizes.erase(d);
    strides.erase(d);
  }
  return view_of(self, sizes, strides, "SqueezeBackward1");
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  check_defined("unsqueeze", self);
  const auto d = static_cast<size_t>(wrap_dim(dim, self.dim() + 1));
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t stride = d < sizes.size() ? sizes[d] * strides[d] : 1;
  sizes.insert(d, 1);
  strides.insert(d, stride);
  return view_of(self, sizes, strides, "UnsqueezeBackward0");
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  check_defined("select", self);
  EMBER_CHECK_INDEX(self.dim() > 0, "select: a 0-dimensional tensor cannot be indexed; use item()");
  const int64_t d = wrap_dim(dim, self.dim());
  const auto i = static_cast<size_t>(d);
  const int64_t size = self.sizes()[i];
  EMBER_CHECK_INDEX(index >= -size && index < size, "select: index ", index, " is out of range for dimension ", d,
                    " of size ", size);
  const int64_t at = index < 0 ? index + size : index;
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t offset = self.storage_offset() + at * strides[i];
  sizes.erase(i);
  strides.erase(i);
  return make_view("SelectBackward0", self, sizes, strides, offset, [old = Dims(self.sizes()), d, at](const Tensor& g) {
    return embed("SelectBackwardBackward0", g, old, [d, at](const Tensor& z) { return z.select(d, at); });
  });
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  check_defined("slice", self);
  EMBER_CHECK(self.dim() > 0, "slice: a 0-dimensional tensor cannot be sliced");
  EMBER_CHECK(step > 0, "slice: the step must be positive, got ", step);
  const int64_t d = wrap_dim(dim, self.dim());
  const auto i = static_cast<size_t>(d);
  const int64_t size = self.sizes()[i];
  const auto clamp = [size](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, 0, size); };
  const int64_t from = clamp(start.value_or(0));
  const int64_t to = std::max(from, end ? clamp(*end) : size);
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t offset = self.storage_offset() + from * strides[i];
  sizes[i] = (to - from) / step + ((to - from) % step != 0 ? 1 : 0);
  EMBER_CHECK(!__builtin_mul_overflow(strides[i], step, &strides[i]) || sizes[i] <= 1, "slice: the step ", step,
              " overflows");
  if (sizes[i] <= 1) strides[i] = self.strides()[i];
  return make_view("SliceBackward0", self, sizes, strides, offset,
                   [old = Dims(self.sizes()), d, from, to, step](const Tensor& g) {
                     return embed("SliceBackwardBackward0", g, old,
                                  [d, from, to, step](const Tensor& z) { return z.slice(d, from, to, step); });
                   });
}

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  check_defined("narrow", self);
  EMBER_CHECK(self.dim() > 0, "narrow: a 0-dimensional tensor cannot be narrowed");
  const int64_t size = self.size(dim);
  EMBER_CHECK(length >= 0, "narrow: the length must not be negative, got ", length);
  EMBER_CHECK_INDEX(start >= -size && start <= size, "narrow: start ", start,
                    " is out of range for a dimension of size ", size);
  const int64_t from = start < 0 ? start + size : start;
  EMBER_CHECK(length <= size - from, "narrow: start ", start, " and length ", length, " exceed the dimension's size, ",
              size);
  return slice(self, dim, from, from + length, 1);
}

Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride, std::optional<int64_t> storage_offset) {
  check_defined("as_strided", self);
  EMBER_CHECK(size.size() == stride.size(), "as_strided: ", size.size(), " sizes, but ", stride.size(), " strides");
  const int64_t numel = checked_numel(size);
  const int64_t offset = storage_offset.value_or(self.storage_offset());
  EMBER_CHECK(offset >= 0, "as_strided: the offset must not be negative, got ", offset);
  int64_t last = offset;
  bool overflow = false;
  for (size_t d = 0; d < size.size(); ++d) {
    EMBER_CHECK(stride[d] >= 0, "as_strided: strides must not be negative, got ", stride);
    int64_t extent = 0;
    overflow |= __builtin_mul_overflow(std::max<int64_t>(size[d] - 1, 0), stride[d], &extent);
    overflow |= __builtin_add_overflow(last, extent, &last);
  }
  const auto capacity = static_cast<int64_t>(self.storage().nbytes() / self.element_size());
  EMBER_CHECK(numel == 0 || (!overflow && last < capacity), "as_strided: sizes ", size, ", strides ", stride,
              " and offset ", offset, " reach beyond the storage of ", capacity, " elements");
  const int64_t base_offset = self.storage_offset();
  return make_view(
      "AsStridedBackward0", self, size, stride, offset,
      [old = Dims(self.sizes()), old_strides = Dims(self.strides()), size = Dims(size), stride = Dims(stride),
       relative = offset - base_offset](const Tensor& g) -> Tensor {
        EMBER_CHECK(relative >= 0 && is_non_overlapping_and_dense(old, old_strides),
                    "as_strided: the gradient of a view outside of a dense tensor is not implemented");
        // In memory order the input is contiguous; its strides are put back after.
        const Dims flat{checked_numel(old)};
        if (may_overlap(size, stride)) {
          // Elements that share a place add up.
          const Tensor places = arange(flat[0], TensorOptions(kInt64).device(g.device()))
                                    .as_strided(size, stride, relative)
                                    .reshape({-1});
          return zeros(flat, g.options()).index_add(0, places, g.reshape({-1})).as_strided(old, old_strides, 0);
        }
        return embed("AsStridedBackwardBackward0", g, flat,
                     [size, stride, relative](const Tensor& z) {
                       const Tensor dense = z.contiguous();  // itself but for a gradient's gradient
                       return dense.as_strided(size, stride, dense.storage_offset() + relative);
                     })
            .as_strided(old, old_strides, 0);
      });
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  check_defined("diagonal", self);
  EMBER_CHECK(self.dim() >= 2, "diagonal: expected at least 2 dimensions, got ", describe(self));
  const auto a = static_cast<size_t>(wrap_dim(dim1, self.dim()));
  const auto b = static_cast<size_t>(wrap_dim(dim2, self.dim()));
  EMBER_CHECK(a != b, "diagonal: the two dimensions must differ, got ", dim1, " and ", dim2);
  const int64_t rows = self.sizes()[a];
  const int64_t columns = self.sizes()[b];
  int64_t length = 0;
  int64_t start = self.storage_offset();
  if (offset >= 0) {
    length = offset >= columns ? 0 : std::min(rows, columns - offset);
    if (length > 0) start += offset * self.strides()[b];
  } else {
    length = offset <= -rows ? 0 : std::min(rows + offset, columns);
    if (length > 0) start -= offset * self.strides()[a];
  }
  Dims sizes = self.sizes();
  Dims strides = self.strides();
  const int64_t stride = strides[a] + strides[b];
  sizes.erase(std::max(a, b));
  sizes.erase(std::min(a, b));
  strides.erase(std::max(a, b));
  strides.erase(std::min(a, b));
  sizes.push_back(length);
  strides.push_back(stride);
  return make_view("DiagonalBackward0", self, sizes, strides, start,
                   [old = Dims(self.sizes()), offset, dim1, dim2](const Tensor& g) {
                     return embed("DiagonalBackwardBackward0", g, old,
                                  [offset, dim1, dim2](const Tensor& z) { return z.diagonal(offset, dim1, dim2); });
                   });
}

Tensor Tensor::view_as(const Tensor& other) const { return view(other.sizes()); }
Tensor Tensor::reshape_as(const Tensor& other) const { return reshape(other.sizes()); }
Tensor Tensor::expand_as(const Tensor& other) const { return expand(other.sizes()); }

Tensor Tensor::sum_to_size(IntArrayRef size) const {
  check_defined("sum_to_size", *this);
  EMBER_CHECK(is_expandable_to(size, sizes()), "sum_to_size: ", size, " does not broadcast to ", sizes());
  if (size == sizes()) return *this;
  const size_t added = sizes().size() - size.size();
  Dims dims;
  for (size_t d = 0; d < sizes().size(); ++d) {
    if (d < added || (size[d - added] == 1 && sizes()[d] != 1)) dims.push_back(static_cast<int64_t>(d));
  }
  if (dims.empty()) return this->view(size);
  const Tensor summed = sum(dims, true);
  return added == 0 ? summed : summed.view(size);
}

}  // namespace ember
