// What an operation costs the host: chains of small operations with nothing to wait for.
#include "harness.h"

namespace gpu {

namespace {

template <class Operation>
Row chain(const Settings& settings, const std::string& name, bool recorded, Operation f) {
  return {"host/" + name, {}, Measure::Host, [=]() -> Call {
            const Tensor x = normal(settings, 1, 64, 100).requires_grad_(recorded), b = normal(settings, 2, 64, 100);
            return [=] {
              const ember::AutoGradMode mode(recorded);
              Tensor y = x;
              for (int i = 0; i < kChain; ++i) y = f(y, b);
              return y;
            };
          }};
}

}  // namespace

std::vector<Row> rows_of_host(const Settings& settings) {
  const auto add = [](const Tensor& y, const Tensor& b) { return y + b; };
  const auto relu = [](const Tensor& y, const Tensor&) { return ember::relu(y); };
  return {chain(settings, "add", false, add), chain(settings, "add_recorded", true, add),
          chain(settings, "relu", false, relu), chain(settings, "relu_recorded", true, relu),
          chain(settings, "add_in_place", false, [](Tensor y, const Tensor& b) { return y.add_(b); })};
}

}  // namespace gpu
