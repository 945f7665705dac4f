// A node of the recorded graph: the backward of one operation, with edges to the backwards of its inputs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ember/autograd/saved_tensor.h>
#include <ember/core/stream.h>
#include <ember/core/tensor.h>

namespace ember::autograd {

class Node;
using variable_list = std::vector<Tensor>;

// "The gradient goes to input `input_nr` of `function`"; null where no gradient is wanted.
struct Edge {
  IntrusivePtr<Node> function;
  uint32_t input_nr = 0;
  bool is_valid() const { return static_cast<bool>(function); }
};

// Called before a node runs with the gradients it will get, and after it with those it gave (and got).
using NodePreHook = std::function<variable_list(const variable_list& grad_outputs)>;
using NodePostHook = std::function<variable_list(const variable_list& grad_inputs, const variable_list& grad_outputs)>;
using TensorHook = std::function<Tensor(const Tensor&)>;

// Counted by IntrusivePtr. Chains of nodes are freed one by one, not recursively.
class Node : public RefCounted, public detail::Pooled {
 public:
  virtual ~Node();
  void release() const noexcept;

  // PyTorch's name of the node: "MulBackward0".
  std::string name() const { return type_name(); }
  virtual const char* type_name() const = 0;
  uint64_t sequence_nr() const { return sequence_nr_; }
  // Gradients the node takes (results of its operation) and gives (its inputs).
  uint32_t num_inputs() const { return num_inputs_; }
  uint32_t num_outputs() const { return num_edges_; }
  const Edge& next_edge(size_t i) const { return edges_[i]; }
  ArrayRef<Edge> next_edges() const { return {edges_, num_edges_}; }
  bool should_compute_output(size_t i) const { return edges_[i].is_valid(); }
  // Where the operation ran, and so where its backward runs.
  const Stream& stream() const { return stream_; }

  // grads_in[num_inputs()]: gradients of the results, undefined for zero; may be moved from.
  // grads_out[num_outputs()]: to fill where should_compute_output, undefined on entry and for zero.
  virtual void apply(Tensor* grads_in, Tensor* grads_out) = 0;
  // Frees what was saved: after it a backward through the node throws.
  virtual void release_variables();
  // The first of the saved tensors (SavedTensor::next for the rest).
  const SavedTensor* saved() const { return saved_; }
  // The leaf that the node accumulates into, or null.
  virtual Tensor variable() const { return {}; }

  unsigned add_pre_hook(NodePreHook hook);
  unsigned add_post_hook(NodePostHook hook);
  void remove_pre_hook(unsigned key);
  void remove_post_hook(unsigned key);
  // A hook on the gradient of result `input_nr`, before the pre-hooks.
  unsigned add_tensor_hook(uint32_t input_nr, TensorHook hook);
  void remove_tensor_hook(uint32_t input_nr, unsigned key);
  // retain_grad: the tensor of result `input_nr` also gets its gradient stored. Not owned: the tensor
  // takes itself off when it dies.
  void retain_grad(uint32_t input_nr, TensorImpl* variable);
  void forget_retained(TensorImpl* variable);

  struct Hooks;
  Hooks* hooks() const { return hooks_.get(); }

 protected:
  Node(Edge* edges, uint32_t num_edges, uint32_t num_inputs);
  void set_edges(Edge* edges, uint32_t num_edges) {
    edges_ = edges;
    num_edges_ = num_edges;
  }
  void set_num_inputs(uint32_t n) { num_inputs_ = n; }
  void set_stream(const Stream& stream) { stream_ = stream; }

 private:
  friend class SavedTensor;
  Hooks& make_hooks();

  SavedTensor* saved_ = nullptr;
  mutable Node* pending_ = nullptr;  // the next to be freed
  Edge* edges_;
  uint32_t num_edges_;
  uint32_t num_inputs_;
  uint64_t sequence_nr_;
  Stream stream_;
  std::unique_ptr<Hooks> hooks_;
};

// SavedTensors that are moved in this thread while the scope is open are linked into its node.
class SavedTensorScope {
 public:
  explicit SavedTensorScope(Node* node);
  void close();

 private:
  Node* previous_;
};

struct Node::Hooks {
  struct Keyed {
    unsigned key;
    uint32_t input_nr;
    TensorHook hook;
  };
  unsigned next_key = 0;
  std::vector<Keyed> tensor_hooks;
  std::vector<std::pair<unsigned, NodePreHook>> pre_hooks;
  std::vector<std::pair<unsigned, NodePostHook>> post_hooks;
  std::vector<std::pair<uint32_t, TensorImpl*>> retained;
};

// Where a gradient of `tensor` goes: its grad_fn, or for a leaf that requires one its accumulator.
Edge gradient_edge(const Tensor& tensor);

}  // namespace ember::autograd
