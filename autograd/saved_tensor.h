// A tensor that a node keeps for its backward, with the version it had.
#pragma once

#include <ember/core/tensor.h>

namespace ember::autograd {

class Node;

// Made by save() and save_output() and captured by a gradient's lambda; get() gives the tensor back, or
// throws if it was changed in place since or freed by an earlier backward. Every SavedTensor is linked
// into the node it ends up in (see record.h), which frees and lists them.
class SavedTensor {
 public:
  SavedTensor() = default;
  // `output`: the tensor is a result of the node that saves it. It is kept without its history (the node
  // would own itself) and gets it back from the node in get().
  SavedTensor(const Tensor& tensor, bool output, uint32_t output_nr = 0);
  SavedTensor(SavedTensor&& other) noexcept;
  SavedTensor(const SavedTensor&) = delete;
  SavedTensor& operator=(const SavedTensor&) = delete;

  Tensor get() const;
  // The same without a result's history, which costs: for a backward that is not recorded.
  const Tensor& values() const {
    check();
    return tensor_;
  }
  bool defined() const { return tensor_.defined(); }

  // For the node.
  const Tensor& peek() const { return tensor_; }
  bool is_output() const { return output_; }
  SavedTensor* next() const { return next_; }
  void free() {
    freed_ |= tensor_.defined();
    tensor_.reset();
  }

 private:
  void check() const;

  Tensor tensor_;
  SavedTensor* next_ = nullptr;
  Node* node_ = nullptr;
  uint32_t version_ = 0;
  uint32_t output_nr_ = 0;
  bool output_ = false;
  bool freed_ = false;
  bool overwritten_ = false;
};

// While one lives in the thread, its storage is being changed in place: an input that is saved now and
// shares it has lost the values that its gradient needs, and get() will say so.
class StorageBeingChanged {
 public:
  explicit StorageBeingChanged(const Tensor& tensor);
  ~StorageBeingChanged();
  StorageBeingChanged(const StorageBeingChanged&) = delete;
  StorageBeingChanged& operator=(const StorageBeingChanged&) = delete;

 private:
  const StorageImpl* previous_;
};

inline SavedTensor save(const Tensor& tensor) { return {tensor, false}; }
inline SavedTensor save_output(const Tensor& tensor) { return {tensor, true}; }
// Saves only when the gradient that needs it will be asked for: d(a·b)/da needs b only if a requires one.
inline SavedTensor save_if(bool needed, const Tensor& tensor) {
  return needed ? SavedTensor(tensor, false) : SavedTensor();
}

}  // namespace ember::autograd
