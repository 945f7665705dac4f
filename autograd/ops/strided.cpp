// Views by explicit strides, and changes of a tensor's own geometry.
#include <algorithm>

#include <ember/autograd/ops/common.h>
#include <ember/core/backend.h>

namespace ember {

namespace ops {
namespace {

// Whether two indices may address one element: not if every stride steps over all that the smaller ones reach.
bool may_overlap(IntArrayRef sizes, IntArrayRef strides) {
  std::pair<int64_t, int64_t> dims[kMaxDims];  // stride, size
  size_t n = 0;
  for (size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] > 1) dims[n++] = {strides[d], sizes[d]};
  std::sort(dims, dims + n);
  int64_t reach = 0;
  for (size_t i = 0; i < n; ++i) {
    if (dims[i].first <= reach) return true;
    reach += (dims[i].second - 1) * dims[i].first;
  }
  return false;
}

struct Geometry {
  Dims sizes, strides;
  int64_t offset;

  // The place in memory of each element, in row-major order: int64 [numel].
  Tensor places(int64_t memory, Device device) const {
    return arange(memory, TensorOptions(kInt64).device(device)).as_strided(sizes, strides, offset).reshape({-1});
  }
};

// The gradient of as_strided: what arrives goes to its places in a stretch of memory that holds both the input and the
// view; elements that share a place add up. The input reads its own places there; where several of its elements share
// one, each gets an equal part, so that the parts add up to what arrived.
class AsStridedGradient {
 public:
  AsStridedGradient(const Tensor& self, IntArrayRef size, IntArrayRef stride, int64_t offset)
      : in_{self.sizes(), self.strides(), self.storage_offset()}, out_{size, stride, offset} {
    const int64_t start = std::min(in_.offset, out_.offset);
    in_.offset -= start;
    out_.offset -= start;
    memory_ =
        std::max(in_.offset + view_extent(in_.sizes, in_.strides), out_.offset + view_extent(out_.sizes, out_.strides));
  }

  Tensor operator()(const Tensor& g) const {
    if (checked_numel(in_.sizes) == 0 || g.numel() == 0) return zeros(in_.sizes, g.options());
    const Dims flat{memory_};
    Tensor memory;
    if (may_overlap(out_.sizes, out_.strides)) {
      memory = zeros(flat, g.options()).index_add(0, out_.places(memory_, g.device()), g.reshape({-1}));
    } else {
      memory = embed("AsStridedBackwardBackward0", g, flat, [out = out_](const Tensor& z) {
        const Tensor dense = z.contiguous();  // itself but for a gradient's gradient
        return dense.as_strided(out.sizes, out.strides, dense.storage_offset() + out.offset);
      });
    }
    if (may_overlap(in_.sizes, in_.strides)) {
      const Tensor places = in_.places(memory_, g.device());
      const Tensor shares = zeros(flat, g.options()).index_add(0, places, ones(places.sizes(), g.options()));
      memory = memory / shares.clamp_min(1);
    }
    return memory.as_strided(in_.sizes, in_.strides, in_.offset);
  }

 private:
  Geometry in_, out_;  // relative to where the memory starts
  int64_t memory_;     // its length in elements
};

void check_strided(const char* op, const Tensor& self, IntArrayRef size, IntArrayRef stride, int64_t offset) {
  EMBER_CHECK(size.size() == stride.size(), op, ": ", size.size(), " sizes, but ", stride.size(), " strides");
  const int64_t numel = checked_numel(size);
  EMBER_CHECK(offset >= 0, op, ": the offset must not be negative, got ", offset);
  int64_t last = offset;
  bool overflow = false;
  for (size_t d = 0; d < size.size(); ++d) {
    EMBER_CHECK(stride[d] >= 0, op, ": strides must not be negative, got ", stride);
    int64_t extent = 0;
    overflow |= __builtin_mul_overflow(std::max<int64_t>(size[d] - 1, 0), stride[d], &extent);
    overflow |= __builtin_add_overflow(last, extent, &last);
  }
  const auto capacity = static_cast<int64_t>(self.storage().nbytes() / self.element_size());
  EMBER_CHECK(numel == 0 || (!overflow && last < capacity), op, ": sizes ", size, ", strides ", stride, " and offset ",
              offset, " reach beyond the storage of ", capacity, " elements");
}

// Makes the storage of `t`, which other tensors may share, hold at least so many bytes. What it held stays.
void grow_storage(const char* op, const Tensor& t, int64_t nbytes) {
  const Storage& storage = t.storage();
  if (static_cast<size_t>(nbytes) <= storage.nbytes()) return;
  EMBER_CHECK(storage.resizable(), op, ": the memory of ", describe(t), " belongs to the caller and holds ",
              storage.nbytes(), " bytes; it cannot grow to ", nbytes);
  const Storage grown = allocate_storage(static_cast<size_t>(nbytes), t.device());
  if (storage.nbytes() != 0) {
    backend(t.device().type()).copy_bytes(grown.data(), t.device(), storage.data(), t.device(), storage.nbytes(), true);
  }
  storage.impl()->swap_memory(*grown.impl());
}

}  // namespace

void resize_contents(const char* op, const Tensor& t, IntArrayRef sizes, MemoryFormat format) {
  const int64_t numel = checked_numel(sizes);
  const Dims strides = format_strides(sizes, format);
  int64_t nbytes = 0;
  EMBER_CHECK(!__builtin_add_overflow(numel, t.storage_offset(), &nbytes) &&
                  !__builtin_mul_overflow(nbytes, static_cast<int64_t>(t.element_size()), &nbytes),
              op, ": the size in bytes of a ", dtype_name(t.scalar_type()), " tensor of sizes ", sizes, " overflows");
  if (numel != 0) grow_storage(op, t, nbytes);
  t.unsafe_impl()->set_geometry(sizes, strides, t.storage_offset());
}

}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride, std::optional<int64_t> storage_offset) {
  check_defined("as_strided", self);
  const int64_t offset = storage_offset.value_or(self.storage_offset());
  check_strided("as_strided", self, size, stride, offset);
  if (!recording(self))
    return make_view("AsStridedBackward0", self, size, stride, offset, [](const Tensor& g) { return g; });
  return make_view("AsStridedBackward0", self, size, stride, offset, AsStridedGradient(self, size, stride, offset));
}

