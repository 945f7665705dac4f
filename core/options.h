// TensorOptions: dtype, device and requires_grad of a tensor to be made, each optional.
#pragma once

#include <iosfwd>
#include <optional>

#include <ember/core/device.h>
#include <ember/core/dtype.h>

namespace ember {

using std::nullopt;
using std::optional;

enum class Layout : int8_t { Strided };
inline constexpr Layout kStrided = Layout::Strided;
enum class MemoryFormat : int8_t { Contiguous, Preserve };

class TensorOptions {
 public:
  TensorOptions() = default;
  TensorOptions(ScalarType dtype) : dtype_(dtype), has_dtype_(true) {}  // NOLINT: implicit, all of these
  TensorOptions(Device device) : device_(device), has_device_(true) {}  // NOLINT
  TensorOptions(DeviceType type) : TensorOptions(Device(type)) {}       // NOLINT
  template <StringLike S>
  TensorOptions(const S& device) : TensorOptions(Device(device)) {}  // NOLINT
  TensorOptions(Layout) {}                                           // NOLINT

  [[nodiscard]] TensorOptions dtype(optional<ScalarType> t) const {
    TensorOptions o = *this;
    o.has_dtype_ = t.has_value();
    if (t) o.dtype_ = *t;
    return o;
  }
  [[nodiscard]] TensorOptions device(optional<Device> d) const {
    TensorOptions o = *this;
    o.has_device_ = d.has_value();
    if (d) o.device_ = *d;
    return o;
  }
  [[nodiscard]] TensorOptions device(DeviceType type, DeviceIndex index = -1) const {
    return device(Device(type, index));
  }
  [[nodiscard]] TensorOptions requires_grad(optional<bool> r) const {
    TensorOptions o = *this;
    o.has_requires_grad_ = r.has_value();
    o.requires_grad_ = r.value_or(false);
    return o;
  }
  [[nodiscard]] TensorOptions layout(Layout) const { return *this; }

  // The value, or its default: get_default_dtype(), CPU, false.
  ScalarType dtype() const { return has_dtype_ ? dtype_ : get_default_dtype(); }
  Device device() const { return has_device_ ? device_ : Device(); }
  bool requires_grad() const { return requires_grad_; }
  Layout layout() const { return Layout::Strided; }
  optional<ScalarType> dtype_opt() const { return has_dtype_ ? optional<ScalarType>(dtype_) : nullopt; }
  optional<Device> device_opt() const { return has_device_ ? optional<Device>(device_) : nullopt; }
  bool has_dtype() const { return has_dtype_; }
  bool has_device() const { return has_device_; }
  bool has_requires_grad() const { return has_requires_grad_; }

 private:
  ScalarType dtype_ = kFloat32;
  Device device_;
  bool has_dtype_ = false;
  bool has_device_ = false;
  bool requires_grad_ = false;
  bool has_requires_grad_ = false;
};

inline TensorOptions dtype(ScalarType t) { return TensorOptions(t); }
inline TensorOptions device(Device d) { return TensorOptions(d); }
inline TensorOptions requires_grad(bool r = true) { return TensorOptions().requires_grad(r); }
std::ostream& operator<<(std::ostream& out, const TensorOptions& o);

}  // namespace ember
