// The one place that every kernel passes: picks the device's column, opens the profiler's range and puts
// the kernel's name into errors.
#pragma once

#include <ember/core/backend.h>
#include <ember/core/host_numbers.h>
#include <ember/core/kernels.h>
#include <ember/core/profiler.h>

namespace ember {

namespace detail {

[[noreturn]] void throw_no_kernel(const char* kernel, Device device);

[[noreturn]] void rethrow_from_kernel(const char* kernel);

// Notes what a kernel is given from the host, by the types that kernels take.
void note_numbers(const char* kernel, const TensorIterator& iter);
void note_numbers(const char* kernel, const Params& params);
template <class T>
void note_numbers(const char* kernel, const T& argument) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, Scalar>) HostNumbers::current()->note(kernel, argument);
}

// launch() without a range.
template <class... P, class... Args>
void call(Kernel<void(P...)>& kernel, Device device, Args&&... args) {
  const auto column = static_cast<size_t>(device.type());
  if (kernel.function[column] == nullptr) [[unlikely]] {
    backend(device.type());  // registers the columns; throws if the device cannot be used
    if (kernel.function[column] == nullptr) throw_no_kernel(kernel.name, device);
  }
  if (HostNumbers::any()) [[unlikely]] {
    if (HostNumbers::current() != nullptr) (note_numbers(kernel.name, args), ...);
  }
  try {
    kernel.function[column](std::forward<Args>(args)...);
  } catch (...) {
    rethrow_from_kernel(kernel.name);
  }
}

}  // namespace detail

template <class... P, class... Args>
void launch(Kernel<void(P...)>& kernel, Device device, Args&&... args) {
  const ProfilerRange range(kernel.name, args..., detail::NextNode());
  detail::call(kernel, device, std::forward<Args>(args)...);
}

}  // namespace ember
