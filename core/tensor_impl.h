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
        sizes_(sizes),
        strides_(strides) {}
  void release() const noexcept {
    if (drop()) delete this;
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

  uint32_t version() const { return version_source()->version(); }
  void bump_version() { version_source()->bump_version(); }

  // The tensor whose storage this is a view of (never itself a view), or null.
  const IntrusivePtr<TensorImpl>& view_base() const { return view_base_; }
  void set_view_base(IntrusivePtr<TensorImpl> base) { view_base_ = std::move(base); }

  AutogradMetaBase* autograd() const { return autograd_.get(); }
  void set_autograd(std::unique_ptr<AutogradMetaBase> meta) { autograd_ = std::move(meta); }

  // Replaces what this tensor is (set_data, resize); autograd's part and the handles stay.
  void set_contents(const TensorImpl& other) {
    storage_ = other.storage_;
    numel_ = other.numel_;
    offset_ = other.offset_;
    device_ = other.device_;
    dtype_ = other.dtype_;
    contiguous_ = other.contiguous_;
    sizes_ = other.sizes_;
    strides_ = other.strides_;
    view_base_ = nullptr;
  }

 private:
  StorageImpl* version_source() const { return storage_.impl(); }

  Storage storage_;
  std::unique_ptr<AutogradMetaBase> autograd_;
  IntrusivePtr<TensorImpl> view_base_;
  int64_t numel_;
  int64_t offset_;
  Device device_;
  ScalarType dtype_;
  bool contiguous_;
  Dims sizes_;
  Dims strides_;
};

}  // namespace ember
