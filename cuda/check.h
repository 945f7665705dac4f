// Every CUDA status is checked here: a failure names the command, the error and what CUDA says about it.
#pragma once

#include <utility>

#include <cuda_runtime_api.h>

#include <ember/core/error.h>

namespace ember::cuda {

// Throws Error; clears the error where CUDA lets it be cleared, so that the next check does not see it.
[[noreturn]] void throw_cuda_error(cudaError_t status, const char* command);

#define EMBER_CUDA_CHECK(call) \
  do { \
    const cudaError_t ember_cuda_status = (call); \
    if (ember_cuda_status != cudaSuccess) [[unlikely]] \
      ::ember::cuda::throw_cuda_error(ember_cuda_status, #call); \
  } while (false)

// To be called after every kernel launch, with the kernel's name. With EMBER_CUDA_BLOCKING=1 in the
// environment it also waits for the kernel, so that a failure is reported by the kernel that caused it.
void check_launch(const char* kernel);

// Owns one CUDA event without timing. Destroying it while its work is queued is allowed.
class ScopedEvent {
 public:
  ScopedEvent() { EMBER_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  ~ScopedEvent() {
    if (event_ != nullptr) (void)cudaEventDestroy(event_);
  }
  ScopedEvent(ScopedEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  ScopedEvent& operator=(ScopedEvent&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace ember::cuda
