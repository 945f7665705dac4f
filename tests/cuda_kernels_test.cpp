// The kernels of rows and reductions at the sizes where their layout over threads changes, aligned and not, against
// sums in double on the host. The CPU goes through the same, which tests the references too; CUDA is skipped where
// there is no device.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <ember/ember.h>

#include "kernel_values.h"
#include "op_harness.h"

namespace ember {
namespace {

using namespace test;  // NOLINT: what the tests of kernels share

constexpr int64_t kSizes[] = {1,   2,    3,    31,   32,   33,   63,   64,   65,   127,   256,   257,   512,   513,
                              768, 1000, 1024, 1025, 1536, 4096, 8191, 8192, 8193, 16384, 16385, 50257, 100001};

class Kernels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(GetParam()); }
  Device device() const { return Device(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(, Kernels, testing::Values("cpu", "cuda"),
                         [](const testing::TestParamInfo<const char*>& info) { return std::string(info.param); });

struct Shape {
  int64_t rows, n;
};
// f(shape, dtype, offset of the input, offset of the gradient). Where the host computes both sides, there are fewer.
void for_each_case(Device device, const std::function<void(Shape, ScalarType, int64_t, int64_t)>& f) {
  const int64_t most = device.is_cpu() ? 70000 : 1100000;
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : kSizes) {
      for (const int64_t rows : {1, 2, 7, 1000}) {
        if (rows * n > most) continue;
        for (const auto& [x, g] : {std::pair<int64_t, int64_t>{0, 0}, {1, 1}, {1, 0}}) {
          if (rows == 1000 && x != g) continue;
          SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + " " + dtype_name(dtype) + ", offsets " +
                       std::to_string(x) + ", " + std::to_string(g));
          f({rows, n}, dtype, x, g);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST_P(Kernels, Softmax) {
  for_each_case(device(), [&](Shape s, ScalarType dtype, int64_t x_offset, int64_t g_offset) {
    const int64_t count = s.rows * s.n;
    Tensor x = placed(random_values(count, 1), {s.rows, s.n}, dtype, device(), x_offset);
    const Tensor g = placed(random_values(count, 2), {s.rows, s.n}, dtype, device(), g_offset);
    const Values in = numbers(x), grad = numbers(g);
    for (const bool log : {false, true}) {
      x = x.detach().requires_grad_(true);
      const Tensor y = log ? log_softmax(x, 1) : softmax(x, 1);
      y.backward(g);
      const Values out = numbers(y);
      Values expected(in.size()), error(in.size()), gradient(in.size()), gradient_error(in.size());
      for (int64_t r = 0; r < s.rows; ++r) {
        const double* const row = in.data() + r * s.n;
        const LogSum sum(row, s.n);
        double term = 0, magnitude = 0;
        for (int64_t i = 0; i < s.n; ++i) {
          const auto at = static_cast<size_t>(r * s.n + i);
          const double z = row[i] - sum.largest - sum.log_sum;
          expected[at] = log ? z : std::exp(z);
          error[at] = 64 * exp_precision(dtype) * (log ? 1 + std::fabs(z) : expected[at]);
          const double t = log ? grad[at] : grad[at] * out[at];
          term += t;
          magnitude += std::fabs(t);
        }
        for (int64_t i = 0; i < s.n; ++i) {
          const auto at = static_cast<size_t>(r * s.n + i);
          const double p = log ? std::exp(out[at]) : out[at];
          gradient[at] = log ? grad[at] - p * term : (grad[at] - term) * p;
          gradient_error[at] = 64 * exp_precision(dtype) * p * (std::fabs(grad[at]) + magnitude) +
                               4 * precision_of(dtype).compute * std::fabs(grad[at]);
        }
      }
      expect_close(log ? "log_softmax" : "softmax", y, expected, error);
      expect_close(log ? "log_softmax's gradient" : "softmax's gradient", x.grad(), gradient, gradient_error);
    }
  });
}

TEST_P(Kernels, SoftmaxAlongOtherDimensions) {
  struct Case {
    int64_t outer, n, inner;
  };
  for (const ScalarType dtype : kDtypes) {
    for (const Case& c : std::vector<Case>{
             {1, 5, 7}, {3, 16, 33}, {2, 17, 3}, {1, 1000, 31}, {1, 4097, 2}, {70, 20, 1000}, {2, 3, 40000}}) {
      SCOPED_TRACE(std::to_string(c.outer) + " x " + std::to_string(c.n) + " x " + std::to_string(c.inner) + " " +
                   dtype_name(dtype));
      const Dims sizes = {c.outer, c.n, c.inner};
      const int64_t count = c.outer * c.n * c.inner;
      Tensor x = placed(random_values(count, 3), sizes, dtype, device(), 1);
      const Tensor g = placed(random_values(count, 4), sizes, dtype, device(), 0);
      for (const bool log : {false, true}) {
        x = x.detach().requires_grad_(true);
        const Tensor y = log ? log_softmax(x, 1) : softmax(x, 1);
        y.backward(g);
        // The same of rows, which the test above holds.
        Tensor rows = x.detach().transpose(1, 2).contiguous().requires_grad_(true);
        const Tensor z = log ? log_softmax(rows, 2) : softmax(rows, 2);
        z.backward(g.transpose(1, 2).contiguous());
        const Values expected = numbers(z.detach().transpose(1, 2)), gradient = numbers(rows.grad().transpose(1, 2));
        Values error(expected.size()), gradient_error(expected.size());
        const double slack = 64 * exp_precision(dtype) + 2 * precision_of(dtype).element;
        for (size_t i = 0; i < error.size(); ++i) {
          error[i] = slack * (log ? 1 + std::fabs(expected[i]) : expected[i]);
          gradient_error[i] = 8 * slack * (log ? 1 + std::fabs(gradient[i]) : 4 * expected[i]);
        }
        if (log) {  // p · Σ g of rows whose y differs in its last place
          for (size_t i = 0; i < error.size(); ++i) {
            gradient_error[i] *= 1 + std::exp(expected[i]) * 3 * std::sqrt(static_cast<double>(c.n));
          }
        }
        expect_close("forward", y, expected, error);
        expect_close("gradient", x.grad(), gradient, gradient_error);
        if (HasFailure()) return;
      }
    }
  }
}

TEST_P(Kernels, SoftmaxOfInfinitiesAndNan) {
  constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : {3, 33, 65, 1000, 1025, 8193, 50257}) {
      SCOPED_TRACE(std::to_string(n) + " " + dtype_name(dtype));
      Values values = random_values(6 * n, 5);
      const auto row = [&](int64_t r) { return values.begin() + r * n; };
      *(row(1) + n / 2) = kNan;
      *(row(2) + n - 1) = kInf;
      std::fill(row(3), row(4), -kInf);
      *(row(4)) = *(row(4) + n - 1) = -kInf;
      std::fill(row(5), row(5) + n, kNan);
      const Tensor x = placed(values, {6, n}, dtype, device(), 0);
      const Values p = numbers(softmax(x, 1)), log_p = numbers(log_softmax(x, 1));
      for (int64_t i = 0; i < n; ++i) {
        for (const int64_t r : {1, 2, 3, 5}) {
          ASSERT_TRUE(std::isnan(p[static_cast<size_t>(r * n + i)])) << "row " << r << ", element " << i;
          ASSERT_TRUE(std::isnan(log_p[static_cast<size_t>(r * n + i)])) << "row " << r << ", element " << i;
        }
        for (const int64_t r : {0, 4}) {
          ASSERT_FALSE(std::isnan(p[static_cast<size_t>(r * n + i)])) << "row " << r << ", element " << i;
          const bool none = r == 4 && (i == 0 || i == n - 1);
          ASSERT_EQ(std::isinf(log_p[static_cast<size_t>(r * n + i)]), none) << "row " << r << ", element " << i;
          ASSERT_TRUE(!none || p[static_cast<size_t>(r * n + i)] == 0);
        }
      }
    }
  }
}

TEST_P(Kernels, CrossEntropy) {
  for_each_case(device(), [&](Shape s, ScalarType dtype, int64_t x_offset, int64_t g_offset) {
    constexpr int64_t kIgnored = -7;
    Tensor x = placed(random_values(s.rows * s.n, 6), {s.rows, s.n}, dtype, device(), x_offset).requires_grad_(true);
    const Tensor g = placed(random_values(s.rows, 7), {s.rows}, dtype, device(), g_offset);
    std::vector<int64_t> classes(static_cast<size_t>(s.rows));
    for (int64_t r = 0; r < s.rows; ++r) {
      classes[static_cast<size_t>(r)] = r % 3 == 1 ? kIgnored : (r == 0 ? s.n - 1 : (r * 7919) % s.n);
    }
    const Tensor target = from_blob(classes.data(), {s.rows}, TensorOptions(kInt64)).clone().to(device());
    const Values in = numbers(x), grad = numbers(g);
    const Tensor losses = cross_entropy_loss(x, target, Tensor(), Reduction::None, kIgnored);
    losses.backward(g);
    Values expected(classes.size()), error(classes.size()), gradient(in.size()), gradient_error(in.size());
    for (int64_t r = 0; r < s.rows; ++r) {
      const auto at = static_cast<size_t>(r);
      const double* const row = in.data() + r * s.n;
      if (classes[at] == kIgnored) continue;
      const LogSum sum(row, s.n);
      expected[at] = sum.log_sum - (row[classes[at]] - sum.largest);
      error[at] = 64 * exp_precision(dtype) * (1 + std::fabs(expected[at]));
      for (int64_t i = 0; i < s.n; ++i) {
        const auto e = static_cast<size_t>(r * s.n + i);
        const double p = std::exp(row[i] - sum.largest - sum.log_sum), hit = i == classes[at] ? 1 : 0;
        gradient[e] = grad[at] * (p - hit);
        gradient_error[e] = 64 * exp_precision(dtype) * std::fabs(grad[at]) * (p + hit);
      }
    }
    expect_close("losses", losses, expected, error);
    expect_close("gradient", x.grad(), gradient, gradient_error);
  });
}

TEST_P(Kernels, LayerNorm) {
  for_each_case(device(), [&](Shape s, ScalarType dtype, int64_t x_offset, int64_t g_offset) {
    constexpr double kEps = 1e-3;
    const int64_t count = s.rows * s.n;
    const double unit = 64 * precision_of(dtype).compute;
    for (const int parameters : {0, 1, 2}) {  // none, the weight, the weight and the bias
      if (s.rows == 7 && parameters == 1) continue;
      Tensor x = placed(random_values(count, 8, 1), {s.rows, s.n}, dtype, device(), x_offset).requires_grad_(true);
      const Tensor g = placed(random_values(count, 9), {s.rows, s.n}, dtype, device(), g_offset);
      Tensor w, b;
      if (parameters > 0) w = placed(random_values(s.n, 10), {s.n}, dtype, device(), g_offset).requires_grad_(true);
      if (parameters > 1) b = placed(random_values(s.n, 11), {s.n}, dtype, device(), 0).requires_grad_(true);
      const Values in = numbers(x), grad = numbers(g);
      const Values weight = parameters > 0 ? numbers(w) : Values(static_cast<size_t>(s.n), 1);
      const Values bias = parameters > 1 ? numbers(b) : Values(static_cast<size_t>(s.n), 0);
      const Tensor y = layer_norm(x, {s.n}, w, b, kEps);
      y.backward(g);
      Values expected(in.size()), error(in.size()), gradient(in.size()), gradient_error(in.size());
      Values weight_gradient(weight.size()), weight_error(weight.size()), bias_gradient(bias.size()),
          bias_error(bias.size());
      for (int64_t r = 0; r < s.rows; ++r) {
        const double* const row = in.data() + r * s.n;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < s.n; ++i) mean += row[i] / static_cast<double>(s.n);
        for (int64_t i = 0; i < s.n; ++i) variance += (row[i] - mean) * (row[i] - mean) / static_cast<double>(s.n);
        const double rstd = 1 / std::sqrt(variance + kEps);
        double mean_h = 0, mean_hx = 0, most_h = 0, most_x = 0, noise = 0;
        for (int64_t i = 0; i < s.n; ++i) {
          const auto at = static_cast<size_t>(r * s.n + i), column = static_cast<size_t>(i);
          const double normal = (row[i] - mean) * rstd, h = grad[at] * weight[column];
          const double doubt = std::fabs(normal) + (std::fabs(mean) + std::fabs(row[i])) * rstd;
          expected[at] = normal * weight[column] + bias[column];
          error[at] = unit * (doubt * std::fabs(weight[column]) + std::fabs(bias[column]));
          mean_h += h / static_cast<double>(s.n);
          mean_hx += h * normal / static_cast<double>(s.n);
          most_h = std::fmax(most_h, std::fabs(h));
          most_x = std::fmax(most_x, std::fabs(normal));
          noise = std::fmax(noise, doubt);
          weight_gradient[column] += grad[at] * normal;
          weight_error[column] += unit * std::fabs(grad[at]) * doubt;
          bias_gradient[column] += grad[at];
          bias_error[column] += unit * std::fabs(grad[at]);
        }
        for (int64_t i = 0; i < s.n; ++i) {
          const auto at = static_cast<size_t>(r * s.n + i);
          const double normal = (row[i] - mean) * rstd, h = grad[at] * weight[static_cast<size_t>(i)];
          gradient[at] = rstd * (h - mean_h - normal * mean_hx);
          gradient_error[at] = unit * rstd * most_h * (1 + most_x) * (1 + noise);
        }
      }
      expect_close("forward", y, expected, error);
      expect_close("gradient", x.grad(), gradient, gradient_error);
      if (parameters > 0) expect_close("the weight's gradient", w.grad(), weight_gradient, weight_error);
      if (parameters > 1) expect_close("the bias's gradient", b.grad(), bias_gradient, bias_error);
      if (HasFailure()) return;
      if (parameters == 2) {  // without the input's gradient another kernel makes those of the parameters
        const Tensor w2 = w.detach().requires_grad_(true), b2 = b.detach().requires_grad_(true);
        layer_norm(x.detach(), {s.n}, w2, b2, kEps).backward(g);
        expect_close("the weight's gradient alone", w2.grad(), weight_gradient, weight_error);
        expect_close("the bias's gradient alone", b2.grad(), bias_gradient, bias_error);
      }
    }
  });
}

TEST_P(Kernels, LayerNormOfManyRows) {
  // More rows than there are groups for at once.
  for (const ScalarType dtype : {kFloat32, kBFloat16}) {
    for (const int64_t n : {8, 100, 256, 300, 768, 1000, 1024}) {
      SCOPED_TRACE(std::to_string(n) + " " + dtype_name(dtype));
      const int64_t rows = device().is_cpu() ? 1000 : n <= 256 ? 5000 : n < 512 ? 2500 : 1500;
      const Tensor x = placed(random_values(rows * n, 12), {rows, n}, dtype, device(), 0).requires_grad_(true);
      const Tensor g = placed(random_values(rows * n, 13), {rows, n}, dtype, device(), 0);
      const Tensor w = placed(random_values(n, 17, 1, 0.5), {n}, dtype, device(), 0).requires_grad_(true);
      const Tensor b = zeros({n}, TensorOptions(dtype).device(device())).requires_grad_(true);
      layer_norm(x, {n}, w, b).backward(g);
      const Tensor x64 = x.detach().to(kFloat64).requires_grad_(true);
      const Tensor w64 = w.detach().to(kFloat64).requires_grad_(true),
                   b64 = b.detach().to(kFloat64).requires_grad_(true);
      const Tensor m = x64.mean({1}, true), c = x64 - m;
      (c * (c.square().mean({1}, true) + 1e-5).rsqrt() * w64 + b64).backward(g.to(kFloat64));
      const auto close = [](const Tensor& a, const Tensor& e, double error) {
        expect_close("gradient", a, numbers(e), Values(static_cast<size_t>(e.numel()), error));
      };
      close(x.grad(), x64.grad(), 1e-4);
      close(w.grad(), w64.grad(), 5e-3);
      close(b.grad(), b64.grad(), 5e-3);
      if (HasFailure()) return;
    }
  }
}

// Threads that have no element of a row have none of its mean either, which the inverse deviation takes to infinity.
TEST_P(Kernels, LayerNormOfLargeConstants) {
  constexpr int64_t n = 64;  // of which the inverse is exact
  const Tensor x = full({3, n}, 0x1p121, device()).requires_grad_(true);
  const Tensor w = ones({n}, device()).requires_grad_(true);
  const Tensor g = placed(random_values(3 * n, 18), {3, n}, kFloat32, device(), 0);
  layer_norm(x, {n}, w, Tensor(), 1e-5).backward(g);
  const Values expected = numbers((g - g.mean({1}, true)) * 316.227766);
  expect_close("gradient", x.grad(), expected, Values(expected.size(), 1e-3));
  expect_close("the weight's gradient", w.grad(), Values(static_cast<size_t>(n), 0), Values(static_cast<size_t>(n), 0));
}

TEST_P(Kernels, SameBitsAgain) {
  for (const ScalarType dtype : kDtypes) {
    for (const Shape s : {Shape{1000, 33}, {333, 1025}, {65, 8192}, {7, 50257}}) {
      SCOPED_TRACE(std::to_string(s.rows) + " x " + std::to_string(s.n) + " " + dtype_name(dtype));
      const Tensor x = placed(random_values(s.rows * s.n, 14), {s.rows, s.n}, dtype, device(), 0);
      const Tensor g = placed(random_values(s.rows * s.n, 15), {s.rows, s.n}, dtype, device(), 0);
      const Tensor target = arange(s.rows, TensorOptions(kInt64).device(device())).remainder(s.n);
      const auto run = [&] {
        std::vector<Tensor> results;
        for (const bool log : {false, true}) {
          const Tensor in = x.detach().requires_grad_(true);
          const Tensor y = log ? log_softmax(in, 1) : softmax(in, 1);
          y.backward(g);
          results.insert(results.end(), {y, in.grad()});
        }
        const Tensor in = x.detach().requires_grad_(true), w = g[0].detach().clone().requires_grad_(true),
                     b = g[0].detach().clone().requires_grad_(true);
        const Tensor y = layer_norm(in, {s.n}, w, b);
        y.backward(g);
        results.insert(results.end(), {y, in.grad(), w.grad(), b.grad()});
        const Tensor scores = x.detach().requires_grad_(true);
        const Tensor loss = cross_entropy_loss(scores, target);
        loss.backward();
        results.insert(results.end(), {loss, scores.grad(), x.sum(), x.sum(0), x.sum(1), x.var(1)});
        return results;
      };
      const std::vector<Tensor> first = run(), second = run();
      for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(bytes(first[i]), bytes(second[i])) << "result " << i;
    }
  }
}

TEST_P(Kernels, Sums) {
  constexpr ScalarType kAll[] = {kFloat32, kFloat16, kBFloat16, kFloat64, kInt8, kInt32, kInt64, kBool};
  for (const ScalarType dtype : kAll) {
    for (const int64_t n : kSizes) {
      for (const int64_t rows : {1, 2, 7, 1000}) {
        if (rows * n > (device().is_cpu() ? 70000 : 1100000)) continue;
        for (const int64_t offset : {0, 1}) {
          SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + " " + dtype_name(dtype) + ", offset " +
                       std::to_string(offset));
          Values drawn = random_values(rows * n, 16);
          if (!is_floating(dtype)) {
            for (double& v : drawn) v = std::trunc(v * 8);
          }
          const Tensor x = placed(drawn, {rows, n}, dtype, device(), offset);
          const Values in = numbers(x);
          const double unit = is_floating(dtype) ? 32 * precision_of(dtype).compute : 0;
          Values by_row(static_cast<size_t>(rows)), row_error(by_row), by_column(static_cast<size_t>(n)),
              column_error(by_column), whole(1), error(1);
          for (size_t i = 0; i < in.size(); ++i) {
            const size_t r = i / static_cast<size_t>(n), c = i % static_cast<size_t>(n);
            for (double* const sum : {&by_row[r], &by_column[c], &whole[0]}) *sum += in[i];
            for (double* const e : {&row_error[r], &column_error[c], &error[0]}) *e += unit * std::fabs(in[i]);
          }
          expect_close("rows", x.sum(1), by_row, row_error);
          expect_close("columns", x.sum(0), by_column, column_error);
          expect_close("all", x.sum(), whole, error);
          const Tensor transposed = x.t();
          expect_close("rows of the transpose", transposed.sum(1), by_column, column_error);
          const Values most = numbers(x.amax({1}));
          for (int64_t r = 0; r < rows; ++r) {
            ASSERT_EQ(most[static_cast<size_t>(r)], *std::max_element(in.begin() + r * n, in.begin() + (r + 1) * n));
          }
          if (HasFailure()) return;
        }
      }
    }
  }
}

// ---- past 2^31 elements ----

class CudaLarge : public testing::Test {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT("cuda"); }
  void TearDown() override {
    if (cuda::is_available()) cuda::empty_cache();
  }
  // Runs f, or skips where the device has not the memory.
  template <class F>
  void with_memory(F f) {
    try {
      f();
    } catch (const Error& e) {
      if (std::string(e.what()).find("memory") == std::string::npos) throw;
      GTEST_SKIP() << e.what();
    }
  }
  static constexpr int64_t k2To31 = int64_t{1} << 31;
};

