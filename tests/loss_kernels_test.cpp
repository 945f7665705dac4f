// The kernels of losses at the sizes where their layout over threads changes, aligned and not, against sums in double
// on the host; and how many kernels a loss takes. On the CPU, and on CUDA where there is a device.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <ember/core/launch.h>
#include <ember/ember.h>

#include "kernel_values.h"
#include "op_harness.h"

namespace ember {
namespace {

using namespace test;  // NOLINT: what the tests of kernels share

class LossKernels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(GetParam()); }
  Device device() const { return Device(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(, LossKernels, testing::Values("cpu", "cuda"),
                         [](const testing::TestParamInfo<const char*>& info) { return std::string(info.param); });

constexpr Reduction kReductions[] = {Reduction::None, Reduction::Mean, Reduction::Sum};
constexpr int64_t kSizes[] = {0,    1,    2,    3,     7,     8,     9,     31,    33,    640,
                              1025, 4097, 8191, 16384, 32769, 65535, 65536, 65537, 73729, 131077};

// The first n of normal numbers, which are drawn once.
Values some_values(int64_t n, unsigned seed) {
  static std::map<unsigned, Values> drawn;
  Values& all = drawn[seed];
  if (static_cast<int64_t>(all.size()) < n) all = random_values(n, seed, 0, 0.2);
  return Values(all.begin(), all.begin() + n);
}

// The gradient that a loss is given: of each element, or 3, or none, which is 1.
struct Given {
  Tensor tensor;
  Values each;
  Given(const Tensor& loss, bool one, int64_t offset) {
    const int64_t n = loss.numel();
    each = one ? Values(static_cast<size_t>(n), 1) : n == 1 ? Values{3} : some_values(n, 3);
    if (!one) tensor = placed(each, loss.sizes(), loss.scalar_type(), loss.device(), offset);
    if (tensor.defined()) each = numbers(tensor);
  }
};

void check_squared_error(Reduction reduction, int64_t n, ScalarType dtype, Device device, int64_t x_offset,
                         int64_t y_offset) {
  const double unit = precision_of(dtype).compute;
  const Tensor x = placed(some_values(n, 1), {n}, dtype, device, x_offset).requires_grad_(true);
  const Tensor y = placed(some_values(n, 2), {n}, dtype, device, y_offset).requires_grad_(true);
  const Values a = numbers(x), b = numbers(y);
  const double divisor = reduction == Reduction::Mean ? static_cast<double>(n) : 1;
  Values losses(a.size());
  long double total = 0;  // which a hundred thousand terms in double would not be good enough for
  for (size_t i = 0; i < a.size(); ++i) {
    losses[i] = (a[i] - b[i]) * (a[i] - b[i]);
    total += losses[i];
  }
  if (reduction != Reduction::None) losses = {static_cast<double>(total / divisor)};
  Values error;
  for (const double loss : losses) error.push_back(64 * unit * std::fabs(loss));
  for (const bool one : {true, false}) {
    x.mutable_grad().reset();
    y.mutable_grad().reset();
    const Tensor loss = mse_loss(x, y, reduction);
    expect_close("loss", loss, losses, error);
    if (one && loss.numel() != 1) continue;
    const Given g(loss, one, x_offset);
    loss.backward(g.tensor);
    Values of_x(a.size()), of_y(a.size()), gradient_error(a.size());
    for (size_t i = 0; i < a.size(); ++i) {
      of_x[i] = 2 / divisor * g.each[g.each.size() == 1 ? 0 : i] * (a[i] - b[i]);
      of_y[i] = -of_x[i];
      gradient_error[i] = 8 * unit * std::fabs(of_x[i]);
    }
    expect_close("gradient", x.grad(), of_x, gradient_error);
    expect_close("the target's gradient", y.grad(), of_y, gradient_error);
  }
}

TEST_P(LossKernels, SquaredError) {
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : kSizes) {
      for (const Reduction reduction : kReductions) {
        for (const auto& [x, y] : {std::pair<int64_t, int64_t>{0, 0}, {1, 1}, {1, 0}}) {
          SCOPED_TRACE(std::to_string(n) + " " + dtype_name(dtype) + ", reduction " +
                       std::to_string(static_cast<int>(reduction)) + ", offsets " + std::to_string(x) + ", " +
                       std::to_string(y));
          check_squared_error(reduction, n, dtype, device(), x, y);
          if (HasFailure()) return;
        }
      }
    }
  }
}

TEST_P(LossKernels, SquaredErrorOfManyElements) {
  check_squared_error(Reduction::Mean, 3000001, kFloat32, device(), 0, 0);
  if (device().is_cuda()) check_squared_error(Reduction::Sum, 40000003, kFloat64, device(), 0, 1);
}

// 70000 ones: adding them up in their own precision would stop at 2048, or 256.
TEST_P(LossKernels, TwoByteFloatsAreAddedUpInFloat) {
  for (const ScalarType dtype : {kFloat16, kBFloat16}) {
    for (const int64_t n : {60000, 70000}) {
      const TensorOptions options = TensorOptions(dtype).device(device());
      EXPECT_EQ(mse_loss(ones({n}, options), zeros({n}, options)).item<double>(), 1);
      const double sum = mse_loss(full({n}, 0.5, options), zeros({n}, options), Reduction::Sum).item<double>();
      EXPECT_NEAR(sum, 0.25 * static_cast<double>(n), 0.004 * 0.25 * static_cast<double>(n));
    }
  }
}

TEST_P(LossKernels, InfinitiesAndNan) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const int64_t n : {5, 70001}) {
    const Tensor x = ones({n}, device()), y = zeros({n}, device());
    x[n - 1].fill_(kInf);
    EXPECT_EQ(mse_loss(x, y).item<double>(), kInf);
    y[n - 1].fill_(kInf);
    EXPECT_TRUE(std::isnan(mse_loss(x, y).item<double>()));
  }
}

