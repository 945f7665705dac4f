// Random tensors whose parameters are tensors, permutations and samples.
#include <limits>

#include <ember/autograd/ops/random.h>

namespace ember {

namespace ops {
namespace {

void check_std(const char* op, const Tensor& std) {
  check_defined(op, std, "std");
  const NoGradGuard unrecorded;
  EMBER_CHECK(std.numel() == 0 || std.ge(0).all().item<bool>(), op,
              ": the standard deviations must not be negative or NaN");
}
void check_std(const char* op, double std) {
  EMBER_CHECK(std >= 0, op, ": the standard deviation must not be negative, got ", std);
}

// Standard normal values of std, then of mean, written to `y`; either may be nothing.
void normal_contents(const Tensor& y, const std::optional<Tensor>& mean, double mean_value,
                     const std::optional<Tensor>& std, double std_value, std::optional<Generator> generator) {
  y.normal_(0, std ? 1 : std_value, std::move(generator));
  if (std) y.mul_(*std);
  if (mean) {
    y.add_(*mean);
  } else {
    y.add_(Scalar(mean_value));
  }
}

Tensor normal_of(const char* node, const std::optional<Tensor>& mean, double mean_value,
                 const std::optional<Tensor>& std, double std_value, std::optional<Generator> generator) {
  const Tensor& like = mean ? *mean : *std;
  check_floating("normal", like);
  if (mean && std) check_same_device("normal", *mean, *std);
  const Dims sizes = mean && std ? broadcast_shapes(mean->sizes(), std->sizes()) : Dims(like.sizes());
  Tensor y = detail::empty(sizes, like.scalar_type(), like.device());
  {
    const NoGradGuard unrecorded;
    normal_contents(y, mean, mean_value, std, std_value, std::move(generator));
  }
  const auto zero_like = [](const Tensor& t) {
    return [sizes = Dims(t.sizes()), dtype = t.scalar_type()](const Tensor& g) {
      return zeros(sizes, TensorOptions(dtype).device(g.device()));
    };
  };
  if (mean && std) {
    if (!recording(*mean, *std)) return y;
    return record(node, y, wrt(*mean, zero_like(*mean)), wrt(*std, zero_like(*std)));
  }
  if (!recording(like)) return y;
  return record(node, y, wrt(like, zero_like(like)));
}

Tensor& normal_into(Tensor& out, IntArrayRef sizes, const std::optional<Tensor>& mean, double mean_value,
                    const std::optional<Tensor>& std, double std_value, std::optional<Generator> generator) {
  check_floating("normal", out);
  const Tensor none;
  check_out_unrecorded("normal", out, {mean ? &*mean : &none, std ? &*std : &none});
  const NoGradGuard unrecorded;
  generator_for("normal", out, generator);
  const Tensor y = detail::empty(sizes, out.scalar_type(), out.device());
  normal_contents(y, mean, mean_value, std, std_value, std::move(generator));
  resize_output("normal", out, sizes);
  out.copy_(y);
  return out;
}

// 1 with probability p[i], in self's memory order.
void draw_bernoulli(const Tensor& self, const Tensor& p, Generator& g) {
  if (self.numel() == 0) return;
  const Tensor expanded = p.expand(self.sizes());
  const ScalarType drawn = p.dtype() == kFloat64 ? kFloat64 : kFloat32;
  const Tensor ordered = in_memory_order(self);
  const Tensor draws = detail::empty(ordered.sizes(), drawn, self.device());
  launch(kernels.uniform, draws.device(), draws, 0.0, 1.0, g);
  // The draws as self's shape sees them: with its dimensions back in their places.
  Dims strides(static_cast<size_t>(self.dim()));
  Dims taken(ordered.sizes().size(), 0);
  for (size_t d = 0; d < strides.size(); ++d) {
    for (size_t o = 0; o < taken.size(); ++o) {
      if (taken[o] == 0 && ordered.sizes()[o] == self.sizes()[d] && ordered.strides()[o] == self.strides()[d]) {
        strides[d] = draws.strides()[o];
        taken[o] = 1;
        break;
      }
    }
  }
  const Tensor in_place_of_self = detail::alias(draws, self.sizes(), strides, 0);
  copy_contents(self, in_place_of_self.lt(as_dtype(expanded, drawn)));
}

void check_probabilities(const char* op, const Tensor& p) {
  check_defined(op, p, "p");
  EMBER_CHECK(p.is_floating_point(), op, ": expected floating probabilities, got ", describe(p));
  EMBER_CHECK(p.numel() == 0 || p.ge(0).mul(p.le(1)).all().item<bool>(), op, ": p must hold probabilities");
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

// ---- normal ----

Tensor normal(const Tensor& mean, double std, std::optional<Generator> generator) {
  check_defined("normal", mean, "mean");
  check_std("normal", std);
  return normal_of("NormalBackward1", mean, 0, std::nullopt, std, std::move(generator));
}
Tensor normal(double mean, const Tensor& std, std::optional<Generator> generator) {
  check_std("normal", std);
  return normal_of("NormalBackward2", std::nullopt, mean, std, 0, std::move(generator));
}
Tensor normal(const Tensor& mean, const Tensor& std, std::optional<Generator> generator) {
  check_defined("normal", mean, "mean");
  check_std("normal", std);
  return normal_of("NormalBackward3", mean, 0, std, 0, std::move(generator));
}
Tensor& normal_out(Tensor& out, const Tensor& mean, double std, std::optional<Generator> generator) {
  check_defined("normal", mean, "mean");
  check_std("normal", std);
  return normal_into(out, mean.sizes(), mean, 0, std::nullopt, std, std::move(generator));
}
Tensor& normal_out(Tensor& out, double mean, const Tensor& std, std::optional<Generator> generator) {
  check_std("normal", std);
  return normal_into(out, std.sizes(), std::nullopt, mean, std, 0, std::move(generator));
}
Tensor& normal_out(Tensor& out, const Tensor& mean, const Tensor& std, std::optional<Generator> generator) {
  check_defined("normal", mean, "mean");
  check_std("normal", std);
  return normal_into(out, broadcast_shapes(mean.sizes(), std.sizes()), mean, 0, std, 0, std::move(generator));
}
Tensor& normal_out(Tensor& out, const Tensor& self, double mean, double std, std::optional<Generator> generator) {
  check_defined("normal", self);
  return normal_out(out, mean, std, self.sizes(), std::move(generator));
}

// ---- bernoulli ----

Tensor& Tensor::bernoulli_(double p, std::optional<Generator> generator) const {
  check_defined("bernoulli_", *this);
  EMBER_CHECK(p >= 0 && p <= 1, "bernoulli_: p must be a probability, got ", p);
  draw("bernoulli_", "BernoulliBackward2", *this, std::move(generator),
       [p](const Tensor& t, Generator& g) { launch(kernels.bernoulli, t.device(), t, p, g); });
  return const_cast<Tensor&>(*this);
}

Tensor& Tensor::bernoulli_(const Tensor& p, std::optional<Generator> generator) const {
  check_defined("bernoulli_", *this);
  Tensor probabilities;
  {
    const NoGradGuard unrecorded;
    check_probabilities("bernoulli_", p);
    probabilities = p.to(device());
    EMBER_CHECK(is_expandable_to(p.sizes(), sizes()), "bernoulli_: p of sizes ", p.sizes(), " does not broadcast to ",
                sizes());
    // p may be self.
    if (p.is_alias_of(*this)) probabilities = probabilities.clone();
  }
  check_dest("bernoulli_", *this, sizes(), scalar_type());
  Generator& g = generator_for("bernoulli_", *this, generator);
  in_place("bernoulli_", *this, [&](Dest dest, const Tensor& old) {
    {
      const NoGradGuard unrecorded;
      draw_bernoulli(dest.tensor(), probabilities, g);
    }
    bump_version(dest.tensor());
    if (!recording(old, p) || !is_floating_point()) return;
    record("BernoulliBackward1", dest.tensor(), wrt(old, [](const Tensor& grad) { return zeros_like(grad); }),
           wrt(p, [sizes = Dims(p.sizes()), options = p.options()](const Tensor&) { return zeros(sizes, options); }));
  });
  return const_cast<Tensor&>(*this);
}

// A tensor that was filled before anybody else has it has not changed.
static Tensor as_new(const Tensor& t) { return t.variable_data(); }

Tensor bernoulli(const Tensor& self, std::optional<Generator> generator) {
  check_floating("bernoulli", self);
  Tensor y = detail::empty(self.sizes(), self.scalar_type(), self.device());
  {
    const NoGradGuard unrecorded;
    y = as_new(y.bernoulli_(self, std::move(generator)));
  }
  if (!recording(self)) return y;
  return record("BernoulliBackward0", y, wrt(self, [](const Tensor& g) { return zeros_like(g); }));
}
Tensor bernoulli(const Tensor& self, double p, std::optional<Generator> generator) {
  check_defined("bernoulli", self);
  const Tensor y = detail::empty(self.sizes(), self.scalar_type(), self.device());
  return as_new(y.bernoulli_(p, std::move(generator)));
}
Tensor bernoulli(const Tensor& self, const Tensor& p, std::optional<Generator> generator) {
  check_defined("bernoulli", self);
  const Tensor y = detail::empty(self.sizes(), self.scalar_type(), self.device());
  return as_new(y.bernoulli_(p, std::move(generator)));
}
Tensor& bernoulli_out(Tensor& out, const Tensor& self, std::optional<Generator> generator) {
  return out_form("bernoulli", out, {&self}, [&] {
    check_floating("bernoulli", self);
    return detail::empty(self.sizes(), out.scalar_type(), self.device()).bernoulli_(self, std::move(generator));
  });
}
Tensor& bernoulli_out(Tensor& out, const Tensor& self, const Tensor& p, std::optional<Generator> generator) {
  return out_form("bernoulli", out, {&self, &p}, [&] {
    check_defined("bernoulli", self);
    return detail::empty(self.sizes(), out.scalar_type(), self.device()).bernoulli_(p, std::move(generator));
  });
}
Tensor& bernoulli_out(Tensor& out, const Tensor& self, double p, std::optional<Generator> generator) {
  return out_form("bernoulli", out, {&self}, [&] {
    check_defined("bernoulli", self);
    return detail::empty(self.sizes(), out.scalar_type(), self.device()).bernoulli_(p, std::move(generator));
  });
}

// ---- permutations ----

namespace {

// Numbers 0 to n − 1 in random order, drawn as PyTorch's CPU does.
void shuffle(int64_t* p, int64_t n, Mt19937& engine) {
  if (n < std::numeric_limits<uint32_t>::max() / 20) {
    // Fisher and Yates, from the front, one 32-bit draw each.
    for (int64_t i = 0; i < n; ++i) p[i] = i;
    for (int64_t i = 0; i + 1 < n; ++i) {
      std::swap(p[i], p[i + static_cast<int64_t>(engine.next() % static_cast<uint64_t>(n - i))]);
    }
    return;
  }
  // Inside out, with 64-bit draws.
  for (int64_t i = 0; i < n; ++i) {
    const auto j = static_cast<int64_t>(engine.next64() % static_cast<uint64_t>(i + 1));
    p[i] = p[j];
    p[j] = i;
  }
}

// The most elements whose numbers a dtype holds.
int64_t most_elements(ScalarType t) {
  switch (t) {
    case ScalarType::Byte: return 256;
    case ScalarType::Char: return 128;
    case ScalarType::Short: return 32768;
    case ScalarType::Int: return int64_t{1} << 31;
    case ScalarType::Half: return (int64_t{1} << 11) + 1;
    case ScalarType::BFloat16: return (int64_t{1} << 8) + 1;
    case ScalarType::Float: return (int64_t{1} << 24) + 1;
    case ScalarType::Double: return (int64_t{1} << 53) + 1;
    default: return INT64_MAX;
  }
}

}  // namespace

Tensor randperm(int64_t n, std::optional<Generator> generator, const TensorOptions& options) {
  EMBER_CHECK(n >= 0, "randperm: the number of elements must not be negative, got ", n);
  check_layout("randperm", options);
  const ScalarType dtype = options.dtype().toScalarType();
  EMBER_CHECK(dtype != kBool && n <= most_elements(dtype), "randperm: ", n, " elements do not fit into ",
              dtype_name(dtype));
  const Tensor order = detail::empty({n}, kInt64, kCPU);
  const Tensor y = detail::empty({0}, dtype, options.device());
  GeneratorState& state = generator_for("randperm", y, generator).state();
  {
    const GeneratorLock lock(state);
    auto* const p = static_cast<int64_t*>(order.data_ptr());
    if (state.device.is_cpu()) {
      shuffle(p, n, state.engine);
    } else {
      // Shuffled on the CPU, by a generator that the counter seeds.
      Mt19937 engine(state.seed ^ (state.philox_offset * 0x9e3779b97f4a7c15u));
      state.philox_offset += 4;
      shuffle(p, n, engine);
    }
  }
  Tensor result = order.to(y.device(), dtype);
  if (options.pinned_memory()) result = result.pin_memory();
  if (options.requires_grad()) result.requires_grad_();
  return result;
}
Tensor randperm(int64_t n, const TensorOptions& options) { return randperm(n, std::nullopt, options); }
Tensor& randperm_out(Tensor& out, int64_t n, std::optional<Generator> generator) {
  return out_form("randperm", out, {}, [&] { return randperm(n, std::move(generator), out.options()); });
}
Tensor& randperm_out(Tensor& out, int64_t n) { return randperm_out(out, n, std::nullopt); }

// ---- multinomial ----

Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement, std::optional<Generator> generator) {
  check_floating("multinomial", self);
  EMBER_CHECK(self.dim() == 1 || self.dim() == 2, "multinomial: expected weights [n] or [rows, n], got ",
              describe(self));
  const int64_t n = self.size(-1);
  EMBER_CHECK(num_samples > 0, "multinomial: the number of samples must be positive, got ", num_samples);
  EMBER_CHECK(replacement || num_samples <= n, "multinomial: without replacement there are at most ", n,
              " samples, got ", num_samples);
  EMBER_CHECK(n <= int64_t{1} << 24, "multinomial: at most 2^24 categories, got ", n);
  Generator& g = generator_for("multinomial", self, generator);
  const NoGradGuard unrecorded;
  const Tensor weights = self.detach();
  Dims sizes = self.sizes();
  sizes[sizes.size() - 1] = num_samples;
  const Tensor index = detail::empty(sizes, kInt64, self.device());
  if (index.numel() == 0) return index;
  const double inf = std::numeric_limits<double>::infinity();
  EMBER_CHECK(weights.ge(0).mul(weights.lt(Scalar(inf))).all().item<bool>(),
              "multinomial: the weights must be finite and not negative");
  EMBER_CHECK(n > 0 && weights.sum(-1).gt(0).all().item<bool>(), "multinomial: the weights must not all be 0");
  if (!replacement || num_samples == 1) {
    // Of exponential variates with these rates the smallest, and then the next, is each with the right probability.
    const Tensor scores = weights / empty_like(weights, {}, MemoryFormat::Contiguous).exponential_(1, g);
    if (num_samples == 1) return argmax(scores, -1, true);
    return std::get<1>(topk(scores, num_samples, -1));
  }
  const Tensor rows = self.dim() == 1 ? weights.unsqueeze(0) : weights;
  const Tensor dense = rows.contiguous();
  launch(kernels.multinomial, index.device(), index.view({dense.size(0), num_samples}), dense, g);
  return index;
}
Tensor& multinomial_out(Tensor& out, const Tensor& self, int64_t num_samples, bool replacement,
                        std::optional<Generator> generator) {
  return out_form("multinomial", out, {&self}, [&] {
    EMBER_CHECK(out.dtype() == kInt64, "multinomial: expected out to be int64, got ", describe(out));
    return multinomial(self, num_samples, replacement, std::move(generator));
  });
}

}  // namespace ember
