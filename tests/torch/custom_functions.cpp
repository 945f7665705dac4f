// Functions with a gradient of their own, with arguments that are not tensors.
#include <torch/torch.h>

#include <iostream>

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// y = x·wᵀ (+ bias): an optional tensor and a flag.
struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static torch::Tensor forward(AutogradContext* ctx, torch::Tensor x, torch::Tensor w,
                               const std::optional<torch::Tensor>& bias) {
    ctx->save_for_backward({x, w, bias.value_or(torch::Tensor())});
    auto y = x.mm(w.t());
    if (bias) y += bias->unsqueeze(0).expand_as(y);
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto g = grads[0];
    torch::Tensor bias_grad;
    if (saved[2].defined()) bias_grad = g.sum(0);
    return {g.mm(saved[1]), g.t().mm(saved[0]), bias_grad};
  }
};

struct ScaledPower : torch::autograd::Function<ScaledPower> {
  static torch::Tensor forward(AutogradContext* ctx, const torch::Tensor& x, double scale, int64_t exponent,
                               const std::string& name) {
    ctx->save_for_backward({x});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["exponent"] = exponent;
    ctx->saved_data["name"] = name;
    return x.pow(exponent) * scale;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto x = ctx->get_saved_variables()[0];
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t exponent = ctx->saved_data["exponent"].toInt();
    std::cout << "backward of " << ctx->saved_data["name"].toStringRef() << '\n';
    return {grads[0] * scale * exponent * x.pow(exponent - 1), torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

// Two results, one without a gradient.
struct SortedWithOrder : torch::autograd::Function<SortedWithOrder> {
  static variable_list forward(AutogradContext* ctx, const torch::Tensor& x, bool descending) {
    const auto [values, order] = x.sort(-1, descending);
    ctx->save_for_backward({order});
    ctx->mark_non_differentiable({order});
    return {values, order};
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto order = ctx->get_saved_variables()[0];
    return {torch::zeros_like(grads[0]).scatter(-1, order, grads[0]), torch::Tensor()};
  }
};

struct DoubleInPlace : torch::autograd::Function<DoubleInPlace> {
  static torch::Tensor forward(AutogradContext* ctx, torch::Tensor x) {
    x.mul_(2);
    ctx->mark_dirty({x});
    return x;
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0] * 2}; }
};

int main() {
  torch::manual_seed(5);
  const auto options = torch::dtype(torch::kDouble).requires_grad(true);
  const auto x = torch::randn({5, 3}, options), w = torch::randn({2, 3}, options), b = torch::randn({2}, options);
  LinearFunction::apply(x, w, std::optional<torch::Tensor>(b)).pow(2).sum().backward();
  std::cout << x.grad() << '\n' << w.grad() << '\n' << b.grad() << '\n';
  const auto no_bias = LinearFunction::apply(x, w, std::optional<torch::Tensor>());
  std::cout << no_bias.sum().item<double>() << ' ' << no_bias.grad_fn()->name().empty() << '\n';

  auto v = torch::tensor({1.0, 2.0, 3.0}, options);
  const auto y = ScaledPower::apply(v, 0.5, 3, "cube");
  const auto first = torch::autograd::grad({y.sum()}, {v}, {}, true, true)[0];
  const auto second = torch::autograd::grad({first.sum()}, {v})[0];
  std::cout << first << '\n' << second << '\n';

  auto u = torch::tensor({3.0, 1.0, 2.0}, options);
  const auto sorted = SortedWithOrder::apply(u, true);
  (sorted[0] * torch::tensor({1.0, 10.0, 100.0}, torch::kDouble)).sum().backward();
  std::cout << sorted[0] << '\n' << sorted[1] << '\n' << u.grad() << ' ' << sorted[1].requires_grad() << '\n';

  const auto leaf = torch::ones({3}, options);
  auto inner = leaf * 3;
  const auto doubled = DoubleInPlace::apply(inner);
  doubled.sum().backward();
  std::cout << inner << '\n' << leaf.grad() << ' ' << doubled.is_same(inner) << '\n';
  return 0;
}
