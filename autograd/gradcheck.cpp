#include <ember/autograd/gradcheck.h>

#include <cmath>

#include <ember/autograd/autograd.h>
#include <ember/autograd/engine.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

namespace ember::autograd {

namespace {

// Detached copies that require gradients where the originals do.
std::vector<Tensor> fresh_inputs(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> copies;
  for (const Tensor& t : inputs) {
    if (!t.defined()) {
      copies.push_back(t);
      continue;
    }
    const Tensor copy = t.detach().clone();
    copies.push_back(t.requires_grad() ? copy.requires_grad_() : copy);
  }
  return copies;
}

std::vector<double> values(const Tensor& t) {
  const Tensor flat = t.detach().to(Device(kCPU), kFloat64).contiguous();
  const auto* p = static_cast<const double*>(flat.data_ptr());
  return {p, p + flat.numel()};
}

std::vector<Tensor> differentiable(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> kept;
  for (const Tensor& y : outputs)
    if (y.defined() && y.is_floating_point()) kept.push_back(y);
  return kept;
}

// d output[o] / d input[i] by central differences: numerical[o][i][element of input][element of output]
std::vector<std::vector<std::vector<double>>> numerical_jacobian(const GradcheckFunction& f,
                                                                 const std::vector<Tensor>& inputs, size_t i,
                                                                 double eps) {
  std::vector<std::vector<std::vector<double>>> jacobian;
  const int64_t n = inputs[i].numel();
  for (int64_t e = 0; e < n; ++e) {
    std::vector<std::vector<double>> at[2];
    for (int side = 0; side < 2; ++side) {
      // The function may ask for gradients itself, so its inputs require them here too.
      std::vector<Tensor> moved = fresh_inputs(inputs);
      const Tensor x = inputs[i].detach().clone().contiguous();
      x.view({-1}).select(0, e).add_(side == 0 ? -eps : eps);
      moved[i] = x.requires_grad_();
      for (const Tensor& y : differentiable(f(moved))) at[side].push_back(values(y));
    }
    if (jacobian.empty()) jacobian.resize(at[0].size(), std::vector<std::vector<double>>(static_cast<size_t>(n)));
    for (size_t o = 0; o < at[0].size(); ++o) {
      std::vector<double>& column = jacobian[o][static_cast<size_t>(e)];
      for (size_t k = 0; k < at[0][o].size(); ++k) column.push_back((at[1][o][k] - at[0][o][k]) / (2 * eps));
    }
  }
  return jacobian;
}

// What is wrong with the gradients for undefined gradients of the results, and with those of two equal backwards; empty
// if nothing is.
std::string check_extremes(const std::vector<Tensor>& outputs, const std::vector<Tensor>& wanted,
                           const GradcheckOptions& options) {
  std::vector<Edge> roots;
  std::vector<Edge> captures;
  std::vector<Tensor> seeds;
  for (const Tensor& y : outputs) {
    if (!y.requires_grad()) continue;
    roots.push_back(gradient_edge(y));
    seeds.push_back(ones_like(y));
  }
  for (const Tensor& x : wanted) captures.push_back(gradient_edge(x));
  EngineOptions engine;
  engine.keep_graph = true;
  engine.accumulate = false;
  if (options.check_undefined_grad) {
    const auto grads = run_backward(roots, std::vector<Tensor>(roots.size()), captures, engine);
    for (size_t i = 0; i < grads.size(); ++i) {
      if (grads[i].defined() && !(grads[i] == 0).all().item<bool>()) {
        return ember::detail::concat("undefined gradients of the results give input ", i,
                                     " a gradient that is not zero");
      }
    }
  }
  const auto first = run_backward(roots, seeds, captures, engine);
  const auto second = run_backward(roots, seeds, captures, engine);
  for (size_t i = 0; i < first.size(); ++i) {
    if (!first[i].defined() || first[i].numel() == 0) continue;
    const double off = (first[i] - second[i]).abs().max().item().toDouble();
    if (off > options.nondet_tol) {
      return ember::detail::concat("two backwards give input ", i, " gradients that differ by ", off);
    }
  }
  return "";
}

bool report(const GradcheckOptions& options, const std::string& message) {
  EMBER_CHECK(!options.raise_exception, "gradcheck: ", message);
  return false;
}

}  // namespace

bool gradcheck(const GradcheckFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  std::vector<size_t> checked;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined() && inputs[i].requires_grad()) checked.push_back(i);
  }
  EMBER_CHECK(!checked.empty(), "gradcheck: expected at least one input that requires gradients");

  const AutoGradMode recording_on(true);
  const std::vector<Tensor> leaves = fresh_inputs(inputs);
  std::vector<Tensor> wanted;
  for (const size_t i : checked) wanted.push_back(leaves[i]);
  const std::vector<Tensor> outputs = differentiable(f(leaves));
  if (outputs.empty()) return report(options, "the function has no floating results");

  if (const std::string wrong = check_extremes(outputs, wanted, options); !wrong.empty()) {
    return report(options, wrong);
  }

  for (size_t w = 0; w < checked.size(); ++w) {
    const auto numerical = numerical_jacobian(f, inputs, checked[w], options.eps);
    if (wanted[w].numel() == 0) continue;
    if (numerical.size() != outputs.size()) return report(options, "the number of results changes from call to call");
    for (size_t o = 0; o < outputs.size(); ++o) {
      const Tensor& y = outputs[o];
      for (int64_t k = 0; k < y.numel(); ++k) {
        std::vector<double> analytical(static_cast<size_t>(wanted[w].numel()), 0.0);
        if (y.requires_grad()) {
          Tensor seed;
          {
            const NoGradGuard unrecorded;
            seed = zeros(y.sizes(), y.options());
            seed.view({-1}).select(0, k).fill_(1);
          }
          const Tensor g = grad({y}, {wanted[w]}, {seed}, true, false, true)[0];
          if (g.defined()) {
            if (!(g.sizes() == wanted[w].sizes())) {
              return report(options, ember::detail::concat("the gradient of input ", checked[w], " has sizes ",
                                                           g.sizes(), ", the input ", wanted[w].sizes()));
            }
            analytical = values(g);
          }
        }
        for (size_t e = 0; e < analytical.size(); ++e) {
          const double n = numerical[o][e][static_cast<size_t>(k)];
          const double a = analytical[e];
          if (!(std::fabs(a - n) <= options.atol + options.rtol * std::fabs(n))) {
            return report(options, ember::detail::concat("d output ", o, "[", k, "] / d input ", checked[w], "[", e,
                                                         "]: recorded ", a, ", numerical ", n));
          }
        }
      }
    }
  }
  return true;
}

