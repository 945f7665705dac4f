// A device that only counts: for tests of the caching allocators without CUDA. It holds the allocator to the driver's
// rules, and fails where it is told to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include <ember/core/error.h>
#include <ember/cuda/allocator_driver.h>

namespace ember::test {

inline cuda::StreamHandle fake_stream(uintptr_t number) { return reinterpret_cast<cuda::StreamHandle>(number); }

// The device, which outlives the driver that an allocator owns.
struct FakeDevice {
  // What a test sets.
  size_t total = size_t{1} << 30;
  size_t elsewhere = 0;                              // memory that others have taken
  size_t granularity = size_t{2} << 20;              // 0: no virtual memory
  size_t address_space = SIZE_MAX;                   // for ranges
  std::map<cuda::StreamHandle, uint64_t> recording;  // and the capture that they are in
  bool forbid = false;                               // what a capture forbids is a failure of the test
  int64_t fail_in = -1;                              // the call that throws, counted from now
  int64_t refuse_in = -1;                            // the request for memory that gets none

  // What a test reads.
  size_t used = 0;
  std::map<uintptr_t, size_t> allocations;
  std::map<uintptr_t, size_t> ranges;
  std::map<uintptr_t, size_t> mappings;
  std::set<CUevent_st*> events;
  uint64_t calls = 0;
  uint64_t synchronizations = 0;

  // Streams are as far as the test says.
  std::map<cuda::StreamHandle, uint64_t> queued, done;
  uint64_t work(cuda::StreamHandle stream) {
    ++work_in_all;
    return ++queued[stream];
  }
  void finish(cuda::StreamHandle stream) { done[stream] = queued[stream]; }
  void finish_all() {
    for (const auto& [stream, n] : queued) done[stream] = n;
  }
  bool backed(uintptr_t begin, size_t nbytes) const;  // by memory, all of it

 private:
  friend class FakeMemoryDriver;
  bool idle() {
    for (const auto& [stream, n] : queued) {
      if (done[stream] < n) return false;
    }
    return true;
  }
  uintptr_t next_address = uintptr_t{1} << 32;
  uint64_t work_in_all = 0;
  std::map<uintptr_t, uint64_t> made_at;  // of memory: the work queued before
};

class FakeMemoryDriver final : public cuda::MemoryDriver {
 public:
  explicit FakeMemoryDriver(FakeDevice& device) : device_(device) {}
  ~FakeMemoryDriver() override {
    for (CUevent_st* const event : device_.events) delete &of(event);
  }

  void* allocate(size_t nbytes) override {
    call("allocate");
    if (refused(nbytes)) return nullptr;
    const uintptr_t at = addresses(nbytes);
    device_.made_at[at] = device_.work_in_all;
    device_.allocations[at] = nbytes;
    device_.used += nbytes;
    return reinterpret_cast<void*>(at);
  }
  void free(void* data) override {
    forbidden("free");
    call("free");
    const auto found = device_.allocations.find(reinterpret_cast<uintptr_t>(data));
    ASSERT_NE(found, device_.allocations.end()) << "freed what was not allocated";
    expect_idle(found->first);
    device_.used -= found->second;
    device_.allocations.erase(found);
  }
  Info info() noexcept override { return {device_.total - device_.used - device_.elsewhere, device_.total}; }

