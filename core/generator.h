// Random number generators: MT19937 on the CPU, Philox counters on CUDA.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <ember/core/device.h>

namespace ember {

// The Mersenne Twister MT19937 of Matsumoto and Nishimura (1998), seeded as std::mt19937 is.
class Mt19937 {
 public:
  explicit Mt19937(uint64_t seed = 5489);
  uint32_t next() {
    if (left_ == 0) refill();
    --left_;
    uint32_t y = state_[kSize - 1 - left_];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  // Two draws, the first in the high half.
  uint64_t next64() {
    const uint64_t high = next();
    return (high << 32) | next();
  }

 private:
  static constexpr int kSize = 624;
  void refill();
  uint32_t state_[kSize];
  int left_ = 0;
};

// The state behind a Generator. `mutex` is held by a kernel while it draws.
struct GeneratorState {
  std::mutex mutex;
  Device device;
  uint64_t seed = 0;
  Mt19937 engine;                     // CPU
  std::optional<double> next_normal;  // CPU: the second value of the last Box-Muller pair (double draws)
  uint64_t philox_offset = 0;         // CUDA: 32-bit draws consumed per thread so far, a multiple of 4
};

// A handle to a generator; copies share the state. Thread-safe.
class Generator {
 public:
  Generator() = default;
  explicit Generator(Device device, uint64_t seed = 67280421310721u);

  bool defined() const { return state_ != nullptr; }
  Device device() const { return state_->device; }
  void set_current_seed(uint64_t seed);
  uint64_t current_seed() const;
  // Seeds from the operating system and returns the seed.
  uint64_t seed();
  // An independent copy with the same state.
  Generator clone() const;
  GeneratorState& state() const { return *state_; }

 private:
  std::shared_ptr<GeneratorState> state_;
};

// A new CPU generator.
Generator make_generator(std::optional<uint64_t> seed = std::nullopt);
// The generator that functions use when none is given, one per device.
Generator& default_generator(Device device = kCPU);
// Seeds the default generators of every device; the same seed gives PyTorch's numbers on the CPU.
void manual_seed(uint64_t seed);

}  // namespace ember
