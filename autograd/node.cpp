#include <ember/autograd/node.h>

#include <ember/autograd/autograd_meta.h>
#include <ember/core/error.h>

#include <algorithm>
#include <atomic>

namespace ember::autograd {

namespace {

thread_local constinit Node* node_under_construction = nullptr;

// Numbers are dealt to threads in blocks, so that making a node costs no atomic operation. Within a
// thread they grow with time, which is what the engine's order of execution is about.
uint64_t next_sequence_nr() {
  static std::atomic<uint64_t> next_block{0};
  constexpr uint64_t kBlock = 1 << 20;
  thread_local constinit uint64_t next = 0;
  if (next % kBlock == 0) next = next_block.fetch_add(kBlock, std::memory_order_relaxed);
  return ++next;
}

// Nodes that are waiting to be freed in this thread. Freeing one drops the tensors and nodes that it
// holds; those come here instead of the stack.
thread_local constinit Node* pending_head = nullptr;
thread_local constinit bool freeing = false;

}  // namespace

SavedTensorScope::SavedTensorScope(Node* node) : previous_(node_under_construction) { node_under_construction = node; }

void SavedTensorScope::close() { node_under_construction = previous_; }

Node::Node(Edge* edges, uint32_t num_edges, uint32_t num_inputs)
    : edges_(edges), num_edges_(num_edges), num_inputs_(num_inputs), sequence_nr_(next_sequence_nr()) {}

Node::~Node() = default;

void Node::release() const noexcept {
  if (!drop()) return;
  Node* self = const_cast<Node*>(this);
  if (freeing) {
    self->pending_ = pending_head;
    pending_head = self;
    return;
  }
  freeing = true;
  delete self;
  while (pending_head != nullptr) {
    Node* node = pending_head;
    pending_head = node->pending_;
    delete node;
  }
  freeing = false;
}

void Node::release_variables() {
  for (SavedTensor* s = saved_; s != nullptr; s = s->next()) s->free();
}

// ---- hooks ----

Node::Hooks& Node::make_hooks() {
  if (!hooks_) hooks_ = std::make_unique<Hooks>();
  return *hooks_;
}

unsigned Node::add_pre_hook(NodePreHook hook) {
  Hooks& h = make_hooks();
  h.pre_hooks.emplace_back(h.next_key, std::move(hook));
  return h.next_key++;
}

unsigned Node::add_post_hook(NodePostHook hook) {
  Hooks& h = make_hooks();
  h.post_hooks.emplace_back(h.next_key, std::move(hook));
  return h.next_key++;
}

namespace {
template <class List>
void remove_keyed(List& list, unsigned key) {
  const auto at = std::find_if(list.begin(), list.end(), [key](const auto& item) { return item.first == key; });
  EMBER_CHECK(at != list.end(), "there is no hook ", key, " to remove");
  list.erase(at);
}
}  // namespace

void Node::remove_pre_hook(unsigned key) { remove_keyed(make_hooks().pre_hooks, key); }
void Node::remove_post_hook(unsigned key) { remove_keyed(make_hooks().post_hooks, key); }

unsigned Node::add_tensor_hook(uint32_t input_nr, TensorHook hook) {
  Hooks& h = make_hooks();
  h.tensor_hooks.push_back({h.next_key, input_nr, std::move(hook)});
  return h.next_key++;
}

void Node::remove_tensor_hook(uint32_t input_nr, unsigned key) {
  auto& list = make_hooks().tensor_hooks;
  const auto at = std::find_if(list.begin(), list.end(),
                               [&](const Hooks::Keyed& k) { return k.key == key && k.input_nr == input_nr; });
  EMBER_CHECK(at != list.end(), "remove_hook: this tensor has no hook ", key);
  list.erase(at);
}

void Node::retain_grad(uint32_t input_nr, TensorImpl* variable) {
  make_hooks().retained.emplace_back(input_nr, variable);
}

void Node::forget_retained(TensorImpl* variable) {
  if (!hooks_) return;
  std::erase_if(hooks_->retained, [variable](const auto& r) { return r.second == variable; });
}

// ---- saved tensors ----

namespace {
thread_local constinit const StorageImpl* storage_being_changed = nullptr;
}

StorageBeingChanged::StorageBeingChanged(const Tensor& tensor) : previous_(storage_being_changed) {
  storage_being_changed = tensor.storage().impl();
}

StorageBeingChanged::~StorageBeingChanged() { storage_being_changed = previous_; }

SavedTensor::SavedTensor(const Tensor& tensor, bool output, uint32_t output_nr)
    : output_nr_(output_nr), output_(output) {
  if (!tensor.defined()) return;
  version_ = tensor.unsafe_impl()->version();
  if (!output && storage_being_changed != nullptr && tensor.storage().impl() == storage_being_changed) {
    overwritten_ = true;  // not kept: it may be the result, which owns the node
    return;
  }
  if (output) {
    tensor_ = detail::alias(tensor, tensor.sizes(), tensor.strides(), tensor.storage_offset());
  } else {
    tensor_ = tensor;
  }
}

SavedTensor::SavedTensor(SavedTensor&& other) noexcept
    : tensor_(std::move(other.tensor_)),
      version_(other.version_),
      output_nr_(other.output_nr_),
      output_(other.output_),
      freed_(other.freed_),
      overwritten_(other.overwritten_) {
  if (node_under_construction != nullptr) {
    node_ = node_under_construction;
    next_ = node_->saved_;
    node_->saved_ = this;
  }
}

Tensor SavedTensor::get() const {
  EMBER_CHECK(!freed_,
              "backward through the graph a second time: what it saved was freed by the first; pass retain_graph=true "
              "to the first backward to keep it");
  EMBER_CHECK(!overwritten_, "an operand needed for the gradient of ",
              node_ != nullptr ? node_->type_name() : "an operation",
              " was changed in place by the operation itself; use clone() or the operation out of place");
  if (!tensor_.defined()) return {};
  const uint32_t now = tensor_.unsafe_impl()->version();
  EMBER_CHECK(now == version_,
              "a tensor needed for the gradient was changed in place after it was saved: ", describe(tensor_),
              output_ ? ", the result" : ", an input", " of ", node_ != nullptr ? node_->type_name() : "an operation",
              ", is at version ", now, ", expected ", version_);
  if (!output_) return tensor_;
  const Tensor t = detail::alias(tensor_, tensor_.sizes(), tensor_.strides(), tensor_.storage_offset());
  if (node_ != nullptr && is_floating(t.dtype())) set_history(t, IntrusivePtr<Node>(node_), output_nr_);
  return t;
}

}  // namespace ember::autograd
