// Tensor: a handle to a multi-dimensional array on a device. Copying the handle shares the tensor.
//
// Every function throws Error on bad input and then has changed nothing. Results follow PyTorch's rules
// for dtype promotion, broadcasting and strides. Operations on CUDA tensors are queued on the current
// stream and return before they are done; item(), printing and copies to the CPU wait. A handle is not
// to be assigned in one thread while used in another; different handles to one tensor may be read at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <ember/core/dims.h>
#include <ember/core/generator.h>
#include <ember/core/options.h>
#include <ember/core/scalar.h>
#include <ember/core/tensor_impl.h>

namespace ember {

class Tensor;
using TensorList = ArrayRef<Tensor>;

namespace autograd {
class Node;
}

class Tensor {
 public:
  Tensor() = default;  // undefined
  explicit Tensor(IntrusivePtr<TensorImpl> impl) : impl_(std::move(impl)) {}

  // ---- what it is ----
  bool defined() const { return static_cast<bool>(impl_); }
  void reset() { impl_.reset(); }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  size_t use_count() const { return impl_ ? impl_->use_count() : 0; }

  int64_t dim() const { return impl().dim(); }
  int64_t ndimension() const { return dim(); }
  int64_t numel() const { return impl().numel(); }
  IntArrayRef sizes() const { return impl().sizes(); }
  IntArrayRef strides() const { return impl().strides(); }
  int64_t size(int64_t dim) const;
  int64_t stride(int64_t dim) const;
  ScalarType dtype() const { return impl().dtype(); }
  ScalarType scalar_type() const { return impl().dtype(); }
  Device device() const { return impl().device(); }
  Layout layout() const { return Layout::Strided; }
  TensorOptions options() const { return TensorOptions(dtype()).device(device()); }
  size_t element_size() const { return ember::element_size(dtype()); }
  size_t itemsize() const { return element_size(); }
  size_t nbytes() const { return static_cast<size_t>(numel()) * element_size(); }
  const Storage& storage() const { return impl().storage(); }
  int64_t storage_offset() const { return impl().storage_offset(); }
  bool is_contiguous() const { return impl().is_contiguous(); }
  bool is_cpu() const { return device().is_cpu(); }
  bool is_cuda() const { return device().is_cuda(); }
  bool is_floating_point() const { return is_floating(dtype()); }
  bool is_signed() const { return ember::is_signed(dtype()); }
  bool has_storage() const { return defined(); }

  // The address of the first element (of this view) on its device; null for an empty tensor. The typed
  // form throws unless T is the tensor's element type.
  void* data_ptr() const { return impl().data(); }
  template <class T>
  T* data_ptr() const {
    check_dtype(dtype_of_v<T>);
    return static_cast<T*>(impl().data());
  }
  // The value of a one-element tensor.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }
  std::string toString() const;  // "CPUFloatType"
  void print() const;            // to standard output

  // ---- conversion and copies ----
  Tensor to(const TensorOptions& options, bool non_blocking = false, bool copy = false) const;
  Tensor to(Device device, ScalarType dtype, bool non_blocking = false, bool copy = false) const;
  Tensor to(Device device, bool non_blocking = false, bool copy = false) const;
  // What names a device converts to options as well; these decide.
  Tensor to(DeviceType device, bool non_blocking = false, bool copy = false) const {
    return to(Device(device), non_blocking, copy);
  }
  template <StringLike S>
  Tensor to(const S& device, bool non_blocking = false, bool copy = false) const {
    return to(Device(device), non_blocking, copy);
  }
  Tensor to(ScalarType dtype, bool non_blocking = false, bool copy = false) const;
  Tensor to(const Tensor& other, bool non_blocking = false, bool copy = false) const;
  Tensor cpu() const { return to(Device(kCPU)); }
  Tensor cuda() const { return to(Device(kCUDA)); }
  Tensor toType(ScalarType dtype) const { return to(dtype); }
  Tensor type_as(const Tensor& other) const { return to(other); }
  Tensor contiguous() const;
  Tensor clone() const;
  const Tensor& copy_(const Tensor& src, bool non_blocking = false) const;
  const Tensor& fill_(const Scalar& value) const;
  const Tensor& fill_(const Tensor& value) const;
  const Tensor& zero_() const;

