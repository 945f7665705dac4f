// The memory of a CUDA device: figures, limits, and what is left when there is no more. Skipped where there is none.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ember/autograd/functions.h>
#include <ember/autograd/grad_mode.h>
#include <ember/core/backend.h>
#include <ember/core/cuda_stream.h>
#include <ember/core/tensor.h>
#include <ember/nn/nn.h>
#include <ember/optim/optim.h>

namespace ember {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

class CudaMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::is_available()) GTEST_SKIP() << cuda::why_unavailable();
    cuda::synchronize();
    cuda::empty_cache();
  }
  void TearDown() override {
    if (!cuda::is_available()) return;
    cuda::set_memory_limit(0);
    cuda::synchronize();
  }
  static size_t live() { return cuda::memory_stats().live; }
  static size_t reserved() {
    const MemoryStats stats = cuda::memory_stats();
    return stats.live + stats.cached + stats.permanent;
  }
};

struct Mlp {
  explicit Mlp(int64_t batch) {
    manual_seed(1);
    net = nn::Sequential(nn::Linear(256, 512), nn::ReLU(), nn::Linear(512, 512), nn::ReLU(), nn::Linear(512, 10));
    net->to(Device(kCUDA));
    x = randn({batch, 256}, kCUDA);
    target = randint(0, 10, {batch}, TensorOptions(kInt64).device(Device(kCUDA)));
    optimizer = std::make_unique<optim::SGD>(net->parameters(), optim::SGDOptions(0.1));
  }
  void step() {
    differentiate();
    update();
  }
  void differentiate() { nn::functional::cross_entropy(net->forward(x), target).backward(); }
  void update() {
    optimizer->step();
    optimizer->zero_grad();
  }
  std::vector<Tensor> parameters() const {
    std::vector<Tensor> copies;
    for (const Tensor& p : net->parameters()) copies.push_back(p.detach().cpu());
    return copies;
  }

  nn::Sequential net{nullptr};
  Tensor x, target;
  std::unique_ptr<optim::SGD> optimizer;
};

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].equal(b[i])) << "parameter " << i;
}

// ---- accounting ----

TEST_F(CudaMemory, TrainingStepLeavesNothing) {
  const size_t before = live();
  {
    Mlp mlp(64);
    const size_t baseline = live();
    const MemoryStats first = [&] {
      mlp.step();
      return cuda::memory_stats();
    }();
    EXPECT_EQ(live(), baseline);
    for (int i = 0; i < 5; ++i) mlp.step();
    EXPECT_EQ(live(), baseline);
    const MemoryStats last = cuda::memory_stats();
    EXPECT_EQ(last.system_allocations, first.system_allocations) << "later steps live on the cache";
    EXPECT_GT(last.allocations, first.allocations);
    EXPECT_GE(last.peak_live, baseline);
  }
  EXPECT_EQ(live(), before);
}

TEST_F(CudaMemory, EmptyCache) {
  const size_t before = live();
  {
    const Tensor small = ones({100}, kCUDA), large = ones({30 << 20}, kCUDA);
    EXPECT_GE(live(), before + 120 * kMiB);
  }
  EXPECT_EQ(live(), before);
  EXPECT_GE(cuda::memory_stats().cached, 120 * kMiB);
  const size_t peak = cuda::memory_stats().peak_live;
  EXPECT_GE(peak, before + 120 * kMiB);
  cuda::empty_cache();
  EXPECT_LT(cuda::memory_stats().cached, 64 * kMiB);
  cuda::reset_peak_memory_stats();
  EXPECT_EQ(cuda::memory_stats().peak_live, before);
}

// A tensor that grows needs no more than its own memory: what is free beside it is used in place.
TEST_F(CudaMemory, GrowthDoesNotFragment) {
  if (cuda::take_memory_snapshot().total == 0) GTEST_SKIP() << "the device does not say what memory it has";
  cuda::empty_cache();
  const size_t before = reserved();
  for (int64_t mib = 30; mib <= 600; mib += 30) {
    const Tensor t = full({mib << 18}, 3.0, kCUDA);
    ASSERT_EQ(t[(mib << 18) - 1].item<float>(), 3);
  }
  const MemorySnapshot snapshot = cuda::take_memory_snapshot();
  bool expandable = false;
  for (const MemorySegment& segment : snapshot.segments) expandable |= segment.expandable;
  if (!expandable) GTEST_SKIP() << "the device cannot map memory, or EMBER_CUDA_ALLOCATOR is malloc";
  EXPECT_LE(reserved(), before + 640 * kMiB);
}

