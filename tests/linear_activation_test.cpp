// A linear layer and its activation in one operation, against the two: results, gradients, and what may be seen of them
// from outside. On the CPU to the bit.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/gradcheck.h>
#include <ember/autograd/ops/linear_activation.h>
#include <ember/core/product_kernels.h>
#include <ember/nn/nn.h>

#include "op_harness.h"
#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using ops::linear_activation;

constexpr Activation kActivations[] = {Activation::Relu, Activation::GeluTanh};
constexpr ScalarType kFloating[] = {kFloat64, kFloat32, kFloat16, kBFloat16};

Tensor in_two(const Tensor& x, const Tensor& w, const Tensor& c, Activation activation) {
  const Tensor y = linear(x, w, c);
  return activation == Activation::Relu ? relu(y) : gelu(y, "tanh");
}

Tensor random(IntArrayRef sizes, ScalarType dtype, Device device, uint64_t seed) {
  return randn(sizes, make_generator(seed), kFloat64).to(dtype).to(device);
}

// The same bits on the CPU. Elsewhere other kernels round at other places, by which a number close to 0 can come to the
// other side of relu: so few that they count little in the norm.
testing::AssertionResult agree(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return testing::AssertionFailure() << "one is undefined";
  if (!a.defined()) return testing::AssertionSuccess();
  if (a.is_cpu()) return same(a.detach(), b.detach());
  if (!(a.sizes() == b.sizes()) || a.dtype() != b.dtype()) return testing::AssertionFailure() << "of another kind";
  const double unit = a.dtype() == kFloat64   ? 1e-10
                      : a.dtype() == kFloat32 ? 1e-3
                      : a.dtype() == kFloat16 ? 5e-2
                                              : 2e-1;
  const Tensor x = a.detach().cpu().to(kFloat64), y = b.detach().cpu().to(kFloat64);
  const double error = (x - y).norm().item<double>(), size = y.norm().item<double>();
  if (error <= unit * (size + 1e-3)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "differ by " << error << " of " << size << ":\n" << x << '\n' << y;
}

// Counts the calls of kernels on one device while it lives.
template <class Kernel>
class Calls;
template <class... P>
class Calls<Kernel<void(P...)>> {
 public:
  Calls(Kernel<void(P...)>& kernel, Device device) : function_(kernel.function[static_cast<size_t>(device.type())]) {
    (void)backend(device.type());  // the table is filled
    original_ = function_;
    count_ = 0;
    function_ = [](P... p) {
      ++count_;
      original_(p...);
    };
  }
  ~Calls() { function_ = original_; }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  int count() const { return count_; }

 private:
  typename Kernel<void(P...)>::Function& function_;
  inline static typename Kernel<void(P...)>::Function original_ = nullptr;
  inline static int count_ = 0;
};
template <class K>
Calls(K&, Device) -> Calls<K>;

class LinearActivation : public testing::TestWithParam<DeviceType> {
 protected:
  Device device() const { return Device(GetParam()); }

  // Layers of these widths, by one way or the other, and the gradients of everything that requires one.
  struct Network {
    Tensor x;
    std::vector<Tensor> weights, biases;

    Network(const std::vector<int64_t>& widths, int64_t rows, ScalarType dtype, Device device,
            unsigned required = ~0u) {
      x = random({rows, widths[0]}, dtype, device, 1).requires_grad_(required & 1);
      for (size_t i = 1; i < widths.size(); ++i) {
        weights.push_back(random({widths[i], widths[i - 1]}, dtype, device, 10 + i)
                              .mul(0.5)
                              .detach()
                              .requires_grad_((required >> (2 * i - 1) & 1) != 0));
        biases.push_back(random({widths[i]}, dtype, device, 20 + i).requires_grad_((required >> (2 * i) & 1) != 0));
      }
    }
    // Without an activation behind the last.
    template <class Layer>
    std::vector<Tensor> forward(Activation activation, Layer layer) const {
      std::vector<Tensor> values = {x};
      for (size_t i = 0; i + 1 < weights.size(); ++i) {
        values.push_back(layer(values.back(), weights[i], biases[i], activation));
      }
      values.push_back(linear(values.back(), weights.back(), biases.back()));
      return values;
    }
    std::vector<Tensor> leaves() const {
      std::vector<Tensor> all = {x};
      for (size_t i = 0; i < weights.size(); ++i) {
        all.push_back(weights[i]);
        all.push_back(biases[i]);
      }
      return all;
    }
  };
};
#define EMBER_SKIP_WITHOUT_DEVICE() EMBER_SKIP_WITHOUT(device())

TEST_P(LinearActivation, Forward) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const int64_t shapes[][3] = {{64, 128, 256}, {7, 5, 3}, {1, 9, 4}, {6, 1, 4}, {130, 129, 33}, {3, 200, 1}};
  for (const ScalarType dtype : kFloating) {
    for (const auto& [m, n, k] : shapes) {
      const Tensor w = random({n, k}, dtype, device(), 2), c = random({n}, dtype, device(), 3);
      const Tensor inputs[] = {random({m, k}, dtype, device(), 1), random({k, m}, dtype, device(), 1).t(),
                               random({m, k + 3}, dtype, device(), 1).slice(1, 2, k + 2),
                               random({2, m, k}, dtype, device(), 1),
                               random({k, m, 2}, dtype, device(), 1).permute({2, 1, 0})};
      const Tensor biases[] = {c, random({n, 2}, dtype, device(), 4).select(1, 1)};
      for (const Activation activation : kActivations) {
        for (const Tensor& x : inputs) {
          for (const Tensor& bias : biases) {
            const Tensor y = linear_activation(x, w, bias, activation);
            ASSERT_TRUE(agree(y, in_two(x, w, bias, activation))) << m << ' ' << n << ' ' << k;
            ASSERT_TRUE(y.is_contiguous() && !y.is_view() && !y.requires_grad());
            ASSERT_TRUE(agree(linear_activation(x, w.clone().requires_grad_(), bias, activation), y));
          }
        }
      }
    }
  }
}

