// The handles of cuBLAS and cuBLASLt. A handle may be used by one thread at a time and costs milliseconds to make, so
// that threads borrow them from a pool of the device. Each is made at its first use.
#pragma once

#include <cublasLt.h>
#include <cublas_v2.h>

#include <ember/cuda/context.h>

namespace ember::cuda {

[[noreturn]] void throw_cublas_error(cublasStatus_t status, const char* command);

#define EMBER_CUBLAS_CHECK(call) \
  do { \
    const cublasStatus_t ember_cublas_status = (call); \
    if (ember_cublas_status != CUBLAS_STATUS_SUCCESS) [[unlikely]] \
      ::ember::cuda::throw_cublas_error(ember_cublas_status, #call); \
  } while (false)

// NVIDIA's recommendation for a workspace, in bytes: 32 MiB from Hopper on, 4 MiB before.
inline size_t blas_workspace_size(const DeviceInfo& device) { return size_t{device.major >= 9 ? 32u : 4u} << 20; }

// The calling thread's handle for a device, set to `stream`, with a workspace of that stream's own (shared
// workspaces would make results depend on timing). It stays this thread's until the thread ends.
cublasHandle_t blas_handle(const DeviceInfo& device, cudaStream_t stream);

// The calling thread's cuBLASLt and its plans for a device; they too stay this thread's until it ends, and are then
// another's.
struct LtContext;
LtContext& lt_context(const DeviceInfo& device);

}  // namespace ember::cuda
