// Integers: every type at its edges, against arithmetic in 128 bits.
#include "machine_test.h"

namespace emulator::test {

namespace {

using Wide = __int128;

struct IntegerType {
  const char* name;
  int bits;
  bool is_signed;

  uint64_t low(uint64_t v) const { return bits == 64 ? v : v & ((uint64_t{1} << bits) - 1); }
  uint64_t low(Wide v) const { return low(static_cast<uint64_t>(v)); }
  // The number that the bits are of.
  Wide number(uint64_t v) const {
    v = low(v);
    return is_signed && (v >> (bits - 1)) != 0 ? static_cast<Wide>(v) - (Wide{1} << bits) : static_cast<Wide>(v);
  }
  std::vector<uint64_t> edges() const {
    const uint64_t top = uint64_t{1} << (bits - 1);
    std::vector<uint64_t> all = {
        0, 1, 2, 3, 7, 0x5a, top - 1, top, top + 1, low(~uint64_t{0}), low(~uint64_t{1}), low(0x0123456789abcdefu)};
    return all;
  }
};

const IntegerType kTypes[] = {{".u16", 16, false}, {".s16", 16, true},  {".u32", 32, false},
                              {".s32", 32, true},  {".u64", 64, false}, {".s64", 64, true}};

// op.type of two operands for all types, or those of some sizes.
template <class F>
void expect_two(const std::string& op, F f, int least = 16, int most = 64) {
  for (const IntegerType& t : kTypes) {
    if (t.bits < least || t.bits > most) continue;
    expect_each(op + t.name, t.name, {t.name, t.name}, product({t.edges(), t.edges()}),
                [&](const Row& r) { return t.low(f(t, t.number(r[0]), t.number(r[1]))); });
  }
}

int bit(uint64_t v, int n) { return static_cast<int>((v >> n) & 1); }

}  // namespace

TEST(MachineInteger, SumsAndProductsWrap) {
  expect_two("add", [](auto&, Wide a, Wide b) { return a + b; });
  expect_two("sub", [](auto&, Wide a, Wide b) { return a - b; });
  using Big = unsigned __int128;
  expect_two("mul.lo",
             [](auto&, Wide a, Wide b) { return static_cast<Wide>(static_cast<Big>(a) * static_cast<Big>(b)); });
  expect_two("min", [](auto&, Wide a, Wide b) { return a < b ? a : b; });
  expect_two("max", [](auto&, Wide a, Wide b) { return a < b ? b : a; });
}

TEST(MachineInteger, TheUpperHalfOfAProduct) {
  expect_two("mul.hi", [](const IntegerType& t, Wide a, Wide b) {
    return t.is_signed
               ? (a * b) >> t.bits
               : static_cast<Wide>((static_cast<unsigned __int128>(a) * static_cast<unsigned __int128>(b)) >> t.bits);
  });
}

TEST(MachineInteger, Division) {
  expect_two("div", [](const IntegerType&, Wide a, Wide b) { return b == 0 ? Wide{-1} : a / b; });
  expect_two("rem", [](const IntegerType&, Wide a, Wide b) { return b == 0 ? a : a % b; });
}

TEST(MachineInteger, WideProducts) {
  const auto wider = [](const IntegerType& t) -> std::string {
    return (t.is_signed ? ".s" : ".u") + std::to_string(2 * t.bits);
  };
  for (const IntegerType& t : kTypes) {
    if (t.bits == 64) continue;
    const IntegerType w{"", 2 * t.bits, t.is_signed};
    expect_each(std::string("mul.wide") + t.name, wider(t), {t.name, t.name}, product({t.edges(), t.edges()}),
                [&](const Row& r) { return w.low(t.number(r[0]) * t.number(r[1])); });
    expect_each(std::string("mad.wide") + t.name, wider(t), {t.name, t.name, wider(t)},
                product({t.edges(), t.edges(), w.edges()}),
                [&](const Row& r) { return w.low(t.number(r[0]) * t.number(r[1]) + w.number(r[2])); });
  }
}

TEST(MachineInteger, MultiplyAndAdd) {
  for (const IntegerType& t : kTypes) {
    const auto rows = product({t.edges(), t.edges(), {0, 1, t.low(~uint64_t{0}), 77}});
    using Big = unsigned __int128;
    const auto product_of = [&](const Row& r) {
      return static_cast<Big>(t.number(r[0])) * static_cast<Big>(t.number(r[1]));
    };
    expect_each(std::string("mad.lo") + t.name, t.name, {t.name, t.name, t.name}, rows,
                [&](const Row& r) { return t.low(static_cast<uint64_t>(product_of(r)) + r[2]); });
    expect_each(std::string("mad.hi") + t.name, t.name, {t.name, t.name, t.name}, rows, [&](const Row& r) {
      const Big p = product_of(r);
      const auto high =
          static_cast<uint64_t>(t.is_signed ? static_cast<Big>(static_cast<Wide>(p) >> t.bits) : p >> t.bits);
      return t.low(high + r[2]);
    });
    expect_each(std::string("sad") + t.name, t.name, {t.name, t.name, t.name}, rows, [&](const Row& r) {
      const Wide a = t.number(r[0]), b = t.number(r[1]);
      return t.low(static_cast<uint64_t>(a < b ? b - a : a - b) + r[2]);
    });
  }
}

TEST(MachineInteger, OneOperand) {
  for (const IntegerType& t : kTypes) {
    const auto rows = product({t.edges()});
    expect_each(std::string("neg") + t.name, t.name, {t.name}, rows,
                [&](const Row& r) { return t.low(-t.number(r[0])); });
    if (t.is_signed) {
      expect_each(std::string("abs") + t.name, t.name, {t.name}, rows, [&](const Row& r) {
        const Wide a = t.number(r[0]);
        return t.low(a < 0 ? -a : a);
      });
    }
    const std::string b = ".b" + std::to_string(t.bits);
    expect_each("not" + b, b, {b}, rows, [&](const Row& r) { return t.low(~r[0]); });
    expect_each("cnot" + b, b, {b}, rows, [&](const Row& r) { return r[0] == 0 ? 1 : 0; });
  }
}

TEST(MachineInteger, Logic) {
  for (const IntegerType& t : kTypes) {
    const std::string b = ".b" + std::to_string(t.bits);
    const auto rows = product({t.edges(), t.edges()});
    expect_each("and" + b, b, {b, b}, rows, [](const Row& r) { return r[0] & r[1]; });
    expect_each("or" + b, b, {b, b}, rows, [](const Row& r) { return r[0] | r[1]; });
    expect_each("xor" + b, b, {b, b}, rows, [](const Row& r) { return r[0] ^ r[1]; });
  }
}

TEST(MachineInteger, ShiftsPastTheWidth) {
  const std::vector<uint64_t> by = {0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 0x80000000, 0xffffffff};
  for (const IntegerType& t : kTypes) {
    const auto width = static_cast<uint64_t>(t.bits);
    expect_each(std::string("shr") + t.name, t.name, {t.name, ".u32"}, product({t.edges(), by}),
                [&](const Row& r) { return t.low(t.number(r[0]) >> std::min<uint64_t>(r[1], 100)); });
    if (t.is_signed) continue;
    expect_each("shl.b" + std::to_string(t.bits), t.name, {t.name, ".u32"}, product({t.edges(), by}),
                [&](const Row& r) { return r[1] >= width ? 0 : t.low(r[0] << r[1]); });
  }
}

TEST(MachineInteger, FunnelShifts) {
  const std::vector<uint64_t> words = {0, 1, 0x80000000, 0x12345678, 0xffffffff}, by = {0, 1, 13, 31, 32, 33, 40, 64};
  for (const bool clamp : {false, true}) {
    const auto amount = [clamp](uint64_t c) { return clamp ? std::min<uint64_t>(c, 32) : c % 32; };
    const std::string mode = clamp ? ".clamp.b32" : ".wrap.b32";
    expect_each("shf.l" + mode, ".b32", {".b32", ".b32", ".b32"}, product({words, words, by}), [&](const Row& r) {
      const uint64_t n = amount(r[2]);
      return static_cast<uint32_t>(n == 0 ? r[1] : r[1] << n | r[0] >> (32 - n));
    });
    expect_each("shf.r" + mode, ".b32", {".b32", ".b32", ".b32"}, product({words, words, by}), [&](const Row& r) {
      const uint64_t n = amount(r[2]);
      return static_cast<uint32_t>(n == 0 ? r[0] : r[1] << (32 - n) | r[0] >> n);
    });
  }
}

TEST(MachineInteger, CountsOfBits) {
  for (const int width : {32, 64}) {
    const IntegerType t{"", width, false};
    const std::string b = ".b" + std::to_string(width);
    std::vector<uint64_t> values = t.edges();
    for (int n = 0; n < width; n += 5) values.push_back(t.low(uint64_t{0x9} << n));
    const auto rows = product({values});
    expect_each("popc" + b, ".u32", {b}, rows, [&](const Row& r) {
      int count = 0;
      for (int n = 0; n < width; ++n) count += bit(r[0], n);
      return count;
    });
    expect_each("clz" + b, ".u32", {b}, rows, [&](const Row& r) {
      int n = 0;
      while (n < width && bit(r[0], width - 1 - n) == 0) ++n;
      return n;
    });
    expect_each("brev" + b, b, {b}, rows, [&](const Row& r) {
      uint64_t result = 0;
      for (int n = 0; n < width; ++n) result |= static_cast<uint64_t>(bit(r[0], n)) << (width - 1 - n);
      return result;
    });
  }
}

TEST(MachineInteger, FieldsOfBits) {
  const std::vector<uint64_t> at = {0, 1, 5, 31, 32, 40, 63, 64, 255, 256 + 3},
                              length = {0, 1, 8, 31, 32, 33, 64, 255, 256};
  for (const IntegerType& t : kTypes) {
    if (t.bits == 16) continue;
    const std::vector<uint64_t> values = {0x0123456789abcdef, 0xfedcba9876543210, 0x8000000080000000,
                                          0x7fffffff7fffffff};
    std::vector<uint64_t> cut;
    for (const uint64_t v : values) cut.push_back(t.low(v));
    expect_each(std::string("bfe") + t.name, t.name, {t.name, ".u32", ".u32"}, product({cut, at, length}),
                [&](const Row& r) {
                  const auto p = static_cast<int>(r[1] & 255), n = static_cast<int>(r[2] & 255);
                  // As if the register went on with zeros, or with its sign.
                  if (n == 0) return uint64_t{0};
                  if (!t.is_signed)
                    return t.low(static_cast<uint64_t>((static_cast<unsigned __int128>(r[0]) >> std::min(p, 100)) &
                                                       ((static_cast<unsigned __int128>(1) << std::min(n, 64)) - 1)));
                  const Wide shifted = t.number(r[0]) >> std::min(p, 100);
                  const int keep = std::min(n, t.bits);
                  const Wide field = shifted & ((Wide{1} << keep) - 1);
                  return t.low(field >> (keep - 1) != 0 ? field - (Wide{1} << keep) : field);
                });
    if (t.is_signed) continue;
    const std::string b = ".b" + std::to_string(t.bits);
    expect_each("bfi" + b, b, {b, b, ".u32", ".u32"}, product({cut, cut, at, length}), [&](const Row& r) {
      const auto p = r[2] & 255, n = std::min<uint64_t>(r[3] & 255, 64);
      using Big = unsigned __int128;
      const Big mask = p >= 64 ? 0 : ((Big{1} << n) - 1) << p;
      return t.low(static_cast<uint64_t>((r[1] & ~mask) | ((p >= 64 ? 0 : Big{r[0]} << p) & mask)));
    });
  }
}

TEST(MachineInteger, PermutedBytes) {
  EXPECT_EQ(compute("prmt.b32", ".b32", {".b32", ".b32", ".b32"},
                    {{0x33221100, 0x77665544, 0x3210},
                     {0x33221100, 0x77665544, 0x7654},
                     {0x33221100, 0x77665544, 0x0246},
                     {0x33221100, 0x77665544, 0x5555},
                     {0x80ff7f01, 0x00000080, 0xcba9},    // signs
                     {0x80ff7f01, 0x00000080, 0x89ab}}),  // signs
            (std::vector<uint64_t>{0x33221100, 0x77665544, 0x00224466, 0x55555555, 0xffffff00, 0x0000ffff}));
}

TEST(MachineInteger, TablesOfThreeOperands) {
  const std::vector<uint64_t> words = {0xf0f0cafe, 0xcccc1234, 0xaaaa8001};
  for (const int table : {0x80, 0xfe, 0x96, 0xca, 0xe8, 0x01, 0x6a, 0xff, 0x00}) {
    expect_each("lop3.b32", ".b32", {".b32", ".b32", ".b32", ".u32"},
                product({words, words, words, {static_cast<uint64_t>(table)}}), [&](const Row& r) {
                  uint64_t result = 0;
                  for (int n = 0; n < 32; ++n) {
                    const int index = bit(r[0], n) << 2 | bit(r[1], n) << 1 | bit(r[2], n);
                    result |= static_cast<uint64_t>(table >> index & 1) << n;
                  }
                  return result;
                });
  }
}

TEST(MachineInteger, CarriesGoOn) {
  for (const int width : {32, 64}) {
    const IntegerType t{"", width, false};
    const std::string u = ".u" + std::to_string(width);
    using Big = unsigned __int128;
    const uint64_t ones = t.low(~uint64_t{0});
    const auto rows = product({t.edges(), {0, 5, ones}, {1, ones}, {0, ones}});
    const auto expect = [&](const std::string& code, const std::string& from, auto f) {
      const std::vector<uint64_t> got =
          compute(code + "st.global" + u + " [%d2], " + from + ";\nexit;\nbfi.b64", u, {u, u, u, u}, rows);
      for (size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(got[i], t.low(static_cast<uint64_t>(f(rows[i])))) << code << i;
      }
    };
    const auto joined = [&](uint64_t low, uint64_t high) { return Big{high} << width | low; };
    expect("add.cc" + u + " %d22, %d10, %d12;\naddc" + u + " %d23, %d11, %d13;\n", "%d23",
           [&](const Row& r) { return (joined(r[0], r[1]) + joined(r[2], r[3])) >> width; });
    expect("sub.cc" + u + " %d22, %d10, %d12;\nsubc" + u + " %d23, %d11, %d13;\n", "%d23",
           [&](const Row& r) { return (joined(r[0], r[1]) - joined(r[2], r[3])) >> width; });
    // Of three words, the third 0: out of the second as well.
    expect("add.cc" + u + " %d22, %d10, %d12;\naddc.cc" + u + " %d23, %d11, %d13;\naddc" + u + " %d24, 0, 0;\n", "%d24",
           [&](const Row& r) {
             const uint64_t low = ((Big{r[0]} + r[2]) >> width) != 0;
             return (Big{r[1]} + r[3] + low) >> width;
           });
    expect("sub.cc" + u + " %d22, %d10, %d12;\nsubc.cc" + u + " %d23, %d11, %d13;\nsubc" + u + " %d24, 0, 0;\n", "%d24",
           [&](const Row& r) { return joined(r[0], r[1]) < joined(r[2], r[3]) ? ~uint64_t{0} : 0; });
    expect("mad.lo.cc" + u + " %d22, %d10, %d12, %d11;\nmadc.hi" + u + " %d23, %d10, %d12, %d13;\n", "%d23",
           [&](const Row& r) { return ((Big{r[0]} * r[2] + r[1]) >> width) + r[3]; });
    expect("add.cc" + u + " %d22, %d10, %d12;\nmadc.lo" + u + " %d23, %d11, %d13, %d13;\n", "%d23",
           [&](const Row& r) { return Big{r[1]} * r[3] + r[3] + ((Big{r[0]} + r[2]) >> width); });
    // Without .cc the carry stays as it was, also of what takes it in.
    expect("add.cc" + u + " %d22, %d10, %d12;\naddc" + u + " %d24, %d11, %d13;\naddc" + u + " %d23, 0, 0;\n", "%d23",
           [&](const Row& r) { return (Big{r[0]} + r[2]) >> width; });
    expect("add.cc" + u + " %d22, %d10, %d12;\nadd" + u + " %d24, %d11, %d13;\naddc" + u + " %d23, 0, 0;\n", "%d23",
           [&](const Row& r) { return (Big{r[0]} + r[2]) >> width; });
  }
}

TEST(MachineInteger, MasksOfBits) {
  EXPECT_EQ(compute("bmsk.clamp.b32", ".b32", {".u32", ".u32"}, {{0, 0}, {0, 32}, {4, 8}, {31, 1}, {32, 5}, {28, 40}}),
            (std::vector<uint64_t>{0, 0xffffffff, 0xff0, 0x80000000, 0, 0xf0000000}));
}

}  // namespace emulator::test
