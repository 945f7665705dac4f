// Every allocation of a training step fails once, in turn: an exception comes, no memory is lost, and the step that is
// tried again gives the bits that it would have given.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include <ember/core/allocation_failure.h>
#include <ember/ember.h>

#include "op_harness.h"

namespace ember {
namespace {

enum class Rule { Sgd, Adam, AdamW };

struct MlpImpl : nn::Module {
  MlpImpl()
      : fc1(register_module("fc1", nn::Linear(7, 9))),
        norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({9})))),
        fc2(register_module("fc2", nn::Linear(9, 4))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(norm(fc1(x)))); }
  nn::Linear fc1;
  nn::LayerNorm norm;
  nn::Linear fc2;
};
EMBER_MODULE(Mlp);

class Training {
 public:
  Training(Device device, Rule rule) {
    manual_seed(3);
    net_ = Mlp();
    net_->to(device);
    x_ = randn({5, 7}).to(device);
    y_ = randint(4, {5}, kInt64).to(device);
    const std::vector<Tensor> parameters = net_->parameters();
    switch (rule) {
      case Rule::Sgd:
        optimizer_ = std::make_unique<optim::SGD>(parameters, optim::SGDOptions(0.1).momentum(0.9));
        break;
      case Rule::Adam: optimizer_ = std::make_unique<optim::Adam>(parameters, optim::AdamOptions(0.1)); break;
      case Rule::AdamW: optimizer_ = std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions(0.1)); break;
    }
  }

  // Gradients and the loss; the parameters do not change. zero_grad() makes it what it was, however far it came.
  void compute() {
    optimizer_->zero_grad();
    loss_ = Tensor();
    loss_ = nn::functional::cross_entropy(net_(x_), y_);
    loss_.backward();
    loss_ = loss_.detach();
  }
  void update() { optimizer_->step(); }
  void forget() {
    optimizer_->zero_grad();
    loss_ = Tensor();
  }

  std::vector<Tensor> state() const {
    std::vector<Tensor> result;
    for (const Tensor& p : net_->parameters()) {
      result.push_back(p.detach().clone());
      if (p.grad().defined()) result.push_back(p.grad().clone());
    }
    if (loss_.defined()) result.push_back(loss_.clone());
    return result;
  }

 private:
  Mlp net_ = nullptr;
  Tensor x_, y_, loss_;
  std::unique_ptr<optim::Optimizer> optimizer_;
};

size_t live(Device device) {
  if (device.is_cuda()) cuda::synchronize();
  return device.is_cuda() ? cuda::memory_stats().live : cpu::memory_stats().live;
}

void expect_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(test::same(a[i], b[i])) << "tensor " << i;
}

struct Case {
  DeviceType device;
  Rule rule;
};

class AllocationFailures : public testing::TestWithParam<Case> {};

TEST_P(AllocationFailures, StepIsTriedAgain) {
  const Device device(GetParam().device);
  EMBER_SKIP_WITHOUT(device);
  // The second step is the one that fails: the optimizer has its state by then.
  Training expected(device, GetParam().rule);
  for (int i = 0; i < 2; ++i) {
    expected.compute();
    expected.update();
  }
  const std::vector<Tensor> result = expected.state();

  int failures = 0;
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1000);
    Training training(device, GetParam().rule);
    training.compute();
    training.update();
    training.forget();
    const std::vector<Tensor> before = training.state();
    const size_t baseline = live(device);
    bool failed = false;
    {
      const detail::AllocationFailure failure(n);
      try {
        training.compute();
      } catch (const OutOfMemoryError& error) {
        failed = true;
        EXPECT_NE(error.msg().find("bytes"), std::string::npos) << error.what();
      }
      ASSERT_EQ(failed, failure.happened()) << "allocation " << n;
    }
    if (failed) {
      ++failures;
      training.forget();
      EXPECT_EQ(live(device), baseline) << "allocation " << n;
      expect_same_bits(training.state(), before);
      training.compute();
    }
    training.update();
    expect_same_bits(training.state(), result);
    if (testing::Test::HasFailure()) FAIL() << "allocation " << n;
    if (!failed) break;
  }
  EXPECT_GT(failures, 10);
}

// An optimizer's first step makes its state. Where one fails, the parameters before it are updated and those after it
// are not; nothing is lost, and every parameter is either as it was or as it would be.
TEST_P(AllocationFailures, FirstStepOfTheOptimizer) {
  const Device device(GetParam().device);
  EMBER_SKIP_WITHOUT(device);
  Training expected(device, GetParam().rule);
  expected.compute();
  const std::vector<Tensor> before = expected.state();
  expected.update();
  const std::vector<Tensor> after = expected.state();
  for (int64_t n = 1;; ++n) {
    ASSERT_LT(n, 1000);
    bool failed = false;
    const size_t baseline = live(device);
    {
      Training training(device, GetParam().rule);
      training.compute();
      {
        const detail::AllocationFailure failure(n);
        try {
          training.update();
        } catch (const OutOfMemoryError&) {
          failed = true;
        }
      }
      const std::vector<Tensor> state = training.state();
      ASSERT_EQ(state.size(), before.size());
      for (size_t i = 0; i < state.size(); ++i) {
        EXPECT_TRUE(test::same(state[i], before[i]) || test::same(state[i], after[i])) << "tensor " << i;
      }
    }
    EXPECT_EQ(live(device), baseline) << "allocation " << n;
    if (testing::Test::HasFailure()) FAIL() << "allocation " << n;
    if (!failed) break;
  }
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const char* const rules[] = {"sgd", "adam", "adamw"};
  return std::string(rules[static_cast<int>(info.param.rule)]) + (info.param.device == kCPU ? "_cpu" : "_cuda");
}
INSTANTIATE_TEST_SUITE_P(, AllocationFailures,
                         testing::Values(Case{kCPU, Rule::Sgd}, Case{kCPU, Rule::Adam}, Case{kCPU, Rule::AdamW},
                                         Case{kCUDA, Rule::Sgd}, Case{kCUDA, Rule::Adam}, Case{kCUDA, Rule::AdamW}),
                         name_of);

TEST(AllocationFailure, OnceAndOnlyInItsScope) {
  {
    const detail::AllocationFailure failure(2);
    EXPECT_NO_THROW(empty({4}));
    EXPECT_FALSE(failure.happened());
    EXPECT_THROW(empty({4}), OutOfMemoryError);
    EXPECT_TRUE(failure.happened());
    EXPECT_NO_THROW(empty({4}));
  }
  { const detail::AllocationFailure failure(1); }
  EXPECT_NO_THROW(empty({4}));
}

}  // namespace
}  // namespace ember