TEST_P(LinearActivation, OfWhatIsNotFinite) {
  EMBER_SKIP_WITHOUT_DEVICE();
  Tensor x = random({16, 8}, kFloat32, kCPU, 1);
  x[3][2] = NAN;
  x[5][1] = INFINITY;
  const Tensor w = random({24, 8}, kFloat32, kCPU, 2), c = random({24}, kFloat32, kCPU, 3);
  for (const Activation activation : kActivations) {
    const Tensor expected = in_two(x, w, c, activation);
    for (const bool recorded : {false, true}) {
      const Tensor y =
          linear_activation(x.to(device()), w.to(device()).requires_grad_(recorded), c.to(device()), activation);
      EXPECT_TRUE(y.detach().cpu().isnan().eq(expected.isnan()).all().item<bool>());
      EXPECT_TRUE(y.detach().cpu().isinf().eq(expected.isinf()).all().item<bool>());
    }
  }
}

TEST_P(LinearActivation, GradientsOfLayers) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<std::vector<int64_t>> networks = {{20, 64, 32, 10}, {3, 5, 7, 2}, {130, 129, 1, 8}, {4, 1, 1, 1}};
  for (const ScalarType dtype : kFloating) {
    for (const auto& widths : networks) {
      for (const int64_t rows : {1, 33}) {
        for (const Activation activation : kActivations) {
          SCOPED_TRACE(testing::Message() << dtype_name(dtype) << ' ' << widths[1] << ' ' << rows);
          const Network fused(widths, rows, dtype, device()), plain(widths, rows, dtype, device());
          const Tensor g = random({rows, widths.back()}, dtype, device(), 5);
          const Calls above(product_kernels.matmul_activation_backward, device());
          fused.forward(activation, linear_activation).back().backward(g);
          EXPECT_EQ(above.count(), 2);
          plain.forward(activation, in_two).back().backward(g);
          const auto expected = plain.leaves(), leaves = fused.leaves();
          for (size_t i = 0; i < leaves.size(); ++i) ASSERT_TRUE(agree(leaves[i].grad(), expected[i].grad())) << i;
        }
      }
    }
  }
}

