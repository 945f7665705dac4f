#include <ember/core/error.h>
#include <ember/core/parallel.h>

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace ember {

namespace {
// 0 until set: then OpenMP's own default counts, which may change until the first use.
std::atomic<int> num_threads{0};
std::atomic<int> num_interop_threads{1};
}  // namespace

int get_num_threads() {
  const int n = num_threads.load(std::memory_order_relaxed);
  return n != 0 ? n : omp_get_max_threads();
}

void set_num_threads(int n) {
  EMBER_CHECK(n >= 1, "set_num_threads: expected at least 1, got ", n);
  num_threads.store(n, std::memory_order_relaxed);
  omp_set_num_threads(n);
}

int get_num_interop_threads() { return num_interop_threads.load(std::memory_order_relaxed); }

void set_num_interop_threads(int n) {
  EMBER_CHECK(n >= 1, "set_num_interop_threads: expected at least 1, got ", n);
  num_interop_threads.store(n, std::memory_order_relaxed);
}

int get_thread_num() { return omp_get_thread_num(); }
bool in_parallel_region() { return omp_in_parallel() != 0; }

namespace detail {

void parallel_for(int64_t begin, int64_t end, int64_t grain, RangeFn f, void* context) {
  const int64_t n = end - begin;
  if (n <= 0) return;
  const int64_t pieces = std::min<int64_t>(get_num_threads(), (n + grain - 1) / std::max<int64_t>(grain, 1));
  if (pieces <= 1 || omp_in_parallel()) {
    f(context, begin, end);
    return;
  }
  std::exception_ptr error;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  const int64_t piece = (n + pieces - 1) / pieces;
#pragma omp parallel num_threads(static_cast <int>(pieces))
  {
    // OpenMP may give fewer threads than asked: the pieces are dealt out by the threads there are.
    for (int64_t i = omp_get_thread_num(); i < pieces; i += omp_get_num_threads()) {
      const int64_t b = begin + i * piece;
      const int64_t e = std::min(end, b + piece);
      if (b >= e) continue;
      try {
        f(context, b, e);
      } catch (...) {
        if (!failed.test_and_set()) error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

}  // namespace ember
