// Rows of the operations that change a shape: views, and cat and stack.
#include <algorithm>

#include "op_table.h"

namespace ember::test {
namespace {

using Shaper = std::function<HostArray(const HostArray&)>;

Op view_op(const char* name) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  op.view = true;
  return op;
}

void add(Op& op, std::string label, const Sizes& sizes, const Call& f, const Shaper& r, const Call& method = nullptr,
         bool layouts = true) {
  Variant v{std::move(label), {value(sizes)}, f, ref([r](const Arrays& a) { return r(a[0]); }), method};
  v.layouts = layouts;
  op.variants.push_back(v);
}

Shaper to_sizes(Sizes sizes) {
  return [=](const HostArray& a) { return reshaped(a, sizes); };
}

void add_reshapes(std::vector<Op>& table) {
  struct Case {
    Sizes from, asked, to;
  };
  const std::vector<Case> cases = {{{2, 6}, {3, 4}, {3, 4}},     {{2, 6}, {-1}, {12}},     {{2, 6}, {4, -1}, {4, 3}},
                                   {{12}, {2, 1, 6}, {2, 1, 6}}, {{}, {1, 1}, {1, 1}},     {{1, 1}, {}, {}},
                                   {{2, 3, 4}, {6, 4}, {6, 4}},  {{0, 3}, {3, 0}, {3, 0}}, {{2, 0}, {-1}, {0}},
                                   {{2, 6}, {2, 6}, {2, 6}}};
  Op view = view_op("view");
  Op reshape_op = view_op("reshape");
  reshape_op.view = false;  // a copy where the strides demand it
  for (const Case& c : cases) {
    const Sizes asked = c.asked;
    const std::string label = to_string(c.from) + " as " + to_string(asked);
    add(view, label, c.from, call([=](const Tensors& t) { return t[0].view(asked); }), to_sizes(c.to), nullptr, false);
    add(reshape_op, label, c.from, call([=](const Tensors& t) { return reshape(t[0], asked); }), to_sizes(c.to),
        call([=](const Tensors& t) { return t[0].reshape(asked); }));
  }
  table.push_back(view);
  table.push_back(reshape_op);

  Op flatten_op = view_op("flatten");
  flatten_op.view = false;
  add(flatten_op, "all", {2, 3, 4}, call([](const Tensors& t) { return flatten(t[0]); }), to_sizes({24}),
      call([](const Tensors& t) { return t[0].flatten(); }));
  add(flatten_op, "from 1", {2, 3, 4}, call([](const Tensors& t) { return flatten(t[0], 1); }), to_sizes({2, 12}),
      call([](const Tensors& t) { return t[0].flatten(1); }));
  add(flatten_op, "0 to 1", {2, 3, 4}, call([](const Tensors& t) { return flatten(t[0], 0, -2); }), to_sizes({6, 4}));
  add(flatten_op, "one", {2, 3}, call([](const Tensors& t) { return flatten(t[0], 1, 1); }), to_sizes({2, 3}));
  add(flatten_op, "0-dimensional", {}, call([](const Tensors& t) { return flatten(t[0]); }), to_sizes({1}));
  table.push_back(flatten_op);
}

void add_orders(std::vector<Op>& table) {
  Op op = view_op("transpose");
  for (const auto& [a, b] : std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {0, 2}, {-1, 1}, {1, 1}, {-3, -1}}) {
    Sizes order = {0, 1, 2};
    std::swap(order[static_cast<size_t>((a + 3) % 3)], order[static_cast<size_t>((b + 3) % 3)]);
    add(
        op, std::to_string(a) + " and " + std::to_string(b), {2, 3, 4},
        call([a = a, b = b](const Tensors& t) { return transpose(t[0], a, b); }),
        [=](const HostArray& x) { return permuted(x, order); },
        call([a = a, b = b](const Tensors& t) { return t[0].transpose(a, b); }));
  }
  add(op, "0-dimensional", {}, call([](const Tensors& t) { return transpose(t[0], 0, -1); }), to_sizes({}));
  add(op, "empty", {0, 3}, call([](const Tensors& t) { return transpose(t[0], 0, 1); }), to_sizes({3, 0}));
  table.push_back(op);

