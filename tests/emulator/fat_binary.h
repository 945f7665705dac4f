// The PTX that nvcc leaves in a program.
#pragma once

#include <string>

namespace emulator {

/// Of a fat binary as nvcc registers it (struct __fatBinC_Wrapper_t) the PTX for the newest architecture that a device
/// of that compute capability (90 for 9.0) can run, decompressed. Throws std::runtime_error if there is none, or it is
/// packed in a way that is not known here.
std::string extract_ptx(const void* wrapper, unsigned capability);

}  // namespace emulator
