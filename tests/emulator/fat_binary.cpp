#include "fat_binary.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <zstd.h>

namespace emulator {

namespace {

// NVIDIA does not document the container; these fields are what files made by nvcc 13.0 have.
struct Wrapper {
  uint32_t magic, version;
  const std::byte* data;
  void* more;
};
struct Header {
  uint32_t magic;
  uint16_t version, bytes;
  uint64_t content;  // bytes after this header
};
struct Entry {
  uint16_t kind, version;
  uint32_t header_bytes;
  uint64_t bytes;  // of what follows the entry's header, padded
  uint32_t packed_bytes, unknown;
  uint16_t minor, major;
  uint32_t architecture, name_offset, name_bytes;
  uint64_t flags, zero, unpacked_bytes;
};
constexpr uint32_t kWrapperMagic = 0x466243b1, kHeaderMagic = 0xba55ed50;
constexpr uint16_t kPtx = 1;
constexpr uint64_t kLz4 = 0x2000, kZstd = 0x8000;

template <class T>
T read(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

std::string text_of(const Entry& entry, const std::byte* data) {
  std::string text;
  if (entry.flags & kZstd) {
    text.resize(entry.unpacked_bytes);
    const size_t bytes = ZSTD_decompress(text.data(), text.size(), data, entry.packed_bytes);
    if (ZSTD_isError(bytes) || bytes != text.size()) throw std::runtime_error("PTX that cannot be decompressed");
  } else if (entry.flags & kLz4) {
    throw std::runtime_error("PTX compressed by LZ4; compile with --compress-mode=size");
  } else {
    text.assign(reinterpret_cast<const char*>(data), entry.bytes);
  }
  text.resize(std::strlen(text.c_str()));  // what is padded ends in zeros
  return text;
}

}  // namespace

std::string extract_ptx(const void* pointer, unsigned capability) {
  const auto wrapper = read<Wrapper>(static_cast<const std::byte*>(pointer));
  if (wrapper.magic != kWrapperMagic) throw std::runtime_error("not a fat binary");
  const std::byte* data = wrapper.data;
  const auto header = read<Header>(data);
  if (header.magic != kHeaderMagic) throw std::runtime_error("not a fat binary's header");
  data += header.bytes;
  Entry best{};
  const std::byte* text = nullptr;
  for (const std::byte* const end = data + header.content; data < end;) {
    const auto entry = read<Entry>(data);
    data += entry.header_bytes;
    if (entry.kind == kPtx && entry.architecture <= capability && entry.architecture > best.architecture) {
      best = entry;
      text = data;
    }
    data += entry.bytes;
  }
  if (text != nullptr) return text_of(best, text);
  throw std::runtime_error(
      "no PTX for this device among the code of this file: -gencode "
      "arch=compute_90,code=compute_90 puts it in");
}

}  // namespace emulator
