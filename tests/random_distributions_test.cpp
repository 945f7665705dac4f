// Distributions on the CPU: what torch 2.15 draws for the same seed.
#include <cmath>
#include <cstdint>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/node.h>
#include <ember/core/tensor.h>

#include "values.h"

namespace {

using namespace ember;
using namespace ember::test;

// Functions of a C library may differ in the last place.
void expect_near(const Tensor& t, const std::vector<double>& expected) {
  const std::vector<double> got = elements<double>(t);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-14 * (1 + std::fabs(expected[i]))) << i;
}

TEST(RandomDistributionTest, Exponential) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({5}).exponential_(1.5),
                  {0x1.2b608ep+1f, 0x1.a3f8aap-1f, 0x1.a3debep-2f, 0x1.b0a906p+0f, 0x1.618552p-1f});
  manual_seed(0);
  expect_near(empty({3}, kFloat64).exponential_(0.5),
              {0x1.c110d51dce0b1p+2, 0x1.3afa7ef3a5fc8p+1, 0x1.3ae70f39bed6dp+0});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({4}, kFloat16).exponential_().to(kFloat32),
                  {0x1.c1p+1f, 0x1.3bp+0f, 0x1.3bp-1f, 0x1.448p+1f});
}

TEST(RandomDistributionTest, Geometric) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({8}).geometric_(0.3),
                  {0x1p+0f, 0x1p+0f, 0x1.8p+1f, 0x1p+0f, 0x1p+1f, 0x1p+0f, 0x1.4p+2f, 0x1.8p+1f});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, empty({8}, kInt32).geometric_(0.05), {1, 7, 16, 2, 9, 5, 34, 21});
}

TEST(RandomDistributionTest, Cauchy) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({5}).cauchy_(1, 2),
                  {0x1.63209ap+4f, 0x1.43c7cap+1f, 0x1.7c9f18p-1f, 0x1.1bb77ap+3f, 0x1.fadfd4p+0f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({5}, kBFloat16).cauchy_().to(kFloat32),
                  {0x1.54p+3f, 0x1.88p-1f, -0x1.06p-3f, 0x1.f8p+1f, 0x1.f6p-2f});
}

TEST(RandomDistributionTest, LogNormal) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({5}).log_normal_(0.5, 0.25),
                  {0x1.36382p+1f, 0x1.88380cp+0f, 0x1.e99e6ep-1f, 0x1.e68606p+0f, 0x1.41d668p+0f});
  manual_seed(0);
  expect_near(empty({3}, kFloat64).log_normal_(), {0x1.da1b7ad561f29p+5, 0x1.82f5978f9fb4bp+0, 0x1.1d3db4e87edbap-5});
}

TEST(RandomDistributionTest, Bernoulli) {
  manual_seed(0);
  EXPECT_ELEMENTS(
      float, empty({12}).bernoulli_(0.3),
      {0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x1p+0f, 0x0p+0f, 0x0p+0f, 0x1p+0f, 0x0p+0f, 0x1p+0f});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, empty({12}, kBool).bernoulli_(0.5).to(kInt32), {0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1});
  manual_seed(0);
  EXPECT_ELEMENTS(
      float, bernoulli(full({12}, 0.3)),
      {0x0p+0f, 0x0p+0f, 0x1p+0f, 0x1p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f});
  manual_seed(0);
  EXPECT_ELEMENTS(double, bernoulli(full({12}, 0.3, kFloat64)),
                  {0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0, 0x1p+0, 0x0p+0, 0x0p+0, 0x1p+0, 0x0p+0, 0x1p+0});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, empty({12}, kInt64).bernoulli_(full({12}, 0.3, kFloat16)),
                  {0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0});
  manual_seed(0);
  EXPECT_ELEMENTS(
      float, empty({3, 4}).t().bernoulli_(linspace(0.1, 0.9, 12).view({4, 3})).contiguous(),
      {0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x0p+0f, 0x1p+0f, 0x1p+0f, 0x1p+0f, 0x1p+0f, 0x0p+0f, 0x1p+0f});
}

