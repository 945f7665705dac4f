// How the CUDA kernels of rows lie over threads: every element of every row belongs to one slot of one thread.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include <ember/cuda/row_plan.h>

namespace ember {
namespace {

using cuda::RowPlan;

// Adds 1 to each element that the slots of all lanes hold in the round that begins at position `at`.
template <int V>
void count_round(const RowPlan& plan, int elements, int64_t n, int shift, int64_t at, std::vector<int>& counts) {
  for (int lane = 0; lane < plan.lanes; ++lane) {
    const cuda::RowSlots<V, int64_t> slots(n, shift, lane, plan.lanes, at);
    for (int k = 0; k < elements / V; ++k) {
      const int64_t i = slots.start(k);
      ASSERT_EQ((i + shift) % V, 0) << "not a vector of the memory";
      for (int j = 0; j < V; ++j) {
        if (slots.full(i)) {
          ASSERT_TRUE(slots.holds(i + j));
        }
        if (slots.holds(i + j)) ++counts[static_cast<size_t>(i + j)];
      }
    }
  }
}

template <int V>
void expect_covered(const RowPlan& plan, int elements, int64_t n, int shift, bool rounds) {
  std::vector<int> counts(static_cast<size_t>(n), 0);
  const int64_t step = rounds ? int64_t{plan.lanes} * elements : n + shift;
  for (int64_t at = 0; at < n + shift; at += step) count_round<V>(plan, elements, n, shift, at, counts);
  for (const int count : counts) ASSERT_EQ(count, 1) << n << " elements, shift " << shift;
}

void expect_launchable(const RowPlan& plan) {
  ASSERT_GT(plan.lanes, 0);
  ASSERT_EQ(plan.threads % plan.lanes, 0);
  ASSERT_LE(plan.threads, plan.elements == 0 ? cuda::kLongRowThreads
                          : plan.block()     ? cuda::kRowBlockLimit
                          : plan.lanes == 8  ? 2 * cuda::kRowThreads
                                             : cuda::kRowThreads);
  if (plan.block()) {
    ASSERT_EQ(plan.lanes % 32, 0);
    // What distinguishes a block from a warp per row.
    ASSERT_NE(plan.lanes, 32);
  } else {
    ASSERT_TRUE(plan.lanes == 8 || plan.lanes == 32);
  }
}

template <int V>
void expect_row_plans() {
  constexpr int kLong = 16;
  for (int64_t n = 1; n <= 20000; ++n) {
    for (int shift = 0; shift < V; ++shift) {
      // A row of a matrix whose first row begins elsewhere may have any shift, but where all are aligned.
      const bool any = n % V != 0 || shift != 0;
      for (const int operands : {1, 2}) {
        const RowPlan plan = cuda::plan_rows(n, any ? V - 1 : 0, V, operands);
        expect_launchable(plan);
        ASSERT_LE(plan.elements * (plan.block() ? operands : 1), 32);
        if (plan.elements != 0) {
          ASSERT_GE(int64_t{plan.lanes} * plan.elements, n + shift);
          ASSERT_EQ(plan.elements % V, 0);
          if (plan.block()) {
            ASSERT_LT(int64_t{plan.lanes - 32} * plan.elements, n + V - 1) << "an idle warp";
          }
        } else {
          ASSERT_GT(n, operands == 1 ? 16000 : 8000);
        }
        if (n <= 300 || n % 977 == 0 || (n & (n - 1)) == 0 || ((n - 1) & (n - 2)) == 0 || n == 20000) {
          const bool rounds = plan.elements == 0;
          expect_covered<V>(plan, rounds ? kLong : plan.elements, n, shift, rounds);
        }
      }
      if (shift == 0) {  // of a layer norm: rows that are not aligned are read one element at a time
        const RowPlan norm = cuda::plan_layer_norm(n);
        expect_launchable(norm);
        ASSERT_EQ(norm.elements == 0, n > 16384);
        ASSERT_TRUE(norm.elements <= 16 || n > 8192) << "too many to hold a weight and a bias, too";
        ASSERT_EQ(norm.block(), n > 512);
        if (norm.elements != 0 && (n <= 300 || n % 977 == 0 || (n & (n - 1)) == 0 || ((n - 1) & (n - 2)) == 0)) {
          expect_covered<1>(norm, norm.elements, n, 0, false);
          if (n % V == 0) expect_covered<V>(norm, norm.elements, n, 0, false);
        }
      }
      const RowPlan sweep = cuda::plan_sweep(n, any ? V - 1 : 0, V);
      expect_launchable(sweep);
      ASSERT_TRUE(sweep.elements == 16 || (sweep.elements == 8 && sweep.lanes == 8));
      const int64_t positions = any ? n + V - 1 : n, slots = int64_t{sweep.lanes} * sweep.elements;
      ASSERT_TRUE(slots >= positions || sweep.lanes == cuda::kRowBlockLimit) << "more than one round";
      ASSERT_TRUE(!sweep.block() || slots - 512 < positions) << "an idle warp";
      if (n <= 100 || n % 1999 == 0 || (n & (n - 1)) == 0 || ((n - 1) & (n - 2)) == 0)
        expect_covered<V>(sweep, sweep.elements, n, shift, true);
    }
  }
}

TEST(CudaHost, RowPlanOf2Bytes) { expect_row_plans<8>(); }
TEST(CudaHost, RowPlanOf4Bytes) { expect_row_plans<4>(); }
TEST(CudaHost, RowPlanOf8Bytes) { expect_row_plans<2>(); }

TEST(CudaHost, RowShift) {
  alignas(16) float row[8];
  for (int i = 0; i < 8; ++i) EXPECT_EQ(cuda::row_shift(row + i), i % 4);
  alignas(16) double wide[4];
  for (int i = 0; i < 4; ++i) EXPECT_EQ(cuda::row_shift(wide + i), i % 2);
}

TEST(CudaHost, ColumnHeight) {
  for (const int64_t rows : {1, 100, 1 << 16, 1 << 20}) {
    for (const int64_t n : {1, 16, 17, 1000}) {
      const int height = cuda::column_height(rows, n);
      EXPECT_TRUE(height == 1 || height == 8 || height == 32);
    }
  }
}

TEST(CudaHost, LayerNormBackwardPlan) {
  for (const int columns : {4, 8}) {
    for (const int64_t rows : {1, 2, 3, 7, 64, 1000, 100000}) {
      for (int64_t n = 1; n <= 1024 * columns + 40; n += n < 600 ? 1 : 97) {
        const cuda::LayerNormBackwardPlan plan = cuda::plan_layer_norm_backward(rows, n, columns);
        if (n > 1024 * columns) {
          ASSERT_EQ(plan.lanes, 0);
          continue;
        }
        ASSERT_TRUE(plan.lanes == 32 || plan.lanes == plan.threads);
        ASSERT_EQ(plan.threads % 32, 0);
        ASSERT_LE(plan.threads, plan.lanes == 32 ? cuda::kLayerNormThreads : 1024);
        ASSERT_GE(plan.lanes * columns, n);
        ASSERT_GE(plan.blocks, 1);
        ASSERT_LE(plan.groups() - plan.threads / plan.lanes, rows) << "a block without a row";
        const int wave = 132 * (plan.lanes == 32 ? cuda::kLayerNormBlocks : 1024 / plan.threads);
        ASSERT_LE(plan.blocks, wave);
        ASSERT_TRUE(plan.groups() >= rows || plan.blocks == wave) << "fewer blocks than rows";
      }
    }
  }
}

TEST(CudaHost, LayerNormSlabs) {
  for (const int64_t rows : {1, 2, 31, 32, 33, 1000, 16384, 10000000}) {
    for (const int64_t n : {1, 32, 33, 1000, 8193, 100001, 1 << 24}) {
      const cuda::LayerNormSlabs slabs = cuda::plan_layer_norm_slabs(rows, n);
      ASSERT_GE(slabs.slabs, 1);
      ASSERT_LE(slabs.slabs, 65535);
      ASSERT_GE(slabs.slabs * slabs.height, rows);
      ASSERT_LT((slabs.slabs - 1) * slabs.height, rows) << "an empty slab";
    }
  }
}

TEST(CudaHost, ColumnSums) {
  for (const int64_t rows : {1, 2, 31, 32, 33, 1000, 8192, 10000000}) {
    for (const int64_t n : {8, 256, 264, 4096, 100008, 1 << 24}) {
      for (const int width : {128, 256}) {
        const cuda::ColumnSumPlan plan = cuda::plan_column_sums(rows, n, width);
        ASSERT_GE(plan.strips * width, n);
        ASSERT_LT((plan.strips - 1) * width, n);
        ASSERT_GE(plan.parts, 1);
        ASSERT_LE(plan.parts, 132 * cuda::kColumnSumBlocks);
        ASSERT_GE(plan.parts * plan.height, rows);
        ASSERT_LT((plan.parts - 1) * plan.height, rows) << "an empty part";
      }
    }
  }
  // One wave of the large MLP's.
  const cuda::ColumnSumPlan plan = cuda::plan_column_sums(8192, 4096, 256);
  EXPECT_LE(plan.strips * plan.parts, 132 * cuda::kColumnSumBlocks);
  EXPECT_GT(plan.strips * plan.parts, 132 * cuda::kColumnSumBlocks * 9 / 10);
}

}  // namespace
}  // namespace ember
