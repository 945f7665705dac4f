// What the files of the machine share: how a warp runs, waits, and calls.
#pragma once

#include <sys/mman.h>
#include <new>

#include "ptx.h"

namespace emulator {

/// Memory for registers and frames: taken and given back in order, and never cleared.
class Arena {
 public:
  Arena()
      : memory_(static_cast<std::byte*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Arena() { munmap(memory_, kBytes); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Gives back what was taken in its scope.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), mark_(arena.used_) {}
    ~Scope() { arena_.used_ = mark_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    const size_t mark_;
  };

  template <class T>
  T* take(size_t count) {
    const size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
    if (bytes > kBytes - used_) throw std::bad_alloc();
    T* const result = reinterpret_cast<T*>(memory_ + used_);
    used_ += bytes;
    return result;
  }

 private:
  static constexpr size_t kBytes = size_t{1} << 32;
  std::byte* const memory_;
  size_t used_ = 0;
};

Arena& arena();  // the thread's

inline unsigned thread_index(const Frame& frame, int lane) { return frame.warp * kLanes + static_cast<unsigned>(lane); }
inline Dim thread_of(const Block& block, unsigned index) {
  return {index % block.size.x, index / block.size.x % block.size.y, index / block.size.x / block.size.y};
}
/// "(1, 0, 0)"
std::string text_of(Dim dim);
/// "st.shared.u32, file.cu:7"
std::string text_of(const Function& function, const Instruction& at);

inline void set_pc(Frame& frame, Mask lanes, uint32_t pc) {
  each_lane(lanes, [&](int lane) { frame.pc[lane] = pc; });
}

/// Runs the lanes until every one of them has ended or waits.
void run_frame(Frame& frame);

/// Runs the callee to its end: functions have no barriers, and no lanes that wait for others.
void call_function(Frame& frame, const Instruction& i);
void set_specials(Frame& frame, bool of_the_block_only);

// ---- waiting: barrier.cpp ----

/// Threads that have not ended.
unsigned living(const Block& block);
/// The lanes wait at the block's barrier.
void arrive(Frame& frame, const Instruction& i, Mask lanes);
/// Lets those go on whose barrier is complete; false if there are none.
bool release(Block& block);
/// Whether all lanes of the mask have come to the instruction; those that have wait otherwise. Lanes that have ended
/// are not waited for.
bool gathered(Frame& frame, const Instruction& i, uint32_t pc, Mask& lanes);
/// Lets lanes go on that wait for each other at different bar.warp.sync; false if there are none.
bool unpark(Frame& frame);
[[noreturn]] void fail_deadlock(const Block& block);

}  // namespace emulator
