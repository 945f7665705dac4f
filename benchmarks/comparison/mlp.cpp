// Training steps of multi-layer perceptrons.
#include "harness.h"

#include <memory>

namespace comparison {

namespace nn = torch::nn;
using torch::Tensor;

namespace {

struct NetImpl : nn::Module {
  explicit NetImpl(const std::vector<int64_t>& sizes) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      layers.push_back(register_module("fc" + std::to_string(i), nn::Linear(sizes[i], sizes[i + 1])));
    }
  }
  Tensor forward(Tensor x) {
    for (size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x);
      if (i + 1 < layers.size()) x = torch::relu(x);
    }
    return x;
  }
  std::vector<nn::Linear> layers;
};
TORCH_MODULE(Net);

// Products: forward, the weights' gradients, the inputs' gradients but for the first layer. Bytes: what the optimizer
// reads and writes of each parameter, `state` times the gradient's and the state's.
Work step_work(int64_t batch, const std::vector<int64_t>& sizes, int64_t passes_per_parameter) {
  Work work;
  int64_t parameters = 0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const int64_t product = batch * sizes[i] * sizes[i + 1];
    work.flops += 2.0 * static_cast<double>(product) * (i == 0 ? 2 : 3);
    parameters += sizes[i + 1] * (sizes[i] + 1);
  }
  work.bytes = floats(parameters * passes_per_parameter);
  return work;
}

// The loss's classes, or for `regression` numbers.
template <class Optimizer, class Options>
void add_training(const std::string& name, int64_t batch, const std::vector<int64_t>& sizes, const Options& options,
                  int64_t passes_per_parameter) {
  add_stateful(name, step_work(batch, sizes, passes_per_parameter), [=]() -> std::function<Tensor()> {
    torch::manual_seed(0);
    Net net(sizes);
    const auto optimizer = std::make_shared<Optimizer>(net->parameters(), options);
    const Tensor x = normal({batch, sizes.front()}), target = classes(batch, sizes.back());
    return [=]() mutable {
      optimizer->zero_grad();
      const Tensor loss = nn::functional::cross_entropy(net->forward(x), target);
      loss.backward();
      optimizer->step();
      return loss;
    };
  });
}

void add_forward(const std::string& name, int64_t batch, const std::vector<int64_t>& sizes) {
  Work work;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    work.flops += 2.0 * static_cast<double>(batch * sizes[i] * sizes[i + 1]);
  }
  torch::manual_seed(0);
  Net net(sizes);
  add(name, work, [net, x = normal({batch, sizes.front()})]() mutable {
    const torch::NoGradGuard no_grad;
    return net->forward(x);
  });
}

// Written by hand: products, a clamp, gradients subtracted from the weights.
void add_two_layers() {
  const int64_t n = 64, in = 1000, hidden = 100, out = 10;
  Work work;
  work.flops = 2.0 * static_cast<double>(n * in * hidden * 2 + n * hidden * out * 3);
  work.bytes = floats(3 * (in * hidden + hidden * out));
  add_stateful("mlp/two_layers_64x1000-100-10", work, [=]() -> std::function<Tensor()> {
    const Tensor x = normal({n, in}), y = normal({n, out});
    const Tensor w1 = normal({in, hidden}).requires_grad_(), w2 = normal({hidden, out}).requires_grad_();
    return [=] {
      const Tensor loss = (x.mm(w1).clamp(0).mm(w2) - y).pow(2).sum();
      loss.backward();
      const torch::NoGradGuard no_grad;
      for (const Tensor& w : {w1, w2}) {
        Tensor weight = w;
        weight -= 1e-6 * weight.grad();
        weight.mutable_grad().zero_();
      }
      return loss;
    };
  });
}

}  // namespace

void register_mlp() {
  add_two_layers();
  using namespace torch::optim;
  const std::vector<int64_t> wide{784, 512, 512, 10}, narrow{8, 64, 64, 4};
  add_training<SGD>("mlp/784-512-512-10_batch128/sgd", 128, wide, SGDOptions(0.01), 3);
  add_training<Adam>("mlp/784-512-512-10_batch128/adam", 128, wide, AdamOptions(1e-3), 7);
  add_training<AdamW>("mlp/784-512-512-10_batch128/adamw", 128, wide, AdamWOptions(1e-3), 7);
  for (const int64_t batch : {1, 8}) {
    const std::string name = "mlp/8-64-64-4_batch" + std::to_string(batch);
    add_forward(name + "/forward", batch, narrow);
    add_training<Adam>(name + "/adam", batch, narrow, AdamOptions(1e-3), 7);
  }
}

}  // namespace comparison
