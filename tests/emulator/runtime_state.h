// What the files of the emulated runtime share. Functions here are called with the runtime's lock held, and those that
// take the lock as an argument may let go of it for a while.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <cuda.h>
#include <cuda_runtime_api.h>

#include "machine.h"

namespace emulator {

// ---- settings ----

enum class Order { kLazy, kEager, kRandom };

struct Settings {
  Order order = Order::kLazy;
  uint64_t seed = 1;
  int devices = 1;
  int multiprocessors = 132;
  unsigned capability = 90;
  size_t memory = 0;  // bytes
  int fill = 0xCD;    // -1: none
};
const Settings& settings();

// ---- errors ----

// Ends a call of the API with a status.
struct Failure {
  cudaError_t status;
};
[[noreturn]] void fail(cudaError_t status);

// ---- work ----

struct Node;
using Nodes = std::vector<Node>;

// Something that a stream or a graph does; a graph does it again in each launch.
struct Work {
  std::string name;
  std::function<void()> run;           // with the lock held; may throw Fault
  std::function<void()> host;          // instead: a function of the host's, on a thread of its own, without the lock
  std::function<bool()> ready;         // instead: nothing, until this holds
  std::shared_ptr<const Nodes> graph;  // instead: all of these
};

struct Node {
  Work work;
  std::vector<size_t> after;  // nodes that have to be done before
};

// Some work being done.
class Run {
 public:
  explicit Run(std::shared_ptr<const Work> work) : work_(std::move(work)) {}
  enum class Progress { kBlocked, kWorked, kDone };
  // Does some of it.
  Progress advance();
  // Whether there is nothing to do: a record of an event, or a wait.
  bool is_mark() const { return !work_->run && !work_->host && !work_->ready && !work_->graph; }

 private:
  struct Part;
  Progress advance_work();
  Progress advance_host();
  Progress advance_graph();

  std::shared_ptr<const Work> work_;
  std::shared_ptr<std::atomic<bool>> returned_;                 // the host's function; null: not called yet
  std::optional<std::chrono::steady_clock::time_point> until_;  // the kernel, having run, sleeps
  std::vector<Part> parts_;                                     // of the graph
  size_t parts_left_ = 0;
};

struct Run::Part {
  std::unique_ptr<Run> run;  // null: done
  size_t waits_for = 0;
};

// ---- streams and events ----

struct Stream;
struct Capture;

// Work that is queued on a stream.
struct Operation {
  Operation(std::shared_ptr<Stream> where, std::shared_ptr<const Work> work)
      : stream(std::move(where)), run(std::move(work)) {}
  std::shared_ptr<Stream> stream;  // null once it is done
  Run run;
  std::vector<std::shared_ptr<Operation>> needs;  // on other streams
  bool done = false;
  std::chrono::steady_clock::time_point when;  // it was done
};
using OperationPtr = std::shared_ptr<Operation>;

struct Stream {
  int device = 0;
  bool legacy = false;
  bool blocking = true;
  int priority = 0;
  bool destroyed = false;
  std::deque<OperationPtr> queue;
  std::shared_ptr<Capture> capture;  // that it is in
  std::vector<size_t> last;          // the nodes that its next one comes after
};
using StreamPtr = std::shared_ptr<Stream>;

struct Event {
  int device = 0;
  bool timing = true;
  OperationPtr record;               // null: none
  std::shared_ptr<Capture> capture;  // that it was recorded in instead
  std::vector<size_t> nodes;
};

struct Capture {
  uint64_t id = 0;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  Stream* origin = nullptr;
  std::vector<StreamPtr> members;
  std::shared_ptr<Nodes> nodes = std::make_shared<Nodes>();
  bool active = true;
  bool invalidated = false;
};

struct Graph {
  std::shared_ptr<const Nodes> nodes;
};

struct Executable {
  std::shared_ptr<const Work> work;
  OperationPtr last;  // launch; one follows the other
};

// ---- devices and memory ----

struct Device {
  size_t used = 0;
  cudaError_t error = cudaSuccess;  // that has ended its context
  StreamPtr legacy;
  std::map<std::thread::id, StreamPtr> of_threads;
  uint64_t peers = 0;  // a bit for each device that it may access
};

enum class MemoryKind { kDevice, kPinned, kRegistered, kReserved };

struct Allocation {
  MemoryKind kind = MemoryKind::kDevice;
  size_t bytes = 0;
  int device = 0;
};

// ---- all of it ----

void* new_handle();  // is no address, and never given out again, so that one that has been destroyed is found out

template <class T>
class Handles {
 public:
  void* add(std::shared_ptr<T> object) {
    void* const handle = new_handle();
    objects_.emplace(handle, std::move(object));
    return handle;
  }
  const std::shared_ptr<T>& at(const void* handle) const {
    const auto found = objects_.find(handle);
    if (found == objects_.end()) fail(cudaErrorInvalidResourceHandle);
    return found->second;
  }
  std::shared_ptr<T> take(const void* handle) {
    std::shared_ptr<T> object = at(handle);
    objects_.erase(handle);
    return object;
  }

