// The table of operations that the generated suites read: a row per operation, with its calls, a
// reference in double precision on the host, the inputs to try and what is promised about the result.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <ember/autograd/functions.h>

#include "host_array.h"

namespace ember::test {

using Tensors = std::vector<Tensor>;
using Call = std::function<Tensors(const Tensors&)>;
using Reference = std::function<Arrays(const Arrays&)>;
using InPlace = std::function<void(const Tensors&)>;  // writes the first tensor

// One argument tensor.
struct Input {
  enum class Role { Value, Index, Mask };  // of the dtype under test, int64, bool

  Sizes sizes;
  double low = -3, high = 3;  // values are drawn between them
  std::vector<double> avoid;  // points that gradients do not pass: drawn values stay 0.1 away
  Role role = Role::Value;
  bool differentiable = true;
  std::vector<double> values;  // these instead of drawn ones
};

inline Input value(Sizes sizes, double low = -3, double high = 3, std::vector<double> avoid = {}) {
  return {std::move(sizes), low, high, std::move(avoid), Input::Role::Value, true, {}};
}
inline Input given(Sizes sizes, std::vector<double> values) {
  return {std::move(sizes), 0, 0, {}, Input::Role::Value, true, std::move(values)};
}
inline Input index(Sizes sizes, std::vector<double> values) {
  return {std::move(sizes), 0, 0, {}, Input::Role::Index, false, std::move(values)};
}
inline Input mask(Sizes sizes) { return {std::move(sizes), 0, 1, {}, Input::Role::Mask, false, {}}; }

// The dtype of the result, from that of the values.
enum class Result {
  Same,
  Floating,  // integers and bool: the default dtype
  Sum,       // integers and bool: int64
  Bool,
  Index,         // int64
  SameAndIndex,  // two results
  Promoted,      // bool: int64 (what an integral scalar makes of it)
};

// One call with one list of inputs.
struct Variant {
  std::string label;
  std::vector<Input> inputs;
  Call call;
  Reference reference;
  Call method = nullptr;                                         // the same by the tensor's method or an operator
  InPlace in_place = nullptr;                                    // the same into the first input
  bool gradient = true;                                          // whether gradients are checked with these inputs
  bool layouts = true;                                           // whether inputs are given other strides too
  std::optional<Result> result = std::nullopt;                   // instead of the row's
  std::optional<std::vector<ScalarType>> dtypes = std::nullopt;  // instead of the row's
};

// How far from the reference: relative · ε(result) · |expected| + absolute · ε(computation). The 2-byte
// floats are computed in float32 and rounded once, unless `composite`: then the first term is all that
// they are given, and the second is in their ε too.
struct Tolerance {
  double relative = 4;
  double absolute = 4;
  bool composite = false;
};

struct Op {
  std::string name;
  Result result = Result::Same;
  std::vector<ScalarType> dtypes;   // accepted
  std::vector<ScalarType> refused;  // throw Error
  bool differentiable = true;
  bool view = false;  // the result shares the first input's memory
  Tolerance tolerance;
  std::vector<Variant> variants;
};

// ---- dtypes ----
extern const std::vector<ScalarType> kFloatDtypes;    // the four floating ones
extern const std::vector<ScalarType> kIntegerDtypes;  // without bool
extern const std::vector<ScalarType> kNumericDtypes;  // all but bool
extern const std::vector<ScalarType> kAllDtypes;
extern const std::vector<ScalarType> kNonFloatDtypes;  // integers and bool
ScalarType result_dtype(Result result, ScalarType values, size_t output);

// Wraps a function of a tensor list that gives a Tensor or Tensors; the same for references.
template <class F>
Call call(F f) {
  if constexpr (std::is_same_v<std::invoke_result_t<F, const Tensors&>, Tensors>) {
    return f;
  } else {
    return [f](const Tensors& t) { return Tensors{f(t)}; };
  }
}
template <class F>
Reference ref(F f) {
  if constexpr (std::is_same_v<std::invoke_result_t<F, const Arrays&>, Arrays>) {
    return f;
  } else {
    return [f](const Arrays& a) { return Arrays{f(a)}; };
  }
}

// The table, and its parts by subject.
const std::vector<Op>& op_table();
void add_unary_ops(std::vector<Op>& table);
void add_math_ops(std::vector<Op>& table);
void add_activation_ops(std::vector<Op>& table);
void add_binary_ops(std::vector<Op>& table);
void add_arithmetic_ops(std::vector<Op>& table);
void add_reduce_ops(std::vector<Op>& table);
void add_moment_ops(std::vector<Op>& table);
void add_scan_ops(std::vector<Op>& table);
void add_sort_ops(std::vector<Op>& table);
void add_linalg_ops(std::vector<Op>& table);
void add_shape_ops(std::vector<Op>& table);
void add_view_ops(std::vector<Op>& table);
void add_arrange_ops(std::vector<Op>& table);
void add_index_ops(std::vector<Op>& table);
void add_indexing_ops(std::vector<Op>& table);
void add_scatter_ops(std::vector<Op>& table);
void add_loss_ops(std::vector<Op>& table);
void add_normalization_ops(std::vector<Op>& table);

}  // namespace ember::test
