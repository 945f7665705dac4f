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
Tensor range(const Scalar& start, const Scalar& end, const TensorOptions& options = {});
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
Tensor from_blob(void* data, IntArrayRef size, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef size, std::function<void(void*)> deleter, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef size, IntArrayRef strides, std::function<void(void*)> deleter,
                 const TensorOptions& options = {});

// What tensor() takes: a number, a braced list of them, or braced lists of equal lengths, to any depth.
class TensorData {
 public:
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) TensorData(T value)
      : scalar_(value) {}  // NOLINT: implicit
  TensorData(std::initializer_list<TensorData> list) : list_(list), is_list_(true) {}
  template <class T>
  TensorData(const std::vector<T>& values) : list_(values.begin(), values.end()), is_list_(true) {}  // NOLINT
  template <class T>
  TensorData(ArrayRef<T> values) : list_(values.begin(), values.end()), is_list_(true) {}  // NOLINT

  bool is_list() const { return is_list_; }
  const std::vector<TensorData>& list() const { return list_; }
  const Scalar& scalar() const { return scalar_; }

 private:
  Scalar scalar_;
  std::vector<TensorData> list_;
  bool is_list_ = false;
};
// Integers give int64, floating numbers the default dtype, bools bool, unless the options say otherwise.
Tensor tensor(const TensorData& data, const TensorOptions& options = {});
Tensor tensor(std::initializer_list<TensorData> list, const TensorOptions& options = {});

inline int64_t numel(const Tensor& self) { return self.numel(); }
inline bool is_floating_point(const Tensor& self) { return self.is_floating_point(); }
inline bool is_signed(const Tensor& self) { return self.is_signed(); }
inline bool is_complex(const Tensor& self) { return self.is_complex(); }

}  // namespace ember