  Op t_op = view_op("t");
  add(
      t_op, "matrix", {2, 3}, call([](const Tensors& t) { return ember::t(t[0]); }),
      [](const HostArray& x) {
        return permuted(x, {1, 0});
      },
      call([](const Tensors& t) { return t[0].t(); }));
  add(t_op, "vector", {3}, call([](const Tensors& t) { return t[0].t(); }), to_sizes({3}));
  add(t_op, "0-dimensional", {}, call([](const Tensors& t) { return t[0].t(); }), to_sizes({}));
  table.push_back(t_op);

  Op permute_op = view_op("permute");
  for (const Sizes& order : std::vector<Sizes>{{0, 1, 2}, {2, 0, 1}, {2, 1, 0}, {1, 2, 0}}) {
    add(
        permute_op, to_string(order), {2, 3, 4}, call([=](const Tensors& t) { return permute(t[0], order); }),
        [=](const HostArray& x) { return permuted(x, order); },
        call([=](const Tensors& t) { return t[0].permute(order); }));
  }
  add(permute_op, "negative", {2, 3, 4}, call([](const Tensors& t) {
        return permute(t[0], {-1, 0, -2});
      }),
      [](const HostArray& x) {
        return permuted(x, {2, 0, 1});
      });
  add(permute_op, "0-dimensional", {}, call([](const Tensors& t) { return permute(t[0], {}); }), to_sizes({}));
  table.push_back(permute_op);
}

void add_sizes_of_one(std::vector<Op>& table) {
  Op expand_op = view_op("expand");
  struct Case {
    Sizes from, asked, to;
  };
  for (const Case& c : std::vector<Case>{{{3, 1}, {3, 4}, {3, 4}},
                                         {{3}, {2, 3}, {2, 3}},
                                         {{1, 3}, {2, -1}, {2, 3}},
                                         {{}, {2, 2}, {2, 2}},
                                         {{3, 1}, {2, -1, 4}, {2, 3, 4}},
                                         {{1}, {0}, {0}},
                                         {{2, 3}, {2, 3}, {2, 3}}}) {
    const Sizes asked = c.asked, to = c.to;
    add(expand_op, to_string(c.from) + " to " + to_string(asked), c.from,
        call([=](const Tensors& t) { return t[0].expand(asked); }),
        [=](const HostArray& a) { return broadcast_to(a, to); });
  }
  table.push_back(expand_op);

  Op squeeze_op = view_op("squeeze");
  const auto squeezed = [&](const char* label, const Sizes& from, std::optional<int64_t> dim, const Sizes& to) {
    add(squeeze_op, label, from, call([=](const Tensors& t) { return dim ? squeeze(t[0], *dim) : squeeze(t[0]); }),
        to_sizes(to), call([=](const Tensors& t) { return dim ? t[0].squeeze(*dim) : t[0].squeeze(); }));
  };
  squeezed("all", {1, 3, 1, 2}, std::nullopt, {3, 2});
  squeezed("all of ones", {1, 1}, std::nullopt, {});
  squeezed("first", {1, 3, 1}, 0, {3, 1});
  squeezed("last", {1, 3, 1}, -1, {1, 3});
  squeezed("not of size one", {1, 3, 1}, 1, {1, 3, 1});
  squeezed("0-dimensional", {}, 0, {});
  table.push_back(squeeze_op);

  Op unsqueeze_op = view_op("unsqueeze");
  struct At {
    int64_t dim;
    Sizes to;
  };
  for (const At& c :
       std::vector<At>{{0, {1, 2, 3}}, {1, {2, 1, 3}}, {2, {2, 3, 1}}, {-1, {2, 3, 1}}, {-3, {1, 2, 3}}}) {
    const int64_t dim = c.dim;
    add(unsqueeze_op, std::to_string(dim), {2, 3}, call([=](const Tensors& t) { return unsqueeze(t[0], dim); }),
        to_sizes(c.to), call([=](const Tensors& t) { return t[0].unsqueeze(dim); }));
  }
  add(unsqueeze_op, "0-dimensional", {}, call([](const Tensors& t) { return unsqueeze(t[0], -1); }), to_sizes({1}));
  table.push_back(unsqueeze_op);
}

