// Indexing: reading, assigning, accumulating; gathering and scattering.
#include "driver.h"

namespace differential {

namespace {

using torch::indexing::TensorIndex;

std::vector<TensorIndex> indices_for(Draw& d, const Tensor& x) {
  using namespace torch::indexing;
  std::vector<TensorIndex> all;
  int64_t dim = 0;
  const Sizes common = d.shape(2, 3);
  const int64_t count = d.integer(1, x.dim() + 1);
  bool ellipsis = false;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t size = dim < x.dim() ? x.size(dim) : 1;
    switch (d.note("index", d.integer(0, 9))) {
      case 0:
      case 1:
        all.emplace_back(d.note("i", d.integer(-size, size - (d.chance(0.05) ? 0 : 1))));
        ++dim;
        break;
      case 2:
        all.emplace_back(Slice());
        ++dim;
        break;
      case 3:
      case 4:
        all.emplace_back(Slice(d.note("start", d.integer(-3, 3)), d.note("stop", d.integer(-3, 4)), d.integer(1, 2)));
        ++dim;
        break;
      case 5: all.emplace_back(None); break;
      case 6:
        if (!ellipsis) {
          all.emplace_back(Ellipsis);
          dim = x.dim() - d.integer(0, 1);
          ellipsis = true;
        }
        break;
      case 7: {
        Tensor index = d.index(d.chance(0.7) ? common : d.broadcastable(common), size, true);
        if (d.chance(0.2)) index = index.to(torch::kInt);
        all.emplace_back(index);
        ++dim;
        break;
      }
      case 8: {
        if (dim >= x.dim()) break;
        const Sizes sizes = d.chance(0.95) ? Sizes{x.size(dim)} : Sizes{x.size(dim) + 1};
        all.emplace_back(d.plain(sizes, torch::kBool, 0, 1));
        ++dim;
        break;
      }
      default: all.emplace_back(d.note("bool", d.chance(0.5))); break;
    }
  }
  return all;
}

}  // namespace

