// Optimizer steps over ten million parameters in a hundred tensors.
#include "harness.h"

#include <memory>

namespace comparison {

using torch::Tensor;

namespace {

template <class Optimizer, class Options>
void add_optimizer(const std::string& name, const Options& options, int64_t passes) {
  add_stateful("optimizer/" + name, {0, floats(10000000 * passes), 0}, [options]() -> std::function<Tensor()> {
    std::vector<Tensor> parameters;
    for (int i = 0; i < 100; ++i) {
      Tensor p = normal({1000, 100}).requires_grad_();
      p.mutable_grad() = normal({1000, 100}) * 0.01;
      parameters.push_back(p);
    }
    const auto optimizer = std::make_shared<Optimizer>(parameters, options);
    return [optimizer, parameters] {
      optimizer->step();
      return parameters[7];
    };
  });
}

}  // namespace

void register_optimizer() {
  using namespace torch::optim;
  add_optimizer<SGD>("sgd", SGDOptions(0.01), 3);
  add_optimizer<SGD>("sgd_momentum", SGDOptions(0.01).momentum(0.9), 5);
  add_optimizer<Adam>("adam", AdamOptions(1e-3), 7);
  add_optimizer<AdamW>("adamw", AdamWOptions(1e-3), 7);
}

}  // namespace comparison
