#include <ember/autograd/node.h>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd_meta.h>
#include <ember/autograd/function.h>
#include <ember/core/error.h>
#include <ember/core/sequence_nr.h>

#include <algorithm>
#include <mutex>
#include <typeindex>
#include <unordered_map>

namespace ember::autograd {

namespace {

thread_local constinit Node* node_under_construction = nullptr;

// Nodes that are waiting to be freed in this thread. Freeing one drops the tensors and nodes that it
// holds; those come here instead of the stack.
thread_local constinit Node* pending_head = nullptr;
thread_local constinit bool freeing = false;

}  // namespace

SavedTensorScope::SavedTensorScope(Node* node) : previous_(node_under_construction) { node_under_construction = node; }

void SavedTensorScope::close() { node_under_construction = previous_; }

Node::Node(Edge* edges, uint32_t num_edges, uint32_t num_inputs)
    : edges_(edges), num_edges_(num_edges), num_inputs_(num_inputs), sequence_nr_(ember::detail::take_sequence_nr()) {
  if (internal::anomaly_enabled) [[unlikely]]
    store_anomaly_metadata();
}

Node::Node(edge_list&& next_edges) : Node(nullptr, 0, 0) {
  own_ = true;
  if (!next_edges.empty()) set_next_edges(std::move(next_edges));
}

Node::~Node() = default;

void Node::release() const noexcept {
  if (!drop_strong()) return;
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

const char* Node::type_name() const {
  static std::mutex mutex;
  static std::unordered_map<std::type_index, std::string> names;
  const std::lock_guard lock(mutex);
  std::string& name = names[typeid(*this)];
  if (name.empty()) name = function_detail::demangled_name(typeid(*this).name());
  return name.c_str();
}

bool Node::should_compute_output(size_t i) const {
  EMBER_CHECK_INDEX(i < num_edges_, name(), ": output ", i, " of ", num_edges_);
  return edges_[i].is_valid();
}

bool Node::should_compute_output(std::initializer_list<IndexRange> ranges) const {
  for (const auto& [from, to] : ranges)
    for (size_t i = from; i < to; ++i)
      if (should_compute_output(i)) return true;
  return false;
}

bool Node::task_should_compute_output(std::initializer_list<IndexRange> ranges) const {
  for (const auto& [from, to] : ranges)
    for (size_t i = from; i < to; ++i)
      if (should_compute_output(i) && task_should_compute_output(i)) return true;
  return false;
}

Node::Extras& Node::make_extras() {
  if (!extras_) extras_ = std::make_unique<Extras>();
  return *extras_;
}

// ---- edges of nodes of one's own ----

void Node::own_edges() {
  edge_list& edges = make_extras().edges;
  if (edges_ != edges.data()) edges.assign(edges_, edges_ + num_edges_);
}

void Node::set_next_edge(size_t i, Edge edge) {
  EMBER_CHECK_INDEX(i < num_edges_, name(), ": edge ", i, " of ", num_edges_);
  edges_[i] = std::move(edge);
}

void Node::add_next_edge(Edge edge) {
  own_edges();
  edge_list& edges = extras_->edges;
  edges.push_back(std::move(edge));
  set_edges(edges.data(), static_cast<uint32_t>(edges.size()));
}

void Node::set_next_edges(edge_list&& next) {
  edge_list& edges = make_extras().edges;
  edges = std::move(next);
  set_edges(edges.data(), static_cast<uint32_t>(edges.size()));
}

uint32_t Node::add_input_metadata(const Tensor& result) {
  if (result.defined() && result.is_cuda() && stream_.device.is_cpu()) stream_ = current_stream(result.device());
  return own_ ? num_inputs_++ : 0;
}

// ---- running ----

void Node::apply(Tensor* grads_in, Tensor* grads_out) {
  variable_list grads(std::make_move_iterator(grads_in), std::make_move_iterator(grads_in + num_inputs_));
  variable_list results = apply(std::move(grads));
  EMBER_CHECK(results.size() == num_edges_, name(), " gave ", results.size(), " gradients for ", num_edges_, " inputs");
  for (size_t i = 0; i < results.size(); ++i) grads_out[i] = std::move(results[i]);
}

variable_list Node::apply(variable_list&&) {
  throw NotImplementedError(ember::detail::concat(name(), ": the node has no apply()"));
}

variable_list Node::operator()(variable_list&& grads) {
  EMBER_CHECK(grads.size() == num_inputs_, name(), " takes ", num_inputs_, " gradients, got ", grads.size());
  variable_list results(num_edges_);
  apply(grads.data(), results.data());
  return results;
}

// ---- hooks ----

namespace {
// Hooks that are plain functions.
struct PreHookFunction final : FunctionPreHook {
  explicit PreHookFunction(NodePreHook f) : function(std::move(f)) {}
  variable_list operator()(const variable_list& grads) override { return function(grads); }
  NodePreHook function;
};
struct PostHookFunction final : FunctionPostHook {
  explicit PostHookFunction(NodePostHook f) : function(std::move(f)) {}
  variable_list operator()(const variable_list& outputs, const variable_list& inputs) override {
    return function(outputs, inputs);
  }
  NodePostHook function;
};

template <class List>
void remove_keyed(List& list, unsigned key) {
  const auto at = std::find_if(list.begin(), list.end(), [key](const auto& item) { return item.first == key; });
  EMBER_CHECK(at != list.end(), "there is no hook ", key, " to remove");
  list.erase(at);
}
}  // namespace

unsigned Node::add_pre_hook(NodePreHook hook) {
  EMBER_CHECK(hook, "add_pre_hook: the hook is empty");
  Extras& e = make_extras();
  e.pre_hooks.emplace_back(e.next_key, std::make_shared<PreHookFunction>(std::move(hook)));
  return e.next_key++;
}

unsigned Node::add_post_hook(NodePostHook hook) {
  EMBER_CHECK(hook, "add_post_hook: the hook is empty");
  Extras& e = make_extras();
  e.post_hooks.emplace_back(e.next_key, std::make_shared<PostHookFunction>(std::move(hook)));
  return e.next_key++;
}

void Node::add_pre_hook(std::unique_ptr<FunctionPreHook>&& hook) {
  EMBER_CHECK(hook, "add_pre_hook: the hook is null");
  Extras& e = make_extras();
  e.pre_hooks.emplace_back(e.next_key++, std::move(hook));
}

uintptr_t Node::add_post_hook(std::unique_ptr<FunctionPostHook>&& hook) {
  EMBER_CHECK(hook, "add_post_hook: the hook is null");
  const auto key = reinterpret_cast<uintptr_t>(hook.get());
  Extras& e = make_extras();
  e.post_hooks.emplace_back(e.next_key++, std::move(hook));
  return key;
}

bool Node::del_post_hook(uintptr_t key) {
  if (!extras_) return false;
  return std::erase_if(extras_->post_hooks,
                       [key](const auto& h) { return reinterpret_cast<uintptr_t>(h.second.get()) == key; }) != 0;
}

void Node::remove_pre_hook(unsigned key) { remove_keyed(make_extras().pre_hooks, key); }
void Node::remove_post_hook(unsigned key) { remove_keyed(make_extras().post_hooks, key); }

unsigned Node::add_tensor_hook(uint32_t input_nr, TensorHook hook) {
  Extras& e = make_extras();
  e.tensor_hooks.push_back({e.next_key, input_nr, std::move(hook)});
  return e.next_key++;
}

void Node::remove_tensor_hook(uint32_t input_nr, unsigned key) {
  auto& list = make_extras().tensor_hooks;
  const auto at = std::find_if(list.begin(), list.end(), [&](const Extras::TensorHooked& h) {
    return h.key == key && h.input_nr == input_nr && h.hook;
  });
  EMBER_CHECK(at != list.end(), "remove_hook: this tensor has no hook ", key);
  list.erase(at);
}

void Node::add_tensor_pre_hook(std::unique_ptr<FunctionPreHook>&& hook) {
  EMBER_CHECK(hook, "add_tensor_pre_hook: the hook is null");
  Extras& e = make_extras();
  e.tensor_hooks.push_back({e.next_key++, 0, {}, std::move(hook)});
}

void Node::retain_grad(uint32_t input_nr, TensorImpl* variable) {
  make_extras().retained.emplace_back(input_nr, variable);
}

void Node::forget_retained(TensorImpl* variable) {
  if (!extras_) return;
  std::erase_if(extras_->retained, [variable](const auto& r) { return r.second == variable; });
}

// ---- where a node was made ----

const AnomalyMetadata* Node::metadata() const noexcept { return extras_ ? extras_->anomaly.get() : nullptr; }

void Node::store_anomaly_metadata() {
  auto data = std::make_shared<AnomalyMetadata>();
  data->count = ember::detail::capture_frames(data->frames, AnomalyMetadata::kMaxFrames);
  data->parent = IntrusivePtr<Node>(internal::running_node);
  make_extras().anomaly = std::move(data);
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
  EMBER_CHECK(
      !tensor.is_inference(),
      "an inference tensor cannot be saved for a backward; use clone() to get one that can: ", describe(tensor));
  version_ = tensor.unsafe_impl()->version();
  if (!output && storage_being_changed != nullptr && tensor.storage().impl() == storage_being_changed) {
    overwritten_ = true;  // not kept: it may be the result, which owns the node
    return;
  }
  if (output) {
    tensor_ = ember::detail::alias(tensor, tensor.sizes(), tensor.strides(), tensor.storage_offset());
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

void SavedTensor::check() const {
  EMBER_CHECK(!freed_,
              "backward through the graph a second time: what it saved was freed by the first; pass retain_graph=true "
              "to the first backward to keep it");
  EMBER_CHECK(!overwritten_, "an operand needed for the gradient of ",
              node_ != nullptr ? node_->type_name() : "an operation",
              " was changed in place by the operation itself; use clone() or the operation out of place");
  if (!tensor_.defined()) return;
  const uint32_t now = tensor_.unsafe_impl()->version();
  EMBER_CHECK(now == version_,
              "a tensor needed for the gradient was changed in place after it was saved: ", describe(tensor_),
              output_ ? ", the result" : ", an input", " of ", node_ != nullptr ? node_->type_name() : "an operation",
              ", is at version ", now, ", expected ", version_);
}

Tensor SavedTensor::get() const {
  check();
  if (!output_ || !tensor_.defined()) return tensor_;
  const Tensor t = ember::detail::alias(tensor_, tensor_.sizes(), tensor_.strides(), tensor_.storage_offset());
  if (node_ != nullptr && is_floating(t.dtype())) set_history(t, IntrusivePtr<Node>(node_), output_nr_);
  return t;
}

}  // namespace ember::autograd
