// Corners of the elementwise operations that the table of operations does not reach: what PyTorch gives for numbers out
// of range, NaN, bool, zero divisors, ties, results in other dtypes.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <ember/autograd/autograd.h>
#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>

#include "op_harness.h"
#include "values.h"

namespace ember::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor of(ScalarType dtype, std::vector<double> values) {
  const auto n = static_cast<int64_t>(values.size());
  return make({std::move(values), {n}}, dtype);
}
::testing::AssertionResult is(const Tensor& t, ScalarType dtype, std::vector<double> values) {
  return matches(t, {std::move(values), t.sizes().vec()}, dtype, {4, 1, true});
}
#define EXPECT_IS(tensor, dtype, ...) EXPECT_TRUE(is(tensor, dtype, __VA_ARGS__)) << #tensor

const std::vector<double> kPair = {7, -7};

TEST(ElementwiseRules, NumbersWrapIntoTheDtype) {
  const Tensor u = of(kUInt8, {255, 3});
  EXPECT_IS(u + 300, kUInt8, {43, 47});
  EXPECT_IS(u == -1, kBool, {1, 0});
  EXPECT_IS(u < 300, kBool, {0, 1});
  EXPECT_IS(clamp(u, Scalar(-1), Scalar(300)), kUInt8, {255, 3});
  EXPECT_IS(clamp(u, std::nullopt, Scalar(300)), kUInt8, {255, 3});
  EXPECT_THROW(clamp(u, Scalar(300)), Error);
  EXPECT_THROW(clamp(u, std::nullopt, Scalar(-1)), Error);
  EXPECT_THROW(clamp_min(u, 300), Error);
  EXPECT_IS(clamp_max(u, 300), kUInt8, {255, 3});
  EXPECT_IS(u.masked_fill(of(kBool, {1, 0}), -1), kUInt8, {255, 3});
  EXPECT_THROW(u.masked_fill(of(kBool, {1, 0}), 300), Error);
  EXPECT_THROW(where(of(kBool, {1, 0}), u, Scalar(300)), Error);
  EXPECT_IS(where(of(kBool, {1, 0}), u, Scalar(-1)), kUInt8, {255, 255});
  EXPECT_THROW(pow(u, 256), Error);
  EXPECT_THROW(of(kFloat16, {1}).masked_fill(of(kBool, {1}), 1e10), Error);
  EXPECT_IS(of(kFloat16, {1}).masked_fill(of(kBool, {1}), kInf), kFloat16, {kInf});
  EXPECT_THROW(of(kInt64, {1}).masked_fill(of(kBool, {1}), kNan), Error);
  EXPECT_IS(of(kInt64, {1}).masked_fill(of(kBool, {1}), 2.5), kInt64, {2});
}

TEST(ElementwiseRules, IntegerDivision) {
  const Tensor i = of(kInt64, kPair), zero = of(kInt64, {0, 1});
  for (const auto& f : std::vector<std::function<void()>>{
           [&] { floor_divide(i, 0); }, [&] { floor_divide(i, zero); }, [&] { i % 0; }, [&] { fmod(i, zero); },
           [&] { div(i, Scalar(0), "trunc"); }, [&] { div(i, zero, "floor"); }, [&] { remainder(7, zero); },
           [&] { of(kUInt8, {1}) % 256; }, [&] { i.clone().floor_divide_(0); }}) {
    EXPECT_THROW(f(), Error);
  }
  EXPECT_EQ(floor_divide(zeros({0, 1}, kInt64), zero).numel(), 0);
  EXPECT_IS(of(kUInt8, {200}) % 300, kUInt8, {200 % 44});
  EXPECT_IS(floor_divide(of(kInt8, {-128}), of(kInt8, {-1})), kInt8, {-128});
  EXPECT_IS(remainder(of(kInt8, {-128}), -1), kInt8, {0});
  EXPECT_IS(div(of(kInt64, {-7}), Scalar(2), "trunc"), kInt64, {-3});
  EXPECT_IS(floor_divide(i, 2.5), kFloat32, {2, -3});
  EXPECT_IS(remainder(5, i), kInt64, {5, -2});
  EXPECT_IS(remainder(5.5, i), kFloat32, {5.5, -1.5});
  EXPECT_THROW(i.clone().floor_divide_(2.5), Error);
  EXPECT_THROW(div(i, i, "round"), Error);
  EXPECT_IS(div(i, i, std::nullopt), kFloat32, {1, 1});
  const Tensor x = of(kFloat32, {1, -1, 0, kInf, kNan, 3, -0.0}), y = of(kFloat32, {0, 0, 0, 2, 1, -kInf, 3});
  EXPECT_IS(floor_divide(x, y), kFloat32, {kInf, -kInf, kNan, kNan, kNan, -1, 0});
  EXPECT_IS(remainder(x, y), kFloat32, {kNan, kNan, kNan, kNan, kNan, -kInf, 0});
  EXPECT_IS(fmod(x, y), kFloat32, {kNan, kNan, kNan, kNan, kNan, 3, 0});
}

