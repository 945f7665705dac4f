// Matrix products on every device against sums in double precision: dtypes, layouts, batches, factors; biases and their
// gradients; the same bits again and from several threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/core/context.h>
#include <ember/core/launch.h>
#include <ember/core/product_kernels.h>

#include "op_harness.h"
#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

// What rounding to the dtype changes at most, relative.
double half_ulp(ScalarType dtype) {
  switch (dtype) {
    case kFloat64: return std::ldexp(1, -53);
    case kFloat32: return std::ldexp(1, -24);
    case kFloat16: return std::ldexp(1, -11);
    default: return std::ldexp(1, -8);
  }
}

// alpha·a·b + beta_self, of host tensors in double precision.
class Reference {
 public:
  Reference(const Tensor& a, const Tensor& b, double alpha = 1, const Tensor& beta_self = {})
      : product_(matmul(a.to(kFloat64), b.to(kFloat64)) * alpha),
        exact_(product_),
        size_(matmul(a.to(kFloat64).abs(), b.to(kFloat64).abs()) * std::fabs(alpha)),
        terms_(static_cast<double>(a.size(-1))) {
    if (!beta_self.defined()) return;
    exact_ = exact_ + beta_self.to(kFloat64);
    size_ = size_ + beta_self.to(kFloat64).abs();
  }
  // By how much a result is off, at most, beyond what comes of rounding: `unit` is that of the sums, `out_unit` that
  // of the result. The errors of a sum of random terms grow as its square root does; tensor cores cut off where they
  // align the terms, which is twice the error of rounding.
  // `product_unit` is that of the product where it is rounded before something is added.
  double excess(const Tensor& actual, double unit, double out_unit, double product_unit = 0) const {
    const double smallest = out_unit < 1e-6 ? 0 : std::ldexp(1, -25);  // half of float16's smallest number
    const Tensor allowed = size_ * (2 * (4 + std::sqrt(terms_)) * unit) + exact_.abs() * (1.01 * out_unit) +
                           product_.abs() * product_unit + smallest;
    return ((actual.cpu().to(kFloat64) - exact_).abs() - allowed).max().item<double>();
  }

 private:
  Tensor product_, exact_, size_;
  double terms_;
};
double excess(const Tensor& actual, const Tensor& a, const Tensor& b, double alpha, const Tensor& beta_self,
              double unit, double out_unit) {
  return Reference(a, b, alpha, beta_self).excess(actual, unit, out_unit);
}
double sum_unit(ScalarType dtype) { return half_ulp(dtype == kFloat64 ? kFloat64 : kFloat32); }

// The same elements elsewhere in memory, on a device. 0: rows dense, 1: columns dense, 2: rows dense with a gap between
// them and a start that is not aligned, 3: the same of columns, 4: neither.
constexpr int kLayouts = 5;
Tensor place(const Tensor& values, Device device, int layout) {
  const Tensor host = layout % 2 == 0 ? values : values.transpose(-1, -2);
  Dims sizes = host.sizes();
  const size_t last = sizes.size() - 1;
  const int64_t step = layout == 4 ? 2 : 1;
  if (layout >= 2) {
    sizes[last] = sizes[last] * step + 3;
    sizes[last - 1] += 1;
  }
  const Tensor memory = full(sizes, 1e30, TensorOptions(kFloat64)).to(host.scalar_type()).to(device);
  Tensor view = memory;
  if (layout >= 2) {
    view = memory.slice(-1, 1, 1 + host.size(-1) * step, step).slice(-2, 1);
  }
  view.copy_(host);
  return layout % 2 == 0 ? view : view.transpose(-1, -2);
}

class Matmul : public testing::TestWithParam<DeviceType> {
 protected:
  Device device() const { return Device(GetParam()); }
};
#define EMBER_SKIP_WITHOUT_DEVICE() EMBER_SKIP_WITHOUT(device())

