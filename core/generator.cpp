#include <ember/core/backend.h>
#include <ember/core/error.h>
#include <ember/core/generator.h>

#include <array>
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

Generator::Generator(Device device, uint64_t seed) : state_(std::make_shared<GeneratorState>()) {
  state_->device = device;
  set_current_seed(seed);
}

void Generator::set_current_seed(uint64_t seed) {
  EMBER_CHECK(defined(), "set_current_seed: the generator is undefined");
  const std::lock_guard lock(state_->mutex);
  state_->seed = seed;
  state_->engine = Mt19937(seed);
  state_->next_normal.reset();
  state_->philox_offset = 0;
}

uint64_t Generator::current_seed() const {
  EMBER_CHECK(defined(), "current_seed: the generator is undefined");
  const std::lock_guard lock(state_->mutex);
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
  const std::lock_guard lock(state_->mutex);
  Generator copy(state_->device, state_->seed);
  copy.state_->engine = state_->engine;
  copy.state_->next_normal = state_->next_normal;
  copy.state_->philox_offset = state_->philox_offset;
  return copy;
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
