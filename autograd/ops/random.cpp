// Random fills and the tensors made by them. On the CPU a seed gives PyTorch's numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include <ember/autograd/ops/random.h>
#include <ember/core/backend.h>

namespace ember {

namespace ops {

Generator& generator_for(const char* op, const Tensor& self, std::optional<Generator>& given) {
  if (!given || !given->defined()) return default_generator(self.device());
  EMBER_CHECK(given->device().type() == self.device().type(), op, ": a generator of ", given->device(), " for ",
              describe(self));
  return *given;
}

Tensor in_memory_order(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const auto rank = static_cast<size_t>(t.dim());
  // From the fastest dimension; insertion, so that dimensions of equal strides stay in order.
  Dims order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(rank - 1 - i);
  const auto is_slower = [&](int64_t a, int64_t b) {
    const auto x = static_cast<size_t>(a);
    const auto y = static_cast<size_t>(b);
    if (t.strides()[x] != t.strides()[y]) return t.strides()[x] > t.strides()[y];
    return t.sizes()[x] > t.sizes()[y];
  };
  for (size_t i = 1; i < rank; ++i)
    for (size_t j = i; j > 0 && is_slower(order[j - 1], order[j]); --j) std::swap(order[j - 1], order[j]);
  Dims sizes(rank);
  Dims strides(rank);
  for (size_t i = 0; i < rank; ++i) {
    sizes[i] = t.sizes()[static_cast<size_t>(order[rank - 1 - i])];
    strides[i] = t.strides()[static_cast<size_t>(order[rank - 1 - i])];
  }
  return detail::alias(t, sizes, strides, t.storage_offset());
}

void check_floating(const char* op, const Tensor& self) {
  check_defined(op, self);
  EMBER_CHECK(self.is_floating_point(), op, ": expected a floating tensor, got ", describe(self));
}

namespace {

double largest_finite(ScalarType t) {
  switch (t) {
    case ScalarType::Half: return 65504;
    case ScalarType::BFloat16: return 0x1.fep127;
    case ScalarType::Float: return std::numeric_limits<float>::max();
    default: return std::numeric_limits<double>::max();
  }
}

// The digits of a floating dtype, in binary.
int digits_of(ScalarType t) {
  switch (t) {
    case ScalarType::Half: return 11;
    case ScalarType::BFloat16: return 8;
    case ScalarType::Float: return 24;
    default: return 53;
  }
}

double rounded(int64_t value, ScalarType dtype) {
  switch (dtype) {
    case ScalarType::Half: return static_cast<double>(static_cast<float>(Half(static_cast<float>(value))));
    case ScalarType::BFloat16: return static_cast<double>(static_cast<float>(BFloat16(static_cast<float>(value))));
    case ScalarType::Float: return static_cast<double>(static_cast<float>(value));
    default: return static_cast<double>(value);
  }
}

// The distance between neighbours at |value| in a dtype with these digits.
int64_t spacing(int64_t value, int digits) {
  int exponent = 0;
  for (uint64_t v = static_cast<uint64_t>(value < 0 ? -value : value); v > 1; v >>= 1u) ++exponent;
  return exponent < digits ? 1 : int64_t{1} << (exponent - digits + 1);
}

constexpr double kTwo63 = 9223372036854775808.0;

// The ends of [from, to) moved inwards, to values that the dtype has; where rounding could leave the range.
int64_t first_in(int64_t from, ScalarType dtype) {
  const double next = from == INT64_MAX ? kTwo63 : rounded(from + 1, dtype);
  if (next >= kTwo63 || static_cast<int64_t>(next) >= from) return from;
  return static_cast<int64_t>(next) + spacing(from + 1, digits_of(dtype));
}
int64_t end_in(int64_t to, ScalarType dtype) {
  const double last = rounded(to - 1, dtype);
  if (last >= kTwo63 || static_cast<int64_t>(last) < to) return to;
  return static_cast<int64_t>(last) - spacing(to - 1, digits_of(dtype));
}

// The range of values of a dtype, in double.
std::pair<double, double> range_of(ScalarType t) {
  switch (t) {
    case ScalarType::Bool: return {0, 1};
    case ScalarType::Byte: return {0, 255};
    case ScalarType::Char: return {-128, 127};
    case ScalarType::Short: return {-32768, 32767};
    case ScalarType::Int: return {INT32_MIN, INT32_MAX};
    case ScalarType::Long: return {-kTwo63, kTwo63};
    default: return {-largest_finite(t), largest_finite(t)};
  }
}

// The largest value of an integral dtype; of a floating one, the last integer before some are missing.
int64_t largest_exact(ScalarType t) {
  if (is_floating(t)) return int64_t{1} << digits_of(t);
  return t == kInt64 ? INT64_MAX : static_cast<int64_t>(range_of(t).second);
}

void check_in_range(const char* op, int64_t value, ScalarType dtype) {
  const auto [low, high] = range_of(dtype);
  EMBER_CHECK(static_cast<double>(value) >= low && static_cast<double>(value) <= high, op, ": ", value,
              " is out of the range of ", dtype_name(dtype));
}

struct Integers {
  int64_t from;
  uint64_t range;  // 0: 2^64
  bool wide;
  void operator()(const Tensor& t, Generator& g) const { launch(kernels.random, t.device(), t, from, range, wide, g); }
};

// Integers in [from, to), or from `from` up to the largest one.
Integers integers(const char* op, ScalarType dtype, int64_t from, std::optional<int64_t> to) {
  int64_t last = 0;
  if (to) {
    EMBER_CHECK(*to > from, op, ": expected from < to, got ", from, " and ", *to);
    const int64_t end = is_floating(dtype) ? end_in(*to, dtype) : *to;
    if (is_floating(dtype)) from = first_in(from, dtype);
    EMBER_CHECK(end > from, op, ": in ", dtype_name(dtype), " there is nothing from ", from, " to ", end);
    last = end - 1;
  } else {
    if (from == INT64_MIN) {
      EMBER_CHECK(dtype == kInt64 || dtype == kFloat64 || dtype == kFloat32 || dtype == kBFloat16, op,
                  ": all 64-bit integers are not for ", dtype_name(dtype));
      return {0, 0, true};
    }
    last = largest_exact(dtype);
    if (is_floating(dtype)) from = first_in(from, dtype);
    EMBER_CHECK(from <= last, op, ": ", from, " is beyond the largest value, ", last);
  }
  check_in_range(op, from, dtype);
  check_in_range(op, last, dtype);
  const uint64_t range = static_cast<uint64_t>(last) - static_cast<uint64_t>(from) + 1;
  return {from, range, range == 0 || range >= uint64_t{1} << 28};
}

// From 0 up to the largest value.
Integers all_integers(ScalarType dtype) {
  return {0, static_cast<uint64_t>(largest_exact(dtype)) + 1, dtype == kInt64 || dtype == kFloat64};
}

// Normal values: in groups where PyTorch draws them so, which is in contiguous memory.
auto normal_fill(const Tensor& self, double mean, double std) {
  return [mean, std, contiguous = self.is_contiguous()](const Tensor& t, Generator& g) {
    if (contiguous) return launch(kernels.normal, t.device(), t, mean, std, g);
    launch(kernels.distribution, t.device(), t, Distribution::Normal, mean, std, g);
  };
}

auto uniform_fill(double from, double to) {
  return [from, to](const Tensor& t, Generator& g) { launch(kernels.uniform, t.device(), t, from, to, g); };
}

auto distribution_fill(Distribution kind, double a, double b) {
  return [=](const Tensor& t, Generator& g) { launch(kernels.distribution, t.device(), t, kind, a, b, g); };
}

Tensor& self_of(const Tensor& t) { return const_cast<Tensor&>(t); }

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// ---- in place ----

Tensor& Tensor::uniform_(double from, double to, std::optional<Generator> generator) const {
  check_floating("uniform_", *this);
  const double largest = largest_finite(scalar_type());
  EMBER_CHECK(from <= to && to - from <= largest && std::fabs(from) <= largest && std::fabs(to) <= largest,
              "uniform_: expected a finite range [from, to) of ", dtype_name(scalar_type()), ", got [", from, ", ", to,
              ")");
  draw("uniform_", "UniformBackward0", *this, std::move(generator), uniform_fill(from, to));
  return self_of(*this);
}

Tensor& Tensor::normal_(double mean, double std, std::optional<Generator> generator) const {
  check_floating("normal_", *this);
  EMBER_CHECK(std >= 0, "normal_: the standard deviation must not be negative, got ", std);
  draw("normal_", "NormalBackward0", *this, std::move(generator), normal_fill(*this, mean, std));
  return self_of(*this);
}

Tensor& Tensor::random_(int64_t from, std::optional<int64_t> to, std::optional<Generator> generator) const {
  check_defined("random_", *this);
  draw("random_", "RandomBackward0", *this, std::move(generator), integers("random_", scalar_type(), from, to));
  return self_of(*this);
}
Tensor& Tensor::random_(int64_t to, std::optional<Generator> generator) const {
  check_defined("random_", *this);
  draw("random_", "RandomBackward1", *this, std::move(generator), integers("random_", scalar_type(), 0, to));
  return self_of(*this);
}
Tensor& Tensor::random_(std::optional<Generator> generator) const {
  check_defined("random_", *this);
  draw("random_", "RandomBackward2", *this, std::move(generator), all_integers(scalar_type()));
  return self_of(*this);
}

Tensor& Tensor::exponential_(double lambd, std::optional<Generator> generator) const {
  check_floating("exponential_", *this);
  EMBER_CHECK(lambd > 0, "exponential_: the rate must be positive, got ", lambd);
  draw("exponential_", "ExponentialBackward0", *this, std::move(generator),
       distribution_fill(Distribution::Exponential, lambd, 0));
  return self_of(*this);
}

Tensor& Tensor::geometric_(double p, std::optional<Generator> generator) const {
  check_defined("geometric_", *this);
  EMBER_CHECK(p > 0 && p < 1, "geometric_: p must be between 0 and 1, got ", p);
  EMBER_CHECK(dtype() != kBool, "geometric_: not implemented for bool");
  draw("geometric_", "GeometricBackward0", *this, std::move(generator),
       distribution_fill(Distribution::Geometric, p, 0));
  return self_of(*this);
}

Tensor& Tensor::cauchy_(double median, double sigma, std::optional<Generator> generator) const {
  check_floating("cauchy_", *this);
  EMBER_CHECK(sigma > 0, "cauchy_: the width must be positive, got ", sigma);
  draw("cauchy_", "CauchyBackward0", *this, std::move(generator),
       distribution_fill(Distribution::Cauchy, median, sigma));
  return self_of(*this);
}

Tensor& Tensor::log_normal_(double mean, double std, std::optional<Generator> generator) const {
  check_floating("log_normal_", *this);
  EMBER_CHECK(std > 0, "log_normal_: the standard deviation must be positive, got ", std);
  draw("log_normal_", "LogNormalBackward0", *this, std::move(generator),
       distribution_fill(Distribution::LogNormal, mean, std));
  return self_of(*this);
}

// ---- new tensors ----

namespace {
// A tensor that is drawn before anybody else has it.
template <class F>
Tensor drawn(const char* op, const Tensor& t, std::optional<Generator> generator, bool requires_grad, F&& fill) {
  draw_contents(t, generator_for(op, t, generator), fill);
  if (requires_grad) t.requires_grad_();
  return t;
}

Tensor empty_of(const char* op, IntArrayRef size, ScalarType dtype, const TensorOptions& options) {
  check_layout(op, options);
  return detail::empty(size, dtype, options.device(), options.pinned_memory());
}
Tensor empty_floating(const char* op, IntArrayRef size, const TensorOptions& options) {
  check_layout(op, options);
  const Tensor t = detail::empty(size, options.dtype().toScalarType(), options.device(), options.pinned_memory());
  check_floating(op, t);
  return t;
}
// The dtype of the like-forms' results, which the options may change.
Tensor empty_like_of(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  const NoGradGuard unrecorded;
  return empty_like(self, TensorOptions(options).requires_grad(false), memory_format);
}
}  // namespace

Tensor rand(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options) {
  const Tensor t = empty_floating("rand", size, options);
  return drawn("rand", t, std::move(generator), options.requires_grad(), uniform_fill(0, 1));
}
Tensor rand(IntArrayRef size, const TensorOptions& options) { return rand(size, std::nullopt, options); }
Tensor randn(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options) {
  const Tensor t = empty_floating("randn", size, options);
  return drawn("randn", t, std::move(generator), options.requires_grad(), normal_fill(t, 0, 1));
}
Tensor randn(IntArrayRef size, const TensorOptions& options) { return randn(size, std::nullopt, options); }
Tensor normal(double mean, double std, IntArrayRef size, std::optional<Generator> generator,
              const TensorOptions& options) {
  EMBER_CHECK(std >= 0, "normal: the standard deviation must not be negative, got ", std);
  const Tensor t = empty_floating("normal", size, options);
  return drawn("normal", t, std::move(generator), options.requires_grad(), normal_fill(t, mean, std));
}

Tensor randint(int64_t low, int64_t high, IntArrayRef size, std::optional<Generator> generator,
               const TensorOptions& options) {
  // Options that name no dtype mean the default one, as in LibTorch; without options it is int64.
  const ScalarType dtype = options.dtype().toScalarType();
  const Integers fill = integers("randint", dtype, low, high);
  return drawn("randint", empty_of("randint", size, dtype, options), std::move(generator), options.requires_grad(),
               fill);
}
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(low, high, size, std::nullopt, options);
}
Tensor randint(int64_t high, IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options) {
  return randint(0, high, size, std::move(generator), options);
}
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(0, high, size, std::nullopt, options);
}

Tensor rand_like(const Tensor& self, std::optional<Generator> generator, const TensorOptions& options,
                 std::optional<MemoryFormat> memory_format) {
  check_defined("rand_like", self);
  const Tensor t = empty_like_of(self, options, memory_format);
  check_floating("rand_like", t);
  return drawn("rand_like", t, std::move(generator), options.requires_grad(), uniform_fill(0, 1));
}
Tensor rand_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  return rand_like(self, std::optional<Generator>(), options, memory_format);
}
Tensor randn_like(const Tensor& self, std::optional<Generator> generator, const TensorOptions& options,
                  std::optional<MemoryFormat> memory_format) {
  check_defined("randn_like", self);
  const Tensor t = empty_like_of(self, options, memory_format);
  check_floating("randn_like", t);
  return drawn("randn_like", t, std::move(generator), options.requires_grad(), normal_fill(t, 0, 1));
}
Tensor randn_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  return randn_like(self, std::optional<Generator>(), options, memory_format);
}
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<Generator> generator,
                    const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  check_defined("randint_like", self);
  const Tensor t = empty_like_of(self, options, memory_format);
  return drawn("randint_like", t, std::move(generator), options.requires_grad(),
               integers("randint_like", t.scalar_type(), low, high));
}
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, const TensorOptions& options,
                    std::optional<MemoryFormat> memory_format) {
  return randint_like(self, low, high, std::optional<Generator>(), options, memory_format);
}
Tensor randint_like(const Tensor& self, int64_t high, std::optional<Generator> generator, const TensorOptions& options,
                    std::optional<MemoryFormat> memory_format) {
  return randint_like(self, 0, high, std::move(generator), options, memory_format);
}
Tensor randint_like(const Tensor& self, int64_t high, const TensorOptions& options,
                    std::optional<MemoryFormat> memory_format) {
  return randint_like(self, 0, high, std::optional<Generator>(), options, memory_format);
}
Tensor randint_like(const Tensor& self, const Tensor& high, const TensorOptions& options,
                    std::optional<MemoryFormat> memory_format) {
  check_defined("randint_like", self);
  check_defined("randint_like", high, "high");
  EMBER_CHECK(high.numel() == 1 && high.is_cpu(), "randint_like: expected one number on the CPU, got ", describe(high));
  return randint_like(self, 0, high.item<int64_t>(), std::optional<Generator>(), options, memory_format);
}

