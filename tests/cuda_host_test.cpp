// What the CUDA kernels compute that needs no device: index arithmetic, layouts, plans, sizes, Philox.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <ember/core/index_math.h>
#include <ember/core/philox.h>
#include <ember/core/tensor.h>
#include <ember/core/tensor_iterator.h>
#include <ember/cuda/allocator_sizes.h>
#include <ember/cuda/gemm_layout.h>
#include <ember/cuda/reduce_plan.h>

namespace ember {
namespace {

// ---- FastDivider ----

void expect_divides(uint32_t d, uint32_t n) { ASSERT_EQ(FastDivider(d).div(n), n / d) << n << " / " << d; }

TEST(CudaHost, FastDividerSmall) {
  for (uint32_t d = 1; d < 300; ++d) {
    const FastDivider divider(d);
    for (uint32_t n = 0; n < 3000; ++n) ASSERT_EQ(divider.div(n), n / d) << n << " / " << d;
  }
}

TEST(CudaHost, FastDividerExtremes) {
  constexpr uint32_t kLimit = uint32_t{1} << 31;
  std::vector<uint32_t> values;
  for (int bit = 0; bit < 31; ++bit) {
    for (int64_t delta = -2; delta <= 2; ++delta) {
      const int64_t v = (int64_t{1} << bit) + delta;
      if (v >= 1 && v < kLimit) values.push_back(static_cast<uint32_t>(v));
    }
  }
  for (uint32_t k = 1; k < 5; ++k) values.push_back(kLimit - k);
  for (const uint32_t d : values) {
    for (const uint32_t n : values) expect_divides(d, n);
    // The places where the quotient steps.
    for (const uint64_t q : {uint64_t{1}, uint64_t{2}, uint64_t{kLimit - 1} / d}) {
      for (int64_t delta = -1; delta <= 1; ++delta) {
        const int64_t n = static_cast<int64_t>(q * d) + delta;
        if (n >= 0 && n < kLimit) expect_divides(d, static_cast<uint32_t>(n));
      }
    }
  }
}

TEST(CudaHost, FastDividerRandom) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000000; ++i) {
    const auto d = static_cast<uint32_t>((random() >> 1) >> (random() % 31));
    expect_divides(std::max(d, 1u), static_cast<uint32_t>(random() >> 1));
  }
}

// ---- OffsetCalculator: against a walk over all coordinates ----

template <class Index>
void expect_offsets(const TensorIterator& iter) {
  const OffsetCalculator<2, Index> calculator(iter);
  std::vector<int64_t> coordinate(static_cast<size_t>(iter.dim()), 0);
  for (int64_t i = 0; i < iter.numel(); ++i) {
    Index offsets[2];
    calculator.offsets(static_cast<Index>(i), offsets);
    for (int operand = 0; operand < 2; ++operand) {
      int64_t expected = 0;
      for (int d = 0; d < iter.dim(); ++d) expected += coordinate[static_cast<size_t>(d)] * iter.stride(operand, d);
      ASSERT_EQ(static_cast<int64_t>(offsets[operand]), expected) << "element " << i << ", operand " << operand;
    }
    for (int d = 0; d < iter.dim(); ++d) {
      if (++coordinate[static_cast<size_t>(d)] < iter.size(d)) break;
      coordinate[static_cast<size_t>(d)] = 0;
    }
  }
}

TEST(CudaHost, OffsetCalculator) {
  const auto check = [](const Tensor& out, const Tensor& in) {
    TensorIterator iter(out);
    iter.add_input(in);
    iter.build();
    expect_offsets<uint32_t>(iter);
    expect_offsets<int64_t>(iter);
  };
  const auto view = [](const Tensor& t, IntArrayRef sizes, IntArrayRef strides) {
    return detail::alias(t, sizes, strides, 0);
  };
  const Tensor big = detail::empty({1000}, kFloat32, kCPU);
  const Tensor out = detail::empty({3, 4, 5}, kFloat32, kCPU);
  check(out, view(big, {3, 4, 5}, {20, 5, 1}));    // contiguous
  check(out, view(big, {3, 4, 5}, {1, 3, 12}));    // transposed
  check(out, view(big, {3, 4, 5}, {0, 7, 0}));     // broadcast
  check(out, view(big, {4, 5}, {10, 2}));          // fewer dimensions
  check(out, view(big, {3, 1, 5}, {100, 9, 11}));  // a size of 1
  check(view(big, {3, 4, 5}, {2, 6, 24}), out);    // a strided output
  check(detail::empty({}, kFloat32, kCPU), view(big, {}, {}));
}

