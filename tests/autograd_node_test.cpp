// Nodes as objects: edges, hooks as classes, nodes of one's own.
#include <memory>
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
using autograd::Edge;
using autograd::edge_list;
using autograd::Node;
using autograd::variable_list;

TEST(Node, Edges) {
  const Tensor x = leaf({1, 2});
  const Tensor y = x * 2, z = y * x;
  const std::shared_ptr<Node> f = z.grad_fn();
  EXPECT_EQ(f->name(), "MulBackward0");
  EXPECT_EQ(f->num_inputs(), 1u);
  EXPECT_EQ(f->num_outputs(), 2u);
  EXPECT_EQ(f->next_edge(0), Edge(y.grad_fn(), 0));
  EXPECT_EQ(f->next_edges().size(), 2u);
  EXPECT_EQ(f->next_edge(1).function->name(), "torch::autograd::AccumulateGrad");
  EXPECT_TRUE(f->next_edge(1).function->variable().is_same(x));
  EXPECT_EQ(autograd::impl::grad_accumulator(x), f->next_edge(1).function);
  EXPECT_GT(f->sequence_nr(), y.grad_fn()->sequence_nr());
  EXPECT_FALSE(Edge().is_valid());
  EXPECT_EQ(std::shared_ptr<Node>(x.grad_fn()), nullptr);
  EXPECT_TRUE(f->should_compute_output(1));
  EXPECT_TRUE(f->should_compute_output({{0, 2}}));
  EXPECT_THROW(f->should_compute_output(2), Error);
}

struct ScaleBackward : Node {
  double factor = 0;
  variable_list apply(variable_list&& grads) override { return {grads[0] * factor}; }
};

struct SumBackward : Node {
  variable_list apply(variable_list&& grads) override {
    Tensor sum;
    for (const Tensor& g : grads)
      if (g.defined()) sum = sum.defined() ? sum + g : g;
    return {sum};
  }
};

TEST(Node, OfOnesOwn) {
  const Tensor x = leaf({1, 2});
  Tensor y;
  {
    const NoGradGuard off;
    y = x * 3;
  }
  const IntrusivePtr<ScaleBackward> node(new ScaleBackward());
  node->factor = 3;
  node->set_next_edges(autograd::collect_next_edges(x));
  autograd::set_history(y, node);
  EXPECT_TRUE(y.requires_grad());
  EXPECT_EQ(y.grad_fn(), node);
  EXPECT_NE(y.grad_fn()->name().find("ScaleBackward"), std::string::npos);
  EXPECT_VECTOR(autograd::grad({(y * y).sum()}, {x}, {}, nullopt, true)[0], {18, 36});
  EXPECT_VECTOR((*node)({doubles({1, 1})})[0], {3, 3});
  // Several results.
  const IntrusivePtr<Node> sum(new SumBackward());
  sum->add_next_edge(autograd::gradient_edge(x));
  const Tensor a = x.detach().clone(), b = x.detach().clone();
  autograd::set_history(std::vector<Tensor>{a, b}, sum);
  EXPECT_EQ(b.output_nr(), 1u);
  EXPECT_EQ(sum->num_inputs(), 2u);
  EXPECT_VECTOR(autograd::grad({(a * 2 + b * 5).sum()}, {x}, {}, true)[0], {7, 7});
  EXPECT_VECTOR(autograd::grad({b.sum()}, {x})[0], {1, 1});
}

struct Times : autograd::FunctionPreHook {
  explicit Times(double f) : factor(f) {}
  variable_list operator()(const variable_list& grads) override {
    variable_list scaled;
    for (const Tensor& g : grads) scaled.push_back(g * factor);
    return scaled;
  }
  double factor;
};

struct PlusInput : autograd::FunctionPostHook {
  variable_list operator()(const variable_list& outputs, const variable_list& inputs) override {
    return {outputs[0] + inputs[0]};
  }
};

struct Record : autograd::PostAccumulateGradHook {
  explicit Record(std::vector<double>& s) : seen(s) {}
  void operator()(const Tensor& leaf) override { seen.push_back(leaf.grad()[0].item<double>()); }
  std::vector<double>& seen;
};

