// The parts of Tensor that are about what it is; its operations are in autograd/ops.
#include <ember/core/backend.h>
#include <ember/core/tensor.h>

#include <algorithm>
#include <ostream>

namespace ember {

namespace detail {
thread_local constinit ThreadModes modes;
}

void Tensor::throw_undefined() { detail::throw_error("expected a tensor, got an undefined one"); }

void Tensor::check_dtype(ScalarType wanted) const {
  EMBER_CHECK(dtype() == wanted, "data_ptr: expected a ", dtype_name(wanted), " tensor, got ", describe(*this));
}

void Tensor::check_accessor(ScalarType wanted, size_t dims, const int64_t* index_limit) const {
  EMBER_CHECK(scalar_type() == wanted && dim() == static_cast<int64_t>(dims), "accessor: expected a ",
              dtype_name(wanted), " tensor of ", dims, " dimensions, got ", describe(*this));
  EMBER_CHECK(index_limit == nullptr || numel() <= *index_limit, "packed_accessor: ", describe(*this),
              " has more elements than its index type counts");
}

int64_t Tensor::size(int64_t dim) const {
  EMBER_CHECK_INDEX(this->dim() > 0, "size: dimension ", dim, " of a 0-dimensional tensor");
  return sizes()[static_cast<size_t>(wrap_dim(dim, this->dim()))];
}

int64_t Tensor::stride(int64_t dim) const {
  EMBER_CHECK_INDEX(this->dim() > 0, "stride: dimension ", dim, " of a 0-dimensional tensor");
  return strides()[static_cast<size_t>(wrap_dim(dim, this->dim()))];
}

bool Tensor::is_non_overlapping_and_dense() const { return ember::is_non_overlapping_and_dense(sizes(), strides()); }

bool Tensor::is_contiguous(MemoryFormat format) const {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) return is_contiguous();
  const int64_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  if (dim() != rank) return false;
  const Dims expected = detail::format_strides(sizes(), format);
  for (size_t d = 0; d < expected.size(); ++d)
    if (sizes()[d] != 1 && strides()[d] != expected[d]) return false;
  return true;
}

namespace {
// Whether strides of 4 or 5 dimensions say channels last. What fits other formats as well does not.
bool strides_are_channels_last(IntArrayRef sizes, IntArrayRef strides) {
  if (strides[1] == 0) return false;
  int64_t least = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    // The order in memory: the channels, then from the last dimension on, then the batch.
    const size_t d = i == 0 ? 1 : i == sizes.size() - 1 ? 0 : sizes.size() - i;
    if (sizes[d] == 0 || strides[d] < least) return false;
    // One channel and one place: the strides are those of the batch alone, in any format.
    if (d == 0 && least == strides[1]) return false;
    least = sizes[d] > 1 ? strides[d] * sizes[d] : strides[d];
  }
  return true;
}
}  // namespace

MemoryFormat Tensor::suggest_memory_format(bool channels_last_strides_exact_match) const {
  if (dim() != 4 && dim() != 5) return MemoryFormat::Contiguous;
  const MemoryFormat format = dim() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
  if (!strides_are_channels_last(sizes(), strides())) return MemoryFormat::Contiguous;
  if (channels_last_strides_exact_match && !(IntArrayRef(detail::format_strides(sizes(), format)) == strides())) {
    return MemoryFormat::Contiguous;
  }
  return format;
}

bool Tensor::is_pinned() const {
  if (!is_cpu() || numel() == 0) return false;
  Backend* const cuda = backend_or_null(kCUDA);
  return cuda != nullptr && cuda->device_count() > 0 && cuda->is_pinned(data_ptr());
}

void Tensor::record_stream(const Stream& stream) const {
  EMBER_CHECK(is_cuda() && stream.device == device(), "record_stream: expected a CUDA tensor and a stream of its ",
              "device, got ", describe(*this), " and a stream of ", stream.device);
  backend(kCUDA).record_stream(storage(), stream);
}

bool Tensor::is_same_size(const Tensor& other) const { return sizes() == other.sizes(); }

Scalar Tensor::item() const {
  EMBER_CHECK(numel() == 1, "item: expected a tensor with one element, got ", describe(*this));
  alignas(8) char value[8];
  const size_t bytes = element_size();
  if (is_cpu()) {
    std::memcpy(value, data_ptr(), bytes);
  } else {
    backend(device().type()).copy_bytes(value, Device(kCPU), data_ptr(), device(), bytes, false);
  }
  return visit_dtype(dtype(), [&]<class T>() {
    T v;
    std::memcpy(&v, value, sizeof(v));
    return Scalar(v);
  });
}

std::string Tensor::toString() const {
  return detail::concat(is_cuda() ? "CUDA" : "CPU", ember::to_string(dtype()), "Type");
}

std::string describe(const Tensor& t) {
  if (!t.defined()) return "undefined";
  return detail::concat(t.sizes(), " ", dtype_name(t.dtype()), " ", t.device());
}

namespace detail {

Tensor empty(IntArrayRef sizes, ScalarType dtype, Device device, bool pinned) {
  EMBER_CHECK(dtype != ScalarType::Undefined, "a tensor needs a defined dtype");
  if (!device.is_cpu() || device.has_index()) device = resolve_device(device);
  const int64_t numel = checked_numel(sizes);
  int64_t nbytes = 0;
  EMBER_CHECK(!__builtin_mul_overflow(numel, static_cast<int64_t>(element_size(dtype)), &nbytes),
              "the size in bytes of a ", dtype_name(dtype), " tensor of sizes ", sizes, " overflows");
  const Dims strides = contiguous_strides(sizes);
  const auto bytes = static_cast<size_t>(nbytes);
  return Tensor(IntrusivePtr<TensorImpl>(
      new TensorImpl(pinned ? allocate_pinned_storage(bytes, device) : allocate_storage(bytes, device), dtype, sizes,
                     strides, 0, numel, true)));
}

Dims format_strides(IntArrayRef sizes, MemoryFormat format) {
  EMBER_CHECK(format != MemoryFormat::Preserve, "the memory format Preserve says nothing of new strides");
  checked_numel(sizes);
  if (format == MemoryFormat::Contiguous) return contiguous_strides(sizes);
  const size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  EMBER_CHECK(sizes.size() == rank, "the memory format ", format, " is for ", rank, " dimensions, got sizes ", sizes);
  // The channels, dimension 1, come first in memory; then the others from the last on, the batch at the end.
  Dims strides(rank);
  int64_t next = 1;
  const auto place = [&](size_t d) {
    strides[d] = next;
    next *= std::max<int64_t>(sizes[d], 1);
  };
  place(1);
  for (size_t d = rank - 1; d >= 2; --d) place(d);
  place(0);
  return strides;
}

Tensor alias(const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  int64_t numel = 1;
  for (const int64_t s : sizes) numel *= s;
  Tensor t(IntrusivePtr<TensorImpl>(
      new TensorImpl(base.storage(), base.dtype(), sizes, strides, offset, numel, is_contiguous(sizes, strides))));
  t.unsafe_impl()->follow(*base.unsafe_impl());
  return t;
}

}  // namespace detail

}  // namespace ember