// ---- _out ----

namespace {
// Draws into `out`, resized.
template <class F>
Tensor& drawn_into(const char* op, Tensor& out, IntArrayRef size, std::optional<Generator> generator, F&& draw_in) {
  check_defined(op, out, "out");
  check_out_unrecorded(op, out, {});
  checked_numel(size);
  const NoGradGuard unrecorded;
  generator_for(op, out, generator);
  resize_output(op, out, size);
  draw_in(out, std::move(generator));
  return out;
}
}  // namespace

Tensor& rand_out(Tensor& out, IntArrayRef size, std::optional<Generator> generator) {
  check_floating("rand", out);
  return drawn_into("rand", out, size, std::move(generator),
                    [](const Tensor& t, std::optional<Generator> g) { t.uniform_(0, 1, std::move(g)); });
}
Tensor& rand_out(Tensor& out, IntArrayRef size) { return rand_out(out, size, std::nullopt); }
Tensor& randn_out(Tensor& out, IntArrayRef size, std::optional<Generator> generator) {
  check_floating("randn", out);
  return drawn_into("randn", out, size, std::move(generator),
                    [](const Tensor& t, std::optional<Generator> g) { t.normal_(0, 1, std::move(g)); });
}
Tensor& randn_out(Tensor& out, IntArrayRef size) { return randn_out(out, size, std::nullopt); }
Tensor& normal_out(Tensor& out, double mean, double std, IntArrayRef size, std::optional<Generator> generator) {
  check_floating("normal", out);
  EMBER_CHECK(std >= 0, "normal: the standard deviation must not be negative, got ", std);
  return drawn_into("normal", out, size, std::move(generator),
                    [=](const Tensor& t, std::optional<Generator> g) { t.normal_(mean, std, std::move(g)); });
}
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size, std::optional<Generator> generator) {
  check_defined("randint", out, "out");
  const Integers fill = integers("randint", out.scalar_type(), low, high);
  return drawn_into("randint", out, size, std::move(generator), [&](const Tensor& t, std::optional<Generator> g) {
    draw("randint", "RandomBackward0", t, std::move(g), fill);
  });
}
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size) {
  return randint_out(out, low, high, size, std::nullopt);
}
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size, std::optional<Generator> generator) {
  return randint_out(out, 0, high, size, std::move(generator));
}
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size) {
  return randint_out(out, 0, high, size, std::nullopt);
}

namespace cuda::detail {

const Generator& getDefaultCUDAGenerator(DeviceIndex device_index) {
  return default_generator(Device(kCUDA, device_index));
}
Generator createCUDAGenerator(DeviceIndex device_index) {
  return Generator(resolve_device(Device(kCUDA, device_index)));
}

}  // namespace cuda::detail

}  // namespace ember