TEST_P(Matmul, EveryDtypeAndLayout) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<std::array<int64_t, 3>> shapes = {
      // m, n, k
      {1, 1, 1},   {1, 7, 300},   {17, 1, 65},   {2, 2, 2},      {3, 5, 7},      {8, 8, 8},       {16, 17, 1},
      {33, 64, 3}, {64, 10, 100}, {65, 129, 33}, {129, 63, 257}, {300, 299, 31}, {128, 128, 128}, {5, 3, 5000}};
  for (const auto& [m, n, k] : shapes) {
    for (const ScalarType dtype : kFloating) {
      const Tensor a = random({m, k}, dtype, 1), b = random({k, n}, dtype, 2), self = random({m, n}, dtype, 3);
      const Reference product(a, b), sum(a, b, -2, self.to(kFloat64) * 0.5);
      for (int layouts = 0; layouts < kLayouts * kLayouts; ++layouts) {
        const Tensor x = place(a, device(), layouts / kLayouts), y = place(b, device(), layouts % kLayouts);
        const double unit = sum_unit(dtype), out_unit = half_ulp(dtype);
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << ' ' << dtype_name(dtype) << " layouts "
                                        << layouts / kLayouts << ' ' << layouts % kLayouts);
        ASSERT_LE(product.excess(mm(x, y), unit, out_unit), 0);
        ASSERT_LE(sum.excess(addmm(self.to(device()), x, y, 0.5, -2), unit, 2 * out_unit), 0);
      }
    }
  }
}

TEST_P(Matmul, RandomOddSizes) {
  EMBER_SKIP_WITHOUT_DEVICE();
  std::mt19937 draw(5);
  for (int i = 0; i < 60; ++i) {
    const auto odd = [&] { return static_cast<int64_t>(draw() % 150) * 2 + 1; };
    const int64_t m = odd(), n = odd(), k = odd();
    const ScalarType dtype = kFloating[draw() % 4];
    const Tensor a = random({m, k}, dtype, draw()), b = random({k, n}, dtype, draw());
    const Tensor y = mm(place(a, device(), static_cast<int>(draw() % kLayouts)),
                        place(b, device(), static_cast<int>(draw() % kLayouts)));
    ASSERT_LE(excess(y, a.to(kFloat64), b.to(kFloat64), 1, {}, sum_unit(dtype), half_ulp(dtype)), 0)
        << m << " x " << n << " x " << k << ' ' << dtype_name(dtype);
  }
}

// Into part of a larger tensor, as only a kernel's caller can: what is beside it stays.
TEST_P(Matmul, WritesBetweenWhatIsThere) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const ScalarType dtype : kFloating) {
    for (const int64_t batch : {1, 3}) {
      const int64_t m = 19, n = 23, k = 29;
      const Tensor a = random({batch, m, k}, dtype, 1), b = random({batch, k, n}, dtype, 2);
      const Tensor memory = full({batch + 1, m + 2, n + 5}, 7, TensorOptions(dtype).device(device()));
      const Tensor out = memory.slice(0, 1).slice(1, 1, 1 + m).slice(2, 2, 2 + n);
      launch(kernels.matmul, out.device(), out, a.to(device()), b.to(device()), 1.0, 0.0);
      ASSERT_LE(excess(out, a.to(kFloat64), b.to(kFloat64), 1, {}, sum_unit(dtype), half_ulp(dtype)), 0)
          << dtype_name(dtype);
      out.fill_(7);
      EXPECT_TRUE(memory.eq(7).all().item<bool>());
    }
  }
}

TEST_P(Matmul, Batches) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const int64_t batch = 7, m = 13, n = 17, k = 21;
  for (const ScalarType dtype : kFloating) {
    const Tensor a = random({batch, m, k}, dtype, 1), b = random({batch, k, n}, dtype, 2);
    const auto expect = [&](const Tensor& x, const Tensor& y, const Tensor& a_values, const Tensor& b_values) {
      EXPECT_LE(
          excess(bmm(x, y), a_values.to(kFloat64), b_values.to(kFloat64), 1, {}, sum_unit(dtype), half_ulp(dtype)), 0)
          << dtype_name(dtype);
    };
    for (int layouts = 0; layouts < kLayouts * kLayouts; ++layouts) {
      SCOPED_TRACE(layouts);
      expect(place(a, device(), layouts / kLayouts), place(b, device(), layouts % kLayouts), a, b);
    }
    // One matrix for the whole batch, on either side, with dense rows or columns or neither.
    const Tensor shared_a = a[0].expand({batch, m, k}), shared_b = b[0].expand({batch, k, n});
    for (int layout = 0; layout < kLayouts; ++layout) {
      SCOPED_TRACE(layout);
      expect(place(a[0], device(), layout).expand({batch, m, k}), b.to(device()), shared_a, b);
      expect(a.to(device()), place(b[0], device(), layout).expand({batch, k, n}), a, shared_b);
      expect(place(a, device(), layout), b[0].to(device()).expand({batch, k, n}), a, shared_b);
    }
    // The batch in the middle, as attention has it, and matrices of one row.
    const Tensor middle = a.transpose(0, 1).contiguous().to(device()).transpose(0, 1);
    expect(middle, b.to(device()), a, b);
    expect(middle, b[0].to(device()).expand({batch, k, n}), a, shared_b);
    const Tensor rows = a.slice(1, 0, 1);
    expect(rows.to(device()), b.to(device()), rows, b);
    expect(rows.to(device()), b[0].to(device()).expand({batch, k, n}), rows, shared_b);
    const Tensor self = random({batch, m, n}, dtype, 3);
    EXPECT_LE(excess(baddbmm(self.to(device()), a.to(device()), b.to(device()), -1, 3), a.to(kFloat64), b.to(kFloat64),
                     3, -self.to(kFloat64), sum_unit(dtype), 2 * half_ulp(dtype)),
              0);
  }
}

