// Modules in a tree: parameters, buffers and submodules by name, shared handles, clones, conversion and containers.
#include <torch/torch.h>

#include <iostream>

struct ScaleImpl : torch::nn::Cloneable<ScaleImpl> {
  explicit ScaleImpl(int64_t size) : size(size) { reset(); }
  void reset() override {
    factor = register_parameter("factor", torch::full({size}, 2.0));
    calls = register_buffer("calls", torch::zeros({}, torch::kLong));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    calls += 1;
    return x * factor;
  }
  void pretty_print(std::ostream& stream) const override { stream << "Scale(" << size << ")"; }
  int64_t size;
  torch::Tensor factor, calls;
};
TORCH_MODULE(Scale);

struct BlockImpl : torch::nn::Cloneable<BlockImpl> {
  BlockImpl(int64_t in, int64_t out) : in(in), out(out) { reset(); }
  void reset() override {
    fc = register_module("fc", torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)));
    scale = register_module("scale", Scale(out));
  }
  torch::Tensor forward(torch::Tensor x) { return scale->forward(torch::tanh(fc->forward(x))); }
  int64_t in, out;
  torch::nn::Linear fc{nullptr};
  Scale scale{nullptr};
};
TORCH_MODULE(Block);

struct NetImpl : torch::nn::Module {
  NetImpl() {
    // Two statements: the order in which arguments draw their random numbers is the compiler's.
    const Block first(4, 3);
    const Block second(3, 2);
    body = torch::nn::Sequential(first, second);
    register_module("body", body);
    head = register_module("head", torch::nn::Linear(2, 1));
    shift = register_parameter("shift", torch::ones({1}), /*requires_grad=*/false);
    register_buffer("mean", torch::arange(4, torch::kFloat));
  }
  torch::Tensor forward(const torch::Tensor& x) { return head(body->forward(x - named_buffers()["mean"])) + shift; }
  torch::nn::Sequential body{nullptr};
  torch::nn::Linear head{nullptr};
  torch::Tensor shift;
};
TORCH_MODULE(Net);

int main() {
  std::cout << std::boolalpha;
  torch::manual_seed(7);
  Net net;
  for (const auto& item : net->named_parameters()) {
    std::cout << item.key() << ' ' << item.value().sizes() << " grad " << item.value().requires_grad() << ' '
              << item.value().sum().item<double>() << '\n';
  }
  for (const auto& item : net->named_buffers()) std::cout << item.key() << ' ' << item.value().sizes() << '\n';
  for (const auto& item : net->named_modules("net")) std::cout << item.key() << '\n';
  for (const auto& item : net->named_children()) std::cout << "child " << item.key() << '\n';
  std::cout << net << '\n';

  const auto x = torch::ones({2, 4});
  std::cout << net(x).sum().item<double>() << '\n';
  std::cout << "calls " << net->named_buffers()["body.0.scale.calls"].item<int64_t>() << '\n';

  // A clone has tensors of its own; a copied handle has not.
  Block block(4, 3);
  auto copy = std::dynamic_pointer_cast<BlockImpl>(block->clone());
  Block same = block;
  {
    torch::NoGradGuard no_grad;
    block->fc->weight.fill_(0.5);
  }
  std::cout << "same " << same->fc->weight.equal(block->fc->weight) << " clone "
            << copy->fc->weight.equal(block->fc->weight) << '\n';
  std::cout << "names agree " << (copy->named_parameters().keys() == block->named_parameters().keys()) << '\n';

  net->to(torch::kDouble);
  std::cout << "double " << (net->parameters()[0].dtype() == torch::kDouble) << " buffer stays long "
            << (net->named_buffers()["body.0.scale.calls"].dtype() == torch::kLong) << '\n';
  net->eval();
  std::cout << "training " << net->is_training() << ' ' << net->head->is_training() << '\n';
  int modules = 0;
  net->apply([&](torch::nn::Module&) { ++modules; });
  std::cout << "modules " << modules << '\n';
  std::cout << "as Scale " << (net->named_modules()["body.0.scale"]->as<Scale>() != nullptr) << " as Linear "
            << (net->named_modules()["body.0.scale"]->as<torch::nn::Linear>() != nullptr) << '\n';
  try {
    net->head->register_parameter("weight", torch::ones({1}));
    std::cout << "registered twice\n";
  } catch (const c10::Error&) {
    std::cout << "a name can be registered once\n";
  }
  return 0;
}