TEST(RandomDistributionTest, DrawsFollowMemory) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({2, 3}).t().uniform_().contiguous(),
                  {0x1.fc2abp-2f, 0x1.0e66p-3f, 0x1.89545ep-1f, 0x1.3acd0cp-2f, 0x1.6a675p-4f, 0x1.44a5f6p-1f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({3, 4}).slice(1, 0, 4, 2).uniform_().contiguous(),
                  {0x1.fc2abp-2f, 0x1.89545ep-1f, 0x1.6a675p-4f, 0x1.0e66p-3f, 0x1.3acd0cp-2f, 0x1.44a5f6p-1f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({4, 5}).t().normal_().slice(0, 0, 2).contiguous(),
                  {0x1.8a7eb8p+0f, -0x1.660a5ap+0f, -0x1.317a3p-1f, 0x1.f69594p-4f, -0x1.2c78ap-2f, 0x1.9d06f4p-2f,
                   0x1.74cf8cp-3f, -0x1.21f45ep-1f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randn_like(empty({2, 3, 4}).permute({2, 0, 1})).slice(0, 0, 1).contiguous(),
                  {0x1.8a7eb8p+0f, -0x1.15a342p+0f, -0x1.704288p-1f, -0x1.b69e0ep-1f, -0x1.21f45ep-1f, 0x1.7b4872p-2f});
}

TEST(RandomDistributionTest, AllIntegers) {
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, empty({4}, kInt32).random_(), {209652396, 398764591, 924231285, 1478610112});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, empty({4}, kInt64).random_(),
                  {900450186894289455, 3969543146641149120, 1895649597198586619, 827948490035658087});
  manual_seed(0);
  EXPECT_ELEMENTS(uint8_t, empty({6}, kUInt8).random_(), {172, 47, 117, 192, 67, 251});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, empty({12}, kBool).random_().to(kInt32), {0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({4}).random_(), {0x1.fc288p+22f, 0x1.89533p+23f, 0x1.6a5bep+20f, 0x1.0e5f4p+21f});
  manual_seed(0);
  EXPECT_ELEMENTS(double, empty({4}, kFloat64).random_(),
                  {0x1.f0aac97c4a5ccp+52, 0x1.6a675d821c708p+52, 0x1.d6687b7449c52p+51, 0x1.d76c3d8e5790cp+52});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({6}, kFloat16).random_().to(kFloat32),
                  {0x1.3f4p+10f, 0x1.fc8p+9f, 0x1.9f4p+10f, 0x1.f38p+9f, 0x1.ebp+9f, 0x1.0f8p+9f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({6}, kBFloat16).random_().to(kFloat32),
                  {0x1.2ap+7f, 0x1.66p+7f, 0x1.78p+5f, 0x1.fp+5f, 0x1.14p+6f, 0x1.cp+6f});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, empty({4}, kInt32).random_(100, std::optional<int64_t>()),
                  {1527076579, 1641302184, 1763622463, 1391106991});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, empty({3}, kInt64).random_(INT64_MIN, std::optional<int64_t>()),
                  {-8322921849960486353, -5253828890213626688, -7327722439656189189});
  manual_seed(0);
  EXPECT_ELEMENTS(float, empty({3}).random_(INT64_MIN, std::optional<int64_t>()),
                  {-0x1.ce03d6p+62f, -0x1.23a566p+62f, -0x1.96c532p+62f});
}

TEST(RandomDistributionTest, IntegersOfARange) {
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, randint(1 << 28, {4}), {130329135, 136432832, 195187451, 149257575});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, randint((1 << 28) - 1, {4}), {209652404, 130329144, 118924928, 136432845});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randint(int64_t{1} << 40, {3}, kFloat32), {0x1.c8b67ep+37f, 0x1.677646p+37f, 0x1.bc54aap+39f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randint(-3000, 65505, {5}, kFloat16).to(kFloat32),
                  {0x1.968p+13f, 0x1.918p+15f, 0x1.fb8p+13f, 0x1.9bp+15f, 0x1.484p+15f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randint(-1000, 1001, {6}, kBFloat16).to(kFloat32),
                  {-0x1.d4p+9f, 0x1.78p+9f, 0x1.a6p+9f, 0x1.36p+9f, 0x1.74p+7f, -0x1.fp+6f});
  manual_seed(0);
  EXPECT_ELEMENTS(int32_t, randint(2, {12}, kBool).to(kInt32), {0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0});
}

