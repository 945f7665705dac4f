// ArrayRef, irange, ExpandingArray, option tags, OrderedDict, type names, threads.
#include <array>
#include <deque>
#include <numeric>

#include <gtest/gtest.h>

#include <ember/core/context.h>
#include <ember/core/enum.h>
#include <ember/core/expanding_array.h>
#include <ember/core/irange.h>
#include <ember/core/ordered_dict.h>
#include <ember/core/parallel.h>
#include <ember/core/type_name.h>

#include "values.h"

using namespace ember;
using namespace ember::test;

namespace {

// As LLVM's: contiguous, with data() and size(), and no relation to std::vector.
struct SmallVector {
  int64_t values[3] = {7, 8, 9};
  const int64_t* data() const { return values; }
  size_t size() const { return 3; }
};

size_t count(IntArrayRef a) { return a.size(); }
std::string text(OptionalIntArrayRef a) { return a ? printed(*a) : "none"; }

struct Outer {
  template <class T>
  struct Inner {};
};

}  // namespace

TEST(ArrayRef, from_everything_contiguous) {
  EXPECT_EQ(count({}), 0u);
  EXPECT_EQ(count({1, 2}), 2u);
  EXPECT_EQ(count(5), 1u);
  EXPECT_EQ(count(std::vector<int64_t>{1, 2, 3}), 3u);
  EXPECT_EQ(count(std::array<int64_t, 4>{}), 4u);
  EXPECT_EQ(count(SmallVector()), 3u);
  EXPECT_EQ(count(Dims{1, 2}), 2u);
  const int64_t raw[] = {1, 2};
  EXPECT_EQ(count(raw), 2u);
  EXPECT_EQ(ArrayRef<int64_t>(raw, raw + 1).size(), 1u);
  EXPECT_EQ(ArrayRef<char>(std::string("abc")).size(), 3u);
  const std::vector<int> v{1, 2};
  static_assert(std::is_same_v<decltype(ArrayRef(v)), ArrayRef<int>>);
  static_assert(std::is_same_v<decltype(ArrayRef(raw)), ArrayRef<int64_t>>);
  static_assert(std::is_same_v<decltype(makeArrayRef(v)), ArrayRef<int>>);
  static_assert(std::is_same_v<decltype(ArrayRef(SmallVector())), ArrayRef<int64_t>>);
  static_assert(!std::is_convertible_v<std::vector<int>, ArrayRef<int64_t>>);
  static_assert(!std::is_convertible_v<std::deque<int64_t>, ArrayRef<int64_t>>);
  static_assert(std::ranges::borrowed_range<ArrayRef<int>>);
  EXPECT_EQ(makeArrayRef(3), ArrayRef<int>(3));
}

TEST(ArrayRef, a_temporary_cannot_be_assigned) {
  static_assert(!std::is_assignable_v<IntArrayRef&, int64_t>);
  static_assert(std::is_assignable_v<IntArrayRef&, IntArrayRef>);
}

TEST(ArrayRef, access_and_slices) {
  const std::vector<int> v{1, 2, 3, 4};
  const ArrayRef<int> a = v;
  EXPECT_EQ(a.front() + a.back() + a[1] + a.at(2), 10);
  EXPECT_EQ(std::vector<int>(a.rbegin(), a.rend()), (std::vector<int>{4, 3, 2, 1}));
  EXPECT_EQ(std::accumulate(a.cbegin(), a.cend(), 0), 10);
  EXPECT_EQ(a.slice(1, 2), (std::vector<int>{2, 3}));
  EXPECT_EQ(a.slice(3).vec(), std::vector<int>{4});
  EXPECT_EQ(a.drop_front(3), a.slice(3));
  EXPECT_EQ(a.drop_back().size(), 3u);
  EXPECT_EQ(a.slice(4).size(), 0u);
  EXPECT_THROW(a.at(4), IndexError);
  EXPECT_ERROR(a.slice(2, 3), "3 elements from 2 on are out of range for 4 elements");
  EXPECT_ERROR(a.slice(1, static_cast<size_t>(-1)), "out of range");
  EXPECT_ERROR(a.slice(5), "out of range");
  EXPECT_ERROR(ArrayRef<int>().front(), "empty");
  EXPECT_ERROR(ArrayRef<int>().back(), "empty");
  EXPECT_TRUE(a.allMatch([](int x) { return x > 0; }));
  EXPECT_FALSE(a.allMatch([](int x) { return x > 1; }));
}

