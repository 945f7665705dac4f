// Stable sorts of rows: an insertion sort of few elements, a radix sort of many.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/core/sort_key.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

constexpr int64_t kInsertion = 32;  // up to so many elements
constexpr int kDigitBits = 8;

template <class Key, class Index>
struct Entry {
  Key key;
  Index index;
};

// Sorts by key; `spare` has room for as many. The sorted ones are in what is returned, one of the two.
template <class E>
E* sort_entries(E* entries, E* spare, int64_t n) {
  using Key = decltype(entries->key);
  if (n <= kInsertion) {
    for (int64_t i = 1; i < n; ++i) {
      const E e = entries[i];
      int64_t j = i;
      for (; j > 0 && entries[j - 1].key > e.key; --j) entries[j] = entries[j - 1];
      entries[j] = e;
    }
    return entries;
  }
  if (n < 256 && sizeof(Key) > 2) {
    std::stable_sort(entries, entries + n, [](const E& a, const E& b) { return a.key < b.key; });
    return entries;
  }
  constexpr size_t kDigits = sizeof(Key);
  constexpr size_t kValues = size_t{1} << kDigitBits;
  std::vector<int64_t> counts(kDigits * kValues);
  for (int64_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < kDigits; ++d) {
      ++counts[d * kValues + (static_cast<uint64_t>(entries[i].key) >> (d * kDigitBits) & (kValues - 1))];
    }
  }
  for (size_t d = 0; d < kDigits; ++d) {
    int64_t* const count = counts.data() + d * kValues;
    const auto digit = [d](const E& e) { return static_cast<uint64_t>(e.key) >> (d * kDigitBits) & (kValues - 1); };
    if (count[digit(entries[0])] == n) continue;  // all the same
    int64_t at = 0;
    for (size_t v = 0; v < kValues; ++v) at += std::exchange(count[v], at);
    for (int64_t i = 0; i < n; ++i) spare[count[digit(entries[i])]++] = entries[i];
    std::swap(entries, spare);
  }
  return entries;
}

template <class T, class Index>
void sort_typed(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending) {
  using E = Entry<sort_key_t<T>, Index>;
  const int64_t rows = in.size(0), n = in.size(1);
  const T* const from = static_cast<const T*>(in.data_ptr());
  T* const to = static_cast<T*>(values.data_ptr());
  int64_t* const order = static_cast<int64_t*>(indices.data_ptr());
  parallel_for(0, rows, std::max<int64_t>(1, kGrain / 16 / n), [&](int64_t begin, int64_t end) {
    std::vector<E> entries(static_cast<size_t>(n)), spare(static_cast<size_t>(n > kInsertion ? n : 0));
    for (int64_t r = begin; r < end; ++r) {
      const T* const row = from + r * n;
      for (int64_t i = 0; i < n; ++i) {
        const auto key = sort_key(row[i]);
        entries[static_cast<size_t>(i)] = {static_cast<sort_key_t<T>>(descending ? ~key : key), static_cast<Index>(i)};
      }
      const E* const sorted = sort_entries(entries.data(), spare.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        order[r * n + i] = static_cast<int64_t>(sorted[i].index);
        to[r * n + i] = row[sorted[i].index];
      }
    }
  });
}

}  // namespace

void sort(const Tensor& values, const Tensor& indices, const Tensor& in, bool descending) {
  if (in.numel() == 0) return;
  visit_dtype(in.dtype(), [&]<class T>() {
    // A bool is a byte of 0 or 1.
    using Stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
    if (in.size(1) <= int64_t{1} << 32) {
      sort_typed<Stored, uint32_t>(values, indices, in, descending);
    } else {
      sort_typed<Stored, uint64_t>(values, indices, in, descending);
    }
  });
}

void sort_rows(const Tensor& order, const Tensor& in) {
  const int64_t rows = in.size(0), n = in.size(1);
  int64_t* const to = static_cast<int64_t*>(order.data_ptr());
  std::iota(to, to + rows, int64_t{0});
  visit_dtype(in.dtype(), [&]<class E>() {
    using T = std::conditional_t<std::is_same_v<E, bool>, uint8_t, E>;
    const T* const from = static_cast<const T*>(in.data_ptr());
    std::stable_sort(to, to + rows, [&](int64_t a, int64_t b) {
      const T* const x = from + a * n;
      const T* const y = from + b * n;
      for (int64_t i = 0; i < n; ++i) {
        const auto p = sort_key(x[i]), q = sort_key(y[i]);
        if (p != q) return p < q;
      }
      return false;
    });
  });
}

}  // namespace ember::cpu