TEST(RandomDistributionTest, Permutations) {
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, randperm(10), {4, 1, 7, 5, 3, 9, 0, 8, 6, 2});
  manual_seed(0);
  EXPECT_ELEMENTS(float, randperm(6, kFloat32), {0x1p+1f, 0x1.4p+2f, 0x1.8p+1f, 0x0p+0f, 0x1p+0f, 0x1p+2f});
}

TEST(RandomDistributionTest, Multinomial) {
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({0.1, 0.5, 0.0, 0.4}), 10, true), {3, 3, 1, 3, 3, 3, 1, 1, 1, 1});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({{1.0, 2.0, 3.0}, {3.0, 0.0, 1.0}}), 5, true),
                  {2, 2, 1, 2, 2, 2, 0, 0, 0, 0});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({0.1, 0.5, 0.0, 0.4}, kFloat64), 10, true),
                  {3, 3, 1, 3, 3, 3, 1, 1, 1, 1});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({0.1, 0.5, 0.0, 0.4}, kFloat16), 10, true),
                  {3, 3, 1, 3, 3, 3, 1, 1, 1, 1});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({1.0, 2.0, 3.0, 4.0, 5.0}), 4), {2, 4, 1, 3});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({{1.0, 2.0, 3.0, 4.0}, {4.0, 3.0, 2.0, 1.0}}), 3), {2, 1, 3, 2, 0, 3});
  manual_seed(0);
  EXPECT_ELEMENTS(int64_t, multinomial(tensor({{1.0, 2.0, 3.0, 4.0}, {4.0, 3.0, 2.0, 1.0}}), 1), {2, 2});
}

TEST(RandomDistributionTest, NormalOfTensors) {
  manual_seed(0);
  EXPECT_ELEMENTS(float, normal(tensor({1.0, 2.0, 3.0}), 2.5), {0x1.368f34p+2f, 0x1.44349cp+0f, -0x1.39366cp+1f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, normal(1.5, tensor({1.0, 2.0, 3.0})), {0x1.853f5cp+1f, 0x1.d3876p-1f, -0x1.4253dcp+2f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, normal(tensor({{1.0}, {2.0}}), tensor({1.0, 2.0, 3.0})),
                  {0x1.453f5cp+1f, 0x1.a70ecp-2f, -0x1.6253dcp+2f, 0x1.48c25cp+1f, -0x1.5a342p-3f, -0x1.190f88p+1f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, normal(1.5, 0.5, {3}), {0x1.229faep+1f, 0x1.5a70ecp+0f, 0x1.a475b8p-2f});
  manual_seed(0);
  EXPECT_ELEMENTS(float, normal(arange(16.0), 0.5),
                  {-0x1.20370ap-1f, 0x1.b1fdd8p-2f, 0x1.dfed0ap+0f, 0x1.643b54p+1f, 0x1.1b28a2p+2f, 0x1.5624fp+2f,
                   0x1.75e33ap+2f, 0x1.7c502p+2f, 0x1.05280ap+3f, 0x1.0bc962p+3f, 0x1.459988p+3f, 0x1.64ee1ep+3f,
                   0x1.81eadep+3f, 0x1.b3cd72p+3f, 0x1.d1de52p+3f, 0x1.dc0b26p+3f});
}

TEST(RandomDistributionTest, ManyValues) {
  manual_seed(0);
  EXPECT_EQ(hash(randperm(10000)), 0x466e7c4dbbbfd0e5u);
  manual_seed(0);
  EXPECT_EQ(hash(multinomial(rand({1000}), 5000, true)), 0xcefb4890095eee12u);
  manual_seed(0);
  EXPECT_EQ(hash(multinomial(rand({1000}).to(kBFloat16), 5000, true)), 0x73a6f54390fe0f51u);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}).exponential_()), 0x25cfe6f31568d07cu);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}).cauchy_()), 0x9aaecea49575d6e2u);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}).log_normal_()), 0x4f1a5f383c09e87du);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}, kInt64).geometric_(0.1)), 0xce15c3c6f2d0e49bu);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}).bernoulli_(0.37)), 0x72b62efac932b105u);
  manual_seed(0);
  EXPECT_EQ(hash(empty({10000}, kFloat16).uniform_()), 0x913d9aed675b32c2u);
  EXPECT_EQ(hash(empty({10000}, kBFloat16).uniform_(-1, 3)), 0x149f23ec54112225u);
}