TEST(ElementwiseRules, Powers) {
  const Tensor i = of(kInt64, kPair), b = of(kBool, {1, 0});
  EXPECT_THROW(pow(i, -1), Error);
  EXPECT_THROW(pow(b, b), Error);
  EXPECT_THROW(pow(true, b), Error);
  EXPECT_IS(pow(i, of(kInt64, {-1, 2})), kInt64, {0, 49});
  EXPECT_IS(pow(2, i), kInt64, {128, 0});
  EXPECT_IS(pow(b, 2), kInt64, {1, 0});
  EXPECT_IS(pow(2, b), kInt64, {2, 1});
  EXPECT_IS(pow(of(kInt8, {2}), 9), kInt8, {0});
  EXPECT_IS(pow(of(kInt8, {3}), of(kInt8, {127})), kInt8, {-85});
  EXPECT_IS(float_power(i, i), kFloat64, {823543, std::pow(-7.0, -7.0)});
  EXPECT_IS(float_power(2, b), kFloat64, {2, 1});
  EXPECT_IS(float_power(of(kFloat16, {2}), 2.5), kFloat64, {std::pow(2.0, 2.5)});
  EXPECT_THROW(i.clone().float_power_(2), Error);
  Tensor narrow = empty({2}), wide = empty({0}, kFloat64);
  EXPECT_THROW(float_power_out(narrow, i, 2), Error);
  EXPECT_IS(float_power_out(wide, i, 2), kFloat64, {49, 49});
  EXPECT_IS(ldexp(of(kFloat32, {1e-30}), of(kInt64, {200})), kFloat32, {std::ldexp(double(1e-30f), 200)});
  EXPECT_IS(ldexp(i, of(kInt64, {1, -1})), kFloat32, {14, -3.5});
}

TEST(ElementwiseRules, Sums) {
  const Tensor b = of(kBool, {1, 0}), i = of(kInt64, kPair);
  EXPECT_IS(add(b, b, 2), kBool, {1, 0});
  EXPECT_IS(add(b, true, 2), kBool, {1, 1});
  EXPECT_IS(add(b, 1, 2), kInt64, {3, 2});
  EXPECT_IS(add(i, 2.5, 2.5), kFloat32, {13.25, -0.75});
  EXPECT_THROW(add(i, 1, 2.5), Error);
  EXPECT_THROW(add(i, i, true), Error);
  EXPECT_THROW(i.clone().add_(1, 2.5), Error);
  EXPECT_THROW(sub(i, true), Error);
  EXPECT_THROW(sub(i, b), Error);
  EXPECT_THROW(rsub(b, b), Error);
  EXPECT_THROW(1 - b, Error);
  EXPECT_IS(rsub(i, i, 2), kInt64, {-7, 7});
  EXPECT_IS(rsub(i, 2, 3), kInt64, {-19, 23});
  EXPECT_IS(2 / of(kInt64, {3, 4}), kFloat32, {2.0 / 3, 0.5});
  EXPECT_IS(i + scalar_tensor(1.5, kFloat64), kFloat64, {8.5, -5.5});
  EXPECT_IS(of(kFloat32, {1}) + scalar_tensor(1.5, kFloat64), kFloat32, {2.5});
  Tensor small = empty({2}, kInt8);
  EXPECT_IS(add_out(small, i, i), kInt8, {14, -14});
  EXPECT_THROW(add_out(small, i, 0.5), Error);
}

