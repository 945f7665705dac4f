// Captured graphs on a device: a step replayed gives what it gives when it is run, to the bit, and what cannot be
// captured is refused.
#include <gtest/gtest.h>

#include <thread>

#include <ember/core/host_numbers.h>
#include <ember/ember.h>

#include "op_harness.h"
#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

class CudaGraphTest : public testing::Test {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(kCUDA); }
};

constexpr int64_t kIn = 500;  // large enough for activations to be given memory that was used before

struct Net : nn::Module {
  explicit Net(double dropout)
      : hidden(register_module("hidden", nn::Linear(kIn, 100))),
        drop(register_module("drop", nn::Dropout(dropout))),
        out(register_module("out", nn::Linear(100, 5))) {}
  Tensor forward(const Tensor& x) { return out(drop(hidden(x).relu())); }
  nn::Linear hidden;
  nn::Dropout drop;
  nn::Linear out;
};

// The parameters after `steps` steps from one seed, and the losses.
struct Training {
  std::vector<Tensor> parameters;
  std::vector<Tensor> losses;
};

template <class MakeOptimizer>
Training train(MakeOptimizer make, bool graphed, int steps, const std::vector<int64_t>& batches = {64}) {
  manual_seed(7);
  Net net(0.25);
  net.to(kCUDA);
  auto optimizer = make(net.parameters());
  const auto step = [&](const Tensor& x, const Tensor& target) {
    optimizer.zero_grad();
    const Tensor loss = nn::functional::cross_entropy(net.forward(x), target);
    loss.backward();
    nn::utils::clip_grad_norm_on_device_(net.parameters(), 0.5);
    optimizer.step();
    return loss;
  };
  cuda::GraphedStep replayed(step);
  Training result;
  for (int i = 0; i < steps; ++i) {
    const int64_t batch = batches[static_cast<size_t>(i) % batches.size()];
    const Tensor x = randn({batch, kIn});  // on the CPU: a step copies it
    const Tensor target = randint(0, 5, {batch}, kInt64).to(kCUDA);
    if (i == steps / 2) optimizer.param_groups()[0].options().set_lr(0.003);  // as a scheduler does
    const Tensor loss = graphed ? replayed(x, target) : step(x.to(kCUDA), target);
    result.losses.push_back(loss.detach().clone());
  }
  if (graphed) {
    EXPECT_EQ(replayed.captures(), batches.size());
    EXPECT_EQ(replayed.replays(), static_cast<uint64_t>(steps) - 3 * batches.size());
  }
  for (const Tensor& p : net.parameters()) result.parameters.push_back(p.detach().cpu());
  return result;
}

template <class MakeOptimizer>
void expect_same_training(MakeOptimizer make, const std::vector<int64_t>& batches = {64}) {
  const Training eager = train(make, false, 24, batches), graphed = train(make, true, 24, batches);
  for (size_t i = 0; i < eager.losses.size(); ++i) {
    EXPECT_TRUE(same(eager.losses[i].cpu(), graphed.losses[i].cpu())) << "loss of step " << i;
  }
  for (size_t i = 0; i < eager.parameters.size(); ++i) {
    EXPECT_TRUE(same(eager.parameters[i], graphed.parameters[i])) << "parameter " << i;
  }
}