TEST_P(Matmul, NothingToSum) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const ScalarType dtype : kFloating) {
    const auto options = TensorOptions(dtype).device(device());
    const Tensor a = empty({3, 0}, options), b = empty({0, 4}, options), self = full({3, 4}, 2, options);
    EXPECT_TRUE(mm(a, b).eq(0).all().item<bool>());
    EXPECT_TRUE(addmm(self, a, b, 3).eq(6).all().item<bool>());
    EXPECT_TRUE(addmm(self[0], a, b).eq(2).all().item<bool>());
    EXPECT_EQ(mm(empty({0, 3}, options), self).numel(), 0);
  }
}

TEST_P(Matmul, WithBetaZeroWhatWasThereIsIgnored) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (const ScalarType dtype : kFloating) {
    for (const int64_t n : {1, 40}) {
      const Tensor a = random({30, 20}, dtype, 1).to(device()), b = random({20, n}, dtype, 2).to(device());
      const Tensor out = full({30, n}, NAN, TensorOptions(dtype).device(device()));
      launch(kernels.matmul, out.device(), out, a, b, 1.0, 0.0);
      EXPECT_FALSE(out.isnan().any().item<bool>()) << dtype_name(dtype);
    }
  }
}

TEST_P(Matmul, Bias) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<std::array<int64_t, 3>> shapes = {
      {64, 100, 1000}, {1, 10, 20}, {31, 1, 20}, {33, 35, 37}, {2, 3, 1}};
  for (const auto& [m, n, k] : shapes) {
    for (const ScalarType dtype : kFloating) {
      const Tensor x = random({m, k}, dtype, 1), w = random({n, k}, dtype, 2), bias = random({n}, dtype, 3);
      const Tensor strided = place(random({n, 2}, dtype, 3), device(), 0).select(1, 1);
      for (const Tensor& c :
           {bias.to(device()), strided, full({n + 1}, 1, TensorOptions(dtype).device(device())).slice(0, 1)}) {
        const Tensor y = linear(x.to(device()), w.to(device()), c);
        const Reference reference(x, w.t(), 1, c.cpu());
        ASSERT_LE(reference.excess(y, sum_unit(dtype), half_ulp(dtype), 1.01 * half_ulp(dtype)), 0)
            << m << " x " << n << " x " << k << ' ' << dtype_name(dtype);
      }
    }
  }
}

// The three gradients of a linear layer, as its backward computes them.
TEST_P(Matmul, GradientsOfLinear) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<std::array<int64_t, 3>> shapes = {
      {64, 100, 1000}, {1, 10, 20}, {31, 1, 20}, {33, 35, 37}, {256, 64, 128}};
  for (const auto& [m, n, k] : shapes) {
    for (const ScalarType dtype : kFloating) {
      SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << ' ' << dtype_name(dtype));
      const Tensor values[] = {random({m, k}, dtype, 1), random({n, k}, dtype, 2), random({n}, dtype, 3)};
      const Tensor x = values[0].to(device()).requires_grad_(), w = values[1].to(device()).requires_grad_(),
                   c = values[2].to(device()).requires_grad_();
      const Tensor g = random({m, n}, dtype, 4);
      linear(x, w, c).backward(g.to(device()));
      const double unit = sum_unit(dtype), out_unit = half_ulp(dtype);
      const Tensor exact = g.to(kFloat64);
      EXPECT_LE(excess(x.grad(), exact, values[1].to(kFloat64), 1, {}, unit, out_unit), 0);
      EXPECT_LE(excess(w.grad(), exact.t(), values[0].to(kFloat64), 1, {}, unit, out_unit), 0);
      EXPECT_LE(excess(c.grad().unsqueeze(1), exact.t(), ones({m, 1}, kFloat64), 1, {}, unit, out_unit), 0);
    }
  }
}

