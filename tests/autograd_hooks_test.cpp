// Hooks on tensors and on nodes.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/autograd/node.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::variable_list;

TEST(Hooks, OnLeavesAndOthers) {
  const Tensor x = leaf({2});
  std::vector<std::string> order;
  const unsigned first = x.register_hook([&](const Tensor& g) {
    order.push_back("leaf");
    return g * 10;
  });
  const Tensor y = x * 3;
  y.register_hook([&](const Tensor& g) {
    order.push_back("y1");
    return g + 1;
  });
  y.register_hook([&](const Tensor& g) {
    order.push_back("y2");
    EXPECT_EQ(g.item<double>(), 5);  // what the first made of it
  });
  (y * 4).backward();
  EXPECT_EQ(order, (std::vector<std::string>{"y1", "y2", "leaf"}));
  EXPECT_VECTOR(x.grad(), {150});  // (4 + 1) · 3 · 10
  x.remove_hook(first);
  x.mutable_grad().reset();
  (x * 3).backward();
  EXPECT_VECTOR(x.grad(), {3});
}

TEST(Hooks, SeeTheSumOverAllUses) {
  const Tensor x = leaf({2});
  int calls = 0;
  const Tensor y = x * 1;
  y.register_hook([&](const Tensor& g) {
    ++calls;
    EXPECT_EQ(g.item<double>(), 7);
  });
  (y * 3 + y * 4).backward();
  EXPECT_EQ(calls, 1);
}

TEST(Hooks, AndRetainedGradients) {
  const Tensor x = leaf({2});
  const Tensor y = x * 2;
  y.register_hook([](const Tensor& g) { return g * 5; });
  y.retain_grad();
  y.backward();
  EXPECT_VECTOR(y.grad(), {5}) << "after the hooks";
  EXPECT_VECTOR(x.grad(), {10});
}

TEST(Hooks, OnNodes) {
  const Tensor x = leaf({2});
  const Tensor y = x * 3;
  std::vector<std::string> order;
  const unsigned pre = y.grad_fn()->add_pre_hook([&](const variable_list& g) {
    order.push_back("before");
    return variable_list{g[0] * 10};
  });
  const unsigned post = y.grad_fn()->add_post_hook([&](const variable_list& in, const variable_list& out) {
    order.push_back("after");
    EXPECT_VECTOR(out[0], {10});
    variable_list changed = in;
    changed[0] = in[0] + 1;
    return changed;
  });
  y.backward({}, true);
  EXPECT_EQ(order, (std::vector<std::string>{"before", "after"}));
  EXPECT_VECTOR(x.grad(), {31});
  y.grad_fn()->remove_pre_hook(pre);
  y.grad_fn()->remove_post_hook(post);
  y.backward();
  EXPECT_VECTOR(x.grad(), {34});
  const Tensor z = x * 3;
  z.grad_fn()->add_pre_hook([](const variable_list&) { return variable_list{}; });
  EXPECT_THROW(z.backward(), Error) << "a gradient is missing";
}

TEST(Hooks, AnErrorInOneLeavesThingsUsable) {
  const Tensor x = leaf({2});
  const Tensor y = x * x;
  const unsigned hook = y.register_hook([](const Tensor&) { EMBER_CHECK(false, "from a hook"); });
  const Tensor z = y * 3;
  EXPECT_ERROR(z.backward({}, true), "from a hook");
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(GradMode::is_enabled());
  y.remove_hook(hook);
  z.backward();
  EXPECT_VECTOR(x.grad(), {12});
}

}  // namespace
