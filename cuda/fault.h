// Indices out of range, found by kernels. A kernel that meets one reads and writes nothing at it, leaves a note in
// memory that the host shares, and goes on; the host looks at the note when it next waits for the device, and throws.
// The context stays whole, unlike after a trap.
#pragma once

#include <cstdint>

namespace ember::cuda {

enum class IndexOp : int { None, Select, Gather, Add, Scatter, Copy, Index, CrossEntropy };

// 16 bytes that are written at once, so that a note is of one fault. The last one stays.
struct alignas(16) FaultSlot {
  int64_t index;
  int64_t size_and_op;  // size · 16 + op; 0: no fault
};

// What a kernel takes to report with.
struct IndexFault {
  FaultSlot* slot;
  IndexOp op;

#ifdef __CUDACC__
  __device__ void report(int64_t index, int64_t size) const {
    const int64_t size_and_op = size << 4 | static_cast<int>(op);
    asm volatile("st.volatile.v2.s64 [%0], {%1, %2};" ::"l"(slot), "l"(index), "l"(size_and_op) : "memory");
    __threadfence_system();
  }
#endif
};

// Throws IndexError if there is a note, having removed it. To be called when the device's work so far is done.
void check_faults(int device);

}  // namespace ember::cuda