// A state is PyTorch's, byte for byte, and gives the draws after it again.
TEST(RandomDistributionTest, State) {
  manual_seed(0);
  randn({3});
  rand({5});
  Generator& g = default_generator();
  const Tensor state = g.get_state();
  EXPECT_EQ(state.numel(), 5056);
  EXPECT_EQ(hash(state), 0x94dfd20a2d1a61b9u);
  EXPECT_ELEMENTS(float, randn({2}), {0.5684312582015991f, -0.33539512753486633f});
  Generator other = make_generator<CPUGeneratorImpl>(5);
  other.set_state(state);
  EXPECT_EQ(other.current_seed(), 0u);
  EXPECT_ELEMENTS(float, randn({2}, other), {0.5684312582015991f, -0.33539512753486633f});
  EXPECT_ERROR(other.set_state(zeros({3}, kUInt8)), "set_state");
  EXPECT_ERROR(other.set_state(zeros({5056}, kUInt8)), "set_state");
  EXPECT_ERROR(other.set_state(Tensor()), "set_state");
  EXPECT_ERROR(other.get_offset(), "get_offset");
}

TEST(RandomDistributionTest, GeneratorsByLibTorchsNames) {
  Generator g = ember::detail::createCPUGenerator(3);
  EXPECT_EQ(g.current_seed(), 3u);
  EXPECT_TRUE(g == g);
  EXPECT_FALSE(g == g.clone());
  const Generator& d = ember::detail::getDefaultCPUGenerator();
  EXPECT_TRUE(d == default_generator());
  {
    // The mutex is held by callers around such calls.
    const std::lock_guard<std::mutex> lock(g.mutex());
    g.set_current_seed(11);
    EXPECT_EQ(g.current_seed(), 11u);
    g.set_state(g.get_state());
  }
  const Tensor drawn = rand({4}, g);
  EXPECT_TRUE(rand({4}, make_generator(11)).equal(drawn));
  EXPECT_ELEMENTS(int64_t, randperm(5, make_generator(7)), {0, 1, 3, 2, 4});
  EXPECT_ELEMENTS(int64_t, randint(3, 9, {4}, make_generator(7)), {6, 7, 4, 5});
}

TEST(RandomDistributionTest, OutForms) {
  manual_seed(0);
  const Tensor expected = rand({2, 3});
  manual_seed(0);
  Tensor out = empty({0});
  EXPECT_TRUE(rand_out(out, {2, 3}).equal(expected));
  EXPECT_TRUE(randn_out(out, {4}, make_generator(1)).equal(randn({4}, make_generator(1))));
  Tensor whole = empty({0}, kInt64);
  EXPECT_TRUE(randint_out(whole, 5, {7}, make_generator(1)).equal(randint(5, {7}, make_generator(1))));
  EXPECT_TRUE(randint_out(whole, -5, 5, {7}, make_generator(1)).equal(randint(-5, 5, {7}, make_generator(1))));
  EXPECT_TRUE(randperm_out(whole, 9, make_generator(1)).equal(randperm(9, make_generator(1))));
  const Tensor mean = tensor({1.0, 2.0}), std = tensor({3.0, 4.0});
  EXPECT_TRUE(normal_out(out, mean, 2.0, make_generator(1)).equal(normal(mean, 2.0, make_generator(1))));
  EXPECT_TRUE(normal_out(out, 2.0, std, make_generator(1)).equal(normal(2.0, std, make_generator(1))));
  EXPECT_TRUE(normal_out(out, mean, std, make_generator(1)).equal(normal(mean, std, make_generator(1))));
  EXPECT_TRUE(normal_out(out, 1.0, 2.0, {5}, make_generator(1)).equal(normal(1.0, 2.0, {5}, make_generator(1))));
  const Tensor p = tensor({0.2, 0.8, 0.5});
  EXPECT_TRUE(bernoulli_out(out, p, make_generator(1)).equal(bernoulli(p, make_generator(1))));
  EXPECT_TRUE(bernoulli_out(out, p, 0.5, make_generator(1)).equal(bernoulli(p, 0.5, make_generator(1))));
  EXPECT_TRUE(bernoulli_out(out, p, p, make_generator(1)).equal(bernoulli(p, p, make_generator(1))));
  EXPECT_TRUE(multinomial_out(whole, p, 4, true, make_generator(1)).equal(multinomial(p, 4, true, make_generator(1))));
  Tensor half = empty({0}, kFloat16);
  EXPECT_ERROR(multinomial_out(half, p, 2), "multinomial");
  EXPECT_ERROR(rand_out(whole, {2}), "rand");
}

