// Rows of what copies elements into another arrangement: joins, repetitions, turns, padding, grids.
#include <algorithm>

#include "op_table.h"

namespace ember::test {
namespace {

Op op_named(const char* name) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  return op;
}

// A result of `sizes` whose element at an index is the input's at source(index), or `other` where that is empty.
using Source = std::function<std::optional<Sizes>(const Sizes&)>;
Reference from_index(Sizes sizes, Source source, double other = 0) {
  return ref([=](const Arrays& a) {
    HostArray out = filled(sizes, other);
    for_each_index(sizes, [&](const Sizes& index) {
      if (const std::optional<Sizes> at = source(index)) out.at(index) = a[0].at(*at);
    });
    return out;
  });
}

template <class F, class M>
void add(Op& op, std::string label, const Sizes& sizes, Reference reference, F function, M method) {
  op.variants.push_back({std::move(label), {value(sizes)}, call(function), std::move(reference), call(method)});
}

void add_repeats(std::vector<Op>& table) {
  Op repeat_op = op_named("repeat");
  Op tile_op = op_named("tile");
  for (const auto& [from, times] : std::vector<std::pair<Sizes, Sizes>>{{{2, 3}, {2, 2}},
                                                                        {{2, 3}, {1, 3}},
                                                                        {{3}, {2, 1, 2}},
                                                                        {{}, {3}},
                                                                        {{1, 2}, {3, 1}},
                                                                        {{2}, {0}},
                                                                        {{2, 3}, {1, 1}}}) {
    Sizes to = times;
    const size_t added = times.size() - from.size();
    for (size_t d = 0; d < from.size(); ++d) to[added + d] *= from[d];
    const auto source = [from = from, added](const Sizes& index) {
      Sizes at(from.size());
      for (size_t d = 0; d < from.size(); ++d) at[d] = index[added + d] % from[d];
      return std::optional<Sizes>(at);
    };
    const auto by_tile = [n = times](const Tensors& t) { return tile(t[0], n); };
    add(
        repeat_op, to_string(from) + " " + to_string(times), from, from_index(to, source),
        [n = times](const Tensors& t) { return t[0].repeat(n); }, by_tile);
    add(tile_op, to_string(from) + " " + to_string(times), from, from_index(to, source), by_tile,
        [n = times](const Tensors& t) { return t[0].tile(n); });
  }
  add(
      tile_op, "fewer than dimensions", {2, 3},
      from_index({2, 6},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{i[0], i[1] % 3});
                 }),
      [](const Tensors& t) { return tile(t[0], {2}); }, [](const Tensors& t) { return t[0].tile({2}); });
  table.push_back(repeat_op);
  table.push_back(tile_op);

  Op each_op = op_named("repeat_interleave");
  add(
      each_op, "all", {2, 2},
      from_index({8},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{i[0] / 4, i[0] / 2 % 2});
                 }),
      [](const Tensors& t) { return repeat_interleave(t[0], 2); },
      [](const Tensors& t) { return t[0].repeat_interleave(2, std::nullopt, 8); });
  add(
      each_op, "columns", {2, 3},
      from_index({2, 6},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{i[0], i[1] / 2});
                 }),
      [](const Tensors& t) { return repeat_interleave(t[0], 2, 1); },
      [](const Tensors& t) { return t[0].repeat_interleave(tensor({2}).to(t[0].device()), -1); });
  add(
      each_op, "different counts", {3, 2},
      from_index({3, 2},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{i[0] == 0 ? 0 : 2, i[1]});
                 }),
      [](const Tensors& t) {
        return repeat_interleave(t[0], tensor({1, 0, 2}).to(t[0].device()), 0);
      },
      [](const Tensors& t) {
        return t[0].repeat_interleave(tensor({1, 0, 2}).to(t[0].device()), 0, 3);
      });
  table.push_back(each_op);
}

