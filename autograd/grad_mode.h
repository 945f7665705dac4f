// Whether operations are recorded: switches per thread.
#pragma once

#include <ember/core/tensor_impl.h>

namespace ember {

struct GradMode {
  static bool is_enabled() { return detail::modes.grad; }
  static void set_enabled(bool enabled) { detail::modes.grad = enabled; }
};

// Sets the grad mode, on by default, for the scope.
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

// Inference mode in the scope: as NoGradGuard, and tensors made in it are inference tensors. Those count no versions
// and have no base; outside of the mode they cannot be changed in place, be made to require gradients or be saved for
// a backward (clone() gives one that can). InferenceMode(false) is a scope of ordinary recording inside the mode.
class InferenceMode {
 public:
  explicit InferenceMode(bool enabled = true) : previous_(detail::modes) { detail::modes = {!enabled, enabled}; }
  ~InferenceMode() { detail::modes = previous_; }
  InferenceMode(const InferenceMode&) = delete;
  InferenceMode& operator=(const InferenceMode&) = delete;
  static bool is_enabled() { return detail::modes.inference; }

 private:
  detail::ThreadModes previous_;
};

namespace autograd {
// Whether an operation on a tensor that requires gradients is recorded.
inline bool recording_enabled() { return detail::modes.grad && !detail::modes.inference; }
}  // namespace autograd

}  // namespace ember
