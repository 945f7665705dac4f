// Kernels that are as fast as memory lets them be, at 256 MiB a tensor.
#include "harness.h"

#include <memory>

namespace gpu {

namespace F = ember::nn::functional;

namespace {

struct Shape {
  int64_t rows, columns;
  int64_t numel() const { return rows * columns; }
};

constexpr int64_t kColumns = 1024;

Shape shape_of(const Settings& settings, ember::ScalarType dtype) {
  if (settings.tiny) return {16, kColumns};
  return {(int64_t{256} << 20) / static_cast<int64_t>(ember::element_size(dtype)) / kColumns, kColumns};
}

// f of one or two such tensors, nothing recorded.
template <class Operation>
Row forward_row(const Settings& settings, const std::string& name, ember::ScalarType dtype, double passes, int inputs,
                Operation f) {
  const Shape shape = shape_of(settings, dtype);
  const double bytes = static_cast<double>(shape.numel()) * static_cast<double>(ember::element_size(dtype));
  return {"memory/" + name + '/' + ember::dtype_name(dtype), {{}, passes * bytes}, Measure::Device, [=]() -> Call {
            const Tensor a = normal(settings, 1, shape.rows, shape.columns, dtype);
            const Tensor b = inputs == 1 ? Tensor() : normal(settings, 2, shape.rows, shape.columns, dtype);
            return [=] {
              const ember::NoGradGuard no_grad;
              return f(a, b);
            };
          }};
}

// The backward of f(x) alone, of one recorded result again and again: the gradients of x and of `parameters`.
template <class Operation>
Row backward_row(const Settings& settings, const std::string& name, ember::ScalarType dtype, double passes,
                 std::function<std::vector<Tensor>()> make_parameters, Operation f) {
  const Shape shape = shape_of(settings, dtype);
  const double bytes = static_cast<double>(shape.numel()) * static_cast<double>(ember::element_size(dtype));
  return {
      "memory/" + name + "_backward/" + ember::dtype_name(dtype), {{}, passes * bytes}, Measure::Device, [=]() -> Call {
        const Tensor x = normal(settings, 1, shape.rows, shape.columns, dtype).requires_grad_();
        std::vector<Tensor> inputs = make_parameters();
        const Tensor y = f(x, inputs);
        inputs.insert(inputs.begin(), x);
        const Tensor g = y.dim() == 0 ? ember::ones_like(y) : normal(settings, 2, shape.rows, shape.columns, dtype);
        return [=] { return ember::autograd::grad({y}, inputs, {g}, /*retain_graph=*/true)[0]; };
      }};
}

std::vector<Tensor> weight_and_bias(const Settings& settings, ember::ScalarType dtype) {
  std::vector<Tensor> parameters;
  for (const uint64_t seed : {3, 4}) {
    parameters.push_back(normal(settings, seed, 1, kColumns, dtype).reshape({kColumns}).detach().requires_grad_());
  }
  return parameters;
}

Row adamw_row(const Settings& settings) {
  const int64_t tensors = settings.tiny ? 4 : 64, side = settings.tiny ? 8 : 1024;
  return {"memory/adamw/float32",
          {{}, 4.0 * 7.0 * static_cast<double>(tensors * side * side)},
          Measure::Device,
          [=]() -> Call {
            std::vector<Tensor> parameters;
            for (int64_t i = 0; i < tensors; ++i) {
              Tensor p = normal(settings, 1, side, side).requires_grad_();
              p.mutable_grad() = normal(settings, 2, side, side).mul(0.01);
              parameters.push_back(p);
            }
            const auto optimizer = std::make_shared<ember::optim::AdamW>(parameters, ember::optim::AdamWOptions(1e-3));
            return [=] {
              optimizer->step();
              return parameters[1].detach();
            };
          }};
}

}  // namespace

std::vector<Row> rows_of_memory(const Settings& settings) {
  std::vector<Row> rows;
  for (const ember::ScalarType dtype : {ember::kFloat32, ember::kBFloat16}) {
    rows.push_back(forward_row(settings, "add", dtype, 3, 2, [](const Tensor& a, const Tensor& b) { return a + b; }));
    rows.push_back(forward_row(settings, "exp", dtype, 2, 1, [](const Tensor& a, const Tensor&) { return a.exp(); }));
    const auto softmax = [](const Tensor& x) { return x.softmax(1); };
    rows.push_back(
        forward_row(settings, "softmax", dtype, 2, 1, [=](const Tensor& a, const Tensor&) { return softmax(a); }));
    rows.push_back(backward_row(
        settings, "softmax", dtype, 3, [] { return std::vector<Tensor>(); },
        [=](const Tensor& x, const auto&) { return softmax(x); }));
    const auto layer_norm = [](const Tensor& x, const std::vector<Tensor>& p) {
      return ember::layer_norm(x, {kColumns}, p[0], p[1]);
    };
    const auto parameters = [=] { return weight_and_bias(settings, dtype); };
    rows.push_back(forward_row(settings, "layer_norm", dtype, 2, 1,
                               [=, made = std::make_shared<std::vector<Tensor>>()](const Tensor& a, const Tensor&) {
                                 if (made->empty()) *made = parameters();
                                 return layer_norm(a, *made);
                               }));
    rows.push_back(backward_row(settings, "layer_norm", dtype, 3, parameters, layer_norm));
    const int64_t n = shape_of(settings, dtype).rows;
    const auto cross_entropy = [=, target = std::make_shared<Tensor>()](const Tensor& x) {
      if (!target->defined()) *target = classes(settings, 5, n, kColumns);
      return F::cross_entropy(x, *target);
    };
    rows.push_back(forward_row(settings, "cross_entropy", dtype, 1, 1,
                               [=](const Tensor& a, const Tensor&) { return cross_entropy(a); }));
    rows.push_back(backward_row(
        settings, "cross_entropy", dtype, 2, [] { return std::vector<Tensor>(); },
        [=](const Tensor& x, const auto&) { return cross_entropy(x); }));
  }
  rows.push_back(adamw_row(settings));
  return rows;
}

}  // namespace gpu
