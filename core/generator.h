// Random number generators: MT19937 on the CPU, Philox counters on CUDA.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include <ember/core/device.h>

namespace ember {

class Tensor;

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

  static constexpr int kSize = 624;
  // The words of the state, and how many of them are still to be drawn.
  const uint32_t* words() const { return state_; }
  int left() const { return left_; }
  void restore(const uint32_t (&words)[kSize], int left);

 private:
  void refill();
  uint32_t state_[kSize];
  int left_ = 0;
};

// The state behind a Generator. A kernel draws under a GeneratorLock.
struct GeneratorState {
  std::mutex mutex;    // held while somebody draws; Generator::mutex()
  std::mutex members;  // held while what is below is read or written; taken after `mutex`, by who takes both
  Device device;
  uint64_t seed = 0;
  Mt19937 engine;                     // CPU
  std::optional<double> next_normal;  // CPU: the second value of the last Box-Muller pair (double draws)
  uint64_t philox_offset = 0;         // CUDA: 32-bit draws consumed per thread so far, a multiple of 4
};

class GeneratorLock {
 public:
  explicit GeneratorLock(GeneratorState& state) : drawing_(state.mutex), members_(state.members) {}

 private:
  std::lock_guard<std::mutex> drawing_;
  std::lock_guard<std::mutex> members_;
};

inline constexpr uint64_t default_rng_seed_val = 67280421310721u;

// A handle to a generator; copies share the state. Thread-safe.
class Generator {
 public:
  Generator() = default;
  explicit Generator(Device device, uint64_t seed = default_rng_seed_val);

  bool defined() const { return state_ != nullptr; }
  Device device() const { return state_->device; }
  // Keeps operations that draw from the generator out while it is held (in the same thread they would wait for
  // ever); the functions below may be called meanwhile.
  std::mutex& mutex() const { return state_->mutex; }
  void set_current_seed(uint64_t seed);
  uint64_t current_seed() const;
  // Seeds from the operating system and returns the seed.
  uint64_t seed();
  // An independent copy with the same state.
  Generator clone() const;
  // All that it is, as bytes (uint8, on the CPU): of a CPU generator in PyTorch's layout, so that states can be
  // exchanged with it; of a CUDA one its seed and offset. set_state throws, and changes nothing, on other bytes.
  Tensor get_state() const;
  void set_state(const Tensor& new_state);
  // The Philox offset of a CUDA generator, a multiple of 4. Throw for the CPU.
  void set_offset(uint64_t offset);
  uint64_t get_offset() const;
  friend bool operator==(const Generator& a, const Generator& b) { return a.state_ == b.state_; }
  GeneratorState& state() const { return *state_; }

 private:
  std::shared_ptr<GeneratorState> state_;
};

// A new CPU generator.
Generator make_generator(std::optional<uint64_t> seed = std::nullopt);
// The same by the name of LibTorch's class: make_generator<CPUGeneratorImpl>(seed).
struct CPUGeneratorImpl {
  static Generator make(uint64_t seed = default_rng_seed_val) { return Generator(kCPU, seed); }
};
template <class Impl, class... Args>
Generator make_generator(Args&&... args) {
  return Impl::make(static_cast<Args&&>(args)...);
}
// The generator that functions use when none is given, one per device.
Generator& default_generator(Device device = kCPU);
// Seeds the default generators of every device; the same seed gives PyTorch's numbers on the CPU.
void manual_seed(uint64_t seed);

// LibTorch's names of the above.
namespace detail {
inline const Generator& getDefaultCPUGenerator() { return default_generator(kCPU); }
inline Generator createCPUGenerator(uint64_t seed = default_rng_seed_val) { return Generator(kCPU, seed); }
}  // namespace detail

}  // namespace ember
