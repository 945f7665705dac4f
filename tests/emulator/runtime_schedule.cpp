// What is queued, and when it runs.
#include <algorithm>
#include <cstdio>

#include "runtime.h"
#include "runtime_state.h"

namespace emulator {

namespace {

constexpr size_t kMostQueued = 4096;
constexpr auto kPoll = std::chrono::microseconds(200);
// So long a lazy device may stand still before it takes up what nobody waits for.
constexpr auto kStandstill = std::chrono::milliseconds(20);

thread_local bool t_in_host_function = false;

void remove_if_gone(const StreamPtr& stream) {
  if (stream->destroyed && stream->queue.empty()) std::erase(runtime().streams, stream);
}

void complete(Operation& operation) {
  operation.done = true;
  operation.when = std::chrono::steady_clock::now();
  operation.stream = nullptr;
  operation.needs.clear();
  operation.run = Run(nullptr);
}

cudaError_t status_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kIllegalAddress: return cudaErrorIllegalAddress;
    case FaultKind::kMisaligned: return cudaErrorMisalignedAddress;
    case FaultKind::kAssert: return cudaErrorAssert;
    case FaultKind::kIllegalInstruction: return cudaErrorIllegalInstruction;
    case FaultKind::kTrap:
    case FaultKind::kRace:
    case FaultKind::kUnwritten:
    case FaultKind::kDivergence: break;
  }
  return cudaErrorLaunchFailure;
}

// What is queued on the device never runs.
void lose_context(int device, cudaError_t status) {
  runtime().devices[static_cast<size_t>(device)].error = status;
  const std::vector<StreamPtr> streams = runtime().streams;
  for (const StreamPtr& stream : streams) {
    if (stream->device != device) continue;
    for (const OperationPtr& operation : stream->queue) complete(*operation);
    stream->queue.clear();
    remove_if_gone(stream);
  }
}

// Does some of the stream's first operation, which needs nothing of others; false if it is blocked.
bool step(const StreamPtr& stream) {
  const OperationPtr first = stream->queue.front();
  try {
    const Run::Progress progress = first->run.advance();
    if (progress != Run::Progress::kDone) return progress == Run::Progress::kWorked;
  } catch (const std::exception& error) {
    const auto* const fault = dynamic_cast<const Fault*>(&error);
    std::fprintf(stderr, "emulated device %d: %s\n", stream->device, error.what());
    lose_context(stream->device, status_of(fault != nullptr ? fault->kind : FaultKind::kTrap));
    return true;
  }
  stream->queue.pop_front();
  complete(*first);
  remove_if_gone(stream);
  return true;
}

// The stream whose first operation has to run before the given one can, which is in a queue.
StreamPtr first_needed(const OperationPtr& operation) {
  StreamPtr stream = operation->stream;
  while (true) {
    std::vector<OperationPtr>& needs = stream->queue.front()->needs;
    std::erase_if(needs, [](const OperationPtr& need) { return need->done; });
    if (needs.empty()) return stream;
    stream = needs[random_below(needs.size())]->stream;
  }
}

bool step_toward(const OperationPtr& operation) { return step(first_needed(operation)); }

std::vector<StreamPtr> busy_streams() {
  std::vector<StreamPtr> busy;
  for (const StreamPtr& stream : runtime().streams) {
    if (!stream->queue.empty()) busy.push_back(stream);
  }
  return busy;
}

// One step of each stream; false if all are blocked.
bool step_all() {
  bool went_on = false;
  for (const StreamPtr& stream : busy_streams()) {
    if (!stream->queue.empty()) went_on |= step_toward(stream->queue.front());
  }
  return went_on;
}

void step_random() {
  const std::vector<StreamPtr> busy = busy_streams();
  if (!busy.empty()) (void)step_toward(busy[random_below(busy.size())]->queue.front());
}

}  // namespace

// ---- running ----

size_t random_below(size_t count) {
  return settings().order == Order::kRandom && count > 1 ? static_cast<size_t>(runtime().random() % count) : 0;
}

bool in_host_function() { return t_in_host_function; }

Run::Progress Run::advance() {
  if (work_->graph) return advance_graph();
  if (work_->host) return advance_host();
  if (work_->ready && !work_->ready()) return Progress::kBlocked;
  return work_->run ? advance_work() : Progress::kDone;
}

// What sleeps keeps its stream while others go on; where nothing goes on by itself, everybody.
Run::Progress Run::advance_work() {
  const auto now = std::chrono::steady_clock::now();
  if (until_) return now < *until_ ? Progress::kBlocked : Progress::kDone;
  work_->run();
  const std::chrono::nanoseconds slept = take_sleep();
  if (slept.count() == 0) return Progress::kDone;
  if (settings().order == Order::kLazy) {
    std::this_thread::sleep_for(slept);
    return Progress::kDone;
  }
  until_ = now + slept;
  return Progress::kWorked;
}

