// Elementwise operations on dense operands, in the caches and beyond them.
#include "harness.h"

namespace comparison {

using torch::Tensor;

namespace {

template <class F>
void add_sizes(const std::string& name, int passes, F f) {
  for (const auto& [label, n] : {std::pair{"1e3", 1000}, {"1e5", 100000}, {"1e7", 10000000}}) {
    const auto operands = std::make_shared<std::vector<Tensor>>();
    add("elementwise/" + name + '/' + label, {0, passes * floats(n), 0}, [f, operands, n = n] {
      const torch::NoGradGuard no_grad;
      if (operands->empty()) *operands = {positive({n}), normal({n})};
      return f((*operands)[0], (*operands)[1]);
    });
  }
}

}  // namespace

void register_elementwise() {
  add_sizes("add", 3, [](const Tensor& a, const Tensor& b) { return a + b; });
  add_sizes("mul", 3, [](const Tensor& a, const Tensor& b) { return a * b; });
  // In place on its own copy would change what the next call sees; an output that is there is as good.
  add_sizes("add_out", 3, [out = std::make_shared<Tensor>()](const Tensor& a, const Tensor& b) {
    if (!out->defined() || out->numel() != a.numel()) *out = torch::empty_like(a);
    return torch::add_out(*out, a, b);
  });
  add_sizes("exp", 2, [](const Tensor&, const Tensor& b) { return b.exp(); });
  add_sizes("log", 2, [](const Tensor& a, const Tensor&) { return a.log(); });
  add_sizes("tanh", 2, [](const Tensor&, const Tensor& b) { return b.tanh(); });
  add_sizes("sigmoid", 2, [](const Tensor&, const Tensor& b) { return b.sigmoid(); });
  add_sizes("gelu", 2, [](const Tensor&, const Tensor& b) { return torch::gelu(b); });
  add_sizes("pow2", 2, [](const Tensor&, const Tensor& b) { return b.pow(2); });
  add_sizes("clamp", 2, [](const Tensor&, const Tensor& b) { return b.clamp(-0.5, 0.5); });
}

}  // namespace comparison