TEST_P(Matmul, WithTheSumsOfTheRows) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<std::array<int64_t, 3>> shapes = {{100, 1000, 64}, {10, 100, 64}, {1, 20, 33},   {35, 1, 37},
                                                      {33, 35, 37},    {64, 64, 1},   {96, 64, 4096}};
  for (const auto& [m, n, k] : shapes) {
    for (const ScalarType dtype : kFloating) {
      const Tensor a = random({m, k}, dtype, 1), b = random({k, n}, dtype, 2);
      const Reference product(a, b), sum(a, ones({k, 1}, kFloat64));
      for (int layouts = 0; layouts < kLayouts * kLayouts; ++layouts) {
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << ' ' << dtype_name(dtype) << " layouts "
                                        << layouts / kLayouts << ' ' << layouts % kLayouts);
        const auto options = TensorOptions(dtype).device(device());
        const Tensor out = full({m, n}, NAN, options), sums = full({m}, NAN, options);
        launch(product_kernels.matmul_row_sums, out.device(), out, sums, place(a, device(), layouts / kLayouts),
               place(b, device(), layouts % kLayouts));
        ASSERT_LE(product.excess(out, sum_unit(dtype), half_ulp(dtype)), 0);
        ASSERT_LE(sum.excess(sums.unsqueeze(1), sum_unit(dtype), half_ulp(dtype)), 0);
      }
    }
  }
}

TEST_P(Matmul, EachGradientOfLinearAlone) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const Tensor x = random({6, 5}, kFloat64, 1).to(device()), w = random({4, 5}, kFloat64, 2).to(device()),
               c = random({4}, kFloat64, 3).to(device()), g = random({6, 4}, kFloat64, 4).to(device());
  const std::vector<Tensor> expected = {g.mm(w), g.t().mm(x), g.sum(0)};
  for (unsigned wanted = 1; wanted < 8; ++wanted) {
    for (const bool again : {false, true}) {
      const Tensor inputs[] = {x.clone().requires_grad_(wanted & 1), w.clone().requires_grad_(wanted & 2),
                               c.clone().requires_grad_(wanted & 4)};
      linear(inputs[0], inputs[1], inputs[2]).backward(g, again, again);
      for (size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(inputs[i].grad().defined(), (wanted >> i & 1) != 0);
        if (!inputs[i].grad().defined()) continue;
        EXPECT_TRUE(allclose(inputs[i].grad().detach(), expected[i], 1e-12, 1e-12));
      }
    }
  }
  // Some inputs of many: a backward that leaves out the rest.
  const Tensor input = x.clone().requires_grad_(), weight = w.clone().requires_grad_(),
               bias = c.clone().requires_grad_();
  const std::vector<Tensor> some = autograd::grad({linear(input, weight, bias)}, {bias}, {g});
  EXPECT_TRUE(allclose(some[0], expected[2], 1e-12, 1e-12));
  // None of it is there where nothing goes in.
  const Tensor none = linear(empty({0, 5}, x.options()), weight, bias);
  none.sum().backward();
  EXPECT_TRUE(weight.grad().eq(0).all().item<bool>() && bias.grad().eq(0).all().item<bool>());
}

std::vector<Tensor> products(Device device) {
  std::vector<Tensor> results;
  for (const ScalarType dtype : kFloating) {
    const Tensor a = random({67, 515}, dtype, 1).to(device), b = random({515, 129}, dtype, 2).to(device);
    const Tensor bias = random({129}, dtype, 3).to(device), batch = random({5, 31, 64}, dtype, 4).to(device);
    results.push_back(mm(a, b));
    results.push_back(mm(b.t(), a.t()));
    results.push_back(addmm(bias, a, b));
    results.push_back(bmm(batch, batch.transpose(1, 2)));
    results.push_back(mv(a, a[0]));
    const Tensor w = b.t().contiguous().requires_grad_(), c = bias.clone().requires_grad_();
    linear(a, w, c).sum().backward();
    results.push_back(w.grad());
    results.push_back(c.grad());
  }
  for (Tensor& result : results) result = result.detach().cpu();
  return results;
}

TEST_P(Matmul, TheSameBitsAgain) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<Tensor> first = products(device());
  for (int i = 0; i < 3; ++i) {
    const std::vector<Tensor> again = products(device());
    for (size_t j = 0; j < first.size(); ++j) EXPECT_TRUE(same(first[j], again[j])) << "result " << j;
  }
}

TEST_P(Matmul, TheSameBitsFromEveryThread) {
  EMBER_SKIP_WITHOUT_DEVICE();
  const std::vector<Tensor> expected = products(device());
  constexpr int kThreads = 8;
  std::vector<Tensor> results[kThreads];
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      // Half of them on the default stream, which they share.
      if (i % 2 == 1 && device().is_cuda()) {
        const StreamGuard guard(stream_from_pool(resolve_device(device())));
        results[i] = products(device());
      } else {
        results[i] = products(device());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& of_thread : results) {
    ASSERT_EQ(of_thread.size(), expected.size());
    for (size_t j = 0; j < expected.size(); ++j) EXPECT_TRUE(same(of_thread[j], expected[j])) << "result " << j;
  }
}

