// Square matrix products, with each operand as it is (N) or a transposed view (T).
#include "harness.h"

namespace comparison {

namespace {

void add_product(int64_t n, bool transpose_a, bool transpose_b, torch::ScalarType dtype) {
  const std::string type = dtype == torch::kFloat ? "float32" : "bfloat16";
  const std::string name =
      "matmul/" + type + '/' + (transpose_a ? 'T' : 'N') + (transpose_b ? 'T' : 'N') + '/' + std::to_string(n);
  const double size = static_cast<double>(n);
  // Made by the first call, so that the rows that are not run cost nothing.
  const auto operands = std::make_shared<std::vector<torch::Tensor>>();
  add(name, {2 * size * size * size, 0, 0}, [=] {
    const torch::NoGradGuard no_grad;
    if (operands->empty()) {
      const torch::Tensor a = normal({n, n}).to(dtype), b = positive({n, n}).to(dtype);
      *operands = {transpose_a ? a.t() : a, transpose_b ? b.t() : b};
    }
    return (*operands)[0].mm((*operands)[1]);
  });
}

}  // namespace

void register_matmul() {
  for (const int64_t n : {64, 128, 256, 512, 1024, 2048}) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) add_product(n, transpose_a, transpose_b, torch::kFloat);
    }
    add_product(n, false, false, torch::kBFloat16);
  }
}

}  // namespace comparison
