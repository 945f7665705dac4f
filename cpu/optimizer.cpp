// The optimizers' steps: the elements of the whole list are dealt out to the threads, whatever parameter they are of.
#include <algorithm>
#include <cmath>
#include <vector>

#include <ember/core/parallel.h>
#include <ember/core/tensor.h>
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

namespace {

double read(const Tensor& norm) {
  return norm.dtype() == kFloat64 ? *norm.data_ptr<double>() : static_cast<double>(*norm.data_ptr<float>());
}

}  // namespace

// The sums of pieces of fixed length, added in their order: the same on any number of threads.
void list_norm(Device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm) {
  std::vector<double> sums;
  std::vector<std::pair<const GradientArray*, int64_t>> pieces;  // an array and where the piece begins in it
  for (const GradientArray& a : list) {
    for (int64_t at = 0; at < a.numel; at += kGrain) pieces.emplace_back(&a, at);
  }
  sums.resize(pieces.size());
  parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [array, at] = pieces[static_cast<size_t>(i)];
      sums[static_cast<size_t>(i)] = sum_of_squares(dtype, *array, at, std::min(at + kGrain, array->numel));
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  total = std::sqrt(total);
  if (norm.dtype() == kFloat64) {
    *norm.data_ptr<double>() = total;
  } else {
    *norm.data_ptr<float>() = static_cast<float>(total);
  }
}

void list_clip(Device, ScalarType dtype, ArrayRef<GradientArray> list, const Tensor& norm, double max_norm) {
  const double factor = max_norm / (read(norm) + 1e-6);
  if (factor >= 1) return;
  for_each_range(list,
                 [&](const GradientArray& a, int64_t begin, int64_t end) { multiply(dtype, a, factor, begin, end); });
}

}  // namespace ember::cpu
