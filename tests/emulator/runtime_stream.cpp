// Streams.
#include <algorithm>

#include "runtime_state.h"

namespace emulator {

namespace {

constexpr int kHighestPriority = -5;  // numerically, the highest is the smallest

StreamPtr stream_of_thread(int device) {
  StreamPtr& stream = runtime().devices[static_cast<size_t>(device)].of_threads[std::this_thread::get_id()];
  if (stream == nullptr) stream = make_stream(device, true, 0);
  return stream;
}

void create_stream(cudaStream_t* stream, unsigned flags, int priority) {
  if (stream == nullptr || (flags & ~unsigned{cudaStreamNonBlocking}) != 0) fail(cudaErrorInvalidValue);
  const StreamPtr made = make_stream(current_device(), flags == 0, std::clamp(priority, kHighestPriority, 0));
  *stream = static_cast<cudaStream_t>(runtime().stream_handles.add(made));
}

}  // namespace

StreamPtr make_stream(int device, bool blocking, int priority) {
  const StreamPtr stream = std::make_shared<Stream>();
  stream->device = device;
  stream->blocking = blocking;
  stream->priority = priority;
  runtime().streams.push_back(stream);
  return stream;
}

StreamPtr stream_of(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) {
    return runtime().devices[static_cast<size_t>(current_device())].legacy;
  }
  if (handle == cudaStreamPerThread) return stream_of_thread(current_device());
  const StreamPtr& stream = runtime().stream_handles.at(handle);
  check_context(stream->device);
  return stream;
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  return call([&](Lock&) {
    if (lowest != nullptr) *lowest = 0;
    if (highest != nullptr) *highest = kHighestPriority;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return call([&](Lock&) { create_stream(stream, cudaStreamDefault, 0); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call([&](Lock&) { create_stream(stream, flags, 0); });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return call([&](Lock&) { create_stream(stream, flags, priority); });
}

// What is queued still runs.
cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return call([&](Lock&) {
    const StreamPtr stream = runtime().stream_handles.take(handle);
    leave_capture(*stream);
    stream->destroyed = true;
    if (stream->queue.empty()) std::erase(runtime().streams, stream);
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t stream, int* priority) {
  return call([&](Lock&) { *priority = stream_of(stream)->priority; });
}

cudaError_t cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
  return call([&](Lock&) { *flags = stream_of(stream)->blocking ? cudaStreamDefault : cudaStreamNonBlocking; });
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  return call([&](Lock&) { *device = stream_of(stream)->device; });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call([&](Lock& lock) {
    const StreamPtr stream = stream_of(handle);
    check_wait(*stream);
    finish(lock, last_of(lock, stream));
    check_context(stream->device);
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call([&](Lock& lock) {
    const StreamPtr stream = stream_of(handle);
    check_wait(*stream);
    const OperationPtr last = last_of(lock, stream);
    if (last == nullptr || last->done) return;
    nudge(last);
    check_context(stream->device);
    fail(cudaErrorNotReady);
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call([&](Lock& lock) {
    const int device = current_device();
    for (const StreamPtr& stream : runtime().streams) {
      if (stream->device == device && stream->capture) {
        invalidate_and_fail(*stream->capture, cudaErrorStreamCaptureUnsupported);
      }
    }
    finish_device(lock, device);
    check_context(device);
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return call([&](Lock& lock) {
    if (function == nullptr) fail(cudaErrorInvalidValue);
    Work work;
    work.name = "host function";
    work.host = [function, data] { function(data); };
    submit(lock, stream_of(stream), std::move(work));
  });
}
}
