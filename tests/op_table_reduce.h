// What the rows of reductions, scans and sorts share: shapes, and references that fold or rewrite lines.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "op_table.h"

namespace ember::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

using Line = std::vector<double>;
using Fold = std::function<double(const Line&)>;

inline double fold_sum(const std::vector<double>& v) {
  long double s = 0;
  for (double x : v) s += x;
  return static_cast<double>(s);
}
inline double fold_mean(const std::vector<double>& v) { return fold_sum(v) / static_cast<double>(v.size()); }
// The first of equal ones; the first NaN before all.
template <bool Max>
double fold_arg(const std::vector<double>& v) {
  size_t best = 0;
  for (size_t i = 1; i < v.size(); ++i) {
    if (v[best] != v[best]) break;
    if (v[i] != v[i] || (Max ? v[i] > v[best] : v[i] < v[best])) best = i;
  }
  return static_cast<double>(best);
}
template <bool Max>
double fold_extreme(const std::vector<double>& v) {
  return v[static_cast<size_t>(fold_arg<Max>(v))];
}
inline double fold_all(const std::vector<double>& v) {
  for (double x : v)
    if (x == 0) return 0;
  return 1;
}
inline double fold_any(const std::vector<double>& v) {
  for (double x : v)
    if (x != 0) return 1;
  return 0;
}

inline Reference folded(Sizes dims, bool keepdim, Fold f) {
  return ref([=](const Arrays& a) { return reduce(a[0], dims, keepdim, f); });
}

inline std::string label_of(const Sizes& sizes, const Sizes& dims, bool keepdim) {
  return to_string(sizes) + " over " + to_string(dims) + (keepdim ? " keepdim" : "");
}

struct Shape {
  Sizes sizes, dims;
};

// Inner, outer, middle, several, all dimensions; long rows, long columns; a 0-dimensional tensor.
inline const std::vector<Shape> kReductions = {
    {{}, {}},          {{}, {0}},           {{}, {-1}},           {{5}, {0}},
    {{3, 4}, {0}},     {{3, 4}, {1}},       {{3, 4}, {-2}},       {{3, 4}, {0, 1}},
    {{2, 3, 4}, {1}},  {{2, 3, 4}, {0, 2}}, {{2, 3, 4}, {-1, 0}}, {{2, 3, 2, 2}, {1, 2}},
    {{3, 1, 2}, {1}},  {{0, 3}, {1}},       {{5, 333}, {1}},      {{333, 5}, {0}},
    {{7, 66, 9}, {1}}, {{9, 5, 70}, {0, 2}}};
// Over the sizes at which the work is cut into blocks and dealt out to threads.
inline const std::vector<Shape> kLargeReductions = {{{3, 40009}, {1}}, {{40009, 3}, {0}}, {{2, 20011, 2}, {1}}};
// Not empty in a reduced dimension only where there is an identity.
inline const std::vector<Shape> kEmptyReductions = {{{0}, {0}}, {{0, 3}, {0}}, {{2, 0, 3}, {1, 2}}};

using WithDims = std::function<Tensor(const Tensor&, IntArrayRef, bool)>;

// Each shape of kLargeReductions as it lies.
inline void add_large(Op& op, const std::function<Tensors(const Tensor&, int64_t)>& f,
                      const std::function<Arrays(const HostArray&, int64_t)>& r, double low, double high) {
  for (const Shape& s : kLargeReductions) {
    const int64_t dim = s.dims[0];
    Variant v{"large " + label_of(s.sizes, s.dims, false),
              {value(s.sizes, low, high)},
              call([=](const Tensors& t) { return f(t[0], dim); }),
              ref([=](const Arrays& a) { return r(a[0], dim); })};
    v.gradient = v.layouts = false;
    op.variants.push_back(v);
  }
}

inline void add_by_dims(Op& op, const WithDims& f, const WithDims& method, Fold fold, double low, double high,
                        bool has_identity, bool large = true) {
  std::vector<Shape> shapes = kReductions;
  if (has_identity) shapes.insert(shapes.end(), kEmptyReductions.begin(), kEmptyReductions.end());
  for (const Shape& s : shapes) {
    for (const bool keepdim : {false, true}) {
      const Sizes dims = s.dims;
      Variant v{label_of(s.sizes, dims, keepdim),
                {value(s.sizes, low, high)},
                call([=](const Tensors& t) { return f(t[0], dims, keepdim); }),
                folded(dims, keepdim, fold),
                call([=](const Tensors& t) { return method(t[0], dims, keepdim); })};
      v.gradient = count(s.sizes) < 50;
      op.variants.push_back(v);
    }
  }
  if (!large) return;
  add_large(
      op, [f](const Tensor& t, int64_t dim) { return Tensors{f(t, dim, false)}; },
      [fold](const HostArray& a, int64_t dim) { return Arrays{reduce(a, {dim}, false, fold)}; }, low, high);
}

inline void add_whole(Op& op, const Call& f, const Call& method, Fold fold, double low, double high, bool has_identity,
                      Sizes large = {70001}) {
  for (const Sizes& sizes :
       std::vector<Sizes>{{}, {1}, {7}, {3, 5}, {2, 3, 4}, {41, 67}, {0}, {2, 0}, std::move(large)}) {
    if (count(sizes) == 0 && !has_identity) continue;
    Variant v{"whole " + to_string(sizes), {value(sizes, low, high)}, f, folded({}, false, fold), method};
    v.gradient = count(sizes) < 50;
    v.layouts = count(sizes) < 10000;
    op.variants.push_back(v);
  }
}

inline Variant special(std::string label, std::vector<double> values, Sizes sizes, Call f, Reference r) {
  Variant v{std::move(label), {given(std::move(sizes), std::move(values))}, std::move(f), std::move(r)};
  v.dtypes = kFloatDtypes;
  v.gradient = false;
  return v;
}

// Every line along `dim` replaced by what f makes of it; lines of one length, `length` in the result.
inline HostArray along(const HostArray& a, int64_t dim, int64_t length, const std::function<Line(const Line&)>& f) {
  if (a.sizes.empty()) {
    HostArray r = a;
    r.data = f(a.data);
    return r;
  }
  const auto d = static_cast<size_t>(dim < 0 ? dim + a.dim() : dim);
  Sizes sizes = a.sizes;
  sizes[d] = length;
  HostArray r = filled(sizes);
  Sizes starts = a.sizes;
  starts[d] = a.numel() == 0 || length == 0 ? 0 : 1;
  for_each_index(starts, [&](const Sizes& start) {
    Sizes at = start;
    Line line;
    for (at[d] = 0; at[d] < a.sizes[d]; ++at[d]) line.push_back(a.at(at));
    line = f(line);
    for (at[d] = 0; at[d] < length; ++at[d]) r.at(at) = line[static_cast<size_t>(at[d])];
  });
  return r;
}
inline int64_t size_along(const HostArray& a, int64_t dim) {
  return a.sizes.empty() ? 1 : a.sizes[static_cast<size_t>(dim < 0 ? dim + a.dim() : dim)];
}

// The places of a line's elements in ascending (or descending) order, stable; NaN is the greatest.
inline std::vector<size_t> sorted_places(const Line& line, bool descending) {
  std::vector<size_t> order(line.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto less = [](double x, double y) { return x < y || (x == x && y != y); };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t i, size_t j) { return descending ? less(line[j], line[i]) : less(line[i], line[j]); });
  return order;
}

}  // namespace ember::test
