#include <ember/core/dims.h>

#include <algorithm>

namespace ember {

int64_t checked_numel(IntArrayRef sizes) {
  int64_t n = 1;
  bool empty = false;
  bool overflow = false;
  for (const int64_t s : sizes) {
    EMBER_CHECK(s >= 0, "a tensor's sizes must not be negative, got ", sizes);
    empty |= s == 0;
    overflow |= __builtin_mul_overflow(n, std::max<int64_t>(s, 1), &n);
  }
  // Strides of an empty tensor are computed too, so its other sizes must not overflow either.
  EMBER_CHECK(!overflow, "the number of elements of a tensor of sizes ", sizes, " overflows");
  return empty ? 0 : n;
}

Dims contiguous_strides(IntArrayRef sizes) {
  Dims strides(sizes.size());
  int64_t stride = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

bool is_contiguous(IntArrayRef sizes, IntArrayRef strides) {
  int64_t expected = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 0) return true;
    if (sizes[d] == 1) continue;
    if (strides[d] != expected) {
      // An empty tensor is contiguous whatever its strides.
      return std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
    }
    expected *= sizes[d];
  }
  return true;
}

bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides) {
  if (is_contiguous(sizes, strides)) return true;
  size_t order[kMaxDims];
  for (size_t d = 0; d < sizes.size(); ++d) order[d] = d;
  // Dimensions of size 1 come last: their stride does not matter.
  std::sort(order, order + sizes.size(), [&](size_t a, size_t b) {
    if ((sizes[a] < 2) != (sizes[b] < 2)) return sizes[a] >= 2;
    return strides[a] < strides[b];
  });
  int64_t expected = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[order[i]] < 2) return true;
    if (strides[order[i]] != expected) return false;
    expected *= sizes[order[i]];
  }
  return true;
}

Dims dense_strides_like(IntArrayRef sizes, IntArrayRef strides) {
  if (is_non_overlapping_and_dense(sizes, strides)) return strides;
  // From the dimension that is to be the fastest: at first the last one. A stride of 0 says nothing of the order, so
  // that the comparison is no order in itself, and insertion, each as far as it goes, is part of the result.
  size_t order[kMaxDims];
  const size_t rank = sizes.size();
  for (size_t i = 0; i < rank; ++i) order[i] = rank - 1 - i;
  for (size_t i = 1; i < rank; ++i) {
    size_t at = i;
    for (size_t j = i; j-- > 0;) {
      const size_t a = order[j];
      const size_t b = order[at];
      if (strides[a] == 0 || strides[b] == 0) continue;
      if (strides[a] < strides[b]) break;
      if (strides[a] == strides[b] && sizes[a] <= sizes[b]) continue;
      std::swap(order[j], order[at]);
      at = j;
    }
  }
  Dims dense(rank);
  int64_t next = 1;
  for (size_t i = 0; i < rank; ++i) {
    dense[order[i]] = next;
    next *= std::max<int64_t>(sizes[order[i]], 1);
  }
  return dense;
}

int64_t view_extent(IntArrayRef sizes, IntArrayRef strides) {
  int64_t last = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 0) return 0;
    last += (sizes[d] - 1) * strides[d];
  }
  return last + 1;
}

int64_t wrap_dim(int64_t dim, int64_t rank) {
  const int64_t range = rank == 0 ? 1 : rank;
  EMBER_CHECK_INDEX(dim >= -range && dim < range, "dimension ", dim, " is out of range: expected one in [", -range,
                    ", ", range - 1, "] for a ", rank, "-dimensional tensor");
  return dim < 0 ? dim + range : dim;
}

Dims broadcast_shapes(IntArrayRef a, IntArrayRef b) {
  if (a == b) return a;
  const size_t rank = std::max(a.size(), b.size());
  Dims out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t sa = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const int64_t sb = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    EMBER_CHECK(sa == sb || sa == 1 || sb == 1, "shapes ", a, " and ", b, " do not broadcast: sizes ", sa, " and ", sb,
                " differ at dimension ", i, " of the result, and neither is 1");
    out[i] = sa == 1 ? sb : sa;
  }
  return out;
}

bool is_expandable_to(IntArrayRef from, IntArrayRef to) {
  if (from.size() > to.size()) return false;
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t f = from[from.size() - 1 - i];
    if (f != 1 && f != to[to.size() - 1 - i]) return false;
  }
  return true;
}

}  // namespace ember
