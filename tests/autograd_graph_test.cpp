// The graph as an object: depth, lifetime, threads.
#include <pthread.h>

#include <functional>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>

namespace {

using namespace ember;

// Runs f in a thread with a stack of so many bytes.
void in_thread_with_stack(size_t bytes, std::function<void()> f) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
  pthread_t thread;
  const auto start = [](void* context) -> void* {
    (*static_cast<std::function<void()>*>(context))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, start, &f), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

constexpr int kDepth = 1000000;

TEST(Graph, AMillionNodesRunAndAreFreed) {
  in_thread_with_stack(1 << 20, [] {
    const Tensor x = tensor({1.0}).requires_grad_();
    const size_t before = cpu::memory_stats().live;
    {
      Tensor y = x;
      for (int i = 0; i < kDepth; ++i) y = y + 1;
      y.backward();
      EXPECT_EQ(x.grad().item<float>(), 1);
      EXPECT_EQ(y.item<float>(), kDepth + 1);
    }
    // Freed without having run, by the last handle.
    Tensor z = x;
    for (int i = 0; i < kDepth; ++i) z = z * 1;
    z.reset();
    // What is saved by a chain and holds it in turn.
    Tensor w = x;
    for (int i = 0; i < kDepth / 10; ++i) w = w * w;
    EXPECT_GT(cpu::memory_stats().live, before + kDepth / 10 * sizeof(float));
    w = Tensor();
    x.mutable_grad().reset();
    EXPECT_EQ(cpu::memory_stats().live, before);
  });
}

TEST(Graph, AMillionInPlaceOperations) {
  in_thread_with_stack(1 << 20, [] {
    const Tensor x = tensor({1.0}).requires_grad_();
    const Tensor y = x * 1;
    for (int i = 0; i < kDepth; ++i) y.add_(1);
    y.backward();
    EXPECT_EQ(x.grad().item<float>(), 1);
  });
}

TEST(Graph, ADeepRecordedBackward) {
  in_thread_with_stack(1 << 20, [] {
    const Tensor x = tensor({1.0}, kFloat64).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < kDepth / 10; ++i) y = y * 1.0;
    Tensor g = autograd::grad({y * x}, {x}, {}, nullopt, true)[0];
    EXPECT_EQ(autograd::grad({g}, {x})[0].item<double>(), 2);
  });
}

// Whether the memory that a function's tensors took is all given back.
class Leaks : public testing::Test {
 protected:
  template <class F>
  void check(F f) {
    f();  // what is made once
    const size_t before = cpu::memory_stats().live;
    for (int i = 0; i < 3; ++i) f();
    EXPECT_EQ(cpu::memory_stats().live, before);
  }
};

TEST_F(Leaks, WithoutBackward) {
  check([] {
    const Tensor x = ones({100}).requires_grad_();
    const Tensor y = (x * x).exp().sigmoid().tanh().sqrt().softmax(0).sum();
    EXPECT_TRUE(y.requires_grad());
  });
}

TEST_F(Leaks, WithBackward) {
  check([] {
    const Tensor x = ones({10, 10}).requires_grad_();
    const Tensor y = x.mm(x).exp().sigmoid().log_softmax(1).sum();
    y.backward({}, true);
    y.backward();
  });
}

TEST_F(Leaks, InPlaceAndViews) {
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    const Tensor y = x * 2;
    y.mul_(3).add_(x);
    y.slice(0, 2, 5).mul_(2).sub_(1);
    y.view({2, 5})[0].copy_(x.slice(0, 0, 5));
    y.view({2, 5})[1].exp_();
    y.sum().backward();
  });
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    const Tensor y = x.exp();
    y.exp_().sigmoid_().tanh_();
    y.mul_(y);
    y.slice(0, 2, 5).exp_();
  });
}

TEST_F(Leaks, RecordedBackward) {
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    const Tensor g = autograd::grad({x.exp().sum()}, {x}, {}, nullopt, true)[0];
    g.sum().backward();
  });
}

struct KeepsResult : autograd::Function<KeepsResult> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    const Tensor y = x.exp();
    ctx->save_for_backward({x, y});
    return y;
  }
  static autograd::variable_list backward(autograd::AutogradContext* ctx, autograd::variable_list grads) {
    return {grads[0] * ctx->get_saved_variables()[1]};
  }
};

TEST_F(Leaks, CustomFunctions) {
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    KeepsResult::apply(x).sum().backward();
    KeepsResult::apply(x * 2);
  });
}

TEST_F(Leaks, HooksAndRetainedGradients) {
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    const Tensor y = x * 2;
    y.retain_grad();
    const Tensor factor = ones({10});
    y.register_hook([factor](const Tensor& g) { return g * factor; });
    x.register_hook([](const Tensor&) {});
    y.sum().backward();
  });
}

TEST_F(Leaks, AfterAnError) {
  check([] {
    const Tensor x = ones({10}).requires_grad_();
    const Tensor y = x.exp();
    y.register_hook([](const Tensor&) { throw std::runtime_error("from a hook"); });
    EXPECT_THROW((y * y).sum().backward(), std::runtime_error);
    EXPECT_THROW(x.mm(x), Error);
  });
}

TEST_F(Leaks, BackwardFreesWhatWasSaved) {
  const Tensor x = ones({1000000}).requires_grad_();
  const size_t before = cpu::memory_stats().live;
  const Tensor y = x.exp().sum();
  EXPECT_GE(cpu::memory_stats().live, before + 4000000);
  y.backward();
  EXPECT_LT(cpu::memory_stats().live, before + 6000000) << "only the gradient is left";
}

TEST(Threads, BackwardOfSeparateGraphsAtOnce) {
  const Tensor w = ones({50}, kFloat64).requires_grad_();
  constexpr int kThreads = 4, kRounds = 100;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&w, i] {
      for (int r = 0; r < kRounds; ++r) (w * static_cast<double>(i + 1)).sum().backward();
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(w.grad().equal(full({50}, 1000.0, kFloat64))) << w.grad();
}

TEST(Threads, AGraphMadeInOneRunsInAnother) {
  const Tensor x = ones({3}).requires_grad_();
  Tensor y;
  std::thread([&] { y = (x * 2).exp().sum(); }).join();
  std::thread([&] { y.backward(); }).join();
  EXPECT_NEAR(x.grad()[0].item<float>(), 2 * 7.389056, 1e-5);
  std::thread([&] { y.reset(); }).join();
}

}  // namespace
