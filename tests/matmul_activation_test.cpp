// Products with an activation, and gradients through one, on every device against double precision: dtypes, layouts,
// odd sizes, by measurement too. And what of CUDA's runs on the host: the arithmetic of what is kept for the gradient.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <vector>

#include <ember/autograd/functions.h>
#include <ember/core/cuda_blas.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>
#include <ember/cuda/lt_problem.h>

#include "op_harness.h"
#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using cuda::Epilogue;

constexpr Activation kActivations[] = {Activation::Relu, Activation::GeluTanh};

Tensor exact(const Tensor& t) { return t.cpu().to(kFloat64); }

// Of elements of about 1.
double tolerance(ScalarType dtype) {
  return dtype == kFloat64 ? 1e-13 : dtype == kFloat32 ? 2e-5 : dtype == kFloat16 ? 8e-3 : 6e-2;
}

// 0: rows dense, 1: columns dense, 2: neither.
Tensor place(const Tensor& values, Device device, int layout) {
  const Tensor t = values.to(device);
  if (layout == 1) return t.t().contiguous().t();
  return layout == 0 ? t : t.repeat_interleave(2, 1).slice(1, 0, 2 * t.size(1), 2);
}

class MatmulActivation : public testing::TestWithParam<DeviceType> {
 protected:
  Device device() const { return Device(GetParam()); }

  // One product of each kind, forward and backward, in each layout, or in every `step`-th.
  void check(int64_t m, int64_t n, int64_t k, ScalarType dtype, Activation activation, int step = 1) {
    const bool is_relu = activation == Activation::Relu;
    const Tensor a = random({m, k}, dtype, 1) / std::sqrt(k), b = random({k, n}, dtype, 2),
                 bias = random({n}, dtype, 3);
    const Tensor g = random({m, k}, dtype, 4), w = random({k, n}, dtype, 5) / std::sqrt(k);
    const Tensor x = exact(a).mm(exact(b)) + exact(bias);
    const Tensor expected = is_relu ? relu(x) : gelu(x, "tanh");
    const double unit = tolerance(dtype);
    const auto options = TensorOptions(dtype).device(device());
    for (int layouts = 0; layouts < 9; layouts += step) {
      SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << ' ' << dtype_name(dtype) << " layouts "
                                      << layouts << (is_relu ? " relu" : " gelu"));
      const Tensor c = layouts % 2 == 0 ? bias.to(device()) : place(bias.unsqueeze(1), device(), 2).select(1, 0);
      Tensor out, saved;
      for (const bool recorded : {false, true}) {
        out = full({m, n}, NAN, options);
        launch(product_kernels.matmul_activation, device(), out, recorded ? &saved : nullptr,
               place(a, device(), layouts / 3), place(b, device(), layouts % 3), c, activation);
        ASSERT_TRUE(allclose(exact(out), expected, unit, unit));
      }
      if (!is_relu) {
        ASSERT_TRUE(saved.sizes() == out.sizes() && saved.dtype() == out.dtype() && saved.stride(1) == 1);
        ASSERT_TRUE(allclose(exact(saved), x, unit, unit));
      }
      // Through the same activation.
      const Tensor product = exact(g).mm(exact(w));
      const Tensor through = is_relu ? product * exact(out).gt(0).to(kFloat64) : through_gelu(product, exact(saved));
      check_backward(place(g, device(), layouts / 3), place(w, device(), layouts % 3), is_relu ? out : Tensor(), saved,
                     activation, through);
      // Where the device has kept something, the result alone has to do as well.
      if (is_relu && saved.defined()) {
        check_backward(place(g, device(), layouts / 3), place(w, device(), layouts % 3), out, {}, activation, through);
      }
    }
  }

  // a·b through the activation, with and without the sums of the columns.
  void check_backward(const Tensor& a, const Tensor& b, const Tensor& result, const Tensor& saved,
                      Activation activation, const Tensor& expected) {
    const double unit = tolerance(a.scalar_type());
    for (const bool with_sums : {false, true}) {
      const Tensor grad = full(expected.sizes(), NAN, a.options());
      Tensor sums;
      launch(product_kernels.matmul_activation_backward, device(), grad, with_sums ? &sums : nullptr, a, b, result,
             saved, activation);
      ASSERT_TRUE(allclose(exact(grad), expected, unit, unit));
      // A GPU leaves those of small products to others.
      ASSERT_TRUE(!device().is_cpu() || sums.defined() == with_sums);
      if (!sums.defined()) continue;
      ASSERT_TRUE(with_sums);
      ASSERT_TRUE(allclose(exact(sums), expected.sum(0), unit, unit * std::sqrt(expected.size(0))));
    }
  }

  static Tensor through_gelu(const Tensor& g, const Tensor& x) {
    const Tensor point = x.detach().requires_grad_();
    gelu(point, "tanh").backward(g);
    return point.grad().detach();
  }
};
#define EMBER_SKIP_WITHOUT_DEVICE() EMBER_SKIP_WITHOUT(device())

