// The memory of a CUDA device and the host's pinned memory, on a device: skipped where there is none.
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

bool equals(const Tensor& a, const Tensor& b) { return a.cpu().equal(b.cpu()); }

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
  const Tensor a = ones({64, 64}, kCUDA);
  mv(a, a[0]);  // by cuBLAS, whose handle has one; cuBLASLt gets its own from the cache
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

// ---- streams ----

// Work for some tenths of a second, queued in less.
class SlowStream {
 public:
  SlowStream() : stream(stream_from_pool(kCUDA)) {
    const StreamGuard guard(stream);
    m_ = eye(4096, kCUDA);
    y_ = ones({4096, 4096}, kCUDA);
    queue(2);  // what is made once is made now
    stream.synchronize();
  }
  void queue(int products = 60) {
    const StreamGuard guard(stream);
    for (int i = 0; i < products; ++i) y_ = mm(y_, m_);
  }
  const Stream stream;

 private:
  Tensor m_, y_;
};

constexpr int64_t kCount = 4 << 20;

// x is made on one stream and read late on another; memory for z is asked for in between, on the first.
struct Race {
  explicit Race(bool guarded) {
    const Stream mine = stream_from_pool(kCUDA);
    Tensor x;
    {
      const StreamGuard guard(mine);
      x = full({kCount}, 1.0, kCUDA);
      if (guarded) full({kCount}, 0.0, kCUDA);  // in the cache, for z, which cannot have x's place
    }
    cuda::synchronize();
    SlowStream slow;
    {
      const StreamGuard guard(slow.stream);
      y = zeros({kCount}, kCUDA);
    }
    slow.queue();
    {
      const StreamGuard guard(slow.stream);
      y.copy_(x);
    }
    if (guarded) x.record_stream(slow.stream);
    const void* const place = x.data_ptr();
    x = Tensor();
    {
      const StreamGuard guard(mine);
      const Tensor z = full({kCount}, 2.0, kCUDA);
      reused = z.data_ptr() == place;
      mine.synchronize();
    }
    Event event{Device(kCUDA)};
    event.record(slow.stream);
    early = !event.query();
    cuda::synchronize();
  }
  Tensor y;
  bool reused = false;
  bool early = false;  // z was written before x was read
};

TEST_F(CudaMemory, RecordStreamKeepsMemory) {
  const Race race(true);
  EXPECT_TRUE(race.early) << "the work was too short to show anything";
  EXPECT_FALSE(race.reused);
  EXPECT_TRUE(equals(race.y, ones({kCount})));
}

// Without the guard the memory is used again, and what is read is wrong: the test above tests something.
TEST_F(CudaMemory, WithoutRecordStreamItIsReused) {
  const Race race(false);
  EXPECT_TRUE(race.reused);
  if (race.early) {
    EXPECT_TRUE(equals(race.y, full({kCount}, 2.0)));
  }
}

TEST_F(CudaMemory, RecordStreamFreesAfterTheWork) {
  const Stream mine = stream_from_pool(kCUDA), other = stream_from_pool(kCUDA);
  const StreamGuard guard(mine);
  Tensor x = ones({kCount}, kCUDA);
  const void* const place = x.data_ptr();
  x.record_stream(other);
  x = Tensor();
  cuda::synchronize();
  x = ones({kCount}, kCUDA);
  EXPECT_EQ(x.data_ptr(), place);
  EXPECT_THROW(ones({2}).record_stream(mine), Error);
}

// ---- pinned memory ----

