// Lists of parameters and gradients: arrays as long as what a block of the CUDA kernels takes, and a little more or
// less; lists as long as one launch takes, and more; arrays that begin anywhere. Against the CPU in double precision;
// the CPU goes through the same. CUDA is skipped where there is no device.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <ember/ember.h>

#include "op_harness.h"
#include "values.h"

namespace ember::test {
namespace {

constexpr double kMark = 77;

class OptimizerLists : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { EMBER_SKIP_WITHOUT(GetParam()); }
  Device device() const { return Device(GetParam()); }
  // On the CPU the tensor operations, which round at each, take what is of two bytes.
  std::vector<ScalarType> dtypes() const {
    if (device().is_cpu()) return {kFloat32, kFloat64};
    return {std::begin(kFloating), std::end(kFloating)};
  }
};
INSTANTIATE_TEST_SUITE_P(, OptimizerLists, testing::Values("cpu", "cuda"),
                         [](const testing::TestParamInfo<const char*>& info) { return std::string(info.param); });

// Allowed, of 1 + |x|, after two steps: what they change is more.
double tolerance_of(ScalarType dtype) {
  switch (dtype) {
    case kFloat64: return 1e-14;
    case kFloat16: return 3e-3;
    case kBFloat16: return 2.5e-2;
    default: return 2e-6;
  }
}

// `values` on the device between marks, `offset` elements into an allocation.
struct Placed {
  Tensor base, part;
  Placed(const Tensor& values, Device device, int64_t offset)
      : base(full({offset + values.numel() + 1}, kMark, TensorOptions(values.dtype()).device(device))),
        part(base.narrow(0, offset, values.numel()).detach()) {
    part.copy_(values);
  }
  bool marks_intact() const {
    const Tensor host = base.cpu().to(kFloat64);
    const int64_t offset = part.storage_offset();
    return (host.narrow(0, 0, offset) == kMark).all().item<bool>() &&
           (host.narrow(0, offset + part.numel(), 1) == kMark).all().item<bool>();
  }
};

void expect_close(const Tensor& actual, const Tensor& expected, double tolerance) {
  const Tensor far = ((actual.cpu().to(kFloat64) - expected).abs() <= (expected.abs() + 1) * tolerance).logical_not();
  EXPECT_FALSE(far.any().item<bool>()) << far.sum().item<int64_t>() << " of " << far.numel()
                                       << " elements, the first at " << far.to(kInt64).argmax().item<int64_t>();
}

// No number is near zero, so that each step changes much.
Tensor some_gradient(int64_t n, ScalarType dtype, uint64_t seed) {
  const Tensor x = random({n}, kFloat64, seed);
  return (x.sign() * (x.abs() + 0.5)).to(dtype);
}

// Elements that a block takes of an array of parameters: 16 bytes for each thread. Of gradients alone it is four times
// as much.
int64_t chunk_of(ScalarType dtype) { return 256 * 16 / static_cast<int64_t>(element_size(dtype)); }

// Arrays as long as chunks, about.
std::vector<int64_t> sizes_at_chunks(ScalarType dtype) {
  const int64_t c = chunk_of(dtype), v = 16 / static_cast<int64_t>(element_size(dtype));
  return {1, v - 1, v, v + 1, c - 1, c, c + 1, 3 * c + v + 1, 4 * c - 1, 4 * c, 4 * c + 1, 9 * c + 3};
}
// `count` arrays, of which some are longer than a chunk.
std::vector<int64_t> many_sizes(int count, ScalarType dtype) {
  std::vector<int64_t> sizes;
  for (int i = 0; i < count; ++i) sizes.push_back(i % 7 == 3 ? chunk_of(dtype) + i : i + 1);
  return sizes;
}

struct Offsets {
  int64_t parameter, gradient;
};

// Two steps. Every other array begins at the offsets.
template <class Optim, class Options>
void expect_steps(const std::vector<int64_t>& sizes, ScalarType dtype, Device device, Offsets offsets,
                  const Options& options) {
  SCOPED_TRACE(std::to_string(sizes.size()) + " arrays of " + dtype_name(dtype) + ", offsets " +
               std::to_string(offsets.parameter) + ", " + std::to_string(offsets.gradient));
  std::vector<Placed> placed, gradients;
  std::vector<Tensor> parameters, expected;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Tensor p = random({sizes[i]}, dtype, i);
    placed.emplace_back(p, device, i % 2 == 0 ? offsets.parameter : 0);
    parameters.push_back(placed.back().part.requires_grad_());
    expected.push_back(p.to(kFloat64).clone().requires_grad_());
  }
  Optim optimizer(parameters, options), reference(expected, options);
  for (uint64_t step = 1; step <= 2; ++step) {
    gradients.clear();
    for (size_t i = 0; i < sizes.size(); ++i) {
      const Tensor g = some_gradient(sizes[i], dtype, 1000 * step + i);
      gradients.emplace_back(g, device, i % 2 == 0 ? offsets.gradient : 0);
      parameters[i].set_grad(gradients.back().part);
      expected[i].set_grad(g.to(kFloat64));
    }
    optimizer.step();
    reference.step();
    for (size_t i = 0; i < sizes.size(); ++i) {
      SCOPED_TRACE("step " + std::to_string(step) + ", array " + std::to_string(i) + " of " + std::to_string(sizes[i]));
      expect_close(parameters[i].detach(), expected[i].detach(), tolerance_of(dtype));
      EXPECT_TRUE(placed[i].marks_intact());
      if (testing::Test::HasFailure()) return;
    }
  }
}