TEST(ElementwiseRules, Bits) {
  const Tensor i = of(kInt64, kPair), b = of(kBool, {1, 0}), u = of(kUInt8, {255, 3});
  EXPECT_IS(bitwise_left_shift(i, 64), kInt64, {0, 0});
  EXPECT_IS(bitwise_left_shift(i, -1), kInt64, {0, 0});
  EXPECT_IS(bitwise_right_shift(i, 64), kInt64, {0, -1});
  EXPECT_IS(bitwise_right_shift(u, 8), kUInt8, {0, 0});
  EXPECT_IS(bitwise_left_shift(of(kInt8, {1, -1}), 7), kInt8, {-128, -128});
  EXPECT_IS(bitwise_left_shift(2, i), kInt64, {256, 0});
  EXPECT_IS(b & 1, kInt64, {1, 0});
  EXPECT_IS(i & true, kInt64, {1, 1});
  EXPECT_IS(3 & i, kInt64, {3, 1});
  EXPECT_IS(3 | u, kUInt8, {255, 3});
  EXPECT_IS(u ^ 1, kUInt8, {254, 2});
  EXPECT_THROW(u & 2.5, Error);
  EXPECT_THROW(b.clone().bitwise_and_(i), Error);
  Tensor c = u.clone();
  c &= of(kUInt8, {15, 1});
  c |= of(kUInt8, {64, 0});
  c ^= of(kUInt8, {1, 1});
  EXPECT_IS(c, kUInt8, {78, 0});
  EXPECT_IS(gcd(of(kInt8, {-128, 0}), of(kInt8, {0, 0})), kInt8, {-128, 0});
  EXPECT_IS(lcm(of(kInt8, {100, 0}), of(kInt8, {75, 5})), kInt8, {44, 0});
}

TEST(ElementwiseRules, Functions) {
  EXPECT_IS(heaviside(of(kFloat32, {kNan, -1, 0, 2}), scalar_tensor(5.0)), kFloat32, {0, 0, 5, 1});
  EXPECT_IS(heaviside(of(kInt64, {-1, 0, 2}), of(kInt64, {4, 4, 4})), kInt64, {0, 4, 1});
  EXPECT_THROW(heaviside(of(kInt64, {1}), of(kFloat32, {1})), Error);
  EXPECT_IS(logaddexp(of(kFloat32, {kInf, -kInf, kInf, kNan}), of(kFloat32, {kInf, -kInf, -kInf, 1})), kFloat32,
            {kInf, -kInf, kInf, kNan});
  EXPECT_IS(xlogy(of(kFloat32, {0, 0, kNan, 0}), of(kFloat32, {kNan, -1, 0, kInf})), kFloat32, {kNan, 0, kNan, 0});
  EXPECT_IS(lerp(of(kFloat32, {0, 0, 1}), of(kFloat32, {kInf, 1, 3}), of(kFloat32, {0, 0.625, 2})), kFloat32,
            {kNan, 0.625, 5});
  EXPECT_THROW(lerp(of(kFloat32, {1}), of(kFloat64, {1}), 0.5), Error);
  EXPECT_THROW(lerp(of(kFloat32, {1}), of(kFloat32, {1}), of(kFloat64, {1})), Error);
  EXPECT_IS(lerp(of(kFloat32, {1}), of(kFloat32, {3}), scalar_tensor(0.5, kFloat64)), kFloat32, {2});
  EXPECT_IS(addcmul(of(kInt64, kPair), of(kInt64, kPair), of(kInt64, kPair), 2.5), kInt64, {105, 91});
  EXPECT_IS(addcmul(of(kFloat32, {1}), of(kInt64, {2}), scalar_tensor(2.0, kFloat64)), kFloat32, {5});
  EXPECT_IS(addcdiv(of(kInt64, {1}), of(kInt64, {1}), of(kFloat32, {4})), kFloat32, {1.25});
  EXPECT_IS(nan_to_num(of(kFloat16, {kNan, kInf, -kInf})), kFloat16, {0, 65504, -65504});
  EXPECT_IS(nan_to_num(of(kInt64, kPair), 3.0), kInt64, kPair);
  EXPECT_IS(clamp(of(kBool, {1, 0}), Scalar(0), Scalar(1)), kInt64, {1, 0});
  EXPECT_IS(clamp(of(kInt64, kPair), Scalar(0.5)), kFloat32, {7, 0.5});
  EXPECT_IS(clamp(of(kFloat32, {1, kNan, 2, 5}), of(kFloat32, {kNan, 0, 3, 1}), of(kFloat32, {1, 1, 1, kNan})),
            kFloat32, {kNan, kNan, 1, kNan});
}