TEST_F(CudaMemory, PinMemory) {
  const Tensor x = arange(1000, kFloat32).reshape({10, 100});
  EXPECT_FALSE(x.is_pinned());
  const Tensor p = x.pin_memory();
  EXPECT_TRUE(p.is_pinned() && p.is_cpu());
  EXPECT_TRUE(p[3].is_pinned()) << "a view";
  EXPECT_TRUE(p.equal(x));
  EXPECT_EQ(p.pin_memory().data_ptr(), p.data_ptr());
  EXPECT_EQ(x.t().pin_memory().strides(), x.t().strides());
  EXPECT_TRUE(equals(p.cuda(), x));
  EXPECT_THROW(x.cuda().pin_memory(), Error);
  EXPECT_FALSE(x.cuda().is_pinned());
  EXPECT_FALSE(empty({0}).pin_memory().is_pinned());
  EXPECT_GE(cuda::pinned_memory_stats().live, 4096u);

  const Tensor leaf = ones({3}).requires_grad_();
  (leaf.pin_memory() * 2).sum().backward();
  EXPECT_TRUE(leaf.grad().equal(full({3}, 2.0)));
}

TEST_F(CudaMemory, PinnedOption) {
  const TensorOptions pinned = TensorOptions().pinned_memory(true);
  for (const Tensor& t : {empty({5}, pinned), zeros({5}, pinned), ones({5}, pinned), full({5}, 3.0, pinned),
                          rand({5}, pinned), arange(5, pinned), randperm(5, pinned.dtype(kInt64)), eye(3, pinned),
                          tensor({1.0, 2.0}, pinned), empty_like(ones({4}), pinned)}) {
    EXPECT_TRUE(t.is_pinned()) << t.sizes();
  }
  EXPECT_FALSE(ones({5}).is_pinned());
  EXPECT_THROW(ones({5}, pinned.device(Device(kCUDA))), Error);
}

TEST_F(CudaMemory, PinnedCopyOverlaps) {
  SlowStream slow;
  const StreamGuard guard(slow.stream);
  Tensor source = full({kCount}, 5.0).pin_memory();
  { const Tensor spare = empty({kCount}, TensorOptions().pinned_memory(true)); }  // making memory may wait for work
  const void* const place = source.data_ptr();
  const Tensor on_device = zeros({kCount}, kCUDA);
  Event done{Device(kCUDA)};
  slow.queue();
  on_device.copy_(source, /*non_blocking=*/true);
  done.record(slow.stream);
  EXPECT_FALSE(done.query()) << "the copy did not wait for the stream";
  // The block is freed while the copy is queued: it is not used again before that has run.
  source = Tensor();
  Tensor next = full({kCount}, 6.0).pin_memory();
  EXPECT_NE(next.data_ptr(), place);
  EXPECT_FALSE(done.query());
  done.synchronize();
  EXPECT_TRUE(equals(on_device, full({kCount}, 5.0)));
  next = Tensor();
  bool reused = false;
  std::vector<Tensor> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(empty({kCount}, TensorOptions().pinned_memory(true)));
    reused |= held.back().data_ptr() == place;
  }
  EXPECT_TRUE(reused);
}

TEST_F(CudaMemory, CopyToTheHostOverlaps) {
  SlowStream slow;
  const StreamGuard guard(slow.stream);
  const Tensor x = full({kCount}, 7.0, kCUDA);
  { const Tensor warm = x.to(kCPU, /*non_blocking=*/true); }  // makes the pinned block
  slow.stream.synchronize();
  slow.queue();
  Event done{Device(kCUDA)};
  const Tensor y = x.to(kCPU, /*non_blocking=*/true);
  done.record(slow.stream);
  EXPECT_FALSE(done.query());
  EXPECT_TRUE(y.is_pinned());
  done.synchronize();
  EXPECT_TRUE(y.equal(full({kCount}, 7.0)));
}

TEST_F(CudaMemory, NonBlockingFromPageableMemory) {
  SlowStream slow;
  const StreamGuard guard(slow.stream);
  const Tensor source = full({kCount}, 5.0);
  slow.queue();
  const Tensor copy = source.to(kCUDA, /*non_blocking=*/true);
  source.fill_(6);
  EXPECT_TRUE(equals(copy, full({kCount}, 5.0)));
  const Tensor back = zeros({kCount});
  slow.queue();
  back.copy_(copy, /*non_blocking=*/true);
  EXPECT_TRUE(back.equal(full({kCount}, 5.0)));
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
