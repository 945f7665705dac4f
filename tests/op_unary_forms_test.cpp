// The _out forms of the operations of one tensor, and what the table of operations cannot say about them.
#include <cmath>
#include <limits>

#include <ember/autograd/autograd.h>

#include "op_harness.h"
#include "values.h"

namespace ember::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Form {
  const char* name;
  std::function<Tensor(const Tensor&)> call;
  std::function<Tensor&(Tensor&, const Tensor&)> out;
  bool converts;  // whether `out` may be of another floating dtype
};

#define FORM(name, converts) \
  { \
#name, [](const Tensor& x) { return name(x); }, \
                                                 [](Tensor & out, \
                                                    const Tensor& x) -> Tensor& { return name##_out(out, x); }, \
                                                                                                             converts \
  }

const std::vector<Form>& forms() {
  static const std::vector<Form> table = {
      FORM(neg, false),
      FORM(negative, false),
      FORM(abs, false),
      FORM(absolute, false),
      FORM(sign, false),
      FORM(sgn, false),
      FORM(square, true),
      FORM(sqrt, true),
      FORM(rsqrt, true),
      FORM(reciprocal, true),
      FORM(exp, true),
      FORM(exp2, true),
      FORM(expm1, true),
      FORM(log, true),
      FORM(log2, true),
      FORM(log10, true),
      FORM(log1p, true),
      FORM(sin, true),
      FORM(cos, true),
      FORM(tan, true),
      FORM(asin, true),
      FORM(arcsin, true),
      FORM(acos, true),
      FORM(arccos, true),
      FORM(atan, true),
      FORM(arctan, true),
      FORM(sinh, true),
      FORM(cosh, true),
      FORM(tanh, true),
      FORM(asinh, true),
      FORM(arcsinh, true),
      FORM(acosh, true),
      FORM(arccosh, true),
      FORM(atanh, true),
      FORM(arctanh, true),
      FORM(sinc, true),
      FORM(rad2deg, true),
      FORM(deg2rad, true),
      FORM(floor, false),
      FORM(ceil, false),
      FORM(round, false),
      FORM(trunc, false),
      FORM(fix, false),
      FORM(frac, false),
      FORM(erf, true),
      FORM(erfc, true),
      FORM(erfinv, true),
      FORM(lgamma, true),
      FORM(digamma, true),
      FORM(logit, true),
      FORM(sigmoid, true),
      FORM(relu, false),
      FORM(elu, false),
      FORM(gelu, false),
      FORM(silu, false),
      FORM(softplus, false),
      FORM(leaky_relu, false),
      FORM(hardtanh, false),
      FORM(log_sigmoid, false),
      {"round to 1", [](const Tensor& x) { return round(x, 1); },
       [](Tensor& out, const Tensor& x) -> Tensor& { return round_out(out, x, 1); }, false},
      {"polygamma", [](const Tensor& x) { return polygamma(2, x); },
       [](Tensor& out, const Tensor& x) -> Tensor& { return polygamma_out(out, 2, x); }, true},
      {"threshold", [](const Tensor& x) { return threshold(x, 0.5, 2); },
       [](Tensor& out, const Tensor& x) -> Tensor& { return threshold_out(out, x, 0.5, 2); }, true},
      {"softmax", [](const Tensor& x) { return softmax(x, 1); },
       [](Tensor& out, const Tensor& x) -> Tensor& { return softmax_out(out, x, 1); }, false},
      {"log_softmax", [](const Tensor& x) { return log_softmax(x, 0); },
       [](Tensor& out, const Tensor& x) -> Tensor& { return log_softmax_out(out, x, 0); }, false},
  };
  return table;
}

TEST(UnaryOut, WritesResizesAndConverts) {
  for (const Form& f : forms()) {
    SCOPED_TRACE(f.name);
    for (const Sizes& sizes : std::vector<Sizes>{{3, 5}, {2, 0}}) {
      const Tensor x = make(draw(value(sizes, 0.1, 0.9), 0, kFloat32), kFloat32);
      const Tensor expected = f.call(x);
      Tensor fresh = empty({0});
      EXPECT_EQ(&f.out(fresh, x), &fresh);
      EXPECT_TRUE(same(fresh, expected));
      // Into part of another tensor, and from a transposed one.
      const Tensor base = full({7, 11}, -7.0);
      Tensor part = base.slice(0, 1, 1 + sizes[0]).slice(1, 0, 2 * sizes[1], 2);
      f.out(part, x);
      EXPECT_TRUE(same(part, expected));
      EXPECT_TRUE(same(base.select(0, 6), full({11}, -7.0)));
      Tensor twisted = empty({sizes[1], sizes[0]}).t();
      f.out(twisted, x);
      EXPECT_TRUE(same(twisted, expected));
      EXPECT_EQ(twisted.stride(0), 1);
      // Into the input itself.
      Tensor y = x.clone();
      f.out(y, y);
      EXPECT_TRUE(same(y, expected));
      Tensor wide = empty({0}, kFloat64);
      if (f.converts) {
        f.out(wide, x);
        EXPECT_TRUE(same(wide, expected.to(kFloat64)));
      } else {
        EXPECT_THROW(f.out(wide, x), Error);
        EXPECT_EQ(wide.numel(), 0);
      }
    }
    Tensor integers = full({2}, 7, kInt32), out = empty({2});
    EXPECT_THROW(f.out(integers, full({2}, 0.5)), Error);
    EXPECT_TRUE(same(integers, full({2}, 7, kInt32)));
    EXPECT_THROW(f.out(out, full({2}, 0.5).requires_grad_()), Error);
    EXPECT_THROW(f.out(out, Tensor()), Error);
    Tensor undefined;
    EXPECT_THROW(f.out(undefined, out), Error);
  }
}

TEST(UnaryOut, OfOtherDtypes) {
  const Tensor n = tensor({-2, 0, 3});
  Tensor out = empty({0}, kInt64);
  EXPECT_TRUE(same(neg_out(out, n), tensor({2, 0, -3})));
  EXPECT_TRUE(same(floor_out(out, n), n));
  EXPECT_TRUE(same(relu_out(out, n), tensor({0, 0, 3})));
  Tensor bits = empty({0}, kBool);
  EXPECT_TRUE(same(signbit_out(bits, n), n < 0));
  EXPECT_TRUE(same(signbit_out(bits, tensor({-0.0, 0.0, -kInf, kNan})), tensor({true, false, true, false})));
  EXPECT_THROW(signbit_out(out, n), Error);
  Tensor x = empty({0}, kFloat64);
  EXPECT_TRUE(same(exp_out(x, n), n.exp().to(kFloat64)));
  EXPECT_TRUE(same(square_out(x, n), tensor({4.0, 0.0, 9.0}, kFloat64)));
}

TEST(Unary, DtypesOfIntegersAndBools) {
  const Tensor b = tensor({true, false});
  EXPECT_TRUE(same(square(b), tensor({1, 0})));
  EXPECT_TRUE(same(sgn(b), b));
  EXPECT_THROW(b.clone().square_(), Error);
  EXPECT_TRUE(same(b.clone().sign_(), b));
  EXPECT_TRUE(same(rad2deg(tensor({180})), tensor({180.0}).rad2deg()));
  const Tensor u = tensor({0, 3, 200}).to(kUInt8);
  EXPECT_TRUE(same(hardtanh(u, -1, 2), tensor({0, 2, 2}).to(kUInt8)));
  EXPECT_TRUE(same(hardtanh(u, 1, 300), tensor({1, 3, 200}).to(kUInt8)));
  EXPECT_THROW(hardtanh(u, 300, 400), Error);
  EXPECT_THROW(hardtanh(u, -3, -1), Error);
  for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{
           [](const Tensor& x) { return elu(x); }, [](const Tensor& x) { return gelu(x); }, silu,
           [](const Tensor& x) { return softplus(x); }, log_sigmoid, frac,
           [](const Tensor& x) { return round(x, 1); }}) {
    EXPECT_THROW(f(empty({0}, kInt32)), Error);  // also where there is nothing to compute
  }
  EXPECT_THROW(neg(empty({0}, kBool)), Error);
  EXPECT_THROW(floor(empty({0}, kBool)), Error);
}