void add_parts(std::vector<Op>& table) {
  Op select_op = view_op("select");
  struct At {
    int64_t dim, index, wrapped_dim, wrapped_index;
  };
  for (const At& c : std::vector<At>{{0, 1, 0, 1}, {1, 0, 1, 0}, {2, -1, 2, 3}, {-1, 2, 2, 2}, {-2, -3, 1, 0}}) {
    add(
        select_op, std::to_string(c.dim) + " at " + std::to_string(c.index), {2, 3, 4},
        call([=](const Tensors& t) { return select(t[0], c.dim, c.index); }),
        [=](const HostArray& a) {
          HostArray part = strided(a, c.wrapped_dim, c.wrapped_index, 1, 1);
          part.sizes.erase(part.sizes.begin() + c.wrapped_dim);
          return part;
        },
        call([=](const Tensors& t) { return t[0].select(c.dim, c.index); }));
  }
  add(select_op, "operator[]", {3, 2}, call([](const Tensors& t) { return t[0][-1]; }),
      [](const HostArray& a) { return reshaped(strided(a, 0, 2, 1, 1), {2}); });
  table.push_back(select_op);

  Op slice_op = view_op("slice");
  struct Cut {
    int64_t dim;
    std::optional<int64_t> start, end;
    int64_t step, first, length;
  };
  for (const Cut& c : std::vector<Cut>{{0, std::nullopt, std::nullopt, 1, 0, 6},
                                       {0, 1, 4, 1, 1, 3},
                                       {0, 1, std::nullopt, 2, 1, 3},
                                       {0, -2, std::nullopt, 1, 4, 2},
                                       {0, std::nullopt, -2, 1, 0, 4},
                                       {0, 0, 100, 4, 0, 2},
                                       {0, -100, 2, 1, 0, 2},
                                       {0, 4, 2, 1, 4, 0},
                                       {0, 100, 200, 1, 6, 0},
                                       {-2, 2, 3, 1, 2, 1}}) {
    add(
        slice_op,
        std::to_string(c.start.value_or(-999)) + ":" + std::to_string(c.end.value_or(-999)) + ":" +
            std::to_string(c.step),
        {6, 3}, call([=](const Tensors& t) { return slice(t[0], c.dim, c.start, c.end, c.step); }),
        [=](const HostArray& a) { return strided(a, 0, c.length == 0 ? 0 : c.first, c.length, c.step); },
        call([=](const Tensors& t) { return t[0].slice(c.dim, c.start, c.end, c.step); }));
  }
  add(slice_op, "columns", {3, 6}, call([](const Tensors& t) { return slice(t[0], 1, 1, 6, 2); }),
      [](const HostArray& a) { return strided(a, 1, 1, 3, 2); });
  table.push_back(slice_op);

  Op narrow_op = view_op("narrow");
  for (const auto& [start, length, first] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{0, 4, 0}, {1, 2, 1}, {3, 1, 3}, {4, 0, 0}, {-2, 2, 2}}) {
    add(
        narrow_op, std::to_string(start) + " for " + std::to_string(length), {3, 4},
        call([s = start, l = length](const Tensors& t) { return narrow(t[0], 1, s, l); }),
        [f = first, l = length](const HostArray& a) { return strided(a, 1, f, l, 1); },
        call([s = start, l = length](const Tensors& t) { return t[0].narrow(-1, s, l); }));
  }
  table.push_back(narrow_op);

  Op diagonal_op = view_op("diagonal");
  for (const int64_t offset : {0, 1, -1, 3, -4}) {
    add(
        diagonal_op, "offset " + std::to_string(offset), {3, 4},
        call([=](const Tensors& t) { return diagonal(t[0], offset); }),
        [=](const HostArray& a) {
          HostArray out{{}, {0}};
          for (int64_t i = 0; i < 3; ++i) {
            if (i + offset >= 0 && i + offset < 4) out.data.push_back(a.at({i, i + offset}));
          }
          out.sizes[0] = out.numel();
          return out;
        },
        call([=](const Tensors& t) { return t[0].diagonal(offset); }));
  }
  add(diagonal_op, "dims", {2, 3, 2}, call([](const Tensors& t) { return diagonal(t[0], 0, -1, 0); }),
      [](const HostArray& a) {
        HostArray out = filled({3, 2});
        for (int64_t i = 0; i < 3; ++i)
          for (int64_t j = 0; j < 2; ++j) out.at({i, j}) = a.at({j, i, j});
        return out;
      });
  table.push_back(diagonal_op);

  // On contiguous tensors only: it speaks of the memory.
  Op strided_op = view_op("as_strided");
  struct Memory {
    Sizes sizes, strides;
    int64_t offset;
  };
  for (const Memory& m : std::vector<Memory>{{{2, 3}, {6, 2}, 0},  // every second column
                                             {{3, 2}, {1, 6}, 2},  // a transpose
                                             {{3, 3}, {1, 2}, 1},  // overlapping
                                             {{2, 4}, {0, 1}, 4},  // repeated
                                             {{}, {}, 11},
                                             {{0}, {1}, 0}}) {
    const Memory c = m;
    add(
        strided_op, to_string(c.sizes) + " by " + to_string(c.strides), {12},
        call([=](const Tensors& t) { return as_strided(t[0], c.sizes, c.strides, c.offset); }),
        [=](const HostArray& a) { return in_memory(a, c.sizes, c.strides, c.offset); },
        call([=](const Tensors& t) { return t[0].as_strided(c.sizes, c.strides, c.offset); }), false);
  }
  table.push_back(strided_op);
}

