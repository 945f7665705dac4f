#include <ember/core/device.h>
#include <ember/core/error.h>

#include <ostream>

namespace ember {

Device Device::parse(const std::string& text) {
  Device device;
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name == "cuda") {
    device.type_ = DeviceType::CUDA;
  } else {
    EMBER_CHECK(name == "cpu", "\"", text, "\" is not a device; expected cpu, cuda or cuda:N");
  }
  if (colon == std::string::npos) return device;
  const std::string digits = text.substr(colon + 1);
  const bool is_number =
      !digits.empty() && digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos;
  const int index = is_number ? std::stoi(digits) : -1;
  EMBER_CHECK(is_number && index <= 127 && (digits.size() == 1 || digits[0] != '0'), "\"", text,
              "\" is not a device: the index must be a number from 0 to 127");
  EMBER_CHECK(device.is_cuda() || index == 0, "\"", text, "\" is not a device: the CPU has index 0 only");
  if (device.is_cuda()) device.index_ = static_cast<DeviceIndex>(index);
  return device;
}

std::string Device::str() const {
  std::string s = is_cuda() ? "cuda" : "cpu";
  if (has_index()) s.append(":").append(std::to_string(static_cast<int>(index_)));
  return s;
}

std::ostream& operator<<(std::ostream& out, Device device) { return out << device.str(); }
std::ostream& operator<<(std::ostream& out, DeviceType type) { return out << DeviceTypeName(type, true); }

std::string DeviceTypeName(DeviceType type, bool lower_case) {
  if (type == DeviceType::CUDA) return lower_case ? "cuda" : "CUDA";
  return lower_case ? "cpu" : "CPU";
}

}  // namespace ember