TEST_P(LinearActivation, EverySetOfGradients) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const Activation activation : kActivations) {
    for (unsigned required = 1; required < 128; ++required) {
      const Network fused({6, 5, 4, 3}, 7, kFloat64, device(), required),
          plain({6, 5, 4, 3}, 7, kFloat64, device(), required);
      const Tensor g = random({7, 3}, kFloat64, device(), 5);
      fused.forward(activation, linear_activation).back().backward(g);
      plain.forward(activation, in_two).back().backward(g);
      const auto expected = plain.leaves(), leaves = fused.leaves();
      for (size_t i = 0; i < leaves.size(); ++i) {
        ASSERT_TRUE(agree(leaves[i].grad(), expected[i].grad())) << required << ' ' << i;
      }
      // A backward that is after one of them only.
      for (size_t i = 0; i < leaves.size(); ++i) {
        if (!leaves[i].requires_grad()) continue;
        const auto only = autograd::grad({fused.forward(activation, linear_activation).back()}, {leaves[i]}, {g});
        ASSERT_TRUE(agree(only[0], expected[i].grad())) << required << ' ' << i;
      }
    }
  }
}

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
        const Calls above(product_kernels.matmul_activation_backward, device());
        seen = c.run(fused, fused.forward(activation, linear_activation));
        if (c.above >= 0) {
          EXPECT_EQ(above.count(), c.above);
        } else if (c.above == kAnomaly) {
          EXPECT_EQ(above.count(), 0);
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

TEST_P(LinearActivation, GradientsAgainstDifferences) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const Activation activation : kActivations) {
    const auto f = [&](const std::vector<Tensor>& v) {
      const Tensor hidden = linear_activation(v[0], v[1], v[2], activation);
      return std::vector<Tensor>{linear_activation(hidden, v[3], v[4], activation)};
    };
    const auto input = [&](IntArrayRef sizes, uint64_t seed) {
      return random(sizes, kFloat64, device(), seed).requires_grad_();
    };
    for (const Tensor& x : {input({3, 4}, 1), input({2, 2, 4}, 6)}) {
      const std::vector<Tensor> inputs = {x, input({5, 4}, 2), input({5}, 3), input({2, 5}, 4), input({2}, 5)};
      EXPECT_TRUE(autograd::gradcheck(f, inputs));
      EXPECT_TRUE(autograd::gradgradcheck(f, inputs));
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

TEST_P(LinearActivation, NotFusedWhereItCannotBe) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const auto options = TensorOptions(kFloat32).device(device());
  const Calls calls(product_kernels.matmul_activation, device());
  const Tensor w = random({4, 3}, kFloat32, device(), 2).requires_grad_(), c = random({4}, kFloat32, device(), 3);
  const auto check = [&](const Tensor& x, const Tensor& weight, const Tensor& bias) {
    EXPECT_TRUE(agree(linear_activation(x, weight, bias, Activation::Relu), in_two(x, weight, bias, Activation::Relu)));
  };
  check(random({3}, kFloat32, device(), 1), w, c);
  check(random({5, 3}, kFloat32, device(), 1), w, {});
  check(random({5, 3}, kFloat32, device(), 1), w, c[0]);
  check(random({5, 3}, kFloat32, device(), 1), w[0], c[0]);
  check(empty({0, 3}, options), w, c);
  check(empty({2, 0}, options), empty({4, 0}, options), c);
  check(empty({2, 3}, options), empty({0, 3}, options), empty({0}, options));
  const auto whole = TensorOptions(kInt64).device(device());
  check(full({2, 3}, 2, whole), full({4, 3}, -1, whole), full({4}, 1, whole));
  EXPECT_ERROR(linear_activation(empty({2, 5}, options), w, c, Activation::Relu), "does not fit a weight");
  EXPECT_ERROR(linear_activation(empty({2, 3}, whole), w, c, Activation::Relu), "expected one dtype");
  EXPECT_EQ(calls.count(), 0);
}

// ---- modules ----

TEST_P(LinearActivation, OfASequential) {
  EMBER_SKIP_WITHOUT_DEVICE();
  struct OwnRelu : nn::ReLUImpl {
    Tensor forward(const Tensor& x) { return x * 2; }
  };
  nn::Sequential net(nn::Linear(6, 5), nn::ReLU(), nn::Linear(5, 4), nn::GELU(nn::GELUOptions().approximate("tanh")),
                     nn::Linear(4, 4), nn::GELU(), nn::Linear(4, 4), nn::ReLU(nn::ReLUOptions(true)),
                     nn::Linear(nn::LinearOptions(4, 4).bias(false)), nn::ReLU(), nn::Linear(4, 4), OwnRelu(),
                     nn::ReLU(), nn::Linear(4, 3));
  net->to(device());
  const Tensor x = random({7, 6}, kFloat32, device(), 1);
  const auto one_by_one = [&] {
    Tensor y = x;
    for (nn::AnyModule& module : *net) y = module.forward(y);
    return y;
  };
  const auto gradients = [&](const Tensor& y) {
    net->zero_grad();
    y.square().sum().backward();
    std::vector<Tensor> all;
    for (const Tensor& p : net->parameters()) all.push_back(p.grad());
    return all;
  };
  const Calls forward(product_kernels.matmul_activation, device());
  const Calls backward(product_kernels.matmul_activation_backward, device());
  const Tensor y = net->forward(x);
  const std::vector<Tensor> fused = gradients(y);
  // Without a bias it is computed by the two, in place and by erf too.
  EXPECT_EQ(forward.count(), 2);
  EXPECT_EQ(backward.count(), 2);
  const Tensor expected = one_by_one();
  const std::vector<Tensor> plain = gradients(expected);
  EXPECT_EQ(forward.count(), 2);
  EXPECT_TRUE(agree(y, expected));
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_TRUE(agree(fused[i], plain[i])) << i;

  EXPECT_ERROR(net->forward(random({7, 5}, kFloat32, device(), 1)), "linear: an input of sizes");
  EXPECT_ERROR(net->forward(1), "argument");
  net->eval();
  const NoGradGuard unrecorded;
  EXPECT_TRUE(agree(net->forward(x), expected));
  EXPECT_TRUE(agree(net(x), expected));
}

TEST(LinearActivationModules, gelu) {
  nn::GELU gelu, by_tanh(nn::GELUOptions().approximate("tanh"));
  const Tensor x = doubles({-2, -0.5, 0, 0.5, 2});
  EXPECT_TRUE(same(gelu(x), ember::gelu(x)));
  EXPECT_TRUE(same(by_tanh(x), ember::gelu(x, "tanh")));
  EXPECT_TRUE(same(nn::functional::gelu(x, nn::functional::GELUFuncOptions().approximate("tanh")), by_tanh(x)));
  EXPECT_EQ(str(*gelu), "ember::nn::GELU()");
  EXPECT_ERROR(nn::GELU(nn::GELUOptions().approximate("erf"))->forward(x), "approximate must be");
}

// ---- addmm ----

TEST_P(LinearActivation, BiasOfAddmm) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const Tensor g = random({7, 4}, kFloat64, device(), 5);
  for (unsigned required = 1; required < 8; ++required) {
    const auto leaves = [&] {
      return std::vector<Tensor>{random({4}, kFloat64, device(), 1).requires_grad_(required & 1),
                                 random({7, 6}, kFloat64, device(), 2).requires_grad_(required & 2),
                                 random({4, 6}, kFloat64, device(), 3).requires_grad_(required & 4)};
    };
    const std::vector<Tensor> v = leaves(), plain = leaves(), whole = leaves();
    {
      const Calls calls(product_kernels.matmul_row_sums, device());
      addmm(v[0], v[1], v[2].t()).backward(g);
      EXPECT_EQ(calls.count(), (required & 5) == 5 ? 1 : 0);
    }
    (plain[0] + mm(plain[1], plain[2].t())).backward(g);
    addmm(whole[0], whole[1], whole[2].t().contiguous()).backward(g);  // rows dense
    for (size_t i = 0; i < 3; ++i) {
      ASSERT_EQ(v[i].grad().defined(), plain[i].grad().defined());
      if (!v[i].grad().defined()) continue;
      EXPECT_TRUE(allclose(v[i].grad().detach(), plain[i].grad().detach(), 1e-12, 1e-12)) << required << ' ' << i;
      EXPECT_TRUE(allclose(v[i].grad().detach(), whole[i].grad().detach(), 1e-12, 1e-12)) << required << ' ' << i;
      EXPECT_TRUE(v[i].grad().is_contiguous());
    }
  }
  const auto input = [&](IntArrayRef sizes, uint64_t seed) {
    return random(sizes, kFloat64, device(), seed).requires_grad_();
  };
  const auto f = [](const std::vector<Tensor>& v) { return std::vector<Tensor>{addmm(v[0], v[1], v[2].t())}; };
  const std::vector<Tensor> inputs = {input({3}, 1), input({2, 4}, 2), input({3, 4}, 3)};
  EXPECT_TRUE(autograd::gradcheck(f, inputs));
  EXPECT_TRUE(autograd::gradgradcheck(f, inputs));
  // Dense columns of one element, a vector, nothing at all.
  for (const auto& [m, n, k] :
       {std::array<int64_t, 3>{1, 1, 1}, {3, 1, 4}, {1, 3, 4}, {3, 2, 1}, {0, 2, 3}, {2, 3, 0}}) {
    const Tensor c = input({n}, 1), x = input({m, k}, 2), w = input({n, k}, 3);
    addmm(c, x, w.t()).backward(ones({m, n}, c.options()));
    EXPECT_TRUE(allclose(c.grad().detach(), full({n}, static_cast<double>(m), c.options().requires_grad(false))));
    EXPECT_EQ(w.grad().sizes(), w.sizes());
    EXPECT_TRUE(allclose(w.grad().detach(), ones({n, m}, x.detach().options()).mm(x.detach())));
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, LinearActivation, testing::Values(kCPU, kCUDA),
                         [](const auto& info) { return info.param == kCPU ? "cpu" : "cuda"; });

}  // namespace