// Of 128 columns and more the mask has several blocks; 8 is what the input of gelu is padded to.
constexpr std::array<int64_t, 3> kShapes[] = {{64, 128, 96},  {33, 130, 17},  {16, 8, 8},    {7, 5, 3},
                                              {2, 300, 64},   {1, 20, 30},    {20, 1, 30},   {5, 4, 1},
                                              {128, 256, 64}, {256, 127, 40}, {64, 129, 256}};

TEST_P(MatmulActivation, EveryDtypeAndLayout) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const auto& [m, n, k] : kShapes)
    for (const ScalarType dtype : kFloating)
      for (const Activation activation : kActivations) check(m, n, k, dtype, activation);
}

// Too large for the kernel of small products, in rows that are whole vectors and in others.
TEST_P(MatmulActivation, Large) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{130, 520, 264}, {129, 516, 264}})
    for (const ScalarType dtype : kFloating)
      for (const Activation activation : kActivations) check(m, n, k, dtype, activation, 4);
}

// The gradient and its columns' sums in one sweep: several parts of rows, whole and not, strips of columns, rows that
// are whole vectors of 16 bytes and others.
TEST_P(MatmulActivation, GradientsOfManyRows) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const auto& [m, n] : {std::array<int64_t, 2>{700, 264}, {1025, 8}, {33, 1032}, {700, 257}}) {
    for (const ScalarType dtype : kFloating) {
      for (const Activation activation : kActivations) {
        SCOPED_TRACE(testing::Message() << m << " x " << n << ' ' << dtype_name(dtype));
        const int64_t k = (int64_t{1} << 24) / (m * n) + 1;  // too large for the kernel of small products
        const Tensor a = random({m, k}, dtype, 1), b = random({k, n}, dtype, 2) / std::sqrt(k);
        const bool is_relu = activation == Activation::Relu;
        const int64_t ld = is_relu ? n : cuda::aux_ld(Epilogue::GeluBackward, n);
        const Tensor y = random({m, ld}, dtype, 3).to(device()).slice(1, 0, n);
        const Tensor product = exact(a).mm(exact(b));
        const Tensor expected = is_relu ? product * exact(y).gt(0).to(kFloat64) : through_gelu(product, exact(y));
        check_backward(a.to(device()), b.to(device()), is_relu ? y : Tensor(), is_relu ? Tensor() : y, activation,
                       expected);
      }
    }
  }
}

TEST_P(MatmulActivation, ByMeasurement) {
  EMBER_SKIP_WITHOUT_DEVICE();
  struct Benchmark {
    Benchmark() { cuda::set_benchmark(true); }
    ~Benchmark() { cuda::set_benchmark(false); }
  } const measured;
  for (const auto& [m, n, k] : {kShapes[0], kShapes[1], kShapes[8]})
    for (const ScalarType dtype : kFloating)
      for (const Activation activation : kActivations) check(m, n, k, dtype, activation);
}

