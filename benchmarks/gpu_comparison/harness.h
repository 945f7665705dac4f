// What the rows of the GPU comparison share. Ember's side of it: torch_rows.py has the same rows on PyTorch. A row says
// what work it cannot do without, from which its floor is made, and how its result is made from fixed numbers, so that
// the two sides can be held to each other.
#pragma once

#include <ember/ember.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "product.h"

namespace gpu {

using ember::Tensor;

struct Settings {
  ember::Device device = ember::kCUDA;
  bool tiny = false;        // sizes that a CPU has done at once, to try the program
  double sample_ms = 20.0;  // how long a sample runs
};

// What a call has to do at least: products, so often each, and bytes of everything else (each input read and each
// output written once).
struct Work {
  std::vector<std::pair<Product, int>> products;
  double bytes = 0;
};

enum class Measure {
  Device,  // from an event before the calls to one after them
  Host,    // until a call returns, which is of kChain operations; the device is idle when it starts
};
constexpr int kChain = 256;

using Call = std::function<Tensor()>;  // gives what is to be checked

struct Row {
  std::string name;
  Work work;
  Measure measure;
  std::function<Call()> make;  // the state from scratch
};

std::vector<Row> rows_of_mlps(const Settings& settings);
std::vector<Row> rows_of_memory(const Settings& settings);
std::vector<Row> rows_of_host(const Settings& settings);

// A row that is ready to be sampled.
class Opened {
 public:
  // Makes the state and calls it until it is warm.
  Opened(const Row& row, const Settings& settings);
  // Nanoseconds of one call (for Measure::Host, of one operation).
  double sample();
  // Of the tenth call's result: the sum, a weighted sum, the sum of magnitudes, and how many are not finite.
  const std::array<double, 4>& checksum() const { return checksum_; }

 private:
  double run(int64_t calls);
  double host_sample();

  Settings settings_;
  Measure measure_;
  Call call_;
  int64_t calls_ = 1;
  std::array<double, 4> checksum_{};
};

// Numbers that depend on the seed and the sizes only, made on the CPU: standard normal (at most 2^20 of them are drawn,
// and then repeated along the rows), and classes from 0 to n - 1.
Tensor normal(const Settings& settings, uint64_t seed, int64_t rows, int64_t columns,
              ember::ScalarType dtype = ember::kFloat32);
Tensor classes(const Settings& settings, uint64_t seed, int64_t rows, int64_t n);

}  // namespace gpu
