// More rows of views: dimensions moved, taken apart, repeated without memory, windows.
#include "op_table.h"

namespace ember::test {
namespace {

Op op_named(const char* name, bool view) {
  Op op;
  op.name = name;
  op.dtypes = kAllDtypes;
  op.view = view;
  return op;
}

// A result of `sizes` whose element at an index is the input's at source(index).
using Source = std::function<Sizes(const Sizes&)>;
Reference from_index(Sizes sizes, Source source) {
  return ref([=](const Arrays& a) {
    HostArray out = filled(sizes);
    for_each_index(sizes, [&](const Sizes& index) { out.at(index) = a[0].at(source(index)); });
    return out;
  });
}
Reference in_sizes(Sizes sizes) {
  return ref([=](const Arrays& a) { return reshaped(a[0], sizes); });
}
Reference in_order(Sizes order) {
  return ref([=](const Arrays& a) { return permuted(a[0], order); });
}

template <class F, class M>
void add(Op& op, std::string label, const Sizes& sizes, Reference reference, F function, M method,
         InPlace in_place = nullptr) {
  Variant v{std::move(label), {value(sizes)}, call(function), std::move(reference), call(method), std::move(in_place)};
  op.variants.push_back(std::move(v));
}

void add_taken_apart(std::vector<Op>& table) {
  Op unflatten_op = op_named("unflatten", false);
  for (const auto& [dim, parts, to] : std::vector<std::tuple<int64_t, Sizes, Sizes>>{
           {0, {2, 3}, {2, 3, 4}}, {1, {2, -1}, {6, 2, 2}}, {-1, {1, 4}, {6, 1, 4}}, {-2, {6}, {6, 4}}}) {
    add(
        unflatten_op, to_string(parts) + " of " + std::to_string(dim), {6, 4}, in_sizes(to),
        [d = dim, p = parts](const Tensors& t) { return unflatten(t[0], d, p); },
        [d = dim, p = parts](const Tensors& t) { return t[0].unflatten(d, p); });
  }
  for (Variant& v : unflatten_op.variants) v.layouts = false;
  table.push_back(unflatten_op);

  Op ravel_op = op_named("ravel", false);
  for (const Sizes& sizes : std::vector<Sizes>{{2, 3}, {4}, {}, {0, 2}}) {
    add(
        ravel_op, to_string(sizes), sizes, in_sizes({count(sizes)}), [](const Tensors& t) { return ravel(t[0]); },
        [](const Tensors& t) { return t[0].ravel(); });
  }
  table.push_back(ravel_op);

  Op squeeze_op = op_named("squeeze_dims", true);
  for (const auto& [dims, to] : std::vector<std::pair<Sizes, Sizes>>{
           {{0, 2}, {3, 2}}, {{-2}, {1, 3, 2}}, {{}, {1, 3, 1, 2}}, {{1, 0}, {3, 1, 2}}, {{3}, {1, 3, 1, 2}}}) {
    add(
        squeeze_op, to_string(dims), {1, 3, 1, 2}, in_sizes(to),
        [d = dims](const Tensors& t) { return squeeze(t[0], IntArrayRef(d)); },
        [d = dims](const Tensors& t) { return t[0].squeeze(IntArrayRef(d)); },
        [d = dims](const Tensors& t) { t[0].squeeze_(IntArrayRef(d)); });
  }
  table.push_back(squeeze_op);

  // The other in-place forms.
  Op in_place = op_named("views_in_place", true);
  add(
      in_place, "squeeze_", {1, 3, 1}, in_sizes({3}), [](const Tensors& t) { return squeeze(t[0]); },
      [](const Tensors& t) { return t[0].squeeze(); }, [](const Tensors& t) { t[0].squeeze_(); });
  add(
      in_place, "squeeze_ of one", {1, 3, 1}, in_sizes({1, 3}), [](const Tensors& t) { return squeeze(t[0], -1); },
      [](const Tensors& t) { return t[0].squeeze(2); }, [](const Tensors& t) { t[0].squeeze_(2); });
  add(
      in_place, "unsqueeze_", {2, 3}, in_sizes({2, 1, 3}), [](const Tensors& t) { return unsqueeze(t[0], 1); },
      [](const Tensors& t) { return t[0].unsqueeze(-2); }, [](const Tensors& t) { t[0].unsqueeze_(1); });
  add(
      in_place, "transpose_", {2, 3, 4}, in_order({2, 1, 0}), [](const Tensors& t) { return swapdims(t[0], 0, 2); },
      [](const Tensors& t) { return t[0].swapaxes(0, -1); }, [](const Tensors& t) { t[0].transpose_(0, 2); });
  add(
      in_place, "t_", {2, 3}, in_order({1, 0}), [](const Tensors& t) { return ember::t(t[0]); },
      [](const Tensors& t) { return t[0].t(); }, [](const Tensors& t) { t[0].t_(); });
  table.push_back(in_place);
}

void add_moved(std::vector<Op>& table) {
  Op movedim_op = op_named("movedim", true);
  for (const auto& [from, to, order] : std::vector<std::tuple<Sizes, Sizes, Sizes>>{{{0}, {2}, {1, 2, 0}},
                                                                                    {{-1}, {0}, {2, 0, 1}},
                                                                                    {{0, 1}, {2, 0}, {1, 2, 0}},
                                                                                    {{0, 1, 2}, {2, 1, 0}, {2, 1, 0}},
                                                                                    {{}, {}, {0, 1, 2}}}) {
    add(
        movedim_op, to_string(from) + " to " + to_string(to), {2, 3, 4}, in_order(order),
        [f = from, t = to](const Tensors& x) { return movedim(x[0], IntArrayRef(f), IntArrayRef(t)); },
        [f = from, t = to](const Tensors& x) { return x[0].moveaxis(IntArrayRef(f), IntArrayRef(t)); });
  }
  add(
      movedim_op, "one", {2, 3, 4}, in_order({1, 0, 2}), [](const Tensors& t) { return movedim(t[0], 0, 1); },
      [](const Tensors& t) { return t[0].movedim(1, -3); });
  add(
      movedim_op, "0-dimensional", {}, in_sizes({}), [](const Tensors& t) { return movedim(t[0], 0, -1); },
      [](const Tensors& t) { return t[0].movedim(-1, 0); });
  table.push_back(movedim_op);

  Op turned = op_named("adjoint", true);
  add(
      turned, "adjoint", {2, 3, 4}, in_order({0, 2, 1}), [](const Tensors& t) { return adjoint(t[0]); },
      [](const Tensors& t) { return t[0].adjoint(); });
  add(
      turned, "mT", {2, 3}, in_order({1, 0}), [](const Tensors& t) { return t[0].mT(); },
      [](const Tensors& t) { return t[0].adjoint(); });
  add(
      turned, "numpy_T", {2, 3, 4}, in_order({2, 1, 0}), [](const Tensors& t) { return t[0].numpy_T(); },
      [](const Tensors& t) { return t[0].numpy_T(); });
  add(
      turned, "alias", {2, 3}, in_order({0, 1}), [](const Tensors& t) { return alias(t[0]); },
      [](const Tensors& t) { return t[0].alias(); });
  table.push_back(turned);

  Op broadcast_op = op_named("broadcast_to", true);
  for (const auto& [from, to] :
       std::vector<std::pair<Sizes, Sizes>>{{{3, 1}, {3, 4}}, {{3, 1}, {2, 3, 4}}, {{}, {2}}, {{2, 3}, {2, 3}}}) {
    Variant v{to_string(from) + " to " + to_string(to),
              {value(from)},
              call([to = to](const Tensors& t) { return broadcast_to(t[0], to); }),
              ref([to = to](const Arrays& a) { return broadcast_to(a[0], to); }),
              call([to = to](const Tensors& t) { return t[0].broadcast_to(to); })};
    broadcast_op.variants.push_back(v);
  }
  table.push_back(broadcast_op);

  Op both_op = op_named("broadcast_tensors", true);
  both_op.variants.push_back({"two",
                              {value({3, 1})},
                              call([](const Tensors& t) {
                                return broadcast_tensors({t[0], t[0].reshape({1, 3})});
                              }),
                              ref([](const Arrays& a) {
                                return Arrays{broadcast_to(a[0], {3, 3}), broadcast_to(reshaped(a[0], {1, 3}), {3, 3})};
                              })});
  both_op.view = false;
  table.push_back(both_op);
}

void add_windows(std::vector<Op>& table) {
  Op unfold_op = op_named("unfold", true);
  struct Case {
    Sizes from;
    int64_t dim, wrapped, size, step;
    Sizes to;
  };
  for (const Case& c : std::vector<Case>{{{8}, 0, 0, 3, 2, {3, 3}},
                                         {{8}, -1, 0, 2, 3, {3, 2}},
                                         {{5, 3}, 0, 0, 4, 1, {2, 3, 4}},
                                         {{3, 6}, 1, 1, 3, 3, {3, 2, 3}},
                                         {{3, 4}, 1, 1, 4, 9, {3, 1, 4}}}) {
    add(
        unfold_op, std::to_string(c.size) + " every " + std::to_string(c.step) + " of " + to_string(c.from), c.from,
        from_index(c.to,
                   [c](const Sizes& index) {
                     Sizes at = index;
                     at.pop_back();
                     at[static_cast<size_t>(c.wrapped)] = index[static_cast<size_t>(c.wrapped)] * c.step + index.back();
                     return at;
                   }),
        [c](const Tensors& t) { return t[0].unfold(c.dim, c.size, c.step); },
        [c](const Tensors& t) { return t[0].unfold(c.wrapped, c.size, c.step); });
  }
  table.push_back(unfold_op);

  // Of any tensor: what it shows depends on where its elements are, but the gradient must hold for all. The reference
  // reads the same memory.
  Op strided_op = op_named("as_strided_of_views", false);
  const auto strided_case = [&](const char* label, Call f, std::function<HostArray(const HostArray&)> r) {
    Variant v{label, {value({4, 5})}, std::move(f), ref([r](const Arrays& a) { return r(a[0]); })};
    v.layouts = false;
    strided_op.variants.push_back(v);
  };
  strided_case("of a row, in front of it", call([](const Tensors& t) { return t[0][2].as_strided({3}, {2}, 1); }),
               [](const HostArray& a) { return in_memory(a, {3}, {2}, 1); });
  strided_case("of columns apart", call([](const Tensors& t) {
                 return t[0].slice(1, 1, 5, 2).as_strided({3, 3}, {4, 1}, 2);
               }),
               [](const HostArray& a) {
                 return in_memory(a, {3, 3}, {4, 1}, 2);
               });
  strided_case("of a repeated one", call([](const Tensors& t) {
                 return t[0].slice(1, 0, 1).expand({4, 3}).as_strided({2, 2}, {5, 0}, 5);
               }),
               [](const HostArray& a) {
                 return in_memory(a, {2, 2}, {5, 0}, 5);
               });
  strided_case("of an overlapping one", call([](const Tensors& t) {
                 return t[0].as_strided({3, 3}, {1, 1}).as_strided({4}, {1}, 1);
               }),
               [](const HostArray& a) { return in_memory(a, {4}, {1}, 1); });
  // Elements in memory that the input does not show, or shows several times, have no gradient that differences see.
  for (Variant& v : strided_op.variants) v.gradient = v.label == "of columns apart" ? false : v.gradient;
  strided_op.variants[0].gradient = false;
  strided_op.variants.push_back({"of a transpose",
                                 {value({4, 5})},
                                 call([](const Tensors& t) {
                                   return t[0].t().as_strided({2, 3}, {2, 3}, 1);
                                 }),
                                 ref([](const Arrays& a) {
                                   return in_memory(a[0], {2, 3}, {2, 3}, 1);
                                 })});
  strided_op.variants.back().layouts = false;
  table.push_back(strided_op);
}

// Lists of parts.
void add_splits(std::vector<Op>& table) {
  const auto cuts = [](int64_t dim, std::vector<std::pair<int64_t, int64_t>> ranges) {
    return ref([=](const Arrays& a) {
      Arrays parts;
      for (const auto& [start, length] : ranges) {
        parts.push_back(strided(a[0], dim, length == 0 ? 0 : start, length, 1));
      }
      return parts;
    });
  };
  const auto several = [](Op& op, const char* label, const Sizes& sizes, Call f, Call method, Reference r) {
    op.variants.push_back({label, {value(sizes)}, std::move(f), std::move(r), std::move(method)});
  };
  Op sizes_op = op_named("split_with_sizes", true);
  several(sizes_op, "rows", {4, 3}, call([](const Tensors& t) {
            return split_with_sizes(t[0], {1, 3});
          }),
          call([](const Tensors& t) {
            return t[0].split(std::vector<int64_t>{1, 3});
          }),
          cuts(0, {{0, 1}, {1, 3}}));
  several(sizes_op, "columns, one empty", {2, 3}, call([](const Tensors& t) {
            return split(t[0], {2, 0, 1}, 1);
          }),
          call([](const Tensors& t) {
            return t[0].split_with_sizes({2, 0, 1}, -1);
          }),
          cuts(1, {{0, 2}, {2, 0}, {2, 1}}));
  table.push_back(sizes_op);

  Op tensor_op = op_named("tensor_split", true);
  several(tensor_op, "sections", {5, 2}, call([](const Tensors& t) { return tensor_split(t[0], 3); }),
          call([](const Tensors& t) { return t[0].tensor_split(3, -2); }), cuts(0, {{0, 2}, {2, 2}, {4, 1}}));
  several(tensor_op, "indices", {2, 5}, call([](const Tensors& t) {
            return tensor_split(t[0], {1, -1, 9}, 1);
          }),
          call([](const Tensors& t) {
            return t[0].tensor_split(std::vector<int64_t>{1, 4, 5}, 1);
          }),
          cuts(1, {{0, 1}, {1, 3}, {4, 1}, {0, 0}}));
  several(tensor_op, "a tensor", {4}, call([](const Tensors& t) {
            return tensor_split(t[0], tensor({1, 3}));
          }),
          call([](const Tensors& t) {
            return t[0].tensor_split(tensor({1, 3}));
          }),
          cuts(0, {{0, 1}, {1, 2}, {3, 1}}));
  several(tensor_op, "a tensor of one number", {4},
          call([](const Tensors& t) { return tensor_split(t[0], tensor(2)); }),
          call([](const Tensors& t) { return t[0].tensor_split(2); }), cuts(0, {{0, 2}, {2, 2}}));
  table.push_back(tensor_op);

  Op others = op_named("hsplit", true);
  several(others, "hsplit", {2, 4}, call([](const Tensors& t) { return hsplit(t[0], 2); }),
          call([](const Tensors& t) { return t[0].hsplit(std::vector<int64_t>{2}); }), cuts(1, {{0, 2}, {2, 2}}));
  several(others, "hsplit of a vector", {4}, call([](const Tensors& t) { return hsplit(t[0], 2); }),
          call([](const Tensors& t) { return t[0].hsplit(2); }), cuts(0, {{0, 2}, {2, 2}}));
  several(others, "vsplit", {4, 2}, call([](const Tensors& t) { return vsplit(t[0], 2); }),
          call([](const Tensors& t) { return t[0].vsplit(std::vector<int64_t>{2}); }), cuts(0, {{0, 2}, {2, 2}}));
  several(others, "dsplit", {2, 1, 4}, call([](const Tensors& t) { return dsplit(t[0], 2); }),
          call([](const Tensors& t) { return t[0].dsplit(std::vector<int64_t>{2}); }), cuts(2, {{0, 2}, {2, 2}}));
  table.push_back(others);
}

}  // namespace

void add_view_ops(std::vector<Op>& table) {
  add_taken_apart(table);
  add_moved(table);
  add_windows(table);
  add_splits(table);
}

}  // namespace ember::test
