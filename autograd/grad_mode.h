// Whether operations are recorded: a switch per thread, on by default.
#pragma once

namespace ember {

namespace detail {
extern thread_local constinit bool grad_mode_enabled;
}

struct GradMode {
  static bool is_enabled() { return detail::grad_mode_enabled; }
  static void set_enabled(bool enabled) { detail::grad_mode_enabled = enabled; }
};

// Sets the grad mode for the scope.
class AutoGradMode {
 public:
  explicit AutoGradMode(bool enabled) : previous_(GradMode::is_enabled()) { GradMode::set_enabled(enabled); }
  ~AutoGradMode() { GradMode::set_enabled(previous_); }
  AutoGradMode(const AutoGradMode&) = delete;
  AutoGradMode& operator=(const AutoGradMode&) = delete;

 private:
  bool previous_;
};

// Nothing is recorded in the scope; results do not require gradients.
struct NoGradGuard : AutoGradMode {
  NoGradGuard() : AutoGradMode(false) {}
};
// Recording is on in the scope, inside a NoGradGuard too.
struct EnableGradGuard : AutoGradMode {
  EnableGradGuard() : AutoGradMode(true) {}
};

}  // namespace ember
