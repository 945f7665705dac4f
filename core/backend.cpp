#include <ember/core/allocation_failure.h>
#include <ember/core/backend.h>
#include <ember/core/backend_registry.h>
#include <ember/core/error.h>

#include <sstream>
#include <utility>

namespace ember {

namespace {

// Backends live as long as the program: they are used by destructors of any order.
void register_backends() {
  static const bool done = [] {
    detail::backends[static_cast<size_t>(kCPU)].store(cpu::register_backend(), std::memory_order_release);
#if defined(EMBER_WITH_CUDA)
    detail::backends[static_cast<size_t>(kCUDA)].store(cuda::register_backend(), std::memory_order_release);
#endif
    return true;
  }();
  (void)done;
}

}  // namespace

void Backend::set_memory_limit(Device device, size_t) {
  EMBER_CHECK_NOT_IMPLEMENTED(false, "the memory of ", device, " cannot be limited");
}
MemorySnapshot Backend::memory_snapshot(Device device) {
  EMBER_CHECK_NOT_IMPLEMENTED(false, "there is no snapshot of the memory of ", device);
}
IntrusivePtr<StorageImpl> Backend::allocate_pinned(size_t) {
  EMBER_CHECK_NOT_IMPLEMENTED(false, "this device has no pinned memory");
}
bool Backend::is_pinned(const void*) { return false; }
MemoryStats Backend::pinned_memory_stats() { return {}; }

namespace detail {

constinit std::atomic<Backend*> backends[kNumDeviceTypes] = {};

void replace_backend(DeviceType type, Backend* backend) noexcept {
  (void)backend_or_null(type);
  backends[static_cast<size_t>(type)].store(backend, std::memory_order_release);
}

Backend& registered_backend(DeviceType type) {
  Backend* const b = backend_or_null(type);
  EMBER_CHECK(b != nullptr, "cannot use ", type, ": ", cuda::why_unavailable());
  return *b;
}

}  // namespace detail

Backend* backend_or_null(DeviceType type) noexcept {
  register_backends();
  return detail::backends[static_cast<size_t>(type)].load(std::memory_order_acquire);
}

std::unique_ptr<detail::GraphBackend> Backend::new_graph() { throw Error("there are no graphs on this device"); }
std::pair<uint64_t, uint64_t> Backend::new_graph_pool() { throw Error("there are no graphs on this device"); }
void Backend::delay(Stream, int64_t) { throw Error("there are no streams on this device"); }

namespace detail {

constinit std::atomic<int> cuda_devices = 0;

Device resolved_device(Device device) {
  if (device.is_cpu()) {
    EMBER_CHECK(device.index() <= 0, "there is no device ", device);
    return Device(kCPU);
  }
  Backend& b = backend(device.type());
  const int count = b.device_count();
  EMBER_CHECK(count > 0, "cannot use ", device, ": ", b.why_unavailable());
  cuda_devices.store(count, std::memory_order_relaxed);
  if (!device.has_index()) return Device(device.type(), b.current_device());
  EMBER_CHECK(device.index() < count, "there is no device ", device, ": ", count, " found");
  return device;
}

constinit std::atomic<int64_t> allocations_until_failure = 0;

void count_down_to_failure(size_t nbytes, Device device) {
  if (--allocations_until_failure != 0) return;
  throw OutOfMemoryError(concat("out of memory on ", device, ": ", nbytes, " bytes were asked for (a test's failure)"));
}

}  // namespace detail

Storage allocate_storage(size_t nbytes, Device device) {
  if (nbytes == 0) {
    return Storage(IntrusivePtr<StorageImpl>(new StorageImpl(nullptr, 0, device, nullptr, nullptr)));
  }
  detail::fail_allocation_if_due(nbytes, device);
  return Storage(backend(device.type()).allocate(nbytes, device));
}

Storage allocate_pinned_storage(size_t nbytes, Device device) {
  EMBER_CHECK(device.is_cpu(), "only memory of the CPU can be pinned, not that of ", device);
  Backend& cuda = backend(kCUDA);
  EMBER_CHECK(cuda.device_count() > 0, "memory cannot be pinned: ", cuda.why_unavailable());
  return nbytes == 0 ? allocate_storage(0, device) : Storage(cuda.allocate_pinned(nbytes));
}

// ---- streams and events ----

void Stream::synchronize() const {
  if (!device.is_cpu()) backend(device.type()).synchronize_stream(*this);
}

Stream current_stream(Device device) {
  if (device.is_cpu()) return {Device(kCPU), 0};
  device = resolve_device(device);
  return backend(device.type()).current_stream(device.index());
}

void set_current_stream(Stream stream) {
  if (!stream.device.is_cpu()) backend(stream.device.type()).set_current_stream(stream);
}

Stream stream_from_pool(Device device, bool high_priority) {
  if (device.is_cpu()) return {Device(kCPU), 0};
  device = resolve_device(device);
  return backend(device.type()).stream_from_pool(device.index(), high_priority);
}

StreamGuard::StreamGuard(Stream stream) : previous_(ember::current_stream(stream.device)) {
  if (stream.device.is_cpu()) return;
  Backend& b = backend(stream.device.type());
  previous_device_ = b.current_device();
  // Without an index it is the current one.
  if (previous_device_ != previous_.device.index()) b.set_device(previous_.device.index());
  b.set_current_stream(stream);
}

StreamGuard::~StreamGuard() {
  if (previous_.device.is_cpu()) return;
  Backend& b = backend(previous_.device.type());
  b.set_current_stream(previous_);
  if (b.current_device() != previous_device_) b.set_device(previous_device_);
}

DeviceGuard::DeviceGuard(Device device) : previous_(kCPU) {
  if (device.is_cpu()) return;
  device = resolve_device(device);
  Backend& b = backend(device.type());
  previous_ = Device(device.type(), b.current_device());
  if (previous_ != device) b.set_device(device.index());
}

DeviceGuard::~DeviceGuard() {
  if (previous_.is_cpu()) return;
  Backend& b = backend(previous_.type());
  if (b.current_device() != previous_.index()) b.set_device(previous_.index());
}

Event::Event(Device device, bool timing) : device_(resolve_device(device)) {
  handle_ = backend(device_.type()).event_create(device_.index(), timing);
}

Event::~Event() {
  if (handle_ != nullptr) backend(device_.type()).event_destroy(handle_);
}

Event::Event(Event&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

void Event::record(Stream stream) {
  EMBER_CHECK(stream.device == device_, "an event of ", device_, " cannot be recorded on a stream of ", stream.device);
  backend(device_.type()).event_record(handle_, stream);
}

void Event::record() { record(ember::current_stream(device_)); }

void Event::wait(Stream stream) const { backend(device_.type()).event_wait(handle_, stream); }

void Event::synchronize() const { backend(device_.type()).event_synchronize(handle_); }

bool Event::query() const { return backend(device_.type()).event_query(handle_); }

float Event::elapsed_time(const Event& end) const {
  EMBER_CHECK(end.device_ == device_, "elapsed_time: the events are of ", device_, " and ", end.device_);
  return backend(device_.type()).event_elapsed_ms(handle_, end.handle_);
}

// ---- the public functions of CUDA ----

namespace cuda {

namespace {
Device checked(int64_t device) {
  EMBER_CHECK(device >= -1 && device < 128, "there is no CUDA device ", device);
  return resolve_device(Device(kCUDA, static_cast<DeviceIndex>(device)));
}
}  // namespace

bool is_available() { return device_count() > 0; }

int64_t device_count() {
  Backend* b = backend_or_null(kCUDA);
  return b == nullptr ? 0 : b->device_count();
}

std::string why_unavailable() {
  Backend* b = backend_or_null(kCUDA);
  return b == nullptr ? "this library was not built with CUDA" : b->why_unavailable();
}

void synchronize(int64_t device) { backend(kCUDA).synchronize(checked(device).index()); }

MemoryStats memory_stats(int64_t device) { return backend(kCUDA).memory_stats(checked(device)); }

void reset_peak_memory_stats(int64_t device) { backend(kCUDA).reset_peak_memory_stats(checked(device)); }

void empty_cache() {
  if (Backend* b = backend_or_null(kCUDA)) b->empty_cache();
}

void set_memory_limit(size_t bytes, int64_t device) { backend(kCUDA).set_memory_limit(checked(device), bytes); }

MemorySnapshot take_memory_snapshot(int64_t device) { return backend(kCUDA).memory_snapshot(checked(device)); }

std::string memory_snapshot(int64_t device) {
  std::ostringstream out;
  out << take_memory_snapshot(device);
  return std::move(out).str();
}

MemoryStats pinned_memory_stats() { return backend(kCUDA).pinned_memory_stats(); }

}  // namespace cuda

}  // namespace ember