// The neighbours of each dtype's own numbers, not of float32's.
TEST(ElementwiseRules, NextAfter) {
  const Tensor up = scalar_tensor(kInf, kFloat64), down = scalar_tensor(-kInf, kFloat64);
  const auto next = [](const Tensor& x, const Tensor& towards) { return read(nextafter(x, towards)).data; };
  EXPECT_EQ(next(of(kFloat32, {1, 0}), up), (std::vector<double>{1 + 0x1p-23, 0x1p-149}));
  EXPECT_EQ(next(of(kFloat64, {1, 0}), up), (std::vector<double>{1 + 0x1p-52, 0x1p-1074}));
  EXPECT_EQ(next(of(kFloat16, {1, 0, 65504, -kInf, 0x1p-14, -1}), up),
            (std::vector<double>{1 + 0x1p-10, 0x1p-24, kInf, -65504, 0x1p-14 + 0x1p-24, -1 + 0x1p-11}));
  EXPECT_EQ(next(of(kFloat16, {1, 0, 0x1p-14, kInf}), down),
            (std::vector<double>{1 - 0x1p-11, -0x1p-24, 0x1p-14 - 0x1p-24, 65504}));
  EXPECT_EQ(next(of(kBFloat16, {1.5, -2, 0}), up), (std::vector<double>{1.5 + 0x1p-7, -2 + 0x1p-7, 0x1p-133}));
  EXPECT_IS(nextafter(of(kFloat16, {kNan, 2}), of(kFloat16, {1, 2})), kFloat16, {kNan, 2});
  EXPECT_THROW(nextafter(of(kInt64, {1}), of(kInt64, {1})), Error);
}

TEST(ElementwiseRules, ComparisonsInPlaceAndOut) {
  const Tensor x = of(kFloat32, {1.5, -2});
  EXPECT_IS(x.clone().gt_(0), kFloat32, {1, 0});
  EXPECT_IS(of(kInt64, kPair).lt_(x), kInt64, {0, 1});
  EXPECT_IS(of(kInt64, kPair).eq_(7.5), kInt64, {0, 0});
  EXPECT_IS(x.clone().logical_not_(), kFloat32, {0, 0});
  EXPECT_IS(of(kInt64, {3, 0}).logical_xor_(x), kInt64, {0, 1});
  Tensor out = empty({0}, kInt8), floats = empty({2}), truths = empty({0}, kBool);
  EXPECT_IS(ge_out(out, x, 0), kInt8, {1, 0});
  EXPECT_IS(logical_and_out(floats, x, x), kFloat32, {1, 1});
  EXPECT_IS(isinf_out(truths, of(kInt64, {1, 2})), kBool, {0, 0});
  EXPECT_THROW(isposinf_out(floats, x), Error);
  EXPECT_IS(isfinite(of(kInt64, {1})), kBool, {1});
  const Tensor leaf = of(kFloat32, {1, 2}).requires_grad_();
  const Tensor y = (leaf * 1).eq_(1);
  EXPECT_EQ(y.grad_fn()->name(), "EqBackward0");
  y.sum().backward();
  EXPECT_IS(leaf.grad(), kFloat32, {0, 0});
}

TEST(ElementwiseRules, Closeness) {
  const Tensor x = of(kFloat32, {kNan, kInf, -kInf, 1}), y = of(kFloat32, {kNan, kInf, kInf, kInf});
  EXPECT_IS(isclose(x, y), kBool, {0, 1, 0, 0});
  EXPECT_IS(isclose(x, y, 1e-5, 1e-8, true), kBool, {1, 1, 0, 0});
  EXPECT_IS(isclose(of(kInt64, {100, 100}), of(kInt64, {101, 120}), 0.1), kBool, {1, 0});
  EXPECT_IS(isclose(of(kBool, {1, 0}), of(kBool, {1, 1})), kBool, {1, 0});
  EXPECT_THROW(isclose(x, y.to(kFloat64)), Error);
  EXPECT_THROW(isclose(x, y, -1), Error);
  EXPECT_THROW(isclose(x, y, kNan), Error);
  EXPECT_TRUE(allclose(of(kFloat32, {1}), of(kFloat32, {1 + 0x1p-20})));
  EXPECT_FALSE(allclose(of(kFloat32, {1}), of(kFloat32, {1.125})));
  EXPECT_TRUE(equal(of(kInt64, kPair), of(kFloat32, kPair)));
  EXPECT_FALSE(equal(zeros({2, 0}), zeros({0, 2})));
  EXPECT_FALSE(equal(x, x));
  EXPECT_TRUE(is_nonzero(of(kFloat32, {kNan})));
  EXPECT_FALSE(of(kBool, {0}).is_nonzero());
  EXPECT_THROW(is_nonzero(x), Error);
  EXPECT_THROW(is_nonzero(empty({0})), Error);
}