// More shapes than plans are kept.
TEST_P(Matmul, MoreShapesThanPlans) {
  EMBER_SKIP_WITHOUT_DEVICE();
  for (int round = 0; round < 2; ++round) {
    for (int64_t m = 2; m < 37; ++m) {
      for (int64_t n = 2; n < 37; ++n) {
        const Tensor y = mm(ones({m, 3}, device()), ones({3, n}, device()));
        if (m % 7 == 0 && n % 7 == 0) {
          EXPECT_TRUE(y.eq(3).all().item<bool>());
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Matmul, testing::Values(kCPU, kCUDA),
                         [](const auto& info) { return info.param == kCPU ? "cpu" : "cuda"; });

class AllowTf32 {
 public:
  AllowTf32() { globalContext().setAllowTF32CuBLAS(true); }
  ~AllowTf32() { globalContext().setAllowTF32CuBLAS(false); }
};

TEST(CudaMatmul, Tf32OnlyWhenAsked) {
  EXPECT_FALSE(globalContext().allowTF32CuBLAS());
  {
    const AllowTf32 allowed;
    EXPECT_TRUE(cuda::allow_tf32());
  }
  EXPECT_FALSE(cuda::allow_tf32());
  EMBER_SKIP_WITHOUT(kCUDA);
  const Tensor a = random({256, 512}, kFloat32, 1), b = random({512, 256}, kFloat32, 2);
  const Tensor x = a.to(kCUDA), y = b.to(kCUDA);
  const Tensor full_precision = mm(x, y);
  Tensor rounded;
  {
    const AllowTf32 allowed;
    rounded = mm(x, y);
  }
  const Tensor exact = mm(a.to(kFloat64), b.to(kFloat64));
  const auto error = [&](const Tensor& t) {
    return ((t.cpu().to(kFloat64) - exact).abs().max() / exact.abs().max()).item<double>();
  };
  EXPECT_LT(error(full_precision), 1e-6);
  EXPECT_FALSE(same(full_precision.cpu(), rounded.cpu()));  // compute capability 8.0 and later
  EXPECT_LT(error(rounded), 1e-2);
  EXPECT_GT(error(rounded), 1e-5);
  EXPECT_TRUE(same(full_precision.cpu(), mm(x, y).cpu()));
}

class Benchmark {
 public:
  Benchmark() { globalContext().setBenchmarkCuDNN(true); }
  ~Benchmark() { globalContext().setBenchmarkCuDNN(false); }
};

// What is measured stays chosen: in this thread and in others.
TEST(CudaMatmul, ChosenByMeasurement) {
  EXPECT_EQ(cuda::benchmark(), globalContext().benchmarkCuDNN());
  EMBER_SKIP_WITHOUT(kCUDA);
  const Benchmark measured;
  EXPECT_TRUE(cuda::benchmark());
  const std::vector<Tensor> first = products(kCUDA);
  std::vector<Tensor> elsewhere;
  std::thread([&] { elsewhere = products(kCUDA); }).join();
  const std::vector<Tensor> again = products(kCUDA);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(same(first[i], again[i])) << "result " << i;
    EXPECT_TRUE(same(first[i], elsewhere[i])) << "result " << i;
  }
  for (const ScalarType dtype : kFloating) {
    const double unit = sum_unit(dtype), out_unit = half_ulp(dtype);
    const Tensor x = random({65, 130}, dtype, 1), w = random({33, 130}, dtype, 2), c = random({33}, dtype, 3),
                 g = random({65, 33}, dtype, 4);
    const Tensor weight = w.to(kCUDA).requires_grad_(), bias = c.to(kCUDA).requires_grad_();
    const Tensor y = linear(x.to(kCUDA), weight, bias);
    EXPECT_LE(excess(y.detach(), x, w.t(), 1, c, unit, 2 * out_unit), 0) << dtype_name(dtype);
    y.backward(g.to(kCUDA));
    EXPECT_LE(excess(weight.grad(), g.t(), x, 1, {}, unit, out_unit), 0) << dtype_name(dtype);
    EXPECT_LE(excess(bias.grad().unsqueeze(1), g.t(), ones({65, 1}, kFloat64), 1, {}, unit, out_unit), 0)
        << dtype_name(dtype);
  }
}

}  // namespace
