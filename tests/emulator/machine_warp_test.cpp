// Lanes that part and come together, and what they do together.
#include <bit>

#include "machine_test.h"

namespace emulator::test {

namespace {

using V = std::vector<uint32_t>;

// What each thread has in %r30 at the end.
V results(const std::string& body, unsigned threads = 32) {
  Array<uint32_t> out(threads, 0xabababab);
  const Program program(".param .u64 p0",
                        body +
                            "\nld.param.u64 %d1, [p0];\nmul.wide.u32 %d2, %tid, 4;\nadd.u64 %d1, %d1, %d2;\n"
                            "st.global.u32 [%d1], %r30;\n");
  program({1, 1, 1}, {threads, 1, 1}, out.data());
  return out.values();
}

template <class F>
V each(unsigned threads, F f) {
  V all;
  for (uint32_t t = 0; t < threads; ++t) all.push_back(static_cast<uint32_t>(f(t)));
  return all;
}

}  // namespace

TEST(MachineWarp, Branches) {
  EXPECT_EQ(
      results("and.b32 %r1, %tid, 1;\nsetp.eq.u32 %p1, %r1, 0;\n@%p1 bra L1;\nmul.lo.u32 %r30, %tid, 10;\nbra L2;\n"
              "L1:\nadd.u32 %r30, %tid, 500;\nL2:\nadd.u32 %r30, %r30, 1;\n",
              70),
      each(70, [](uint32_t t) { return (t % 2 == 0 ? t + 500 : t * 10) + 1; }));
  // Nested, with a guard within and a way out.
  EXPECT_EQ(
      results("mov.u32 %r30, 0;\nsetp.lt.u32 %p1, %tid, 20;\n@!%p1 bra L3;\nsetp.lt.u32 %p2, %tid, 10;\n@%p2 bra L1;\n"
              "add.u32 %r30, %r30, 2;\nbra L2;\nL1:\nadd.u32 %r30, %r30, 1;\nsetp.eq.u32 %p3, %tid, 5;\n@%p3 exit;\n"
              "L2:\nadd.u32 %r30, %r30, 10;\nL3:\nadd.u32 %r30, %r30, 100;\n"),
      each(32, [](uint32_t t) {
        return t == 5 ? 0xabababab : t < 10 ? 111 : t < 20 ? 112 : 100;
      }));
}

TEST(MachineWarp, LoopsOfDifferentLengths) {
  EXPECT_EQ(results("mov.u32 %r30, 0;\nmov.u32 %r1, 0;\nL1:\nsetp.ge.u32 %p1, %r1, %tid;\n@%p1 bra L2;\n"
                    "add.u32 %r30, %r30, %r1;\nadd.u32 %r1, %r1, 1;\nbra L1;\nL2:\nadd.u32 %r30, %r30, 7;\n",
                    40),
            each(40, [](uint32_t t) { return t * (t - 1) / 2 + 7; }));
  // One within another, both of lengths of their own.
  EXPECT_EQ(
      results(
          "mov.u32 %r30, 0;\nmov.u32 %r1, 0;\nL1:\nmov.u32 %r2, 0;\nL2:\nadd.u32 %r30, %r30, 1;\nadd.u32 %r2, %r2, 1;\n"
          "setp.lt.u32 %p1, %r2, %tid;\n@%p1 bra L2;\nadd.u32 %r1, %r1, 1;\nsetp.lt.u32 %p2, %r1, 3;\n@%p2 bra L1;\n"),
      each(32, [](uint32_t t) { return 3 * std::max(t, 1u); }));
}

TEST(MachineWarp, PartedLanesComeTogether) {
  // Where the ways meet all lanes vote at once, though they came one by one.
  EXPECT_EQ(
      results("setp.lt.u32 %p1, %tid, 8;\n@%p1 bra L1;\nadd.u32 %r1, %tid, 1;\nbra L2;\nL1:\nadd.u32 %r1, %tid, 2;\n"
              "L2:\nactivemask.b32 %r30;\n"),
      V(32, 0xffffffff));
  EXPECT_EQ(results("mov.u32 %r1, 0;\nL1:\nadd.u32 %r1, %r1, 1;\nsetp.lt.u32 %p1, %r1, %tid;\n@%p1 bra "
                    "L1;\nactivemask.b32 %r30;\n"),
            V(32, 0xffffffff));
  EXPECT_EQ(results("activemask.b32 %r30;\n", 40), each(40, [](uint32_t t) { return t < 32 ? 0xffffffff : 0xff; }));
}

TEST(MachineWarp, SpecialRegisters) {
  Array<uint32_t> out(24 * 8);
  const Program program(
      ".param .u64 p0",
      "ld.param.u64 %d1, [p0];\nmov.u32 %r1, %tid.y;\nmov.u32 %r2, %tid.z;\nmov.u32 %r3, %ntid.x;\nmov.u32 %r4, "
      "%ntid.y;\n"
      "mad.lo.u32 %r5, %r2, %r4, %r1;\nmad.lo.u32 %r5, %r5, %r3, %tid;\nmul.wide.u32 %d2, %r5, 32;\n"
      "add.u64 %d1, %d1, %d2;\nmov.u32 %r6, %laneid;\nmov.u32 %r7, %lanemask_lt;\nmov.u32 %r8, %lanemask_ge;\n"
      "mov.u32 %r9, %nctaid.y;\nmov.u32 %r10, %ctaid.z;\nst.global.v4.u32 [%d1], {%tid, %r1, %r2, %r6};\n"
      "st.global.v4.u32 [%d1+16], {%r7, %r8, %r9, %r10};\n");
  program({1, 2, 3}, {4, 3, 2}, out.data());
  for (uint32_t t = 0; t < 24; ++t) {
    const V got(out.values().begin() + t * 8, out.values().begin() + t * 8 + 8);
    EXPECT_EQ(got, (V{t % 4, t / 4 % 3, t / 12, t, (1u << t) - 1, ~((1u << t) - 1), 2, 2}));
  }
  EXPECT_EQ(results("mov.u32 %r1, %warpid;\nmov.u32 %r2, %nwarpid;\nmad.lo.u32 %r30, %r1, 100, %r2;\n", 70),
            each(70, [](uint32_t t) { return t / 32 * 100 + 3; }));
  EXPECT_EQ(results("mov.u32 %r1, %lanemask_eq;\nmov.u32 %r2, %lanemask_le;\nmov.u32 %r3, %lanemask_gt;\n"
                    "xor.b32 %r2, %r2, %r3;\nadd.u32 %r30, %r1, %r2;\n"),
            each(32, [](uint32_t t) { return (1u << t) - 1; }));
}

// ---- shuffles ----

TEST(MachineShuffle, EveryModeAndSegment) {
  for (const uint32_t width : {32u, 16u, 8u, 4u, 2u, 1u}) {
    for (const uint32_t by : {0u, 1u, 3u, 5u, 16u, 31u}) {
      const auto shuffled = [&](const std::string& mode, uint32_t clamp) {
        return results("add.u32 %r1, %tid, 100;\nshfl.sync." + mode + ".b32 %r2|%p1, %r1, " + std::to_string(by) +
                       ", " + std::to_string((32 - width) << 8 | clamp) +
                       ", -1;\nselp.u32 %r3, 1000, 0, %p1;\nadd.u32 %r30, %r2, %r3;\n");
      };
      const auto want = [&](auto source) {
        return each(32, [&](uint32_t t) {
          const uint32_t segment = t / width * width;
          const int from = source(t, segment);
          const bool in = from >= static_cast<int>(segment) && from < static_cast<int>(segment + width);
          return (in ? from : static_cast<int>(t)) + 100 + (in ? 1000 : 0);
        });
      };
      EXPECT_EQ(shuffled("up", 0),
                want([&](uint32_t t, uint32_t) { return static_cast<int>(t) - static_cast<int>(by); }))
          << width << by;
      EXPECT_EQ(shuffled("down", 31), want([&](uint32_t t, uint32_t) { return static_cast<int>(t + by); }))
          << width << by;
      EXPECT_EQ(shuffled("idx", 31), want([&](uint32_t, uint32_t s) { return static_cast<int>(s + by % width); }))
          << width << by;
      if (by >= width) continue;
      EXPECT_EQ(shuffled("bfly", 31), want([&](uint32_t t, uint32_t) { return static_cast<int>(t ^ by); }))
          << width << by;
    }
  }
}

TEST(MachineShuffle, LanesByThemselves) {
  // Each with a source of its own, and in place.
  EXPECT_EQ(results("mov.u32 %r30, %tid;\nmul.lo.u32 %r1, %tid, 7;\nshfl.sync.idx.b32 %r30, %r30, %r1, 31, -1;\n"),
            each(32, [](uint32_t t) { return t * 7 % 32; }));
  // Lanes that are not guarded in do not take part, and nothing sensible comes from them.
  EXPECT_EQ(results("mov.u32 %r30, 1;\nsetp.lt.u32 %p1, %tid, 8;\n@%p1 shfl.sync.down.b32 %r30, %tid, 4, 31, 0xff;\n"),
            each(32, [](uint32_t t) { return t < 4   ? t + 4
                                             : t < 8 ? 0xdeadbeef
                                                     : 1; }));
  // Past the clamp a lane keeps its own.
  EXPECT_EQ(results("shfl.sync.down.b32 %r30, %tid, 2, 9, -1;\n"),
            each(32, [](uint32_t t) { return t + 2 <= 9 ? t + 2 : t; }));
}

TEST(MachineVote, Votes) {
  const std::string odd =
      "and.b32 %r1, %tid, 1;\nsetp.ne.u32 %p1, %r1, 0;\nsetp.lt.u32 %p2, %tid, 64;\nsetp.ge.u32 %p3, %tid, 64;\n";
  EXPECT_EQ(results(odd + "vote.sync.ballot.b32 %r30, %p1, -1;\n"), V(32, 0xaaaaaaaa));
  EXPECT_EQ(results(odd + "vote.sync.ballot.b32 %r30, !%p1, -1;\n"), V(32, 0x55555555));
  const auto of = [&](const char* vote, const char* p) {
    return results(odd + "vote.sync." + vote + ".pred %p4, " + p + ", -1;\nselp.u32 %r30, 1, 0, %p4;\n")[3];
  };
  EXPECT_EQ(of("any", "%p1"), 1u);
  EXPECT_EQ(of("any", "%p3"), 0u);
  EXPECT_EQ(of("all", "%p1"), 0u);
  EXPECT_EQ(of("all", "%p2"), 1u);
  EXPECT_EQ(of("uni", "%p1"), 0u);
  EXPECT_EQ(of("uni", "%p2"), 1u);
  EXPECT_EQ(of("uni", "%p3"), 1u);
  // Of those that take part, which are all that there are.
  EXPECT_EQ(results("setp.ne.u32 %p1, %tid, 99;\nvote.sync.all.pred %p2, %p1, -1;\nselp.u32 %r30, 1, 0, %p2;\n", 40),
            V(40, 1));
  EXPECT_EQ(results("setp.lt.u32 %p2, %tid, 4;\nmov.u32 %r30, 0;\n@%p2 vote.sync.ballot.b32 %r30, 1, 0xf;\n"),
            each(32, [](uint32_t t) { return t < 4 ? 0xf : 0; }));
}

TEST(MachineVote, Matches) {
  EXPECT_EQ(results("rem.u32 %r1, %tid, 3;\nmatch.any.sync.b32 %r30, %r1, -1;\n"), each(32, [](uint32_t t) {
              uint32_t mask = 0;
              for (uint32_t k = t % 3; k < 32; k += 3) mask |= 1u << k;
              return mask;
            }));
  const auto all = [](const char* value, const char* type) {
    return results(std::string("cvt.u64.u32 %d5, %tid;\nshl.b64 %d5, %d5, 40;\nmov.u64 %d6, 3;\nmatch.all.sync.") +
                   type + " %r1|%p1, " + value + ", -1;\nselp.u32 %r2, 1, 0, %p1;\nxor.b32 %r30, %r1, %r2;\n")[0];
  };
  EXPECT_EQ(all("%d6", "b64"), 0xfffffffeu);
  EXPECT_EQ(all("%d5", "b64"), 0u) << "the upper halves differ";
  EXPECT_EQ(all("%d5", "b32"), 0xfffffffeu) << "the lower do not";
}

TEST(MachineVote, Reductions) {
  const auto of = [](const char* op, const char* type) {
    return results(std::string("sub.u32 %r1, %tid, 5;\nredux.sync.") + op + type + " %r30, %r1, -1;\n")[9];
  };
  EXPECT_EQ(of("add", ".u32"), 31u * 32 / 2 - 160);
  EXPECT_EQ(of("min", ".u32"), 0u);
  EXPECT_EQ(of("max", ".u32"), 0xffffffffu);
  EXPECT_EQ(of("min", ".s32"), static_cast<uint32_t>(-5));
  EXPECT_EQ(of("max", ".s32"), 26u);
  const auto bit = [](const char* op) {
    return results(std::string("or.b32 %r1, %tid, 32;\nredux.sync.") + op + ".b32 %r30, %r1, -1;\n", 31)[0];
  };
  EXPECT_EQ(bit("and"), 32u);
  EXPECT_EQ(bit("or"), 63u);
  EXPECT_EQ(bit("xor"), 32u ^ 31u);
  EXPECT_EQ(
      results("setp.ge.u32 %p1, %tid, 30;\nmov.u32 %r30, 0;\n@%p1 redux.sync.add.u32 %r30, %tid, 0xc0000000;\n")[31],
      61u);
}

// ---- lanes that wait ----

TEST(MachineWait, LanesAreGathered) {
  // The second half comes to the vote by a way of its own, from behind.
  EXPECT_EQ(results("setp.lt.u32 %p1, %tid, 16;\n@%p1 bra L1;\nL2:\nvote.sync.ballot.b32 %r30, 1, -1;\nbra L3;\n"
                    "L1:\nadd.u32 %r1, %tid, 1;\nbra L2;\nL3:\n"),
            V(32, 0xffffffff));
  // Halves with masks of their own do not wait for each other.
  EXPECT_EQ(results("setp.lt.u32 %p1, %tid, 16;\n@%p1 bra L1;\nvote.sync.ballot.b32 %r30, 1, 0xffff0000;\nbra L2;\n"
                    "L1:\nvote.sync.ballot.b32 %r30, 1, 0xffff;\nL2:\n"),
            each(32, [](uint32_t t) { return t < 16 ? 0xffff : 0xffff0000; }));
  // Nor do groups with several masks at one instruction.
  EXPECT_EQ(results("rem.u32 %r1, %tid, 3;\nmatch.any.sync.b32 %r2, %r1, -1;\nvote.sync.ballot.b32 %r30, 1, %r2;\n"),
            results("rem.u32 %r1, %tid, 3;\nmatch.any.sync.b32 %r30, %r1, -1;\n"));
  EXPECT_EQ(results("setp.lt.u32 %p1, %tid, 20;\nmov.u32 %r1, 0xfffff;\n@!%p1 mov.u32 %r1, 0xfff00000;\nsetp.lt.u32 "
                    "%p2, %tid, 10;\n"
                    "@%p2 bra L1;\nL2:\nshfl.sync.idx.b32 %r30, %tid, 0, 31, %r1;\nbra L3;\nL1:\nmov.u32 %r3, 0;\nbra "
                    "L2;\nL3:\n"),
            each(32, [](uint32_t t) { return t < 20 ? 0 : 0xdeadbeef; }));
}

TEST(MachineWait, ForEachOtherAtDifferentPlaces) {
  EXPECT_EQ(
      results(
          ".shared .align 4 .b8 s[8];\nmov.u32 %r30, 3;\nsetp.eq.u32 %p1, %tid, 0;\n@%p1 bra L1;\nbar.warp.sync -1;\n"
          "ld.shared.u32 %r30, [s];\nbra L2;\nL1:\nst.shared.u32 [s], 77;\nbar.warp.sync -1;\nL2:\n"),
      each(32, [](uint32_t t) { return t == 0 ? 3 : 77; }));
}

TEST(MachineWait, LanesThatHaveEndedAreNotWaitedFor) {
  EXPECT_EQ(results("setp.lt.u32 %p1, %tid, 16;\n@%p1 bra L1;\nexit;\nL1:\nvote.sync.ballot.b32 %r30, 1, -1;\n"),
            each(32, [](uint32_t t) { return t < 16 ? 0xffff : 0xabababab; }));
}

TEST(MachineBarrier, OfTheBlock) {
  // In turns: each thread reads what its neighbour in the other warp has written.
  EXPECT_EQ(
      results(".shared .align 4 .b8 s[256];\nmov.u32 %r1, s;\nmad.lo.u32 %r2, %tid, 4, %r1;\nxor.b32 %r3, %tid, 32;\n"
              "mad.lo.u32 %r3, %r3, 4, %r1;\nmov.u32 %r30, %tid;\nmov.u32 %r4, 0;\nL1:\nst.shared.u32 [%r2], "
              "%r30;\nbar.sync 0;\n"
              "ld.shared.u32 %r30, [%r3];\nbarrier.sync.aligned 0;\nadd.u32 %r30, %r30, 1;\nadd.u32 %r4, %r4, 1;\n"
              "setp.lt.u32 %p1, %r4, 3;\n@%p1 bra L1;\n",
              64),
      each(64, [](uint32_t t) { return (t ^ 32) + 3; }));
}

TEST(MachineBarrier, ThreadsThatHaveEndedAreNotWaitedFor) {
  EXPECT_EQ(
      results("mov.u32 %r30, 1;\nsetp.ge.u32 %p1, %tid, 40;\n@%p1 exit;\nbar.sync 0;\nmov.u32 %r30, 2;\nbar.sync 1;\n",
              96),
      each(96, [](uint32_t t) { return t < 40 ? 2 : 0xabababab; }));
}

TEST(MachineBarrier, Reductions) {
  const auto of = [](const char* op, const char* predicate) {
    const bool count = std::string(op) == "popc";
    return results(
        std::string("setp.lt.u32 %p1, %tid, 40;\nsetp.lt.u32 %p2, %tid, 100;\nsetp.gt.u32 %p3, %tid, 100;\nbar.red.") +
            op + (count ? ".u32 %r30, 0, " : ".pred %p4, 0, ") + predicate + ";\n" +
            (count ? "" : "selp.u32 %r30, 1, 0, %p4;\n"),
        96);
  };
  EXPECT_EQ(of("popc", "%p1"), V(96, 40));
  EXPECT_EQ(of("popc", "!%p1"), V(96, 56));
  EXPECT_EQ(of("and", "%p1"), V(96, 0));
  EXPECT_EQ(of("and", "%p2"), V(96, 1));
  EXPECT_EQ(of("or", "%p1"), V(96, 1));
  EXPECT_EQ(of("or", "%p3"), V(96, 0));
}

TEST(MachineBarrier, OfSomeThreads) {
  // The first two warps meet twice, the third never.
  EXPECT_EQ(
      results(
          ".shared .align 4 .b8 s[8];\nmov.u32 %r30, 5;\nsetp.ge.u32 %p1, %tid, 64;\n@%p1 bra L1;\nsetp.eq.u32 %p2, "
          "%tid, 63;\n"
          "@%p2 st.shared.u32 [s], 9;\nbar.sync 3, 64;\nld.shared.u32 %r30, [s];\nbar.red.popc.u32 %r1, 4, 64, %p2;\n"
          "add.u32 %r30, %r30, %r1;\nL1:\n",
          96),
      each(96, [](uint32_t t) { return t < 64 ? 10 : 5; }));
}

}  // namespace emulator::test
