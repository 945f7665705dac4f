// Counting and searching: bincount, histc, searchsorted, bucketize.
#include <ember/autograd/ops/reduce.h>

#include <cmath>

namespace ember {

namespace ops {
namespace {

Tensor bincount_of(const Tensor& self, const std::optional<Tensor>& weights, int64_t minlength) {
  check_defined("bincount", self);
  EMBER_CHECK(is_integral(self.dtype()), "bincount: expected an integral dtype, got ", describe(self));
  EMBER_CHECK(minlength >= 0, "bincount: minlength must not be negative, got ", minlength);
  EMBER_CHECK(self.dim() == 1, "bincount: expected one dimension, got ", describe(self));
  const bool weighted = weights && weights->defined();
  if (weighted) {
    check_same_device("bincount", self, *weights);
    EMBER_CHECK(weights->sizes() == self.sizes(), "bincount: weights ", weights->sizes(), " and self ", self.sizes(),
                " must have one dimension and size");
  }
  const NoGradGuard unrecorded;
  const TensorOptions counts = TensorOptions(kInt64).device(self.device());
  if (self.numel() == 0) return zeros({minlength}, counts);
  EMBER_CHECK(self.min().item().toLong() >= 0, "bincount: expected no negative elements in ", describe(self));
  const int64_t largest = self.max().item().toLong();
  EMBER_CHECK(largest < std::numeric_limits<int64_t>::max(), "bincount: the element ", largest, " is too large");
  const int64_t bins = std::max(largest + 1, minlength);
  const Tensor index = self.to(kInt64).contiguous();
  if (!weighted) return zeros({bins}, counts).index_add_(0, index, ones({self.numel()}, counts));
  const ScalarType dtype = weights->dtype() == kFloat32 ? kFloat32 : kFloat64;
  return zeros({bins}, counts.dtype(dtype)).index_add_(0, index, weights->to(dtype));
}

Tensor histc_of(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  check_defined("histc", self);
  EMBER_CHECK(self.is_floating_point(), "histc: expected a floating dtype, got ", describe(self));
  EMBER_CHECK(bins > 0, "histc: the number of bins must be positive, got ", bins);
  double low = min.toDouble(), high = max.toDouble();
  const NoGradGuard unrecorded;
  if (low == high && self.numel() != 0) {
    low = self.min().item().toDouble();
    high = self.max().item().toDouble();
  }
  EMBER_CHECK(std::isfinite(low) && std::isfinite(high), "histc: the range [", low, ", ", high, "] is not finite");
  if (low == high) {
    low -= 1;
    high += 1;
  }
  EMBER_CHECK(low < high, "histc: expected max > min, got the range [", low, ", ", high, "]");
  const Tensor counts = zeros({bins}, TensorOptions(kInt64).device(self.device()));
  if (self.numel() != 0) launch(kernels.histc, self.device(), counts, self.contiguous(), low, high);
  return counts.to(self.dtype());
}

// The index of the first of n boundaries, in their order, that is not before the value.
Tensor search(const char* name, const Tensor& sequence, const Tensor& values, ScalarType common, bool out_int32,
              bool right, const Tensor& sorter) {
  check_same_device(name, sequence, values);
  EMBER_CHECK(common != kBool, name, ": not implemented for bool");
  const NoGradGuard unrecorded;
  const int64_t n = sequence.size(-1);
  EMBER_CHECK(!out_int32 || n < std::numeric_limits<int32_t>::max(), name, ": ", n,
              " boundaries are too many for a result of dtype int32");
  Tensor y = detail::empty(values.sizes(), out_int32 ? kInt32 : kInt64, values.device());
  if (y.numel() == 0) return y;
  const Tensor boundaries = sequence.to(common).contiguous(), x = values.to(common).contiguous();
  Tensor order;
  if (sorter.defined()) {
    order = sorter.contiguous();
    EMBER_CHECK(order.numel() == 0 || (order.min().item().toLong() >= 0 && order.max().item().toLong() < n), name,
                ": the sorter has an index out of range for ", n, " boundaries");
  }
  const auto rows = [&](const Tensor& t) {
    const int64_t m = t.size(-1);
    return detail::alias(t, {t.numel() / std::max<int64_t>(1, m), m}, {m, 1}, t.storage_offset());
  };
  if (n == 0) {
    fill_contents(y, 0);
  } else if (sequence.dim() == 1) {
    launch(kernels.searchsorted, y.device(), y, boundaries, x, order, right);
  } else {
    launch(kernels.searchsorted, y.device(), rows(y), rows(boundaries), rows(x), order.defined() ? rows(order) : order,
           right);
  }
  return y;
}

Tensor searchsorted_of(const Tensor& sequence, const Tensor& values, ScalarType common, bool out_int32, bool right,
                       std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  if (side) {
    EMBER_CHECK(*side == "left" || *side == "right", "searchsorted: side must be \"left\" or \"right\", got \"", *side,
                "\"");
    EMBER_CHECK(*side == "right" || !right, "searchsorted: side = \"left\" contradicts right = true");
    right = *side == "right";
  }
  EMBER_CHECK(sequence.dim() > 0, "searchsorted: expected boundaries with a dimension, got ", describe(sequence));
  if (sequence.dim() != 1) {
    bool fits = values.dim() == sequence.dim();
    for (int64_t d = 0; fits && d + 1 < sequence.dim(); ++d) fits = values.size(d) == sequence.size(d);
    EMBER_CHECK(fits, "searchsorted: boundaries ", sequence.sizes(), " and values ", values.sizes(),
                " must have the same sizes but in the last dimension, or the boundaries one dimension");
  }
  Tensor order;
  if (sorter && sorter->defined()) {
    order = *sorter;
    check_same_device("searchsorted", sequence, order);
    EMBER_CHECK(order.sizes() == sequence.sizes(), "searchsorted: boundaries ", sequence.sizes(), " and sorter ",
                order.sizes(), " must have the same sizes");
    EMBER_CHECK(order.dtype() == kInt64, "searchsorted: expected an int64 sorter, got ", describe(order));
  }
  return search("searchsorted", sequence, values, common, out_int32, right, order);
}

Tensor bucketize_of(const Tensor& values, const Tensor& boundaries, ScalarType common, bool out_int32, bool right) {
  EMBER_CHECK(boundaries.dim() == 1, "bucketize: expected boundaries of one dimension, got ", describe(boundaries));
  return search("bucketize", boundaries, values, common, out_int32, right, Tensor());
}

// A number as a tensor beside `like`, and the dtype in which they are compared.
Tensor number(const Scalar& value, const Tensor& like, ScalarType& common) {
  common = ops::result_type(like, value);
  return scalar_tensor(value, TensorOptions(common).device(like.device()));
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor bincount(const Tensor& self, const std::optional<Tensor>& weights, int64_t minlength) {
  return bincount_of(self, weights, minlength);
}
Tensor histc(const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  return histc_of(self, bins, min, max);
}
Tensor& histc_out(Tensor& out, const Tensor& self, int64_t bins, const Scalar& min, const Scalar& max) {
  return out_exact("histc", out, {&self}, [&] { return histc(self, bins, min, max); });
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32, bool right,
                    std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  check_defined("searchsorted", sorted_sequence, "sorted_sequence");
  check_defined("searchsorted", self);
  return searchsorted_of(sorted_sequence, self, ops::result_type(sorted_sequence, self), out_int32, right, side,
                         sorter);
}
Tensor searchsorted(const Tensor& sorted_sequence, const Scalar& self, bool out_int32, bool right,
                    std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  check_defined("searchsorted", sorted_sequence, "sorted_sequence");
  EMBER_CHECK(sorted_sequence.dim() == 1, "searchsorted: a number is searched for among boundaries of one dimension, ",
              "got ", describe(sorted_sequence));
  ScalarType common;
  const Tensor value = number(self, sorted_sequence, common);
  return searchsorted_of(sorted_sequence, value, common, out_int32, right, side, sorter);
}
Tensor& searchsorted_out(Tensor& out, const Tensor& sorted_sequence, const Tensor& self, bool out_int32, bool right,
                         std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  return out_exact("searchsorted", out, {},
                   [&] { return searchsorted(sorted_sequence, self, out_int32, right, side, sorter); });
}
Tensor& searchsorted_out(Tensor& out, const Tensor& sorted_sequence, const Scalar& self, bool out_int32, bool right,
                         std::optional<std::string_view> side, const std::optional<Tensor>& sorter) {
  return out_exact("searchsorted", out, {},
                   [&] { return searchsorted(sorted_sequence, self, out_int32, right, side, sorter); });
}
Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  check_defined("bucketize", self);
  check_defined("bucketize", boundaries, "boundaries");
  return bucketize_of(self, boundaries, ops::result_type(boundaries, self), out_int32, right);
}
Tensor bucketize(const Scalar& self, const Tensor& boundaries, bool out_int32, bool right) {
  check_defined("bucketize", boundaries, "boundaries");
  ScalarType common;
  const Tensor value = number(self, boundaries, common);
  return bucketize_of(value, boundaries, common, out_int32, right);
}
Tensor& bucketize_out(Tensor& out, const Tensor& self, const Tensor& boundaries, bool out_int32, bool right) {
  return out_exact("bucketize", out, {}, [&] { return bucketize(self, boundaries, out_int32, right); });
}
Tensor& bucketize_out(Tensor& out, const Scalar& self, const Tensor& boundaries, bool out_int32, bool right) {
  return out_exact("bucketize", out, {}, [&] { return bucketize(self, boundaries, out_int32, right); });
}

}  // namespace ember
