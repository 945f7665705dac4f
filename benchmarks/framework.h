// The framework under measurement: Ember, or LibTorch when a benchmark is built as its twin from the same
// source. Everything that the two spell differently is here.
#pragma once

#include <cstdint>
#include <string>

#ifdef EMBER_BENCHMARK_LIBTORCH
#include <torch/torch.h>
#else
#include <ember/ember.h>
#endif

namespace framework {

struct Memory {
  int64_t live = 0;      // bytes held by tensors at the peak; -1 where the framework does not count them
  int64_t reserved = 0;  // bytes held from the system at the peak; -1 likewise
};

#ifdef EMBER_BENCHMARK_LIBTORCH
inline constexpr const char* kName = "LibTorch";
inline std::string version() { return TORCH_VERSION; }
using Error = c10::Error;
inline void synchronize(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize();
}
inline Memory peak_memory(torch::Device) { return {-1, -1}; }
inline std::string why_no_cuda() { return "LibTorch finds no CUDA device"; }
#else
inline constexpr const char* kName = "Ember";
inline std::string version() { return EMBER_BENCHMARK_VERSION; }
using Error = ember::Error;
inline void synchronize(ember::Device device) {
  if (device.is_cuda()) ember::cuda::synchronize();
}
inline Memory peak_memory(ember::Device device) {
  const ember::MemoryStats stats = device.is_cuda() ? ember::cuda::memory_stats() : ember::cpu::memory_stats();
  return {static_cast<int64_t>(stats.peak_live), static_cast<int64_t>(stats.peak_reserved)};
}
inline std::string why_no_cuda() { return ember::cuda::why_unavailable(); }
#endif

}  // namespace framework

#ifdef EMBER_BENCHMARK_LIBTORCH
namespace fw = torch;
#else
namespace fw = ember;
#endif
