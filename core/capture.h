// What a step that is captured into a graph needs of values that the host computes anew in every run: a learning rate,
// a step count, a place in a random sequence. A captured kernel reads them from device memory, where a replay of the
// graph puts them first. Not a public header.
#pragma once

#include <cstddef>
#include <functional>

namespace ember::detail {

class CapturedValues {
 public:
  // Does what the host does in one run (counts a step, moves a generator on) and writes the values of that run.
  using Refresh = std::function<void(void* values)>;

  virtual ~CapturedValues() = default;
  // Where the device finds `nbytes` of values: aligned to 16 bytes, for as long as the graph is there. `refresh` is
  // called before every replay, in the order in which they were added; not for the capture itself, which runs nothing.
  virtual void* add(size_t nbytes, Refresh refresh) = 0;

  // Those of the capture that this thread is in, or null.
  static CapturedValues* current() noexcept { return current_; }
  static void set_current(CapturedValues* values) noexcept { current_ = values; }

 private:
  inline static thread_local constinit CapturedValues* current_ = nullptr;
};

}  // namespace ember::detail
