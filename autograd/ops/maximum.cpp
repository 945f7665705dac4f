// The larger and the smaller of two, element by element.
#include <ember/autograd/ops/pairwise.h>

namespace ember {

namespace ops {
namespace {

// Where both are equal each gets half.
Tensor halved_at_ties(const Tensor& g, const Tensor& mine, const Tensor& other) {
  return where(mine == other, g * 0.5, g);
}

Tensor maximum_to(Dest dest, const Tensor& a, const Tensor& b) {
  const Tensor y = binary({"maximum", kernels.maximum}, dest, a, b);
  const auto share = [](const Tensor& g, const Tensor& mine, const Tensor& other) {
    return masked_fill(halved_at_ties(g, mine, other), mine < other, 0);
  };
  return record_pair("MaximumBackward0", y, a, b, share,
                     [share](const Tensor& g, const Tensor& u, const Tensor& v) { return share(g, v, u); });
}

Tensor minimum_to(Dest dest, const Tensor& a, const Tensor& b) {
  const Tensor y = binary({"minimum", kernels.minimum}, dest, a, b);
  const auto share = [](const Tensor& g, const Tensor& mine, const Tensor& other) {
    return masked_fill(halved_at_ties(g, mine, other), mine > other, 0);
  };
  return record_pair("MinimumBackward0", y, a, b, share,
                     [share](const Tensor& g, const Tensor& u, const Tensor& v) { return share(g, v, u); });
}

// fmax and fmin: the number where the other is NaN, the first where both are.
template <class Beats>
Tensor number_to(const char* name, const char* node, ElementwiseKernel& floating, ElementwiseKernel& other, Dest dest,
                 const Tensor& a, const Tensor& b, Beats beats) {
  check_defined(name, a);
  check_defined(name, b, "other");
  const Tensor y = binary({name, is_floating(result_type(a, b)) ? floating : other}, dest, a, b);
  const auto first = [beats](const Tensor& u, const Tensor& v) { return logical_or(beats(u, v), isnan(v)); };
  return record_pair(
      node, y, a, b,
      [first](const Tensor& g, const Tensor& u, const Tensor& v) {
        return masked_fill(halved_at_ties(g, u, v), logical_not(logical_or(first(u, v), u == v)), 0);
      },
      [first](const Tensor& g, const Tensor& u, const Tensor& v) {
        return masked_fill(halved_at_ties(g, u, v), first(u, v), 0);
      });
}

Tensor fmax_to(Dest dest, const Tensor& a, const Tensor& b) {
  return number_to("fmax", "FmaxBackward0", kernels.fmax, kernels.maximum, dest, a, b,
                   [](const Tensor& u, const Tensor& v) { return u > v; });
}
Tensor fmin_to(Dest dest, const Tensor& a, const Tensor& b) {
  return number_to("fmin", "FminBackward0", kernels.fmin, kernels.minimum, dest, a, b,
                   [](const Tensor& u, const Tensor& v) { return u < v; });
}

}  // namespace
}  // namespace ops

using namespace ops;  // NOLINT: the definitions below are this file's

EMBER_BINARY_FUNCTION(maximum, Tensor, Tensor)
EMBER_BINARY_FUNCTION(minimum, Tensor, Tensor)
EMBER_BINARY_FUNCTION(fmax, Tensor, Tensor)
EMBER_BINARY_FUNCTION(fmin, Tensor, Tensor)
Tensor max(const Tensor& self, const Tensor& other) { return maximum(self, other); }
Tensor min(const Tensor& self, const Tensor& other) { return minimum(self, other); }

}  // namespace ember
