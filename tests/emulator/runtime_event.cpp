// Events. One is its latest record, which is an operation of the stream it was recorded on.
#include "runtime_state.h"

namespace emulator {

namespace {

void create_event(cudaEvent_t* event, unsigned flags) {
  constexpr unsigned kKnown = cudaEventBlockingSync | cudaEventDisableTiming | cudaEventInterprocess;
  if (event == nullptr || (flags & ~kKnown) != 0) fail(cudaErrorInvalidValue);
  const auto made = std::make_shared<Event>();
  made->device = current_device();
  made->timing = (flags & cudaEventDisableTiming) == 0;
  *event = static_cast<cudaEvent_t>(runtime().event_handles.add(made));
}

void record_event(Lock& lock, cudaEvent_t handle, cudaStream_t stream_handle) {
  const std::shared_ptr<Event> event = runtime().event_handles.at(handle);
  const StreamPtr stream = stream_of(stream_handle);
  if (event->device != stream->device) fail(cudaErrorInvalidResourceHandle);
  check_implicit(*stream, true);
  if (stream->capture) {
    if (stream->capture->invalidated) fail(cudaErrorStreamCaptureInvalidated);
    event->capture = stream->capture;
    event->nodes = stream->last;
    event->record = nullptr;
    return;
  }
  event->capture = nullptr;
  event->record = submit(lock, stream, Work());
}

// The record that the host may wait for; null: it is done.
OperationPtr pending_record(const Event& event) {
  check_context(event.device);
  if (event.capture) invalidate_and_fail(*event.capture, cudaErrorCapturedEvent);
  check_unsafe();
  return event.record != nullptr && !event.record->done ? event.record : nullptr;
}

}  // namespace

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return call([&](Lock&) { create_event(event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call([&](Lock&) { create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call([&](Lock&) { runtime().event_handles.take(event); });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&](Lock& lock) { record_event(lock, event, stream); });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  return call([&](Lock& lock) {
    if (flags != cudaEventRecordDefault) fail(cudaErrorNotSupported);
    record_event(lock, event, stream);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return call([&](Lock&) {
    const std::shared_ptr<Event> event = runtime().event_handles.at(handle);
    const OperationPtr record = pending_record(*event);
    if (record == nullptr) return;
    nudge(record);
    check_context(event->device);
    fail(cudaErrorNotReady);
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return call([&](Lock& lock) {
    const std::shared_ptr<Event> event = runtime().event_handles.at(handle);
    finish(lock, pending_record(*event));
    check_context(event->device);
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start_handle, cudaEvent_t end_handle) {
  return call([&](Lock&) {
    const std::shared_ptr<Event> start = runtime().event_handles.at(start_handle);
    const std::shared_ptr<Event> end = runtime().event_handles.at(end_handle);
    for (const auto& event : {start, end}) {
      if (!event->timing || event->record == nullptr || event->device != start->device) {
        fail(cudaErrorInvalidResourceHandle);
      }
    }
    check_context(start->device);
    if (!start->record->done || !end->record->done) fail(cudaErrorNotReady);
    *milliseconds = std::chrono::duration<float, std::milli>(end->record->when - start->record->when).count();
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t event_handle, unsigned flags) {
  return call([&](Lock& lock) {
    if (flags != cudaEventWaitDefault) fail(cudaErrorNotSupported);
    const std::shared_ptr<Event> event = runtime().event_handles.at(event_handle);
    wait_for_event(lock, stream_of(stream_handle), *event);
  });
}
}