void add_indexing_cases() {
  add_case("index", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {x.index(indices_for(d, x))};
  });
  add_case("index_assign", [](Draw& d) -> Tensors {
    Tensor x = d.tensor(Types::All).clone();
    // One place once, so that the order of assignments does not matter.
    const auto indices = indices_for(d, x);
    if (d.chance(0.5)) {
      x.index_put_(indices, d.scalar());
      return {x};
    }
    x.index_put_(indices, d.tensor(Sizes{}, x.scalar_type()));
    return {x};
  });
  add_case("index_assign_tensor", [](Draw& d) -> Tensors {
    using namespace torch::indexing;
    Tensor x = d.tensor(Sizes{3, 4, 2}, d.dtype(Types::All)).clone();
    const int64_t a = d.integer(0, 2);
    const std::vector<TensorIndex> indices = {a, Slice(d.integer(0, 2), None), "..."};
    const Tensor part = x.index(indices);
    x.index_put_(indices, d.tensor(d.broadcastable(part.sizes().vec()), d.dtype(Types::All)));
    return {x};
  });
  add_case("index_accumulate", [](Draw& d) -> Tensors {
    d.allow_special(false);
    Tensor x = d.tensor(Sizes{3, 4}, d.dtype(Types::Numeric)).clone();
    const Sizes sizes = d.shape(2, 3);
    const c10::optional<Tensor> rows = d.index(sizes, 3, true), columns = d.index(sizes, 4);
    const Tensor values = d.tensor(sizes, x.scalar_type());
    if (d.chance(0.5)) {
      torch::List<c10::optional<Tensor>> both;
      both.push_back(rows);
      both.push_back(columns);
      return {torch::index_put(x, both, values, /*accumulate=*/true)};
    }
    return {x.index_add(0, d.index({2}, 3), d.tensor(Sizes{2, 4}, x.scalar_type()), 2)};
  });
  add_case("index_select", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    const int64_t size = x.dim() == 0 ? 1 : x.size(dim < -x.dim() || dim >= x.dim() ? 0 : dim);
    return {x.index_select(dim, d.index({d.integer(0, 4)}, size))};
  });
  add_case("index_fill_copy", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{3, 4}, d.dtype(Types::All));
    const Tensor index = torch::tensor({2, 0});
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return {x.index_fill(0, index, d.scalar())};
      case 1: return {x.index_fill(1, index, d.tensor(Sizes{}, d.dtype(Types::All)))};
      default: return {x.index_copy(0, index, d.tensor(Sizes{2, 4}, x.scalar_type()))};
    }
  });
  add_case("gather", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3), d.dtype(Types::All));
    const int64_t dim = d.dim(x, false);
    Sizes sizes = x.sizes().vec();
    for (int64_t& s : sizes) s = d.integer(0, s);
    const int64_t bound = x.dim() == 0 ? 1 : x.size(dim);
    if (!sizes.empty()) sizes[static_cast<size_t>(dim < 0 ? dim + x.dim() : dim)] = d.integer(0, 4);
    return {x.gather(dim, d.index(sizes, bound))};
  });
  add_case("scatter", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{4, 3}, d.dtype(Types::All));
    const Tensor index = torch::tensor({{0, 1, 2}, {3, 2, 1}});
    const Tensor src = d.tensor(Sizes{2, 3}, x.scalar_type());
    switch (d.note("form", d.integer(0, 5))) {
      case 0: return {x.scatter(0, index, src)};
      case 1: return {x.scatter(0, index, d.scalar())};
      case 2: return {x.scatter(0, index, src, "add")};
      case 3: return {x.scatter(0, index, src, "multiply")};
      case 4: return {x.scatter_add(0, d.index({2, 3}, 4), src)};
      default:
        return {
            x.scatter_reduce(0, d.index({2, 3}, 4), src,
                             d.note("reduce", d.pick(std::vector<const char*>{"sum", "prod", "mean", "amax", "amin"})),
                             d.note("self", d.chance(0.5)))};
    }
  });
  add_case("masked", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const Tensor mask = d.plain(d.broadcastable(x.sizes().vec()), torch::kBool, 0, 1);
    if (d.chance(0.5)) return {x.masked_select(mask)};
    return {x.masked_scatter(mask, d.tensor(Sizes{20}, d.chance(0.9) ? x.scalar_type() : d.dtype(Types::All)))};
  });
  add_case("take_put", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3), d.dtype(Types::All));
    if (d.chance(0.5)) return {x.take(d.index(d.shape(2), x.numel(), true))};
    return {x.put(d.index({3}, x.numel(), true), d.tensor(Sizes{3}, x.scalar_type()), /*accumulate=*/true)};
  });
  add_case("take_along_dim", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{3, 4}, d.dtype(Types::All));
    if (d.chance(0.3)) return {x.take_along_dim(d.index({5}, 12))};
    return {x.take_along_dim(d.index({3, d.integer(1, 3)}, 4), 1)};
  });
  add_case("nonzero", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(), d.dtype(Types::All), -1, 1);
    if (d.chance(0.5)) return {x.nonzero(), torch::argwhere(x)};
    return torch::where(x);
  });
  add_case("one_hot", [](Draw& d) -> Tensors {
    return {torch::one_hot(d.index(d.shape(2), 4), d.note("classes", d.integer(3, 5)))};
  });
  add_case("scatters_of_views", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{3, 4}, d.dtype(Types::All));
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return {torch::select_scatter(x, d.tensor(Sizes{4}, x.scalar_type()), 0, 1)};
      case 1: return {torch::slice_scatter(x, d.tensor(Sizes{3, 2}, x.scalar_type()), 1, 1, 3)};
      default: return {torch::diagonal_scatter(x, d.tensor(Sizes{3}, x.scalar_type()))};
    }
  });
  add_case("fill_diagonal", [](Draw& d) -> Tensors {
    Tensor x = d.tensor(Sizes{d.integer(1, 7), 3}, d.dtype(Types::All)).clone();
    x.fill_diagonal_(d.scalar(), d.note("wrap", d.chance(0.5)));
    return {x};
  });
}

}  // namespace differential
