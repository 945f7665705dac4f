// A machine that runs PTX on the host: what the kernels of a fat binary do, thread by thread, without a GPU.
//
// It is for tests: what a kernel computes, which memory it touches and where its threads wait are those of the program
// that nvcc made; how long it takes, and what only the hardware's caches could show, are not. Blocks run one after
// another in the order of their index, their warps in that of theirs or in a random one; the lanes of a warp run
// together as far as they are at the same instruction. PTX ISA 9.0, as far as the library's own kernels and CUB's use
// it; anything else is a Fault that names the instruction.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulator {

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

enum class FaultKind {
  kIllegalAddress,      ///< memory outside of what Memory knows
  kMisaligned,          ///< an address that is no multiple of what is read or written
  kTrap,                ///< the kernel ended itself
  kAssert,              ///< a device-side assert()
  kIllegalInstruction,  ///< PTX that the machine does not know
  kRace,                ///< threads that should have waited for each other
  kUnwritten,           ///< memory is read that nobody has written
  kDivergence           ///< threads that have to wait together do not
};

/// What is looked for while kernels run, which slows them down. A finding is a Fault that names both sides.
struct Options {
  /// Accesses of one byte of shared memory by two threads, one of them a write, with nothing between them that orders
  /// them: see race.h.
  bool race = false;
  /// In global memory, within a launch, too: see race_global.h. Takes half as long again.
  bool global_race = false;
  /// Loads of device memory that nothing has written since it was allocated (see memory.h).
  bool init = false;
  /// Barriers of the block to which not all lanes of a warp come at the same instruction, and instructions of a warp
  /// that name lanes that have ended.
  bool sync = false;
  /// The warps of a block run in a random order instead of that of their index.
  bool shuffle = false;
  uint64_t seed = 1;
};
Options& options();  // set while no kernel runs

/// What ended a kernel: where, and of which thread. Nothing of the kernel runs after it.
class Fault : public std::runtime_error {
 public:
  Fault(FaultKind why, const std::string& text) : std::runtime_error(text), kind(why) {}
  FaultKind kind;
};

struct Parameter {
  size_t offset = 0, bytes = 0;
};

/// An entry point, parsed.
struct Kernel {
  std::string name;                   ///< mangled
  std::vector<Parameter> parameters;  ///< in bytes, where they lie in a launch's block of parameters
  size_t parameter_bytes = 0;
  size_t static_shared = 0;     ///< bytes of shared memory that it has by itself
  unsigned max_threads = 1024;  ///< of a block
  unsigned architecture = 0;    ///< that it was compiled for: 90 for sm_90
  const void* code = nullptr;   ///< the machine's
  /// For earlier kernels, before it branches or uses memory that is not its own: griddepcontrol.wait.
  bool waits = false;
};

class Module;

/// The PTX of a fat binary, as nvcc registers it (struct __fatBinC_Wrapper_t), for a device of that compute capability
/// (90 for 9.0). Parsed when a kernel is asked for, which throws std::runtime_error if the binary has no such PTX;
/// lives as long as the process.
Module* load_module(const void* fat_binary, unsigned capability);

/// The same of PTX as it is written.
Module* load_text(std::string ptx);

/// The entry of that mangled name; the same one each time. Thread-safe.
const Kernel* find_kernel(Module* module, const std::string& name);

/// Runs a kernel to its end. parameters are kernel.parameter_bytes bytes. Throws Fault; what the kernel wrote before
/// stays written.
void run(const Kernel& kernel, Dim grid, Dim block, size_t dynamic_shared, const std::byte* parameters);

/// How long the kernels that this thread has run slept since it was last asked. They do not really: only their timers
/// say so, and who wants them to take that long waits.
std::chrono::nanoseconds take_sleep();

}  // namespace emulator
