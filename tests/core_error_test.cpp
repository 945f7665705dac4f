// Errors, checks and warnings.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/core/check.h>
#include <ember/core/warning.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

enum class Plain : int8_t { A = 65 };

struct Collect : WarningHandler {
  void process(const Warning& warning) override {
    texts.push_back(warning.msg());
    places.push_back(warning.source_location());
    deprecated = std::holds_alternative<DeprecationWarning>(warning.type());
  }
  std::vector<std::string> texts;
  std::vector<SourceLocation> places;
  bool deprecated = false;
};

int calls = 0;
std::string called() {
  ++calls;
  return "called";
}

}  // namespace

TEST(Error, message_and_context) {
  Error e("first");
  EXPECT_STREQ(e.what_without_backtrace(), "first");
  const Error before = e;
  e.add_context("while a");
  EXPECT_STREQ(e.what_without_backtrace(), "first (while a)");
  e.add_context("while b");
  EXPECT_STREQ(e.what_without_backtrace(), "first\n  while a\n  while b");
  EXPECT_EQ(e.msg(), "first");
  EXPECT_EQ(e.context(), (std::vector<std::string>{"while a", "while b"}));
  EXPECT_STREQ(before.what_without_backtrace(), "first");
  e.prepend("op: ");
  EXPECT_EQ(e.msg(), "op: first");
  EXPECT_EQ(std::string(e.what()).rfind("op: first\n  while a", 0), 0u);
}

TEST(Error, a_place_that_was_given_is_named) {
  const Error e({"run", "net.cpp", 12}, "bad");
  EXPECT_STREQ(e.what_without_backtrace(), "bad");
  EXPECT_MENTIONS(e.what(), "bad\n  thrown from run at net.cpp:12");
  EXPECT_MENTIONS(printed(SourceLocation::current()), "core_error_test.cpp:");
}

TEST(Error, every_class_is_an_Error) {
  EXPECT_THROW(EMBER_CHECK_INDEX(false, "i"), IndexError);
  EXPECT_THROW(EMBER_CHECK_VALUE(false, "v"), ValueError);
  EXPECT_THROW(EMBER_CHECK_TYPE(false, "t"), TypeError);
  EXPECT_THROW(EMBER_CHECK_LINALG(false, "l"), LinAlgError);
  EXPECT_THROW(EMBER_CHECK_NOT_IMPLEMENTED(false, "n"), NotImplementedError);
  EXPECT_THROW(EMBER_CHECK_WITH(OutOfMemoryError, false), OutOfMemoryError);
  EXPECT_EQ(error_of([] { EMBER_CHECK_VALUE(false, "v", 1); }), "v1");
  try {
    throw ValueError("x");
  } catch (const std::exception& e) {
    EXPECT_EQ(std::string(e.what())[0], 'x');
  }
}

TEST(Check, message_parts_are_streamed_only_on_failure) {
  calls = 0;
  EMBER_CHECK(true, called());
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(error_of([] { EMBER_CHECK(1 > 2, called(), ' ', 3, ", ", 2.5, ", ", kFloat); }), "called 3, 2.5, Float");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(error_of([] { EMBER_CHECK(1 > 2); }), "check failed: 1 > 2");
  EXPECT_EQ(error_of([] { EMBER_CHECK_INDEX(1 > 2); }), "check failed: 1 > 2");
  EXPECT_EQ(error_of([] { EMBER_CHECK(false, ""); }), "");
}

TEST(Check, internal_assertions_name_condition_and_place) {
  EXPECT_MENTIONS(error_of([] { EMBER_INTERNAL_ASSERT(1 > 2); }), "internal assertion failed: 1 > 2 (");
  EXPECT_MENTIONS(error_of([] { EMBER_INTERNAL_ASSERT(1 > 2, "why ", 1); }), "): why 1");
  EXPECT_MENTIONS(error_of([] { EMBER_ASSERT(1 > 2); }), "core_error_test.cpp:");
  EXPECT_MENTIONS(error_of([] { EMBER_ASSERTM(1 > 2, "m"); }), "): m");
  EXPECT_EQ(error_of([] { EMBER_ERROR("e", 1); }), "e1");
#if defined(NDEBUG)
  EMBER_INTERNAL_ASSERT_DEBUG_ONLY(false, "only in debug builds");
#else
  EXPECT_MENTIONS(error_of([] { EMBER_INTERNAL_ASSERT_DEBUG_ONLY(false, "d"); }), "): d");
#endif
}

