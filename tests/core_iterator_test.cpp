// The index arithmetic of kernels, against every index written out.
#include <algorithm>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/core/index_math.h>
#include <ember/core/tensor_iterator.h>

#include "host_array.h"

namespace {

using namespace ember;
using test::Sizes;

// Byte offsets of all operands from their data, for every element, by the iterator.
std::vector<std::vector<int64_t>> walk(const TensorIterator& iter) {
  std::vector<std::vector<int64_t>> all;
  Sizes index(static_cast<size_t>(iter.dim()), 0);
  for (int64_t n = 0; n < iter.numel(); ++n) {
    std::vector<int64_t> at;
    for (int o = 0; o < iter.num_operands(); ++o) {
      int64_t offset = 0;
      for (int d = 0; d < iter.dim(); ++d) offset += index[static_cast<size_t>(d)] * iter.stride(o, d);
      at.push_back(offset);
    }
    all.push_back(at);
    for (int d = 0; d < iter.dim(); ++d) {
      if (++index[static_cast<size_t>(d)] < iter.size(d)) break;
      index[static_cast<size_t>(d)] = 0;
    }
  }
  return all;
}

// The same, from the tensors alone.
std::vector<std::vector<int64_t>> walk(const Tensor& output, const std::vector<Tensor>& inputs) {
  std::vector<std::vector<int64_t>> all;
  test::for_each_index(output.sizes().vec(), [&](const Sizes& index) {
    std::vector<int64_t> at;
    const auto add = [&](const Tensor& t) {
      const size_t skip = index.size() - t.sizes().size();
      int64_t offset = 0;
      for (size_t d = 0; d < t.sizes().size(); ++d) {
        if (t.sizes()[d] != 1) offset += index[d + skip] * t.strides()[d];
      }
      at.push_back(offset * static_cast<int64_t>(t.element_size()));
    };
    add(output);
    for (const Tensor& t : inputs) add(t);
    all.push_back(at);
  });
  return all;
}

TensorIterator built(const Tensor& output, const std::vector<Tensor>& inputs) {
  TensorIterator iter(output);
  for (const Tensor& t : inputs) iter.add_input(t);
  iter.build();
  return iter;
}

// The order of the elements is the iterator's to choose.
void check(const Tensor& output, const std::vector<Tensor>& inputs) {
  const TensorIterator iter = built(output, inputs);
  ASSERT_EQ(iter.num_operands(), 1 + static_cast<int>(inputs.size()));
  ASSERT_EQ(iter.numel(), output.numel());
  EXPECT_EQ(iter.data(0), static_cast<char*>(output.data_ptr()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(iter.data(static_cast<int>(i) + 1), static_cast<char*>(inputs[i].data_ptr()));
    EXPECT_EQ(iter.dtype(static_cast<int>(i) + 1), inputs[i].dtype());
  }
  auto actual = walk(iter), expected = walk(output, inputs);
  std::sort(actual.begin(), actual.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(actual, expected);
  if (iter.numel() == 0) return;
  // The same by the calculators of the kernels.
  if (inputs.size() == 1) {
    ASSERT_TRUE(iter.can_use_32bit_offsets());
    const OffsetCalculator<2, uint32_t> narrow(iter);
    const OffsetCalculator<2, int64_t> wide(iter);
    const auto in_order = walk(iter);
    for (int64_t i = 0; i < iter.numel(); ++i) {
      uint32_t n[2];
      int64_t w[2];
      narrow.offsets(static_cast<uint32_t>(i), n);
      wide.offsets(i, w);
      for (size_t o = 0; o < 2; ++o) {
        EXPECT_EQ(w[o], in_order[static_cast<size_t>(i)][o]);
        EXPECT_EQ(static_cast<int64_t>(n[o]), w[o]);
      }
    }
  }
}

TEST(TensorIteratorTest, OffsetsOfManyLayouts) {
  const Tensor a = zeros({2, 3, 4});
  const std::vector<Tensor> inputs = {zeros({2, 3, 4}),
                                      zeros({4, 3, 2}).permute({2, 1, 0}),
                                      zeros({3, 4}),
                                      zeros({4}),
                                      zeros({3, 1}),
                                      zeros({2, 1, 1}),
                                      zeros({}),
                                      zeros({1, 1, 4}),
                                      zeros({2, 3, 8}).slice(2, 0, 8, 2),
                                      zeros({4, 5, 6}).slice(0, 1, 3).slice(1, 2, 5).slice(2, 1, 5),
                                      zeros({2, 3, 4}, kFloat64),
                                      zeros({3, 1, 4}, kInt8).transpose(0, 1).expand({2, 3, 4})};
  for (const Tensor& b : inputs) {
    check(a, {b});
    check(a.permute({0, 1, 2}), {b});
    check(zeros({4, 3, 2}).permute({2, 1, 0}), {b});
    check(zeros({2, 3, 8}).slice(2, 0, 8, 2), {b});
    for (const Tensor& c : inputs) check(a, {b, c});
  }
  check(a, {inputs[1], inputs[4], inputs[9]});
  check(zeros({}), {zeros({})});
  check(zeros({1, 1}), {zeros({1})});
  check(zeros({0, 3}), {zeros({3})});
  check(zeros({2, 0}), {zeros({2, 0})});
  check(zeros({2, 1, 3, 1, 2}), {zeros({1, 1, 3, 1, 1})});
}

TEST(TensorIteratorTest, MergesWhatItCan) {
  EXPECT_EQ(built(zeros({2, 3, 4}), {zeros({2, 3, 4})}).dim(), 1);
  EXPECT_TRUE(built(zeros({2, 3, 4}), {zeros({2, 3, 4})}).is_contiguous());
  // All in one other order is as good.
  const Tensor turned = zeros({4, 3, 2}).permute({2, 1, 0});
  EXPECT_TRUE(built(turned, {turned.clone()}).is_contiguous());
  EXPECT_EQ(built(zeros({2, 3, 4}), {zeros({3, 4})}).dim(), 2);
  EXPECT_EQ(built(zeros({2, 3, 4}), {zeros({2, 1, 1})}).dim(), 2);
  EXPECT_EQ(built(zeros({2, 3, 4}), {zeros({3, 1})}).dim(), 3);
  EXPECT_EQ(built(zeros({2, 3, 4}), {zeros({})}).dim(), 1);
  EXPECT_FALSE(built(zeros({2, 3, 4}), {zeros({})}).is_contiguous()) << "stride 0 is not dense";
  EXPECT_EQ(built(zeros({5, 1, 7}), {zeros({5, 1, 7})}).dim(), 1);
  EXPECT_FALSE(built(zeros({8}).slice(0, 0, 8, 2), {zeros({4})}).is_contiguous());
  EXPECT_EQ(built(zeros({0}), {zeros({0})}).dim(), 1);
  EXPECT_EQ(built(zeros({}), {}).dim(), 1);
  // The fastest dimension of the output comes first.
  const TensorIterator iter = built(zeros({3, 5}).t(), {zeros({5, 3})});
  EXPECT_EQ(iter.size(0), 5);
  EXPECT_EQ(iter.stride(0, 0), 4);
}

TEST(TensorIteratorTest, ScalarsHaveNoMemory) {
  TensorIterator iter(zeros({2, 3}));
  iter.add_input(zeros({2, 3}));
  iter.add_input(Scalar(2.5));
  iter.build();
  EXPECT_TRUE(iter.is_contiguous());
  EXPECT_TRUE(iter.is_scalar(2));
  EXPECT_FALSE(iter.is_scalar(1));
  EXPECT_EQ(iter.scalar(2).toDouble(), 2.5);
  EXPECT_EQ(iter.stride(2, 0), 0);
}

TEST(FastDividerTest, AgreesWithDivision) {
  std::vector<uint32_t> numbers = {0,
                                   1,
                                   2,
                                   3,
                                   5,
                                   6,
                                   7,
                                   9,
                                   10,
                                   63,
                                   64,
                                   65,
                                   100,
                                   641,
                                   1000,
                                   65535,
                                   65536,
                                   65537,
                                   1u << 20,
                                   (1u << 20) + 1,
                                   6700417,
                                   1u << 30,
                                   (1u << 31) - 2,
                                   (1u << 31) - 1};
  for (uint32_t d : numbers) {
    if (d == 0) continue;
    const FastDivider divider(d);
    for (uint32_t n : numbers) EXPECT_EQ(divider.div(n), n / d) << n << " / " << d;
    // Around the multiples, where a rounding error would show.
    for (uint32_t q : {1u, 2u, 3u, 1000u, 32767u}) {
      const uint64_t m = uint64_t{d} * q;
      for (uint64_t n = m - 1; n <= m + 1 && n < (uint64_t{1} << 31); ++n) {
        EXPECT_EQ(divider.div(static_cast<uint32_t>(n)), n / d) << n << " / " << d;
      }
    }
  }
}

TEST(ReduceShapeTest, OffsetsOfEveryMask) {
  for (const Tensor& x :
       {zeros({2, 3, 4}), zeros({4, 3, 2}).permute({2, 1, 0}), zeros({2, 3, 8}).slice(2, 0, 8, 2),
        zeros({3, 1}).expand({2, 3, 4}), zeros({2, 1, 5, 1}), zeros({7}), zeros({}), zeros({2, 0, 3})}) {
    const Sizes sizes = x.sizes().vec();
    for (DimMask mask = 0; mask < (1u << sizes.size()); ++mask) {
      const ReduceShape shape(x.sizes(), x.strides(), mask);
      int64_t kept = 1, reduced = 1;
      for (size_t d = 0; d < sizes.size(); ++d) ((mask >> d & 1) != 0 ? reduced : kept) *= sizes[d];
      ASSERT_EQ(shape.kept.numel, kept);
      ASSERT_EQ(shape.reduced.numel, reduced);
      // Every element of the input, in the group of its output.
      std::vector<std::vector<int64_t>> expected(static_cast<size_t>(kept)), actual(static_cast<size_t>(kept));
      test::for_each_index(sizes, [&](const Sizes& index) {
        int64_t group = 0, offset = 0;
        for (size_t d = 0; d < sizes.size(); ++d) {
          if ((mask >> d & 1) == 0) group = group * sizes[d] + index[d];
          offset += index[d] * x.strides()[d];
        }
        expected[static_cast<size_t>(group)].push_back(offset);
      });
      for (int64_t o = 0; o < kept; ++o) {
        for (int64_t r = 0; r < reduced; ++r) {
          actual[static_cast<size_t>(o)].push_back(shape.kept.offset(o) + shape.reduced.offset(r));
        }
        std::sort(expected[static_cast<size_t>(o)].begin(), expected[static_cast<size_t>(o)].end());
        std::sort(actual[static_cast<size_t>(o)].begin(), actual[static_cast<size_t>(o)].end());
      }
      EXPECT_EQ(actual, expected) << describe(x) << " mask " << mask;
    }
  }
}

}  // namespace