  // ---- autograd ----
  bool requires_grad() const;
  const Tensor& requires_grad_(bool requires_grad = true) const;
  const Tensor& set_requires_grad(bool requires_grad) const { return requires_grad_(requires_grad); }
  bool is_leaf() const;
  bool is_view() const { return static_cast<bool>(impl().view_base()); }
  // The accumulated gradient of a leaf (or after retain_grad()); undefined before the first backward.
  const Tensor& grad() const;
  Tensor& mutable_grad() const;
  void set_grad(const Tensor& grad) const;
  IntrusivePtr<autograd::Node> grad_fn() const;
  uint32_t output_nr() const;
  void retain_grad() const;
  bool retains_grad() const;
  // Computes the gradients of this tensor with respect to the leaves (or `inputs`) and accumulates them
  // into their grad(). `gradient` may be omitted for a one-element tensor.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = std::nullopt, bool create_graph = false,
                std::optional<TensorList> inputs = std::nullopt) const;
  // Called with the gradient of this tensor when it is computed; may return a replacement. Returns a
  // number for remove_hook().
  unsigned register_hook(std::function<Tensor(const Tensor&)> hook) const;
  unsigned register_hook(std::function<void(const Tensor&)> hook) const;
  template <class F>
  requires(std::is_invocable_v<F&, const Tensor&>) unsigned register_hook(F f) const {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, const Tensor&>>) {
      return register_hook(std::function<void(const Tensor&)>(std::move(f)));
    } else {
      return register_hook(std::function<Tensor(const Tensor&)>(std::move(f)));
    }
  }
  void remove_hook(unsigned position) const;
  Tensor detach() const;
  const Tensor& detach_() const;
  // The same memory with no history; like detach().
  Tensor data() const { return tensor_data(); }
  Tensor tensor_data() const;
  Tensor variable_data() const { return tensor_data(); }
  // Makes this tensor have other's data; autograd's part stays.
  void set_data(const Tensor& other) const;
  int64_t _version() const { return impl().version(); }

  // ---- elementwise ----
  Tensor add(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor add(const Scalar& other, const Scalar& alpha = 1) const;
  const Tensor& add_(const Tensor& other, const Scalar& alpha = 1) const;
  const Tensor& add_(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor sub(const Tensor& other, const Scalar& alpha = 1) const;
  Tensor sub(const Scalar& other, const Scalar& alpha = 1) const;
  const Tensor& sub_(const Tensor& other, const Scalar& alpha = 1) const;
  const Tensor& sub_(const Scalar& other, const Scalar& alpha = 1) const;
  Tensor mul(const Tensor& other) const;
  Tensor mul(const Scalar& other) const;
  const Tensor& mul_(const Tensor& other) const;
  const Tensor& mul_(const Scalar& other) const;
  Tensor div(const Tensor& other) const;
  Tensor div(const Scalar& other) const;
  const Tensor& div_(const Tensor& other) const;
  const Tensor& div_(const Scalar& other) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor pow(const Scalar& exponent) const;
  const Tensor& pow_(const Tensor& exponent) const;
  const Tensor& pow_(const Scalar& exponent) const;
  Tensor maximum(const Tensor& other) const;
  Tensor minimum(const Tensor& other) const;
  Tensor addcmul(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) const;
  const Tensor& addcmul_(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) const;
  Tensor addcdiv(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) const;
  const Tensor& addcdiv_(const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) const;
  // this where condition holds, other elsewhere
  Tensor where(const Tensor& condition, const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, const Scalar& value) const;
  const Tensor& masked_fill_(const Tensor& mask, const Scalar& value) const;

#define EMBER_UNARY_METHOD(name) \
  Tensor name() const; \
  const Tensor& name##_() const;
  EMBER_UNARY_METHOD(neg)
  EMBER_UNARY_METHOD(abs)
  EMBER_UNARY_METHOD(sign)
  EMBER_UNARY_METHOD(exp)
  EMBER_UNARY_METHOD(log)
  EMBER_UNARY_METHOD(sqrt)
  EMBER_UNARY_METHOD(rsqrt)
  EMBER_UNARY_METHOD(reciprocal)
  EMBER_UNARY_METHOD(square)
  EMBER_UNARY_METHOD(sin)
  EMBER_UNARY_METHOD(cos)
  EMBER_UNARY_METHOD(tanh)
  EMBER_UNARY_METHOD(sigmoid)
  EMBER_UNARY_METHOD(relu)
#undef EMBER_UNARY_METHOD
  Tensor clamp(const std::optional<Scalar>& min = std::nullopt, const std::optional<Scalar>& max = std::nullopt) const;
  const Tensor& clamp_(const std::optional<Scalar>& min = std::nullopt,
                       const std::optional<Scalar>& max = std::nullopt) const;
  Tensor clamp_min(const Scalar& min) const;
  Tensor clamp_max(const Scalar& max) const;
  const Tensor& clamp_min_(const Scalar& min) const;
  const Tensor& clamp_max_(const Scalar& max) const;

#define EMBER_COMPARE_METHOD(name) \
  Tensor name(const Tensor& other) const; \
  Tensor name(const Scalar& other) const;
  EMBER_COMPARE_METHOD(eq)
  EMBER_COMPARE_METHOD(ne)
  EMBER_COMPARE_METHOD(lt)
  EMBER_COMPARE_METHOD(le)
  EMBER_COMPARE_METHOD(gt)
  EMBER_COMPARE_METHOD(ge)
#undef EMBER_COMPARE_METHOD
  Tensor logical_not() const;
  Tensor isnan() const;
  // Same shape and dtype, and all elements equal (NaN equals nothing).
  bool equal(const Tensor& other) const;
  // |this − other| <= atol + rtol·|other| everywhere
  bool allclose(const Tensor& other, double rtol = 1e-5, double atol = 1e-8, bool equal_nan = false) const;

  // ---- reductions ----
  Tensor sum(std::optional<ScalarType> dtype = std::nullopt) const;
  Tensor sum(IntArrayRef dim, bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) const;
  Tensor mean(std::optional<ScalarType> dtype = std::nullopt) const;
  Tensor mean(IntArrayRef dim, bool keepdim = false, std::optional<ScalarType> dtype = std::nullopt) const;
  Tensor max() const;
  Tensor min() const;
  std::tuple<Tensor, Tensor> max(int64_t dim, bool keepdim = false) const;
  std::tuple<Tensor, Tensor> min(int64_t dim, bool keepdim = false) const;
  Tensor max(const Tensor& other) const { return maximum(other); }
  Tensor min(const Tensor& other) const { return minimum(other); }
  Tensor amax(IntArrayRef dim = {}, bool keepdim = false) const;
  Tensor amin(IntArrayRef dim = {}, bool keepdim = false) const;
  Tensor argmax(std::optional<int64_t> dim = std::nullopt, bool keepdim = false) const;
  Tensor argmin(std::optional<int64_t> dim = std::nullopt, bool keepdim = false) const;
  Tensor all() const;
  Tensor any() const;
  Tensor softmax(int64_t dim, std::optional<ScalarType> dtype = std::nullopt) const;
  Tensor log_softmax(int64_t dim, std::optional<ScalarType> dtype = std::nullopt) const;

  // ---- linear algebra ----
  Tensor mm(const Tensor& other) const;
  Tensor bmm(const Tensor& other) const;
  Tensor matmul(const Tensor& other) const;
  Tensor mv(const Tensor& vec) const;
  Tensor dot(const Tensor& other) const;
  Tensor addmm(const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) const;
  Tensor t() const;

  // ---- shape: views share memory, history and version ----
  Tensor view(IntArrayRef size) const;
  Tensor view_as(const Tensor& other) const { return view(other.sizes()); }
  Tensor reshape(IntArrayRef shape) const;
  Tensor reshape_as(const Tensor& other) const { return reshape(other.sizes()); }
  Tensor flatten(int64_t start_dim = 0, int64_t end_dim = -1) const;
  Tensor transpose(int64_t dim0, int64_t dim1) const;
  Tensor permute(IntArrayRef dims) const;
  Tensor expand(IntArrayRef size, bool implicit = false) const;
  Tensor expand_as(const Tensor& other) const { return expand(other.sizes()); }
  Tensor squeeze() const;
  Tensor squeeze(int64_t dim) const;
  Tensor unsqueeze(int64_t dim) const;
  Tensor select(int64_t dim, int64_t index) const;
  Tensor slice(int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt,
               int64_t step = 1) const;
  Tensor narrow(int64_t dim, int64_t start, int64_t length) const;
  Tensor as_strided(IntArrayRef size, IntArrayRef stride, std::optional<int64_t> storage_offset = std::nullopt) const;
  Tensor diagonal(int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) const;
  std::vector<Tensor> unbind(int64_t dim = 0) const;
  std::vector<Tensor> split(int64_t split_size, int64_t dim = 0) const;
  std::vector<Tensor> chunk(int64_t chunks, int64_t dim = 0) const;
  Tensor sum_to_size(IntArrayRef size) const;

  // ---- indexing ----
  Tensor operator[](int64_t index) const { return select(0, index); }
  Tensor index_select(int64_t dim, const Tensor& index) const;
  Tensor index_add(int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) const;
  const Tensor& index_add_(int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) const;
  Tensor gather(int64_t dim, const Tensor& index) const;
  Tensor scatter_add(int64_t dim, const Tensor& index, const Tensor& src) const;
  const Tensor& scatter_add_(int64_t dim, const Tensor& index, const Tensor& src) const;

  // ---- creation with this tensor's dtype and device unless the options say otherwise ----
  Tensor new_empty(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_zeros(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_ones(IntArrayRef size, const TensorOptions& options = {}) const;
  Tensor new_full(IntArrayRef size, const Scalar& value, const TensorOptions& options = {}) const;

  // ---- random, in place ----
  const Tensor& uniform_(double from = 0, double to = 1, std::optional<Generator> generator = std::nullopt) const;
  const Tensor& normal_(double mean = 0, double std = 1, std::optional<Generator> generator = std::nullopt) const;
  const Tensor& bernoulli_(double p = 0.5, std::optional<Generator> generator = std::nullopt) const;
  const Tensor& random_(int64_t from, std::optional<int64_t> to,
                        std::optional<Generator> generator = std::nullopt) const;
  const Tensor& random_(int64_t to, std::optional<Generator> generator = std::nullopt) const;
  const Tensor& random_(std::optional<Generator> generator = std::nullopt) const;

  // ---- operators ----
  Tensor operator-() const { return neg(); }
  const Tensor& operator+=(const Tensor& other) const { return add_(other); }
  const Tensor& operator+=(const Scalar& other) const { return add_(other); }
  const Tensor& operator-=(const Tensor& other) const { return sub_(other); }
  const Tensor& operator-=(const Scalar& other) const { return sub_(other); }
  const Tensor& operator*=(const Tensor& other) const { return mul_(other); }
  const Tensor& operator*=(const Scalar& other) const { return mul_(other); }
  const Tensor& operator/=(const Tensor& other) const { return div_(other); }
  const Tensor& operator/=(const Scalar& other) const { return div_(other); }

  // ---- for the library ----
  TensorImpl* unsafe_impl() const { return impl_.get(); }
  const IntrusivePtr<TensorImpl>& impl_ptr() const { return impl_; }

 private:
  TensorImpl& impl() const {
    if (!impl_) [[unlikely]]
      throw_undefined();
    return *impl_;
  }
  [[noreturn]] static void throw_undefined();
  void check_dtype(ScalarType wanted) const;

  IntrusivePtr<TensorImpl> impl_;
};

std::ostream& operator<<(std::ostream& out, const Tensor& t);
// A shape, dtype and device in brackets, for messages: "[2, 3] float32 cpu", "undefined".
std::string describe(const Tensor& t);

// The version that saved tensors compare; call after writing into `t` by hand.
inline void bump_version(const Tensor& t) { t.unsafe_impl()->bump_version(); }

namespace detail {
// An uninitialised tensor outside autograd. Sizes are checked; the device may lack an index.
Tensor empty(IntArrayRef sizes, ScalarType dtype, Device device);
// A view of `base` outside autograd: elements `offset` on from the start of the storage. Nothing is checked.
Tensor alias(const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset);
}  // namespace detail

}  // namespace ember
