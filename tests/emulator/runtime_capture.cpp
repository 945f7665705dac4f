// Streams that record graphs: what belongs to a capture, and what ends one.
#include <algorithm>
#include <numeric>

#include "runtime_state.h"

namespace emulator {

namespace {

thread_local cudaStreamCaptureMode t_mode = cudaStreamCaptureModeGlobal;

void merge(std::vector<size_t>& nodes, const std::vector<size_t>& others) {
  for (const size_t node : others) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
  }
}

// Whether everything that other streams have recorded comes before the end of the first.
bool is_joined(const Capture& capture) {
  std::vector<bool> reached(capture.nodes->size(), false);
  for (const size_t node : capture.origin->last) reached[node] = true;
  for (size_t i = reached.size(); i-- > 0;) {  // a node comes after those it depends on
    if (!reached[i]) continue;
    for (const size_t before : (*capture.nodes)[i].after) reached[before] = true;
  }
  return std::all_of(capture.members.begin(), capture.members.end(), [&](const StreamPtr& member) {
    return std::all_of(member->last.begin(), member->last.end(), [&](size_t node) { return reached[node]; });
  });
}

void end(Capture& capture) {
  capture.active = false;
  for (const StreamPtr& member : capture.members) {
    member->capture = nullptr;
    member->last.clear();
  }
  capture.members.clear();
  std::erase_if(runtime().captures, [&](const std::shared_ptr<Capture>& other) { return other.get() == &capture; });
}

void begin_capture(const StreamPtr& stream, cudaStreamCaptureMode mode) {
  static uint64_t count = 0;
  if (stream->legacy) fail(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) fail(cudaErrorIllegalState);
  const auto capture = std::make_shared<Capture>();
  capture->id = ++count;
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->origin = stream.get();
  capture->members.push_back(stream);
  stream->capture = capture;
  runtime().captures.push_back(capture);
}

void end_capture(const StreamPtr& stream, cudaGraph_t* graph) {
  *graph = nullptr;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture == nullptr) fail(cudaErrorIllegalState);
  if (capture->origin != stream.get()) invalidate_and_fail(*capture, cudaErrorStreamCaptureUnmatched);
  if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id()) {
    fail(cudaErrorStreamCaptureWrongThread);
  }
  const bool joined = is_joined(*capture);
  end(*capture);
  if (capture->invalidated) fail(cudaErrorStreamCaptureInvalidated);
  if (!joined) fail(cudaErrorStreamCaptureUnjoined);
  *graph = static_cast<cudaGraph_t>(runtime().graph_handles.add(std::make_shared<Graph>(Graph{capture->nodes})));
}

cudaStreamCaptureStatus status_of(const Stream& stream) {
  check_implicit(stream, false);
  if (stream.capture == nullptr) return cudaStreamCaptureStatusNone;
  return stream.capture->invalidated ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
}

}  // namespace

void invalidate_and_fail(Capture& capture, cudaError_t status) {
  capture.invalidated = true;
  fail(status);
}

void add_node(Stream& stream, Work work) {
  Capture& capture = *stream.capture;
  if (capture.invalidated) fail(cudaErrorStreamCaptureInvalidated);
  capture.nodes->push_back({std::move(work), std::move(stream.last)});
  stream.last = {capture.nodes->size() - 1};
}

void check_implicit(const Stream& stream, bool invalidate) {
  if (!stream.legacy) return;
  for (const std::shared_ptr<Capture>& capture : runtime().captures) {
    for (const StreamPtr& member : capture->members) {
      if (member->device != stream.device || !member->blocking) continue;
      if (invalidate) capture->invalidated = true;
      fail(cudaErrorStreamCaptureImplicit);
    }
  }
}

void check_unsafe() {
  if (t_mode == cudaStreamCaptureModeRelaxed) return;
  bool forbidden = false;
  for (const std::shared_ptr<Capture>& capture : runtime().captures) {
    const bool own = capture->thread == std::this_thread::get_id();
    const bool forbids = own ? capture->mode != cudaStreamCaptureModeRelaxed
                             : t_mode == cudaStreamCaptureModeGlobal && capture->mode == cudaStreamCaptureModeGlobal;
    capture->invalidated |= forbids;
    forbidden |= forbids;
  }
  if (forbidden) fail(cudaErrorStreamCaptureUnsupported);
}

void check_wait(const Stream& stream) {
  if (stream.capture) invalidate_and_fail(*stream.capture, cudaErrorStreamCaptureUnsupported);
  check_implicit(stream, true);
  check_unsafe();
}

void wait_for_event(Lock& lock, const StreamPtr& stream, const Event& event) {
  if (event.capture == nullptr) {
    if (event.record == nullptr) return;  // never recorded
    check_implicit(*stream, true);
    // Nothing but the order of its own stream may cross the borders of a capture.
    if (stream->capture) invalidate_and_fail(*stream->capture, cudaErrorStreamCaptureIsolation);
    if (!event.record->done) enqueue(lock, stream, std::make_shared<const Work>(), {event.record});
    return;
  }
  Capture& capture = *event.capture;
  if (!capture.active) fail(cudaErrorCapturedEvent);
  if (capture.invalidated) fail(cudaErrorStreamCaptureInvalidated);
  if (stream->legacy) invalidate_and_fail(capture, cudaErrorStreamCaptureImplicit);
  if (stream->capture != nullptr && stream->capture != event.capture) {
    stream->capture->invalidated = true;
    invalidate_and_fail(capture, cudaErrorStreamCaptureMerge);
  }
  if (stream->capture == nullptr) {
    stream->capture = event.capture;
    capture.members.push_back(stream);
  }
  merge(stream->last, event.nodes);
}

void leave_capture(Stream& stream) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture == nullptr) return;
  capture->invalidated = true;
  if (capture->origin == &stream) return end(*capture);
  std::erase_if(capture->members, [&](const StreamPtr& member) { return member.get() == &stream; });
  stream.capture = nullptr;
}

}  // namespace emulator

using namespace emulator;  // NOLINT

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call([&](Lock&) { begin_capture(stream_of(stream), mode); });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&](Lock&) { end_capture(stream_of(stream), graph); });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return call([&](Lock&) { *status = status_of(*stream_of(stream)); });
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** dependencies,
                                     const cudaGraphEdgeData** edges, size_t* dependency_count) {
  return call([&](Lock&) {
    if (graph != nullptr || dependencies != nullptr || edges != nullptr || dependency_count != nullptr) {
      fail(cudaErrorNotSupported);
    }
    const StreamPtr stream = stream_of(handle);
    *status = status_of(*stream);
    if (stream->capture && id != nullptr) *id = stream->capture->id;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return call([&](Lock&) { std::swap(*mode, t_mode); });
}
}