// ---- cross-entropy ----

struct CrossEntropyCase {
  int64_t rows, n;
  ScalarType dtype;
  int64_t offset;
  int64_t every;  // which rows count: 0 none, 1 all, k every k-th
};

void check_cross_entropy(const CrossEntropyCase& c, Reduction reduction, Device device) {
  constexpr int64_t kIgnored = -7;
  const Tensor x = placed(some_values(c.rows * c.n, 6), {c.rows, c.n}, c.dtype, device, c.offset);
  x.requires_grad_(true);
  std::vector<int64_t> classes(static_cast<size_t>(c.rows), kIgnored);
  double counted = 0;
  for (int64_t r = 0; r < c.rows; ++r) {
    if (c.every == 0 || r % c.every != 0) continue;
    classes[static_cast<size_t>(r)] = (r * 7919) % c.n;
    ++counted;
  }
  const Tensor target = from_blob(classes.data(), {c.rows}, TensorOptions(kInt64)).clone().to(device);
  const Values in = numbers(x);
  const double divisor = reduction == Reduction::Mean ? counted : 1, precision = 64 * exp_precision(c.dtype);
  Values p(in.size());
  long double total = 0, doubt = 0;
  for (int64_t r = 0; r < c.rows; ++r) {
    const double* const row = in.data() + r * c.n;
    double largest = row[0], sum = 0;
    for (int64_t i = 0; i < c.n; ++i) largest = std::fmax(largest, row[i]);
    for (int64_t i = 0; i < c.n; ++i) sum += std::exp(row[i] - largest);
    for (int64_t i = 0; i < c.n; ++i) p[static_cast<size_t>(r * c.n + i)] = std::exp(row[i] - largest) / sum;
    const int64_t k = classes[static_cast<size_t>(r)];
    if (k == kIgnored) continue;
    const double loss = std::log(sum) - (row[k] - largest);
    total += loss;
    doubt += (precision + 2 * precision_of(c.dtype).element) * (1 + std::fabs(loss));
  }
  for (const bool one : {true, false}) {
    x.mutable_grad().reset();
    const Tensor loss = cross_entropy_loss(x, target, Tensor(), reduction, kIgnored);
    expect_close("loss", loss, {static_cast<double>(total / divisor)}, {static_cast<double>(doubt / divisor)});
    const Given given(loss, one, 0);
    loss.backward(given.tensor);
    Values gradient(in.size()), error(in.size());
    for (int64_t r = 0; r < c.rows; ++r) {
      const int64_t k = classes[static_cast<size_t>(r)];
      if (k == kIgnored) continue;
      for (int64_t i = 0; i < c.n; ++i) {
        const auto at = static_cast<size_t>(r * c.n + i);
        const double hit = i == k ? 1 : 0, scale = given.each[0] / divisor;
        gradient[at] = scale * (p[at] - hit);
        error[at] = precision * std::fabs(scale) * (p[at] + hit);
      }
    }
    expect_close("gradient", x.grad(), gradient, error);
  }
}

