// The program of every consumer: three steps of training, each loss printed.
#include <ember/ember.h>

#include <cstdio>

int main() {
  ember::manual_seed(0);
  ember::nn::Sequential model(ember::nn::Linear(4, 8), ember::nn::ReLU(), ember::nn::Linear(8, 1));
  ember::optim::SGD optimizer(model->parameters(), ember::optim::SGDOptions(0.1));
  const ember::Tensor x = ember::randn({16, 4});
  const ember::Tensor y = x.sum({1}, true);
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const ember::Tensor loss = ember::mse_loss(model->forward(x), y);
    loss.backward();
    optimizer.step();
    std::printf("loss %.6f\n", loss.item<double>());
  }
}