TEST_F(CudaGraphTest, TrainingWithSgd) {
  expect_same_training([](auto p) { return optim::SGD(p, 0.05); });
  expect_same_training([](auto p) { return optim::SGD(p, optim::SGDOptions(0.05).momentum(0.9).weight_decay(0.01)); });
}
// Nothing between the gradients and the optimizer, whose numbers are read late in the graph.
TEST_F(CudaGraphTest, PlainStep) {
  const auto run = [](bool graphed) {
    manual_seed(1);
    nn::Linear first(1000, 100), second(100, 10);
    first->to(kCUDA);
    second->to(kCUDA);
    std::vector<Tensor> parameters = first->parameters();
    for (const Tensor& p : second->parameters()) parameters.push_back(p);
    optim::SGD optimizer(parameters, 0.01);
    const Tensor x = randn({64, 1000}).to(kCUDA), y = randn({64, 10}).to(kCUDA);
    const auto step = [&] {
      optimizer.zero_grad();
      const Tensor loss = nn::functional::mse_loss(second(first(x).relu()), y);
      loss.backward();
      optimizer.step();
      return loss.detach();
    };
    cuda::GraphedStep replayed(step);
    std::vector<double> losses;
    for (int i = 0; i < 12; ++i) losses.push_back((graphed ? replayed() : step()).item<double>());
    return losses;
  };
  const std::vector<double> eager = run(false);
  EXPECT_EQ(run(true), eager);
  EXPECT_LT(eager.back(), 0.95 * eager.front());
}
TEST_F(CudaGraphTest, TrainingWithAdam) {
  expect_same_training([](auto p) { return optim::Adam(p, 0.01); });
  expect_same_training([](auto p) { return optim::Adam(p, optim::AdamOptions(0.01).amsgrad(true).weight_decay(0.1)); });
}
TEST_F(CudaGraphTest, TrainingWithAdamW) {
  expect_same_training([](auto p) { return optim::AdamW(p, 0.01); });
}
TEST_F(CudaGraphTest, ShapesThatChange) {
  expect_same_training([](auto p) { return optim::AdamW(p, 0.01); }, {64, 24});
}

TEST_F(CudaGraphTest, CaptureAndReplay) {
  Tensor x = ones({4}, kCUDA), y;
  cuda::CUDAGraph graph;
  {
    const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
    EXPECT_FALSE(cuda::is_current_stream_capturing());
    graph.capture_begin();
    EXPECT_TRUE(cuda::is_current_stream_capturing());
    y = x * 2 + 1;
    graph.capture_end();
    EXPECT_FALSE(cuda::is_current_stream_capturing());
  }
  graph.replay();
  EXPECT_VALUES(y.cpu(), {3, 3, 3, 3});
  x.fill_(5);
  graph.replay();
  EXPECT_VALUES(y.cpu(), {11, 11, 11, 11});
}

TEST_F(CudaGraphTest, RandomNumbersGoOn) {
  cuda::CUDAGraph graph;
  Tensor x;
  {
    const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
    graph.capture_begin();
    x = rand({1000}, kCUDA);
    graph.capture_end();
  }
  manual_seed(3);
  std::vector<Tensor> eager;
  for (int i = 0; i < 3; ++i) eager.push_back(rand({1000}, kCUDA).cpu());
  manual_seed(3);
  for (int i = 0; i < 3; ++i) {
    graph.replay();
    EXPECT_TRUE(same(x.cpu(), eager[static_cast<size_t>(i)])) << i;
  }
}

// A graph's memory is its own: what is allocated later never lies in it.
TEST_F(CudaGraphTest, PrivateMemory) {
  Tensor x = full({1 << 16}, 2.0, kCUDA), y;
  cuda::CUDAGraph graph;
  const cuda::CUDAStream captured = cuda::getStreamFromPool();
  {
    const cuda::CUDAStreamGuard guard(captured);
    graph.capture_begin();
    Tensor t = x;
    for (int i = 0; i < 20; ++i) t = t + 1;  // the memory in between is freed during the capture
    y = t;
    graph.capture_end();
  }
  std::vector<Tensor> others;
  for (int i = 0; i < 40; ++i) {
    const cuda::CUDAStreamGuard guard(i % 2 == 0 ? captured : cuda::getDefaultCUDAStream());
    others.push_back(full({1 << 16}, -1.0, kCUDA));
  }
  cuda::synchronize();
  graph.replay();
  for (const Tensor& t : others) EXPECT_TRUE((t == -1).all().item<bool>());
  EXPECT_TRUE((y == 22).all().item<bool>());
}

// What a replay still works with is not given to others when the graph goes.
TEST_F(CudaGraphTest, GoesWhileItRuns) {
  const Tensor x = full({1 << 16}, 2.0, kCUDA);
  Tensor y;
  cuda::CUDAGraph graph;
  {
    const cuda::CUDAStream stream = cuda::getStreamFromPool();
    const cuda::CUDAStreamGuard guard(stream);
    graph.capture_begin();
    backend(kCUDA).delay(stream, 50000);
    y = (x + 1) * 2;
    graph.capture_end();
  }
  graph.replay();
  graph.reset();
  const Tensor other = full({1 << 16}, -1.0, kCUDA);
  EXPECT_TRUE((y == 6).all().item<bool>());
  EXPECT_TRUE((other == -1).all().item<bool>());
}

