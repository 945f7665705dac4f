// The optimizers' steps: the elements of the whole list are dealt out to the threads, whatever parameter they are of.
#include <algorithm>

#include <ember/core/parallel.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/optimizer_loops.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

namespace {

template <class Arrays, class F>
void for_each_range(ArrayRef<Arrays> list, F f) {
  int64_t total = 0;
  for (const Arrays& a : list) total += a.numel;
  parallel_for(0, total, kGrain, [&](int64_t begin, int64_t end) {
    int64_t start = 0;  // of the array in the whole
    for (const Arrays& a : list) {
      const int64_t first = std::max(begin, start), last = std::min(end, start + a.numel);
      if (first < last) f(a, first - start, last - start);
      start += a.numel;
      if (start >= end) break;
    }
  });
}

}  // namespace

void sgd(Device, ScalarType dtype, ArrayRef<SgdArrays> list, const SgdStep& step) {
  for_each_range(list, [&](const SgdArrays& a, int64_t begin, int64_t end) { sgd_range(dtype, a, step, begin, end); });
}

void adam(Device, ScalarType dtype, ArrayRef<AdamArrays> list, const AdamStep& step) {
  for_each_range(list,
                 [&](const AdamArrays& a, int64_t begin, int64_t end) { adam_range(dtype, a, step, begin, end); });
}

}  // namespace ember::cpu