TEST(ArrayRef, comparison_and_text) {
  const std::vector<int64_t> v{1, 2};
  const IntArrayRef a = v;
  EXPECT_TRUE(a == v && v == a && a.equals({1, 2}) && a != IntArrayRef({1, 3}) && a != IntArrayRef(1));
  EXPECT_EQ(printed(a), "[1, 2]");
  EXPECT_EQ(printed(IntArrayRef()), "[]");
}

TEST(OptionalArrayRef, holds_an_array_or_nothing) {
  EXPECT_EQ(text(nullopt), "none");
  EXPECT_EQ(text({1, 2}), "[1, 2]");
  EXPECT_EQ(text(3), "[3]");
  EXPECT_EQ(text(std::vector<int64_t>{4}), "[4]");
  EXPECT_EQ(text(SmallVector()), "[7, 8, 9]");
  const std::vector<int64_t> v{1};
  OptionalIntArrayRef o(v);
  EXPECT_TRUE(o.has_value() && o == IntArrayRef(v) && o->size() == 1);
  o.reset();
  EXPECT_TRUE(o == OptionalIntArrayRef() && o != OptionalIntArrayRef(v));
  EXPECT_ERROR(o.value(), "no value");
  EXPECT_EQ(o.value_or(v).size(), 1u);
  EXPECT_EQ(o.emplace(v).size(), 1u);
}

TEST(Irange, one_and_two_bounds) {
  const auto text = [](auto range) {
    std::string s;
    for (const auto i : range) s += std::to_string(i) + ' ';
    return s;
  };
  EXPECT_EQ(text(irange(3)), "0 1 2 ");
  EXPECT_EQ(text(irange(2, 5)), "2 3 4 ");
  EXPECT_EQ(text(irange(-2, 1)), "-2 -1 0 ");
  EXPECT_EQ(text(irange(5, 2)) + text(irange(-3)) + text(irange(0)), "");
  static_assert(std::is_same_v<decltype(*irange(0, size_t{3}).begin()), size_t>);
}

TEST(ExpandingArray, from_all_values_or_one) {
  EXPECT_EQ(printed(ExpandingArray<2>({1, 2})), "[1, 2]");
  EXPECT_EQ(printed(ExpandingArray<3>(4)), "[4, 4, 4]");
  EXPECT_EQ(printed(ExpandingArray<1>(4)), "4");
  EXPECT_EQ(printed(ExpandingArray<2, double>(0.5)), "[0.5, 0.5]");
  EXPECT_EQ(printed(ExpandingArray<2>(std::vector<int64_t>{1, 2})), "[1, 2]");
  EXPECT_ERROR(ExpandingArray<2>({1, 2, 3}), "expected 2 values, got 3");
  EXPECT_ERROR(ExpandingArray<2>(IntArrayRef()), "expected 2 values, got 0");
  ExpandingArray<2> a = 3;
  (*a)[1] = 5;
  EXPECT_EQ(a->at(1) + static_cast<int64_t>(a.size()), 7);
  EXPECT_EQ(IntArrayRef(a), IntArrayRef({3, 5}));
}

TEST(ExpandingArray, with_values_that_may_be_missing) {
  using Sizes = ExpandingArrayWithOptionalElem<2>;
  EXPECT_EQ(printed(Sizes({1, nullopt})), "[1, None]");
  EXPECT_EQ(printed(Sizes({1, 2})), "[1, 2]");
  EXPECT_EQ(printed(Sizes(3)), "[3, 3]");
  EXPECT_EQ(printed(ExpandingArrayWithOptionalElem<1>(nullopt)), "None");
  EXPECT_EQ(printed(Sizes(std::vector<int64_t>{1, 2})), "[1, 2]");
  EXPECT_ERROR(Sizes(std::vector<int64_t>{1}), "expected 2 values, got 1");
}

