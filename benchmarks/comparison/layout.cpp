// Operands that are broadcast, strided, transposed or of another dtype, and what puts tensors together.
#include "harness.h"

namespace comparison {

using torch::Tensor;

namespace {

// f of matrices of n·n floats, in the second-level cache and beyond it.
template <class F>
void add_matrices(const std::string& name, double passes, F f) {
  for (const int64_t n : {256, 2048}) {
    const auto operands = std::make_shared<std::vector<Tensor>>();
    add("layout/" + name + '/' + std::to_string(n), {0, passes * floats(n * n), 0}, [f, operands, n] {
      const torch::NoGradGuard no_grad;
      if (operands->empty()) *operands = {normal({n, n}), positive({n, n})};
      return f((*operands)[0], (*operands)[1]);
    });
  }
}

}  // namespace

void register_layout() {
  using torch::indexing::None;
  using torch::indexing::Slice;
  add_matrices("add_row", 2, [](const Tensor& a, const Tensor& b) { return a + b[0]; });
  add_matrices("add_column", 2, [](const Tensor& a, const Tensor& b) { return a + b.slice(1, 0, 1); });
  add_matrices("mul_number", 2, [](const Tensor& a, const Tensor&) { return a * 1.5; });
  add_matrices("add_every_second", 1.5, [](const Tensor& a, const Tensor& b) {
    return a.slice(1, 0, a.size(1), 2) + b.slice(1, 0, b.size(1), 2);
  });
  add_matrices("add_transposed", 3, [](const Tensor& a, const Tensor& b) { return a + b.t(); });
  add_matrices("transpose_copy", 2, [](const Tensor& a, const Tensor&) { return a.t().contiguous(); });
  add_matrices("to_bfloat16", 1.5, [](const Tensor& a, const Tensor&) { return a.to(torch::kBFloat16); });
  add_matrices("to_float64", 3, [](const Tensor& a, const Tensor&) { return a.to(torch::kDouble); });
  add_matrices("to_int64", 3, [](const Tensor& a, const Tensor&) { return a.to(torch::kLong); });
  add_matrices("cat_rows", 4, [](const Tensor& a, const Tensor& b) { return torch::cat({a, b}, 0); });
  add_matrices("cat_columns", 4, [](const Tensor& a, const Tensor& b) { return torch::cat({a, b}, 1); });
  add_matrices("where", 3.25, [mask = std::make_shared<Tensor>()](const Tensor& a, const Tensor& b) {
    if (!mask->defined() || mask->numel() != a.numel()) *mask = a > 0;
    return torch::where(*mask, a, b);
  });
}

}  // namespace comparison
