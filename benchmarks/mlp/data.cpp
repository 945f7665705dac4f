#include "data.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>
#include <random>
#include <stdexcept>

namespace mlp {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kDigitPixels = 64;
constexpr int kDigitMax = 16;
constexpr int64_t kDigitTests = 360;

RawImages read_csv(const fs::path& file) {
  std::ifstream in(file);
  if (!in) fail(file, "cannot be read");
  RawImages result{kDigitPixels, {}, {}};
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    const char* at = line.data();
    const char* const end = at + line.size();
    for (int64_t column = 0; column <= kDigitPixels; ++column) {
      int value = -1;
      const auto [next, error] = std::from_chars(at, end, value);
      const bool is_label = column == kDigitPixels;
      const bool separated = is_label ? next == end : next != end && *next == ',';
      if (error != std::errc() || !separated || value < 0 || value > (is_label ? 9 : kDigitMax)) {
        fail(file, "line " + std::to_string(number) + ", column " + std::to_string(column + 1) +
                       ": expected 64 pixels 0-16 and a class 0-9, separated by commas");
      }
      (is_label ? result.labels : result.values).push_back(static_cast<uint8_t>(value));
      at = next + 1;
    }
  }
  return result;
}

// The rows `order` of `raw` as tensors; a pixel of `max` becomes 1.
Examples to_examples(const RawImages& raw, const std::vector<int64_t>& order, double max, fw::Device device,
                     fw::Dtype dtype) {
  const auto n = static_cast<int64_t>(order.size());
  fw::Tensor images = fw::empty({n, raw.pixels}, fw::kUInt8);
  fw::Tensor labels = fw::empty({n}, fw::kInt64);
  auto* pixel = images.data_ptr<uint8_t>();
  auto* label = labels.data_ptr<int64_t>();
  for (const int64_t row : order) {
    pixel = std::copy_n(raw.values.data() + row * raw.pixels, raw.pixels, pixel);
    *label++ = raw.labels[row];
  }
  return {(images.to(fw::kFloat32) / max).to(device, dtype), labels.to(device)};
}

std::vector<int64_t> in_order(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// MNIST's files are found under both of the names in use.
fs::path find_idx(const fs::path& directory, const std::string& part, const std::string& kind) {
  const fs::path usual = directory / (part + "-" + kind + "-ubyte");
  if (fs::exists(usual)) return usual;
  const fs::path other = directory / (part + "." + kind + "-ubyte");
  if (fs::exists(other)) return other;
  for (const fs::path& name : {usual, other}) {
    if (fs::exists(name.string() + ".gz")) fail(name.string() + ".gz", "is compressed; unpack it with gunzip");
  }
  fail(usual, "is missing (nor is there " + other.filename().string() + ")");
}

}  // namespace

void fail(const fs::path& file, const std::string& what) { throw std::runtime_error(file.string() + ": " + what); }

Dataset load_digits(const fs::path& csv, fw::Device device, fw::Dtype dtype) {
  const RawImages raw = read_csv(csv);
  if (raw.count() <= kDigitTests) fail(csv, "holds " + std::to_string(raw.count()) + " images, expected 1797");
  // Fisher and Yates's shuffle, written out since std::shuffle draws differently from one library to another.
  std::vector<int64_t> order = in_order(raw.count());
  std::mt19937 random(20);
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random() % (i + 1)]);
  const std::vector<int64_t> test(order.end() - kDigitTests, order.end());
  order.resize(order.size() - kDigitTests);
  return {"UCI digits", to_examples(raw, order, kDigitMax, device, dtype),
          to_examples(raw, test, kDigitMax, device, dtype)};
}

Dataset load_mnist(const fs::path& directory, fw::Device device, fw::Dtype dtype) {
  const auto load = [&](const std::string& part) {
    const fs::path images = find_idx(directory, part + "-images", "idx3");
    return read_idx(images, find_idx(directory, part + "-labels", "idx1"));
  };
  const RawImages train = load("train");
  const RawImages test = load("t10k");
  if (train.pixels != test.pixels) {
    fail(directory, "the training images have " + std::to_string(train.pixels) + " pixels, the test images " +
                        std::to_string(test.pixels));
  }
  return {"IDX files", to_examples(train, in_order(train.count()), 255, device, dtype),
          to_examples(test, in_order(test.count()), 255, device, dtype)};
}

}  // namespace mlp