TEST_F(CudaLarge, Elementwise) {
  with_memory([&] {
    const int64_t n = k2To31 + 4099;
    const Tensor x = ones({n}, TensorOptions(kInt8).device(kCUDA));
    x.slice(0, k2To31 - 3, k2To31 + 3).fill_(5);
    const Tensor y = x + x;
    EXPECT_EQ(y.sum().item<int64_t>(), 2 * n + 6 * 8);
    EXPECT_EQ(y[n - 1].item<int64_t>(), 2);
    EXPECT_EQ(y[k2To31].item<int64_t>(), 10);
    const Tensor strided = x.slice(0, 1, n, 2) + x.slice(0, 0, n - 1, 2);
    EXPECT_EQ(strided.sum().item<int64_t>(), (n - 1) + 6 * 4);
    const Tensor index = zeros({1}, TensorOptions(kInt64).device(kCUDA)).fill_(k2To31 + 1);
    EXPECT_EQ(x.index_select(0, index)[0].item<int64_t>(), 5);
    EXPECT_EQ(x.gather(0, index)[0].item<int64_t>(), 5);
  });
}

TEST_F(CudaLarge, Sums) {
  with_memory([&] {
    const int64_t columns = 1031, rows = k2To31 / columns + 2;
    const Tensor x = ones({rows, columns}, TensorOptions(kUInt8).device(kCUDA));
    EXPECT_EQ(x.sum().item<int64_t>(), rows * columns);
    EXPECT_TRUE((x.sum(0) == rows).all().item<bool>());
    EXPECT_TRUE((x.sum(1) == columns).all().item<bool>());
    x.select(0, rows - 1).fill_(3);
    EXPECT_EQ(x.amax({0})[columns - 1].item<int64_t>(), 3);
    EXPECT_EQ(x.sum(1)[rows - 1].item<int64_t>(), 3 * columns);
  });
}

