// What the comparison's benchmarks share. They are written for LibTorch and built twice: against LibTorch, and against
// Ember by ember::torch. Every row says what its result adds up to, so that the two sides can be held to each other,
// and what work it cannot do without, so that there is a floor to compare with.
#pragma once

#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace comparison {

// What a call has to do at least. bytes: each input read and each output written once.
struct Work {
  double flops = 0;        // of matrix products
  double bytes = 0;        // of everything else
  double allocations = 0;  // of results
};

// Registers the benchmark `name` of f(), which gives what is to be checked. It is called three times before the clock
// runs: the first result is the one that is checked.
void add(const std::string& name, const Work& work, std::function<torch::Tensor()> f);

// The same for work whose state changes with every call: make() builds the state from scratch and gives f. Checked is
// the result of the tenth call.
void add_stateful(const std::string& name, const Work& work, std::function<std::function<torch::Tensor()>()> make);

// The same where even the call by std::function would show: `loop` runs the benchmark's loop itself.
void add_loop(const std::string& name, const Work& work, std::function<torch::Tensor()> result,
              std::function<void(benchmark::State&)> loop);

// Standard normal numbers that depend on the sizes only.
torch::Tensor normal(torch::IntArrayRef sizes);
// Uniform ones, from 0.1 to 1.1.
torch::Tensor positive(torch::IntArrayRef sizes);
// Classes from 0 to n - 1.
torch::Tensor classes(int64_t rows, int64_t n);

// Bytes of so many float32 elements.
inline double floats(int64_t n) { return 4.0 * static_cast<double>(n); }

void register_small();
void register_mlp();
void register_matmul();
void register_elementwise();
void register_layout();
void register_reduction();
void register_optimizer();

}  // namespace comparison