const Tensor& Tensor::as_strided_(IntArrayRef size, IntArrayRef stride, std::optional<int64_t> storage_offset) const {
  check_defined("as_strided_", *this);
  const int64_t offset = storage_offset.value_or(this->storage_offset());
  check_strided("as_strided_", *this, size, stride, offset);
  check_in_place("as_strided_", *this);
  const auto look = [&] {
    unsafe_impl()->set_geometry(size, stride, offset);
    bump_version(*this);
  };
  if (!recording(*this)) {
    look();
    return *this;
  }
  const autograd::InPlaceChange change("as_strided_", *this, false);
  look();
  record("AsStridedBackward1", *this, wrt(change.old(), AsStridedGradient(change.old(), size, stride, offset)));
  unsafe_impl()->set_view_version(unsafe_impl()->version());
  return *this;
}

const Tensor& Tensor::resize_(IntArrayRef size, std::optional<MemoryFormat> memory_format) const {
  check_defined("resize_", *this);
  EMBER_CHECK(!requires_grad(), "resize_: a tensor that requires gradients cannot be resized");
  EMBER_CHECK(memory_format != MemoryFormat::Preserve,
              "resize_: the memory format Preserve says nothing of new strides");
  if (!(sizes() == size) || memory_format) {
    resize_contents("resize_", *this, Dims(size), memory_format.value_or(MemoryFormat::Contiguous));
  }
  bump_version(*this);
  return *this;
}

const Tensor& Tensor::resize_as_(const Tensor& the_template, std::optional<MemoryFormat> memory_format) const {
  check_defined("resize_as_", *this);
  check_defined("resize_as_", the_template, "the_template");
  EMBER_CHECK(!requires_grad(), "resize_as_: a tensor that requires gradients cannot be resized");
  if (memory_format == MemoryFormat::Preserve) memory_format = the_template.suggest_memory_format();
  if (!is_same_size(the_template) || memory_format) {
    resize_contents("resize_as_", *this, Dims(the_template.sizes()), memory_format.value_or(MemoryFormat::Contiguous));
  }
  bump_version(*this);
  return *this;
}

Tensor Tensor::unfold(int64_t dimension, int64_t size, int64_t step) const {
  check_defined("unfold", *this);
  const int64_t rank = dim();
  const int64_t d = wrap_dim(dimension, rank);
  const auto i = static_cast<size_t>(d);
  const int64_t whole = rank == 0 ? 1 : sizes()[i];
  EMBER_CHECK(size >= 0 && size <= whole, "unfold: windows of ", size, " elements in dimension ", d, " of size ",
              whole);
  EMBER_CHECK(step > 0, "unfold: the step must be positive, got ", step);
  Dims sizes = this->sizes();
  Dims strides = this->strides();
  sizes.push_back(size);
  strides.push_back(rank == 0 ? 1 : strides[i]);
  if (rank > 0) {
    sizes[i] = (whole - size) / step + 1;
    // With one window the step is never taken, and may be of any length.
    if (__builtin_mul_overflow(strides[i], step, &strides[i])) strides[i] = 0;
  }
  return make_view("UnfoldBackward0", *this, sizes, strides, storage_offset(),
                   [old = Dims(this->sizes()), d, size, step](const Tensor& g) {
                     if (old.empty()) return g.sum();
                     const TensorOptions indices = TensorOptions(kInt64).device(g.device());
                     const Tensor starts = arange(g.size(d), indices).mul(std::min(step, old[static_cast<size_t>(d)]));
                     const Tensor places = starts.unsqueeze(1).add(arange(size, indices)).reshape({-1});
                     const Tensor parts = g.movedim(-1, d + 1).flatten(d, d + 1);
                     return zeros(old, g.options()).index_add(d, places, parts);
                   });
}

}  // namespace ember
