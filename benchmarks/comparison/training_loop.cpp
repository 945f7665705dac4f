// A translation unit as programs have it: the umbrella header, a model, a training loop.
#include <torch/torch.h>

#include <iostream>

struct NetImpl : torch::nn::Module {
  NetImpl(int64_t in, int64_t hidden, int64_t out)
      : fc1(register_module("fc1", torch::nn::Linear(in, hidden))),
        fc2(register_module("fc2", torch::nn::Linear(hidden, out))) {}
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(fc1->forward(x));
    x = torch::dropout(x, 0.5, is_training());
    return torch::log_softmax(fc2->forward(x), 1);
  }
  torch::nn::Linear fc1, fc2;
};
TORCH_MODULE(Net);

int main() {
  torch::manual_seed(0);
  const torch::Device device = torch::cuda::is_available() ? torch::kCUDA : torch::kCPU;
  Net net(784, 64, 10);
  net->to(device);
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.01).momentum(0.9));
  for (int step = 1; step <= 10; ++step) {
    const auto x = torch::rand({32, 784}, device);
    const auto y = torch::randint(10, {32}, torch::TensorOptions(device).dtype(torch::kLong));
    optimizer.zero_grad();
    const auto loss = torch::nll_loss(net->forward(x), y);
    loss.backward();
    optimizer.step();
    if (step % 5 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << '\n';
  }
  torch::NoGradGuard no_grad;
  net->eval();
  std::cout << net->forward(torch::ones({1, 784}, device)).argmax(1).item<int64_t>() << '\n';
}
