// The one thread pool: OpenMP's, shared with oneDNN.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace ember {

// Threads used inside an operation on the CPU. The default is OMP_NUM_THREADS or the cores available.
int get_num_threads();
// Throws Error unless n >= 1.
void set_num_threads(int n);

// Threads between operations: there is no such pool, the number is only kept. 1 until set.
int get_num_interop_threads();
void set_num_interop_threads(int n);
// Inside a piece of parallel_for: which of the threads runs it, and that one does.
int get_thread_num();
bool in_parallel_region();

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

// Joins, in order and by `join`, what f(begin, end, identity) gives of pieces of [begin, end) of at least `grain`. The
// pieces, and so the result, are the same whatever the number of threads.
template <class T, class F, class Join>
T parallel_reduce(int64_t begin, int64_t end, int64_t grain, const T& identity, const F& f, const Join& join) {
  constexpr int64_t kMaxPieces = 64;
  const int64_t n = end - begin;
  if (n <= 0) return identity;
  const int64_t size = std::max<int64_t>({grain, (n + kMaxPieces - 1) / kMaxPieces, 1});
  const int64_t pieces = (n + size - 1) / size;
  if (pieces == 1) return f(begin, end, identity);
  struct Slot {  // T may be bool, of which a vector has no references
    T value;
  };
  std::vector<Slot> results(static_cast<size_t>(pieces), Slot{identity});
  parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t b = begin + i * size;
      results[static_cast<size_t>(i)].value = f(b, std::min(end, b + size), identity);
    }
  });
  T result = identity;
  for (const Slot& piece : results) result = join(result, piece.value);
  return result;
}

}  // namespace ember