Run::Progress Run::advance_host() {
  if (returned_) return *returned_ ? Progress::kDone : Progress::kBlocked;
  returned_ = std::make_shared<std::atomic<bool>>(false);
  std::thread([work = work_, returned = returned_] {
    t_in_host_function = true;
    work->host();
    *returned = true;
    runtime().changed.notify_all();
    const Lock lock(runtime().mutex);
    progress();
  }).detach();
  return Progress::kWorked;
}

// A lazy graph goes backwards where its edges let it: what has no edge between has no order.
Run::Progress Run::advance_graph() {
  const Nodes& nodes = *work_->graph;
  if (parts_.empty()) {
    parts_left_ = nodes.size();
    for (const Node& node : nodes) {
      parts_.push_back(
          {std::make_unique<Run>(std::shared_ptr<const Work>(work_->graph, &node.work)), node.after.size()});
    }
  }
  std::vector<size_t> ready;
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].run && parts_[i].waits_for == 0) ready.push_back(i);
  }
  const Order order = settings().order;
  if (order == Order::kLazy) std::reverse(ready.begin(), ready.end());
  if (order == Order::kRandom) std::shuffle(ready.begin(), ready.end(), runtime().random);
  for (const size_t i : ready) {
    const Progress progress = parts_[i].run->advance();
    if (progress == Progress::kBlocked) continue;
    if (progress == Progress::kWorked) return progress;
    parts_[i].run = nullptr;
    --parts_left_;
    for (size_t j = i + 1; j < nodes.size(); ++j) {
      parts_[j].waits_for -= static_cast<size_t>(std::count(nodes[j].after.begin(), nodes[j].after.end(), i));
    }
    return parts_left_ == 0 ? Progress::kDone : Progress::kWorked;
  }
  return nodes.empty() ? Progress::kDone : Progress::kBlocked;
}

// ---- queues ----

OperationPtr enqueue(Lock& lock, const StreamPtr& stream, std::shared_ptr<const Work> work,
                     std::vector<OperationPtr> needs) {
  const OperationPtr operation = std::make_shared<Operation>(stream, std::move(work));
  // The legacy stream and the blocking ones wait for each other.
  for (const StreamPtr& other : runtime().streams) {
    if (other == stream || other->device != stream->device || !other->blocking || !stream->blocking) continue;
    if ((other->legacy || stream->legacy) && !other->queue.empty()) needs.push_back(other->queue.back());
  }
  for (OperationPtr& need : needs) {
    if (!need->done && need->stream != stream) operation->needs.push_back(std::move(need));
  }
  // What only marks a place is passed at once where nothing is before it, as a device is quick enough to do.
  if (stream->queue.empty() && operation->needs.empty() && operation->run.is_mark()) {
    complete(*operation);
    return operation;
  }
  stream->queue.push_back(operation);
  if (settings().order == Order::kEager) progress();
  if (stream->queue.size() > kMostQueued) finish(lock, stream->queue[kMostQueued / 2]);
  return operation;
}

OperationPtr submit(Lock& lock, const StreamPtr& stream, Work work) {
  check_implicit(*stream, true);
  if (stream->capture) {
    add_node(*stream, std::move(work));
    return nullptr;
  }
  return enqueue(lock, stream, std::make_shared<const Work>(std::move(work)));
}

OperationPtr last_of(Lock& lock, const StreamPtr& stream) {
  if (stream->legacy) return enqueue(lock, stream, std::make_shared<const Work>());
  return stream->queue.empty() ? nullptr : stream->queue.back();
}

void finish(Lock& lock, OperationPtr operation) {
  if (operation == nullptr) return;
  auto worked = std::chrono::steady_clock::now();
  while (!operation->done) {
    if (settings().order == Order::kRandom && random_below(4) == 0) step_random();
    if (operation->done) break;
    const bool others = settings().order != Order::kLazy || std::chrono::steady_clock::now() - worked > kStandstill;
    if (step_toward(operation)) {
      worked = std::chrono::steady_clock::now();
    } else if (!others || !step_all()) {
      runtime().changed.wait_for(lock, kPoll);
    }
  }
}

void finish_device(Lock& lock, int device) {
  const std::vector<StreamPtr> streams = runtime().streams;  // what others queue meanwhile is not waited for
  std::vector<OperationPtr> last;
  for (const StreamPtr& stream : streams) {
    if (stream->device == device && !stream->queue.empty()) last.push_back(stream->queue.back());
  }
  for (const OperationPtr& operation : last) finish(lock, operation);
}

void nudge(const OperationPtr& operation) {
  if (!operation->done) (void)step_toward(operation);
}

void progress() {
  switch (settings().order) {
    case Order::kLazy: return;
    case Order::kEager:
      while (step_all()) {
      }
      return;
    case Order::kRandom:
      for (size_t steps = random_below(4); steps > 0; --steps) step_random();
      return;
  }
}

void enqueue(cudaStream_t stream, const char* name, std::function<void()> work) {
  (void)call([&](Lock& lock) {
    Work queued;
    queued.name = name;
    queued.run = std::move(work);
    submit(lock, stream_of(stream), std::move(queued));
  });
}

}  // namespace emulator
