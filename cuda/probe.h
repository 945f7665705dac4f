// Whether this build holds code for the current device.
#pragma once

#include <cuda_runtime_api.h>

namespace ember::cuda {

// cudaSuccess, or the error that CUDA gives for a kernel on the current device, none being launched.
cudaError_t probe_architecture();

}  // namespace ember::cuda
