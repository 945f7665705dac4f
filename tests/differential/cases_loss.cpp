// Losses.
#include "driver.h"

namespace differential {

namespace F = torch::nn::functional;

namespace {

// The three reductions, by the options of F::mse_loss, F::cross_entropy.
template <class Options>
Options reduced(Draw& d, Options options) {
  switch (d.note("reduction", d.integer(0, 2))) {
    case 0: options.reduction(torch::kNone); break;
    case 1: options.reduction(torch::kSum); break;
    default: break;
  }
  return options;
}

// With classes that are ignored, or nothing else.
Tensor some_classes(Draw& d, const Tensor& target, int64_t ignored) {
  if (d.chance(0.1)) return torch::full_like(target, ignored);
  return d.chance(0.5) ? target.masked_fill(target % 2 == 1, ignored) : target;
}

}  // namespace

void add_loss_cases() {
  add_case("mse_loss", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::Floating);
    const Sizes sizes = d.chance(0.8) ? x.sizes().vec() : d.broadcastable(x.sizes().vec());
    const Tensor y = d.tensor(sizes, d.chance(0.8) ? x.scalar_type() : d.dtype(Types::Floating));
    return {F::mse_loss(x, y, reduced(d, F::MSELossFuncOptions()))};
  });
  add_case("mse_loss_large", [](Draw& d) -> Tensors {
    const Sizes sizes{d.integer(1, 3000), d.integer(1, 40)};
    const torch::ScalarType dtype = d.dtype(Types::Wide);
    d.allow_special(false);
    const Tensor x = d.tensor(sizes, dtype), y = d.tensor(sizes, dtype);
    return {F::mse_loss(x, y, reduced(d, F::MSELossFuncOptions()))};
  });
  add_case("cross_entropy", [](Draw& d) -> Tensors {
    const int64_t classes = d.integer(1, 5), ignored = d.pick(std::vector<int64_t>{-100, 0});
    const bool one = d.chance(0.2);
    const Sizes rows = one ? Sizes{} : Sizes{d.integer(0, 6)};
    Sizes sizes = rows;
    sizes.push_back(classes);
    d.allow_special(false);
    const Tensor x = d.tensor(sizes, d.dtype(Types::Wide)), target = some_classes(d, d.index(rows, classes), ignored);
    return {F::cross_entropy(x, target, reduced(d, F::CrossEntropyFuncOptions().ignore_index(ignored)))};
  });
  add_case("cross_entropy_large", [](Draw& d) -> Tensors {
    const int64_t classes = d.integer(2, 60), rows = d.integer(1, 2000);
    d.allow_special(false);
    const Tensor x = d.tensor({rows, classes}, d.dtype(Types::Wide));
    const Tensor target = some_classes(d, torch::remainder(d.index({rows}, classes), classes), -100);
    return {F::cross_entropy(x, target, reduced(d, F::CrossEntropyFuncOptions()))};
  });
}

}  // namespace differential
