// Kernels around the replay of graphs.
#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime_api.h>

namespace ember::cuda {

// Copies `nbytes`, a multiple of 16, from the host to `device`, aligned to 16; `host` may change at once. The values
// travel as arguments of kernels, so that nothing waits and no copy engine is involved.
void store_values(void* device, const void* host, size_t nbytes, cudaStream_t stream);

// Keeps the stream busy for about that long.
void delay(cudaStream_t stream, int64_t microseconds);

}  // namespace ember::cuda
