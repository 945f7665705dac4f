// Images of handwritten digits: the UCI set that is here, or MNIST from its IDX files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "../framework.h"

namespace mlp {

// Images one after another, each `pixels` bytes, with the class 0–9 of each.
struct RawImages {
  int64_t pixels = 0;
  std::vector<uint8_t> values;
  std::vector<uint8_t> labels;
  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

struct Examples {
  fw::Tensor images;  // [N, pixels], 0 to 1
  fw::Tensor labels;  // [N] int64
  int64_t count() const { return labels.size(0); }
};

struct Dataset {
  std::string name;
  Examples train;
  Examples test;
};

// All functions here throw std::runtime_error that names the file and what is wrong with it, by this one.
[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what);

// The UCI digits from a CSV file, split into 1437 to train on and 360 to test on by a shuffle that is the
// same in every run and on every system.
Dataset load_digits(const std::filesystem::path& csv, fw::Device device, fw::Dtype dtype);
// MNIST (or any set in its format and with its file names) from a directory.
Dataset load_mnist(const std::filesystem::path& directory, fw::Device device, fw::Dtype dtype);

// A pair of IDX files: unsigned bytes of [N, rows, columns] and of [N].
RawImages read_idx(const std::filesystem::path& images, const std::filesystem::path& labels);

}  // namespace mlp
