// Elementwise operations and reductions over sizes from the caches to main memory. The counter is the bytes
// read and written, without what a cache line brings along.
#include <benchmark/benchmark.h>

#include "../framework.h"

namespace {

void count_bytes(benchmark::State& state, int64_t tensors) {
  state.SetBytesProcessed(state.iterations() * tensors * state.range(0) * static_cast<int64_t>(sizeof(float)));
}

void add(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::randn({state.range(0)}), b = fw::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
  count_bytes(state, 3);
}

void add_in_place(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  fw::Tensor a = fw::randn({state.range(0)});
  const fw::Tensor b = fw::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(a.add_(b));
  count_bytes(state, 3);
}

template <fw::Tensor (*f)(const fw::Tensor&)>
void unary(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::rand({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(f(a));
  count_bytes(state, 2);
}

// A row added to every row, as a bias is.
void add_row(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::randn({state.range(0) / 256, 256}), row = fw::randn({256});
  for (auto _ : state) benchmark::DoNotOptimize(a + row);
  count_bytes(state, 2);
}

void add_transposed(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::randn({256, state.range(0) / 256}), b = fw::randn({state.range(0) / 256, 256});
  for (auto _ : state) benchmark::DoNotOptimize(a + b.t());
  count_bytes(state, 3);
}

void sum(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(a.sum());
  count_bytes(state, 1);
}

void softmax(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::randn({state.range(0) / 256, 256});
  for (auto _ : state) benchmark::DoNotOptimize(a.softmax(1));
  count_bytes(state, 2);
}

fw::Tensor relu(const fw::Tensor& x) { return x.relu(); }
fw::Tensor exp(const fw::Tensor& x) { return x.exp(); }
fw::Tensor tanh(const fw::Tensor& x) { return x.tanh(); }

// 4 KiB, 256 KiB, 4 MiB and 40 MiB of floats.
void sizes(benchmark::internal::Benchmark* b) {
  for (const int64_t n : {1 << 10, 1 << 16, 1 << 20, 10 << 20}) b->Arg(n);
  b->UseRealTime();
}
BENCHMARK(add)->Apply(sizes);
BENCHMARK(add_in_place)->Apply(sizes);
BENCHMARK(unary<relu>)->Name("relu")->Apply(sizes);
BENCHMARK(unary<exp>)->Name("exp")->Apply(sizes);
BENCHMARK(unary<tanh>)->Name("tanh")->Apply(sizes);
BENCHMARK(add_row)->Apply(sizes);
BENCHMARK(add_transposed)->Apply(sizes);
BENCHMARK(sum)->Apply(sizes);
BENCHMARK(softmax)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