TEST(ElementwiseRules, IsIn) {
  const Tensor i = of(kInt64, {1, 2, 3, 4}).reshape({2, 2});
  EXPECT_IS(isin(i, of(kInt64, {4, 1})), kBool, {1, 0, 0, 1});
  EXPECT_IS(isin(i, of(kInt64, {4, 1}), false, true), kBool, {0, 1, 1, 0});
  EXPECT_IS(isin(i, 3), kBool, {0, 0, 1, 0});
  EXPECT_IS(isin(i, 2.5), kBool, {0, 0, 0, 0});
  EXPECT_IS(isin(3, i), kBool, {1});
  EXPECT_IS(isin(i, of(kInt64, {})), kBool, {0, 0, 0, 0});
  EXPECT_IS(isin(of(kFloat32, {kNan}), of(kFloat32, {kNan})), kBool, {0});
  EXPECT_IS(isin(of(kUInt8, {255}), of(kInt64, {-1})), kBool, {0});
  EXPECT_EQ(isin(of(kInt64, {}), i).numel(), 0);
  EXPECT_THROW(isin(of(kBool, {1}), of(kBool, {1})), Error);
  // More than is compared at once.
  const Tensor many = arange(2000000), few = arange(1999998, 2000003);
  EXPECT_EQ(isin(many, few).sum().item<int64_t>(), 2);
  EXPECT_IS(isin(few, many), kBool, {1, 1, 0, 0, 0});
}

TEST(ElementwiseRules, Where) {
  const Tensor c = of(kBool, {1, 0});
  EXPECT_IS(where(c, 1, 2), kInt64, {1, 2});
  EXPECT_IS(where(c, 1, 2.5), kFloat32, {1, 2.5});
  EXPECT_IS(where(c, true, false), kBool, {1, 0});
  EXPECT_IS(where(c, of(kFloat16, {1.5, 2}), 2.5), kFloat16, {1.5, 2.5});
  EXPECT_IS(where(c.to(kUInt8), of(kInt64, kPair), 0), kInt64, {7, 0});
  EXPECT_THROW(where(c.to(kInt64), c, c), Error);
  const Tensor x = of(kFloat32, {1, 2, 3}).requires_grad_(), v = scalar_tensor(5.0).requires_grad_();
  const Tensor y = x.masked_fill(of(kBool, {1, 0, 1}), v);
  EXPECT_EQ(y.grad_fn()->name(), "MaskedFillBackward1");
  y.sum().backward();
  EXPECT_IS(x.grad(), kFloat32, {0, 1, 0});
  EXPECT_IS(v.grad(), kFloat32, {2});
  EXPECT_THROW(x.masked_fill(of(kBool, {1, 0, 1}), of(kFloat32, {2})), Error);
  const Tensor z = zeros({2});
  z.masked_fill_(c, v);
  EXPECT_TRUE(z.requires_grad());
}