bool gradgradcheck(const GradcheckFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  std::vector<Tensor> all = fresh_inputs(inputs);
  const size_t n = all.size();
  std::vector<Tensor> outputs;
  {
    const AutoGradMode recording_on(true);
    outputs = differentiable(f(all));
  }
  Generator generator = make_generator(2718281828u);
  for (const Tensor& y : outputs) {
    if (!y.requires_grad()) continue;
    const Tensor g = randn(y.sizes(), generator, TensorOptions(y.dtype())).to(y.device());
    all.push_back(g.detach().requires_grad_());
  }
  if (all.size() == n) return report(options, "no result of the function requires gradients");
  const auto gradient = [&f, n](const std::vector<Tensor>& arguments) {
    const std::vector<Tensor> xs(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(n));
    const std::vector<Tensor> gs(arguments.begin() + static_cast<std::ptrdiff_t>(n), arguments.end());
    std::vector<Tensor> wanted;
    for (const Tensor& x : xs)
      if (x.defined() && x.requires_grad()) wanted.push_back(x);
    std::vector<Tensor> ys;
    for (const Tensor& y : differentiable(f(xs)))
      if (y.requires_grad()) ys.push_back(y);
    std::vector<Tensor> grads = grad(ys, wanted, gs, true, true, true);
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) grads[i] = zeros_like(wanted[i]);
    return grads;
  };
  return gradcheck(gradient, all, options);
}

}  // namespace ember::autograd
