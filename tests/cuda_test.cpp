// The driver's own functions, found at run time: the tests link no CUDA, and run where there is none.
#include "cuda_test.h"

#include <dlfcn.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace ember::test {

namespace {

template <class F>
F* driver_function(const char* name) {
  static void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  void* const function = library != nullptr ? dlsym(library, name) : nullptr;
  EMBER_CHECK(function != nullptr, "the driver has no ", name);
  return reinterpret_cast<F*>(function);
}

void check(int status, const char* command) { EMBER_CHECK(status == 0, command, " failed: ", status); }

// The driver's functions are about the thread's context, which the runtime makes when it is first needed.
void make_context() { backend(kCUDA).set_device(backend(kCUDA).current_device()); }

}  // namespace

bool is_simulated() { return false; }

// ---- gates ----

struct Gate::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool passed = false;

  static void wait(void* handle) {
    const std::unique_ptr<std::shared_ptr<State>> owner(static_cast<std::shared_ptr<State>*>(handle));
    State& state = **owner;
    std::unique_lock lock(state.mutex);
    state.changed.wait_for(lock, std::chrono::seconds(3), [&] { return state.open; });
    state.passed = true;
    state.changed.notify_all();
  }
};

Gate::Gate(Stream stream) : state_(std::make_shared<State>()) {
  static auto* const launch = driver_function<int(CUstream_st*, void (*)(void*), void*)>("cuLaunchHostFunc");
  const DeviceGuard guard(stream.device);
  make_context();
  auto owner = std::make_unique<std::shared_ptr<State>>(state_);
  check(launch(reinterpret_cast<CUstream_st*>(stream.handle), &State::wait, owner.get()), "cuLaunchHostFunc");
  (void)owner.release();  // the function's
}

Gate::~Gate() { open(); }

void Gate::open() {
  const std::lock_guard lock(state_->mutex);
  state_->open = true;
  state_->changed.notify_all();
}

bool Gate::held() const {
  const std::lock_guard lock(state_->mutex);
  return !state_->open && !state_->passed;
}

// ---- streams of others ----

ForeignStream::ForeignStream(bool blocking) {
  make_context();
  static auto* const create = driver_function<int(CUstream_st**, unsigned)>("cuStreamCreate");
  check(create(&stream_, blocking ? 0 : 1), "cuStreamCreate");
}

ForeignStream::~ForeignStream() {
  static auto* const synchronize = driver_function<int(CUstream_st*)>("cuStreamSynchronize");
  static auto* const destroy = driver_function<int(CUstream_st*)>("cuStreamDestroy_v2");
  EXPECT_EQ(synchronize(stream_), 0);
  EXPECT_EQ(destroy(stream_), 0);
}

}  // namespace ember::test
