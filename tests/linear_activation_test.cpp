// A linear layer and its activation in one operation, against the two: results and gradients. On the CPU to the bit.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include <ember/autograd/autograd.h>
#include <ember/autograd/gradcheck.h>
#include <ember/nn/nn.h>

#include "linear_activation_harness.h"

namespace ember::test {
namespace {

INSTANTIATE_TEST_SUITE_P(Devices, LinearActivation, testing::Values(kCPU, kCUDA),
                         [](const auto& info) { return info.param == kCPU ? "cpu" : "cuda"; });

// Gradients with another kernel in a device's table, in all combinations.
template <class Network, class... P>
void with_kernel(Kernel<void(P...)>& kernel, Device device, void (*other)(P...)) {
  auto& function = kernel.function[static_cast<size_t>(device.type())];
  struct Restore {
    decltype(function) changed, original;
    ~Restore() { changed = original; }
  };
  auto original = function;
  const Restore restore{function, original};
  function = other;
  for (const Activation activation : kActivations) {
    for (unsigned required = 1; required < 128; ++required) {
      const Network fused({6, 5, 4, 3}, 7, kFloat64, device, required),
          plain({6, 5, 4, 3}, 7, kFloat64, device, required);
      const Tensor g = random({7, 3}, kFloat64, device, 5);
      fused.forward(activation, linear_activation).back().backward(g);
      plain.forward(activation, in_two).back().backward(g);
      const auto expected = plain.leaves(), leaves = fused.leaves();
      for (size_t i = 0; i < leaves.size(); ++i) {
        ASSERT_EQ(leaves[i].grad().defined(), expected[i].grad().defined()) << required << ' ' << i;
        if (!expected[i].grad().defined()) continue;
        EXPECT_TRUE(agree(leaves[i].grad(), expected[i].grad())) << required << ' ' << i;
      }
    }
  }
}

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
          const Products products(device());
          fused.forward(activation, linear_activation).back().backward(g);
          EXPECT_EQ(products.masked(), 2);
          plain.forward(activation, in_two).back().backward(g);
          const auto expected = plain.leaves(), leaves = fused.leaves();
          for (size_t i = 0; i < leaves.size(); ++i) ASSERT_TRUE(agree(leaves[i].grad(), expected[i].grad())) << i;
        }
      }
    }
  }
}

// The sums of the columns that a device leaves to the weight's product.
TEST_P(LinearActivation, SumsMadeWithTheWeight) {
  EMBER_SKIP_WITHOUT_DEVICE();
  auto& kernel = product_kernels.matmul_activation_backward;
  (void)backend(device().type());
  static auto original = kernel.function[0];
  original = kernel.function[static_cast<size_t>(device().type())];
  with_kernel<Network>(
      kernel, device(),
      +[](const Tensor& out, Tensor*, const Tensor& a, const Tensor& b, const Tensor& result, const Tensor& saved,
          Activation activation) { original(out, nullptr, a, b, result, saved, activation); });
}

// All gradients of a layer by one kernel, which makes the sums below or leaves them.
int layers = 0, layers_above = 0;
template <bool kSums>
void gradients_of_a_layer(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias, const Tensor& g,
                          const Tensor& x, const Tensor& weight, const LayerBelow* below) {
  ++layers;
  launch(product_kernels.matmul_row_sums, g.device(), grad_weight, grad_bias, g.t(), x);
  if (below == nullptr) return launch(kernels.matmul, g.device(), grad_x, g, weight, 1.0, 0.0);
  ++layers_above;
  launch(product_kernels.matmul_activation_backward, g.device(), grad_x, kSums ? below->sums : nullptr, g, weight,
         below->result, below->saved, below->activation);
}

TEST_P(LinearActivation, GradientsByOneKernel) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const bool sums : {false, true}) {
    layers = layers_above = 0;
    with_kernel<Network>(product_kernels.linear_backward, device(),
                         sums ? gradients_of_a_layer<true> : gradients_of_a_layer<false>);
    EXPECT_GT(layers, layers_above);
    EXPECT_GT(layers_above, 0);
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
  const Products backward(device());
  const Tensor y = net->forward(x);
  const std::vector<Tensor> fused = gradients(y);
  // Without a bias it is computed by the two, in place and by erf too.
  EXPECT_EQ(forward.count(), 2);
  EXPECT_EQ(backward.masked(), 2);
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
      const Products products(device());
      addmm(v[0], v[1], v[2].t()).backward(g);
      EXPECT_EQ(products.with_sums(), (required & 5) == 5 ? 1 : 0);
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

}  // namespace
}  // namespace ember::test
