// Views, joins, repetitions.
#include "driver.h"

#include <algorithm>

namespace differential {

namespace {
// Sizes of as many elements, or now and then not.
Sizes regrouped(Draw& d, const Tensor& x) {
  Sizes s;
  int64_t left = x.numel();
  while (left > 1 && s.size() < 5) {
    int64_t f = d.integer(1, std::min<int64_t>(left, 6));
    while (left % f != 0) --f;
    s.push_back(f);
    left /= f;
  }
  s.push_back(left);
  if (d.chance(0.2)) s[static_cast<size_t>(d.integer(0, static_cast<int64_t>(s.size()) - 1))] = -1;
  if (d.chance(0.03)) s.push_back(2);
  d.note("sizes", torch::IntArrayRef(s));
  return s;
}

Sizes permutation(Draw& d, int64_t rank) {
  Sizes p;
  for (int64_t i = 0; i < rank; ++i) p.push_back(i);
  for (size_t i = p.size(); i-- > 1;) std::swap(p[i], p[static_cast<size_t>(d.integer(0, static_cast<int64_t>(i)))]);
  d.note("order", torch::IntArrayRef(p));
  return p;
}

Tensors like_each_other(Draw& d, int64_t dim_that_differs) {
  const Sizes sizes = d.shape(3);
  Tensors all;
  const int64_t n = d.integer(1, 4);
  const auto t = d.dtype(Types::All);
  for (int64_t i = 0; i < n; ++i) {
    Sizes s = sizes;
    if (dim_that_differs >= 0 && dim_that_differs < static_cast<int64_t>(s.size()))
      s[static_cast<size_t>(dim_that_differs)] = d.integer(0, 3);
    if (d.chance(0.05)) s = {0};
    all.push_back(d.tensor(s, d.chance(0.8) ? t : d.dtype(Types::All)));
  }
  return all;
}
}  // namespace

void add_shape_cases() {
  add_case("view", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {x.view(regrouped(d, x))};
  });
  add_case("reshape", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {x.reshape(regrouped(d, x))};
  });
  add_case("flatten", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t a = d.dim(x), b = d.dim(x);
    return {x.flatten(a, b), x.ravel()};
  });
  add_case("unflatten", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{2, 6, 2}, d.dtype(Types::All));
    return {x.unflatten(1, d.pick(std::vector<Sizes>{{2, 3}, {-1, 2}, {6, 1}, {4, 2}}))};
  });
  add_case("squeeze", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(4, 2), d.dtype(Types::All));
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return {x.squeeze()};
      case 1: return {x.squeeze(d.dim(x))};
      default: return {x.squeeze(torch::IntArrayRef(d.dims(x)))};
    }
  });
  add_case("unsqueeze", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3), d.dtype(Types::All));
    return {x.unsqueeze(d.note("dim", d.integer(-x.dim() - 1, x.dim())))};
  });
  add_case("transpose", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t a = d.dim(x), b = d.dim(x);
    return {x.transpose(a, b), torch::movedim(x, a, b)};
  });
  add_case("permute", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {x.permute(permutation(d, x.dim()))};
  });
  add_case("t", [](Draw& d) -> Tensors { return {d.tensor(d.shape(3), d.dtype(Types::All)).t()}; });
  add_case("expand", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3, 2), d.dtype(Types::All));
    Sizes s = x.sizes().vec();
    for (int64_t& size : s)
      if (size == 1) size = d.integer(0, 3);
    if (d.chance(0.5)) s.insert(s.begin(), d.integer(0, 3));
    d.note("sizes", torch::IntArrayRef(s));
    return {x.expand(s)};
  });
  add_case("select", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return {x.select(dim, d.note("index", d.integer(-3, 3)))};
  });
  add_case("slice", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return {x.slice(dim, d.note("start", d.integer(-5, 5)), d.note("end", d.integer(-5, 5)),
                    d.note("step", d.integer(1, 3)))};
  });
  add_case("narrow", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return {x.narrow(dim, d.note("start", d.integer(-2, 2)), d.note("length", d.integer(0, 2)))};
  });
  add_case("diagonal", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t offset = d.note("offset", d.integer(-3, 3));
    const int64_t a = d.dim(x), b = d.dim(x);
    return {x.diagonal(offset, a, b)};
  });
  add_case("as_strided", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Sizes{3, 4}, d.dtype(Types::All));
    const Sizes sizes = {d.integer(0, 3), d.integer(1, 3)}, strides = {d.integer(0, 4), d.integer(0, 2)};
    d.note("sizes", torch::IntArrayRef(sizes));
    d.note("strides", torch::IntArrayRef(strides));
    return {x.contiguous().as_strided(sizes, strides, d.note("offset", d.integer(0, 4)))};
  });
  add_case("unfold", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    return {x.unfold(dim, d.note("size", d.integer(0, 4)), d.note("step", d.integer(1, 2)))};
  });
  add_case("split", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    switch (d.note("form", d.integer(0, 3))) {
      case 0: return x.split(d.note("size", d.integer(0, 3)), dim);
      case 1: return x.chunk(d.note("chunks", d.integer(1, 4)), dim);
      case 2: return x.tensor_split(d.note("sections", d.integer(1, 4)), dim);
      default: return x.unbind(dim);
    }
  });
  add_case("split_sizes", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t dim = d.dim(x);
    const Sizes sizes = {d.integer(0, 2), d.integer(0, 2)};
    d.note("sizes", torch::IntArrayRef(sizes));
    if (d.chance(0.5)) return x.split_with_sizes(sizes, dim);
    return torch::tensor_split(x, torch::IntArrayRef(sizes), dim);
  });
  add_case("hvd_split", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const int64_t n = d.note("n", d.integer(1, 3));
    switch (d.note("form", d.integer(0, 2))) {
      case 0: return x.hsplit(n);
      case 1: return x.vsplit(n);
      default: return x.dsplit(n);
    }
  });
  add_case("cat", [](Draw& d) -> Tensors {
    const int64_t dim = d.integer(0, 2);
    const Tensors all = like_each_other(d, dim);
    return {torch::cat(all, d.note("dim", dim))};
  });
  add_case("stack", [](Draw& d) -> Tensors {
    const Tensors all = like_each_other(d, -1);
    return {torch::stack(all, d.note("dim", d.integer(-2, 2)))};
  });
  add_case("hvd_stack", [](Draw& d) -> Tensors {
    const Tensors all = like_each_other(d, -1);
    switch (d.note("form", d.integer(0, 3))) {
      case 0: return {torch::hstack(all)};
      case 1: return {torch::vstack(all)};
      case 2: return {torch::dstack(all)};
      default: return {torch::column_stack(all)};
    }
  });
  add_case("block_diag", [](Draw& d) -> Tensors {
    Tensors all;
    for (int64_t i = d.integer(0, 3); i >= 0; --i) all.push_back(d.tensor(d.shape(2), d.dtype(Types::All)));
    return {torch::block_diag(all)};
  });
  add_case("atleast", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {torch::atleast_1d(x), torch::atleast_2d(x), torch::atleast_3d(x)};
  });
  add_case("repeat", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3, 3), d.dtype(Types::All));
    Sizes r;
    for (int64_t i = 0; i < x.dim() + d.integer(-1, 1); ++i) r.push_back(d.integer(0, 2));
    d.note("repeats", torch::IntArrayRef(r));
    return {d.chance(0.5) ? x.repeat(r) : x.tile(r)};
  });
  add_case("repeat_interleave", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(3, 3), d.dtype(Types::All));
    if (d.chance(0.3)) return {x.repeat_interleave(d.note("n", d.integer(0, 3)))};
    const int64_t dim = d.dim(x);
    if (d.chance(0.5)) return {x.repeat_interleave(d.note("n", d.integer(0, 3)), dim)};
    const int64_t size = x.dim() == 0 ? 1 : x.size(dim);
    return {x.repeat_interleave(d.index({size}, 3), dim)};
  });
  add_case("flip", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    const Sizes dims = d.dims(x);
    return {x.flip(dims)};
  });
  add_case("roll", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    if (d.chance(0.3)) return {x.roll(d.note("shift", d.integer(-5, 5)))};
    const Sizes dims = d.dims(x);
    Sizes shifts;
    for (size_t i = 0; i < dims.size(); ++i) shifts.push_back(d.integer(-5, 5));
    d.note("shifts", torch::IntArrayRef(shifts));
    return {x.roll(shifts, dims)};
  });
  add_case("rot90", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {x.rot90(d.note("k", d.integer(-5, 5)), {0, 1})};
  });
  add_case("fliplr", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    return {d.chance(0.5) ? x.fliplr() : x.flipud()};
  });
  add_case("meshgrid", [](Draw& d) -> Tensors {
    const auto t = d.dtype(Types::All);
    const Tensors all = {d.tensor(d.shape(1), t), d.tensor(d.shape(1), t)};
    return torch::meshgrid(all, d.pick(std::vector<const char*>{"ij", "xy"}));
  });
  add_case("broadcast_tensors", [](Draw& d) -> Tensors {
    const Sizes sizes = d.shape();
    const Tensors all = {d.tensor(sizes, d.dtype(Types::All)), d.tensor(d.broadcastable(sizes), d.dtype(Types::All))};
    return torch::broadcast_tensors(all);
  });
  add_case("pad", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(Types::All);
    Sizes pad;
    for (int64_t i = 0; i < 2 * d.integer(0, x.dim()); ++i) pad.push_back(d.integer(-1, 2));
    d.note("pad", torch::IntArrayRef(pad));
    return {torch::constant_pad_nd(x, pad, d.scalar())};
  });
  add_case("in_place_views", [](Draw& d) -> Tensors {
    Tensor x = d.tensor(Types::All).clone();
    switch (d.note("form", d.integer(0, 3))) {
      case 0: x.squeeze_(); break;
      case 1: x.unsqueeze_(0); break;
      case 2: x.transpose_(d.dim(x), d.dim(x)); break;
      default: x.t_(); break;
    }
    return {x};
  });
  add_case("write_through_views", [](Draw& d) -> Tensors {
    Tensor base = d.tensor(Sizes{3, 4}, d.dtype(Types::Floating)).clone();
    const Tensor other = d.tensor(Sizes{4}, base.scalar_type());
    switch (d.note("form", d.integer(0, 4))) {
      case 0: base[1].mul_(other); break;
      case 1: base.t()[2].fill_(2.5); break;
      case 2: base.narrow(0, 0, 2).add_(other); break;
      case 3: base.view({-1}).slice(0, 0, 8, 3).copy_(other.slice(0, 0, 3)); break;
      default: base.diagonal().exp_(); break;
    }
    return {base, base * 2};
  });
  add_case("resize", [](Draw& d) -> Tensors {
    d.allow_gradients(false);
    Tensor x = d.plain(d.shape(2), d.dtype(Types::All));
    Sizes s = d.shape(2, 2);
    int64_t n = 1;
    for (const int64_t size : s) n *= size;
    d.note("sizes", torch::IntArrayRef(s));
    const int64_t before = x.numel();
    x.resize_(s);
    return {n <= before ? x : torch::zeros_like(x)};
  });
  add_case("conversions", [](Draw& d) -> Tensors {
    d.allow_special(false);
    const Tensor x = d.tensor(d.shape(), d.dtype(Types::All), 0, 3);
    return {x.to(d.note("dtype", d.dtype(Types::All))), x.clone(), x.contiguous(), x.detach()};
  });
  add_case("channels_last", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(5, 3), d.dtype(Types::All));
    const auto format = d.chance(0.7) ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::ChannelsLast3d;
    const Tensor y = x.contiguous(format);
    return {y, y * 2, torch::zeros_like(y), y.clone(torch::MemoryFormat::Contiguous), number(y.is_contiguous(format))};
  });
  add_case("combinations", [](Draw& d) -> Tensors {
    const Tensor x = d.tensor(d.shape(1, 5), d.dtype(Types::All));
    return {torch::combinations(x, d.note("r", d.integer(0, 3)), d.chance(0.5)), torch::cartesian_prod({x, x})};
  });
}

}  // namespace differential