 private:
  std::unordered_map<const void*, std::shared_ptr<T>> objects_;
};

struct Runtime {
  Runtime();
  std::mutex mutex;
  std::condition_variable changed;  // something that was blocked may go on
  std::vector<Device> devices;
  std::vector<StreamPtr> streams;  // all that exist, and those that have been destroyed with work left
  std::vector<std::shared_ptr<Capture>> captures;
  std::map<uintptr_t, Allocation> allocations;
  Handles<Stream> stream_handles;
  Handles<Event> event_handles;
  Handles<Graph> graph_handles;
  Handles<Executable> executable_handles;
  std::mt19937_64 random;
};
Runtime& runtime();  // never destroyed

using Lock = std::unique_lock<std::mutex>;

int current_device();
void set_current_device(int device);
void check_device(int device);         // there is one of that number
void check_context(int device);        // and no error has ended it
cudaError_t note(cudaError_t status);  // for cudaGetLastError
bool in_host_function();

// A call of the API: `body` has the lock, and throws Failure.
template <class Body>
cudaError_t call(Body body);

// ---- scheduling: runtime_stream.cpp ----

StreamPtr make_stream(int device, bool blocking, int priority);
// The stream of a handle, also of the special ones of the current device.
StreamPtr stream_of(cudaStream_t handle);
// Queues work on a stream, or adds it to the graph that it records; the result is null then.
OperationPtr submit(Lock& lock, const StreamPtr& stream, Work work);
OperationPtr enqueue(Lock& lock, const StreamPtr& stream, std::shared_ptr<const Work> work,
                     std::vector<OperationPtr> needs = {});
// What a wait for the stream waits for; null: nothing.
OperationPtr last_of(Lock& lock, const StreamPtr& stream);
void finish(Lock& lock, OperationPtr operation);
void finish_device(Lock& lock, int device);
// Does a bit of what the operation needs, for a host that asks again and again.
void nudge(const OperationPtr& operation);
// Runs what the order of the settings has run now.
void progress();
size_t random_below(size_t count);

// ---- captures: runtime_capture.cpp ----

[[noreturn]] void invalidate_and_fail(Capture& capture, cudaError_t status);
void add_node(Stream& stream, Work work);
// Throws if the legacy stream cannot be used because a blocking stream of the device is recorded.
void check_implicit(const Stream& stream, bool invalidate);
// Throws if a capture forbids the calling thread what may be unsafe.
void check_unsafe();
// Throws if the host cannot wait for the stream.
void check_wait(const Stream& stream);
void wait_for_event(Lock& lock, const StreamPtr& stream, const Event& event);
void leave_capture(Stream& stream);

// ---- memory: runtime_memory.cpp ----

// Addresses that nothing can touch, a page more than asked for, which stays so.
void* reserve_addresses(size_t bytes, size_t alignment);
void release_addresses(void* address, size_t bytes);
void fill_new(void* address, size_t bytes);
void charge(int device, size_t bytes);     // throws cudaErrorMemoryAllocation
int device_of_mapping(uintptr_t address);  // runtime_virtual_memory.cpp; -1: none
// The allocation that has the address; null: none of the runtime's.
const Allocation* find_allocation(const void* address);

// ---- kernels: runtime_launch.cpp ----

int device_attribute(int attribute, int device);  // numbers of cudaDeviceAttr, which are the driver's too

// ---- call ----

template <class Body>
cudaError_t guarded(Body body) {
  if (in_host_function()) return cudaErrorNotPermitted;
  try {
    Lock lock(runtime().mutex);
    progress();
    body(lock);
    return cudaSuccess;
  } catch (const Failure& failure) {
    return failure.status;
  } catch (const std::bad_alloc&) {
    return cudaErrorMemoryAllocation;
  }
}

template <class Body>
cudaError_t call(Body body) {
  return note(guarded([&](Lock& lock) {
    check_context(current_device());
    body(lock);
  }));
}

}  // namespace emulator
