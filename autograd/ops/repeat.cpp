// Copies that hold their elements several times.
#include <algorithm>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

// `self`, which has as many dimensions as there are repeats, into `y`, the sizes multiplied.
void repeat_into(const Tensor& y, const Tensor& self, const Dims& repeats) {
  // Each dimension becomes two, the repeats outside; those that either has alone stay one. More than the limit at once
  // are made in two steps.
  size_t both = 0;
  for (size_t d = 0; d < repeats.size(); ++d) both += repeats[d] != 1 && self.sizes()[d] != 1 ? 1 : 0;
  if (repeats.size() + both > kMaxDims) {
    Dims first = repeats;
    Dims second = repeats;
    for (size_t d = 0; d < repeats.size(); ++d) (d < repeats.size() / 2 ? first : second)[d] = 1;
    Dims sizes = self.sizes();
    for (size_t d = 0; d < sizes.size(); ++d) sizes[d] *= second[d];
    const Tensor half = ember::detail::empty(sizes, self.scalar_type(), self.device());
    repeat_into(half, self, second);
    return repeat_into(y, half, first);
  }
  Dims sizes;
  Dims from;
  Dims to;
  for (size_t d = 0; d < repeats.size(); ++d) {
    const int64_t size = self.sizes()[d];
    if (repeats[d] != 1) {
      sizes.push_back(repeats[d]);
      from.push_back(0);
      to.push_back(y.strides()[d] * size);
    }
    if (repeats[d] == 1 || size != 1) {
      sizes.push_back(size);
      from.push_back(self.strides()[d]);
      to.push_back(y.strides()[d]);
    }
  }
  copy_contents(ember::detail::alias(y, sizes, to, y.storage_offset()),
                ember::detail::alias(self, sizes, from, self.storage_offset()));
}

// The gradient of repeat: the copies of each element add up.
Tensor sum_repeats(const Tensor& grad, const Dims& repeats, const Dims& sizes) {
  if (grad.numel() == 0) return zeros(sizes, grad.options());
  Tensor g = grad;
  const size_t added = repeats.size() - sizes.size();
  for (size_t d = 0; d < repeats.size(); ++d) {
    if (repeats[d] == 1) continue;
    const int64_t size = d < added ? 1 : sizes[d - added];
    int64_t before = 1;
    for (size_t e = 0; e < d; ++e) before *= e < added ? 1 : sizes[e - added];
    g = g.reshape({before, repeats[d], size, -1}).sum(1);
  }
  return g.reshape(sizes);
}

// The sum of the repeats, which must be integers on any device in one dimension, none negative; and as many of them.
int64_t total_repeats(const Tensor& repeats, const Tensor& on_cpu) {
  const int64_t* const p = static_cast<const int64_t*>(on_cpu.data_ptr());
  int64_t total = 0;
  for (int64_t i = 0; i < repeats.numel(); ++i) {
    EMBER_CHECK(p[i] >= 0, "repeat_interleave: repeats must not be negative, got ", p[i]);
    EMBER_CHECK(!__builtin_add_overflow(total, p[i], &total), "repeat_interleave: the size of the result overflows");
  }
  return total;
}