// A tensor as several.
void add_lists(std::vector<Op>& table) {
  const auto several = [](Op& op, const char* label, const Sizes& sizes, const Call& f, const Call& method,
                          const std::function<Arrays(const HostArray&)>& r) {
    op.variants.push_back({label, {value(sizes)}, f, ref([r](const Arrays& a) { return r(a[0]); }), method});
  };
  const auto cuts = [](int64_t dim, const std::vector<int64_t>& lengths) {
    return [=](const HostArray& a) {
      Arrays parts;
      int64_t start = 0;
      for (int64_t length : lengths) {
        parts.push_back(strided(a, dim, start, length, 1));
        start += length;
      }
      return parts;
    };
  };
  Op unbind_op = view_op("unbind");
  for (const int64_t dim : {0, 1}) {
    several(unbind_op, dim == 0 ? "rows" : "columns", {2, 3}, call([=](const Tensors& t) { return unbind(t[0], dim); }),
            call([=](const Tensors& t) { return t[0].unbind(dim - 2); }), [=](const HostArray& a) {
              Arrays parts;
              for (int64_t i = 0; i < a.sizes[static_cast<size_t>(dim)]; ++i) {
                parts.push_back(reshaped(strided(a, dim, i, 1, 1), {a.sizes[static_cast<size_t>(1 - dim)]}));
              }
              return parts;
            });
  }
  table.push_back(unbind_op);

  Op split_op = view_op("split");
  several(split_op, "even", {4, 3}, call([](const Tensors& t) { return split(t[0], 2); }),
          call([](const Tensors& t) { return t[0].split(2); }), cuts(0, {2, 2}));
  several(split_op, "rest", {3, 5}, call([](const Tensors& t) { return split(t[0], 2, 1); }),
          call([](const Tensors& t) { return t[0].split(2, -1); }), cuts(1, {2, 2, 1}));
  several(split_op, "one", {3}, call([](const Tensors& t) { return split(t[0], 10); }), nullptr, cuts(0, {3}));
  table.push_back(split_op);

  Op chunk_op = view_op("chunk");
  several(chunk_op, "even", {4, 3}, call([](const Tensors& t) { return chunk(t[0], 2); }),
          call([](const Tensors& t) { return t[0].chunk(2); }), cuts(0, {2, 2}));
  several(chunk_op, "rest", {3, 5}, call([](const Tensors& t) { return chunk(t[0], 3, 1); }),
          call([](const Tensors& t) { return t[0].chunk(3, -1); }), cuts(1, {2, 2, 1}));
  several(chunk_op, "fewer than asked", {5}, call([](const Tensors& t) { return chunk(t[0], 4); }), nullptr,
          cuts(0, {2, 2, 1}));
  table.push_back(chunk_op);
}

