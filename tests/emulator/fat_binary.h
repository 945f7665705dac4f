// The PTX that nvcc leaves in a program.
#pragma once

#include <string>

namespace emulator {

/// The first PTX of a fat binary as nvcc registers it (struct __fatBinC_Wrapper_t), decompressed. Throws
/// std::runtime_error if there is none, or it is packed in a way that is not known here.
std::string extract_ptx(const void* wrapper);

}  // namespace emulator
