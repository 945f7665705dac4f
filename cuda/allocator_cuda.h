// The memory of a real device, for the caching allocators.
#pragma once

#include <memory>

#include <ember/cuda/allocator_driver.h>

namespace ember::cuda {

// Touches CUDA at the first use of what it makes.
std::unique_ptr<MemoryDriver> make_memory_driver(int device);

}  // namespace ember::cuda
