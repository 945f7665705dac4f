// Whether this build holds code for the current device.
#pragma once

#include <cuda_runtime_api.h>

namespace ember::cuda {

// cudaSuccess, or the error that CUDA gives for a kernel on the current device, none being launched. `version`: that of
// the virtual architecture that its code was compiled for, 90 for compute_90.
cudaError_t probe_architecture(int* version);

}  // namespace ember::cuda
