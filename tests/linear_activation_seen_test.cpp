// A linear layer and its activation in one operation: what may be seen from outside of what is in between.
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <vector>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>

#include "linear_activation_harness.h"

namespace ember::test {
namespace {

// Everything that makes the gradient between two layers visible or not the only one there.
TEST_P(LinearActivation, WhatIsSeenInBetween) {
  EMBER_SKIP_WITHOUT_DEVICE();
  using Values = std::vector<Tensor>;
  constexpr int kAnomaly = -1, kAny = -2;
  struct Case {
    const char* name;
    int above;  // how many layers leave the one below them its gradient masked; kAnomaly, kAny
    std::function<Values(const Network&, Values)> run;
  };
  const Tensor g = random({7, 3}, kFloat64, device(), 5);
  const Case cases[] = {
      {"nothing", 2,
       [&](const Network&, Values v) {
         v.back().backward(g);
         return Values();
       }},
      {"hook", 0,
       [&](const Network&, Values v) {
         Tensor seen;
         v[2].register_hook([&](const Tensor& grad) { seen = grad.clone(); });
         v.back().backward(g);
         return Values{seen};
       }},
      {"hook that replaces", 1,
       [&](const Network&, Values v) {
         v[1].register_hook([&](const Tensor& grad) { return grad * 3; });
         v.back().backward(g);
         return Values();
       }},
      {"retain_grad", 1,
       [&](const Network&, Values v) {
         v[1].retain_grad();
         v.back().backward(g);
         return Values{v[1].grad()};
       }},
      {"pre-hook of the node", 0,
       [&](const Network&, Values v) {
         Tensor seen;
         v[2].grad_fn()->add_pre_hook([&](const autograd::variable_list& grads) {
           seen = grads[0].clone();
           return grads;
         });
         v.back().backward(g);
         return Values{seen};
       }},
      {"post-hook of the node above", 1,
       [&](const Network&, Values v) {
         Tensor seen;
         v[3].grad_fn()->add_post_hook([&](const autograd::variable_list& out, const autograd::variable_list&) {
           seen = out[1].clone();
           return out;
         });
         v.back().backward(g);
         return Values{seen};
       }},
      {"hook on the result", 1,
       [&](const Network&, Values v) {
         v[3].register_hook([&](const Tensor& grad) { return grad * 2; });
         v.back().backward(g);
         return Values();
       }},
      {"gradient of it", 1,
       [&](const Network&, Values v) {
         return autograd::grad({v.back()}, {v[2], v[0]}, {g});
       }},
      {"gradient of it alone", 0, [&](const Network&, Values v) { return autograd::grad({v.back()}, {v[2]}, {g}); }},
      {"gradients of all", 0,
       [&](const Network&, Values v) {
         return autograd::grad({v.back()}, {v[1], v[2]}, {g});
       }},
      {"used twice", 1,
       [&](const Network&, Values v) {
         (v.back() * g).sum().add((v[2] * v[2]).sum()).backward();
         return Values();
       }},
      {"used before", 1,
       [&](const Network& n, Values v) {
         const Tensor before = (v[2] * v[2]).sum();
         (linear(v[2], n.weights[2], n.biases[2]) * g).sum().add(before).backward();
         return Values();
       }},
      {"used by two layers", 1,
       [&](const Network& n, Values v) {
         (linear(v[2], n.weights[2], n.biases[2]) * g + v.back()).sum().backward();
         return Values();
       }},
      {"a second result", 1,
       [&](const Network&, Values v) {
         autograd::backward({v.back(), v[1]}, {g, v[1].detach()});
         return Values();
       }},
      {"a second result, first", 1,
       [&](const Network&, Values v) {
         autograd::backward({v[2], v.back()}, {v[2].detach(), g});
         return Values();
       }},
      {"twice", 4,
       [&](const Network&, Values v) {
         v.back().backward(g, true);
         v.back().backward(g * 2);
         return Values();
       }},
      {"after an error", 3,
       [&](const Network& n, Values v) {
         // The first backward ends between the two layers, with the gradient masked already.
         const unsigned key =
             v[1].register_hook([](const Tensor&) -> Tensor { throw std::runtime_error("from a hook"); });
         EXPECT_THROW(v.back().backward(g, true), std::exception);
         v[1].remove_hook(key);
         for (const Tensor& leaf : n.leaves()) leaf.mutable_grad() = Tensor();
         v.back().backward(g);
         return Values();
       }},
      {"anomaly mode", kAnomaly,
       [&](const Network& n, Values) {
         const autograd::DetectAnomalyGuard guard;
         n.forward(Activation::Relu, linear_activation).back().backward(g);
         return Values();
       }},
      {"a view", 1,
       [&](const Network& n, Values v) {
         linear(v[2].view({7, 4}), n.weights[2], n.biases[2]).backward(g);
         return Values();
       }},
      {"changed in place", 1,
       [&](const Network& n, Values v) {
         // The values that relu kept are lost if its result changes: a copy is changed.
         Tensor y = v[2].clone();
         y.mul_(2);
         linear(y, n.weights[2], n.biases[2]).backward(g);
         return Values();
       }},
      {"double backward", kAny,
       [&](const Network& n, Values v) {
         const auto first = autograd::grad({v.back()}, {n.x, n.weights[0], n.biases[1]}, {g}, true, true);
         (first[0].square().sum() + first[1].square().sum() + first[2].square().sum()).backward();
         return Values{first[0], first[1]};
       }},
      {"addmm above", 2,
       [&](const Network& n, Values v) {
         addmm(n.biases[2], v[2], n.weights[2].t()).backward(g);
         return Values();
       }},
  };
  for (const Case& c : cases) {
    for (const Activation activation : kActivations) {
      SCOPED_TRACE(testing::Message() << c.name << (activation == Activation::Relu ? ", relu" : ", gelu"));
      const Network fused({6, 5, 4, 3}, 7, kFloat64, device()), plain({6, 5, 4, 3}, 7, kFloat64, device());
      Values seen;
      {
        const Products products(device());
        seen = c.run(fused, fused.forward(activation, linear_activation));
        if (c.above >= 0) {
          EXPECT_EQ(products.masked(), c.above);
        } else if (c.above == kAnomaly) {
          EXPECT_EQ(products.masked(), 0);
          continue;
        }
      }
      const Values expected = c.run(plain, plain.forward(activation, in_two));
      ASSERT_EQ(seen.size(), expected.size());
      // Sums in another order, of gradients that arrive in another one.
      const auto close = [](const Tensor& a, const Tensor& b) {
        return a.defined() == b.defined() && (!a.defined() || allclose(a.detach(), b.detach(), 1e-12, 1e-12));
      };
      for (size_t i = 0; i < seen.size(); ++i) EXPECT_TRUE(close(seen[i], expected[i])) << "seen " << i;
      const auto leaves = fused.leaves(), others = plain.leaves();
      for (size_t i = 0; i < leaves.size(); ++i) EXPECT_TRUE(close(leaves[i].grad(), others[i].grad())) << "leaf " << i;
    }
  }
}

TEST_P(LinearActivation, WhatIsKeptGoesWithTheGraph) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const Activation activation : kActivations) {
    const Network n({6, 5, 4, 3}, 7, kFloat32, device());
    const auto values = n.forward(activation, linear_activation);
    EXPECT_EQ(values[1].grad_fn()->name(), "AddmmActivationBackward0");
    EXPECT_NE(values[1].grad_fn()->saved(), nullptr);
    values.back().sum().backward();
    for (const autograd::SavedTensor* s = values[1].grad_fn()->saved(); s != nullptr; s = s->next()) {
      EXPECT_FALSE(s->defined());
    }
    EXPECT_ERROR(values.back().sum().backward(), "a second time");
    EXPECT_ERROR(values[1].sum().backward(), "a second time");
  }
  // Of relu the result is one of these.
  const Network n({6, 5, 4, 3}, 7, kFloat32, device());
  auto values = n.forward(Activation::Relu, linear_activation);
  values[2].mul_(2);
  EXPECT_ERROR(values.back().sum().backward(), "changed in place");
  Tensor y = linear_activation(n.x, n.weights[0], n.biases[0], Activation::Relu);
  y.mul_(2);
  EXPECT_ERROR(y.sum().backward(), "changed in place");
}

// A gradient that somebody else has is not changed.
TEST_P(LinearActivation, ThatOfTheCallerStays) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const Activation activation : kActivations) {
    const Network n({6, 5, 4}, 7, kFloat32, device());
    const Tensor y = linear_activation(n.x, n.weights[0], n.biases[0], activation);
    const Tensor g = random({7, 5}, kFloat32, device(), 5), copy = g.clone();
    y.backward(g, true);
    EXPECT_TRUE(same(g, copy));
    autograd::backward({y, y.detach().requires_grad_()}, {g, g}, true);
    EXPECT_TRUE(same(g, copy));
    Tensor seen, seen_copy;
    y.register_hook([&](const Tensor& grad) { seen = grad, seen_copy = grad.clone(); });
    (y * g).sum().backward();
    EXPECT_TRUE(same(seen, seen_copy));
  }
}

}  // namespace
}  // namespace ember::test
