// The parts of Tensor that are about what it is; its operations are in autograd/ops.
#include <ember/core/backend.h>
#include <ember/core/tensor.h>

#include <ostream>

namespace ember {

void Tensor::throw_undefined() { detail::throw_error("expected a tensor, got an undefined one"); }

void Tensor::check_dtype(ScalarType wanted) const {
  EMBER_CHECK(dtype() == wanted, "data_ptr: expected a ", dtype_name(wanted), " tensor, got ", describe(*this));
}

int64_t Tensor::size(int64_t dim) const {
  EMBER_CHECK_INDEX(this->dim() > 0, "size: dimension ", dim, " of a 0-dimensional tensor");
  return sizes()[static_cast<size_t>(wrap_dim(dim, this->dim()))];
}

int64_t Tensor::stride(int64_t dim) const {
  EMBER_CHECK_INDEX(this->dim() > 0, "stride: dimension ", dim, " of a 0-dimensional tensor");
  return strides()[static_cast<size_t>(wrap_dim(dim, this->dim()))];
}

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

Tensor empty(IntArrayRef sizes, ScalarType dtype, Device device) {
  EMBER_CHECK(dtype != ScalarType::Undefined, "a tensor needs a defined dtype");
  if (!device.is_cpu() || device.has_index()) device = resolve_device(device);
  const int64_t numel = checked_numel(sizes);
  int64_t nbytes = 0;
  EMBER_CHECK(!__builtin_mul_overflow(numel, static_cast<int64_t>(element_size(dtype)), &nbytes),
              "the size in bytes of a ", dtype_name(dtype), " tensor of sizes ", sizes, " overflows");
  const Dims strides = contiguous_strides(sizes);
  return Tensor(IntrusivePtr<TensorImpl>(
      new TensorImpl(allocate_storage(static_cast<size_t>(nbytes), device), dtype, sizes, strides, 0, numel, true)));
}

Tensor alias(const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  int64_t numel = 1;
  for (const int64_t s : sizes) numel *= s;
  return Tensor(IntrusivePtr<TensorImpl>(
      new TensorImpl(base.storage(), base.dtype(), sizes, strides, offset, numel, is_contiguous(sizes, strides))));
}

}  // namespace detail

}  // namespace ember
