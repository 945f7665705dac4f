// Where a tensor lives.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
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

}  // namespace ember
