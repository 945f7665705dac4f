#include <ember/cuda/probe.h>

namespace ember::cuda {

__global__ void probe() {}

cudaError_t probe_architecture(int* version) {
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, probe);
  *version = attributes.ptxVersion;
  return status;
}

}  // namespace ember::cuda
