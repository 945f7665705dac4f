#include <ember/autograd/anomaly_mode.h>

namespace ember::autograd {

namespace internal {
bool anomaly_enabled = false;
thread_local constinit Node* running_node = nullptr;
}  // namespace internal

namespace {
bool check_nan_enabled = true;
}

bool AnomalyMode::should_check_nan() { return check_nan_enabled; }

void AnomalyMode::set_enabled(bool enabled, bool check_nan) {
  internal::anomaly_enabled = enabled;
  check_nan_enabled = check_nan;
}

DetectAnomalyGuard::DetectAnomalyGuard(bool check_nan)
    : previous_(AnomalyMode::is_enabled()), previous_check_nan_(AnomalyMode::should_check_nan()) {
  AnomalyMode::set_enabled(true, check_nan);
}

DetectAnomalyGuard::~DetectAnomalyGuard() { AnomalyMode::set_enabled(previous_, previous_check_nan_); }

std::string describe_origin(const Node& node) {
  std::string text;
  constexpr int kMaxAncestors = 10;
  const Node* n = &node;
  for (int depth = 0; n != nullptr && depth < kMaxAncestors; ++depth) {
    text += depth == 0 ? n->name() : "; that was in the backward of " + n->name();
    const AnomalyMetadata* data = n->metadata();
    if (data == nullptr) return text + ", recorded before anomaly detection was on";
    const std::string caller = ember::detail::describe_caller(data->frames, data->count);
    text += ", recorded by " + (caller.empty() ? "an unknown caller" : caller);
    n = data->parent.get();
  }
  return text;
}

}  // namespace ember::autograd