TEST_F(CudaLarge, Softmax) {
  with_memory([&] {
    const int64_t n = 1024, rows = k2To31 / n + 3;
    const Tensor x = zeros({rows, n}, TensorOptions(kBFloat16).device(kCUDA));
    const Tensor last = randn({n}, TensorOptions(kBFloat16).device(kCUDA));
    x.select(0, rows - 1).copy_(last);
    const Tensor y = softmax(x, 1);
    EXPECT_EQ(bytes(y.select(0, rows - 1)), bytes(softmax(last, 0)));
    EXPECT_EQ(y[rows - 2][n - 1].item<double>(), 1.0 / static_cast<double>(n));
  });
}

TEST_F(CudaLarge, OneLongRow) {
  with_memory([&] {
    const int64_t n = k2To31 + 9;
    const Tensor x = zeros({1, n}, TensorOptions(kBFloat16).device(kCUDA));
    x.select(1, n - 1).fill_(100);  // which takes all
    const Tensor y = softmax(x, 1);
    EXPECT_EQ(y.select(1, n - 1).item<double>(), 1.0);
    EXPECT_EQ(y.select(1, n - 2).item<double>(), static_cast<double>(BFloat16(static_cast<float>(std::exp(-100.0)))));
  });
}

// ---- indices out of range ----