void check_output_size(std::optional<int64_t> output_size, int64_t actual) {
  EMBER_CHECK(!output_size || *output_size == actual, "repeat_interleave: output_size is ", *output_size,
              ", but the result has size ", actual);
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor Tensor::repeat(IntArrayRef repeats) const {
  check_defined("repeat", *this);
  EMBER_CHECK(repeats.size() >= sizes().size(), "repeat: ", repeats.size(), " repeats for ", describe(*this));
  Dims sizes = this->sizes();
  Dims strides = this->strides();
  while (sizes.size() < repeats.size()) {
    sizes.insert(0, 1);
    strides.insert(0, 0);
  }
  Dims target = sizes;
  for (size_t d = 0; d < sizes.size(); ++d) {
    EMBER_CHECK(repeats[d] >= 0, "repeat: repeats must not be negative, got ", repeats);
    EMBER_CHECK(!__builtin_mul_overflow(sizes[d], repeats[d], &target[d]), "repeat: the sizes of ", describe(*this),
                " repeated ", repeats, " overflow");
  }
  Tensor y = ember::detail::empty(target, scalar_type(), device());
  if (y.numel() != 0) repeat_into(y, ember::detail::alias(*this, sizes, strides, storage_offset()), repeats);
  if (!recording(*this)) return y;
  return record("RepeatBackward0", y,
                wrt(*this, [repeats = Dims(repeats), sizes = Dims(this->sizes())](const Tensor& g) {
                  return sum_repeats(g, repeats, sizes);
                }));
}

Tensor tile(const Tensor& self, IntArrayRef dims) {
  check_defined("tile", self);
  Dims repeats = dims;
  while (repeats.size() < self.sizes().size()) repeats.insert(0, 1);
  return self.repeat(repeats);
}

Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size) {
  check_defined("repeat_interleave", repeats, "repeats");
  EMBER_CHECK(repeats.dim() == 1 && is_integral(repeats.scalar_type()),
              "repeat_interleave: expected the repeats as integers in one dimension, got ", describe(repeats));
  const Tensor counts = repeats.detach().to(kCPU, kInt64).contiguous();
  const int64_t total = total_repeats(repeats, counts);
  check_output_size(output_size, total);
  const Tensor places = ember::detail::empty({total}, kInt64, kCPU);
  const int64_t* const count = static_cast<const int64_t*>(counts.data_ptr());
  auto* at = static_cast<int64_t*>(places.data_ptr());
  for (int64_t i = 0; i < counts.numel(); ++i) at = std::fill_n(at, count[i], i);
  return places.to(repeats.device(), repeats.scalar_type());
}

Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  check_defined("repeat_interleave", self);
  check_defined("repeat_interleave", repeats, "repeats");
  check_same_device("repeat_interleave", self, repeats);
  EMBER_CHECK(repeats.dim() <= 1, "repeat_interleave: expected repeats of 0 or 1 dimensions, got ", describe(repeats));
  const Tensor input = dim ? self : self.flatten();
  EMBER_CHECK_INDEX(input.dim() > 0, "repeat_interleave: a 0-dimensional tensor has no dimension ", *dim);
  const int64_t d = wrap_dim(dim.value_or(0), input.dim());
  EMBER_CHECK(repeats.numel() == 1 || repeats.numel() == input.size(d), "repeat_interleave: ", repeats.numel(),
              " repeats for dimension ", d, " of ", describe(input));
  const Tensor counts = repeats.numel() == 1 ? repeats.reshape({1}).expand({input.size(d)}) : repeats;
  return input.index_select(d, as_dtype(repeat_interleave(counts, output_size), kInt64));
}

Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  check_defined("repeat_interleave", self);
  const Tensor input = dim ? self : self.flatten();
  EMBER_CHECK_INDEX(input.dim() > 0, "repeat_interleave: a 0-dimensional tensor has no dimension ", *dim);
  const int64_t d = wrap_dim(dim.value_or(0), input.dim());
  EMBER_CHECK(repeats >= 0, "repeat_interleave: repeats must not be negative, got ", repeats);
  int64_t total = 0;
  EMBER_CHECK(!__builtin_mul_overflow(input.size(d), repeats, &total),
              "repeat_interleave: the size of the result overflows");
  check_output_size(output_size, total);
  if (input.dim() == kMaxDims) {  // no room for the dimension of the copies
    const Tensor places = arange(input.size(d), TensorOptions(kInt64).device(self.device()));
    return input.index_select(d, repeat_interleave(places, repeats));
  }
  Dims sizes = input.sizes();
  sizes.insert(static_cast<size_t>(d) + 1, repeats);
  checked_numel(sizes);
  return input.unsqueeze(d + 1).expand(sizes).clone(MemoryFormat::Contiguous).flatten(d, d + 1);
}

}  // namespace ember
