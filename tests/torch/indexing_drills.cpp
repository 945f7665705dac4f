// Reading, writing and accumulating by indices and masks of every kind.
#include <torch/torch.h>

#include <functional>
#include <iostream>
#include <vector>

using namespace torch::indexing;

namespace {
void show(const char* what, const torch::Tensor& t) { std::cout << what << '\n' << t << '\n'; }
}  // namespace

int main() {
  auto x = torch::arange(24).view({2, 3, 4});
  show("integer", x.index({1}));
  show("integers", x.index({0, -1, 2}));
  show("slice", x.index({Slice(), Slice(None, 2)}));
  show("slice with a step", x.index({"...", Slice(1, None, 2)}));
  show("negative bounds", x.index({Slice(-1, None), Slice(-3, -1), -2}));
  show("new dimensions", x.index({None, 0, None, "..."}).sum(-1));
  std::cout << x.index({None, Slice(), None, 1}).sizes() << '\n';
  show("ellipsis", x.index({Ellipsis, 3}));

  const auto rows = torch::tensor({2, 0});
  const auto columns = torch::tensor({3, 3});
  show("one tensor", x.index({Slice(), rows}));
  show("two adjacent", x.index({Slice(), rows, columns}));
  std::cout << x.index({rows.remainder(2), Slice(), columns}).sizes() << '\n';
  show("two apart", x.index({torch::tensor({1, 0}), Slice(), columns}));
  show("broadcast", x.index({torch::tensor({{0}, {1}}), torch::tensor({0, 2}), 1}));
  show("negative", x.index({1, torch::tensor({-1, -2})}));
  show("mask", x.index({x > 17}));
  show("mask of a dimension", x.index({torch::tensor({false, true})}));
  show("mask in the middle", x.index({0, torch::tensor({true, false, true}), Slice(0, 2)}));
  show("bools", x.index({true, 0, 0}));
  std::cout << x.index({false}).sizes() << x.index({torch::empty({0}, torch::kLong)}).sizes() << '\n';

  auto y = torch::zeros({3, 4});
  y[0] = 1;
  y[1][2] = 5.5;
  y[2] = torch::arange(4, torch::kFloat);
  show("assigned through", y);
  y.index_put_({Slice(), 0}, -1);
  y.index_put_({Slice(0, 2), Slice(2, None)}, torch::tensor({{7.0, 8.0}, {9.0, 10.0}}));
  y.index_put_({y < 0}, 0.25);
  show("index_put_", y);
  y.index_put_({torch::tensor({0, 2}), torch::tensor({1, 1})}, torch::tensor({100.0f, 200.0f}));
  show("by tensors", y);
  auto counts = torch::zeros({4});
  counts.index_add_(0, torch::tensor({1, 1, 3}), torch::tensor({1.0f, 2.0f, 4.0f}));
  show("index_add_", counts);
  show("scatter_", torch::zeros({2, 4}).scatter_(1, torch::tensor({{1}, {3}}), 9));
  show("scatter_add", torch::zeros({4}).scatter_add(0, torch::tensor({0, 0, 2}), torch::ones({3})));
  show("gather", y.gather(1, torch::tensor({{3}, {2}, {0}})));
  show("take", y.take(torch::tensor({0, -1})));
  show("masked_select", y.masked_select(y > 8));
  show("masked_fill", y.masked_fill(y > 8, 0));
  show("nonzero", (y > 8).nonzero());
  show("index_select", y.index_select(1, torch::tensor({3, 0})));
  show("where", torch::where(y > 8, y, torch::zeros_like(y)));
  show("flip", torch::arange(6).view({2, 3}).flip({1}));
  show("roll", torch::arange(6).roll(2));

  auto w = torch::arange(6, torch::dtype(torch::kDouble).requires_grad(true));
  const auto picked = w.view({2, 3}).index({torch::tensor({0, 1, 1}), torch::tensor({2, 0, 0})});
  (picked * torch::tensor({1.0, 10.0, 100.0}, torch::kDouble)).sum().backward();
  show("gradient of a read", w.grad());

  const char* const bad[] = {"out of range", "too many", "mask"};
  int i = 0;
  for (const auto& f : std::vector<std::function<void()>>{[&] { x.index({2}); },
                                                          [&] {
                                                            x.index({0, 0, 0, 0});
                                                          },
                                                          [&] { x.index({torch::ones({3}, torch::kBool)}); }}) {
    try {
      f();
      std::cout << bad[i++] << " is taken\n";
    } catch (const c10::Error&) {
      std::cout << bad[i++] << " is refused\n";
    }
  }
  return 0;
}
