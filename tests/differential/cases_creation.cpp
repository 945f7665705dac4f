// Tensors from nothing, and random ones from a seed.
#include "driver.h"

namespace differential {

void add_creation_cases() {
  add_case("ranges", [](Draw& d) -> Tensors {
    const Scalar a = d.scalar(-5, 5), b = d.scalar(-5, 9);
    Scalar step = d.scalar(-2, 2);
    switch (d.note("form", d.integer(0, 5))) {
      case 0: return {torch::arange(b)};
      case 1: return {torch::arange(a, b)};
      case 2: return {torch::arange(a, b, step)};
      case 3: return {torch::arange(a, b, step, d.note("dtype", d.dtype(Types::All)))};
      case 4:
        return {torch::linspace(a, b, d.note("steps", d.integer(0, 7)), d.note("dtype", d.dtype(Types::Numeric)))};
      default: return {torch::logspace(d.scalar(-2, 2), d.scalar(-2, 2), d.note("steps", d.integer(0, 5)), 2.0)};
    }
  });
  add_case("filled", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    d.note("sizes", torch::IntArrayRef(sizes));
    const auto t = d.note("dtype", d.dtype(Types::All));
    switch (d.note("form", d.integer(0, 5))) {
      case 0: return {torch::zeros(sizes, t), torch::ones(sizes)};
      case 1: return {torch::full(sizes, d.scalar())};
      case 2: return {torch::full(sizes, d.scalar(), t)};
      case 3: return {torch::eye(d.integer(0, 4), t), torch::eye(d.integer(0, 4), d.integer(0, 4))};
      case 4: return {torch::scalar_tensor(d.scalar(), t)};
      default: return {torch::full(sizes, true), torch::full({}, 2)};
    }
  });
  add_case("like", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return {torch::zeros_like(x), torch::ones_like(x), torch::full_like(x, d.scalar())};
      case 1: return {torch::zeros_like(x, d.note("dtype", d.dtype(Types::All)))};
      default: return {x.new_zeros({2, 1}), x.new_ones({3}), x.new_full({2}, d.scalar())};
    }
  });
  add_case("random", [](Draw& d) -> Tensors {
    torch::manual_seed(static_cast<uint64_t>(d.note("seed", d.integer(0, 1000))));
    const Sizes sizes = d.chance(0.5) ? d.shape() : Sizes{d.integer(1, 40)};
    d.note("sizes", torch::IntArrayRef(sizes));
    const auto t = d.note("dtype", d.dtype(Types::Floating));
    switch (d.note("form", d.integer(0, 9))) {
      case 0: return {torch::rand(sizes, t)};
      case 1: return {torch::randn(sizes, t)};
      case 2: return {torch::randint(d.integer(1, 1000), sizes)};
      case 3: return {torch::randint(-5, 300, sizes, d.dtype(Types::Numeric))};
      case 4: return {torch::randperm(d.integer(0, 50))};
      case 5: return {torch::empty(sizes, t).exponential_(1.5)};
      case 6: return {torch::empty(sizes, t).uniform_(-2, 3)};
      case 7: return {torch::empty(sizes, t).normal_(1, 2)};
      case 8: return {torch::empty(sizes, t).log_normal_(0, 0.5), torch::empty(sizes, t).cauchy_()};
      default: return {torch::empty(sizes, torch::kLong).random_(), torch::empty(sizes, t).random_(7)};
    }
  });
  add_case("random_of_tensors", [](Draw& d) -> Tensors {
    torch::manual_seed(static_cast<uint64_t>(d.note("seed", d.integer(0, 1000))));
    const auto t = d.dtype(Types::Wide);
    const Tensor p = d.plain({3, 5}, t, 0, 1);
    switch (d.note("form", d.integer(0, 4))) {
      case 0: return {torch::bernoulli(p)};
      case 1: return {torch::multinomial(p + 0.125, 3, false)};
      case 2: return {torch::multinomial(p + 0.125, 8, true)};
      case 3: return {at::normal(p, p + 0.5)};
      default: return {at::normal(p, 2.0), at::normal(1.0, p)};
    }
  });
  add_case("from_literals", [](Draw& d) -> Tensors {
    switch (d.note("form", d.integer(0, 7))) {
      case 0: return {torch::tensor({1, 2, 3}), torch::tensor({1.5, 2.0}), torch::tensor({true, false})};
      case 1: return {torch::tensor({{1, 2}, {3, 4}}), torch::tensor({{{1.0f}}})};
      case 2: return {torch::tensor(1), torch::tensor(1.5), torch::tensor(true)};
      case 3: return {torch::tensor(std::vector<int>{1, 2}), torch::tensor(std::vector<double>{1.5})};
      case 4: return {torch::tensor({1, 2}, torch::kHalf), torch::tensor({1.5, 2.5}, torch::kInt)};
      case 5: return {torch::tensor({}), torch::tensor({{}, {}}), torch::tensor(std::vector<int64_t>{})};
      case 6: return {at::tensor({1, 2}), at::tensor({1.5, 2.5}), at::tensor({1.5f}), at::tensor(3)};
      default: return {torch::tensor({{1, 2}, {3}})};
    }
  });
}

}  // namespace differential