// ---- GroupOffsets and the plan of a reduction ----

TEST(CudaHost, GroupOffsetsMatchReduceShape) {
  const std::vector<std::pair<Dims, Dims>> layouts = {
      {{4, 5, 6}, {30, 6, 1}}, {{4, 5, 6}, {1, 4, 20}}, {{4, 5, 6}, {0, 6, 1}}, {{2, 1, 7, 3}, {50, 9, 7, 2}}};
  for (const auto& [sizes, strides] : layouts) {
    for (DimMask mask = 0; mask < 1u << sizes.size(); ++mask) {
      const ReduceShape shape(sizes, strides, mask);
      for (const ReduceShape::Group* group : {&shape.kept, &shape.reduced}) {
        const cuda::GroupOffsets<uint32_t> narrow(*group);
        const cuda::GroupOffsets<int64_t> wide(*group);
        for (int64_t i = 0; i < group->numel; ++i) {
          ASSERT_EQ(narrow.at(static_cast<uint32_t>(i)), group->offset(i));
          ASSERT_EQ(wide.at(i), group->offset(i));
        }
      }
    }
  }
  const ReduceShape empty({0, 3}, {3, 1}, 1);  // an empty sum must still make its kernel's arguments
  EXPECT_EQ(cuda::GroupOffsets<uint32_t>(empty.reduced).at(0), 0);
}

void expect_parts_cover(const cuda::ReducePlan& plan, int64_t count) {
  ASSERT_GE(plan.splits, 1);
  ASSERT_LE(plan.splits, cuda::kFullGrid);
  ASSERT_GE(plan.chunk * plan.splits, count);
  if (plan.splits > 1) {
    ASSERT_LT(plan.chunk * (plan.splits - 1), count) << "an empty part";
  }
}

TEST(CudaHost, ReducePlan) {
  using Plan = cuda::ReducePlan;
  const auto plan = [](const Dims& sizes, const Dims& strides, DimMask mask) {
    return cuda::plan_reduction(ReduceShape(sizes, strides, mask));
  };
  EXPECT_EQ(plan({64, 100}, {100, 1}, 2).kind, Plan::Warps);
  EXPECT_EQ(plan({64, 5000}, {5000, 1}, 2).kind, Plan::Blocks);
  EXPECT_EQ(plan({64, 100}, {100, 1}, 1).kind, Plan::Columns);   // a bias gradient
  EXPECT_EQ(plan({64, 100}, {1, 64}, 1).kind, Plan::Warps);      // the same, transposed
  EXPECT_EQ(plan({1000000, 2}, {2, 1}, 2).kind, Plan::Columns);  // a thread each
  EXPECT_EQ(plan({1000, 1000}, {1000, 1}, 3).kind, Plan::Blocks);
  EXPECT_GT(plan({1000, 1000}, {1000, 1}, 3).splits, 1);
  EXPECT_EQ(plan({64, 100}, {100, 1}, 3).splits, 1);
  for (const int64_t count : {0, 1, 7, 8, 9, 511, 512, 513, 4097, 8191, 8192, 100000, 123456789}) {
    for (const int64_t outputs : {1, 2, 31, 32, 33, 1000, 70000}) {
      expect_parts_cover(plan({outputs, count}, {std::max<int64_t>(count, 1), 1}, 2), count);
      expect_parts_cover(plan({count, outputs}, {outputs, 1}, 1), count);
    }
  }
}

// ---- matmul's layout ----

