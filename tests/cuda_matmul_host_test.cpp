// What of CUDA's matrix products runs on the host: the keys of plans, their cache, and where matrices are in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <ember/cuda/gemm_layout.h>
#include <ember/cuda/lt_cache.h>
#include <ember/cuda/lt_problem.h>

namespace {

using namespace ember;

struct NumberKey {
  uint64_t number = 0;
  uint64_t hash() const { return number & 3; }  // many in one bucket
  friend bool operator==(const NumberKey&, const NumberKey&) = default;
};

TEST(CudaMatmulHost, CacheForgetsWhatWasUsedLongestAgo) {
  cuda::LruCache<NumberKey, int> cache(3);
  EXPECT_EQ(cache.find({1}), nullptr);
  for (const int i : {1, 2, 3}) EXPECT_EQ(cache.insert({static_cast<uint64_t>(i)}, i), i);
  EXPECT_EQ(*cache.find({1}), 1);
  EXPECT_EQ(cache.insert({5}, 5), 5);  // in the place of 2
  EXPECT_EQ(cache.find({2}), nullptr);
  EXPECT_EQ(*cache.find({3}), 3);
  EXPECT_EQ(cache.insert({2}, 20), 20);  // of 1
  EXPECT_EQ(cache.find({1}), nullptr);
  EXPECT_EQ(*cache.find({5}), 5);
  EXPECT_EQ(*cache.find({2}), 20);
  EXPECT_EQ(cache.size(), 3u);
}

TEST(CudaMatmulHost, CacheAgainstAList) {
  for (const size_t capacity : {1, 2, 7, 64}) {
    cuda::LruCache<NumberKey, std::unique_ptr<uint64_t>> cache(capacity);
    std::vector<uint64_t> used;  // the last one at the end
    std::mt19937 draw(3);
    for (int i = 0; i < 5000; ++i) {
      const uint64_t number = draw() % (2 * capacity + 1);
      const auto at = std::find(used.begin(), used.end(), number);
      auto* const found = cache.find({number});
      ASSERT_EQ(found != nullptr, at != used.end());
      if (found != nullptr) {
        ASSERT_EQ(**found, number);
        used.erase(at);
      } else {
        if (used.size() == capacity) used.erase(used.begin());
        cache.insert({number}, std::make_unique<uint64_t>(number));
      }
      used.push_back(number);
      ASSERT_EQ(cache.size(), used.size());
    }
  }
}

cuda::Gemm some_product() {
  cuda::Gemm g;
  g.dtype = kFloat32;
  g.batch = 2;
  g.m = 3;
  g.n = 4;
  g.k = 5;
  g.a = {reinterpret_cast<const void*>(uintptr_t{1024}), {true, false, 5}, 15};
  g.b = {reinterpret_cast<const void*>(uintptr_t{2048}), {true, true, 5}, 20};
  g.out = reinterpret_cast<void*>(uintptr_t{4096});
  g.out_ld = 4;
  g.out_batch_stride = 12;
  return g;
}

TEST(CudaMatmulHost, AKeyHasWhatDecides) {
  using cuda::Gemm;
  const auto at = [](uintptr_t address) { return reinterpret_cast<void*>(address); };
  std::vector<cuda::LtKey> keys = {cuda::LtKey(some_product(), false, false), cuda::LtKey(some_product(), true, false),
                                   cuda::LtKey(some_product(), false, true)};
  const auto with = [&](auto change) {
    Gemm g = some_product();
    change(g);
    keys.emplace_back(g, false, false);
  };
  with([](Gemm& g) { g.dtype = kBFloat16; });
  with([](Gemm& g) { g.batch = 3; });
  with([](Gemm& g) { g.m = 4; });
  with([](Gemm& g) { g.n = 3; });
  with([](Gemm& g) { std::swap(g.m, g.n); });
  with([](Gemm& g) { g.k = 6; });
  with([](Gemm& g) { g.a.layout.ld = 6; });
  with([](Gemm& g) { g.b.layout.ld = 6; });
  with([](Gemm& g) { g.a.layout.transpose = true; });
  with([](Gemm& g) { g.b.layout.transpose = false; });
  with([](Gemm& g) { g.a.batch_stride = 0; });
  with([](Gemm& g) { g.b.batch_stride = 0; });
  with([](Gemm& g) { g.out_batch_stride = 100; });
  with([](Gemm& g) { g.out_ld = 6; });
  with([&](Gemm& g) { g.a.data = at(1024 + 4); });
  with([&](Gemm& g) { g.b.data = at(1024 + 8); });
  with([&](Gemm& g) { g.out = at(1024 + 128); });
  with([&](Gemm& g) { g.epilogue = cuda::Epilogue::Bias; });
  with([&](Gemm& g) { g.epilogue = cuda::Epilogue::RowSums; });
  with([&](Gemm& g) {
    g.epilogue = cuda::Epilogue::Bias;
    g.vector = at(16);
  });
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(keys[i] == keys[j]) << i << ' ' << j;
      EXPECT_NE(keys[i].hash(), keys[j].hash()) << i << ' ' << j;
    }
  }
  // What does not decide: addresses that are aligned alike, strides of a batch of one.
  Gemm moved = some_product();
  moved.a.data = at(1024 * 77);
  moved.out = at(512 * 3);
  EXPECT_EQ(cuda::LtKey(moved, false, false), keys[0]);
  Gemm single = some_product();
  single.batch = 1;
  const cuda::LtKey key(single, false, false);
  single.a.batch_stride = single.b.batch_stride = single.out_batch_stride = 0;
  EXPECT_EQ(cuda::LtKey(single, false, false), key);
}

TEST(CudaMatmulHost, Alignment) {
  const auto log2 = [](uintptr_t address) { return cuda::alignment_log2(reinterpret_cast<const void*>(address)); };
  EXPECT_EQ(log2(0), 8u);
  EXPECT_EQ(log2(2), 1u);
  EXPECT_EQ(log2(48), 4u);
  EXPECT_EQ(log2(256), 8u);
  EXPECT_EQ(log2(4096), 8u);
}

TEST(CudaMatmulHost, RowsOfABatchThatAreThoseOfOneMatrix) {
  EXPECT_EQ(cuda::joined_row_stride(3, 10, 30), 10);
  EXPECT_EQ(cuda::joined_row_stride(3, 10, 31), -1);
  EXPECT_EQ(cuda::joined_row_stride(3, 10, 0), -1);
  EXPECT_EQ(cuda::joined_row_stride(1, 77, 30), 30);
  EXPECT_EQ(cuda::joined_row_stride(4, 0, 0), 0);
}

}  // namespace
