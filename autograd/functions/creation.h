// Tensors from nothing, from memory and from literals.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

Tensor empty(IntArrayRef size, const TensorOptions& options = {},
             std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor& empty_out(Tensor& out, IntArrayRef size, std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options = {});
Tensor zeros(IntArrayRef size, const TensorOptions& options = {});
Tensor& zeros_out(Tensor& out, IntArrayRef size);
Tensor ones(IntArrayRef size, const TensorOptions& options = {});
Tensor& ones_out(Tensor& out, IntArrayRef size);
Tensor full(IntArrayRef size, const Scalar& fill_value, const TensorOptions& options = {});
Tensor& full_out(Tensor& out, IntArrayRef size, const Scalar& fill_value);
Tensor eye(int64_t n, const TensorOptions& options = {});
Tensor eye(int64_t n, int64_t m, const TensorOptions& options = {});
Tensor& eye_out(Tensor& out, int64_t n);
Tensor& eye_out(Tensor& out, int64_t n, int64_t m);
Tensor arange(const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options = {});
Tensor& arange_out(Tensor& out, const Scalar& end);
Tensor& arange_out(Tensor& out, const Scalar& start, const Scalar& end, const Scalar& step);
Tensor range(const Scalar& start, const Scalar& end, const Scalar& step = 1, const TensorOptions& options = {});
Tensor range(const Scalar& start, const Scalar& end, const TensorOptions& options);
Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options = {});
Tensor linspace(const Tensor& start, const Tensor& end, int64_t steps, const TensorOptions& options = {});
Tensor linspace(const Tensor& start, const Scalar& end, int64_t steps, const TensorOptions& options = {});
Tensor linspace(const Scalar& start, const Tensor& end, int64_t steps, const TensorOptions& options = {});
Tensor& linspace_out(Tensor& out, const Scalar& start, const Scalar& end, int64_t steps);
Tensor& linspace_out(Tensor& out, const Tensor& start, const Tensor& end, int64_t steps);
Tensor& linspace_out(Tensor& out, const Tensor& start, const Scalar& end, int64_t steps);
Tensor& linspace_out(Tensor& out, const Scalar& start, const Tensor& end, int64_t steps);
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0,
                const TensorOptions& options = {});
Tensor logspace(const Tensor& start, const Tensor& end, int64_t steps, double base = 10.0,
                const TensorOptions& options = {});
Tensor logspace(const Tensor& start, const Scalar& end, int64_t steps, double base = 10.0,
                const TensorOptions& options = {});
Tensor logspace(const Scalar& start, const Tensor& end, int64_t steps, double base = 10.0,
                const TensorOptions& options = {});