// The device goes on; the error names the operation.
std::string device_error(const std::function<void()>& call) {
  try {
    call();
    cuda::synchronize();
  } catch (const Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}
#define EXPECT_REPORTED(call, name) \
  EXPECT_NE(device_error([&] { call; }).find(name " on cuda:"), std::string::npos) << #call

TEST(CudaIndex, ErrorsNameTheOperation) {
  EMBER_SKIP_WITHOUT("cuda");
  const auto floats = [] { return TensorOptions(kFloat32).device(kCUDA); };
  const auto index = [](int64_t i) { return full({2}, Scalar(i), TensorOptions(kInt64).device(kCUDA)); };
  EXPECT_REPORTED(ones({3, 4}, floats()).index_select(0, index(3)), "index_select");
  EXPECT_REPORTED(ones({3, 4}, floats()).index_select(1, index(-1)), "index_select");
  EXPECT_REPORTED(ones({3}, floats()).gather(0, index(3)), "gather");
  EXPECT_REPORTED(ones({3}, floats()).scatter(0, index(-1), ones({2}, floats())), "scatter");
  EXPECT_REPORTED(ones({3}, floats()).scatter_add(0, index(3), ones({2}, floats())), "scatter");
  EXPECT_REPORTED(ones({3}, floats()).index_add(0, index(3), ones({2}, floats())), "index_add");
  EXPECT_REPORTED(ones({3}, floats()).index_add(0, index(3).repeat({2000}), ones({4000}, floats())), "index_add");
  EXPECT_REPORTED(ones({3}, floats()).index_copy(0, index(3), ones({2}, floats())), "index_copy");
  EXPECT_REPORTED(ones({3}, floats()).take(index(3)), "index");
  EXPECT_REPORTED(ones({3}, floats()).index({index(-4)}), "index");
  EXPECT_REPORTED(ones({3}, floats()).index_put_({index(3)}, ones({2}, floats())), "index");
  EXPECT_REPORTED(cross_entropy_loss(ones({2, 3}, floats()), index(3)), "cross_entropy");
  EXPECT_REPORTED(nll_loss(ones({2, 3}, floats()), index(3)), "gather");
}

}  // namespace
}  // namespace ember
