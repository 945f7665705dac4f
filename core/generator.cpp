#include <ember/core/backend.h>
#include <ember/core/error.h>
#include <ember/core/generator.h>
#include <ember/core/tensor.h>

#include <array>
#include <cstring>
#include <random>

namespace ember {

Mt19937::Mt19937(uint64_t seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (int i = 1; i < kSize; ++i) {
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + static_cast<uint32_t>(i);
  }
}

void Mt19937::refill() {
  constexpr int kMiddle = 397;
  const auto twist = [](uint32_t u, uint32_t v) {
    const uint32_t y = (u & 0x80000000u) | (v & 0x7fffffffu);
    return (y >> 1) ^ ((v & 1u) != 0 ? 0x9908b0dfu : 0u);
  };
  int i = 0;
  for (; i < kSize - kMiddle; ++i) state_[i] = state_[i + kMiddle] ^ twist(state_[i], state_[i + 1]);
  for (; i < kSize - 1; ++i) state_[i] = state_[i + kMiddle - kSize] ^ twist(state_[i], state_[i + 1]);
  state_[kSize - 1] = state_[kMiddle - 1] ^ twist(state_[kSize - 1], state_[0]);
  left_ = kSize;
}

void Mt19937::restore(const uint32_t (&words)[kSize], int left) {
  std::memcpy(state_, words, sizeof(state_));
  left_ = left;
}

Generator::Generator(Device device, uint64_t seed) : state_(std::make_shared<GeneratorState>()) {
  state_->device = device;
  set_current_seed(seed);
}

void Generator::set_current_seed(uint64_t seed) {
  EMBER_CHECK(defined(), "set_current_seed: the generator is undefined");
  const std::lock_guard lock(state_->members);
  state_->seed = seed;
  state_->engine = Mt19937(seed);
  state_->next_normal.reset();
  state_->philox_offset = 0;
}

uint64_t Generator::current_seed() const {
  EMBER_CHECK(defined(), "current_seed: the generator is undefined");
  const std::lock_guard lock(state_->members);
  return state_->seed;
}

uint64_t Generator::seed() {
  std::random_device source;
  const uint64_t seed = (static_cast<uint64_t>(source()) << 32) | source();
  set_current_seed(seed);
  return seed;
}

Generator Generator::clone() const {
  EMBER_CHECK(defined(), "clone: the generator is undefined");
  const std::lock_guard lock(state_->members);
  Generator copy(state_->device, state_->seed);
  copy.state_->engine = state_->engine;
  copy.state_->next_normal = state_->next_normal;
  copy.state_->philox_offset = state_->philox_offset;
  return copy;
}

namespace {

// PyTorch's bytes of a CPU generator's state.
struct CpuStateBytes {
  uint64_t seed;
  int32_t left;    // one more than the words still to be drawn
  int32_t seeded;  // 1
  uint64_t next;   // the word that is drawn next
  uint64_t words[Mt19937::kSize];
  double unused_x;
  double next_normal;
  double unused_rho;
  int32_t has_next_normal;
  float next_float_normal;
  bool has_next_float_normal;
};
static_assert(sizeof(CpuStateBytes) == 5056);

struct CudaStateBytes {
  uint64_t seed;
  uint64_t offset;
};

template <class Bytes>
Tensor as_tensor(const Bytes& bytes) {
  Tensor t = detail::empty({static_cast<int64_t>(sizeof(bytes))}, kUInt8, kCPU);
  std::memcpy(t.data_ptr(), &bytes, sizeof(bytes));
  return t;
}

template <class Bytes>
Bytes as_bytes(const Tensor& t) {
  EMBER_CHECK(t.defined() && t.is_cpu() && t.dtype() == kUInt8 && t.is_contiguous() &&
                  t.numel() == static_cast<int64_t>(sizeof(Bytes)),
              "set_state: expected ", sizeof(Bytes), " bytes of a contiguous uint8 tensor on the CPU, got ",
              describe(t));
  Bytes bytes;
  std::memcpy(&bytes, t.data_ptr(), sizeof(bytes));
  return bytes;
}

}  // namespace

Tensor Generator::get_state() const {
  EMBER_CHECK(defined(), "get_state: the generator is undefined");
  const std::lock_guard lock(state_->members);
  if (!state_->device.is_cpu()) return as_tensor(CudaStateBytes{state_->seed, state_->philox_offset});
  CpuStateBytes bytes;
  std::memset(&bytes, 0, sizeof(bytes));
  const int left = state_->engine.left();
  bytes.seed = state_->seed;
  bytes.left = left + 1;
  bytes.seeded = 1;
  bytes.next = left == 0 ? 0 : static_cast<uint64_t>(Mt19937::kSize - left);
  for (int i = 0; i < Mt19937::kSize; ++i) bytes.words[i] = state_->engine.words()[i];
  bytes.has_next_normal = state_->next_normal ? 1 : 0;
  bytes.next_normal = state_->next_normal.value_or(0);
  return as_tensor(bytes);
}

void Generator::set_state(const Tensor& new_state) {
  EMBER_CHECK(defined(), "set_state: the generator is undefined");
  if (!state_->device.is_cpu()) {
    const auto bytes = as_bytes<CudaStateBytes>(new_state);
    EMBER_CHECK(bytes.offset % 4 == 0, "set_state: the offset must be a multiple of 4, got ", bytes.offset);
    const std::lock_guard lock(state_->members);
    state_->seed = bytes.seed;
    state_->philox_offset = bytes.offset;
    return;
  }
  const auto bytes = as_bytes<CpuStateBytes>(new_state);
  EMBER_CHECK(bytes.seeded == 1 && bytes.left >= 1 && bytes.left <= Mt19937::kSize + 1,
              "set_state: these bytes are not the state of a generator");
  uint32_t words[Mt19937::kSize];
  for (int i = 0; i < Mt19937::kSize; ++i) words[i] = static_cast<uint32_t>(bytes.words[i]);
  const std::lock_guard lock(state_->members);
  state_->seed = bytes.seed;
  state_->engine.restore(words, bytes.left - 1);
  state_->next_normal.reset();
  if (bytes.has_next_normal != 0) state_->next_normal = bytes.next_normal;
}

void Generator::set_offset(uint64_t offset) {
  EMBER_CHECK(defined() && !state_->device.is_cpu(), "set_offset: only a CUDA generator has an offset");
  EMBER_CHECK(offset % 4 == 0, "set_offset: the offset must be a multiple of 4, got ", offset);
  const std::lock_guard lock(state_->members);
  state_->philox_offset = offset;
}
uint64_t Generator::get_offset() const {
  EMBER_CHECK(defined() && !state_->device.is_cpu(), "get_offset: only a CUDA generator has an offset");
  const std::lock_guard lock(state_->members);
  return state_->philox_offset;
}

Generator make_generator(std::optional<uint64_t> seed) {
  Generator g(kCPU);
  if (seed) g.set_current_seed(*seed);
  return g;
}

namespace {

// One per device that there can be; made at first use and never destroyed.
struct DefaultGenerators {
  std::mutex mutex;
  uint64_t seed = 67280421310721u;
  std::array<Generator, 1 + 128> generators;  // the CPU's, then CUDA's by index

  Generator& get(size_t slot, Device device) {
    const std::lock_guard lock(mutex);
    if (!generators[slot].defined()) generators[slot] = Generator(device, seed);
    return generators[slot];
  }
};

DefaultGenerators& default_generators() {
  static auto* const instance = new DefaultGenerators;
  return *instance;
}

}  // namespace

Generator& default_generator(Device device) {
  if (device.is_cpu()) {
    static Generator& cpu = default_generators().get(0, Device(kCPU));
    return cpu;
  }
  device = resolve_device(device);
  return default_generators().get(1 + static_cast<size_t>(device.index()), device);
}

void manual_seed(uint64_t seed) {
  DefaultGenerators& d = default_generators();
  const std::lock_guard lock(d.mutex);
  d.seed = seed;  // for those not made yet
  for (Generator& g : d.generators)
    if (g.defined()) g.set_current_seed(seed);
}

}  // namespace ember
