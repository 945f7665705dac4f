// How often a row of the kernel table is called.
#pragma once

#include <ember/core/backend.h>
#include <ember/core/kernels.h>

namespace ember::test {

// Counts the calls of kernels on one device while it lives.
template <class Kernel>
class Calls;
template <class... P>
class Calls<Kernel<void(P...)>> {
 public:
  Calls(Kernel<void(P...)>& kernel, Device device) : function_(kernel.function[static_cast<size_t>(device.type())]) {
    (void)backend(device.type());  // the table is filled
    original_ = function_;
    count_ = 0;
    function_ = [](P... p) {
      ++count_;
      original_(p...);
    };
  }
  ~Calls() { function_ = original_; }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  int count() const { return count_; }

 private:
  typename Kernel<void(P...)>::Function& function_;
  inline static typename Kernel<void(P...)>::Function original_ = nullptr;
  inline static int count_ = 0;
};
template <class K>
Calls(K&, Device) -> Calls<K>;

}  // namespace ember::test
