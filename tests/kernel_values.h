// What tests of kernels against sums in double on the host share: values placed on a device, and how far a result may
// be off.
#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <ember/ember.h>

namespace ember::test {

using Values = std::vector<double>;

inline constexpr ScalarType kDtypes[] = {kFloat32, kFloat16, kBFloat16, kFloat64};

struct Precision {
  double element;  // half the distance of neighbouring elements, relative; twice that is allowed
  double compute;  // of what a kernel computes in
  double least;    // absolute
};
inline Precision precision_of(ScalarType t) {
  switch (t) {
    case kFloat64: return {1.2e-16, 2.3e-16, 1e-300};
    case kFloat16: return {4.9e-4, 1.2e-7, 6e-8};
    case kBFloat16: return {4e-3, 1.2e-7, 1e-37};
    default: return {6e-8, 1.2e-7, 1e-37};
  }
}
// exp of 2-byte floats is only as precise as they are worth.
inline double exp_precision(ScalarType t) { return element_size(t) == 2 ? 2e-5 : precision_of(t).compute; }

inline Values random_values(int64_t count, unsigned seed, double mean = 0, double spread = 2) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(mean, spread);
  Values v(static_cast<size_t>(count));
  for (double& x : v) x = normal(random);
  return v;
}

// On the device, `offset` elements into its storage.
inline Tensor placed(const Values& values, IntArrayRef sizes, ScalarType dtype, Device device, int64_t offset) {
  const NoGradGuard unrecorded;
  const auto count = static_cast<int64_t>(values.size());
  const Tensor host = from_blob(const_cast<double*>(values.data()), sizes, TensorOptions(kFloat64)).to(dtype);
  const Tensor base = empty({count + offset}, TensorOptions(dtype).device(device));
  const Tensor view = base.narrow(0, offset, count).view(sizes);
  view.copy_(host);
  return view.detach();
}
inline Values numbers(const Tensor& t) {
  const Tensor host = t.detach().cpu().to(kFloat64).contiguous();
  const double* const data = host.data_ptr<double>();
  return Values(data, data + host.numel());
}
inline std::vector<uint8_t> bytes(const Tensor& t) {
  const Tensor host = t.detach().cpu().contiguous();
  const auto* const data = static_cast<const uint8_t*>(host.data_ptr());
  return std::vector<uint8_t>(data, data + host.nbytes());
}

// The largest element of a row, and log Σ exp(x − largest).
struct LogSum {
  double largest, log_sum;
  LogSum(const double* x, int64_t n) : largest(-std::numeric_limits<double>::infinity()) {
    for (int64_t i = 0; i < n; ++i) largest = std::fmax(largest, x[i]);
    long double sum = 0;  // which a hundred thousand terms in double would not be good enough for
    for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - largest);
    log_sum = static_cast<double>(std::log(sum));
  }
};

// |actual − expected| within the rounding of an element and `error`, per element.
inline void expect_close(const char* what, const Tensor& actual, const Values& expected, const Values& error) {
  const Values values = numbers(actual);
  const Precision p = precision_of(actual.scalar_type());
  ASSERT_EQ(values.size(), expected.size()) << what;
  int shown = 0;
  for (size_t i = 0; i < values.size() && shown < 5; ++i) {
    const double a = values[i], e = expected[i];
    if (std::isnan(e) ? std::isnan(a) : a == e) continue;
    const double allowed = 2 * p.element * std::fabs(e) + error[i] + p.least;
    if (std::fabs(a - e) <= allowed) continue;
    ++shown;
    ADD_FAILURE() << what << ": element " << i << " is " << a << ", expected " << e << " within " << allowed;
  }
}

}  // namespace ember::test
