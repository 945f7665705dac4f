// A node of the recorded graph: the backward of one operation, with edges to the backwards of its inputs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ember/autograd/function_hook.h>
#include <ember/autograd/saved_tensor.h>
#include <ember/core/stream.h>
#include <ember/core/tensor.h>

namespace ember::autograd {

class Node;
struct AnomalyMetadata;

// "The gradient goes to input `input_nr` of `function`"; null where no gradient is wanted.
struct Edge {
  Edge() noexcept = default;
  Edge(IntrusivePtr<Node> f, uint32_t nr) noexcept : function(std::move(f)), input_nr(nr) {}
  bool is_valid() const noexcept { return static_cast<bool>(function); }
  friend bool operator==(const Edge& a, const Edge& b) { return a.function == b.function && a.input_nr == b.input_nr; }
  friend bool operator!=(const Edge& a, const Edge& b) { return !(a == b); }

  IntrusivePtr<Node> function;
  uint32_t input_nr = 0;
};
using edge_list = std::vector<Edge>;
using IndexRange = std::pair<size_t, size_t>;

// Called before a node runs with the gradients it will get, and after it with those it gave (and got).
using NodePreHook = std::function<variable_list(const variable_list& grad_outputs)>;
using NodePostHook = std::function<variable_list(const variable_list& grad_inputs, const variable_list& grad_outputs)>;
using TensorHook = std::function<Tensor(const Tensor&)>;

namespace internal {
extern bool anomaly_enabled;
// The backward that runs in this thread, where it is one that leaves out nodes: the gradients of some inputs only.
extern thread_local constinit const void* partial_run;
bool partial_run_needs(const void* run, const Node* node);
}  // namespace internal

// Counted by IntrusivePtr. Chains of nodes are freed one by one, not recursively.
//
// A node of one's own overrides apply(variable_list&&), is given its edges and has a gradient input per result:
//
//   struct Twice : autograd::Node {
//     variable_list apply(variable_list&& grads) override { return {grads[0] * 2}; }
//   };
//   IntrusivePtr<Node> node(new Twice());
//   node->set_next_edges(autograd::collect_next_edges(x));
//   autograd::set_history(y, node);
class Node : public RefCounted, public ember::detail::Pooled {
 public:
  explicit Node(edge_list&& next_edges = edge_list());
  virtual ~Node();
  void release() const noexcept;

  // PyTorch's name of the node: "MulBackward0".
  virtual std::string name() const { return type_name(); }
  virtual const char* type_name() const;
  // Grows with the order of creation within a thread.
  uint64_t sequence_nr() const noexcept { return sequence_nr_; }
  IntrusivePtr<Node> getptr() { return IntrusivePtr<Node>(this); }
  // Gradients the node takes (results of its operation) and gives (its inputs).
  uint32_t num_inputs() const noexcept { return num_inputs_; }
  uint32_t num_outputs() const noexcept { return num_edges_; }
  const Edge& next_edge(size_t i) const noexcept { return edges_[i]; }
  ArrayRef<Edge> next_edges() const noexcept { return {edges_, num_edges_}; }
  bool should_compute_output(size_t i) const;
  bool should_compute_output(std::initializer_list<IndexRange> ranges) const;
  // Whether the backward that runs wants output `i`: it may be after the gradients of some inputs only.
  bool task_should_compute_output(size_t i) const {
    return edges_[i].is_valid() && (internal::partial_run == nullptr ||
                                    internal::partial_run_needs(internal::partial_run, edges_[i].function.get()));
  }
  bool task_should_compute_output(std::initializer_list<IndexRange> ranges) const;
  // Where the operation ran, and so where its backward runs.
  const Stream& stream() const noexcept { return stream_; }

  // For nodes of one's own, before they run: their edges, and one more input, whose number is returned (the library's
  // have what they need: 0).
  void set_next_edge(size_t i, Edge edge);
  void add_next_edge(Edge edge);
  void set_next_edges(edge_list&& edges);
  uint32_t add_input_metadata(const Tensor& result);

  // Runs the node by itself, with no hooks.
  variable_list operator()(variable_list&& grads);

  // grads_in[num_inputs()]: gradients of the results, undefined for zero; may be moved from.
  // grads_out[num_outputs()]: to fill where should_compute_output, undefined on entry and for zero.
  // By default the other apply() with vectors.
  virtual void apply(Tensor* grads_in, Tensor* grads_out);
  virtual variable_list apply(variable_list&& grads);
  // Whether a backward that begins at the node with a gradient of 1 need not make that: apply() then gets an undefined
  // one, and a note (internal::take_note).
  virtual bool takes_note_of_one() const { return false; }
  // Frees what was saved: after it a backward through the node throws.
  virtual void release_variables();
  // The first of the saved tensors (SavedTensor::next for the rest).
  const SavedTensor* saved() const { return saved_; }
  // The leaf that the node accumulates into, or null.
  virtual Tensor variable() const { return {}; }