TEST(Enum, names_and_reductions) {
  using Mode = std::variant<enumtype::kNone, enumtype::kMean, enumtype::kSum, enumtype::kBatchMean>;
  Mode mode = kBatchMean;
  EXPECT_EQ(enumtype::get_enum_name(mode), "kBatchMean");
  EXPECT_ERROR(enumtype::reduction_get_enum(mode), "kBatchMean is not a reduction");
  mode = kSum;
  EXPECT_EQ(enumtype::reduction_get_enum(mode), Reduction::Sum);
  mode = kNone;
  EXPECT_EQ(enumtype::reduction_get_enum(mode), Reduction::None);
  EXPECT_TRUE(std::holds_alternative<enumtype::kNone>(mode));
  EXPECT_EQ(enumtype::get_enum_name(std::variant<enumtype::kNearestExact, enumtype::kRNN_TANH>(kRNN_TANH)),
            "kRNN_TANH");
}

TEST(OrderedDict, items_unpack_and_compare) {
  OrderedDict<std::string, int> dict{{"b", 1}, {"a", 2}};
  for (auto& [key, value] : dict) value += static_cast<int>(key.size());
  const auto& constant = dict;
  std::string text;
  for (const auto& [key, value] : constant) text += key + std::to_string(value);
  EXPECT_EQ(text, "b2a3");
  OrderedDict<std::string, int> copy = dict;
  EXPECT_TRUE(copy == dict);
  copy["a"] = 7;
  EXPECT_EQ(dict["a"], 3);
  EXPECT_FALSE(copy == dict);
  copy.clear();
  EXPECT_TRUE(copy.is_empty());
  EXPECT_ERROR(copy.front(), "out of range");
  EXPECT_ERROR(copy.back(), "out of range");
  copy.insert("x", 1);
}

TEST(TypeName, as_it_is_written) {
  EXPECT_EQ(demangle(typeid(int).name()), "int");
  EXPECT_EQ(demangle("not a name"), "not a name");
  EXPECT_MENTIONS(std::string(demangle_type<Outer::Inner<ember::Tensor>>()), "Outer::Inner<ember::Tensor>");
}

TEST(Parallel, reduce_is_the_same_for_any_number_of_threads) {
  std::vector<float> values(100001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum = [&] {
    return parallel_reduce(
        0, static_cast<int64_t>(values.size()), 100, 0.0f,
        [&](int64_t b, int64_t e, float s) {
          for (; b < e; ++b) s += values[static_cast<size_t>(b)];
          return s;
        },
        std::plus<float>());
  };
  const int threads = get_num_threads();
  set_num_threads(1);
  const float one = sum();
  set_num_threads(3);
  EXPECT_EQ(sum(), one);
  set_num_threads(threads);
  EXPECT_NEAR(one, 12.0901f, 1e-3);
  EXPECT_EQ(parallel_reduce(
                3, 3, 1, 7, [](int64_t, int64_t, int) { return 0; }, std::plus<int>()),
            7);
  EXPECT_FALSE(in_parallel_region());
  EXPECT_EQ(get_thread_num(), 0);
  EXPECT_GE(get_num_interop_threads(), 1);
  EXPECT_ERROR(set_num_interop_threads(0), "at least 1");
}

TEST(Context, keeps_settings) {
  EXPECT_FALSE(globalContext().deterministicAlgorithms());
  globalContext().setDeterministicAlgorithms(true, true);
  EXPECT_TRUE(globalContext().deterministicAlgorithms() && globalContext().deterministicAlgorithmsWarnOnly());
  globalContext().setDeterministicAlgorithms(false);
  EXPECT_EQ(globalContext().defaultGenerator(kCPU).device(), Device(kCPU));
}