void add_turns(std::vector<Op>& table) {
  Op roll_op = op_named("roll");
  struct Roll {
    Sizes shifts, dims;
    int64_t rows, columns;  // by which it moves in each
  };
  for (const Roll& r : std::vector<Roll>{
           {{1}, {0}, 1, 0}, {{-1}, {1}, 0, -1}, {{4, 7}, {1, 0}, 7, 4}, {{1, 1}, {1, 1}, 0, 2}, {{0}, {0}, 0, 0}}) {
    add(
        roll_op, to_string(r.shifts) + " in " + to_string(r.dims), {2, 3},
        from_index(
            {2, 3},
            [r](const Sizes& i) {
              return std::optional<Sizes>(Sizes{((i[0] - r.rows) % 2 + 2) % 2, ((i[1] - r.columns) % 3 + 3) % 3});
            }),
        [r](const Tensors& t) { return roll(t[0], r.shifts, r.dims); },
        [r](const Tensors& t) { return t[0].roll(r.shifts, r.dims); });
  }
  add(
      roll_op, "as one row", {2, 3},
      from_index({2, 3},
                 [](const Sizes& i) {
                   const int64_t at = (i[0] * 3 + i[1] + 5) % 6;
                   return std::optional<Sizes>(Sizes{at / 3, at % 3});
                 }),
      [](const Tensors& t) { return roll(t[0], {1}); }, [](const Tensors& t) { return t[0].roll({-5}); });
  table.push_back(roll_op);

  Op flip_op = op_named("flip");
  for (const Sizes& dims : std::vector<Sizes>{{0}, {1}, {0, 2}, {-1, 0, 1}, {}}) {
    add(
        flip_op, to_string(dims), {2, 3, 4},
        from_index({2, 3, 4},
                   [dims](const Sizes& i) {
                     Sizes at = i;
                     const Sizes sizes = {2, 3, 4};
                     for (const int64_t d : dims) {
                       const auto w = static_cast<size_t>((d + 3) % 3);
                       at[w] = sizes[w] - 1 - i[w];
                     }
                     return std::optional<Sizes>(at);
                   }),
        [dims](const Tensors& t) { return flip(t[0], dims); }, [dims](const Tensors& t) { return t[0].flip(dims); });
  }
  add(
      flip_op, "fliplr", {2, 3},
      from_index({2, 3},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{i[0], 2 - i[1]});
                 }),
      [](const Tensors& t) { return fliplr(t[0]); }, [](const Tensors& t) { return t[0].fliplr(); });
  add(
      flip_op, "flipud", {3}, from_index({3}, [](const Sizes& i) { return std::optional<Sizes>(Sizes{2 - i[0]}); }),
      [](const Tensors& t) { return flipud(t[0]); }, [](const Tensors& t) { return t[0].flipud(); });
  add(
      flip_op, "wide", {70, 90},
      from_index({70, 90},
                 [](const Sizes& i) {
                   return std::optional<Sizes>(Sizes{69 - i[0], 89 - i[1]});
                 }),
      [](const Tensors& t) {
        return flip(t[0], {0, 1});
      },
      [](const Tensors& t) {
        return t[0].flip({1, 0});
      });
  flip_op.variants.back().gradient = false;
  table.push_back(flip_op);

  Op rot_op = op_named("rot90");
  for (const int64_t k : {0, 1, 2, 3, -1, 6}) {
    const int64_t turns = (k % 4 + 4) % 4;
    add(
        rot_op, std::to_string(k), {2, 3},
        from_index(turns % 2 == 0 ? Sizes{2, 3} : Sizes{3, 2},
                   [turns](const Sizes& i) {
                     switch (turns) {
                       case 1: return std::optional<Sizes>(Sizes{i[1], 2 - i[0]});
                       case 2: return std::optional<Sizes>(Sizes{1 - i[0], 2 - i[1]});
                       case 3: return std::optional<Sizes>(Sizes{1 - i[1], i[0]});
                       default: return std::optional<Sizes>(i);
                     }
                   }),
        [k](const Tensors& t) { return rot90(t[0], k); },
        [k](const Tensors& t) {
          return t[0].rot90(k, {-2, -1});
        });
  }
  table.push_back(rot_op);

  Op pad_op = op_named("constant_pad_nd");
  struct Pad {
    Sizes pad;
    int64_t top, left;
    Sizes to;
  };
  for (const Pad& p : std::vector<Pad>{{{1, 2}, 0, 1, {2, 6}},
                                       {{0, 1, 2, 0}, 2, 0, {4, 4}},
                                       {{-1, 1}, 0, -1, {2, 3}},
                                       {{-1, -1, -1, 0}, -1, -1, {1, 1}},
                                       {{}, 0, 0, {2, 3}},
                                       {{-2, 3, 1, -1}, 1, -2, {2, 4}}}) {
    const auto pad = [p](const Tensors& t) { return constant_pad_nd(t[0], p.pad, 1); };
    const bool cut = p.pad == Sizes{-2, 3, 1, -1};
    add(pad_op, to_string(p.pad), {2, 3},
        from_index(
            p.to,
            [p, cut](const Sizes& i) {
              const Sizes at = {i[0] - p.top, i[1] - p.left};
              const bool inside = at[0] >= 0 && at[0] < (cut ? 1 : 2) && at[1] >= 0 && at[1] < 3;
              return inside ? std::optional<Sizes>(at) : std::nullopt;
            },
            1),
        pad, pad);
  }
  table.push_back(pad_op);
}