// A capture is of its thread: others work, make memory and wait for their streams meanwhile.
TEST_F(CudaGraphTest, OtherThreadsGoOn) {
  const Tensor x = ones({1000}, kCUDA);
  Tensor y;
  cuda::CUDAGraph graph;
  const auto work = [] {
    const StreamGuard guard(stream_from_pool(kCUDA));
    EXPECT_FALSE(cuda::is_current_stream_capturing());
    const Tensor large = full({3 << 20}, 2.0, kCUDA).requires_grad_();
    large.square().sum().backward();
    EXPECT_EQ(large.grad()[0].item<float>(), 4);
  };
  work();  // kernels may be loaded outside of captures only
  y = x * 2 + 1;
  {
    const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
    graph.capture_begin();
    y = x * 2;
    std::thread(work).join();
    y = y + 1;
    graph.capture_end();
  }
  graph.replay();
  EXPECT_TRUE((y == 3).all().item<bool>());
}

TEST_F(CudaGraphTest, GraphsShareAPool) {
  const cuda::MempoolId_t pool = cuda::graph_pool_handle();
  Tensor x = ones({1000}, kCUDA), y, z;
  cuda::CUDAGraph first, second;
  {
    const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
    first.capture_begin(pool);
    y = x * 3;
    first.capture_end();
    second.capture_begin(first.pool());
    z = y + 1;
    second.capture_end();
  }
  EXPECT_EQ(first.pool(), second.pool());
  first.replay();
  second.replay();
  EXPECT_TRUE((z == 4).all().item<bool>());
  first.reset();
  EXPECT_ERROR(first.replay(), "nothing has been captured");
}

TEST_F(CudaGraphTest, MemoryIsGivenBack) {
  cuda::synchronize();
  const auto before = cuda::memory_stats();
  {
    Tensor y;
    cuda::CUDAGraph graph;
    const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
    graph.capture_begin();
    y = ones({1 << 22}, kCUDA) * 2;
    graph.capture_end();
    graph.replay();
    EXPECT_GT(cuda::memory_stats().live, before.live);
  }
  cuda::synchronize();
  EXPECT_EQ(cuda::memory_stats().live, before.live);
}