  size_t granularity() noexcept override { return device_.granularity; }
  void* reserve(size_t nbytes) override {
    call("reserve");
    if (nbytes > device_.address_space) return nullptr;
    const uintptr_t base = addresses(nbytes);
    device_.ranges[base] = nbytes;
    return reinterpret_cast<void*>(base);
  }
  void unreserve(void* base, size_t nbytes) override {
    call("unreserve");
    const auto range = device_.ranges.find(reinterpret_cast<uintptr_t>(base));
    ASSERT_NE(range, device_.ranges.end());
    EXPECT_EQ(range->second, nbytes);
    const auto mapping = device_.mappings.lower_bound(range->first);
    EXPECT_TRUE(mapping == device_.mappings.end() || mapping->first >= range->first + nbytes) << "still mapped";
    device_.ranges.erase(range);
  }
  bool map(void* at, size_t nbytes) override {
    call("map");
    if (refused(nbytes)) return false;
    const auto begin = reinterpret_cast<uintptr_t>(at);
    device_.made_at[begin] = device_.work_in_all;
    EXPECT_EQ(begin % device_.granularity, 0u);
    EXPECT_EQ(nbytes % device_.granularity, 0u);
    const auto range = std::prev(device_.ranges.upper_bound(begin));
    EXPECT_LE(begin + nbytes, range->first + range->second) << "mapped outside of a range";
    const auto next = device_.mappings.lower_bound(begin);
    EXPECT_TRUE(next == device_.mappings.end() || next->first >= begin + nbytes) << "mapped twice";
    if (next != device_.mappings.begin()) {
      EXPECT_LE(std::prev(next)->first + std::prev(next)->second, begin) << "mapped twice";
    }
    device_.mappings[begin] = nbytes;
    device_.used += nbytes;
    return true;
  }
  void unmap(void* at, size_t nbytes) override {
    forbidden("unmap");
    call("unmap");
    const auto found = device_.mappings.find(reinterpret_cast<uintptr_t>(at));
    ASSERT_NE(found, device_.mappings.end()) << "unmapped what was not mapped";
    EXPECT_EQ(found->second, nbytes);
    expect_idle(found->first);
    device_.used -= nbytes;
    device_.mappings.erase(found);
  }

  CUevent_st* record(cuda::StreamHandle stream) override {
    forbidden("record");
    EXPECT_EQ(device_.recording.count(stream), 0u) << "an event on a stream that is captured";
    call("record");
    auto* const event = reinterpret_cast<CUevent_st*>(new Event{stream, device_.queued[stream]});
    device_.events.insert(event);
    return event;
  }
  bool passed(CUevent_st* event) override {
    forbidden("passed");
    call("passed");
    EXPECT_TRUE(device_.events.count(event));
    return device_.done[of(event).stream] >= of(event).at;
  }
  void wait(CUevent_st* event) override {
    forbidden("wait");
    call("wait");
    EXPECT_TRUE(device_.events.count(event));
    device_.done[of(event).stream] = std::max(device_.done[of(event).stream], of(event).at);
  }
  void discard(CUevent_st* event) noexcept override {
    EXPECT_TRUE(device_.events.erase(event));
    delete &of(event);
  }
  void synchronize() override {
    forbidden("synchronize");
    call("synchronize");
    ++device_.synchronizations;
    device_.finish_all();
  }
  uint64_t capture_of(cuda::StreamHandle stream) override {
    call("capture_of");
    const auto found = device_.recording.find(stream);
    return found == device_.recording.end() ? 0 : found->second;
  }

 private:
  struct Event {
    cuda::StreamHandle stream;
    uint64_t at;
  };
  static Event& of(CUevent_st* event) { return *reinterpret_cast<Event*>(event); }
  uintptr_t addresses(size_t nbytes) {  // never the same again, with gaps between them
    const uintptr_t at = device_.next_address;
    const uintptr_t step = uintptr_t{2} << 20;
    device_.next_address += (nbytes / step + 2) * step;
    return at;
  }
  void call(const char* name) {
    ++device_.calls;
    if (device_.fail_in >= 0 && device_.fail_in-- == 0) throw Error(std::string(name) + " failed as the test asked");
  }
  bool refused(size_t nbytes) {
    if (device_.refuse_in >= 0 && device_.refuse_in-- == 0) return true;
    return nbytes > device_.total - device_.used - device_.elsewhere;
  }
  // Memory goes back when no work can be using it.
  void expect_idle(uintptr_t at) {
    EXPECT_TRUE(device_.idle() || device_.made_at[at] == device_.work_in_all) << "given back while work was queued";
  }
  void forbidden(const char* name) const {
    if (device_.forbid) ADD_FAILURE() << name << " during a capture";
  }

  FakeDevice& device_;
};

inline bool FakeDevice::backed(uintptr_t begin, size_t nbytes) const {
  const uintptr_t end = begin + nbytes;
  while (begin < end) {
    uintptr_t covered = begin;
    for (const auto* const kind : {&allocations, &mappings}) {
      const auto next = kind->upper_bound(begin);
      if (next == kind->begin()) continue;
      const auto found = std::prev(next);
      covered = std::max(covered, std::min(end, found->first + found->second));
    }
    if (covered <= begin) return false;
    begin = covered;
  }
  return true;
}

}  // namespace ember::test