void expect_steps_of_all(const std::vector<int64_t>& sizes, ScalarType dtype, Device device, Offsets offsets) {
  using namespace optim;
  expect_steps<SGD>(sizes, dtype, device, offsets, SGDOptions(0.5));
  expect_steps<SGD>(sizes, dtype, device, offsets, SGDOptions(0.5).momentum(0.5).weight_decay(0.25).nesterov(true));
  expect_steps<Adam>(sizes, dtype, device, offsets, AdamOptions(0.5).betas({0.5, 0.625}).amsgrad(true));
  expect_steps<AdamW>(sizes, dtype, device, offsets, AdamWOptions(0.5).betas({0.5, 0.625}).weight_decay(0.25));
}

TEST_P(OptimizerLists, StepsAtTheLengthsOfChunks) {
  for (const ScalarType dtype : dtypes()) {
    for (const Offsets offsets : {Offsets{0, 0}, {1, 0}, {0, 1}}) {
      expect_steps_of_all(sizes_at_chunks(dtype), dtype, device(), offsets);
      if (HasFailure()) return;
    }
  }
}

TEST_P(OptimizerLists, StepsOfManyArrays) {
  for (const ScalarType dtype : dtypes()) {
    for (const int count : {7, 8, 9, 63, 64, 65, 130}) {
      expect_steps_of_all(many_sizes(count, dtype), dtype, device(), {1, 1});
      if (HasFailure()) return;
    }
  }
}

// The norm and, where it is too large, the gradients scaled.
void expect_clipped(const std::vector<int64_t>& sizes, ScalarType dtype, Device device, int64_t offset) {
  SCOPED_TRACE(std::to_string(sizes.size()) + " gradients of " + dtype_name(dtype) + ", offset " +
               std::to_string(offset));
  std::vector<Placed> gradients;
  std::vector<Tensor> parameters, before;
  double squares = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Tensor g = some_gradient(sizes[i], dtype, i);
    gradients.emplace_back(g, device, i % 2 == 0 ? offset : 0);
    parameters.push_back(zeros({sizes[i]}, TensorOptions(dtype).device(device).requires_grad(true)));
    parameters.back().set_grad(gradients.back().part);
    before.push_back(g.to(kFloat64));
    squares += before.back().square().sum().item<double>();
  }
  const double norm = std::sqrt(squares), precision = dtype == kFloat64 ? 1e-13 : 1e-6;
  const auto norm_of = [&](double max_norm) {
    return nn::utils::clip_grad_norm_on_device_(parameters, max_norm).item<double>();
  };
  const double measured = norm_of(2 * norm);
  EXPECT_NEAR(measured / norm, 1, precision);
  EXPECT_EQ(norm_of(2 * norm), measured);  // bitwise
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(gradients[i].part.cpu().to(kFloat64).equal(before[i])) << i << ": was to stay as it was";
  }
  norm_of(norm / 2);
  for (size_t i = 0; i < sizes.size(); ++i) {
    SCOPED_TRACE("gradient " + std::to_string(i) + " of " + std::to_string(sizes[i]));
    expect_close(gradients[i].part, before[i] * (norm / 2 / (norm + 1e-6)), tolerance_of(dtype));
    EXPECT_TRUE(gradients[i].marks_intact());
    if (testing::Test::HasFailure()) return;
  }
}

TEST_P(OptimizerLists, GradientsAreClipped) {
  for (const ScalarType dtype : dtypes()) {
    for (const int64_t offset : {0, 1}) expect_clipped(sizes_at_chunks(dtype), dtype, device(), offset);
    for (const int count : {7, 8, 9, 63, 64, 65, 130}) {
      std::vector<int64_t> sizes = many_sizes(count, dtype);
      for (const size_t empty : {size_t{0}, size_t{5}, sizes.size() - 1}) sizes[empty] = 0;
      expect_clipped(sizes, dtype, device(), 1);
    }
    if (HasFailure()) return;
  }
}

TEST_P(OptimizerLists, NothingHasTheNormZero) {
  for (const ScalarType dtype : dtypes()) {
    const Tensor p = zeros({0}, TensorOptions(dtype).device(device()).requires_grad(true));
    p.set_grad(zeros({0}, TensorOptions(dtype).device(device())));
    EXPECT_EQ(nn::utils::clip_grad_norm_on_device_({p}, 1).item<double>(), 0);
  }
}

}  // namespace
}  // namespace ember::test
