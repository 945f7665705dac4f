// Finding the operation behind an error or a NaN in a backward.
#pragma once

#include <string>

#include <ember/autograd/node.h>

namespace ember::autograd {

// While it is enabled, in all threads, every node remembers the call that recorded it. An error in a backward then
// names that call, and (with check_nan) a node that gives a NaN is an error. Costs microseconds per operation.
struct AnomalyMode {
  static bool is_enabled() { return internal::anomaly_enabled; }
  static bool should_check_nan();
  static void set_enabled(bool enabled, bool check_nan = true);
};

// Anomaly mode for the scope. Not to be opened or closed while another thread records.
class DetectAnomalyGuard {
 public:
  explicit DetectAnomalyGuard(bool check_nan = true);
  ~DetectAnomalyGuard();
  DetectAnomalyGuard(const DetectAnomalyGuard&) = delete;
  DetectAnomalyGuard& operator=(const DetectAnomalyGuard&) = delete;

 private:
  bool previous_;
  bool previous_check_nan_;
};

// What a node remembers of its making.
struct AnomalyMetadata {
  static constexpr int kMaxFrames = 48;
  void* frames[kMaxFrames];
  int count = 0;
  IntrusivePtr<Node> parent;  // the node in whose backward it was made
};

// "MulBackward0, recorded by train() at net.cpp:12", and the same of the nodes in whose backward it was recorded.
std::string describe_origin(const Node& node);

namespace internal {
// The node that runs in this thread, or null.
extern thread_local constinit Node* running_node;
}  // namespace internal

}  // namespace ember::autograd
