// Comparisons, selections, conversions and moves.
#include <cmath>
#include <limits>

#include "machine_rounding.h"
#include "machine_test.h"

namespace emulator::test {

namespace {

uint64_t f(float v) { return bits(v); }
uint64_t d(double v) { return bits(v); }

struct Integer {
  const char* name;
  int width;
  bool is_signed;
  __int128 least() const { return is_signed ? -(static_cast<__int128>(1) << (width - 1)) : 0; }
  __int128 most() const { return (static_cast<__int128>(1) << (is_signed ? width - 1 : width)) - 1; }
  uint64_t low(__int128 v) const {
    return static_cast<uint64_t>(v) & (width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1);
  }
  __int128 number(uint64_t v) const {
    const uint64_t cut = low(static_cast<__int128>(v));
    return is_signed && (cut >> (width - 1)) != 0 ? static_cast<__int128>(cut) - (static_cast<__int128>(1) << width)
                                                  : static_cast<__int128>(cut);
  }
};
const Integer kIntegers[] = {{".u8", 8, false},   {".s8", 8, true},   {".u16", 16, false}, {".s16", 16, true},
                             {".u32", 32, false}, {".s32", 32, true}, {".u64", 64, false}, {".s64", 64, true}};

const std::vector<uint64_t> kPatterns = {0,
                                         1,
                                         0x7f,
                                         0x80,
                                         0xff,
                                         0x100,
                                         0x7fff,
                                         0x8000,
                                         0xffff,
                                         0x10000,
                                         0x7fffffff,
                                         0x80000000,
                                         0xffffffff,
                                         0x100000000,
                                         0x7fffffffffffffff,
                                         0x8000000000000000,
                                         ~uint64_t{0},
                                         0x123456789abcdef0,
                                         0xfffffffffffffff0,
                                         0x1000001,
                                         0x1000003,
                                         0x20000000000001,
                                         0x20000000000003,
                                         0xffffff80,
                                         0xffffff7f};

template <class T>
void expect_from_integers(const char* name) {
  for (const Integer& from : kIntegers) {
    for (const auto& [suffix, mode] : kModes) {
      expect_each("cvt" + suffix + name + from.name, name, {from.name}, product({kPatterns}),
                  [&, m = mode](const Row& r) { return bits(rounded<T>(static_cast<Exact>(from.number(r[0])), m)); });
    }
  }
}

// The integer next to it in the mode's direction.
Exact integral(Exact x, Mode mode) {
  const auto whole = static_cast<__int128>(x);  // towards zero
  const Exact rest = x - static_cast<Exact>(whole);
  const auto down = static_cast<Exact>(rest < 0 ? whole - 1 : whole);
  if (rest == 0 || mode == Mode::kDown) return down;
  if (mode == Mode::kUp) return down + 1;
  if (mode == Mode::kZero) return static_cast<Exact>(whole);
  const Exact above = x - down;
  if (above != Exact(0.5)) return above < Exact(0.5) ? down : down + 1;
  return static_cast<__int128>(down) % 2 == 0 ? down : down + 1;
}

const std::vector<std::pair<std::string, Mode>> kIntegral = {
    {".rni", Mode::kNearest}, {".rzi", Mode::kZero}, {".rmi", Mode::kDown}, {".rpi", Mode::kUp}};

template <class T>
std::vector<uint64_t> fractions() {
  std::vector<T> some;
  for (const T v : {T(0),
                    T(0.25),
                    T(0.5),
                    T(0.75),
                    T(1),
                    T(1.5),
                    T(2.5),
                    T(3.5),
                    T(126.5),
                    T(127),
                    T(127.5),
                    T(128),
                    T(255),
                    T(255.5),
                    T(256),
                    T(32767.5),
                    T(65535.5),
                    T(2147483648.0),
                    T(4294967296.0),
                    T(2147483520.0),
                    T(4294967040.0),
                    T(9223372036854775808.0),
                    T(18446744073709551616.0),
                    T(1e30)}) {
    some.insert(some.end(), {v, -v, std::nextafter(v, T(0)), std::nextafter(-v, T(0))});
  }
  std::vector<uint64_t> result;
  for (const T v : some) result.push_back(bits(v));
  return result;
}

template <class T>
void expect_to_integers(const char* name) {
  for (const Integer& to : kIntegers) {
    for (const auto& [suffix, mode] : kIntegral) {
      expect_each("cvt" + suffix + to.name + name, to.name, {name}, product({fractions<T>()}),
                  [&, m = mode](const Row& r) {
                    const T v = value<T>(r[0]);
                    if (static_cast<Exact>(v) >= static_cast<Exact>(to.most())) return to.low(to.most());
                    if (static_cast<Exact>(v) <= static_cast<Exact>(to.least())) return to.low(to.least());
                    return to.low(std::min(static_cast<__int128>(integral(v, m)), to.most()));
                  });
    }
    const uint64_t nan = bits(std::numeric_limits<T>::quiet_NaN()), inf = bits(std::numeric_limits<T>::infinity()),
                   minus = bits(-std::numeric_limits<T>::infinity());
    const bool zero = sizeof(T) == 4 && to.width <= 32;
    EXPECT_EQ(compute(std::string("cvt.rzi") + to.name + name, to.name, {name}, {{nan}, {inf}, {minus}}),
              (std::vector<uint64_t>{zero ? 0 : uint64_t{1} << (to.width - 1), to.low(to.most()), to.low(to.least())}))
        << to.name;
  }
}

// A format of 16 bits: of the bits of a finite number the exact value.
template <int fraction>
Exact small_value(uint64_t bits) {
  constexpr int kBias = fraction == 10 ? 15 : 127;
  const auto exponent = static_cast<int>((bits & 0x7fff) >> fraction);
  const auto mantissa = static_cast<double>(bits & ((1u << fraction) - 1));
  const double size =
      std::ldexp(exponent == 0 ? mantissa : mantissa + (1 << fraction), std::max(exponent, 1) - kBias - fraction);
  return (bits >> 15) != 0 ? -size : size;
}

template <int fraction>
void expect_narrow(const char* name) {
  constexpr uint64_t kInfinity = fraction == 10 ? 0x7c00 : 0x7f80;
  std::vector<Row> rows;
  std::vector<uint64_t> want;
  for (uint64_t h = 0; h < kInfinity; ++h) {
    // Beyond the greatest the next would be as far again.
    const double low = static_cast<double>(small_value<fraction>(h));
    const double high = h + 1 < kInfinity ? static_cast<double>(small_value<fraction>(h + 1))
                                          : 2 * low - static_cast<double>(small_value<fraction>(h - 1));
    const auto middle = static_cast<float>((low + high) / 2);
    for (const uint64_t sign : {0, 0x8000}) {
      const float s = sign != 0 ? -1.f : 1.f;
      rows.push_back({f(s * static_cast<float>(low))}), want.push_back(sign | h);
      if (h == 0 && fraction != 10) continue;  // half of the least is not a float's to halve
      rows.push_back({f(s * middle)}), want.push_back(sign | (h % 2 == 0 ? h : h + 1));
      rows.push_back({f(s * std::nextafter(middle, 0.f))}), want.push_back(sign | h);
      rows.push_back({f(s * std::nextafter(middle, HUGE_VALF))}), want.push_back(sign | (h + 1));
    }
  }
  rows.push_back({f(HUGE_VALF)}), want.push_back(kInfinity);
  rows.push_back({f(-HUGE_VALF)}), want.push_back(0x8000 | kInfinity);
  rows.push_back({f(NAN)}), want.push_back(0x7fff);
  const std::vector<uint64_t> got = compute(std::string("cvt.rn") + name + ".f32", ".b16", {".f32"}, rows);
  for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(got[i], want[i]) << value<float>(rows[i][0]);
}

template <int fraction>
void expect_widened(const char* name) {
  constexpr uint64_t kInfinity = fraction == 10 ? 0x7c00 : 0x7f80;
  std::vector<uint64_t> all;
  for (uint64_t h = 0; h < kInfinity; ++h) all.insert(all.end(), {h, h | 0x8000});
  expect_each(std::string("cvt.f32") + name, ".f32", {".b16"}, product({all}), [](const Row& r) {
    const auto v = static_cast<float>(small_value<fraction>(r[0]));
    return f((r[0] >> 15) != 0 ? -std::fabs(v) : v);
  });
  const std::vector<uint64_t> rest =
      compute(std::string("cvt.f32") + name, ".f32", {".b16"}, {{kInfinity}, {kInfinity | 0x8000}, {kInfinity + 1}});
  EXPECT_EQ(rest[0], f(HUGE_VALF));
  EXPECT_EQ(rest[1], f(-HUGE_VALF));
  EXPECT_TRUE(std::isnan(value<float>(rest[2])));
}

}  // namespace

TEST(MachineConvert, BetweenIntegers) {
  for (const Integer& to : kIntegers) {
    for (const Integer& from : kIntegers) {
      expect_each(std::string("cvt") + to.name + from.name, to.name, {from.name}, product({kPatterns}),
                  [&](const Row& r) { return to.low(from.number(r[0])); });
      expect_each(std::string("cvt.sat") + to.name + from.name, to.name, {from.name}, product({kPatterns}),
                  [&](const Row& r) { return to.low(std::clamp(from.number(r[0]), to.least(), to.most())); });
    }
  }
}

TEST(MachineConvert, TheSignFillsTheRegister) {
  EXPECT_EQ(compute("cvt.s16.s8", ".b64", {".u64"}, {{0x80}, {0x7f}}), (std::vector<uint64_t>{~uint64_t{0x7f}, 0x7f}));
  EXPECT_EQ(compute("cvt.u16.u8", ".b64", {".u64"}, {{0x1ff}}), (std::vector<uint64_t>{0xff}));
}

TEST(MachineConvert, IntegersToFloats) {
  expect_from_integers<float>(".f32");
  expect_from_integers<double>(".f64");
}

TEST(MachineConvert, FloatsToIntegers) {
  expect_to_integers<float>(".f32");
  expect_to_integers<double>(".f64");
}

TEST(MachineConvert, BetweenFloats) {
  const std::vector<double> values = {1,
                                      1 + 0x1p-24,
                                      1 + 0x1p-24 + 0x1p-50,
                                      1 + 3 * 0x1p-24,
                                      -1 - 0x1p-24,
                                      0.1,
                                      -0.1,
                                      1e39,
                                      -1e39,
                                      1e-46,
                                      -1e-46,
                                      0x1p-149,
                                      0x1.8p-149,
                                      3.4028235677973366e38,
                                      1e-40};
  std::vector<Row> rows;
  for (const double v : values) rows.push_back({d(v)});
  for (const auto& [suffix, mode] : kModes) {
    expect_each("cvt" + suffix + ".f32.f64", ".f32", {".f64"}, rows, [m = mode](const Row& r) {
      const float v = rounded<float>(value<double>(r[0]), m);
      return f(std::copysign(v, static_cast<float>(value<double>(r[0]))));
    });
  }
  EXPECT_EQ(compute("cvt.f64.f32", ".f64", {".f32"}, {{f(0.1f)}, {f(-0.f)}, {f(HUGE_VALF)}, {f(1e-40f)}}),
            (std::vector<uint64_t>{d(0.1f), d(-0.0), d(HUGE_VAL), d(static_cast<double>(1e-40f))}));
  for (const auto& [suffix, mode] : kIntegral) {
    expect_each("cvt" + suffix + ".f32.f32", ".f32", {".f32"},
                product({{f(0.5f), f(1.5f), f(2.5f), f(-0.75f), f(7), f(-2.5f), f(3.25f)}}), [m = mode](const Row& r) {
                  const float v = value<float>(r[0]);
                  return f(std::copysign(static_cast<float>(integral(v, m)), v));
                });
  }
  EXPECT_EQ(compute("cvt.sat.f32.f32", ".f32", {".f32"}, {{f(-1)}, {f(0.5f)}, {f(3)}, {f(NAN)}}),
            (std::vector<uint64_t>{f(0), f(0.5f), f(1), f(0)}));
}

TEST(MachineConvert, ToSixteenBits) {
  expect_narrow<10>(".f16");
  expect_narrow<7>(".bf16");
}

TEST(MachineConvert, FromSixteenBits) {
  expect_widened<10>(".f16");
  expect_widened<7>(".bf16");
}

TEST(MachineConvert, TwoHalvesAtOnce) {
  EXPECT_EQ(compute("cvt.rn.f16x2.f32", ".b32", {".f32", ".f32"}, {{f(1), f(-2)}}),
            (std::vector<uint64_t>{0x3c00c000}));
  EXPECT_EQ(compute("cvt.rn.bf16x2.f32", ".b32", {".f32", ".f32"}, {{f(1), f(-2)}}),
            (std::vector<uint64_t>{0x3f80c000}));
}

// ---- comparisons ----

namespace {

// 1 of the first predicate, 2 of the second.
std::vector<uint64_t> predicates(const std::string& op, const std::string& type, const std::vector<Row>& rows,
                                 const std::string& third = "") {
  return compute("setp.ne.u32 %p3, %d12, 0;\n" + op + type + " %p1|%p2, %d10, %d11" + third +
                     ";\nselp.u32 %r10, 1, 0, %p1;\nselp.u32 %r11, 2, 0, %p2;\nadd.u32 %r10, %r10, %r11;\n"
                     "st.global.u32 [%d2], %r10;\nexit;\nmad.lo.u32",
                 ".u32", {type, type, ".u32"}, rows);
}
std::vector<uint64_t> compared(const std::string& op, const std::string& type,
                               std::vector<std::pair<uint64_t, uint64_t>> pairs) {
  std::vector<Row> rows;
  for (const auto& [a, b] : pairs) rows.push_back({a, b, 0});
  return predicates(op, type, rows);
}

}  // namespace

TEST(MachineCompare, Integers) {
  using V = std::vector<uint64_t>;
  const std::vector<std::pair<uint64_t, uint64_t>> pairs = {
      {1, 2}, {2, 1}, {3, 3}, {0xffffffff, 1}, {0x80000000, 0x7fffffff}};
  EXPECT_EQ(compared("setp.lt", ".u32", pairs), (V{1, 2, 2, 2, 2}));
  EXPECT_EQ(compared("setp.lt", ".s32", pairs), (V{1, 2, 2, 1, 1}));
  EXPECT_EQ(compared("setp.le", ".s32", pairs), (V{1, 2, 1, 1, 1}));
  EXPECT_EQ(compared("setp.gt", ".u32", pairs), (V{2, 1, 2, 1, 1}));
  EXPECT_EQ(compared("setp.ge", ".s32", pairs), (V{2, 1, 1, 2, 2}));
  EXPECT_EQ(compared("setp.eq", ".b32", pairs), (V{2, 2, 1, 2, 2}));
  EXPECT_EQ(compared("setp.ne", ".u32", pairs), (V{1, 1, 2, 1, 1}));
  EXPECT_EQ(compared("setp.lo", ".u32", pairs), (V{1, 2, 2, 2, 2}));
  EXPECT_EQ(compared("setp.hs", ".u32", pairs), (V{2, 1, 1, 1, 1}));
  EXPECT_EQ(compared("setp.lt", ".s64", {{~uint64_t{0}, 0}, {0, ~uint64_t{0}}}), (V{1, 2}));
  EXPECT_EQ(compared("setp.lt", ".u64", {{uint64_t{1} << 40, uint64_t{2} << 40}, {~uint64_t{0}, 0}}), (V{1, 2}));
  EXPECT_EQ(compared("setp.lt", ".s16", {{0xffff, 0}, {0x7fff, 0x8000}}), (V{1, 2}));
}

TEST(MachineCompare, FloatsAndNan) {
  using V = std::vector<uint64_t>;
  const uint64_t n = f(NAN);
  const std::vector<std::pair<uint64_t, uint64_t>> pairs = {{f(1), f(2)}, {f(2), f(1)}, {f(3), f(3)},
                                                            {n, f(1)},    {f(1), n},    {f(-0.f), f(0)}};
  const std::vector<std::pair<const char*, V>> table = {
      {"eq", {2, 2, 1, 2, 2, 1}},  {"ne", {1, 1, 2, 2, 2, 2}},  {"lt", {1, 2, 2, 2, 2, 2}},
      {"le", {1, 2, 1, 2, 2, 1}},  {"gt", {2, 1, 2, 2, 2, 2}},  {"ge", {2, 1, 1, 2, 2, 1}},
      {"equ", {2, 2, 1, 1, 1, 1}}, {"neu", {1, 1, 2, 1, 1, 2}}, {"ltu", {1, 2, 2, 1, 1, 2}},
      {"leu", {1, 2, 1, 1, 1, 1}}, {"gtu", {2, 1, 2, 1, 1, 2}}, {"geu", {2, 1, 1, 1, 1, 1}},
      {"num", {1, 1, 1, 2, 2, 1}}, {"nan", {2, 2, 2, 1, 1, 2}}};
  for (const auto& [how, want] : table) EXPECT_EQ(compared(std::string("setp.") + how, ".f32", pairs), want) << how;
  EXPECT_EQ(compared("setp.ltu", ".f64", {{d(1), d(NAN)}, {d(2), d(1)}}), (V{1, 2}));
}

TEST(MachineCompare, JoinedWithAnother) {
  using V = std::vector<uint64_t>;
  // Compared and joined: false and false, false and true, true and false, true and true.
  const std::vector<Row> rows = {{2, 1, 0}, {2, 1, 1}, {1, 2, 0}, {1, 2, 1}};
  EXPECT_EQ(predicates("setp.lt.and", ".u32", rows, ", %p3"), (V{0, 2, 0, 1}));
  EXPECT_EQ(predicates("setp.lt.or", ".u32", rows, ", %p3"), (V{2, 3, 1, 3}));
  EXPECT_EQ(predicates("setp.lt.xor", ".u32", rows, ", %p3"), (V{2, 1, 1, 2}));
  EXPECT_EQ(predicates("setp.lt.and", ".u32", rows, ", !%p3"), (V{2, 0, 1, 0}));
}

TEST(MachineCompare, PredicatesAndSelections) {
  const auto of = [](const std::string& code) {
    return compute("setp.ne.u32 %p1, %d10, 0;\nsetp.ne.u32 %p2, %d11, 0;\n" + code +
                       "selp.b64 %d20, 0x123456789, 7, %p3;\nst.global.u64 [%d2], %d20;\nexit;\nadd.u64",
                   ".u64", {".u32", ".u32"}, {{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  };
  const uint64_t t = 0x123456789, n = 7;
  using V = std::vector<uint64_t>;
  EXPECT_EQ(of("and.pred %p3, %p1, %p2;\n"), (V{n, n, n, t}));
  EXPECT_EQ(of("or.pred %p3, %p1, %p2;\n"), (V{n, t, t, t}));
  EXPECT_EQ(of("xor.pred %p3, %p1, %p2;\n"), (V{n, t, t, n}));
  EXPECT_EQ(of("not.pred %p3, %p1;\n"), (V{t, t, n, n}));
  EXPECT_EQ(of("mov.pred %p3, %p2;\n"), (V{n, t, n, t}));
  EXPECT_EQ(of("setp.eq.u32 %p3, 0, 1;\n@%p1 setp.eq.u32 %p3, 0, 0;\n"), (V{n, n, t, t}));
  EXPECT_EQ(of("setp.eq.u32 %p3, 0, 1;\n@!%p1 setp.eq.u32 %p3, 0, 0;\n"), (V{t, t, n, n}));
}

TEST(MachineMove, PartsOfARegister) {
  const auto of = [](const std::string& code, uint64_t v) {
    return compute(code + "st.global.u64 [%d2], %d20;\nexit;\nadd.u64", ".u64", {".u64", ".u64"}, {{v, 0}})[0];
  };
  const uint64_t v = 0x1122334455667788;
  EXPECT_EQ(of("mov.b64 {%r10, %r11}, %d10;\nmov.b64 %d20, {%r11, %r10};\n", v), 0x5566778811223344u);
  EXPECT_EQ(of("mov.b64 {%h1, %h2, %h3, %h4}, %d10;\nmov.b64 %d20, {%h4, %h3, %h2, %h1};\n", v), 0x7788556633441122u);
  EXPECT_EQ(of("mov.b32 {%h1, %h2}, %d10;\nmov.b32 %d20, {%h2, %h1};\n", v), 0x77885566u);
  EXPECT_EQ(of("mov.b64 {_, %r11}, %d10;\ncvt.u64.u32 %d20, %r11;\n", v), 0x11223344u);
  EXPECT_EQ(of("mov.b64 {%d10, %d11}, %d10;\nmov.b64 %d20, {%d11, %d10};\n", v), 0x5566778811223344u) << "in place";
  EXPECT_EQ(of("mov.f32 %f1, 0f3F800000;\nmov.b32 %r1, %f1;\ncvt.u64.u32 %d20, %r1;\n", v), 0x3f800000u);
  EXPECT_EQ(of("mov.f64 %d20, 0d3FF0000000000000;\n", v), d(1));
  EXPECT_EQ(of("mov.s64 %d20, -5;\n", v), static_cast<uint64_t>(-5));
  EXPECT_EQ(of("mov.u32 %d20, WARP_SZ;\n", v), 32u);
}

}  // namespace emulator::test