TEST_F(CudaGraphTest, RefusesWhatCannotBeCaptured) {
  const Tensor x = ones({4}, kCUDA);
  cuda::CUDAGraph on_default;
  EXPECT_ERROR(on_default.capture_begin(), "default stream");
  const struct {
    const char* what;
    std::function<Tensor()> call;
    const char* mentions;
  } cases[] = {
      {"item", [&] { return x * x.sum().item(); }, "captured graph"},
      {"copy to the host", [&] { return x.cpu(); }, "captured graph"},
      {"copy from the host", [&] { return ones({4}).to(kCUDA); }, "captured graph"},
      {"nonzero", [&] { return x.nonzero(); }, "captured graph"},
      {"synchronize",
       [&] {
         cuda::synchronize();
         return x;
       },
       "captured graph"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    int calls = 0;
    cuda::GraphedStep step([&] {
      ++calls;
      return c.call();
    });
    for (int i = 0; i < 3; ++i) step();
    EXPECT_ERROR(step(), c.mentions);
    EXPECT_EQ(step.captures(), 0u);
    EXPECT_FALSE(cuda::is_current_stream_capturing());
    EXPECT_VALUES((x + 1).cpu(), {2, 2, 2, 2});  // the device goes on
  }
}

TEST_F(CudaGraphTest, RefusesNumbersThatChange) {
  const Tensor x = ones({4}, kCUDA);
  double factor = 1;
  cuda::GraphedStep step([&] {
    factor *= 0.5;
    return x * factor;
  });
  for (int i = 0; i < 3; ++i) step();
  EXPECT_ERROR(step(), "from the host");
}

TEST_F(CudaGraphTest, OptimizerMustHaveRun) {
  const Tensor p = ones({4}, TensorOptions(kCUDA).requires_grad(true));
  optim::Adam optimizer({p}, 0.1);
  p.sum().backward();
  cuda::CUDAGraph graph;
  const cuda::CUDAStreamGuard guard(cuda::getStreamFromPool());
  graph.capture_begin();
  EXPECT_ERROR(optimizer.step(), "before it is captured");
  graph.capture_end();
  graph.reset();
}

TEST_F(CudaGraphTest, OptimizerThatIsGoneOrReplaced) {
  const Tensor p = ones({4}, TensorOptions(kCUDA).requires_grad(true));
  auto optimizer = std::make_unique<optim::Adam>(std::vector<Tensor>{p}, optim::AdamOptions(0.1));
  cuda::GraphedStep step([&] {
    optimizer->zero_grad();
    p.square().sum().backward();
    optimizer->step();
  });
  for (int i = 0; i < 5; ++i) step();
  auto& state = static_cast<optim::AdamParamState&>(*optimizer->state().at(p.unsafe_impl()));
  EXPECT_EQ(state.step(), 5);
  const Tensor old = state.exp_avg();
  state.exp_avg(zeros_like(p));
  EXPECT_ERROR(step(), "another place");
  state.exp_avg(old);
  step();
  optimizer.reset();
  EXPECT_ERROR(step(), "is gone");
}

TEST(CudaGraph, WithoutCuda) {
  if (cuda::is_available()) GTEST_SKIP() << "there is a device";
  EXPECT_FALSE(cuda::is_current_stream_capturing());
  cuda::CUDAGraph graph;
  EXPECT_ERROR(graph.capture_begin(), "CUDA");
  EXPECT_ERROR(cuda::graph_pool_handle(), "CUDA");
  EXPECT_ERROR(cuda::GraphedStep([] {}), "CUDA");
  EXPECT_ERROR(graph.replay(), "nothing has been captured");
}

// ---- the numbers that the host gives ----

void run_once(detail::HostNumbers& numbers, std::initializer_list<std::pair<const char*, Scalar>> notes) {
  const detail::HostNumbers::Run run(numbers);
  for (const auto& [kernel, value] : notes) detail::HostNumbers::current()->note(kernel, value);
}

TEST(HostNumbers, DifferencesBetweenRuns) {
  static const char mul[] = "mul", add[] = "add";
  {
    detail::HostNumbers n;
    run_once(n, {{add, 0.5}});
    for (int i = 0; i < 3; ++i) run_once(n, {{mul, 2}, {add, 0.5}});
    n.check("test");
    run_once(n, {{mul, 2}, {add, 0.25}});
    EXPECT_ERROR(n.check("test"), "test: add got the number 0.25");
    run_once(n, {{mul, 2}, {add, 0.25}});
    n.check("test");
    run_once(n, {{mul, 2}});
    EXPECT_ERROR(n.check("test"), "did not do the same");
    run_once(n, {{add, 2}});
    EXPECT_ERROR(n.check("test"), "did not do the same");
  }
  EXPECT_EQ(detail::HostNumbers::current(), nullptr);
  detail::HostNumbers n;
  run_once(n, {{mul, 1}});
  run_once(n, {{add, 1}});
  n.check("test");  // the first run may be another
  EXPECT_THROW(
      {
        const detail::HostNumbers::Run run(n);
        throw std::runtime_error("stop");
      },
      std::runtime_error);
  n.check("test");
}

// What a launch notes.
TEST(HostNumbers, OfOperations) {
  const Tensor x = ones({4});
  const auto run = [&](detail::HostNumbers& n, auto f) {
    const detail::HostNumbers::Run guard(n);
    f();
  };
  double number = 1;
  const std::function<void()> operations[] = {
      [&] { x * number; },        [&] { x.clone().fill_(number); },       [&] { x.clamp(-number, number); },
      [&] { x.add(x, number); }, [&] { x.clone().uniform_(0, number); }, [&] { x.softmax(0) + number; },
  };
  for (const auto& operation : operations) {
    detail::HostNumbers n;
    for (int i = 0; i < 3; ++i) run(n, operation);
    n.check("test");
    number += 1;
    run(n, operation);
    EXPECT_ERROR(n.check("test"), "from the host");
  }
}

}  // namespace
