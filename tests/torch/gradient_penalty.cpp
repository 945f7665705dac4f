// A step of training with a penalty on the norm of the gradient with respect to the input: double backward.
#include <torch/torch.h>

#include <iostream>

int main() {
  torch::manual_seed(3);
  torch::nn::Sequential critic{torch::nn::Linear(6, 8), torch::nn::Tanh(), torch::nn::Linear(8, 1)};
  critic->to(torch::kDouble);
  torch::optim::Adam optimizer(critic->parameters(), torch::optim::AdamOptions(1e-2).betas({0.5, 0.9}));

  const auto options = torch::TensorOptions().dtype(torch::kDouble);
  for (int step = 0; step < 20; ++step) {
    const auto real = torch::randn({16, 6}, options) + 1;
    const auto fake = torch::randn({16, 6}, options);
    const auto mix = torch::rand({16, 1}, options);
    auto between = (mix * real + (1 - mix) * fake).requires_grad_();

    const auto scores = critic->forward(between);
    const auto gradients = torch::autograd::grad({scores}, {between}, {torch::ones_like(scores)},
                                                 /*retain_graph=*/true, /*create_graph=*/true)[0];
    const auto penalty = (gradients.norm(2, 1) - 1).pow(2).mean();
    const auto loss = critic->forward(fake).mean() - critic->forward(real).mean() + 10 * penalty;

    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    if (step % 5 == 4) {
      std::cout << "step " << step + 1 << " loss " << loss.item<double>() << " penalty " << penalty.item<double>()
                << '\n';
    }
  }
  double total = 0;
  for (const auto& p : critic->parameters()) total += p.abs().sum().item<double>();
  std::cout << "parameters " << total << '\n';
  return 0;
}
