// Loads, stores and atomics in every space.
#include <algorithm>
#include <limits>

#include "machine_test.h"

namespace emulator::test {

namespace {

// What one thread leaves in `out`, of 16 words of 64 bits that begin as ones; `in` is p0, `out` is p1.
std::vector<uint64_t> leaves(const std::string& body,
                             const std::vector<uint64_t>& in = {0x8182838485868788, 0x0102030405060708,
                                                                0xfffefdfcfbfaf9f8, 7},
                             const std::string& before = "") {
  Array<uint64_t> from(in), out(16, ~uint64_t{0});
  const Program program(".param .u64 p0, .param .u64 p1", "ld.param.u64 %d1, [p0];\nld.param.u64 %d2, [p1];\n" + body,
                        before);
  program({1, 1, 1}, {1, 1, 1}, from.data(), out.data());
  return out.values();
}

uint64_t first(const std::string& body) { return leaves(body)[0]; }

}  // namespace

TEST(MachineMemory, WidthsAndSigns) {
  const auto load = [](const std::string& op) { return first(op + " %d3, [%d1];\nst.global.u64 [%d2], %d3;\n"); };
  EXPECT_EQ(load("ld.global.u8"), 0x88u);
  EXPECT_EQ(load("ld.global.s8"), 0xffffffffffffff88u);
  EXPECT_EQ(load("ld.global.b8"), 0x88u);
  EXPECT_EQ(load("ld.global.u16"), 0x8788u);
  EXPECT_EQ(load("ld.global.s16"), 0xffffffffffff8788u);
  EXPECT_EQ(load("ld.global.u32"), 0x85868788u);
  EXPECT_EQ(load("ld.global.s32"), 0xffffffff85868788u);
  EXPECT_EQ(load("ld.global.f32"), 0x85868788u);
  EXPECT_EQ(load("ld.global.u64"), 0x8182838485868788u);
  EXPECT_EQ(load("ld.global.f64"), 0x8182838485868788u);
  EXPECT_EQ(load("ld.global.nc.L1::no_allocate.u32"), 0x85868788u);
  EXPECT_EQ(load("ld.volatile.global.u16"), 0x8788u);
  EXPECT_EQ(load("ld.relaxed.gpu.global.u32"), 0x85868788u);
  const auto store = [](const std::string& op) {
    return first("ld.global.u64 %d3, [%d1];\n" + op + " [%d2+2], %d3;\n");
  };
  EXPECT_EQ(store("st.global.u8"), 0xffffffffff88ffffu);
  EXPECT_EQ(store("st.global.u16"), 0xffffffff8788ffffu);
  EXPECT_EQ(first("ld.global.u64 %d3, [%d1];\nst.global.u32 [%d2+4], %d3;\n"), 0x85868788ffffffffu);
  EXPECT_EQ(first("ld.global.u64 %d3, [%d1];\nst.global.f64 [%d2], %d3;\n"), 0x8182838485868788u);
  EXPECT_EQ(first("ld.global.u8 %d3, [%d1+1];\nst.global.u64 [%d2], %d3;\n"), 0x87u);
  EXPECT_EQ(first("add.u64 %d1, %d1, 16;\nld.global.u8 %d3, [%d1+-1];\nst.global.u64 [%d2], %d3;\n"), 0x01u);
}

TEST(MachineMemory, Vectors) {
  using V = std::vector<uint64_t>;
  const auto four = [](const std::string& code) {
    V all = leaves(code);
    all.resize(4);
    return all;
  };
  const std::string store4 =
      "st.global.u64 [%d2], %d3;\nst.global.u64 [%d2+8], %d4;\nst.global.u64 [%d2+16], %d5;\n"
      "st.global.u64 [%d2+24], %d6;\n";
  EXPECT_EQ(four("ld.global.v4.u32 {%d3, %d4, %d5, %d6}, [%d1];\n" + store4),
            (V{0x85868788, 0x81828384, 0x05060708, 0x01020304}));
  EXPECT_EQ(four("ld.global.v4.s8 {%d3, %d4, %d5, %d6}, [%d1];\n" + store4),
            (V{0xffffffffffffff88, 0xffffffffffffff87, 0xffffffffffffff86, 0xffffffffffffff85}));
  EXPECT_EQ(four("ld.global.v2.u64 {%d3, %d4}, [%d1+16];\nld.global.v2.u16 {%d5, %d6}, [%d1];\n" + store4),
            (V{0xfffefdfcfbfaf9f8, 7, 0x8788, 0x8586}));
  EXPECT_EQ(four("ld.global.v4.u32 {_, %d4, _, %d6}, [%d1];\nmov.u64 %d3, 1;\nmov.u64 %d5, 2;\n" + store4),
            (V{1, 0x81828384, 2, 0x01020304}));
  const std::string load4 = "ld.global.v2.u64 {%d3, %d4}, [%d1];\nld.global.v2.u64 {%d5, %d6}, [%d1+16];\n";
  const uint64_t ones = ~uint64_t{0};
  EXPECT_EQ(four(load4 + "st.global.v4.u32 [%d2], {%d3, %d4, %d5, %d6};\n"),
            (V{0x0506070885868788, 0x00000007fbfaf9f8, ones, ones}));
  EXPECT_EQ(four(load4 + "st.global.v2.u64 [%d2+16], {%d4, %d3};\n"),
            (V{ones, ones, 0x0102030405060708, 0x8182838485868788}));
  EXPECT_EQ(four(load4 + "st.global.v4.u8 [%d2+4], {%d3, %d4, %d5, %d6};\n"),
            (V{0x07f80888ffffffff, ones, ones, ones}));
  EXPECT_EQ(four(load4 + "st.global.v2.u16 [%d2], {%d3, %d4};\n"), (V{0xffffffff07088788, ones, ones, ones}));
}

TEST(MachineMemory, SharedMemoryIsTheBlocks) {
  // Thread t writes to a place, another reads it; a second block finds nothing of the first one's.
  Array<uint32_t> out(128);
  const Program program(".param .u64 p0",
                        ".shared .align 16 .b8 a[16];\n.shared .align 4 .b8 b[256];\n"
                        "mov.u32 %r1, b;\nmad.lo.u32 %r2, %tid, 4, %r1;\nmov.u32 %r9, %ctaid.x;\n"
                        "ld.shared.u32 %r3, [%r2];\nsetp.ne.u32 %p1, %r9, 0;\n@%p1 bra L1;\n"
                        "add.u32 %r3, %tid, 1000;\nst.shared.u32 [%r2], %r3;\nst.shared.u32 [a], %r3;\n"
                        "bar.sync 0;\nxor.b32 %r4, %tid, 63;\nmad.lo.u32 %r2, %r4, 4, %r1;\nld.shared.u32 %r3, [%r2];\n"
                        "L1:\nmad.lo.u32 %r5, %r9, 64, %tid;\nmul.wide.u32 %d3, %r5, 4;\n"
                        "ld.param.u64 %d1, [p0];\nadd.u64 %d1, %d1, %d3;\nst.global.u32 [%d1], %r3;\n");
  program({2, 1, 1}, {64, 1, 1}, out.data());
  for (uint32_t t = 0; t < 64; ++t) {
    EXPECT_EQ(out[t], 1063 - t);
    EXPECT_EQ(out[64 + t], 0xcdcdcdcdu);
  }
}

TEST(MachineMemory, SharedMemoryOfTheLaunch) {
  Array<uint32_t> out(2);
  const Program program(".param .u64 p0",
                        ".shared .align 4 .b8 a[8];\nmov.u32 %r1, %dynamic_smem_size;\nst.shared.u32 [a+12], %r1;\n"
                        "ld.shared.u32 %r2, [a+12];\nld.param.u64 %d1, [p0];\nst.global.v2.u32 [%d1], {%r1, %r2};\n");
  program.launch({1, 1, 1}, {1, 1, 1}, 8, out.data());
  EXPECT_EQ(out.values(), (std::vector<uint32_t>{8, 8}));
  EXPECT_EQ(program.kernel->static_shared, 8u);
  EXPECT_NE(fault_of([&] { program({1, 1, 1}, {1, 1, 1}, out.data()); }, FaultKind::kIllegalAddress), "");
}

TEST(MachineMemory, LocalMemoryIsTheLanes) {
  Array<uint32_t> out(64);
  const Program program(".param .u64 p0",
                        ".local .align 8 .b8 depot[32];\nst.local.u32 [depot+8], %tid;\nmov.b64 %d3, depot;\n"
                        "add.u64 %d3, %d3, 8;\nld.local.u32 %r1, [%d3];\nld.local.u32 %r2, [depot+8];\n"
                        "add.u32 %r1, %r1, %r2;\nld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 4;\n"
                        "add.u64 %d1, %d1, %d2;\nst.global.u32 [%d1], %r1;\n");
  program({1, 1, 1}, {64, 1, 1}, out.data());
  for (uint32_t t = 0; t < 64; ++t) EXPECT_EQ(out[t], 2 * t);
}

TEST(MachineMemory, GenericAddresses) {
  using V = std::vector<uint64_t>;
  V got = leaves(
      ".shared .align 8 .b8 s[16];\n.local .align 8 .b8 depot[16];\n"
      "mov.u64 %d3, s;\ncvta.shared.u64 %d4, %d3;\nst.u64 [%d4+8], 11;\nld.shared.u64 %d5, [s+8];\n"
      "mov.u64 %d6, depot;\ncvta.local.u64 %d7, %d6;\nst.u64 [%d7+8], 22;\nld.local.u64 %d8, [depot+8];\n"
      "cvta.to.shared.u64 %d9, %d4;\ncvta.to.local.u64 %d10, %d7;\nsub.u64 %d10, %d10, %d6;\nsub.u64 %d9, %d9, %d3;\n"
      "cvta.to.global.u64 %d11, %d1;\nld.global.u64 %d11, [%d11+24];\nld.u64 %d12, [%d1+24];\n"
      "st.v2.u64 [%d2], {%d5, %d8};\nst.u64 [%d2+16], %d9;\nst.u64 [%d2+24], %d10;\nst.u64 [%d2+32], %d11;\nst.u64 "
      "[%d2+40], %d12;\n");
  got.resize(6);
  EXPECT_EQ(got, (V{11, 22, 0, 0, 7, 7}));
}

namespace {

struct Mixed {
  uint8_t small;
  int16_t negative;
  double number;
  uint32_t words[6];
};

}  // namespace

TEST(MachineMemory, Parameters) {
  Array<uint64_t> out(16);
  const Program program(
      ".param .u8 p0, .param .f32 p1, .param .align 8 .b8 p2[40], .param .u64 .ptr .global .align 8 p3, .param .s16 p4",
      "ld.param.u64 %d1, [p3];\nld.param.u8 %d2, [p0];\nst.global.u64 [%d1], %d2;\n"
      "ld.param.f32 %f1, [p1];\ncvt.f64.f32 %fd1, %f1;\nst.global.f64 [%d1+8], %fd1;\n"
      "ld.param.s16 %d3, [p2+2];\nst.global.u64 [%d1+16], %d3;\n"
      "ld.param.f64 %fd2, [p2+8];\nst.global.f64 [%d1+24], %fd2;\n"
      "mul.wide.u32 %d4, %tid, 4;\nmov.b64 %d5, p2;\nadd.u64 %d5, %d5, %d4;\nld.param.u32 %d6, [%d5+16];\n"
      "shl.b64 %d7, %d4, 1;\nadd.u64 %d7, %d7, %d1;\nst.global.u64 [%d7+64], %d6;\n"
      "ld.param.v2.u32 {%d8, %d9}, [p2+24];\nst.global.v2.u64 [%d1+32], {%d8, %d9};\n"
      "ld.param.s16 %d10, [p4];\nst.global.u64 [%d1+48], %d10;\n");
  EXPECT_EQ(program.kernel->parameter_bytes, 58u);
  program({1, 1, 1}, {6, 1, 1}, uint8_t{200}, 0.5f, Mixed{3, -7, 2.25, {10, 11, 12, 13, 14, 15}}, out.data(),
          int16_t{-2});
  const std::vector<uint64_t> want = {
      200, bits(0.5), static_cast<uint64_t>(-7), bits(2.25), 12, 13, static_cast<uint64_t>(-2), 0, 10, 11, 12, 13,
      14,  15};
  EXPECT_EQ(std::vector<uint64_t>(out.values().begin(), out.values().begin() + 14), want);
}

TEST(MachineMemory, GlobalVariables) {
  std::vector<uint64_t> got = leaves(
      "ld.global.u32 %d3, [table+8];\nst.global.u64 [%d2], %d3;\nld.const.s16 %d4, [numbers+2];\nst.global.u64 "
      "[%d2+8], %d4;\n"
      "mov.u64 %d5, text;\nld.global.u8 %d6, [%d5+1];\nst.global.u64 [%d2+16], %d6;\n"
      "ld.global.u64 %d7, [one];\nst.global.u64 [%d2+24], %d7;\nld.global.f32 %d8, [real];\nst.global.u64 [%d2+32], "
      "%d8;\n"
      "ld.global.u32 %d9, [empty+60];\nst.global.u64 [%d2+40], %d9;\nrem.u64 %d10, %d5, 16;\nst.global.u64 [%d2+48], "
      "%d10;\n",
      {0},
      ".global .align 4 .u32 table[3] = {1, 2, 0xfffffffe};\n.const .align 2 .s16 numbers[2] = {5, -6};\n"
      ".global .align 16 .b8 text[4] = {72, 105};\n.global .u64 one = 123456789012;\n.global .f32 real = 0f3F800000;\n"
      ".global .align 4 .b8 empty[64];\n");
  got.resize(7);
  EXPECT_EQ(got, (std::vector<uint64_t>{0xfffffffe, static_cast<uint64_t>(-6), 105, 123456789012, 0x3f800000, 0, 0}));
}

// ---- atomics ----

namespace {

// What was there and what is there then.
std::pair<uint64_t, uint64_t> atomic(const std::string& space, const std::string& op, const std::string& type,
                                     uint64_t memory, std::vector<uint64_t> operands) {
  std::string numbers;
  for (size_t n = 0; n < operands.size(); ++n) numbers += ", %d" + std::to_string(10 + n);
  std::string body;
  for (size_t n = 0; n < operands.size(); ++n) {
    body += "ld.global.u64 %d" + std::to_string(10 + n) + ", [%d1+" + std::to_string(8 * n + 8) + "];\n";
  }
  body += "ld.global.u64 %d5, [%d1];\n";
  std::string place = "[%d1]", modifiers = space;
  if (space == ".shared") {
    body += ".shared .align 8 .b8 s[8];\nst.shared.u64 [s], %d5;\n";
    place = "[s]";
  }
  body += "atom" + modifiers + op + type + " %d20, " + place + numbers + ";\n";
  body += space == ".shared" ? "ld.shared.u64 %d6, [s];\n" : "ld.global.u64 %d6, [%d1];\n";
  body += "st.global" + type.substr(0, 1) + "u64 [%d2], %d20;\nst.global.u64 [%d2+8], %d6;\n";
  std::vector<uint64_t> in = {memory};
  in.insert(in.end(), operands.begin(), operands.end());
  const std::vector<uint64_t> out = leaves(body, in);
  return {out[0], out[1]};
}

}  // namespace

TEST(MachineAtomic, EveryOperation) {
  using P = std::pair<uint64_t, uint64_t>;
  const uint64_t ones = 0xffffffff, high = uint64_t{9} << 32;
  for (const std::string space : {".global", ".shared", ""}) {
    EXPECT_EQ(atomic(space, ".add", ".u32", high | ones, {3}), (P{ones, high | 2})) << "the word beside stays";
    EXPECT_EQ(atomic(space, ".add", ".u64", ~uint64_t{0}, {3}), (P{~uint64_t{0}, 2}));
    EXPECT_EQ(atomic(space, ".exch", ".b32", high | 5, {3}), (P{5, high | 3}));
    EXPECT_EQ(atomic(space, ".exch", ".b64", high | 5, {3}), (P{high | 5, 3}));
    EXPECT_EQ(atomic(space, ".cas", ".b32", high | 5, {5, 3}), (P{5, high | 3}));
    EXPECT_EQ(atomic(space, ".cas", ".b32", high | 5, {4, 3}), (P{5, high | 5}));
    EXPECT_EQ(atomic(space, ".cas", ".b64", high | 5, {high | 5, 3}), (P{high | 5, 3}));
    EXPECT_EQ(atomic(space, ".min", ".s32", ones, {3}), (P{ones, ones}));
    EXPECT_EQ(atomic(space, ".min", ".u32", ones, {3}), (P{ones, 3}));
    EXPECT_EQ(atomic(space, ".max", ".s32", ones, {3}), (P{ones, 3}));
    EXPECT_EQ(atomic(space, ".max", ".u32", ones, {3}), (P{ones, ones}));
    EXPECT_EQ(atomic(space, ".min", ".s64", ~uint64_t{0}, {3}), (P{~uint64_t{0}, ~uint64_t{0}}));
    EXPECT_EQ(atomic(space, ".max", ".u64", ~uint64_t{0}, {3}), (P{~uint64_t{0}, ~uint64_t{0}}));
    EXPECT_EQ(atomic(space, ".and", ".b32", 0xc, {0xa}), (P{0xc, 0x8}));
    EXPECT_EQ(atomic(space, ".or", ".b32", 0xc, {0xa}), (P{0xc, 0xe}));
    EXPECT_EQ(atomic(space, ".xor", ".b64", 0xc, {0xa}), (P{0xc, 0x6}));
    EXPECT_EQ(atomic(space, ".inc", ".u32", 3, {4}), (P{3, 4}));
    EXPECT_EQ(atomic(space, ".inc", ".u32", 4, {4}), (P{4, 0}));
    EXPECT_EQ(atomic(space, ".dec", ".u32", 3, {4}), (P{3, 2}));
    EXPECT_EQ(atomic(space, ".dec", ".u32", 0, {4}), (P{0, 4}));
    EXPECT_EQ(atomic(space, ".dec", ".u32", 9, {4}), (P{9, 4}));
    EXPECT_EQ(atomic(space, ".add", ".f32", bits(1.5f), {bits(0.25f)}), (P{bits(1.5f), bits(1.75f)}));
    EXPECT_EQ(atomic(space, ".add", ".f64", bits(1.5), {bits(0.25)}), (P{bits(1.5), bits(1.75)}));
  }
}

TEST(MachineAtomic, OfManyThreads) {
  Array<uint32_t> sum(2);
  const Program program(".param .u64 p0",
                        "ld.param.u64 %d1, [p0];\nred.global.add.u32 [%d1], %tid;\natom.global.gpu.relaxed.max.u32 "
                        "%r1, [%d1+4], %tid;\n");
  program({3, 1, 1}, {100, 1, 1}, sum.data());
  EXPECT_EQ(sum.values(), (std::vector<uint32_t>{3 * 4950, 99}));
}

// ---- what is not there ----

namespace {

std::string fails(FaultKind kind, const std::string& body) {
  return fault_of([&] { leaves(".loc 1 41 0\n" + body); }, kind);
}

}  // namespace

TEST(MachineFault, OutOfBounds) {
  const auto bad = [](const std::string& body) { return fails(FaultKind::kIllegalAddress, body); };
  // The array behind p0 has 32 bytes.
  EXPECT_EQ(bad("ld.global.u64 %d3, [%d1+24];\n"), "");
  EXPECT_TRUE(has(bad("ld.global.u64 %d3, [%d1+32];\n"),
                  {"8 bytes of global memory at 0x", "which is not there", "ld.global.u64", "here.cu:41",
                   "thread (0, 0, 0)", "block (0, 0, 0)", "of k"}));
  EXPECT_NE(bad("ld.global.v2.u64 {%d3, %d4}, [%d1+32];\n"), "");
  EXPECT_NE(bad("add.u64 %d1, %d1, 20;\nld.global.v4.u8 {%r1, %r2, %r3, %r4}, [%d1+12];\n"), "");
  EXPECT_NE(bad("st.global.u8 [%d1+32], 0;\n"), "");
  EXPECT_NE(bad("ld.global.u8 %d3, [%d1+-1];\n"), "");
  EXPECT_TRUE(
      has(bad("mov.u64 %d3, 0;\nld.u32 %r1, [%d3];\n"), {"4 bytes of generic memory at 0x0, which is not there"}));
  EXPECT_TRUE(has(bad("mov.u64 %d3, 0;\nred.global.add.u32 [%d3], 1;\n"), {"4 bytes of global memory at 0x0"}));
  EXPECT_TRUE(
      has(bad(".shared .align 4 .b8 s[12];\nld.shared.u32 %r1, [s+12];\n"), {"4 bytes of shared memory at 0xc"}));
  EXPECT_EQ(bad(".shared .align 4 .b8 s[12];\nld.shared.u32 %r1, [s+8];\n"), "");
  EXPECT_NE(bad("mov.u32 %r1, 0;\nst.shared.u32 [%r1], 0;\n"), "") << "none of it";
  EXPECT_TRUE(
      has(bad(".local .align 8 .b8 depot[16];\nst.local.u64 [depot+16], 0;\n"), {"8 bytes of local memory at 0x10"}));
  EXPECT_EQ(bad(".local .align 8 .b8 depot[16];\nst.local.u64 [depot+8], 0;\n"), "");
  EXPECT_TRUE(has(bad("mov.u64 %d3, 16;\nld.param.u32 %r1, [%d3];\n"), {"4 bytes of parameter memory at 0x10"}));
}

TEST(MachineFault, MemoryThatWasTakenAway) {
  Array<uint32_t> memory(8);
  const Program program(".param .u64 p0", "ld.param.u64 %d1, [p0];\nld.global.u32 %r1, [%d1];\n");
  const auto run = [&] {
    return fault_of([&] { program({1, 1, 1}, {1, 1, 1}, memory.data()); }, FaultKind::kIllegalAddress);
  };
  EXPECT_EQ(run(), "");
  remove_range(memory.data(), 4);
  EXPECT_NE(run(), "");
  add_range(memory.data(), 4);
  EXPECT_EQ(run(), "");
}

TEST(MachineFault, Misaligned) {
  const auto bad = [](const std::string& body) { return fails(FaultKind::kMisaligned, body); };
  EXPECT_TRUE(has(bad("ld.global.u32 %r1, [%d1+2];\n"), {"not aligned", "ld.global.u32", "here.cu:41"}));
  EXPECT_NE(bad("st.global.u16 [%d1+1], 0;\n"), "");
  EXPECT_NE(bad("ld.global.v2.u32 {%r1, %r2}, [%d1+4];\n"), "");
  EXPECT_NE(bad(".shared .align 8 .b8 s[32];\nst.shared.u64 [s+4], 0;\n"), "");
  EXPECT_NE(bad("red.global.add.u64 [%d1+4], 1;\n"), "");
  EXPECT_EQ(bad("ld.global.u8 %r1, [%d1+3];\n"), "");
}

}  // namespace emulator::test
