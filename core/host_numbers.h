// The numbers that the host gives to kernels (a factor, a bound), watched from one run of a step to the next. A
// captured graph would freeze them, so that a step in which they change cannot be captured. Not a public header.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include <ember/core/scalar.h>

namespace ember::detail {

class HostNumbers {
 public:
  // While it lives, the kernels that this thread launches note their numbers.
  class Run {
   public:
    explicit Run(HostNumbers& numbers);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    HostNumbers& numbers_;
    HostNumbers* const previous_;
    const int exceptions_;
  };

  // Throws if the last run and the one before it differed. The first run says nothing: much is made in it only.
  void check(const char* who) const;

  // Of the run that this thread is in, or null.
  static HostNumbers* current() noexcept;
  // Whether any thread is in a run: what a launch looks at first.
  static bool any() noexcept { return runs_.load(std::memory_order_relaxed) != 0; }

  void note(const char* kernel, const Scalar& value) { now_.push_back({kernel, value}); }

 private:
  struct Number {
    const char* kernel;  // lives as long as the process
    Scalar value;
  };
  std::vector<Number> now_;  // of the run that goes on, or of the last
  std::vector<Number> before_;
  int complete_ = 0;  // runs that came to their end

  static constinit std::atomic<int> runs_;
};

}  // namespace ember::detail
