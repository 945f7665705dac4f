#include <ember/core/host_numbers.h>

#include <algorithm>
#include <exception>
#include <utility>

#include <ember/core/error.h>

namespace ember::detail {

constinit std::atomic<int> HostNumbers::runs_{0};

namespace {
thread_local constinit HostNumbers* t_current = nullptr;
}  // namespace

HostNumbers* HostNumbers::current() noexcept { return t_current; }

HostNumbers::Run::Run(HostNumbers& numbers)
    : numbers_(numbers), previous_(t_current), exceptions_(std::uncaught_exceptions()) {
  numbers.before_ = std::move(numbers.now_);
  numbers.now_.clear();
  t_current = &numbers;
  runs_.fetch_add(1, std::memory_order_relaxed);
}

HostNumbers::Run::~Run() {
  runs_.fetch_sub(1, std::memory_order_relaxed);
  t_current = previous_;
  numbers_.complete_ = std::uncaught_exceptions() == exceptions_ ? numbers_.complete_ + 1 : 0;
}

void HostNumbers::check(const char* who) const {
  if (complete_ < 2) return;
  const size_t common = std::min(now_.size(), before_.size());
  for (size_t i = 0; i < common; ++i) {
    const auto same_kernel = now_[i].kernel == before_[i].kernel;
    if (same_kernel && now_[i].value.identical(before_[i].value)) continue;
    if (!same_kernel && complete_ < 3) return;
    EMBER_CHECK(!same_kernel, who, ": ", now_[i].kernel, " got the number ", now_[i].value, " from the host, and ",
                before_[i].value,
                " in the run before: a graph would freeze it; keep it in a tensor on the device and change it there");
    throw Error(concat(who, ": the step did not do the same in its last two runs: where one called ", before_[i].kernel,
                       ", the other called ", now_[i].kernel));
  }
  EMBER_CHECK(complete_ < 3 || now_.size() == before_.size(), who,
              ": the step did not do the same in its last two runs: one gave the device ", before_.size(),
              " numbers, the other ", now_.size());
}

}  // namespace ember::detail
