// What the machine looks for where EMBER_EMULATED_CHECK asks for it: of each a kernel that is wrong and one that is
// right.
#include "machine_test.h"

namespace emulator::test {

namespace {

Options only_race() {
  Options o;
  o.race = o.global_race = true;
  return o;
}
Options only_sync() {
  Options o;
  o.sync = true;
  return o;
}

// Each thread stores its number at its place, and after `between` loads its neighbour's: the last from the first.
std::string exchange(const std::string& between) {
  return ".shared .align 4 .b8 s[4096];\n"
         "mov.u32 %r1, s;\nshl.b32 %r2, %tid, 2;\nadd.u32 %r3, %r1, %r2;\n"
         ".loc 1 10 0\nst.shared.u32 [%r3], %tid;\n" +
         between +
         "mov.u32 %r4, %ntid.x;\nadd.u32 %r5, %tid, 1;\nrem.u32 %r5, %r5, %r4;\n"
         "shl.b32 %r6, %r5, 2;\nadd.u32 %r6, %r6, %r1;\n"
         ".loc 1 20 0\nld.shared.u32 %r7, [%r6];\n"
         "ld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 4;\nadd.s64 %d1, %d1, %d2;\nst.global.u32 [%d1], %r7;\n";
}

std::string race_of(const std::string& body, unsigned threads, bool race = true) {
  const With with(race ? only_race() : Options{});
  Array<uint32_t> out(threads);
  const Program program(".param .u64 p0", body);
  return fault_of([&] { program({2, 1, 1}, {threads, 1, 1}, out.data()); }, FaultKind::kRace);
}

}  // namespace

TEST(MachineRace, NeighboursWithoutABarrier) {
  const std::string text = race_of(exchange(""), 64);
  EXPECT_TRUE(has(text, {"a race in shared memory", "a read of byte 4 ", "st.shared.u32, here.cu:10",
                         "thread (1, 0, 0)", "ld.shared.u32, here.cu:20, of thread (0, 0, 0)", "of k"}));
  EXPECT_EQ(race_of(exchange("bar.sync 0;\n"), 64), "");
  EXPECT_EQ(race_of(exchange(""), 64, false), "") << "nobody asked";
}

TEST(MachineRace, TheBarrierOfAWarpIsForTheWarp) {
  EXPECT_EQ(race_of(exchange("bar.warp.sync 0xffffffff;\n"), 32), "");
  EXPECT_EQ(race_of(exchange("vote.sync.ballot.b32 %r20, 1, 0xffffffff;\n"), 32), "");
  EXPECT_NE(race_of(exchange("bar.warp.sync 0xffffffff;\n"), 64), "");
}

TEST(MachineRace, MasksOrderOnlyThoseInThem) {
  // Each half by itself: thread 15 meets 16 no more.
  const std::string halves =
      "setp.lt.u32 %p1, %tid, 16;\nselp.b32 %r21, 0xffff, 0xffff0000, %p1;\nbar.warp.sync %r21;\n";
  EXPECT_TRUE(has(race_of(exchange(halves), 32), {"thread (16, 0, 0)", "of thread (15, 0, 0)"}));
  // By way of 15 and 16, and back by way of 31 and 0.
  const std::string chain = halves +
                            "setp.eq.u32 %p2, %tid, 15;\nsetp.eq.or.u32 %p2, %tid, 16, %p2;\n"
                            "@%p2 bar.warp.sync 0x18000;\n"
                            "setp.eq.u32 %p3, %tid, 31;\nsetp.eq.or.u32 %p3, %tid, 0, %p3;\n"
                            "@%p3 bar.warp.sync 0x80000001;\n";
  EXPECT_EQ(race_of(exchange(chain), 32), "");
}

TEST(MachineRace, AReadBeforeAWrite) {
  const auto body = [](const char* between) {
    return std::string(
               ".shared .align 4 .b8 s[8];\nsetp.eq.u32 %p1, %tid, 0;\n"
               ".loc 1 5 0\nld.shared.u32 %r1, [s];\n") +
           between + ".loc 1 7 0\n@%p1 st.shared.u32 [s], %tid;\n";
  };
  // The writer runs with the first warp, so that the readers of the last are those that it races with in no order but
  // the other.
  EXPECT_TRUE(has(race_of(body(""), 96), {"a write of byte 0", "a read by ld.shared.u32, here.cu:5", "here.cu:7"}));
  EXPECT_EQ(race_of(body("bar.sync 0;\n"), 96), "");
  // Readers of other warps count where those of the warp itself are waited for.
  EXPECT_EQ(race_of(body("bar.warp.sync -1;\n"), 32), "");
  EXPECT_NE(race_of(body("bar.warp.sync -1;\n"), 64), "");
}

TEST(MachineRace, LanesThatWriteTheSamePlace) {
  const auto body = [](const char* value) {
    return std::string(".shared .align 4 .b8 s[8];\nmov.u32 %r1, 7;\n.loc 1 3 0\nst.shared.u32 [s], ") + value + ";\n";
  };
  EXPECT_EQ(race_of(body("%r1"), 32), "") << "the same value at once";
  EXPECT_TRUE(has(race_of(body("%tid"), 32), {"a write of byte 0", "a write by st.shared.u32, here.cu:3"}));
  EXPECT_NE(race_of(body("%r1"), 64), "") << "two warps";
}

TEST(MachineRace, Atomics) {
  const std::string add =
      ".shared .align 4 .b8 s[8];\nsetp.eq.u32 %p1, %tid, 0;\n@%p1 st.shared.u32 [s], 0;\nbar.sync 0;\n"
      ".loc 1 4 0\nred.shared.add.u32 [s], 1;\n";
  EXPECT_EQ(race_of(add, 128), "");
  EXPECT_EQ(race_of(add + "bar.sync 0;\nld.shared.u32 %r1, [s];\n", 128), "");
  EXPECT_TRUE(has(race_of(add + "@%p1 ld.shared.u32 %r1, [s];\n", 128),
                  {"a read of byte 0", "an atomic operation by red.shared.add.u32, here.cu:4"}));
  EXPECT_NE(race_of(add + "bar.warp.sync -1;\nld.shared.u32 %r1, [s];\n", 128), "");
}

TEST(MachineRace, BytesOfAWordAreApart) {
  const auto body = [](const char* between, const char* load) {
    return std::string(".shared .align 8 .b8 s[256];\nmov.u32 %r1, s;\nadd.u32 %r2, %r1, %tid;\n") +
           "cvt.u16.u32 %h1, %tid;\nst.shared.u8 [%r2], %h1;\n" + between + load;
  };
  EXPECT_EQ(race_of(body("", "ld.shared.u8 %h2, [%r2];\n"), 64), "");
  EXPECT_NE(race_of(body("", "ld.shared.u32 %r3, [s];\n"), 64), "");
  EXPECT_EQ(race_of(body("bar.sync 0;\n", "ld.shared.u32 %r3, [s+60];\n"), 64), "");
  EXPECT_NE(race_of(body("bar.sync 0;\nst.shared.u8 [%r2+1], %h1;\n", "ld.shared.v2.u32 {%r3, %r4}, [s];\n"), 64), "");
}

TEST(MachineRace, GenericAddressesAreOfSharedMemoryToo) {
  std::string body = exchange("");
  const std::string load = "ld.shared.u32 %r7, [%r6];";
  body.replace(body.find(load), load.size(), "cvt.u64.u32 %d9, %r6;\ncvta.shared.u64 %d9, %d9;\nld.u32 %r7, [%d9];");
  EXPECT_TRUE(has(race_of(body, 64), {"a race in shared memory", "ld.u32, here.cu:20"}));
}

TEST(MachineRace, ABarrierOfSomeWarps) {
  // The first two warps wait for each other; the third is done by then, but has waited for nobody.
  const auto some = [](const char* barrier) {
    return exchange(std::string("setp.ge.u32 %p1, %tid, 64;\n@%p1 exit;\n") + barrier);
  };
  EXPECT_TRUE(has(race_of(some("bar.sync 1, 64;\n"), 96),
                  {"a read of byte 256", "of thread (64, 0, 0); now", "of thread (63, 0, 0)"}));
  EXPECT_EQ(race_of(some("bar.sync 1;\n"), 96), "");
  EXPECT_EQ(race_of(exchange("bar.sync 1, 96;\n"), 96), "");
}

TEST(MachineRace, ReadersOfAnotherWarpAreKept) {
  // All read; the first warp waits for the third and writes, which its own readers have nothing against.
  const auto body = [](const char* second) {
    return std::string(".shared .align 4 .b8 s[8];\nshr.u32 %r9, %tid, 5;\nsetp.eq.u32 %p1, %r9, 1;\n") + second +
           "ld.shared.u32 %r1, [s];\n@%p1 exit;\nbar.sync 1, 64;\nsetp.ne.u32 %p2, %tid, 0;\n@%p2 exit;\nst.shared.u32 "
           "[s], 5;\n";
  };
  EXPECT_TRUE(
      has(race_of(body(""), 96), {"a write of byte 0", "a read by ld.shared.u32", "of thread (32, 0, 0); now"}));
  EXPECT_EQ(race_of(body("@%p1 exit;\n"), 96), "");
}

TEST(MachineRace, ABytesWordWasWritten) {
  const auto body = [](const char* between) {
    return std::string(".shared .align 4 .b8 s[8];\nsetp.eq.u32 %p1, %tid, 0;\n@%p1 st.shared.u32 [s], 5;\n") +
           between + "ld.shared.u8 %h1, [s+1];\n";
  };
  EXPECT_TRUE(has(race_of(body(""), 64), {"a read of byte 1", "a write by st.shared.u32", "in block (0, 0, 0)"}));
  EXPECT_EQ(race_of(body("bar.sync 0;\n"), 64), "");
}

namespace {

// Blocks and threads of a launch over 256 words, whose address is %d1; the block's index is %r1.
std::string global_race_of(const std::string& body, unsigned blocks, unsigned threads) {
  const With with(only_race());
  Array<uint32_t> memory(256);
  const Program program(".param .u64 p0", "ld.param.u64 %d1, [p0];\nmov.u32 %r1, %ctaid.x;\n" + body);
  return fault_of([&] { program({blocks, 1, 1}, {threads, 1, 1}, memory.data()); }, FaultKind::kRace);
}

}  // namespace

TEST(MachineGlobalRace, BlocksThatWriteTheSamePlace) {
  const std::string write = ".loc 1 4 0\nst.global.u32 [%d1+8], %r1;\n";
  EXPECT_TRUE(
      has(global_race_of(write, 3, 1), {"a race in global memory: a write at 0x", "in no order, a write by",
                                        "st.global.u32, here.cu:4", "in block (0, 0, 0); now", "block (1, 0, 0)"}));
  EXPECT_EQ(global_race_of(write, 1, 1), "");
  EXPECT_EQ(global_race_of("st.global.u32 [%d1+8], 5;\n", 3, 64), "") << "always the same";
  const std::string own = "mul.wide.u32 %d2, %r1, 4;\nadd.u64 %d2, %d1, %d2;\n";
  EXPECT_EQ(global_race_of(own + "st.global.u32 [%d2], %r1;\nld.global.u32 %r2, [%d2];\n", 64, 1), "");
  // Bytes of a word are apart, and all of those that a thread has written are known.
  EXPECT_NE(global_race_of(
                "setp.ne.u32 %p1, %r1, 0;\n@%p1 bra L1;\nst.global.u8 [%d1], 7;\nst.global.u8 [%d1+1], 7;\nexit;\nL1:\n"
                "ld.global.u8 %h1, [%d1];\n",
                2, 1),
            "");
  EXPECT_EQ(global_race_of("cvt.u64.u32 %d2, %r1;\nadd.u64 %d2, %d1, %d2;\nst.global.u8 [%d2], 7;\n", 64, 1), "");
}

TEST(MachineGlobalRace, BlocksThatReadWhatOthersWrite) {
  const auto body = [](const char* before, const char* after) {
    return std::string(
               "mul.wide.u32 %d2, %r1, 4;\nadd.u64 %d2, %d1, %d2;\nadd.u32 %r2, %r1, 1;\nst.global.u32 [%d2+4], "
               "%r2;\n") +
           before + "ld.global.u32 %r3, [%d2];\n" + after;
  };
  EXPECT_TRUE(has(global_race_of(body("", ""), 2, 1), {"a read at 0x", "a write by st.global.u32", "ld.global.u32"}));
  EXPECT_EQ(global_race_of(body("membar.gl;\n", ""), 2, 1), "");
  EXPECT_EQ(global_race_of(body("fence.acq_rel.gpu;\n", ""), 2, 1), "");
  EXPECT_EQ(global_race_of(body("atom.global.add.u32 %r4, [%d1+800], 1;\n", ""), 2, 1), "");
  EXPECT_EQ(global_race_of(body("ld.volatile.global.u32 %r4, [%d1+800];\n", ""), 2, 1), "");
  // Read first, and written by a later block.
  EXPECT_TRUE(
      has(global_race_of("ld.global.u32 %r3, [%d1];\nsetp.eq.u32 %p1, %r1, 2;\n@%p1 st.global.u32 [%d1], 9;\n", 3, 1),
          {"a write at 0x", "a read by ld.global.u32", "in block (0, 0, 0); now", "block (2, 0, 0)"}));
}

TEST(MachineGlobalRace, ThreadsOfABlock) {
  const auto body = [](const char* between) {
    return std::string(
               "mul.wide.u32 %d2, %tid, 4;\nadd.u64 %d2, %d1, %d2;\nadd.u32 %r2, %tid, 1;\nst.global.u32 [%d2], "
               "%r2;\n") +
           between +
           "xor.b32 %r3, %tid, 33;\nmul.wide.u32 %d2, %r3, 4;\nadd.u64 %d2, %d1, %d2;\nld.global.u32 %r3, [%d2];\n";
  };
  EXPECT_NE(global_race_of(body(""), 1, 64), "");
  EXPECT_EQ(global_race_of(body("bar.sync 0;\n"), 1, 64), "");
  EXPECT_NE(global_race_of(body("bar.warp.sync -1;\n"), 1, 64), "");
}

namespace {

std::string init_of(const std::string& body, bool init = true) {
  Options wanted;
  wanted.init = init;
  const With with(wanted);
  Array<uint32_t> memory(64);
  mark_unwritten(memory.data(), memory.bytes());
  mark_written(memory.data() + 8, 6);
  const Program program(".param .u64 p0", "ld.param.u64 %d1, [p0];\n" + body);
  return fault_of([&] { program({1, 1, 1}, {1, 1, 1}, memory.data()); }, FaultKind::kUnwritten);
}

}  // namespace

TEST(MachineInit, LoadsOfWhatNobodyHasWritten) {
  EXPECT_TRUE(has(init_of(".loc 1 3 0\nld.global.u32 %r1, [%d1];\n"),
                  {"4 bytes are read", "byte 0 has never been written", "here.cu:3", "thread (0, 0, 0)"}));
  EXPECT_EQ(init_of("ld.global.u32 %r1, [%d1];\n", false), "") << "nobody asked";
  EXPECT_EQ(init_of("ld.global.u32 %r1, [%d1+32];\nld.global.u16 %h1, [%d1+36];\n"), "");
  EXPECT_TRUE(has(init_of("ld.global.u32 %r1, [%d1+36];\n"), {"byte 2 has never been written"}));
  EXPECT_TRUE(has(init_of("ld.u64 %d2, [%d1+32];\n"), {"byte 6 has never been written"}));
  EXPECT_TRUE(has(init_of("red.global.add.u32 [%d1], 1;\n"), {"4 bytes are read"}));
  EXPECT_EQ(init_of("st.global.u32 [%d1], 1;\nld.global.u32 %r1, [%d1];\nred.global.add.u32 [%d1], 1;\n"), "");
  EXPECT_TRUE(has(init_of("st.global.u32 [%d1], 1;\nld.global.u64 %d2, [%d1];\n"), {"byte 4 has never been"}));
}

TEST(MachineInit, MemoryThatIsGoneIsForgotten) {
  Options wanted;
  wanted.init = true;
  const With with(wanted);
  alignas(8) std::byte memory[64] = {};
  add_range(memory, 64);
  mark_unwritten(memory, 64);
  EXPECT_EQ(first_unwritten(memory + 3, 64 - 3), 0u);
  remove_range(memory, 64);
  EXPECT_EQ(first_unwritten(memory, 64), 64u);
}

TEST(MachineInit, MarksFollowCopies) {
  Options wanted;
  wanted.init = true;
  const With with(wanted);
  alignas(8) std::byte from[64] = {}, to[64] = {};
  mark_unwritten(from + 10, 20);
  mark_unwritten(to, 64);
  copy_marks(to, from, 40);
  EXPECT_EQ(first_unwritten(to, 64), 10u);
  EXPECT_EQ(first_unwritten(to + 30, 10), 10u);
  EXPECT_EQ(first_unwritten(to + 29, 10), 0u);
  EXPECT_EQ(first_unwritten(to + 30, 34), 10u);
  copy_marks(from + 3, from, 40);  // overlapping
  EXPECT_EQ(first_unwritten(from, 64), 13u);
  EXPECT_EQ(first_unwritten(from + 33, 31), 31u);
  mark_written(from, 64);
  EXPECT_EQ(first_unwritten(from, 64), 64u);
  mark_written(to, 64);
}

namespace {

std::string sync_of(const std::string& body, unsigned threads = 64, bool sync = true) {
  const With with(sync ? only_sync() : Options{});
  const Program program("", body);
  return fault_of([&] { program({1, 1, 1}, {threads, 1, 1}); }, FaultKind::kDivergence);
}

}  // namespace

TEST(MachineSync, LanesOfAWarpAtTwoBarriers) {
  const auto body = [](const char* limit) {
    return std::string("setp.lt.u32 %p1, %tid, ") + limit +
           ";\n@%p1 bra L1;\n.loc 1 5 0\nbar.sync 0;\nbra L2;\nL1:\n.loc 1 8 0\nbar.sync 0;\nL2:\n";
  };
  EXPECT_TRUE(has(sync_of(body("48")), {"lanes of a warp wait at two barriers", "here.cu:5", "here.cu:8",
                                        "thread (48, 0, 0)", "thread (32, 0, 0)"}));
  EXPECT_EQ(sync_of(body("48"), 64, false), "");
  EXPECT_EQ(sync_of(body("32")), "") << "whole warps";
}

TEST(MachineSync, LanesThatComeLateAreTheSame) {
  // The second half comes by a way of its own, from behind.
  EXPECT_EQ(sync_of("setp.lt.u32 %p1, %tid, 16;\n@%p1 bra L1;\nL2:\nbar.sync 0;\nbra L3;\nL1:\n"
                    "add.u32 %r1, %tid, 1;\nbra L2;\nL3:\n"),
            "");
}

TEST(MachineSync, ABarrierForFewerThanCome) {
  EXPECT_TRUE(
      has(sync_of("setp.lt.u32 %p1, %tid, 16;\n.loc 1 2 0\n@%p1 bar.sync 1, 16;\n.loc 1 3 0\nbar.warp.sync -1;\n"),
          {"not all lanes of the warp come to", "thread (16, 0, 0) is at bar.warp.sync, here.cu:3", "here.cu:2"}));
}

TEST(MachineSync, MasksThatNameLanesThatHaveEnded) {
  const auto body = [](const char* mask) {
    return std::string("setp.ge.u32 %p1, %tid, 16;\n@%p1 exit;\nbar.warp.sync ") + mask + ";\n";
  };
  // Those that stay are at the lower instruction: they wait until the others have ended.
  EXPECT_TRUE(has(sync_of("setp.lt.u32 %p1, %tid, 16;\n@%p1 bra L1;\nexit;\nL1:\n.loc 1 6 0\nbar.warp.sync -1;\n", 32),
                  {"names thread (16, 0, 0), which has ended", "here.cu:6", "of thread (0, 0, 0)"}));
  EXPECT_NE(sync_of(body("0xffffffff"), 32), "");
  EXPECT_EQ(sync_of(body("0xffff"), 32), "");
  EXPECT_EQ(sync_of("bar.warp.sync 0xffffffff;\n", 20), "") << "lanes that there are not are not waited for";
}

TEST(MachineOrder, WarpsInARandomOrder) {
  // Each warp takes a number.
  const Program program(".param .u64 p0, .param .u64 p1",
                        "ld.param.u64 %d1, [p0];\nld.param.u64 %d2, [p1];\nand.b32 %r1, %tid, 31;\n"
                        "setp.ne.u32 %p1, %r1, 0;\n@%p1 exit;\natom.global.add.u32 %r2, [%d1], 1;\n"
                        "shr.u32 %r3, %tid, 5;\nmul.wide.u32 %d3, %r2, 4;\nadd.s64 %d2, %d2, %d3;\n"
                        "st.global.u32 [%d2], %r3;\n");
  const auto order = [&](bool shuffle) {
    Options wanted;
    wanted.shuffle = shuffle;
    const With with(wanted);
    Array<uint32_t> count(1), out(8, 99);
    program({1, 1, 1}, {256, 1, 1}, count.data(), out.data());
    return out.values();
  };
  const std::vector<uint32_t> in_order = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(order(false), in_order);
  const std::vector<uint32_t> first = order(true), second = order(true);
  EXPECT_NE(first, in_order);
  EXPECT_NE(first, second) << "each launch has its own";
  std::vector<uint32_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, in_order);
}

}  // namespace emulator::test
