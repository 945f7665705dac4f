// The caching allocator at random, beside a model of what may be where; also while the driver fails.
#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cuda_allocator_rig.h"

namespace ember::test {
namespace {

class RandomWork {
 public:
  RandomWork(Rig& rig, unsigned seed) : rig_(rig), random_(seed) {}

  void step() {
    const unsigned what = random_() % 100;
    if (what < 45) {
      allocate();
    } else if (what < 80) {
      if (!held_.empty()) free(random_() % held_.size());
    } else if (what < 86) {
      rig_.device.finish(stream());
    } else if (what < 92) {
      switch_capture();
    } else if (what < 94 && capture_ == nullptr) {
      rig_.allocator->empty_cache();
    } else if (what < 96 && capture_ == nullptr) {
      rig_.allocator->set_limit(random_() % 2 == 0 ? 0 : (random_() % 400) * kMiB);
    } else if (!graphs_.empty()) {
      const size_t i = random_() % graphs_.size();
      if (graphs_[i] == capture_) return;
      rig_.allocator->release_private(graphs_[i]);
      graphs_.erase(graphs_.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  void finish() {
    if (capture_ != nullptr) end_capture();
    for (PrivatePool* const graph : graphs_) rig_.allocator->release_private(graph);
    graphs_.clear();
    while (!held_.empty()) free(0);
    rig_.allocator->set_limit(0);
    rig_.device.finish_all();
    rig_.allocator->empty_cache();
  }

 private:
  struct Held {
    Block* block;
    uintptr_t begin, end;
    StreamHandle stream;
    PrivatePool* graph;
    std::vector<StreamHandle> users;
  };
  struct Busy {  // freed, in use by a stream until it has got so far
    uintptr_t begin, end;
    StreamHandle user;
    uint64_t until;
    PrivatePool* kept;  // during whose capture nothing may have it
  };

  StreamHandle stream() { return fake_stream(1 + random_() % 4); }
  size_t size() {
    switch (random_() % 4) {
      case 0: return 1 + random_() % 2000;
      case 1: return 1 + random_() % (2 * kMiB);
      case 2: return 1 + random_() % (30 * kMiB);
      default: return 1 + random_() % (90 * kMiB);
    }
  }

  void allocate() {
    const StreamHandle s = stream();
    const size_t nbytes = size();
    PrivatePool* const graph = capture_ != nullptr && captured_.count(s) != 0 ? capture_ : nullptr;
    Block* block = nullptr;
    try {
      block = rig_.allocator->allocate(nbytes, s);
    } catch (const OutOfMemoryError&) {
      return;
    }
    const Held held{block,
                    reinterpret_cast<uintptr_t>(block->data),
                    reinterpret_cast<uintptr_t>(block->data) + block->size,
                    s,
                    graph,
                    {}};
    ASSERT_GE(block->size, nbytes);
    ASSERT_LE(block->size, nbytes + kMiB + 512);
    ASSERT_EQ(block->pool->graph, graph);
    ASSERT_TRUE(block->users.empty() && block->waits == 0);
    ASSERT_TRUE(rig_.device.backed(held.begin, block->size));
    for (const Held& other : held_) ASSERT_TRUE(held.end <= other.begin || other.end <= held.begin);
    for (const Busy& busy : busy_) {
      if (held.end <= busy.begin || busy.end <= held.begin) continue;
      ASSERT_TRUE(busy.kept == nullptr || busy.kept != capture_);
      ASSERT_TRUE(busy.kept != nullptr || rig_.device.done[busy.user] >= busy.until) << "a stream still works with it";
    }
    std::erase_if(busy_, [&](const Busy& b) {
      return b.kept != nullptr ? b.kept != capture_ : rig_.device.done[b.user] >= b.until;
    });
    held_.push_back(held);
    rig_.device.work(s);
    while (random_() % 4 == 0) {
      const StreamHandle user = stream();
      rig_.allocator->record_stream(block, user);
      if (user != s) held_.back().users.push_back(user);
    }
  }

  void free(size_t i) {
    const Held held = held_[i];
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(i));
    for (const StreamHandle user : held.users) {
      PrivatePool* const kept = held.graph != nullptr && held.graph == capture_ ? capture_ : nullptr;
      busy_.push_back({held.begin, held.end, user, rig_.device.work(user), kept});
    }
    rig_.allocator->free(held.block);
  }

  void switch_capture() {
    if (capture_ != nullptr) {
      end_capture();
      return;
    }
    if (graphs_.size() < 3) graphs_.push_back(rig_.allocator->make_private_pool());
    capture_ = graphs_[random_() % graphs_.size()];
    rig_.device.forbid = true;
    captured_.clear();
    while (captured_.empty() || random_() % 2 == 0) captured_.insert(stream());
    // The other streams are drawn into the capture of the first.
    rig_.allocator->begin_private(capture_, *captured_.begin());
    for (const StreamHandle s : captured_) rig_.device.recording[s] = 7;
  }

  void end_capture() {
    rig_.device.forbid = false;
    rig_.device.recording.clear();
    rig_.allocator->end_private(capture_);
    capture_ = nullptr;
    std::erase_if(busy_, [](const Busy& b) { return b.kept != nullptr; });
  }

  Rig& rig_;
  std::mt19937 random_;
  std::vector<Held> held_;
  std::vector<Busy> busy_;
  std::vector<PrivatePool*> graphs_;
  PrivatePool* capture_ = nullptr;
  std::set<StreamHandle> captured_;
};

TEST_P(CudaAllocator, RandomWork) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rig rig(GetParam(), (seed % 3 == 0 ? 1000 : 300) * kMiB);
    if (seed % 5 == 4) rig.device.address_space = 0;
    RandomWork work(rig, seed);
    for (int i = 0; i < 1500; ++i) {
      work.step();
      if (i % 10 == 0) rig.expect_consistent();
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    work.finish();
    rig.expect_consistent();
    EXPECT_EQ(rig.device.used, 0u);
    EXPECT_TRUE(rig.device.events.empty());
  }
}

// Every request for memory is refused once.
TEST_P(CudaAllocator, EveryRequestIsRefused) {
  for (int64_t at = 0; at < 60; ++at) {
    SCOPED_TRACE(at);
    Rig rig(GetParam(), 300 * kMiB);
    rig.device.refuse_in = at;
    RandomWork work(rig, 5);
    for (int i = 0; i < 300; ++i) {
      work.step();
      rig.expect_consistent();
      if (HasFatalFailure() || HasNonfatalFailure()) return;
    }
    rig.device.refuse_in = -1;
    work.finish();
    EXPECT_EQ(rig.device.used, 0u);
  }
}

// Every call of the driver fails once: what fails throws, or waits, and changes nothing else.
TEST_P(CudaAllocator, EveryDriverCallFails) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    uint64_t calls = 0;
    for (int64_t at = -1; at < static_cast<int64_t>(calls) || at == -1; ++at) {
      SCOPED_TRACE(std::to_string(seed) + ": call " + std::to_string(at));
      Rig rig(GetParam(), 300 * kMiB);
      rig.device.fail_in = at;
      RandomWork work(rig, seed);
      int errors = 0;
      for (int i = 0; i < 250; ++i) {
        try {
          work.step();
        } catch (const Error&) {
          ++errors;
          rig.expect_consistent();
        }
        if (HasFatalFailure() || HasNonfatalFailure()) return;
      }
      EXPECT_LE(errors, 1);
      calls = std::max(calls, rig.device.calls);
      rig.device.fail_in = -1;
      work.finish();
      rig.expect_consistent();
      EXPECT_EQ(rig.device.used, 0u);
      EXPECT_TRUE(rig.device.events.empty());
    }
  }
}

}  // namespace
}  // namespace ember::test
