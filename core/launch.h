// The one place that every kernel passes: picks the device's column, opens the profiler's range and puts
// the kernel's name into errors.
#pragma once

#include <ember/core/backend.h>
#include <ember/core/host_numbers.h>
#include <ember/core/kernels.h>

namespace ember {

namespace detail {

[[noreturn]] void throw_no_kernel(const char* kernel, Device device);

extern bool profiler_ranges;  // EMBER_NVTX=1, or set_profiler_ranges(true)

class ProfilerRange {
 public:
  ProfilerRange(const char* name, Device device) : device_(device), active_(profiler_ranges) {
    if (active_) [[unlikely]]
      push(name);
  }
  ~ProfilerRange() {
    if (active_) [[unlikely]]
      pop();
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

// Notes what a kernel is given from the host, by the types that kernels take.
void note_numbers(const char* kernel, const TensorIterator& iter);
void note_numbers(const char* kernel, const Params& params);
template <class T>
void note_numbers(const char* kernel, const T& argument) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, Scalar>) HostNumbers::current()->note(kernel, argument);
}

}  // namespace detail

// Named ranges for Nsight around every kernel launch; off unless asked for here or by EMBER_NVTX=1.
void set_profiler_ranges(bool enabled);

template <class... P, class... Args>
void launch(Kernel<void(P...)>& kernel, Device device, Args&&... args) {
  const auto column = static_cast<size_t>(device.type());
  if (kernel.function[column] == nullptr) [[unlikely]] {
    backend(device.type());  // registers the columns; throws if the device cannot be used
    if (kernel.function[column] == nullptr) detail::throw_no_kernel(kernel.name, device);
  }
  const detail::ProfilerRange range(kernel.name, device);
  if (detail::HostNumbers::any()) [[unlikely]] {
    if (detail::HostNumbers::current() != nullptr) (detail::note_numbers(kernel.name, args), ...);
  }
  try {
    kernel.function[column](std::forward<Args>(args)...);
  } catch (...) {
    detail::rethrow_from_kernel(kernel.name);
  }
}

}  // namespace ember