TEST(Unary, RefusesBadNumbers) {
  const Tensor x = ones({2, 3});
  EXPECT_THROW(polygamma(-1, x), Error);
  EXPECT_THROW(celu(x, 0), Error);
  EXPECT_THROW(gelu(x, "sigmoid"), Error);
  EXPECT_THROW(glu(x, 1), Error);
  EXPECT_THROW(glu(x, 2), IndexError);
  EXPECT_THROW(glu(ones({}), 0), Error);
}

TEST(Unary, EdgesOfTheDomain) {
  const auto check = [](const Tensor& actual, std::vector<double> expected) {
    const auto n = static_cast<int64_t>(expected.size());
    EXPECT_TRUE(matches(actual, {std::move(expected), {n}}, actual.dtype(), {4, 0}));
  };
  for (const ScalarType t : {kFloat32, kFloat64}) {
    const Tensor ends = tensor({-kInf, kInf, kNan}, t);
    check(log_sigmoid(ends), {-kInf, 0, kNan});
    check(softplus(ends), {0, kInf, kNan});
    check(gelu(ends), {kNan, kInf, kNan});
    check(erfinv(tensor({-1.0, 1.0, 1.5, -0.0}, t)), {-kInf, kInf, kNan, -0.0});
    check(digamma(tensor({0.0, -0.0, -1.0, -kInf, kInf}, t)), {-kInf, kInf, kNan, kNan, kInf});
    check(lgamma(tensor({0.0, -1.0, -kInf, kInf}, t)), {kInf, kInf, kInf, kInf});
    check(polygamma(1, tensor({0.0, -1.0, kInf}, t)), {kInf, kInf, 0});
    check(polygamma(2, tensor({0.0, -2.0}, t)), {-kInf, -kInf});
    check(polygamma(3, tensor({250.0}, t)), {1.2877004798361635e-7});
    check(logit(tensor({0.0, 1.0, -1.0, 2.0}, t)), {-kInf, kInf, kNan, kNan});
    check(sinc(tensor({0.0, 1e-30}, t)), {1, 1});
    // Orders whose factorial is too large, or whose ζ too small, for a double.
    const HostArray high = read(polygamma(200, tensor({0.5, 250.0, 1000.0}, kFloat64)));
    EXPECT_EQ(high.data[0], -kInf);
    EXPECT_NEAR(high.data[1] / -1.47954922666551717561646e-107, 1, 1e-12);
    EXPECT_NEAR(high.data[2] / -4.350819270597101843741185e-228, 1, 1e-12);
    EXPECT_TRUE(sin(tensor({-0.0}, t)).signbit().item<bool>());
    EXPECT_TRUE(round(tensor({-0.25}, t)).signbit().item<bool>());
  }
}

