// How the CUDA kernels of losses lie over threads: every element, or row, is one thread's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <ember/cuda/row_plan.h>
#include <ember/cuda/total_plan.h>

namespace ember {
namespace {

using cuda::TotalPlan;

// Counts each element of [begin, end) that `lanes` threads take as a kernel does: vectors in groups of U, then one by
// one, then the rest.
template <int V, int U>
void count_strips(int64_t begin, int64_t end, int64_t lanes, std::vector<int>& counts) {
  const auto take = [&](int64_t i, int n) {
    for (int j = 0; j < n; ++j) ++counts.at(static_cast<size_t>(i + j));
  };
  for (int64_t lane = 0; lane < lanes; ++lane) {
    cuda::Strip<V> strip(begin, end, lane, lanes);
    for (; strip.has(U); strip.advance(U)) {
      for (int u = 0; u < U; ++u) take(strip.start(u), V);
    }
    for (; strip.has(1); strip.advance(1)) take(strip.start(0), V);
    EXPECT_LT(strip.rest(), V);
    take(strip.start(0), strip.rest());
  }
}

template <int V, int U>
void expect_strips_cover(int64_t begin, int64_t end, int64_t lanes) {
  std::vector<int> counts(static_cast<size_t>(end), 0);
  count_strips<V, U>(begin, end, lanes, counts);
  for (int64_t i = 0; i < end; ++i) ASSERT_EQ(counts[static_cast<size_t>(i)], i < begin ? 0 : 1) << i << " of " << end;
}

TEST(CudaHost, StripsTakeEachElementOnce) {
  for (const int64_t lanes : {1, 3, 32}) {
    for (const int64_t begin : {0, 16}) {
      for (int64_t n = 0; n < 600; ++n) {
        expect_strips_cover<1, 1>(begin, begin + n, lanes);
        expect_strips_cover<2, 4>(begin, begin + n, lanes);
        expect_strips_cover<4, 4>(begin, begin + n, lanes);
        expect_strips_cover<8, 4>(begin, begin + n, lanes);
      }
    }
  }
}

// The blocks of a plan, one after the other, as the kernel cuts them.
template <int V>
void expect_plan_covers(const TotalPlan& plan, int64_t n) {
  std::vector<int> counts(static_cast<size_t>(n), 0);
  for (int64_t block = 0; block < plan.blocks; ++block) {
    const int64_t begin = block * plan.chunk;
    count_strips<V, 4>(begin, std::min(begin + plan.chunk, n), plan.threads, counts);
  }
  ASSERT_EQ(std::count(counts.begin(), counts.end(), 1), n);
}

TEST(CudaHost, TotalPlan) {
  constexpr int64_t kOne = cuda::kTotalOfOneBlock;
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{640}, kOne - 1, kOne, kOne + 1, kOne + 8191, 3 * kOne,
                          int64_t{1000000}, int64_t{1} << 24, (int64_t{1} << 24) + 1, int64_t{5000000000}}) {
    SCOPED_TRACE(n);
    const TotalPlan plan = cuda::plan_total(n);
    ASSERT_EQ(plan.blocks == 1, n <= kOne) << "one launch, or two";
    ASSERT_LE(plan.blocks, 2048);
    ASSERT_GE(plan.chunk * plan.blocks, n);
    ASSERT_LE(plan.threads, cuda::kTotalThreads);
    ASSERT_EQ(plan.threads % 32, 0);
    if (plan.blocks > 1) {
      ASSERT_LT(plan.chunk * (plan.blocks - 1), n) << "an empty block";
      ASSERT_EQ(plan.chunk % (8 * plan.threads), 0) << "a vector in two blocks";
    }
    if (n > 1000000) continue;
    expect_plan_covers<2>(plan, n);
    expect_plan_covers<4>(plan, n);
    expect_plan_covers<8>(plan, n);
  }
}

TEST(CudaHost, RowsOfOneBlock) {
  int fitting = 0;
  for (const int vector : {2, 4, 8}) {
    for (int64_t n = 1; n < 1000; n += n < 300 ? 1 : 37) {
      const cuda::RowPlan plan = cuda::plan_rows(n, 0, vector, 1);
      for (const int64_t rows : {0, 1, 4, 5, 127, 128, 129, 511, 512, 513, 100000}) {
        const int threads = cuda::one_block_threads(rows, plan);
        if (threads == 0) continue;
        ++fitting;
        ASSERT_EQ(plan.elements, 8) << "the kernel is for rows of one vector of 8 slots";
        ASSERT_TRUE(plan.lanes == 8 || plan.lanes == 32);
        ASSERT_EQ(threads % 32, 0);
        ASSERT_LE(threads, cuda::kLongRowThreads);
        const int64_t groups = threads / plan.lanes;
        ASSERT_GE(groups, 1);
        ASSERT_LE((rows + groups - 1) / groups, 4) << rows << " rows of " << n;
        if (rows > 0 && rows * plan.lanes <= cuda::kLongRowThreads) {
          ASSERT_GE(groups, rows) << "two rounds where one would do";
        }
      }
    }
  }
  EXPECT_GT(fitting, 100);
  // What is trained most: one launch for 10 classes, two for 1000.
  EXPECT_NE(cuda::one_block_threads(512, cuda::plan_rows(10, 0, 4, 1)), 0);
  EXPECT_EQ(cuda::one_block_threads(513, cuda::plan_rows(10, 0, 4, 1)), 0);
  EXPECT_EQ(cuda::one_block_threads(1, cuda::plan_rows(1000, 0, 4, 1)), 0);
}

}  // namespace
}  // namespace ember