// A buffer read as BLAS reads it: column-major, op, leading dimension.
double blas_element(const std::vector<double>& memory, const cuda::GemmOperand& operand, int64_t row, int64_t col) {
  const int64_t at = operand.transpose ? row * operand.ld + col : col * operand.ld + row;
  return memory.at(static_cast<size_t>(at));
}

TEST(CudaHost, GemmOperand) {
  for (const int64_t rows : {1, 2, 3, 5}) {
    for (const int64_t cols : {1, 2, 4, 5}) {
      for (const int64_t row_stride : {0, 1, 2, 3, 4, 5, 6, 9, 40}) {
        for (const int64_t col_stride : {0, 1, 2, 3, 4, 5, 6, 9, 40}) {
          const cuda::GemmOperand operand = cuda::gemm_operand(rows, cols, row_stride, col_stride);
          const bool row_major = (cols == 1 || col_stride == 1) && (rows == 1 || row_stride >= cols);
          const bool col_major = (rows == 1 || row_stride == 1) && (cols == 1 || col_stride >= rows);
          ASSERT_EQ(operand.representable, row_major || col_major);
          if (!operand.representable) continue;
          // BLAS wants the transpose, cols×rows; in memory without the flag, rows×cols with it.
          ASSERT_GE(operand.ld, operand.transpose ? rows : cols);
          std::vector<double> memory(static_cast<size_t>((rows - 1) * row_stride + (cols - 1) * col_stride + 1));
          for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<double>(i);
          for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < cols; ++j) {
              // op(memory)[j, i] is the row-major matrix's [i, j].
              ASSERT_EQ(blas_element(memory, operand, j, i),
                        memory[static_cast<size_t>(i * row_stride + j * col_stride)]);
            }
          }
        }
      }
    }
  }
}

// C = op(A)·op(B), column-major: A as op gives it is m×k, B k×n.
void reference_gemm(const cuda::GemmOperand& a, const std::vector<double>& a_memory, const cuda::GemmOperand& b,
                    const std::vector<double>& b_memory, int64_t m, int64_t n, int64_t k, int64_t ldc,
                    std::vector<double>& c) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += blas_element(a_memory, a, i, p) * blas_element(b_memory, b, p, j);
      c.at(static_cast<size_t>(j * ldc + i)) = sum;
    }
  }
}

TEST(CudaHost, GemmRowMajorProduct) {
  constexpr int64_t m = 3, n = 4, k = 5, ldc = 7;
  std::vector<double> memory(100);
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<double>((i * 7 + 3) % 11);
  const std::vector<std::pair<int64_t, int64_t>> a_strides = {{k, 1}, {k + 2, 1}, {1, m}, {1, m + 3}};
  const std::vector<std::pair<int64_t, int64_t>> b_strides = {{n, 1}, {n + 2, 1}, {1, k}, {1, k + 3}};
  for (const auto& [ar, ac] : a_strides) {
    for (const auto& [br, bc] : b_strides) {
      const cuda::GemmOperand a = cuda::gemm_operand(m, k, ar, ac);
      const cuda::GemmOperand b = cuda::gemm_operand(k, n, br, bc);
      ASSERT_TRUE(a.representable && b.representable);
      std::vector<double> out(static_cast<size_t>(m * ldc), -1);
      reference_gemm(b, memory, a, memory, n, m, k, ldc, out);  // as matmul.cpp calls it
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          double expected = 0;
          for (int64_t p = 0; p < k; ++p) {
            expected += memory[static_cast<size_t>(i * ar + p * ac)] * memory[static_cast<size_t>(p * br + j * bc)];
          }
          ASSERT_EQ(out[static_cast<size_t>(i * ldc + j)], expected);
        }
        for (int64_t j = n; j < ldc; ++j) ASSERT_EQ(out[static_cast<size_t>(i * ldc + j)], -1) << "wrote past a row";
      }
    }
  }
}

// ---- the caching allocator's sizes ----