TEST(RandomDistributionTest, DtypesAndOptions) {
  EXPECT_EQ(randint(5, {2}).dtype(), kInt64);
  EXPECT_EQ(randint(5, {2}, TensorOptions()).dtype(), kFloat32);
  EXPECT_EQ(randperm(5).dtype(), kInt64);
  EXPECT_EQ(randint_like(ones({2}), 5).dtype(), kFloat32);
  EXPECT_EQ(randint_like(ones({2}), 2, 5, kInt32).dtype(), kInt32);
  EXPECT_EQ(rand_like(ones({2}, kInt32), kFloat64).dtype(), kFloat64);
  const Tensor x = ones({5});
  EXPECT_TRUE(rand_like(x, make_generator(3)).equal(rand({5}, make_generator(3))));
  EXPECT_TRUE(randn_like(x, make_generator(3), kFloat64).equal(randn({5}, make_generator(3), kFloat64)));
  EXPECT_TRUE(randint_like(x, 9, make_generator(3)).equal(randint(9, {5}, make_generator(3), kFloat32)));
  EXPECT_TRUE(randint_like(x, 4, 9, make_generator(3)).equal(randint(4, 9, {5}, make_generator(3), kFloat32)));
  EXPECT_EQ(randint_like(x, tensor(9)).dtype(), kFloat32);
  EXPECT_EQ(normal(zeros({2}, kFloat64), ones({2})).dtype(), kFloat64);
  EXPECT_TRUE(rand({2}, TensorOptions().requires_grad(true)).requires_grad());
  EXPECT_EQ(empty({2, 0}).exponential_().numel(), 0);
  EXPECT_EQ(multinomial(ones({0, 3}), 2).sizes(), IntArrayRef({0, 2}));
}

// A draw has no derivative: gradients stop there as zeros.
TEST(RandomDistributionTest, GradientsAreZero) {
  const Tensor x = tensor({0.25, 0.5, 0.75}).requires_grad_();
  const auto check = [&](const Tensor& y, const char* name) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(y.requires_grad());
    EXPECT_EQ(y.grad_fn()->name(), name);
    x.mutable_grad().reset();
    y.sum().backward();
    EXPECT_ELEMENTS(float, x.grad(), {0, 0, 0});
  };
  check((x * 1).uniform_(), "UniformBackward0");
  check((x * 1).normal_(), "NormalBackward0");
  check((x * 1).random_(), "RandomBackward2");
  check((x * 1).exponential_(), "ExponentialBackward0");
  check((x * 1).geometric_(0.5), "GeometricBackward0");
  check((x * 1).cauchy_(), "CauchyBackward0");
  check((x * 1).log_normal_(), "LogNormalBackward0");
  check((x * 1).bernoulli_(), "BernoulliBackward2");
  check((x * 1).bernoulli_(x.detach()), "BernoulliBackward1");
  check(bernoulli(x), "BernoulliBackward0");
  check(normal(x, 1.0), "NormalBackward1");
  check(normal(1.0, x), "NormalBackward2");
  check(normal(x, x), "NormalBackward3");
  EXPECT_FALSE(multinomial(x, 2).requires_grad());
}