TEST_P(MatmulActivation, TheSameBitsAgain) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const ScalarType dtype : kFloating) {
    for (const Activation activation : kActivations) {
      const Tensor a = random({300, 64}, dtype, 1).to(device()), b = random({64, 200}, dtype, 2).to(device()),
                   bias = random({200}, dtype, 3).to(device());
      Tensor first[3];
      for (int i = 0; i < 4; ++i) {
        const Tensor out = empty({300, 200}, a.options()), grad = empty({300, 200}, a.options());
        Tensor saved, sums;
        launch(product_kernels.matmul_activation, device(), out, &saved, a, b, bias, activation);
        launch(product_kernels.matmul_activation_backward, device(), grad, &sums, a, b,
               activation == Activation::Relu ? out : Tensor(), saved, activation);
        const Tensor results[] = {out.cpu(), grad.cpu(), sums.defined() ? sums.cpu() : Tensor()};
        for (int j = 0; j < 3; ++j) {
          if (!results[j].defined()) continue;
          if (i == 0) first[j] = results[j];
          EXPECT_TRUE(same(first[j], results[j])) << dtype_name(dtype) << " result " << j;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, MatmulActivation, testing::Values(kCPU, kCUDA),
                         [](const auto& info) { return info.param == kCPU ? "cpu" : "cuda"; });

// ---- what runs on the host ----

constexpr Epilogue kEpilogues[] = {Epilogue::None,
                                   Epilogue::Bias,
                                   Epilogue::RowSums,
                                   Epilogue::BiasRelu,
                                   Epilogue::BiasReluAux,
                                   Epilogue::BiasGelu,
                                   Epilogue::BiasGeluAux,
                                   Epilogue::ReluBackward,
                                   Epilogue::ReluBackwardSums,
                                   Epilogue::GeluBackward,
                                   Epilogue::GeluBackwardSums};

TEST(MatmulActivationHost, RowsOfTheMaskAreWholeBlocksOf128Bits) {
  for (int64_t n = 1; n < 1000; ++n) {
    const int64_t bits = cuda::aux_ld(Epilogue::BiasReluAux, n);
    EXPECT_EQ(bits % 128, 0);
    EXPECT_GE(bits, n);
    EXPECT_LT(bits, n + 128);
    EXPECT_EQ(bits, cuda::aux_ld(Epilogue::ReluBackward, n));
    EXPECT_EQ(bits, cuda::aux_ld(Epilogue::ReluBackwardSums, n));
    const int64_t elements = cuda::aux_ld(Epilogue::BiasGeluAux, n);
    EXPECT_EQ(elements % 8, 0);
    EXPECT_GE(elements, n);
    EXPECT_LT(elements, n + 8);
    EXPECT_EQ(elements, cuda::aux_ld(Epilogue::GeluBackward, n));
    EXPECT_EQ(elements, cuda::aux_ld(Epilogue::GeluBackwardSums, n));
  }
}

TEST(MatmulActivationHost, WhatAnEpilogueHas) {
  const auto those = [](auto property) {
    std::set<Epilogue> found;
    for (const Epilogue e : kEpilogues)
      if (property(e)) found.insert(e);
    return found;
  };
  using E = Epilogue;
  using Set = std::set<Epilogue>;
  EXPECT_EQ(those(cuda::takes_bias), (Set{E::Bias, E::BiasRelu, E::BiasReluAux, E::BiasGelu, E::BiasGeluAux}));
  EXPECT_EQ(those(cuda::sums_columns), (Set{E::ReluBackwardSums, E::GeluBackwardSums}));
  EXPECT_EQ(those(cuda::has_vector), (Set{E::Bias, E::RowSums, E::BiasRelu, E::BiasReluAux, E::BiasGelu, E::BiasGeluAux,
                                          E::ReluBackwardSums, E::GeluBackwardSums}));
  EXPECT_EQ(those(cuda::writes_aux), (Set{E::BiasReluAux, E::BiasGeluAux}));
  EXPECT_EQ(those(cuda::has_aux), (Set{E::BiasReluAux, E::BiasGeluAux, E::ReluBackward, E::ReluBackwardSums,
                                       E::GeluBackward, E::GeluBackwardSums}));
  EXPECT_EQ(those(cuda::has_mask), (Set{E::BiasReluAux, E::ReluBackward, E::ReluBackwardSums}));
  for (const Epilogue e : kEpilogues) {
    EXPECT_EQ(cuda::written_vector(e, 3, 5), e == E::RowSums ? 3 : cuda::sums_columns(e) ? 5 : 0);
  }
}

TEST(MatmulActivationHost, MasksAreOfMatricesWhoseRowsAreWholeVectors) {
  alignas(16) static char memory[64];
  const auto fits = [](ScalarType dtype, int64_t a_ld, int64_t b_ld, int64_t out_ld, int a = 0, int b = 0,
                       int out = 0) {
    cuda::Gemm g;
    g.dtype = dtype;
    g.a = {memory + a, {true, false, a_ld}, 0};
    g.b = {memory + b, {true, true, b_ld}, 0};
    g.out = memory + out;
    g.out_ld = out_ld;
    return cuda::in_vectors(g);
  };
  EXPECT_TRUE(fits(kBFloat16, 264, 520, 1000));
  EXPECT_FALSE(fits(kBFloat16, 130, 520, 1000));
  EXPECT_FALSE(fits(kBFloat16, 264, 132, 1000));
  EXPECT_FALSE(fits(kBFloat16, 264, 520, 1004));
  EXPECT_TRUE(fits(kFloat32, 132, 520, 1004));
  EXPECT_FALSE(fits(kFloat32, 130, 520, 1004));
  EXPECT_TRUE(fits(kFloat64, 130, 2, 4));
  EXPECT_TRUE(fits(kFloat16, 8, 8, 8, 16, 32, 48));
  EXPECT_FALSE(fits(kFloat16, 8, 8, 8, 2, 0, 0));
  EXPECT_FALSE(fits(kFloat16, 8, 8, 8, 0, 8, 0));
  EXPECT_FALSE(fits(kFloat16, 8, 8, 8, 0, 0, 4));
}

TEST(MatmulActivationHost, AKeyHasTheEpilogueAndItsAlignments) {
  std::vector<cuda::LtKey> keys;
  const auto at = [](uintptr_t address) { return reinterpret_cast<void*>(address); };
  cuda::Gemm g;
  g.m = g.n = g.k = 4;
  g.vector = at(256);
  g.aux = at(512);
  for (const Epilogue e : kEpilogues) {
    g.epilogue = e;
    keys.emplace_back(g, false, false);
    cuda::Gemm moved = g;
    moved.aux = at(256 * 3);
    moved.vector = at(256 * 5);
    EXPECT_EQ(cuda::LtKey(moved, false, false), keys.back());
    moved.aux = at(512 + 16);
    EXPECT_EQ(cuda::LtKey(moved, false, false) == keys.back(), !cuda::has_aux(e));
    moved = g;
    moved.vector = at(256 + 4);
    EXPECT_EQ(cuda::LtKey(moved, false, false) == keys.back(), !cuda::has_vector(e));
  }
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(keys[i] == keys[j]) << i << ' ' << j;
}

}  // namespace
