// Random tensors. On the CPU a seed gives PyTorch's numbers.
#include <cmath>
#include <limits>

#include <ember/autograd/ops/common.h>

namespace ember {

namespace ops {
namespace {

Generator& generator_for(const char* op, const Tensor& self, std::optional<Generator>& given) {
  if (!given || !given->defined()) return default_generator(self.device());
  EMBER_CHECK(given->device().type() == self.device().type(), op, ": a generator of ", given->device(), " for ",
              describe(self));
  return *given;
}

// Draws into `t` by fill(contiguous tensor, generator); kernels want dense memory. No version changes.
template <class F>
void draw_contents(const Tensor& t, Generator& g, F&& fill) {
  if (t.numel() == 0) return;
  if (t.is_contiguous()) return fill(t, g);
  const Tensor dense = detail::empty(t.sizes(), t.dtype(), t.device());
  fill(dense, g);
  copy_contents(t, dense);
}

template <class F>
const Tensor& draw(const char* op, const Tensor& self, std::optional<Generator> generator, F&& fill) {
  check_dest(op, self, self.sizes(), self.dtype());
  Generator& g = generator_for(op, self, generator);
  return in_place(op, self, [&](Dest dest, const Tensor& old) {
    const Tensor& t = dest.tensor();
    draw_contents(t, g, fill);
    bump_version(t);
    if (recording(old)) record("FillBackward0", t, wrt(old, [](const Tensor&) { return Tensor(); }));
  });
}

void check_floating(const char* op, const Tensor& self) {
  check_defined(op, self);
  EMBER_CHECK(self.is_floating_point(), op, ": expected a floating tensor, got ", describe(self));
}

// The largest integer up to which a dtype holds every integer.
int64_t largest_exact(ScalarType t) {
  switch (t) {
    case ScalarType::Byte: return 255;
    case ScalarType::Char: return 127;
    case ScalarType::Short: return 32767;
    case ScalarType::Int: return INT32_MAX;
    case ScalarType::Half: return 1 << 11;
    case ScalarType::BFloat16: return 1 << 8;
    case ScalarType::Float: return 1 << 24;
    case ScalarType::Double: return int64_t{1} << 53;
    case ScalarType::Bool: return 1;
    default: return INT64_MAX;
  }
}

// The fills: functions of a dense tensor and a generator.
auto uniform_fill(double from, double to) {
  return [from, to](const Tensor& t, Generator& g) { launch(kernels.uniform, t.device(), t, from, to, g); };
}

auto normal_fill(double mean, double std) {
  return [mean, std](const Tensor& t, Generator& g) { launch(kernels.normal, t.device(), t, mean, std, g); };
}

// Integers in [from, to), or from 0 up to what the dtype holds exactly.
auto integer_fill(const char* op, ScalarType dtype, int64_t from, std::optional<int64_t> to) {
  const int64_t limit = largest_exact(dtype);
  const int64_t lowest = is_floating(dtype) ? -limit : is_signed(dtype) ? -limit - 1 : 0;
  EMBER_CHECK(!to || *to > from, op, ": expected from < to, got ", from, " and ", to.value_or(0));
  const int64_t last = to ? *to - 1 : limit;
  EMBER_CHECK(from >= lowest && last <= limit, op, ": [", from, ", ", last, "] does not fit into ", dtype_name(dtype));
  const uint64_t range = static_cast<uint64_t>(last) - static_cast<uint64_t>(from) + 1;
  return [from, range](const Tensor& t, Generator& g) {
    if (t.dtype() != kBool) return launch(kernels.random, t.device(), t, from, range, g);
    if (range == 1) return fill_contents(t, from);
    launch(kernels.bernoulli, t.device(), t, 0.5, g);
  };
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

Tensor& Tensor::uniform_(double from, double to, std::optional<Generator> generator) const {
  check_floating("uniform_", *this);
  EMBER_CHECK(from <= to && std::isfinite(to - from), "uniform_: expected a finite range [from, to), got [", from, ", ",
              to, ")");
  draw("uniform_", *this, std::move(generator), uniform_fill(from, to));
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::normal_(double mean, double std, std::optional<Generator> generator) const {
  check_floating("normal_", *this);
  EMBER_CHECK(std >= 0, "normal_: the standard deviation must not be negative, got ", std);
  draw("normal_", *this, std::move(generator), normal_fill(mean, std));
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::bernoulli_(double p, std::optional<Generator> generator) const {
  check_defined("bernoulli_", *this);
  EMBER_CHECK(p >= 0 && p <= 1, "bernoulli_: p must be a probability, got ", p);
  draw("bernoulli_", *this, std::move(generator),
       [&](const Tensor& t, Generator& g) { launch(kernels.bernoulli, t.device(), t, p, g); });
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::random_(int64_t from, std::optional<int64_t> to, std::optional<Generator> generator) const {
  check_defined("random_", *this);
  draw("random_", *this, std::move(generator), integer_fill("random_", dtype(), from, to));
  return const_cast<Tensor&>(*this);
}
Tensor& Tensor::random_(int64_t to, std::optional<Generator> generator) const {
  return random_(0, to, std::move(generator));
}
Tensor& Tensor::random_(std::optional<Generator> generator) const {
  return random_(0, std::nullopt, std::move(generator));
}

namespace {
// A tensor that is drawn before anybody else has it.
template <class F>
Tensor drawn(const char* op, const Tensor& t, std::optional<Generator> generator, bool requires_grad, F&& fill) {
  draw_contents(t, generator_for(op, t, generator), fill);
  if (requires_grad) t.requires_grad_();
  return t;
}

Tensor empty_floating(const char* op, IntArrayRef size, const TensorOptions& options) {
  const Tensor t = detail::empty(size, options.dtype(), options.device());
  check_floating(op, t);
  return t;
}
}  // namespace

Tensor rand(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options) {
  const Tensor t = empty_floating("rand", size, options);
  return drawn("rand", t, std::move(generator), options.requires_grad(), uniform_fill(0, 1));
}
Tensor rand(IntArrayRef size, const TensorOptions& options) { return rand(size, std::nullopt, options); }
Tensor randn(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options) {
  const Tensor t = empty_floating("randn", size, options);
  return drawn("randn", t, std::move(generator), options.requires_grad(), normal_fill(0, 1));
}
Tensor randn(IntArrayRef size, const TensorOptions& options) { return randn(size, std::nullopt, options); }
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options) {
  const ScalarType dtype = options.dtype_opt().value_or(kInt64);
  const auto fill = integer_fill("randint", dtype, low, high);
  return drawn("randint", detail::empty(size, dtype, options.device()), std::nullopt, options.requires_grad(), fill);
}
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options) { return randint(0, high, size, options); }

Tensor randperm(int64_t n, const TensorOptions& options) {
  EMBER_CHECK(n >= 0, "randperm: the number of elements must not be negative, got ", n);
  const ScalarType dtype = options.dtype_opt().value_or(kInt64);
  EMBER_CHECK(dtype != kBool && n - 1 <= largest_exact(dtype), "randperm: ", n, " elements do not fit into ",
              dtype_name(dtype));
  const Tensor order = arange(n, kInt64);
  auto* p = static_cast<int64_t*>(order.data_ptr());
  {
    // Fisher and Yates, from the front, one 32-bit draw each.
    GeneratorState& state = default_generator(kCPU).state();
    const std::lock_guard lock(state.mutex);
    for (int64_t i = 0; i < n - 1; ++i) {
      const auto j = static_cast<int64_t>(state.engine.next() % static_cast<uint64_t>(n - i));
      std::swap(p[i], p[i + j]);
    }
  }
  const Tensor y = order.to(options.device(), dtype);
  if (options.requires_grad()) y.requires_grad_();
  return y;
}

Tensor rand_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  const Tensor t = empty_like(self, options.requires_grad(false), memory_format);
  check_floating("rand_like", t);
  return drawn("rand_like", t, std::nullopt, options.requires_grad(), uniform_fill(0, 1));
}
Tensor randn_like(const Tensor& self, const TensorOptions& options, std::optional<MemoryFormat> memory_format) {
  const Tensor t = empty_like(self, options.requires_grad(false), memory_format);
  check_floating("randn_like", t);
  return drawn("randn_like", t, std::nullopt, options.requires_grad(), normal_fill(0, 1));
}

Tensor bernoulli(const Tensor& p, std::optional<Generator> generator) {
  check_floating("bernoulli", p);
  const NoGradGuard unrecorded;
  EMBER_CHECK(p.numel() == 0 || ((p >= 0) * (p <= 1)).all().item<bool>(), "bernoulli: p must hold probabilities");
  const Tensor draws = empty_like(p).uniform_(0, 1, std::move(generator));
  return (draws < p).to(p.dtype());
}

}  // namespace ember
