// The state of a model, saved in memory and loaded into another one.
#include <torch/torch.h>

#include <iostream>
#include <sstream>

struct NetImpl : torch::nn::Module {
  explicit NetImpl(int64_t hidden) : fc1(3, hidden), fc2(hidden, 1) {
    register_module("fc1", fc1);
    register_module("fc2", fc2);
    steps = register_buffer("steps", torch::zeros({1}, torch::kLong));
  }
  torch::Tensor forward(const torch::Tensor& x) { return fc2(torch::relu(fc1(x))); }
  torch::nn::Linear fc1, fc2;
  torch::Tensor steps;
};
TORCH_MODULE(Net);

int main() {
  torch::manual_seed(11);
  Net net(8), other(8);
  const auto x = torch::randn({16, 3});
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  for (int i = 0; i < 10; ++i) {
    optimizer.zero_grad();
    (net(x) - x.sum(1, true)).pow(2).mean().backward();
    optimizer.step();
    net->steps += 1;
  }
  std::cout << "before " << net(x).equal(other(x)) << '\n';
  std::stringstream stream;
  torch::save(net, stream);
  torch::load(other, stream);
  std::cout << "after " << net(x).equal(other(x)) << ' ' << other->steps.item<int64_t>() << '\n';
  std::cout << net(x).sum().item<float>() << '\n';
  for (const auto& p : other->named_parameters())
    std::cout << p.key() << ' ' << p.value().requires_grad() << ' ' << p.value().norm().item<float>() << '\n';

  // Tensors and lists of them.
  std::stringstream tensors;
  const auto saved = torch::arange(6, torch::kDouble).view({2, 3}).t();
  torch::save(saved, tensors);
  torch::Tensor loaded;
  torch::load(loaded, tensors);
  std::cout << loaded << '\n';
  std::stringstream list;
  torch::save(std::vector<torch::Tensor>{torch::ones({2}), torch::tensor({1, 2, 3})}, list);
  std::vector<torch::Tensor> back;
  torch::load(back, list);
  std::cout << back.size() << ' ' << back[1] << '\n';

  // By hand, name by name.
  torch::serialize::OutputArchive out;
  for (const auto& p : net->named_parameters()) out.write(p.key(), p.value());
  std::stringstream archive;
  out.save_to(archive);
  torch::serialize::InputArchive in;
  in.load_from(archive);
  torch::Tensor weight;
  in.read("fc1.weight", weight);
  torch::Tensor missing;
  std::cout << weight.equal(net->fc1->weight) << ' ' << in.try_read("nothing", missing) << '\n';
  try {
    Net larger(9);
    std::stringstream again;
    torch::save(net, again);
    torch::load(larger, again);
    std::cout << "loaded " << larger->fc1->weight.sizes() << '\n';
  } catch (const c10::Error&) {
    std::cout << "sizes differ\n";
  }
  return 0;
}
