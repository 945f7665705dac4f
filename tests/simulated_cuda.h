// Two CUDA devices that are simulated on the host, so that what streams have to wait for can be tested without a GPU.
//
// Work is queued on streams, as it is by CUDA, and computed by the kernels of the CPU. A stream goes on at once unless
// it waits for an event, a delay or a gate; a delay ends only when the host, or a stream that the host waits for,
// cannot go on without it. So what does not wait is always early, and reads what was in memory before: NaN, where
// nothing was. Memory comes from the library's own allocators.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ember::test {

// The streams of all devices.
class Machine {
 public:
  using Stream = std::pair<int, uintptr_t>;  // a device's number and a stream's handle

  // A place in a stream, behind the work that was queued there.
  struct Point {
    Stream stream;
    uint64_t at = 0;
    std::shared_ptr<int64_t> time;  // when it was passed, in microseconds
  };

  static Machine& instance();

  void queue(Stream stream, std::function<void()> work);
  Point mark(Stream stream);
  void queue_wait(Stream stream, const Point& point);
  void queue_delay(Stream stream, int64_t microseconds);
  // Until `open` says so; `give_up` is called when the host waits for the stream before.
  void queue_gate(Stream stream, std::function<bool()> open, std::function<void()> give_up);

  bool passed(const Point& point);
  // The host waits.
  void finish(const Point& point);
  void finish(Stream stream);
  void finish_device(int device);
  void pump();  // what can run, runs
  // What work on the device has thrown, once.
  void throw_fault(int device);

  // Streams with handles from kForeign on have to be made first.
  static constexpr uintptr_t kForeign = 1000;
  uintptr_t make_foreign(int device);
  void destroy_foreign(Stream stream);

 private:
  struct Task {
    std::function<void()> work;      // null: nothing
    std::function<bool()> is_ready;  // null: always
    std::function<void()> make_ready;
  };
  struct Queue {
    std::deque<Task> tasks;
    uint64_t done = 0;
  };
  Queue& at(Stream stream);
  void push(Stream stream, Task task);
  void run_first(Stream stream, Queue& queue);
  void finish(Stream stream, uint64_t at);

  std::recursive_mutex mutex_;
  std::map<Stream, Queue> queues_;
  std::map<int, std::string> faults_;
  int64_t clock_ = 0;
  uintptr_t next_foreign_ = kForeign;
};

// From now on these are the CUDA devices. Before any is used.
void simulate_cuda();

}  // namespace ember::test