// What each operand gets where the choice between them is not unique.
TEST(ElementwiseRules, GradientsAtTies) {
  struct Case {
    const char* text;
    Tensor (*call)(const Tensors&);
    std::vector<std::vector<double>> inputs, gradients;
  };
  for (const Case& c : std::vector<Case>{
           {"maximum", [](const Tensors& t) { return maximum(t[0], t[1]); }, {{1, 2}, {1, kNan}}, {{0.5, 1}, {0.5, 1}}},
           {"fmax",
            [](const Tensors& t) { return fmax(t[0], t[1]); },
            {{1, 2, kNan, kNan, 3}, {1, kNan, 1, kNan, 2}},
            {{0.5, 1, 0, 1, 1}, {0.5, 0, 1, 0, 0}}},
           {"fmin",
            [](const Tensors& t) { return fmin(t[0], t[1]); },
            {{1, 2, kNan, kNan, 3}, {1, kNan, 1, kNan, 2}},
            {{0.5, 1, 0, 1, 0}, {0.5, 0, 1, 0, 1}}},
           {"atan2", [](const Tensors& t) { return atan2(t[0], t[1]); }, {{0, 1}, {0, 0}}, {{0, 0}, {0, -1}}},
           {"copysign",
            [](const Tensors& t) { return copysign(t[0], t[1]); },
            {{0, 1, -1}, {1, -1, 1}},
            {{0, -1, -1}, {0, 0, 0}}},
           {"nextafter",
            [](const Tensors& t) { return nextafter(t[0], t[1]); },
            {{1, 0, 1}, {1, 1, 2}},
            {{0, 1, 1}, {0, 0, 0}}},
           {"xlogy",
            [](const Tensors& t) { return xlogy(t[0], t[1]); },
            {{0, 1}, {-1, 2}},
            {{0, std::log(2)}, {0, 0.5}}},
           {"clamp to numbers",
            [](const Tensors& t) { return clamp(t[0], Scalar(1), Scalar(2)); },
            {{1, 1.5, 2, kNan}},
            {{0, 1, 0, 0}}},
           {"clamp to a number", [](const Tensors& t) { return clamp(t[0], Scalar(1)); }, {{1, kInf, 0}}, {{0, 1, 0}}},
           {"clamp to tensors",
            [](const Tensors& t) { return clamp(t[0], t[1], t[2]); },
            {{1, 2, 1.5, 1, 2, 0, 3, -1, kNan, 1}, {1, 1, 1, 1, 1, 1, 3, 2, 1, kNan}, {2, 2, 2, 1, 1, 1, 2, 0, 2, 2}},
            {{0.5, 0.5, 1, 1, 0, 0, 0, 0, 1, 1}, {0.5, 0, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 0.5, 0, 0, 1, 0, 1, 1, 0, 0}}},
           {"clamp_min",
            [](const Tensors& t) { return clamp_min(t[0], t[1]); },
            {{1, 2, 0, kNan}, {1, 1, 1, 1}},
            {{0.5, 1, 0, 1}, {0.5, 0, 1, 1}}},
           {"pow",
            [](const Tensors& t) { return pow(t[0], t[1]); },
            {{0, 0, 2}, {0, 1, 3}},
            {{0, 1, 12}, {0, 0, 8 * std::log(2)}}},
           {"pow of 0", [](const Tensors& t) { return pow(0, t[0]); }, {{0, 2}}, {{0, 0}}},
           {"nan_to_num", [](const Tensors& t) { return nan_to_num(t[0]); }, {{kNan, kInf, 1}}, {{0, 0, 1}}}}) {
    SCOPED_TRACE(c.text);
    Tensors inputs;
    for (const std::vector<double>& v : c.inputs) inputs.push_back(of(kFloat64, v).requires_grad_());
    c.call(inputs).sum().backward();
    for (size_t i = 0; i < inputs.size(); ++i) EXPECT_IS(inputs[i].grad(), kFloat64, c.gradients[i]) << "input " << i;
  }
}

TEST(ElementwiseRules, NodeNames) {
  const Tensor x = of(kFloat32, {1, 2}).requires_grad_();
  const auto name = [](const Tensor& t) { return t.grad_fn()->name(); };
  EXPECT_EQ(name(x + x), "AddBackward0");
  EXPECT_EQ(name(x + 1), "AddBackward1");
  EXPECT_EQ(name(x - 1), "SubBackward1");
  EXPECT_EQ(name(1 - x), "RsubBackward1");
  EXPECT_EQ(name(x * 2), "MulBackward1");
  EXPECT_EQ(name(x / 2), "DivBackward1");
  EXPECT_EQ(name(div(x, x, "floor")), "DivBackward2");
  EXPECT_EQ(name(div(x, 2, "trunc")), "DivBackward3");
  EXPECT_EQ(name(x % 2), "RemainderBackward0");
  EXPECT_EQ(name(fmod(x, x)), "FmodBackward1");
  EXPECT_EQ(name(pow(2, x)), "PowBackward2");
  EXPECT_EQ(name(xlogy(2, x)), "XlogyBackward1");
  EXPECT_EQ(name(lerp(x, x, x)), "LerpBackward1");
  EXPECT_EQ(name(clamp(x, x)), "ClampBackward0");
  EXPECT_EQ(name(clamp_min(x, 0)), "ClampMinBackward0");
  EXPECT_EQ(name(clamp_max(x, x)), "ClampMaxBackward1");
  EXPECT_EQ(name(ldexp(x, x)), "LdexpBackward0");
  EXPECT_THROW(floor_divide(x, 2).sum().backward(), Error);
  EXPECT_THROW(heaviside(x, x).sum().backward(), Error);
}

