// What the engine knows of the nodes that it runs. Private to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>
#include <ember/core/pool.h>

namespace ember::autograd::internal {

// Most runs are short, and their lists with them.
template <class T>
using Pooled = std::vector<T, ember::detail::PoolAllocator<T>>;

// Node → its number in this run. Open addressing: a lookup per edge is most of what a small graph costs.
class NodeIndex {
 public:
  NodeIndex() : table_(64) {}

  // The number of `node`, or `fresh` which it then gets.
  uint32_t find_or_insert(Node* node, uint32_t fresh) {
    if (2 * (size_ + 1) > table_.size()) grow();
    Slot& s = slot(node);
    if (s.node == nullptr) {
      s = {node, fresh};
      ++size_;
    }
    return s.index;
  }
  // The number of a node that is there.
  uint32_t operator[](Node* node) { return slot(node).index; }
  bool contains(Node* node) { return slot(node).node != nullptr; }

 private:
  struct Slot {
    Node* node = nullptr;
    uint32_t index = 0;
  };
  Slot& slot(Node* node) {
    const size_t mask = table_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(node) >> 5) * 0x9e3779b97f4a7c15u >> 20 & mask;
    while (table_[i].node != nullptr && table_[i].node != node) i = (i + 1) & mask;
    return table_[i];
  }
  void grow() {
    Pooled<Slot> old(2 * table_.size());
    old.swap(table_);
    for (const Slot& s : old)
      if (s.node != nullptr) slot(s.node) = s;
  }
  Pooled<Slot> table_;
  size_t size_ = 0;
};

// What this run knows of a node.
struct Task {
  IntrusivePtr<Node> node;
  uint32_t dependencies = 0;  // edges into it that have not delivered yet
  bool needed = true;         // on the way to a capture
  bool queued = false;
  bool stops = false;  // what lies behind it is not run
  bool noted = false;  // internal::leave_note
  Tensor note;
  Tensor first;  // gradients of its results so far: the first, and the others where it has several
  std::vector<Tensor> others;

  Tensor& grad(uint32_t i) {
    if (i == 0) return first;
    if (others.empty()) others.resize(node->num_inputs());
    return others[i];
  }
};

struct Capture {
  uint32_t task;
  uint32_t input_nr;
};

// Adds `grad` to what has arrived.
inline void accumulate(Tensor& sum, Tensor grad) {
  if (!grad.defined()) return;
  if (!sum.defined()) {
    sum = std::move(grad);
  } else if (!GradMode::is_enabled() && sum.use_count() == 1 && sum.storage().use_count() == 1 && sum.is_contiguous() &&
             sum.sizes() == grad.sizes() && sum.dtype() == grad.dtype()) {
    sum.add_(grad);  // nobody else has it
  } else {
    sum = sum + grad;
  }
}

// Says for the scope which node runs in this thread.
class RunningNode {
 public:
  explicit RunningNode(Node* node) : previous_(internal::running_node) { internal::running_node = node; }
  ~RunningNode() { internal::running_node = previous_; }
  RunningNode(const RunningNode&) = delete;
  RunningNode& operator=(const RunningNode&) = delete;

 private:
  Node* previous_;
};

inline bool is_observed(const Node& node) {
  const Node::Extras* const e = node.extras();
  return e != nullptr && !(e->tensor_hooks.empty() && e->pre_hooks.empty() && e->post_hooks.empty() &&
                           e->retained.empty() && e->anomaly == nullptr);
}

}  // namespace ember::autograd::internal
