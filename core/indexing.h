// What Tensor::index and index_put_ take for each dimension, as in `x.index({Slice(1, None), "...", 0, mask})`.
#pragma once

#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <vector>

#include <ember/core/tensor.h>

namespace ember::indexing {

enum class TensorIndexType { None, Ellipsis, Integer, Boolean, Slice, Tensor };

// A new dimension of size 1.
inline constexpr std::nullopt_t None = std::nullopt;
struct EllipsisIndexType final {};
// All the dimensions that the other indices leave.
inline constexpr EllipsisIndexType Ellipsis{};

// Elements start, start + step, … before stop. Negative bounds count from the end and all are clipped to the
// dimension; the step is positive.
class Slice final {
 public:
  Slice(std::optional<int64_t> start = std::nullopt, std::optional<int64_t> stop = std::nullopt,
        std::optional<int64_t> step = std::nullopt);

  int64_t start() const { return start_; }
  int64_t stop() const { return stop_; }
  int64_t step() const { return step_; }

 private:
  int64_t start_;
  int64_t stop_;
  int64_t step_;
};
std::ostream& operator<<(std::ostream& out, const Slice& slice);

// One of them. Integers select; a bool is a mask without dimensions; a bool or uint8 tensor is a mask; a tensor of
// integers gathers.
class TensorIndex final {
 public:
  TensorIndex(std::nullopt_t) : type_(TensorIndexType::None) {}         // NOLINT: implicit, all of these
  TensorIndex(EllipsisIndexType) : type_(TensorIndexType::Ellipsis) {}  // NOLINT
  TensorIndex(const char* text);                                        // NOLINT: "..."
  TensorIndex(int64_t integer) : integer_(integer), type_(TensorIndexType::Integer) {}  // NOLINT
  TensorIndex(int integer) : TensorIndex(static_cast<int64_t>(integer)) {}              // NOLINT
  template <class T>
  requires(std::is_same_v<T, bool>) TensorIndex(T boolean)  // NOLINT
      : boolean_(boolean), type_(TensorIndexType::Boolean) {}
  TensorIndex(Slice slice) : slice_(slice), type_(TensorIndexType::Slice) {}                         // NOLINT
  TensorIndex(ember::Tensor tensor) : tensor_(std::move(tensor)), type_(TensorIndexType::Tensor) {}  // NOLINT

  TensorIndexType type() const { return type_; }
  bool is_none() const { return type_ == TensorIndexType::None; }
  bool is_ellipsis() const { return type_ == TensorIndexType::Ellipsis; }
  bool is_integer() const { return type_ == TensorIndexType::Integer; }
  bool is_boolean() const { return type_ == TensorIndexType::Boolean; }
  bool is_slice() const { return type_ == TensorIndexType::Slice; }
  bool is_tensor() const { return type_ == TensorIndexType::Tensor; }
  int64_t integer() const { return integer_; }
  bool boolean() const { return boolean_; }
  const Slice& slice() const { return slice_; }
  const ember::Tensor& tensor() const { return tensor_; }

 private:
  int64_t integer_ = 0;
  bool boolean_ = false;
  Slice slice_;
  ember::Tensor tensor_;
  TensorIndexType type_;
};
std::ostream& operator<<(std::ostream& out, const TensorIndex& index);
std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices);

}  // namespace ember::indexing