TEST(Check, operators_show_both_values) {
  const int one = 1, two = 2;
  EMBER_CHECK_EQ(one, 1) << called();
  EXPECT_EQ(error_of([&] { EMBER_CHECK_EQ(one, two) << "more " << 3; }), "check failed: one == two (1 vs. 2). more 3");
  EXPECT_MENTIONS(error_of([&] { EMBER_CHECK_GT(one, two); }), "one > two (1 vs. 2)");
  EMBER_CHECK_LE(one, two);
  EMBER_CHECK_LT(one, two);
  EMBER_CHECK_NE(one, two);
  EMBER_CHECK_GE(two, one);
  EXPECT_EQ(EMBER_CHECK_NOTNULL(&one), &one);
  const int* const none = nullptr;
  EXPECT_ERROR(EMBER_CHECK_NOTNULL(none), "'none' must not be null");
  EXPECT_EQ(error_of([] { EMBER_CHECK_ARG(false, 2, "too long"); }), "invalid argument 2: too long");
}

TEST(Check, rethrown_with_context) {
  const auto inner = [] {
    try {
      EMBER_CHECK(false, "inner");
    } catch (Error& e) {
      EMBER_RETHROW(e, "in step ", 3);
    }
  };
  EXPECT_EQ(error_of(inner), "inner (in step 3)");
}

TEST(Str, joins_what_can_be_streamed) {
  EXPECT_EQ(str(), "");
  EXPECT_EQ(str("a", 1, 'b', 2.5, true, std::string("c")), "a1b2.51c");
  EXPECT_EQ(str(std::optional<int>(), ' ', std::optional<int>(3)), "std::nullopt 3");
  EXPECT_EQ(str(Plain::A, kLong, Device("cuda:1")), "65Longcuda:1");
  EXPECT_EQ(Join(", ", std::vector<int>{1, 2, 3}), "1, 2, 3");
  EXPECT_EQ(Join(", ", std::vector<int>{}), "");
}

TEST(Warning, goes_to_the_handler_with_its_place) {
  Collect collect;
  WarningHandler* const before = WarningUtils::get_warning_handler();
  {
    WarningUtils::WarningHandlerGuard guard(&collect);
    EXPECT_EQ(WarningUtils::get_warning_handler(), &collect);
    EMBER_WARN("lr is ", 3);
    EMBER_WARN();
    EXPECT_FALSE(collect.deprecated);
    EMBER_WARN_DEPRECATION("old");
    EXPECT_TRUE(collect.deprecated);
  }
  EXPECT_EQ(WarningUtils::get_warning_handler(), before);
  EXPECT_EQ(collect.texts, (std::vector<std::string>{"lr is 3", "", "old"}));
  EXPECT_MENTIONS(collect.places[0].file, "core_error_test.cpp");
  EXPECT_STREQ(collect.places[0].function, "TestBody");
  EXPECT_EQ(collect.places[1].line, collect.places[0].line + 1);
  WarningUtils::set_warning_handler(nullptr);
  EXPECT_EQ(WarningUtils::get_warning_handler(), before);
}

TEST(Warning, once_is_once_for_each_line_unless_always) {
  Collect collect;
  WarningUtils::WarningHandlerGuard guard(&collect);
  const auto warn_all = [] {
    for (int i = 0; i < 3; ++i) EMBER_WARN_ONCE("once ", i);
    EMBER_WARN_ONCE("another");
  };
  warn_all();
  warn_all();
  EXPECT_EQ(collect.texts, (std::vector<std::string>{"once 0", "another"}));
  {
    WarningUtils::WarnAlways always;
    warn_all();
  }
  EXPECT_EQ(collect.texts.size(), 6u);
  EXPECT_FALSE(WarningUtils::get_warnAlways());
}

TEST(Warning, what_the_handler_throws_comes_out) {
  struct Strict : WarningHandler {
    void process(const Warning& warning) override { throw Error(warning.msg()); }
  } strict;
  WarningUtils::WarningHandlerGuard guard(&strict);
  EXPECT_ERROR(EMBER_WARN("no"), "no");
}
