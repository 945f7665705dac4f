// Functions, printing, and kernels that fail.
#include "machine_test.h"

namespace emulator::test {

namespace {

std::string bytes_of(const std::string& name, const std::string& text) {
  std::string all = ".global .align 1 .b8 " + name + "[" + std::to_string(text.size() + 1) + "] = {";
  for (const char c : text) all += std::to_string(static_cast<int>(c)) + ", ";
  return all + "0};\n";
}

std::string fails(FaultKind kind, const std::string& body, const std::string& before = "", unsigned threads = 1) {
  const Program program("", ".loc 1 41 0\n" + body, before);
  return fault_of([&] { program({1, 1, 1}, {threads, 1, 1}); }, kind);
}

// The message with which PTX is refused.
std::string refused(const std::string& body) {
  try {
    const Program program("", body);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST(MachineCall, ResultsAndArguments) {
  // Recursion: n! of some lanes, and two arguments of different sizes.
  const std::string functions =
      ".func (.param .b32 result) factorial(.param .b32 n)\n{\n.reg .pred %p<3>;\n.reg .b32 %r<10>;\n"
      "ld.param.u32 %r1, [n];\nmov.u32 %r2, 1;\nsetp.lt.u32 %p1, %r1, 2;\n@%p1 bra L1;\nsub.u32 %r3, %r1, 1;\n"
      "{\n.param .b32 argument;\n.param .b32 back;\nst.param.b32 [argument], %r3;\ncall.uni (back), factorial, "
      "(argument);\n"
      "ld.param.b32 %r4, [back];\n}\nmul.lo.u32 %r2, %r4, %r1;\nL1:\nst.param.b32 [result], %r2;\nret;\n}\n"
      ".func (.param .b64 sum) plus(.param .b32 a, .param .b64 b)\n{\n.reg .b64 %d<5>;\nld.param.u32 %d1, "
      "[a];\nld.param.u64 %d2, [b];\n"
      "add.u64 %d3, %d1, %d2;\nst.param.b64 [sum], %d3;\nret;\n}\n";
  Array<uint64_t> out(8);
  const Program program(
      ".param .u64 p0",
      "setp.eq.u32 %p1, %tid, 3;\nmov.u64 %d5, 0;\n@%p1 bra L1;\n{\n.param .b32 x;\n.param .b32 y;\nst.param.b32 [x], "
      "%tid;\n"
      "call.uni (y), factorial, (x);\nld.param.b32 %r1, [y];\n}\n{\n.param .b32 x;\n.param .b64 y;\n.param .b64 z;\n"
      "st.param.b32 [x], %r1;\nst.param.b64 [y], 1000000000000;\ncall.uni (z), plus, (x, y);\nld.param.b64 %d5, "
      "[z];\n}\n"
      "L1:\nld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 8;\nadd.u64 %d1, %d1, %d2;\nst.global.u64 [%d1], %d5;\n",
      functions);
  program({1, 1, 1}, {8, 1, 1}, out.data());
  const uint64_t k = 1000000000000;
  EXPECT_EQ(out.values(), (std::vector<uint64_t>{k + 1, k + 1, k + 2, 0, k + 24, k + 120, k + 720, k + 5040}));
}

TEST(MachineCall, VariablesOfTheCaller) {
  // The function writes where it is told to, generically and as local memory.
  const std::string functions =
      ".func fill(.param .b64 where, .param .b32 what)\n{\n.local .align 8 .b8 own[16];\n.reg .b64 %d<5>;\n.reg .b32 "
      "%r<5>;\n"
      "ld.param.u64 %d1, [where];\nld.param.u32 %r1, [what];\nst.local.u32 [own], %r1;\nst.u32 [%d1], "
      "%r1;\ncvta.to.local.u64 %d2, %d1;\n"
      "add.u32 %r1, %r1, 1;\nst.local.u32 [%d2+4], %r1;\nret;\n}\n";
  Array<uint64_t> out(40);
  const Program program(
      ".param .u64 p0",
      ".local .align 8 .b8 depot[8];\nmov.b64 %d3, depot;\ncvta.local.u64 %d4, %d3;\nmul.lo.u32 %r1, %tid, 10;\n"
      "{\n.param .b64 x;\n.param .b32 y;\nst.param.b64 [x], %d4;\nst.param.b32 [y], %r1;\ncall.uni fill, (x, y);\n}\n"
      "ld.local.u64 %d5, [depot];\nld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 8;\nadd.u64 %d1, %d1, %d2;\n"
      "st.global.u64 [%d1], %d5;\n",
      functions);
  program({1, 1, 1}, {40, 1, 1}, out.data());
  for (uint64_t t = 0; t < 40; ++t) EXPECT_EQ(out[t], (t * 10 + 1) << 32 | t * 10);
}

TEST(MachineCall, GuardedCalls) {
  const std::string functions =
      ".func count(.param .b64 where)\n{\n.reg .b64 %d<3>;\nld.param.u64 %d1, [where];\nred.global.add.u32 [%d1], "
      "1;\nret;\n}\n";
  Array<uint32_t> out(1);
  const Program program(
      ".param .u64 p0",
      "ld.param.u64 %d1, [p0];\nsetp.lt.u32 %p1, %tid, 5;\n{\n.param .b64 x;\nst.param.b64 [x], %d1;\n"
      "@%p1 call count, (x);\n}\n",
      functions);
  program({1, 1, 1}, {40, 1, 1}, out.data());
  EXPECT_EQ(out[0], 5u);
}

TEST(MachineCall, GuardedReturns) {
  const std::string functions =
      ".func (.param .b32 r) halves(.param .b32 n)\n{\n.reg .pred %p<3>;\n.reg .b32 %r<10>;\nld.param.u32 %r1, [n];\n"
      "st.param.b32 [r], 1;\nsetp.lt.u32 %p1, %r1, 16;\n@%p1 ret;\nst.param.b32 [r], 2;\nret;\n}\n";
  Array<uint32_t> out(32);
  const Program program(
      ".param .u64 p0",
      "{\n.param .b32 x;\n.param .b32 y;\nst.param.b32 [x], %tid;\ncall.uni (y), halves, (x);\nld.param.b32 %r1, "
      "[y];\n}\n"
      "ld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 4;\nadd.u64 %d1, %d1, %d2;\nst.global.u32 [%d1], %r1;\n",
      functions);
  program({1, 1, 1}, {32, 1, 1}, out.data());
  for (uint32_t t = 0; t < 32; ++t) EXPECT_EQ(out[t], t < 16 ? 1u : 2u);
}

TEST(MachineCall, Printing) {
  const std::string before = bytes_of("format", "%d of %s: %5.2f, %llu 100%% %x\n") + bytes_of("word", "threads");
  const Program program(
      "",
      ".local .align 8 .b8 depot[40];\nmov.b64 %d1, depot;\ncvta.local.u64 %d2, %d1;\nst.local.u32 [depot], %tid;\n"
      "mov.u64 %d3, word;\nst.local.u64 [depot+8], %d3;\nst.local.f64 [depot+16], 0d3FF8000000000000;\n"
      "st.local.u64 [depot+24], 12345678901234;\nst.local.u32 [depot+32], 255;\nmov.u64 %d4, format;\n"
      "{\n.param .b64 f;\n.param .b64 a;\n.param .b32 r;\nst.param.b64 [f], %d4;\nst.param.b64 [a], %d2;\n"
      "call.uni (r), vprintf, (f, a);\n}\n",
      ".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n" + before);
  testing::internal::CaptureStdout();
  program({1, 1, 1}, {2, 1, 1});
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "0 of threads:  1.50, 12345678901234 100% ff\n1 of threads:  1.50, 12345678901234 100% ff\n");
}

TEST(MachineFault, Assertions) {
  const std::string body =
      "setp.ne.u32 %p1, %tid, 2;\n@%p1 bra L1;\nmov.u64 %d1, message;\n{\n.param .b64 a;\n.param .b64 b;\n.param .b32 "
      "c;\n.param .b64 d;\n"
      ".param .b64 e;\nst.param.b64 [a], %d1;\nst.param.b64 [b], %d1;\nst.param.b32 [c], 7;\nst.param.b64 [d], "
      "%d1;\nst.param.b64 [e], 1;\n"
      "call.uni __assertfail, (a, b, c, d, e);\n}\nL1:\n";
  EXPECT_TRUE(has(fails(FaultKind::kAssert, body, bytes_of("message", "x < y"), 4),
                  {"assertion failed: x < y", "thread (2, 0, 0)", "here.cu:41"}));
  EXPECT_EQ(fails(FaultKind::kAssert, body, bytes_of("message", "x < y"), 2), "");
}

TEST(MachineFault, Traps) {
  EXPECT_TRUE(has(fails(FaultKind::kTrap, "setp.eq.u32 %p1, %tid, 33;\n@%p1 trap;\n", "", 64),
                  {"the kernel trapped", "trap, here.cu:41", "thread (33, 0, 0)"}));
  EXPECT_EQ(fails(FaultKind::kTrap, "setp.eq.u32 %p1, %tid, 33;\n@%p1 trap;\n", "", 32), "");
}

TEST(MachineFault, WhatWasWrittenBeforeStays) {
  Array<uint32_t> out(2);
  const Program program(
      ".param .u64 p0",
      "ld.param.u64 %d1, [p0];\nmov.u32 %r1, %ctaid.x;\nmul.wide.u32 %d2, %r1, 4;\nadd.u64 %d1, %d1, %d2;\n"
      "setp.eq.u32 %p1, %r1, 1;\n@%p1 trap;\nst.global.u32 [%d1], 5;\n");
  const std::string text = fault_of([&] { program({2, 1, 1}, {1, 1, 1}, out.data()); }, FaultKind::kTrap);
  EXPECT_TRUE(has(text, {"block (1, 0, 0)"}));
  EXPECT_EQ(out.values(), (std::vector<uint32_t>{5, 0}));
}

TEST(MachineFault, ThreadsThatWaitForEver) {
  const auto stuck = [](const std::string& body) { return fails(FaultKind::kIllegalInstruction, body, "", 64); };
  const std::string first = "setp.lt.u32 %p1, %tid, 16;\nsetp.lt.u32 %p2, %tid, 32;\n";
  EXPECT_TRUE(has(stuck(first + "@%p2 bar.sync 0;\n@!%p2 bar.sync 1;\n"),
                  {"waits for others for ever", "bar.sync, here.cu:41"}));
  EXPECT_TRUE(
      has(stuck(first +
                "@%p1 bra L1;\nvote.sync.ballot.b32 %r1, 1, -1;\nbra L2;\nL1:\nvote.sync.any.pred %p3, 1, -1;\nL2:\n"),
          {"waits for others for ever", "vote.sync"}));
  EXPECT_TRUE(has(stuck("bar.sync 1, 96;\n"), {"waits for others for ever"}));
  // A lane waits at the block's barrier, the others for it.
  EXPECT_TRUE(has(stuck(first + "@%p1 bar.sync 0;\nbar.warp.sync -1;\n"), {"waits for others for ever"}));
}

TEST(MachineFault, ImpossibleWaiting) {
  const auto bad = [](const std::string& body) { return fails(FaultKind::kIllegalInstruction, body, "", 64); };
  EXPECT_TRUE(has(bad("bar.warp.sync 0xfffffffe;\n"), {"not in its own member mask", "thread (0, 0, 0)"}));
  EXPECT_TRUE(has(bad("mov.u32 %r1, 16;\nbar.sync %r1;\n"), {"no such barrier"}));
  EXPECT_TRUE(
      has(bad("setp.lt.u32 %p1, %tid, 32;\n@%p1 bar.sync 0, 64;\n@!%p1 bar.sync 0, 96;\n"), {"different counts"}));
}

TEST(MachineFault, BarriersInFunctions) {
  EXPECT_TRUE(
      has(fails(FaultKind::kIllegalInstruction, "call.uni waits;\n", ".func waits()\n{\nbar.sync 0;\nret;\n}\n"),
          {"a barrier in a function is not known"}));
}

TEST(MachineParser, SaysWhatItDoesNotKnow) {
  EXPECT_TRUE(has(refused("frobnicate.b32 %r1, %r2;\n"), {"the instruction frobnicate.b32 is not known"}));
  EXPECT_TRUE(has(refused("add.sat.s32 %r1, %r2, %r3;\n"), {"add.sat.s32"}));
  EXPECT_TRUE(has(refused("mov.u32 %r1, %nothing;\n"), {"an unknown name %nothing"}));
  EXPECT_TRUE(has(refused("bra NOWHERE;\n"), {"no label NOWHERE"}));
  EXPECT_TRUE(has(refused("shfl.down.b32 %r1, %r2, 1, 31;\n"), {"only the .sync forms"}));
  EXPECT_TRUE(has(refused(".reg .v4 .b32 %v<3>;\n"), {"vector registers"}));
  EXPECT_TRUE(has(refused("call.uni (%r1), nobody;\n"), {"no parameter %r1"}));
  EXPECT_TRUE(has(refused("call.uni nobody;\n"), {"no function nobody"}));
  EXPECT_EQ(refused("// nothing\n/* at all */\n.pragma \"nounroll\";\n"), "");
}

TEST(MachineParser, KernelsOfAModule) {
  Module* const module = load_text(
      ".version 8.5\n.target sm_90\n.address_size 64\n.entry a(.param .u32 x, .param .u64 y)\n.maxntid 64, 2, "
      "1\n{\nret;\n}\n"
      ".visible .entry b()\n{\n.shared .align 4 .b8 s[20];\nret;\n}\n");
  const Kernel* const a = find_kernel(module, "a");
  EXPECT_EQ(a->name, "a");
  EXPECT_EQ(a->max_threads, 128u);
  ASSERT_EQ(a->parameters.size(), 2u);
  EXPECT_EQ(a->parameters[1].offset, 8u);
  EXPECT_EQ(a->parameters[1].bytes, 8u);
  EXPECT_EQ(a->parameter_bytes, 16u);
  EXPECT_EQ(find_kernel(module, "a"), a);
  EXPECT_EQ(find_kernel(module, "b")->static_shared, 20u);
  EXPECT_EQ(find_kernel(module, "b")->max_threads, 1024u);
  EXPECT_THROW(find_kernel(module, "c"), std::runtime_error);
}

TEST(MachineParser, KernelsThatWaitForEarlierOnes) {
  const auto waits = [](const std::string& body) {
    return find_kernel(load_text(".version 8.5\n.target sm_90\n.address_size 64\n.entry k(.param .u64 x)\n{\n.reg .b64 "
                                 "%d<4>;\n.reg .pred %p<2>;\n" +
                                 body + "ret;\n}\n"),
                       "k")
        ->waits;
  };
  const std::string wait = "griddepcontrol.wait;\n", load = "ld.param.u64 %d1, [x];\n",
                    store = "st.global.u64 [%d1], %d1;\n";
  EXPECT_TRUE(waits(load + "add.u64 %d2, %d1, 8;\n" + wait + store));
  EXPECT_TRUE(waits(wait));
  EXPECT_TRUE(waits("st.local.u64 [%d1], %d1;\n" + wait));
  EXPECT_FALSE(waits(load + store));
  EXPECT_FALSE(waits(load + store + wait));
  EXPECT_FALSE(waits(load + "ld.global.u64 %d2, [%d1];\n" + wait));
  EXPECT_FALSE(waits(load + "setp.eq.u64 %p1, %d1, 0;\n@%p1 bra L;\n" + wait + "L:\n"));
  EXPECT_FALSE(waits(load + "setp.eq.u64 %p1, %d1, 0;\n@%p1 " + wait));
  EXPECT_FALSE(waits("griddepcontrol.launch_dependents;\n"));
  EXPECT_TRUE(waits("griddepcontrol.launch_dependents;\n" + wait));
}

}  // namespace emulator::test
