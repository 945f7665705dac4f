// Anomaly detection: what an error in a backward says of its origin.
#include <stdexcept>

#include <gtest/gtest.h>

#include <ember/autograd/anomaly_mode.h>
#include <ember/autograd/autograd.h>
#include <ember/autograd/function.h>
#include <ember/autograd/functions.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;
using autograd::AnomalyMode;
using autograd::DetectAnomalyGuard;

TEST(Anomaly, Guards) {
  EXPECT_FALSE(AnomalyMode::is_enabled());
  {
    const DetectAnomalyGuard on;
    EXPECT_TRUE(AnomalyMode::is_enabled());
    EXPECT_TRUE(AnomalyMode::should_check_nan());
    {
      const DetectAnomalyGuard inner(false);
      EXPECT_FALSE(AnomalyMode::should_check_nan());
    }
    EXPECT_TRUE(AnomalyMode::should_check_nan());
  }
  EXPECT_FALSE(AnomalyMode::is_enabled());
  AnomalyMode::set_enabled(true, false);
  EXPECT_TRUE(AnomalyMode::is_enabled());
  AnomalyMode::set_enabled(false);
}

// Not in the library's namespace: the caller that an error is to name.
Tensor records_a_square_root(const Tensor& x) { return (x * 0).sqrt(); }

TEST(Anomaly, ANaNNamesItsNodeAndTheCall) {
  const Tensor x = leaf({1, 2});
  const DetectAnomalyGuard on;
  const Tensor y = records_a_square_root(x) * 0;
  const std::string message = error_of([&] { y.sum().backward(); });
  EXPECT_MENTIONS(message, "SqrtBackward0");
  EXPECT_MENTIONS(message, "NaN");
  EXPECT_MENTIONS(message, "recorded by");
#if defined(EMBER_TEST_EXPECTS_LINES)
  EXPECT_MENTIONS(message, "records_a_square_root");
  EXPECT_MENTIONS(message, "autograd_anomaly_test.cpp");
#endif
  const DetectAnomalyGuard no_nan(false);
  records_a_square_root(x).sum().backward();
  EXPECT_TRUE(x.grad().isnan().all().item<bool>());
}

TEST(Anomaly, AnErrorNamesTheCall) {
  const Tensor x = leaf({5});
  const DetectAnomalyGuard on;
  const Tensor a = x * x;
  const Tensor b = a * a;
  a.add_(1);
  const std::string message = error_of([&] { b.backward(); });
  EXPECT_MENTIONS(message, "MulBackward0, recorded by");
  EXPECT_MENTIONS(message, "version");
}

TEST(Anomaly, ANodeMadeBefore) {
  const Tensor x = leaf({5});
  const Tensor a = x * x;
  const Tensor b = a * a;
  a.add_(1);
  const DetectAnomalyGuard on;
  EXPECT_ERROR(b.backward(), "before anomaly detection");
}

// An error in a gradient's gradient names the node in whose backward it was recorded.
TEST(Anomaly, NestedOnesNameTheirParents) {
  const DetectAnomalyGuard on;
  const Tensor h = leaf({2});
  const Tensor cube = h.pow(3);
  Tensor first = autograd::grad({cube.sum()}, {h}, {}, nullopt, true)[0];
  first.grad_fn()->add_pre_hook([](const autograd::variable_list& grads) -> autograd::variable_list {
    throw Error("from a hook");
    return grads;
  });
  EXPECT_MENTIONS(error_of([&] { first.sum().backward(); }), "that was in the backward of PowBackward0");
}

TEST(Anomaly, OtherExceptionsPass) {
  const Tensor x = leaf({1});
  const DetectAnomalyGuard on;
  const Tensor y = x * 2;
  y.register_hook([](const Tensor&) { throw std::runtime_error("from a hook"); });
  EXPECT_THROW(y.backward(), std::runtime_error);
}

}  // namespace
