#include "host_array.h"

#include <algorithm>
#include <stdexcept>

namespace ember::test {

int64_t HostArray::offset(const Sizes& index) const {
  int64_t o = 0;
  for (size_t d = 0; d < sizes.size(); ++d) o = o * sizes[d] + index[d];
  return o;
}

int64_t count(const Sizes& sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

HostArray filled(const Sizes& sizes, double value) {
  return {std::vector<double>(static_cast<size_t>(count(sizes)), value), sizes};
}

HostArray scalar(double value) { return {{value}, {}}; }

std::string to_string(const Sizes& sizes) {
  std::string s = "[";
  for (size_t i = 0; i < sizes.size(); ++i) s += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return s + "]";
}

void for_each_index(const Sizes& sizes, const std::function<void(const Sizes&)>& f) {
  Sizes index(sizes.size(), 0);
  for (int64_t left = count(sizes); left > 0; --left) {
    f(index);
    for (size_t d = sizes.size(); d-- > 0;) {
      if (++index[d] < sizes[d]) break;
      index[d] = 0;
    }
  }
}

Sizes broadcast_sizes(const Sizes& a, const Sizes& b) {
  const size_t rank = std::max(a.size(), b.size());
  Sizes out(rank, 1);
  for (size_t i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.size() ? a[a.size() - i] : 1;
    const int64_t y = i <= b.size() ? b[b.size() - i] : 1;
    if (x != y && x != 1 && y != 1) throw std::logic_error("test: " + to_string(a) + " and " + to_string(b));
    out[rank - i] = x == 1 ? y : x;
  }
  return out;
}

HostArray broadcast_to(const HostArray& a, const Sizes& sizes) {
  if (a.sizes == sizes) return a;
  HostArray out = filled(sizes);
  size_t i = 0;
  Sizes source(a.sizes.size());
  for_each_index(sizes, [&](const Sizes& index) {
    const size_t skip = sizes.size() - a.sizes.size();
    for (size_t d = 0; d < source.size(); ++d) source[d] = a.sizes[d] == 1 ? 0 : index[d + skip];
    out.data[i++] = a.at(source);
  });
  return out;
}

HostArray map(const HostArray& a, const std::function<double(double)>& f) {
  HostArray out = a;
  for (double& x : out.data) x = f(x);
  return out;
}

HostArray map(const HostArray& a, const HostArray& b, const std::function<double(double, double)>& f) {
  const Sizes sizes = broadcast_sizes(a.sizes, b.sizes);
  HostArray out = broadcast_to(a, sizes);
  const HostArray other = broadcast_to(b, sizes);
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = f(out.data[i], other.data[i]);
  return out;
}

HostArray map(const HostArray& a, const HostArray& b, const HostArray& c,
              const std::function<double(double, double, double)>& f) {
  const Sizes sizes = broadcast_sizes(broadcast_sizes(a.sizes, b.sizes), c.sizes);
  HostArray out = broadcast_to(a, sizes);
  const HostArray second = broadcast_to(b, sizes);
  const HostArray third = broadcast_to(c, sizes);
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = f(out.data[i], second.data[i], third.data[i]);
  return out;
}

HostArray reduce(const HostArray& a, Sizes dims, bool keepdim,
                 const std::function<double(const std::vector<double>&)>& f) {
  std::vector<bool> reduced(a.sizes.size(), dims.empty());
  for (int64_t d : dims) {
    if (!a.sizes.empty()) reduced[static_cast<size_t>(d < 0 ? d + a.dim() : d)] = true;
  }
  Sizes outer, inner, kept;
  for (size_t d = 0; d < reduced.size(); ++d) {
    (reduced[d] ? inner : outer).push_back(a.sizes[d]);
    if (!reduced[d] || keepdim) kept.push_back(reduced[d] ? 1 : a.sizes[d]);
  }
  HostArray out = filled(kept);
  size_t i = 0;
  for_each_index(outer, [&](const Sizes& o) {
    std::vector<double> group;
    for_each_index(inner, [&](const Sizes& n) {
      Sizes index;
      for (size_t d = 0, in = 0, on = 0; d < reduced.size(); ++d) index.push_back(reduced[d] ? n[in++] : o[on++]);
      group.push_back(a.at(index));
    });
    out.data[i++] = f(group);
  });
  return out;
}

HostArray permuted(const HostArray& a, const Sizes& dims) {
  Sizes sizes;
  for (int64_t d : dims) sizes.push_back(a.sizes[static_cast<size_t>(d)]);
  HostArray out = filled(sizes);
  size_t i = 0;
  Sizes source(dims.size());
  for_each_index(sizes, [&](const Sizes& index) {
    for (size_t d = 0; d < dims.size(); ++d) source[static_cast<size_t>(dims[d])] = index[d];
    out.data[i++] = a.at(source);
  });
  return out;
}

HostArray reshaped(HostArray a, const Sizes& sizes) {
  a.sizes = sizes;
  return a;
}

HostArray strided(const HostArray& a, int64_t dim, int64_t start, int64_t length, int64_t step) {
  Sizes sizes = a.sizes;
  sizes[static_cast<size_t>(dim)] = length;
  HostArray out = filled(sizes);
  size_t i = 0;
  for_each_index(sizes, [&](Sizes index) {
    int64_t& x = index[static_cast<size_t>(dim)];
    x = start + x * step;
    out.data[i++] = a.at(index);
  });
  return out;
}

HostArray in_memory(const HostArray& a, const Sizes& sizes, const Sizes& strides, int64_t offset) {
  HostArray out = filled(sizes);
  size_t i = 0;
  for_each_index(sizes, [&](const Sizes& index) {
    int64_t at = offset;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * strides[d];
    out.data[i++] = a.data[static_cast<size_t>(at)];
  });
  return out;
}

HostArray product(const HostArray& a, const HostArray& b) {
  HostArray x = a, y = b;
  if (a.dim() == 1) x.sizes = {1, a.sizes[0]};
  if (b.dim() == 1) y.sizes = {b.sizes[0], 1};
  const int64_t m = x.sizes[x.sizes.size() - 2], k = x.sizes.back(), n = y.sizes.back();
  const Sizes batch =
      broadcast_sizes(Sizes(x.sizes.begin(), x.sizes.end() - 2), Sizes(y.sizes.begin(), y.sizes.end() - 2));
  const auto with = [&](int64_t rows, int64_t columns) {
    Sizes s = batch;
    s.push_back(rows);
    s.push_back(columns);
    return s;
  };
  x = broadcast_to(x, with(m, k));
  y = broadcast_to(y, with(k, n));
  HostArray out = filled(with(m, n));
  for (int64_t g = 0; g < count(batch); ++g) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0, rest = 0;  // the rounding error of each addition is kept (Kahan): double is tested too
        for (int64_t l = 0; l < k; ++l) {
          const double term =
              x.data[static_cast<size_t>((g * m + i) * k + l)] * y.data[static_cast<size_t>((g * k + l) * n + j)] -
              rest;
          const double next = sum + term;
          rest = (next - sum) - term;
          sum = next;
        }
        out.data[static_cast<size_t>((g * m + i) * n + j)] = sum;
      }
    }
  }
  Sizes sizes = batch;
  if (a.dim() != 1) sizes.push_back(m);
  if (b.dim() != 1) sizes.push_back(n);
  return reshaped(out, sizes);
}

}  // namespace ember::test