TEST(Unary, GradientsAtTheEdges) {
  const auto gradient = [](const std::function<Tensor(const Tensor&)>& f, double at) {
    const Tensor x = tensor({at}, kFloat64).requires_grad_();
    return autograd::grad({f(x).sum()}, {x})[0].item<double>();
  };
  EXPECT_EQ(gradient(relu, 0), 0);
  EXPECT_EQ(gradient([](const Tensor& x) { return hardtanh(x); }, 1), 0);
  EXPECT_EQ(gradient([](const Tensor& x) { return elu(x); }, 0), 1);
  EXPECT_EQ(gradient(abs, 0), 0);
  EXPECT_EQ(gradient(sinc, 0), 0);
  EXPECT_TRUE(std::isnan(gradient([](const Tensor& x) { return elu(x); }, kNan)));
  EXPECT_TRUE(std::isnan(gradient([](const Tensor& x) { return logit(x); }, 1.5)));
  EXPECT_EQ(gradient([](const Tensor& x) { return logit(x, 0.1); }, 1.5), 0);
  // Near 0 the formula of sinc's gradient cancels; the second derivative at 0 is −π²/3.
  EXPECT_NEAR(gradient(sinc, 1e-9), -3.289868133696453e-9, 1e-22);
  const Tensor x = zeros({1}, kFloat64).requires_grad_();
  const Tensor first = autograd::grad({sinc(x)}, {x}, {}, std::nullopt, true)[0];
  EXPECT_NEAR(autograd::grad({first}, {x})[0].item<double>(), -3.289868133696453, 1e-12);
  // A second gradient that is zero is there all the same.
  const Tensor y = ones({1}).requires_grad_();
  const Tensor slope = autograd::grad({relu(y)}, {y}, {}, std::nullopt, true)[0];
  EXPECT_EQ(autograd::grad({slope}, {y})[0].item<float>(), 0);
}

TEST(Unary, NamesOfNodes) {
  const Tensor x = full({2, 2}, 0.5).requires_grad_();
  const auto name = [](const Tensor& y) { return y.grad_fn()->name(); };
  EXPECT_EQ(name(log1p(x)), "Log1PBackward0");
  EXPECT_EQ(name(round(x, 2)), "RoundBackward1");
  EXPECT_EQ(name(selu(x)), "EluBackward0");
  EXPECT_EQ(name(celu(x)), "CeluBackward0");
  EXPECT_EQ(name(relu6(x)), "HardtanhBackward0");
  Tensor y = x * 1, z = x * 1;
  EXPECT_EQ(name(leaky_relu_(y)), "LeakyReluBackward1");
  EXPECT_EQ(name(selu_(z)), "EluBackward1");
}

TEST(Dropout, InPlaceAndWithoutEffect) {
  manual_seed(3);
  const Tensor x = ones({1000});
  const Tensor y = dropout(x, 0.25, true);
  const double kept = (y != 0).sum().item<double>();
  EXPECT_NEAR(kept, 750, 60);
  EXPECT_TRUE(same(y.masked_fill(y == 0, 4.0 / 3), full({1000}, 4.0 / 3)));
  EXPECT_TRUE(dropout(x, 0.5, false).is_same(x));
  EXPECT_TRUE(same(dropout(x, 1, true), zeros({1000})));
  manual_seed(3);
  Tensor z = x.clone();
  EXPECT_EQ(&dropout_(z, 0.25, true), &z);
  EXPECT_TRUE(same(z, y));
  EXPECT_THROW(dropout(x, 1.5, true), Error);
  EXPECT_THROW(dropout(x, kNan, false), Error);
}

}  // namespace
}  // namespace ember::test
