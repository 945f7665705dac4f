// Settings of the whole process that LibTorch programs read and set. Ember is deterministic whatever they say, but
// where cuda_blas.h says what benchmarkCuDNN, which is its benchmark(), costs; there is no cuDNN.
#pragma once

#include <atomic>

#include <ember/core/cuda_blas.h>
#include <ember/core/generator.h>

namespace ember {

class Context {
 public:
  bool deterministicAlgorithms() const { return deterministic_; }
  bool deterministicAlgorithmsWarnOnly() const { return warn_only_; }
  void setDeterministicAlgorithms(bool on, bool warn_only = false) {
    deterministic_ = on;
    warn_only_ = warn_only;
  }
  bool deterministicCuDNN() const { return deterministic_cudnn_; }
  void setDeterministicCuDNN(bool on) { deterministic_cudnn_ = on; }
  bool benchmarkCuDNN() const { return cuda::benchmark(); }
  void setBenchmarkCuDNN(bool on) { cuda::set_benchmark(on); }
  bool allowTF32CuBLAS() const { return cuda::allow_tf32(); }
  void setAllowTF32CuBLAS(bool on) { cuda::set_allow_tf32(on); }
  const Generator& defaultGenerator(Device device) const { return default_generator(device); }

 private:
  std::atomic<bool> deterministic_{false};
  std::atomic<bool> warn_only_{false};
  std::atomic<bool> deterministic_cudnn_{false};
};

inline Context& globalContext() {
  static Context context;
  return context;
}

}  // namespace ember