Tensor& logspace_out(Tensor& out, const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0);
Tensor& logspace_out(Tensor& out, const Tensor& start, const Tensor& end, int64_t steps, double base = 10.0);
Tensor& logspace_out(Tensor& out, const Tensor& start, const Scalar& end, int64_t steps, double base = 10.0);
Tensor& logspace_out(Tensor& out, const Scalar& start, const Tensor& end, int64_t steps, double base = 10.0);
Tensor scalar_tensor(const Scalar& s, const TensorOptions& options = {});
Tensor empty_like(const Tensor& self, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor zeros_like(const Tensor& self, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor ones_like(const Tensor& self, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor full_like(const Tensor& self, const Scalar& fill_value, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
ScalarType result_type(const Tensor& tensor, const Tensor& other);
ScalarType result_type(const Tensor& tensor, const Scalar& other);
ScalarType result_type(const Scalar& scalar, const Tensor& tensor);
ScalarType result_type(const Scalar& scalar1, const Scalar& scalar2);
bool is_same_size(const Tensor& self, const Tensor& other);
// A view of memory that the caller owns and keeps alive; `deleter` is called with it when the last tensor
// of it goes. The memory is on options.device() (the CPU unless said).
using BlobDeleter = std::function<void(void*)>;
Tensor from_blob(void* data, IntArrayRef size, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef size, const BlobDeleter& deleter, const TensorOptions& options = {},
                 std::optional<Device> target_device = std::nullopt);
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const BlobDeleter& deleter,
                 const TensorOptions& options = {}, std::optional<Device> target_device = std::nullopt);
// The first element is `storage_offset` elements behind `data`.
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, int64_t storage_offset, const BlobDeleter& deleter,
                 const TensorOptions& options = {}, std::optional<Device> target_device = std::nullopt);

namespace detail {
// Types whose arrays are those of a dtype.
template <class T>
concept ElementType = requires {
  dtype_of<std::remove_cv_t<T>>::value;
};
// The dtype that stands for a number's C++ type: wide enough for it.
template <class T>
constexpr ScalarType number_dtype() {
  if constexpr (ElementType<T>) {
    return dtype_of_v<T>;
  } else if constexpr (std::is_floating_point_v<T>) {
    return kFloat64;
  } else {
    return sizeof(T) < 4 ? kInt32 : kInt64;
  }
}
}  // namespace detail

// What tensor() takes: a number, an array of them, or braced lists of equal lengths, to any depth. It refers to what it
// is made of, and so is for use in the same expression.
class TensorData {
 public:
  enum class Kind : uint8_t { Number, List, Array };

  TensorData() : kind_(Kind::List) {}  // {}: no elements
  template <class T>
  requires(std::is_arithmetic_v<T> || detail::ElementType<T>) TensorData(T value)  // NOLINT: implicit, all of these
      : kind_(Kind::Number), dtype_(detail::number_dtype<T>()), number_(value) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"  // a view by contract
#endif
  TensorData(std::initializer_list<TensorData> list) : kind_(Kind::List), data_(list.begin()), size_(list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  template <detail::ElementType T>
  TensorData(ArrayRef<T> values)  // NOLINT
      : kind_(Kind::Array), dtype_(dtype_of_v<T>), data_(values.data()), size_(values.size()) {}
  template <detail::ElementType T>
  requires(!std::is_same_v<T, bool>) TensorData(const std::vector<T>& values) : TensorData(ArrayRef<T>(values)) {}

  Kind kind() const { return kind_; }
  // Of a number or of an array's elements.
  ScalarType dtype() const { return dtype_; }
  const Scalar& number() const { return number_; }
  ArrayRef<TensorData> list() const { return {static_cast<const TensorData*>(data_), size_}; }
  const void* array() const { return data_; }
  size_t size() const { return size_; }  // of a list or an array

 private:
  Kind kind_;
  ScalarType dtype_ = ScalarType::Undefined;
  const void* data_ = nullptr;
  size_t size_ = 0;
  Scalar number_;
};
// int and int64_t give int64, float and double the default dtype, other types theirs, unless the options say otherwise.
// All elements must be of one C++ type. {} has sizes [0], {{}, {}} sizes [2, 0].
Tensor tensor(TensorData data, const TensorOptions& options = {});

namespace detail {
Tensor array_tensor(const void* values, size_t size, ScalarType from, const TensorOptions& options);
}
// LibTorch's at::tensor(): a vector of the elements, whose C++ type decides the dtype: {1, 2} is int32, {0.5} float64.
// Options without a dtype mean the default dtype, as there.
template <detail::ElementType T>
Tensor native_tensor(ArrayRef<T> values, const TensorOptions& options = TensorOptions(dtype_of_v<T>)) {
  return detail::array_tensor(values.data(), values.size(), dtype_of_v<T>, options);
}
template <detail::ElementType T>
Tensor native_tensor(std::initializer_list<T> values, const TensorOptions& options = TensorOptions(dtype_of_v<T>)) {
  return detail::array_tensor(values.begin(), values.size(), dtype_of_v<T>, options);
}
template <detail::ElementType T>
requires(!std::is_same_v<T, bool>) Tensor
    native_tensor(const std::vector<T>& values, const TensorOptions& options = TensorOptions(dtype_of_v<T>)) {
  return detail::array_tensor(values.data(), values.size(), dtype_of_v<T>, options);
}
template <detail::ElementType T>
Tensor native_tensor(T value, const TensorOptions& options = TensorOptions(dtype_of_v<T>)) {
  return detail::array_tensor(&value, 1, dtype_of_v<T>, options);
}

inline int64_t numel(const Tensor& self) { return self.numel(); }
inline bool is_floating_point(const Tensor& self) { return self.is_floating_point(); }
inline bool is_signed(const Tensor& self) { return self.is_signed(); }
inline bool is_complex(const Tensor& self) { return self.is_complex(); }

}  // namespace ember
