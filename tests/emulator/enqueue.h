// Work on a stream that is no kernel: how the emulated libraries hand it to the emulated runtime, which has this.
#pragma once

#include <functional>

#include <cuda_runtime_api.h>

namespace emulator {

/// Queues work behind what is on the stream, or makes it a node of the graph that the stream is captured into. It may
/// run later, in another thread, any number of times, and holds copies of all that it needs. If it throws Fault, the
/// stream fails as by a kernel's fault.
void enqueue(cudaStream_t stream, const char* name, std::function<void()> work);

}  // namespace emulator
