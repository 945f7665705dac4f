// Training steps: the two-layer MLP, whose products are nothing on a GPU, and a large one, which is all products.
#include "harness.h"

#include <memory>

namespace gpu {

namespace nn = ember::nn;
namespace F = ember::nn::functional;

namespace {

nn::Sequential make_net(const std::vector<int64_t>& sizes) {
  nn::Sequential net;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    if (i != 0) net->push_back(nn::ReLU());
    net->push_back(nn::Linear(sizes[i], sizes[i + 1]));
  }
  return net;
}

// Products: forward, the weights' gradients, the inputs' gradients but for the first layer. Bytes: what the optimizer
// reads and writes of each parameter, and the scores read twice and their gradient written once by the loss.
Work step_work(const std::string& dtype, int64_t batch, const std::vector<int64_t>& sizes, int passes_per_parameter) {
  Work work;
  int64_t parameters = 0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const int64_t in = sizes[i], out = sizes[i + 1];
    work.products.push_back({{dtype, batch, out, in, false, true}, 1});
    work.products.push_back({{dtype, out, in, batch, true, false}, 1});
    if (i != 0) work.products.push_back({{dtype, batch, in, out, false, false}, 1});
    parameters += out * (in + 1);
  }
  const int64_t element = dtype == "bfloat16" ? 2 : 4;
  work.bytes = static_cast<double>(element * (passes_per_parameter * parameters + 3 * batch * sizes.back()));
  return work;
}

struct Training {
  nn::Sequential net = nullptr;
  std::shared_ptr<ember::optim::Optimizer> optimizer;
  Tensor x, y;
  bool classify;

  Tensor step() {
    optimizer->zero_grad();
    const Tensor scores = net->forward(x);
    const Tensor loss = classify ? F::cross_entropy(scores, y) : F::mse_loss(scores, y);
    loss.backward();
    optimizer->step();
    return loss.detach();
  }
};

template <class Optimizer, class Options>
std::shared_ptr<Training> make_training(const Settings& settings, int64_t batch, const std::vector<int64_t>& sizes,
                                        const Options& options, bool classify, ember::ScalarType dtype) {
  ember::manual_seed(0);
  auto training = std::make_shared<Training>();
  training->net = make_net(sizes);
  training->net->to(settings.device, dtype);
  training->optimizer = std::make_shared<Optimizer>(training->net->parameters(), options);
  training->classify = classify;
  training->x = normal(settings, 1, batch, sizes.front(), dtype);
  training->y = classify ? classes(settings, 2, batch, sizes.back()) : normal(settings, 2, batch, sizes.back(), dtype);
  return training;
}

// Every call is a step, on both sides.
Call graphed(const std::shared_ptr<Training>& training) {
  const auto step = std::make_shared<ember::cuda::GraphedStep>([training] { return training->step(); });
  return [step]() -> Tensor { return (*step)(); };
}

// Written by hand: products, a clamp, gradients subtracted from the weights.
Call two_layers_by_hand(const Settings& settings, int64_t n, int64_t in, int64_t hidden, int64_t out) {
  const Tensor x = normal(settings, 1, n, in), y = normal(settings, 2, n, out);
  const Tensor w1 = normal(settings, 3, in, hidden).requires_grad_();
  const Tensor w2 = normal(settings, 4, hidden, out).requires_grad_();
  return [=] {
    const Tensor loss = (x.mm(w1).clamp(0).mm(w2) - y).pow(2).sum();
    loss.backward();
    const ember::NoGradGuard no_grad;
    for (const Tensor& w : {w1, w2}) {
      Tensor weight = w;
      weight -= 1e-6 * weight.grad();
      weight.mutable_grad().zero_();
    }
    return loss.detach();
  };
}

}  // namespace

std::vector<Row> rows_of_mlps(const Settings& settings) {
  using namespace ember::optim;
  std::vector<Row> rows;
  const std::vector<int64_t> narrow{1000, 100, 10};
  const int64_t few = 64;
  const Work work = step_work("float32", few, narrow, 3);
  const auto two_layers = [=] {
    return make_training<SGD>(settings, few, narrow, SGDOptions(0.01), false, ember::kFloat32);
  };
  rows.push_back({"two_layers/eager", work, Measure::Device,
                  [=]() -> Call { return [training = two_layers()] { return training->step(); }; }});
  if (settings.device.is_cuda()) {
    rows.push_back({"two_layers/captured", work, Measure::Device, [=] { return graphed(two_layers()); }});
  }
  rows.push_back({"two_layers/by_hand", work, Measure::Device,
                  [=] { return two_layers_by_hand(settings, few, narrow[0], narrow[1], narrow[2]); }});

  const int64_t batch = settings.tiny ? 8 : 8192, width = settings.tiny ? 16 : 4096;
  const std::vector<int64_t> wide{width, width, width, width};
  for (const std::string dtype : {"bfloat16", "tf32"}) {
    const bool tf32 = dtype == "tf32";
    const auto add = [&](const std::string& optimizer, int passes, auto make) {
      rows.push_back({"large_mlp/" + dtype + '/' + optimizer, step_work(dtype, batch, wide, passes), Measure::Device,
                      [=]() -> Call {
                        return [tf32, training = make(tf32 ? ember::kFloat32 : ember::kBFloat16)] {
                          const bool measures = ember::cuda::benchmark();
                          ember::cuda::set_allow_tf32(tf32);
                          ember::cuda::set_benchmark(true);  // as a program of such products would
                          const Tensor loss = training->step();
                          ember::cuda::set_benchmark(measures);
                          ember::cuda::set_allow_tf32(false);
                          return loss;
                        };
                      }});
    };
    add("sgd", 3, [=](ember::ScalarType type) {
      return make_training<SGD>(settings, batch, wide, SGDOptions(0.01), true, type);
    });
    add("adamw", 7, [=](ember::ScalarType type) {
      return make_training<AdamW>(settings, batch, wide, AdamWOptions(1e-3), true, type);
    });
  }
  return rows;
}

}  // namespace gpu