// What is written to may be an operand, show the elements of one, or lie across one; each change counts once.
TEST(ElementwiseRules, ResultsThatAreOperands) {
  const Tensor x = of(kFloat32, {1, 2, 3, 4});
  EXPECT_IS(x.clone().add_(x), kFloat32, {2, 4, 6, 8});
  const Tensor own = x.clone();
  EXPECT_IS(own.add_(own), kFloat32, {2, 4, 6, 8});
  EXPECT_IS(own.mul_(own.view({4})), kFloat32, {4, 16, 36, 64});
  EXPECT_IS(own.sub_(own, 0.5), kFloat32, {2, 8, 18, 32});
  EXPECT_EQ(own._version(), 3);
  Tensor out = x.clone();
  EXPECT_IS(add_out(out, x, out), kFloat32, {2, 4, 6, 8});
  EXPECT_IS(mul_out(out, out, x), kFloat32, {2, 8, 18, 32});
  EXPECT_EQ(out._version(), 2);
  const Tensor row = of(kFloat32, {1, 2, 3, 4, 5});
  Tensor part = row.slice(0, 1, 5);
  EXPECT_THROW(add_out(part, row.slice(0, 0, 4), x), Error);
  EXPECT_THROW(part.mul_(row.slice(0, 0, 4)), Error);
  EXPECT_IS(part.add_(row.slice(0, 0, 1)), kFloat32, {3, 4, 5, 6});
  // Not alike: promoted, converted, broadcast.
  EXPECT_IS(of(kFloat16, {1, 2}).add_(of(kFloat32, {1, 2})), kFloat16, {2, 4});
  EXPECT_THROW(of(kInt64, {1, 2}).mul_(0.5), Error);
  EXPECT_THROW(of(kInt64, {1, 2}).add_(of(kFloat32, {1, 2})), Error);
  EXPECT_IS(of(kInt64, {1, 2}).mul_(3), kInt64, {3, 6});
}

TEST(ElementwiseRules, UndefinedOperands) {
  const Tensor x = of(kFloat32, {1, 2}).requires_grad_(), none;
  for (const bool records : {true, false}) {
    const AutoGradMode mode(records);
    EXPECT_ERROR(mul(x, none), "mul: argument 'other'");
    EXPECT_ERROR(mul(none, x), "mul: argument 'self'");
    EXPECT_ERROR(none * 2, "mul: argument 'self'");
    EXPECT_ERROR((x * 1).mul_(none), "mul: argument 'other'");
    EXPECT_ERROR((x * 1).add_(none), "add: argument 'other'");
    EXPECT_ERROR(none.add_(x), "argument 'self'");
  }
}

// Results keep the order of the dimensions in memory.
TEST(ElementwiseRules, StridesOfResults) {
  const auto strides = [](const Tensor& t) { return t.strides().vec(); };
  using S = std::vector<int64_t>;
  const Tensor t = ones({3, 2}).t();
  EXPECT_EQ(strides(t + t), (S{1, 2}));
  EXPECT_EQ(strides(ones({2, 3}) + t), (S{3, 1}));
  EXPECT_EQ(strides(ones({1, 3}) + t), (S{1, 2}));
  EXPECT_EQ(strides(clamp(ones({2, 1}), t, t)), (S{1, 2}));
  EXPECT_EQ(strides(t.slice(1, 0, 2) + 1), (S{1, 2}));
  EXPECT_EQ(strides(ones({4, 6}).slice(1, 0, 6, 2).t() + 1), (S{1, 3}));
  EXPECT_EQ(strides(t == 1), (S{1, 2}));
  EXPECT_EQ(strides(where(ones({2, 3}) > 0, t, t)), (S{3, 1}));
  EXPECT_EQ(strides(lerp(t, ones({2, 3}), 0.5)), (S{1, 2}));
}

}  // namespace
}  // namespace ember::test
