// Selection within rows: the largest k, the k-th, the median, the most frequent. Which of equal elements is found
// follows from the algorithm alone.
#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

template <class T>
bool is_nan(T x) {
  return functors::is_nan(static_cast<compute_t<T>>(x));
}
// NaN is greater than all others.
template <class T>
bool less(T a, T b) {
  const compute_t<T> x = static_cast<compute_t<T>>(a), y = static_cast<compute_t<T>>(b);
  return x < y || (!functors::is_nan(x) && functors::is_nan(y));
}

// f.operator()<T>(row, values of the row, indices of the row) for each row, in threads. `k` results per row.
template <class F>
void for_each_row(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k, F f) {
  const int64_t rows = in.size(0), n = in.size(1);
  visit_dtype(in.dtype(), [&]<class E>() {
    using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
    const T* const from = static_cast<const T*>(in.data_ptr());
    T* const to = static_cast<T*>(values.data_ptr());
    int64_t* const index = static_cast<int64_t*>(indices.data_ptr());
    parallel_for(0, rows, std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(1, n)), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) f(from + r * n, to + r * k, index + r * k);
    });
  });
}

// Hoare's selection with the median of three as pivot (as in Numerical Recipes): puts the k-th smallest at its
// place, indices along with the values.
template <class T>
void quick_select(T* x, int64_t* index, int64_t n, int64_t k) {
  const auto exchange = [&](int64_t i, int64_t j) {
    std::swap(x[i], x[j]);
    std::swap(index[i], index[j]);
  };
  const auto greater = [](T a, T b) { return less(b, a); };
  int64_t left = 0, right = n - 1;
  while (right > left) {
    if (right == left + 1) {
      if (greater(x[left], x[right])) exchange(left, right);
      return;
    }
    exchange((left + right) / 2, left + 1);
    if (greater(x[left + 1], x[right])) exchange(left + 1, right);
    if (greater(x[left], x[right])) exchange(left, right);
    if (greater(x[left + 1], x[left])) exchange(left + 1, left);
    int64_t i = left + 1, j = right;
    const T pivot = x[left];
    for (;;) {
      do {
        ++i;
      } while (less(x[i], pivot));
      do {
        --j;
      } while (greater(x[j], pivot));
      if (j < i) break;
      exchange(i, j);
    }
    exchange(left, j);
    if (j <= k) left = i;
    if (j >= k) right = j - 1;
  }
}

}  // namespace

void topk(const Tensor& values, const Tensor& indices, const Tensor& in, bool largest, bool sorted) {
  const int64_t n = in.size(1), k = values.size(1);
  if (k == 0) return;
  for_each_row(values, indices, in, k, [=]<class T>(const T* row, T* value, int64_t* index) {
    using Entry = std::pair<T, int64_t>;
    std::vector<Entry> entries(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) entries[static_cast<size_t>(i)] = {row[i], i};
    const auto select = [&](auto before) {
      const auto begin = entries.begin();
      // A heap of few is quicker than a partition of all.
      if (k * 64 <= n) {
        std::partial_sort(begin, begin + k, entries.end(), before);
      } else {
        std::nth_element(begin, begin + (k - 1), entries.end(), before);
        if (sorted) std::sort(begin, begin + (k - 1), before);
      }
    };
    if (largest) {
      select([](const Entry& a, const Entry& b) { return less(b.first, a.first); });
    } else {
      select([](const Entry& a, const Entry& b) { return less(a.first, b.first); });
    }
    for (int64_t i = 0; i < k; ++i) {
      value[i] = entries[static_cast<size_t>(i)].first;
      index[i] = entries[static_cast<size_t>(i)].second;
    }
  });
}

void kthvalue(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k) {
  const int64_t n = in.size(1);
  for_each_row(values, indices, in, 1, [=]<class T>(const T* row, T* value, int64_t* index) {
    std::vector<T> x(row, row + n);
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    quick_select(x.data(), order.data(), n, k - 1);
    *value = x[static_cast<size_t>(k - 1)];
    *index = order[static_cast<size_t>(k - 1)];
  });
}

void median(const Tensor& values, const Tensor& indices, const Tensor& in, bool ignore_nan) {
  const int64_t n = in.size(1);
  for_each_row(values, indices, in, 1, [=]<class T>(const T* row, T* value, int64_t* index) {
    const auto nans = std::count_if(row, row + n, [](T x) { return is_nan(x); });
    int64_t found;
    if (nans > 0 && !ignore_nan) {
      found = std::find_if(row, row + n, [](T x) { return is_nan(x); }) - row;
    } else {
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), int64_t{0});
      const auto middle = order.begin() + std::max<int64_t>(0, n - nans - 1) / 2;
      // The median is that of the stable order.
      std::nth_element(order.begin(), middle, order.end(), [row](int64_t a, int64_t b) {
        return less(row[a], row[b]) || (!less(row[b], row[a]) && a < b);
      });
      found = *middle;
    }
    *value = row[found];
    *index = found;
  });
}

void mode(const Tensor& values, const Tensor& indices, const Tensor& in) {
  const int64_t n = in.size(1);
  for_each_row(values, indices, in, 1, [=]<class T>(const T* row, T* value, int64_t* index) {
    using Entry = std::pair<T, int64_t>;
    std::vector<Entry> entries(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) entries[static_cast<size_t>(i)] = {row[i], i};
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return less(a.first, b.first); });
    int64_t most = 0, run = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      ++run;
      using C = compute_t<T>;
      if (i + 1 < entries.size() && static_cast<C>(entries[i].first) == static_cast<C>(entries[i + 1].first)) continue;
      if (run > most) {
        most = run;
        *value = entries[i].first;
        *index = entries[i].second;
      }
      run = 0;
    }
  });
}

}  // namespace ember::cpu
