// Row-major arrays of double on the host: what the references of the operation table compute with. They
// share no code with the library.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ember::test {

using Sizes = std::vector<int64_t>;

struct HostArray {
  std::vector<double> data;
  Sizes sizes;

  int64_t numel() const { return static_cast<int64_t>(data.size()); }
  int64_t dim() const { return static_cast<int64_t>(sizes.size()); }
  double& at(const Sizes& index) { return data[static_cast<size_t>(offset(index))]; }
  double at(const Sizes& index) const { return data[static_cast<size_t>(offset(index))]; }
  int64_t offset(const Sizes& index) const;
};
using Arrays = std::vector<HostArray>;

int64_t count(const Sizes& sizes);
HostArray filled(const Sizes& sizes, double value = 0);
HostArray scalar(double value);
std::string to_string(const Sizes& sizes);

// Calls f with every index of `sizes`, the last dimension fastest.
void for_each_index(const Sizes& sizes, const std::function<void(const Sizes&)>& f);

Sizes broadcast_sizes(const Sizes& a, const Sizes& b);
HostArray broadcast_to(const HostArray& a, const Sizes& sizes);

HostArray map(const HostArray& a, const std::function<double(double)>& f);
HostArray map(const HostArray& a, const HostArray& b, const std::function<double(double, double)>& f);
HostArray map(const HostArray& a, const HostArray& b, const HostArray& c,
              const std::function<double(double, double, double)>& f);

// f over the elements that share an index in the dimensions that stay. No dims: all of them.
HostArray reduce(const HostArray& a, Sizes dims, bool keepdim,
                 const std::function<double(const std::vector<double>&)>& f);
HostArray permuted(const HostArray& a, const Sizes& dims);
HostArray reshaped(HostArray a, const Sizes& sizes);
// Elements start, start + step, … (length of them) of one dimension.
HostArray strided(const HostArray& a, int64_t dim, int64_t start, int64_t length, int64_t step);
// What a row-major array's memory shows when looked at with other sizes and strides.
HostArray in_memory(const HostArray& a, const Sizes& sizes, const Sizes& strides, int64_t offset = 0);
// Matrix product of the last two dimensions, the others broadcast; vectors as numpy's matmul takes them.
HostArray product(const HostArray& a, const HostArray& b);

}  // namespace ember::test
