// The IDX format (http://yann.lecun.com/exdb/mnist): a magic number of two zero bytes, the element type (8:
// unsigned byte) and the number of dimensions; each dimension as a 32-bit big-endian number; the elements.
#include <array>
#include <cstdio>
#include <fstream>

#include "data.h"

namespace mlp {
namespace {

namespace fs = std::filesystem;

struct Idx {
  std::vector<int64_t> sizes;
  std::vector<uint8_t> values;
};

int64_t read_big_endian(std::ifstream& in, const fs::path& file) {
  std::array<unsigned char, 4> bytes;
  if (!in.read(reinterpret_cast<char*>(bytes.data()), bytes.size())) fail(file, "ends inside its header");
  return int64_t{bytes[0]} << 24 | int64_t{bytes[1]} << 16 | int64_t{bytes[2]} << 8 | int64_t{bytes[3]};
}

// Nothing is allocated before the header agrees with the length of the file.
Idx read_file(const fs::path& file, int dims) {
  if (!fs::is_regular_file(file)) fail(file, "is not a file");
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(file, "cannot be read");
  const uintmax_t length = fs::file_size(file);

  const int64_t magic = read_big_endian(in, file);
  if (magic != 0x800 + dims) {
    char text[64];
    std::snprintf(text, sizeof text, "starts with 0x%08llx, expected 0x%08x", static_cast<unsigned long long>(magic),
                  0x800 + dims);
    fail(file, std::string(text) + " (an IDX file of " + std::to_string(dims) + "-dimensional unsigned bytes)");
  }
  Idx idx;
  const uintmax_t available = length - 4 * (1 + static_cast<uintmax_t>(dims));
  std::string shape;
  uintmax_t expected = 1;
  for (int d = 0; d < dims; ++d) {
    const int64_t size = read_big_endian(in, file);
    shape += (d ? "×" : "") + std::to_string(size);
    if (size == 0) fail(file, "a dimension is 0 in its header");
    idx.sizes.push_back(size);
    // Saturates: a product beyond the file's length is wrong whatever it is, and must not wrap around.
    expected = expected > length / static_cast<uintmax_t>(size) ? length + 1 : expected * static_cast<uintmax_t>(size);
  }
  if (expected != available) {
    fail(file, "its header says " + shape + " bytes of data, the file has " + std::to_string(available));
  }
  idx.values.resize(expected);
  if (!in.read(reinterpret_cast<char*>(idx.values.data()), static_cast<std::streamsize>(expected)))
    fail(file, "could not be read to its end");
  return idx;
}

}  // namespace

RawImages read_idx(const fs::path& images, const fs::path& labels) {
  Idx image = read_file(images, 3);
  Idx label = read_file(labels, 1);
  if (image.sizes[0] != label.sizes[0]) {
    fail(labels, "has " + std::to_string(label.sizes[0]) + " labels for the " + std::to_string(image.sizes[0]) +
                     " images of " + images.filename().string());
  }
  for (size_t i = 0; i < label.values.size(); ++i) {
    if (label.values[i] > 9)
      fail(labels, "label " + std::to_string(i) + " is " + std::to_string(label.values[i]) + ", expected 0-9");
  }
  return {image.sizes[1] * image.sizes[2], std::move(image.values), std::move(label.values)};
}

}  // namespace mlp