HostArray joined(const Arrays& parts, size_t dim) {
  Sizes sizes = parts[0].sizes;
  sizes[dim] = 0;
  for (const HostArray& p : parts) sizes[dim] += p.sizes[dim];
  HostArray out = filled(sizes);
  int64_t start = 0;
  for (const HostArray& p : parts) {
    size_t i = 0;
    for_each_index(p.sizes, [&](Sizes index) {
      index[dim] += start;
      out.at(index) = p.data[i++];
    });
    start += p.sizes[dim];
  }
  return out;
}

void add_stacks(std::vector<Op>& table) {
  struct Stack {
    const char* name;
    Tensor (*f)(TensorList);
    std::vector<Sizes> parts;
    std::vector<Sizes> as;  // the sizes with which they are joined
    size_t dim;
  };
  const std::vector<Stack> stacks = {{"hstack", &hstack, {{2, 3}, {2, 1}}, {{2, 3}, {2, 1}}, 1},
                                     {"hstack", &hstack, {{2}, {3}}, {{2}, {3}}, 0},
                                     {"hstack", &hstack, {{}, {}}, {{1}, {1}}, 0},
                                     {"vstack", &vstack, {{3}, {2, 3}}, {{1, 3}, {2, 3}}, 0},
                                     {"vstack", &vstack, {{}, {}}, {{1, 1}, {1, 1}}, 0},
                                     {"row_stack", &row_stack, {{2, 3}, {1, 3}}, {{2, 3}, {1, 3}}, 0},
                                     {"dstack", &dstack, {{2, 3}, {2, 3}}, {{2, 3, 1}, {2, 3, 1}}, 2},
                                     {"dstack", &dstack, {{3}, {1, 3}}, {{1, 3, 1}, {1, 3, 1}}, 2},
                                     {"column_stack", &column_stack, {{2}, {2, 3}}, {{2, 1}, {2, 3}}, 1},
                                     {"column_stack", &column_stack, {{}, {1}}, {{1, 1}, {1, 1}}, 1}};
  for (const char* name : {"hstack", "vstack", "row_stack", "dstack", "column_stack"}) {
    Op op = op_named(name);
    for (const Stack& s : stacks) {
      if (std::string(s.name) != name) continue;
      Variant v;
      for (const Sizes& sizes : s.parts) {
        v.label += to_string(sizes);
        v.inputs.push_back(value(sizes));
      }
      v.call = call([f = s.f](const Tensors& t) { return f(t); });
      v.reference = ref([s](const Arrays& a) {
        Arrays parts;
        for (size_t i = 0; i < a.size(); ++i) parts.push_back(reshaped(a[i], s.as[i]));
        return joined(parts, s.dim);
      });
      op.variants.push_back(v);
    }
    table.push_back(op);
  }

  Op block_op = op_named("block_diag");
  block_op.variants.push_back({"three",
                               {value({2, 3}), value({2}), value({})},
                               call([](const Tensors& t) { return block_diag(t); }),
                               ref([](const Arrays& a) {
                                 HostArray out = filled({4, 6});
                                 for (int64_t r = 0; r < 2; ++r)
                                   for (int64_t c = 0; c < 3; ++c) out.at({r, c}) = a[0].at({r, c});
                                 for (int64_t c = 0; c < 2; ++c) out.at({2, 3 + c}) = a[1].data[static_cast<size_t>(c)];
                                 out.at({3, 5}) = a[2].data[0];
                                 return out;
                               })});
  block_op.variants.push_back({"an empty one",
                               {value({0, 2}), value({1, 1})},
                               call([](const Tensors& t) { return block_diag(t); }),
                               ref([](const Arrays& a) {
                                 HostArray out = filled({1, 3});
                                 out.data[2] = a[1].data[0];
                                 return out;
                               })});
  table.push_back(block_op);

  Op atleast = op_named("atleast");
  for (const auto& [from, one, two, three] : std::vector<std::tuple<Sizes, Sizes, Sizes, Sizes>>{
           {{}, {1}, {1, 1}, {1, 1, 1}}, {{3}, {3}, {1, 3}, {1, 3, 1}}, {{2, 3}, {2, 3}, {2, 3}, {2, 3, 1}}}) {
    atleast.variants.push_back(
        {to_string(from),
         {value(from)},
         call([](const Tensors& t) {
           return Tensors{atleast_1d(t[0]), atleast_2d(t[0]), atleast_3d(t[0])};
         }),
         ref([o = one, w = two, h = three](const Arrays& a) {
           return Arrays{reshaped(a[0], o), reshaped(a[0], w), reshaped(a[0], h)};
         }),
         call([](const Tensors& t) {
           return Tensors{atleast_1d(TensorList(t))[0], atleast_2d(TensorList(t))[0], atleast_3d(TensorList(t))[0]};
         })});
  }
  table.push_back(atleast);
}

