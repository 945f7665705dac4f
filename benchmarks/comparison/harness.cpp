#include "harness.h"

#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

namespace comparison {

namespace {

int64_t iterations = 0;  // of every row, where that is fixed

void fix_iterations(benchmark::internal::Benchmark* row) {
  row->UseRealTime();
  if (iterations != 0) row->Iterations(iterations);
}

// Two sums of the elements, one of them weighted so that an exchange of elements shows, and the sum of their
// magnitudes, by which the others are to be compared. NaN and infinities are left out and counted apart.
struct Checksum {
  double sum = 0, weighted = 0, magnitude = 0, odd = 0;

  explicit Checksum(const torch::Tensor& result) {
    const torch::Tensor values = result.detach().to(torch::kDouble).contiguous();
    const double* const p = values.data_ptr<double>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      if (!(std::abs(p[i]) < 1e300)) {
        odd += 1;
        continue;
      }
      sum += p[i];
      weighted += p[i] * static_cast<double>(i % 7 - 3);
      magnitude += std::abs(p[i]);
    }
  }

  void report(benchmark::State& state) const {
    state.counters["sum"] = sum;
    state.counters["weighted"] = weighted;
    state.counters["magnitude"] = magnitude;
    state.counters["odd"] = odd;
  }
};

void report(benchmark::State& state, const Work& work) {
  state.counters["flops"] = work.flops;
  state.counters["bytes"] = work.bytes;
  state.counters["allocations"] = work.allocations;
}

}  // namespace

void add_loop(const std::string& name, const Work& work, std::function<torch::Tensor()> result,
              std::function<void(benchmark::State&)> loop) {
  benchmark::RegisterBenchmark(name.c_str(), [work, result, loop](benchmark::State& state) {
    const Checksum checksum(result());
    loop(state);
    checksum.report(state);
    report(state, work);
  })->Apply(fix_iterations);
}

void add(const std::string& name, const Work& work, std::function<torch::Tensor()> f) {
  add_loop(
      name, work, [f] { return f(); },
      [f](benchmark::State& state) {
        for (int i = 0; i < 2; ++i) f();
        for (auto _ : state) benchmark::DoNotOptimize(f());
      });
}

void add_stateful(const std::string& name, const Work& work, std::function<std::function<torch::Tensor()>()> make) {
  benchmark::RegisterBenchmark(name.c_str(), [work, make](benchmark::State& state) {
    const auto step = make();
    for (int i = 0; i < 9; ++i) step();
    const Checksum checksum(step());
    for (auto _ : state) benchmark::DoNotOptimize(step());
    checksum.report(state);
    report(state, work);
  })->Apply(fix_iterations);
}

torch::Tensor normal(torch::IntArrayRef sizes) {
  torch::manual_seed(static_cast<uint64_t>(sizes.size()) + static_cast<uint64_t>(sizes.empty() ? 0 : sizes[0]));
  return torch::randn(sizes);
}

torch::Tensor positive(torch::IntArrayRef sizes) {
  torch::manual_seed(static_cast<uint64_t>(sizes.size()) + static_cast<uint64_t>(sizes.empty() ? 0 : sizes[0]));
  return torch::rand(sizes) + 0.1;
}

torch::Tensor classes(int64_t rows, int64_t n) {
  torch::manual_seed(1);
  return torch::randint(n, {rows}, torch::kLong);
}

// --iterations=N, the first argument: every row runs its loop so often, for counting instructions.
void take_iterations(int& argc, char** argv) {
  constexpr std::string_view kOption = "--iterations=";
  if (argc < 2 || std::string_view(argv[1]).substr(0, kOption.size()) != kOption) return;
  iterations = std::stoll(argv[1] + kOption.size());
  for (int i = 1; i + 1 < argc; ++i) argv[i] = argv[i + 1];
  --argc;
}

}  // namespace comparison

int main(int argc, char** argv) {
  comparison::take_iterations(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  comparison::register_small();
  comparison::register_mlp();
  comparison::register_matmul();
  comparison::register_elementwise();
  comparison::register_layout();
  comparison::register_reduction();
  comparison::register_optimizer();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
