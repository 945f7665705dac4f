// What the drivers of the caching allocators share when they are CUDA's.
#pragma once

#include <memory>
#include <vector>

#include <ember/cuda/allocator_driver.h>
#include <ember/cuda/context.h>

namespace ember::cuda {

// Allows in this thread what CUDA holds to be unsafe while a stream records a graph: memory that is made then is no
// part of the graph.
class RelaxedCapture {
 public:
  RelaxedCapture() { EMBER_CUDA_CHECK(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  ~RelaxedCapture() { (void)cudaThreadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

struct DriverScope {
  explicit DriverScope(int index) : device(index) {}
  DeviceScope device;
  RelaxedCapture relaxed;
};

// Events are made once and used again.
template <class Base>
class CudaEvents : public Base {
 public:
  explicit CudaEvents(int device) : device_(device) {}

  CUevent_st* record(StreamHandle stream) override {
    const DriverScope scope(device_);
    cudaEvent_t event = nullptr;
    if (!spare_events_.empty()) {
      event = spare_events_.back();
      spare_events_.pop_back();
    } else {
      spare_events_.reserve(1024);
      EMBER_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    }
    const cudaError_t status = cudaEventRecord(event, stream);
    if (status != cudaSuccess) {
      discard(event);
      throw_cuda_error(status, "cudaEventRecord");
    }
    return event;
  }
  bool passed(CUevent_st* event) override {
    const DriverScope scope(device_);
    const cudaError_t status = cudaEventQuery(event);
    if (status == cudaSuccess) return true;
    if (status != cudaErrorNotReady) throw_cuda_error(status, "cudaEventQuery");
    (void)cudaGetLastError();
    return false;
  }
  void wait(CUevent_st* event) override {
    const DriverScope scope(device_);
    EMBER_CUDA_CHECK(cudaEventSynchronize(event));
  }
  void discard(CUevent_st* event) noexcept override {
    if (spare_events_.size() < spare_events_.capacity()) {
      spare_events_.push_back(event);
    } else {
      (void)cudaEventDestroy(event);
    }
  }
  uint64_t capture_of(StreamHandle stream) override {
    const DeviceScope scope(device_);
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    unsigned long long id = 0;  // NOLINT: CUDA's type
    const cudaError_t status = cudaStreamGetCaptureInfo(stream, &capture, &id);
    if (status == cudaErrorStreamCaptureImplicit) {  // the default stream, while another records
      (void)cudaGetLastError();
      return EventDriver::kOtherCapture;
    }
    if (status != cudaSuccess) throw_cuda_error(status, "cudaStreamGetCaptureInfo");
    switch (capture) {
      case cudaStreamCaptureStatusNone: return 0;
      case cudaStreamCaptureStatusActive: return id;
      default: return EventDriver::kOtherCapture;  // a capture that has failed, and has not been ended
    }
  }

 protected:
  const int device_;

 private:
  std::vector<cudaEvent_t> spare_events_;
};

}  // namespace ember::cuda