void add_grids(std::vector<Op>& table) {
  const auto grid = [](size_t which, bool turned) {
    return [=](const Arrays& a) {
      HostArray out = filled(turned ? Sizes{2, 3} : Sizes{3, 2});
      for_each_index(out.sizes, [&](const Sizes& i) {
        out.at(i) = a[which].data[static_cast<size_t>(i[which == 0 ? (turned ? 1 : 0) : (turned ? 0 : 1)])];
      });
      return out;
    };
  };
  Op mesh_op = op_named("meshgrid");
  mesh_op.variants.push_back({"ij",
                              {value({3}), value({2})},
                              call([](const Tensors& t) { return meshgrid(t, "ij"); }),
                              ref([=](const Arrays& a) {
                                return Arrays{grid(0, false)(a), grid(1, false)(a)};
                              }),
                              call([](const Tensors& t) { return meshgrid(t); })});
  mesh_op.variants.push_back({"xy",
                              {value({3}), value({2})},
                              call([](const Tensors& t) { return meshgrid(t, "xy"); }),
                              ref([=](const Arrays& a) {
                                return Arrays{grid(0, true)(a), grid(1, true)(a)};
                              })});
  table.push_back(mesh_op);

  Op product_op = op_named("cartesian_prod");
  product_op.variants.push_back({"two",
                                 {value({3}), value({2})},
                                 call([](const Tensors& t) { return cartesian_prod(t); }),
                                 ref([](const Arrays& a) {
                                   HostArray out = filled({6, 2});
                                   for (int64_t i = 0; i < 6; ++i) {
                                     out.at({i, 0}) = a[0].data[static_cast<size_t>(i / 2)];
                                     out.at({i, 1}) = a[1].data[static_cast<size_t>(i % 2)];
                                   }
                                   return out;
                                 })});
  product_op.variants.push_back(
      {"one", {value({3})}, call([](const Tensors& t) { return cartesian_prod(t); }), ref([](const Arrays& a) {
         return a[0];
       })});
  table.push_back(product_op);

  Op combinations_op = op_named("combinations");
  const auto chosen = [&](const char* label, int64_t r, bool again, std::vector<Sizes> rows) {
    const auto f = [=](const Tensors& t) { return combinations(t[0], r, again); };
    add(combinations_op, label, {4},
        from_index({static_cast<int64_t>(rows.size()), r},
                   [rows](const Sizes& i) {
                     return std::optional<Sizes>(Sizes{rows[static_cast<size_t>(i[0])][static_cast<size_t>(i[1])]});
                   }),
        f, f);
  };
  chosen("two", 2, false, {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}});
  chosen("three", 3, false, {{0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}});
  chosen("two again", 2, true, {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 1}, {1, 2}, {1, 3}, {2, 2}, {2, 3}, {3, 3}});
  chosen("all", 4, false, {{0, 1, 2, 3}});
  chosen("too many", 5, false, {});
  table.push_back(combinations_op);
}

}  // namespace

void add_arrange_ops(std::vector<Op>& table) {
  add_repeats(table);
  add_turns(table);
  add_stacks(table);
  add_grids(table);
}

}  // namespace ember::test
