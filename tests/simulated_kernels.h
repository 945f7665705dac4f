// The CUDA column of the kernel table for the simulated devices.
#pragma once

#include <functional>

#include <ember/core/device.h>

namespace ember::test {

void register_simulated_kernels();

// Of the current stream of a device in this thread.
void queue_on_current(Device device, std::function<void()> kernel);
void finish_current(Device device);

}  // namespace ember::test