void add_joins(std::vector<Op>& table) {
  const auto joined = [](int64_t dim) {
    return ref([=](const Arrays& parts) {
      Sizes sizes = parts.back().sizes;
      sizes[static_cast<size_t>(dim)] = 0;
      for (const HostArray& p : parts) {
        if (p.sizes != Sizes{0}) sizes[static_cast<size_t>(dim)] += p.sizes[static_cast<size_t>(dim)];
      }
      HostArray out = filled(sizes);
      int64_t start = 0;
      for (const HostArray& p : parts) {
        if (p.sizes == Sizes{0} && sizes.size() != 1) continue;  // such a part is passed over
        size_t i = 0;
        for_each_index(p.sizes, [&](Sizes index) {
          index[static_cast<size_t>(dim)] += start;
          out.at(index) = p.data[i++];
        });
        start += p.sizes[static_cast<size_t>(dim)];
      }
      return out;
    });
  };
  Op cat_op;
  cat_op.name = "cat";
  cat_op.dtypes = kAllDtypes;
  struct Case {
    std::vector<Sizes> parts;
    int64_t asked, dim;
  };
  for (const Case& c : std::vector<Case>{{{{2, 3}, {1, 3}}, 0, 0},
                                         {{{2, 3}, {2, 1}, {2, 2}}, 1, 1},
                                         {{{2, 3}, {2, 3}}, -1, 1},
                                         {{{3}, {2}}, 0, 0},
                                         {{{4}}, 0, 0},
                                         {{{2, 3, 2}, {2, 1, 2}}, -2, 1},
                                         {{{0, 3}, {2, 3}}, 0, 0},
                                         {{{0}, {2, 3}}, 1, 1},
                                         {{{0}, {0}}, 0, 0},
                                         {{{35, 67}, {35, 66}}, 1, 1}}) {
    Variant v;
    v.label = std::to_string(c.parts.size()) + " along " + std::to_string(c.asked);
    for (const Sizes& s : c.parts) v.inputs.push_back(value(s));
    v.call = call([dim = c.asked](const Tensors& t) { return cat(t, dim); });
    v.reference = joined(c.dim);
    v.gradient = count(c.parts[0]) < 50;
    cat_op.variants.push_back(v);
  }
  table.push_back(cat_op);

  Op stack_op;
  stack_op.name = "stack";
  stack_op.dtypes = kAllDtypes;
  struct Stack {
    Sizes part;
    size_t parts;
    int64_t asked, dim;
  };
  for (const Stack& c : std::vector<Stack>{
           {{2, 3}, 2, 0, 0}, {{2, 3}, 3, 1, 1}, {{2, 3}, 2, -1, 2}, {{}, 3, 0, 0}, {{0}, 2, 0, 0}, {{4}, 1, 0, 0}}) {
    Variant v;
    v.label = std::to_string(c.parts) + " along " + std::to_string(c.asked);
    for (size_t i = 0; i < c.parts; ++i) v.inputs.push_back(value(c.part));
    v.call = call([dim = c.asked](const Tensors& t) { return stack(t, dim); });
    v.reference = ref([=, join = joined(c.dim)](const Arrays& parts) {
      Arrays raised = parts;
      for (HostArray& p : raised) p.sizes.insert(p.sizes.begin() + c.dim, 1);
      return join(raised)[0];
    });
    stack_op.variants.push_back(v);
  }
  table.push_back(stack_op);
}

}  // namespace

void add_shape_ops(std::vector<Op>& table) {
  add_reshapes(table);
  add_orders(table);
  add_sizes_of_one(table);
  add_parts(table);
  add_lists(table);
  add_joins(table);
  Op sum_to;
  sum_to.name = "sum_to_size";
  sum_to.dtypes = kFloatDtypes;
  sum_to.tolerance = {16, 64};
  for (const Sizes& to : std::vector<Sizes>{{3, 4}, {4}, {3, 1}, {1, 1}, {}}) {
    sum_to.variants.push_back({to_string(to),
                               {value({3, 4})},
                               call([=](const Tensors& t) { return t[0].sum_to_size(to); }),
                               ref([=](const Arrays& a) {
                                 HostArray out = filled(to);
                                 size_t i = 0;
                                 for_each_index(a[0].sizes, [&](const Sizes& index) {
                                   Sizes target(to.size());
                                   for (size_t d = 0; d < to.size(); ++d) {
                                     target[d] = to[d] == 1 ? 0 : index[d + 2 - to.size()];
                                   }
                                   out.at(target) += a[0].data[i++];
                                 });
                                 return out;
                               })});
  }
  table.push_back(sum_to);
}

}  // namespace ember::test
