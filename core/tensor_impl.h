// What a Tensor points at: a storage, a view of it, and what autograd knows.
#pragma once

#include <memory>

#include <ember/core/dims.h>
#include <ember/core/dtype.h>
#include <ember/core/storage.h>

namespace ember {

// Autograd's part of a tensor (autograd/autograd_meta.h); core only owns and destroys it.
struct AutogradMetaBase {
  virtual ~AutogradMetaBase() = default;
};

namespace detail {
// What this thread does with the operations it runs: see autograd/grad_mode.h.
struct ThreadModes {
  bool grad = true;
  bool inference = false;
};
extern thread_local constinit ThreadModes modes;

// Counts changes in place, for tensors that share a storage but not its count: those of data() and set_data().
class VersionCounter final : public RefCounted, public Pooled {
 public:
  explicit VersionCounter(uint32_t version) : version_(version) {}
  void release() const noexcept {
    if (drop_strong()) delete this;
  }
  uint32_t version() const { return version_.load(std::memory_order_relaxed); }
  void bump() { version_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint32_t> version_;
};
}  // namespace detail

// How a view was made, which decides whether its base's history can follow a change in place.
enum class ViewKind : uint8_t { Plain, NoGrad, Inference, MultipleOutputs, CustomFunction };

class TensorImpl final : public RefCounted, public detail::Pooled {
 public:
  // A view of `storage`: sizes and strides in elements, offset in elements. Nothing is checked.
  TensorImpl(Storage storage, ScalarType dtype, IntArrayRef sizes, IntArrayRef strides, int64_t offset, int64_t numel,
             bool contiguous)
      : storage_(std::move(storage)),
        numel_(numel),
        offset_(offset),
        device_(storage_.device()),
        dtype_(dtype),
        contiguous_(contiguous),
        inference_(detail::modes.inference),
        sizes_(sizes),
        strides_(strides) {}
  void release() const noexcept {
    // What accumulates the gradient of a leaf refers to it weakly.
    if ((use_count() == 1 && autograd_ == nullptr) || drop()) delete this;
  }

  const Storage& storage() const { return storage_; }
  Device device() const { return device_; }
  ScalarType dtype() const { return dtype_; }
  int64_t dim() const { return static_cast<int64_t>(sizes_.size()); }
  int64_t numel() const { return numel_; }
  int64_t storage_offset() const { return offset_; }
  const Dims& sizes() const { return sizes_; }
  const Dims& strides() const { return strides_; }
  bool is_contiguous() const { return contiguous_; }
  void* data() const {
    return static_cast<char*>(storage_.data()) + offset_ * static_cast<int64_t>(element_size(dtype_));
  }

  // How often the elements were changed in place: what a saved tensor compares. Shared by all tensors of a storage but
  // for those that count for themselves (and their views).
  uint32_t version() const { return counter_ ? counter_->version() : storage_.impl()->version(); }
  void bump_version() { counter_ ? counter_->bump() : storage_.impl()->bump_version(); }
  void count_versions_from(uint32_t version) {
    counter_ = IntrusivePtr<detail::VersionCounter>(new detail::VersionCounter(version));
  }
  // Makes this one, a fresh alias, count its versions with `base`, and an inference tensor if that is one.
  void follow(const TensorImpl& base) {
    counter_ = base.counter_;
    inference_ = base.inference_;
  }

  // Made in inference mode: never recorded, and changed in place in that mode only.
  bool is_inference() const { return inference_; }

  // The tensor whose storage this is a view of (never itself a view), or null.
  const IntrusivePtr<TensorImpl>& view_base() const { return view_base_; }
  void set_view_base(IntrusivePtr<TensorImpl> base, ViewKind kind = ViewKind::Plain) {
    view_base_ = std::move(base);
    view_kind_ = kind;
    set_view_version(version());
  }
  ViewKind view_kind() const { return view_kind_; }
  void set_view_kind(ViewKind kind) { view_kind_ = kind; }
  // Of a view: the version of the elements for which its history holds.
  uint32_t view_version() const { return view_version_.load(std::memory_order_acquire); }
  void set_view_version(uint32_t version) { view_version_.store(version, std::memory_order_release); }

  AutogradMetaBase* autograd() const { return autograd_.get(); }
  void set_autograd(std::unique_ptr<AutogradMetaBase> meta) { autograd_ = std::move(meta); }

  // Replaces what this tensor is (set_data, resize); autograd's part, the version and the handles stay.
  void set_contents(const TensorImpl& other) {
    if (!counter_ && !storage_.is_alias_of(other.storage_)) count_versions_from(version());
    storage_ = other.storage_;
    numel_ = other.numel_;
    offset_ = other.offset_;
    device_ = other.device_;
    dtype_ = other.dtype_;
    contiguous_ = other.contiguous_;
    sizes_ = other.sizes_;
    strides_ = other.strides_;
    view_base_ = nullptr;
    view_kind_ = ViewKind::Plain;
  }
  // Looks at the same storage in another way (squeeze_, resize_); it stays a view of what it is a view of.
  void set_geometry(IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
    numel_ = 1;
    for (const int64_t s : sizes) numel_ *= s;
    contiguous_ = ember::is_contiguous(sizes, strides);
    offset_ = offset;
    sizes_ = Dims(sizes);
    strides_ = Dims(strides);
  }

 private:
  std::atomic<uint32_t> view_version_{0};
  Storage storage_;
  IntrusivePtr<detail::VersionCounter> counter_;  // null: the storage counts
  std::unique_ptr<AutogradMetaBase> autograd_;
  IntrusivePtr<TensorImpl> view_base_;
  int64_t numel_;
  int64_t offset_;
  Device device_;
  ScalarType dtype_;
  bool contiguous_;
  bool inference_;
  ViewKind view_kind_ = ViewKind::Plain;
  Dims sizes_;
  Dims strides_;
};

}  // namespace ember
