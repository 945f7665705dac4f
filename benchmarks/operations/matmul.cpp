// Matrix products: square ones, and those of an MLP's layers with transposed operands. The counter is FLOP/s.
#include <benchmark/benchmark.h>

#include "../framework.h"

namespace {

void count_flops(benchmark::State& state, int64_t m, int64_t n, int64_t k) {
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * static_cast<double>(m * n * k), benchmark::Counter::kIsIterationInvariantRate,
                         benchmark::Counter::OneK::kIs1000);
}

void square(benchmark::State& state, fw::Dtype dtype) {
  fw::NoGradGuard no_grad;
  const int64_t n = state.range(0);
  const fw::Tensor a = fw::randn({n, n}).to(dtype), b = fw::randn({n, n}).to(dtype);
  for (auto _ : state) benchmark::DoNotOptimize(a.mm(b));
  count_flops(state, n, n, n);
}
BENCHMARK_CAPTURE(square, float32, fw::kFloat32)->RangeMultiplier(4)->Range(16, 1024)->UseRealTime();
BENCHMARK_CAPTURE(square, float64, fw::kFloat64)->Arg(256)->Arg(1024)->UseRealTime();
BENCHMARK_CAPTURE(square, bfloat16, fw::kBFloat16)->Arg(256)->Arg(1024)->UseRealTime();

// x·Wᵀ with x [batch, in] and W [out, in]: Linear's forward.
void linear(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const int64_t batch = state.range(0), in = state.range(1), out = state.range(2);
  const fw::Tensor x = fw::randn({batch, in}), w = fw::randn({out, in});
  for (auto _ : state) benchmark::DoNotOptimize(x.mm(w.t()));
  count_flops(state, batch, out, in);
}
BENCHMARK(linear)->Args({64, 64, 512})->Args({64, 512, 512})->Args({64, 512, 10})->Args({64, 784, 512})->UseRealTime();

// gᵀ·x: the gradient of Linear's weight.
void linear_weight_gradient(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const int64_t batch = state.range(0), in = state.range(1), out = state.range(2);
  const fw::Tensor x = fw::randn({batch, in}), g = fw::randn({batch, out});
  for (auto _ : state) benchmark::DoNotOptimize(g.t().mm(x));
  count_flops(state, batch, out, in);
}
BENCHMARK(linear_weight_gradient)->Args({64, 64, 512})->Args({64, 512, 512})->Args({64, 512, 10})->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
