// The CPU's random numbers: what torch 2.15 gives on x86-64 (AVX2 or AVX-512) for the same seed, bit for bit.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/tensor.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

// The double-precision functions of C libraries may differ in the last place.
void expect_near(const Tensor& t, const std::vector<double>& expected) {
  const std::vector<double> got = elements<double>(t);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-15 * (1 + std::fabs(expected[i]))) << i;
}

TEST(RandomTest, Uniform) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, rand({5}), {0x1.fc2abp-2f, 0x1.89545ep-1f, 0x1.6a675p-4f, 0x1.0e66p-3f, 0x1.3acd0cp-2f});
  manual_seed(0);
  EXPECT_ELEMENTS(
      double, rand({5}, kFloat64),
      {0x1.f0aac97c4aa2fp-1, 0x1.6a675d821cccp-1, 0x1.d6687b744a5f6p-2, 0x1.d76c3d8e57d67p-1, 0x1.4a4099fa1ded3p-1});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({5}).uniform_(-2.5, 3.7),
                  {0x1.27511ep-1f, 0x1.21a92ap+1f, -0x1.f39192p+0f, -0x1.ae70f4p+0f, -0x1.301df6p-1f});
  manual_seed(0);
  EXPECT_EQ(hash(rand({1000})), 0xfd45d9e8345f8403u);
}

TEST(RandomTest, UniformOfTwoByteFloats) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, rand({4}, kFloat16).to(kFloat32), {0x1.fc4p-2f, 0x1.894p-1f, 0x1.6a8p-4f, 0x1.0e8p-3f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, rand({4}, kBFloat16).to(kFloat32), {0x1.fcp-2f, 0x1.8ap-1f, 0x1.6ap-4f, 0x1.0ep-3f});
}

TEST(RandomTest, UniformNeverReachesTheEnd) {
  manual_seed(1);
  for (const ScalarType t : {kFloat32, kFloat16, kBFloat16}) {
    const Tensor x = empty({20000}, t).uniform_(1, 1.03).to(kFloat32);
    const float end = full({1}, 1.03, t).to(kFloat32).item<float>();
    for (const float v : elements<float>(x)) {
      ASSERT_GE(v, 1.0f);
      ASSERT_LT(v, end);
    }
  }
}

TEST(RandomTest, NormalBelowSixteen) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn({5}),
                  {0x1.8a7eb8p+0f, -0x1.2c78ap-2f, -0x1.16e292p+1f, 0x1.23096cp-1f, -0x1.15a342p+0f});
  manual_seed(0);
  expect_near(randn({5}, kFloat64), {0x1.8a7eb8902be3ap+0, -0x1.2c78a087c6feap-2, -0x1.16e2920a70ee5p+1,
                                     0x1.23096ca3e350dp-1, -0x1.15a341987e136p+0});
}

