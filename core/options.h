// TensorOptions: dtype, device, layout and more of a tensor to be made, each optional.
#pragma once

#include <iosfwd>
#include <optional>

#include <ember/core/device.h>
#include <ember/core/dtype.h>

namespace ember {

using std::nullopt;
using std::optional;

// The values are PyTorch's. Tensors are strided: making one with another layout throws NotImplementedError.
enum class Layout : int8_t { Strided, Sparse, SparseCsr, Mkldnn, SparseCsc, SparseBsr, SparseBsc, Jagged };
inline constexpr Layout kStrided = Layout::Strided;
inline constexpr Layout kSparse = Layout::Sparse;
inline constexpr Layout kSparseCsr = Layout::SparseCsr;
inline constexpr Layout kMkldnn = Layout::Mkldnn;
inline constexpr Layout kSparseCsc = Layout::SparseCsc;
inline constexpr Layout kSparseBsr = Layout::SparseBsr;
inline constexpr Layout kSparseBsc = Layout::SparseBsc;
inline constexpr Layout kJagged = Layout::Jagged;
std::ostream& operator<<(std::ostream& out, Layout layout);

// How the dimensions of a tensor lie in memory: row-major, as they were, or the channels (dimension 1 of 4 or 5)
// the fastest.
enum class MemoryFormat : int8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };
std::ostream& operator<<(std::ostream& out, MemoryFormat format);

class TensorOptions {
 public:
  constexpr TensorOptions() = default;
  constexpr TensorOptions(ScalarType dtype) : dtype_(dtype), has_dtype_(true) {}  // NOLINT: implicit, all of these
  constexpr TensorOptions(TypeMeta dtype) : TensorOptions(ScalarType(dtype)) {}   // NOLINT
  constexpr TensorOptions(Device device) : device_(device), has_device_(true) {}  // NOLINT
  constexpr TensorOptions(DeviceType type) : TensorOptions(Device(type)) {}       // NOLINT
  template <StringLike S>
  TensorOptions(const S& device) : TensorOptions(Device(device)) {}                                   // NOLINT
  constexpr TensorOptions(Layout layout) : layout_(layout), has_layout_(true) {}                      // NOLINT
  constexpr TensorOptions(MemoryFormat format) : memory_format_(format), has_memory_format_(true) {}  // NOLINT

  [[nodiscard]] TensorOptions dtype(optional<ScalarType> t) const {
    TensorOptions o = *this;
    o.has_dtype_ = t.has_value();
    if (t) o.dtype_ = *t;
    return o;
  }
  [[nodiscard]] TensorOptions dtype(TypeMeta t) const { return dtype(optional<ScalarType>(t)); }
  template <class T>
  [[nodiscard]] TensorOptions dtype() const {
    return dtype(optional<ScalarType>(dtype_of_v<T>));
  }
  [[nodiscard]] TensorOptions device(optional<Device> d) const {
    TensorOptions o = *this;
    o.has_device_ = d.has_value();
    if (d) o.device_ = *d;
    return o;
  }
  template <StringLike S>
  [[nodiscard]] TensorOptions device(const S& d) const {
    return device(optional<Device>(Device(d)));
  }
  [[nodiscard]] TensorOptions device(DeviceType type, DeviceIndex index = -1) const {
    return device(optional<Device>(Device(type, index)));
  }
  [[nodiscard]] TensorOptions device_index(DeviceIndex index) const { return device(kCUDA, index); }
  [[nodiscard]] TensorOptions requires_grad(optional<bool> r) const {
    TensorOptions o = *this;
    o.has_requires_grad_ = r.has_value();
    o.requires_grad_ = r.value_or(false);
    return o;
  }
  [[nodiscard]] TensorOptions layout(optional<Layout> l) const {
    TensorOptions o = *this;
    o.has_layout_ = l.has_value();
    o.layout_ = l.value_or(Layout::Strided);
    return o;
  }
  [[nodiscard]] TensorOptions pinned_memory(optional<bool> p) const {
    TensorOptions o = *this;
    o.has_pinned_memory_ = p.has_value();
    o.pinned_memory_ = p.value_or(false);
    return o;
  }
  [[nodiscard]] TensorOptions memory_format(optional<MemoryFormat> m) const {
    TensorOptions o = *this;
    o.has_memory_format_ = m.has_value();
    o.memory_format_ = m.value_or(MemoryFormat::Contiguous);
    return o;
  }
  // These options with those that `other` has in their place.
  [[nodiscard]] TensorOptions merge_in(const TensorOptions& other) const {
    TensorOptions o = *this;
    if (other.has_dtype_) o = o.dtype(other.dtype_opt());
    if (other.has_device_) o = o.device(other.device_opt());
    if (other.has_layout_) o = o.layout(other.layout_);
    if (other.has_requires_grad_) o = o.requires_grad(other.requires_grad_);
    if (other.has_pinned_memory_) o = o.pinned_memory(other.pinned_memory_);
    if (other.has_memory_format_) o = o.memory_format(other.memory_format_);
    return o;
  }