TEST(Node, HooksAsClasses) {
  const Tensor x = leaf({2});
  const Tensor y = x * 3;
  y.retain_grad();
  y.grad_fn()->add_pre_hook(std::make_unique<Times>(10));
  y.grad_fn()->add_tensor_pre_hook(std::make_unique<Times>(5));
  const uintptr_t key = y.grad_fn()->add_post_hook(std::make_unique<PlusInput>());
  y.sum().backward({}, true);
  EXPECT_VECTOR(y.grad(), {5}) << "after the tensor's hooks, before the node's";
  EXPECT_VECTOR(x.grad(), {200}) << "5 · 10 · 3, and the hook adds what came in";
  EXPECT_TRUE(y.grad_fn()->del_post_hook(key));
  EXPECT_FALSE(y.grad_fn()->del_post_hook(key));
  EXPECT_VECTOR(autograd::grad({y.sum()}, {y}, {}, true)[0], {5});
  EXPECT_VECTOR(autograd::grad({y.sum()}, {x}, {}, true)[0], {150});
}

TEST(Node, PostHooksGetInputs) {
  const Tensor x = leaf({2});
  const Tensor y = x * 3 * 1;
  const IntrusivePtr<Node> node = y.grad_fn();
  node->add_post_hook([](const variable_list& in, const variable_list& out) {
    EXPECT_EQ(in.size(), 1u);
    return variable_list{in[0] + out[0] * 100};
  });
  y.backward();
  EXPECT_VECTOR(x.grad(), {303});
}

TEST(Node, PostAccumulateHooks) {
  const Tensor x = leaf({2});
  std::vector<double> seen;
  autograd::impl::set_post_acc_grad_hooks(x, std::make_unique<Record>(seen));
  (x * 3).backward();
  (x * 3).backward();
  EXPECT_EQ(seen, (std::vector<double>{3, 6}));
  autograd::impl::set_post_acc_grad_hooks(x, nullptr);
  (x * 3).backward();
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_THROW(autograd::impl::set_post_acc_grad_hooks(x * 2, nullptr), Error);
}

TEST(TensorHook, ChecksAndOrder) {
  const Tensor x = leaf({1, 2});
  const unsigned a = x.register_hook([](const Tensor& g) { return g.slice(0, 0, 1); });
  EXPECT_ERROR((x * 2).sum().backward(), "hook");
  x.remove_hook(a);
  const unsigned b = x.register_hook([](const Tensor& g) { return g.to(kFloat32); });
  EXPECT_ERROR((x * 2).sum().backward(), "hook");
  x.remove_hook(b);
  EXPECT_THROW(x.remove_hook(b), Error);
  x.register_hook([](const Tensor&) { return Tensor(); });  // leaves it as it is
  (x * 2).sum().backward();
  EXPECT_VECTOR(x.grad(), {2, 2});
  EXPECT_THROW(zeros({2}).register_hook([](const Tensor&) {}), Error);
}

TEST(TensorHook, RegisteredInAHook) {
  const Tensor x = leaf({1});
  const Tensor y = x * 2;
  std::vector<std::string> order;
  y.register_hook([&](const Tensor&) {
    order.push_back("outer");
    if (order.size() == 1) y.register_hook([&](const Tensor&) { order.push_back("inner"); });
  });
  const Tensor z = y.sum();
  z.backward({}, true);
  EXPECT_EQ(order, (std::vector<std::string>{"outer"}));
  z.backward();
  EXPECT_EQ(order, (std::vector<std::string>{"outer", "outer", "inner"}));
}

TEST(TensorHook, OnlyWhereTheGradientIsWanted) {
  const Tensor x = leaf({1}), w = leaf({2});
  int calls = 0;
  x.register_hook([&](const Tensor& g) {
    ++calls;
    return g * 10;
  });
  const Tensor y = x * w;
  EXPECT_VECTOR(autograd::grad({y}, {w}, {}, true)[0], {1});
  EXPECT_EQ(calls, 0);
  EXPECT_VECTOR(autograd::grad({y}, {x}, {}, true)[0], {20});
  y.backward({}, true, false, std::vector<Tensor>{w});
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(x.grad().defined());
  EXPECT_VECTOR(w.grad(), {1});
}

}  // namespace
