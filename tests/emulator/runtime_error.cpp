// Statuses: their names and texts, which are CUDA's, and the last one of a thread.
#include "runtime_state.h"

namespace emulator {

namespace {

thread_local cudaError_t t_last = cudaSuccess;

struct Text {
  cudaError_t status;
  const char* name;
  const char* text;
};

#define EMULATOR_TEXT(status, text) \
  Text { status, #status, text }
constexpr Text kTexts[] = {
    EMULATOR_TEXT(cudaSuccess, "no error"),
    EMULATOR_TEXT(cudaErrorInvalidValue, "invalid argument"),
    EMULATOR_TEXT(cudaErrorMemoryAllocation, "out of memory"),
    EMULATOR_TEXT(cudaErrorInitializationError, "initialization error"),
    EMULATOR_TEXT(cudaErrorCudartUnloading, "driver shutting down"),
    EMULATOR_TEXT(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    EMULATOR_TEXT(cudaErrorInvalidSymbol, "invalid device symbol"),
    EMULATOR_TEXT(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    EMULATOR_TEXT(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    EMULATOR_TEXT(cudaErrorMissingConfiguration, "__global__ function call is not configured"),
    EMULATOR_TEXT(cudaErrorInvalidDeviceFunction, "invalid device function"),
    EMULATOR_TEXT(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    EMULATOR_TEXT(cudaErrorInvalidDevice, "invalid device ordinal"),
    EMULATOR_TEXT(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    EMULATOR_TEXT(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    EMULATOR_TEXT(cudaErrorInvalidPtx, "a PTX JIT compilation failed"),
    EMULATOR_TEXT(cudaErrorUnsupportedPtxVersion, "the provided PTX was compiled with an unsupported toolchain."),
    EMULATOR_TEXT(cudaErrorOperatingSystem, "OS call failed or operation not supported on this OS"),
    EMULATOR_TEXT(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    EMULATOR_TEXT(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    EMULATOR_TEXT(cudaErrorSymbolNotFound, "named symbol not found"),
    EMULATOR_TEXT(cudaErrorNotReady, "device not ready"),
    EMULATOR_TEXT(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    EMULATOR_TEXT(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    EMULATOR_TEXT(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    EMULATOR_TEXT(cudaErrorPeerAccessAlreadyEnabled, "peer access is already enabled"),
    EMULATOR_TEXT(cudaErrorPeerAccessNotEnabled, "peer access has not been enabled"),
    EMULATOR_TEXT(cudaErrorContextIsDestroyed, "context is destroyed"),
    EMULATOR_TEXT(cudaErrorAssert, "device-side assert triggered"),
    EMULATOR_TEXT(cudaErrorHostMemoryAlreadyRegistered, "part or all of the requested memory range is already mapped"),
    EMULATOR_TEXT(cudaErrorHostMemoryNotRegistered, "pointer does not correspond to a registered memory region"),
    EMULATOR_TEXT(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    EMULATOR_TEXT(cudaErrorMisalignedAddress, "misaligned address"),
    EMULATOR_TEXT(cudaErrorLaunchFailure, "unspecified launch failure"),
    EMULATOR_TEXT(cudaErrorNotPermitted, "operation not permitted"),
    EMULATOR_TEXT(cudaErrorNotSupported, "operation not supported"),
    EMULATOR_TEXT(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    EMULATOR_TEXT(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    EMULATOR_TEXT(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    EMULATOR_TEXT(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    EMULATOR_TEXT(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    EMULATOR_TEXT(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    EMULATOR_TEXT(cudaErrorStreamCaptureImplicit,
                  "operation would make the legacy stream depend on a capturing blocking stream"),
    EMULATOR_TEXT(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    EMULATOR_TEXT(cudaErrorStreamCaptureWrongThread,
                  "attempt to terminate a thread-local capture sequence from another thread"),
    EMULATOR_TEXT(cudaErrorUnknown, "unknown error"),
};
#undef EMULATOR_TEXT

const Text* find(cudaError_t status) {
  for (const Text& text : kTexts) {
    if (text.status == status) return &text;
  }
  return nullptr;
}

// Whether it has ended the current device's context, and so stays.
bool is_sticky(cudaError_t status) {
  if (status == cudaSuccess || settings().devices == 0) return false;
  const Lock lock(runtime().mutex);
  return runtime().devices[static_cast<size_t>(current_device())].error == status;
}

}  // namespace

void fail(cudaError_t status) { throw Failure{status}; }

cudaError_t note(cudaError_t status) {
  if (status != cudaSuccess) t_last = status;
  return status;
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t last = t_last;
  if (!is_sticky(last)) t_last = cudaSuccess;
  return last;
}

cudaError_t cudaPeekAtLastError() { return t_last; }

const char* cudaGetErrorName(cudaError_t status) {
  const Text* const found = find(status);
  return found != nullptr ? found->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t status) {
  const Text* const found = find(status);
  return found != nullptr ? found->text : "unrecognized error code";
}

// The driver's statuses have the numbers and texts of the runtime's.
CUresult cuGetErrorString(CUresult status, const char** text) {
  const Text* const found = find(static_cast<cudaError_t>(status));
  *text = found != nullptr ? found->text : nullptr;
  return found != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
}
