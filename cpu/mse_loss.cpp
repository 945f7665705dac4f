// The squared error: one pass over both arrays, forward and backward. Pieces, and blocks of what is converted, do not
// depend on the number of threads.
#include <algorithm>
#include <functional>

#include <ember/core/parallel.h>
#include <ember/cpu/register.h>
#include <ember/cpu/row_buffers.h>
#include <ember/cpu/row_loops.h>

namespace ember::cpu {

namespace {

// f(start, count) over [begin, end): all at once, or in blocks that stay in the cache where E is converted.
template <class E, class F>
void for_each_block(int64_t begin, int64_t end, F f) {
  constexpr int64_t kConverted = 2048;
  const int64_t block = std::is_same_v<E, compute_t<E>> ? std::max<int64_t>(end - begin, 1) : kConverted;
  for (int64_t at = begin; at < end; at += block) f(at, std::min(block, end - at));
}

}  // namespace

void mse_loss(const Tensor& out, const Tensor& grad, const Tensor& x, const Tensor& y, double divisor) {
  if (grad.defined()) mse_loss_backward(grad, {}, x, y, 2 / divisor);
  visit_dtype<DtypeSet::Floating>(x.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    const RowLoops<T>& loop = row_loops<T>();
    const double sum = parallel_reduce(
        0, x.numel(), kGrain, 0.0,
        [&](int64_t begin, int64_t end, double) {
          Source<E> a(x), b(y);
          double part = 0;
          for_each_block<E>(
              begin, end, [&](int64_t at, int64_t n) { part += loop.squared_distance(a.get(at, n), b.get(at, n), n); });
          return part;
        },
        std::plus<double>());
    *static_cast<E*>(out.data_ptr()) = static_cast<E>(static_cast<T>(sum / divisor));
  });
}

void mse_loss_backward(const Tensor& grad_in, const Tensor& grad, const Tensor& x, const Tensor& y, double factor) {
  const int64_t numel = x.numel();
  visit_dtype<DtypeSet::Floating>(x.dtype(), [&]<class E>() {
    using T = compute_t<E>;
    const RowLoops<T>& loop = row_loops<T>();
    const bool one = grad.defined() && grad.numel() == 1;
    const T scale = static_cast<T>(factor) * (one ? static_cast<T>(*static_cast<const E*>(grad.data_ptr())) : T(1));
    const Tensor none;
    const Tensor& each = one ? none : grad;
    parallel_for(0, numel, kGrain, [&](int64_t begin, int64_t end) {
      Source<E> g(each), a(x), b(y);
      Sink<E> sink(grad_in);
      for_each_block<E>(begin, end, [&](int64_t at, int64_t n) {
        loop.scaled_difference(sink.get(at, n), g.get(at, n), a.get(at, n), b.get(at, n), scale, n);
        sink.put(at, n);
      });
    });
  });
}

}  // namespace ember::cpu
