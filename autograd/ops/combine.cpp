// Grids, products and combinations of the elements of vectors.
#include <algorithm>

#include <ember/autograd/ops/list_node.h>

namespace ember {

using namespace ops;  // NOLINT: the definitions below are this file's

std::vector<Tensor> meshgrid(TensorList tensors) {
  check_list("meshgrid", tensors);
  Dims sizes;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    EMBER_CHECK(t.dim() <= 1, "meshgrid: expected tensors of 0 or 1 dimensions, got ", describe(t), " for tensor ", i);
    EMBER_CHECK(t.scalar_type() == tensors[0].scalar_type(), "meshgrid: expected tensors of one dtype, got ",
                describe(tensors[0]), " and ", describe(t));
    check_same_device("meshgrid", tensors[0], t);
    sizes.push_back(t.numel());
  }
  std::vector<Tensor> grids;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Dims alone(sizes.size(), 1);
    alone[i] = sizes[i];
    grids.push_back(tensors[i].view(alone).expand(sizes));
  }
  return grids;
}

std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing) {
  EMBER_CHECK(indexing == "ij" || indexing == "xy", "meshgrid: expected the indexing \"ij\" or \"xy\", got \"",
              indexing, "\"");
  if (indexing == "ij" || tensors.size() < 2) return meshgrid(tensors);
  // The first two tensors run along each other's dimension.
  std::vector<Tensor> turned = tensors.vec();
  std::swap(turned[0], turned[1]);
  std::vector<Tensor> grids = meshgrid(turned);
  std::swap(grids[0], grids[1]);
  return grids;
}

Tensor cartesian_prod(TensorList tensors) {
  check_list("cartesian_prod", tensors);
  for (const Tensor& t : tensors) {
    EMBER_CHECK(t.dim() == 1, "cartesian_prod: expected tensors of one dimension, got ", describe(t));
  }
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> grids = meshgrid(tensors);
  for (Tensor& grid : grids) grid = grid.flatten();
  return stack(grids, 1);
}

Tensor combinations(const Tensor& self, int64_t r, bool with_replacement) {
  check_defined("combinations", self);
  EMBER_CHECK(self.dim() == 1, "combinations: expected a tensor of one dimension, got ", describe(self));
  EMBER_CHECK(r >= 0, "combinations: the length must not be negative, got ", r);
  if (r == 0) return empty({0}, self.options());
  // The positions of each combination in turn, in lexicographic order.
  const int64_t n = self.numel();
  std::vector<int64_t> places;
  if (n > 0 && (with_replacement || r <= n)) {
    std::vector<int64_t> now(static_cast<size_t>(r));
    for (size_t i = 0; i < now.size(); ++i) now[i] = with_replacement ? 0 : static_cast<int64_t>(i);
    for (;;) {
      places.insert(places.end(), now.begin(), now.end());
      size_t i = now.size();  // the last place that can go on
      while (i > 0 && now[i - 1] == (with_replacement ? n - 1 : n - 1 - static_cast<int64_t>(now.size() - i))) --i;
      if (i == 0) break;
      ++now[i - 1];
      for (size_t j = i; j < now.size(); ++j) now[j] = now[j - 1] + (with_replacement ? 0 : 1);
    }
  }
  const Tensor rows = tensor(places).view({static_cast<int64_t>(places.size()) / r, r}).to(self.device());
  return self.index({std::optional<Tensor>(rows)});
}

}  // namespace ember
