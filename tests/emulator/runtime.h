// An emulated CUDA runtime: devices, memory, streams, events and graphs, without a GPU. It takes the place of
// libcudart, and of the few functions of libcuda that the library and its tests use; kernels are run by machine.h.
//
// Nothing runs when it is queued. What runs when is up to the environment:
//
//   EMBER_EMULATED_ORDER    lazy (unless given): an operation runs when the host has to wait for it, or for something
//                           that waits for it: as late as CUDA's rules allow, so that a wait that is missing shows.
//                           eager: as soon as it can. random: some of it whenever the runtime is called, and the warps
//                           of a block in a random order.
//   EMBER_EMULATED_SEED     of the random order; 1
//   EMBER_EMULATED_DEVICES  how many there are; 1
//   EMBER_EMULATED_SMS      multiprocessors of each; 132
//   EMBER_EMULATED_CAPABILITY  their compute capability; 9.0
//   EMBER_EMULATED_MEMORY   of each, in MiB; 2048
//   EMBER_EMULATED_FILL     the byte that new memory is filled with (0 to 255), or none; 205
//   EMBER_EMULATED_CHECK    what else ends a kernel, as a list with commas: race, hazards between threads in shared
//                           memory; global-race, in global memory too; init, loads of memory that nobody has written;
//                           sync, barriers that lanes of a warp come to apart. See Options in machine.h.
#pragma once

#include "enqueue.h"

namespace emulator {

/// Whether kernels may touch all of it now, at the time that the work runs; throws Fault otherwise.
void require_accessible(const void* address, size_t bytes, const char* what);

}  // namespace emulator