TEST_P(LossKernels, CrossEntropy) {
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t rows : {0, 1, 7, 64, 128, 129, 512, 513, 8191, 8192, 20000}) {
      for (const int64_t n : {1, 3, 10, 64, 65, 256, 257, 1000, 20000}) {
        if (rows * n > 35000) continue;
        for (const int64_t every : {0, 1, 3}) {
          for (const Reduction reduction : {Reduction::Mean, Reduction::Sum}) {
            if (reduction == Reduction::Sum && dtype == kFloat16 && rows > 8193) continue;  // not a float16
            const CrossEntropyCase c{rows, n, dtype, every == 3 ? 1 : 0, every};
            SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + " " + dtype_name(dtype) + ", of " +
                         std::to_string(every) + ", reduction " + std::to_string(static_cast<int>(reduction)));
            check_cross_entropy(c, reduction, device());
            if (HasFailure()) return;
          }
        }
      }
    }
  }
}

// Scores of which the products with a constant would be off by more than their difference is.
TEST_P(LossKernels, CrossEntropyOfExtremeScores) {
  constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
  for (const ScalarType dtype : kDtypes) {
    for (const int64_t n : {4, 65, 256, 1000, 1024, 1025, 8192, 8193, 20000}) {
      SCOPED_TRACE(std::to_string(n) + " " + dtype_name(dtype));
      Values values = random_values(6 * n, 16);
      for (size_t i = 0; i < values.size(); ++i) {
        const auto row = static_cast<int64_t>(i) / n;
        if (row == 0) values[i] += 30000;
        if (row == 1) values[i] -= 30000;
      }
      values[static_cast<size_t>(2 * n)] = kNan;
      values[static_cast<size_t>(4 * n - 1)] = -kInf;
      values[static_cast<size_t>(4 * n)] = -kInf;  // the class of its row
      std::fill(values.begin() + 5 * n, values.end(), -kInf);
      const Tensor x = placed(values, {6, n}, dtype, device(), 0).requires_grad_(true);
      const Values in = numbers(x);
      const Tensor losses =
          cross_entropy_loss(x, zeros({6}, TensorOptions(kInt64).device(device())), Tensor(), Reduction::None);
      losses.sum().backward();
      const Values got = numbers(losses), gradient = numbers(x.grad());
      for (const int64_t r : {0, 1, 3}) {
        const double* const row = in.data() + r * n;
        const LogSum sum(row, n);
        const double expected = sum.log_sum - (row[0] - sum.largest);
        const double allowed =
            (64 * exp_precision(dtype) + 2 * precision_of(dtype).element) * (1 + std::fabs(expected));
        EXPECT_NEAR(got[static_cast<size_t>(r)], expected, allowed) << "row " << r;
        for (int64_t i = 0; i < n; ++i) {
          const double p = std::exp(row[i] - sum.largest - sum.log_sum), hit = i == 0 ? 1 : 0;
          const double error = (64 * exp_precision(dtype) + 2 * precision_of(dtype).element) * (p + hit);
          ASSERT_NEAR(gradient[static_cast<size_t>(r * n + i)], p - hit, error + precision_of(dtype).least)
              << "row " << r << ", element " << i;
        }
      }
      EXPECT_TRUE(std::isnan(got[2]));
      EXPECT_EQ(got[4], kInf);
      EXPECT_TRUE(std::isnan(got[5]));
    }
  }
}

// ---- what is launched ----

