// Evenly spaced values.
#include <ember/core/parallel.h>
#include <ember/cpu/convert.h>
#include <ember/cpu/elementwise.h>
#include <ember/cpu/register.h>

namespace ember::cpu {

void arange(const Tensor& out, const Scalar& start, const Scalar& step) {
  visit_dtype(out.dtype(), [&]<class T>() {
    T* const p = static_cast<T*>(out.data_ptr());
    parallel_for(0, out.numel(), kGrain, [&](int64_t begin, int64_t end) {
      if constexpr (is_floating_v<T>) {
        const double first = start.toDouble();
        const double by = step.toDouble();
        for (int64_t i = begin; i < end; ++i) p[i] = convert<T>(first + by * static_cast<double>(i));
      } else {
        // Unsigned, so that a step past the end of the range wraps.
        const auto first = static_cast<uint64_t>(start.cast<int64_t>());
        const auto by = static_cast<uint64_t>(step.cast<int64_t>());
        for (int64_t i = begin; i < end; ++i) {
          p[i] = convert<T>(static_cast<int64_t>(first + by * static_cast<uint64_t>(i)));
        }
      }
    });
  });
}

void linspace(const Tensor& out, const Scalar& start, const Scalar& end) {
  const int64_t n = out.numel();
  visit_dtype(out.dtype(), [&]<class T>() {
    T* const p = static_cast<T*>(out.data_ptr());
    // Narrow types are spaced in float, the rest in double; each half is measured from its own end, which
    // makes both exact.
    using Step = std::conditional_t<std::is_same_v<compute_t<T>, float>, float, double>;
    const Step first = start.cast<Step>();
    const Step last = end.cast<Step>();
    const Step by = n > 1 ? (last - first) / static_cast<Step>(n - 1) : Step(0);
    parallel_for(0, n, kGrain, [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i) {
        const bool lower = i < n / 2 || n == 1;
        p[i] = convert<T>(lower ? first + by * static_cast<Step>(i) : last - by * static_cast<Step>(n - 1 - i));
      }
    });
  });
}

}  // namespace ember::cpu
