// Named ranges for the profiler (NVTX, which Nsight shows): of every operation with the shapes it works on, every node
// of a backward, every module's forward (nn/forward_range.h), and of the program's own. The number by which the range
// of a node's backward and that of its forward belong together is NVTX's payload, beside the text, so that profilers
// add up what has the same text. They are off unless EMBER_NVTX=1 is in the environment or they are asked for here;
// then each costs a branch and nothing else. A range belongs to the thread that opened it. Builds with CUDA have them,
// for work on the CPU too; in others they go nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <ember/core/array_ref.h>

namespace ember {

class Tensor;
class TensorIterator;

namespace detail {

extern bool profiler_ranges;

// `node`: a node's sequence number, or 0.
void push_range(const char* text, uint64_t node = 0) noexcept;
void pop_range() noexcept;

// Where ranges go instead, for tests; nulls for the profiler.
struct RangeSink {
  void (*push)(const char* text, uint64_t node) = nullptr;
  void (*pop)() = nullptr;
};
void set_range_sink(const RangeSink& sink);

// A range before it is opened.
struct RangeText : std::string {
  using std::string::string;
  uint64_t node = 0;
};

// The part of an operation that may record a node: where gradients are on, the number that its node will have.
struct NextNode {};

// What the parts of a range add to it: text itself, tensors their sizes, lists how long they are, nodes their number,
// other arguments of a kernel nothing.
void append_to_range(std::string& text, const char* part);
void append_to_range(std::string& text, const std::string& part);
void append_to_range(std::string& text, const Tensor& tensor);
void append_to_range(std::string& text, IntArrayRef sizes);
void append_to_range(std::string& text, const TensorIterator& iterator);
void append_to_range(RangeText& text, NextNode);
void append_length_to_range(std::string& text, size_t length);
template <class T>
void append_to_range(std::string& text, ArrayRef<T> list) {
  append_length_to_range(text, list.size());
}
template <class T>
void append_to_range(std::string&, const T&) {}

}  // namespace detail

// Open for its scope.
//
//   const ProfilerRange range("validation");
class ProfilerRange {
 public:
  explicit ProfilerRange(const std::string& name) : ProfilerRange(name.c_str()) {}
  template <class... Parts>
  explicit ProfilerRange(const char* name, const Parts&... parts) : active_(detail::profiler_ranges) {
    if (active_) [[unlikely]]
      open(name, parts...);
  }
  ~ProfilerRange() {
    if (active_) [[unlikely]]
      detail::pop_range();
  }
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;

 private:
  template <class... Parts>
  [[gnu::noinline, gnu::cold]] static void open(const char* name, const Parts&... parts) noexcept {
    using detail::append_to_range;
    detail::RangeText text(name);
    (append_to_range(text, parts), ...);
    detail::push_range(text.c_str(), text.node);
  }

  bool active_;
};

// On or off for the whole process. Ranges that are open stay so until their scopes end.
void set_profiler_ranges(bool enabled);

// The same for the scope.
class ProfilerRangesGuard {
 public:
  explicit ProfilerRangesGuard(bool enabled = true) : previous_(detail::profiler_ranges) {
    set_profiler_ranges(enabled);
  }
  ~ProfilerRangesGuard() { set_profiler_ranges(previous_); }
  ProfilerRangesGuard(const ProfilerRangesGuard&) = delete;
  ProfilerRangesGuard& operator=(const ProfilerRangesGuard&) = delete;

 private:
  bool previous_;
};

}  // namespace ember
