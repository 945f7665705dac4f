// Where a tensor lives.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>

namespace ember {

enum class DeviceType : int8_t { CPU = 0, CUDA = 1 };
inline constexpr int kNumDeviceTypes = 2;
inline constexpr DeviceType kCPU = DeviceType::CPU;
inline constexpr DeviceType kCUDA = DeviceType::CUDA;

using DeviceIndex = int8_t;

// A string or C string, and nothing else that converts to one: 0 is a null pointer.
template <class T>
concept StringLike = std::same_as < std::decay_t<T>,
const char* > || std::same_as<std::decay_t<T>, char*> || std::same_as<std::decay_t<T>, std::string>;

// A device type and an index. The index is -1 for "the current device" (CPU: always); a tensor on
// CUDA always carries a definite index.
class Device {
 public:
  constexpr Device(DeviceType type = DeviceType::CPU, DeviceIndex index = -1)
      : type_(type), index_(index) {}  // NOLINT: implicit
  // "cpu", "cuda" or "cuda:N"; throws Error otherwise.
  template <StringLike S>
  Device(const S& text) : Device(parse(text)) {}  // NOLINT: implicit, as in LibTorch

  constexpr DeviceType type() const { return type_; }
  constexpr DeviceIndex index() const { return index_; }
  constexpr bool has_index() const { return index_ >= 0; }
  constexpr bool is_cpu() const { return type_ == DeviceType::CPU; }
  constexpr bool is_cuda() const { return type_ == DeviceType::CUDA; }
  constexpr void set_index(DeviceIndex index) { index_ = index; }
  // The devices that PyTorch knows beside these two, and Ember does not.
  constexpr bool is_meta() const { return false; }
  constexpr bool is_mps() const { return false; }
  constexpr bool is_hip() const { return false; }
  constexpr bool is_xpu() const { return false; }
  constexpr bool is_xla() const { return false; }
  constexpr bool is_privateuseone() const { return false; }
  constexpr bool supports_as_strided() const { return true; }
  std::string str() const;

  friend constexpr bool operator==(Device a, Device b) { return a.type_ == b.type_ && a.index_ == b.index_; }
  friend constexpr bool operator!=(Device a, Device b) { return !(a == b); }

 private:
  static Device parse(const std::string& text);

  DeviceType type_;
  DeviceIndex index_;
};

std::ostream& operator<<(std::ostream& out, Device device);
std::ostream& operator<<(std::ostream& out, DeviceType type);
// "CUDA", or "cuda".
std::string DeviceTypeName(DeviceType type, bool lower_case = false);

}  // namespace ember

template <>
struct std::hash<ember::Device> {
  size_t operator()(ember::Device d) const noexcept {
    return std::hash<uint32_t>()(static_cast<uint32_t>(static_cast<uint8_t>(d.type())) << 16 |
                                 static_cast<uint8_t>(d.index()));
  }
};