TEST(CudaHost, AllocatorSizes) {
  using namespace cuda;  // NOLINT
  constexpr size_t kMiB = size_t{1} << 20;
  EXPECT_EQ(block_size(1), 512u);
  EXPECT_EQ(block_size(512), 512u);
  EXPECT_EQ(block_size(513), 1024u);
  EXPECT_EQ(block_size(kMaxRequest) % kBlockQuantum, 0u);
  EXPECT_GE(block_size(kMaxRequest), kMaxRequest);
  EXPECT_TRUE(is_small(kMiB));
  EXPECT_FALSE(is_small(kMiB + 512));
  EXPECT_EQ(segment_size(512), 2 * kMiB);
  EXPECT_EQ(segment_size(kMiB), 2 * kMiB);
  EXPECT_EQ(segment_size(kMiB + 512), 20 * kMiB);
  EXPECT_EQ(segment_size(20 * kMiB), 20 * kMiB);
  EXPECT_EQ(segment_size(20 * kMiB + 512), 22 * kMiB);
  EXPECT_FALSE(should_split(512, 512));
  EXPECT_TRUE(should_split(1024, 512));
  EXPECT_FALSE(should_split(3 * kMiB, 2 * kMiB));
  EXPECT_TRUE(should_split(3 * kMiB + 512, 2 * kMiB));
}

TEST(CudaHost, AllocatorBins) {
  EXPECT_EQ(cuda::BinMap::bin_of(512), 0);
  EXPECT_EQ(cuda::BinMap::bin_of(cuda::kSmallSegment), cuda::BinMap::kBins - 1);
  cuda::BinMap map;
  std::set<int> expected;
  std::mt19937 random(2);
  EXPECT_EQ(map.find(0), -1);
  for (int step = 0; step < 20000; ++step) {
    // Few bins at a time, so that the search often crosses words; the ends more often than by chance.
    const int choice = static_cast<int>(random() % 8);
    const int bin = choice == 0 ? 0 : choice == 1 ? cuda::BinMap::kBins - 1 : static_cast<int>(random() % 4096);
    if (expected.size() < 12 && random() % 2 == 0) {
      map.set(bin);
      expected.insert(bin);
    } else if (!expected.empty()) {
      const auto victim = std::next(expected.begin(), static_cast<long>(random() % expected.size()));
      map.clear(*victim);
      expected.erase(victim);
    }
    const auto found = expected.lower_bound(bin);
    ASSERT_EQ(map.find(bin), found == expected.end() ? -1 : *found);
  }
}

// ---- Philox4x32-10: the known answers that Random123 publishes ----

void expect_philox(uint32_t counter_word, uint32_t key_word, const std::vector<uint32_t>& expected) {
  Philox philox(0, 0, 0);
  for (uint32_t& c : philox.counter) c = counter_word;
  for (uint32_t& k : philox.key) k = key_word;
  uint32_t out[4];
  philox.next4(out);
  EXPECT_EQ(std::vector<uint32_t>(out, out + 4), expected);
}

TEST(CudaHost, PhiloxKnownAnswers) {
  expect_philox(0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  expect_philox(0xffffffff, 0xffffffff, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  Philox pi(0, 0, 0);
  const uint32_t counter[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  for (int i = 0; i < 4; ++i) pi.counter[i] = counter[i];
  pi.key[0] = 0xa4093822;
  pi.key[1] = 0x299f31d0;
  uint32_t out[4];
  pi.next4(out);
  EXPECT_EQ(std::vector<uint32_t>(out, out + 4),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CudaHost, PhiloxOffsetsContinue) {
  // Skipping by the offset is drawing: what CUDA's generator relies on from one kernel to the next.
  Philox drawing(42, 7, 0);
  uint32_t expected[4], out[4];
  for (int i = 0; i < 3; ++i) drawing.next4(expected);
  Philox skipped(42, 7, 8);
  skipped.next4(out);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], expected[i]);
  Philox other(42, 8, 8);
  other.next4(out);
  EXPECT_NE(out[0], expected[0]);
}

}  // namespace
}  // namespace ember
