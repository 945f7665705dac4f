// Linear regression: the weights of a polynomial of degree 4 from noisy samples of it.
#include <torch/torch.h>

#include <cmath>
#include <iomanip>
#include <iostream>

namespace {

constexpr int64_t kDegree = 4;

// [n] to [n, kDegree]: x, x², x³, x⁴.
torch::Tensor make_features(torch::Tensor x) {
  x = x.unsqueeze(1);
  std::vector<torch::Tensor> powers;
  for (int64_t i = 1; i <= kDegree; ++i) powers.push_back(x.pow(i));
  return torch::cat(powers, 1);
}

std::string description(const torch::Tensor& weights, const torch::Tensor& bias) {
  const auto w = weights.view({-1});
  std::ostringstream out;
  out << std::fixed << std::setprecision(4);
  for (int64_t i = 0; i < w.size(0); ++i) out << w[i].item<float>() << " x^" << i + 1 << ' ';
  out << bias[0].item<float>();
  return out.str();
}

}  // namespace

int main() {
  torch::manual_seed(1);
  const auto target_weights = torch::randn({kDegree, 1}) * 5;
  const auto target_bias = torch::randn({1}) * 5;

  torch::nn::Linear fc(target_weights.size(0), 1);
  torch::optim::SGD optimizer(fc->parameters(), 0.01);

  float loss = 0;
  int64_t step = 0;
  while (step < 500) {
    const auto x = torch::randn({32});
    const auto features = make_features(x);
    const auto y = features.mm(target_weights) + target_bias[0].item<float>();

    optimizer.zero_grad();
    const auto output = torch::mse_loss(fc->forward(features), y);
    loss = output.item<float>();
    output.backward();
    for (auto& parameter : fc->named_parameters()) {
      parameter->mutable_grad().clamp_(-1, 1);
    }
    optimizer.step();
    ++step;
    if (step % 100 == 0) std::cout << "step " << step << " loss " << loss << '\n';
    if (loss < 1e-3f) break;
  }
  std::cout << "steps " << step << '\n';
  std::cout << "learned " << description(fc->weight, fc->bias) << '\n';
  std::cout << "target  " << description(target_weights, target_bias) << '\n';
  return 0;
}
