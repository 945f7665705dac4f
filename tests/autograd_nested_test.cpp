// Backwards inside backwards, in several threads, and checkpoints.
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/checkpoint.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/gradcheck.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::AutogradContext;
using autograd::variable_list;

// x, through a backward in its backward, through one in that …
struct Deep : autograd::Function<Deep> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, int64_t depth, std::vector<int64_t>* order) {
    ctx->saved_data["depth"] = depth;
    ctx->saved_data["order"] = reinterpret_cast<int64_t>(order);
    return x.clone();
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const int64_t depth = ctx->saved_data["depth"].toInt();
    auto* const order = reinterpret_cast<std::vector<int64_t>*>(ctx->saved_data["order"].toInt());
    if (depth == 0) {
      EMBER_CHECK(order != nullptr, "at the bottom");
      return {grads[0], Tensor(), Tensor()};
    }
    Tensor g;
    {
      const EnableGradGuard on;
      const Tensor x = zeros({1}, kFloat64).requires_grad_();
      Deep::apply(x, depth - 1, order).backward(grads[0]);
      g = x.grad();
    }
    if (order != nullptr) order->push_back(depth);
    return {g, Tensor(), Tensor()};
  }
};

TEST(Nested, TenThousandDeep) {
  const Tensor x = leaf({1});
  std::vector<int64_t> order;
  constexpr int64_t kDepth = 10000;
  Deep::apply(x, kDepth, &order).backward(doubles({3}));
  EXPECT_VECTOR(x.grad(), {3});
  ASSERT_EQ(order.size(), static_cast<size_t>(kDepth));
  for (int64_t i = 0; i < kDepth; ++i) ASSERT_EQ(order[static_cast<size_t>(i)], i + 1) << "inner ones first";
}

TEST(Nested, AnErrorComesUpFromTheBottom) {
  const Tensor x = leaf({1});
  const Tensor y = Deep::apply(x, 300, nullptr);
  EXPECT_ERROR(y.backward(), "at the bottom");
  EXPECT_TRUE(GradMode::is_enabled());
  (x * 2).backward();
  EXPECT_VECTOR(x.grad(), {2});
}

struct NoRecordingInside : autograd::Function<NoRecordingInside> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, int64_t depth) {
    ctx->saved_data["depth"] = depth;
    return x.clone();
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const int64_t depth = ctx->saved_data["depth"].toInt();
    EXPECT_FALSE(GradMode::is_enabled()) << "also in the thread that the depth needs";
    if (depth > 0) {
      const EnableGradGuard on;
      const Tensor x = zeros({1}, kFloat64).requires_grad_();
      NoRecordingInside::apply(x, depth - 1).backward();
    }
    EXPECT_FALSE(GradMode::is_enabled());
    return {grads[0], Tensor()};
  }
};

TEST(Nested, Modes) { NoRecordingInside::apply(leaf({1}), 200).backward(); }

TEST(Nested, InAHook) {
  const Tensor x = leaf({2}), w = leaf({3});
  const Tensor y = x * 2;
  y.register_hook([&](const Tensor& g) {
    const EnableGradGuard on;
    (w * w).backward();
    return g + w.grad();
  });
  y.backward();
  EXPECT_VECTOR(x.grad(), {14});
}

TEST(Threads, SharedGraph) {
  const Tensor x = leaf({1, 2, 3});
  const Tensor shared = (x * x).exp().log() * 2;
  constexpr int kThreads = 4, kRounds = 50;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&shared] {
      for (int r = 0; r < kRounds; ++r) shared.sum().backward({}, true);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(have_values(x.grad(), {4.0 * 200, 8.0 * 200, 12.0 * 200}, 1e-9));
}

// ---- checkpoints ----

TEST(Checkpoint, GradientsAreThoseWithout) {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  int calls = 0;
  const auto f = [&](const Tensor& a) {
    ++calls;
    return (a * w).sin() * a;
  };
  autograd::checkpoint(f, x * 2).sum().backward();
  EXPECT_EQ(calls, 2);
  const Tensor gx = x.grad().clone(), gw = w.grad().clone();
  x.mutable_grad().reset();
  w.mutable_grad().reset();
  f(x * 2).sum().backward();
  EXPECT_VECTOR(x.grad(), values(gx));
  EXPECT_VECTOR(w.grad(), values(gw)) << "leaves that the function uses of itself";
}

TEST(Checkpoint, Gradcheck) {
  const auto f = [](const std::vector<Tensor>& in) {
    return autograd::checkpoint(
        [](const variable_list& a) {
          return variable_list{(a[0] * a[1]).exp(), a[0].sin()};
        },
        {in[0] * 1, in[1]});
  };
  EXPECT_TRUE(autograd::gradcheck(f, {leaf({0.1, 0.2}), leaf({0.3, 0.4})}));
  EXPECT_TRUE(autograd::gradgradcheck(f, {leaf({0.1, 0.2}), leaf({0.3, 0.4})}));
}

TEST(Checkpoint, RandomNumbersAreTheSame) {
  const Tensor x = ones({100}, kFloat64).requires_grad_();
  Tensor masks[2];
  int calls = 0;
  manual_seed(7);
  const Tensor y = autograd::checkpoint(
      [&](const Tensor& a) {
        const Tensor mask = rand({100}, kFloat64);
        masks[calls++] = mask;
        return a * mask;
      },
      x);
  const Tensor between = rand({5}, kFloat64);
  y.sum().backward();
  const Tensor after = rand({5}, kFloat64);
  ASSERT_EQ(calls, 2);
  EXPECT_TRUE(masks[0].equal(masks[1]));
  EXPECT_TRUE(x.grad().equal(masks[0]));
  manual_seed(7);
  rand({100}, kFloat64);
  EXPECT_TRUE(between.equal(rand({5}, kFloat64)));
  EXPECT_TRUE(after.equal(rand({5}, kFloat64))) << "backward drew none of the program's numbers";
}

TEST(Checkpoint, NestedAndUnrecorded) {
  const Tensor x = leaf({0.5});
  const auto inner = [](const Tensor& a) { return a.exp(); };
  const auto outer = [&](const Tensor& a) { return autograd::checkpoint(inner, a * 2) + a; };
  autograd::checkpoint(outer, x).backward();
  EXPECT_TRUE(have_values(x.grad(), {2 * std::exp(1.0) + 1}));
  const NoGradGuard off;
  EXPECT_FALSE(autograd::checkpoint(outer, x).requires_grad());
}

TEST(Checkpoint, Errors) {
  const Tensor x = leaf({1, 2});
  const auto f = [](const Tensor& a) { return a * 2; };
  EXPECT_ERROR(autograd::checkpoint(f, x).sum().backward({}, nullopt, false, std::vector<Tensor>{x}), "checkpoint");
  const Tensor a = x * 1;
  const Tensor y = autograd::checkpoint(f, a);
  a.add_(1);
  EXPECT_ERROR(y.sum().backward(), "version");
  const Tensor z = autograd::checkpoint(f, x).sum();
  z.backward();
  EXPECT_ERROR(z.backward(), "second time");
}

}  // namespace
