// Binary search among boundaries, and counting in equal bins.
#include <algorithm>
#include <type_traits>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

void searchsorted(const Tensor& out, const Tensor& boundaries, const Tensor& values, const Tensor& sorter, bool right) {
  const int64_t n = boundaries.size(boundaries.dim() - 1);
  const int64_t per_row = boundaries.dim() == 1 ? std::max<int64_t>(1, values.numel()) : values.size(1);
  visit_dtype<DtypeSet::Numeric>(values.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const T* const x = static_cast<const T*>(values.data_ptr());
    const T* const all = static_cast<const T*>(boundaries.data_ptr());
    const int64_t* const order = sorter.defined() ? static_cast<const int64_t*>(sorter.data_ptr()) : nullptr;
    const auto search = [&](auto* to) {
      parallel_for(0, values.numel(), kGrain / 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = i / per_row * n;
          const C value = static_cast<C>(x[i]);
          int64_t low = 0, high = n;
          while (low < high) {
            const int64_t middle = low + (high - low) / 2;
            const C boundary = static_cast<C>(all[row + (order != nullptr ? order[row + middle] : middle)]);
            // Written so that a NaN, the value or the boundary, is behind everything.
            if (right ? !(boundary > value) : !(boundary >= value)) {
              low = middle + 1;
            } else {
              high = middle;
            }
          }
          to[i] = static_cast<std::remove_reference_t<decltype(*to)>>(low);
        }
      });
    };
    if (out.dtype() == kInt32) {
      search(static_cast<int32_t*>(out.data_ptr()));
    } else {
      search(static_cast<int64_t*>(out.data_ptr()));
    }
  });
}

void histc(const Tensor& counts, const Tensor& in, double min, double max) {
  const int64_t bins = counts.numel(), n = in.numel();
  int64_t* const to = static_cast<int64_t*>(counts.data_ptr());
  std::fill(to, to + bins, int64_t{0});
  visit_dtype<DtypeSet::Floating>(in.dtype(), [&]<class T>() {
    using C = compute_t<T>;
    const T* const x = static_cast<const T*>(in.data_ptr());
    const C low = static_cast<C>(min), high = static_cast<C>(max);
    for (int64_t i = 0; i < n; ++i) {
      const C value = static_cast<C>(x[i]);
      if (!(value >= low && value <= high)) continue;  // NaN too
      const int64_t bin = static_cast<int64_t>((value - low) * static_cast<C>(bins) / (high - low));
      ++to[std::min(bin, bins - 1)];
    }
  });
}

}  // namespace ember::cpu