  // Hooks run in the order in which they were added: those of tensors, then those that retain gradients, then the
  // pre-hooks, the node, the post-hooks.
  unsigned add_pre_hook(NodePreHook hook);
  unsigned add_post_hook(NodePostHook hook);
  void remove_pre_hook(unsigned key);
  void remove_post_hook(unsigned key);
  void add_pre_hook(std::unique_ptr<FunctionPreHook>&& hook);
  uintptr_t add_post_hook(std::unique_ptr<FunctionPostHook>&& hook);
  bool del_post_hook(uintptr_t key);  // whether there was one
  // A hook on the gradient of result `input_nr`, before the pre-hooks.
  unsigned add_tensor_hook(uint32_t input_nr, TensorHook hook);
  void remove_tensor_hook(uint32_t input_nr, unsigned key);
  void add_tensor_pre_hook(std::unique_ptr<FunctionPreHook>&& hook);
  // retain_grad: the tensor of result `input_nr` also gets its gradient stored. Not owned: the tensor
  // takes itself off when it dies.
  void retain_grad(uint32_t input_nr, TensorImpl* variable);
  void forget_retained(TensorImpl* variable);

  // Where the node was made and in the backward of which, if anomaly detection was on then; else null.
  const AnomalyMetadata* metadata() const noexcept;

  struct Extras;
  Extras* extras() const { return extras_.get(); }

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
  Extras& make_extras();
  void own_edges();
  void store_anomaly_metadata();

  bool own_ = false;  // a node of the user's: every result adds an input
  SavedTensor* saved_ = nullptr;
  mutable Node* pending_ = nullptr;  // the next to be freed
  Edge* edges_;
  uint32_t num_edges_;
  uint32_t num_inputs_;
  uint64_t sequence_nr_;
  Stream stream_;
  std::unique_ptr<Extras> extras_;
};

// SavedTensors that are moved in this thread while the scope is open are linked into its node.
class SavedTensorScope {
 public:
  explicit SavedTensorScope(Node* node);
  void close();

 private:
  Node* previous_;
};

// What few nodes have.
struct Node::Extras {
  struct TensorHooked {
    unsigned key;
    uint32_t input_nr;
    TensorHook hook;                            // on one gradient, or
    std::shared_ptr<FunctionPreHook> on_all{};  // on all
  };
  unsigned next_key = 0;
  std::vector<TensorHooked> tensor_hooks;
  std::vector<std::pair<unsigned, std::shared_ptr<FunctionPreHook>>> pre_hooks;
  std::vector<std::pair<unsigned, std::shared_ptr<FunctionPostHook>>> post_hooks;
  std::vector<std::pair<uint32_t, TensorImpl*>> retained;
  edge_list edges;
  std::shared_ptr<AnomalyMetadata> anomaly;
};

// Where a gradient of `tensor` goes: its grad_fn, or for a leaf that requires one its accumulator.
Edge gradient_edge(const Tensor& tensor);

// For nodes of one's own: the edges of `tensors` (Tensors and lists of them), in order, and making a node the history
// of a result or of several.
template <class... T>
edge_list collect_next_edges(const T&... tensors) {
  edge_list edges;
  const auto add = [&edges](const auto& t) {
    if constexpr (std::is_convertible_v<decltype(t), const Tensor&>) {
      edges.push_back(gradient_edge(t));
    } else {
      for (const Tensor& each : t) edges.push_back(gradient_edge(each));
    }
  };
  (add(tensors), ...);
  return edges;
}
void set_history(const Tensor& result, const IntrusivePtr<Node>& node);
void set_history(const std::vector<Tensor>& results, const IntrusivePtr<Node>& node);
void create_gradient_edge(const Tensor& result, IntrusivePtr<Node> node);

// LibTorch's names for what lies under the above.
namespace impl {
inline Edge gradient_edge(const Tensor& tensor) { return autograd::gradient_edge(tensor); }
void set_gradient_edge(const Tensor& tensor, Edge edge);
IntrusivePtr<Node> grad_accumulator(const Tensor& leaf);
inline void bump_version(const Tensor& tensor) { ember::bump_version(tensor); }
// Replaces the hook that is called when the gradient of `leaf` has been accumulated; null for none.
void set_post_acc_grad_hooks(const Tensor& leaf, std::unique_ptr<PostAccumulateGradHook> hook);
}  // namespace impl

}  // namespace ember::autograd