TEST_F(CudaMemory, SnapshotAddsUp) {
  const Tensor small = ones({100}, kCUDA), large = ones({3 << 20}, kCUDA);
  const MemorySnapshot snapshot = cuda::take_memory_snapshot();
  size_t sum = 0, held = 0;
  for (const MemorySegment& segment : snapshot.segments) {
    size_t covered = 0;
    for (const MemoryBlock& block : segment.blocks) {
      covered += block.size;
      if (block.state == MemoryBlock::State::Live) held += block.size;
    }
    EXPECT_EQ(covered, segment.size);
    sum += segment.size;
  }
  EXPECT_EQ(held, snapshot.stats.live);
  EXPECT_EQ(sum + snapshot.stats.permanent, reserved());
  EXPECT_GE(snapshot.pool(MemoryPool::Large).live, 12 * kMiB);
  EXPECT_GE(snapshot.total, snapshot.available);
  const std::string text = cuda::memory_snapshot();
  EXPECT_EQ(text.rfind("Memory of cuda:", 0), 0u) << text;
}

TEST_F(CudaMemory, WorkspacesArePermanent) {
  // Larger than what Ember multiplies itself: by cuBLAS, whose handle has one; cuBLASLt gets its own from the cache.
  const Tensor a = ones({2100, 2100}, TensorOptions(kCUDA).dtype(kFloat64));
  mv(a, a[0]);
  const MemoryStats stats = cuda::memory_stats();
  EXPECT_GT(stats.permanent, 0u);
  cuda::empty_cache();
  EXPECT_EQ(cuda::memory_stats().permanent, stats.permanent);
}

// ---- exhaustion ----

TEST_F(CudaMemory, LimitThenTrainingGoesOn) {
  Mlp mlp(64);
  mlp.step();
  cuda::empty_cache();
  const size_t before = live();
  cuda::set_memory_limit(reserved() + 100 * kMiB);
  try {
    ones({100 << 20}, kCUDA);
    ADD_FAILURE();
  } catch (const OutOfMemoryError& e) {
    for (const char* part : {"asked for 400.0 MiB", "held by tensors", "cached", "reserved", "free", "the limit is"}) {
      EXPECT_NE(e.msg().find(part), std::string::npos) << part << ": " << e.msg();
    }
  }
  EXPECT_EQ(live(), before);
  mlp.step();
  EXPECT_EQ(live(), before);
  // Cached memory of other sizes and streams makes room.
  { const Tensor t = ones({20 << 20}, kCUDA); }
  {
    const StreamGuard guard(stream_from_pool(kCUDA));
    const Tensor t = ones({20 << 20}, kCUDA);
  }
  cuda::set_memory_limit(0);
  const Tensor t = ones({100 << 20}, kCUDA);
  EXPECT_EQ(t[0].item<float>(), 1);
}

TEST_F(CudaMemory, MoreThanTheDeviceHas) {
  const size_t before = live();
  EXPECT_THROW(empty({int64_t{1} << 45}, kCUDA), OutOfMemoryError);
  EXPECT_EQ(live(), before);
  EXPECT_EQ(ones({10}, kCUDA).sum().item<float>(), 10);
}

// A step that runs out of memory anywhere, forward or backward, leaves nothing behind, and succeeds when there is more.
TEST_F(CudaMemory, StepFailsAnywhere) {
  std::vector<Tensor> start, expected;
  {
    Mlp mlp(20000);
    start = mlp.parameters();
    mlp.step();
    expected = mlp.parameters();
  }
  Mlp mlp(20000);
  expect_same(mlp.parameters(), start);
  {  // The libraries' workspaces, which stay.
    Mlp other(64);
    other.step();
  }
  const size_t baseline = live();
  int failures = 0;
  for (size_t room = 0;; room += 20 * kMiB) {
    ASSERT_LT(room, 4096 * kMiB);
    cuda::set_memory_limit(0);
    cuda::empty_cache();
    cuda::set_memory_limit(reserved() + room + 1);
    try {
      mlp.differentiate();
      break;
    } catch (const OutOfMemoryError&) {
      ++failures;
    }
    cuda::set_memory_limit(0);
    mlp.optimizer->zero_grad();
    ASSERT_EQ(live(), baseline) << "with room for " << room;
    expect_same(mlp.parameters(), start);
  }
  EXPECT_GT(failures, 3);
  cuda::set_memory_limit(0);
  mlp.update();
  EXPECT_EQ(live(), baseline);
  expect_same(mlp.parameters(), expected);
}

// ---- without a device too ----

TEST(Memory, WithoutCuda) {
  if (cuda::is_available()) GTEST_SKIP() << "there is a device";
  EXPECT_FALSE(ones({2}).is_pinned());
  EXPECT_THROW(ones({2}).pin_memory(), Error);
  EXPECT_THROW(zeros({2}, TensorOptions().pinned_memory(true)), Error);
  EXPECT_THROW(ones({2}).record_stream(current_stream(kCPU)), Error);
  EXPECT_THROW(cuda::set_memory_limit(1), Error);
  EXPECT_THROW(cuda::memory_snapshot(), Error);
  EXPECT_NO_THROW(cuda::empty_cache());
}

}  // namespace
}  // namespace ember