// The rows of the kernel table that f() runs, in order.
class Launched {
 public:
  template <class F>
  static std::vector<std::string> by(F f) {
    names().clear();
    detail::set_range_sink({[](const char* text, uint64_t) { names().push_back(text); }, [] {}});
    {
      const ProfilerRangesGuard on;
      f();
    }
    detail::set_range_sink({});
    std::vector<std::string> kernels;
    for (const std::string& text : names()) {
      const std::string name = text.substr(0, text.find(' '));
      if (name.find("Backward") == std::string::npos && name.find("Accumulate") == std::string::npos) {
        kernels.push_back(name);
      }
    }
    return kernels;
  }

 private:
  static std::vector<std::string>& names() {
    static std::vector<std::string> instance;
    return instance;
  }
};
using Names = std::vector<std::string>;

// Forward, backward and the gradient of 1 to begin with.
TEST_P(LossKernels, OneForwardAndOneBackward) {
  const Tensor x = randn({64, 10}, device()).requires_grad_(), y = randn({64, 10}, device());
  const Tensor classes = zeros({64}, TensorOptions(kInt64).device(device())), g = randn({64, 10}, device());
  const auto step = [&](const Tensor& loss) { loss.backward(); };
  const Names squared = device().is_cuda() ? Names{"mse_loss"} : Names{"mse_loss", "mse_loss_backward"};
  EXPECT_EQ(Launched::by([&] { step(mse_loss(x, y)); }), squared);
  x.mutable_grad().reset();
  EXPECT_EQ(Launched::by([&] { step(mse_loss(x, y, Reduction::Sum)); }), squared);
  x.mutable_grad().reset();
  const Tensor large = randn({1 << 14, 2}, device()).requires_grad_();
  EXPECT_EQ(Launched::by([&] { step(mse_loss(large, large.detach())); }), (Names{"mse_loss", "mse_loss_backward"}));
  EXPECT_EQ(Launched::by([&] { mse_loss(x, y, Reduction::None).backward(g); }),
            (Names{"squared_difference", "mse_loss_backward"}));
  for (const Reduction reduction : {Reduction::Mean, Reduction::Sum}) {
    x.mutable_grad().reset();
    EXPECT_EQ(Launched::by([&] { step(cross_entropy_loss(x, classes, {}, reduction)); }),
              (Names{"cross_entropy_total", "cross_entropy_backward"}));
  }
  x.mutable_grad().reset();
  EXPECT_EQ(Launched::by([&] { cross_entropy_loss(x, classes, {}, Reduction::None).backward(g.select(1, 0)); }),
            (Names{"cross_entropy", "copy", "cross_entropy_backward"}));
}

// A gradient that nobody wants is not computed.
TEST_P(LossKernels, OnlyWhatIsWanted) {
  const Tensor x = randn({64, 10}, device()).requires_grad_(), y = randn({64, 10}, device()).requires_grad_();
  const Tensor loss = mse_loss(x, y);
  EXPECT_EQ(Launched::by([&] { autograd::grad({loss}, {y}, {}, /*retain_graph=*/true); }),
            (Names{"mse_loss_backward"}));
  EXPECT_EQ(Launched::by([&] {
              autograd::grad({loss}, {x, y});
            }),
            Names(device().is_cuda() ? 1 : 2, "mse_loss_backward"));
}

