// What the two sides of an archive share; archive.h describes the file. Not a public header.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ember/autograd/ivalue.h>
#include <ember/nn/archive.h>

namespace ember::serialize {

static_assert(std::endian::native == std::endian::little, "archives are little-endian");

namespace detail {

enum class Kind : uint8_t {
  Archive = 0,
  Tensor = 1,
  Buffer = 2,
  None = 16,
  Bool = 17,
  Int = 18,
  Double = 19,
  String = 20,
  Ints = 21,
  Doubles = 22,
  Tensors = 23,
};

struct Entry {
  std::string key;
  Kind kind = Kind::None;
  IValue value;                                 // of all kinds but Archive
  std::shared_ptr<const Entries> archive = {};  // of that kind
};

inline constexpr char kMagic[8] = {'E', 'M', 'B', 'E', 'R', 'A', 'R', 'C'};
inline constexpr uint32_t kVersion = 1;
inline constexpr uint64_t kHeaderSize = 32;
inline constexpr uint64_t kAlignment = 64;

constexpr uint64_t aligned(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace detail

}  // namespace ember::serialize
