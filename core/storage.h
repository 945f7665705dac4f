// A counted block of memory on one device. Tensors are views of storages.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ember/core/device.h>
#include <ember/core/intrusive_ptr.h>
#include <ember/core/pool.h>

namespace ember {

// How a storage gives its memory back. `context` is the allocator's own (a block, a user's deleter).
using FreeFn = void (*)(void* data, size_t nbytes, void* context) noexcept;

class StorageImpl final : public RefCounted, public detail::Pooled {
 public:
  StorageImpl(void* data, size_t nbytes, Device device, FreeFn free, void* context, bool resizable = true)
      : data_(data), nbytes_(nbytes), free_(free), context_(context), device_(device), resizable_(resizable) {}
  ~StorageImpl() {
    if (free_ != nullptr) free_(data_, nbytes_, context_);
  }
  void release() const noexcept {
    if (drop_strong()) delete this;
  }

  void* data() const { return data_; }
  size_t nbytes() const { return nbytes_; }
  Device device() const { return device_; }
  FreeFn free_fn() const { return free_; }
  void* context() const { return context_; }
  bool resizable() const { return resizable_; }  // not the memory of a caller (from_blob)
  // Takes the memory of another storage of its device and gives its own; versions stay.
  void swap_memory(StorageImpl& other) {
    std::swap(data_, other.data_);
    std::swap(nbytes_, other.nbytes_);
    std::swap(free_, other.free_);
    std::swap(context_, other.context_);
  }

  // How often the contents were changed in place: what a saved tensor compares.
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump_version() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void* data_;
  size_t nbytes_;
  FreeFn free_;
  void* context_;
  std::atomic<uint32_t> version_{0};
  Device device_;
  bool resizable_;
};

// A storage's memory as LibTorch's programs ask for it: an address and where it is; owns nothing.
class DataPtr {
 public:
  DataPtr() = default;
  DataPtr(void* data, Device device) : data_(data), device_(device) {}
  void* get() const { return data_; }
  void* mutable_get() const { return data_; }
  Device device() const { return device_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
  Device device_;
};

// The handle to a storage; cheap to copy; the memory is freed with its last owner.
class Storage {
 public:
  Storage() = default;
  explicit Storage(IntrusivePtr<StorageImpl> impl) : impl_(std::move(impl)) {}
  void* data() const { return impl_ ? impl_->data() : nullptr; }
  void* mutable_data() const { return data(); }
  size_t nbytes() const { return impl_ ? impl_->nbytes() : 0; }
  Device device() const { return impl_ ? impl_->device() : Device(); }
  size_t use_count() const { return impl_ ? impl_->use_count() : 0; }
  explicit operator bool() const { return static_cast<bool>(impl_); }
  DeviceType device_type() const { return device().type(); }
  DataPtr data_ptr() const { return {data(), device()}; }
  DataPtr mutable_data_ptr() const { return data_ptr(); }
  bool resizable() const { return impl_ && impl_->resizable(); }
  bool unique() const { return use_count() == 1; }
  StorageImpl* unsafeGetStorageImpl() const { return impl_.get(); }
  bool is_alias_of(const Storage& other) const { return impl_ == other.impl_; }
  StorageImpl* impl() const { return impl_.get(); }

 private:
  IntrusivePtr<StorageImpl> impl_;
};

}  // namespace ember
