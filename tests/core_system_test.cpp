// Memory statistics, threads, logging and errors.
#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/backend.h>
#include <ember/core/logging.h>
#include <ember/core/parallel.h>

#include "values.h"

namespace {

using namespace ember;
using Sizes = std::vector<int64_t>;

TEST(Memory, StatisticsCount) {
  const size_t before = cpu::memory_stats().live;
  {
    const Tensor x = zeros({1000, 1000});
    EXPECT_GE(cpu::memory_stats().live, before + 4000000);
    EXPECT_GE(cpu::memory_stats().peak_live, before + 4000000);
    const Tensor view = x.t();
    EXPECT_LT(cpu::memory_stats().live, before + 8000000) << "a view takes no memory";
  }
  EXPECT_EQ(cpu::memory_stats().live, before);
  cpu::reset_peak_memory_stats();
  EXPECT_EQ(cpu::memory_stats().peak_live, before);
}

TEST(Memory, IsUsedAgain) {
  EMBER_SKIP_WITHOUT_CACHE();
  zeros({1000, 1000});
  EXPECT_GE(cpu::memory_stats().cached, 4000000u);
  const uint64_t system = cpu::memory_stats().system_allocations;
  for (int i = 0; i < 5; ++i) zeros({1000, 1000});
  EXPECT_EQ(cpu::memory_stats().system_allocations, system);
  cpu::empty_cache();
  EXPECT_EQ(cpu::memory_stats().cached, 0u);
}

TEST(Parallel, CoversTheRangeOnce) {
  const int threads = get_num_threads();
  for (const int n : {1, 2, 3}) {
    set_num_threads(n);
    EXPECT_EQ(get_num_threads(), n);
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{7}, int64_t{1000}}) {
      std::vector<int> hits(static_cast<size_t>(size), 0);
      parallel_for(0, size, 3, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (const int h : hits) EXPECT_EQ(h, 1);
    }
    EXPECT_THROW(parallel_for(0, 1000, 1, [](int64_t begin, int64_t) { EMBER_CHECK(begin > 1000, "from a piece"); }),
                 Error);
  }
  set_num_threads(threads);
  EXPECT_THROW(set_num_threads(0), Error);
  EXPECT_THROW(set_num_threads(-1), Error);
}

TEST(Logging, Levels) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::Info);
  EXPECT_TRUE(log_enabled(LogLevel::Info));
  EXPECT_FALSE(log_enabled(LogLevel::Debug));
  ember::log(LogLevel::Info, "seen ", 1, " {}");
  ember::log(LogLevel::Debug, "hidden");
  set_log_level(LogLevel::Off);
  ember::log(LogLevel::Error, "hidden too");
  set_log_level(LogLevel::Warning);
  EXPECT_TRUE(log_enabled(LogLevel::Error));
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("seen 1 {}"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
}

// ---- Error ----

}  // namespace

// Not inlined, so that its frame is there to be found, and of the program's dynamic symbols, for where those are all.
__attribute__((noinline)) void make_a_bad_product() {
  const ember::Tensor x = ember::ones({2, 3});
  mm(x, x);
}

namespace {

TEST(ErrorTest, SaysWhatAndWhere) {
  try {
    make_a_bad_product();
    FAIL() << "threw nothing";
  } catch (const Error& e) {
    const std::string message = e.what_without_backtrace();
    EXPECT_NE(message.find("mm"), std::string::npos) << message;
    EXPECT_NE(message.find("[2, 3]"), std::string::npos) << message;
    const std::string what = e.what();
    EXPECT_EQ(what.find(message), 0u) << what;
    EXPECT_NE(what.find("make_a_bad_product"), std::string::npos) << what;
#if defined(EMBER_TEST_EXPECTS_LINES)
    EXPECT_NE(what.find("core_system_test.cpp"), std::string::npos) << what;
#endif
    EXPECT_STREQ(e.what(), what.c_str()) << "the same every time";
  }
}

TEST(ErrorTest, PrependAndCopies) {
  Error e("inner");
  const Error copy = e;
  e.prepend("outer: ");
  EXPECT_NE(std::string(e.what_without_backtrace()).find("outer"), std::string::npos);
  EXPECT_NE(std::string(e.what_without_backtrace()).find("inner"), std::string::npos);
  EXPECT_EQ(std::string(e.what()).find(e.what_without_backtrace()), 0u);
  EXPECT_NE(std::string(copy.what()).find("inner"), std::string::npos);
  EXPECT_THROW(EMBER_CHECK(1 > 2, "one is ", 1), Error);
  EXPECT_NO_THROW(EMBER_CHECK(2 > 1, "never made"));
  EXPECT_THROW(EMBER_CHECK_INDEX(false, "no"), IndexError);
  try {
    EMBER_CHECK(false, "parts ", 1, " ", Sizes{2}.size(), " ", IntArrayRef({3, 4}));
  } catch (const std::exception& s) {
    EXPECT_EQ(std::string(s.what()).find("parts 1 1 [3, 4]"), 0u) << s.what();
  }
}

}  // namespace
