// Operations on four floats, where the arithmetic is nothing.
#include "harness.h"

#include <memory>

namespace comparison {

using torch::NoGradGuard;
using torch::Tensor;

namespace {

Tensor four() { return torch::arange(1, 5, torch::kFloat); }
Tensor four_recorded() { return four().requires_grad_(); }

// f(), without recording, in the benchmark's own loop.
template <class F>
void add_unrecorded(const std::string& name, double allocations, F f) {
  add_loop(
      name, {0, 0, allocations},
      [f] {
        const NoGradGuard no_grad;
        return torch::zeros({1}) + f();
      },
      [f](benchmark::State& state) {
        const NoGradGuard no_grad;
        for (auto _ : state) benchmark::DoNotOptimize(f());
      });
}

template <class F>
void add_recorded(const std::string& name, double allocations, F f) {
  add_loop(
      name, {0, 0, allocations}, [f] { return f(); },
      [f](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(f());
      });
}

}  // namespace

void register_small() {
  add_unrecorded("small/add", 2, [a = four(), b = four()] { return a + b; });
  add_recorded("small/add_recorded", 3, [a = four_recorded(), b = four_recorded()] { return a + b; });
  add_unrecorded("small/add_in_place", 0, [a = four(), b = torch::zeros({4})] { return a.add_(b); });
  const auto out = std::make_shared<Tensor>(four());
  add_unrecorded("small/add_out", 0, [out, a = four(), b = four()] { return torch::add_out(*out, a, b).numel(); });
  add_unrecorded("small/mul_number", 2, [a = four()] { return a * 2.0; });
  add_recorded("small/mul_recorded", 3, [a = four_recorded(), b = four_recorded()] { return a * b; });
  add_recorded("small/ten_multiplications_forward_backward", 44, [a = four_recorded(), b = torch::full({4}, 1.01)] {
    Tensor y = a;
    for (int i = 0; i < 10; ++i) y = y * b;
    y.sum().backward();
    Tensor grad = a.grad();
    a.mutable_grad().reset();
    return grad;
  });
  add_unrecorded("small/view", 1, [a = torch::arange(4, torch::kFloat).view({2, 2})] { return a.view({4}); });
  add_unrecorded("small/slice", 1, [a = four()] { return a.slice(0, 1, 3); });
  add_unrecorded("small/select", 1, [a = torch::arange(4, torch::kFloat).view({2, 2})] { return a[1]; });
  add_unrecorded("small/item", 0, [a = torch::full({}, 2.5)] { return a.item<float>(); });
  add_unrecorded("small/sum", 2, [a = four()] { return a.sum(); });
  add_unrecorded("small/empty", 2, [] { return torch::empty({4}).numel(); });
}

}  // namespace comparison
