// The one thread pool: OpenMP's, shared with oneDNN.
#pragma once

#include <cstdint>
#include <type_traits>

namespace ember {

// Threads used inside an operation on the CPU. The default is OMP_NUM_THREADS or the cores available.
int get_num_threads();
// Throws Error unless n >= 1.
void set_num_threads(int n);

namespace detail {
using RangeFn = void (*)(void* context, int64_t begin, int64_t end);
void parallel_for(int64_t begin, int64_t end, int64_t grain, RangeFn f, void* context);
}  // namespace detail

// Calls f(begin, end) on pieces of [begin, end) of at least `grain`, in the calling thread when there is
// one piece or when already inside a parallel region. An exception from any piece is rethrown here.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& f) {
  if (end - begin <= grain) {
    if (begin < end) f(begin, end);
    return;
  }
  detail::parallel_for(
      begin, end, grain, [](void* c, int64_t b, int64_t e) { (*static_cast<std::remove_reference_t<F>*>(c))(b, e); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace ember
