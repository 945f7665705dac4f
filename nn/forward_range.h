// The profiler's range around a module's forward: the path by which the module is registered, and its type, such as
// "Net.block.fc1 (Linear)".
#pragma once

#include <ember/core/profiler.h>

namespace ember::nn {

class Module;

// Open for its scope. Holders open one when they are called (`net(x)`), and so do AnyModule, what is in a Sequential,
// and the forward() of this library's layers; a model whose forward() is called by name (`net->forward(x)`) can begin
// it with one of its own:
//
//   Tensor Net::forward(const Tensor& x) {
//     const nn::ForwardRange range(*this);
//
// A range of the module whose forward runs already is none. The path begins with the outermost module whose range is
// open in this thread; of a module that is not under it, it is the last name alone.
class ForwardRange {
 public:
  explicit ForwardRange(const Module& module) : active_(ember::detail::profiler_ranges) {
    if (active_) [[unlikely]]
      active_ = open(module);
  }
  ~ForwardRange() {
    if (active_) [[unlikely]]
      close();
  }
  ForwardRange(const ForwardRange&) = delete;
  ForwardRange& operator=(const ForwardRange&) = delete;

 private:
  static bool open(const Module& module) noexcept;
  static void close() noexcept;
  bool active_;
};

}  // namespace ember::nn