  // The value, or its default: get_default_dtype(), CPU, strided, false, false.
  TypeMeta dtype() const { return TypeMeta(has_dtype_ ? dtype_ : get_default_dtype()); }
  Device device() const { return has_device_ ? device_ : Device(); }
  DeviceIndex device_index() const { return device().index(); }
  bool requires_grad() const { return requires_grad_; }
  Layout layout() const { return layout_; }
  bool pinned_memory() const { return pinned_memory_; }
  optional<ScalarType> dtype_opt() const { return has_dtype_ ? optional<ScalarType>(dtype_) : nullopt; }
  optional<Device> device_opt() const { return has_device_ ? optional<Device>(device_) : nullopt; }
  optional<Layout> layout_opt() const { return has_layout_ ? optional<Layout>(layout_) : nullopt; }
  optional<bool> requires_grad_opt() const { return has_requires_grad_ ? optional<bool>(requires_grad_) : nullopt; }
  optional<bool> pinned_memory_opt() const { return has_pinned_memory_ ? optional<bool>(pinned_memory_) : nullopt; }
  optional<MemoryFormat> memory_format_opt() const {
    return has_memory_format_ ? optional<MemoryFormat>(memory_format_) : nullopt;
  }
  bool has_dtype() const { return has_dtype_; }
  bool has_device() const { return has_device_; }
  bool has_layout() const { return has_layout_; }
  bool has_requires_grad() const { return has_requires_grad_; }
  bool has_pinned_memory() const { return has_pinned_memory_; }
  bool has_memory_format() const { return has_memory_format_; }
  bool is_sparse() const { return layout_ == Layout::Sparse; }

 private:
  ScalarType dtype_ = kFloat32;
  Device device_;
  Layout layout_ = Layout::Strided;
  MemoryFormat memory_format_ = MemoryFormat::Contiguous;
  bool requires_grad_ = false;
  bool pinned_memory_ = false;
  bool has_dtype_ : 1 = false;
  bool has_device_ : 1 = false;
  bool has_layout_ : 1 = false;
  bool has_memory_format_ : 1 = false;
  bool has_requires_grad_ : 1 = false;
  bool has_pinned_memory_ : 1 = false;
};

inline TensorOptions dtype(ScalarType t) { return TensorOptions(t); }
inline TensorOptions dtype(TypeMeta t) { return TensorOptions(t); }
template <class T>
TensorOptions dtype() {
  return TensorOptions(dtype_of_v<T>);
}
inline TensorOptions device(Device d) { return TensorOptions(d); }
inline TensorOptions device_index(DeviceIndex index) { return TensorOptions(Device(kCUDA, index)); }
inline TensorOptions layout(Layout l) { return TensorOptions(l); }
inline TensorOptions memory_format(MemoryFormat m) { return TensorOptions(m); }
inline TensorOptions requires_grad(bool r = true) { return TensorOptions().requires_grad(r); }
std::ostream& operator<<(std::ostream& out, const TensorOptions& o);

}  // namespace ember
