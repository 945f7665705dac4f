#include <ember/cuda/probe.h>

namespace ember::cuda {

__global__ void probe() {}

cudaError_t probe_architecture() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, probe);
}

}  // namespace ember::cuda
