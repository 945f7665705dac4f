// The streams of the simulated devices, and what tests ask of CUDA's driver (cuda_test.h) from them.
#include <ember/core/error.h>

#include "cuda_test.h"
#include "simulated_cuda.h"

namespace ember::test {

Machine& Machine::instance() {
  static auto* const machine = new Machine;  // never destroyed: memory is freed at any time
  return *machine;
}

Machine::Queue& Machine::at(Stream stream) {
  EMBER_CHECK(stream.second < kForeign || queues_.count(stream) != 0, "a stream is used that has been destroyed");
  return queues_[stream];
}

void Machine::push(Stream stream, Task task) {
  const std::lock_guard lock(mutex_);
  at(stream).tasks.push_back(std::move(task));
  pump();
}

void Machine::queue(Stream stream, std::function<void()> work) { push(stream, {std::move(work), nullptr, nullptr}); }

Machine::Point Machine::mark(Stream stream) {
  const std::lock_guard lock(mutex_);
  const Point point{stream, at(stream).done + at(stream).tasks.size() + 1, std::make_shared<int64_t>(0)};
  queue(stream, [this, time = point.time] { *time = clock_; });
  return point;
}

void Machine::queue_wait(Stream stream, const Point& point) {
  push(stream, {nullptr, [this, point] { return passed(point); }, [this, point] { finish(point); }});
}

void Machine::queue_delay(Stream stream, int64_t microseconds) {
  const auto over = std::make_shared<bool>(false);
  push(stream, {nullptr, [over] { return *over; },
                [this, over, microseconds] {
                  clock_ += microseconds;
                  *over = true;
                }});
}

void Machine::queue_gate(Stream stream, std::function<bool()> open, std::function<void()> give_up) {
  push(stream, {nullptr, std::move(open), std::move(give_up)});
}

bool Machine::passed(const Point& point) {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(point.stream);
  return queue == queues_.end() || queue->second.done >= point.at;
}

void Machine::run_first(Stream stream, Queue& queue) {
  const Task task = std::move(queue.tasks.front());
  queue.tasks.pop_front();
  try {
    if (task.work) task.work();
  } catch (const Error& error) {
    faults_.emplace(stream.first, error.what_without_backtrace());
  }
  ++queue.done;
}

void Machine::pump() {
  const std::lock_guard lock(mutex_);
  for (bool went_on = true; went_on;) {
    went_on = false;
    for (auto& [stream, queue] : queues_) {
      while (!queue.tasks.empty() && (!queue.tasks.front().is_ready || queue.tasks.front().is_ready())) {
        run_first(stream, queue);
        went_on = true;
      }
    }
  }
}

void Machine::finish(Stream stream, uint64_t until) {
  const std::lock_guard lock(mutex_);
  Queue& queue = at(stream);
  while (queue.done < until) {
    const Task& first = queue.tasks.front();
    if (first.is_ready && !first.is_ready()) {
      const auto make_ready = first.make_ready;  // a copy: the task may run and go meanwhile
      make_ready();
    }
    pump();
  }
}

void Machine::finish(const Point& point) {
  if (!passed(point)) finish(point.stream, point.at);
}

void Machine::finish(Stream stream) {
  const std::lock_guard lock(mutex_);
  finish(stream, at(stream).done + at(stream).tasks.size());
}

void Machine::finish_device(int device) {
  const std::lock_guard lock(mutex_);
  for (const auto& [stream, queue] : queues_) {
    if (stream.first == device) finish(stream, queue.done + queue.tasks.size());
  }
}

void Machine::throw_fault(int device) {
  const std::lock_guard lock(mutex_);
  const auto fault = faults_.extract(device);
  if (!fault.empty()) throw Error(fault.mapped());
}

uintptr_t Machine::make_foreign(int device) {
  const std::lock_guard lock(mutex_);
  (void)queues_[{device, next_foreign_}];
  return next_foreign_++;
}

void Machine::destroy_foreign(Stream stream) {
  const std::lock_guard lock(mutex_);
  finish(stream);
  queues_.erase(stream);
}

// ---- cuda_test.h ----

bool is_simulated() { return true; }

struct Gate::State {
  bool open = false;
  bool passed = false;
};

Gate::Gate(ember::Stream stream) : state_(std::make_shared<State>()) {
  Machine::instance().queue_gate(
      {stream.device.index(), stream.handle}, [state = state_] { return state->open || state->passed; },
      [state = state_] { state->passed = true; });
}
Gate::~Gate() { open(); }
void Gate::open() {
  state_->open = true;
  Machine::instance().pump();
}
bool Gate::held() const { return !state_->open && !state_->passed; }

ForeignStream::ForeignStream(bool blocking) {
  EMBER_CHECK(!blocking, "no stream that is simulated is a blocking one");
  stream_ = reinterpret_cast<CUstream_st*>(Machine::instance().make_foreign(backend(kCUDA).current_device()));
}
ForeignStream::~ForeignStream() {
  Machine::instance().destroy_foreign({backend(kCUDA).current_device(), reinterpret_cast<uintptr_t>(stream_)});
}

}  // namespace ember::test
