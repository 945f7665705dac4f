#include <ember/core/cuda_blas.h>

#include <atomic>

#include <ember/core/environment.h>

namespace ember::cuda {

namespace {

std::atomic<bool> g_allow_tf32{false};

std::atomic<bool>& benchmark_setting() {
  static std::atomic<bool> enabled = detail::is_switched_on("EMBER_CUDA_TUNE");
  return enabled;
}

}  // namespace

bool allow_tf32() { return g_allow_tf32.load(std::memory_order_relaxed); }
void set_allow_tf32(bool allowed) { g_allow_tf32.store(allowed, std::memory_order_relaxed); }

bool benchmark() { return benchmark_setting().load(std::memory_order_relaxed); }
void set_benchmark(bool enabled) { benchmark_setting().store(enabled, std::memory_order_relaxed); }

}  // namespace ember::cuda
