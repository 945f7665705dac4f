// The one place that every kernel passes: picks the device's column, opens the profiler's range and puts
// the kernel's name into errors.
#pragma once

#include <ember/core/kernels.h>

namespace ember {

namespace detail {

// Registers the backends if that has not been done; throws unless the device's column has the kernel.
void ensure_kernel(const char* kernel, const void* function, Device device);

extern bool profiler_ranges;  // EMBER_NVTX=1, or set_profiler_ranges(true)

class ProfilerRange {
 public:
  ProfilerRange(const char* name, Device device) : device_(device), active_(profiler_ranges) {
    if (active_) [[unlikely]] push(name);
  }
  ~ProfilerRange() {
    if (active_) [[unlikely]] pop();
  }
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;

 private:
  void push(const char* name) noexcept;
  void pop() noexcept;
  Device device_;
  bool active_;
};

[[noreturn]] void rethrow_from_kernel(const char* kernel);

}  // namespace detail

// Named ranges for Nsight around every kernel launch; off unless asked for here or by EMBER_NVTX=1.
void set_profiler_ranges(bool enabled);

template <class... P, class... Args>
void launch(Kernel<void(P...)>& kernel, Device device, Args&&... args) {
  const auto column = static_cast<size_t>(device.type());
  if (kernel.function[column] == nullptr) [[unlikely]] {
    detail::ensure_kernel(kernel.name, nullptr, device);
    detail::ensure_kernel(kernel.name, reinterpret_cast<const void*>(kernel.function[column]), device);
  }
  const detail::ProfilerRange range(kernel.name, device);
  try {
    kernel.function[column](std::forward<Args>(args)...);
  } catch (...) {
    detail::rethrow_from_kernel(kernel.name);
  }
}

}  // namespace ember
