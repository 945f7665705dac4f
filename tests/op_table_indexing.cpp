// Rows of indexing by several tensors, by masks, and of writing at indices.
#include <limits>

#include "op_table.h"

namespace ember::test {
namespace {

using Indices = std::vector<std::optional<Tensor>>;

// A call of self[…] with index tensors for some of the dimensions.
struct Advanced {
  Sizes self;
  std::vector<int64_t> dims;  // of the index tensors, ascending
  std::vector<Input> indices;
};

int64_t wrapped(double index, int64_t size) {
  const auto i = static_cast<int64_t>(index);
  return i < 0 ? i + size : i;
}

// The sizes of self[…]; calls f(position in the result, position in self) in row-major order.
Sizes for_each_indexed(const Sizes& self, const std::vector<int64_t>& dims, const Arrays& indices,
                       const std::function<void(const Sizes&, const Sizes&)>& f) {
  Sizes shape;
  for (const HostArray& i : indices) shape = broadcast_sizes(shape, i.sizes);
  const bool adjacent = dims.back() - dims.front() + 1 == static_cast<int64_t>(dims.size());
  const size_t position = adjacent ? static_cast<size_t>(dims.front()) : 0;
  Sizes sizes;
  std::vector<size_t> others;
  for (size_t d = 0; d < self.size(); ++d) {
    if (std::find(dims.begin(), dims.end(), static_cast<int64_t>(d)) != dims.end()) continue;
    others.push_back(d);
    sizes.push_back(self[d]);
  }
  sizes.insert(sizes.begin() + static_cast<int64_t>(position), shape.begin(), shape.end());
  Arrays spread;
  for (const HostArray& i : indices) spread.push_back(broadcast_to(i, shape));
  for_each_index(sizes, [&](const Sizes& at) {
    Sizes where(self.size());
    for (size_t k = 0; k < others.size(); ++k) where[others[k]] = at[k < position ? k : k + shape.size()];
    const Sizes among(at.begin() + static_cast<int64_t>(position),
                      at.begin() + static_cast<int64_t>(position + shape.size()));
    for (size_t k = 0; k < dims.size(); ++k) {
      const auto d = static_cast<size_t>(dims[k]);
      where[d] = wrapped(spread[k].at(among), self[d]);
    }
    f(at, where);
  });
  return sizes;
}

Indices index_list(const Tensors& t, size_t from, const std::vector<int64_t>& dims) {
  Indices list(static_cast<size_t>(dims.back()) + 1);
  for (size_t k = 0; k < dims.size(); ++k) list[static_cast<size_t>(dims[k])] = t[from + k];
  return list;
}

void add_index(std::vector<Op>& table, const std::vector<Advanced>& cases) {
  Op read_op;
  read_op.name = "index";
  read_op.dtypes = kAllDtypes;
  Op put_op;
  put_op.name = "index_put";
  put_op.dtypes = kAllDtypes;
  Op add_op;
  add_op.name = "index_put_accumulate";
  add_op.dtypes = kNumericDtypes;
  add_op.tolerance = {8, 64, true};
  for (const Advanced& c : cases) {
    const std::vector<int64_t> dims = c.dims;
    std::string label = to_string(c.self);
    for (const int64_t d : dims) label.append(" ").append(std::to_string(d));
    std::vector<Input> inputs = {value(c.self)};
    inputs.insert(inputs.end(), c.indices.begin(), c.indices.end());
    Variant v{label, inputs, call([dims](const Tensors& t) { return index(t[0], index_list(t, 1, dims)); }),
              ref([dims](const Arrays& a) {
                const Arrays indices(a.begin() + 1, a.end());
                HostArray out = filled(for_each_indexed(a[0].sizes, dims, indices, [](const Sizes&, const Sizes&) {}));
                for_each_indexed(a[0].sizes, dims, indices,
                                 [&](const Sizes& to, const Sizes& from) { out.at(to) = a[0].at(from); });
                return out;
              }),
              call([dims](const Tensors& t) { return t[0].index(index_list(t, 1, dims)); })};
    read_op.variants.push_back(v);

    Arrays host;
    for (const Input& i : c.indices) host.push_back({i.values, i.sizes});
    const Sizes sizes = for_each_indexed(c.self, dims, host, [](const Sizes&, const Sizes&) {});
    for (const bool accumulate : {false, true}) {
      // Values that broadcast: without the first dimension, if that is more than one.
      Sizes given = sizes;
      if (accumulate && given.size() > 1) given.erase(given.begin());
      std::vector<Input> in = {value(c.self), value(given)};
      in.insert(in.end(), c.indices.begin(), c.indices.end());
      Variant w{label,
                in,
                call([=](const Tensors& t) { return index_put(t[0], index_list(t, 2, dims), t[1], accumulate); }),
                ref([=](const Arrays& a) {
                  HostArray out = a[0];
                  const HostArray values = broadcast_to(a[1], sizes);
                  for_each_indexed(a[0].sizes, dims, Arrays(a.begin() + 2, a.end()),
                                   [&](const Sizes& from, const Sizes& to) {
                                     out.at(to) = (accumulate ? out.at(to) : 0) + values.at(from);
                                   });
                  return out;
                }),
                call([=](const Tensors& t) { return t[0].index_put(index_list(t, 2, dims), t[1], accumulate); }),
                [=](const Tensors& t) { t[0].index_put_(index_list(t, 2, dims), t[1], accumulate); }};
      // Of several values for one place only the last stays, but the gradient, as PyTorch's, goes to all.
      w.gradient = accumulate;
      (accumulate ? add_op : put_op).variants.push_back(w);
    }
  }
  Variant distinct{"distinct",
                   {value({4, 3}), value({2, 3}), index({2}, {3, -3})},
                   call([](const Tensors& t) { return index_put(t[0], Indices{t[2]}, t[1]); }),
                   ref([](const Arrays& a) {
                     HostArray out = a[0];
                     for (int64_t j = 0; j < 3; ++j) {
                       for (int64_t i = 0; i < 2; ++i) {
                         out.at({wrapped(a[2].data[static_cast<size_t>(i)], 4), j}) = a[1].at({i, j});
                       }
                     }
                     return out;
                   })};
  distinct.layouts = false;
  put_op.variants.push_back(distinct);
  table.push_back(read_op);
  table.push_back(put_op);
  table.push_back(add_op);
}

// Every element under the mask in row-major order: f(position).
void under(const HostArray& mask, const Sizes& sizes, const std::function<void(const Sizes&)>& f) {
  const HostArray m = broadcast_to(mask, sizes);
  for_each_index(sizes, [&](const Sizes& at) {
    if (m.at(at) != 0) f(at);
  });
}

void add_masked(std::vector<Op>& table) {
  Op select_op;
  select_op.name = "masked_select";
  select_op.dtypes = kAllDtypes;
  Op scatter_op;
  scatter_op.name = "masked_scatter";
  scatter_op.dtypes = kAllDtypes;
  Op where_op;
  where_op.name = "nonzero";
  where_op.dtypes = kAllDtypes;
  where_op.result = Result::Index;
  where_op.differentiable = false;
  Op mask_op;
  mask_op.name = "index_mask";
  mask_op.dtypes = kAllDtypes;
  for (const auto& [self, mask_sizes] : std::vector<std::pair<Sizes, Sizes>>{{{3, 4}, {3, 4}},
                                                                             {{3, 4}, {4}},
                                                                             {{2, 3, 2}, {3, 1}},
                                                                             {{7}, {7}},
                                                                             {{}, {}},
                                                                             {{0, 3}, {0, 3}},
                                                                             {{70, 300}, {70, 300}}}) {
    const std::string label = to_string(self) + " under " + to_string(mask_sizes);
    const bool small = count(self) < 50;
    Variant v{label,
              {value(self), mask(mask_sizes)},
              call([](const Tensors& t) { return masked_select(t[0], t[1]); }),
              ref([](const Arrays& a) {
                HostArray out{{}, {0}};
                under(a[1], a[0].sizes, [&](const Sizes& at) { out.data.push_back(a[0].at(at)); });
                out.sizes = {out.numel()};
                return out;
              }),
              call([](const Tensors& t) { return t[0].masked_select(t[1]); })};
    v.gradient = small;
    select_op.variants.push_back(v);
    Variant w{label,
              {value(self), mask(mask_sizes), value({count(self) + 1})},
              call([](const Tensors& t) { return masked_scatter(t[0], t[1], t[2]); }),
              ref([](const Arrays& a) {
                HostArray out = a[0];
                size_t i = 0;
                under(a[1], a[0].sizes, [&](const Sizes& at) { out.at(at) = a[2].data[i++]; });
                return out;
              }),
              call([](const Tensors& t) { return t[0].masked_scatter(t[1], t[2]); }),
              [](const Tensors& t) { t[0].masked_scatter_(t[1], t[2]); }};
    w.gradient = small;
    scatter_op.variants.push_back(w);
    // Of the values themselves, many of which are made zero.
    where_op.variants.push_back({label,
                                 {value(self, -1, 1)},
                                 call([](const Tensors& t) { return nonzero(t[0]); }),
                                 ref([](const Arrays& a) {
                                   HostArray out{{}, {0, a[0].dim()}};
                                   for_each_index(a[0].sizes, [&](const Sizes& at) {
                                     if (a[0].at(at) == 0) return;
                                     ++out.sizes[0];
                                     for (const int64_t i : at) out.data.push_back(static_cast<double>(i));
                                   });
                                   return out;
                                 }),
                                 call([](const Tensors& t) { return t[0].nonzero(); })});
    if (self != mask_sizes || self.empty()) continue;
    Variant m{label,
              {value(self), mask(mask_sizes)},
              call([](const Tensors& t) { return index(t[0], Indices{t[1]}); }),
              v.reference,
              call([](const Tensors& t) { return t[0].index({t[1]}); })};
    m.gradient = small;
    mask_op.variants.push_back(m);
  }
  table.push_back(select_op);
  table.push_back(scatter_op);
  table.push_back(where_op);
  table.push_back(mask_op);
}

void add_take(std::vector<Op>& table) {
  Op take_op;
  take_op.name = "take";
  take_op.dtypes = kAllDtypes;
  Op put_op;
  put_op.name = "put";
  put_op.dtypes = kAllDtypes;
  Op add_op;
  add_op.name = "put_accumulate";
  add_op.dtypes = kNumericDtypes;
  add_op.tolerance = {8, 64, true};
  struct Row {
    Sizes self, index;
    std::vector<double> values;
    bool repeated;
  };
  for (const Row& c : std::vector<Row>{{{3, 4}, {4}, {0, -1, 5, 7}, false},
                                       {{3, 4}, {2, 3}, {0, 0, -1, 11, 3, 0}, true},
                                       {{5}, {}, {-5}, false},
                                       {{}, {1}, {0}, false},
                                       {{2, 3}, {0}, {}, false}}) {
    const Input at = index(c.index, c.values);
    const std::string label = to_string(c.self) + " by " + to_string(c.index);
    take_op.variants.push_back(
        {label,
         {value(c.self), at},
         call([](const Tensors& t) { return take(t[0], t[1]); }),
         ref([](const Arrays& a) {
           return map(a[1], [&](double i) { return a[0].data[static_cast<size_t>(wrapped(i, a[0].numel()))]; });
         }),
         call([](const Tensors& t) { return t[0].take(t[1]); })});
    for (const bool accumulate : {false, true}) {
      Variant v{label,
                {value(c.self), at, value(c.index)},
                call([=](const Tensors& t) { return put(t[0], t[1], t[2], accumulate); }),
                ref([=](const Arrays& a) {
                  HostArray out = a[0];
                  for (size_t i = 0; i < a[1].data.size(); ++i) {
                    double& to = out.data[static_cast<size_t>(wrapped(a[1].data[i], out.numel()))];
                    to = (accumulate ? to : 0) + a[2].data[i];
                  }
                  return out;
                }),
                call([=](const Tensors& t) { return t[0].put(t[1], t[2], accumulate); }),
                [=](const Tensors& t) { t[0].put_(t[1], t[2], accumulate); }};
      v.gradient = accumulate;
      (accumulate ? add_op : put_op).variants.push_back(v);
      if (!accumulate && !c.repeated) {
        v.gradient = true;
        v.layouts = false;
        v.label += ", distinct";
        put_op.variants.push_back(v);
      }
    }
  }
  table.push_back(take_op);
  table.push_back(put_op);
  table.push_back(add_op);
}

}  // namespace

void add_indexing_ops(std::vector<Op>& table) {
  add_index(table, {{{4, 3}, {0}, {index({3}, {2, 0, -1})}},
                    {{4, 3}, {1}, {index({2, 2}, {2, 0, -1, 2})}},
                    {{2, 3, 4}, {0, 1}, {index({3}, {1, 0, 1}), index({3}, {2, 0, 2})}},
                    {{2, 3, 4}, {1, 2}, {index({2, 1}, {1, -1}), index({3}, {2, 0, 2})}},
                    {{2, 3, 4}, {0, 2}, {index({2, 2}, {1, 0, 1, 1}), index({}, {-2})}},
                    {{2, 3, 4}, {0, 1, 2}, {index({2}, {1, 0}), index({1}, {2}), index({2}, {3, 3})}},
                    {{4, 3}, {0}, {index({0}, {})}},
                    {{0, 3}, {1}, {index({2}, {1, 1})}}});
  add_masked(table);
  add_take(table);
}

}  // namespace ember::test