TEST(RandomDistributionTest, BadArguments) {
  const Tensor x = ones({3}), i = ones({3}, kInt64), u;
  const double nan = __builtin_nan(""), inf = __builtin_inf();
  EXPECT_ERROR(x.exponential_(0), "exponential_");
  EXPECT_ERROR(i.exponential_(), "exponential_");
  EXPECT_ERROR(x.geometric_(0), "geometric_");
  EXPECT_ERROR(x.geometric_(1), "geometric_");
  EXPECT_ERROR(ones({3}, kBool).geometric_(0.5), "geometric_");
  EXPECT_ERROR(x.cauchy_(0, 0), "cauchy_");
  EXPECT_ERROR(i.cauchy_(), "cauchy_");
  EXPECT_ERROR(x.log_normal_(0, 0), "log_normal_");
  EXPECT_ERROR(x.normal_(0, -1), "normal_");
  EXPECT_ERROR(x.normal_(0, nan), "normal_");
  EXPECT_ERROR(x.uniform_(1, 0), "uniform_");
  EXPECT_ERROR(x.uniform_(0, inf), "uniform_");
  EXPECT_ERROR(x.uniform_(-3e38, 3e38), "uniform_");
  EXPECT_ERROR(x.to(kFloat16).uniform_(0, 1e5), "uniform_");
  EXPECT_ERROR(x.bernoulli_(nan), "bernoulli_");
  EXPECT_ERROR(x.bernoulli_(2.0), "bernoulli_");
  EXPECT_ERROR(x.bernoulli_(i), "bernoulli_");
  EXPECT_ERROR(x.bernoulli_(ones({2, 3})), "bernoulli_");
  EXPECT_ERROR(x.bernoulli_(full({3}, nan)), "bernoulli_");
  EXPECT_ERROR(bernoulli(full({3}, 2.0)), "bernoulli");
  EXPECT_ERROR(bernoulli(i), "bernoulli");
  EXPECT_ERROR(x.random_(5, 5), "random_");
  EXPECT_ERROR(x.to(kInt8).random_(0, 200), "random_");
  EXPECT_ERROR(x.to(kInt32).random_(INT64_MIN, std::optional<int64_t>()), "random_");
  EXPECT_ERROR(x.expand({2, 3}).random_(), "random_");
  EXPECT_ERROR(randint(5, 5, {0}), "randint");
  EXPECT_ERROR(randint(257, {3}, kUInt8), "randint");
  EXPECT_ERROR(randint(3, {3}, kBool), "randint");
  EXPECT_ERROR(randint(70000, {3}, kFloat16), "randint");
  EXPECT_ERROR(rand({3}, kInt32), "rand");
  EXPECT_ERROR(rand({-1}), "-1");
  EXPECT_ERROR(randn_like(i), "randn_like");
  EXPECT_ERROR(randperm(-1), "randperm");
  EXPECT_ERROR(randperm(2, kBool), "randperm");
  EXPECT_ERROR(randperm(257, kUInt8), "randperm");
  EXPECT_ERROR(randperm(2050, kFloat16), "randperm");
  EXPECT_ERROR(normal(x, -1.0), "normal");
  EXPECT_ERROR(normal(1.0, x.neg()), "normal");
  EXPECT_ERROR(normal(1.0, full({3}, nan)), "normal");
  EXPECT_ERROR(normal(i, 1.0), "normal");
  EXPECT_ERROR(normal(x, ones({2})), "broadcast");
  EXPECT_ERROR(normal(u, x), "normal");
  EXPECT_ERROR(multinomial(x, 4), "multinomial");
  EXPECT_ERROR(multinomial(x, 0), "multinomial");
  EXPECT_ERROR(multinomial(i, 1), "multinomial");
  EXPECT_ERROR(multinomial(x.neg(), 1), "multinomial");
  EXPECT_ERROR(multinomial(zeros({3}), 2, true), "multinomial");
  EXPECT_ERROR(multinomial(full({3}, inf), 2, true), "multinomial");
  EXPECT_ERROR(multinomial(full({3}, nan), 2), "multinomial");
  EXPECT_ERROR(multinomial(ones({}), 1), "multinomial");
  EXPECT_ERROR(multinomial(ones({2, 2, 2}), 1), "multinomial");
  EXPECT_ERROR(multinomial(u, 1), "multinomial");
  EXPECT_ERROR(u.cauchy_(), "undefined");
  EXPECT_ERROR(bernoulli(u), "undefined");
  EXPECT_ERROR(x.bernoulli_(u), "undefined");
  EXPECT_ELEMENTS(float, x, {1, 1, 1});
  EXPECT_ELEMENTS(int64_t, i, {1, 1, 1});
}

}  // namespace