// On a GPU that of a few numbers is made with the loss, for the first backward that begins at 1.
TEST_P(LossKernels, TheGradientOfAFewSquaredErrors) {
  for (const ScalarType dtype : {kFloat32, kFloat64, kBFloat16, kFloat16}) {
    const TensorOptions options = TensorOptions(dtype).device(device());
    for (const int64_t n : {1, 3, 8, 17, 640, 4099, 16384, 16385}) {
      for (const int64_t shift : {0, 1}) {
        SCOPED_TRACE(std::string(dtype_name(dtype)) + ", " + std::to_string(n) + " from " + std::to_string(shift));
        const Tensor x = randn({n + 1}, options).narrow(0, shift, n).detach().requires_grad_();
        const Tensor y = randn({n}, options).requires_grad_();
        for (const Reduction reduction : {Reduction::Mean, Reduction::Sum}) {
          const Tensor loss = mse_loss(x, y, reduction);
          const auto gradients = [&](const Tensor& g) {
            return autograd::grad({loss}, {x, y}, {g}, /*retain_graph=*/true);
          };
          const auto first = gradients({}), of_one = gradients(ones_like(loss)), again = gradients({});
          EXPECT_EQ(bytes(first[0]), bytes(of_one[0]));
          EXPECT_EQ(bytes(first[0]), bytes(again[0]));
          EXPECT_EQ(bytes(first[0]), bytes(first[1].neg()));
          Tensor(first[0]).zero_();  // the caller's own
          EXPECT_EQ(bytes(gradients({})[0]), bytes(of_one[0]));
        }
      }
    }
  }
  // What is recorded is the difference itself.
  const Tensor x = randn({5}, device()).requires_grad_(), y = randn({5}, device());
  const Tensor g = autograd::grad({mse_loss(x, y)}, {x}, {}, {}, /*create_graph=*/true)[0];
  EXPECT_EQ(bytes(autograd::grad({g.sum()}, {x})[0]), bytes(full({5}, 0.4, x.options().requires_grad(false))));
  // And what has changed meanwhile is found out.
  Tensor changed = x * 1;
  const Tensor loss = mse_loss(changed, y);
  changed.add_(1);
  EXPECT_THROW(loss.backward(), Error);
}

// The kernel itself does that for any number of elements, and wherever the gradient lies.
TEST_P(LossKernels, ASquaredErrorWithItsGradient) {
  const TensorOptions options = TensorOptions(kFloat32).device(device());
  for (const int64_t n : {5, 4099, 65536, 70001}) {
    for (const int64_t shift : {0, 1}) {
      SCOPED_TRACE(std::to_string(n) + " to " + std::to_string(shift));
      const Tensor x = randn({n}, options), y = randn({n}, options);
      const Tensor loss = empty({}, options), alone = empty({}, options), expected = empty({n}, options);
      const Tensor around = full({n + 2}, 77, options), grad = around.narrow(0, shift, n);
      launch(kernels.mse_loss, device(), loss, grad, x, y, 4.0);
      launch(kernels.mse_loss, device(), alone, Tensor(), x, y, 4.0);
      launch(kernels.mse_loss_backward, device(), expected, Tensor(), x, y, 0.5);
      EXPECT_EQ(bytes(loss), bytes(alone));
      EXPECT_EQ(bytes(grad.clone()), bytes(expected));
      EXPECT_EQ((around == 77).sum().item<int64_t>(), 2);
    }
  }
}

TEST_P(LossKernels, SameBitsAgain) {
  const Tensor x = randn({300000}, device()), y = randn({300000}, device());
  const Tensor scores = randn({10000, 20}, device());
  const Tensor classes = randint(0, 20, {10000}, TensorOptions(kInt64)).to(device());
  const auto once = [&] {
    std::vector<std::vector<uint8_t>> all;
    for (const Tensor& loss :
         {mse_loss(x, y), mse_loss(x.slice(0, 0, 65536), y.slice(0, 0, 65536)), mse_loss(x, y, Reduction::Sum),
          cross_entropy_loss(scores, classes), cross_entropy_loss(scores.slice(0, 0, 500), classes.slice(0, 0, 500))}) {
      all.push_back(bytes(loss));
    }
    return all;
  };
  const auto first = once();
  const int threads = get_num_threads();
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    EXPECT_EQ(once(), first) << "with " << n << " threads";
  }
  set_num_threads(threads);
}

// Where an array lies does not change the order in which it is added up.
TEST_P(LossKernels, SameBitsWhereverItLies) {
  const Tensor x = randn({100003}, device()), y = randn({100003}, device());
  for (const int64_t n : {1000, 65536, 100000}) {
    const Tensor a = x.narrow(0, 1, n), b = y.narrow(0, 3, n);
    EXPECT_EQ(bytes(mse_loss(a, b)), bytes(mse_loss(a.clone(), b.clone())));
  }
}

}  // namespace
}  // namespace ember
