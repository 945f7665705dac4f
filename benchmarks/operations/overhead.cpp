// What one operation costs beside its arithmetic: four floats, where the arithmetic is nothing.
#include <benchmark/benchmark.h>

#include "../framework.h"

namespace {

void add(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::ones({4}), b = fw::ones({4});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(add);

void add_in_place(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  fw::Tensor a = fw::ones({4});
  const fw::Tensor b = fw::ones({4});
  for (auto _ : state) benchmark::DoNotOptimize(a.add_(b));
}
BENCHMARK(add_in_place);

void add_scalar(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::ones({4});
  for (auto _ : state) benchmark::DoNotOptimize(a + 1.0);
}
BENCHMARK(add_scalar);

// With the graph: the node is made, and freed with the result.
void add_recorded(benchmark::State& state) {
  const fw::Tensor a = fw::ones({4}).requires_grad_(), b = fw::ones({4});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(add_recorded);

// A multiplication saves both factors for its gradient.
void mul_recorded(benchmark::State& state) {
  const fw::Tensor a = fw::ones({4}).requires_grad_(), b = fw::ones({4}).requires_grad_();
  for (auto _ : state) benchmark::DoNotOptimize(a * b);
}
BENCHMARK(mul_recorded);

// Nine multiplications and a sum, forward and backward, then the gradient is dropped.
void chain_backward(benchmark::State& state) {
  fw::Tensor a = fw::ones({4}).requires_grad_();
  for (auto _ : state) {
    fw::Tensor y = a;
    for (int i = 0; i < 9; ++i) y = y * 1.01;
    y.sum().backward();
    a.mutable_grad().reset();
  }
}
BENCHMARK(chain_backward);

void view(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::ones({2, 2});
  for (auto _ : state) benchmark::DoNotOptimize(a.view({4}));
}
BENCHMARK(view);

void sum(benchmark::State& state) {
  fw::NoGradGuard no_grad;
  const fw::Tensor a = fw::ones({4});
  for (auto _ : state) benchmark::DoNotOptimize(a.sum());
}
BENCHMARK(sum);

void empty(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(fw::empty({4}));
}
BENCHMARK(empty);

}  // namespace

BENCHMARK_MAIN();
