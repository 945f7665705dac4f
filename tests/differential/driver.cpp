// differential OUTPUT [--seed N] [--trials N] [--only PART_OF_A_NAME]
#include "driver.h"

#include <csetjmp>
#include <csignal>

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <utility>

namespace differential {

namespace {

std::vector<std::pair<std::string, Case>>& cases() {
  static std::vector<std::pair<std::string, Case>> all;
  return all;
}

const std::vector<torch::ScalarType>& types_of(Types types) {
  static const std::vector<torch::ScalarType> floating = {torch::kFloat, torch::kDouble, torch::kHalf,
                                                          torch::kBFloat16};
  static const std::vector<torch::ScalarType> wide = {torch::kFloat, torch::kDouble};
  static const std::vector<torch::ScalarType> integral = {torch::kByte, torch::kChar, torch::kShort, torch::kInt,
                                                          torch::kLong};
  static const std::vector<torch::ScalarType> numeric = {torch::kFloat, torch::kDouble, torch::kHalf, torch::kBFloat16,
                                                         torch::kFloat, torch::kByte,   torch::kChar, torch::kShort,
                                                         torch::kInt,   torch::kLong};
  static const std::vector<torch::ScalarType> all = {torch::kFloat, torch::kDouble, torch::kHalf, torch::kBFloat16,
                                                     torch::kFloat, torch::kByte,   torch::kChar, torch::kShort,
                                                     torch::kInt,   torch::kLong,   torch::kBool};
  static const std::vector<torch::ScalarType> boolean = {torch::kBool};
  switch (types) {
    case Types::Floating: return floating;
    case Types::Wide: return wide;
    case Types::Numeric: return numeric;
    case Types::Integral: return integral;
    case Types::All: return all;
    case Types::Bool: return boolean;
  }
  return all;
}

bool floating(torch::ScalarType t) {
  return t == torch::kFloat || t == torch::kDouble || t == torch::kHalf || t == torch::kBFloat16;
}

void write(std::ostream& out, const Tensor& t) {
  if (!t.defined()) {
    out << " undefined";
    return;
  }
  out << ' ' << torch::toString(t.scalar_type()) << " sizes=" << t.sizes() << " strides=" << t.strides()
      << " grad=" << t.requires_grad() << " [";
  const Tensor flat = t.detach().to(t.is_floating_point() ? torch::kDouble : torch::kLong).contiguous().view({-1});
  char text[40];
  for (int64_t i = 0; i < flat.numel(); ++i) {
    if (t.is_floating_point()) {
      std::snprintf(text, sizeof(text), "%.17g", flat.data_ptr<double>()[i]);
    } else {
      std::snprintf(text, sizeof(text), "%" PRId64, flat.data_ptr<int64_t>()[i]);
    }
    out << (i == 0 ? "" : " ") << text;
  }
  out << ']';
}

// The gradients of the results, weighted differently, with respect to what required them.
Tensors gradients(const Tensors& results, const Tensors& leaves) {
  Tensors roots, weights;
  for (const Tensor& r : results) {
    if (!r.defined() || !r.requires_grad()) continue;
    roots.push_back(r);
    weights.push_back((torch::arange(r.numel(), torch::kDouble).fmod(5) - 1.5).view(r.sizes()).to(r.scalar_type()));
  }
  if (roots.empty() || leaves.empty()) return {};
  return torch::autograd::grad(roots, leaves, weights, /*retain_graph=*/true, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

uint64_t seed_of(uint64_t seed, const std::string& name, int64_t trial) {
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  const auto mix = [&h](uint64_t byte) { h = (h ^ byte) * 0x100000001b3u; };
  for (const char c : name) mix(static_cast<unsigned char>(c));
  for (int i = 0; i < 8; ++i) mix(static_cast<uint64_t>(trial) >> (8 * i) & 255);
  return h;
}

// LibTorch divides by zero in a few calls on empty tensors. Such a call is noted as crashed, and the run goes on.
sigjmp_buf before_trial;
void note_crash(int) { siglongjmp(before_trial, 1); }

void run_trial(std::ostream& out, const std::string& name, const Case& run, uint64_t seed, int64_t trial) {
  Draw draw(seed_of(seed, name, trial));
  out << name << '#' << trial << '\t';
  std::ostringstream results;
  if (sigsetjmp(before_trial, 1) != 0) {
    out << draw.log() << "\tcrashed\n";
    return;
  }
  try {
    const Tensors outputs = run(draw);
    results << "ok";
    for (const Tensor& t : outputs) {
      results << '\t';
      write(results, t);
    }
    try {
      std::ostringstream grads;
      for (const Tensor& g : gradients(outputs, draw.leaves())) {
        grads << "\tgrad";
        write(grads, g);
      }
      results << grads.str();
    } catch (const std::exception& e) {
      results << "\tgradient refused";
      if (std::getenv("DIFFERENTIAL_WHY") != nullptr) std::cerr << name << '#' << trial << ' ' << e.what() << '\n';
    }
  } catch (const std::exception& e) {
    results.str("");
    results << "refused";
    if (std::getenv("DIFFERENTIAL_WHY") != nullptr) std::cerr << name << '#' << trial << ' ' << e.what() << '\n';
  }
  out << draw.log() << '\t' << results.str() << '\n';
}

}  // namespace

void add_case(std::string name, Case run) { cases().emplace_back(std::move(name), std::move(run)); }

Tensors list(const std::tuple<Tensor, Tensor>& t) { return {std::get<0>(t), std::get<1>(t)}; }
Tensors list(const std::tuple<Tensor, Tensor, Tensor>& t) { return {std::get<0>(t), std::get<1>(t), std::get<2>(t)}; }
Tensor number(double value) { return torch::full({}, value, torch::kDouble); }

int64_t Draw::integer(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
}

double Draw::real(double low, double high) {
  return low + (high - low) * (static_cast<double>(engine_() >> 11) / 9007199254740992.0);
}

torch::ScalarType Draw::dtype(Types types) { return pick(types_of(types)); }

Sizes Draw::shape(int64_t max_rank, int64_t max_size) {
  Sizes s;
  const int64_t rank = integer(0, max_rank);
  for (int64_t d = 0; d < rank; ++d) s.push_back(chance(0.04) ? 0 : integer(1, max_size));
  return s;
}

Sizes Draw::broadcastable(const Sizes& to) {
  Sizes s = to;
  if (!s.empty() && chance(0.3)) s.erase(s.begin(), s.begin() + integer(0, static_cast<int64_t>(s.size())));
  for (int64_t& size : s)
    if (chance(0.2)) size = 1;
  if (chance(0.1)) s.insert(s.begin(), integer(1, 3));
  if (!s.empty() && chance(0.03)) s[0] += 1;  // does not broadcast
  return s;
}

Tensor Draw::laid_out(const Tensor& t) {
  const int64_t kind = integer(0, 9);
  if (t.dim() == 0 || kind < 5) return t;
  if (kind < 7) {  // another order of the dimensions in memory
    Sizes order(static_cast<size_t>(t.dim()));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    for (size_t i = order.size(); i-- > 1;)
      std::swap(order[i], order[static_cast<size_t>(integer(0, static_cast<int64_t>(i)))]);
    Sizes inverse(order.size());
    for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
    return t.permute(order).contiguous().permute(inverse);
  }
  if (kind < 9) {  // every second element of something larger
    const int64_t d = integer(0, t.dim() - 1);
    return torch::stack({t, t}, d + 1).flatten(d, d + 1).slice(d, 0, c10::nullopt, 2);
  }
  const int64_t d = integer(0, t.dim() - 1);  // one element repeated
  if (t.size(d) == 0) return t;
  return t.narrow(d, 0, 1).expand(t.sizes());
}

Tensor Draw::plain(const Sizes& sizes, torch::ScalarType dtype, double low, double high) {
  int64_t n = 1;
  for (const int64_t s : sizes) n *= s;
  if (!floating(dtype)) {
    low = std::ceil(low);
    if (dtype == torch::kByte && low < 0) low = 0;
  }
  std::vector<double> values(static_cast<size_t>(n));
  for (double& v : values) {
    v = floating(dtype)
            ? std::round(real(low, high) * 64) / 64
            : static_cast<double>(integer(static_cast<int64_t>(low), static_cast<int64_t>(std::floor(high))));
  }
  return torch::from_blob(values.data(), {n}, torch::kDouble).clone().to(dtype).view(sizes);
}

Tensor Draw::tensor(const Sizes& sizes, torch::ScalarType dtype, double low, double high) {
  Tensor t = plain(sizes, dtype, low, high);
  if (special_ && floating(dtype) && t.numel() > 0 && chance(0.15)) {
    const double inf = std::numeric_limits<double>::infinity();
    const double value = pick(std::vector<double>{std::nan(""), inf, -inf, 0.0, -0.0});
    t.view({-1})[integer(0, t.numel() - 1)].fill_(value);
  }
  t = laid_out(t);
  log_ << ' ' << torch::toString(dtype) << t.sizes() << '/' << t.strides();
  if (gradients_ && floating(dtype) && chance(0.5)) {
    t = t.detach().requires_grad_();
    leaves_.push_back(t);
    log_ << 'g';
  }
  return t;
}

Tensor Draw::index(const Sizes& sizes, int64_t bound, bool negative) {
  int64_t n = 1;
  for (const int64_t s : sizes) n *= s;
  std::vector<int64_t> values(static_cast<size_t>(n));
  for (int64_t& v : values) {
    v = bound <= 0 ? 0 : integer(negative ? -bound : 0, bound - 1);
    if (chance(0.005)) v = bound;  // out of range
  }
  Tensor t = laid_out(torch::from_blob(values.data(), {n}, torch::kLong).clone().view(sizes));
  log_ << " index" << t.sizes();
  return t;
}

int64_t Draw::dim(const Tensor& t, bool may_be_wrong) {
  const int64_t rank = std::max<int64_t>(t.dim(), 1);
  if (may_be_wrong && chance(0.02)) return note("dim", rank);
  return note("dim", integer(-rank, rank - 1));
}

Sizes Draw::dims(const Tensor& t) {
  Sizes chosen;
  for (int64_t d = 0; d < t.dim(); ++d)
    if (chance(0.5)) chosen.push_back(chance(0.3) ? d - t.dim() : d);
  if (!chosen.empty() && chance(0.02)) chosen.push_back(chosen[0]);
  log_ << " dims=" << torch::IntArrayRef(chosen);
  return chosen;
}

Scalar Draw::scalar(double low, double high) {
  if (chance(0.5)) return Scalar(note("scalar", integer(static_cast<int64_t>(low), static_cast<int64_t>(high))));
  return Scalar(note("scalar", std::round(real(low, high) * 64) / 64));
}

}  // namespace differential

int main(int argc, char** argv) {
  uint64_t seed = 1;
  int64_t trials = 60;
  std::string only, path;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (i + 1 < argc && a == "--seed") {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && a == "--trials") {
      trials = std::strtoll(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && a == "--only") {
      only = argv[++i];
    } else {
      path = a;
    }
  }
  if (path.empty()) {
    std::cerr << "usage: differential OUTPUT [--seed N] [--trials N] [--only PART_OF_A_NAME]\n";
    return 2;
  }
  using namespace differential;
  add_elementwise_cases();
  add_reduction_cases();
  add_shape_cases();
  add_indexing_cases();
  add_linear_algebra_cases();
  add_creation_cases();
  add_loss_cases();
  std::signal(SIGFPE, note_crash);
  std::ofstream out(path);
  for (const auto& [name, run] : cases()) {
    if (name.find(only) == std::string::npos) continue;
    for (int64_t trial = 0; trial < trials; ++trial) run_trial(out, name, run, seed, trial);
  }
  return out ? 0 : 1;
}