TEST(RandomTest, NormalFromSixteen) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn({16}),
                  {-0x1.20370ap+0f, -0x1.270114p+0f, -0x1.0097acp-2f, -0x1.bc4abap-2f, 0x1.b28a2ap-1f, 0x1.624f06p-1f,
                   -0x1.4398dap-2f, -0x1.0ebf82p+1f, 0x1.4a027p-2f, -0x1.4369e8p+0f, 0x1.6661fep-2f, 0x1.3b8776p-2f,
                   0x1.eadeeep-4f, 0x1.3cd726p+0f, 0x1.1de51cp+0f, -0x1.fa6cf8p-3f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn({17}),
                  {-0x1.20370ap+0f, -0x1.b2288cp+0f, 0x1.222008p-1f, 0x1.9646bap-1f, 0x1.329b16p-1f, -0x1.8e1ab6p+0f,
                   -0x1.5d8d94p-2f, 0x1.da5e9cp+0f, 0x1.df54aap-2f, -0x1.2bc656p-1f, -0x1.631dd6p-3f, 0x1.77c348p-3f,
                   0x1.63ad8p+0f, 0x1.961ap+0f, 0x1.e48138p-1f, -0x1.aff666p-1f, 0x1.dd186p-1f});
  manual_seed(0);
  EXPECT_ELEMENTS(
      float, empty({20}).normal_(1.5, 0.3),
      {0x1.298916p+0f, 0x1.277facp+0f, 0x1.6cc16cp+0f, 0x1.5ead98p+0f, 0x1.adfdaap+0f, 0x1.089196p+0f, 0x1.65c894p+0f,
       0x1.0727cap+1f, 0x1.a3f326p+0f, 0x1.73e34p+0f,  0x1.eedf84p+0f, 0x1.946ebep+0f, 0x1.eab40ep+0f, 0x1.f9d49ap+0f,
       0x1.c8acfcp+0f, 0x1.3f34a4p+0f, 0x1.c79074p+0f, 0x1.e0b122p+0f, 0x1.0cfdc4p+1f, 0x1.842082p+0f});
  manual_seed(0);
  expect_near(
      randn({17}, kFloat64),
      {-0x1.27bb92e9262dcp+1, -0x1.443c91ccf2402p-1, -0x1.42cbf54f08f8ep+0, -0x1.7432edfaba107p-1,
       -0x1.471a3c0e2f22ap-6, 0x1.aeb1b572b6a04p-3, 0x1.6ae2402b7b62bp-3, -0x1.a9389d082941dp-1, 0x1.e8e503666016dp-3,
       -0x1.f101e358981adp-3, -0x1.8bc82256d975bp-1, -0x1.985dd0627b1fp+0, -0x1.5fbef2bc4be3bp-1, 0x1.7cf270386ca66p+0,
       -0x1.cb2d8340fb171p-2, -0x1.c8318cc163de5p-1, 0x1.5986ed8e63e98p-1});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn({17}, kFloat16).to(kFloat32),
                  {-0x1.204p+0f, -0x1.5a4p+0f, -0x1.b24p+0f, 0x1.224p-1f, 0x1.964p-1f, 0x1.328p-1f, -0x1.8ep+0f,
                   -0x1.5d8p-2f, 0x1.da4p+0f, 0x1.8p-1f, -0x1.2bcp-1f, -0x1.63p-3f, 0x1.77cp-3f, 0x1.63cp+0f,
                   0x1.96p+0f, 0x1.e48p-1f, -0x1.bp-1f});
  manual_seed(0);
  EXPECT_EQ(hash(randn({100003})), 0xc5046e5886a31170u);
}

TEST(RandomTest, Integers) {
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, randint(10, {10}, kInt64), {4, 9, 3, 0, 3, 9, 7, 3, 7, 3});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, randint(-5, 100, {8}, kInt32), {69, 19, 93, 25, 38, 4, 92, 68});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, randint(int64_t{1} << 40, {5}, kInt64),
                  {741280623151, 506137267392, 291447657211, 841157541223, 41332891347});
}

// The second value of a pair of normal ones waits in the generator, past other draws.
TEST(RandomTest, SequenceOfDraws) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn({3}), {0x1.8a7eb8p+0f, -0x1.2c78ap-2f, -0x1.16e292p+1f});
  EXPECT_ELEMENTS(float, rand({2}), {0x1.d29024p-2f, 0x1.43bda6p-1f});
  expect_near(randn({3}, kFloat64), {0x1.23096ca3e350dp-1, 0x1.4875f85e501edp-3, -0x1.3680c51ceb21fp-1});
}

TEST(RandomTest, LargeSeed) {
  manual_seed(123456789012345);
  EXPECT_ELEMENTS(float, rand({3}), {0x1.8d002p-4f, 0x1.f9b15ep-1f, 0x1.ccc2ep-5f});
}

TEST(RandomTest, GeneratorsAreIndependent) {
  Generator a = make_generator(7);
  Generator b = make_generator(7);
  manual_seed(7);
  const Tensor expected = randn({100});
  randn({3});
  EXPECT_TRUE(randn({100}, a).equal(expected));
  EXPECT_TRUE(randn({100}, b).equal(expected));
  EXPECT_FALSE(randn({100}, a).equal(expected));
}

TEST(RandomTest, BernoulliHasItsMean) {
  manual_seed(0);
  const Tensor x = empty({100000}).bernoulli_(0.3);
  const double mean = x.mean().item<double>();
  EXPECT_NEAR(mean, 0.3, 0.01);
  EXPECT_TRUE((x * (1 - x)).eq(0).all().item<bool>());
}

}  // namespace
