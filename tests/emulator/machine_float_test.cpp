// Floating-point arithmetic in every rounding mode, against exact results.
#include <cmath>
#include <limits>
#include <random>

#include "machine_rounding.h"
#include "machine_test.h"

namespace emulator::test {

namespace {

template <class T>
const char* kName = sizeof(T) == 4 ? ".f32" : ".f64";
template <class T>
uint64_t nan_bits() {
  return sizeof(T) == 4 ? 0x7fffffff : 0x7ff8000000000000;
}
template <class T>
const T kInfinity = std::numeric_limits<T>::infinity();
template <class T>
const T kTiny = std::numeric_limits<T>::denorm_min();
template <class T>
const T kLeast = std::numeric_limits<T>::min();
template <class T>
const T kMost = std::numeric_limits<T>::max();

// Some of whose sums and products are ties, and close to them; near enough to each other for Exact.
template <class T>
std::vector<uint64_t> numbers() {
  const T epsilon = std::numeric_limits<T>::epsilon();
  std::vector<T> some = {1,
                         -1,
                         1 + epsilon,
                         1 - epsilon / 2,
                         3,
                         T(0.1),
                         -T(1) / 3,
                         epsilon,
                         epsilon / 2,
                         -epsilon / 2,
                         10.5f,
                         -epsilon * T(0.75),
                         1 + 2 * epsilon,
                         -2 + epsilon,
                         epsilon * T(1.5),
                         T(1e-3),
                         4097,
                         4095};
  std::mt19937_64 random(7);
  std::uniform_real_distribution<T> any(-2, 2);
  for (int n = 0; n < 20; ++n) some.push_back(any(random));
  std::vector<uint64_t> result;
  for (const T v : some) result.push_back(bits(v));
  return result;
}

// op in every mode, of rows of T.
template <class T, class F>
void expect_modes(const std::string& op, size_t operands, const std::vector<Row>& rows, F exact) {
  const std::string type = kName<T>;
  for (const auto& [suffix, mode] : kModes) {
    expect_each(op + suffix + type, type, std::vector<std::string>(operands, type), rows, [&](const Row& r) {
      const Exact x = exact(r);
      if (x != 0) return bits(rounded<T>(x, mode));
      return bits(T(0));  // rows whose zero has a sign are left out
    });
  }
}

template <class T>
Exact at(const Row& row, size_t n) {
  return value<T>(row[n]);
}

template <class T>
std::vector<Row> without_zero(std::vector<Row> rows, Exact (*f)(const Row&)) {
  std::erase_if(rows, [&](const Row& r) { return f(r) == 0; });
  return rows;
}

template <class T>
void expect_sums_and_products() {
  const auto rows = product({numbers<T>(), numbers<T>()});
  const auto sum = [](const Row& r) { return at<T>(r, 0) + at<T>(r, 1); };
  const auto difference = [](const Row& r) { return at<T>(r, 0) - at<T>(r, 1); };
  expect_modes<T>("add", 2, without_zero<T>(rows, sum), sum);
  expect_modes<T>("sub", 2, without_zero<T>(rows, difference), difference);
  expect_modes<T>("mul", 2, rows, [](const Row& r) { return at<T>(r, 0) * at<T>(r, 1); });
}

template <class T>
void expect_fused() {
  // Addends that almost cancel the product: what a product that was rounded first would lose.
  std::vector<Row> rows;
  for (const Row& r : product({numbers<T>(), numbers<T>()})) {
    const T a = value<T>(r[0]), b = value<T>(r[1]);
    for (const T c : {-(a * b), a * b, std::nextafter(-(a * b), T(0)), a * b * std::numeric_limits<T>::epsilon() / 2}) {
      rows.push_back({r[0], r[1], bits(c)});
    }
  }
  const auto f = [](const Row& r) { return at<T>(r, 0) * at<T>(r, 1) + at<T>(r, 2); };
  expect_modes<T>("fma", 3, without_zero<T>(rows, f), f);
}

// The quotient of doubles is no tie, and no nearer to one than Exact can tell.
template <class T>
void expect_quotients() {
  expect_modes<T>("div", 2, product({numbers<T>(), numbers<T>()}),
                  [](const Row& r) { return at<T>(r, 0) / at<T>(r, 1); });
  expect_modes<T>("rcp", 1, product({numbers<T>()}), [](const Row& r) { return 1 / at<T>(r, 0); });
}

// By the squares of what lies around the root.
template <class T>
void expect_roots() {
  std::vector<Row> rows;
  for (const uint64_t n : numbers<T>()) rows.push_back({bits(std::fabs(value<T>(n)))});
  for (const T exact : {T(4), T(9), T(2.25)}) rows.push_back({bits(exact)});
  for (const auto& [suffix, mode] : kModes) {
    const std::vector<uint64_t> roots = compute("sqrt" + suffix + kName<T>, kName<T>, {kName<T>}, rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      const T root = value<T>(roots[i]);
      const Exact x = at<T>(rows[i], 0), r = root, below = std::nextafter(root, T(0)),
                  above = std::nextafter(root, kInfinity<T>);
      const Exact low = (r + below) / 2, high = (r + above) / 2;
      bool right = false;
      if (mode == Mode::kNearest) right = low * low < x && x < high * high;
      if (mode == Mode::kUp) right = below * below < x && x <= r * r;
      if (mode == Mode::kDown || mode == Mode::kZero) right = r * r <= x && x < above * above;
      EXPECT_TRUE(right) << "sqrt" << suffix << " of " << value<T>(rows[i][0]) << " is " << root;
    }
  }
}

template <class T>
void expect_specials() {
  const std::string t = kName<T>;
  const auto two = [&](const std::string& op, T a, T b) { return compute(op + t, t, {t, t}, {{bits(a), bits(b)}})[0]; };
  const T nan = value<T>(nan_bits<T>() - 5), inf = kInfinity<T>;
  EXPECT_EQ(two("add.rn", nan, 1), nan_bits<T>());
  EXPECT_EQ(two("add.rn", inf, -inf), nan_bits<T>());
  EXPECT_EQ(two("sub.rn", inf, inf), nan_bits<T>());
  EXPECT_EQ(two("mul.rn", inf, 0), nan_bits<T>());
  EXPECT_EQ(two("mul.rn", inf, -2), bits(-inf));
  EXPECT_EQ(two("div.rn", 0, 0), nan_bits<T>());
  EXPECT_EQ(two("div.rn", -1, 0), bits(-inf));
  EXPECT_EQ(two("add.rn", T(1), -T(1)), bits(T(0)));
  EXPECT_EQ(two("add.rm", T(1), -T(1)), bits(-T(0))) << "downwards a zero is -0";
  EXPECT_EQ(two("add.rm", T(0), T(0)), bits(T(0)));
  EXPECT_EQ(two("add.rn", -T(0), -T(0)), bits(-T(0)));
  EXPECT_EQ(two("add.rn", -T(0), T(0)), bits(T(0)));
  EXPECT_EQ(two("mul.rn", -T(0), T(3)), bits(-T(0)));
  // To what there is where the exact result is too large, and too small.
  EXPECT_EQ(two("add.rn", kMost<T>, kMost<T>), bits(inf));
  EXPECT_EQ(two("add.rz", kMost<T>, kMost<T>), bits(kMost<T>));
  EXPECT_EQ(two("add.rm", kMost<T>, kMost<T>), bits(kMost<T>));
  EXPECT_EQ(two("add.rp", -kMost<T>, -kMost<T>), bits(-kMost<T>));
  EXPECT_EQ(two("add.rm", -kMost<T>, -kMost<T>), bits(-inf));
  EXPECT_EQ(two("mul.rn", kTiny<T>, T(0.5)), bits(T(0)));
  EXPECT_EQ(two("mul.rn", kTiny<T>, T(0.75)), bits(kTiny<T>));
  EXPECT_EQ(two("mul.rp", kTiny<T>, T(0.25)), bits(kTiny<T>));
  EXPECT_EQ(two("mul.rz", kTiny<T>, T(0.75)), bits(T(0)));
  EXPECT_EQ(two("mul.rn", kLeast<T>, T(0.5)), bits(kLeast<T> / 2)) << "a subnormal";
  EXPECT_EQ(compute("sqrt.rn" + t, t, {t}, {{bits(T(-1))}, {bits(-T(0))}, {bits(inf)}}),
            (std::vector<uint64_t>{nan_bits<T>(), bits(-T(0)), bits(inf)}));
  EXPECT_EQ(
      compute("fma.rn" + t, t, {t, t, t}, {{bits(inf), bits(T(0)), bits(T(1))}, {bits(T(2)), bits(T(3)), bits(nan)}}),
      (std::vector<uint64_t>{nan_bits<T>(), nan_bits<T>()}));
}

template <class T>
void expect_extremes() {
  const std::string t = kName<T>;
  const T nan = value<T>(nan_bits<T>() - 5), inf = kInfinity<T>;
  const std::vector<Row> rows = {{bits(T(1)), bits(T(2))},  {bits(T(2)), bits(T(1))}, {bits(-T(0)), bits(T(0))},
                                 {bits(T(0)), bits(-T(0))}, {bits(nan), bits(T(5))},  {bits(T(5)), bits(nan)},
                                 {bits(nan), bits(nan)},    {bits(inf), bits(-inf)},  {bits(-T(3)), bits(-T(4))}};
  const uint64_t n = nan_bits<T>();
  const std::vector<uint64_t> least = {bits(T(1)), bits(T(1)), bits(-T(0)), bits(-T(0)), bits(T(5)),
                                       bits(T(5)), n,          bits(-inf),  bits(-T(4))};
  const std::vector<uint64_t> most = {bits(T(2)), bits(T(2)), bits(T(0)), bits(T(0)), bits(T(5)),
                                      bits(T(5)), n,          bits(inf),  bits(-T(3))};
  EXPECT_EQ(compute("min" + t, t, {t, t}, rows), least);
  EXPECT_EQ(compute("max" + t, t, {t, t}, rows), most);
  if (sizeof(T) == 8) return;
  auto with_nan = [n](std::vector<uint64_t> all) {
    all[4] = all[5] = n;
    return all;
  };
  EXPECT_EQ(compute("min.NaN" + t, t, {t, t}, rows), with_nan(least));
  EXPECT_EQ(compute("max.NaN" + t, t, {t, t}, rows), with_nan(most));
}

uint64_t f(float v) { return bits(v); }

}  // namespace

TEST(MachineFloat, SumsAndProductsInEveryMode) {
  expect_sums_and_products<float>();
  expect_sums_and_products<double>();
}
TEST(MachineFloat, FusedInEveryMode) {
  expect_fused<float>();
  expect_fused<double>();
}
TEST(MachineFloat, QuotientsInEveryMode) {
  expect_quotients<float>();
  expect_quotients<double>();
}
TEST(MachineFloat, RootsInEveryMode) {
  expect_roots<float>();
  expect_roots<double>();
}
TEST(MachineFloat, NanInfinityAndZero) {
  expect_specials<float>();
  expect_specials<double>();
}
TEST(MachineFloat, MinimumAndMaximum) {
  expect_extremes<float>();
  expect_extremes<double>();
}

TEST(MachineFloat, MinimumAndMaximumOfTwoHalves) {
  // 1 and -2 with 3 and -5, 0 and -0 with NaN and 0, NaN and -inf with NaN and -inf.
  const std::vector<Row> halves = {{0xc0003c00, 0xc5004200}, {0x80000000, 0x00007e01}, {0xfc007c01, 0xfc007e00}};
  EXPECT_EQ(compute("max.f16x2", ".b32", {".b32", ".b32"}, halves),
            (std::vector<uint64_t>{0xc0004200, 0x00000000, 0xfc007fff}));
  EXPECT_EQ(compute("min.f16x2", ".b32", {".b32", ".b32"}, halves),
            (std::vector<uint64_t>{0xc5003c00, 0x80000000, 0xfc007fff}));
  const std::vector<Row> brains = {{0xc0003f80, 0xc0a04040}, {0x80000000, 0x00007fc1}, {0xff807f81, 0xff807fc0}};
  EXPECT_EQ(compute("max.bf16x2", ".b32", {".b32", ".b32"}, brains),
            (std::vector<uint64_t>{0xc0004040, 0x00000000, 0xff807fff}));
  EXPECT_EQ(compute("min.bf16x2", ".b32", {".b32", ".b32"}, brains),
            (std::vector<uint64_t>{0xc0a03f80, 0x80000000, 0xff807fff}));
}

TEST(MachineFloat, SignsOfAnything) {
  EXPECT_EQ(compute("neg.f32", ".f32", {".f32"}, {{f(1)}, {f(0)}, {f(-2)}}),
            (std::vector<uint64_t>{f(-1), f(-0.f), f(2)}));
  EXPECT_EQ(compute("abs.f32", ".f32", {".f32"}, {{f(-1)}, {f(-0.f)}, {f(-kInfinity<float>)}}),
            (std::vector<uint64_t>{f(1), f(0), f(kInfinity<float>)}));
  EXPECT_EQ(compute("copysign.f32", ".f32", {".f32", ".f32"}, {{f(-1), f(5)}, {f(-0.f), f(-3)}, {f(2), f(-4)}}),
            (std::vector<uint64_t>{f(-5), f(-3), f(4)}));
  EXPECT_EQ(compute("neg.f64", ".f64", {".f64"}, {{bits(1.5)}, {bits(-0.0)}}),
            (std::vector<uint64_t>{bits(-1.5), bits(0.0)}));
  EXPECT_EQ(compute("abs.f64", ".f64", {".f64"}, {{bits(-1.5)}}), (std::vector<uint64_t>{bits(1.5)}));
}

TEST(MachineFloat, SubnormalsAreFlushed) {
  const float small = kLeast<float> / 2;
  const auto two = [](const char* op, float a, float b) {
    return compute(op, ".f32", {".f32", ".f32"}, {{f(a), f(b)}})[0];
  };
  EXPECT_EQ(two("add.ftz.f32", small, kLeast<float>), f(kLeast<float>)) << "of what goes in";
  EXPECT_EQ(two("add.f32", small, kLeast<float>), f(small + kLeast<float>));
  EXPECT_EQ(two("mul.ftz.f32", kLeast<float>, 0.5f), f(0)) << "of what comes out";
  EXPECT_EQ(two("mul.ftz.f32", kLeast<float>, -0.5f), f(-0.f));
  EXPECT_EQ(two("mul.rn.ftz.f32", -small, kMost<float>), f(-0.f));
  EXPECT_EQ(two("sub.ftz.f32", 1, small), f(1));
  EXPECT_EQ(two("max.ftz.f32", small, -1), f(0));
  EXPECT_EQ(
      compute("fma.rn.ftz.f32", ".f32", {".f32", ".f32", ".f32"}, {{f(1), f(1), f(small)}, {f(small), f(4), f(2)}}),
      (std::vector<uint64_t>{f(1), f(2)}));
  EXPECT_EQ(compute("ex2.approx.ftz.f32", ".f32", {".f32"}, {{f(-130)}, {f(-125)}}),
            (std::vector<uint64_t>{f(0), f(std::ldexp(1.f, -125))}));
  EXPECT_EQ(compute("ex2.approx.f32", ".f32", {".f32"}, {{f(-130)}}),
            (std::vector<uint64_t>{f(std::ldexp(1.f, -130))}));
}

TEST(MachineFloat, Saturation) {
  const auto two = [](const char* op, float a, float b) {
    return compute(op, ".f32", {".f32", ".f32"}, {{f(a), f(b)}})[0];
  };
  EXPECT_EQ(two("add.sat.f32", 0.75f, 0.5f), f(1));
  EXPECT_EQ(two("add.sat.f32", 0.25f, 0.5f), f(0.75f));
  EXPECT_EQ(two("add.sat.f32", -0.75f, 0.5f), f(0));
  EXPECT_EQ(two("mul.sat.f32", kInfinity<float>, 0), f(0)) << "NaN";
  EXPECT_EQ(two("mul.rz.sat.f32", -1, 0), f(0)) << "-0";
  EXPECT_EQ(compute("fma.rn.sat.f32", ".f32", {".f32", ".f32", ".f32"}, {{f(2), f(2), f(-3.5f)}, {f(2), f(2), f(1)}}),
            (std::vector<uint64_t>{f(0.5f), f(1)}));
}

TEST(MachineFloat, Approximations) {
  const auto one = [](const char* op, float a) { return value<float>(compute(op, ".f32", {".f32"}, {{f(a)}})[0]); };
  for (const float x : {0.1f, 0.7f, 1.f, 2.5f, 9.f}) {
    EXPECT_FLOAT_EQ(one("ex2.approx.f32", x), std::exp2(x));
    EXPECT_FLOAT_EQ(one("lg2.approx.f32", x), std::log2(x));
    EXPECT_FLOAT_EQ(one("sin.approx.f32", x), std::sin(x));
    EXPECT_FLOAT_EQ(one("cos.approx.f32", x), std::cos(x));
    EXPECT_FLOAT_EQ(one("tanh.approx.f32", x), std::tanh(x));
    EXPECT_FLOAT_EQ(one("rsqrt.approx.f32", x), 1 / std::sqrt(x));
    EXPECT_FLOAT_EQ(one("sqrt.approx.f32", x), std::sqrt(x));
    EXPECT_FLOAT_EQ(one("rcp.approx.f32", x), 1 / x);
  }
  EXPECT_EQ(one("lg2.approx.f32", 0), -kInfinity<float>);
  EXPECT_EQ(one("rsqrt.approx.f32", 0), kInfinity<float>);
  EXPECT_TRUE(std::isnan(one("rsqrt.approx.f32", -1)));
  // Of doubles the upper halves only.
  const auto upper = [](const char* op, double a) { return compute(op, ".f64", {".f64"}, {{bits(a)}})[0]; };
  for (const double x : {3.0, 0.1, -7.5}) {
    EXPECT_NEAR(value<double>(upper("rcp.approx.ftz.f64", x)) * x, 1, 1e-5);
    EXPECT_EQ(upper("rcp.approx.ftz.f64", x) & 0xffffffff, 0u);
  }
  EXPECT_NEAR(value<double>(upper("rsqrt.approx.ftz.f64", 3)) * std::sqrt(3.0), 1, 1e-5);
  EXPECT_EQ(upper("rsqrt.approx.ftz.f64", 3) & 0xffffffff, 0u);
}

TEST(MachineFloat, Finite) {
  const auto finite = [](float a) {
    return compute("testp.finite.f32 %p2, %d10;\nselp.b32 %d20, 5, 6, %p2;\nst.global.u32 [%d2], %d20;\nexit;\nadd.f32",
                   ".u32", {".f32", ".f32"}, {{f(a), 0}})[0];
  };
  EXPECT_EQ(finite(kMost<float>), 5u);
  EXPECT_EQ(finite(kInfinity<float>), 6u);
  EXPECT_EQ(finite(NAN), 6u);
}

}  // namespace emulator::test
